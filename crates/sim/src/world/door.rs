//! At the door: who is home, what is taken, how it is paid.

use engine::{
    ATTEMPTS_MAX, AttemptReason, BreakSubject, Command, Method, RefuseReason, Resolution, TenderId,
    Timestamp,
};
use tariff::Tender;

use crate::books::{CashTaking, RailAnswer, RailItem, Whereabouts};
use crate::clock::{FIRST_DOOR, LAST_DOOR, MIDDAY, SECOND_ROUND, THIRD_ROUND, TICK_MS};
use crate::fate::{Means, Silence, Timeout};
use crate::rates::WHOLE_PPM;
use crate::world::hub::TRAVEL_TICKS;
use crate::world::{Ask, Payment, Step, Then, Wake, World, amount};

/// From one door to the next: 2 to 5 minutes, in ticks. With a minute at the door a courier calls
/// every 3 to 6 minutes.
const PACE_TICKS: (u64, u64) = (4, 10);
/// A terminal has its answer after 30 seconds, or gives up after 60, in ticks.
const ANSWER_TICKS: u64 = 1;
const TIMEOUT_TICKS: u64 = 2;
/// A terminal that has heard nothing reverses after 60 seconds, in ticks.
const OWN_REVERSAL_TICKS: u64 = 2;
/// A buyer whose payment has to wait for a reversal tries again after 60 seconds, in ticks.
const WAIT_TICKS: u64 = 2;
/// Couriers begin one after the other, so many at a time, a tick apart.
const STAGGER: usize = 20;

/// What a terminal hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Approved.
    Approved,
    /// Approved, and the terminal does not hear of it.
    ApprovedUnheard,
    /// Declined, with the response code.
    Declined([u8; 2]),
    /// Nothing.
    Nothing(Timeout),
}

impl World {
    pub(crate) fn load(&mut self, courier: usize, asks: &mut Vec<Ask>) {
        let person = &self.couriers[courier];
        let parcels = person.stops.iter().map(|&parcel| self.parcels[parcel].id).collect();
        let command = Command::DispatchParcels { courier: person.id, parcels };
        asks.push(Ask { command, then: Then::Loaded(courier) });
    }

    pub(crate) fn loaded(&mut self, courier: usize, now: Timestamp) {
        for &parcel in &self.couriers[courier].stops {
            self.parcels[parcel].whereabouts = Whereabouts::Out;
        }
        let first = now.max(self.clock.today(FIRST_DOOR));
        if let Some(parcel) = self.couriers[courier].stops.pop_front() {
            let after = (courier % STAGGER) as u64;
            self.next_step(courier, first, 1 + after, Step::Arrive(parcel));
        }
    }

    pub(crate) fn arrive(
        &mut self,
        courier: usize,
        place: usize,
        now: Timestamp,
        asks: &mut Vec<Ask>,
    ) {
        let parcel = &self.parcels[place];
        let id = parcel.id;
        if let Some(reason) = parcel.fate.absent[usize::from(parcel.attempts)] {
            self.record_attempt(courier, place, reason, asks);
        } else if let Some(reason) = parcel.fate.refuses {
            let command = Command::RefuseParcel { parcel: id, reason };
            asks.push(Ask { command, then: Then::Refused(courier, place) });
        } else if let Some(part) = parcel.fate.part.filter(|_| parcel.due > 1) {
            let accepted = part_of(parcel.due, part);
            let command = Command::AcceptPart { parcel: id, accepted: amount(accepted) };
            asks.push(Ask { command, then: Then::PartTaken(courier, place, accepted) });
            self.parcels[place].fate.part = None;
        } else {
            self.next_step(courier, now, 1, Step::Pay(place));
        }
    }

    /// Puts down an attempt; after the last one the parcel goes back.
    fn record_attempt(
        &mut self,
        courier: usize,
        place: usize,
        reason: AttemptReason,
        asks: &mut Vec<Ask>,
    ) {
        let parcel = &self.parcels[place];
        let id = parcel.id;
        let number = parcel.attempts + 1;
        let command = Command::RecordAttempt { parcel: id, number, reason };
        asks.push(Ask { command, then: Then::Missed(courier, place) });
        if parcel.attempts + 1 == ATTEMPTS_MAX {
            let reason = RefuseReason::AttemptsUsedUp;
            let command = Command::RefuseParcel { parcel: id, reason };
            asks.push(Ask { command, then: Then::Refused(courier, place) });
        }
    }

    pub(crate) fn missed(&mut self, courier: usize, place: usize, now: Timestamp) {
        let parcel = &mut self.parcels[place];
        parcel.attempts += 1;
        parcel.whereabouts = Whereabouts::Hub;
        if parcel.attempts < ATTEMPTS_MAX {
            self.couriers[courier].again.push(place);
            self.next_stop(courier, now);
        }
    }

    pub(crate) fn go_away(&mut self, courier: usize, place: usize, asks: &mut Vec<Ask>) {
        self.record_attempt(courier, place, AttemptReason::CannotPay, asks);
    }

    /// To the next door, or to the hub: at midday, when all are done, when it is too late.
    pub(crate) fn next_stop(&mut self, courier: usize, now: Timestamp) {
        let person = &mut self.couriers[courier];
        let midday = now >= self.clock.today(MIDDAY) && !person.was_at_hub;
        let late = now >= self.clock.today(LAST_DOOR);
        let next = if midday || late { None } else { person.stops.pop_front() };
        match next {
            Some(parcel) => {
                let pace = person.chance.between(PACE_TICKS.0, PACE_TICKS.1);
                let round = match self.parcels[parcel].attempts {
                    0 => FIRST_DOOR,
                    1 => SECOND_ROUND,
                    _ => THIRD_ROUND,
                };
                let at = now.plus_ms(pace * TICK_MS).max(self.clock.today(round));
                self.put(at, Wake::Courier(courier, Step::Arrive(parcel)));
            }
            None => self.next_step(courier, now, TRAVEL_TICKS, Step::Hub(None)),
        }
    }

    /// Asks for what is left, in the way that is next.
    pub(crate) fn pay(&mut self, courier: usize, place: usize, asks: &mut Vec<Ask>) {
        let parcel = &mut self.parcels[place];
        let left = parcel.due - parcel.paid;
        assert!(left > 0, "a parcel that is paid is handed out");
        let means = parcel.fate.means[parcel.way];
        let splits = parcel.paid == 0 && parcel.way == 0 && left > 1;
        let asked = match parcel.fate.split.filter(|_| splits) {
            Some(part) => part_of(left, part),
            None => left,
        };
        let tender = TenderId { parcel: parcel.id, number: parcel.tenders + 1 };
        let rail = match means {
            Means::Cash => None,
            Means::Debit | Means::Credit => Some(parcel.fate.network),
            Means::Qr => Some(self.rails.len() - 1),
        };
        let payment = Payment { courier, parcel: place, tender, rail, means, amount: asked };
        let person = &self.couriers[courier];
        let ask = match rail {
            None => {
                let (courier, amount) = (person.id, amount(asked));
                let command = Command::CollectCash { tender, courier, amount };
                Ask { command, then: Then::CashTaken(payment) }
            }
            Some(rail) => {
                let (terminal, amount) = (person.terminal, amount(asked));
                let method = method(self.rails[rail].subject, means.tender());
                let command = Command::BeginCollection { tender, terminal, method, amount };
                Ask { command, then: Then::Begun(payment) }
            }
        };
        asks.push(ask);
    }

    /// The books have room for the payment: the network or wallet is asked and decides.
    pub(crate) fn begun(&mut self, payment: Payment, now: Timestamp) {
        let date = self.clock.date_at(now);
        let parcel = &mut self.parcels[payment.parcel];
        parcel.tenders = payment.tender.number;
        let declined = parcel.fate.declines.get(parcel.declines).copied().flatten();
        let (reply, heard, answer) = if let Some(code) = declined {
            parcel.declines += 1;
            (Reply::Declined(code), true, RailAnswer::Declined)
        } else if let Some(timeout) = parcel.fate.timeout.take() {
            let answer = match timeout.silence {
                Silence::LateDecline => RailAnswer::Declined,
                _ => RailAnswer::Approved,
            };
            (Reply::Nothing(timeout), timeout.silence != Silence::RequestLost, answer)
        } else if std::mem::take(&mut parcel.fate.approval_unheard) {
            (Reply::ApprovedUnheard, true, RailAnswer::Approved)
        } else {
            (Reply::Approved, true, RailAnswer::Approved)
        };
        if heard {
            let (how, amount) = (payment.means.tender(), payment.amount);
            let (reversed, kept_back) = (false, None);
            let item = RailItem { how, amount, asked_on: date, answer, reversed, kept_back };
            let rail = payment.rail.expect("cash asks nobody");
            self.rails[rail].items.insert(payment.tender, item);
        }
        let ticks = if matches!(reply, Reply::Nothing(_)) { TIMEOUT_TICKS } else { ANSWER_TICKS };
        self.next_step(payment.courier, now, ticks, Step::Hear(payment, reply));
    }

    /// The books let no other card near the parcel before the reversal.
    pub(crate) fn wait_for_reversal(&mut self, payment: Payment, now: Timestamp) {
        self.incidents.waits += 1;
        self.next_step(payment.courier, now, WAIT_TICKS, Step::Pay(payment.parcel));
    }

    pub(crate) fn hear_terminal(&mut self, payment: Payment, reply: Reply, asks: &mut Vec<Ask>) {
        let resolution = match reply {
            Reply::Approved | Reply::ApprovedUnheard => Resolution::Approved,
            Reply::Declined(code) => Resolution::Declined { code },
            Reply::Nothing(_) => Resolution::Unknown,
        };
        let command = Command::ResolveCollection { tender: payment.tender, resolution };
        asks.push(Ask { command, then: Then::Resolved(payment, reply) });
    }

    pub(crate) fn resolved(&mut self, payment: Payment, reply: Reply, now: Timestamp) {
        let Payment { courier, parcel: place, .. } = payment;
        let parcel = &mut self.parcels[place];
        match reply {
            Reply::Approved => self.paid(payment, now),
            Reply::ApprovedUnheard => {
                parcel.paid += payment.amount;
                self.incidents.approvals_unheard += 1;
                self.next_step(courier, now, OWN_REVERSAL_TICKS, Step::TakeBack(payment));
            }
            Reply::Declined(_) => {
                let cannot = std::mem::take(&mut parcel.fate.cannot_pay) && parcel.paid == 0;
                let step = if cannot { Step::GoAway(place) } else { Step::Pay(place) };
                self.another_way(place);
                self.next_step(courier, now, 1, step);
            }
            Reply::Nothing(timeout) => {
                self.begin_chase(payment, timeout, now);
                self.another_way(place);
                self.next_step(courier, now, 1, Step::Pay(place));
            }
        }
    }

    fn another_way(&mut self, place: usize) {
        let parcel = &mut self.parcels[place];
        parcel.way = (parcel.way + 1).min(parcel.fate.means.len() - 1);
    }

    /// Money came in: the parcel is handed out, or the rest is asked for.
    fn paid(&mut self, payment: Payment, now: Timestamp) {
        let parcel = &mut self.parcels[payment.parcel];
        parcel.paid += payment.amount;
        if parcel.paid == parcel.due {
            parcel.whereabouts = Whereabouts::Delivered;
            self.next_stop(payment.courier, now);
        } else {
            self.incidents.split += 1;
            self.another_way(payment.parcel);
            self.next_step(payment.courier, now, 1, Step::Pay(payment.parcel));
        }
    }

    pub(crate) fn cash_taken(&mut self, payment: Payment, now: Timestamp) {
        let person = &mut self.couriers[payment.courier];
        person.should_have += payment.amount;
        person.has += payment.amount;
        self.cash.push(CashTaking {
            tender: payment.tender,
            courier: person.id,
            amount: payment.amount,
            taken_on: self.clock.date_at(now),
            given_back: false,
        });
        let parcel = &mut self.parcels[payment.parcel];
        parcel.tenders = payment.tender.number;
        if std::mem::take(&mut parcel.fate.cash_given_back) {
            parcel.paid += payment.amount;
            self.incidents.cash_given_back += 1;
            self.next_step(payment.courier, now, 1, Step::TakeBack(payment));
        } else {
            self.paid(payment, now);
        }
    }

    /// Too much in hand: to the hub first, where the buyer waits; else by card.
    pub(crate) fn meet_cash_limit(&mut self, payment: Payment, now: Timestamp) {
        self.incidents.cash_limit += 1;
        let parcel = &mut self.parcels[payment.parcel];
        let helps = payment.amount <= self.cash_limit;
        let waits = parcel.fate.rather_waits || self.only_cash;
        if helps && waits {
            self.incidents.cash_limit_trips += 1;
            let back = Step::Hub(Some(payment.parcel));
            self.next_step(payment.courier, now, TRAVEL_TICKS, back);
        } else {
            parcel.way = parcel.fate.means.len() - 1;
            self.next_step(payment.courier, now, 1, Step::Pay(payment.parcel));
        }
    }

    pub(crate) fn take_back(&mut self, payment: Payment, asks: &mut Vec<Ask>) {
        self.incidents.reversals_sent += u64::from(payment.rail.is_some());
        self.reverse_on_rail(&payment);
        let command = Command::ReverseCollection { tender: payment.tender };
        asks.push(Ask { command, then: Then::TakenBack(payment) });
    }

    pub(crate) fn taken_back(&mut self, payment: Payment, now: Timestamp) {
        if payment.rail.is_none() {
            let person = &mut self.couriers[payment.courier];
            person.should_have -= payment.amount;
            person.has -= payment.amount;
            let mut takings = self.cash.iter_mut().rev();
            let taking = takings.find(|taking| taking.tender == payment.tender);
            taking.expect("cash that is given back was taken").given_back = true;
        }
        self.parcels[payment.parcel].paid -= payment.amount;
        self.another_way(payment.parcel);
        self.next_step(payment.courier, now, 1, Step::Pay(payment.parcel));
    }
}

/// A part of an amount above 1, above zero and below the whole.
fn part_of(whole: u64, ppm: u32) -> u64 {
    let part = u128::from(whole) * u128::from(ppm) / u128::from(WHOLE_PPM);
    u64::try_from(part).expect("a part is less than the whole").clamp(1, whole - 1)
}

fn method(subject: BreakSubject, how: Tender) -> Method {
    match (subject, how) {
        (BreakSubject::Network(network), Tender::Card(kind)) => Method::Card { network, kind },
        (BreakSubject::Wallet(wallet), Tender::Qr) => Method::Qr { wallet },
        _ => unreachable!("cards go to networks, QR to wallets"),
    }
}
