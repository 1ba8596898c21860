//! `[metrics]`: figures, health and readiness of a running Doorstep, read by other people's
//! programs.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::ground::{self, Running};
use super::independent::python;
use super::support::{Bed, Ran, eventually, number, tool};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/metrics.py");
const SECTIONS: &str = "[metrics]\nlisten = [\"127.0.0.1:0\"]\n\n[views]\n\n[web]\n\
                        listen = [\"127.0.0.1:0\"]\n\n[limits]";

/// Prepares a trial whose switch answers who watches it.
pub fn make(bed: &Bed) {
    ground::make(bed);
    let settings = bed.read("door/doorstep.toml").replacen("[limits]", SECTIONS, 1);
    bed.write("door/doorstep.toml", settings);
}

/// The status and the body of an answer.
pub fn get(bed: &Bed, address: &str, path: &str) -> (u16, String) {
    let mut curl = tool(bed, "curl");
    curl.args(["--silent", "--show-error", "--write-out", "%{http_code}"]);
    let ran = Ran::of(curl.arg(format!("http://{address}{path}"))).succeeds();
    let (body, status) = ran.stdout().split_at(ran.stdout().len() - 3);
    (status.parse().unwrap(), body.to_owned())
}

/// A page as the Python client of Prometheus reads it.
struct Page(Value);

impl Page {
    fn of(bed: &Bed, text: &str) -> Page {
        let mut reader = bed.command(python().to_str().unwrap());
        reader.arg("-B").arg(READER);
        reader.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = reader.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let page = Ran::end_of(&reader, child).succeeds().json();
        assert_eq!(page["complaints"], serde_json::json!([]), "{text}");
        Page(page)
    }

    /// The value of a sample, by name and labels.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.0["families"].as_object().unwrap().values();
        let mut samples = families.flat_map(|family| family["samples"].as_array().unwrap());
        let is_it = |sample: &&Value| {
            let all = sample[1].as_object().unwrap();
            sample[0] == name
                && all.len() == labels.len()
                && labels.iter().all(|(label, text)| all.get(*label) == Some(&(*text).into()))
        };
        let sample = samples.find(is_it).unwrap_or_else(|| panic!("no {name} {labels:?}"));
        sample[2].as_f64().unwrap()
    }

    #[track_caller]
    fn assert_counts(&self, name: &str, labels: &[(&str, &str)], expected: i64) {
        assert_eq!(self.value(name, labels), expected as f64, "{name} {labels:?}");
    }
}

#[test]
fn figures_are_read_by_prometheus_and_agree_with_the_books() {
    let bed = Bed::new();
    make(&bed);
    let mut running = Running::start(&bed, "");
    let address = running.engine.says("metrics ");
    eventually("ready", || get(&bed, &address, "/readyz").0 == 200);
    let sale = |place: u64| {
        let (waybill, amount) = ground::parcel(place);
        format!("sell {waybill} {amount}")
    };
    let mut lines: Vec<String> = (1..=4).map(sale).collect();
    // The fourth a second time: it is paid.
    lines.push(sale(4));
    running.terminal(&bed, "", &lines).succeeds();
    bed.run("backup kept --data door/books").succeeds();

    let status = bed.run("status --data door/books --json").succeeds().json();
    let batch = number(&status, "/batch");
    let (mut page, mut text) = (None, String::new());
    // A page may be a second old, and the books' own days may add a batch.
    eventually("the last batch", || {
        text = get(&bed, &address, "/metrics").1;
        let read = Page::of(&bed, &text);
        let reached = read.value("doorstep_journal_batch", &[]) >= batch as f64;
        page = Some(read);
        reached
    });
    let page = page.unwrap();
    page.assert_counts("doorstep_sales_total", &[("outcome", "approved")], 4);
    page.assert_counts("doorstep_sales_total", &[("outcome", "refused")], 1);
    page.assert_counts("doorstep_commands_total", &[("command", "BeginPurchase")], 4);
    page.assert_counts("doorstep_commands_total", &[("command", "ResolvePurchase")], 4);
    page.assert_counts("doorstep_switch_events_total", &[("event", "wrong_mac")], 0);
    page.assert_counts("doorstep_breaks_open", &[], number(&status, "/breaks/count"));
    page.assert_counts("doorstep_open_items", &[], number(&status, "/open_items/count"));
    let unknown = number(&status, "/unknown_payments");
    page.assert_counts("doorstep_unknown_payments", &[("rail", "alpha")], unknown);
    page.assert_counts("doorstep_reversals_waiting", &[], 0);
    for link in ["0", "1"] {
        let of = [("network", "alpha"), ("link", link)];
        page.assert_counts("doorstep_link_signed_on", &of, 1);
        page.assert_counts("doorstep_link_withdrawn", &of, 0);
    }
    let made = number(&status, "/last_backup/batch");
    page.assert_counts("doorstep_backup_batch", &[], made);
    let batches = page.value("doorstep_sync_seconds_count", &[]);
    assert_eq!(page.value("doorstep_sync_seconds_bucket", &[("le", "+Inf")]), batches);
    assert!(batches > 0.0 && page.value("doorstep_sync_seconds_sum", &[]) > 0.0, "{text}");
    let free = page.value("doorstep_disk_free_bytes", &[]);
    assert!(free > 0.0 && free <= page.value("doorstep_disk_size_bytes", &[]), "{text}");
    // No waybill is in it, and no digits of the cards.
    let (waybill, _) = ground::parcel(1);
    assert!(!text.contains(&waybill) && !text.contains("622588"), "{text}");

    assert_eq!(get(&bed, &address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(&bed, &address, "/other").0, 404);
    let mut named = tool(&bed, "curl");
    named.args(["--silent", "--header", "Host: a.example", "--write-out", "%{http_code}"]);
    let named = Ran::of(named.arg(format!("http://{address}/metrics"))).succeeds();
    assert_eq!(named.stdout(), "ask for 127.0.0.1\n421");
    let mut post = tool(&bed, "curl");
    post.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--data", "x"]);
    let posted = Ran::of(post.arg(format!("http://{address}/metrics"))).succeeds();
    assert_eq!(posted.stdout(), "405");

    // Without its network nothing can be sold by card.
    running.network.stop();
    eventually("not ready", || {
        let (status, lines) = get(&bed, &address, "/readyz");
        status == 503 && lines.contains("no  networks: 0 of 2 links signed on")
    });
    let text = get(&bed, &address, "/metrics").1;
    let failures = [("network", "alpha"), ("link", "0")];
    let lost = Page::of(&bed, &text).value("doorstep_link_failures_total", &failures);
    assert!(lost >= 1.0, "{text}");
    running.engine.stop();
}

#[test]
fn figures_stay_on_this_machine_unless_the_operator_says_otherwise() {
    let bed = Bed::new();
    make(&bed);
    let settings = bed.read("door/doorstep.toml");
    let check = "serve --check --data door/books --config door/doorstep.toml";
    let with = |section: &str| {
        let other = format!("[metrics]\n{section}\n");
        bed.write(
            "door/doorstep.toml",
            settings.replacen("[metrics]\nlisten = [\"127.0.0.1:0\"]\n", &other, 1),
        );
        bed.run(check)
    };
    with("listen = [\"0.0.0.0:9464\"]")
        .fails("metrics.listen: 0.0.0.0:9464 is not a loopback address")
        .says("write plain = \"i-know\" in [metrics]");
    with("listen = [\"0.0.0.0:9464\"]\nplain = \"i-know\"").succeeds();
    with("listen = []").fails("metrics.listen: give at least one address");
    with("listen = [\"127.0.0.1:9464\"]").succeeds().prints("metrics     127.0.0.1:9464");
}
