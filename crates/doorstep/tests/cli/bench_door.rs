//! `bench door`, with few terminals.

use serde_json::Value;

use super::support::{Bed, number};

#[track_caller]
fn measured(flags: &str) -> Value {
    let bed = Bed::new();
    let figures = bed.run(&format!("bench door --idle 0 --json {flags}")).succeeds().json();
    assert_eq!(figures["books_equal"], true, "{figures:#}");
    let nothing = ["/lost", "/doubled", "/unknown", "/unfinished", "/moving", "/declined"];
    for nothing in nothing {
        assert_eq!(number(&figures, nothing), 0, "{nothing} in {figures:#}");
    }
    assert_eq!(figures["network"]["approved"], figures["approved"], "{figures:#}");
    assert!(!bed.has("door"), "the directory is a temporary one");
    figures
}

#[test]
fn sales_at_a_rate_go_over_gateways_and_the_books_are_equal() {
    let figures = measured("--terminals 20 --gateways 2 --rate 100 --seconds 1");
    assert_eq!(number(&figures, "/signed_on"), 20);
    let sales = number(&figures, "/sales");
    // A busy machine makes fewer, never more.
    assert!((1..=101).contains(&sales), "{figures:#}");
    assert_eq!(figures["dialect"], "doorstep");
    assert!(figures["p99_ms"].as_f64().unwrap() >= figures["p50_ms"].as_f64().unwrap());
}

#[test]
fn unlimited_sales_go_straight_to_the_engine() {
    let flags = "--terminals 10 --gateways 0 --in-flight 5 --seconds 1 --most-per-second 500";
    let figures = measured(&format!("{flags} --pins"));
    assert!(number(&figures, "/sales_per_s") > 20, "{figures:#}");
}

#[test]
fn terminals_of_a_killed_gateway_are_served_by_the_others() {
    let flags = "--terminals 20 --gateways 2 --rate 100 --seconds 2 --kill-gateway";
    let figures = measured(flags);
    assert_eq!(number(&figures, "/moved"), 10, "{figures:#}");
    assert!(number(&figures, "/moved_within_ms") < 30_000, "{figures:#}");
}

#[test]
fn terminals_speak_unionpays_dialect_straight_to_the_engine() {
    let figures =
        measured("--terminals 10 --gateways 0 --rate 50 --seconds 1 --dialect unionpay --pins");
    assert!((1..=51).contains(&number(&figures, "/sales")), "{figures:#}");
    assert_eq!(figures["dialect"], "unionpay");
}

#[test]
fn invalid_measurements_are_refused() {
    let bed = Bed::new();
    bed.run("bench door --terminals 0")
        .ends_with(2)
        .says("error: --terminals 0: write a whole number from 1 to ");
    bed.run("bench door --gateways 0 --kill-gateway").fails("there is no gateway");
    bed.run("bench door --gateways 1 --dialect unionpay").fails("give --gateways 0");
    bed.write("there", "");
    bed.run("bench door --data there").fails("it exists already");
}
