//! Another program, in Python and decimals, recomputes days from their files: fees, sellers' money,
//! custody, receivables. It shares no code with Doorstep; tests/python/recompute says more.

use std::path::Path;

use serde_json::Value;

use super::support::{Bed, DOORSTEP, Ran, tool};

pub const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/recompute");
const TARIFF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/three-currencies.toml");
const FILES: [&str; 7] = [
    "orders.csv",
    "log.jsonl",
    "postings.csv",
    "balances.jsonl",
    "books/payouts.csv",
    "books/clearing-network-1-2013-11-11.csv",
    "books/clearing-network-2-2013-11-11.csv",
];

/// Runs days and recomputes them. Their files are in `days` if `keep` is set.
fn recomputed_days(bed: &Bed, flags: &str) -> Ran {
    let mut python = tool(bed, "python3");
    python.args(["-B", &format!("{PROGRAM}/days.py"), DOORSTEP, "days"]);
    Ran::of(python.args(flags.split(' ')))
}

/// Each line counts payments, fees and more.
fn assert_recomputed(ran: &Ran, days: usize) {
    let lines: Vec<&str> = ran.stdout().lines().collect();
    assert_eq!(lines.len(), days, "{ran}");
    for line in lines {
        let counts = line.split_once("{\"payments\": ").unwrap_or_else(|| panic!("{line}")).1;
        let payments = counts.split_once(',').map(|(payments, _)| payments.parse::<u32>());
        assert!(payments.is_some_and(|count| count.is_ok_and(|count| count > 20)), "{line}");
        for other in ["fees", "sellers", "firm-cash", "clearing_lines", "receivables", "payouts"] {
            assert!(counts.contains(&format!("\"{other}\": ")), "{other} in {line}");
        }
    }
}

#[test]
fn another_program_recomputes_days_with_and_without_faults() {
    let bed = Bed::new();
    let ran = recomputed_days(&bed, "--seeds 1-2 --faults 0,100,400 --parcels 60").succeeds();
    assert_recomputed(&ran, 6);
}

/// Large enough that a buyer has a parcel for an offline sale that its network never pays: what it
/// cost to carry is owed all the same.
#[test]
fn another_program_recomputes_a_day_with_rejected_sales_and_freight() {
    let bed = Bed::new();
    let ran = recomputed_days(&bed, "--seeds 1 --faults 100 --parcels 2000").succeeds();
    assert_recomputed(&ran, 1);
}

#[test]
fn another_program_recomputes_days_in_currencies_with_no_and_three_decimals() {
    let bed = Bed::new();
    let flags = "--currencies JPY,KWD --seeds 3 --faults 0,400 --parcels 60";
    let ran = recomputed_days(&bed, flags).succeeds();
    assert_recomputed(&ran, 4);
}

#[test]
fn another_program_recomputes_days_with_sales_in_suspense() {
    let bed = Bed::new();
    let mut missing = vec!["\"UnknownParcel\"", "\"OweToBuyer\"", "\"BookToParcel\""];
    for seed in 1..=40 {
        let flags = format!("--seeds {seed} --faults 1000 --parcels 60 --keep");
        assert_recomputed(&recomputed_days(&bed, &flags).succeeds(), 1);
        let log = bed.read(format!("days/CNY-{seed}-1000/log.jsonl"));
        missing.retain(|words| !log.contains(words));
        if missing.is_empty() {
            return;
        }
    }
    panic!("none of 40 days with many faults has {missing:?}");
}

/// A day's files, to be changed.
struct Files {
    bed: Bed,
    folder: &'static str,
}

impl Files {
    fn read(&self, name: &str) -> String {
        self.bed.read(Path::new(self.folder).join(name))
    }

    fn write(&self, name: &str, content: &str) {
        self.bed.write(Path::new(self.folder).join(name).to_str().unwrap(), content);
    }

    fn recompute(&self, tariff: &str) -> Ran {
        let mut python = tool(&self.bed, "python3");
        python.args(["-B", PROGRAM, "--tariff", tariff]);
        for (flag, name) in [
            ("--orders", "orders.csv"),
            ("--day", "books"),
            ("--log", "log.jsonl"),
            ("--postings", "postings.csv"),
            ("--balances", "balances.jsonl"),
        ] {
            python.arg(flag).arg(Path::new(self.folder).join(name));
        }
        Ran::of(&mut python)
    }

    /// With one file changed, the program names the difference.
    #[track_caller]
    fn named(&self, name: &str, change: impl Fn(&str) -> String, words: &[&str]) {
        let good = self.read(name);
        let changed = change(&good);
        assert_ne!(good, changed, "nothing was changed in {name}");
        self.write(name, &changed);
        let ran = self.recompute(TARIFF).ends_with(1).prints("DIFFERS: ");
        words.iter().fold(ran, |ran, words| ran.prints(words));
        self.write(name, &good);
    }
}

/// Replaces the first line that has these words.
fn with_line(text: &str, words: &[&str], change: impl Fn(&str) -> String) -> String {
    let mut changed = false;
    let lines = text.lines().filter_map(|line| {
        if changed || !words.iter().all(|words| line.contains(words)) {
            return Some(line.to_owned());
        }
        changed = true;
        Some(change(line)).filter(|line| !line.is_empty())
    });
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// A CSV line with some minor units more in its only cell of two decimals from `cell` on.
fn with_more(line: &str, cell: usize, more: i64) -> String {
    let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
    let minor = super::support::minor(&cells[cell]) + more;
    cells[cell] = format!("{}.{:02}", minor / 100, minor % 100);
    cells.join(",")
}

const AMOUNT: usize = 6;

#[test]
fn the_other_program_names_the_first_thing_that_differs() {
    let bed = Bed::new();
    recomputed_days(&bed, "--seeds 4 --faults 400 --parcels 60 --keep").succeeds();
    let files = Files { bed, folder: "days/CNY-4-400" };
    for name in FILES {
        assert!(files.bed.has(Path::new(files.folder).join(name)), "{name}");
    }
    files.recompute(TARIFF).succeeds();

    // A cent goes from one seller to another, in what was collected and in what was paid.
    for (entry, words) in [("CashCollected", "payment 1 of order O-"), ("PayoutSent", "seller S-")]
    {
        let moved = |text: &str| {
            let first = text.lines().find(|line| line.contains(entry)).unwrap();
            let seller = first.split("seller-").nth(1).unwrap().split(',').next().unwrap();
            let mut paid = false;
            let lines = text.lines().map(|line| {
                if line == first {
                    return with_more(line, AMOUNT, -1);
                }
                let other = line.contains(entry) && !line.contains(seller) && !paid;
                paid |= other;
                if other { with_more(line, AMOUNT, 1) } else { line.to_owned() }
            });
            let lines: Vec<String> = lines.collect();
            assert!(paid, "there is another seller");
            lines.join("\n") + "\n"
        };
        files.named("postings.csv", moved, &[words, ": recomputed "]);
    }
    // A fee is off by the minor unit.
    let dearer = |text: &str| {
        with_line(text, &["FeeCharged", "cod-fees"], |line| with_more(line, AMOUNT, 1))
    };
    files.named("postings.csv", dearer, &["of order O-", "cod fee: recomputed "]);
    // A line is missing.
    for (entry, words) in [
        ("CommissionEarned", "commission fee: recomputed "),
        ("ReturnCharged", "return fee of order O-"),
        ("FreightCharged", "freight of order O-"),
        ("VatCharged", "VAT of order O-"),
        ("HandOverCounted", "assets:courier-cash:"),
        ("Deposited", "assets:firm-cash:"),
        ("Cleared,", "receivable of "),
        ("PayoutSent", ", paid CNY: recomputed "),
        ("Released", "posting of "),
    ] {
        let shorter = |text: &str| with_line(text, &[entry], |_| String::new());
        files.named("postings.csv", shorter, &[words]);
    }
    // Another method, reference or seller beside a payment.
    for (from, to, words) in [
        (",debit card,", ",credit card,", "order, method and reference"),
        ("seller-held:S-", "seller-held:T-", "payment 1 of order O-"),
    ] {
        let changed = |text: &str| {
            with_line(text, &["CardCollected", from], |line| line.replacen(from, to, 1))
        };
        files.named("postings.csv", changed, &[words]);
    }
    // The files that others wrote.
    let due = |text: &str| with_line(text, &["O-000007"], |line| with_more(line, 3, 1));
    files.named("orders.csv", due, &["order O-000007 of S-", "amount due: recomputed "]);
    let cleared = |text: &str| with_line(text, &[",sale,"], |line| with_more(line, 7, 1));
    files.named(FILES[5], cleared, &["clearing-network-1-2013-11-11.csv, trailer"]);
    let net = |text: &str| with_line(text, &["CNY"], |line| with_more(line, 5, -1));
    files.named("books/payouts.csv", net, &["payout 1, net: recomputed "]);
    let balance = |text: &str| {
        let earned = ["firm-commission", "\"amount\":-"];
        with_line(text, &earned, |line| line.replace("\"amount\":-", "\"amount\":-1"))
    };
    files.named("balances.jsonl", balance, &["balance of liabilities:firm-commission:firm-"]);
    // A deposit is confirmed one command later: only the books in between differ.
    let later = |text: &str| {
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let deposit = |line: &Value| line["command"] == "ConfirmDeposit";
        let place = lines.iter().position(deposit).unwrap();
        let events = lines[place]["events"].take();
        lines[place]["events"] = Value::Array(Vec::new());
        let next = lines[place + 1]["events"].as_array_mut().unwrap();
        next.extend(events.as_array().unwrap().iter().cloned());
        lines.iter().map(|line| line.to_string() + "\n").collect()
    };
    files.named("log.jsonl", later, &["assets:firm-cash:firm-", " CNY after ConfirmDeposit at "]);
    // Another tariff of the same name.
    let tariff = std::fs::read_to_string(TARIFF).unwrap();
    files.bed.write("tariff.toml", tariff.replace("share = \"1.25%\"", "share = \"1.26%\""));
    let ran = files.recompute("tariff.toml").ends_with(1);
    ran.prints("DIFFERS: payment ").prints("cod fee: recomputed ");
}
