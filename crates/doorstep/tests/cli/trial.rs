//! `trial`: the printed commands work.

use std::collections::BTreeMap;
use std::net::TcpListener;

use super::ground::{self, TERMINALS};
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

#[test]
fn the_printed_commands_sell_the_printed_parcels() {
    let bed = Bed::new();
    let ran = bed.run("trial there").succeeds().says_nothing();
    let (commands, parcels) = (commands(&ran), parcels(&ran, "1"));
    let words: Vec<_> = commands.keys().collect();
    assert_eq!(words, ["keys", "network", "serve", "terminal"], "{ran}");
    assert_eq!(parcels.len(), 5, "{ran}");
    bed.run(&commands["keys"]).succeeds().prints("terminals");
    // The port may be in use on this machine.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    bed.write("there/doorstep.toml", bed.read("there/doorstep.toml").replace(TERMINALS, &free));
    let mut network = Process::start(&bed, &commands["network"]);
    network.says("alpha: listening at");
    let mut engine = Process::start(&bed, &commands["serve"]);
    assert_eq!(engine.says("terminals"), free);
    ground::wait_for_links(&bed, "there/books");

    let [(sold, price), (offline, later), (paid, cash), ..] = &parcels[..] else { panic!("{ran}") };
    let script =
        format!("sell {sold} {price}\nparams\noffline {offline} {later}\ncash {paid} {cash}");
    bed.write("script", format!("{script}\nsettle\n"));
    let terminal = commands["terminal"].replace(TERMINALS, &free);
    let day = bed.run(&format!("{terminal} --script script --lang en")).succeeds();
    let day = day.prints(price).prints(later).prints(cash).prints("agreed ");
    assert_eq!(day.stdout().matches("approved ").count(), 3, "{day}");

    engine.stop();
    let said = network.stop();
    said.prints("alpha: wrote there/alpha-");
    bed.verified("there/books");
    bed.run("trial there").fails("there exists already; name another directory");
}
