//! The naive model: plain maps, a list of postings, balances by adding up, a copy of everything
//! before each command. Written from the vocabulary. It is slow on purpose where slow is plainer.

mod access;
mod adjustments;
mod batches;
mod breaks;
mod cash;
mod chargebacks;
mod clearing;
mod expiry;
mod numbers;
mod offline;
mod open_items;
mod parcels;
mod parties;
mod payments;
mod personal_data;
mod persons;
mod refunds;
mod seller_debts;
mod settlement;
mod statements;
pub mod taxes;
mod terminals;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use books::chart::{AccountKind, ChartEntry};
use books::view::{ParcelState, PaymentState};
use books::*;
use ledger::Side;
use money::Currency;
use tariff::{FeeKind, LossOwner, Terms};

use adjustments::Periods;
pub use batches::Batch;
pub use breaks::Break;
pub use chargebacks::Chargeback;
use chargebacks::Chargebacks;
use clearing::FileMoney;
pub use numbers::Numbered;
use offline::SuspendedSale;
use open_items::OpenItem;
pub use payments::payment_method;
pub use persons::are_different;
pub use statements::LaneFile;
use statements::Statements;
pub use terminals::{Transaction, TransactionStatus};
pub use terms::{Charge, SellerTerms};

/// An account by kind, owner (zero for a currency's shared accounts) and currency.
pub type Account = (AccountKind, u64, Currency);

/// A seller's account in one of its currencies.
pub type SellerAccount = (SellerId, Currency);

/// A refusal of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelRefusal {
    /// The same command was applied before.
    Repeated,
    /// Any other reason, for whoever reads a failure.
    Because(&'static str),
}

pub type ModelResult<T = ()> = Result<T, ModelRefusal>;

/// Refuses unless `holds`.
pub fn ensure(holds: bool, why: &'static str) -> ModelResult {
    if holds { Ok(()) } else { Err(ModelRefusal::Because(why)) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingLine {
    pub entry: ChartEntry,
    pub stage: PostingStage,
    pub debit: Account,
    pub credit: Account,
    pub amount: u64,
    /// The payment and tariff version it belongs to.
    pub about: About,
}

pub type About = (Option<PaymentId>, Option<TariffVersion>);

/// What a reservation was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReservationFor {
    Payment(PaymentId),
    Deposit(DepositId),
    Payout(PayoutId),
    /// A payout on its way, in the bank account that it leaves.
    BankTransfer(PayoutId),
}

#[derive(Clone, Debug)]
pub struct Firm {
    pub currency: Currency,
    pub guarantee: u64,
    /// The notes of each count and of each excess found, in that order. None is forgotten.
    pub notes: Vec<Notes>,
}

/// The notes of one hand-over, or of an excess found.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The courier who brought them.
    pub courier: Option<CourierId>,
    /// What they were taken for, in that order. Notes beyond these belong to nobody.
    pub payments: Vec<(PaymentId, u64)>,
    /// Notes that the firm has.
    pub with_firm: u64,
    /// Notes that the bank has, or that somebody made good.
    pub in_bank: u64,
    /// Payments for which the firm answered at the count.
    pub guaranteed: BTreeSet<PaymentId>,
    /// The break of the notes that belong to nobody.
    pub surplus: Option<BreakId>,
    /// Whoever was there at the count, the courier apart.
    pub counters: [PersonId; 2],
}

#[derive(Clone, Debug)]
pub struct Courier {
    pub firm: FirmId,
    pub limit: u64,
    /// Cash payments in hand and in no hand-over, oldest first.
    pub in_hand: Vec<PaymentId>,
}

#[derive(Clone, Debug)]
pub struct HandOver {
    pub courier: CourierId,
    pub code_mac: CodeMac,
    pub expected: u64,
    pub payments: Vec<PaymentId>,
    /// The counts with a wrong code.
    pub wrong_codes: Vec<Command>,
    /// The command that counted or cancelled it.
    pub ended_by: Option<Command>,
}

#[derive(Clone, Debug)]
pub struct Deposit {
    pub firm: FirmId,
    pub amount: u64,
    pub announced_by: PersonId,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub number: u16,
    pub currency: Option<Currency>,
    pub from: BusinessDate,
    pub until: Option<BusinessDate>,
    /// The first command that published it.
    pub published: PublishTariff,
    /// Who gave it its end afterwards.
    pub ended_by: Option<[PersonId; 2]>,
    pub terms: Terms,
}

#[derive(Clone, Debug)]
pub struct Seller {
    pub kind: SellerKind,
    pub reference: String,
    pub jurisdiction: Jurisdiction,
    /// What it was registered with.
    pub terms: SellerTerms,
    /// Everything ever posted on the payable account, except payouts.
    pub statement: Vec<Statement>,
}

/// One entry of a seller's payable money.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    pub gross: u64,
    pub fees: u64,
    pub refunded: u64,
    pub returned: u64,
    pub invoiced: u64,
    pub compensated: u64,
    /// Parts of the fees.
    pub vat: u64,
    pub freight: u64,
    /// What of `gross` was not collected, and of `refunded` not refunded to buyers: by the name
    /// that a payout has for it.
    pub parts: Vec<(&'static str, u64)>,
}

#[derive(Clone, Debug)]
pub struct Parcel {
    pub seller: SellerId,
    pub currency: Currency,
    pub due: u64,
    /// The announcement.
    pub announced: Command,
    /// The amount of the part that was accepted last.
    pub accepted: Option<u64>,
    pub state: ParcelState,
    pub firm: Option<FirmId>,
    pub courier: Option<CourierId>,
    /// How often it was given to a firm.
    pub assignments: u8,
    pub attempts: u8,
    /// The command that refused it.
    pub refused_by: Option<Command>,
    /// Who pays for its damage or loss, and what was due for it then.
    pub damage: Option<(DamagePayer, u64)>,
    pub compensated_by: Option<Command>,
    /// What Doorstep pays the seller of its discounts, and whether the seller can have it.
    pub discount: Option<(u64, bool)>,
    /// The date it was delivered, returned or lost.
    pub closed_on: Option<BusinessDate>,
    /// By number.
    pub payments: BTreeMap<u8, ModelPayment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelMethod {
    Card(NetworkId, tariff::CardKind),
    Qr(WalletId),
    Cash(CourierId),
}

#[derive(Clone, Debug)]
pub struct ModelPayment {
    pub method: ModelMethod,
    /// The courier who had the parcel.
    pub courier: CourierId,
    /// Whether it is a pre-authorisation that was not completed.
    pub is_pre_authorisation: bool,
    pub amount: u64,
    /// The date of the request at the door. When the parcel is delivered, the delivery date.
    pub taken_on: BusinessDate,
    pub state: PaymentState,
    pub charge: Charge,
    pub fees: Vec<(FeeKind, u64)>,
    pub refunded: u64,
    /// What the files of its network or wallet said about it.
    pub file: FileMoney,
    /// Refunds that its network or wallet has taken, and chargebacks.
    pub forwarded: u64,
    pub charged_back: u128,
    /// The part of the chargebacks that is won.
    pub won_back: u128,
    /// Number of refunds and chargebacks.
    pub refund_numbers: u8,
    /// The part of the refunds taken from held money.
    pub from_held: u64,
    /// What was taken back, by its kind, number and amount.
    pub taken_back: Vec<(ChartEntry, u32, u64)>,
    /// The hold rule applied to it, and the day on which its money was received.
    pub hold: Option<(HoldRule, BusinessDate)>,
    /// Refunds that have not left the bank.
    pub unpaid: u64,
    /// The part of an offline sale that was owed to the buyer from the start.
    pub excess: u64,
    /// What the network may deduct, if that is not what the seller is charged.
    pub network_fee: Option<u64>,
    /// Whether the network rejected it, and who bears the loss.
    pub rejected: Option<Option<LossOwner>>,
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
    pub cycle: SettlementCycle,
    pub currency: Currency,
    /// Nobody, if the calendar did.
    pub planned_by: Option<PersonId>,
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

/// Events and postings of a command.
#[derive(Clone, Debug, Default)]
pub struct ModelOutcome {
    pub events: Vec<Event>,
    pub lines: Vec<PostingLine>,
    pub value_date: Option<BusinessDate>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub offset: Option<i16>,
    /// The time zones that were set, number 1 first.
    pub zones: Vec<SetTimeZone>,
    pub last_at: Timestamp,
    pub today: BusinessDate,
    /// All postings that ever moved money.
    pub lines: Vec<PostingLine>,
    pub reserved: BTreeMap<ReservationFor, PostingLine>,
    /// All commands that were carried out.
    pub carried_out: Vec<Command>,
    /// The commands that used a sender's numbers, number 1 first.
    pub numbers: BTreeMap<Numbered, Vec<Command>>,
    pub banks: BTreeMap<BankId, Currency>,
    /// Whether each person is here still.
    pub persons: BTreeMap<PersonId, bool>,
    /// Whoever decides nothing.
    pub only_couriers: BTreeSet<PersonId>,
    pub first_persons: Vec<PersonId>,
    /// How each key was issued and revoked.
    pub keys: BTreeMap<ApiKeyId, (Command, Option<Command>)>,
    pub chargebacks: Chargebacks,
    pub periods: Periods,
    pub firms: BTreeMap<FirmId, Firm>,
    pub couriers: BTreeMap<CourierId, Courier>,
    pub terminals: BTreeMap<TerminalId, (CourierId, bool)>,
    pub networks: BTreeMap<NetworkId, Currency>,
    pub wallets: BTreeMap<WalletId, Currency>,
    pub tariffs: BTreeMap<TariffId, Vec<Version>>,
    pub sellers: BTreeMap<SellerAccount, Seller>,
    /// In order of registration.
    pub seller_order: Vec<SellerAccount>,
    pub parcels: BTreeMap<ParcelId, Parcel>,
    pub handovers: BTreeMap<HandOverId, HandOver>,
    pub handovers_started: usize,
    pub deposits: BTreeMap<DepositId, Deposit>,
    pub deposits_announced: usize,
    /// The firm and the end of each deposit that ended, oldest first.
    pub ended_deposits: Vec<(FirmId, DepositId)>,
    pub plans: BTreeMap<PlanId, Plan>,
    /// The days on which the calendar planned each cycle, and the plans' ids.
    pub calendar_days: BTreeMap<(SettlementCycle, Currency), Vec<(BusinessDate, PlanId)>>,
    pub payouts: BTreeMap<PayoutId, (PayoutLine, PayoutState)>,
    /// The entries of its seller that each payout pays, by their places.
    pub paid_entries: BTreeMap<PayoutId, BTreeSet<usize>>,
    /// Sellers whose payable balance is below zero, and since when.
    pub below_zero: BTreeMap<SellerAccount, BusinessDate>,
    /// Amount and date of each seller's invoices, by their numbers.
    pub invoices: BTreeMap<(SellerAccount, u32), (u64, BusinessDate)>,
    pub cancelled_invoices: BTreeSet<(SellerAccount, u32)>,
    pub breaks: BTreeMap<BreakId, Break>,
    /// All lines of each rail's files.
    pub file_lines: BTreeMap<RailId, Vec<ClearLine>>,
    pub statements: Statements,
    /// Remembered transactions, oldest first.
    pub transactions: Vec<Transaction>,
    /// Reversals without original, in open batches.
    pub reversed_without_original: BTreeSet<Trace>,
    /// Requests that were declined for good, in open batches.
    pub declined: BTreeMap<Trace, (RequestDigest, ResponseCode)>,
    /// Balance inquiries, in open batches.
    pub inquiries: BTreeMap<Trace, RequestDigest>,
    /// All batches ever opened, oldest first.
    pub batches: BTreeMap<TerminalId, Vec<Batch>>,
    /// When each terminal was blocked last, and when that ended.
    pub blocks: BTreeMap<TerminalId, (Timestamp, Option<Timestamp>)>,
    /// When each terminal was last in contact, offline sales apart.
    pub contacts: BTreeMap<TerminalId, Timestamp>,
    /// Offline sales that were posted to suspense.
    pub suspended: BTreeMap<PaymentId, SuspendedSale>,
    /// Offline limits: for one sale, and for all.
    pub offline: BTreeMap<TerminalId, (u64, u64)>,
    /// Open items, and ended ones that are remembered.
    pub open_items: BTreeMap<OpenItemId, OpenItem>,
    pub open_items_begun: u64,
    /// When each withdrawn network stops, and who proposed that.
    pub withdrawn: BTreeMap<NetworkId, (Timestamp, PersonId)>,
    /// The time of the command.
    pub now: Timestamp,
    /// Held payments with their release dates, in the order in which they got these. A payment of
    /// a parcel that is not delivered has none.
    pub held: Vec<(BusinessDate, PaymentId)>,
    pub outcome: ModelOutcome,
    /// What the next postings are about.
    pub about: About,
}

/// A sum has 12 digits at most, as in a card network's message.
fn has_possible_sums(command: &Command) -> ModelResult {
    let json = serde_json::to_value(command).expect("a command is JSON");
    let fields = json.as_object().expect("with fields");
    // Only times are longer numbers.
    let times = ["from", "until", "claimed_at", "server_at"];
    let sums = fields.iter().filter(|(field, _)| !times.contains(&field.as_str()));
    let sums = sums.filter_map(|(_, value)| value.as_i64());
    ensure(sums.map(i64::unsigned_abs).all(|sum| sum < 1_000_000_000_000), "too large a sum")
}

impl Model {
    /// Applies a command, or refuses it and changes nothing. `forgotten` is what the engine forgot,
    /// because the order in which it checks records is its own.
    pub fn apply(
        &mut self,
        command: &Command,
        at: Timestamp,
        forgotten: &BTreeSet<ParcelId>,
    ) -> ModelResult<ModelOutcome> {
        let before = self.clone();
        (self.outcome, self.about) = (ModelOutcome::default(), About::default());
        let done = self
            .carry_out(command, at, forgotten)
            .and_then(|()| self.decide_open_items())
            .and_then(|()| self.within_limits());
        if let Err(no) = done {
            *self = before;
            return Err(no);
        }
        self.note_debts();
        self.note_contact(command);
        self.note_bank_movements(command);
        self.last_at = at;
        self.carried_out.push(command.clone());
        self.forget_transactions();
        Ok(std::mem::take(&mut self.outcome))
    }

    fn carry_out(
        &mut self,
        command: &Command,
        at: Timestamp,
        forgotten: &BTreeSet<ParcelId>,
    ) -> ModelResult {
        ensure(at >= self.last_at, "time goes backwards")?;
        if let Command::OpenBooks(open) = command {
            if self.offset.is_some() {
                return self.only_repeats(self.carried_out.first() == Some(command));
            }
            let offset = open.utc_offset_minutes;
            ensure(offset.abs() <= UTC_OFFSET_MINUTES_MAX, "no such offset")?;
            self.open_with(open.first_person, open.second_person)?;
            self.offset = Some(offset);
            self.today = at.business_date(offset);
            return self.push_event(Event::Registered);
        }
        let Some(offset) = self.offset_at(at) else {
            return Err(ModelRefusal::Because("the books are not open"));
        };
        // Nobody lives through a day twice.
        let before = self.today;
        (self.today, self.now) = (before.max(at.business_date(offset)), at);
        if before < self.today {
            self.end_day(before);
        }
        self.knows_everybody(command)?;
        has_possible_sums(command)?;
        match command {
            Command::ForgetClosed(ForgetClosed { before, limit }) => {
                self.forget(*before, *limit, forgotten)
            }
            _ => self
                .apply_registration(command)
                .or_else(|| self.apply_person_command(command))
                .or_else(|| self.apply_access_command(command))
                .or_else(|| self.apply_terms_command(command))
                .or_else(|| self.apply_parcel_command(command))
                .or_else(|| self.collect(command))
                .or_else(|| self.apply_refund_command(command))
                .or_else(|| self.apply_chargeback_command(command))
                .or_else(|| self.apply_adjustment_command(command))
                .or_else(|| self.apply_tax_command(command))
                .or_else(|| self.apply_personal_data_command(command))
                .or_else(|| self.apply_cash_command(command))
                .or_else(|| self.apply_settlement_command(command))
                .or_else(|| self.apply_seller_debt_command(command))
                .or_else(|| self.apply_break_command(command))
                .or_else(|| self.apply_statement_command(command))
                .or_else(|| self.apply_terminal_command(command))
                .or_else(|| self.apply_batch_command(command))
                .or_else(|| self.apply_expiry_command(command))
                .or_else(|| self.apply_offline_command(command))
                .expect("each command is somebody's"),
        }
    }

    /// What local clocks are ahead of UTC.
    pub fn offset_at(&self, at: Timestamp) -> Option<i16> {
        let opened = self.offset?;
        let Some(zone) = self.zones.last() else { return Some(opened) };
        let mut offset = zone.utc_offset_minutes;
        for change in &zone.changes {
            if change.from.0 <= at.0 {
                offset = change.utc_offset_minutes;
            }
        }
        Some(offset)
    }

    pub fn push_event(&mut self, event: Event) -> ModelResult {
        self.outcome.events.push(event);
        Ok(())
    }

    /// Moves money. Does nothing if the amount is zero.
    pub fn post(&mut self, entry: ChartEntry, debit: Account, credit: Account, amount: u64) {
        if amount > 0 {
            let (stage, about) = (PostingStage::Posted, self.about);
            let line = PostingLine { entry, stage, debit, credit, amount, about };
            self.lines.push(line);
            self.outcome.lines.push(line);
        }
    }

    pub fn reserve(
        &mut self,
        why: ReservationFor,
        entry: ChartEntry,
        (debit, credit): (Account, Account),
        amount: u64,
    ) {
        let (stage, about) = (PostingStage::Reserved, self.about);
        let line = PostingLine { entry, stage, debit, credit, amount, about };
        self.reserved.insert(why, line);
        self.outcome.lines.push(line);
    }

    /// Posts a reservation, in full or in part. Releases the rest.
    pub fn post_reserved(&mut self, why: ReservationFor, amount: u64) {
        let reserved = self.reserved.remove(&why).expect("it was reserved");
        let (stage, about) = (PostingStage::PostedFromReserve, self.about);
        let line = PostingLine { stage, amount, about, ..reserved };
        self.lines.push(line);
        self.outcome.lines.push(line);
    }

    pub fn void_reservation(&mut self, why: ReservationFor) {
        let reserved = self.reserved.remove(&why).expect("it was reserved");
        let (stage, about) = (PostingStage::Voided, self.about);
        self.outcome.lines.push(PostingLine { stage, about, ..reserved });
    }

    /// The balance on the account's own side.
    pub fn balance(&self, account: Account) -> i128 {
        let mut debits: i128 = 0;
        for line in &self.lines {
            debits += if line.debit == account { i128::from(line.amount) } else { 0 };
            debits -= if line.credit == account { i128::from(line.amount) } else { 0 };
        }
        if account.0.side() == Side::Debit { debits } else { -debits }
    }

    /// Reserved amounts that increase the balance, and that decrease it.
    pub fn pending(&self, account: Account) -> (i128, i128) {
        let sum = |side: fn(&PostingLine) -> Account| -> i128 {
            let of_account = self.reserved.values().filter(|line| side(line) == account);
            of_account.map(|line| i128::from(line.amount)).sum()
        };
        let (debits, credits) = (sum(|line| line.debit), sum(|line| line.credit));
        if account.0.side() == Side::Debit { (debits, credits) } else { (credits, debits) }
    }

    pub fn available(&self, account: Account) -> i128 {
        self.balance(account) - self.pending(account).1
    }

    /// All balances, without zeros.
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

    /// Only account kinds that the chart allows are below zero, and no courier exceeds the cash
    /// limit.
    fn within_limits(&self) -> ModelResult {
        let touched: BTreeSet<Account> =
            self.outcome.lines.iter().flat_map(|line| [line.debit, line.credit]).collect();
        for account in touched {
            let overdraft = account.0.limits().overdraft;
            ensure(overdraft || self.available(account) >= 0, "an account below zero")?;
            if account.0 == AccountKind::CourierCash {
                let limit = i128::from(self.cash_limit(CourierId(account.1)));
                let added = self.outcome.lines.iter().any(|line| line.debit == account);
                ensure(!added || self.balance(account) <= limit, "too much cash in hand")?;
            }
        }
        Ok(())
    }

    // Shared by the parts of the model.

    /// Something that was done is only repeated by the same content.
    pub fn only_repeats<T>(&self, same: bool) -> ModelResult<T> {
        ensure(same, "done before with other content")?;
        Err(ModelRefusal::Repeated)
    }

    pub fn was_carried_out(&self, command: &Command) -> bool {
        self.carried_out.contains(command)
    }

    pub fn parcel(&self, id: ParcelId) -> ModelResult<&Parcel> {
        self.parcels.get(&id).ok_or(ModelRefusal::Because("no such parcel"))
    }

    pub fn payment(&self, id: PaymentId) -> ModelResult<&ModelPayment> {
        self.parcel(id.parcel)?
            .payments
            .get(&id.number)
            .ok_or(ModelRefusal::Because("no such payment"))
    }

    pub fn parcel_mut(&mut self, id: ParcelId) -> &mut Parcel {
        self.parcels.get_mut(&id).expect("the parcel is there")
    }

    pub fn payment_mut(&mut self, id: PaymentId) -> &mut ModelPayment {
        let payments = &mut self.parcel_mut(id.parcel).payments;
        payments.get_mut(&id.number).expect("the payment is there")
    }

    pub fn version_on(&self, tariff: TariffId, day: BusinessDate) -> ModelResult<&Version> {
        let holds = |version: &&Version| {
            version.from <= day && version.until.is_none_or(|until| day < until)
        };
        self.tariffs[&tariff]
            .iter()
            .find(holds)
            .ok_or(ModelRefusal::Because("no tariff holds that day"))
    }

    pub fn has_accounts(&self, currency: Currency) -> ModelResult {
        ensure(self.banks.values().any(|known| *known == currency), "no account in that currency")
    }

    pub fn unknown_count(&self) -> usize {
        let payments = self.parcels.values().flat_map(|parcel| parcel.payments.values());
        payments.filter(|payment| payment.is_unknown()).count()
    }
}

impl Firm {
    pub fn new(currency: Currency, guarantee: u64) -> Firm {
        Firm { currency, guarantee, notes: Vec::new() }
    }
}

impl Courier {
    pub fn new(firm: FirmId, limit: u64) -> Courier {
        Courier { firm, limit, in_hand: Vec::new() }
    }
}

impl Parcel {
    pub fn account(&self) -> SellerAccount {
        (self.seller, self.currency)
    }

    /// What was paid and is neither refunded nor charged back.
    pub fn standing(&self) -> u64 {
        self.payments.values().map(ModelPayment::standing).sum()
    }

    /// Pending or authorised. Unknown payments will be reversed.
    pub fn begun(&self) -> u64 {
        let counts = |payment: &&ModelPayment| {
            payment.state == PaymentState::Begun || payment.is_open_pre_authorisation()
        };
        self.payments.values().filter(counts).map(|payment| payment.amount).sum()
    }

    /// What a buyer can still be asked for.
    pub fn left(&self) -> u64 {
        self.due - self.standing() - self.begun()
    }

    /// Whether nothing stands and no payment is in flight.
    pub fn is_free_of_money(&self) -> bool {
        self.standing() == 0 && self.begun() == 0
    }

    /// Whether it is at the seller again, or lost, so that its order can be shipped again.
    pub fn came_back(&self) -> bool {
        matches!(self.state, ParcelState::Returned | ParcelState::Lost | ParcelState::Cancelled)
    }

    pub fn is_open(&self) -> bool {
        use ParcelState as S;
        matches!(self.state, S::Announced | S::Assigned | S::Out | S::Refused)
    }
}

/// The fees that a network or wallet keeps.
fn kept_by_network(fees: &[(FeeKind, u64)]) -> u64 {
    let kept = [FeeKind::Issuer, FeeKind::Network, FeeKind::Wallet];
    fees.iter().filter(|(kind, _)| kept.contains(kind)).map(|(_, fee)| fee).sum()
}

impl ModelPayment {
    pub fn fee_total(&self) -> u64 {
        self.fees.iter().map(|(_, fee)| fee).sum()
    }

    /// The fee that the network or wallet may deduct.
    pub fn deducted_by_network(&self) -> u64 {
        self.network_fee.unwrap_or_else(|| kept_by_network(&self.fees))
    }

    /// The seller's share, less refunds taken from it while held.
    pub fn share(&self) -> u64 {
        self.amount - self.excess - self.fee_total() - self.from_held
    }

    pub fn is_posted(&self) -> bool {
        matches!(self.state, PaymentState::Approved | PaymentState::Held | PaymentState::Released)
    }

    /// What of it stands.
    pub fn standing(&self) -> u64 {
        if self.is_collected() { self.amount - self.refunded } else { 0 }
    }

    /// Whether its money is in the books. A payment being reversed still counts.
    pub fn is_collected(&self) -> bool {
        use PaymentState as S;
        let leaving = matches!(self.state, S::Reversing(_) | S::ReversingVoid);
        self.is_posted() || (leaving && !self.is_pre_authorisation)
    }

    /// Whether it is a pre-authorisation that has not ended.
    pub fn is_open_pre_authorisation(&self) -> bool {
        use PaymentState as S;
        let ended = matches!(self.state, S::Declined | S::Reversed | S::Expired);
        self.is_pre_authorisation && !ended && !matches!(self.state, S::Begun | S::Unknown)
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.state, PaymentState::Unknown | PaymentState::CompletionUnknown)
    }
}
