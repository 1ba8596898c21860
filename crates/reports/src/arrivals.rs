//! Expected arrivals: in the file of which day each collection, deposit and payout is due, and
//! what is late. Days are those of the calendar: business days, holidays, cut-off.

use std::collections::BTreeMap;

use books::{
    BankMovement, Books, BusinessDate, FileLane, FirmId, NetworkId, PaymentId, RailId, Timestamp,
};
use calendar::{ArrivalLane, Calendar, DueRule};
use money::Currency;
use serde::Serialize;

const MS: u64 = 1_000;
const SECONDS_OF_MINUTE: i64 = 60;
const SECONDS_OF_DAY: i64 = 86_400;

/// How it stands with something that is to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalState {
    /// Its day is past, and no file of its day was taken.
    MissingFile,
    /// Its day is past, and the file of its day does not have it.
    Late,
    DueToday,
    /// Its day is to come.
    Awaited,
}

impl ArrivalState {
    #[must_use]
    pub fn is_overdue(self) -> bool {
        matches!(self, ArrivalState::MissingFile | ArrivalState::Late)
    }
}

/// What is to arrive in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalKind {
    /// Card and QR payments in the file of their network or wallet, cash on the sheet of its firm.
    Collections,
    /// What a network or wallet pays for a file, on a bank statement.
    ClearingPayment,
    Deposit,
    Payout,
    /// Anything else that moved a bank account.
    Other,
}

/// What is due in the file of one day of one sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrival {
    pub state: ArrivalState,
    /// `network`, `wallet`, `bank` or `firm`.
    pub lane: &'static str,
    /// The operator's name of the network, wallet, bank account or firm.
    pub sender: String,
    pub currency: &'static str,
    pub kind: ArrivalKind,
    /// The day of the file that is to have it.
    pub file_day: String,
    /// The last day on which it is in time.
    pub due: String,
    /// Since the file's day.
    pub age_days: u16,
    pub items: u32,
    /// In minor units. Below zero: it is taken from us.
    pub amount: i128,
}

/// A file that did not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverdueFile {
    pub lane: &'static str,
    pub sender: String,
    pub file_day: String,
    /// The last day on which it was in time.
    pub due: String,
    /// Since the file's day.
    pub age_days: u16,
    /// What is to be in it.
    pub items: u32,
}

/// The files that are missing, the oldest first.
#[must_use]
pub fn overdue_files(arrivals: &[Arrival]) -> Vec<OverdueFile> {
    let missing = arrivals.iter().filter(|one| one.state == ArrivalState::MissingFile);
    let mut files: BTreeMap<(String, &str, &str), OverdueFile> = BTreeMap::new();
    for one in missing {
        let key = (one.file_day.clone(), one.lane, one.sender.as_str());
        let file = files.entry(key).or_insert_with(|| OverdueFile {
            lane: one.lane,
            sender: one.sender.clone(),
            file_day: one.file_day.clone(),
            due: one.due.clone(),
            age_days: one.age_days,
            items: 0,
        });
        file.items += one.items;
        file.due = one.due.clone().min(std::mem::take(&mut file.due));
    }
    files.into_values().collect()
}

/// The file and the day in which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueDay {
    pub file_day: BusinessDate,
    pub due: BusinessDate,
    pub state: ArrivalState,
}

/// The rules of one sender, and its files.
struct Sender<'b> {
    books: &'b Books,
    lane: FileLane,
    rule: DueRule,
}

impl Sender<'_> {
    /// When something of a day is due. `second`: of the day, if it is known; if it is not, it may
    /// have been after the cut-off.
    fn due(&self, day: BusinessDate, second: Option<u32>, today: BusinessDate) -> DueDay {
        let (file_day, mut due) = self.rule.due(day, second.unwrap_or(0));
        if second.is_none() && self.rule.has_cut_off() {
            due = self.rule.due(day.plus_days(1), 0).1;
        }
        let state = match today.cmp(&due) {
            std::cmp::Ordering::Less => ArrivalState::Awaited,
            std::cmp::Ordering::Equal => ArrivalState::DueToday,
            std::cmp::Ordering::Greater if self.has_file_of(file_day) => ArrivalState::Late,
            std::cmp::Ordering::Greater => ArrivalState::MissingFile,
        };
        DueDay { file_day, due, state }
    }

    fn has_file_of(&self, day: BusinessDate) -> bool {
        let mut files = self.books.files_of(self.lane);
        files.any(|file| (file.begun.from..=file.begun.until).contains(&day))
    }
}

/// What the books expect to see in files, by the calendar of their senders.
pub struct ExpectedArrivals<'b> {
    books: &'b Books,
    calendar: Option<&'b Calendar>,
    today: BusinessDate,
}

impl<'b> ExpectedArrivals<'b> {
    /// Without a calendar each day is a business day, and a file is due on the next one.
    #[must_use]
    pub fn new(
        books: &'b Books,
        calendar: Option<&'b Calendar>,
        today: BusinessDate,
    ) -> ExpectedArrivals<'b> {
        ExpectedArrivals { books, calendar, today }
    }

    fn sender(&self, lane: FileLane) -> Sender<'b> {
        let of = match lane {
            FileLane::Network(_) => ArrivalLane::Network,
            FileLane::Wallet(_) => ArrivalLane::Wallet,
            FileLane::Bank(_) => ArrivalLane::Bank,
            FileLane::Firm(_) => ArrivalLane::Firm,
        };
        let name = lane_name(self.books, lane);
        let rule = self.calendar.map_or_else(DueRule::default, |one| one.due_rule(of, &name.1));
        Sender { books: self.books, lane, rule }
    }

    /// When what moved a bank account on a day is due on a statement.
    #[must_use]
    pub fn on_statement(&self, bank: books::BankId, since: BusinessDate) -> DueDay {
        self.sender(FileLane::Bank(bank)).due(since, Some(0), self.today)
    }

    /// When a payment of a network or wallet is due in its file. `since` is its day.
    #[must_use]
    pub fn in_clearing_file(
        &self,
        rail: RailId,
        payment: PaymentId,
        since: BusinessDate,
    ) -> DueDay {
        let sender = self.sender(rail.into());
        let second = match rail {
            RailId::Network(network) if sender.rule.has_cut_off() => {
                let mut sent = self.books.requests_to(network);
                let found = sent.find(|(_, one)| *one == payment).map(|(sent, _)| sent.sent_at);
                found.and_then(|at| self.second_of(at))
            }
            _ => None,
        };
        sender.due(since, second, self.today)
    }

    /// When cash that a firm's courier took on a day is due on a sheet of the firm.
    #[must_use]
    pub fn on_sheet(&self, firm: FirmId, since: BusinessDate) -> DueDay {
        self.sender(FileLane::Firm(firm)).due(since, None, self.today)
    }

    /// The second of the local day.
    fn second_of(&self, at: Timestamp) -> Option<u32> {
        let offset = i64::from(self.books.utc_offset_minutes_at(at)?) * SECONDS_OF_MINUTE;
        let seconds = i64::try_from(at.0 / MS).ok()? + offset;
        u32::try_from(seconds.rem_euclid(SECONDS_OF_DAY)).ok()
    }

    /// The seconds of the requests that a network was sent, by payment.
    fn seconds(&self, network: NetworkId) -> BTreeMap<PaymentId, u32> {
        let sent = self.books.requests_to(network);
        sent.filter_map(|(sent, payment)| Some((payment, self.second_of(sent.sent_at)?))).collect()
    }

    /// All that is expected, by sender, kind and day. What is overdue comes first.
    #[must_use]
    pub fn list(&self) -> Vec<Arrival> {
        let mut sums = Sums::default();
        let mut rails: BTreeMap<FileLane, (Sender<'b>, BTreeMap<PaymentId, u32>)> = BTreeMap::new();
        for one in self.books.uncleared_payments() {
            let lane = FileLane::from(one.rail);
            let (sender, seconds) = rails.entry(lane).or_insert_with(|| {
                let sender = self.sender(lane);
                let seconds = match one.rail {
                    RailId::Network(network) if sender.rule.has_cut_off() => self.seconds(network),
                    _ => BTreeMap::new(),
                };
                (sender, seconds)
            });
            let due = sender.due(one.since, seconds.get(&one.payment).copied(), self.today);
            sums.add((lane, ArrivalKind::Collections, due), one.currency, one.amount);
        }
        for bank in self.books.bank_reconciliations() {
            let lane = FileLane::Bank(bank.bank);
            let sender = self.sender(lane);
            let mut add = |kind, since, amount| {
                let due = sender.due(since, Some(0), self.today);
                sums.add((lane, kind, due), bank.currency, amount);
            };
            for one in self.books.open_movements(bank.bank) {
                let kind = match one.movement {
                    BankMovement::ClearingFile { .. } => ArrivalKind::ClearingPayment,
                    BankMovement::Deposit(_) => ArrivalKind::Deposit,
                    BankMovement::Payout(_) | BankMovement::ReturnedPayout(_) => {
                        ArrivalKind::Payout
                    }
                    _ => ArrivalKind::Other,
                };
                add(kind, one.since, one.amount);
            }
            let deposits = self.books.cash_custody(self.today).flat_map(|firm| firm.deposits);
            for one in deposits.filter(|one| one.bank == Some(bank.bank)) {
                add(ArrivalKind::Deposit, one.announced_on, one.amount.minor().into());
            }
            for one in self.books.payouts_in_flight().filter(|one| one.bank == bank.bank) {
                add(ArrivalKind::Payout, one.sent_on, -i128::from(one.net.minor()));
            }
        }
        // A firm that sends sheets states each cash payment in one.
        for (firm, _) in self.books.firms() {
            let lane = FileLane::Firm(firm);
            let Some(currency) = self.books.lane_currency(lane) else { continue };
            if self.books.files_of(lane).next().is_none() {
                continue;
            }
            let sender = self.sender(lane);
            let cash = self.books.cash_payments_of(firm);
            for one in cash.filter(|one| !self.books.is_on_sheet(one.payment)) {
                let due = sender.due(one.since, None, self.today);
                let key = (lane, ArrivalKind::Collections, due);
                sums.add(key, currency, one.amount.minor().into());
            }
        }
        sums.list(self.books, self.today)
    }
}

type ArrivalKey = (FileLane, ArrivalKind, DueDay);

#[derive(Default)]
struct Sums(BTreeMap<ArrivalKey, (Currency, u32, i128)>);

impl Sums {
    fn add(&mut self, key: ArrivalKey, currency: Currency, amount: i128) {
        let (_, items, sum) = self.0.entry(key).or_insert((currency, 0, 0));
        *items += 1;
        *sum += amount;
    }

    fn list(self, books: &Books, today: BusinessDate) -> Vec<Arrival> {
        let all = self.0.into_iter().map(|((lane, kind, day), (currency, items, amount))| {
            let (of, sender) = lane_name(books, lane);
            Arrival {
                state: day.state,
                lane: of,
                sender,
                currency: currency.code(),
                kind,
                file_day: day.file_day.to_string(),
                due: day.due.to_string(),
                age_days: today.0.saturating_sub(day.file_day.0),
                items,
                amount,
            }
        });
        let mut all: Vec<Arrival> = all.collect();
        all.sort_by(|one, other| {
            let key = |one: &Arrival| (!one.state.is_overdue(), one.due.clone());
            key(one).cmp(&key(other))
        });
        all
    }
}

/// The kind of a lane, and the operator's name of its sender.
pub(crate) fn lane_name(books: &Books, lane: FileLane) -> (&'static str, String) {
    let rail = |id: RailId| {
        let found = books.rail_views().find(|rail| rail.id == id);
        found.map(|rail| rail.reference.to_owned()).unwrap_or_default()
    };
    match lane {
        FileLane::Network(id) => ("network", rail(RailId::Network(id))),
        FileLane::Wallet(id) => ("wallet", rail(RailId::Wallet(id))),
        FileLane::Bank(id) => ("bank", bank_name(books, id)),
        FileLane::Firm(id) => ("firm", books.firm_reference(id).unwrap_or_default().to_owned()),
    }
}

pub(crate) fn bank_name(books: &Books, bank: books::BankId) -> String {
    let found = books.banks().find(|(id, _)| *id == bank);
    found.map_or_else(|| bank.to_string(), |(_, reference)| reference.to_owned())
}
