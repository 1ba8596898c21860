//! The script of a parcel: everything that happens at the door, drawn before the day begins.
//!
//! Every value is always drawn, in this frozen order, whatever the rates are. A changed rate
//! therefore changes its own subject and nothing else.

use books::{ATTEMPTS_MAX, AttemptReason, DamagePayer, ParcelId, RefuseReason};
use peers::ResponseCode;
use tariff::{CardKind, PaymentMethod};

use crate::chance::{Chance, ChancePurpose};
use crate::inputs::PaymentMix;
use crate::payment_path::CardBrand;
use crate::rates::{self, Rates};

/// Why a payment gets no answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingAnswerCause {
    /// The request never reached the network.
    RequestLost,
    /// The network approved; its answer was lost.
    AnswerLost,
    /// The network approved; its answer comes this many seconds after the timeout.
    LateApproval(u64),
    /// The network declined; its answer comes after the timeout.
    LateDecline,
}

/// A payment without an answer in time, and its reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerTimeout {
    pub cause: MissingAnswerCause,
    /// How many reversal messages are lost.
    pub lost_reversals: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParcelScript {
    /// Index of the firm.
    pub firm: usize,
    /// Why each attempt fails; `None` when the buyer is home.
    pub failed_attempts: [Option<AttemptReason>; ATTEMPTS_MAX as usize],
    /// Why the buyer refuses the parcel.
    pub refusal: Option<RefuseReason>,
    /// The share that the buyer accepts, in parts per million.
    pub accepted_ppm: Option<u32>,
    /// Payment methods in the order in which the buyer tries them. The last is always card or QR,
    /// which succeed in the end.
    pub methods: [PaymentMethod; 3],
    /// Share of the first of two payments, in parts per million.
    pub first_part_ppm: Option<u32>,
    /// Which networks accept the buyer's cards.
    pub brand: CardBrand,
    /// Response codes of the payments declined before one is approved.
    pub decline_codes: [Option<ResponseCode>; 2],
    /// A buyer whose payment was declined asks for another attempt.
    pub cannot_pay: bool,
    /// The payment after the declined ones gets no answer in time.
    pub timeout: Option<AnswerTimeout>,
    /// The line drops before the first approval reaches the terminal.
    pub approval_lost: bool,
    /// The first cash payment is refunded at the door.
    pub cash_refunded: bool,
    /// The buyer waits while a courier at the cash limit goes to the hub.
    pub waits_for_courier: bool,
    /// After a dropped line the terminal repeats the request instead of reversing it.
    pub repeats_after_drop: bool,
    /// The network sends its answer twice.
    pub duplicate_answer: bool,
    /// The terminal repeats a request that was already answered.
    pub sent_twice: bool,
    /// The first payment by card or QR is voided or refunded at the door.
    pub cancelled_at_door: bool,
    /// A card payment is pre-authorised and completed.
    pub pre_authorised: bool,
    /// The terminal has no line and approves the card offline, within its limit.
    pub offline: bool,
}

/// The most reversal messages of one payment that are lost.
const LOST_REVERSALS_MAX: usize = 3;
/// The latest late approval, in seconds after the timeout: before or after the reversal, which is
/// repeated after 2, 4 and 8 seconds if it is not acknowledged.
const LATE_SECONDS_MAX: u64 = 8;
const DECLINE_CODES: [ResponseCode; 3] =
    [ResponseCode::INSUFFICIENT_FUNDS, ResponseCode::DO_NOT_HONOUR, ResponseCode::LIMIT_EXCEEDED];
const REFUSE_REASONS: [RefuseReason; 4] = [
    RefuseReason::NotWanted,
    RefuseReason::NotAsOrdered,
    RefuseReason::Damaged { paid_by: DamagePayer::Seller },
    RefuseReason::AmountDisputed,
];
/// Accepted share, in parts per million: a fifth to four fifths.
const ACCEPTED_PPM_RANGE: (u64, u64) = (200_000, 800_000);
/// Share of the first of two payments, in parts per million.
const FIRST_PART_PPM_RANGE: (u64, u64) = (300_000, 700_000);

impl ParcelScript {
    pub(crate) fn draw(
        (seed, parcel): (u64, ParcelId),
        mix: PaymentMix,
        rates: &Rates,
        (firms, networks): (u64, u64),
    ) -> ParcelScript {
        let low = u64::try_from(parcel.bits() & u128::from(u64::MAX)).expect("the lower half");
        let mut chance = Chance::new(seed, ChancePurpose::Parcel, low);
        let firm = index(chance.below(firms));
        let failed_attempts = std::array::from_fn(|attempt| {
            let last = attempt + 1 == usize::from(ATTEMPTS_MAX);
            let rate = if last { rates.nobody_home_last_attempt } else { rates.nobody_home };
            let (absent, wrong) = (chance.happens(rate), chance.happens(rates::ADDRESS_WRONG_PPM));
            let reason =
                if wrong { AttemptReason::AddressWrong } else { AttemptReason::NobodyHome };
            absent.then_some(reason)
        });
        let refused = chance.happens(rates.refused);
        let refusal = Some(chance.pick(&REFUSE_REASONS)).filter(|_| refused);
        let part = chance.happens(rates.partly_accepted);
        let accepted_ppm = Some(share(&mut chance, ACCEPTED_PPM_RANGE)).filter(|_| part);
        let (methods, first_part_ppm) = draw_methods(mix, &mut chance);
        let network = index(chance.below(networks));
        let declined = [chance.happens(rates.declined), chance.happens(rates.declined)];
        let codes = [chance.pick(&DECLINE_CODES), chance.pick(&DECLINE_CODES)];
        let decline_codes = [
            Some(codes[0]).filter(|_| declined[0]),
            Some(codes[1]).filter(|_| declined[0] && declined[1]),
        ];
        let cannot_pay = chance.happens(rates.cannot_pay);
        let timeout = chance.happens(rates.timeout);
        let timeout = Some(draw_timeout(&mut chance, rates)).filter(|_| timeout);
        let (approval_lost, cash_refunded, waits_for_courier) = (
            chance.happens(rates.approval_lost),
            chance.happens(rates.cash_refunded),
            chance.happens(rates::WAITS_FOR_COURIER_PPM),
        );
        let every = chance.happens(rates::EVERY_NETWORK_PPM);
        ParcelScript {
            firm,
            failed_attempts,
            refusal,
            accepted_ppm,
            methods,
            first_part_ppm,
            brand: if every { CardBrand::Every } else { CardBrand::Only(network) },
            decline_codes,
            cannot_pay,
            timeout,
            approval_lost,
            cash_refunded,
            waits_for_courier,
            repeats_after_drop: chance.happens(rates::WHOLE_PPM / 2),
            duplicate_answer: chance.happens(rates.duplicate_answer),
            sent_twice: chance.happens(rates.duplicate),
            cancelled_at_door: chance.happens(rates.cancelled_at_door),
            pre_authorised: chance.happens(rates::PRE_AUTHORISED_PPM),
            offline: chance.happens(rates::OFFLINE_SALE_PPM),
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index in a list")
}

fn share(chance: &mut Chance, (least, most): (u64, u64)) -> u32 {
    u32::try_from(chance.between(least, most)).expect("parts per million")
}

fn draw_methods(mix: PaymentMix, chance: &mut Chance) -> ([PaymentMethod; 3], Option<u32>) {
    use PaymentMethod as M;
    let (debit, credit) = (M::Card(CardKind::Debit), M::Card(CardKind::Credit));
    let first = chance.below(u64::from(rates::WHOLE_PPM));
    let card = if chance.happens(rates::CREDIT_PPM) { credit } else { debit };
    let other = chance.happens(rates::WHOLE_PPM / 2);
    let split = chance.happens(rates::SPLIT_PPM);
    let first_part = share(chance, FIRST_PART_PPM_RANGE);
    let by_card = first < u64::from(rates::CARD_PPM);
    let by_qr = first < u64::from(rates::CARD_PPM + rates::QR_PPM);
    let methods = match mix {
        PaymentMix::Only(M::Cash) => [M::Cash, M::Cash, debit],
        PaymentMix::Only(method) => [method; 3],
        PaymentMix::Mixed if split => [if by_card { card } else { M::Qr }, M::Cash, card],
        PaymentMix::Mixed if by_card => [card, if other { M::Cash } else { M::Qr }, card],
        PaymentMix::Mixed if by_qr => [M::Qr, if other { M::Cash } else { card }, card],
        PaymentMix::Mixed => [M::Cash, if other { M::Qr } else { card }, card],
    };
    (methods, Some(first_part).filter(|_| split && mix == PaymentMix::Mixed))
}

fn draw_timeout(chance: &mut Chance, rates: &Rates) -> AnswerTimeout {
    let after = chance.between(1, LATE_SECONDS_MAX);
    let cause = match chance.below(10) {
        0..3 => MissingAnswerCause::RequestLost,
        3..6 => MissingAnswerCause::AnswerLost,
        6..9 => MissingAnswerCause::LateApproval(after),
        _ => MissingAnswerCause::LateDecline,
    };
    let sent: [bool; LOST_REVERSALS_MAX] =
        std::array::from_fn(|_| chance.happens(rates.reversal_lost));
    let lost_reversals = sent.iter().take_while(|lost_reversals| **lost_reversals).count();
    AnswerTimeout { cause, lost_reversals }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::DayOptions;

    fn scripts(options: &DayOptions) -> Vec<ParcelScript> {
        let rates = Rates::of(options);
        let draw = |number: u128| {
            let parcel = ParcelId::new((number << 64) | (number * 7_919));
            ParcelScript::draw((options.seed, parcel), options.payment_mix, &rates, (3, 2))
        };
        (1..=10_000).map(draw).collect()
    }

    #[test]
    fn rates_are_met() {
        let scripts = scripts(&DayOptions::default());
        let count =
            |what: fn(&ParcelScript) -> bool| scripts.iter().filter(|script| what(script)).count();
        assert!((700..900).contains(&count(|script| script.refusal.is_some())));
        assert!((1_080..1_320).contains(&count(|script| script.failed_attempts[0].is_some())));
        assert!((230..370).contains(&count(|script| script.decline_codes[0].is_some())));
        assert!((25..80).contains(&count(|script| script.timeout.is_some())));
        assert!((4_250..4_750).contains(&count(|script| script.methods[0].is_card())));
    }

    #[test]
    fn another_rate_changes_only_what_it_is_about() {
        let usual = scripts(&DayOptions::default());
        let calm = scripts(&DayOptions { faults_percent: 0, ..DayOptions::default() });
        for (usual, calm) in usual.iter().zip(&calm) {
            assert_eq!(usual.methods, calm.methods);
            assert_eq!(usual.refusal, calm.refusal);
            assert_eq!(usual.waits_for_courier, calm.waits_for_courier);
            assert_eq!(calm.timeout, None);
        }
    }

    #[test]
    fn every_way_of_paying_ends_in_one_that_needs_no_cash() {
        use PaymentMethod::{Card, Cash, Qr};
        let only = [Card(CardKind::Debit), Qr, Cash].map(PaymentMix::Only);
        for payment_mix in only.into_iter().chain([PaymentMix::Mixed]) {
            let scripts = scripts(&DayOptions { payment_mix, ..DayOptions::default() });
            assert!(scripts.iter().all(|script| script.methods[2] != Cash));
        }
    }
}
