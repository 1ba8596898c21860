//! Our bank statement as CSV. docs/files/bank-csv.md describes it.
//!
//! The column `text` is never read: it can name buyers.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::Arc;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::{Currency, SignedAmount};
use sha2::{Digest, Sha256};

use super::parts::{FilePart, ReferenceKind, StatedReference};
use super::parts::{StatementEntry, StatementHead, StatementKind};
use super::scan::Scan;
use super::{Faults, FileFault, ITEMS_AT_ONCE_MAX, LineDigest, RefusedFile};
use super::{amount, currency, date, encoding, next};
use crate::records::{Record, RecordReader};
use crate::reference::REFERENCE_BYTES_MAX;

/// Entries of a statement. Their references are compared, so they are kept as digests.
pub const ENTRIES_MAX: usize = 4_000_000;

/// The columns of the header, in any order. Others are not read.
const COLUMNS: [&str; 7] =
    ["account", "date", "type", "amount", "currency", "bank_reference", "our_reference"];
const ACCOUNT: usize = 0;
const DATE: usize = 1;
const TYPE: usize = 2;
const AMOUNT: usize = 3;
const CURRENCY: usize = 4;
const BANK_REFERENCE: usize = 5;
const OUR_REFERENCE: usize = 6;

/// A statement. All of it was checked, and its balances add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankStatement {
    /// The operator's name for the account.
    pub account: String,
    pub currency: Currency,
    pub opened_on: Date,
    pub opening: SignedAmount,
    pub closed_on: Date,
    pub closing: SignedAmount,
    pub entries: Vec<BankEntry>,
    /// SHA-256 of what was read, in hexadecimal digits.
    pub digest: String,
}

/// An entry of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankEntry {
    /// The physical line in the file, from 1.
    pub line: u32,
    pub date: Date,
    /// A credit is above zero, a debit below.
    pub amount: SignedAmount,
    pub reference: EntryReference,
}

/// Our reference of an entry. Text is not kept: it can name a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryReference {
    None,
    /// The id of a deposit or payout.
    Id(u64),
    Text,
}

impl EntryReference {
    fn of(text: &str) -> EntryReference {
        let number: Option<u64> = text.parse().ok();
        match number.filter(|number| number.to_string() == text) {
            Some(number) => EntryReference::Id(number),
            None if text.is_empty() => EntryReference::None,
            None => EntryReference::Text,
        }
    }
}

/// The place of each column.
type ColumnPlaces = [usize; 7];

/// What the lines so far have in common.
#[derive(Default)]
struct CommonFields {
    account: Option<String>,
    currency: Option<Currency>,
    date: Option<Date>,
}

/// A line's own fields.
struct StatementLine {
    date: Date,
    amount: SignedAmount,
}

/// Reads a statement into memory, in an encoding, UTF-8 if none is given.
///
/// # Errors
/// All that is wrong with it.
pub fn read(
    input: impl BufRead,
    file: &str,
    encoding_label: Option<&str>,
) -> Result<BankStatement, RefusedFile> {
    let file: Arc<str> = file.into();
    let (mut faults, mut entries) = (Faults::default(), Vec::new());
    let mut too_many = None;
    let mut keep = |entry: BankEntry| match entries.len() < ITEMS_AT_ONCE_MAX {
        true => entries.push(entry),
        false => too_many = too_many.or(Some(entry.line)),
    };
    let encoding = encoding(encoding_label)?;
    let read = read_entries(input, &file, encoding, &mut faults, &mut |entry, _| keep(entry))?;
    if let Some(line) = too_many {
        faults.add(line, None, FileFault::TooMany(ITEMS_AT_ONCE_MAX));
    }
    match read {
        Some(frame) if faults.is_empty() => Ok(BankStatement {
            account: frame.account,
            currency: frame.currency,
            opened_on: frame.opening.date,
            opening: frame.opening.amount,
            closed_on: frame.closing.date,
            closing: frame.closing.amount,
            entries,
            digest: frame.digest,
        }),
        _ => Err(faults.refuse(&file)),
    }
}

/// Streams the entries of a statement. Returns its head and the digest of what was read.
pub(super) fn scan(
    input: impl BufRead,
    encoding: &'static Encoding,
    scan: &mut Scan<'_>,
) -> Result<Option<(StatementHead, String)>, RefusedFile> {
    let (mut faults, file) = (Faults::default(), scan.file.clone());
    let emit = &mut |entry: BankEntry, references: [&str; 2]| {
        let kinds = [ReferenceKind::Bank, ReferenceKind::EndToEnd].into_iter();
        let references = kinds.zip(references).filter(|(_, text)| !text.is_empty());
        let references =
            references.map(|(kind, text)| StatedReference { kind, text: text.to_owned() });
        scan.emit(FilePart::Entry(StatementEntry {
            statement: 0,
            line: entry.line,
            value_date: Some(entry.date),
            booked_on: Some(entry.date),
            amount: entry.amount,
            reversal: false,
            references: references.collect(),
            batch: None,
            details: Vec::new(),
            texts: Vec::new(),
        }));
    };
    let frame = read_entries(input, &file, encoding, &mut faults, emit)?;
    scan.faults = faults;
    let Some(frame) = frame else { return Ok(None) };
    scan.check_date(frame.last, "date", frame.closing.date);
    scan.check_account(frame.last, "account", &frame.account);
    scan.check_currency(frame.last, "currency", frame.currency);
    let head = StatementHead {
        kind: StatementKind::Statement,
        id: None,
        number: None,
        page: None,
        last_page: None,
        account: Some(frame.account),
        currency: frame.currency,
        opened_on: Some(frame.opening.date),
        opening: Some(frame.opening.amount),
        closed_on: Some(frame.closing.date),
        closing: Some(frame.closing.amount),
        entries: frame.entries,
        moved: frame.moved,
        pending: 0,
        correction: false,
    };
    Ok(Some((head, frame.digest)))
}

/// A statement around its entries.
struct StatementFrame {
    account: String,
    currency: Currency,
    opening: StatementLine,
    closing: StatementLine,
    entries: u64,
    moved: i128,
    /// The last line.
    last: u32,
    digest: String,
}

/// Reads a statement, and gives each entry with the bank's reference and ours.
fn read_entries(
    input: impl BufRead,
    file: &Arc<str>,
    encoding: &'static Encoding,
    faults: &mut Faults,
    emit: &mut dyn FnMut(BankEntry, [&str; 2]),
) -> Result<Option<StatementFrame>, RefusedFile> {
    let mut records = RecordReader::new(input, encoding, b',');
    let mut digest = LineDigest::default();
    let Some(header) = next(&mut records, file)? else {
        return Err(RefusedFile::Empty { file: file.clone() });
    };
    let width = header.len();
    let Some(places) = find_columns(header, faults) else { return Ok(None) };
    let mut common = CommonFields::default();
    let (mut opening, mut closing, mut entries, mut moved) = (None, None, 0, 0);
    let (mut references, mut last) = (HashSet::new(), 1);
    while let Some(record) = next(&mut records, file)? {
        let line = record.line;
        let is_first = last == 1;
        last = line;
        if closing.is_some() {
            faults.add(line, None, FileFault::AfterEnd);
            continue;
        }
        if record.misquoted {
            faults.add(line, None, FileFault::Misquoted);
            continue;
        }
        if record.len() != width {
            let fault = FileFault::FieldCount { expected: width, found: record.len() };
            faults.add(line, None, fault);
            continue;
        }
        digest.add(content(record, &places).as_bytes());
        let kind = record.get(places[TYPE]);
        let fields = read_line(record, &places, &mut common, faults);
        match kind {
            "opening" if is_first => opening = fields,
            "entry" if !is_first => {
                let reference = record.get(places[BANK_REFERENCE]);
                check_reference(line, reference, &mut references, faults);
                let Some(StatementLine { date, amount }) = fields else { continue };
                if amount == SignedAmount::ZERO {
                    faults.add(line, Some("amount"), FileFault::Zero);
                }
                if entries == ENTRIES_MAX as u64 {
                    faults.add(line, None, FileFault::TooMany(ENTRIES_MAX));
                    break;
                }
                let ours = record.get(places[OUR_REFERENCE]);
                entries += 1;
                moved += i128::from(amount.minor());
                let entry = BankEntry { line, date, amount, reference: EntryReference::of(ours) };
                emit(entry, [reference, ours]);
            }
            "closing" if !is_first => closing = Some(fields),
            _ => {
                let fault = match is_first {
                    true => FileFault::NotThis("opening"),
                    false => FileFault::NotOneOf("entry, closing"),
                };
                faults.add(line, Some("type"), fault);
            }
        }
    }
    if closing.is_none() {
        faults.add(last, None, FileFault::CutShort);
    }
    let (opening, closing) = (opening, closing.flatten());
    let (Some(opening), Some(closing), Some(account), Some(currency)) =
        (opening, closing, common.account, common.currency)
    else {
        return Ok(None);
    };
    let found = i128::from(opening.amount.minor()) + moved;
    let stated = i128::from(closing.amount.minor());
    if stated != found && faults.is_empty() {
        let fault = FileFault::Total { stated, found, currency: Some(currency) };
        faults.add(last, Some("amount"), fault);
    }
    let digest = digest.finish();
    Ok(Some(StatementFrame { account, currency, opening, closing, entries, moved, last, digest }))
}

/// The columns that are read, as one text.
fn content(record: Record<'_>, places: &ColumnPlaces) -> String {
    places.map(|place| record.get(place)).join("\u{1f}")
}

fn find_columns(header: Record<'_>, faults: &mut Faults) -> Option<ColumnPlaces> {
    let names = header.names();
    let mut places = ColumnPlaces::default();
    for (column, place) in COLUMNS.into_iter().zip(&mut places) {
        let mut found = names.iter().enumerate().filter(|(_, name)| ***name == *column);
        match (found.next(), found.next()) {
            (Some((first, _)), None) => *place = first,
            (None, _) => faults.add(header.line, Some(column), FileFault::NoColumn),
            (Some(_), Some(_)) => faults.add(header.line, Some(column), FileFault::ColumnTwice),
        }
    }
    faults.is_empty().then_some(places)
}

fn read_line(
    record: Record<'_>,
    places: &ColumnPlaces,
    common: &mut CommonFields,
    faults: &mut Faults,
) -> Option<StatementLine> {
    let line = record.line;
    let field = |column: usize| record.get(places[column]);
    let account = field(ACCOUNT);
    if !(1..=REFERENCE_BYTES_MAX).contains(&account.len()) {
        faults.add(line, Some("account"), FileFault::NotText(REFERENCE_BYTES_MAX));
    } else if account != common.account.get_or_insert_with(|| account.to_owned()) {
        faults.add(line, Some("account"), FileFault::NotTheSame);
    }
    let currency = faults.keep(line, "currency", currency(field(CURRENCY)));
    let one = currency.map(|currency| *common.currency.get_or_insert(currency));
    if currency != one {
        faults.add(line, Some("currency"), FileFault::NotTheSame);
    }
    let date = faults.keep(line, "date", date(field(DATE)));
    if let (Some(date), Some(before)) = (date, common.date)
        && date < before
    {
        faults.add(line, Some("date"), FileFault::DateGoesBack);
    }
    common.date = date.or(common.date);
    let amount = faults.keep(line, "amount", amount(field(AMOUNT), currency?));
    Some(StatementLine { date: date?, amount: amount? })
}

fn check_reference(
    line: u32,
    reference: &str,
    references: &mut HashSet<[u8; 12]>,
    faults: &mut Faults,
) {
    if !(1..=REFERENCE_BYTES_MAX).contains(&reference.len()) {
        faults.add(line, Some("bank_reference"), FileFault::NotText(REFERENCE_BYTES_MAX));
    } else if !references.insert(short_digest(reference)) {
        faults.add(line, Some("bank_reference"), FileFault::ReferenceTwice);
    }
}

/// 96 bits: the chance that two of all references of a statement have the same one is 10^-16.
fn short_digest(reference: &str) -> [u8; 12] {
    let digest: [u8; 32] = Sha256::digest(reference).into();
    let (short, _) = digest.split_first_chunk().unwrap_or((&[0; 12], &[]));
    *short
}
