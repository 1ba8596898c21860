//! What a parcel is going to meet at the door, drawn before the day begins.
//!
//! Every word is drawn whatever the rates are, in this order, for ever: another rate changes what
//! it is about and nothing else.

use engine::{ATTEMPTS_MAX, AttemptReason, ParcelId, RefuseReason};
use tariff::{CardKind, Tender};

use crate::chance::{Chance, Theme};
use crate::doors::Brand;
use crate::inputs::TenderMix;
use crate::rates::{self, Rates};

/// How a buyer wants to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Debit,
    Credit,
    Qr,
    Cash,
}

impl Means {
    pub(crate) fn tender(self) -> Tender {
        match self {
            Means::Debit => Tender::Card(CardKind::Debit),
            Means::Credit => Tender::Card(CardKind::Credit),
            Means::Qr => Tender::Qr,
            Means::Cash => Tender::Cash,
        }
    }
}

/// What is behind a payment without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The network never got the request.
    RequestLost,
    /// The network approved; its answer never came.
    AnswerLost,
    /// The network approved; its answer comes so many seconds after it was given up.
    LateApproval(u64),
    /// The network declined; its answer comes a second after it was given up.
    LateDecline,
}

/// A payment without an answer, and what becomes of its reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout {
    pub silence: Silence,
    /// How many reversals are not acknowledged.
    pub unheard: usize,
}

/// What a parcel is going to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Which of the firms has it, by place.
    pub firm: usize,
    /// Why nobody takes it at each attempt; nothing where somebody is home.
    pub absent: [Option<AttemptReason>; ATTEMPTS_MAX as usize],
    /// Why the buyer does not take it.
    pub refuses: Option<RefuseReason>,
    /// The part that the buyer takes, in parts per million.
    pub part: Option<u32>,
    /// How the buyer pays: the first way, and what comes where a way does not work. The last is
    /// always by card or QR, for it must work in the end.
    pub means: [Means; 3],
    /// Paid in two parts: the first, in parts per million.
    pub split: Option<u32>,
    /// Which networks take the buyer's cards.
    pub brand: Brand,
    /// The codes of the payments that are declined before one is not.
    pub declines: [Option<[u8; 2]>; 2],
    /// A buyer who was declined asks for another attempt.
    pub cannot_pay: bool,
    /// A payment without an answer, after those that are declined.
    pub timeout: Option<Timeout>,
    /// The line drops before the terminal hears of the first approval.
    pub approval_unheard: bool,
    /// The first cash is given back at the door.
    pub cash_given_back: bool,
    /// The buyer waits for a courier whose cash is at its limit.
    pub rather_waits: bool,
    /// A terminal whose line dropped repeats; the others reverse.
    pub repeats: bool,
    /// The network gives its answer twice.
    pub doubled: bool,
    /// The terminal sends a payment once more though it was answered.
    pub sent_twice: bool,
    /// The first payment by card or QR is taken back at the door.
    pub taken_back: bool,
    /// A card is pre-authorised first.
    pub holds: bool,
    /// The terminal has no line and approves a card itself, if it may.
    pub offline: bool,
}

/// Reversals of one payment that go unheard at the most.
const UNHEARD_MAX: usize = 3;
/// A late approval comes at most so many seconds late: before or after the reversal, which is sent
/// again after 2, 4 and 8 seconds where it is not heard.
const LATE_SECONDS_MAX: u64 = 8;
/// ISO 8583 response codes of declines: not sufficient funds, do not honour, over the limit.
const DECLINE_CODES: [[u8; 2]; 3] = [*b"51", *b"05", *b"61"];
const REFUSE_REASONS: [RefuseReason; 4] = [
    RefuseReason::NotWanted,
    RefuseReason::NotAsOrdered,
    RefuseReason::Damaged,
    RefuseReason::AmountDisputed,
];
/// Parts that are taken: a fifth to four fifths.
const PART: (u64, u64) = (200_000, 800_000);
/// First parts of two payments.
const FIRST_PART: (u64, u64) = (300_000, 700_000);

impl Fate {
    pub(crate) fn draw(
        (seed, parcel): (u64, ParcelId),
        mix: TenderMix,
        rates: &Rates,
        (firms, networks): (u64, u64),
    ) -> Fate {
        let low = u64::try_from(parcel.bits() & u128::from(u64::MAX)).expect("the lower half");
        let mut chance = Chance::new(seed, Theme::Parcel, low);
        let firm = place(chance.below(firms));
        let absent = std::array::from_fn(|attempt| {
            let last = attempt + 1 == usize::from(ATTEMPTS_MAX);
            let rate = if last { rates.nobody_home_at_last } else { rates.nobody_home };
            let (absent, wrong) = (chance.happens(rate), chance.happens(rates::ADDRESS_WRONG_PPM));
            let reason =
                if wrong { AttemptReason::AddressWrong } else { AttemptReason::NobodyHome };
            absent.then_some(reason)
        });
        let refused = chance.happens(rates.refused);
        let refuses = Some(chance.pick(&REFUSE_REASONS)).filter(|_| refused);
        let part = chance.happens(rates.part);
        let part = Some(share(&mut chance, PART)).filter(|_| part);
        let (means, split) = draw_means(mix, &mut chance);
        let network = place(chance.below(networks));
        let declined = [chance.happens(rates.declined), chance.happens(rates.declined)];
        let codes = [chance.pick(&DECLINE_CODES), chance.pick(&DECLINE_CODES)];
        let declines = [
            Some(codes[0]).filter(|_| declined[0]),
            Some(codes[1]).filter(|_| declined[0] && declined[1]),
        ];
        let cannot_pay = chance.happens(rates.cannot_pay);
        let timeout = chance.happens(rates.timeout);
        let timeout = Some(draw_timeout(&mut chance, rates)).filter(|_| timeout);
        let (approval_unheard, cash_given_back, rather_waits) = (
            chance.happens(rates.approval_unheard),
            chance.happens(rates.cash_given_back),
            chance.happens(rates::RATHER_WAITS_PPM),
        );
        let every = chance.happens(rates::EVERY_NETWORK_PPM);
        Fate {
            firm,
            absent,
            refuses,
            part,
            means,
            split,
            brand: if every { Brand::Every } else { Brand::Only(network) },
            declines,
            cannot_pay,
            timeout,
            approval_unheard,
            cash_given_back,
            rather_waits,
            repeats: chance.happens(rates::WHOLE_PPM / 2),
            doubled: chance.happens(rates.doubled),
            sent_twice: chance.happens(rates.duplicate),
            taken_back: chance.happens(rates.taken_back),
            holds: chance.happens(rates::HOLD_PPM),
            offline: chance.happens(rates::OFFLINE_PPM),
        }
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("a place in a list")
}

fn share(chance: &mut Chance, (least, most): (u64, u64)) -> u32 {
    u32::try_from(chance.between(least, most)).expect("parts per million")
}

fn draw_means(mix: TenderMix, chance: &mut Chance) -> ([Means; 3], Option<u32>) {
    use Means as M;
    let first = chance.below(u64::from(rates::WHOLE_PPM));
    let card = if chance.happens(rates::CREDIT_PPM) { M::Credit } else { M::Debit };
    let other = chance.happens(rates::WHOLE_PPM / 2);
    let split = chance.happens(rates::SPLIT_PPM);
    let first_part = share(chance, FIRST_PART);
    let by_card = first < u64::from(rates::CARD_PPM);
    let by_qr = first < u64::from(rates::CARD_PPM + rates::QR_PPM);
    let means = match mix {
        TenderMix::Card => [M::Debit; 3],
        TenderMix::Qr => [M::Qr; 3],
        TenderMix::Cash => [M::Cash, M::Cash, M::Debit],
        TenderMix::Mixed if split => [if by_card { card } else { M::Qr }, M::Cash, card],
        TenderMix::Mixed if by_card => [card, if other { M::Cash } else { M::Qr }, card],
        TenderMix::Mixed if by_qr => [M::Qr, if other { M::Cash } else { card }, card],
        TenderMix::Mixed => [M::Cash, if other { M::Qr } else { card }, card],
    };
    (means, Some(first_part).filter(|_| split && mix == TenderMix::Mixed))
}

fn draw_timeout(chance: &mut Chance, rates: &Rates) -> Timeout {
    let after = chance.between(1, LATE_SECONDS_MAX);
    let silence = match chance.below(10) {
        0..3 => Silence::RequestLost,
        3..6 => Silence::AnswerLost,
        6..9 => Silence::LateApproval(after),
        _ => Silence::LateDecline,
    };
    let sent: [bool; UNHEARD_MAX] = std::array::from_fn(|_| chance.happens(rates.reversal_unheard));
    let unheard = sent.iter().take_while(|unheard| **unheard).count();
    Timeout { silence, unheard }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::DayOptions;

    fn fates(options: &DayOptions) -> Vec<Fate> {
        let rates = Rates::of(options);
        let draw = |number: u128| {
            let parcel = ParcelId::new((number << 64) | (number * 7_919));
            Fate::draw((options.seed, parcel), options.tender, &rates, (3, 2))
        };
        (1..=10_000).map(draw).collect()
    }

    #[test]
    fn rates_are_met() {
        let fates = fates(&DayOptions::default());
        let count = |what: fn(&Fate) -> bool| fates.iter().filter(|fate| what(fate)).count();
        assert!((700..900).contains(&count(|fate| fate.refuses.is_some())));
        assert!((1_080..1_320).contains(&count(|fate| fate.absent[0].is_some())));
        assert!((230..370).contains(&count(|fate| fate.declines[0].is_some())));
        assert!((25..80).contains(&count(|fate| fate.timeout.is_some())));
        assert!((4_250..4_750).contains(&count(
            |fate| fate.means[0].tender() != Tender::Cash && fate.means[0] != Means::Qr
        )));
    }

    #[test]
    fn another_rate_changes_only_what_it_is_about() {
        let usual = fates(&DayOptions::default());
        let calm = fates(&DayOptions { faults_percent: 0, ..DayOptions::default() });
        for (usual, calm) in usual.iter().zip(&calm) {
            assert_eq!(usual.means, calm.means);
            assert_eq!(usual.refuses, calm.refuses);
            assert_eq!(usual.rather_waits, calm.rather_waits);
            assert_eq!(calm.timeout, None);
        }
    }

    #[test]
    fn every_way_of_paying_ends_in_one_that_needs_no_cash() {
        for tender in [TenderMix::Mixed, TenderMix::Card, TenderMix::Qr, TenderMix::Cash] {
            let fates = fates(&DayOptions { tender, ..DayOptions::default() });
            assert!(fates.iter().all(|fate| fate.means[2] != Means::Cash));
        }
    }
}
