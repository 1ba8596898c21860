//! Our clearing file: what a network or wallet pays. docs/files/clearing.md describes it.

use std::io::BufRead;
use std::sync::Arc;

use encoding_rs::UTF_8;
use jiff::civil::Date;
use money::{Currency, SignedAmount};

use super::parts::{ClearedItem, ClearingHead, ClearingRole, FilePart, ItemFacts};
use super::scan::Scan;
use super::{Faults, ITEMS_MAX};
use super::{FileFault, ITEMS_AT_ONCE_MAX, LineDigest, RefusedFile};
use super::{amount, currency, date, next};
use crate::date::utc_ms;
use crate::records::{Record, RecordReader};

const VERSION: &str = "1";
const NAME_CHARACTERS_MAX: usize = 32;
const ORDER_CHARACTERS_MAX: usize = 64;
const KINDS: &str = "sale, completion, offline, refund, reversal, chargeback, fee-correction, \
                     representment";
const HEADER: [&str; 5] = ["type", "version", "name", "date", "currency"];
/// A column that the header may have behind them.
const SETTLED: &str = "settled";
const TRAILER: [&str; 6] = ["type", "items", "amount", "kept_back", "net", "sha256"];
/// The columns of the parties, which the books know from the payment.
const PARTIES: [(&str, usize); 2] = [("terminal", 8), ("merchant", 15)];

/// By what the items of a file name their payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearingLayout {
    /// A network's: `rrn`, `stan` and `sent` of the request.
    Requests,
    /// A wallet's: its `order`.
    Orders,
}

/// The physical line of an item, both counted from 1: the header is before them.
#[must_use]
pub fn line_of_item(number: u32) -> u32 {
    number.saturating_add(1)
}

/// A file of a network or wallet. All of it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedClearing {
    /// The network or wallet.
    pub name: String,
    pub date: Date,
    /// When the money moves on the bank account, if the file says so.
    pub settled: Option<Date>,
    pub currency: Currency,
    pub items: Vec<StatedItem>,
    /// SHA-256 of the lines before the last one, in hexadecimal digits.
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedItem {
    /// The physical line in the file, from 1.
    pub line: u32,
    pub payment: StatedPayment,
    pub kind: StatedItemKind,
    /// Paid by the buyer. Below zero: it is taken.
    pub amount: SignedAmount,
    pub kept_back: SignedAmount,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatedPayment {
    Request {
        rrn: [u8; 12],
        /// 1 to 999,999.
        stan: u32,
        /// Seconds since 1970.
        sent_s: u64,
    },
    Order(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatedItemKind {
    Sale,
    Completion,
    Offline,
    Refund,
    Reversal,
    Chargeback,
    FeeCorrection,
    Representment,
}

impl StatedItemKind {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StatedItemKind::Sale => "sale",
            StatedItemKind::Completion => "completion",
            StatedItemKind::Offline => "offline",
            StatedItemKind::Refund => "refund",
            StatedItemKind::Reversal => "reversal",
            StatedItemKind::Chargeback => "chargeback",
            StatedItemKind::FeeCorrection => "fee-correction",
            StatedItemKind::Representment => "representment",
        }
    }

    pub(super) fn of(name: &str) -> Option<StatedItemKind> {
        use StatedItemKind as K;
        let mut all = [
            K::Sale,
            K::Completion,
            K::Offline,
            K::Refund,
            K::Reversal,
            K::Chargeback,
            K::FeeCorrection,
            K::Representment,
        ]
        .into_iter();
        all.find(|kind| kind.name() == name)
    }
}

/// What the first line says.
struct FileHead {
    name: Option<String>,
    date: Option<Date>,
    settled: Option<Date>,
    currency: Option<Currency>,
}

/// Reads a file into memory. Its lines may have got other line ends on the way.
///
/// # Errors
/// All that is wrong with it.
pub fn read(
    input: impl BufRead,
    file: &str,
    layout: ClearingLayout,
) -> Result<StatedClearing, RefusedFile> {
    let file: Arc<str> = file.into();
    let (mut faults, mut items) = (Faults::default(), Vec::new());
    let mut too_many = None;
    let mut keep = |item: StatedItem| match items.len() < ITEMS_AT_ONCE_MAX {
        true => items.push(item),
        false => too_many = too_many.or(Some(item.line)),
    };
    let read = read_items(input, &file, layout, &mut faults, &mut |item, _| keep(item))?;
    if let Some(line) = too_many {
        faults.add(line, None, FileFault::TooMany(ITEMS_AT_ONCE_MAX));
    }
    match read {
        (
            FileHead { name: Some(name), date: Some(date), settled, currency: Some(currency) },
            _,
            Some(digest),
        ) if faults.is_empty() => {
            Ok(StatedClearing { name, date, settled, currency, items, digest })
        }
        _ => Err(faults.refuse(&file)),
    }
}

/// Streams the items of a file. Returns its head and the digest of its lines.
pub(super) fn scan(
    input: impl BufRead,
    layout: ClearingLayout,
    scan: &mut Scan<'_>,
) -> Result<Option<(ClearingHead, String)>, RefusedFile> {
    let (mut faults, file) = (Faults::default(), scan.file.clone());
    let emit = &mut |item: StatedItem, parties: [&str; 2]| {
        let [terminal, merchant] = parties.map(|party| Some(party.to_owned()));
        let facts = ItemFacts { terminal, merchant, ..ItemFacts::default() };
        scan.emit(FilePart::Item(ClearedItem { item, facts }));
    };
    let (head, sums, digest) = read_items(input, &file, layout, &mut faults, emit)?;
    scan.faults = faults;
    if let FileHead { name: Some(name), date: Some(date), .. } = &head {
        scan.check_date(1, HEADER[3], *date);
        scan.check_party(1, HEADER[2], name);
    }
    let Some((currency, digest)) = head.currency.zip(digest) else { return Ok(None) };
    scan.check_currency(1, HEADER[4], currency);
    let parts = super::parts::FineAmount::parts_of_minor(currency).unwrap_or(1);
    let head = ClearingHead {
        role: ClearingRole::Items,
        name: head.name,
        date: head.date,
        settled: head.settled,
        currency,
        items: sums.items,
        amount: sums.amount,
        kept_back: sums.kept_back,
        kept_back_parts: sums.kept_back * i128::from(parts),
        rounding: None,
        totals_checked: 4,
        left_out: 0,
    };
    Ok(Some((head, digest)))
}

#[derive(Default)]
struct ItemSums {
    items: u64,
    amount: i128,
    kept_back: i128,
}

type HeadAndSums = (FileHead, ItemSums, Option<String>);

/// Reads a file, and gives each item with its terminal and merchant.
fn read_items(
    input: impl BufRead,
    file: &Arc<str>,
    layout: ClearingLayout,
    faults: &mut Faults,
    emit: &mut dyn FnMut(StatedItem, [&str; 2]),
) -> Result<HeadAndSums, RefusedFile> {
    let mut records = RecordReader::new(input, UTF_8, b',').keeping_raw();
    let mut digest = LineDigest::default();
    let head = match next(&mut records, file)? {
        Some(record) => read_head(record, faults),
        None => return Err(RefusedFile::Empty { file: file.clone() }),
    };
    digest.add(records.raw());
    let (mut sums, mut last, mut digest) = (ItemSums::default(), 1, Some(digest));
    let mut end = None;
    while let Some(record) = next(&mut records, file)? {
        last = record.line;
        match (record.get(0), &end) {
            (_, Some(_)) => faults.add(record.line, None, FileFault::AfterEnd),
            ("I", None) => {
                if let Some((item, parties)) = read_item(record, layout, head.currency, faults) {
                    if sums.items == ITEMS_MAX as u64 {
                        faults.add(last, None, FileFault::TooMany(ITEMS_MAX));
                        break;
                    }
                    sums.items += 1;
                    sums.amount += i128::from(item.amount.minor());
                    sums.kept_back += i128::from(item.kept_back.minor());
                    emit(item, parties.map(|place| record.get(place)));
                }
            }
            ("T", None) => {
                let found = digest.take().map(LineDigest::finish).unwrap_or_default();
                check_end(record, &sums, head.currency, &found, faults);
                end = Some(found);
            }
            (_, None) => faults.add(record.line, Some("type"), FileFault::NotOneOf("I, T")),
        }
        if let Some(digest) = &mut digest {
            digest.add(records.raw());
        }
    }
    if end.is_none() {
        faults.add(last, None, FileFault::CutShort);
    }
    Ok((head, sums, end))
}

/// Whether a record has the columns. Otherwise none of its fields is read.
fn has_columns(record: Record<'_>, columns: usize, faults: &mut Faults) -> bool {
    if record.misquoted {
        faults.add(record.line, None, FileFault::Misquoted);
        return false;
    }
    if record.len() != columns {
        let fault = FileFault::FieldCount { expected: columns, found: record.len() };
        faults.add(record.line, None, fault);
        return false;
    }
    true
}

fn read_head(record: Record<'_>, faults: &mut Faults) -> FileHead {
    let mut head = FileHead { name: None, date: None, settled: None, currency: None };
    let line = record.line;
    if record.get(0) != "H" {
        faults.add(line, Some("type"), FileFault::NotThis("H"));
        return head;
    }
    let settles = record.len() == HEADER.len() + 1;
    if !has_columns(record, HEADER.len() + usize::from(settles), faults) {
        return head;
    }
    if record.get(1) != VERSION {
        faults.add(line, Some(HEADER[1]), FileFault::NotThis(VERSION));
    }
    head.name = faults.keep(line, HEADER[2], name(record.get(2)));
    head.date = faults.keep(line, HEADER[3], date(record.get(3)));
    head.currency = faults.keep(line, HEADER[4], currency(record.get(4)));
    if settles {
        head.settled = faults.keep(line, SETTLED, date(record.get(HEADER.len())));
    }
    head
}

fn name(text: &str) -> Result<String, FileFault> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_name = (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(allowed);
    if is_name { Ok(text.to_owned()) } else { Err(FileFault::NotAName(NAME_CHARACTERS_MAX)) }
}

fn read_item(
    record: Record<'_>,
    layout: ClearingLayout,
    currency: Option<Currency>,
    faults: &mut Faults,
) -> Option<(StatedItem, [usize; 2])> {
    let line = record.line;
    // The type, the parties, the kind and three amounts; and what names the payment.
    let named = if layout == ClearingLayout::Requests { 3 } else { 1 };
    if !has_columns(record, 7 + named, faults) {
        return None;
    }
    let payment = match layout {
        ClearingLayout::Requests => {
            let rrn = faults.keep(line, "rrn", rrn(record.get(1)));
            let stan = faults.keep(line, "stan", stan(record.get(2)));
            let sent = faults.keep(line, "sent", sent(record.get(3)));
            rrn.zip(stan).zip(sent).map(|((rrn, stan), sent_s)| StatedPayment::Request {
                rrn,
                stan,
                sent_s,
            })
        }
        ClearingLayout::Orders => {
            faults.keep(line, "order", order(record.get(1))).map(StatedPayment::Order)
        }
    };
    for (place, (column, characters_max)) in (1 + named..).zip(PARTIES) {
        if record.get(place).chars().count() > characters_max {
            faults.add(line, Some(column), FileFault::NotText(characters_max));
        }
    }
    let at = 3 + named;
    let kind = StatedItemKind::of(record.get(at)).ok_or(FileFault::NotOneOf(KINDS));
    let kind = faults.keep(line, "kind", kind);
    let mut sum = |place: usize, column| {
        let read = amount(record.get(at + place), currency?);
        faults.keep(line, column, read)
    };
    let (amount, kept_back, net) = (sum(1, "amount"), sum(2, "kept_back"), sum(3, "net"));
    let (amount, kept_back, net) = (amount?, kept_back?, net?);
    if amount.minor().checked_sub(kept_back.minor()) != Some(net.minor()) {
        faults.add(line, Some("net"), FileFault::Net);
    }
    let item = StatedItem { line, payment: payment?, kind: kind?, amount, kept_back };
    Some((item, [1 + named, 2 + named]))
}

pub(super) fn rrn(text: &str) -> Result<[u8; 12], FileFault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes().try_into().ok().filter(|_| plain);
    bytes.ok_or(FileFault::NotCharacters(12))
}

pub(super) fn stan(text: &str) -> Result<u32, FileFault> {
    let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|stan| digits && *stan > 0).ok_or(FileFault::NotDigits(6))
}

fn sent(text: &str) -> Result<u64, FileFault> {
    let whole = text.len() == "2013-08-28T10:11:12Z".len() && text.ends_with('Z');
    let at = utc_ms(text, 0).filter(|_| whole).and_then(|ms| u64::try_from(ms).ok());
    at.map(|ms| ms / 1_000).ok_or(FileFault::NotATime)
}

pub(super) fn order(text: &str) -> Result<String, FileFault> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = printable && (1..=ORDER_CHARACTERS_MAX).contains(&text.len());
    if fits { Ok(text.to_owned()) } else { Err(FileFault::NotText(ORDER_CHARACTERS_MAX)) }
}

/// Checks the last line against the lines before it.
fn check_end(
    record: Record<'_>,
    sums: &ItemSums,
    currency: Option<Currency>,
    digest: &str,
    faults: &mut Faults,
) {
    let line = record.line;
    let whole = faults.is_empty();
    if !has_columns(record, TRAILER.len(), faults) {
        return;
    }
    if record.get(5) != digest {
        faults.add(line, Some(TRAILER[5]), FileFault::Digest);
    }
    let Some(currency) = currency.filter(|_| whole) else { return };
    let found = [sums.amount, sums.kept_back, sums.amount - sums.kept_back];
    let count = record.get(1).parse::<u64>().map_err(|_| FileFault::NotANumber);
    let count = faults.keep(line, TRAILER[1], count).map(i128::from);
    let stated = (2..).zip(found).map(|(place, found)| {
        let stated = amount(record.get(place), currency);
        (place, stated.map(|stated| i128::from(stated.minor())), found)
    });
    let mut totals = Vec::new();
    for (place, stated, found) in stated {
        let stated = faults.keep(line, TRAILER[place], stated);
        totals.push((TRAILER[place], stated, found, Some(currency)));
    }
    totals.push((TRAILER[1], count, i128::from(sums.items), None));
    for (column, stated, found, currency) in totals {
        if let Some(stated) = stated.filter(|stated| *stated != found) {
            faults.add(line, Some(column), FileFault::Total { stated, found, currency });
        }
    }
}
