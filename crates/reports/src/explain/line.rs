//! What an explanation is made of.

use std::collections::BTreeMap;

use books::chart::{AccountKind, ChartEntry};
use books::{BusinessDate, ParcelId, PaymentId, Posting, TariffVersion};
use engine::Engine;
use ledger::AccountNumber;
use money::Amount;
use tariff::{EarlierPayments, FeeKind, Fees, PaymentMethod, SellerClassNumber, Terms};

/// An approved payment, with its fees and tariff version.
#[derive(Clone, Debug)]
pub(super) struct Collected {
    pub date: BusinessDate,
    pub method: PaymentMethod,
    pub amount: Amount,
    pub fees: Fees,
    pub tariff: TariffVersion,
    pub class: SellerClassNumber,
    /// False for a rejected offline sale, which bears no fees.
    pub charged: bool,
    /// The parcel's payments whose fees stood when this one was collected.
    pub earlier: EarlierPayments,
    /// Where the fees were posted, in the order of the fees.
    pub accounts: Vec<AccountNumber>,
}

/// The terms of a tariff version, and whether they come from a tariff file.
pub(super) struct KnownTerms {
    pub terms: Terms,
    pub from_file: bool,
    /// First day in force.
    pub from: BusinessDate,
}

/// A change of a seller's payable balance, or a loss that never reached it.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Released {
        payment: PaymentId,
        collected: Collected,
    },
    /// Freight or a return fee, with its VAT.
    Charged {
        parcel: ParcelId,
        date: BusinessDate,
        kind: FeeKind,
        charge: Amount,
        vat: Amount,
        tariff: TariffVersion,
        /// Where the two were posted.
        accounts: [Option<AccountNumber>; 2],
    },
    Other(OtherLine),
}

/// Something of one kind and one amount.
#[derive(Clone, Debug)]
pub(super) struct OtherLine {
    pub what: &'static str,
    pub about: LineSubject,
    pub date: BusinessDate,
    pub side: LineSide,
    pub amount: u64,
}

#[derive(Clone, Debug)]
pub(super) enum LineSubject {
    Parcel(ParcelId),
    /// A won chargeback, by its payment and number.
    Win(PaymentId, u8),
    /// `break 7`.
    Other(String),
}

/// Where a line counts in the payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineSide {
    Gross,
    Refunded,
    /// The fee of a chargeback.
    Fee,
    /// A sum of its own: a returned payout, an invoiced debt, a compensation.
    Own,
    /// Not at all.
    Lost,
}

/// A payment with the fees that it bore.
pub(super) struct ChargedPayment {
    pub payment: PaymentId,
    pub method: PaymentMethod,
    pub amount: Amount,
    pub tariff: TariffVersion,
    pub fees: Fees,
}

/// What a command's postings took from payable money, by their kind and payment. Below zero, they
/// gave it back.
pub(super) type Taken = BTreeMap<(ChartEntry, Option<PaymentId>), i128>;

/// What a posting of a refund, chargeback or reversal takes from a payable balance, below zero if
/// it gives a fee or a won chargeback back.
pub(super) fn taken_from_payable(posting: &Posting, engine: &Engine) -> i128 {
    use ChartEntry as E;
    let is_payable = |account| {
        let view = engine.books().account_view(account);
        view.is_some_and(|account| account.kind == AccountKind::SellerPayable)
    };
    let amount = i128::from(posting.amount.minor());
    match posting.entry {
        E::Refunded
        | E::ChargedBack
        | E::CollectionReversed
        | E::LossReturned
        | E::DiscountTakenBack
            if is_payable(posting.debit) =>
        {
            amount
        }
        E::FeeReversed | E::CommissionReversed | E::ChargebackWon if is_payable(posting.credit) => {
            -amount
        }
        _ => 0,
    }
}
