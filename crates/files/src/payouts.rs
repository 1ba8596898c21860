//! Writes payouts as CSV, for sellers and finance teams. The format: `docs/files/payouts.md`.

use std::borrow::Cow;
use std::io::{self, Write};

use money::decimal::DecimalAmount;
use money::{Amount, Currency};

use crate::reference::{ReferenceError, reference};

pub const PAYOUT_COLUMNS: [&str; 10] = [
    "payout",
    "seller",
    "currency",
    "gross",
    "fees",
    "net",
    "given_back",
    "returned",
    "invoiced",
    "compensated",
];

/// One payout. `gross − fees − refunded + returned + invoiced + compensated = net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutRow {
    pub payout: String,
    pub seller: String,
    pub currency: Currency,
    /// Collected for the seller.
    pub gross: Amount,
    /// Deducted for the service, including return fees.
    pub fees: Amount,
    /// Refunds and chargebacks.
    pub refunded: Amount,
    /// Earlier payouts that the bank returned. This payout pays them again.
    pub returned: Amount,
    /// Debts of the seller that were invoiced, and are not deducted here.
    pub invoiced: Amount,
    /// For damaged and lost parcels.
    pub compensated: Amount,
    pub net: Amount,
}

#[derive(Debug, thiserror::Error)]
pub enum PayoutFileError {
    #[error("the {what} of payout line {line} is not a valid reference: {error}")]
    Reference {
        /// `id` or `seller`.
        what: &'static str,
        /// Counted from 1.
        line: usize,
        error: ReferenceError,
    },
    #[error("the payouts cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl PayoutRow {
    /// Whether `gross − fees − refunded + returned + invoiced + compensated = net`.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let minor = |amount: Amount| i128::from(amount.minor());
        let taken = minor(self.fees) + minor(self.refunded);
        let added = minor(self.returned) + minor(self.invoiced) + minor(self.compensated);
        minor(self.gross) - taken + added == minor(self.net)
    }
}

/// Writes payouts as CSV (RFC 4180, UTF-8, line feeds) and returns their number. Amounts have a
/// decimal point and the currency's number of decimals: `35.90`.
///
/// # Panics
/// If a line does not add up (M8): wrong books must never lead to payouts.
pub fn write_csv<'l>(
    lines: impl IntoIterator<Item = &'l PayoutRow>,
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
            reference(text).map(escape_formula).map_err(error)
        };
        let amount = |amount| DecimalAmount::of(amount, line.currency).to_string();
        let fields = [
            checked("id", &line.payout)?,
            checked("seller", &line.seller)?,
            line.currency.code().into(),
            amount(line.gross).into(),
            amount(line.fees).into(),
            amount(line.net).into(),
            amount(line.refunded).into(),
            amount(line.returned).into(),
            amount(line.invoiced).into(),
            amount(line.compensated).into(),
        ];
        writer
            .write_record(fields.iter().map(|field| field.as_bytes()))
            .map_err(io::Error::from)?;
    }
    writer.flush()?;
    Ok(count)
}

/// Prefixes an apostrophe to a text that a spreadsheet would run as a formula, or that starts with
/// an apostrophe itself. [`unescape_formula`] undoes it for every text.
#[must_use]
pub fn escape_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Undoes [`escape_formula`].
#[must_use]
pub fn unescape_formula(field: &str) -> &str {
    field.strip_prefix('\'').unwrap_or(field)
}
