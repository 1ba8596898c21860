//! A statement in our own form: `docs/files/bank-csv.md`.

use super::super::fields::{LineWriter, csv, decimal};
use super::super::{FilePlace, RenderedFile};
use super::AccountStatement;

const COLUMNS: &str = "account,date,type,amount,currency,bank_reference,our_reference,text";

pub(super) fn render(statement: &AccountStatement) -> RenderedFile {
    let AccountStatement { account, booked_on, currency, .. } = statement;
    let code = currency.code();
    let mut out = LineWriter::new("\n");
    out.line(COLUMNS);
    let opening = decimal(statement.opening, *currency);
    out.line(&format!("{account},{booked_on},opening,{opening},{code},,,"));
    let mut places = Vec::with_capacity(statement.entries.len());
    for (index, entry) in statement.entries.iter().enumerate() {
        let entry = &entry.item;
        let amount = decimal(entry.amount, *currency);
        let (bank, ours) = (&entry.bank_reference, csv(&entry.our_reference));
        let text = csv(&entry.text());
        let line =
            out.line(&format!("{account},{booked_on},entry,{amount},{code},{bank},{ours},{text}"));
        places.push(FilePlace { index, item: index as u64 + 1, line });
    }
    let closing = decimal(statement.closing(), *currency);
    out.line(&format!("{account},{booked_on},closing,{closing},{code},,,"));
    RenderedFile { path: format!("{account}-{booked_on}.csv"), bytes: out.into_bytes(), places }
}
