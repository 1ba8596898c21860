//! The simulated world's own books: what networks, banks and couriers record themselves.

use std::collections::{BTreeMap, BTreeSet};

use books::{
    BankId, BreakSide, BreakSubject, BusinessDate, CourierId, DepositId, FirmId, NetworkId,
    ParcelId, PaymentId, PayoutId, SellerId, TerminalId, Timestamp,
};
use money::Currency;
use peers::Rrn;
use tariff::PaymentMethod;

use crate::report::FeeTotals;
use crate::world::LossBearer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RailAnswer {
    Approved,
    Declined,
}

/// A payment in the books of a network or wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RailItem {
    pub method: PaymentMethod,
    /// In minor units.
    pub amount: u64,
    pub requested_on: BusinessDate,
    /// The answer, whether or not it was received.
    pub answer: RailAnswer,
    pub reversed: bool,
    /// Fees deducted, in minor units, once cleared.
    pub deducted: Option<u64>,
    /// Refunded, charged back or paid back after it was cleared, in minor units.
    pub taken_back: u64,
    /// Whether its terminal approved it offline.
    pub offline: bool,
    /// Who bears the loss of a rejected offline sale whose buyer has the parcel.
    pub loss: Option<LossBearer>,
}

impl RailItem {
    /// Whether the network or wallet owes the amount or has paid it.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        self.answer == RailAnswer::Approved && !self.reversed
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailBooks {
    pub subject: BreakSubject,
    pub reference: String,
    /// The payments whose request arrived.
    pub items: BTreeMap<PaymentId, RailItem>,
    /// Offline sales that became no payment of a parcel.
    pub unbooked: BTreeMap<PaymentId, RailItem>,
    /// The sales in suspense that two people decided or the network rejected.
    pub decided: BTreeSet<PaymentId>,
}

impl RailBooks {
    /// All requests that arrived.
    fn all(&self) -> impl Iterator<Item = &RailItem> {
        self.items.values().chain(self.unbooked.values())
    }

    /// What it owes and has not paid, in minor units.
    #[must_use]
    pub fn owes(&self) -> i128 {
        let open = self.all().filter(|item| item.moves_money() && item.deducted.is_none());
        open.map(|item| i128::from(item.amount)).sum()
    }

    /// What it paid into the bank account: amounts less what it deducted, in minor units.
    #[must_use]
    pub fn paid(&self) -> i128 {
        let paid = self.all().filter_map(|item| Some((item.amount, item.deducted?)));
        paid.map(|(amount, deducted)| i128::from(amount) - i128::from(deducted)).sum()
    }
}

/// Cash that a courier collected at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashPayment {
    pub payment: PaymentId,
    pub courier: CourierId,
    /// In minor units.
    pub amount: u64,
    pub collected_on: BusinessDate,
    pub refunded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankLineKind {
    /// Money in from a network or wallet.
    Clearing(BreakSubject),
    /// Money out to a network or wallet.
    ClearingTaken(BreakSubject),
    /// Money in: a firm's cash deposit.
    Deposit(DepositId),
    /// Money out to a seller.
    Payout(PayoutId),
    /// Money out to a courier firm.
    Commission(FirmId),
    /// Money in: Doorstep's own.
    OwnMoney,
    /// Money out to the buyer of a sale that two people decided.
    PaidBack(PaymentId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankLine {
    pub kind: BankLineKind,
    /// In minor units.
    pub amount: u64,
}

impl BankLine {
    /// The change of the balance, in minor units.
    #[must_use]
    pub fn signed(&self) -> i128 {
        match self.kind {
            BankLineKind::Clearing(_) | BankLineKind::Deposit(_) | BankLineKind::OwnMoney => {
                i128::from(self.amount)
            }
            BankLineKind::Payout(_)
            | BankLineKind::ClearingTaken(_)
            | BankLineKind::Commission(_)
            | BankLineKind::PaidBack(_) => -i128::from(self.amount),
        }
    }
}

/// A courier's cash. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourierCash {
    pub courier: CourierId,
    pub firm: FirmId,
    /// Cash in hand by the payments collected.
    pub expected: u64,
    /// Cash really in hand.
    pub actual: u64,
    /// Shortages at hand-overs that are not repaid.
    pub shortage: u64,
}

/// A firm's counted cash. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmCash {
    pub firm: FirmId,
    pub reference: String,
    pub vault: u64,
    /// Deposits that the bank has not credited.
    pub in_transit: u64,
    /// Commission and freight earned, less what the firm bears and was paid.
    pub commission: i128,
    /// Tax withheld from what it was paid.
    pub withheld: u64,
}

/// A seller's money, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerBalance {
    pub seller: SellerId,
    pub reference: String,
    /// Collected, less fees, freight, return fees and VAT by the tariff.
    pub earned: i128,
    /// The part of it that is not payable: the parcel is not delivered, or the money has not
    /// reached the bank.
    pub held: i128,
    /// Paid out by the bank.
    pub paid: i128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelLocation {
    AtHub,
    WithCourier,
    Delivered,
    /// Refused; on its way back to the seller.
    Refused,
    /// Back at the seller.
    Returned,
    /// Lost on its way back.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelOutcome {
    pub parcel: ParcelId,
    pub location: ParcelLocation,
    /// In minor units.
    pub paid: u64,
    /// How often a terminal asked for its money; some requests became no payment.
    pub requests: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakCause {
    /// The deducted fee differs from the tariff.
    FeeDifference(PaymentId),
    /// The cash that a courier handed over exceeds the cash expected.
    CashSurplus(CourierId),
}

/// A batch line that a terminal lost with its memory. The books keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostLine {
    pub terminal: TerminalId,
    /// The payment that was taken. `None` for money that went back to the buyer.
    pub payment: Option<PaymentId>,
    /// In minor units, negative for money that went back.
    pub amount: i128,
}

/// A break that the engine's books must contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedBreak {
    pub cause: BreakCause,
    pub subject: BreakSubject,
    pub side: BreakSide,
    /// In minor units.
    pub amount: u64,
}

/// Status of an item in a network's own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkItemStatus {
    /// Approved, and neither reversed, voided nor completed.
    Approved,
    Declined,
    Reversed,
    Voided,
    /// A pre-authorisation that was completed.
    Completed,
}

/// A request in a network's books, with the numbers that the switch gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkItem {
    /// Retrieval reference number, field 37.
    pub rrn: Rrn,
    /// Terminal id, field 41.
    pub terminal: [u8; 8],
    /// Field 11.
    pub stan: u32,
    /// Transmission time, field 7, in seconds since 1970.
    pub sent_s: u64,
    /// In minor units.
    pub amount: u64,
    pub kind: &'static str,
    pub status: NetworkItemStatus,
    /// Whether the network owes money for it: false for a pre-authorisation, a void and a
    /// reversed item.
    pub moves_money: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkBooks {
    pub network: NetworkId,
    pub reference: String,
    /// In the order of arrival.
    pub items: Vec<NetworkItem>,
    /// What the network says it owes, before fees, in minor units.
    pub owed: i128,
}

/// The counters of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalCounters {
    pub terminal: TerminalId,
    pub last_batch: u32,
    pub last_stan: u32,
}

/// The simulated world's own books after a day: of all days so far. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldReport {
    /// Only files say what networks, wallets and the bank did: the books do not know it yet.
    pub leaves_clearing: bool,
    pub currency: Currency,
    pub bank: BankId,
    /// The statement of Doorstep's bank account.
    pub statement: Vec<BankLine>,
    /// Payments of the networks, then of the wallet.
    pub rails: Vec<RailBooks>,
    /// The networks' own books, request by request.
    pub networks: Vec<NetworkBooks>,
    pub terminals: Vec<TerminalCounters>,
    pub cash: Vec<CashPayment>,
    pub couriers: Vec<CourierCash>,
    pub firms: Vec<FirmCash>,
    pub sellers: Vec<SellerBalance>,
    pub parcels: Vec<ParcelOutcome>,
    /// The breaks that the engine's books must contain.
    pub breaks: Vec<ExpectedBreak>,
    /// The lines that terminals lost. The books have an open item for those that neither clearing
    /// nor a count decides.
    pub lost_lines: Vec<LostLine>,
    /// Fees of collected payments and returned parcels, by the tariff.
    pub fees: FeeTotals,
    /// Fees that networks and wallets deduct from cleared payments, by the tariff. All of it for
    /// sales that no seller's tariff covers.
    pub clearing_cost: u64,
    /// What Doorstep bears of losses and damages, less its own money in the bank account.
    pub write_offs: i128,
    /// What Doorstep owes sellers of the discounts on delivered parcels.
    pub discounts: u64,
    /// Payments whose reversal is not acknowledged.
    pub pending_reversals: u64,
    /// Differences found during the day between the books' answers and the world.
    pub discrepancies: Vec<String>,
    /// The midnight before the last day. Requests before it were compared on their own day: the
    /// books forget older batches of terminals.
    pub compared_from: Timestamp,
}

impl WorldReport {
    /// The balance of the bank statement.
    #[must_use]
    pub fn bank_balance(&self) -> i128 {
        self.statement.iter().map(BankLine::signed).sum()
    }

    /// Other people's money with a firm and its couriers (M6): cash in hand and in the vault,
    /// deposits in transit, and shortages not repaid.
    #[must_use]
    pub fn custody(&self, firm: FirmId) -> u64 {
        let couriers = self.couriers.iter().filter(|courier| courier.firm == firm);
        let vaults = self.firms.iter().filter(|vault| vault.firm == firm);
        couriers.map(|courier_cash| courier_cash.actual + courier_cash.shortage).sum::<u64>()
            + vaults.map(|vault| vault.vault + vault.in_transit).sum::<u64>()
    }
}
