//! A statement as MT940 (SWIFT user handbook, category 9).

use super::super::fields::decimal;
use super::super::{FilePlace, RenderedFile, compact, short};
use super::{AccountEntry, AccountStatement, EntryPurpose};
use crate::counterparty::fields::LineWriter;

/// The longest reference of field 61.
const REFERENCE_CHARACTERS_MAX: usize = 16;
/// Field 86 has six lines of this length.
const LINE_CHARACTERS: usize = 65;
const INFORMATION_CHARACTERS_MAX: usize = 6 * LINE_CHARACTERS;

pub(super) fn render(statement: &AccountStatement) -> RenderedFile {
    let AccountStatement { account, number, booked_on, .. } = statement;
    let date = short(*booked_on);
    let mut out = LineWriter::new("\r\n");
    out.line(&format!(":20:{date}-{number:05}"));
    out.line(&format!(":25:{account}"));
    out.line(&format!(":28C:{number}/1"));
    out.line(&format!(":60F:{}", balance(statement, statement.opening)));
    let mut places = Vec::with_capacity(statement.entries.len());
    for (index, entry) in statement.entries.iter().enumerate() {
        let entry = &entry.item;
        let sign = if entry.amount < 0 { 'D' } else { 'C' };
        let amount = amount(entry.amount.abs(), statement);
        let ours = Some(&*entry.our_reference)
            .filter(|ours| !ours.is_empty() && ours.len() <= REFERENCE_CHARACTERS_MAX);
        let (kind, ours) = (kind(entry), ours.unwrap_or("NONREF"));
        let entry_date = &date[2..];
        let line = out.line(&format!(
            ":61:{date}{entry_date}{sign}{amount}N{kind}{ours}//{}",
            entry.bank_reference
        ));
        places.push(FilePlace { index, item: index as u64 + 1, line });
        let information = information(entry);
        for (at, part) in information.as_bytes().chunks(LINE_CHARACTERS).enumerate() {
            let tag = if at == 0 { &b":86:"[..] } else { b"" };
            out.line_of(&[tag, part].concat());
        }
    }
    let closing = balance(statement, statement.closing());
    out.line(&format!(":62F:{closing}"));
    out.line(&format!(":64:{closing}"));
    out.line("-");
    let path = format!("{account}-{}.sta", compact(*booked_on));
    RenderedFile { path, bytes: out.into_bytes(), places }
}

/// `C131112CNY1234,50`.
fn balance(statement: &AccountStatement, minor: i128) -> String {
    let sign = if minor < 0 { 'D' } else { 'C' };
    let (date, currency) = (short(statement.booked_on), statement.currency.code());
    format!("{sign}{date}{currency}{}", amount(minor.abs(), statement))
}

/// An amount has a comma always.
fn amount(minor: i128, statement: &AccountStatement) -> String {
    let text = decimal(minor, statement.currency);
    if text.contains('.') { text.replace('.', ",") } else { format!("{text},") }
}

const fn kind(entry: &AccountEntry) -> &'static str {
    match entry.purpose {
        EntryPurpose::PayoutReturned(_) => "RTI",
        EntryPurpose::Deposit(_) => "MSC",
        _ => "TRF",
    }
}

/// Field 86: the whole reference, which often is too long for field 61, then the other side and a
/// text. ASCII, without a line that begins like a field.
fn information(entry: &AccountEntry) -> String {
    let mut text = String::new();
    for (word, value) in [
        ("/EREF/", entry.our_reference.as_str()),
        ("/NAME/", entry.party.as_str()),
        ("/REMI/", entry.text().as_str()),
    ] {
        if !value.is_empty() {
            text.push_str(word);
            text.push_str(value);
        }
    }
    text.retain(|character| character.is_ascii() && character != ':');
    text.truncate(INFORMATION_CHARACTERS_MAX);
    text
}
