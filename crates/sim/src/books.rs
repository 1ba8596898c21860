//! The world's own books: what networks, banks and couriers know of the day themselves.

use std::collections::BTreeMap;

use engine::{
    BankId, BreakSide, BreakSubject, BusinessDate, CourierId, DepositId, FirmId, HandOverId,
    NetworkId, ParcelId, PayoutId, SellerId, TenderId, TerminalId,
};
use money::Currency;
use tariff::Tender;

use crate::report::FeeTotals;

/// What a network or wallet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RailAnswer {
    /// It approved.
    Approved,
    /// It declined.
    Declined,
}

/// A payment as a network or wallet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RailItem {
    /// How it was paid.
    pub how: Tender,
    /// How much.
    pub amount: u64,
    /// On which day.
    pub asked_on: BusinessDate,
    /// What it answered, whoever heard it.
    pub answer: RailAnswer,
    /// Whether it was reversed.
    pub reversed: bool,
    /// What was kept back, once it is cleared.
    pub kept_back: Option<u64>,
}

impl RailItem {
    /// Whether the network or wallet owes it, or has paid it.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.answer == RailAnswer::Approved && !self.reversed
    }
}

/// The books of a network or wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailBooks {
    /// Which one.
    pub subject: BreakSubject,
    /// Its name.
    pub reference: String,
    /// The payments that it was asked for and heard of.
    pub items: BTreeMap<TenderId, RailItem>,
}

/// Cash that a courier took at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashTaking {
    /// For which tender.
    pub tender: TenderId,
    /// Who took it.
    pub courier: CourierId,
    /// How much.
    pub amount: u64,
    /// On which day.
    pub taken_on: BusinessDate,
    /// Whether it was given back.
    pub given_back: bool,
}

/// What a line of a bank statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankLineKind {
    /// A network or wallet paid.
    Clearing(BreakSubject),
    /// A firm brought cash.
    Deposit(DepositId),
    /// A seller was paid: money out.
    Payout(PayoutId),
}

/// A line of a bank statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// What for.
    pub kind: BankLineKind,
    /// How much.
    pub amount: u64,
}

impl BankLine {
    /// What it does to the balance.
    #[must_use]
    pub fn signed(&self) -> i128 {
        match self.kind {
            BankLineKind::Clearing(_) | BankLineKind::Deposit(_) => i128::from(self.amount),
            BankLineKind::Payout(_) => -i128::from(self.amount),
        }
    }
}

/// A courier's own cash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourierPocket {
    /// Who.
    pub courier: CourierId,
    /// Of which firm.
    pub firm: FirmId,
    /// What there should be in the pocket.
    pub should_have: u64,
    /// What there is.
    pub has: u64,
    /// What was short at hand-overs and is not paid up.
    pub owes: u64,
}

/// A firm's counted cash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmVault {
    /// Which firm.
    pub firm: FirmId,
    /// Its reference.
    pub reference: String,
    /// In its vault.
    pub vault: u64,
    /// On its way to the bank.
    pub on_its_way: u64,
    /// The commission that it earned.
    pub commission: u64,
}

/// A seller's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerShare {
    /// Which seller.
    pub seller: SellerId,
    /// Its reference.
    pub reference: String,
    /// What was collected, less fees and return fees, by the tariff.
    pub share: i128,
    /// What the bank has paid of it.
    pub paid: i128,
}

/// Where a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// At the hub.
    Hub,
    /// With a courier.
    Out,
    /// Handed out.
    Delivered,
    /// Refused, on its way back.
    Refused,
    /// Back at the seller's.
    Returned,
}

/// How a parcel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelEnding {
    /// Which parcel.
    pub parcel: ParcelId,
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// What was paid for it.
    pub paid: u64,
    /// Payments that were tried.
    pub tenders: u8,
}

/// Why there is a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakCause {
    /// Another fee was kept back than the tariff says.
    FeeDifference(TenderId),
    /// More cash was counted than there should have been.
    Surplus(HandOverId),
    /// A terminal forgot lines, this payment's first, and its batch was compared line by line.
    ForgottenLines(TenderId),
}

/// A break that has to be in the books, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBreak {
    /// Why.
    pub cause: BreakCause,
    /// Where.
    pub subject: BreakSubject,
    /// More or less.
    pub side: BreakSide,
    /// By how much.
    pub amount: u64,
}

/// What became of an item in a network's own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStanding {
    /// It stands.
    Stands,
    /// It was declined.
    Declined,
    /// It was reversed.
    Reversed,
    /// It was voided.
    Voided,
    /// Of a pre-authorisation: it was completed.
    Completed,
}

/// A message that a network booked, under the numbers that the switch gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkItem {
    /// The retrieval reference number, field 37.
    pub rrn: [u8; 12],
    /// The terminal, field 41.
    pub terminal: [u8; 8],
    /// Field 11.
    pub stan: u32,
    /// Field 7, in seconds since 1970.
    pub sent_s: u64,
    /// In minor units.
    pub amount: u64,
    /// What it is.
    pub kind: &'static str,
    /// What became of it.
    pub standing: ItemStanding,
    /// Whether the network owes money for it: it is no hold, void or reversed item.
    pub moves_money: bool,
}

/// A network's own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkBooks {
    /// Which network.
    pub network: NetworkId,
    /// Its name.
    pub reference: String,
    /// Every item, in the order in which it was heard.
    pub items: Vec<NetworkItem>,
}

/// How far a terminal has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalBooks {
    /// Which terminal.
    pub terminal: TerminalId,
    /// Its last batch.
    pub batch: u32,
    /// The number that it used last.
    pub last_stan: u32,
}

/// What the world did, in its own books. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldReport {
    /// The currency of all amounts.
    pub currency: Currency,
    /// Doorstep's bank account.
    pub bank: BankId,
    /// Its statement.
    pub statement: Vec<BankLine>,
    /// Networks and wallets.
    pub rails: Vec<RailBooks>,
    /// The networks' own books, message by message.
    pub networks: Vec<NetworkBooks>,
    /// Terminals.
    pub terminals: Vec<TerminalBooks>,
    /// Cash taken at doors.
    pub cash: Vec<CashTaking>,
    /// Couriers.
    pub couriers: Vec<CourierPocket>,
    /// Firms.
    pub firms: Vec<FirmVault>,
    /// Sellers.
    pub sellers: Vec<SellerShare>,
    /// Parcels.
    pub parcels: Vec<ParcelEnding>,
    /// Breaks that there must be.
    pub breaks: Vec<NamedBreak>,
    /// Fees by the tariff, of what was paid and what was returned.
    pub fees: FeeTotals,
    /// What networks and wallets may have kept back of what they cleared, by the tariff.
    pub clearing_cost: u64,
    /// Payments whose reversal nobody has acknowledged.
    pub unresolved: u64,
    /// Answers of the books during the day that were not what the world knew.
    pub disagreements: Vec<String>,
}

impl WorldReport {
    /// What the bank statement adds up to.
    #[must_use]
    pub fn bank_balance(&self) -> i128 {
        self.statement.iter().map(BankLine::signed).sum()
    }

    /// What a firm and its couriers have of other people's money (M6): in pockets and vaults, on
    /// its way to the bank, short and not paid up.
    #[must_use]
    pub fn custody(&self, firm: FirmId) -> u64 {
        let pockets = self.couriers.iter().filter(|courier| courier.firm == firm);
        let vaults = self.firms.iter().filter(|vault| vault.firm == firm);
        pockets.map(|pocket| pocket.has + pocket.owes).sum::<u64>()
            + vaults.map(|vault| vault.vault + vault.on_its_way).sum::<u64>()
    }
}
