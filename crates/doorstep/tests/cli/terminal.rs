//! `terminal`: scripts on a simulated POS terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use super::ground::{self, MERCHANT, Running};
use super::process::Process;
use super::support::{Bed, DOORSTEP};

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
    let nobody = bed.reserved_address();
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
    let ran = ran.prints(
        "declined      55  wrong PIN; enter it again   declined by the issuer, over alpha   sale \
         STAN 000503\n",
    );
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
    let Running { network, engine, address, .. } = Running::start(&bed, "");
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
fn a_wrong_key_is_reported_at_once() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    bed.write("door/base.key", "0123456789ABCDEF".repeat(4));
    let ran = running.terminal(&bed, "", &script(&["signon", "echo"])).succeeds();
    ran.prints("the terminal's key is not the one that the switch has").prints("> echo\n");
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
    let nobody = bed.reserved_address();
    let line = format!("terminal --connect {nobody} --number 1 --merchant {MERCHANT}");
    let waits = "--link-key-file key --script script --wait 1 --lang en";
    bed.run(&format!("{line} {waits}")).ends_with(1).prints("no answer");
    bed.run(&line).fails("give --link-key-file, --master-key-file or --base-key-file");
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

#[test]
fn parcels_are_listed_and_short_waybills_name_them() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let (waybill, due) = ground::parcel(2);
    let (first, last) = (&waybill[..8], &waybill[waybill.len() - 8..]);
    let (other, _) = ground::parcel(3);
    let lines = [
        "parcels".to_owned(),
        format!("sell {} 10.00", first.to_lowercase()),
        format!("cash {last} 5 20"),
        "parcels".to_owned(),
        format!("qr {first} 9999.00"),
        format!("sell {last}"),
        format!("preauth {other}"),
        "sell ZZZZZ 1.00".to_owned(),
        format!("sell {waybill}"),
    ];
    let ran = running.terminal(&bed, "", &lines).ends_with(1);
    let ran = ran.prints("parcel                       due      left to collect\n");
    let row = |left: &str| format!("{due:>18} CNY   {left:>14} CNY\n");
    let left = super::support::minor(&due) - 1_500;
    let left = format!("{}.{:02}", left / 100, left % 100);
    let ran = ran.prints(&row(&due)).prints(&row(&left)).prints("\n10 in all ");
    let ran = ran.prints("approved      sale                  10.00 CNY");
    let ran = ran.prints("change                 15.00 CNY");
    let ran = ran.prints("declined      P4  the amount exceeds what is left to pay   declined by");
    let ran = ran.prints(&format!("approved      sale         {left:>14} CNY"));
    let ran = ran.prints("approved      pre-auth ");
    let ran = ran.prints("not done      line 8: none of your parcels has the waybill `ZZZZZ`");
    // It is paid: no longer out.
    let ran = ran
        .prints(&format!("not done      line 9: none of your parcels has the waybill `{waybill}`"));
    let shorts = ran.stdout().lines().filter_map(|line| line.strip_suffix(&row(&due).trim_end()));
    let shown: Vec<_> = shorts.map(str::trim).filter(|short| !short.is_empty()).collect();
    assert!(shown.iter().any(|short| waybill.starts_with(short)), "{shown:?}{ran}");
    running.stop();
    bed.verified("door/books");
}

#[test]
fn a_decline_says_who_declined_and_blames_no_card_for_a_setting() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.write("forged.toml", "[[rule]]\nkinds = [\"sale\"]\naction = \"wrong_mac\"\n");
    let running = Running::start(&bed, "--behaviour forged.toml");
    let lines = [line("sell", 2), "card 400000:1".to_owned(), line("sell", 2)];
    let ran = running.terminal(&bed, "", &lines).succeeds();
    let ran = ran.prints(
        "declined      68  no answer that can be trusted came in time; being reversed; use another \
         payment method   declined by Doorstep   sale STAN 000502\n",
    );
    ran.prints(
        "declined      15  no network in the settings takes cards with these first digits; add a \
         [[bin]], or use another card   declined by Doorstep   sale STAN 000503\n",
    );
    let other = format!(
        "terminal --connect {} --number 9 --merchant {MERCHANT} --base-key-file door/base.key \
         --script script",
        running.address
    );
    bed.write("script", "signon\n");
    let ran = bed.run(&format!("{other} --lang en")).succeeds();
    ran.prints("declined      97  the terminal is not registered in the books; call your firm   ");
    let ran = bed.run(&format!("{other} --lang zh")).succeeds();
    ran.prints("拒绝          97  终端未登记，请联系公司   由 Doorstep 拒绝   签到 流水号 ");
    running.stop();
}

#[test]
fn a_qr_code_is_paid_in_a_wallet_and_refunded() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let (waybill, due) = ground::parcel(2);
    let shown = running.terminal(&bed, "", &[format!("qr {waybill}")]).succeeds();
    let shown = shown.prints("scan to pay   STAN 000503");
    let code = shown.stdout().lines().find(|line| line.starts_with("000201")).unwrap().to_owned();
    let wallet = |lines: &[&str], flags: &str| {
        bed.write("payments", lines.join("\n"));
        bed.run(&format!(
            "wallet run --connect {} --name red --secret door/red.secret --script payments {flags}",
            running.wallet
        ))
    };
    let reference = "00000001000001000503";
    let status = format!("status {reference}");
    let pay = format!("pay {code}");
    let ran = wallet(&[&status, &pay, &pay, &status, "refunds"], "--lang en").ends_with(1);
    let ran = ran.prints(&format!("order         {due} CNY   the code is shown and can be paid\n"));
    let ran = ran.prints(&format!("paid          {due} CNY   order {reference}\n"));
    let ran = ran.prints(&format!("not done      the buyer has paid order {reference} already\n"));
    let ran =
        ran.prints(&format!("order         {due} CNY   paid\n")).prints("refunds       none\n");
    ran.prints(&format!("total paid    1  {due} CNY\n"));
    running.terminal(&bed, "", &script(&["parcels"])).succeeds().prints("\n9 in all ");

    bed.write("wrong", "secret of somebody else");
    let unauthenticated = format!(
        "wallet run --connect {} --name red --secret wrong --script payments --lang zh",
        running.wallet
    );
    bed.write("payments", &status);
    bed.run(&unauthenticated).ends_with(1).prints("未办理        交换中心不认可该钱包");
    let ran = wallet(&["pay 12", "pay", "status 1", "sel"], "--lang en").ends_with(1);
    let ran = ran.prints("not done      the text is neither a QR code of Doorstep nor an order's");
    let ran = ran.prints("write it as: pay CODE").prints("`1` is not an order's reference");
    ran.prints("unknown command `sel`; type help");
    running.stop();
    bed.verified("door/books");
}

/// Types keys at a terminal on a screen of the program `script`, and returns what it shows.
fn typed(bed: &Bed, keys: &str) -> String {
    bed.write("key", "0123456789ABCDEFFEDCBA9876543210\n");
    let nobody = bed.reserved_address();
    let line = format!(
        "{DOORSTEP} terminal --connect {nobody} --number 1 --merchant {MERCHANT} \
         --master-key-file key --lang en"
    );
    let mut screen = super::support::tool(bed, "script");
    screen.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    screen.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = screen.spawn().unwrap();
    let (mut types, mut shows) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    let mut bytes = [0; 4_096];
    for (lines, key) in keys.split_inclusive('\r').enumerate() {
        // A line is typed when the program waits for it. Each wait begins bracketed paste once; the
        // prompt itself is drawn again for each key.
        while seen.matches("\u{1b}[?2004h").count() <= lines {
            let read = shows.read(&mut bytes).unwrap();
            assert!(read > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        types.write_all(key.as_bytes()).unwrap();
    }
    let mut rest = Vec::new();
    shows.read_to_end(&mut rest).unwrap();
    child.wait().unwrap();
    seen + &String::from_utf8_lossy(&rest)
}

#[test]
fn a_screen_has_history_and_arrow_keys_without_card_numbers() {
    let bed = Bed::new();
    let (up, left) = ("\u{1b}[A", "\u{1b}[D");
    let keys =
        format!("pin off\r{up}\rcard 6225880000000019\r{up}\rpin wrng{left}{left}o\r{up}\rquit\r");
    let seen = typed(&bed, &keys);
    assert_eq!(seen.matches("PIN           not entered").count(), 3, "{seen}");
    assert_eq!(seen.matches("PIN           a wrong one is entered").count(), 2, "{seen}");
    assert!(!seen.contains("6225880000000019"), "{seen}");
    assert!(seen.contains("card ****************"), "{seen}");
}
