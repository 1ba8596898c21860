//! Bank statements as SWIFT MT940: several in one file, each with its balances.

use std::io::BufRead;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::decimal::DecimalStyle;
use money::{Currency, SignedAmount};

use super::parts::{FilePart, PrivateText, ReferenceKind, StatedReference};
use super::parts::{StatementEntry, StatementHead, StatementKind};
use super::scan::{STATEMENTS_MAX, Scan};
use super::source::{RawLines, decoded};
use super::{FileFault, RefusedFile, values};
use crate::date::near_date;

/// Bytes of a field with the lines that continue it.
const FIELD_BYTES_MAX: usize = 64 << 10;
const COMMA: DecimalStyle = DecimalStyle { point: ',', group: None };

/// Reads a file.
pub(super) fn scan(
    input: impl BufRead,
    encoding: &'static Encoding,
    scan: &mut Scan<'_>,
) -> Result<Option<Vec<StatementHead>>, RefusedFile> {
    let mut lines = RawLines::new(input);
    let mut reader = Mt940Reader::default();
    let mut field: Option<TaggedField> = None;
    let mut decoding = encoding;
    while let Some((number, bytes)) = lines.next().map_err(|error| scan.refusal(error))? {
        // Banks write ISO 8859-1 too. What is read is ASCII, the rest is text.
        if decoding == encoding_rs::UTF_8 && str::from_utf8(bytes).is_err() {
            decoding = encoding_rs::WINDOWS_1252;
        }
        let text = decoded(bytes, decoding, number).map_err(|error| scan.refusal(error))?;
        let text = text.trim_matches(|c: char| c.is_control()).trim_end();
        // Blocks around a message, and its end.
        if text.starts_with('{') || text == "-" || text.starts_with("-}") {
            take_field(&mut reader, field.take(), scan);
            continue;
        }
        match TaggedField::of(text, number) {
            Some(next) => take_field(&mut reader, field.replace(next), scan),
            None => match &mut field {
                _ if text.is_empty() => {}
                None => scan.add(number, "20", FileFault::Misplaced),
                Some(field) if field.text.len() + text.len() > FIELD_BYTES_MAX => {
                    scan.faults.add(number, Some(field.tag), FileFault::TooLong(FIELD_BYTES_MAX));
                    return Ok(None);
                }
                Some(field) => {
                    field.text.push('\n');
                    field.text.push_str(text);
                }
            },
        }
    }
    if lines.number == 0 {
        return Err(scan.empty());
    }
    take_field(&mut reader, field, scan);
    reader.end_statement(lines.number, scan);
    scan.check_count(lines.number);
    if reader.heads.is_empty() && scan.faults.is_empty() {
        scan.add(lines.number, "20", FileFault::MissingRecord);
    }
    Ok(Some(reader.heads))
}

fn take_field(reader: &mut Mt940Reader, field: Option<TaggedField>, scan: &mut Scan<'_>) {
    if let Some(field) = field {
        reader.take(&field, scan);
    }
}

/// A field such as `:61:`, with the lines that continue it.
struct TaggedField {
    tag: &'static str,
    line: u32,
    text: String,
}

/// The tags that are read.
const TAGS: [&str; 12] =
    ["20", "25", "25P", "28", "28C", "60F", "60M", "61", "86", "62F", "62M", "34F"];
/// Any other tag. What follows it is not read.
const OTHER: &str = "";

impl TaggedField {
    fn of(text: &str, line: u32) -> Option<TaggedField> {
        let (tag, rest) = text.strip_prefix(':')?.split_once(':')?;
        let digits = tag.get(..2)?.bytes().all(|byte| byte.is_ascii_digit());
        let letter = tag[2..].bytes().all(|byte| byte.is_ascii_uppercase()) && tag.len() <= 3;
        if !digits || !letter {
            return None;
        }
        let known = TAGS.into_iter().find(|known| *known == tag);
        Some(TaggedField { tag: known.unwrap_or(OTHER), line, text: rest.to_owned() })
    }
}

#[derive(Default)]
struct Mt940Reader {
    heads: Vec<StatementHead>,
    statement: Option<OpenStatement>,
}

#[derive(Default)]
struct OpenStatement {
    reference: String,
    account: Option<String>,
    number: Option<u32>,
    page: Option<u32>,
    opening: Option<StatedBalance>,
    closing: Option<StatedBalance>,
    closing_line: u32,
    last_page: bool,
    entry: Option<StatementEntry>,
    entries: u64,
    moved: i128,
}

#[derive(Clone, Copy)]
struct StatedBalance {
    date: Date,
    currency: Currency,
    amount: SignedAmount,
}

impl Mt940Reader {
    fn take(&mut self, field: &TaggedField, scan: &mut Scan<'_>) {
        let (line, tag) = (field.line, field.tag);
        let text = field.text.trim();
        if tag == "20" {
            self.end_statement(line, scan);
            if self.heads.len() == STATEMENTS_MAX {
                scan.add(line, tag, FileFault::TooMany(STATEMENTS_MAX));
            }
            let reference = text.to_owned();
            self.statement = Some(OpenStatement { reference, ..OpenStatement::default() });
            return;
        }
        let place = self.heads.len();
        let Some(open) = &mut self.statement else {
            return scan.add(line, tag, FileFault::Misplaced);
        };
        match tag {
            "25" | "25P" if open.account.is_some() => {
                scan.add(line, tag, FileFault::Misplaced);
            }
            "25" | "25P" => open.account = text.lines().next().map(str::to_owned),
            "28" | "28C" => {
                let (number, page) = text.split_once('/').unwrap_or((text, ""));
                open.number = scan.faults.keep(line, tag, number_of(number));
                open.page = page.parse().ok();
            }
            "34F" if open.opening.is_none() => {
                scan.add(line, tag, FileFault::NoBookedEntries);
            }
            "60F" | "60M" => open.opening = balance(text, line, tag, scan),
            "62F" | "62M" => {
                open.end_entry(scan);
                (open.last_page, open.closing_line) = (tag == "62F", line);
                open.closing = balance(text, line, tag, scan);
            }
            "61" => {
                open.end_entry(scan);
                if open.closing.is_some() {
                    return scan.add(line, tag, FileFault::AfterEnd);
                }
                // Without an opening balance the fault is named at the end.
                let Some(opening) = open.opening else { return };
                let entry = Entry61::parse(text, opening.currency);
                if let Some(entry) = scan.faults.keep(line, tag, entry) {
                    open.entry = Some(entry.part(place, line));
                }
            }
            "86" => {
                if let Some(entry) = &mut open.entry {
                    add_details(entry, text);
                }
            }
            _ => {}
        }
    }

    fn end_statement(&mut self, line: u32, scan: &mut Scan<'_>) {
        let Some(mut open) = self.statement.take() else { return };
        open.end_entry(scan);
        let mut need = |known: bool, tag: &str| {
            if !known && scan.faults.is_empty() {
                scan.add(line, tag, FileFault::MissingRecord);
            }
        };
        need(open.account.is_some(), "25");
        need(open.opening.is_some(), "60F");
        need(open.closing.is_some(), "62F");
        let (Some(opening), Some(closing)) = (open.opening, open.closing) else { return };
        if opening.currency != closing.currency {
            let (found, wanted) = (closing.currency, opening.currency);
            return scan.add(line, "62F", FileFault::OtherCurrency { found, wanted });
        }
        let head = StatementHead {
            kind: StatementKind::Statement,
            id: Some(open.reference).filter(|reference| !reference.is_empty()),
            number: open.number,
            page: open.page,
            last_page: Some(open.last_page),
            account: open.account,
            currency: opening.currency,
            opened_on: Some(opening.date),
            opening: Some(opening.amount),
            closed_on: Some(closing.date),
            closing: Some(closing.amount),
            entries: open.entries,
            moved: open.moved,
            pending: 0,
            correction: false,
        };
        scan.check_statement(open.closing_line, ["25", "62F"], &head);
        self.heads.push(head);
    }
}

impl OpenStatement {
    fn end_entry(&mut self, scan: &mut Scan<'_>) {
        if let Some(entry) = self.entry.take() {
            self.entries += 1;
            self.moved += i128::from(entry.amount.minor());
            scan.emit(FilePart::Entry(entry));
        }
    }
}

fn number_of(text: &str) -> Result<u32, FileFault> {
    text.trim().parse().map_err(|_| FileFault::NotANumber)
}

/// `C140829EUR147,64`.
fn balance(text: &str, line: u32, tag: &str, scan: &mut Scan<'_>) -> Option<StatedBalance> {
    let read = || {
        let (sign, rest) = text.split_at_checked(1)?;
        let (day, rest) = rest.split_at_checked(6)?;
        let (code, amount) = rest.split_at_checked(3)?;
        let debit = match sign {
            "C" => false,
            "D" => true,
            _ => return None,
        };
        Some((debit, short_date(day)?, code, amount))
    };
    let read = read().ok_or(FileFault::NotOfFormat);
    let (debit, date, code, amount) = scan.faults.keep(line, tag, read)?;
    let currency = scan.faults.keep(line, tag, super::currency(code))?;
    let amount = comma_amount(amount, currency, debit).ok_or(FileFault::NotOfFormat);
    let amount = scan.faults.keep(line, tag, amount)?;
    Some(StatedBalance { date, currency, amount })
}

/// `YYMMDD`. A year from 80 on is of the last century.
pub(super) fn short_date(text: &str) -> Option<Date> {
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| text.get(at..at + 2)?.parse::<i16>().ok();
    let (year, month, day) = (two(0)?, two(2)?, two(4)?);
    let century = if year < 80 { 2000 } else { 1900 };
    Date::new(century + year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `1234,5`, `1234,`: the comma must stand, decimals may be missing.
fn comma_amount(text: &str, currency: Currency, debit: bool) -> Option<SignedAmount> {
    let text = text.trim();
    if text.matches(',').count() != 1 {
        return None;
    }
    let text = text.strip_suffix(',').unwrap_or(text);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let amount = values::fine(text, COMMA).filter(|_| plain)?.exact_minor(currency)?;
    SignedAmount::new(if debit { -amount.minor() } else { amount.minor() })
}

/// The field `:61:`.
struct Entry61 {
    value_date: Date,
    booked_on: Option<Date>,
    amount: SignedAmount,
    reversal: bool,
    references: Vec<StatedReference>,
    text: Option<PrivateText>,
}

impl Entry61 {
    fn parse(text: &str, currency: Currency) -> Result<Entry61, FileFault> {
        Entry61::read(text, currency).ok_or(FileFault::NotOfFormat)
    }

    fn read(text: &str, currency: Currency) -> Option<Entry61> {
        let (day, rest) = text.split_at_checked(6)?;
        let value_date = short_date(day)?;
        // The day of the entry is optional; some banks write spaces.
        let (entry_day, rest) = match rest.split_at_checked(4) {
            Some((day, rest)) if day.bytes().all(|byte| byte.is_ascii_digit()) => (day, rest),
            Some((blank, rest)) if blank.trim().is_empty() => ("", rest),
            _ => ("", rest),
        };
        let booked_on = match entry_day {
            "" => None,
            day => Some(entry_date(day, value_date)?),
        };
        let (reversal, rest) = match rest.strip_prefix('R') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // A reversed credit is a debit.
        let (debit, rest) = match (rest.strip_prefix('C'), rest.strip_prefix('D')) {
            (Some(rest), _) => (reversal, rest),
            (_, Some(rest)) => (!reversal, rest),
            (None, None) => return None,
        };
        let rest = rest.trim_start_matches(['\n', ' ']);
        // The third letter of the currency may stand here.
        let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest).trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(rest.len());
        let (amount, rest) = rest.split_at(end);
        let amount = comma_amount(amount, currency, debit).filter(|one| one.minor() != 0)?;
        // The kind of transaction: a letter and three characters.
        if !rest.starts_with(|c: char| c.is_ascii_uppercase()) {
            return None;
        }
        let rest = rest.split_at_checked(4).map_or("", |(_, rest)| rest);
        let (first, further) = rest.split_once('\n').unwrap_or((rest, ""));
        let (ours, banks) = first.split_once("//").unwrap_or((first, ""));
        let mut references = Vec::new();
        for (kind, text) in [(ReferenceKind::Customer, ours), (ReferenceKind::Bank, banks)] {
            let text = text.trim();
            if !text.is_empty() && text != "NONREF" {
                references.push(StatedReference { kind, text: text.to_owned() });
            }
        }
        let further = further.trim();
        let text = (!further.is_empty()).then(|| PrivateText::new(further.to_owned()));
        Some(Entry61 { value_date, booked_on, amount, reversal, references, text })
    }

    fn part(self, statement: usize, line: u32) -> StatementEntry {
        StatementEntry {
            statement,
            line,
            value_date: Some(self.value_date),
            booked_on: self.booked_on,
            amount: self.amount,
            reversal: self.reversal,
            references: self.references,
            batch: None,
            details: Vec::new(),
            texts: self.text.into_iter().collect(),
        }
    }
}

/// `MMDD`, in the year that is nearest to the value date.
fn entry_date(text: &str, value_date: Date) -> Option<Date> {
    let two = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    let half = jiff::ToSpan::days(180);
    let latest = value_date.checked_add(half).ok()?;
    near_date(two(0)?, two(2)?, latest)
}

/// Keywords of SEPA in a field `:86:`, and what follows them.
const KEYWORDS: [(&str, Option<ReferenceKind>); 13] = [
    ("EREF+", Some(ReferenceKind::EndToEnd)),
    ("KREF+", Some(ReferenceKind::Customer)),
    ("MREF+", None),
    ("CRED+", None),
    ("DEBT+", None),
    ("SVWZ+", None),
    ("ABWA+", None),
    ("ABWE+", None),
    ("COAM+", None),
    ("OAMT+", None),
    ("IBAN+", None),
    ("BIC+", None),
    ("MTLG:", None),
];

/// Finds references in a field `:86:`, and keeps the rest as text.
fn add_details(entry: &mut StatementEntry, text: &str) {
    let joined = text.replace('\n', "");
    for reference in slash_references(&joined) {
        entry.references.push(reference);
    }
    let purpose = purpose(&joined);
    let mut rest = purpose.as_str();
    while let Some((at, keyword, kind)) = next_keyword(rest) {
        let value = &rest[at + keyword.len()..];
        let end = next_keyword(value).map_or(value.len(), |(end, ..)| end);
        let found = value[..end].trim();
        if let Some(kind) = kind
            && !found.is_empty()
            && found != "NOTPROVIDED"
        {
            entry.references.push(StatedReference { kind, text: found.to_owned() });
        }
        rest = &value[end..];
    }
    if !text.trim().is_empty() {
        entry.texts.push(PrivateText::new(text.to_owned()));
    }
}

fn next_keyword(text: &str) -> Option<(usize, &'static str, Option<ReferenceKind>)> {
    let found = KEYWORDS.iter().filter_map(|(word, kind)| Some((text.find(word)?, *word, *kind)));
    found.min_by_key(|(at, ..)| *at)
}

/// The purpose of the subfields `?20` to `?29` and `?60` to `?63`, or the whole text without any.
fn purpose(text: &str) -> String {
    if !text.contains("?20") {
        return text.to_owned();
    }
    let mut purpose = String::new();
    for part in text.split('?').skip(1) {
        let Some((code, value)) = part.split_at_checked(2) else { continue };
        if matches!(code.parse::<u8>(), Ok(20..=29 | 60..=63)) {
            purpose.push_str(value);
        }
    }
    purpose
}

/// `/EREF/…/` and `/PREF/…/` of structured text.
fn slash_references(text: &str) -> Vec<StatedReference> {
    let words =
        [("/EREF/", ReferenceKind::EndToEnd), ("/PREF/", ReferenceKind::PaymentInformation)];
    let found = words.into_iter().filter_map(|(word, kind)| {
        let (_, value) = text.split_once(word)?;
        let value = value.split('/').next()?.trim();
        let known = !value.is_empty() && value != "NOTPROVIDED";
        known.then(|| StatedReference { kind, text: value.to_owned() })
    });
    found.collect()
}
