//! The courier's phone over the books of a demonstration, in a browser: online, offline, and back.

use std::path::Path;

use serde_json::Value;

use super::demo_server::start;
use super::support::{Bed, Ran, tool};

#[test]
fn a_courier_collects_offline_and_the_books_have_each_payment_once() {
    let bed = Bed::new();
    tool(&bed, "chromium");
    let demo = start(&bed, "--data books");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = bed.command("node");
    node.arg(root.join("tests/node/phone.mjs")).arg(root.join("../../target/node"));
    node.arg(&demo.url).arg(bed.path(""));
    if let Some(shots) = std::env::var_os("DOORSTEP_SHOTS") {
        node.arg(shots);
    }
    let visited = Ran::of_long(&mut node).succeeds();
    let said: Value = serde_json::from_str(visited.stdout().lines().next().unwrap()).unwrap();
    demo.stop();
    // The same cash by the command line, from the journal.
    let courier = said["courier"].as_str().unwrap();
    let cash = bed.run(&format!("cash --courier {courier} --data books --json")).succeeds().json();
    assert!(cash.to_string().contains(&format!("{}", said["in_hand"])), "{said}: {cash}");
    bed.verified("books");
}
