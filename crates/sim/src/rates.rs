//! How often what happens at the door, in parts per million.
//!
//! Where no source is named, a figure is an assumption: plausible, chosen so that a day of some
//! thousand parcels shows everything at least once.

use crate::inputs::DayOptions;

/// The whole, in parts per million.
pub const WHOLE_PPM: u32 = 1_000_000;

/// Parcels that the buyer does not take at the door: 8%. `domain.md` has a third of all COD orders
/// undelivered in India (news18, 2019-11-11); that is with nobody home and attempts used up, and
/// at the worse end. Assumption.
pub const REFUSED_PPM: u32 = 80_000;
/// Parcels of which a part only is taken, where [`REFUSED_PPM`] are refused. Assumption.
pub const PART_PPM: u32 = 20_000;
/// Buyers who cannot pay after a decline and ask the courier to come again, where [`REFUSED_PPM`]
/// are refused. Assumption.
pub const CANNOT_PAY_PPM: u32 = 100_000;
/// Attempts at which nobody is home. Three attempts are usual (`domain.md`, Bosta). Assumption.
pub const NOBODY_HOME_PPM: u32 = 120_000;
/// Of the attempts at which nobody is home, those where it is the wrong address. Assumption.
pub const ADDRESS_WRONG_PPM: u32 = 50_000;

/// Mixed tenders: parcels paid by card. Assumption.
pub const CARD_PPM: u32 = 450_000;
/// Mixed tenders: parcels paid by QR. The rest is paid in cash. Assumption.
pub const QR_PPM: u32 = 200_000;
/// Mixed tenders: cards that are credit cards. Assumption.
pub const CREDIT_PPM: u32 = 400_000;
/// Mixed tenders: parcels paid in two parts, the rest in cash. Assumption.
pub const SPLIT_PPM: u32 = 10_000;
/// Buyers who wait for a courier whose cash is at its limit to come back from the hub; the others
/// pay by card. Assumption.
pub const RATHER_WAITS_PPM: u32 = 500_000;

/// Card and QR payments that are declined. Assumption.
pub const DECLINED_PPM: u32 = 30_000;
/// Parcels of which one card or QR payment gets no answer in time. Assumption.
pub const TIMEOUT_PPM: u32 = 5_000;
/// Reversals that are not acknowledged and are sent again. Assumption.
pub const REVERSAL_UNHEARD_PPM: u32 = 300_000;
/// Approved payments whose approval never reaches the terminal, which reverses them. Assumption.
pub const APPROVAL_UNHEARD_PPM: u32 = 1_000;
/// Cash payments that are given back at the door, the buyer having found the card. Assumption.
pub const CASH_GIVEN_BACK_PPM: u32 = 2_000;
/// Approved payments, cards and QR, that are taken back at the door: the buyer wants to pay
/// otherwise. Assumption.
pub const TAKEN_BACK_PPM: u32 = 2_000;
/// Answers that a network gives twice. Assumption.
pub const DOUBLED_PPM: u32 = 5_000;
/// Terminals that lose their memory once, and with it the lines of their batch so far. Assumption.
pub const FORGETS_PPM: u32 = 50_000;
/// Cards that every network takes; the others are taken by one. Assumption.
pub const EVERY_NETWORK_PPM: u32 = 600_000;
/// Card payments that are pre-authorised first and completed when the parcel was looked at. Not a
/// fault: never scaled. Assumption.
pub const HOLD_PPM: u32 = 10_000;
/// Terminals that may approve sales themselves. Not a fault. Assumption.
pub const OFFLINE_TERMINAL_PPM: u32 = 150_000;
/// Card payments at such a terminal that it approves itself, having no line. Not a fault.
/// Assumption.
pub const OFFLINE_PPM: u32 = 50_000;
/// Commands that are sent twice, and messages that terminals repeat though they were answered.
/// Assumption.
pub const DUPLICATE_PPM: u32 = 10_000;
/// Hand-overs at which cash is missing: 1 in 40. Assumption.
pub const SHORT_PPM: u32 = 25_000;
/// Hand-overs at which there is too much: 1 in 80. Assumption.
pub const SURPLUS_PPM: u32 = 12_500;
/// Shortages that the courier pays up the next morning. Not a fault: never scaled. Assumption.
pub const REPAID_PPM: u32 = 750_000;
/// Hand-overs whose one-time code is mistyped first. Assumption.
pub const CODE_MISTYPED_PPM: u32 = 20_000;
/// Deposits of which the bank credits less than announced (a forged note). Assumption.
pub const DEPOSIT_SHORT_PPM: u32 = 20_000;
/// Cleared items of which another fee is kept back than the tariff says. Assumption.
pub const FEE_DIFFERENCE_PPM: u32 = 2_000;
/// Payouts that come back from the bank. Assumption.
pub const PAYOUT_RETURNED_PPM: u32 = 1_000;

/// No fault happens more often than this, however far faults are turned up: the day has to end.
pub const FAULT_PPM_MAX: u32 = 500_000;

/// The rates of one day, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Parcels refused at the door.
    pub refused: u32,
    /// Parcels taken in part.
    pub part: u32,
    /// Declined buyers who ask for another attempt.
    pub cannot_pay: u32,
    /// First and second attempts at which nobody is home.
    pub nobody_home: u32,
    /// Third attempts at which nobody is home; nothing where nothing is to be refused.
    pub nobody_home_at_last: u32,
    /// Payments declined.
    pub declined: u32,
    /// Payments without an answer in time.
    pub timeout: u32,
    /// Reversals that have to be sent again.
    pub reversal_unheard: u32,
    /// Approvals that do not reach the terminal.
    pub approval_unheard: u32,
    /// Cash given back at the door.
    pub cash_given_back: u32,
    /// Approved payments taken back at the door.
    pub taken_back: u32,
    /// Answers given twice.
    pub doubled: u32,
    /// Terminals that forget.
    pub forgets: u32,
    /// Commands and messages sent twice.
    pub duplicate: u32,
    /// Hand-overs with cash missing.
    pub short: u32,
    /// Hand-overs with too much cash.
    pub surplus: u32,
    /// One-time codes mistyped.
    pub code_mistyped: u32,
    /// Deposits credited short.
    pub deposit_short: u32,
    /// Fees kept back that the tariff does not say.
    pub fee_difference: u32,
    /// Payouts that come back.
    pub payout_returned: u32,
}

impl Rates {
    /// The rates that the options ask for: [`DayOptions::refusals_ppm`] with what goes with
    /// refusals in proportion, and every fault times [`DayOptions::faults_percent`].
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
            part: with_refusals(PART_PPM),
            cannot_pay: with_refusals(CANNOT_PAY_PPM),
            nobody_home: NOBODY_HOME_PPM,
            nobody_home_at_last: if options.refusals_ppm == 0 { 0 } else { NOBODY_HOME_PPM },
            declined: fault(DECLINED_PPM),
            timeout: fault(TIMEOUT_PPM),
            reversal_unheard: fault(REVERSAL_UNHEARD_PPM),
            approval_unheard: fault(APPROVAL_UNHEARD_PPM),
            cash_given_back: fault(CASH_GIVEN_BACK_PPM),
            taken_back: fault(TAKEN_BACK_PPM),
            doubled: fault(DOUBLED_PPM),
            forgets: fault(FORGETS_PPM),
            duplicate: fault(DUPLICATE_PPM),
            short: fault(SHORT_PPM),
            surplus: fault(SURPLUS_PPM),
            code_mistyped: fault(CODE_MISTYPED_PPM),
            deposit_short: fault(DEPOSIT_SHORT_PPM),
            fee_difference: fault(FEE_DIFFERENCE_PPM),
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
            part: 0,
            cannot_pay: 0,
            nobody_home: 0,
            nobody_home_at_last: 0,
            declined: 0,
            timeout: 0,
            reversal_unheard: 0,
            approval_unheard: 0,
            cash_given_back: 0,
            taken_back: 0,
            doubled: 0,
            forgets: 0,
            duplicate: 0,
            short: 0,
            surplus: 0,
            code_mistyped: 0,
            deposit_short: 0,
            fee_difference: 0,
            payout_returned: 0,
        }
    }
}
