//! What the finance team sees of money: the list of what waits, a seller's statement, a payout, the
//! trial balance of a day, and the exports, on a few days of trial books.

use std::collections::BTreeMap;

use books::BusinessDate;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::ground::{self, Running, parcel};
use super::support::{Bed, Ran, minor, number, records, text};

const DATA: &str = "--data door/books";

/// A day of card, cash and offline payments, and what persons do on the days after it.
struct Days {
    bed: Bed,
    /// The day of the payments.
    first: BusinessDate,
    /// The first day's balances at its end.
    balances: String,
}

impl Days {
    fn lived() -> Days {
        let bed = Bed::new();
        ground::make(&bed);
        let rule = "[[rule]]\nkinds = [\"offline\"]\naction = \"decline\"\ncode = \"51\"\n";
        bed.write("declined.toml", rule);
        let running = Running::start(&bed, "--behaviour declined.toml");
        let [(p0, cash), (p1, one), (p2, two), (p4, four)] = [0, 1, 2, 4].map(parcel);
        let script = [
            "params".to_owned(),
            format!("cash {p0} {cash}"),
            format!("sell {p1} {one}"),
            format!("offline {p4} {four}"),
            format!("sell {p2} {two}"),
            "balance".to_owned(),
        ];
        running.terminal(&bed, "", &script).succeeds();
        bed.run(&format!("hand-over start courier-1 --handover 8 {DATA}")).succeeds();
        let counted = format!("hand-over supervise 8 --counted {cash}CNY --supervisor bo {DATA}");
        bed.run(&counted).succeeds();
        running.stop();
        let status = bed.run(&format!("status --json {DATA}")).succeeds().json();
        let first = text(&status, "/date").parse().unwrap();
        let balances = bed.run(&format!("balances --all {DATA}")).succeeds().stdout().to_owned();
        let days = Days { bed, first, balances };
        days.do_at(1, &format!("refund give {p1}/1 --amount 5.00CNY"));
        days.do_at(1, &format!("deposit announce bench-couriers --deposit 3 --amount {cash}CNY"));
        days.do_at(1, &format!("chargeback receive {p2}/1 --amount 1.00CNY"));
        let evidence = format!("--number 1 --evidence case-1 --digest {}", "ab".repeat(32));
        let contest = format!("chargeback contest {p2}/1 {evidence}");
        days.do_at(1, &format!("{contest} --answer-by {}", days.day(2)));
        let entry = "--debit Own=OtherExpenses --currency CNY --amount 500.00CNY --approved-by bo";
        let seller = days.seller();
        let entry = format!("period adjust goodwill-7 {entry} --credit Seller={seller}");
        days.do_at(5, &format!("{entry} --value-date {}", days.day(1)));
        days
    }

    fn day(&self, later: u16) -> BusinessDate {
        self.first.plus_days(later)
    }

    /// Gives a command some days later.
    #[track_caller]
    fn do_at(&self, later: u16, line: &str) -> Ran {
        let mut command = self.bed.doorstep(&format!("{line} {DATA}"));
        let time = format!("{}T23:30:00+08:00", self.day(later));
        Ran::of(command.env("DOORSTEP_TRIAL_TIME", time)).succeeds()
    }

    #[track_caller]
    fn look(&self, line: &str) -> Ran {
        self.bed.run(&format!("{line} {DATA}")).succeeds()
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        self.look(&format!("{line} --json")).json()
    }

    fn seller(&self) -> String {
        let found = self.json(&format!("parcels --waybill {}", parcel(4).0));
        text(&found, "/parcels/0/seller").to_owned()
    }

    fn items(&self, flags: &str) -> Vec<Value> {
        self.json(&format!("open-items {flags}"))["items"].as_array().unwrap().clone()
    }
}

/// The only item of a kind.
#[track_caller]
fn only<'v>(items: &'v [Value], kind: &str) -> &'v Value {
    let of_kind: Vec<_> = items.iter().filter(|item| text(item, "/kind") == kind).collect();
    assert_eq!(of_kind.len(), 1, "one {kind} in {items:#?}");
    of_kind[0]
}

#[test]
fn everything_that_waits_is_listed_with_its_age_amount_and_next_command() {
    let days = Days::lived();
    let items = days.items("");
    let [(_, cash), (p1, one), (p2, two)] = [0, 1, 2].map(parcel);
    let refund = only(&items, "refund");
    assert_eq!((number(refund, "/amount"), number(refund, "/age_days")), (500, 4));
    assert_eq!((text(refund, "/state"), text(refund, "/name")), ("by_bank", &*format!("{p1}/1")));
    let deposit = only(&items, "deposit");
    assert_eq!((number(deposit, "/amount"), number(deposit, "/age_days")), (minor(&cash), 4));
    assert_eq!((text(deposit, "/party"), text(deposit, "/detail")), ("bench-couriers", "bank"));
    let chargeback = only(&items, "chargeback");
    assert_eq!((number(chargeback, "/amount"), text(chargeback, "/state")), (100, "contested"));
    assert_eq!(text(chargeback, "/due"), days.day(2).to_string());
    assert_eq!(chargeback["overdue"], true);
    // What the network has not paid is what it owes, payment by payment.
    let uncleared = items.iter().filter(|item| text(item, "/kind") == "uncleared");
    let uncleared: BTreeMap<&str, i64> =
        uncleared.map(|item| (text(item, "/name"), number(item, "/amount"))).collect();
    let (first, second) = (format!("{p1}/1"), format!("{p2}/1"));
    let expected = [(&*first, minor(&one)), (&*second, minor(&two) - 100)];
    assert_eq!(uncleared, BTreeMap::from(expected));
    let status = days.json("status");
    assert_eq!(number(&status, "/rails/0/receivable"), minor(&one) + minor(&two) - 100);
    let totals = days.json("open-items")["totals"].as_array().unwrap().clone();
    let total = only(&totals, "uncleared");
    assert_eq!((number(total, "/count"), number(total, "/oldest_days")), (2, 5));
    // Filters.
    let kinds = |flags: &str| -> Vec<String> {
        days.items(flags).iter().map(|item| text(item, "/kind").to_owned()).collect()
    };
    assert_eq!(kinds("--party alpha"), ["uncleared", "uncleared", "chargeback"]);
    assert_eq!(kinds("--older-than 4"), ["uncleared", "uncleared"]);
    assert_eq!(kinds("--kind refund --older-than 3"), ["refund"]);
    assert_eq!(kinds("--kind refund --older-than 4"), [""; 0]);
    let shown = days.look("open-items").prints("Uncleared card and QR payments: 2, ");
    let shown = shown.prints("Refunds owed to buyers: 1, 5.00 CNY, the oldest is 4 days old\n");
    let shown = shown.prints(&format!("OVERDUE since {}\n", days.day(2)));
    shown.prints("next: pay the buyer, then doorstep refund confirm ");
    days.look("open-items --lang zh").prints("应退买家款：1 项，5.00 CNY，最早的已 4 天\n");
    for line in ["open-items", "open-items --kind uncleared", "open-items --kind chargeback"] {
        for lang in ["en", "zh"] {
            for shown in days.look(&format!("{line} --lang {lang}")).stdout().lines() {
                assert!(shown.width() <= 100, "{} columns: {shown}", shown.width());
            }
        }
    }
    // A refund that was paid waits no longer.
    let pay = "--bank bank --amount 5.00CNY";
    let funds = "period adjust funds --debit Bank=bank --credit Own=OtherIncome --currency CNY";
    let today = days.day(5);
    days.do_at(5, &format!("{funds} --amount 50.00CNY --value-date {today} --approved-by bo"));
    days.do_at(5, &format!("refund confirm {p1}/1 {pay}"));
    assert_eq!(kinds("--kind refund"), [""; 0]);
    days.bed.verified("door/books");
}

#[test]
fn a_sellers_statement_and_payout_name_each_kind_of_money() {
    let days = Days::lived();
    let (seller, (p4, four)) = (days.seller(), parcel(4));
    let statement = days.json(&format!("statement {seller}"));
    let account = &statement["accounts"][0];
    let loss = &account["offline_losses"][0];
    assert_eq!((text(loss, "/waybill"), number(loss, "/amount")), (&*p4, minor(&four)));
    assert_eq!((text(loss, "/rejected"), text(loss, "/code")), (&*days.first.to_string(), "51"));
    assert_eq!(number(account, "/next/entry_credited"), 50_000);
    let shown = days.look(&format!("statement {seller}"));
    let words = |ran: &Ran| ran.stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&shown).contains("adjusting entries, credited 500.00 CNY"), "{shown}");
    let line = format!("{}  {p4}/1  {four} CNY  response code 51\n", days.first);
    let shown = shown.prints("at the seller's loss").prints(&line);
    assert!(!shown.stdout().contains("  collected   "), "nothing was: {shown}");
    // The lines below "payable" add up to it.
    let lines = shown.stdout().lines().skip_while(|line| !line.starts_with("payable"));
    let amount = |line: &str| {
        let digits = line.trim_end().strip_suffix(" CNY").unwrap().rsplit(' ').next().unwrap();
        minor(&digits.replace(',', ""))
    };
    let mut lines = lines.take_while(|line| !line.is_empty());
    let payable = amount(lines.next().unwrap());
    let parts = lines.filter(|line| line.starts_with("  ") && !line.starts_with("    "));
    assert_eq!(parts.map(amount).sum::<i64>(), payable, "{shown}");
    days.look(&format!("statement {seller} --lang zh")).prints("  调整分录计入");

    days.do_at(5, "settlement plan Daily --plan 1 --currency CNY");
    let explained = days.json("explain payout 1");
    let rows = explained["lines"].as_array().unwrap();
    let row = |what: &str| {
        let found = rows.iter().find(|row| text(row, "/what") == what);
        found.unwrap_or_else(|| panic!("no {what} in {explained:#}"))
    };
    assert_eq!(text(row("entry credited"), "/order"), "voucher goodwill-7");
    assert_eq!(number(row("entry credited"), "/gross"), 50_000);
    let lost = row("offline sale lost");
    assert_eq!((number(lost, "/lost"), number(lost, "/net")), (minor(&four), 0));
    let shown = days.look("explain payout 1");
    assert!(words(&shown).contains("adjusting entries, credited 500.00"), "{shown}");
    shown.prints(&format!("the network never pays {four} of this offline sale"));
}

#[test]
fn payable_to_sellers_and_owed_by_sellers_are_told_apart() {
    let days = Days::lived();
    // A second seller, who owes.
    let seller = days.seller();
    let entry = "--credit Own=OtherIncome --currency CNY --amount 70.00CNY --approved-by bo";
    let owing = if seller == "seller-8" { "seller-7" } else { "seller-8" };
    let entry = format!("period adjust debt-1 {entry} --debit Seller={owing}");
    days.do_at(5, &format!("{entry} --value-date {}", days.day(5)));
    let of_seller = days.json(&format!("statement {seller}"));
    let payable = number(&of_seller, "/accounts/0/payable");
    let kinds = days.json("accounts")["kinds"].as_array().unwrap().clone();
    let kind = kinds.iter().find(|one| text(one, "/kind") == "liabilities:seller-payable").unwrap();
    assert_eq!((number(kind, "/debit"), number(kind, "/debit_accounts")), (7_000, 1));
    assert_eq!((number(kind, "/credit"), number(kind, "/credit_accounts")), (payable, 1));
    assert_eq!(number(kind, "/amount"), 7_000 - payable);
    let status = days.json("status");
    assert_eq!(number(&status, "/sellers_owe/0/amount"), 7_000);
    assert_eq!(number(&status, "/sellers_owe/0/sellers"), 1);
    assert_eq!(number(&status, "/payable/0/amount"), payable);
    days.look("status").prints("sellers below zero  1 seller owes 70.00 CNY\n");
    let sums = days.look("balances").stdout().to_owned();
    let line =
        sums.lines().find(|line| line.contains(" 70.00 ")).unwrap_or_else(|| panic!("{sums}"));
    assert!(line.contains(&format!("{}.{:02} CNY", payable / 100, payable % 100)), "{sums}");
    let listed = days.items("--kind below-zero");
    assert_eq!((text(&listed[0], "/party"), number(&listed[0], "/amount")), (owing, 7_000));
    let statement = days.json(&format!("statement {owing}"));
    let held = number(&statement, "/accounts/0/held");
    assert_eq!(number(&listed[0], "/to_come"), held);
    let sum = format!("still to come: {}.{:02} CNY", held / 100, held % 100);
    days.look("open-items --kind below-zero").prints(&sum);
}

#[test]
fn the_trial_balance_of_a_closed_day_is_the_frozen_one() {
    let days = Days::lived();
    let first = days.first;
    let head = format!("Trial balance at the end of {first}\n\n");
    let then = days.look(&format!("balances --all --date {first}"));
    let then = then.stdout().strip_prefix(&head).unwrap().to_owned();
    let (balances, _) = days.balances.split_once("\n\n").unwrap();
    assert_eq!(then.trim_end(), balances, "as it was shown on that day");
    assert_ne!(days.look("balances --all").stdout().split_once("\n\n").unwrap().0, balances);
    days.do_at(6, &format!("period close {first} --approved-by bo"));
    let closed = days.look(&format!("balances --date {first}"));
    let log = days.look("log --all").stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    let digest = log.split_once("digest of the trial balance: ").unwrap().1;
    let digest = digest.split(' ').next().unwrap();
    closed.prints(&format!("\nAs frozen when the period was closed: digest {digest}\n"));
    days.look(&format!("balances --date {first} --lang zh")).prints("日终试算平衡表\n\n");
    let tomorrow = days.day(7);
    days.bed
        .run(&format!("balances --date {tomorrow} {DATA}"))
        .fails(&format!("--date {tomorrow}: the books are at {}; ", days.day(6)));
}

#[test]
fn an_export_has_vouchers_value_dates_and_evidence_and_says_one_thing() {
    let days = Days::lived();
    let rows = records(days.look("export --format csv").stdout());
    let entry = rows.iter().find(|row| row["entry"] == "AdjustmentToSeller").unwrap();
    assert_eq!(
        (&*entry["voucher"], &entry["value_date"]),
        ("goodwill-7", &days.day(1).to_string())
    );
    let sale = rows.iter().find(|row| row["entry"] == "CardCollected").unwrap();
    assert!(sale["evidence"].starts_with("terminal 1 batch 1 STAN "), "{sale:?}");
    let rejected = rows.iter().find(|row| row["entry"] == "OfflineSaleRejected").unwrap();
    assert_eq!((&*rejected["value_date"], rejected["reference"].len()), ("", 12));
    let journal = days.look("export --format hledger").stdout().to_owned();
    let heads = journal.lines().filter_map(|line| line.split_once(" | "));
    for (_, what) in heads {
        assert!(!what.contains(" or "), "{what}");
    }
    assert!(journal.contains(" | rejected offline sale, lost by the seller: "), "{journal}");
    assert!(journal.contains(" | chargeback by a card network: "), "{journal}");
    assert!(journal.contains(", voucher:goodwill-7") || journal.contains("; value_date:"));
}
