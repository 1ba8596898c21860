//! `bench api`, with few requests.

use serde_json::Value;

use super::support::{Bed, number};

#[track_caller]
fn measured(flags: &str) -> Value {
    let bed = Bed::new();
    let figures = bed.run(&format!("bench api --parcels 50 --json {flags}")).succeeds().json();
    assert!(!bed.has("api"), "the directory is a temporary one");
    figures
}

#[test]
fn writes_and_reads_beside_the_door_and_silent_connections_outlive_a_kill() {
    let figures = measured(
        "--rate 40 --read-rate 60 --seconds 2 --lead-in 1 --connections 4 --door 20 \
         --terminals 5 --idle-connections 500 --read-back 30",
    );
    for (kind, all) in [("writes", 80), ("reads", 120)] {
        assert_eq!(figures[kind]["errors"], serde_json::json!({}), "{figures:#}");
        assert_eq!(number(&figures, &format!("/{kind}/answered")), all, "{figures:#}");
    }
    // Those of the lead-in too, and those that were read at once.
    assert_eq!(number(&figures, "/acknowledged"), 120 + 30, "{figures:#}");
    assert_eq!(number(&figures, "/repeated"), 150, "{figures:#}");
    assert!(number(&figures, "/door/sales") > 0, "{figures:#}");
}

#[test]
fn only_reads_write_nothing() {
    let figures = measured("--reads --rate 60 --seconds 1 --lead-in 0 --connections 3");
    assert_eq!(figures["writes"], Value::Null, "{figures:#}");
    assert_eq!(figures["door"], Value::Null, "{figures:#}");
    assert_eq!(number(&figures, "/acknowledged"), 0, "{figures:#}");
    assert_eq!(number(&figures, "/reads/answered"), 60, "{figures:#}");
}

#[test]
fn invalid_loads_are_refused() {
    let bed = Bed::new();
    bed.run("bench api --rate 0").ends_with(2).says("error: --rate 0: ");
    bed.run("bench api --writes --reads").ends_with(2);
    bed.write("there", "");
    bed.run("bench api --data there").fails("it exists already");
}
