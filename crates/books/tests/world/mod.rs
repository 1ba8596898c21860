//! A small world around the engine: one firm with two couriers, one courier of another firm,
//! terminals, a network, a wallet, a bank and two sellers, on the morning of 28 August 2013 in
//! Shanghai.
//!
//! The money rules are checked after each applied command. After each refusal the books must be
//! unchanged (M10). A failing test prints the books.

mod commands;
mod parcel_steps;
mod terminal_commands;

pub use commands::*;
pub use parcel_steps::ParcelSteps;
pub use terminal_commands::*;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use books::chart::{AccountKind, ChartEntry};
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState, ParcelView, PaymentState, PaymentView};
use books::*;
use money::{Amount, Currency};
use tariff::{SellerClassNumber, Terms};

pub const BANK: BankId = BankId(1);
pub const FIRM: FirmId = FirmId(1);
pub const OTHER_FIRM: FirmId = FirmId(2);
pub const COURIER: CourierId = CourierId(1);
/// Same firm as [`COURIER`].
pub const COLLEAGUE: CourierId = CourierId(2);
pub const OTHER_FIRMS_COURIER: CourierId = CourierId(3);
/// Of [`COURIER`]. Tests open its batches.
pub const TERMINAL: TerminalId = TerminalId(1);
pub const COLLEAGUES_TERMINAL: TerminalId = TerminalId(2);
/// Also of [`COURIER`], with batch 1 open: for payments of which only the money matters.
pub const SIGNED_ON: TerminalId = TerminalId(4);
pub const NETWORK: NetworkId = NetworkId(1);
pub const WALLET: WalletId = WalletId(1);
pub const SELLER: SellerId = SellerId(1);
pub const OTHER_SELLER: SellerId = SellerId(2);
pub const TARIFF: TariffId = TariffId(1);
pub const CHINA: Jurisdiction = Jurisdiction(*b"CN");
/// The hub's cashier is not a courier.
pub const CASHIER: PersonId = PersonId(901);
pub const ANNA: PersonId = PersonId(902);
pub const BO: PersonId = PersonId(903);
/// Registered, and removed.
pub const GONE: PersonId = PersonId(904);

/// The one-time code that couriers show at the hub.
pub const CODE: u32 = 471_100;

pub const UTC_OFFSET_MINUTES: i16 = 8 * 60;

/// Differences between tests.
#[derive(Clone, Debug)]
pub struct Setup {
    pub hold: HoldRule,
    pub guarantee: u64,
    pub cash_limit: u64,
    pub minimum: u64,
    pub class: &'static str,
    pub terms: Terms,
}

impl Default for Setup {
    /// The shipped tariff of 2013, class `general`. Money is payable as soon as it is received.
    fn default() -> Setup {
        Setup {
            hold: HoldRule::AtOnce,
            guarantee: 0,
            cash_limit: 1_000_000,
            minimum: 0,
            class: "general",
            terms: shipped_terms(),
        }
    }
}

/// The terms of `tariffs/china-2013.toml` in CNY.
pub fn shipped_terms() -> Terms {
    let text = include_str!("../../../../tariffs/china-2013.toml");
    let file = tariff::file::parse(text).expect("the shipped tariff is good");
    file.in_currency(Currency::CNY).expect("it is in CNY").versions[0].terms.clone()
}

pub struct World {
    pub engine: Books,
    /// The time of the next command.
    pub at: Timestamp,
    /// The outcome of the last applied command.
    pub outcome: CommandOutcome,
    /// The postings of all applied commands.
    pub postings: Vec<Posting>,
    /// The lines of files that were applied.
    pub lines: Vec<ClearLine>,
    /// What files call the latest request for each payment.
    requests: BTreeMap<PaymentId, LineReference>,
}

/// The request that a command sends to take money, as files name it.
fn request_of(command: &Command) -> Option<(Trace, LineReference)> {
    match command {
        Command::BeginPurchase(BeginPurchase { trace, route: PaymentRoute::Qr { .. }, .. }) => {
            Some((*trace, LineReference::Order(trace.wallet_order())))
        }
        Command::BeginPurchase(BeginPurchase { trace, network_reference, .. })
        | Command::BeginCompletion(BeginCompletion { trace, network_reference, .. })
        | Command::RecordOfflineSale(RecordOfflineSale { trace, network_reference, .. }) => {
            Some((*trace, request_at(*network_reference)))
        }
        _ => None,
    }
}

impl World {
    /// A world with the default setup.
    pub fn open() -> World {
        World::set(Setup::default())
    }

    pub fn set(setup: Setup) -> World {
        let mut world = World::empty();
        world.must(open_books());
        // The couriers too, so that they are refused for what they did, not for what they are.
        for person in (1..=9).map(PersonId).chain([CASHIER, GONE]) {
            world.must(register_person(person, [ANNA, BO]));
        }
        world.must(remove_person(GONE, [ANNA, BO]));
        world.must(Command::RegisterBank(RegisterBank {
            bank: BANK,
            currency: Currency::CNY,
            reference: "bank".into(),
        }));
        for (firm, guarantee) in [(FIRM, setup.guarantee), (OTHER_FIRM, 0)] {
            world.must(register_firm(firm, Currency::CNY, guarantee));
        }
        for (courier, firm) in
            [(COURIER, FIRM), (COLLEAGUE, FIRM), (OTHER_FIRMS_COURIER, OTHER_FIRM)]
        {
            world.must(register_courier(courier, firm, setup.cash_limit));
        }
        for (terminal, courier) in
            [(TERMINAL, COURIER), (COLLEAGUES_TERMINAL, COLLEAGUE), (SIGNED_ON, COURIER)]
        {
            world.must(Command::RegisterTerminal(RegisterTerminal { terminal, courier }));
        }
        world.must(Command::OpenBatch(OpenBatch { terminal: SIGNED_ON, batch: 1 }));
        let (currency, reference) = (Currency::CNY, String::from("network"));
        world.must(Command::RegisterNetwork(RegisterNetwork {
            network: NETWORK,
            currency,
            reference,
        }));
        let reference = String::from("wallet");
        world.must(Command::RegisterWallet(RegisterWallet { wallet: WALLET, currency, reference }));
        world.must(set_hold_rule(CHINA, 1, setup.hold));
        let class = setup.terms.class(setup.class).expect("the class is in the terms");
        world.must(publish(1, "2013-02-25", None, setup.terms.clone()));
        for seller in [SELLER, OTHER_SELLER] {
            world.must(register_seller(seller, class, setup.minimum));
        }
        world
    }

    /// A world whose books are not open.
    pub fn empty() -> World {
        World {
            engine: Books::default(),
            at: nine_in_the_morning("2013-08-28"),
            outcome: CommandOutcome::default(),
            postings: Vec::new(),
            lines: Vec::new(),
            requests: BTreeMap::new(),
        }
    }

    /// Sets the time to nine in the morning of that day.
    pub fn on(&mut self, date: &str) -> &mut World {
        self.at = nine_in_the_morning(date);
        self
    }

    /// Applies a command and checks everything that must hold afterwards.
    pub fn apply(&mut self, command: &Command) -> Result<(), Refusal> {
        let before = self.engine.snapshot();
        let done = self.apply_unchecked(command);
        if done.is_ok() {
            if let Err(wrong) = self.engine.check() {
                panic!("after {command:?}:\n{}", wrong.join("\n"));
            }
        } else {
            assert_eq!(
                self.outcome,
                CommandOutcome::default(),
                "{command:?} is refused with an outcome"
            );
            assert_eq!(
                self.engine.digest(),
                before.digest(),
                "M10: {command:?} is refused and changed something"
            );
        }
        done
    }

    /// As [`World::apply`], without the checks.
    pub fn apply_unchecked(&mut self, command: &Command) -> Result<(), Refusal> {
        let command = &self.numbered(command.clone());
        let next = self.engine.next_number(command);
        let done = self.engine.apply(command, self.at, &mut self.outcome);
        if let (Ok(()), Some(next)) = (&done, next) {
            let fields = serde_json::to_value(command).expect("a command is JSON");
            let number = fields.get("number").unwrap_or(&fields["file"]);
            assert_eq!(*number, next, "{command:?} had the next number");
        }
        if let (Ok(()), Command::ClearLine(line)) = (&done, command) {
            self.lines.push(line.clone());
        }
        if done.is_ok()
            && let Some((trace, request)) = request_of(command)
            && let Some(payment) = self.engine.payment_of(trace)
        {
            self.requests.insert(payment, request);
        }
        self.postings.extend_from_slice(&self.outcome.postings);
        done
    }

    /// Applies a command that must not be refused.
    pub fn must(&mut self, command: Command) -> &mut World {
        if let Err(refusal) = self.apply(&command) {
            panic!("{command:?} is refused: {refusal}");
        }
        self
    }

    /// Applies a command that must be refused for this reason.
    pub fn refused(&mut self, command: Command, why: Refusal) -> &mut World {
        match self.apply(&command) {
            Ok(()) => panic!("{command:?} is carried out, where it should say: {why}"),
            Err(refusal) => assert_eq!(refusal, why, "{command:?} is refused, but: {refusal}"),
        }
        self
    }

    /// The rail's next line, of its payment's own request, if the line has no number yet.
    pub fn numbered(&self, mut command: Command) -> Command {
        if let Command::ClearLine(line) = &mut command
            && line.file == 0
        {
            let payment = line.payment.into_iter().flat_map(|id| {
                self.engine.payments(id.parcel).into_iter().find(|one| one.id == id)
            });
            if payment.into_iter().any(|one| one.method == tariff::PaymentMethod::Qr) {
                line.rail = RailId::Wallet(WALLET);
                line.reference = LineReference::Order("00000004000001000001".into());
            }
            if let Some(own) = line.payment.and_then(|payment| self.requests.get(&payment)) {
                line.reference = own.clone();
            }
            let last = self.engine.last_cleared_line(line.rail).unwrap_or_default();
            (line.file, line.line) = (last.0.max(1), last.1 + 1);
        }
        command
    }

    /// Applies a command that must be refused as a repeat. A line gets the numbers that it had.
    pub fn repeated(&mut self, mut command: Command) -> &mut World {
        if let Command::ClearLine(line) = &mut command
            && line.file == 0
        {
            let key = |one: &ClearLine| (one.kind, one.payment, one.amount, one.deducted);
            let before = self.lines.iter().rev().find(|one| key(one) == key(line));
            *line = before.expect("the line was given before").clone();
        }
        self.refused(command, Refusal::Repeated)
    }

    /// Puts money of Doorstep's own into the bank account, as two persons say.
    pub fn fund_bank(&mut self, amount: u64) -> &mut World {
        let (id, own) = (BreakId(1_000), BreakResolution::WriteOff);
        self.must(raise_break(id.0, BreakSubject::Bank(BANK), BreakSide::Excess, amount))
            .must(propose_resolution(id, own, ANNA))
            .must(approve_resolution(id, own, BO))
    }

    /// Announces a parcel of the default seller.
    pub fn parcel(&mut self, order: &str, due: u64) -> ParcelSteps<'_> {
        self.parcel_of(SELLER, order, due)
    }

    pub fn parcel_of(&mut self, seller: SellerId, order: &str, due: u64) -> ParcelSteps<'_> {
        let parcel = ParcelId::derived(seller, order);
        self.must(announce(seller, order, due));
        self.parcel_steps(parcel)
    }

    /// Continues with an announced parcel.
    pub fn parcel_steps(&mut self, parcel: ParcelId) -> ParcelSteps<'_> {
        ParcelSteps::new(self, parcel)
    }

    pub fn view(&self, parcel: ParcelId) -> ParcelView {
        self.engine.parcel_view(parcel).expect("the parcel is known")
    }

    pub fn payment(&self, payment: PaymentId) -> PaymentView {
        let payments = self.engine.payments(payment.parcel);
        payments.into_iter().find(|one| one.id == payment).expect("the payment is known")
    }

    /// The states of a parcel's payments, number 1 first.
    pub fn payment_states(&self, parcel: ParcelId) -> Vec<PaymentState> {
        self.engine.payments(parcel).iter().rev().map(|one| one.state).collect()
    }

    /// The balances of an account kind in CNY, added up.
    pub fn sum(&self, kind: AccountKind) -> i128 {
        self.engine.total_balance(kind, Currency::CNY)
    }

    /// The balance of one owner's account.
    pub fn balance(&self, kind: AccountKind, owner: u64) -> i128 {
        let mut accounts = self.engine.accounts();
        let account = accounts.find(|one| one.kind == kind && one.owner == owner);
        account.expect("there is such an account").balance
    }

    /// Checks all balances. Account kinds that are not named must be zero.
    pub fn expect(&self, books: &[(AccountKind, i128)]) {
        let mut found: Vec<_> = AccountKind::ALL.map(|kind| (kind, self.sum(kind))).into();
        found.retain(|(_, sum)| *sum != 0);
        let mut books = books.to_vec();
        books.sort_unstable();
        assert_eq!(found, books, "the books are other than expected");
    }

    /// Chart rows and amounts that moved for a payment, in order.
    pub fn moved_for(&self, payment: PaymentId) -> Vec<(ChartEntry, u64)> {
        let lines = self.postings.iter().filter(|line| line.payment == Some(payment));
        lines
            .filter(|line| line.moves_money())
            .map(|line| (line.entry, line.amount.minor()))
            .collect()
    }

    /// The response code and authorisation code that the terminal gets if it asks again.
    pub fn response_to(&self, stan: u32) -> Option<(ResponseCode, Option<AuthorisationCode>)> {
        let transaction = self.engine.transaction(trace(stan)).expect("it is remembered");
        transaction.response_code.map(|code| (code, transaction.authorisation_code))
    }

    /// Checks that a parcel is delivered and this amount is collected.
    pub fn expect_collected(&self, parcel: ParcelId, amount: u64) {
        let view = self.view(parcel);
        assert_eq!((view.state, view.collected), (ParcelState::Delivered, Amount::of(amount)));
    }

    /// The STANs that wait for a network, with the reason.
    pub fn pending_requests(&self) -> Vec<(u32, PendingRequestKind)> {
        self.engine
            .pending_requests()
            .map(|pending_request| (pending_request.trace.stan.get(), pending_request.kind))
            .collect()
    }

    /// Announces a parcel and sends it out with the default courier.
    pub fn dispatched_parcel(&mut self, order: &str, due: u64) -> ParcelId {
        self.parcel(order, due).dispatch().id()
    }

    /// A declined sale in the open batch: the totals are zero, but the batch is not empty.
    pub fn declined_sale_in(&mut self, batch: u32) -> &mut World {
        let parcel = self.dispatched_parcel(&format!("declined in {batch}"), 1);
        self.must(sell_by_qr_in(batch, 900, parcel, 1));
        self.must(resolve_purchase(
            first(parcel),
            PaymentResolution::Declined { code: ResponseCode::of(b"51") },
        ))
    }

    /// Closes the open batch of [`SIGNED_ON`], and the next one with a declined sale: only then are
    /// the first one's transactions forgotten. A parcel stays out.
    pub fn forget_batch(&mut self) -> &mut World {
        let parcel = self.dispatched_parcel("after the batch", 1);
        self.next_batch(SIGNED_ON);
        self.parcel_steps(parcel).qr(1).decline();
        self.next_batch(SIGNED_ON)
    }

    /// Closes a terminal's open batch with the right totals and opens the next one.
    fn next_batch(&mut self, terminal: TerminalId) -> &mut World {
        let batch = self.engine.terminal_view(terminal).expect("it is registered").batch;
        let totals = self.engine.batch_totals(terminal, batch).expect("it is open");
        self.must(Command::CloseBatch(CloseBatch { terminal, batch, totals }));
        self.must(Command::OpenBatch(OpenBatch { terminal, batch: batch + 1 }))
    }

    /// The traces of more sales than a batch holds, from number 0 on: 900 in each batch of
    /// [`TERMINAL`].
    pub fn nth_trace(&mut self, number: u32) -> Trace {
        if number == 0 {
            self.must(open_batch(1));
        } else if number.is_multiple_of(900) {
            self.next_batch(TERMINAL);
        }
        trace_in(1 + number / 900, 1 + number % 900)
    }

    /// The events of the last command.
    pub fn events(&self) -> &[Event] {
        &self.outcome.events
    }

    /// All balances that are not zero, as text.
    pub fn books(&self) -> String {
        let mut text = String::from("the books:\n");
        for account in self.engine.accounts().filter(|account| account.balance != 0) {
            let name = account.kind.name();
            let owner = self.engine.owner_reference(&account).unwrap_or("");
            let line = format!("{name:32}{owner:12}{:>24} {}", account.balance, account.currency);
            writeln!(text, "  {line}").expect("writing to a string");
        }
        text
    }
}

impl Drop for World {
    /// Prints the books of a failing test.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.books());
        }
    }
}

pub fn nine_in_the_morning(date: &str) -> Timestamp {
    let day = Timestamp::start_of_day(day(date), UTC_OFFSET_MINUTES);
    day.plus_ms(9 * 60 * 60 * 1000)
}

/// The refusal of a date that is not in a range; without an end it is open there.
pub fn bad_date(date: &str, first: &str, last: &str) -> Refusal {
    let or = |text: &str, open| if text.is_empty() { open } else { day(text) };
    Refusal::BadDate(day(date), or(first, BusinessDate(0)), or(last, BusinessDate::MAX))
}

pub fn day(date: &str) -> BusinessDate {
    date.parse().expect("tests write dates well")
}

/// The default seller class.
pub const GENERAL: SellerClassNumber = SellerClassNumber(0);
