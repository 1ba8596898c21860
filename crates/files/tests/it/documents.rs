//! The examples in `docs/files` are valid.

use files::incoming::bank_csv;
use files::incoming::clearing::{self, ClearingLayout};
use files::profile::Profile;
use sha2::{Digest, Sha256};

use crate::support::{bad, import, parcels, try_import};

const ORDERS_CSV: &str = include_str!("../../../../docs/files/orders-csv.md");
const PROFILES: &str = include_str!("../../../../docs/files/profiles.md");
const BANK_CSV: &str = include_str!("../../../../docs/files/bank-csv.md");
const CLEARING: &str = include_str!("../../../../docs/files/clearing.md");
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

/// The code blocks of clearing files with the digest of their lines.
fn clearing_examples() -> Vec<String> {
    let blocks = CLEARING.split("```csv\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let with_digest = |block: &str| {
        let (lines, _) = block.trim_end().rsplit_once('\n').unwrap();
        let digest = Sha256::digest(format!("{lines}\n"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        block.replace("(64 hexadecimal digits)", &digest)
    };
    blocks.map(with_digest).collect()
}

#[test]
fn the_examples_of_clearing_files_are_valid() {
    let examples = clearing_examples();
    for (example, layout, items) in
        [(&examples[0], ClearingLayout::Requests, 4), (&examples[1], ClearingLayout::Orders, 1)]
    {
        let read = clearing::read(example.as_bytes(), "example", layout);
        assert_eq!(read.unwrap_or_else(|error| panic!("{error}")).items.len(), items);
    }
}

#[test]
fn the_example_of_a_bank_statement_is_valid() {
    let read = bank_csv::read(example(BANK_CSV, "csv").as_bytes(), "example", None);
    assert_eq!(read.unwrap_or_else(|error| panic!("{error}")).entries.len(), 3);
}
