//! Payouts out, as CSV: for sellers and for finance teams. Described in `docs/files/payouts.md`.

use std::borrow::Cow;
use std::io::{self, Write};

use money::decimal::Decimal;
use money::{Amount, Currency};

use crate::reference::{ReferenceError, reference};

/// The first line of the file.
pub const PAYOUT_COLUMNS: [&str; 8] =
    ["payout", "seller", "currency", "gross", "fees", "net", "given_back", "returned"];

/// What one payout comes to. `gross − fees − given_back + returned = net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutLine {
    /// The payout's id.
    pub payout: String,
    /// The seller's reference.
    pub seller: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What was collected for the seller.
    pub gross: Amount,
    /// What was kept of it for the service, with the fees on returns.
    pub fees: Amount,
    /// What went back to buyers: refunds, and what card networks took back.
    pub given_back: Amount,
    /// Earlier payouts that the bank returned and that are paid again.
    pub returned: Amount,
    /// What is paid.
    pub net: Amount,
}

/// Why payouts were not written.
#[derive(Debug, thiserror::Error)]
pub enum PayoutFileError {
    /// A payout's id or a seller is no reference.
    #[error("the {what} of payout line {line} is no reference: {error}")]
    Reference {
        /// Which of the two.
        what: &'static str,
        /// The payout, counted from 1.
        line: usize,
        /// What is wrong.
        error: ReferenceError,
    },
    /// The writer says no.
    #[error("the payouts cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl PayoutLine {
    /// Whether `gross − fees − given_back + returned = net`.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let minor = |amount: Amount| i128::from(amount.minor());
        let taken = minor(self.fees) + minor(self.given_back);
        minor(self.gross) - taken + minor(self.returned) == minor(self.net)
    }
}

/// Writes payouts as CSV (RFC 4180 in UTF-8, lines end with a line feed), and returns how many.
/// Amounts have a decimal point and as many decimals as the currency: `35.90`.
///
/// # Errors
/// Where an id or a seller is no reference, or `out` fails.
///
/// # Panics
/// Where a line does not add up (M8): books that are wrong must not become payments.
pub fn write_csv<'l>(
    lines: impl IntoIterator<Item = &'l PayoutLine>,
    out: impl Write,
) -> Result<usize, PayoutFileError> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
    writer.write_record(PAYOUT_COLUMNS).map_err(io::Error::from)?;
    let mut count = 0;
    for line in lines {
        assert!(line.adds_up(), "M8: payout `{}` does not add up: {line:?}", line.payout);
        count += 1;
        let checked = |what, text| {
            let error = |error| PayoutFileError::Reference { what, line: count, error };
            reference(text).map(guarded).map_err(error)
        };
        let amount = |amount| Decimal::of(amount, line.currency).to_string();
        let fields = [
            checked("id", &line.payout)?,
            checked("seller", &line.seller)?,
            line.currency.code().into(),
            amount(line.gross).into(),
            amount(line.fees).into(),
            amount(line.net).into(),
            amount(line.given_back).into(),
            amount(line.returned).into(),
        ];
        writer
            .write_record(fields.iter().map(|field| field.as_bytes()))
            .map_err(io::Error::from)?;
    }
    writer.flush()?;
    Ok(count)
}

/// A text as it stands in a file that spreadsheets open: behind an apostrophe where it would be
/// taken for a formula, and where it begins with an apostrophe itself, so that [`unguarded`] gives
/// every text back.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that [`guarded`] made a field of.
#[must_use]
pub fn unguarded(field: &str) -> &str {
    field.strip_prefix('\'').unwrap_or(field)
}
