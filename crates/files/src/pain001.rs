//! Payouts out, as ISO 20022 `pain.001.001.09`, the message that orders a bank to pay.
//!
//! What the schema allows is checked before a byte is written, and more where banks refuse what
//! the schema allows: references in the character set that SWIFT carries, amounts above zero, check
//! digits of IBANs, no payout twice.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use money::decimal::Decimal;
use money::{Amount, Currency};

use crate::civil::{Date, utc_text};

mod party;
mod xml;

pub use party::{Account, AccountScheme, Agent, Bic, Iban, IdentifierError, Party};

/// The most characters of the message's id; the ids of its payments are made from it.
pub const MESSAGE_ID_CHARS_MAX: usize = 30;
/// The most characters of a payout's id (`EndToEndId`).
pub const END_TO_END_ID_CHARS_MAX: usize = 35;
/// The most characters of a name or of a text to the payee.
pub const TEXT_CHARS_MAX: usize = 140;
/// The most digits that an amount or a sum may have.
pub const DIGITS_MAX: usize = 18;
/// The most transfers of one message.
pub const TRANSFERS_MAX: usize = 1_000_000;
/// The most payments (`PmtInf`) of one message.
pub const PAYMENTS_MAX: usize = 1_000;

/// A message to a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiation {
    /// The message's id: the bank refuses a second message of the same id.
    pub message_id: String,
    /// When it is made, in milliseconds since 1970 in UTC.
    pub created_at_ms: i64,
    /// The day on which the bank is to pay.
    pub execution_date: Date,
    /// Who sends the message.
    pub initiator: String,
    /// What is paid: one entry for each currency and account that pays.
    pub payments: Vec<Payment>,
}

/// The transfers from one account in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The currency of all its transfers.
    pub currency: Currency,
    /// Who pays, and from which account.
    pub debtor: Party,
    /// At least one.
    pub transfers: Vec<Transfer>,
}

/// One payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The payout's id, which comes back on the statements (`EndToEndId`).
    pub payout: String,
    /// What is paid; above zero.
    pub amount: Amount,
    /// Who is paid, and to which account.
    pub creditor: Party,
    /// What the payee reads on the statement.
    pub remittance: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many transfers (`NbOfTxs`).
    pub transfers: usize,
    /// The sum of their amounts as numbers, whatever their currencies (`CtrlSum`).
    pub control_sum: String,
}

/// Why a message was not written. Nothing was, unless the writer failed.
#[derive(Debug, thiserror::Error)]
pub enum InitiationError {
    /// A text that the message cannot carry. It is not repeated.
    #[error("the {what} of {of} {problem}")]
    Text {
        /// Which text.
        what: &'static str,
        /// Of what.
        of: Subject,
        /// What is wrong with it.
        problem: TextProblem,
    },
    /// Nothing to pay, or to pay from.
    #[error("{0} has no transfers; a bank refuses an empty message")]
    NoTransfers(Subject),
    /// More than fits.
    #[error("the message has more than {TRANSFERS_MAX} transfers or {PAYMENTS_MAX} payments")]
    TooMany,
    /// Two payments from one account in one currency.
    #[error("{second} is from the same account in the same currency as {first}; make one of them")]
    PaymentTwice {
        /// The first of the two.
        first: Subject,
        /// The second.
        second: Subject,
    },
    /// A payout twice: it would be paid twice (M7).
    #[error("{0} is in the message twice")]
    PayoutTwice(Subject),
    /// An amount of zero.
    #[error("{0} is of nothing; leave it out")]
    Zero(Subject),
    /// An amount or a sum of more than [`DIGITS_MAX`] digits.
    #[error("the {what} of {of} has more than {DIGITS_MAX} digits; cut it into smaller ones")]
    TooLarge {
        /// Amount or sum.
        what: &'static str,
        /// Of what.
        of: Subject,
    },
    /// A creation time outside the years 1 to 9999.
    #[error("the creation time is outside the calendar")]
    Time,
    /// The writer says no.
    #[error("the message cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The message.
    Message,
    /// A payment, counted from 1.
    Payment(usize),
    /// A transfer of a payment, both counted from 1.
    Transfer(usize, usize),
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Nothing there, or spaces only.
    #[error("is empty")]
    Empty,
    /// Too long.
    #[error("has {chars} characters; {most} are allowed")]
    TooLong {
        /// How many characters it has.
        chars: usize,
        /// How many it may have.
        most: usize,
    },
    /// A character that XML or a bank's network does not carry.
    #[error("has the character U+{:04X}, which the message cannot carry", u32::from(*.0))]
    Character(char),
    /// Slashes where banks take them for a separator.
    #[error("begins or ends with a slash or has two in a row, which banks refuse")]
    Slashes,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Message => f.write_str("the message"),
            Subject::Payment(payment) => write!(f, "payment {payment}"),
            Subject::Transfer(payment, transfer) => {
                write!(f, "transfer {transfer} of payment {payment}")
            }
        }
    }
}

/// Writes a message, checked, in UTF-8.
///
/// # Errors
/// What the schema or a bank would refuse, before anything is written; or `out` fails.
pub fn write(initiation: &Initiation, out: impl Write) -> Result<Written, InitiationError> {
    let sums = check(initiation)?;
    xml::write(initiation, &sums, out)?;
    let transfers = initiation.payments.iter().map(|payment| payment.transfers.len()).sum();
    Ok(Written { transfers, control_sum: sums.message })
}

/// The sums that the message states, as decimals.
struct Sums {
    created_at: String,
    message: String,
    payments: Vec<String>,
}

fn check(initiation: &Initiation) -> Result<Sums, InitiationError> {
    let message = Subject::Message;
    reference("id", message, &initiation.message_id, MESSAGE_ID_CHARS_MAX)?;
    text("initiator", message, &initiation.initiator, TEXT_CHARS_MAX)?;
    let created_at = utc_text(initiation.created_at_ms).ok_or(InitiationError::Time)?;
    let payments = &initiation.payments;
    let transfers: usize = payments.iter().map(|payment| payment.transfers.len()).sum();
    if transfers > TRANSFERS_MAX || payments.len() > PAYMENTS_MAX {
        return Err(InitiationError::TooMany);
    }
    if payments.is_empty() {
        return Err(InitiationError::NoTransfers(message));
    }
    // Amounts of different currencies are added as numbers: with as many decimals as the most has.
    let exponent = payments.iter().map(|payment| payment.currency.exponent()).max().unwrap_or(0);
    let (mut total, mut sums, mut ids) = (0, Vec::new(), BTreeSet::new());
    for (place, payment) in payments.iter().enumerate() {
        let subject = Subject::Payment(place + 1);
        let alike = |other: &Payment| {
            other.currency == payment.currency && other.debtor.account == payment.debtor.account
        };
        if let Some(first) = payments[..place].iter().position(alike) {
            let first = Subject::Payment(first + 1);
            return Err(InitiationError::PaymentTwice { first, second: subject });
        }
        let sum = check_payment(payment, place + 1, &mut ids)?;
        sums.push(decimal("sum", subject, sum, payment.currency)?);
        total += sum * 10_i128.pow(exponent - payment.currency.exponent());
    }
    Ok(Sums { created_at, message: control_sum(total, exponent)?, payments: sums })
}

/// Returns the sum of its amounts, in minor units.
fn check_payment<'i>(
    payment: &'i Payment,
    number: usize,
    ids: &mut BTreeSet<&'i str>,
) -> Result<i128, InitiationError> {
    let subject = Subject::Payment(number);
    party::check("debtor", subject, &payment.debtor)?;
    if payment.transfers.is_empty() {
        return Err(InitiationError::NoTransfers(subject));
    }
    let mut sum = 0;
    for (place, transfer) in payment.transfers.iter().enumerate() {
        let subject = Subject::Transfer(number, place + 1);
        reference("payout id", subject, &transfer.payout, END_TO_END_ID_CHARS_MAX)?;
        if !ids.insert(&transfer.payout) {
            return Err(InitiationError::PayoutTwice(subject));
        }
        party::check("creditor", subject, &transfer.creditor)?;
        if let Some(remittance) = &transfer.remittance {
            text("remittance text", subject, remittance, TEXT_CHARS_MAX)?;
        }
        if transfer.amount.is_zero() {
            return Err(InitiationError::Zero(subject));
        }
        let amount = i128::from(transfer.amount.minor());
        decimal("amount", subject, amount, payment.currency)?;
        sum += amount;
    }
    Ok(sum)
}

fn decimal(
    what: &'static str,
    of: Subject,
    minor: i128,
    currency: Currency,
) -> Result<String, InitiationError> {
    if minor.to_string().len() > DIGITS_MAX {
        return Err(InitiationError::TooLarge { what, of });
    }
    Ok(Decimal::of_balance(minor, currency).to_string())
}

/// A sum over currencies, with the decimals of the one that has most.
fn control_sum(total: i128, exponent: u32) -> Result<String, InitiationError> {
    let digits = format!("{total:0>width$}", width = exponent as usize + 1);
    if digits.trim_start_matches('0').len() > DIGITS_MAX {
        return Err(InitiationError::TooLarge { what: "sum", of: Subject::Message });
    }
    let (whole, decimals) = digits.split_at(digits.len() - exponent as usize);
    Ok(if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") })
}

/// A text that people read: any script, but no controls.
fn text(what: &'static str, of: Subject, text: &str, most: usize) -> Result<(), InitiationError> {
    let wrong = |problem| Err(InitiationError::Text { what, of, problem });
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return wrong(TextProblem::Empty);
    }
    if chars > most {
        return wrong(TextProblem::TooLong { chars, most });
    }
    match crate::reference::unprintable(text) {
        Some(c) => wrong(TextProblem::Character(c)),
        None => Ok(()),
    }
}

/// A text that computers read, in the set that every bank's network carries: SWIFT's X without the
/// line ends, and no slash where banks take it for a separator (EPC217-08, 1.2 and 1.3).
fn reference(
    what: &'static str,
    of: Subject,
    id: &str,
    most: usize,
) -> Result<(), InitiationError> {
    text(what, of, id, most)?;
    let carried = |c: char| c.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(c);
    let problem = match id.chars().find(|&c| !carried(c)) {
        Some(c) => TextProblem::Character(c),
        None if id.starts_with('/') || id.ends_with('/') || id.contains("//") => {
            TextProblem::Slashes
        }
        None => return Ok(()),
    };
    Err(InitiationError::Text { what, of, problem })
}
