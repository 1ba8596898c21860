//! Writes offers as our own CSV, which the profile `doorstep-offers` reads back.

use std::io::{self, Write};

use money::decimal::DecimalAmount;
use money::{Amount, Currency};

pub const HEADER: [&str; 12] = [
    "seller",
    "offer",
    "state",
    "category",
    "currency",
    "title",
    "description",
    "captions",
    "sku",
    "price",
    "weight_g",
    "stock",
];

/// A variant as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedVariant {
    pub sku: String,
    pub price: Amount,
    pub weight_g: u32,
    /// Units that can be ordered.
    pub left: u32,
}

/// An offer as it is written. Without a text its title is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedOffer {
    pub seller: String,
    pub reference: String,
    pub state: &'static str,
    pub category: u64,
    pub currency: Currency,
    pub title: String,
    pub description: String,
    pub captions: Vec<String>,
    pub variants: Vec<ExportedVariant>,
}

/// Whether a spreadsheet would compute a cell, or has been kept from it.
pub(super) fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// A text that no spreadsheet computes.
fn harmless(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// Writes the header and a line for each variant. Title, description and captions stand on the
/// first line of an offer.
///
/// # Errors
/// `to` cannot be written.
pub fn write_csv(
    to: impl Write,
    offers: impl IntoIterator<Item = ExportedOffer>,
) -> io::Result<u64> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(HEADER)?;
    let mut lines = 0;
    for offer in offers {
        for (place, variant) in offer.variants.iter().enumerate() {
            let told = |text: String| if place == 0 { harmless(&text) } else { String::new() };
            csv.write_record([
                harmless(&offer.seller),
                harmless(&offer.reference),
                offer.state.to_owned(),
                offer.category.to_string(),
                offer.currency.to_string(),
                told(offer.title.clone()),
                told(offer.description.clone()),
                told(offer.captions.join("\n")),
                harmless(&variant.sku),
                DecimalAmount::of(variant.price, offer.currency).to_string(),
                variant.weight_g.to_string(),
                variant.left.to_string(),
            ])?;
            lines += 1;
        }
    }
    csv.flush()?;
    Ok(lines)
}
