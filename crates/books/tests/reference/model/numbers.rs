//! The model: numbers that senders give, so that a retry is told from something new.

use books::*;
use money::Currency;

use super::{Model, ModelResult, SellerAccount, ensure};

/// What a sender numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Numbered {
    HandOvers(CourierId),
    ShortageReductions(CourierId),
    Deposits(FirmId),
    CommissionPayments(FirmId),
    Amendments(ParcelId),
    Attempts(ParcelId),
    TerminalChanges(TerminalId),
    HoldRules(Jurisdiction),
    RefundLimits(Currency),
    AccessChanges(PersonId),
    FactorResets(PersonId),
    AccessEvents,
    Retention,
    Withdrawals(NetworkId),
    SellerTerms(SellerAccount),
    PayoutAccounts(SellerAccount),
    FirmTerms(FirmId),
    CashLimits(CourierId),
    SellerSuspensions(SellerId),
    CourierSuspensions(CourierId),
    Refunds(PaymentId),
    RefundConfirmations(PaymentId),
    Invoices(SellerAccount),
    BreakChanges(BreakId),
    Adjustments,
    TaxPayments,
    PeriodCloses,
    Disclosures,
    Erasures,
    /// Of an invoice, by its number.
    InvoicePayments(SellerAccount, u32),
}

impl Numbered {
    /// The parcel with which its numbers are forgotten.
    pub fn parcel(self) -> Option<ParcelId> {
        match self {
            Numbered::Attempts(parcel) | Numbered::Amendments(parcel) => Some(parcel),
            Numbered::Refunds(payment) | Numbered::RefundConfirmations(payment) => {
                Some(payment.parcel)
            }
            _ => None,
        }
    }

    /// How many of the latest numbers are remembered.
    fn remembered(self) -> usize {
        match self {
            Numbered::Amendments(_) => 1,
            Numbered::Invoices(_) | Numbered::InvoicePayments(..) | Numbered::BreakChanges(_) => {
                usize::MAX
            }
            _ if self.parcel().is_some() => usize::MAX,
            _ => NUMBERS_REMEMBERED,
        }
    }
}

impl Model {
    /// Accepts the next number. The same command with a used number is a retry. Of some numbers
    /// only the latest are remembered.
    pub fn next_number(&self, what: Numbered, number: u32, command: &Command) -> ModelResult {
        let used = self.all_of(what);
        let place = usize::try_from(number).unwrap();
        ensure(place > 0, "numbers begin with 1")?;
        let Some(before) = used.get(place - 1) else {
            return ensure(place == used.len() + 1, "not the next number");
        };
        ensure(used.len() - place < what.remembered(), "nobody knows what that number was")?;
        self.only_repeats(before == command)
    }

    pub fn use_number(&mut self, what: Numbered, command: &Command) {
        self.numbers.entry(what).or_default().push(command.clone());
    }

    /// The commands that used its numbers, number 1 first.
    pub fn all_of(&self, what: Numbered) -> &[Command] {
        self.numbers.get(&what).map_or(&[], Vec::as_slice)
    }

    pub fn count_of(&self, what: Numbered) -> u32 {
        u32::try_from(self.all_of(what).len()).unwrap()
    }
}
