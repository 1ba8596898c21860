//! The daily report: figures that hold, vintages, corrections, and what is refused.

use std::path::Path;

use bench::PostgresCluster;
use serde_json::Value;

use super::demo_server::start;
use super::independent::python;
use super::pages::page;
use super::support::{Bed, Ran, eventually};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/report_recomputed.py");
const PLANS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/figure_plans.py");
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../figures");
const VIEWS: [&str; 12] = [
    "accounts",
    "postings",
    "orders",
    "parcels",
    "payments",
    "refunds",
    "payouts",
    "breaks",
    "custody",
    "text_decisions",
    "text_rules",
    "text_appeals",
];

/// Days with faults; the first and last batch of each.
fn days(bed: &Bed, count: u32) -> Vec<(String, u64, u64)> {
    for seed in 1..=count {
        let flags = "--parcels 120 --faults 300 --refusals 15 --hold 1 --data books";
        bed.run(&format!("day {flags} --seed {seed}")).succeeds();
    }
    bed.run("views update --data books").succeeds();
    let script = "import json, sqlite3\n\
                  print(json.dumps(sqlite3.connect('books/views.sqlite').execute('SELECT date, \
                  min(batch), max(batch) FROM commands GROUP BY date ORDER BY date').fetchall()))";
    let found = Ran::of(bed.command("python3").args(["-c", script])).succeeds().json();
    let row = |row: &Value| {
        let batch = |place: usize| row[place].as_u64().unwrap();
        (row[0].as_str().unwrap().to_owned(), batch(1), batch(2))
    };
    found.as_array().unwrap().iter().map(row).collect()
}

fn change_views(bed: &Bed, statement: &str) {
    let script = "import sqlite3, sys\n\
                  base = sqlite3.connect('books/views.sqlite')\n\
                  assert base.execute(sys.argv[1]).rowcount == 1\n\
                  base.commit()";
    Ran::of(bed.command("python3").args(["-c", script, statement])).succeeds();
}

#[test]
fn every_figure_of_a_week_is_computed_again_by_duckdb_and_hledger() {
    let bed = Bed::new();
    let days = days(&bed, 6);
    bed.run("export --data books --format hledger --out books.journal").succeeds();
    let mut before = "0".to_owned();
    bed.private_directory("0");
    for (day, _, until) in &days {
        bed.private_directory(&until.to_string());
        for view in VIEWS {
            let rows = bed.run(&format!("get {view} --data books --at {until} --format csv"));
            let rows = rows.succeeds();
            bed.write(&format!("{until}/{view}.csv"), rows.stdout());
            if before == "0" {
                let head = rows.stdout().lines().next().unwrap();
                bed.write(&format!("0/{view}.csv"), format!("{head}\n"));
            }
        }
        let run = bed.run(&format!("pulse run --data books --day {day} --at {until} --json"));
        bed.write("report.json", run.succeeds().stdout());
        let after = until.to_string();
        let oracle = python();
        let mut command = bed.command(oracle.to_str().unwrap());
        command.args(["-B", ORACLE, "report.json", &before, &after, "books.journal"]);
        Ran::of(&mut command).succeeds().prints("52 figures recomputed");
        before = after;
    }
    assert_eq!(days.len(), 7, "a week");
    let mut plans = bed.command("python3");
    plans.args(["-B", PLANS, "books/views.sqlite", FIGURES]);
    Ran::of(&mut plans).succeeds().prints(" figures");
}

#[test]
fn what_was_published_is_made_again_from_its_position_wherever_the_views_are() {
    let bed = Bed::new();
    let days = days(&bed, 3);
    for (day, _, until) in &days[..2] {
        bed.run(&format!("pulse publish --data books --day {day} --at {until}")).succeeds();
    }
    let (day, _, until) = &days[1];
    let published = bed.run(&format!("pulse show {day} --data books --json")).succeeds().json();
    let html = bed.run(&format!("pulse show {day} --data books --html")).succeeds();
    // More commands, then the third day's report; the views anew; the views in PostgreSQL.
    bed.run("day --parcels 300 --faults 300 --seed 9 --hold 1 --data books").succeeds();
    bed.run("pulse publish --data books").succeeds();
    bed.run("views rebuild --data books").succeeds();
    let server = PostgresCluster::quick().unwrap();
    bed.write("doorstep.toml", format!("[views]\nurl = \"{}\"\n", server.url()));
    for place in ["", "--config doorstep.toml"] {
        let line = format!("pulse run --data books --day {day} --at {until} {place}");
        let again = bed.run(&format!("{line} --json")).succeeds().json();
        assert_eq!(again["digest"], published["digest"], "{place}");
        assert_eq!(again["report"], published["report"], "{place}");
        let page = bed.run(&format!("{line} --html")).succeeds();
        assert_eq!(page.stdout(), html.stdout(), "{place}");
    }
    let kept = bed.run(&format!("pulse show {day} --data books --html")).succeeds();
    assert_eq!(kept.stdout(), html.stdout());
    bed.run(&format!("pulse publish --data books --day {day}"))
        .fails("is published already, as number 2");
    let last = &days.last().unwrap().0;
    let chinese = bed.run(&format!("pulse publish --data books --day {last}9 --lang zh"));
    chinese.fails("不是日期；请写成 2026-11-29 的形式");
}

#[test]
fn a_planted_cent_stops_the_report_and_the_message_says_where() {
    let bed = Bed::new();
    let days = days(&bed, 2);
    let (day, from, until) = &days[0];
    let line = format!("pulse run --data books --day {day} --at {until}");
    bed.run(&line).succeeds();
    let of_day = format!("BETWEEN {from} AND {until}");
    let planted = [
        ("postings", "amount", format!("batch {of_day} AND entry = 'CashCollected'")),
        ("postings", "debit_balance", format!("batch {of_day} AND entry = 'CashCollected'")),
        ("postings", "credit_balance", format!("batch {of_day} AND entry = 'FeeCharged'")),
        ("payments", "amount", format!("from_batch {of_day} AND state = 'approved'")),
        ("payments", "fees", format!("from_batch {of_day} AND state = 'approved'")),
        ("parcels", "collected", format!("from_batch {of_day} AND state = 'delivered'")),
        ("parcels", "due", format!("from_batch {of_day} AND state = 'delivered'")),
        ("orders", "due", format!("batch {of_day}")),
        ("custody", "in_hand", format!("until_batch > {until} AND from_batch <= {until}")),
    ];
    for (view, column, of) in planted {
        let row = format!("rowid = (SELECT max(rowid) FROM {view} WHERE {of})");
        change_views(&bed, &format!("UPDATE {view} SET {column} = {column} + 1 WHERE {row}"));
        let refused = bed.run(&line).fails("M17: nothing is published: ");
        let said = refused.stderr();
        assert!(said.contains(" fails by ") && said.contains(" is not "), "{said}");
        bed.run(&format!("{line} --lang zh")).fails("M17：未公布任何内容：");
        change_views(&bed, &format!("UPDATE {view} SET {column} = {column} - 1 WHERE {row}"));
    }
    bed.run(&line).succeeds();
    // In a day that was published, too.
    bed.run(&format!("pulse publish --data books --day {day} --at {until}")).succeeds();
    let row = format!("SELECT max(rowid) FROM payments WHERE from_batch {of_day}");
    let of = format!("{row} AND state = 'approved'");
    change_views(&bed, &format!("UPDATE payments SET amount = amount + 1 WHERE rowid = ({of})"));
    bed.run("pulse publish --data books").fails("M17: nothing is published: ");
}

#[test]
fn a_late_fact_makes_a_vintage_with_its_cause_and_a_wrong_figure_a_correction() {
    let bed = Bed::new();
    let days = days(&bed, 4);
    for (day, _, until) in &days[..4] {
        bed.run(&format!("pulse publish --data books --day {day} --at {until}")).succeeds();
    }
    let mut found = 0;
    for number in 2..=4 {
        let one = bed.run(&format!("pulse show {number} --data books --json")).succeeds().json();
        for revision in one["report"]["revisions"].as_array().unwrap() {
            let number = |name: &str| revision[name].as_i64().unwrap();
            let causes = revision["causes"].as_array().unwrap();
            let changed: i64 = causes.iter().map(|one| one["change"].as_i64().unwrap()).sum();
            assert_eq!(changed + number("other_change"), number("new") - number("old"));
            for cause in causes {
                let batch = cause["batch"].as_i64().unwrap();
                assert!(batch > number("old_position"), "{revision}");
            }
            found += 1;
        }
    }
    assert!(found > 0, "nothing came late in these days");
    // A figure that is defined otherwise from now on: the report that had it is corrected.
    bed.run("pulse publish --data books --correct 2 --why-en x --why-zh x")
        .fails("Report 2 has the same figures");
    bed.private_directory("own");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../figures/doors.toml");
    let doors = std::fs::read_to_string(shipped).unwrap();
    let section = "[section]\nid = \"own\"\nplace = 9\ntitle = { en = \"Own\", zh = \"自有\" }\n";
    let figure = |sql: &str| {
        let text = "{ en = \"A\", zh = \"甲\" }";
        format!(
            "{section}[[figure]]\nid = \"own\"\nunit = \"parcels\"\naudience = \"everyone\"\n\
             name = \
             {text}\ndefinition = {text}\nexcludes = {text}\nsql = \"{sql}\"\n"
        )
    };
    assert!(doors.contains("[section]"));
    bed.private_directory("books/figures");
    bed.write("books/figures/own.toml", figure("SELECT 7 AS value"));
    let last = &days.last().unwrap().0;
    bed.run("day --parcels 20 --seed 77 --hold 1 --data books").succeeds();
    bed.run(&format!("pulse publish --data books --day {last}")).succeeds();
    bed.write("books/figures/own.toml", figure("SELECT 8 AS value"));
    let why = "--correct 5 --why-en Miscounted. --why-zh 计数有误。";
    bed.run(&format!("pulse publish --data books {why}"))
        .succeeds()
        .prints("Published as number 6");
    let correction = bed.run("pulse show 6 --data books").succeeds();
    correction.prints("Correction of the report of").prints("Published: 7 parcels");
    let kept = bed.run("pulse show 5 --data books --json").succeeds().json();
    let own = kept["report"]["figures"].as_array().unwrap().iter().find(|it| it["figure"] == "own");
    assert_eq!(own.unwrap()["values"][0]["value"], 7, "the report stays as it was");
    // A value is a whole number, or there is no report: nothing is cut off.
    for value in ["1.5", "'x'", "9223372036854775807 + 1", "sum(due) * 0.3"] {
        let select = format!("SELECT {value} AS value FROM parcels");
        bed.write("books/figures/own.toml", figure(&select));
        bed.run("pulse run --data books").fails("figure `own` has a number that is not whole");
    }
    bed.run("pulse run --data books --lang zh").fails("指标 `own` 的数值不是整数");
    bed.write("books/figures/own.toml", figure("DELETE FROM parcels"));
    bed.run("pulse run --data books")
        .fails("own.toml: figure `own`, sql: the statement does more than to read (DELETE)");
    bed.run("pulse run --data books --lang zh")
        .fails("own.toml：指标 `own`，sql：语句不只是读取（DELETE）；请写一个 SELECT");
}

#[test]
fn a_figure_explains_itself_and_editions_hide_what_they_must() {
    let bed = Bed::new();
    let days = days(&bed, 2);
    let (day, _, until) = &days[0];
    let line = format!("pulse explain taken --data books --day {day} --at {until}");
    let said = bed.run(&line).succeeds();
    said.prints("Taken at the doors (taken)").prints("taken_and_kept").prints("FROM payments");
    let json = bed.run(&format!("{line} --json --limit 100000")).succeeds().json();
    let sum = |rows: &Value| {
        rows.as_array().unwrap().iter().map(|row| row["value"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(sum(&json["parts"]["rows"]), sum(&json["values"]));
    bed.run("pulse explain dreams --data books").fails("there is no figure `dreams`");
    let run = format!("pulse run --data books --day {day} --at {until}");
    let everyone = bed.run(&format!("{run} --audience everyone")).succeeds();
    let everyone = everyone.prints("Taken at the doors");
    let finance = bed.run(&run).succeeds().prints("Held for sellers");
    assert!(!everyone.stdout().contains("Held for sellers"), "{everyone}");
    let chinese = bed.run(&format!("{run} --lang zh")).succeeds().prints("卖家待结算");
    let digest = |ran: &Ran| ran.stdout().lines().last().unwrap().to_owned();
    assert_eq!(digest(&finance), digest(&chinese), "one report in both languages");
}

/// The feeds by feedparser, the JSON-LD of claims by extruct, the pages by html-validate and axe.
#[test]
fn feeds_and_claims_are_read_by_other_programs() {
    let bed = Bed::new();
    let demo = start(&bed, "--days 2 --data books");
    demo.sign_in(&bed, "auditor", "jar");
    bed.private_directory("books/claims");
    bed.write("books/claims/news.toml", include_str!("../../../../docs/claims.toml"));
    // The demonstration publishes by itself what is over; with the claims it is this one.
    let store = bed.path("books/pulse");
    if !store.exists() {
        bed.run("pulse publish --data books");
    }
    eventually("a report", || store.join("00000001").exists());
    let of = |path: &str| page(&demo, &bed, "jar", path);
    bed.write("pulse.atom", of("/pulse/feed.atom"));
    bed.write("pulse.json", of("/pulse/feed.json"));
    let claims = of("/pulse/claims");
    assert!(claims.contains("<textarea"), "{claims}");
    let csrf = claims.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap();
    let judge = ["-b", "jar", "-H", "Accept: text/html", "--data-urlencode"];
    let csrf = format!("csrf={csrf}");
    let judge = [&judge[..], &[&csrf, "--data-urlencode", "claims@books/claims/news.toml"]];
    let url = format!("{}/pulse/claims", demo.url);
    let judged = demo.curl(&bed, &[&judge.concat()[..], &[&url]].concat());
    let judged = judged.stdout().to_owned();
    bed.write("claims.html", &judged);
    for (name, path) in [("report", "/pulse"), ("figure", "/pulse/figures/taken")] {
        bed.write(&format!("{name}.html"), of(path));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = bed.command("node");
    node.arg(root.join("tests/node/html.mjs")).arg(root.join("../../target/node"));
    let pages = ["report.html", "figure.html", "claims.html"];
    Ran::of_long(node.args(pages)).succeeds().prints("3 pages");
    let program = python();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/feeds/read.py");
    let mut read = bed.command(program.to_str().unwrap());
    let read = Ran::of(read.args(["-B", script, "pulse.atom", "pulse.json", "claims.html"]))
        .succeeds()
        .json();
    for feed in ["atom", "json"] {
        let feed = &read[feed];
        assert_eq!(feed["wrong"], "", "{feed}");
        let entry = &feed["entries"][0];
        assert!(entry["id"].as_str().unwrap().starts_with("urn:doorstep:pulse:"), "{entry}");
        assert!(entry["link"].as_str().unwrap().starts_with(&demo.url), "{entry}");
    }
    assert_eq!(read["atom"]["version"], "atom10");
    let text = read["json"]["texts"][0].as_str().unwrap();
    assert!(text.contains("Taken at the doors") && text.contains("Held for sellers"), "{text}");
    let reviews = read["json-ld"].as_array().unwrap();
    let verdicts = reviews.iter().map(|one| one["reviewRating"]["alternateName"].as_str().unwrap());
    let verdicts: Vec<&str> = verdicts.collect();
    let expected = ["holds", "holds", "cannot hold", "cannot hold", "needs a definition"];
    assert_eq!(verdicts, expected, "{judged}");
    assert!(reviews.iter().all(|one| one["@type"] == "ClaimReview"), "{reviews:?}");
    let listed = demo.get(&bed, "jar", "/v1/pulse");
    assert_eq!(listed["items"][0]["number"], 1);
    let report = demo.get(&bed, "jar", "/v1/pulse/1");
    assert_eq!(report["digest"], listed["items"][0]["digest"]);
    let figure = demo.get(&bed, "jar", "/v1/pulse/figures/held");
    assert_eq!(figure["unit"], "money");
    // A seller sees what anyone may see.
    demo.sign_in(&bed, "seller", "shop");
    let seen = demo.get(&bed, "shop", "/v1/pulse/1");
    let figures = seen["report"]["figures"].as_array().unwrap();
    assert!(figures.iter().any(|run| run["figure"] == "taken"));
    assert!(!figures.iter().any(|run| run["figure"] == "held"), "{seen}");
    let page = page(&demo, &bed, "shop", "/pulse");
    assert!(page.contains("Taken at the doors") && !page.contains("Held for sellers"));
    demo.stop();
}
