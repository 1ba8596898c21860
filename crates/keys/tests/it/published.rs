//! Compares the vectors in the tests with their JSON files, if these are present.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::macs::{CBC, CBC_KEY, CUP_KEY, CUP_MESSAGE, CUP_STEPS, RETAIL};
use crate::sign_on::{FIELD, MAC_KEY, PIN_KEY, TERMINAL_MASTER};

fn file(name: &str) -> Option<Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from);
    let path = folder.join("vectors").join(name);
    if !path.exists() {
        println!("skipped: {} is not there; set DOORSTEP_TEST_DATA", path.display());
        return None;
    }
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

/// Collects every string of a JSON value.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

/// Checks that every value of the file occurs in the source of the tests.
fn all_typed(name: &str, source: &str) {
    let Some(json) = file(name) else { return };
    let mut found = Vec::new();
    strings(json.get("values").unwrap_or(&json), &mut found);
    assert!(found.len() >= 3);
    for text in found {
        // Ignore the fill of a card number with an odd number of digits.
        let text = text.trim_end_matches('F');
        assert!(source.contains(text), "{name}: {text} is not in the tests");
    }
}

#[test]
fn the_dukpt_vectors_are_in_the_tests() {
    let tdes = include_str!("../../src/dukpt/tdes/tests.rs");
    all_typed("dukpt_tdes_x9_24_1_2009.json", tdes);
    let aes = include_str!("../../src/dukpt/aes/tests.rs");
    // A unit test of the PIN blocks computes the card number field.
    let aes = format!("{aes} 01020304 44111111111111111000000000000000 4012345678909D987");
    all_typed("dukpt_aes128_x9_24_3_2017.json", &aes);
    all_typed("dukpt_aes128_update_key.json", &aes);
}

#[test]
fn the_unionpay_vectors_are_in_the_tests() {
    let Some(json) = file("cup_mac_and_signon.json") else { return };
    let mac = &json["mac_ecb_3des"];
    assert_eq!(mac["tak"], CUP_KEY);
    assert_eq!(mac["mab"], CUP_MESSAGE);
    for (name, value) in ["xor", "step3", "step4", "step5", "field64"].iter().zip(CUP_STEPS) {
        assert_eq!(mac[*name], value);
    }
    let sign_on = &json["signon_field62_40_bytes"];
    let names = ["tmk", "pik", "mak", "pik_enc", "pik_kcv", "mak_enc", "mak_pad", "mak_kcv"];
    let values = [&[TERMINAL_MASTER, PIN_KEY, MAC_KEY], FIELD.as_slice()].concat();
    for (name, value) in names.iter().zip(values) {
        assert_eq!(sign_on[*name], value);
    }
}

#[test]
fn the_mac_vectors_are_in_the_tests() {
    let Some(json) = file("mac_x9_19_and_cbc.json") else { return };
    assert_eq!(json["cbc_mac_tdes"]["key_hex"], CBC_KEY);
    for (part, expected) in [("retail_mac_x9_19", RETAIL), ("cbc_mac_tdes", CBC)] {
        for (number, (_, mac)) in (1..).zip(expected) {
            assert_eq!(json[part][format!("pad{number}")], mac);
        }
        assert_eq!(json[part]["data_ascii"], "hello world");
    }
}

#[test]
fn the_pin_block_vectors_are_in_the_tests() {
    let Some(mut json) = file("pin_blocks.json") else { return };
    json["source"] = Value::Null;
    let source = include_str!("../../src/pin/tests.rs");
    let mut found = Vec::new();
    strings(&json, &mut found);
    assert_eq!(found.len(), 4 * 3 + 6 * 2);
    for text in found {
        assert!(source.contains(&format!("\"{text}\"")), "{text} is not in the tests");
    }
}
