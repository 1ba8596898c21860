//! Bank statements as BAI2: records with totals and counts at each level.

use std::io::BufRead;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::{Currency, SignedAmount};

use super::parts::{FilePart, PrivateText, ReferenceKind, StatedReference};
use super::parts::{StatementEntry, StatementHead, StatementKind};
use super::scan::{STATEMENTS_MAX, Scan};
use super::source::{RawLines, decoded};
use super::{FileFault, RefusedFile};

/// Bytes of a record with those that continue it.
const RECORD_BYTES_MAX: usize = 256 << 10;
const CODES: [&str; 8] = ["01", "02", "03", "16", "49", "88", "98", "99"];
/// Where no record names a currency.
const DEFAULT_CURRENCY: &str = "USD";
/// The opening and closing ledger balances among the amounts of an account.
const OPENING: &str = "010";
const CLOSING: &str = "015";

/// Reads a file.
pub(super) fn scan(
    input: impl BufRead,
    encoding: &'static Encoding,
    scan: &mut Scan<'_>,
) -> Result<Option<Vec<StatementHead>>, RefusedFile> {
    let mut lines = RawLines::new(input);
    let mut reader = Bai2Reader::default();
    let mut record: Option<RawRecord> = None;
    while let Some((number, bytes)) = lines.next().map_err(|error| scan.refusal(error))? {
        let text = decoded(bytes, encoding, number).map_err(|error| scan.refusal(error))?;
        for piece in records_of_line(&text) {
            let code = piece.get(..2).filter(|code| is_record(piece, code));
            match (code, &mut record) {
                (Some("88"), Some(open)) if open.code != "99" => {
                    open.records += 1;
                    open.text.push(if open.ends_in_text() { '\n' } else { ',' });
                    let behind = &piece[2..];
                    open.text.push_str(behind.strip_prefix(',').unwrap_or(behind));
                }
                (Some("88"), _) => scan.add(number, "88", FileFault::Misplaced),
                (Some(code), _) => {
                    let next = RawRecord::new(code, piece.get(3..).unwrap_or_default(), number);
                    if let Some(whole) = record.replace(next) {
                        reader.take(&whole, scan);
                    }
                }
                // Text may run over lines without a record of its own.
                (None, Some(open)) if open.is_entry() => {
                    open.text.push('\n');
                    open.text.push_str(piece);
                }
                (None, _) => scan.faults.add(number, None, FileFault::Misplaced),
            }
            if let Some(open) = &record
                && open.text.len() > RECORD_BYTES_MAX
            {
                scan.faults.add(number, None, FileFault::TooLong(RECORD_BYTES_MAX));
                return Ok(None);
            }
        }
    }
    if lines.number == 0 {
        return Err(scan.empty());
    }
    if let Some(whole) = record {
        reader.take(&whole, scan);
    }
    scan.check_count(lines.number);
    if !reader.ended && scan.faults.is_empty() {
        scan.add(lines.number, "99", FileFault::MissingRecord);
    }
    Ok(Some(reader.heads))
}

fn is_record(piece: &str, code: &str) -> bool {
    CODES.contains(&code) && matches!(piece.as_bytes().get(2), Some(b',' | b'/') | None)
}

/// The records of a line. Some banks write several, each with a `/` behind it.
fn records_of_line(line: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), line.trim_end());
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|tail| tail.find("/ ")).map(|at| at + from) {
        let behind = rest[at + 1..].trim_start();
        let starts = behind.get(..2).is_some_and(|code| is_record(behind, code))
            && behind.as_bytes().get(2) == Some(&b',');
        if starts {
            pieces.push(&rest[..at]);
            (rest, from) = (behind, 0);
        } else {
            from = at + 2;
        }
    }
    let last = rest.trim_end();
    let last = last.strip_suffix('/').unwrap_or(last);
    if !last.trim().is_empty() {
        pieces.push(last);
    }
    pieces
}

/// A record with those that continue it.
struct RawRecord {
    code: String,
    line: u32,
    text: String,
    /// Records with code 88 included.
    records: i128,
}

impl RawRecord {
    fn new(code: &str, text: &str, line: u32) -> RawRecord {
        RawRecord { code: code.to_owned(), line, text: text.to_owned(), records: 1 }
    }

    fn is_entry(&self) -> bool {
        self.code == "16"
    }

    /// The last field is free text, which may run over records.
    fn ends_in_text(&self) -> bool {
        let fields = self.fields();
        let extra = match fields.get(2..) {
            Some([funds, behind @ ..]) => funds_fields(funds, behind).unwrap_or_default(),
            _ => 0,
        };
        self.is_entry() && fields.len() > 3 + extra + 2
    }

    fn fields(&self) -> Vec<&str> {
        self.text.split(',').map(str::trim).collect()
    }
}

#[derive(Default)]
struct Bai2Reader {
    heads: Vec<StatementHead>,
    begun: bool,
    ended: bool,
    group: Option<OpenGroup>,
    account: Option<OpenAccount>,
    /// Sum of the totals, groups and records of the file.
    total: i128,
    groups: i128,
    records: i128,
}

#[derive(Default)]
struct OpenGroup {
    date: Option<Date>,
    currency: Option<Currency>,
    correction: bool,
    total: i128,
    accounts: i128,
    records: i128,
}

struct OpenAccount {
    line: u32,
    account: String,
    currency: Currency,
    opening: Option<SignedAmount>,
    closing: Option<SignedAmount>,
    total: i128,
    records: i128,
    entries: u64,
    moved: i128,
}

impl Bai2Reader {
    fn take(&mut self, record: &RawRecord, scan: &mut Scan<'_>) {
        let (line, fields) = (record.line, record.fields());
        let code = record.code.as_str();
        self.records += record.records;
        if let Some(group) = &mut self.group {
            group.records += record.records;
        }
        if let Some(account) = &mut self.account {
            account.records += record.records;
        }
        let fits = match code {
            "01" => !self.begun,
            "02" => self.begun && !self.ended && self.group.is_none(),
            "03" => self.group.is_some() && self.account.is_none(),
            "16" | "49" => self.account.is_some(),
            "98" => self.group.is_some() && self.account.is_none(),
            _ => self.begun && self.group.is_none() && !self.ended,
        };
        if !fits {
            return scan.add(line, code, FileFault::Misplaced);
        }
        match code {
            "01" => {
                self.begun = true;
                if fields.get(7).is_some_and(|version| *version != "2") {
                    scan.add(line, code, FileFault::Version("2"));
                }
            }
            "02" => self.open_group(record, &fields, scan),
            "03" => self.open_account(record, &fields, scan),
            "16" => self.take_entry(record, scan),
            "49" => self.close_account(line, &fields, scan),
            "98" => self.close_group(line, &fields, scan),
            _ => {
                let found = [self.total, self.groups, self.records];
                check_totals(line, "99", &fields, found, None, scan);
                self.ended = true;
            }
        }
    }

    fn open_group(&mut self, record: &RawRecord, fields: &[&str], scan: &mut Scan<'_>) {
        let line = record.line;
        let field = |place: usize| fields.get(place).copied().unwrap_or_default();
        // 1 is an update, 3 a correction.
        if !matches!(field(2), "1" | "3") {
            scan.add(line, "02", FileFault::NotBooked);
        }
        let date = date(field(3)).ok_or(FileFault::NotOfFormat);
        let currency = match field(5) {
            "" => None,
            code => scan.faults.keep(line, "02", super::currency(code)),
        };
        self.group = Some(OpenGroup {
            date: scan.faults.keep(line, "02", date),
            currency,
            correction: field(2) == "3",
            records: record.records,
            ..OpenGroup::default()
        });
    }

    fn open_account(&mut self, record: &RawRecord, fields: &[&str], scan: &mut Scan<'_>) {
        let line = record.line;
        let Some(group) = &self.group else { return };
        let field = |place: usize| fields.get(place).copied().unwrap_or_default();
        let own = match field(1) {
            "" => None,
            code => scan.faults.keep(line, "03", super::currency(code)),
        };
        let named = own.or(group.currency).or(scan.options.currency_given);
        let Some(currency) = named.or_else(|| DEFAULT_CURRENCY.parse().ok()) else { return };
        let mut account = OpenAccount {
            line,
            account: field(0).to_owned(),
            currency,
            opening: None,
            closing: None,
            total: 0,
            records: record.records,
            entries: 0,
            moved: 0,
        };
        if account.account.is_empty() {
            scan.add(line, "03", FileFault::Missing);
        }
        let mut rest = fields.get(2..).unwrap_or_default();
        while let Some((code, behind)) = rest.split_first() {
            rest = behind;
            let [amount, _items, behind @ ..] = rest else {
                if let [amount] = rest {
                    account.take_amount(code, amount, line, scan);
                }
                break;
            };
            account.take_amount(code, amount, line, scan);
            rest = behind;
            match rest.split_first() {
                Some((funds, behind)) => match funds_fields(funds, behind) {
                    Some(count) => rest = behind.get(count..).unwrap_or_default(),
                    None => return scan.add(line, "03", FileFault::NotOfFormat),
                },
                None => break,
            }
        }
        self.account = Some(account);
    }

    fn take_entry(&mut self, record: &RawRecord, scan: &mut Scan<'_>) {
        let line = record.line;
        let (Some(group), Some(account)) = (&self.group, &mut self.account) else { return };
        let mut fields = record.text.split(',');
        let mut field = || fields.next().unwrap_or_default().trim().to_owned();
        let (code, amount, funds) = (field(), field(), field());
        let mut value_date = group.date;
        match funds.as_str() {
            "V" => {
                value_date = date(&field()).or(value_date);
                field();
            }
            "S" => {
                field();
                field();
                field();
            }
            "D" => {
                let count: usize = field().parse().unwrap_or(usize::MAX);
                if count > 365 {
                    return scan.add(line, "16", FileFault::NotOfFormat);
                }
                for _ in 0..count * 2 {
                    field();
                }
            }
            "" | "Z" | "0" | "1" | "2" => {}
            _ => return scan.add(line, "16", FileFault::NotOfFormat),
        }
        let (banks, ours) = (field(), field());
        let text = fields.collect::<Vec<_>>().join(",");
        let number: Option<u16> = code.parse().ok().filter(|_| code.len() == 3);
        let debit = match number {
            Some(100..=399 | 920..=959) => false,
            Some(400..=699 | 960..=999) => true,
            // Not of money, or of a loan.
            Some(700..=919) => return,
            _ => return scan.add(line, "16", FileFault::NotOfFormat),
        };
        let minor = minor(&amount).filter(|minor| *minor != 0);
        let Some(minor) = scan.faults.keep(line, "16", minor.ok_or(FileFault::NotOfFormat)) else {
            return;
        };
        account.total += i128::from(minor);
        let signed = SignedAmount::new(if debit { -minor } else { minor });
        let Some(amount) = signed else { return };
        account.entries += 1;
        account.moved += i128::from(amount.minor());
        let references = [(ReferenceKind::Bank, banks), (ReferenceKind::Customer, ours)];
        let references = references.into_iter().filter(|(_, text)| is_reference(text));
        let text = text.trim();
        scan.emit(FilePart::Entry(StatementEntry {
            statement: self.heads.len(),
            line,
            value_date,
            booked_on: group.date,
            amount,
            reversal: false,
            references: references.map(|(kind, text)| StatedReference { kind, text }).collect(),
            batch: None,
            details: Vec::new(),
            texts: (!text.is_empty())
                .then(|| PrivateText::new(text.to_owned()))
                .into_iter()
                .collect(),
        }));
    }

    fn close_account(&mut self, line: u32, fields: &[&str], scan: &mut Scan<'_>) {
        let (Some(group), Some(open)) = (&mut self.group, self.account.take()) else { return };
        if self.heads.len() == STATEMENTS_MAX {
            return scan.add(line, "03", FileFault::TooMany(STATEMENTS_MAX));
        }
        let [stated, records] = [fields.first(), fields.get(1)].map(total);
        check_total(line, "49", stated, open.total, Some(open.currency), scan);
        check_total(line, "49", records, open.records, None, scan);
        group.total += stated.unwrap_or_default();
        group.accounts += 1;
        let head = StatementHead {
            kind: StatementKind::Statement,
            id: None,
            number: None,
            page: None,
            last_page: None,
            account: Some(open.account),
            currency: open.currency,
            opened_on: group.date,
            opening: open.opening,
            closed_on: group.date,
            closing: open.closing,
            entries: open.entries,
            moved: open.moved,
            pending: 0,
            correction: group.correction,
        };
        scan.check_statement(open.line, ["03", CLOSING], &head);
        self.heads.push(head);
    }

    fn close_group(&mut self, line: u32, fields: &[&str], scan: &mut Scan<'_>) {
        let Some(group) = self.group.take() else { return };
        let found = [group.total, group.accounts, group.records];
        check_totals(line, "98", fields, found, group.currency, scan);
        self.total += total(fields.first()).unwrap_or_default();
        self.groups += 1;
    }
}

impl OpenAccount {
    fn take_amount(&mut self, code: &str, amount: &str, line: u32, scan: &mut Scan<'_>) {
        if code.is_empty() && amount.is_empty() {
            return;
        }
        let Some(minor) = scan.faults.keep(line, "03", amount_or_zero(amount)) else { return };
        self.total += i128::from(minor);
        let balance = SignedAmount::new(minor).filter(|_| !amount.is_empty());
        match code {
            OPENING => self.opening = balance,
            CLOSING => self.closing = balance,
            _ => {}
        }
    }
}

/// The fields that belong to a kind of funds.
fn funds_fields(funds: &str, behind: &[&str]) -> Option<usize> {
    match funds {
        "" | "Z" | "0" | "1" | "2" => Some(0),
        "V" => Some(2),
        "S" => Some(3),
        "D" => {
            let count: usize = behind.first()?.parse().ok()?;
            (count <= 365).then_some(1 + 2 * count)
        }
        _ => None,
    }
}

fn is_reference(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

fn amount_or_zero(text: &str) -> Result<i64, FileFault> {
    match text {
        "" => Ok(0),
        text => minor(text).ok_or(FileFault::NotOfFormat),
    }
}

/// An amount without a decimal point, with an optional sign.
fn minor(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let minor: i64 = digits.parse().ok().filter(|_| plain)?;
    Some(if text.starts_with('-') { -minor } else { minor })
}

fn total(field: Option<&&str>) -> Option<i128> {
    minor(field?).map(i128::from)
}

fn check_totals(
    line: u32,
    code: &str,
    fields: &[&str],
    found: [i128; 3],
    currency: Option<Currency>,
    scan: &mut Scan<'_>,
) {
    for (place, (found, currency)) in found.into_iter().zip([currency, None, None]).enumerate() {
        check_total(line, code, total(fields.get(place)), found, currency, scan);
    }
}

fn check_total(
    line: u32,
    code: &str,
    stated: Option<i128>,
    found: i128,
    currency: Option<Currency>,
    scan: &mut Scan<'_>,
) {
    match stated {
        None => scan.add(line, code, FileFault::NotANumber),
        Some(stated) if stated != found => {
            scan.add(line, code, FileFault::Total { stated, found, currency });
        }
        Some(_) => {}
    }
}

/// `YYMMDD`.
fn date(text: &str) -> Option<Date> {
    super::mt940::short_date(text)
}
