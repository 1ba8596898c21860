//! The naive engine: plain maps, a list of posting lines, balances by adding up, a copy of
//! everything before each command. Written from the vocabulary; slow on purpose wherever slow is
//! plainer.

mod batches;
mod breaks;
mod cash;
mod disputes;
mod doors;
mod expiry;
mod giving_back;
mod parties;
mod settlement;
mod tenders;
mod terminals;

use std::collections::{BTreeMap, BTreeSet};

use engine::chart::{AccountKind, Entry};
use engine::door_view::DisputeView;
use engine::view::{ParcelState, TenderState};
use engine::*;
use ledger::Side;
use money::Currency;
use tariff::{FeeKind, Terms};

pub use batches::Batch;
pub use tenders::means;
pub use terminals::{Standing, Transaction};

/// An account by what it is: its kind, its owner (zero for those a currency has once), its
/// currency.
pub type Account = (AccountKind, u64, Currency);

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// The very same was done before.
    Repeated,
    /// Anything else, in a word for whoever reads a failure.
    Because(&'static str),
}

pub type Answer<T = ()> = Result<T, No>;

/// Refuses unless `holds`.
pub fn ensure(holds: bool, why: &'static str) -> Answer {
    if holds { Ok(()) } else { Err(No::Because(why)) }
}

/// Things that are counted up: the next one, or a retry of one before.
pub fn next_number(number: u32, last: u32) -> Answer {
    if (1..=last).contains(&number) {
        return Err(No::Repeated);
    }
    ensure(number == last + 1, "not the next number")
}

/// A posting line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub entry: Entry,
    pub stage: Stage,
    pub debit: Account,
    pub credit: Account,
    pub amount: u64,
    /// The tender and the tariff version that it is about.
    pub about: About,
}

/// What a line is about.
pub type About = (Option<TenderId>, Option<TariffVersion>);

/// What a reservation was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Tender(TenderId),
    Deposit(DepositId),
    Payout(PayoutId),
}

#[derive(Clone, Debug)]
pub struct Firm {
    pub currency: Currency,
    pub guarantee: u64,
    /// Everything that ever was counted or found, the oldest first.
    pub line: Vec<InLine>,
    /// What the bank has credited or was made good, all in all.
    pub credited: i128,
    /// How many deposits were announced, how many payments of commission made.
    pub deposits: u32,
    pub commission_payments: u32,
    /// The last deposit that was confirmed.
    pub last_deposit: Option<DepositId>,
}

/// Cash that waits for the bank: a tender's, or nobody's.
#[derive(Clone, Copy, Debug)]
pub struct InLine {
    pub tender: Option<TenderId>,
    pub amount: u64,
    /// Whether the firm's word for it was enough.
    pub guaranteed: bool,
}

#[derive(Clone, Debug)]
pub struct Courier {
    pub firm: FirmId,
    pub limit: u64,
    /// Tenders in cash that are in hand and in no hand-over, the oldest first.
    pub in_hand: Vec<TenderId>,
    pub repayments: u32,
    pub handovers: u32,
    /// The last hand-over; those before it are forgotten.
    pub last_handover: Option<HandOverId>,
}

#[derive(Clone, Debug)]
pub struct HandOver {
    pub courier: CourierId,
    pub code_hash: [u8; 32],
    pub expected: u64,
    pub tenders: Vec<TenderId>,
    pub counted: bool,
}

#[derive(Clone, Debug)]
pub struct Deposit {
    pub firm: FirmId,
    pub amount: u64,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub number: u16,
    pub currency: Option<Currency>,
    pub from: BusinessDate,
    pub until: Option<BusinessDate>,
    pub terms: Terms,
}

#[derive(Clone, Debug)]
pub struct Seller {
    pub currency: Currency,
    pub jurisdiction: Jurisdiction,
    pub tariff: TariffId,
    pub class: tariff::ClassNo,
    pub cycle: Cycle,
    pub minimum: u64,
    /// Everything that ever was posted on what is payable, except the payouts.
    pub statement: Vec<Statement>,
}

/// One line of what a seller's payable money is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statement {
    pub gross: u64,
    pub fees: u64,
    pub given_back: u64,
    pub returned: u64,
}

#[derive(Clone, Debug)]
pub struct Parcel {
    pub seller: SellerId,
    pub currency: Currency,
    pub due: u64,
    /// Whether what is due may be less than what was announced.
    pub part_accepted: bool,
    pub state: ParcelState,
    pub firm: Option<FirmId>,
    pub courier: Option<CourierId>,
    pub attempts: u8,
    /// The day on which it was handed out, returned or lost.
    pub closed_on: Option<BusinessDate>,
    /// Number 1 first.
    pub tenders: Vec<Tender>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Card(NetworkId, tariff::CardKind),
    Qr(WalletId),
    Cash(CourierId),
}

#[derive(Clone, Debug)]
pub struct Tender {
    pub how: How,
    /// Who had the parcel.
    pub courier: CourierId,
    /// Whether it is a promise of money that was not completed.
    pub is_promise: bool,
    pub amount: u64,
    /// The day on which it was asked for at the door; once the parcel is delivered, that day.
    pub taken_on: BusinessDate,
    pub state: TenderState,
    pub tariff: TariffVersion,
    pub fees: Vec<(FeeKind, u64)>,
    /// How many refunds and chargebacks.
    pub gifts: u8,
    pub given_back: u64,
    /// The part of what was given back that came out of the held money.
    pub from_held: u64,
    /// The rule under which it is held.
    pub rule: Option<HoldRule>,
    /// How often refunds have left the bank.
    pub confirmations: u8,
    /// Refunds that have not left the bank.
    pub unpaid: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanState {
    Planned,
    Approved,
    Rejected,
    Executed,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub cycle: Cycle,
    pub currency: Currency,
    pub planned_by: PersonId,
    pub state: PlanState,
    pub lines: Vec<PayoutLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutState {
    Planned,
    Sent(BankId),
    Confirmed(BankId, BusinessDate),
    Returned,
    Dropped,
}

#[derive(Clone, Debug)]
pub struct Break {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: u64,
    pub currency: Currency,
    pub owner: PersonId,
    pub opened: BusinessDate,
    pub proposal: Option<(Closing, PersonId)>,
    pub closed: bool,
}

/// What a command did.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub events: Vec<Event>,
    pub lines: Vec<Line>,
}

/// The whole world in maps.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub offset: Option<i16>,
    pub last_at: Timestamp,
    pub today: BusinessDate,
    /// All lines that moved money, ever.
    pub lines: Vec<Line>,
    pub reserved: BTreeMap<Reason, Line>,
    /// The commands that have registered somebody.
    pub registered: Vec<Command>,
    pub banks: BTreeMap<BankId, Currency>,
    pub firms: BTreeMap<FirmId, Firm>,
    pub couriers: BTreeMap<CourierId, Courier>,
    pub terminals: BTreeMap<TerminalId, (CourierId, bool)>,
    pub networks: BTreeMap<NetworkId, Currency>,
    pub wallets: BTreeMap<WalletId, Currency>,
    pub hold_rules: BTreeMap<Jurisdiction, HoldRule>,
    pub tariffs: BTreeMap<TariffId, Vec<Version>>,
    pub sellers: BTreeMap<SellerId, Seller>,
    /// The sellers in the order of their registration.
    pub seller_order: Vec<SellerId>,
    pub parcels: BTreeMap<ParcelId, Parcel>,
    pub handovers: BTreeMap<HandOverId, HandOver>,
    pub handovers_started: usize,
    pub deposits: BTreeMap<DepositId, Deposit>,
    pub deposits_announced: usize,
    pub plans: BTreeMap<PlanId, Plan>,
    pub payouts: BTreeMap<PayoutId, (PayoutLine, PayoutState)>,
    pub breaks: BTreeMap<BreakId, Break>,
    /// What terminals asked for and is remembered, the oldest first.
    pub transactions: Vec<Transaction>,
    /// What was reversed before it came, in open batches.
    pub unheard: BTreeSet<Trace>,
    /// All batches that terminals opened, the oldest first.
    pub batches: BTreeMap<TerminalId, Vec<Batch>>,
    /// What terminals may sell offline: at once, and together.
    pub offline: BTreeMap<TerminalId, (u64, u64)>,
    /// Disputed batches that were left so, the oldest first.
    pub disputes: Vec<DisputeView>,
    pub withdrawn: BTreeMap<NetworkId, Timestamp>,
    /// The time of the command.
    pub now: Timestamp,
    /// Tenders whose money is there and on hold, in the order in which it came, with the day on
    /// which it becomes payable.
    pub held: Vec<(BusinessDate, TenderId)>,
    pub told: Told,
    /// What the lines that come next are about.
    pub about: About,
}

impl Model {
    /// Carries a command out, or says why not; then everything is as it was. `forgotten` is what
    /// the engine says it forgot: which records it looks at first is its own affair.
    pub fn apply(
        &mut self,
        command: &Command,
        at: Timestamp,
        forgotten: &BTreeSet<ParcelId>,
    ) -> Answer<Told> {
        let before = self.clone();
        (self.told, self.about) = (Told::default(), About::default());
        let done = self.carry_out(command, at, forgotten).and_then(|()| self.within_limits());
        if let Err(no) = done {
            *self = before;
            return Err(no);
        }
        self.last_at = at;
        self.forget_transactions();
        Ok(std::mem::take(&mut self.told))
    }

    fn carry_out(
        &mut self,
        command: &Command,
        at: Timestamp,
        forgotten: &BTreeSet<ParcelId>,
    ) -> Answer {
        ensure(at >= self.last_at, "time goes backwards")?;
        if let Command::OpenBooks { utc_offset_minutes: offset } = *command {
            ensure(offset.abs() <= UTC_OFFSET_MINUTES_MAX, "no such offset")?;
            if self.offset == Some(offset) {
                return Err(No::Repeated);
            }
            ensure(self.offset.is_none(), "the books are open")?;
            self.offset = Some(offset);
            return self.tell(Event::Registered);
        }
        let Some(offset) = self.offset else { return Err(No::Because("the books are not open")) };
        (self.today, self.now) = (at.date(offset), at);
        match command {
            Command::ForgetClosed { before, limit } => self.forget(*before, *limit, forgotten),
            _ => self
                .register(command)
                .or_else(|| self.move_parcel(command))
                .or_else(|| self.collect(command))
                .or_else(|| self.give_back(command))
                .or_else(|| self.move_cash(command))
                .or_else(|| self.settle(command))
                .or_else(|| self.keep_break(command))
                .or_else(|| self.at_the_door(command))
                .or_else(|| self.keep_batch(command))
                .or_else(|| self.expire(command))
                .expect("each command is somebody's"),
        }
    }

    pub fn tell(&mut self, event: Event) -> Answer {
        self.told.events.push(event);
        Ok(())
    }

    /// Moves money; nothing where the amount is zero.
    pub fn post(&mut self, entry: Entry, debit: Account, credit: Account, amount: u64) {
        if amount > 0 {
            let (stage, about) = (Stage::Posted, self.about);
            let line = Line { entry, stage, debit, credit, amount, about };
            self.lines.push(line);
            self.told.lines.push(line);
        }
    }

    pub fn reserve(
        &mut self,
        why: Reason,
        entry: Entry,
        (debit, credit): (Account, Account),
        amount: u64,
    ) {
        let (stage, about) = (Stage::Reserved, self.about);
        let line = Line { entry, stage, debit, credit, amount, about };
        self.reserved.insert(why, line);
        self.told.lines.push(line);
    }

    /// Posts a reservation, or a part of it; the rest is free again.
    pub fn post_reserved(&mut self, why: Reason, amount: u64) {
        let reserved = self.reserved.remove(&why).expect("it was reserved");
        let (stage, about) = (Stage::PostedFromReserve, self.about);
        let line = Line { stage, amount, about, ..reserved };
        self.lines.push(line);
        self.told.lines.push(line);
    }

    pub fn void_reservation(&mut self, why: Reason) {
        let reserved = self.reserved.remove(&why).expect("it was reserved");
        let (stage, about) = (Stage::Voided, self.about);
        self.told.lines.push(Line { stage, about, ..reserved });
    }

    /// What an account has, on its own side.
    pub fn balance(&self, account: Account) -> i128 {
        let mut debits: i128 = 0;
        for line in &self.lines {
            debits += if line.debit == account { i128::from(line.amount) } else { 0 };
            debits -= if line.credit == account { i128::from(line.amount) } else { 0 };
        }
        if account.0.side() == Side::Debit { debits } else { -debits }
    }

    /// What is reserved in favour of an account's balance, and against it.
    pub fn pending(&self, account: Account) -> (i128, i128) {
        let sum = |side: fn(&Line) -> Account| -> i128 {
            let of_account = self.reserved.values().filter(|line| side(line) == account);
            of_account.map(|line| i128::from(line.amount)).sum()
        };
        let (debits, credits) = (sum(|line| line.debit), sum(|line| line.credit));
        if account.0.side() == Side::Debit { (debits, credits) } else { (credits, debits) }
    }

    pub fn available(&self, account: Account) -> i128 {
        self.balance(account) - self.pending(account).1
    }

    /// All balances, zeros left out.
    pub fn balances(&self) -> BTreeMap<Account, i128> {
        let mut balances: BTreeMap<Account, i128> = BTreeMap::new();
        for line in &self.lines {
            for (account, side) in [(line.debit, Side::Debit), (line.credit, Side::Credit)] {
                let amount = i128::from(line.amount);
                let gain = if account.0.side() == side { amount } else { -amount };
                *balances.entry(account).or_default() += gain;
            }
        }
        balances.retain(|_, balance| *balance != 0);
        balances
    }

    /// Only the kinds of account that the chart lets go below zero are there, and no courier has
    /// more cash than allowed.
    fn within_limits(&self) -> Answer {
        let touched: BTreeSet<Account> =
            self.told.lines.iter().flat_map(|line| [line.debit, line.credit]).collect();
        for account in touched {
            let overdraft = account.0.limits().overdraft;
            ensure(overdraft || self.available(account) >= 0, "an account below zero")?;
            if account.0 == AccountKind::CourierCash {
                let limit = i128::from(self.couriers[&CourierId(account.1)].limit);
                let added = self.told.lines.iter().any(|line| line.debit == account);
                ensure(!added || self.balance(account) <= limit, "too much cash in hand")?;
            }
        }
        Ok(())
    }

    // What the parts of the model share.

    pub fn parcel(&self, id: ParcelId) -> Answer<&Parcel> {
        self.parcels.get(&id).ok_or(No::Because("no such parcel"))
    }

    pub fn tender(&self, id: TenderId) -> Answer<&Tender> {
        let place = usize::from(id.number).wrapping_sub(1);
        self.parcel(id.parcel)?.tenders.get(place).ok_or(No::Because("no such tender"))
    }

    pub fn parcel_mut(&mut self, id: ParcelId) -> &mut Parcel {
        self.parcels.get_mut(&id).expect("the parcel is there")
    }

    pub fn tender_mut(&mut self, id: TenderId) -> &mut Tender {
        &mut self.parcel_mut(id.parcel).tenders[usize::from(id.number) - 1]
    }

    /// The version of a tariff that holds today.
    pub fn version_today(&self, tariff: TariffId) -> Answer<&Version> {
        let holds = |version: &&Version| {
            version.from <= self.today && version.until.is_none_or(|until| self.today < until)
        };
        self.tariffs[&tariff].iter().find(holds).ok_or(No::Because("no tariff holds today"))
    }

    pub fn has_accounts(&self, currency: Currency) -> Answer {
        ensure(self.banks.values().any(|known| *known == currency), "no account in that currency")
    }

    pub fn unknown_count(&self) -> usize {
        let tenders = self.parcels.values().flat_map(|parcel| &parcel.tenders);
        tenders.filter(|tender| tender.is_unknown()).count()
    }
}

impl Firm {
    pub fn new(currency: Currency, guarantee: u64) -> Firm {
        Firm {
            currency,
            guarantee,
            line: Vec::new(),
            credited: 0,
            deposits: 0,
            commission_payments: 0,
            last_deposit: None,
        }
    }
}

impl Courier {
    pub fn new(firm: FirmId, limit: u64) -> Courier {
        let (in_hand, last_handover) = (Vec::new(), None);
        Courier { firm, limit, in_hand, repayments: 0, handovers: 0, last_handover }
    }
}

impl Parcel {
    /// What was approved and not taken back.
    pub fn collected(&self) -> u64 {
        self.sum(Tender::is_collected)
    }

    /// What waits for an answer, or is promised.
    pub fn begun(&self) -> u64 {
        self.sum(|tender| tender.state == TenderState::Begun || tender.is_promised())
    }

    fn sum(&self, counts: impl Fn(&Tender) -> bool) -> u64 {
        let counted = self.tenders.iter().filter(|tender| counts(tender));
        counted.map(|tender| tender.amount).sum()
    }

    /// Whether no money came for it, and none may come: what is unknown is reversed.
    pub fn untouched(&self) -> bool {
        self.collected() == 0 && self.begun() == 0
    }

    /// Whether no money is on its way or there that was not given back in full.
    pub fn is_free_of_money(&self) -> bool {
        let kept = |one: &Tender| one.is_collected() && one.given_back < one.amount;
        self.begun() == 0 && !self.tenders.iter().any(kept)
    }

    pub fn is_open(&self) -> bool {
        use ParcelState as S;
        matches!(self.state, S::Announced | S::Assigned | S::Out | S::Refused)
    }
}

impl Break {
    pub fn is_proposed(&self) -> bool {
        !self.closed && self.proposal.is_some()
    }
}

impl Tender {
    pub fn fee_total(&self) -> u64 {
        self.fees.iter().map(|(_, fee)| fee).sum()
    }

    /// What the network or wallet may keep back.
    pub fn kept_by_network(&self) -> u64 {
        let kept = [FeeKind::Issuer, FeeKind::Network, FeeKind::Wallet];
        self.fees.iter().filter(|(kind, _)| kept.contains(kind)).map(|(_, fee)| fee).sum()
    }

    /// The seller's share, less what was given back out of it while it was held.
    pub fn share(&self) -> u64 {
        self.amount - self.fee_total() - self.from_held
    }

    pub fn posted(&self) -> bool {
        matches!(self.state, TenderState::Approved | TenderState::Held | TenderState::Released)
    }

    /// Whether its money is in the books, also while it is being taken back.
    pub fn is_collected(&self) -> bool {
        use TenderState as S;
        let leaving = matches!(self.state, S::TakingBack(_) | S::UndoingVoid);
        self.posted() || (leaving && !self.is_promise)
    }

    /// Whether it is a promise that may still become money.
    pub fn is_promised(&self) -> bool {
        use TenderState as S;
        let ended = matches!(self.state, S::Declined | S::Reversed | S::Expired);
        self.is_promise && !ended && !matches!(self.state, S::Begun | S::Unknown)
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.state, TenderState::Unknown | TenderState::CompletionUnknown)
    }
}
