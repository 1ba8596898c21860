//! Days that follow each other on the same books.

use std::process::{Child, Stdio};

use super::kills::kill_when;
use super::support::{Bed, number, text};

const TARIFF: &str = include_str!("../../../../tariffs/china-2013.toml");
const EQUAL: &str =
    "\nequal: the books, the networks, the bank, the couriers and the sellers, item by item\n";

#[test]
fn a_second_day_takes_other_orders_and_what_is_still_open() {
    let bed = Bed::new();
    let first = bed.run("day --parcels 200 --data books --json").succeeds().json();
    assert_eq!((number(&first, "/days"), text(&first, "/date")), (1, "2013-11-11"));
    let second = bed.run("day --parcels 150 --seed 8 --data books --json").succeeds().json();
    assert_eq!((number(&second, "/days"), text(&second, "/date")), (2, "2013-11-12"));
    let of_two_days = number(&second, "/parcels");
    assert!(of_two_days >= 350, "the sums are of both days, with orders that were shipped again");
    assert_eq!(second["wrong"], serde_json::json!([]));
    // Orders that are in the books already are not announced again.
    let lines: Vec<String> = (0..40).map(|order| format!("O-{order},S,CNY,25.00")).collect();
    bed.orders("orders.csv", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let orders = "day --orders orders.csv --profile doorstep --data books --files files";
    bed.run(orders).succeeds().prints("days:      3; the sums are of all days").prints(EQUAL);
    let again = bed.run(&format!("{orders} --json")).succeeds().json();
    assert_eq!(number(&again, "/days"), 4);
    assert!(number(&again, "/parcels") >= of_two_days + 40);
    // All days have files, and those of another command stay.
    for (day, file) in [
        ("2013-11-11", "cups/network-1/IND13111101ACOM"),
        ("2013-11-12", "wechat/1900000109All2013-11-12_2013-11-12.csv"),
        ("2013-11-13", "camt/camt.053-bank-1-20131114-00003-053.xml"),
        ("2013-11-14", "ours/truth.csv"),
    ] {
        assert!(bed.path("files").join(day).join(file).exists(), "{day} {file}");
    }
    let truth = bed.read("files/2013-11-11/alipay/truth.csv");
    let other = format!("{orders} --date 2013-11-14 --file-faults 1000 --file-forms alipay");
    let refused = bed.run(&other).ends_with(1);
    assert!(refused.stderr().contains("exists with other content"), "{refused}");
    assert_eq!(bed.read("files/2013-11-11/alipay/truth.csv"), truth);
    bed.orders("yen.csv", &["J-1,S,JPY,500"]);
    let yen = "day --orders yen.csv --profile doorstep --data yen --files yen-files";
    let refused = bed.run(&format!("{yen} --file-forms wechat")).ends_with(1);
    assert!(refused.stderr().contains("--file-forms wechat: this form states"), "{refused}");
    assert_eq!(bed.verified("books")["digest"], again["digest"]);
    bed.write("mine.toml", TARIFF.replace("name = \"china-2013\"", "name = \"mine\""));
    for refused in ["--tariff mine.toml", "--class livelihood", "--hold 3", "--weekly 50"] {
        let flag = refused.split_once(' ').unwrap().0;
        let ran = bed.run(&format!("day --parcels 5 --data books {refused}")).ends_with(1);
        let words = "the first day of the books in books set other terms for all sellers";
        assert!(ran.stderr().contains(flag) && ran.stderr().contains(words), "{ran}");
    }
    assert_eq!(bed.verified("books")["digest"], again["digest"], "a refusal changes nothing");
}

#[test]
fn imported_orders_are_taken_out_on_the_next_day() {
    let bed = Bed::new();
    let import = "import --profile doorstep --data books --orders";
    bed.orders("first.csv", &["A-1,S1,CNY,10.00", "A-2,S1,CNY,20.00", "A-3,S2,CNY,30.00"]);
    bed.run(&format!("{import} first.csv")).succeeds();
    bed.run("setup books --data real").succeeds();
    let refused = bed.run("day --parcels 30 --data real").ends_with(1);
    assert!(refused.stderr().contains("these books are real"), "{refused}");
    let day = "day --refusals 0 --faults 0 --data books --json";
    let first = bed.run(&format!("{day} --parcels 30")).succeeds().json();
    assert_eq!((number(&first, "/parcels"), number(&first, "/counts/delivered")), (33, 33));
    assert_eq!(first["wrong"], serde_json::json!([]));
    bed.orders("second.csv", &["B-1,S1,CNY,10.00", "B-2,S3,CNY,40.00"]);
    bed.run(&format!("{import} second.csv")).succeeds().prints("announced 2;");
    // Between two days the books' time stands still, whatever the clock says.
    let second = bed.run(&format!("{day} --parcels 10")).succeeds().json();
    assert_eq!((number(&second, "/days"), number(&second, "/parcels")), (2, 45));
    assert_eq!(number(&second, "/counts/delivered"), 45);
    let dates = [&first, &second].map(|day| text(day, "/date").parse().unwrap());
    let [one, two]: [jiff::civil::Date; 2] = dates;
    assert_eq!(one.tomorrow().unwrap(), two);
    let third = bed.run(&format!("{day} --parcels 10")).succeeds().json();
    assert_eq!((number(&third, "/days"), number(&third, "/counts/delivered")), (3, 55));
    bed.verified("books");
}

/// The lines of the days in a demo's output.
fn lines_of_days(output: &str) -> Vec<&str> {
    output.lines().filter(|line| line.starts_with("2013-11-")).collect()
}

#[test]
fn a_demo_of_several_days_prints_a_line_for_each_and_is_continued() {
    let bed = Bed::new();
    let demo = bed.run("demo --days 2 --once --data books").succeeds().prints(EQUAL);
    let lines = lines_of_days(demo.stdout());
    assert_eq!(lines.len(), 2, "{demo}");
    assert!(lines[0].starts_with("2013-11-11 Mon") && lines[1].starts_with("2013-11-12 Tue"));
    assert!(lines.iter().all(|line| line.ends_with("  equal")), "{demo}");
    let longer = bed.run("demo --days 3 --data books").succeeds().prints(EQUAL);
    let lines = lines_of_days(longer.stdout());
    assert!(lines[0].ends_with("  lived before") && lines[2].ends_with("  equal"), "{longer}");
}

fn begin(bed: &Bed, line: &str) -> Child {
    let mut command = bed.doorstep(line);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn days_that_are_killed_on_the_third_go_on_with_the_same_command() {
    let bed = Bed::new();
    let day = "day --parcels 400 --faults 300 --json --data";
    let mut undisturbed = String::new();
    for _ in 0..3 {
        let json = bed.run(&format!("{day} undisturbed")).succeeds().json();
        undisturbed = text(&json, "/digest").to_owned();
    }
    for _ in 0..2 {
        bed.run(&format!("{day} books")).succeeds();
    }
    // A run continues from the killed one before it, and is killed later.
    let file = "books/days/2013-11-13.json";
    for bytes in [30_000, 60_000, 90_000] {
        let mut child = begin(&bed, &format!("{day} books"));
        let (was_running, _) = kill_when(&mut child, &bed.path("books"), |done| done >= bytes);
        assert!(was_running, "the third day ended before {bytes} bytes of its log were written");
    }
    assert!(bed.read(file).contains("\"ends\":null"), "{}", bed.read(file));
    let another = bed.run(&format!("{day} books --seed 8")).ends_with(1);
    assert!(another.stderr().contains("these books do not match this day"), "{another}");
    let json = bed.run(&format!("{day} books")).succeeds().json();
    assert_eq!((number(&json, "/days"), text(&json, "/digest")), (3, undisturbed.as_str()));
    assert_eq!(bed.read("books/payouts.csv"), bed.read("undisturbed/payouts.csv"));
}
