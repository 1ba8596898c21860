//! A month of a small firm, through the command line only: three sellers, two couriers, one hub,
//! two persons. What everybody must have at its end is computed here, from what happens and from
//! the tariff's text, not from a report. Then the same month is lived with `kill -9` in every
//! command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::ground::{MERCHANT, wait_for_links};
use super::process::Process;
use super::recompute::PROGRAM;
use super::start;
use super::support::{Bed, DOORSTEP, Ran, minor, number, tool};

const DATA: &str = "--data books";
/// The tariff's first version, and its second one from 15 December on.
const TARIFF: &str = r#"name = "house"
title = "Fees of the month"
source = "A test"
currency = "CNY"

[[version]]
number = 1
from = "2026-01-01"
return_fee = "4.00"
cod.cash = { fixed = "2.00", share = "1%" }
commission.cash = { fixed = "1.00", share = "0.5%" }

[[version.class]]
name = "general"
card = { issuer = "0.45%", network = "0.05%", acquirer = "0.10%" }
wallet = { rate = "0.6%" }
"#;
const LATER: &str = r#"
[[version]]
number = 2
from = "2026-12-15"
return_fee = "4.00"
cod.cash = { fixed = "3.00", share = "1%" }
commission.cash = { fixed = "1.00", share = "0.5%" }

[[version.class]]
name = "general"
card = { issuer = "0.45%", network = "0.05%", acquirer = "0.10%" }
wallet = { rate = "0.6%" }
"#;
/// What the network deducts: 0.5%, the issuer's and the network's parts of the tariff.
const DEDUCTED_PPM: i64 = 5_000;

/// Who has what, in minor units, by the account's name in the export: what they owe us above zero.
#[derive(Default)]
struct Meaning(BTreeMap<String, i64>);

impl Meaning {
    fn moves(&mut self, from: &str, to: &str, amount: i64) {
        *self.0.entry(from.to_owned()).or_default() -= amount;
        *self.0.entry(to.to_owned()).or_default() += amount;
    }

    fn seller(seller: &str) -> String {
        format!("liabilities:seller-payable:{seller}")
    }

    /// A card payment of whole hundreds: 0.45%, 0.05% and 0.10% are the seller's fees.
    fn card(&mut self, seller: &str, amount: i64) {
        let seller = Meaning::seller(seller);
        self.moves(&seller, "assets:network-receivable:alpha", amount);
        for (who, ppm) in [("issuer", 4_500), ("network", 500), ("acquirer", 1_000)] {
            self.moves(&format!("income:{who}-fees:CNY"), &seller, amount * ppm / 1_000_000);
        }
    }

    /// The greater of 2.00, later 3.00, and 1% is the COD fee, of which the firm earns the greater
    /// of 1.00 and 0.5% besides.
    fn cash(&mut self, seller: &str, courier: &str, amount: i64, fixed: i64) {
        let seller = Meaning::seller(seller);
        self.moves(&seller, &format!("assets:courier-cash:{courier}"), amount);
        self.moves("income:cod-fees:CNY", &seller, fixed.max(amount / 100));
        self.moves("liabilities:firm-commission:swift", &seller, 100.max(amount / 200));
    }

    fn counted(&mut self, courier: &str, amount: i64) {
        let courier = format!("assets:courier-cash:{courier}");
        self.moves(&courier, "assets:firm-cash:swift", amount);
    }

    /// The network pays what it owes for a payment, less its deduction.
    fn cleared(&mut self, amount: i64) {
        let deducted = amount * DEDUCTED_PPM / 1_000_000;
        self.moves("assets:network-receivable:alpha", "assets:bank:main", amount - deducted);
        self.moves("assets:network-receivable:alpha", "expenses:clearing-cost:CNY", deducted);
    }

    fn owed_to(&self, seller: &str) -> i64 {
        -self.0.get(&Meaning::seller(seller)).copied().unwrap_or(0)
    }

    /// A payout that arrives. Returns its amount.
    fn paid(&mut self, seller: &str) -> i64 {
        let amount = self.owed_to(seller);
        self.moves("assets:bank:main", &Meaning::seller(seller), amount);
        amount
    }

    /// As `doorstep balances` names them, without those at zero.
    fn balances(&self) -> BTreeMap<String, i64> {
        self.0.iter().filter(|(_, amount)| **amount != 0).map(|(a, b)| (a.clone(), *b)).collect()
    }
}

/// The switch and the network of one tour.
struct Tour {
    network: Process,
    engine: Process,
    address: String,
}

struct Month {
    bed: Bed,
    meaning: Meaning,
    /// Each command is killed at another moment of its life, then the month goes on.
    kills: Option<u64>,
    time: String,
    killed_in_between: u32,
    /// Of the switch.
    restarts: u32,
}

impl Month {
    fn new(kills: bool) -> Month {
        Month {
            bed: Bed::new(),
            meaning: Meaning::default(),
            kills: kills.then_some(0),
            time: String::new(),
            killed_in_between: 0,
            restarts: 0,
        }
    }

    /// What follows happens at this local time.
    fn at(&mut self, day: &str, hour: &str) {
        self.time = format!("{day}T{hour}:00+08:00");
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.bed.command(DOORSTEP);
        let words = line.split_whitespace().map(|word| word.replace('~', " "));
        command.args(words).env("DOORSTEP_TRIAL_TIME", &self.time);
        command
    }

    fn run(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    /// How often the journal has a command.
    fn count(&self, command: &str) -> usize {
        let words = format!("\"command\":\"{command}\"");
        self.run(&format!("log --json {DATA}")).stdout().matches(&words).count()
    }

    /// Begins a command, and kills it. The moments are spread over its life.
    fn kill(&mut self, line: &str) {
        let Some(kills) = self.kills.as_mut() else { return };
        *kills += 1;
        let wait = Duration::from_millis(*kills * 7 % 60);
        let mut command = self.command(line);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(wait);
        let _ = child.kill();
        self.killed_in_between += u32::from(child.wait().unwrap().code().is_none());
        // The switch may be carrying it out.
        std::thread::sleep(Duration::from_millis(30));
    }

    /// A command that can be given again without harm. `~` is a space in a value.
    #[track_caller]
    fn again(&mut self, line: &str) {
        let line = format!("{line} {DATA}");
        self.kill(&line);
        self.run(&line).succeeds();
    }

    /// A command that happens once: after a kill, the log says whether it did.
    #[track_caller]
    fn once(&mut self, command: &str, line: &str) {
        let line = format!("{line} {DATA}");
        if self.kills.is_none() {
            self.run(&line).succeeds();
            return;
        }
        let before = self.count(command);
        self.kill(&line);
        if self.count(command) > before {
            return;
        }
        let ran = self.run(&line);
        // A busy switch may have carried out the killed one in the meantime.
        assert_eq!(self.count(command), before + 1, "{command}{ran}");
    }

    fn open(&mut self) {
        self.at("2026-12-01", "08:00");
        self.bed.write("tariff.toml", TARIFF);
        self.again("setup books --first ann --second bo --trial true");
        self.again("setup bank main --currency CNY");
        self.again("setup hold-rule CN --rule AtOnce --number 1 --approved-by bo");
        self.again("setup tariff tariff.toml --currency CNY --approved-by bo");
        self.again("setup firm swift --currency CNY --approved-by bo");
        for (courier, terminal) in [("c-1", 1), ("c-2", 2)] {
            let limit = "--cash-limit 2000.00CNY --approved-by bo";
            self.again(&format!("setup courier {courier} --firm swift {limit}"));
            self.again(&format!("setup terminal {terminal} --courier {courier}"));
        }
        for (seller, cycle) in [("tea", "Daily"), ("book", "Weekly"), ("cup", "Daily")] {
            let terms = format!("--currency CNY --jurisdiction CN --cycle {cycle}");
            self.again(&format!("setup seller {seller} {terms} --tariff house~CNY"));
        }
        let link = self.bed.reserved_address();
        for file in ["doorstep.toml", "base.key", "alpha.toml"] {
            let text = start::file(file).replace("127.0.0.1:7001", "127.0.0.1:0");
            self.bed.write(file, text.replace("127.0.0.1:9001", &link));
        }
        self.bed.write("link", link);
        self.make_keys();
        std::fs::create_dir(self.bed.path("day")).unwrap();
    }

    fn make_keys(&self) {
        let key = "0F".repeat(32);
        self.bed.write("master.key", key);
        let mut chmod = self.bed.command("chmod");
        Ran::of(chmod.args(["600", "master.key", "base.key", "alpha.toml"])).succeeds();
        for (name, purpose) in
            [("cards", "token"), ("hub/codes", "hand-over-code"), ("vault", "data-keys")]
        {
            let line = format!("keys make {name} --purpose {purpose} --config doorstep.toml");
            self.run(&line).succeeds();
        }
        for (name, purpose, file) in [
            ("terminals", "base", "terminals.key"),
            ("alpha/mac", "mac", "mac.key"),
            ("alpha/pin", "pin", "pin.key"),
            ("alpha/exchange", "exchange --algorithm aes256", "exchange.key"),
        ] {
            self.bed.write(file, start::file(file));
            let line = format!("keys import {name} --purpose {purpose} --config doorstep.toml");
            let mut command = self.command(&line);
            command.stdin(std::fs::File::open(self.bed.path(file)).unwrap());
            Ran::of(&mut command).succeeds();
        }
    }

    /// Orders are imported and go out.
    fn send_out(&mut self, orders: &str, lines: &[&str], out: [&[&str]; 2]) {
        self.bed.orders(orders, lines);
        let flags = "--profile doorstep --tariff tariff.toml";
        self.again(&format!("import --orders {orders} {flags}"));
        for (courier, parcels) in ["c-1", "c-2"].into_iter().zip(out) {
            let parcels = parcels.join(" ");
            self.once("AssignParcels", &format!("parcel assign {parcels} --firm swift"));
            self.once("DispatchParcels", &format!("parcel dispatch {parcels} --courier {courier}"));
        }
    }

    fn engine(&self) -> (Process, String) {
        let serve = format!("serve --config doorstep.toml {DATA}");
        let mut engine = Process::of(self.command(&serve));
        let address = engine.says("terminals ");
        wait_for_links(&self.bed, "books");
        (engine, address)
    }

    fn tour(&self) -> Tour {
        let (link, day) = (self.bed.read("link"), &self.time[..10]);
        let line = format!(
            "network run --json --name alpha --listen {link} --keys alpha.toml --acquirer 48980000 \
             --debit 0.5% --clearing cleared --date {day}"
        );
        let mut network = Process::of(self.command(&line));
        network.line();
        let (engine, address) = self.engine();
        Tour { network, engine, address }
    }

    /// The courier's terminal does this.
    fn terminal(&mut self, mut tour: Tour, number: u32, lines: &[&str]) -> Tour {
        for line in lines {
            self.bed.write("script", line);
            let line = format!(
                "terminal --connect {} --number {number} --merchant {MERCHANT} --base-key-file \
                 base.key --script script",
                tour.address
            );
            self.run(&line).succeeds().prints("approved");
            if self.kills.is_some() {
                // Dropped: SIGKILL. The next one begins later, as in life.
                drop(tour.engine);
                self.restarts += 1;
                let day = self.time[..10].to_owned();
                self.at(&day, &format!("12:{:02}", self.restarts));
                (tour.engine, tour.address) = self.engine();
            }
        }
        tour
    }

    /// The couriers hand over their cash, which a person counts before a supervisor.
    fn hub(&mut self, first: u32, couriers: &[(&str, u32, &str)]) {
        for (handover, (courier, number, counted)) in (first..).zip(couriers) {
            let start =
                format!("hand-over start {courier} --handover {handover} --number {number}");
            self.once("StartHandOver", &start);
            let count = format!("hand-over supervise {handover} --counted {counted}CNY");
            self.once("CountHandOverBySupervisor", &format!("{count} --supervisor bo"));
            self.meaning.counted(courier, minor(counted));
        }
    }

    /// The switch and the network stop, and the network's file is taken.
    fn stop_and_clear(&mut self, tour: Tour, paid: &[&str]) {
        let day = self.time[..10].to_owned();
        tour.engine.stop();
        tour.network.stop();
        let file = format!("cleared/alpha-{day}.csv");
        let text = self.bed.read(&file);
        self.bed.write(&format!("day/clearing-alpha-{day}.csv"), &text);
        let items = text.lines().filter(|line| line.starts_with("I,"));
        let amounts: BTreeSet<&str> = items.filter_map(|line| line.split(',').nth(7)).collect();
        assert_eq!(amounts, paid.iter().copied().collect(), "{text}");
        self.at(&day, "23:00");
        self.again(&format!("file {file} --network alpha"));
        for amount in paid {
            self.meaning.cleared(minor(amount));
        }
    }

    fn deposit(&mut self, number: u32, amount: &str) {
        let flags = format!("--deposit {number} --number {number} --amount {amount}CNY");
        self.again(&format!("deposit announce swift {flags}"));
        self.once("ConfirmDeposit", &format!("deposit confirm {number} --credited {amount}CNY"));
        self.meaning.moves("assets:firm-cash:swift", "assets:bank:main", minor(amount));
    }

    /// A plan is made, approved and sent.
    fn pay(&mut self, plan: u32, cycle: &str, sellers: &[&str]) {
        let line = format!("settlement plan {cycle} --plan {plan} --currency CNY");
        self.once("PlanSettlement", &line);
        self.again(&format!("settlement approve {plan} --person bo"));
        self.again(&format!("settlement execute {plan}"));
        let due: BTreeSet<i64> =
            sellers.iter().map(|seller| self.meaning.owed_to(seller)).collect();
        let sent: BTreeSet<i64> = self.payouts(plan).into_iter().map(|(net, _)| net).collect();
        assert_eq!(sent, due, "plan {plan}");
    }

    /// What a plan paid: amount and number of each payout.
    fn payouts(&self, plan: u32) -> Vec<(i64, String)> {
        let log = self.run(&format!("log --json {DATA}")).succeeds();
        let lines = log.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let events = lines.flat_map(|line| line["events"].as_array().cloned().unwrap_or_default());
        let mut executed = events.filter(|event| {
            event["event"] == "SettlementExecuted" && event["plan"] == plan.to_string().as_str()
        });
        let lines = executed.next().unwrap_or_else(|| panic!("plan {plan} is not executed{log}"));
        let payout = |line: &Value| {
            (line["net"].as_i64().unwrap(), line["payout"].as_str().unwrap().to_owned())
        };
        lines["lines"].as_array().unwrap().iter().map(payout).collect()
    }

    /// The payout of a seller in a plan, by the amount that the seller is owed.
    fn payout(&self, plan: u32, seller: &str) -> String {
        let owed = self.meaning.owed_to(seller);
        let payouts = self.payouts(plan);
        let found = payouts.iter().find(|(net, _)| *net == owed);
        found.unwrap_or_else(|| panic!("{seller} is owed {owed}, paid are {payouts:?}")).1.clone()
    }

    fn confirm(&mut self, plan: u32, seller: &str) {
        let payout = self.payout(plan, seller);
        self.again(&format!("settlement confirm {payout}"));
        self.meaning.paid(seller);
    }

    fn live(&mut self) {
        self.open();
        self.first_tour();
        self.first_payouts();
        self.second_tour();
        self.end();
    }

    fn first_tour(&mut self) {
        let lines = [
            "T1,tea,CNY,400.00",
            "T2,tea,CNY,100.00",
            "B1,book,CNY,300.00",
            "C1,cup,CNY,200.00",
            "T3,tea,CNY,50.00",
            "B2,book,CNY,70.00",
        ];
        let out: [&[&str]; 2] =
            [&["tea/T1", "tea/T2", "book/B1"], &["cup/C1", "tea/T3", "book/B2"]];
        self.send_out("orders-1.csv", &lines, out);
        self.at("2026-12-01", "12:00");
        let tour = self.tour();
        let [t1, t2, b1, c1, t3] =
            ["tea/T1", "tea/T2", "book/B1", "cup/C1", "tea/T3"].map(|parcel| self.waybill(parcel));
        let tour = self.terminal(
            tour,
            1,
            &[&format!("sell {t1}"), &format!("cash {t2}"), &format!("cash {b1}")],
        );
        let tour = self.terminal(tour, 2, &[&format!("sell {c1}"), &format!("cash {t3}")]);
        self.meaning.card("tea", 40_000);
        self.meaning.cash("tea", "c-1", 10_000, 200);
        self.meaning.cash("book", "c-1", 30_000, 200);
        self.meaning.card("cup", 20_000);
        self.meaning.cash("tea", "c-2", 5_000, 200);
        // One buyer refuses; the parcel goes back for a return fee.
        self.once("RefuseParcel", "parcel refuse book/B2 --reason NotWanted");
        // The first count is wrong by 10.00, the second courier lacks 5.00.
        self.hub(11, &[("c-1", 1, "390.00"), ("c-2", 1, "45.00")]);
        for (courier, short) in [("c-1", 1_000), ("c-2", 500)] {
            let [cash, shortage] =
                ["cash", "shortage"].map(|kind| format!("assets:courier-{kind}:{courier}"));
            self.meaning.moves(&cash, &shortage, short);
        }
        self.stop_and_clear(tour, &["400.00", "200.00"]);
        self.once("ReturnParcel", "parcel return book/B2");
        self.meaning.moves("income:return-fees:CNY", &Meaning::seller("book"), 400);
    }

    fn waybill(&self, parcel: &str) -> String {
        let (seller, order) = parcel.split_once('/').unwrap();
        let line = format!("parcels --seller {seller} --order {order} --json {DATA}");
        let found = self.run(&line).succeeds().json();
        found["parcels"][0]["waybill"].as_str().unwrap().to_owned()
    }

    fn first_payouts(&mut self) {
        // The count is corrected: the 10.00 were in the bag. The 5.00 are written off.
        self.at("2026-12-02", "10:00");
        self.again("shortage repay c-1 --number 1 --amount 10.00CNY");
        let found = ("assets:courier-shortage:c-1", "assets:firm-cash:swift");
        self.meaning.moves(found.0, found.1, 1_000);
        self.deposit(1, "445.00");
        self.at("2026-12-03", "10:00");
        // Both had a part in the count, so a third person approves.
        self.again("setup person 3 --approved-by bo");
        self.again("shortage write-off c-2 --number 1 --amount 5.00CNY --approved-by 3");
        self.meaning.moves("assets:courier-shortage:c-2", "expenses:write-offs:CNY", 500);
        self.pay(1, "Daily", &["tea", "cup"]);
        self.at("2026-12-04", "10:00");
        self.confirm(1, "tea");
        // The bank cannot pay the other one; it is paid with the next plan.
        let returned = self.payout(1, "cup");
        self.again(&format!("settlement return {returned}"));
        self.at("2026-12-07", "10:00");
        self.pay(2, "Daily", &["cup"]);
        self.confirm(2, "cup");
        self.at("2026-12-10", "10:00");
        self.again("chargeback receive tea/T1/1 --number 1 --amount 100.00CNY");
        // Somebody says that it is won, and that is a mistake: the statement shows no win.
        self.again("chargeback win tea/T1/1 --number 1 --approved-by bo");
        self.again("chargeback take-back-win tea/T1/1 --number 1 --approved-by bo");
        let statement = self.run(&format!("statement tea --json {DATA}")).succeeds().json();
        let next = |key: &str| number(&statement, &format!("/accounts/0/next/{key}"));
        let sums = ["chargeback_won", "charged_back", "given_back"].map(next);
        assert_eq!(sums, [0, 10_000, 10_000], "{statement:#}");
        self.meaning.moves("assets:network-receivable:alpha", &Meaning::seller("tea"), 10_000);
        let first = "from = \"2026-01-01\"";
        let ended = TARIFF.replace(first, &format!("{first}\nuntil = \"2026-12-15\""));
        self.bed.write("tariff.toml", format!("{ended}{LATER}"));
        self.again("setup tariff tariff.toml --currency CNY --approved-by bo");
        self.at("2026-12-11", "10:00");
        self.pay(3, "Weekly", &["book"]);
        self.confirm(3, "book");
    }

    fn second_tour(&mut self) {
        self.at("2026-12-15", "08:00");
        let lines = ["T4,tea,CNY,200.00", "C2,cup,CNY,300.00"];
        self.send_out("orders-2.csv", &lines, [&["tea/T4"], &["cup/C2"]]);
        self.at("2026-12-15", "12:00");
        let tour = self.tour();
        let [t4, c2] = ["tea/T4", "cup/C2"].map(|parcel| self.waybill(parcel));
        let tour = self.terminal(tour, 1, &[&format!("cash {t4}")]);
        let tour = self.terminal(tour, 2, &[&format!("sell {c2}")]);
        self.meaning.cash("tea", "c-1", 20_000, 300);
        self.meaning.card("cup", 30_000);
        self.hub(13, &[("c-1", 2, "200.00")]);
        self.stop_and_clear(tour, &["300.00"]);
        self.deposit(2, "200.00");
        self.at("2026-12-16", "10:00");
        self.pay(4, "Daily", &["tea", "cup"]);
        let payout = self.payout(4, "tea");
        let explained = self.run(&format!("explain payout {payout} --json {DATA}")).succeeds();
        let sums = ["/chargeback_won", "/charged_back"].map(|key| number(&explained.json(), key));
        assert_eq!(sums, [0, 10_000], "{}", explained.stdout());
        let explained = self.run(&format!("explain payout {payout} {DATA}")).succeeds();
        explained.prints("\nsent to the bank ");
        self.confirm(4, "tea");
        let explained = self.run(&format!("explain payout {payout} {DATA}")).succeeds();
        explained.prints("\npaid out ");
        self.confirm(4, "cup");
        let commission = "--number 1 --amount 4.50CNY --approved-by bo";
        self.again(&format!("settlement commission swift {commission}"));
        let firm = "liabilities:firm-commission:swift";
        self.meaning.moves("assets:bank:main", firm, 450);
    }

    fn end(&mut self) {
        self.at("2027-01-02", "10:00");
        self.again("period close 2026-12-31 --approved-by bo");
    }

    /// The balances of the books.
    fn balances(&self) -> BTreeMap<String, i64> {
        let all = self.run(&format!("balances --all --json {DATA}")).succeeds();
        let lines = all.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of = |line: Value| {
            let account = line["account"].as_str().unwrap().to_owned();
            (account, line["amount"].as_i64().unwrap())
        };
        lines.map(of).collect()
    }

    /// The books' own rules, hledger and the Python program.
    fn check(&self) {
        self.bed.verified("books");
        let export = format!("export --format hledger --out books.journal {DATA}");
        self.run(&export).succeeds();
        let mut hledger = tool(&self.bed, "hledger");
        Ran::of(hledger.args(["-f", "books.journal", "check", "--strict"])).succeeds();
        let orders = self.bed.read("orders-1.csv");
        let later = self.bed.read("orders-2.csv");
        let later = later.split_once('\n').unwrap().1;
        self.bed.write("orders.csv", orders + later);
        for (file, line) in [
            ("log.jsonl", "log --json"),
            ("postings.csv", "export --format csv"),
            ("balances.jsonl", "balances --all --json"),
        ] {
            let ran = self.run(&format!("{line} {DATA}")).succeeds();
            self.bed.write(file, ran.stdout());
        }
        let payouts = format!("payouts --format csv --out day/payouts.csv {DATA}");
        self.run(&payouts).succeeds();
        let mut python = tool(&self.bed, "python3");
        let files = "--orders orders.csv --tariff tariff.toml --day day --log log.jsonl --postings \
                     postings.csv --balances balances.jsonl";
        Ran::of(python.args(["-B", PROGRAM]).args(files.split_whitespace())).succeeds();
    }
}

#[test]
fn a_month_of_a_small_firm_ends_with_what_everybody_must_have() {
    let mut month = Month::new(false);
    month.live();
    assert_eq!(month.balances(), month.meaning.balances());
    month.check();
    assert!(Path::new(&month.bed.path("day/payouts.csv")).exists());
}

#[test]
fn a_month_in_which_every_command_is_killed_ends_equal() {
    let mut month = Month::new(true);
    month.live();
    println!("{} commands were killed", month.killed_in_between);
    assert!(month.killed_in_between > 10, "{} were killed", month.killed_in_between);
    assert_eq!(month.balances(), month.meaning.balances());
    month.check();
}
