//! `doorstep costs`, and how a network leaves: `network report` and `network drill`.

use serde_json::{Value, json};

use super::support::{Bed, Ran, tool};

/// In Python and SQL, from the views and the log.
const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/costs.py");
const DAYS: &str = "--from 2013-11-11 --until 2013-11-12";

const SETTINGS: &str = r#"
currency = "CNY"

[terminal]
price = "3000.00"
life_months = 36
communications_month = "5.00"
repairs_month = "2.00"

[[repair]]
terminal = 10000001
day = "2013-11-11"
amount = "120.00"

[cash]
count = "0.50"
deposit = "5.00"
share = "0.05%"

[[city]]
name = "Hangzhou"
firms = ["firm-1", "firm-2"]
"#;

fn day(bed: &Bed, flags: &str) {
    bed.run(&format!("day --data books {flags}")).succeeds();
}

fn costs(bed: &Bed, flags: &str) -> Value {
    bed.run(&format!("costs --data books {DAYS} --json {flags}")).succeeds().json()
}

#[test]
fn another_program_recomputes_each_figure_from_the_views_and_the_log() {
    let bed = Bed::new();
    day(&bed, "--parcels 400 --faults 200 --date 2013-11-11");
    bed.write("books/costs.toml", SETTINGS);
    let mut reports = json!({ "list": costs(&bed, "--list")["collections"] });
    for by in ["seller", "firm", "network", "terminal", "city", "day"] {
        reports[by] = costs(&bed, &format!("--by {by}"));
    }
    bed.write("reports.json", reports.to_string());
    bed.run("views update --data books").succeeds();
    let log = bed.run("log --data books --json").succeeds();
    bed.write("log.jsonl", log.stdout());
    let mut python = tool(&bed, "python3");
    python.args(["-B", CHECK, "books/views.sqlite", "log.jsonl", "books/costs.toml"]);
    let ran = Ran::of(python.args(["2013-11-11", "2013-11-12", "reports.json"])).succeeds();
    let compared = ran.json();
    for (what, least) in [("component", 8), ("seller", 100), ("terminal", 20), ("kept", 3)] {
        assert!(compared[what].as_u64().unwrap() >= least, "{what}: {compared}");
    }
    // Cities: the third firm has none.
    let cities = reports["city"]["groups"].as_array().unwrap();
    let names: Vec<&str> = cities.iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert!(names.contains(&"Hangzhou") && names.contains(&""), "{names:?}");
    assert_eq!(reports["seller"]["drift"].as_array().unwrap().len(), 3);
}

#[test]
fn costs_of_a_group_are_those_of_its_collections() {
    let bed = Bed::new();
    day(&bed, "--parcels 120 --faults 0 --date 2013-11-11");
    let firms = costs(&bed, "--by firm");
    for group in firms["groups"].as_array().unwrap() {
        let of = format!("--by firm --of {}", group["key"].as_str().unwrap());
        assert_eq!(costs(&bed, &of)["groups"], json!([group]));
        let listed = costs(&bed, &format!("{of} --list"));
        let listed = listed["collections"].as_array().unwrap();
        let total: i64 = listed.iter().map(|one| one["total"].as_i64().unwrap()).sum();
        assert_eq!(total, group["total"], "{group}");
    }
    // Without faults the cheapest network is always up.
    assert_eq!(firms["totals"][0]["routing"]["regret"], 0);
    assert_eq!(firms["totals"][0]["routing"]["forgone"], 0);
    bed.run(&format!("costs --data books {DAYS} --by firm --of nobody")).fails("`nobody`");
}

#[test]
fn under_its_own_tariff_a_day_costs_what_it_cost() {
    let bed = Bed::new();
    day(&bed, "--parcels 150 --faults 0 --refusals 0 --date 2013-11-11");
    let same = costs(&bed, "--what-if china-2013 --by network");
    let total = &same["totals"][0];
    assert_eq!((total["difference"].as_i64(), same["left_out"].as_u64()), (Some(0), Some(0)));
    assert!(total["collections"].as_u64().unwrap() >= 150, "{same:#}");
    // All of the acquirer's part is given up: 0.15% of each card payment.
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tariffs/china-2013.toml");
    let tariff = std::fs::read_to_string(shipped).unwrap();
    bed.write("cheaper.toml", tariff.replace("acquirer = \"0.15%\"", "acquirer = \"0%\""));
    let cheaper = costs(&bed, "--what-if cheaper.toml");
    let acquirer = &costs(&bed, "")["totals"][0]["costs"]["acquirer"];
    let difference = cheaper["totals"][0]["difference"].as_i64().unwrap();
    assert_eq!(-difference, acquirer.as_i64().unwrap());
    // A network that costs nothing saves what the others cost.
    let free = costs(&bed, "--with-network free:0%:0%");
    let log = bed.run("log --data books --json").succeeds();
    let lines = log.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let chosen = lines
        .filter(|one| one["command"] == "BeginPurchase")
        .flat_map(|one| one["fields"]["route_candidates"].as_array().unwrap().clone());
    let chosen = chosen.filter(|one| one["verdict"] == "Chosen");
    let cost: i64 = chosen.map(|one| one["cost"].as_i64().unwrap()).sum();
    assert_eq!(free["totals"][0]["saved"], cost);
    bed.write("none.toml", tariff.replace("name = \"general\"", "name = \"other\""));
    bed.run(&format!("costs --data books {DAYS} --what-if none.toml")).fails("no class `general`");
}

#[test]
fn costs_are_shown_in_both_languages_and_wrong_settings_are_refused() {
    let bed = Bed::new();
    day(&bed, "--parcels 60 --faults 0 --date 2013-11-11");
    let shown = |flags: &str| bed.run(&format!("costs --data books {DAYS} {flags}")).succeeds();
    shown("").prints("Routing saved").prints("no costs.toml");
    shown("--lang zh").prints("路由节省").prints("没有 costs.toml");
    bed.run("costs --data books --from 2013-11-11 --to 2013-11-12").succeeds().prints("Component");
    bed.write("costs.toml", SETTINGS);
    shown("--costs costs.toml --terminals").prints("10000001").prints("Active days");
    shown("--costs costs.toml --by network").prints("cash handling").prints("estimated");
    shown("--list").prints("debit card");
    shown("--drift").prints("Network");
    let refused = |from: &str, to: &str, why: &str| {
        bed.write("bad.toml", SETTINGS.replace(from, to));
        bed.run(&format!("costs --data books {DAYS} --costs bad.toml")).fails(why);
    };
    refused("3000.00", "3,000", "bad.toml");
    refused("CNY", "XXQ", "currency");
    refused("price", "prize", "unknown field `prize`");
    refused("currency =", "default_network = \"x\"\ncurrency =", "no card network `x`");
    bed.run("costs --data books --from 2013-11-12 --until 2013-11-11").fails("2013-11-12");
    bed.run("costs --data books --until 2099-01-01").fails("2099-01-01");
}

#[test]
fn the_default_day_has_collections_and_what_is_named_must_be_in_the_books() {
    let bed = Bed::new();
    day(&bed, "--parcels 60 --faults 0 --date 2013-11-11");
    // The books end in the night after the day.
    let default = bed.run("costs --data books --json").succeeds().json();
    let collections = default["costs"]["totals"][0]["collections"].as_u64();
    assert!(collections.unwrap() >= 40, "{default:#}");
    let refused = |settings: &str, why: &str, zh: &str| {
        bed.write("bad.toml", settings);
        bed.run(&format!("costs --data books {DAYS} --costs bad.toml")).fails(why);
        bed.run(&format!("costs --data books {DAYS} --costs bad.toml --lang zh")).fails(zh);
    };
    let with = |from: &str, to: &str| SETTINGS.replace(from, to);
    refused(
        &with("\"firm-2\"", "\"swift\""),
        "bad.toml: city: the books have no courier firm `swift`; correct its name",
        "没有快递公司 `swift`",
    );
    refused(
        &with("firms = [", "couriers = [\"c-0\"]\nfirms = ["),
        "city: the books have no courier `c-0`",
        "没有快递员 `c-0`",
    );
    let no_terminal = "repair: the books have no terminal 7; correct its number";
    refused(&with("10000001", "7"), no_terminal, "没有终端 7");
    refused(&with("\"CNY\"", "\"EUR\""), "the books have no accounts in EUR", "没有 EUR 的账户");
    refused(&with("[cash]", "[cash"), "bad.toml: line 15: ", "第 15 行：");
    refused(&with("\"5.00\"", "\"-5.00\""), "no cost is below zero", "成本不能为负");
    refused(&with("0.05%", "150%"), "more than 100% of the cash", "超过现金的 100%");
    refused(&with("count =", "counts ="), "line 16: unknown field `counts`", "没有键 `counts`");
    let more = "--with-network network-1:0%:0%";
    bed.run(&format!("costs --data books {DAYS} {more}"))
        .fails("--with-network network-1: the books have it already; give another name");
}

#[test]
fn a_network_that_leaves_has_a_report_and_a_drill_changes_nothing() {
    let bed = Bed::new();
    day(&bed, "--parcels 200 --faults 100 --date 2013-11-11");
    let before = bed.verified("books");
    let drill = bed.run("network drill network-1 --data books --json").succeeds().json();
    let drill = &drill["drill"];
    assert_eq!(drill["rules_hold"], true, "{drill:#}");
    assert_eq!(drill["receivable_left"], 0, "{drill:#}");
    assert!(drill["zero_on"].is_string(), "{drill:#}");
    let moved = drill["moved"]["payments"].as_u64().unwrap();
    let left = drill["left"]["payments"].as_u64().unwrap();
    assert_eq!(drill["purchases"]["begun"], moved + left);
    assert!(moved > 0 && left > 0, "some cards are taken by one network only: {drill:#}");
    assert_eq!(bed.verified("books")["digest"], before["digest"], "nothing is written");

    let report =
        |flags: &str| bed.run(&format!("network report network-1 --data books {flags}")).succeeds();
    let in_use = report("--json").json();
    assert_eq!(in_use["report"]["withdrawn_from"], Value::Null);
    let withdraw = "network withdraw network-1 --person planner --approved-by approver";
    bed.run(&format!("{withdraw} --data books")).succeeds();
    let left = report("--json").json();
    let step = &left["report"]["steps"][0];
    assert_eq!((&step["withdraws"], &step["proposed_by"]), (&json!(true), &json!("1")));
    assert_ne!(left["digest"], in_use["digest"]);
    assert_eq!(left["digest"], report("--json").json()["digest"], "the same books");
    assert_eq!(left["not_kept"][0], "reason");
    assert_eq!(left["report"]["closing_balance"], Value::Null, "something is open");
    report("").prints("What the books do not keep").prints("not known: no notices are sent");
    report("--lang zh").prints("账簿不保存的内容").prints("期末余额");
    // A drill of a network that is withdrawn says so.
    let again = bed.run("network drill network-1 --data books").succeeds();
    again.prints("it is withdrawn already, from 2013-");
    assert!(!in_use["report"]["affected"]["sellers"].as_array().unwrap().is_empty());
    report("").prints("Exit of the network network-1").prints("SHA-256 of this report");
    report("--lang zh").prints("应收清算款");
    let html = report("--html");
    assert!(html.stdout().starts_with("<!doctype html>") && html.stdout().contains("</html>"));
    // Cards of the settings that only this network takes.
    bed.write(
        "ranges.toml",
        "[[bin]]\nfirst_digits = \"62\"\nkind = \"debit\"\nnetworks = [\"network-1\"]\n\
         [[bin]]\nfirst_digits = \"4\"\nkind = \"debit\"\n\
         networks = [\"network-1\", \"network-2\"]\n",
    );
    let keys = "[[network]]\nname = \"network-1\"\nmac_key = \"one/mac\"\n";
    bed.write("keys.toml", keys);
    report("--config keys.toml").prints("retire one/mac, and note who did it and when");
    let ranges = report("--json --config ranges.toml").json();
    let ranges = &ranges["report"]["ranges_without_route"];
    assert_eq!(ranges, &json!([{ "first_digits": "62", "networks": ["network-1"] }]));
    bed.run("network report nobody --data books").fails("no card network `nobody`");
    bed.run("network drill nobody --data books --lang zh").fails("没有卡组织");
}

/// The books as they stood after a batch: what a crash leaves.
fn cut_after(bed: &Bed, batch: u64) {
    let script = format!(
        "import shutil, os, sqlite3\nshutil.rmtree('books/snapshots')\n\
         os.mkdir('books/snapshots', 0o700)\n\
         with sqlite3.connect('books/journal.sqlite') as books:\n \
         hash, = books.execute('SELECT hash FROM journal WHERE seq = {batch}').fetchone()\n \
         books.execute('DELETE FROM journal WHERE seq > {batch}')\n \
         books.execute('UPDATE head SET next = {batch} + 1, hash = ?', (hash,))"
    );
    Ran::of(tool(bed, "python3").args(["-c", &script])).succeeds();
}

#[test]
fn a_drill_in_the_middle_of_a_day_settles_each_cent_that_is_owed() {
    let bed = Bed::new();
    day(&bed, "--parcels 300 --faults 300 --date 2013-11-11");
    let batches = bed.verified("books")["batches"].as_u64().unwrap();
    cut_after(&bed, batches * 6 / 10);
    for network in ["network-1", "network-2"] {
        let line = |what: &str| format!("network {what} {network} --data books --json");
        let report = bed.run(&line("report")).succeeds().json()["report"].take();
        let owed = report["receivable"].as_i64().unwrap();
        assert!(owed > 0, "the network owes in the middle of the day: {report:#}");
        let by_day = report["owed_by_day"].as_array().unwrap().iter();
        let by_day: i64 = by_day.map(|day| day["amount"].as_i64().unwrap()).sum();
        assert_eq!(by_day + report["owed_by_breaks"].as_i64().unwrap(), owed);
        let drill = bed.run(&line("drill")).succeeds().json()["drill"].take();
        let days = drill["run_down"].as_array().unwrap();
        let paid: i64 = days.iter().map(|day| day["paid"].as_i64().unwrap()).sum();
        assert_eq!((&drill["receivable_left"], &drill["rules_hold"]), (&json!(0), &json!(true)));
        assert_eq!(drill["refused"], json!([]), "{drill:#}");
        assert!(drill["zero_on"].is_string() && days.len() > 1, "{drill:#}");
        // What is in flight is reversed and owed no more.
        let fees = report["fees_due"].as_i64().unwrap();
        assert_eq!(paid + fees, owed, "{drill:#}");
    }
}

#[test]
fn a_network_that_left_at_noon_has_moved_its_payments_to_the_other() {
    let bed = Bed::new();
    day(&bed, "--parcels 300 --faults 0 --date 2013-11-11 --withdraw 11:00");
    let report = bed.run("network report network-1 --data books --json").succeeds().json();
    let report = &report["report"];
    assert!(report["withdrawn_from"].as_str().unwrap().starts_with("2013-11-11T11:00"));
    assert_eq!((&report["is_closed"], &report["receivable"]), (&json!(true), &json!(0)));
    assert_eq!((&report["closing_balance"], report["closed_on"].is_string()), (&json!(0), true));
    let words = bed.run("network report network-1 --data books").succeeds();
    words.prints("0.00 CNY at the end of 2013-11-1");
    assert_eq!(report["forecast"]["basis"], "is_zero");
    // Each of them is in the log, with what it costs more.
    let log = bed.run("log --data books --json").succeeds();
    let lines = log.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut payments, mut amount, mut extra, mut worse) = (0, 0, 0, 0);
    for one in lines.filter(|one| one["command"] == "BeginPurchase") {
        let candidates = one["fields"]["route_candidates"].as_array().unwrap();
        let find = |verdict: &str| candidates.iter().find(|one| one["verdict"] == verdict);
        if let (Some(gone), Some(chosen)) = (find("Withdrawn"), find("Chosen")) {
            payments += 1;
            amount += one["fields"]["amount"].as_i64().unwrap();
            let more = chosen["cost"].as_i64().unwrap() - gone["cost"].as_i64().unwrap();
            extra += more;
            worse += more.max(0);
        }
    }
    assert!(payments > 10, "the day is busy after eleven");
    let moved =
        json!({ "network": "network-2", "payments": payments, "amount": amount, "extra": extra });
    assert_eq!(report["moved"], json!([moved]));
    // What it costs that the network is gone is what routing forwent.
    let costs = costs(&bed, "");
    let forgone = costs["totals"][0]["routing"]["forgone"].as_i64().unwrap();
    assert!(forgone > 0 && forgone <= worse, "{forgone} of {worse}");
    bed.run("day --parcels 9 --data other --withdraw 9:00").ends_with(2).says("09:30");
}

#[test]
fn made_up_collections_are_computed_again_in_memory() {
    let bed = Bed::new();
    let bench = || bed.run("bench costs --collections 20000 --json").succeeds().json();
    let figures = bench();
    assert_eq!(figures["collections"], 20_000);
    assert_eq!(figures["fees"], bench()["fees"], "the same collections each time");
}
