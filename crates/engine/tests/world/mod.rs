//! A small world around the engine: one firm with two couriers, one of another firm, terminals, a
//! network, a wallet, a bank and two sellers, on the morning of 28 August 2013 in Shanghai.
//!
//! After each command that is carried out the money rules are checked; after each refusal that
//! nothing has changed (M10). When a test fails, the books are printed.

mod door;
mod say;
mod terminal;

pub use door::Door;
pub use say::*;
pub use terminal::*;

use std::fmt::Write as _;

use engine::chart::{AccountKind, Entry};
use engine::door_view::ChaseKind;
use engine::view::{ParcelState, ParcelView, TenderState, TenderView};
use engine::*;
use money::{Amount, Currency};
use tariff::{ClassNo, Terms};

pub const BANK: BankId = BankId(1);
pub const FIRM: FirmId = FirmId(1);
pub const OTHER_FIRM: FirmId = FirmId(2);
pub const COURIER: CourierId = CourierId(1);
/// Of the same firm.
pub const COLLEAGUE: CourierId = CourierId(2);
/// Of the other firm.
pub const STRANGER: CourierId = CourierId(3);
pub const TERMINAL: TerminalId = TerminalId(1);
pub const COLLEAGUES_TERMINAL: TerminalId = TerminalId(2);
pub const NETWORK: NetworkId = NetworkId(1);
pub const WALLET: WalletId = WalletId(1);
pub const SELLER: SellerId = SellerId(1);
pub const OTHER_SELLER: SellerId = SellerId(2);
pub const TARIFF: TariffId = TariffId(1);
pub const CHINA: Jurisdiction = Jurisdiction(*b"CN");
/// People. The hub's cashier is none of the couriers.
pub const CASHIER: PersonId = PersonId(901);
pub const ANNA: PersonId = PersonId(902);
pub const BO: PersonId = PersonId(903);

/// The code that couriers show at the hub.
pub const CODE: u32 = 471_100;

pub const UTC_OFFSET_MINUTES: i16 = 8 * 60;

/// What differs from test to test.
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
    /// The shipped tariff of 2013, class `general`; money is the seller's as soon as it is there.
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

/// The terms of `tariffs/china-2013.toml`.
pub fn shipped_terms() -> Terms {
    let text = include_str!("../../../../tariffs/china-2013.toml");
    tariff::file::parse(text).expect("the shipped tariff is good").versions.remove(0).terms
}

pub struct World {
    pub engine: Engine,
    /// The time of the next command.
    pub at: Timestamp,
    /// What the last command that was carried out did.
    pub outcome: Outcome,
    /// The postings of all of them.
    pub postings: Vec<Posting>,
}

impl World {
    /// The world as it is unless a test says otherwise.
    pub fn open() -> World {
        World::set(Setup::default())
    }

    pub fn set(setup: Setup) -> World {
        let mut world = World::empty();
        world.must(Command::OpenBooks { utc_offset_minutes: UTC_OFFSET_MINUTES });
        world.must(Command::RegisterBank {
            bank: BANK,
            currency: Currency::CNY,
            reference: "bank".into(),
        });
        for (firm, guarantee) in [(FIRM, setup.guarantee), (OTHER_FIRM, 0)] {
            world.must(Command::RegisterFirm {
                firm,
                currency: Currency::CNY,
                guarantee: Amount::of(guarantee),
                reference: format!("firm {}", firm.0),
            });
        }
        for (courier, firm) in [(COURIER, FIRM), (COLLEAGUE, FIRM), (STRANGER, OTHER_FIRM)] {
            world.must(Command::RegisterCourier {
                courier,
                firm,
                cash_limit: Amount::of(setup.cash_limit),
                reference: format!("courier {}", courier.0),
            });
        }
        for (terminal, courier) in [(TERMINAL, COURIER), (COLLEAGUES_TERMINAL, COLLEAGUE)] {
            world.must(Command::RegisterTerminal { terminal, courier });
        }
        let (currency, reference) = (Currency::CNY, String::from("network"));
        world.must(Command::RegisterNetwork { network: NETWORK, currency, reference });
        let reference = String::from("wallet");
        world.must(Command::RegisterWallet { wallet: WALLET, currency, reference });
        world.must(Command::SetHoldRule { jurisdiction: CHINA, rule: setup.hold });
        let class = setup.terms.class(setup.class).expect("the class is in the terms");
        world.must(publish(1, "2013-02-25", None, setup.terms.clone()));
        for seller in [SELLER, OTHER_SELLER] {
            world.must(register_seller(seller, class, setup.minimum));
        }
        world
    }

    /// Before the books are open.
    pub fn empty() -> World {
        World {
            engine: Engine::default(),
            at: nine_in_the_morning("2013-08-28"),
            outcome: Outcome::default(),
            postings: Vec::new(),
        }
    }

    /// It is nine in the morning of that day.
    pub fn on(&mut self, date: &str) -> &mut World {
        self.at = nine_in_the_morning(date);
        self
    }

    /// Carries out a command and checks everything that must hold afterwards.
    pub fn apply(&mut self, command: &Command) -> Result<(), Refusal> {
        let before = self.engine.snapshot();
        let done = self.apply_unchecked(command);
        if done.is_ok() {
            if let Err(wrong) = self.engine.check() {
                panic!("after {command:?}:\n{}", wrong.join("\n"));
            }
        } else {
            assert_eq!(self.outcome, Outcome::default(), "{command:?} is refused with an outcome");
            assert_eq!(
                self.engine.digest(),
                before.digest(),
                "M10: {command:?} is refused and changed something"
            );
        }
        done
    }

    /// As [`World::apply`], without looking at everything afterwards.
    pub fn apply_unchecked(&mut self, command: &Command) -> Result<(), Refusal> {
        let done = self.engine.apply(command, self.at, &mut self.outcome);
        self.postings.extend_from_slice(&self.outcome.postings);
        done
    }

    /// Carries out a command that must not be refused.
    pub fn must(&mut self, command: Command) -> &mut World {
        if let Err(refusal) = self.apply(&command) {
            panic!("{command:?} is refused: {refusal}");
        }
        self
    }

    /// A command that must be refused, and why.
    pub fn refused(&mut self, command: Command, why: Refusal) -> &mut World {
        match self.apply(&command) {
            Ok(()) => panic!("{command:?} is carried out, where it should say: {why}"),
            Err(refusal) => assert_eq!(refusal, why, "{command:?} is refused, but: {refusal}"),
        }
        self
    }

    /// A retry of what was done: refused as that.
    pub fn repeated(&mut self, command: Command) -> &mut World {
        self.refused(command, Refusal::Repeated)
    }

    /// Announces a parcel of the seller.
    pub fn parcel(&mut self, order: &str, due: u64) -> Door<'_> {
        self.parcel_of(SELLER, order, due)
    }

    /// Announces a parcel of a seller.
    pub fn parcel_of(&mut self, seller: SellerId, order: &str, due: u64) -> Door<'_> {
        let parcel = ParcelId::derived(seller, order);
        self.must(announce(seller, order, due));
        self.door(parcel)
    }

    /// Goes on with a parcel that was announced before.
    pub fn door(&mut self, parcel: ParcelId) -> Door<'_> {
        Door::new(self, parcel)
    }

    pub fn view(&self, parcel: ParcelId) -> ParcelView {
        self.engine.parcel_view(parcel).expect("the parcel is known")
    }

    pub fn tender(&self, tender: TenderId) -> TenderView {
        let tenders = self.engine.tenders(tender.parcel);
        tenders.into_iter().find(|one| one.id == tender).expect("the tender is known")
    }

    /// Where each of a parcel's tenders stands, number 1 first.
    pub fn tenders(&self, parcel: ParcelId) -> Vec<TenderState> {
        self.engine.tenders(parcel).iter().rev().map(|one| one.state).collect()
    }

    /// All money of an account kind in CNY.
    pub fn sum(&self, kind: AccountKind) -> i128 {
        self.engine.sum(kind, Currency::CNY)
    }

    /// The balance of somebody's account of a kind.
    pub fn balance(&self, kind: AccountKind, owner: u64) -> i128 {
        let mut accounts = self.engine.accounts();
        let account = accounts.find(|one| one.kind == kind && one.owner == owner);
        account.expect("there is such an account").balance
    }

    /// The books, all of them: what is not named must be zero.
    pub fn expect(&self, books: &[(AccountKind, i128)]) {
        let mut found: Vec<_> = AccountKind::ALL.map(|kind| (kind, self.sum(kind))).into();
        found.retain(|(_, sum)| *sum != 0);
        let mut books = books.to_vec();
        books.sort_unstable();
        assert_eq!(found, books, "the books are other than expected");
    }

    /// What moved for a tender: the row of the chart and the amount, in order.
    pub fn moved(&self, tender: TenderId) -> Vec<(Entry, u64)> {
        let lines = self.postings.iter().filter(|line| line.tender == Some(tender));
        lines.filter(|line| line.moved()).map(|line| (line.entry, line.amount.minor())).collect()
    }

    /// What a terminal would be told if it asked again: the response code and the authorisation.
    pub fn told(&self, stan: u32) -> Option<([u8; 2], [u8; 6])> {
        let transaction = self.engine.transaction(trace(stan)).expect("it is remembered");
        transaction.answer.map(|code| (code, transaction.authorisation))
    }

    /// A parcel is delivered for that much.
    pub fn expect_collected(&self, parcel: ParcelId, amount: u64) {
        let view = self.view(parcel);
        assert_eq!((view.state, view.collected), (ParcelState::Delivered, Amount::of(amount)));
    }

    /// What somebody has to be asked about, by the terminal's number for it.
    pub fn chased(&self) -> Vec<(u32, ChaseKind)> {
        self.engine.to_chase().map(|chase| (chase.trace.stan, chase.what)).collect()
    }

    /// A parcel that is out with the usual courier.
    pub fn out(&mut self, order: &str, due: u64) -> ParcelId {
        self.parcel(order, due).out().id()
    }

    /// A sale in the open batch is declined: the batch adds up to nothing and is not empty.
    pub fn declined_in(&mut self, batch: u32) -> &mut World {
        let parcel = self.out(&format!("declined in {batch}"), 1);
        self.must(sell_by_qr_in(batch, 900, parcel, 1));
        self.must(answer(first(parcel), Resolution::Declined { code: *b"51" }))
    }

    /// The events of the last command.
    pub fn events(&self) -> &[Event] {
        &self.outcome.events
    }

    /// All balances that are not zero, for people.
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
    /// A failing test shows its books.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.books());
        }
    }
}

pub fn nine_in_the_morning(date: &str) -> Timestamp {
    let day = Timestamp::beginning_of(day(date), UTC_OFFSET_MINUTES);
    day.plus_ms(9 * 60 * 60 * 1000)
}

pub fn day(date: &str) -> BusinessDate {
    date.parse().expect("tests write dates well")
}

/// The class in the terms that every test seller has unless it says otherwise.
pub const GENERAL: ClassNo = ClassNo(0);
