//! A statement as BAI2 (Cash Management Balance Reporting Specifications, version 2). Amounts have
//! no decimal point, control totals add up all amounts of their part, summaries included.

use super::super::{FilePlace, RenderedFile, compact, short};
use super::{AccountEntry, AccountStatement, EntryPurpose};
use crate::counterparty::fields::LineWriter;

const BANK: &str = "TRIALBANK";
const RECEIVER: &str = "DOORSTEP";
/// The longest record; what is longer is continued in a record 88.
const RECORD_CHARACTERS_MAX: usize = 80;

pub(super) fn render(statement: &AccountStatement) -> RenderedFile {
    let AccountStatement { account, booked_on, currency, .. } = statement;
    let (date, code) = (short(*booked_on), currency.code());
    let made = statement.made_at.local(0);
    let made = format!("{:02}{:02}", made.hour(), made.minute());
    let number = statement.number;
    let mut out = LineWriter::new("\n");
    out.line(&format!("01,{BANK},{RECEIVER},{date},{made},{number},{RECORD_CHARACTERS_MAX},,2/"));
    out.line(&format!("02,{RECEIVER},{BANK},1,{date},2359,{code},2/"));

    let [(credits, credited), (debits, debited)] = statement.sums();
    let (opening, closing) = (statement.opening, statement.closing());
    out.line(&format!("03,{account},{code},010,{opening},,,015,{closing},,/"));
    out.line(&format!("88,100,{credited},{credits},,400,{debited},{debits},/"));
    let (mut records, mut total) = (2_u64, opening + closing);
    for sum in [credited, debited] {
        total += i128::try_from(sum).unwrap_or(i128::MAX);
    }
    let mut places = Vec::with_capacity(statement.entries.len());
    for (index, entry) in statement.entries.iter().enumerate() {
        let entry = &entry.item;
        let amount = entry.amount.unsigned_abs();
        let (bank, ours) = (&entry.bank_reference, &entry.our_reference);
        let head = format!("16,{},{amount},Z,{bank},{ours},", type_code(entry));
        let text = text(entry);
        let line = if head.len() + text.len() < RECORD_CHARACTERS_MAX {
            out.line(&format!("{head}{text}/"))
        } else {
            records += 1;
            let line = out.line(&format!("{head}/"));
            out.line(&format!("88,{text}/"));
            line
        };
        places.push(FilePlace { index, item: index as u64 + 1, line });
        records += 1;
        total += i128::try_from(amount).unwrap_or(i128::MAX);
    }
    // Each trailer counts itself.
    out.line(&format!("49,{total},{}/", records + 1));
    out.line(&format!("98,{total},1,{}/", records + 3));
    out.line(&format!("99,{total},1,{}/", records + 5));
    let path = format!("{account}-{}.bai", compact(*booked_on));
    RenderedFile { path, bytes: out.into_bytes(), places }
}

const fn type_code(entry: &AccountEntry) -> u16 {
    match (entry.purpose, entry.amount < 0) {
        // Received through a clearing house.
        (EntryPurpose::Clearing(_), false) => 142,
        (EntryPurpose::Clearing(_), true) => 451,
        // A commercial deposit.
        (EntryPurpose::Deposit(_), false) => 301,
        // An item that came back.
        (EntryPurpose::PayoutReturned(_), false) => 257,
        // Transfers in and out.
        (_, false) => 195,
        (_, true) => 495,
    }
}

fn text(entry: &AccountEntry) -> String {
    let text = format!("{} {}", entry.text(), entry.party);
    text.trim_end().replace([',', '/'], " ")
}
