//! A file as it was given: which format it has, whose it is, and its lines.

use std::fs::File;
use std::io::{Read, Seek};

use books::{BankId, BusinessDate, FileLane, FirmId, RailId, Sha256Digest};
use files::incoming::RefusedFile;
use files::incoming::check::{FileFormat, ReadOptions, check};
use files::incoming::clearing::{StatedItem, StatedItemKind, StatedPayment};
use files::incoming::guess::{Guess, HEAD_BYTES, guess};
use files::incoming::parts::{
    ClearedItem, ClearingHead, FilePart, IncomingHead, RemittanceLine, StatementEntry,
    StatementHead, StatementKind,
};
use jiff::civil::Date;
use money::{Currency, SignedAmount};
use recon::statement::{EntryLine, RailName, line_of_entry, rail_names};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::details::GivenDetails;
use super::{FileSourceKind, KnownBank, TakeError, TakeRequest, Taking, TakingStopped};
use super::{find_bank, known_banks};
use crate::files_in_hand::FilesInHand;

/// A file that somebody gives.
pub struct GivenFile {
    /// For messages.
    pub name: String,
    pub file: File,
}

/// What one lane gets of a file, without card numbers and text of the bank (M12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaneFile {
    pub lane: FileLane,
    pub source: FileSourceKind,
    /// The operator's name for the sender.
    pub name: String,
    /// The format or profile.
    pub format: String,
    /// The account that moves.
    pub bank: BankId,
    pub currency: Currency,
    /// In hexadecimal digits.
    pub digest: String,
    pub from: BusinessDate,
    pub until: BusinessDate,
    pub value_date: Option<BusinessDate>,
    pub opening: Option<SignedAmount>,
    pub total: SignedAmount,
    pub lines: LaneLines,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LaneLines {
    Items(Vec<KeptItem>),
    Entries(Vec<KeptEntry>),
    Rows(Vec<KeptRow>),
}

/// A line of a clearing file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptItem {
    /// The physical line.
    pub line: u32,
    pub payment: KeptPayment,
    /// As in our own layout.
    pub kind: String,
    pub amount: SignedAmount,
    pub kept_back: SignedAmount,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeptPayment {
    /// RRN, STAN, and seconds since 1970.
    Request(String, u32, u64),
    Order(String),
}

/// A line of a courier firm's sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRow {
    /// The physical line.
    pub line: u32,
    /// Within the sheet, from 1.
    pub number: u32,
    pub booked: BusinessDate,
    pub amount: SignedAmount,
    /// What the firm keeps back of it.
    pub kept_back: SignedAmount,
    pub waybill: Option<String>,
    pub order: Option<String>,
}

impl KeptPayment {
    /// Whether a network or wallet names its payments so. The books take no other line of it.
    fn is_of(&self, rail: RailId) -> bool {
        match rail {
            RailId::Network(_) => matches!(self, KeptPayment::Request(..)),
            RailId::Wallet(_) => matches!(self, KeptPayment::Order(_)),
        }
    }
}

/// An entry of a bank statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptEntry {
    /// The physical line.
    pub line: u32,
    pub entry: EntryLine,
}

impl KeptItem {
    fn of(item: StatedItem) -> KeptItem {
        let payment = match item.payment {
            StatedPayment::Request { rrn, stan, sent_s } => {
                KeptPayment::Request(String::from_utf8_lossy(&rrn).into_owned(), stan, sent_s)
            }
            StatedPayment::Order(order) => KeptPayment::Order(order),
        };
        let kind = item.kind.name().to_owned();
        let StatedItem { line, amount, kept_back, .. } = item;
        KeptItem { line, payment, kind, amount, kept_back }
    }

    /// `None` if the copy was changed.
    fn stated(&self) -> Option<StatedItem> {
        let payment = match &self.payment {
            KeptPayment::Request(rrn, stan, sent_s) => StatedPayment::Request {
                rrn: rrn.as_bytes().try_into().ok()?,
                stan: *stan,
                sent_s: *sent_s,
            },
            KeptPayment::Order(order) => StatedPayment::Order(order.clone()),
        };
        let kind = StatedItemKind::named(&self.kind)?;
        let KeptItem { line, amount, kept_back, .. } = *self;
        Some(StatedItem { line, payment, kind, amount, kept_back })
    }
}

impl LaneFile {
    pub(crate) fn count(&self) -> usize {
        match &self.lines {
            LaneLines::Items(items) => items.len(),
            LaneLines::Entries(entries) => entries.len(),
            LaneLines::Rows(rows) => rows.len(),
        }
    }

    /// The id of the sender.
    pub(crate) fn id(&self) -> String {
        match self.lane {
            FileLane::Network(id) => id.to_string(),
            FileLane::Wallet(id) => id.to_string(),
            FileLane::Bank(id) => id.to_string(),
            FileLane::Firm(id) => id.to_string(),
        }
    }

    pub(crate) fn rail(&self) -> Option<RailId> {
        self.lane.rail()
    }

    /// The first items, at most so many. `None` if the copy was changed.
    pub(crate) fn items(&self, most: usize) -> Option<Vec<StatedItem>> {
        match &self.lines {
            LaneLines::Items(items) => items.iter().take(most).map(KeptItem::stated).collect(),
            LaneLines::Entries(_) | LaneLines::Rows(_) => None,
        }
    }

    pub(crate) fn sha256(&self) -> Option<Sha256Digest> {
        let mut digest = [0; 32];
        let read = base16ct::lower::decode(&self.digest, &mut digest).ok()?;
        (read.len() == digest.len()).then_some(Sha256Digest(digest))
    }
}

/// What is read of a file before anything is given to the books.
struct Facts {
    banks: Vec<KnownBank>,
    rails: Vec<KnownRail>,
    firms: Vec<KnownFirm>,
    today: BusinessDate,
}

/// A courier firm of the books.
struct KnownFirm {
    firm: FirmId,
    name: String,
    currency: Currency,
}

/// A network or wallet of the books.
struct KnownRail {
    rail: RailId,
    name: String,
    currency: Currency,
}

impl Taking<'_> {
    fn facts(&self) -> Result<Facts, TakingStopped> {
        let today = self.today()?;
        let facts = self.client.query(move |engine| {
            let books = engine.books();
            let rails = books.rail_views().map(|one| KnownRail {
                rail: one.id,
                name: one.reference.to_owned(),
                currency: one.currency,
            });
            let firms = books.firms().filter_map(|(firm, name)| {
                let currency = books.lane_currency(FileLane::Firm(firm))?;
                Some(KnownFirm { firm, name: name.to_owned(), currency })
            });
            let (rails, firms) = (rails.collect(), firms.collect());
            Facts { rails, firms, banks: known_banks(books), today }
        })?;
        Ok(facts.0)
    }

    /// Checks a file and reads it whole.
    pub(super) fn read_given(
        &self,
        request: &TakeRequest,
        given: &mut GivenFile,
    ) -> Result<WholeFile, TakingStopped> {
        let facts = self.facts()?;
        let format = format_of(request, given)?;
        let in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let sender = match &request.source {
            Some(named) => Some(named.clone()),
            None => in_hand.sender_of_format(format.name()),
        };
        // The account that is named is the statement's own, if the file is one.
        let bank = request.bank.clone().map(|name| (FileSourceKind::Bank, name));
        let currency = match sender.as_ref().or(bank.as_ref()) {
            Some((FileSourceKind::Bank, name)) => Some(find_bank(&facts.banks, name)?.currency),
            Some((FileSourceKind::Firm, name)) => Some(find_firm(&facts.firms, name)?.currency),
            Some((kind, name)) => Some(find_rail(&facts.rails, *kind, name)?.currency),
            None => None,
        };
        let format = match (&format, &sender) {
            // A file without lines does not show whose layout it has.
            (FileFormat::NetworkClearing, Some((FileSourceKind::Wallet, _))) => {
                FileFormat::WalletClearing
            }
            (FileFormat::WalletClearing, Some((FileSourceKind::Network, _))) => {
                FileFormat::NetworkClearing
            }
            _ => format,
        };
        let options = ReadOptions {
            encoding: request.encoding.as_deref(),
            currency_given: currency,
            file_date: request.date,
            ..ReadOptions::default()
        };
        let checked = check(&mut given.file, &given.name, format, &options);
        let checked = checked.map_err(TakeError::from)?;
        let mut parts = Vec::new();
        let read = checked.stream(&mut given.file, &options, &mut |part| parts.push(part));
        read.map_err(TakeError::from)?;
        let (format, identity) = (checked.format.name().to_owned(), checked.identity.clone());
        let says_currency = match &checked.format {
            FileFormat::Profile(profile) => profile.currency().is_some(),
            _ => false,
        };
        let date = request.date.or_else(|| date_of_name(&given.name));
        let head = checked.head;
        Ok(WholeFile { format, identity, sender, date, head, parts, says_currency })
    }

    /// Finds whose a file is, and what each lane gets of it.
    pub(super) fn lanes_of(
        &self,
        request: &TakeRequest,
        mut whole: WholeFile,
        details: &mut GivenDetails,
    ) -> Result<Vec<LaneFile>, TakingStopped> {
        let facts = self.facts()?;
        let today = facts.today;
        let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let (head, sender) = (whole.head.clone(), whole.sender.clone());
        let bank = request.bank.clone().map(|name| (FileSourceKind::Bank, name));
        let format = whole.format.clone();
        let lanes = match head {
            IncomingHead::Clearing(head) => {
                vec![clearing_lane(&facts, request, sender, &head, (whole, details))?]
            }
            IncomingHead::Statements(heads) => {
                let by_account = |account: &str| in_hand.bank_of_account(account);
                let named = bank.as_ref().or(sender.as_ref());
                let of_bank =
                    |head: &StatementHead| bank_of_statement(&facts, named, head, by_account);
                let banks: Vec<_> = heads.iter().map(of_bank).collect::<Result<_, _>>()?;
                for part in &mut whole.parts {
                    if let FilePart::Entry(entry) = part {
                        details.join_entry(entry)?;
                    }
                }
                let mut lanes = Vec::new();
                for (place, (head, (bank, name))) in heads.iter().zip(banks).enumerate() {
                    if head.kind == StatementKind::Notification {
                        return Err(TakeError::OnlyDetails.into());
                    }
                    let (currency, asked) = (head.currency, bank);
                    let rails =
                        self.client.query(move |engine| rail_names(engine.books(), currency))?;
                    lanes.push(statement_lane(place, head, (asked, name), &rails.0, &whole)?);
                }
                if !request.dry_run {
                    for (head, lane) in heads.iter().zip(&lanes) {
                        let account = head.account.as_deref();
                        in_hand.note_account(account, &lane.id()).map_err(TakeError::from)?;
                    }
                }
                lanes
            }
            IncomingHead::Remittance(head) => {
                vec![sheet_lane(&facts, request, sender, head.currency, whole)?]
            }
        };
        for lane in &lanes {
            check_has_come(lane, today)?;
        }
        if let (false, Some((kind, name)), [lane]) = (request.dry_run, &request.source, &lanes[..])
            && !matches!(lane.lane, FileLane::Bank(_))
        {
            in_hand.note_sender(&format, (*kind, name.clone())).map_err(TakeError::from)?;
        }
        Ok(lanes)
    }
}

/// A file that was read whole.
pub(super) struct WholeFile {
    format: String,
    identity: String,
    /// Its profile says in which currency it is, not the file.
    says_currency: bool,
    /// Who sent it, as far as somebody said.
    sender: Option<(FileSourceKind, String)>,
    /// Its day, if it says none: as somebody said, or as its name says.
    date: Option<Date>,
    pub(super) head: IncomingHead,
    pub(super) parts: Vec<FilePart>,
}

impl WholeFile {
    /// The operator's name of its sender, as far as somebody said, and its format.
    pub(super) fn sender_and_format(&self) -> (Option<&str>, &str) {
        (self.sender.as_ref().map(|(_, name)| name.as_str()), &self.format)
    }
}

/// The format that is named, or the only one that fits.
fn format_of(request: &TakeRequest, given: &mut GivenFile) -> Result<FileFormat, TakeError> {
    if let Some(name) = &request.format {
        return FileFormat::find(name).map_err(TakeError::Profile);
    }
    let mut head = Vec::new();
    given.file.rewind()?;
    given.file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let found: Guess = guess(&given.name, &head, &[]);
    match found.only() {
        Some(one) => Ok(one.format.clone()),
        None if head.is_empty() => {
            Err(TakeError::File(RefusedFile::Empty { file: given.name.clone().into() }))
        }
        None => Err(TakeError::WhichFormat {
            file: given.name.clone(),
            fits: found.fits.iter().map(|one| one.format.name().to_owned()).collect(),
            known: FileFormat::names().map(str::to_owned).collect(),
        }),
    }
}

fn find_rail<'r>(
    rails: &'r [KnownRail],
    kind: FileSourceKind,
    name: &str,
) -> Result<&'r KnownRail, TakeError> {
    let of_kind = |known: &&KnownRail| FileSourceKind::from(known.rail) == kind;
    let mut found = rails.iter().filter(of_kind);
    found.find(|one| one.name == name).ok_or_else(|| TakeError::UnknownSource {
        party: kind,
        name: name.to_owned(),
        known: rails.iter().filter(of_kind).map(|one| one.name.clone()).collect(),
    })
}

/// The network or wallet of a clearing file: as somebody said, or as the file says.
fn clearing_lane(
    facts: &Facts,
    request: &TakeRequest,
    sender: Option<(FileSourceKind, String)>,
    head: &ClearingHead,
    (whole, details): (WholeFile, &mut GivenDetails),
) -> Result<LaneFile, TakeError> {
    let (known, source) = match (sender, &head.name) {
        (Some((kind, wanted)), found) => {
            let known = find_rail(&facts.rails, kind, &wanted)?;
            if let Some(found) = found.as_ref().filter(|found| **found != wanted) {
                let found = found.clone();
                return Err(TakeError::OtherSource { party: kind, wanted, found });
            }
            (known, kind)
        }
        (None, Some(name)) => {
            let mut named = facts.rails.iter().filter(|one| one.name == *name);
            let known = named.next().filter(|_| named.next().is_none());
            let known = known.ok_or_else(|| TakeError::WhoseFile { file: whole.format.clone() })?;
            (known, FileSourceKind::from(known.rail))
        }
        (None, None) => return Err(TakeError::WhoseFile { file: whole.format }),
    };
    if head.currency != known.currency {
        let (found, name) = (head.currency, known.name.clone());
        return Err(TakeError::OtherCurrency { name, found, wanted: known.currency });
    }
    let bank = bank_of(request.bank.as_deref(), &facts.banks, head.currency)?.bank;
    if let (Some(wanted), Some(found)) = (request.date, head.date.filter(|_| head.name.is_some()))
        && wanted != found
    {
        return Err(TakeError::OtherDay { wanted: wanted.to_string(), found: found.to_string() });
    }
    let items = whole.parts.into_iter().filter_map(|part| match part {
        FilePart::Item(one) => Some(one),
        _ => None,
    });
    let mut items: Vec<ClearedItem> = items.collect();
    details.join_items(&mut items)?;
    let days = days_of(head.date, items.iter().map(|one| one.facts.booked_on), whole.date);
    let (from, until) = days.ok_or(TakeError::WhichDay)?;
    let items: Vec<KeptItem> = items.into_iter().map(|one| KeptItem::of(one.item)).collect();
    if let Some(item) = items.iter().find(|item| !item.payment.is_of(known.rail)) {
        let (name, line) = (known.name.clone(), item.line);
        return Err(TakeError::OtherKindOfFile { line, name, party: source });
    }
    let total = items.iter().map(|one| one.amount.minor() - one.kept_back.minor());
    let total: i128 = total.map(i128::from).sum();
    Ok(LaneFile {
        lane: FileLane::from(known.rail),
        source,
        name: known.name.clone(),
        format: whole.format,
        bank,
        currency: head.currency,
        digest: whole.identity,
        from,
        until,
        value_date: head.settled.and_then(business),
        opening: None,
        total: signed(total)?,
        lines: LaneLines::Items(items),
    })
}

fn find_firm<'f>(firms: &'f [KnownFirm], name: &str) -> Result<&'f KnownFirm, TakeError> {
    firms.iter().find(|one| one.name == name).ok_or_else(|| TakeError::UnknownSource {
        party: FileSourceKind::Firm,
        name: name.to_owned(),
        known: firms.iter().map(|one| one.name.clone()).collect(),
    })
}

/// The sheet of a firm: a line for each parcel.
fn sheet_lane(
    facts: &Facts,
    request: &TakeRequest,
    sender: Option<(FileSourceKind, String)>,
    currency: Currency,
    whole: WholeFile,
) -> Result<LaneFile, TakeError> {
    let (source, name) = sender.ok_or(TakeError::WhoseSheet)?;
    if source != FileSourceKind::Firm {
        return Err(TakeError::WhoseSheet);
    }
    let firm = find_firm(&facts.firms, &name)?;
    if currency != firm.currency {
        let wanted = firm.currency;
        if whole.says_currency {
            let profile = whole.format;
            return Err(TakeError::ProfileCurrency { profile, name, found: currency, wanted });
        }
        return Err(TakeError::OtherCurrency { name, found: currency, wanted });
    }
    let bank = bank_of(request.bank.as_deref(), &facts.banks, currency)?.bank;
    let lines = whole.parts.into_iter().filter_map(|part| match part {
        FilePart::Remitted(line) => Some(line),
        _ => None,
    });
    let lines: Vec<RemittanceLine> = lines.collect();
    if !lines.is_empty() && lines.iter().all(|one| one.waybill.is_none() && one.order.is_none()) {
        return Err(TakeError::SheetOfRemittances);
    }
    let days = days_of(None, lines.iter().map(|one| one.paid_on), whole.date);
    let (from, until) = days.ok_or(TakeError::WhichDay)?;
    let mut rows = Vec::with_capacity(lines.len());
    for one in lines {
        let line = one.line;
        let amount = one.collected.filter(|amount| *amount != SignedAmount::ZERO);
        // A parcel without cash on delivery has a line too.
        let Some(amount) = amount else {
            match one.collected {
                Some(_) => continue,
                None => return Err(TakeError::NothingCollected { line }),
            }
        };
        let kept_back: i128 = one.deductions.iter().map(|one| i128::from(one.amount.minor())).sum();
        rows.push(KeptRow {
            line,
            number: u32::try_from(rows.len() + 1).unwrap_or(u32::MAX),
            booked: one.paid_on.and_then(business).unwrap_or(until),
            amount,
            kept_back: signed(kept_back)?,
            waybill: one.waybill,
            order: one.order,
        });
    }
    let total: i128 = rows.iter().map(|one| i128::from(one.amount.minor())).sum();
    Ok(LaneFile {
        lane: FileLane::Firm(firm.firm),
        source,
        name,
        format: whole.format,
        bank,
        currency,
        digest: whole.identity,
        from,
        until,
        value_date: None,
        opening: None,
        total: signed(total)?,
        lines: LaneLines::Rows(rows),
    })
}

/// The bank account of a statement: as somebody said, as the file says, or as an earlier statement
/// of the same account was taken.
fn bank_of_statement(
    facts: &Facts,
    sender: Option<&(FileSourceKind, String)>,
    head: &StatementHead,
    by_account: impl Fn(&str) -> Option<String>,
) -> Result<(BankId, String), TakeError> {
    let account = head.account.as_deref();
    let by_name = account.and_then(|name| facts.banks.iter().find(|one| one.name == name));
    let known = account.and_then(by_account);
    let known = known.and_then(|id| facts.banks.iter().find(|one| one.bank.to_string() == id));
    let found = by_name.or(known);
    let bank = match sender {
        Some((FileSourceKind::Bank, name)) => {
            let bank = find_bank(&facts.banks, name)?;
            if found.is_some_and(|found| found.bank != bank.bank) {
                return Err(TakeError::OtherAccount(bank.name.clone()));
            }
            bank
        }
        Some((kind, _)) => return Err(TakeError::NotOfSource(*kind)),
        None => found.ok_or(TakeError::WhoseStatement)?,
    };
    if head.currency != bank.currency {
        let (name, found) = (bank.name.clone(), head.currency);
        return Err(TakeError::OtherCurrency { name, found, wanted: bank.currency });
    }
    Ok((bank.bank, bank.name.clone()))
}

fn statement_lane(
    place: usize,
    head: &StatementHead,
    (bank, name): (BankId, String),
    rails: &[RailName],
    whole: &WholeFile,
) -> Result<LaneFile, TakeError> {
    let entries = whole.parts.iter().filter_map(|part| match part {
        FilePart::Entry(entry) if entry.statement == place => Some(entry),
        _ => None,
    });
    let entries: Vec<&StatementEntry> = entries.collect();
    let day_of = |entry: &StatementEntry| entry.booked_on.or(entry.value_date).and_then(business);
    let days = || entries.iter().filter_map(|entry| day_of(entry));
    let until =
        head.closed_on.and_then(business).or(days().max()).or(whole.date.and_then(business));
    let until = until.ok_or(TakeError::WhichDay)?;
    let from = head.opened_on.and_then(business).or(days().min()).unwrap_or(until).min(until);
    let opening = head.opening.ok_or(TakeError::NoBalances)?;
    let kept = entries.iter().zip(1_u32..).map(|(entry, number)| {
        let booked = day_of(entry).unwrap_or(until).clamp(from, until);
        KeptEntry { line: entry.line, entry: line_of_entry(number, booked, entry, rails) }
    });
    // Each statement of a file has a digest of its own.
    let digest = match place {
        0 => whole.identity.clone(),
        _ => {
            let text = format!("{} {place}", whole.identity);
            base16ct::lower::encode_string(&Sha256::digest(text))
        }
    };
    Ok(LaneFile {
        lane: FileLane::Bank(bank),
        source: FileSourceKind::Bank,
        name,
        format: whole.format.clone(),
        bank,
        currency: head.currency,
        digest,
        from,
        until,
        value_date: None,
        opening: Some(opening),
        total: signed(head.moved)?,
        lines: LaneLines::Entries(kept.collect()),
    })
}

/// The account that a file moves.
fn bank_of<'b>(
    named: Option<&str>,
    banks: &'b [KnownBank],
    currency: Currency,
) -> Result<&'b KnownBank, TakeError> {
    if let Some(name) = named {
        let bank = find_bank(banks, name)?;
        if bank.currency != currency {
            let (name, wanted) = (bank.name.clone(), bank.currency);
            return Err(TakeError::OtherCurrency { name, found: currency, wanted });
        }
        return Ok(bank);
    }
    let here: Vec<_> = banks.iter().filter(|one| one.currency == currency).collect();
    match here[..] {
        [] => Err(TakeError::NoBank(currency)),
        [bank] => Ok(bank),
        _ => Err(TakeError::WhichBank(here.iter().map(|one| one.name.clone()).collect())),
    }
}

/// Refuses a file of a day to come: every true file would be too old after it.
fn check_has_come(lane: &LaneFile, today: BusinessDate) -> Result<(), TakeError> {
    if lane.until > today {
        let (date, today) = (lane.until.to_string(), today.to_string());
        return Err(TakeError::DayToCome { date, today });
    }
    match lane.value_date {
        Some(settled) if settled > today => Err(TakeError::NotSettled(settled.to_string())),
        _ => Ok(()),
    }
}

/// The first and the last day of a file: as its head says, as its lines say, or `given`.
fn days_of(
    stated: Option<Date>,
    lines: impl Iterator<Item = Option<Date>>,
    given: Option<Date>,
) -> Option<(BusinessDate, BusinessDate)> {
    let of_lines = lines.flatten().filter_map(business).fold(None, |days, day| match days {
        None => Some((day, day)),
        Some((from, until)) => Some((day.min(from), day.max(until))),
    });
    let one = |date: Date| business(date).map(|day| (day, day));
    stated.and_then(one).or(of_lines).or(given.and_then(one))
}

/// The only date in the name of a file, as `2013-11-11` or `20131111`.
fn date_of_name(name: &str) -> Option<Date> {
    let name = name.rsplit(['/', '\\']).next()?;
    let mut found = None;
    for run in name.split(|one: char| !one.is_ascii_digit() && one != '-') {
        let run = run.trim_matches('-');
        let date = match (run.len(), run.contains('-')) {
            (8, false) => Date::strptime("%Y%m%d", run).ok(),
            (10, true) => Date::strptime("%Y-%m-%d", run).ok(),
            _ => None,
        };
        let date = date.filter(|date| (2000..2100).contains(&date.year()));
        match (date, found) {
            (Some(date), Some(other)) if date != other => return None,
            (Some(_), _) => found = date,
            (None, _) => {}
        }
    }
    found
}

fn business(date: Date) -> Option<BusinessDate> {
    date.to_string().parse().ok()
}

fn signed(sum: i128) -> Result<SignedAmount, TakeError> {
    let minor = i64::try_from(sum).ok();
    minor.and_then(SignedAmount::new).ok_or(TakeError::SumTooLarge)
}
