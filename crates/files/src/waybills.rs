//! Writes the waybills of an import as CSV, for the labels on the parcels.

use std::io;
use std::path::Path;

use money::decimal::DecimalAmount;

use crate::atomic::{AtomicWriteError, write_atomically};
use crate::orders::OrderParcel;
use crate::payouts::escape_formula;

pub const WAYBILL_COLUMNS: [&str; 5] = ["order", "seller", "waybill", "currency", "amount_due"];

/// Writes a line for each parcel with its waybill (RFC 4180, UTF-8, line feeds). Returns their
/// number. A file of that name is replaced.
///
/// # Errors
/// The file cannot be written; the previous one is untouched.
pub fn write_waybills<'p>(
    path: &Path,
    parcels: impl IntoIterator<Item = (&'p OrderParcel, String)>,
) -> Result<usize, AtomicWriteError<io::Error>> {
    write_atomically(path, |out| {
        let mut csv =
            csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
        csv.write_record(WAYBILL_COLUMNS)?;
        let mut count = 0;
        for (parcel, waybill) in parcels {
            let due = DecimalAmount::of(parcel.amount_due, parcel.currency).to_string();
            let currency = parcel.currency.code();
            let fields = [
                escape_formula(&parcel.order),
                escape_formula(&parcel.seller),
                waybill.into(),
                currency.into(),
                due.into(),
            ];
            csv.write_record(fields.iter().map(|field| field.as_bytes()))?;
            count += 1;
        }
        csv.flush()?;
        Ok(count)
    })
}
