//! Writes the waybills of an import as CSV, for the labels on the parcels.

use std::io;
use std::path::Path;

use money::decimal::DecimalAmount;

use crate::atomic::{AtomicWriteError, write_atomically};
use crate::orders::{BuyerDetails, OrderParcel};
use crate::payouts::escape_formula;

pub const WAYBILL_COLUMNS: [&str; 5] = ["order", "seller", "waybill", "currency", "amount_due"];
/// Further ones, of who gets the parcel.
pub const BUYER_COLUMNS: [&str; 3] = ["name", "phone", "address"];

/// A parcel and its waybill.
#[derive(Debug)]
pub struct WaybillRow<'p> {
    pub order: &'p OrderParcel,
    pub waybill: String,
    pub buyer: Option<BuyerDetails>,
}

/// Writes a line for each parcel with its waybill (RFC 4180, UTF-8, line feeds), and with the
/// columns of buyers if they are asked for. Returns their number. A file of that name is replaced.
///
/// # Errors
/// The file cannot be written; the previous one is untouched.
pub fn write_waybills<'p>(
    path: &Path,
    rows: impl IntoIterator<Item = WaybillRow<'p>>,
    with_buyers: bool,
) -> Result<usize, AtomicWriteError<io::Error>> {
    let own = if with_buyers { BUYER_COLUMNS.len() } else { 0 };
    write_atomically(path, |out| {
        let mut csv =
            csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
        csv.write_record(WAYBILL_COLUMNS.iter().chain(&BUYER_COLUMNS[..own]))?;
        let mut count = 0;
        for WaybillRow { order: parcel, waybill, buyer } in rows {
            let due = DecimalAmount::of(parcel.amount_due, parcel.currency).to_string();
            let currency = parcel.currency.code();
            let BuyerDetails { name, phone, address } = buyer.unwrap_or_default();
            let fields = [
                escape_formula(&parcel.order),
                escape_formula(&parcel.seller),
                waybill.into(),
                currency.into(),
                due.into(),
            ];
            let of_buyer = [&name, &phone, &address].map(|text| escape_formula(text));
            let fields = fields.iter().chain(&of_buyer[..own]);
            csv.write_record(fields.map(|field| field.as_bytes()))?;
            count += 1;
        }
        csv.flush()?;
        Ok(count)
    })
}
