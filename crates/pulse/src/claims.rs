//! Claims: figures that somebody published, judged by arithmetic.
//!
//! ```
//! let claims = pulse::claims::read(
//!     r#"
//!     [[claim]]
//!     id = "iresearch-2013q2"
//!     publisher = "iResearch"
//!     values = [ { name = "total", amount = "437.13", scale = "bn", currency = "CNY" },
//!                { name = "b2c", amount = "157.6", scale = "bn", currency = "CNY" } ]
//!     shares = [ { part = "b2c", whole = "total", percent = "36.1" } ]
//!     "#,
//! )?;
//! assert_eq!(pulse::claims::judge(&claims)[0].verdict, pulse::claims::Verdict::Holds);
//! # Ok::<(), pulse::claims::ClaimFileError>(())
//! ```

mod correction;
mod evaluate;
mod figure;
mod file;
mod judge;
mod model;
mod reason;
mod review;

use money::Currency;
use serde::{Deserialize, Serialize};

pub use correction::{CORRECTION_TEXTS, CORRECTIONS_SHOWN_MAX, Correction};
pub use figure::{DIGITS_MAX, FigureError, Scale, ShownDecimal};
pub use file::{
    CLAIMS_MAX, ClaimFileError, ClaimFileProblem, ENTRIES_MAX, FILE_BYTES_MAX, PERCENT_MAX,
    TEXT_CHARS_MAX, check_ids, read,
};
pub use judge::judge;
pub use reason::{REASON_TEXTS, Reason, ReasonKind, SentenceValue};
pub use review::claim_review;

/// Figures that one publisher states of one period and universe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Names the claim; no other claim of the same files has it.
    pub id: String,
    pub publisher: Option<String>,
    /// The claim's own words.
    pub text: Option<String>,
    /// When it was published.
    pub date: Option<String>,
    /// Where it was published.
    pub source: Option<String>,
    /// What is counted. The same only if it is the same words: retail is not e-commerce.
    pub universe: Option<String>,
    /// For example `2013-Q2`.
    pub period: Option<String>,
    pub values: Vec<ClaimedValue>,
    pub parts: Vec<ClaimedParts>,
    pub shares: Vec<ClaimedShare>,
    pub growth: Vec<ClaimedGrowth>,
    pub rates: Vec<ExchangeRate>,
}

/// An amount of money, or a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedValue {
    pub name: String,
    /// In units of `scale`. Zero or more.
    pub amount: ShownDecimal,
    pub scale: Scale,
    /// `None` for a count.
    pub currency: Option<Currency>,
}

/// A value that is the sum of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedParts {
    pub whole: String,
    /// At least one.
    pub of: Vec<String>,
}

/// The share of a part in its whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedShare {
    pub part: String,
    pub whole: String,
    /// Zero or more.
    pub percent: ShownDecimal,
}

/// How much a value grew since another period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedGrowth {
    pub value: String,
    /// −100 or more.
    pub percent: ShownDecimal,
    /// The period of another claim of the same publisher.
    pub over: String,
}

/// What one unit of a currency is in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRate {
    pub from: Currency,
    pub to: Currency,
    /// Above zero.
    pub value: ShownDecimal,
}

/// What the arithmetic says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// At least one check was possible, and true values exist that satisfy each check.
    #[serde(rename = "holds")]
    Holds,
    /// No true values, rounded as shown, satisfy some check.
    #[serde(rename = "cannot hold")]
    CannotHold,
    /// Nothing is contradicted, but something that the claim says cannot be computed.
    #[serde(rename = "needs a definition")]
    NeedsDefinition,
}

impl Verdict {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::CannotHold => "cannot hold",
            Verdict::NeedsDefinition => "needs a definition",
        }
    }
}

/// A claim's verdict, with its arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Of the claim.
    pub id: String,
    pub verdict: Verdict,
    pub reasons: Vec<Reason>,
    /// Each of them alone makes the claim hold: the likeliest first. Empty unless the claim cannot
    /// hold.
    pub corrections: Vec<Correction>,
}
