//! The chart of accounts: which accounts there are, and for each thing that happens, its postings.
//!
//! This file is meant to be read by an accountant. Every posting that the engine makes is one row
//! of [`CHART`]; a posting whose accounts are not of the kinds that its row names stops the
//! process.

use ledger::{Limits, Side};
use tariff::FeeKind;

/// What an account is for. The number is its code in the ledger and in exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum AccountKind {
    /// Asset: money in one of Doorstep's bank accounts.
    Bank = 1010,
    /// Asset: what a card network owes for approved payments.
    NetworkReceivable = 1110,
    /// Asset: what a wallet owes for approved payments.
    WalletReceivable = 1120,
    /// Asset: cash in a courier's hands.
    CourierCash = 1210,
    /// Asset: cash that a courier could not hand over and owes.
    CourierShortage = 1220,
    /// Asset: counted cash that a firm has not brought to the bank.
    FirmCash = 1230,
    /// Asset: differences that somebody has to explain (M9). Below zero: more money than explained.
    Suspense = 1900,
    /// Liability: collected for a seller, not really there yet or on hold by law (M5).
    SellerHeld = 2110,
    /// Liability: a seller's own money. Below zero: the seller owes.
    SellerPayable = 2120,
    /// Liability: sent to sellers, not confirmed by the bank.
    PayoutInFlight = 2130,
    /// Liability: a courier firm's commission. Below zero: the firm owes, for a collection was
    /// taken back after its commission was paid.
    FirmCommission = 2210,
    /// Liability: to be given back to buyers.
    BuyerRefunds = 2310,
    /// Income: the card issuer's part of the card fee, charged on.
    IssuerFees = 4010,
    /// Income: the card network's part of the card fee, charged on.
    NetworkFees = 4020,
    /// Income: the acquirer's part of the card fee.
    AcquirerFees = 4030,
    /// Income: the wallet's fee, charged on.
    WalletFees = 4040,
    /// Income: the fee for collecting at the door.
    CodFees = 4050,
    /// Income: the fee for bringing parcels back.
    ReturnFees = 4060,
    /// Expense: what networks and wallets keep back.
    ClearingCost = 5010,
    /// Expense: differences written off. Below zero: a gain.
    WriteOffs = 5020,
}

use AccountKind as A;

impl AccountKind {
    /// All kinds.
    pub const ALL: [AccountKind; 20] = [
        A::Bank,
        A::NetworkReceivable,
        A::WalletReceivable,
        A::CourierCash,
        A::CourierShortage,
        A::FirmCash,
        A::Suspense,
        A::SellerHeld,
        A::SellerPayable,
        A::PayoutInFlight,
        A::FirmCommission,
        A::BuyerRefunds,
        A::IssuerFees,
        A::NetworkFees,
        A::AcquirerFees,
        A::WalletFees,
        A::CodFees,
        A::ReturnFees,
        A::ClearingCost,
        A::WriteOffs,
    ];

    /// Its code.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The kind with that code.
    #[must_use]
    pub fn from_code(code: u16) -> Option<AccountKind> {
        AccountKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Assets and expenses grow by debits, liabilities and income by credits.
    #[must_use]
    pub const fn side(self) -> Side {
        match self.code() / 1000 {
            1 | 5 => Side::Debit,
            _ => Side::Credit,
        }
    }

    /// How far its balance may go unless its owner's terms say less.
    ///
    /// A bank account may be overdrawn (the bank decides that), a network may take back more than
    /// it owes, a seller or a firm may owe, and differences go either way. Everything else stops at
    /// zero.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            A::Bank
            | A::NetworkReceivable
            | A::WalletReceivable
            | A::SellerPayable
            | A::FirmCommission
            | A::Suspense
            | A::WriteOffs => Limits::NONE,
            _ => Limits::NO_OVERDRAFT,
        }
    }

    /// Its name in exports: the group, then the account.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            A::Bank => "assets:bank",
            A::NetworkReceivable => "assets:network-receivable",
            A::WalletReceivable => "assets:wallet-receivable",
            A::CourierCash => "assets:courier-cash",
            A::CourierShortage => "assets:courier-shortage",
            A::FirmCash => "assets:firm-cash",
            A::Suspense => "assets:suspense",
            A::SellerHeld => "liabilities:seller-held",
            A::SellerPayable => "liabilities:seller-payable",
            A::PayoutInFlight => "liabilities:payout-in-flight",
            A::FirmCommission => "liabilities:firm-commission",
            A::BuyerRefunds => "liabilities:buyer-refunds",
            A::IssuerFees => "income:issuer-fees",
            A::NetworkFees => "income:network-fees",
            A::AcquirerFees => "income:acquirer-fees",
            A::WalletFees => "income:wallet-fees",
            A::CodFees => "income:cod-fees",
            A::ReturnFees => "income:return-fees",
            A::ClearingCost => "expenses:clearing-cost",
            A::WriteOffs => "expenses:write-offs",
        }
    }

    /// The income account of a fee; a commission is the firm's and no income.
    #[must_use]
    pub const fn of_fee(kind: FeeKind) -> AccountKind {
        match kind {
            FeeKind::Issuer => A::IssuerFees,
            FeeKind::Network => A::NetworkFees,
            FeeKind::Acquirer => A::AcquirerFees,
            FeeKind::Wallet => A::WalletFees,
            FeeKind::Cod => A::CodFees,
            FeeKind::Return => A::ReturnFees,
            FeeKind::Commission => A::FirmCommission,
        }
    }
}

/// A row of the chart: one kind of posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub entry: Entry,
    /// What happened, in a line.
    pub what: &'static str,
    /// The kinds of account that it may debit.
    pub debit: &'static [AccountKind],
    /// The kinds of account that it may credit.
    pub credit: &'static [AccountKind],
}

macro_rules! chart {
    ($($entry:ident, $what:literal, $($debit:ident)|+ => $($credit:ident)|+;)+) => {
        /// The kinds of posting; the rows of [`CHART`] by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Entry {
            $(#[doc = $what] $entry),+
        }

        /// For each kind of posting, what is debited and what is credited.
        pub const CHART: &[Row] = &[
            $(Row {
                entry: Entry::$entry,
                what: $what,
                debit: &[$(A::$debit),+],
                credit: &[$(A::$credit),+],
            }),+
        ];
    };
}

chart! {
    // entry             what happened                                   debit => credit
    CardCollected,      "a card payment: reserved when sent, posted when approved",
                                                       NetworkReceivable => SellerHeld;
    QrCollected,        "a wallet payment: reserved when sent, posted when approved",
                                                        WalletReceivable => SellerHeld;
    CashCollected,      "cash taken at the door",            CourierCash => SellerHeld;
    FeeCharged,         "a fee of a collection",
        SellerHeld => IssuerFees | NetworkFees | AcquirerFees | WalletFees | CodFees;
    CommissionEarned,   "the courier firm's commission",      SellerHeld => FirmCommission;

    CollectionReversed, "an approved payment, or cash, taken back",
                    SellerHeld => NetworkReceivable | WalletReceivable | CourierCash;
    FeeReversed,        "the fee of a collection that was taken back",
        IssuerFees | NetworkFees | AcquirerFees | WalletFees | CodFees => SellerHeld;
    CommissionReversed, "the commission of a collection that was taken back",
                                                          FirmCommission => SellerHeld;

    Cleared,            "a network or wallet cleared an item",
                                     Bank => NetworkReceivable | WalletReceivable;
    KeptBack,           "its fee, kept back",
                             ClearingCost => NetworkReceivable | WalletReceivable;
    KeptBackTooMuch,    "more kept back than the tariff says",
                                 Suspense => NetworkReceivable | WalletReceivable;
    KeptBackTooLittle,  "less kept back than the tariff says", ClearingCost => Suspense;
    Released,           "a seller's share became the seller's", SellerHeld => SellerPayable;

    HandOverCounted,    "cash counted at the hub",              FirmCash => CourierCash;
    HandOverShort,      "cash that was not there",       CourierShortage => CourierCash;
    HandOverSurplus,    "cash that was too much",               FirmCash => Suspense;
    ShortageRepaid,     "a courier paid a shortage",            FirmCash => CourierShortage;
    Deposited,          "a deposit: reserved when announced, posted when on the statement",
                                                                    Bank => FirmCash;

    ReturnCharged,      "the return fee of a refused parcel", SellerPayable => ReturnFees;
    Refunded,           "a refund to a buyer",   SellerHeld | SellerPayable => BuyerRefunds;
    RefundPaid,         "a refund left the bank",                BuyerRefunds => Bank;
    ChargedBack,        "a payment taken back by a network or wallet",
              SellerHeld | SellerPayable => NetworkReceivable | WalletReceivable;

    CommissionPaid,     "a courier firm's commission was paid", FirmCommission => Bank;

    PayoutSent,         "a payout: reserved when planned, posted when sent",
                                                        SellerPayable => PayoutInFlight;
    PayoutConfirmed,    "a payout arrived",                PayoutInFlight => Bank;
    PayoutReturned,     "a payout came back",       PayoutInFlight | Bank => SellerPayable;

    BreakExcess,        "more than the books say",
              Bank | NetworkReceivable | WalletReceivable | FirmCash => Suspense;
    BreakShortfall,     "less than the books say",
              Suspense => Bank | NetworkReceivable | WalletReceivable | FirmCash;
    ExcessClosed,       "an excess written off or paid back",   Suspense => WriteOffs | Bank;
    ShortfallClosed,    "a shortfall written off or paid up",  WriteOffs | Bank => Suspense;

    RefundForwarded,    "a refund that the network or wallet pays, and owes less for",
                                BuyerRefunds => NetworkReceivable | WalletReceivable;
}

impl Entry {
    /// Its row.
    #[must_use]
    #[inline]
    pub fn row(self) -> &'static Row {
        &CHART[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_has_its_own_row() {
        for (place, row) in CHART.iter().enumerate() {
            assert_eq!(row.entry as usize, place);
            assert_eq!(row.entry.row(), row);
        }
    }

    #[test]
    fn codes_and_names_are_one_to_one() {
        for kind in AccountKind::ALL {
            assert_eq!(AccountKind::from_code(kind.code()), Some(kind));
            let same = AccountKind::ALL.iter().filter(|other| other.name() == kind.name());
            assert_eq!(same.count(), 1, "{}", kind.name());
        }
    }

    #[test]
    fn no_row_debits_and_credits_the_same_kind() {
        for row in CHART {
            assert!(row.debit.iter().all(|kind| !row.credit.contains(kind)), "{row:?}");
        }
    }
}
