//! `terminal`: scripts on a simulated POS terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use super::ground::{self, MERCHANT, Running};
use super::process::Process;
use super::support::Bed;

fn line(word: &str, place: u64) -> String {
    let (waybill, amount) = ground::parcel(place);
    format!("{word} {waybill} {amount}")
}

fn script(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_day_at_one_terminal() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let mut lines = script(&["echo", "signon", "# the first parcel of the day"]);
    lines.push(line("sell", 2));
    lines.push(line("sell", 2));
    lines.push(line("cash", 3));
    lines.extend(script(&["balance", "void 503", "journal", "settle"]));
    let ran = running.terminal(&bed, "", &lines).succeeds().says_nothing();
    let (_, amount) = ground::parcel(2);
    let ran = ran.prints("connected\n").prints(&format!("{amount} CNY   STAN 000503   RRN "));
    let ran = ran.prints("signed on     batch 000001").prints("declined      P3");
    let ran = ran.prints("balance ").prints("agreed        batch 000001");
    for line in ran.stdout().lines() {
        let digits = line.bytes().filter(u8::is_ascii_digit);
        let is_waybill = line.starts_with("> ");
        assert!(is_waybill || digits.count() < 60, "{line}");
        assert!(!line.contains("6225880000000"), "a card number: {line}");
    }
    let summary = running.stop();
    assert_eq!(summary["voided"], 1, "{summary:#}");
    bed.run("verify --data door/books").succeeds();
}

#[test]
fn a_restarted_terminal_continues_its_stans() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let sale = |place, flags: &str| {
        bed.write("script", line("sell", place));
        let ran = bed.run(&format!(
            "terminal --connect {} --number 1 --merchant {MERCHANT} --base-key-file door/base.key \
             --script script {flags}",
            running.address
        ));
        let stan = ran.stdout().split("STAN ").nth(1).map(|text| text[..6].to_owned());
        stan.unwrap_or_else(|| panic!("no sale{ran}"))
    };
    assert_eq!(sale(2, "--last-stan 500"), "000502");
    assert_eq!(bed.read("door/terminal-00000001.toml"), "last_stan = 502\n");
    assert_eq!(sale(3, ""), "000504", "after a sign-on");
    assert_eq!(sale(4, "--state other.toml --last-stan 700"), "000702");
    assert_eq!(sale(5, "--state other.toml"), "000704");
    bed.write("other.toml", "last_stan = many");
    bed.run(
        "terminal --connect 127.0.0.1:1 --number 1 --merchant 898331042150001 --state other.toml \
             --base-key-file door/base.key",
    )
    .fails("error: --state other.toml: ");
    running.stop();
}

#[test]
fn a_terminal_connects_to_the_next_address() {
    let bed = Bed::new();
    ground::make(&bed);
    let mut running = Running::start(&bed, "");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    running.address = format!("{nobody},{}", running.address);
    let ran = running.terminal(&bed, "", &[line("sell", 2)]).succeeds();
    let ran = ran.prints(&format!("unreachable   {nobody}")).prints("connected ");
    ran.prints("approved ");
    running.stop();
}

#[test]
fn a_terminal_uses_tls_and_checks_the_certificate() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("certificates door/certificates").succeeds();
    let listen = "[terminals]\n";
    let tls = format!(
        "{listen}tls = {{ certificate = \"certificates/engine.pem\", \
         key = \"certificates/engine.key\" }}\n"
    );
    bed.write("door/doorstep.toml", bed.read("door/doorstep.toml").replace(listen, &tls));
    let running = Running::start(&bed, "");
    let sale = [line("sell", 2)];
    running
        .terminal(&bed, "--ca door/certificates/authority.pem", &sale)
        .succeeds()
        .prints("approved ");
    let ran = running.terminal(
        &bed,
        "--ca door/certificates/authority.pem --server-name other --wait 1",
        &sale,
    );
    ran.ends_with(1).prints("no answer");
    running.stop();
}

#[test]
fn invalid_lines_are_reported_by_number_and_the_script_continues() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let long = "x".repeat(2_000);
    let card = "card 6225880000000019";
    let lines = ["sel", "# a remark", "void 777", "pin maybe", card, &long, "help", "echo", "quit"];
    let ran = running.terminal(&bed, "", &script(&[&lines[..], &["no"]].concat())).ends_with(1);
    let ran = ran.prints("> sel\nnot done      line 1: unknown command `sel`; type help\n");
    let ran = ran.prints("line 3: the open batch has no such transaction with STAN 000777");
    let ran = ran.prints("line 4: write it as: pin on|off|wrong");
    let ran = ran.prints("line 5: write it as: card 622588:1\n");
    let ran = ran.prints("> card ****************\n");
    assert!(!ran.stdout().contains("6225880000000019"), "a card number{ran}");
    let ran = ran.prints("line 6: the line is longer than 1024 bytes\n");
    let ran = ran.prints("test the connection").prints("> echo\nconnected\n");
    assert!(!ran.stdout().contains("> no"), "lines after quit were read{ran}");
    running.stop();
}

#[test]
fn results_and_next_steps_are_shown() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let mut lines = script(&["params", "pin wrong"]);
    let (_, price) = ground::parcel(3);
    lines.extend([line("sell", 2), "pin off".to_owned(), line("sell", 2)]);
    lines.push(format!("{} 300", line("cash", 3)));
    lines.push(line("offline", 4));
    lines.extend(script(&["journal", "settle", "refund 504 1.50"]));
    let ran = running.terminal(&bed, "", &lines).succeeds();
    let ran = ran.prints("offline 1000.00 CNY each, 3000.00 CNY in total");
    let ran = ran.prints("declined      55  wrong PIN; enter it again   sale STAN 000503");
    let ran =
        ran.prints(&format!("approved      cash                 {price} CNY   STAN 000505\n"));
    let ran =
        ran.prints("change                 58.94 CNY\n").prints("approved      offline sale ");
    let ran = ran.prints(&format!("\ncash                  {price} CNY   STAN 000505\n"));
    // The sale is in the previous batch.
    ran.prints("approved      refund                 1.50 CNY");
    running.stop();
    bed.verified("door/books");
}

#[test]
fn an_unfinished_transaction_is_shown_at_the_end() {
    let bed = Bed::new();
    ground::make(&bed);
    let Running { network, engine, address } = Running::start(&bed, "");
    let flags = "--base-key-file door/base.key --last-stan 500 --lang en --wait 1";
    let mut command = bed.doorstep(&format!(
        "terminal --connect {address} --number 1 --merchant {MERCHANT} {flags}"
    ));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut types, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = BufReader::new(said);
    writeln!(types, "{}", line("sell", 2)).unwrap();
    let mut seen = String::new();
    while !seen.contains("approved ") {
        assert!(said.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    engine.stop();
    writeln!(types, "void 502").unwrap();
    drop(types);
    said.read_to_string(&mut seen).unwrap();
    assert!(seen.contains("\nno answer     it will be reversed\n"), "{seen}");
    let last = "lost          STAN 000503 is unfinished and lost\n";
    assert!(seen.ends_with(last), "{seen}");
    assert_eq!(child.wait().unwrap().code(), Some(1), "{seen}");
    network.stop();
}

#[test]
fn a_wrong_master_key_is_reported_at_once() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    bed.write("door/base.key", "0123456789ABCDEF".repeat(4));
    let ran = running.terminal(&bed, "", &script(&["signon", "echo"])).ends_with(1);
    let ran = ran.prints("line 1: cannot decrypt the working keys: do terminal and switch have");
    ran.prints("> echo\nconnected\n");
    running.stop();
}

#[test]
fn a_terminal_speaks_chinese() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    bed.write("script", "settle\nsignon\nsettle\n");
    let command = format!(
        "terminal --connect {} --number 2 --merchant {MERCHANT} --base-key-file door/base.key \
         --lang zh --script script",
        running.address
    );
    bed.run(&command).succeeds().prints("已签到").prints("对账平");
    running.stop();
}

#[test]
fn an_unreachable_address_is_no_answer() {
    let bed = Bed::new();
    bed.write("key", "0123456789ABCDEFFEDCBA9876543210\n");
    bed.write("script", "echo\n");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = format!("terminal --connect {nobody} --number 1 --merchant {MERCHANT}");
    let waits = "--master-key-file key --script script --wait 1 --lang en";
    bed.run(&format!("{line} {waits}")).ends_with(1).prints("no answer");
    bed.run(&line).fails("give --master-key-file, or --base-key-file");
    bed.run(&format!("{line} --base-key-file none")).fails("--base-key-file none: No such file");
    bed.run(&format!("{line} --master-key-file key --script no"))
        .fails("--script no: No such file");
    let ran = bed.run(&format!("{line} --master-key-file key --card 6225880000000019"));
    let ran = ran.fails("--card: write it as 622588:1");
    assert!(!ran.stderr().contains("6225880000000019"), "a card number{ran}");
    bed.run("terminal --number 1").ends_with(2).says("--connect");
}

#[test]
fn many_terminals_sell_their_parcels() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let mut load = Process::start(
        &bed,
        &format!(
            "terminal load --connect {} --terminals 3 --merchant {MERCHANT} --seconds 1 \
             --base-key-file door/base.key --parcels-each 2 --rate 50",
            running.address
        ),
    );
    let ready: serde_json::Value = serde_json::from_str(&load.line()).unwrap();
    assert_eq!(ready["signed_on"], 3);
    let measured: serde_json::Value = serde_json::from_str(&load.line()).unwrap();
    // Each terminal has two parcels.
    assert_eq!(measured["sales"], 6, "{measured:#}");
    assert_eq!(measured["unknown"], 0, "{measured:#}");
    running.stop();
}
