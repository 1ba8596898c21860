//! The rates of events and faults, in parts per million.
//!
//! All rates are assumptions, chosen to be plausible and to show every event at least once in a day
//! of some thousand parcels.

use crate::inputs::DayOptions;

pub use peers::chance::WHOLE_PPM;

/// Parcels refused at the door: 8%. For comparison, a third of India's COD orders go undelivered
/// (news18, 2019-11-11); that figure includes absent buyers and is high.
pub const REFUSED_PPM: u32 = 80_000;
/// Parcels accepted in part, when [`REFUSED_PPM`] are refused.
pub const PARTLY_ACCEPTED_PPM: u32 = 20_000;
/// Buyers who cannot pay after a decline and ask for another attempt, when [`REFUSED_PPM`] are
/// refused.
pub const CANNOT_PAY_PPM: u32 = 100_000;
/// Attempts at which nobody is home.
pub const NOBODY_HOME_PPM: u32 = 120_000;
/// Share of the failed attempts caused by a wrong address.
pub const ADDRESS_WRONG_PPM: u32 = 50_000;

/// Mixed payments: parcels paid by card.
pub const CARD_PPM: u32 = 450_000;
/// Mixed payments: parcels paid by QR. The rest is paid in cash.
pub const QR_PPM: u32 = 200_000;
/// Mixed payments: share of credit cards.
pub const CREDIT_PPM: u32 = 400_000;
/// Mixed payments: parcels paid in two payments, the second in cash.
pub const SPLIT_PPM: u32 = 10_000;
/// Buyers who wait while a courier at the cash limit goes to the hub; the others pay by card.
pub const WAITS_FOR_COURIER_PPM: u32 = 500_000;

/// Card and QR payments declined.
pub const DECLINED_PPM: u32 = 30_000;
/// Parcels with one card or QR payment that gets no answer in time.
pub const TIMEOUT_PPM: u32 = 5_000;
/// Reversals that are lost and sent again.
pub const REVERSAL_LOST_PPM: u32 = 300_000;
/// Payments whose approval never reaches the terminal.
pub const APPROVAL_LOST_PPM: u32 = 1_000;
/// Cash payments refunded at the door because the buyer prefers a card.
pub const CASH_REFUNDED_PPM: u32 = 2_000;
/// Card and QR payments voided or refunded at the door because the buyer prefers another method.
pub const CANCELLED_AT_DOOR_PPM: u32 = 2_000;
/// Answers that a network sends twice.
pub const DUPLICATE_ANSWER_PPM: u32 = 5_000;
/// Terminals that lose their memory once, with the lines of their batch so far.
pub const MEMORY_LOSS_PPM: u32 = 50_000;
/// Cards that every network accepts; the others are accepted by one.
pub const EVERY_NETWORK_PPM: u32 = 600_000;
/// Card payments pre-authorised first and completed after the parcel was inspected. Not a fault:
/// never scaled.
pub const PRE_AUTHORISED_PPM: u32 = 10_000;
/// Terminals that may approve sales offline. Not a fault: never scaled.
pub const OFFLINE_TERMINAL_PPM: u32 = 150_000;
/// Card payments that such a terminal approves offline. Not a fault: never scaled.
pub const OFFLINE_SALE_PPM: u32 = 50_000;
/// Commands sent twice, and answered requests that terminals repeat.
pub const DUPLICATE_PPM: u32 = 10_000;
/// Hand-overs with a shortage: 1 in 40.
pub const CASH_SHORT_PPM: u32 = 25_000;
/// Hand-overs with a surplus: 1 in 80.
pub const CASH_SURPLUS_PPM: u32 = 12_500;
/// Shortages that the courier repays the next morning. Not a fault: never scaled.
pub const REPAID_PPM: u32 = 750_000;
/// Hand-overs whose one-time code is mistyped first.
pub const CODE_MISTYPED_PPM: u32 = 20_000;
/// Deposits that the bank credits short (a forged note).
pub const DEPOSIT_SHORT_PPM: u32 = 20_000;
/// Cleared payments whose deducted fee differs from the tariff.
pub const FEE_DIFFERENCE_PPM: u32 = 2_000;
/// Cleared payments that are refunded, charged back or reversed after that, or whose wrong fee is
/// corrected.
pub const CHANGED_AFTER_CLEARING_PPM: u32 = 4_000;
/// Cleared payments that their seller refunds on a later day.
pub const REFUNDED_LATER_PPM: u32 = 5_000;
/// Cleared payments that are charged back about a month later.
pub const CHARGED_BACK_LATER_PPM: u32 = 3_000;
/// Offline sales that their network rejects.
pub const SALE_REJECTED_PPM: u32 = 100_000;
/// Offline sales that are made after the terminal's block.
pub const SOLD_AFTER_BLOCK_PPM: u32 = 100_000;
/// Terminals with offline sales that sell a parcel that nobody announced.
pub const UNKNOWN_PARCEL_PPM: u32 = 100_000;
/// Refused parcels that are damaged, for which the firm or Doorstep pays.
pub const DAMAGED_PPM: u32 = 50_000;
/// Refused parcels that are lost on their way back.
pub const LOST_PPM: u32 = 20_000;
/// Returned and lost parcels whose order is shipped again.
pub const SHIPPED_AGAIN_PPM: u32 = 100_000;
/// Payouts that the bank returns.
pub const PAYOUT_RETURNED_PPM: u32 = 1_000;

/// Upper limit of a scaled fault rate: the day must end.
pub const FAULT_PPM_MAX: u32 = 500_000;

/// The rates of one day, in parts per million. See the constant of each rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub refused: u32,
    pub partly_accepted: u32,
    pub cannot_pay: u32,
    /// At the first and second attempt.
    pub nobody_home: u32,
    /// At the third attempt; 0 when no parcel is to be refused.
    pub nobody_home_last_attempt: u32,
    pub declined: u32,
    pub timeout: u32,
    pub reversal_lost: u32,
    pub approval_lost: u32,
    pub cash_refunded: u32,
    pub cancelled_at_door: u32,
    pub duplicate_answer: u32,
    pub memory_loss: u32,
    pub duplicate: u32,
    pub cash_short: u32,
    pub cash_surplus: u32,
    pub code_mistyped: u32,
    pub deposit_short: u32,
    pub fee_difference: u32,
    pub changed_after_clearing: u32,
    pub refunded_later: u32,
    pub charged_back_later: u32,
    pub sale_rejected: u32,
    pub sold_after_block: u32,
    pub unknown_parcel: u32,
    pub damaged: u32,
    pub lost: u32,
    pub shipped_again: u32,
    pub payout_returned: u32,
}

impl Rates {
    /// Scales the refusal rates to [`DayOptions::refusals_ppm`] and the fault rates by
    /// [`DayOptions::faults_percent`].
    #[must_use]
    pub fn of(options: &DayOptions) -> Rates {
        let with_refusals = |ppm: u32| {
            let scaled = u64::from(ppm) * u64::from(options.refusals_ppm) / u64::from(REFUSED_PPM);
            capped(scaled, WHOLE_PPM)
        };
        let fault = |ppm: u32| {
            capped(u64::from(ppm) * u64::from(options.faults_percent) / 100, FAULT_PPM_MAX)
        };
        Rates {
            refused: options.refusals_ppm.min(WHOLE_PPM),
            partly_accepted: with_refusals(PARTLY_ACCEPTED_PPM),
            cannot_pay: with_refusals(CANNOT_PAY_PPM),
            nobody_home: NOBODY_HOME_PPM,
            nobody_home_last_attempt: if options.refusals_ppm == 0 { 0 } else { NOBODY_HOME_PPM },
            declined: fault(DECLINED_PPM),
            timeout: fault(TIMEOUT_PPM),
            reversal_lost: fault(REVERSAL_LOST_PPM),
            approval_lost: fault(APPROVAL_LOST_PPM),
            cash_refunded: fault(CASH_REFUNDED_PPM),
            cancelled_at_door: fault(CANCELLED_AT_DOOR_PPM),
            duplicate_answer: fault(DUPLICATE_ANSWER_PPM),
            memory_loss: fault(MEMORY_LOSS_PPM),
            duplicate: fault(DUPLICATE_PPM),
            cash_short: fault(CASH_SHORT_PPM),
            cash_surplus: fault(CASH_SURPLUS_PPM),
            code_mistyped: fault(CODE_MISTYPED_PPM),
            deposit_short: fault(DEPOSIT_SHORT_PPM),
            fee_difference: fault(FEE_DIFFERENCE_PPM),
            changed_after_clearing: fault(CHANGED_AFTER_CLEARING_PPM),
            refunded_later: fault(REFUNDED_LATER_PPM),
            charged_back_later: fault(CHARGED_BACK_LATER_PPM),
            sale_rejected: fault(SALE_REJECTED_PPM),
            sold_after_block: fault(SOLD_AFTER_BLOCK_PPM),
            unknown_parcel: fault(UNKNOWN_PARCEL_PPM),
            damaged: fault(DAMAGED_PPM),
            lost: fault(LOST_PPM),
            shipped_again: fault(SHIPPED_AGAIN_PPM),
            payout_returned: fault(PAYOUT_RETURNED_PPM),
        }
    }
}

fn capped(ppm: u64, most: u32) -> u32 {
    u32::try_from(ppm).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_refusals_and_faults_only_the_first_attempts_fail() {
        let options = DayOptions { refusals_ppm: 0, faults_percent: 0, ..DayOptions::default() };
        let rates = Rates::of(&options);
        let only = Rates { nobody_home: NOBODY_HOME_PPM, ..nothing() };
        assert_eq!(rates, only);
    }

    #[test]
    fn faults_are_scaled_and_capped() {
        let options = DayOptions { faults_percent: 300, ..DayOptions::default() };
        assert_eq!(Rates::of(&options).timeout, 3 * TIMEOUT_PPM);
        let options = DayOptions { faults_percent: u32::MAX, ..DayOptions::default() };
        assert_eq!(Rates::of(&options).timeout, FAULT_PPM_MAX);
    }

    fn nothing() -> Rates {
        Rates {
            refused: 0,
            partly_accepted: 0,
            cannot_pay: 0,
            nobody_home: 0,
            nobody_home_last_attempt: 0,
            declined: 0,
            timeout: 0,
            reversal_lost: 0,
            approval_lost: 0,
            cash_refunded: 0,
            cancelled_at_door: 0,
            duplicate_answer: 0,
            memory_loss: 0,
            duplicate: 0,
            cash_short: 0,
            cash_surplus: 0,
            code_mistyped: 0,
            deposit_short: 0,
            fee_difference: 0,
            changed_after_clearing: 0,
            refunded_later: 0,
            charged_back_later: 0,
            sale_rejected: 0,
            sold_after_block: 0,
            unknown_parcel: 0,
            damaged: 0,
            lost: 0,
            shipped_again: 0,
            payout_returned: 0,
        }
    }
}
