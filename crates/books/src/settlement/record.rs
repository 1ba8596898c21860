//! Records of settlement: statements, plans, payouts.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountNumber, TransferId};
use money::{Amount, Currency};
use serde::Serialize;
use tariff::BusinessDate;

use crate::command::{PAYOUT_RETURN_DAYS, SettlementCycle};
use crate::event::PayoutLine;
use crate::ids::{BankId, PayoutId, PersonId};
use crate::party::persons::TwoPeople;

/// What a seller's next payout consists of, in minor units. Each entry adds less than 2⁶³, so the
/// sums cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct Statement {
    pub gross: u128,
    pub fees: u128,
    pub refunded: u128,
    pub returned: u128,
    pub invoiced: u128,
    pub compensated: u128,
    /// Parts of `fees`.
    pub vat: u128,
    pub freight: u128,
}

impl Statement {
    pub(crate) fn net(&self) -> i128 {
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        let added = [self.gross, self.returned, self.invoiced, self.compensated];
        let added: i128 = added.into_iter().map(signed).sum();
        added - signed(self.fees) - signed(self.refunded)
    }

    pub(crate) fn add(&mut self, line: &PayoutLine) {
        self.gross += u128::from(line.gross);
        self.fees += u128::from(line.fees);
        self.refunded += u128::from(line.refunded);
        self.returned += u128::from(line.returned);
        self.invoiced += u128::from(line.invoiced);
        self.compensated += u128::from(line.compensated);
        self.vat += u128::from(line.vat);
        self.freight += u128::from(line.freight);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum PlanStatus {
    Planned,
    Approved { by: PersonId },
    Executed { approved_by: PersonId, bank: BankId },
    Rejected { by: PersonId },
}

impl PlanStatus {
    /// Of a plan that is not over: whether it is approved.
    pub(crate) fn open(&self) -> Option<bool> {
        match self {
            PlanStatus::Planned => Some(false),
            PlanStatus::Approved { .. } => Some(true),
            PlanStatus::Executed { .. } | PlanStatus::Rejected { .. } => None,
        }
    }
}

/// A payment of a courier firm's commission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct CommissionPayment {
    pub bank: BankId,
    pub amount: Amount,
    pub decided_by: TwoPeople,
}

/// An invoice for a seller's debt. Few enough to remember them all.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct SellerInvoice {
    pub amount: Amount,
    pub invoiced_by: PersonId,
    pub invoiced_on: BusinessDate,
    /// Number 1 first.
    pub payments: Vec<InvoicePayment>,
    /// What was open when two people cancelled it.
    pub cancelled: Option<(Amount, TwoPeople)>,
}

impl SellerInvoice {
    pub(crate) fn paid(&self) -> Amount {
        let mut payments = self.payments.iter();
        let paid = payments.try_fold(Amount::ZERO, |sum, payment| sum.checked_add(payment.amount));
        paid.expect("no more is paid than the invoice's amount")
    }

    pub(crate) fn open(&self) -> Amount {
        let cancelled = self.cancelled.map_or(Amount::ZERO, |(amount, _)| amount);
        self.amount.saturating_sub(self.paid()).saturating_sub(cancelled)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct InvoicePayment {
    pub bank: BankId,
    pub amount: Amount,
}

/// A planned payout and its reservation.
pub(crate) type PlanLine = (PayoutLine, TransferId);

/// Who planned a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Planner {
    Person(PersonId),
    /// The calendar, and who then proposed to approve it.
    Calendar(Option<PersonId>),
}

/// A settlement plan. Its lines are removed when it is executed or rejected.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct SettlementPlan {
    pub status: PlanStatus,
    pub cycle: SettlementCycle,
    pub currency: Currency,
    pub planner: Planner,
    /// From the first payout to the one before `payouts_end`.
    pub first_payout: PayoutId,
    pub payouts_end: PayoutId,
    pub lines: Vec<PlanLine>,
    /// The payouts that were not sent, because the sellers no longer had that much.
    pub dropped: Vec<PayoutId>,
}

impl SettlementPlan {
    /// Whether the payout is one of this plan's and was sent.
    pub(crate) fn has_sent(&self, payout: PayoutId) -> bool {
        matches!(self.status, PlanStatus::Executed { .. })
            && (self.first_payout..self.payouts_end).contains(&payout)
            && !self.dropped.contains(&payout)
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Payout {
    pub seller: u32,
    pub net: Amount,
    pub bank: AccountNumber,
    /// Reserves the amount in the bank account until the bank confirms or returns the payout.
    pub reserve: TransferId,
    /// The date of the bank's confirmation. The payout can still come back for a while.
    pub arrived: Option<BusinessDate>,
}

impl Payout {
    /// Whether the payout can no longer come back.
    pub(crate) fn is_past_return(&self, today: BusinessDate) -> bool {
        self.arrived.is_some_and(|arrived| arrived.plus_days(PAYOUT_RETURN_DAYS) < today)
    }
}
