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
use crate::payment::record::RefundKind;

macro_rules! statement_parts {
    (gross: { $($(#[$given:meta])* $credit:ident,)+ }
     refunded: { $($(#[$taken:meta])* $charge:ident,)+ }) => {
        /// Parts of a statement's `gross`, whose rest was collected, and of its `refunded`, whose
        /// rest was refunded to buyers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[derive(BorshSerialize, BorshDeserialize, Serialize)]
        pub struct StatementParts<T> {
            $($(#[$given])* pub $credit: T,)+
            $($(#[$taken])* pub $charge: T,)+
        }

        impl<T: Copy> StatementParts<T> {
            /// The parts of `gross` by name.
            pub fn of_gross(&self) -> impl Iterator<Item = (&'static str, T)> {
                [$((stringify!($credit), self.$credit)),+].into_iter()
            }

            /// The parts of `refunded` by name.
            pub fn of_refunded(&self) -> impl Iterator<Item = (&'static str, T)> {
                [$((stringify!($charge), self.$charge)),+].into_iter()
            }

            /// Each part as another type; `None` if one does not fit.
            fn map<U>(&self, each: impl Fn(T) -> Option<U>) -> Option<StatementParts<U>> {
                Some(StatementParts {
                    $($credit: each(self.$credit)?,)+
                    $($charge: each(self.$charge)?,)+
                })
            }
        }

        impl StatementParts<u128> {
            fn add(&mut self, parts: &StatementParts<u64>) {
                $(self.$credit += u128::from(parts.$credit);)+
                $(self.$charge += u128::from(parts.$charge);)+
            }
        }
    };
}

statement_parts! {
    gross: {
        /// Got back of chargebacks.
        chargeback_won,
        /// Freight of undone deliveries, with its VAT.
        freight_given_back,
        break_credited,
        /// By adjusting entries.
        entry_credited,
        /// Doorstep's part of discounts.
        discount_paid,
    }
    refunded: {
        charged_back,
        /// Payments that were reversed after they were payable, less their fees.
        reversed,
        /// Paid for rejected offline sales, and given back because the parcel came back.
        loss_given_back,
        break_charged,
        /// By adjusting entries.
        entry_charged,
        /// Deducted again.
        invoice_cancelled,
        /// Doorstep's part of discounts on what buyers kept no more.
        discount_taken_back,
    }
}

impl StatementParts<u128> {
    /// As in a payout. `None` if a part is too large for it.
    pub(crate) fn of_payout(&self) -> Option<StatementParts<u64>> {
        self.map(|sum| u64::try_from(sum).ok())
    }
}

/// What a seller's next payout consists of, in minor units. Each entry adds less than 2⁶³, so the
/// sums cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct Statement {
    pub gross: u128,
    pub fees: u128,
    /// Refunded to buyers, and its parts.
    #[serde(rename = "given_back")]
    pub refunded: u128,
    pub returned: u128,
    pub invoiced: u128,
    pub compensated: u128,
    /// Parts of `fees`.
    pub vat: u128,
    pub freight: u128,
    #[serde(flatten)]
    pub parts: StatementParts<u128>,
}

impl Statement {
    pub(crate) fn net(&self) -> i128 {
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        let added = [self.gross, self.returned, self.invoiced, self.compensated];
        let added: i128 = added.into_iter().map(signed).sum();
        added - signed(self.fees) - signed(self.refunded)
    }

    /// Adds a part of `gross`.
    pub(crate) fn credit(
        &mut self,
        part: impl Fn(&mut StatementParts<u128>) -> &mut u128,
        amount: Amount,
    ) {
        self.gross += u128::from(amount.minor());
        *part(&mut self.parts) += u128::from(amount.minor());
    }

    /// Takes off a part of `gross` that is still here.
    pub(crate) fn take_credit(
        &mut self,
        part: impl Fn(&mut StatementParts<u128>) -> &mut u128,
        amount: Amount,
    ) {
        let minor = u128::from(amount.minor());
        let part = part(&mut self.parts);
        *part = part.checked_sub(minor).expect("the part was credited");
        self.gross = self.gross.checked_sub(minor).expect("a part of the gross");
    }

    /// Adds a part of `refunded`.
    pub(crate) fn charge(
        &mut self,
        part: impl Fn(&mut StatementParts<u128>) -> &mut u128,
        amount: Amount,
    ) {
        self.refunded += u128::from(amount.minor());
        *part(&mut self.parts) += u128::from(amount.minor());
    }

    /// Adds what was taken back of a payment, by the kind of its refund.
    pub(crate) fn take_back(&mut self, kind: RefundKind, amount: Amount) {
        match kind {
            RefundKind::ChargeBack => self.charge(|parts| &mut parts.charged_back, amount),
            RefundKind::LossReturned => self.charge(|parts| &mut parts.loss_given_back, amount),
            _ => self.refunded += u128::from(amount.minor()),
        }
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
        self.parts.add(&line.parts);
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
    pub sent_on: BusinessDate,
    /// The date of the bank's confirmation. The payout can still come back for a while.
    pub arrived: Option<BusinessDate>,
}

impl Payout {
    /// Whether the payout can no longer come back.
    pub(crate) fn is_past_return(&self, today: BusinessDate) -> bool {
        self.arrived.is_some_and(|arrived| arrived.plus_days(PAYOUT_RETURN_DAYS) < today)
    }
}
