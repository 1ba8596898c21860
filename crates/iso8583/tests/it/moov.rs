//! Messages from the tests of moov-io/iso8583, if they are available.

use std::fs;

use iso8583::packagers::FIELD_90;
use iso8583::{FieldContent, FieldLength, ISO87_ASCII, MessageBuilder, Mti, ParseRule};
use serde_json::Value as Json;

use crate::support::{real, set, values};

fn file(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(real(&format!("iso8583/moov/{name}"))?).unwrap())
}

#[test]
fn its_ascii_messages_parse_and_build_the_same() {
    for name in [
        "financial_transaction_message.dat",
        "financial_transaction_message_response.dat",
        "iso_reversal_message.dat",
        "iso_reversal_message_advice.dat",
        "iso_reversal_message_response.dat",
        "iso_reversal_repeat_message.dat",
        "iso_reversal_repeat_message_response.dat",
        "network_management_message.dat",
        "network_management_message_response.dat",
    ] {
        let Some(bytes) = file(name) else { return };
        let message = ISO87_ASCII.parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut again = MessageBuilder::new(&ISO87_ASCII, message.mti());
        values(&message).iter().for_each(|(field, value)| set(&mut again, *field, value));
        let again = again.build().unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = ISO87_ASCII.parse(&again).unwrap();
        assert!(message.fields().eq(again.fields()), "{name}");
    }
}

#[test]
fn its_reversal_has_the_expected_values() {
    let Some(bytes) = file("iso_reversal_message.dat") else { return };
    let Some(said) = file("iso_reversal_message.json") else { return };
    let said: Json = serde_json::from_slice(&said).unwrap();
    let message = ISO87_ASCII.parse(&bytes).unwrap();
    assert_eq!(message.mti(), Mti::M0400);
    let said = said["elements"].as_object().unwrap();
    let fields = said.keys().filter(|field| *field != "1").count();
    assert_eq!(message.fields().count(), fields);
    for field in message.fields() {
        let value = said[&field.id().to_string()].as_str().unwrap();
        assert_eq!(field.text().unwrap(), value, "field {}", field.id());
    }
    let ninety = message.text(90).unwrap();
    let original = FIELD_90.split(ninety.as_bytes()).unwrap();
    assert_eq!((original.number(0), original.number(1)), (Ok(200), Ok(3_316)));
}

#[test]
fn its_broken_messages_are_refused_at_the_right_position() {
    for (name, field, offset) in [
        ("error_message.dat", 55, 185),
        ("message_with_hex_length.dat", 32, 66),
        ("message_with_number_bcd_encoding.dat", 7, 36),
        ("network_management_message_with_error_track.dat", 35, 68),
    ] {
        let Some(bytes) = file(name) else { return };
        let error = ISO87_ASCII.parse(&bytes).unwrap_err();
        assert_eq!((error.field(), error.offset), (Some(field), offset), "{name}: {error}");
        assert_ne!(error.rule, ParseRule::Undefined);
    }
}

#[test]
fn its_table_of_1987_agrees_with_ours() {
    let Some(table) = file("spec87ascii.json") else { return };
    let table: Json = serde_json::from_slice(&table).unwrap();
    // moov allows an..25, more than the standard.
    let wider = [44];
    for (name, theirs) in table["fields"].as_object().unwrap() {
        let field: u8 = name.trim_start_matches("Field").parse().unwrap();
        if field < 2 || wider.contains(&field) {
            continue;
        }
        let ours = ISO87_ASCII.spec(field).unwrap();
        let (length, counted) = match ours.length() {
            FieldLength::Fixed(length) => (length, "fixed"),
            FieldLength::Variable { max, indicator: count } => {
                (max, if count.digits() == 2 { "LL" } else { "LLL" })
            }
        };
        assert_eq!(theirs["length"], length, "{name}");
        assert!(theirs["prefix"].as_str().unwrap().ends_with(&format!(".{counted}")), "{name}");
        assert_eq!(theirs["enc"] == "hexEncoder", ours.content() == FieldContent::B, "{name}");
    }
}
