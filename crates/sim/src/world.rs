//! The world: who is in it, what each of them knows, and who acts next.
//!
//! A courier is a chain of steps: each acts at one moment and puts down the next one. What is
//! asked of the books at a moment is collected in [`Ask`]s and carried out in one call; what to do
//! with each answer stands beside it. Payments are made at the terminal; what comes of them is
//! heard by [`World::at_the_door`].

mod door;
mod hub;
mod ledger;
mod pay;
mod people;

use std::collections::BTreeMap;

use engine::{BankId, Command, Event, ParcelId, Refusal, SellerId, Timestamp};
use money::{Amount, Currency};
use tariff::ClassNo;
use tariff::file::Tariff;

use crate::agenda::Agenda;
use crate::books::{BankLine, BankLineKind, CashTaking, NamedBreak, RailBooks, Whereabouts};
use crate::clock::{Clock, TICK_MS};
use crate::doors::{Deed, What};
use crate::office::Answer;
use crate::rates::Rates;
use crate::report::Incidents;

pub(crate) use hub::HandOver;
pub(crate) use pay::Payment;
pub(crate) use people::{Courier, Firm, Parcel, Seller};

/// The world.
pub(crate) struct World {
    pub clock: Clock,
    pub seed: u64,
    pub rates: Rates,
    pub currency: Currency,
    pub tariff: Tariff,
    pub class: ClassNo,
    pub cash_limit: u64,
    /// Buyers have nothing but cash.
    pub only_cash: bool,
    pub bank: BankId,
    pub statement: Vec<BankLine>,
    /// The networks, then the wallet.
    pub rails: Vec<RailBooks>,
    pub cash: Vec<CashTaking>,
    pub sellers: Vec<Seller>,
    pub seller_places: BTreeMap<SellerId, usize>,
    pub parcels: Vec<Parcel>,
    pub places: BTreeMap<ParcelId, usize>,
    pub firms: Vec<Firm>,
    pub couriers: Vec<Courier>,
    pub agenda: Agenda<Wake>,
    pub breaks: Vec<NamedBreak>,
    pub incidents: Incidents,
    pub disagreements: Vec<String>,
}

/// A courier who acts, by place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wake(pub usize, pub Step);

/// What a courier does next. Parcels by place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Loads the first tour.
    Load,
    /// Is at a door.
    Arrive(usize),
    /// Asks for what is left.
    Pay(usize),
    /// Completes what was pre-authorised.
    Complete,
    /// Takes back what was paid.
    TakeBack,
    /// Is to come again.
    GoAway(usize),
    /// Is at the hub; with a door to go back to.
    Hub(Option<usize>),
    /// The cashier counts, with the code mistyped first.
    Count(HandOver, bool),
    /// Leaves the hub.
    Leave(Option<usize>),
}

/// What couriers want of the books and of their terminals.
#[derive(Default)]
pub(crate) struct Wishes {
    pub asks: Vec<Ask>,
    /// By courier.
    pub deeds: Vec<(usize, Deed)>,
}

/// What is asked of the books.
pub(crate) struct Ask {
    pub command: Command,
    pub then: Then,
}

/// What an answer is about. Couriers and parcels by place, the courier first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// A courier has loaded the first tour.
    Loaded(usize),
    /// Nobody took the parcel; the courier goes on.
    Missed(usize, usize),
    /// The parcel was refused; the courier goes on.
    Refused(usize, usize),
    /// There was no time for the parcel.
    OutOfTime(usize),
    /// A parcel without time left has no attempt left either.
    GivenUp(usize),
    /// So much of the parcel is taken.
    PartTaken(usize, usize, u64),
    /// A hand-over began.
    HandOverStarted(usize, HandOver),
    /// A wrong code was tried.
    Mistyped(usize, HandOver),
    /// A hand-over was counted.
    Counted(usize, HandOver),
    /// Parcels were taken out again.
    TakenOut(usize),
}

impl World {
    /// Lets a courier act: on the books, or at the terminal.
    pub(crate) fn wake(&mut self, wake: Wake, now: Timestamp, wishes: &mut Wishes) {
        let Wake(courier, step) = wake;
        let asks = &mut wishes.asks;
        match step {
            Step::Load => {
                wishes.deeds.push((courier, Deed::plain(What::SignOn)));
                self.load(courier, asks);
            }
            Step::Arrive(parcel) => self.arrive(courier, parcel, now, asks),
            Step::Pay(parcel) => self.pay(courier, parcel, wishes),
            Step::Complete => self.complete(courier, wishes),
            Step::TakeBack => self.take_back(courier, wishes),
            Step::GoAway(parcel) => self.go_away(courier, parcel, asks),
            Step::Hub(back) => self.come_to_hub(courier, back, now, asks),
            Step::Count(handover, mistyped) => self.count(courier, handover, mistyped, asks),
            Step::Leave(back) => self.leave_hub(courier, back, now, asks),
        }
    }

    /// Takes an answer of the books.
    ///
    /// # Errors
    /// A refusal that the world had no reason to expect.
    pub(crate) fn hear(
        &mut self,
        then: Then,
        now: Timestamp,
        answer: Answer,
    ) -> Result<(), Refusal> {
        match (then, answer) {
            (Then::Mistyped(courier, handover), Err(Refusal::WrongCode)) => {
                self.mistyped(courier, handover, now);
            }
            (_, Err(refusal)) => return Err(refusal),
            (then, Ok(events)) => self.hear_done(then, now, &events),
        }
        Ok(())
    }

    fn hear_done(&mut self, then: Then, now: Timestamp, events: &[Event]) {
        match then {
            Then::Loaded(courier) => self.loaded(courier, now),
            Then::Missed(courier, parcel) => self.missed(courier, parcel, now),
            Then::Refused(courier, parcel) => {
                self.parcels[parcel].whereabouts = Whereabouts::Refused;
                self.next_stop(courier, now);
            }
            Then::OutOfTime(parcel) => self.out_of_time(parcel),
            Then::GivenUp(parcel) => self.parcels[parcel].whereabouts = Whereabouts::Refused,
            Then::PartTaken(courier, parcel, part) => {
                self.parcels[parcel].due = part;
                self.next_step(courier, now, 1, Step::Pay(parcel));
            }
            Then::HandOverStarted(courier, handover) => {
                self.hand_over_started(courier, handover, now, events);
            }
            Then::Mistyped(_, handover) => {
                let id = handover.id.0;
                self.disagreements.push(format!("hand-over {id} was counted with a wrong code"));
            }
            Then::Counted(courier, handover) => self.counted(courier, handover, now),
            Then::TakenOut(courier) => self.taken_out(courier, now),
        }
    }

    /// Puts down who acts at a moment, or at the next tick.
    pub(crate) fn put(&mut self, at: Timestamp, wake: Wake) {
        self.agenda.put(Clock::tick(at), wake);
    }

    /// Puts down a courier's next step, so many ticks from now.
    pub(crate) fn next_step(&mut self, courier: usize, now: Timestamp, ticks: u64, step: Step) {
        self.put(now.plus_ms(ticks * TICK_MS), Wake(courier, step));
    }

    /// A line of the bank statement.
    pub(crate) fn bank(&mut self, kind: BankLineKind, amount: u64) {
        self.statement.push(BankLine { kind, amount });
    }

    /// Parcels that the day is done with.
    pub(crate) fn parcels_done(&self) -> u64 {
        let done =
            |parcel: &&Parcel| !matches!(parcel.whereabouts, Whereabouts::Hub | Whereabouts::Out);
        self.parcels.iter().filter(done).count() as u64
    }
}

/// An amount that the world keeps as a plain number.
pub(crate) fn amount(minor: u64) -> Amount {
    Amount::new(minor).expect("the amounts of a day add up to an amount")
}
