//! The examples in `docs/files` are valid.

use files::profile::Profile;

use crate::support::{bad, import, parcels, try_import};

const ORDERS_CSV: &str = include_str!("../../../../docs/files/orders-csv.md");
const PROFILES: &str = include_str!("../../../../docs/files/profiles.md");
const PAYOUTS: &str = include_str!("../../../../docs/files/payouts.md");

/// The first code block of a language.
fn example<'d>(document: &'d str, language: &str) -> &'d str {
    let (_, after) = document.split_once(&format!("```{language}\n")).unwrap();
    after.split_once("```").unwrap().0
}

#[test]
fn the_example_of_an_order_file_is_valid() {
    let import = import("doorstep", example(ORDERS_CSV, "csv"));
    assert_eq!(bad(&import.report), [""; 0]);
    assert_eq!(
        parcels(&import),
        [
            "2026-000173 S-17 CNY 128.50 × 2",
            "2026-000173 S-44 CNY 19.90 × 1",
            "2026-000174 Teas, Wang & Sons CNY 76.00 × 1",
        ]
    );
}

#[test]
fn the_example_of_a_profile_is_valid() {
    let profile = Profile::parse(example(PROFILES, "toml")).unwrap();
    let text = "Bestellnummer;Status;Datum;Zahlart;Position;Menge;Einzelpreis;Versandkosten;\
                Gutschein\n\
                B1;versandbereit;2026-03-01 10:00;Nachnahme;1;2;1.000,00;4,90;\n\
                B1;versandbereit;2026-03-01 10:00;Nachnahme;2;1;5,10;4,90;\n\
                B2;versandbereit;2026-03-01 10:00;PayPal;1;1;5,10;4,90;\n";
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(bad(&import.report), [""; 0]);
    assert_eq!(parcels(&import), ["B1 S-17 EUR 2010.00 × 3"]);
}

#[test]
fn the_columns_of_the_payout_file_are_the_written_ones() {
    let header = example(PAYOUTS, "csv").lines().next().unwrap();
    assert_eq!(header, files::payouts::PAYOUT_COLUMNS.join(","));
}
