//! Writes payouts as ISO 20022 `pain.001.001.09`, the message that orders a bank to pay.
//!
//! Everything is checked before the first byte is written: the rules of the schema, and what banks
//! refuse although the schema allows it. References use the SWIFT character set, amounts are above
//! zero, IBAN check digits are right, and no payout appears twice.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::Date;
use money::decimal::DecimalAmount;
use money::{Amount, Currency};

mod party;
mod xml;

pub use party::{
    AccountScheme, BankAccount, BankAgent, BankIdentifierError, Bic, CnapsCode, Iban, Party,
};

/// The `PmtInfId`s are the message id and a number, so it is shorter than the schema's 35.
pub const MESSAGE_ID_CHARS_MAX: usize = 30;
pub const END_TO_END_ID_CHARS_MAX: usize = 35;
/// For names and remittance texts.
pub const TEXT_CHARS_MAX: usize = 140;
pub const DIGITS_MAX: usize = 18;
pub const TRANSFERS_MAX: usize = 1_000_000;
pub const PAYMENTS_MAX: usize = 1_000;

/// One `pain.001` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTransferInitiation {
    /// The bank refuses a second message with the same id.
    pub message_id: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at_ms: u64,
    /// The day on which the bank pays.
    pub execution_date: Date,
    pub initiator: String,
    /// One entry for each currency and debtor account.
    pub payments: Vec<PaymentInformation>,
}

/// The transfers from one account in one currency (`PmtInf`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentInformation {
    pub currency: Currency,
    pub debtor: Party,
    /// At least one.
    pub transfers: Vec<CreditTransfer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTransfer {
    /// The payout's id (`EndToEndId`). Bank statements repeat it.
    pub payout: String,
    /// Above zero.
    pub amount: Amount,
    pub creditor: Party,
    /// Shown on the payee's statement.
    pub remittance: Option<String>,
}

/// The totals of a written message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTotals {
    /// `NbOfTxs`.
    pub transfers: usize,
    /// `CtrlSum`: the sum of the amounts as plain numbers, across currencies.
    pub control_sum: String,
}

/// Why a message was not written. Nothing was written unless the writer failed.
#[derive(Debug, thiserror::Error)]
pub enum CreditTransferError {
    /// A text that the message cannot carry. The error does not repeat the text.
    #[error("the {what} of {of} {problem}")]
    Text { what: &'static str, of: CreditTransferPart, problem: TextProblem },
    #[error("{0} has no transfers; a bank refuses an empty message")]
    NoTransfers(CreditTransferPart),
    #[error("the message has more than {TRANSFERS_MAX} transfers or {PAYMENTS_MAX} payments")]
    TooMany,
    #[error("{second} has the same account and currency as {first}; merge the two")]
    DuplicatePayment { first: CreditTransferPart, second: CreditTransferPart },
    /// The bank would pay it twice (M7).
    #[error("{0} is in the message twice; remove one")]
    DuplicatePayout(CreditTransferPart),
    #[error("{0} has an amount of zero; leave it out")]
    Zero(CreditTransferPart),
    /// An amount or a sum of more than [`DIGITS_MAX`] digits.
    #[error("the {what} of {of} has more than {DIGITS_MAX} digits; split it")]
    TooLarge {
        /// `amount` or `sum`.
        what: &'static str,
        of: CreditTransferPart,
    },
    #[error("the creation time is outside the years 1 to 9999")]
    Time,
    #[error("the message cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// The part of the message that an error names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditTransferPart {
    Message,
    /// Counted from 1.
    Payment(usize),
    /// A payment and its transfer, both counted from 1.
    Transfer(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Empty, or spaces only.
    #[error("is empty")]
    Empty,
    #[error("has {chars} characters; {most} are allowed")]
    TooLong { chars: usize, most: usize },
    /// XML or the SWIFT network does not carry this character.
    #[error("has the character U+{:04X}, which the message cannot carry", u32::from(*.0))]
    Character(char),
    /// Banks treat these slashes as separators.
    #[error("starts or ends with a slash or has two in a row, which banks refuse")]
    Slashes,
}

impl fmt::Display for CreditTransferPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreditTransferPart::Message => f.write_str("the message"),
            CreditTransferPart::Payment(payment) => write!(f, "payment {payment}"),
            CreditTransferPart::Transfer(payment, transfer) => {
                write!(f, "transfer {transfer} of payment {payment}")
            }
        }
    }
}

/// Checks a message, then writes it in UTF-8.
pub fn write(
    initiation: &CreditTransferInitiation,
    out: impl Write,
) -> Result<MessageTotals, CreditTransferError> {
    let sums = check(initiation)?;
    xml::write(initiation, &sums, out)?;
    let transfers = initiation.payments.iter().map(|payment| payment.transfers.len()).sum();
    Ok(MessageTotals { transfers, control_sum: sums.message })
}

/// What the message states of itself, as text. Sums are decimals.
struct Sums {
    created_at: String,
    message: String,
    payments: Vec<String>,
}

/// ISO 8601 in UTC, `2026-03-31T09:05:00Z` or `2026-03-31T09:05:00.250Z`. `None` after the end of
/// the calendar.
fn utc_text(ms: u64) -> Option<String> {
    let at = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    let decimals = if ms.is_multiple_of(1000) { 0 } else { 3 };
    Some(format!("{at:.decimals$}"))
}

fn check(initiation: &CreditTransferInitiation) -> Result<Sums, CreditTransferError> {
    let message = CreditTransferPart::Message;
    reference("id", message, &initiation.message_id, MESSAGE_ID_CHARS_MAX)?;
    text("initiator", message, &initiation.initiator, TEXT_CHARS_MAX)?;
    let created_at = utc_text(initiation.created_at_ms).ok_or(CreditTransferError::Time)?;
    let payments = &initiation.payments;
    let transfers: usize = payments.iter().map(|payment| payment.transfers.len()).sum();
    if transfers > TRANSFERS_MAX || payments.len() > PAYMENTS_MAX {
        return Err(CreditTransferError::TooMany);
    }
    if payments.is_empty() {
        return Err(CreditTransferError::NoTransfers(message));
    }
    // `CtrlSum` adds the amounts of all currencies as plain numbers, so they are scaled to the
    // largest number of decimals.
    let exponent = payments.iter().map(|payment| payment.currency.exponent()).max().unwrap_or(0);
    let (mut total, mut sums, mut ids) = (0, Vec::new(), BTreeSet::new());
    for (place, payment) in payments.iter().enumerate() {
        let subject = CreditTransferPart::Payment(place + 1);
        let alike = |other: &PaymentInformation| {
            other.currency == payment.currency && other.debtor.account == payment.debtor.account
        };
        if let Some(first) = payments[..place].iter().position(alike) {
            let first = CreditTransferPart::Payment(first + 1);
            return Err(CreditTransferError::DuplicatePayment { first, second: subject });
        }
        let sum = check_payment(payment, place + 1, &mut ids)?;
        sums.push(decimal("sum", subject, sum, payment.currency)?);
        total += sum * 10_i128.pow(exponent - payment.currency.exponent());
    }
    Ok(Sums { created_at, message: control_sum(total, exponent)?, payments: sums })
}

/// Returns the sum of the amounts, in minor units.
fn check_payment<'i>(
    payment: &'i PaymentInformation,
    number: usize,
    ids: &mut BTreeSet<&'i str>,
) -> Result<i128, CreditTransferError> {
    let subject = CreditTransferPart::Payment(number);
    party::check("debtor", subject, &payment.debtor)?;
    if payment.transfers.is_empty() {
        return Err(CreditTransferError::NoTransfers(subject));
    }
    let mut sum = 0;
    for (place, transfer) in payment.transfers.iter().enumerate() {
        let subject = CreditTransferPart::Transfer(number, place + 1);
        reference("payout id", subject, &transfer.payout, END_TO_END_ID_CHARS_MAX)?;
        if !ids.insert(&transfer.payout) {
            return Err(CreditTransferError::DuplicatePayout(subject));
        }
        party::check("creditor", subject, &transfer.creditor)?;
        if let Some(remittance) = &transfer.remittance {
            text("remittance text", subject, remittance, TEXT_CHARS_MAX)?;
        }
        if transfer.amount.is_zero() {
            return Err(CreditTransferError::Zero(subject));
        }
        let amount = i128::from(transfer.amount.minor());
        decimal("amount", subject, amount, payment.currency)?;
        sum += amount;
    }
    Ok(sum)
}

fn decimal(
    what: &'static str,
    of: CreditTransferPart,
    minor: i128,
    currency: Currency,
) -> Result<String, CreditTransferError> {
    if minor.to_string().len() > DIGITS_MAX {
        return Err(CreditTransferError::TooLarge { what, of });
    }
    Ok(DecimalAmount::of_balance(minor, currency).to_string())
}

/// A sum with `exponent` decimals.
fn control_sum(total: i128, exponent: u32) -> Result<String, CreditTransferError> {
    let digits = format!("{total:0>width$}", width = exponent as usize + 1);
    if digits.trim_start_matches('0').len() > DIGITS_MAX {
        return Err(CreditTransferError::TooLarge { what: "sum", of: CreditTransferPart::Message });
    }
    let (whole, decimals) = digits.split_at(digits.len() - exponent as usize);
    Ok(if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") })
}

/// Checks a text for people: any script, no control characters.
fn text(
    what: &'static str,
    of: CreditTransferPart,
    text: &str,
    most: usize,
) -> Result<(), CreditTransferError> {
    check_text(text, most).map_err(|problem| CreditTransferError::Text { what, of, problem })
}

/// Whether a message can carry a text for people, such as a name.
pub fn check_text(text: &str, most: usize) -> Result<(), TextProblem> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return Err(TextProblem::Empty);
    }
    if chars > most {
        return Err(TextProblem::TooLong { chars, most });
    }
    match crate::reference::unprintable(text) {
        Some(c) => Err(TextProblem::Character(c)),
        None => Ok(()),
    }
}

/// Checks an identifier: SWIFT's character set X without line ends, and no slash that a bank would
/// read as a separator (EPC217-08, 1.2 and 1.3).
fn reference(
    what: &'static str,
    of: CreditTransferPart,
    id: &str,
    most: usize,
) -> Result<(), CreditTransferError> {
    text(what, of, id, most)?;
    let carried = |c: char| c.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(c);
    let problem = match id.chars().find(|&c| !carried(c)) {
        Some(c) => TextProblem::Character(c),
        None if id.starts_with('/') || id.ends_with('/') || id.contains("//") => {
            TextProblem::Slashes
        }
        None => return Ok(()),
    };
    Err(CreditTransferError::Text { what, of, problem })
}
