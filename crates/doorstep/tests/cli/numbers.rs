//! Numbers of the console: a click on one leads to the rows that it is made of. They sum to it, and
//! an account has the balance that hledger computes from the export.

use std::collections::BTreeMap;

use serde_json::Value;

use super::demo_server::{Demo, start};
use super::pages::{all_between, main_of, page};
use super::support::{Bed, Ran, tool};

const NUMBERS: usize = 200;
/// Of them, at least: balances of accounts.
const BALANCES: usize = 60;
const SEED: u64 = 14;
/// Pages of each list whose numbers may be drawn.
const LIST_PAGES: usize = 4;
const LISTS: [&str; 9] = [
    "/parcels?state=delivered",
    "/parcels?state=refused,returned,out,assigned",
    "/payments",
    "/payments?state=declined,reversed",
    "/clearing-lines?kind=sale",
    "/plans",
    "/offers",
    "/market-orders",
    "/market-parcels",
];

/// A number as a page shows it.
struct Shown {
    /// The list, and the column there.
    list: String,
    label: String,
    text: String,
    href: String,
}

/// Draws without repetition, the same each time.
fn draw<T>(mut from: Vec<T>, count: usize) -> Vec<T> {
    let mut state = SEED;
    let mut drawn = Vec::new();
    while drawn.len() < count && !from.is_empty() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(state >> 33).unwrap() % from.len();
        drawn.push(from.swap_remove(place));
    }
    drawn
}

fn in_lists(demo: &Demo, bed: &Bed) -> Vec<Shown> {
    let mut found = Vec::new();
    for list in LISTS {
        let mut next = Some(list.to_owned());
        for _ in 0..LIST_PAGES {
            let Some(path) = next.take() else { break };
            let html = page(demo, bed, "finance", &path);
            let links = all_between(main_of(&html), "<td class=\"num\" data-label=\"", "</td>");
            for cell in links {
                let Some((label, rest)) = cell.split_once("\"><a href=\"") else { continue };
                let (href, rest) = rest.split_once("\">").unwrap();
                let text = rest.split('<').next().unwrap().to_owned();
                // The batch of a row is no sum.
                if !href.starts_with("/commands?") {
                    let (list, href) =
                        (list.split('?').next().unwrap(), href.replace("&#38;", "&"));
                    let (list, label) = (list.to_owned(), label.to_owned());
                    found.push(Shown { list, label, text, href });
                }
            }
            let more = all_between(main_of(&html), "href=\"", "\"");
            next = more
                .iter()
                .find(|href| href.contains("cursor="))
                .map(|href| href.replace("&#38;", "&"));
        }
    }
    found
}

/// Minor units, or a count.
fn number_of(text: &str) -> i64 {
    let digits = text.replace([',', '.'], "").replace('\u{2212}', "-");
    if digits == "–" { 0 } else { digits.parse().unwrap_or_else(|_| panic!("{text}")) }
}

fn sum(rows: &[Value], column: &str) -> i64 {
    rows.iter().map(|row| row[column].as_i64().unwrap()).sum()
}

/// What the rows come to that a number leads to.
fn made_of(shown: &Shown, rows: &[Value]) -> i64 {
    let entries = |of: &dyn Fn(&str) -> i64, stages: &[&str]| {
        let of_stage = rows.iter().filter(|row| stages.contains(&row["stage"].as_str().unwrap()));
        of_stage
            .map(|row| of(row["entry"].as_str().unwrap()) * row["amount"].as_i64().unwrap())
            .sum::<i64>()
    };
    let booked = ["posted", "posted from reserve"];
    match (&*shown.list, &*shown.label) {
        ("/parcels", "Collected") => sum(rows, "amount"),
        ("/payments", "Amount") => {
            let taken = |entry: &str| i64::from(entry.ends_with("Collected"));
            // What was declined or reversed before its answer was reserved only.
            match entries(&taken, &booked) {
                0 => entries(&taken, &["reserved"]),
                posted => posted,
            }
        }
        ("/payments", "Fees") => {
            let is_fee = |entry: &str| ["FeeCharged", "CommissionEarned"].contains(&entry);
            entries(&|entry| i64::from(is_fee(entry)), &booked)
        }
        ("/payments", "Refunded") => sum(rows, "amount"),
        ("/clearing-lines", "Amount") => entries(
            &|entry| match entry {
                "Cleared" | "ClearingFeeDeducted" | "DeductedTooMuch" => 1,
                "DeductedTooLittle" | "ClearingTaken" => -1,
                _ => 0,
            },
            &booked,
        ),
        ("/plans", "Total") => sum(rows, "net"),
        ("/market-orders", "Paid by the platform") => sum(rows, "by_platform"),
        ("/parcels", "Payments")
        | ("/plans", "Payouts")
        | ("/offers", "Variants")
        | ("/market-orders" | "/market-parcels", "Parcels" | "Units") => {
            i64::try_from(rows.len()).unwrap()
        }
        other => panic!("nobody says what {other:?} is made of: {} {}", shown.text, shown.href),
    }
}

/// The rows of a list, from its JSON.
fn rows_of(demo: &Demo, bed: &Bed, href: &str) -> Vec<Value> {
    let (path, query) = href.split_once('?').unwrap();
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let one = demo.get(bed, "finance", &format!("{path}.json?{query}&limit=1000{cursor}"));
        all.extend(one["items"].as_array().unwrap_or_else(|| panic!("{href}: {one}")).clone());
        match one["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// The balance that the page of an account shows, which its postings come to.
fn balance_of(demo: &Demo, bed: &Bed, account: &Value) -> i64 {
    let id = account["account"].as_str().unwrap();
    let html = page(demo, bed, "finance", &format!("/accounts/{id}"));
    let statement = main_of(&html).split(">Statement<").nth(1).unwrap_or_default();
    let first = statement.split("<tbody>").nth(1).and_then(|rows| rows.split("</tr>").next());
    let shown = first.map_or(0, |row| {
        let cells = all_between(row, "<td", "</td>");
        let cell = cells.last().unwrap_or_else(|| panic!("{row}"));
        number_of(cell.split_once('>').unwrap().1.split('<').next().unwrap())
    });
    let moved = |side: &str| {
        let rows = rows_of(demo, bed, &format!("/postings?{side}={id}"));
        let moves = rows.iter().filter(|row| row["stage"].as_str().unwrap().starts_with("posted"));
        moves.map(|row| row["amount"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(shown, moved("debit") - moved("credit"), "{account}");
    shown
}

#[test]
fn a_click_on_any_of_two_hundred_numbers_leads_to_what_sums_to_it() {
    let bed = Bed::new();
    // Held for two days, so that the sellers' accounts have balances.
    let demo = start(&bed, "--data books --hold 2");
    demo.status(&bed, &["-c", "finance", &demo.of("finance").link]);
    let shown = draw(in_lists(&demo, &bed), NUMBERS - BALANCES);
    assert_eq!(shown.len(), NUMBERS - BALANCES);
    let mut columns: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in &shown {
        let parts = made_of(one, &rows_of(&demo, &bed, &one.href));
        assert_eq!(parts, number_of(&one.text), "{} of {}: {}", one.label, one.list, one.href);
        *columns.entry((&one.list, &one.label)).or_default() += 1;
    }
    assert!(columns.len() > 5, "{columns:?}");
    let accounts = rows_of(&demo, &bed, "/accounts?currency=CNY");
    let balances: Vec<_> = draw(accounts, BALANCES)
        .iter()
        .map(|account| {
            (account["name"].as_str().unwrap().to_owned(), balance_of(&demo, &bed, account))
        })
        .collect();
    demo.stop();
    let books = bed.run("export --format hledger --data books").succeeds();
    bed.write("books.hledger", books.stdout());
    let mut hledger = tool(&bed, "hledger");
    hledger.args(["-f", "books.hledger", "bal", "--flat", "-N", "-E", "-O", "csv"]);
    let found = Ran::of(&mut hledger).succeeds();
    let computed: BTreeMap<&str, i64> = found
        .stdout()
        .lines()
        .skip(1)
        .map(|line| {
            let (account, amount) = line.trim_matches('"').split_once("\",\"").unwrap();
            (account, number_of(amount.trim_end_matches(" CNY")))
        })
        .collect();
    for (account, balance) in &balances {
        assert_eq!(computed.get(&**account).copied().unwrap_or(0), *balance, "{account}");
    }
    let moved = balances.iter().filter(|(_, balance)| *balance != 0).count();
    assert!(moved > 5, "{balances:?}");
}
