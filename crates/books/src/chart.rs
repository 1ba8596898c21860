//! The chart of accounts: the accounts, and the postings of each kind of business event.
//!
//! Written for accountants. Every posting of the books is one row of [`CHART`]. A posting whose
//! accounts are not of the kinds in its row stops the process.

use ledger::{BalanceLimits, Side};
use tariff::FeeKind;

/// The purpose of an account. Its number is the account code in the ledger and in exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum AccountKind {
    /// Asset: money in one of Doorstep's bank accounts.
    Bank = 1010,
    /// Asset: what a card network owes for approved payments.
    NetworkReceivable = 1110,
    /// Asset: what a wallet owes for approved payments.
    WalletReceivable = 1120,
    /// Asset: debts for which sellers were invoiced.
    SellerReceivable = 1130,
    /// Asset: cash in a courier's hands.
    CourierCash = 1210,
    /// Asset: cash that a courier could not hand over and owes.
    CourierShortage = 1220,
    /// Asset: counted cash that a firm has not deposited.
    FirmCash = 1230,
    /// Asset: unexplained differences (M9). Below zero: more money than explained.
    Suspense = 1900,
    /// Liability: collected for a seller, or Doorstep's part of a discount: not received yet or on
    /// hold (M5).
    SellerHeld = 2110,
    /// Liability: payable to a seller. Below zero: the seller owes.
    SellerPayable = 2120,
    /// Liability: sent to sellers, not confirmed by the bank.
    PayoutInFlight = 2130,
    /// Liability: a courier firm's commission and freight. Below zero: the firm owes, because a
    /// collection was reversed after its commission was paid, or because it pays for damage.
    FirmCommission = 2210,
    /// Liability: refunds owed to buyers.
    BuyerRefunds = 2310,
    /// Liability: value added tax that was charged to sellers and not paid to the authority. Below
    /// zero: a payment was reversed after its VAT was paid.
    VatPayable = 2410,
    /// Liability: tax withheld from what firms are paid, and not paid to the authority.
    WithholdingPayable = 2420,
    /// Income: the card issuer's part of the card fee, passed on to the seller.
    IssuerFees = 4010,
    /// Income: the card network's part of the card fee, passed on to the seller.
    NetworkFees = 4020,
    /// Income: the acquirer's part of the card fee.
    AcquirerFees = 4030,
    /// Income: the wallet's fee, passed on to the seller.
    WalletFees = 4040,
    /// Income: the fee for collecting at the door.
    CodFees = 4050,
    /// Income: the fee for returning parcels.
    ReturnFees = 4060,
    /// Income: what two people book as an adjusting entry. Below zero: more was taken back.
    OtherIncome = 4070,
    /// Expense: fees that networks and wallets deduct. Below zero: they gave back more.
    ClearingCost = 5010,
    /// Expense: differences written off. Below zero: a gain.
    WriteOffs = 5020,
    /// Expense: what two people book as an adjusting entry: goodwill, bank charges, corrections.
    OtherExpenses = 5030,
    /// Expense: Doorstep's part of the discounts on what buyers keep, owed to their sellers.
    Promotions = 5040,
}

use AccountKind as A;

impl AccountKind {
    pub const ALL: [AccountKind; 26] = [
        A::Bank,
        A::NetworkReceivable,
        A::WalletReceivable,
        A::SellerReceivable,
        A::CourierCash,
        A::CourierShortage,
        A::FirmCash,
        A::Suspense,
        A::SellerHeld,
        A::SellerPayable,
        A::PayoutInFlight,
        A::FirmCommission,
        A::BuyerRefunds,
        A::VatPayable,
        A::WithholdingPayable,
        A::IssuerFees,
        A::NetworkFees,
        A::AcquirerFees,
        A::WalletFees,
        A::CodFees,
        A::ReturnFees,
        A::OtherIncome,
        A::ClearingCost,
        A::WriteOffs,
        A::OtherExpenses,
        A::Promotions,
    ];

    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    #[must_use]
    pub fn from_code(code: u16) -> Option<AccountKind> {
        AccountKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Debits increase assets and expenses. Credits increase liabilities and income.
    #[must_use]
    pub const fn side(self) -> Side {
        match self.code() / 1000 {
            1 | 5 => Side::Debit,
            _ => Side::Credit,
        }
    }

    /// Default balance limits of the account kind.
    ///
    /// A bank account goes below zero only by breaks and by what files take: what is paid from it
    /// is checked before. A network can reverse more than it owes, and give back fees. Sellers and
    /// firms can owe, and VAT can be paid too early. Differences go both ways. All other balances
    /// stop at zero.
    #[must_use]
    pub const fn limits(self) -> BalanceLimits {
        match self {
            A::Bank
            | A::NetworkReceivable
            | A::WalletReceivable
            | A::SellerPayable
            | A::FirmCommission
            | A::VatPayable
            | A::Suspense
            | A::ClearingCost
            | A::WriteOffs
            | A::OtherIncome
            | A::OtherExpenses => BalanceLimits::NONE,
            _ => BalanceLimits::NO_OVERDRAFT,
        }
    }

    /// Name in exports: group, then account.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            A::Bank => "assets:bank",
            A::NetworkReceivable => "assets:network-receivable",
            A::WalletReceivable => "assets:wallet-receivable",
            A::SellerReceivable => "assets:seller-receivable",
            A::CourierCash => "assets:courier-cash",
            A::CourierShortage => "assets:courier-shortage",
            A::FirmCash => "assets:firm-cash",
            A::Suspense => "assets:suspense",
            A::SellerHeld => "liabilities:seller-held",
            A::SellerPayable => "liabilities:seller-payable",
            A::PayoutInFlight => "liabilities:payout-in-flight",
            A::FirmCommission => "liabilities:firm-commission",
            A::BuyerRefunds => "liabilities:buyer-refunds",
            A::VatPayable => "liabilities:vat-payable",
            A::WithholdingPayable => "liabilities:withholding-payable",
            A::IssuerFees => "income:issuer-fees",
            A::NetworkFees => "income:network-fees",
            A::AcquirerFees => "income:acquirer-fees",
            A::WalletFees => "income:wallet-fees",
            A::CodFees => "income:cod-fees",
            A::ReturnFees => "income:return-fees",
            A::ClearingCost => "expenses:clearing-cost",
            A::WriteOffs => "expenses:write-offs",
            A::OtherIncome => "income:other",
            A::OtherExpenses => "expenses:other",
            A::Promotions => "expenses:promotions",
        }
    }

    /// The account a fee is credited to: income, or what is owed to the firm or the authority.
    #[must_use]
    pub const fn of_fee(kind: FeeKind) -> AccountKind {
        match kind {
            FeeKind::Issuer => A::IssuerFees,
            FeeKind::Network => A::NetworkFees,
            FeeKind::Acquirer => A::AcquirerFees,
            FeeKind::Wallet => A::WalletFees,
            FeeKind::Cod => A::CodFees,
            FeeKind::Return => A::ReturnFees,
            FeeKind::Commission | FeeKind::Freight => A::FirmCommission,
            FeeKind::Vat => A::VatPayable,
        }
    }
}

/// A row of the chart: one kind of posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartRow {
    pub entry: ChartEntry,
    /// The entry's name in exports and views.
    pub name: &'static str,
    pub description: &'static str,
    /// The account kinds that it may debit.
    pub debit: &'static [AccountKind],
    /// The account kinds that it may credit.
    pub credit: &'static [AccountKind],
}

macro_rules! chart {
    ($($entry:ident, $what:literal, $($debit:ident)|+ => $($credit:ident)|+;)+) => {
        /// The kinds of posting: the names of the rows of [`CHART`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ChartEntry {
            $(#[doc = $what] $entry),+
        }

        /// What each kind of posting debits and credits.
        pub const CHART: &[ChartRow] = &[
            $(ChartRow {
                entry: ChartEntry::$entry,
                name: stringify!($entry),
                description: $what,
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
    CashCollected,      "cash taken at the door",           CourierCash => SellerHeld;
    FeeCharged,         "a fee of a collection",
        SellerHeld => IssuerFees | NetworkFees | AcquirerFees | WalletFees | CodFees | VatPayable;
    CommissionEarned,   "the courier firm's commission",     SellerHeld => FirmCommission;

    CollectionReversed, "an approved payment, or cash, reversed",
    SellerHeld | SellerPayable => NetworkReceivable | WalletReceivable | CourierCash;
    FeeReversed,        "the fee of a reversed collection",
        IssuerFees | NetworkFees | AcquirerFees | WalletFees | CodFees | VatPayable
                                                             => SellerHeld | SellerPayable;
    CommissionReversed, "the commission of a reversed collection",
                                              FirmCommission => SellerHeld | SellerPayable;

    Cleared,            "a network or wallet paid a line of its file",
                                     Bank => NetworkReceivable | WalletReceivable;
    ClearingTaken,      "a network or wallet took a line of its file",
                                     NetworkReceivable | WalletReceivable => Bank;
    ClearingFeeDeducted,           "its fee, deducted at clearing",
                             ClearingCost => NetworkReceivable | WalletReceivable;
    DeductedTooMuch,    "more deducted than the tariff allows",
                                 Suspense => NetworkReceivable | WalletReceivable;
    DeductedTooLittle,  "less deducted than the tariff allows",
                                 NetworkReceivable | WalletReceivable => Suspense;
    ClearingFeeReturned,           "its fee, given back with a reversed payment",
                             NetworkReceivable | WalletReceivable => ClearingCost;
    Released,           "a seller's share became payable",   SellerHeld => SellerPayable;

    HandOverCounted,    "cash counted at the hub",             FirmCash => CourierCash;
    HandOverShort,      "cash missing at the count",    CourierShortage => CourierCash;
    HandOverSurplus,    "surplus cash at the count",           FirmCash => Suspense;
    ShortageRepaid,     "a courier repaid a shortage",         FirmCash => CourierShortage;
    Deposited,          "a deposit: reserved when announced, posted when on the statement",
                                                                    Bank => FirmCash;

    ReturnCharged,      "the return fee of a refused parcel",
                                            SellerPayable | FirmCommission => ReturnFees;
    Refunded,           "a refund to a buyer", SellerHeld | SellerPayable => BuyerRefunds;
    RefundPaid,         "a refund left the bank",          BuyerRefunds => Bank;
    ChargedBack,        "a chargeback by a network or wallet",
              SellerHeld | SellerPayable => NetworkReceivable | WalletReceivable;

    ChargebackWon,      "a chargeback that was won: the network or wallet owes it again",
              NetworkReceivable | WalletReceivable => SellerHeld | SellerPayable;
    ChargebackFeePassedOn, "the fee of a chargeback, charged to its seller",
                                               SellerPayable => ClearingCost;

    CommissionPaid,     "a courier firm's commission and freight were paid", FirmCommission => Bank;

    PayoutSent,         "a payout: reserved when planned, posted when sent",
                                                        SellerPayable => PayoutInFlight;
    PayoutConfirmed,    "a payout by the bank: reserved when sent, posted when confirmed",
                                                        PayoutInFlight => Bank;
    PayoutReturned,     "a payout came back",     PayoutInFlight | Bank => SellerPayable;

    BreakExcess,        "more found than in the books",
              Bank | NetworkReceivable | WalletReceivable | FirmCash => Suspense;
    BreakShortfall,     "less found than in the books",
              Suspense => Bank | NetworkReceivable | WalletReceivable | FirmCash;
    ExcessWithdrawn,    "an excess that was raised by mistake, or in the wrong place",
              Suspense => Bank | NetworkReceivable | WalletReceivable | FirmCash;
    ShortfallWithdrawn, "a shortfall that was raised by mistake, or in the wrong place",
              Bank | NetworkReceivable | WalletReceivable | FirmCash => Suspense;
    ExcessClosed,       "an excess written off or paid back",  Suspense => WriteOffs | Bank;
    ShortfallClosed,    "a shortfall written off or paid in", WriteOffs | Bank => Suspense;

    ExcessApplied,      "an excess applied to a payment",
                                 Suspense => NetworkReceivable | WalletReceivable;
    ShortfallApplied,   "a shortfall applied to a payment",
                                 NetworkReceivable | WalletReceivable => Suspense;
    ExcessToSeller,     "an excess that is a seller's",        Suspense => SellerPayable;
    ShortfallToSeller,  "a shortfall charged to a seller", SellerPayable => Suspense;

    RefundForwarded,    "a refund paid by the network or wallet, which owes less",
                                BuyerRefunds => NetworkReceivable | WalletReceivable;

    OfflineExcess,      "the part of an offline sale beyond what was left to collect",
                                                    NetworkReceivable => BuyerRefunds;
    SuspendedSaleBooked, "an offline sale in suspense: booked to its parcel, or owed to the buyer",
                                                 Suspense => SellerHeld | BuyerRefunds;
    OfflineSaleRejected, "an offline sale that the network never pays, taken back or lost",
        SellerHeld | BuyerRefunds | FirmCommission | WriteOffs | Suspense => NetworkReceivable;
    LossReturned,       "the loss of a rejected offline sale, given back by the seller",
                                 SellerHeld | SellerPayable => FirmCommission | WriteOffs;

    SellerInvoiced,     "a seller's debt was invoiced", SellerReceivable => SellerPayable;
    InvoicePaid,        "a seller paid an invoice",                 Bank => SellerReceivable;
    SellerCompensated,  "a seller compensated for a damaged or lost parcel",
                                            FirmCommission | WriteOffs => SellerPayable;
    SurplusOffset,      "a shortage explained by the same courier's surplus",
                                                                Suspense => CourierCash;
    ShortageWrittenOff, "a shortage written off",             WriteOffs => CourierShortage;
    ShortageCovered,    "a shortage that the firm took over",  FirmCash => CourierShortage;
    AdjustmentReceived, "an adjusting entry: money in a bank account",
        Bank => SellerPayable | FirmCommission | OtherIncome | ClearingCost | WriteOffs
                | OtherExpenses;
    AdjustmentPaid,     "an adjusting entry: money out of a bank account",
        SellerPayable | FirmCommission | OtherIncome | ClearingCost | WriteOffs | OtherExpenses
                                                                    => Bank;
    AdjustmentToSeller, "an adjusting entry: a seller is credited",
        FirmCommission | OtherIncome | ClearingCost | WriteOffs | OtherExpenses
                                                                    => SellerPayable;
    AdjustmentFromSeller, "an adjusting entry: a seller is charged",
        SellerPayable => FirmCommission | OtherIncome | ClearingCost | WriteOffs
                         | OtherExpenses;
    ShortageDeducted,   "a shortage deducted from the firm's commission",
                                                         FirmCommission => CourierShortage;
    AdjustmentToFirm,   "an adjusting entry: a firm's commission is credited",
        OtherIncome | ClearingCost | WriteOffs | OtherExpenses => FirmCommission;
    AdjustmentFromFirm, "an adjusting entry: a firm's commission is charged",
        FirmCommission => OtherIncome | ClearingCost | WriteOffs | OtherExpenses;
    InvoiceCancelled,   "what was open of an invoice is deducted again",
                                                         SellerPayable => SellerReceivable;
    FreightCharged,     "the freight of a delivered or returned parcel",
                                                          SellerPayable => FirmCommission;
    VatCharged,         "the VAT of freight or return fee", SellerPayable => VatPayable;
    FreightReversed,    "the freight of an undone delivery, and its VAT",
                                            FirmCommission | VatPayable => SellerPayable;
    TaxWithheld,        "tax withheld from what a courier firm is paid",
                                                     FirmCommission => WithholdingPayable;
    TaxPaid,            "a tax was paid to the authority",
                                              VatPayable | WithholdingPayable => Bank;
    DiscountPaid,       "Doorstep's part of the discounts on what a buyer keeps",
                                                         Promotions => SellerHeld;
    DiscountTakenBack,  "the same, of what the buyer keeps no more",
                                         SellerHeld | SellerPayable => Promotions;
}

impl ChartEntry {
    #[must_use]
    #[inline]
    pub fn row(self) -> &'static ChartRow {
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
