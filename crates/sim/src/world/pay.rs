//! Paying at the door: in which way, what goes wrong, and what the terminal says of it.

use engine::{TenderId, Timestamp};
use peers::Action;
use tariff::{CardKind, Tender};

use crate::books::{CashTaking, Whereabouts};
use crate::doors::{Brand, Buyer, Deed, LineFault, Mishap, Outcome, What, card};
use crate::fate::{Means, Silence, Timeout};
use crate::inputs::DUE_MAX;
use crate::world::door::part_of;
use crate::world::hub::TRAVEL_TICKS;
use crate::world::{Parcel, Step, Wishes, World};

/// Who has to wait for a reversal, or for a network, tries again after a minute, in ticks.
const WAIT_TICKS: u64 = 2;
/// The switch gives a network so long.
const ANSWER_MS: u32 = 15_000;
/// What buyers give in cash is a multiple of this many minor units where that is enough.
const NOTE: u64 = 5_000;

/// A payment at a door.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payment {
    pub parcel: usize,
    pub means: Means,
    pub amount: u64,
    stage: Stage,
    /// What of the parcel's fate it meets.
    meets: Meets,
    /// The terminal's number of it, once it was approved.
    stan: u32,
    /// The terminal forgets it.
    forgets: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is asked for.
    Asked,
    /// It is pre-authorised, and to be completed.
    Holding,
    /// It is held, and is being completed.
    Completing,
    /// It is being taken back.
    TakingBack,
}

/// What a payment meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meets {
    Nothing,
    Decline,
    Timeout,
    LineDrop,
}

impl World {
    /// Asks for what is left, in the way that is next.
    pub(crate) fn pay(&mut self, courier: usize, place: usize, wishes: &mut Wishes) {
        let parcel = &self.parcels[place];
        let left = parcel.due - parcel.paid;
        assert!(left > 0, "a parcel that is paid is handed out");
        let means = parcel.fate.means[parcel.way];
        let splits = parcel.paid == 0 && parcel.way == 0 && left > 1;
        let amount = match parcel.fate.split.filter(|_| splits) {
            Some(part) => part_of(left, part),
            None => left,
        };
        let (what, meets, mishap) = match means {
            Means::Cash => {
                let (parcel, tendered) = (parcel.id, tendered(amount));
                (What::Cash { parcel, amount, tendered }, Meets::Nothing, Mishap::NONE)
            }
            Means::Qr => self.by_qr(place, amount),
            Means::Debit => self.by_card(courier, place, (CardKind::Debit, amount)),
            Means::Credit => self.by_card(courier, place, (CardKind::Credit, amount)),
        };
        let holds = matches!(what, What::Hold { .. });
        let stage = if holds { Stage::Holding } else { Stage::Asked };
        let fate = &self.parcels[place].fate;
        let goes_back = if means == Means::Cash { fate.cash_given_back } else { fate.taken_back };
        let offline = matches!(what, What::Offline { .. });
        let person = &mut self.couriers[courier];
        let forgets = person.forgets && !holds && !offline && !goes_back;
        let parcel = place;
        person.paying = Some(Payment { parcel, means, amount, stage, meets, stan: 0, forgets });
        wishes.deeds.push((courier, Deed { what, mishap: Mishap { forgets, ..mishap } }));
    }

    fn by_qr(&self, place: usize, amount: u64) -> (What, Meets, Mishap) {
        let parcel = &self.parcels[place];
        let meets = self.meets(place);
        let buyer = match (meets, parcel.fate.timeout.map(|timeout| timeout.silence)) {
            (Meets::Decline, _) => Buyer::Declines,
            (Meets::Timeout, Some(Silence::AnswerLost)) => Buyer::PaysLate(WAIT_TICKS * 10_000),
            (Meets::Timeout, Some(Silence::LateApproval(seconds))) => {
                Buyer::PaysLate(seconds * 1_000)
            }
            (Meets::Timeout, _) => Buyer::Leaves,
            _ => Buyer::Pays,
        };
        let line = self.line_fault(place, meets);
        (What::Qr { parcel: parcel.id, amount, buyer }, meets, Mishap { line, ..Mishap::NONE })
    }

    fn by_card(
        &self,
        courier: usize,
        place: usize,
        (kind, amount): (CardKind, u64),
    ) -> (What, Meets, Mishap) {
        let Parcel { id, fate, way, tenders, .. } = &self.parcels[place];
        let (parcel, meets) = (*id, self.meets(place));
        // The last way must work in the end: a card that every network takes.
        let last = *way + 1 == fate.means.len();
        let brand = if last { Brand::Every } else { fate.brand };
        let undisturbed = meets == Meets::Nothing && !fate.taken_back && fate.split.is_none();
        let alone = fate.offline && undisturbed && *tenders == 0;
        if alone && amount <= self.couriers[courier].offline {
            let (card, _) = card(parcel, *way, kind, Brand::Every);
            return (What::Offline { parcel, card, amount }, meets, Mishap::NONE);
        }
        let (card, pin) = card(parcel, *way, kind, brand);
        let what = if fate.holds && undisturbed {
            What::Hold { parcel, card, pin, amount }
        } else {
            What::Sell { parcel, card, pin, amount }
        };
        let code = fate.declines.get(self.parcels[place].declines).copied().flatten();
        let (answer, unheard) = match (meets, fate.timeout, code) {
            (Meets::Decline, _, Some(code)) => (Action::Decline { code }, 0),
            (Meets::Timeout, Some(Timeout { silence, unheard }), _) => (silent(silence), unheard),
            _ if fate.doubled => (Action::Double, 0),
            _ => (Action::Approve, 0),
        };
        let mishap = Mishap {
            answer,
            unheard: u32::try_from(unheard).unwrap_or(u32::MAX),
            line: self.line_fault(place, meets),
            twice: fate.sent_twice && meets == Meets::Nothing,
            forgets: false,
        };
        (what, meets, mishap)
    }

    /// What the next payment by card or QR meets.
    fn meets(&self, place: usize) -> Meets {
        let parcel = &self.parcels[place];
        if parcel.fate.declines.get(parcel.declines).copied().flatten().is_some() {
            Meets::Decline
        } else if parcel.fate.timeout.is_some() {
            Meets::Timeout
        } else if parcel.fate.approval_unheard {
            Meets::LineDrop
        } else {
            Meets::Nothing
        }
    }

    fn line_fault(&self, place: usize, meets: Meets) -> LineFault {
        match (meets, self.parcels[place].fate.repeats) {
            (Meets::LineDrop, true) => LineFault::DropsAndRepeats,
            (Meets::LineDrop, false) => LineFault::DropsAndReverses,
            _ => LineFault::None,
        }
    }

    /// A payment has met what it was to meet.
    fn has_met(&mut self, payment: &Payment) {
        let parcel = &mut self.parcels[payment.parcel];
        match payment.meets {
            Meets::Nothing => {}
            Meets::Decline => parcel.declines += 1,
            Meets::Timeout => parcel.fate.timeout = None,
            Meets::LineDrop => parcel.fate.approval_unheard = false,
        }
    }

    /// Takes what was pre-authorised.
    pub(crate) fn complete(&mut self, courier: usize, wishes: &mut Wishes) {
        let Some(payment) = &mut self.couriers[courier].paying else { return };
        payment.stage = Stage::Completing;
        let what = What::Complete { stan: payment.stan, amount: payment.amount };
        wishes.deeds.push((courier, Deed::plain(what)));
    }

    /// Takes back what was paid.
    pub(crate) fn take_back(&mut self, courier: usize, wishes: &mut Wishes) {
        let Some(payment) = &mut self.couriers[courier].paying else { return };
        payment.stage = Stage::TakingBack;
        let stan = payment.stan;
        let what = match payment.means.tender() {
            Tender::Cash => What::CashBack { stan },
            Tender::Qr => What::QrBack { stan },
            Tender::Card(_) => What::Void { stan },
        };
        wishes.deeds.push((courier, Deed::plain(what)));
    }

    /// What came of what a courier did at the terminal. `tender` is how the books number it.
    pub(crate) fn at_the_door(
        &mut self,
        courier: usize,
        (outcome, tender): (Outcome, Option<TenderId>),
        now: Timestamp,
    ) {
        let Some(payment) = self.couriers[courier].paying else { return };
        match (payment.stage, outcome) {
            (_, Outcome::Ready | Outcome::Closed { .. }) => {}
            (Stage::Asked, Outcome::Done { stan }) => self.paid(courier, (stan, tender), now),
            (Stage::Holding, Outcome::Done { stan }) => {
                self.has_met(&payment);
                self.incidents.held += 1;
                self.keep(courier, stan);
                self.next_step(courier, now, 1, Step::Complete);
            }
            (Stage::Asked | Stage::Holding, Outcome::Refused { code }) => {
                self.refused(courier, &payment, code, now);
            }
            (Stage::Asked | Stage::Holding, Outcome::TakenBack) => {
                self.has_met(&payment);
                self.incidents.approvals_unheard += 1;
                self.try_another_way(courier, payment.parcel, now);
            }
            (Stage::Completing, Outcome::Done { .. }) => self.handed_out(courier, &payment, now),
            (Stage::TakingBack, Outcome::Done { .. }) => {
                self.taken_back(courier, &payment, now);
            }
            // Once more, until it is done.
            (Stage::Completing, _) => self.next_step(courier, now, WAIT_TICKS, Step::Complete),
            (Stage::TakingBack, _) => self.next_step(courier, now, WAIT_TICKS, Step::TakeBack),
        }
    }

    fn keep(&mut self, courier: usize, stan: u32) {
        if let Some(payment) = &mut self.couriers[courier].paying {
            payment.stan = stan;
        }
    }

    /// The terminal says that it is paid.
    fn paid(&mut self, courier: usize, (stan, tender): (u32, Option<TenderId>), now: Timestamp) {
        let Some(payment) = self.couriers[courier].paying else { return };
        self.has_met(&payment);
        self.incidents.approvals_unheard += u64::from(payment.meets == Meets::LineDrop);
        let date = self.clock.date_at(now);
        let parcel = &mut self.parcels[payment.parcel];
        let fate = &mut parcel.fate;
        let goes_back = if payment.means == Means::Cash {
            let person = &mut self.couriers[courier];
            person.should_have += payment.amount;
            person.has += payment.amount;
            match tender {
                Some(tender) => self.cash.push(CashTaking {
                    tender,
                    courier: person.id,
                    amount: payment.amount,
                    taken_on: date,
                    given_back: false,
                }),
                None => self.disagreements.push(format!("cash that nobody booked: {payment:?}")),
            }
            std::mem::take(&mut fate.cash_given_back)
        } else {
            std::mem::take(&mut fate.taken_back)
        };
        if goes_back {
            parcel.paid += payment.amount;
            self.incidents.cash_given_back += u64::from(payment.means == Means::Cash);
            self.incidents.taken_back += u64::from(payment.means != Means::Cash);
            self.keep(courier, stan);
            self.next_step(courier, now, 1, Step::TakeBack);
        } else {
            self.couriers[courier].forgets &= !payment.forgets;
            self.handed_out(courier, &payment, now);
        }
    }

    /// Money came in: the parcel is handed out, or the rest is asked for.
    fn handed_out(&mut self, courier: usize, payment: &Payment, now: Timestamp) {
        self.couriers[courier].paying = None;
        let parcel = &mut self.parcels[payment.parcel];
        parcel.paid += payment.amount;
        if parcel.paid == parcel.due {
            parcel.whereabouts = Whereabouts::Delivered;
            self.next_stop(courier, now);
        } else {
            self.incidents.split += 1;
            self.try_another_way(courier, payment.parcel, now);
        }
    }

    fn taken_back(&mut self, courier: usize, payment: &Payment, now: Timestamp) {
        if payment.means == Means::Cash {
            let person = &mut self.couriers[courier];
            person.should_have -= payment.amount;
            person.has -= payment.amount;
            let id = self.parcels[payment.parcel].id;
            let mut takings = self.cash.iter_mut().rev();
            let taking = takings.find(|taking| taking.tender.parcel == id);
            taking.expect("cash that is given back was taken").given_back = true;
        }
        self.parcels[payment.parcel].paid -= payment.amount;
        self.try_another_way(courier, payment.parcel, now);
    }

    fn try_another_way(&mut self, courier: usize, place: usize, now: Timestamp) {
        self.couriers[courier].paying = None;
        let parcel = &mut self.parcels[place];
        parcel.way = (parcel.way + 1).min(parcel.fate.means.len() - 1);
        self.next_step(courier, now, 1, Step::Pay(place));
    }

    /// The terminal says that it is not paid.
    fn refused(&mut self, courier: usize, payment: &Payment, code: [u8; 2], now: Timestamp) {
        let place = payment.parcel;
        let last = self.parcels[place].way + 1 == self.parcels[place].fate.means.len();
        match (&code, payment.means) {
            (b"61", Means::Cash) => self.meet_cash_limit(courier, payment, now),
            (b"61", _) if payment.meets != Meets::Decline => self.online(courier, place, now),
            // What was paid before is being reversed, or no network is there.
            (b"P3" | b"P4" | b"P5", _) => self.wait(courier, place, now),
            (b"91" | b"96", _) if last => self.wait(courier, place, now),
            (b"91" | b"96", _) => self.try_another_way(courier, place, now),
            _ => {
                self.has_met(payment);
                let parcel = &mut self.parcels[place];
                let declined = payment.meets == Meets::Decline;
                let cannot = declined && parcel.paid == 0;
                let cannot = cannot && std::mem::take(&mut parcel.fate.cannot_pay);
                self.try_another_way_or_leave(courier, place, cannot, now);
            }
        }
    }

    fn try_another_way_or_leave(
        &mut self,
        courier: usize,
        place: usize,
        leave: bool,
        now: Timestamp,
    ) {
        if leave {
            self.couriers[courier].paying = None;
            let parcel = &mut self.parcels[place];
            parcel.way = (parcel.way + 1).min(parcel.fate.means.len() - 1);
            self.next_step(courier, now, 1, Step::GoAway(place));
        } else {
            self.try_another_way(courier, place, now);
        }
    }

    /// The terminal may not approve it itself.
    fn online(&mut self, courier: usize, place: usize, now: Timestamp) {
        self.parcels[place].fate.offline = false;
        self.couriers[courier].paying = None;
        self.next_step(courier, now, 1, Step::Pay(place));
    }

    fn wait(&mut self, courier: usize, place: usize, now: Timestamp) {
        self.incidents.waits += 1;
        self.couriers[courier].paying = None;
        self.next_step(courier, now, WAIT_TICKS, Step::Pay(place));
    }

    /// Too much in hand: to the hub first, where the buyer waits; else by card.
    fn meet_cash_limit(&mut self, courier: usize, payment: &Payment, now: Timestamp) {
        self.incidents.cash_limit += 1;
        self.couriers[courier].paying = None;
        let parcel = &mut self.parcels[payment.parcel];
        let helps = payment.amount <= self.cash_limit;
        let waits = parcel.fate.rather_waits || self.only_cash;
        if helps && waits {
            self.incidents.cash_limit_trips += 1;
            let back = Step::Hub(Some(payment.parcel));
            self.next_step(courier, now, TRAVEL_TICKS, back);
        } else {
            parcel.way = parcel.fate.means.len() - 1;
            self.next_step(courier, now, 1, Step::Pay(payment.parcel));
        }
    }
}

/// What a network does that does not answer in time.
fn silent(silence: Silence) -> Action {
    match silence {
        Silence::RequestLost => Action::Lost,
        Silence::AnswerLost => Action::Silent,
        Silence::LateApproval(seconds) => {
            let late = u32::try_from(seconds * 1_000).unwrap_or(0);
            Action::Late { ms: ANSWER_MS + late }
        }
        Silence::LateDecline => Action::LateDecline { code: *b"05", ms: ANSWER_MS },
    }
}

/// What a buyer gives: in notes, where that makes no number too long for a terminal.
fn tendered(amount: u64) -> u64 {
    amount.checked_next_multiple_of(NOTE).filter(|given| *given <= DUE_MAX).unwrap_or(amount)
}
