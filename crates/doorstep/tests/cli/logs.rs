//! The log of `serve`: text and JSON lines with ids, without secrets.

use serde_json::Value;

use super::ground::{self, Running};
use super::support::{Bed, Ran};

/// Sells a parcel, and returns what the terminal printed and what the switch logged.
fn sold(flags: &str) -> (Ran, Ran) {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::with_log(&bed, "", flags);
    let (waybill, amount) = ground::parcel(2);
    let sale = running.terminal(&bed, "", &[format!("sell {waybill} {amount}")]).succeeds();
    let logged = running.engine.stop();
    running.network.stop();
    (sale, logged)
}

#[test]
fn an_approval_is_a_json_line_with_its_ids() {
    let (_, logged) = sold("--log-format json --log-level debug");
    let lines: Vec<Value> =
        logged.stderr().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let approved = lines.iter().find(|line| line["message"] == "approved").unwrap();
    let (waybill, amount) = ground::parcel(2);
    assert_eq!(approved["level"], "INFO");
    assert_eq!(approved["terminal"], "00000001");
    assert_eq!(approved["stan"], 502);
    assert_eq!(approved["network"], "alpha");
    assert_eq!(approved["rrn"].as_str().unwrap().len(), 12);
    assert_eq!(approved["parcel"], waybill.as_str());
    assert_eq!(approved["amount"], amount.as_str());
    assert_eq!(approved["currency"], "CNY");
    // Card numbers of this trial have at least 16 digits in a row.
    let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(digits(logged.stderr()) < Some(16), "{logged}");
}

#[test]
fn a_level_hides_the_lower_ones() {
    let (_, logged) = sold("--log-level warn");
    assert!(!logged.stderr().contains(" INFO "), "{logged}");
    let (_, logged) = sold("");
    logged.says("  INFO switch: approved terminal=00000001 batch=");
}
