//! What files say, whatever their format: heads, and the parts that are streamed.
//!
//! Names and free text of buyers are in [`PrivateText`] only. Card numbers are in no type here.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::civil::Date;
use money::{Currency, SignedAmount};

use super::clearing::StatedItem;

/// An amount in 1/100,000 of the currency's major unit, as in files whose fees have five decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FineAmount(i64);

impl FineAmount {
    pub const DECIMALS: u32 = 5;

    #[must_use]
    pub const fn new(parts: i64) -> FineAmount {
        FineAmount(parts)
    }

    /// In 1/100,000 of the major unit.
    #[must_use]
    pub const fn parts(self) -> i64 {
        self.0
    }

    /// `None` out of range, or for a currency with more than five decimals.
    #[must_use]
    pub fn of_minor(amount: SignedAmount, currency: Currency) -> Option<FineAmount> {
        amount.minor().checked_mul(FineAmount::parts_of_minor(currency)?).map(FineAmount)
    }

    /// The parts of one minor unit.
    pub(crate) fn parts_of_minor(currency: Currency) -> Option<i64> {
        let decimals = FineAmount::DECIMALS.checked_sub(currency.exponent())?;
        10_i64.checked_pow(decimals)
    }

    /// The amount in minor units. `None` if it is between two.
    #[must_use]
    pub fn exact_minor(self, currency: Currency) -> Option<SignedAmount> {
        let parts = FineAmount::parts_of_minor(currency)?;
        (self.0 % parts == 0).then(|| SignedAmount::new(self.0 / parts)).flatten()
    }

    /// The amount in minor units; a half is rounded away from zero.
    #[must_use]
    pub fn rounded_minor(self, currency: Currency) -> Option<SignedAmount> {
        let parts = FineAmount::parts_of_minor(currency)?;
        let (whole, rest) = (self.0 / parts, self.0 % parts);
        let away = if rest.abs() * 2 >= parts { rest.signum() } else { 0 };
        SignedAmount::new(whole + away)
    }
}

impl fmt::Display for FineAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, parts) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:05}", parts / 100_000, parts % 100_000)
    }
}

/// Text that can name a person. It is compared in memory; it is never shown, logged or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateText(String);

impl PrivateText {
    pub(crate) fn new(text: String) -> PrivateText {
        PrivateText(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateText({} bytes)", self.0.len())
    }
}

/// Makes the keyed token of a card number, while a file is read.
pub trait CardTokens {
    /// `pan` has 12 to 19 digits. It is wiped after the call.
    fn token(&self, pan: &[u8]) -> NonZeroU64;
}

/// A card, without its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// The first six digits.
    pub bin: [u8; 6],
    pub last_four: [u8; 4],
    /// `None` if the reader had no key.
    pub token: Option<NonZeroU64>,
}

/// Who gets which part of what is kept back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeParts {
    pub issuer: Option<FineAmount>,
    pub network: Option<FineAmount>,
    pub acquirer: Option<FineAmount>,
}

/// What a clearing file says of an item beside its amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFacts {
    pub card: Option<CardFacts>,
    pub authorisation: Option<String>,
    pub terminal: Option<String>,
    pub merchant: Option<String>,
    /// The network's or wallet's own number of the payment.
    pub network_reference: Option<String>,
    /// Our number of a refund.
    pub refund_reference: Option<String>,
    /// The trace number and time of the original request, in seconds since 1970.
    pub original: Option<(u32, u64)>,
    /// If the file has more decimals than the currency: what `kept_back` was rounded from.
    pub kept_back_fine: Option<FineAmount>,
    pub fees: FeeParts,
    /// The day of the bill that has the item.
    pub booked_on: Option<Date>,
    pub settled_on: Option<Date>,
}

/// An item of a network's or wallet's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedItem {
    pub item: StatedItem,
    pub facts: ItemFacts,
}

/// What a network paid to one merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantSum {
    pub line: u32,
    pub merchant: String,
    pub amount: SignedAmount,
    pub kept_back: SignedAmount,
}

/// What a reference of a bank entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// `EndToEndId`, or `EREF` in the text of an MT940.
    EndToEnd,
    Instruction,
    /// `PmtInfId`: of a payout file's batch.
    PaymentInformation,
    Message,
    /// `AcctSvcrRef`, or the bank's reference.
    Bank,
    /// `NtryRef`.
    Entry,
    Uetr,
    Transaction,
    /// The account owner's reference.
    Customer,
    ClearingSystem,
    /// `CdtrRefInf/Ref`, or the number of a document in the structured remittance information.
    Remittance,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedReference {
    pub kind: ReferenceKind,
    pub text: String,
}

/// What a bank says of the batch that an entry is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchFacts {
    /// How many transactions it has.
    pub transactions: Option<u32>,
    pub total: Option<SignedAmount>,
}

/// One of the transactions of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryDetail {
    /// `None` if the file does not say it, or in another currency than the entry's.
    pub amount: Option<SignedAmount>,
    pub references: Vec<StatedReference>,
    pub texts: Vec<PrivateText>,
}

/// An entry of a bank statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementEntry {
    /// The place of its statement in the file, from 0.
    pub statement: usize,
    /// The physical line in the file, from 1.
    pub line: u32,
    pub value_date: Option<Date>,
    pub booked_on: Option<Date>,
    /// A credit is above zero, a debit below. An entry that reverses a credit is a debit.
    pub amount: SignedAmount,
    /// It takes an earlier entry back.
    pub reversal: bool,
    /// Of the whole entry.
    pub references: Vec<StatedReference>,
    pub batch: Option<BatchFacts>,
    pub details: Vec<EntryDetail>,
    pub texts: Vec<PrivateText>,
}

impl StatementEntry {
    /// The first reference of a kind.
    #[must_use]
    pub fn reference(&self, kind: ReferenceKind) -> Option<&str> {
        let found = self.references.iter().find(|one| one.kind == kind);
        found.map(|one| one.text.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduction {
    /// The name of its column in the profile.
    pub name: Arc<str>,
    pub amount: SignedAmount,
}

/// A part of a remittance that is paid on a day of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instalment {
    pub reference: Option<String>,
    pub paid_on: Option<Date>,
    pub amount: Option<SignedAmount>,
}

/// A line of a courier firm's sheet: a parcel, or a whole remittance if it names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemittanceLine {
    pub line: u32,
    pub waybill: Option<String>,
    pub order: Option<String>,
    /// The firm's number of the remittance.
    pub remittance: Option<String>,
    pub collected: Option<SignedAmount>,
    pub deductions: Vec<Deduction>,
    pub net: Option<SignedAmount>,
    pub paid_on: Option<Date>,
    /// The bank's reference of the payment: a UTR, or the number of a batch.
    pub bank_reference: Option<String>,
    pub state: Option<String>,
    pub instalments: Vec<Instalment>,
}

/// A part of a file, as it is streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePart {
    Item(ClearedItem),
    MerchantSum(MerchantSum),
    Entry(StatementEntry),
    Remitted(RemittanceLine),
}

/// What the items of a network's file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearingRole {
    /// Payments to be booked.
    Items,
    /// The fees of payments that another file has: joined by `rrn`, `stan` and `sent`.
    FeeDetails,
    /// A sum for each merchant.
    MerchantSums,
}

/// By how much a stated total differs from the sum of the lines, because each line was rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundingDifference {
    /// Stated minus found, in 1/100,000 of the major unit.
    pub parts: i64,
    /// The most that rounding explains.
    pub bound: i64,
}

/// What is known of a network's or wallet's file when it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingHead {
    pub role: ClearingRole,
    /// The network or wallet, if the file says it.
    pub name: Option<String>,
    pub date: Option<Date>,
    pub settled: Option<Date>,
    pub currency: Currency,
    pub items: u64,
    /// In minor units.
    pub amount: i128,
    /// In minor units; each item's is rounded.
    pub kept_back: i128,
    /// In 1/100,000 of the major unit, exact.
    pub kept_back_parts: i128,
    /// `None` if the file states no total, or states the very sum.
    pub rounding: Option<RoundingDifference>,
    /// Totals of the file that were compared with its lines.
    pub totals_checked: u32,
    /// Lines that are no payment by the profile.
    pub left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Booked entries between two balances.
    Statement,
    /// Details of entries that a statement has (camt.054). No balances.
    Notification,
}

/// A bank statement, without its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementHead {
    pub kind: StatementKind,
    /// The bank's name for the statement. Some banks use it again in another year.
    pub id: Option<String>,
    pub number: Option<u32>,
    /// Of a statement in several messages.
    pub page: Option<u32>,
    pub last_page: Option<bool>,
    pub account: Option<String>,
    pub currency: Currency,
    pub opened_on: Option<Date>,
    pub opening: Option<SignedAmount>,
    pub closed_on: Option<Date>,
    pub closing: Option<SignedAmount>,
    pub entries: u64,
    /// The sum of the entries, in minor units.
    pub moved: i128,
    /// Entries that are not booked yet. They are not streamed.
    pub pending: u64,
    /// It takes the place of an earlier statement.
    pub correction: bool,
}

/// What is known of a courier firm's sheet when it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemittanceHead {
    pub currency: Currency,
    pub lines: u64,
    /// In minor units.
    pub collected: i128,
    pub deducted: i128,
    pub net: i128,
    pub totals_checked: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingHead {
    Clearing(ClearingHead),
    Statements(Vec<StatementHead>),
    Remittance(RemittanceHead),
}

impl IncomingHead {
    /// The parts that are streamed.
    #[must_use]
    pub fn parts(&self) -> u64 {
        match self {
            IncomingHead::Clearing(head) => head.items,
            IncomingHead::Statements(heads) => heads.iter().map(|head| head.entries).sum(),
            IncomingHead::Remittance(head) => head.lines,
        }
    }
}

/// A sum in 1/100,000 of the major unit as text.
#[must_use]
pub fn parts_text(parts: i128) -> String {
    let (sign, parts) = (if parts < 0 { "-" } else { "" }, parts.unsigned_abs());
    format!("{sign}{}.{:05}", parts / 100_000, parts % 100_000)
}
