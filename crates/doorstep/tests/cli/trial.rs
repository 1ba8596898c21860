//! `trial`: the printed commands work.

use std::collections::BTreeMap;

use super::ground::{self, TERMINALS, WALLETS};
use super::process::Process;
use super::support::{Bed, Ran};

/// The printed commands, by the word after `doorstep`.
fn commands(ran: &Ran) -> BTreeMap<String, String> {
    let whole = ran.stdout().replace("\\\n", " ");
    let lines = whole.lines().filter_map(|line| line.trim().strip_prefix("doorstep "));
    let named = |line: &str| (line.split(' ').next().unwrap().to_owned(), line.to_owned());
    lines.map(named).collect()
}

/// The waybills and amounts of a terminal's parcels.
fn parcels(ran: &Ran, terminal: &str) -> Vec<(String, String)> {
    let rows = ran.stdout().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_it = rows.filter_map(|row| match row[..] {
        ["terminal", number, waybill, amount] if number == terminal => {
            Some((waybill.to_owned(), amount.to_owned()))
        }
        _ => None,
    });
    of_it.collect()
}

/// The addresses of a trial, and those of this run: its own may be in use on this machine.
struct Moved([(String, String); 3]);

impl Moved {
    fn of(bed: &Bed) -> Moved {
        let settings = bed.read("there/doorstep.toml");
        let own = [TERMINALS, WALLETS, ground::network_of(&settings)];
        let moved = Moved(own.map(|own| (own.to_owned(), bed.reserved_address())));
        bed.write("there/doorstep.toml", moved.text(&settings));
        moved
    }

    fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (own, here)| text.replace(own, here))
    }
}

#[test]
fn the_printed_commands_sell_the_printed_parcels() {
    let bed = Bed::new();
    let ran = bed.run("trial there").succeeds().says_nothing();
    let (commands, parcels) = (commands(&ran), parcels(&ran, "1"));
    let words: Vec<_> = commands.keys().collect();
    assert_eq!(words, ["keys", "network", "serve", "terminal", "wallet"], "{ran}");
    assert_eq!(parcels.len(), 5, "{ran}");
    bed.run(&commands["keys"]).succeeds().prints("terminals");
    let moved = Moved::of(&bed);
    let mut network = Process::start(&bed, &moved.text(&commands["network"]));
    network.says("alpha: listening at");
    let mut engine = Process::start(&bed, &commands["serve"]);
    assert_eq!(engine.says("terminals"), moved.text(TERMINALS));
    ground::wait_for_links(&bed, "there/books");

    let [(sold, price), (offline, later), (paid, cash), (shown, owed), ..] = &parcels[..] else {
        panic!("{ran}")
    };
    let script =
        format!("sell {sold} {price}\nparams\noffline {offline} {later}\ncash {paid} {cash}");
    bed.write("script", format!("{script}\nqr {shown}\n"));
    let terminal = moved.text(&commands["terminal"]);
    let day = bed.run(&format!("{terminal} --script script --lang en")).succeeds();
    let day = day.prints(price).prints(later).prints(cash);
    assert_eq!(day.stdout().matches("approved ").count(), 3, "{day}");
    let code = day.stdout().lines().find(|line| line.starts_with("000201")).unwrap();
    bed.write("payments", format!("pay {code}\n"));
    let wallet = moved.text(&commands["wallet"]);
    let ran = bed.run(&format!("{wallet} --script payments --lang en")).succeeds();
    ran.prints(&format!("paid          {owed} CNY"));

    engine.stop();
    let said = network.stop();
    said.prints("alpha: wrote there/alpha-");
    bed.verified("there/books");
    bed.run("trial there").fails("there exists already; name another directory");
}

#[test]
fn own_orders_go_out_with_two_couriers_and_are_paid() {
    let bed = Bed::new();
    let mut lines: Vec<String> =
        (1..=7).map(|number| format!("A-{number},shop-{},BRL,{number}0.50", number % 3)).collect();
    lines.push("B-1,shop-1,CNY,5.00".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    bed.orders("orders.csv", &lines);
    let ran = bed.run("trial there --orders orders.csv --profile doorstep --parcels 3").succeeds();
    let ran = ran.prints("left out, not in BRL, the currency of this trial: 1\n");
    let ran = ran.prints("announced 7; out 6, with 2 couriers, at most 3 each\n");
    let rows: Vec<Vec<&str>> =
        ran.stdout().lines().map(|line| line.split_whitespace().collect()).collect();
    let out: Vec<_> = rows
        .iter()
        .filter_map(|row| match row[..] {
            ["terminal", number, waybill, amount, order] => Some((number, waybill, amount, order)),
            _ => None,
        })
        .collect();
    let orders = out.iter().map(|(number, _, amount, order)| (*number, *amount, *order));
    assert_eq!(
        orders.collect::<Vec<_>>(),
        [
            ("1", "10.50", "A-1"),
            ("1", "30.50", "A-3"),
            ("1", "50.50", "A-5"),
            ("2", "20.50", "A-2"),
            ("2", "40.50", "A-4"),
            ("2", "60.50", "A-6"),
        ],
        "{ran}"
    );
    let commands = commands(&ran);
    let moved = Moved::of(&bed);
    let network = Process::start(&bed, &moved.text(&commands["network"]));
    let mut engine = Process::start(&bed, &commands["serve"]);
    engine.says("terminals");
    ground::wait_for_links(&bed, "there/books");
    bed.write("script", format!("parcels\nsell {}\ncash {}\n", &out[0].1[..9], out[1].1));
    let terminal = moved.text(&commands["terminal"]);
    let ran = bed.run(&format!("{terminal} --script script --lang en")).succeeds();
    let ran = ran.prints("3 in all               91.50 BRL            91.50 BRL\n");
    ran.prints("10.50 BRL   STAN").prints("30.50 BRL   STAN");
    engine.stop();
    network.stop();
    bed.verified("there/books");
}

#[test]
fn a_trial_on_orders_that_do_not_fit_writes_nothing() {
    let bed = Bed::new();
    bed.orders("bad.csv", &["A,S1,CNY,12.345"]);
    bed.run("trial there --orders bad.csv --profile doorstep").fails("there is no parcel in it");
    bed.orders("orders.csv", &["A,S1,CNY,12.30"]);
    bed.run("trial there --orders orders.csv --profile shopfy").fails("there is no profile");
    bed.run("trial there --orders orders.csv --profile doorstep --class gold")
        .fails("--class gold");
    bed.run("trial there --orders orders.csv").ends_with(2).says("--profile");
    bed.run("trial there --seller me").ends_with(2).says("--orders");
    assert!(!bed.has("there"));
}
