//! `take`: clearing files of networks and wallets, and bank statements.

use peers::Rrn;
use peers::clearing::{ClearingFile, ClearingLine, ClearingLineKind};
use std::process::Stdio;

use serde_json::Value;

use super::ground::{self, Running};
use super::support::{Bed, Ran, eventually, minor, number, records, text, tool};

const COLUMNS: &str = "account,date,type,amount,currency,bank_reference,our_reference,text\n";

/// A clearing file in yuan, written by the simulated network.
pub fn clearing_file(network: &str, date: &str, lines: u32) -> String {
    let line = |stan| ClearingLine {
        rrn: Rrn::of_request(1_377_684_672_000, stan),
        stan,
        sent_s: 1_377_684_672,
        terminal: *b"10000001",
        merchant: *b"105331042151234",
        kind: ClearingLineKind::Sale,
        amount: 1_000,
        deducted: 5,
    };
    let (network, date) = (network.to_owned(), date.parse().unwrap());
    let lines = (1..=lines).map(line).collect();
    ClearingFile { network, date, currency: money::Currency::CNY, lines }.to_text().unwrap()
}

/// Trial books with the bank accounts `main` and `bank-brl`, and the network `alpha`.
pub fn books(bed: &Bed) {
    bed.run("setup books --first ann --second bo --trial true --data books").succeeds();
    for line in [
        "bank main --currency CNY",
        "bank bank-brl --currency BRL",
        "network alpha --currency CNY",
        "network beta --currency CNY",
        "wallet red --currency CNY",
    ] {
        bed.run(&format!("setup {line} --data books")).succeeds();
    }
}

#[track_caller]
fn take(bed: &Bed, line: &str) -> Value {
    let mut taken = bed.run(&format!("file {line} --json")).succeeds().json();
    taken["files"][0].take()
}

/// Taken, had before, to look at.
fn counts(report: &Value) -> [i64; 3] {
    ["/taken", "/repeated", "/to_look_at"].map(|path| number(report, path))
}

/// A trial in which a terminal sold three parcels, each in a batch of its own, and took cash for a
/// fourth, which was counted. The network's file is `door/alpha-2013-08-28.csv`.
pub fn trial_after_sales(bed: &Bed) {
    ground::make(bed);
    let running = Running::start(bed, "--clearing door --date 2013-08-28");
    let sell = |place| format!("sell {}", ground::parcel(place).0);
    let cash = format!("cash {}", ground::parcel(5).0);
    let settle = "settle".to_owned();
    let script = [sell(2), settle.clone(), sell(3), settle.clone(), sell(4), cash, settle].to_vec();
    running.terminal(bed, "", &script).succeeds();
    let started = bed.run("hand-over start 1 --data door/books --json").succeeds().json();
    let log = bed.run("log --data door/books --json").succeeds();
    let start = log.stdout().lines().find(|line| line.contains("\"StartHandOver\"")).unwrap();
    let start: Value = serde_json::from_str(start).unwrap();
    let (handover, code) = (text(&start, "/fields/handover"), text(&started, "/code"));
    let amount = ground::parcel(5).1;
    bed.run(&format!(
        "hand-over count {handover} --counted {amount}CNY --code {code} --data door/books"
    ))
    .succeeds();
    running.stop();
}

const FILE: &str = "door/alpha-2013-08-28.csv --network alpha --data door/books";

#[test]
fn a_network_s_file_pays_the_sales_of_old_batches_too_and_only_once() {
    let bed = Bed::new();
    trial_after_sales(&bed);
    let before = bed.verified("door/books");
    let dry = take(&bed, &format!("{FILE} --dry-run"));
    assert_eq!((text(&dry, "/outcome"), counts(&dry)), ("dry_run", [3, 0, 3]));
    assert_eq!(bed.verified("door/books")["digest"], before["digest"]);
    let taken = bed.run(&format!("file {FILE}")).succeeds();
    let due: i64 = (2..5).map(|place| minor(&ground::parcel(place).1)).sum();
    let words =
        format!("  sales: 3, amount {}.{:02} CNY, kept back 0.00 CNY", due / 100, due % 100);
    let taken =
        taken.prints("alpha, 2013-08-28: lines 3\n").prints("this is file 1 of its sender.\n");
    let plain = taken.stdout().replace(',', "");
    assert!(plain.contains(&words.replace(',', "")), "{words}{taken}");
    taken.prints("taken 3; in the books before 0; to look at 3\n");
    let after = bed.verified("door/books");
    let log = bed.run("log --data door/books --json").succeeds();
    let lines = log.stdout().lines().filter(|line| line.contains("\"ClearLine\""));
    let payments: Vec<_> = lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"]["payment"].clone())
        .collect();
    assert_eq!(payments.len(), 3);
    assert!(payments.iter().all(|payment| payment["number"] == 1), "{payments:?}");
    let again = bed.run(&format!("file {FILE} --lang zh")).succeeds();
    again.prints("该文件此前已录入；未作改动。\n");
    assert_eq!(bed.verified("door/books")["digest"], after["digest"]);
    // Without the notes the books know the lines of the last file.
    std::fs::remove_file(bed.path("door/books/taken-files.toml")).unwrap();
    assert_eq!(text(&take(&bed, FILE), "/outcome"), "taken_before");
    assert_eq!(bed.verified("door/books")["digest"], after["digest"]);
}

/// Lines of a statement of the trial's bank account.
fn statement(bed: &Bed, name: &str, day: u32, opening: &str, lines: &[&str], closing: &str) {
    let date = format!("2013-08-{day:02}");
    let line = |kind: &str, rest: &str| format!("bank,{date},{kind},{rest}\n");
    let mut all = COLUMNS.to_owned() + &line("opening", &format!("{opening},CNY,,,"));
    for (number, entry) in lines.iter().enumerate() {
        let (amount, reference) = entry.split_once(' ').unwrap();
        all += &line("entry", &format!("{amount},CNY,B-{number},{reference},Li Wei"));
    }
    bed.write(name, all + &line("closing", &format!("{closing},CNY,,,")));
}

#[track_caller]
fn reasons(report: &Value) -> Vec<&str> {
    report["listed"].as_array().unwrap().iter().map(|one| text(one, "/reason")).collect()
}

#[test]
fn a_bank_statement_confirms_a_deposit_and_payouts_and_returns_one() {
    let bed = Bed::new();
    trial_after_sales(&bed);
    take(&bed, FILE);
    let cash = ground::parcel(5).1;
    let announced = bed
        .run(&format!(
            "deposit announce bench-couriers --bank bank --amount {cash}CNY --data door/books \
             --json"
        ))
        .succeeds()
        .json();
    let deposit = text(&announced, "/events/0/deposit").to_owned();
    bed.run(&format!(
        "deposit announce bench-couriers --bank bank --amount {cash}CNY --data door/books"
    ))
    .fails(&format!("AnnounceDeposit: the same is open as {deposit}; nothing changed"));
    let credit = format!("{cash} {deposit}");
    let closing = (100_000 + minor(&cash)).to_string();
    let closing = format!("{}.{}", &closing[..closing.len() - 2], &closing[closing.len() - 2..]);
    let bank = "--bank bank --data door/books";
    statement(&bed, "first.csv", 28, "1000.00", &[&credit], &closing);
    let dry = take(&bed, &format!("first.csv {bank} --dry-run"));
    assert_eq!(text(&dry, "/sums/0/kind"), "deposit_confirmed");
    bed.run(&format!("file first.csv {bank}"))
        .succeeds()
        .prints("bank, 2013-08-28: lines 1\n")
        .prints("taken 1; in the books before 0; to look at 0\n")
        .prints("  deposits confirmed: 1, amount ");
    let again = take(&bed, &format!("first.csv {bank}"));
    assert_eq!(text(&again, "/outcome"), "taken_before");

    let planned = "settlement plan Daily --currency CNY --data door/books --json";
    let planned = bed.run(planned).succeeds().json();
    let plan = text(&planned, "/events/0/plan");
    bed.run(&format!("settlement approve {plan} --person bo --data door/books")).succeeds();
    bed.run(&format!("settlement execute {plan} --bank bank --data door/books")).succeeds();
    bed.run("payouts --format csv --out payouts.csv --data door/books").succeeds();
    let sent = records(&bed.read("payouts.csv")).remove(0);
    let (payout, net) = (&sent["payout"], minor(&sent["net"]));
    let amount = |minor: i64| {
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
    };
    let debit = format!("{} {payout}", amount(-net));
    let wrong = format!("{} {payout}", amount(net + 1));
    let taken_back = format!("-1.00 {deposit}");
    let entries = [
        debit.as_str(),
        &wrong,
        "5.00 ",
        "5.00 voucher",
        "5.00 999999",
        &credit,
        &taken_back,
        "3.00 888888",
        "4.00 888888",
    ];
    let moved = -net + net + 1 + 1_500 + minor(&cash) - 100 + 700;
    let opening = closing;
    let closing = amount(minor(&opening) + moved);
    statement(&bed, "second.csv", 29, &opening, &entries, &closing);
    let second = take(&bed, &format!("second.csv {bank}"));
    // All of a statement is taken: one entry is the payout, the others are breaks.
    assert_eq!(counts(&second), [9, 0, 8], "{second:#}");
    let expected = "duplicate no_reference no_reference unknown_reference unknown_reference \
                    unknown_reference unknown_reference unknown_reference";
    assert_eq!(reasons(&second).join(" "), expected);
    assert_eq!(text(&second, "/sums/0/kind"), "payout_confirmed");

    let returned = format!("{} {payout}", amount(net));
    statement(&bed, "third.csv", 30, &closing, &[&returned], &amount(minor(&closing) + net));
    let third = take(&bed, &format!("third.csv {bank}"));
    assert_eq!((counts(&third), text(&third, "/sums/0/kind")), ([1, 0, 0], "payout_returned"));
    bed.verified("door/books");
    let kept = bed.read("door/books/taken-files.toml");
    assert!(!kept.contains("Li Wei"), "{kept}");
    let log = bed.run("log --data door/books --json").succeeds();
    assert!(!log.stdout().contains("Li Wei"), "the text of an entry is nowhere");
}

#[test]
fn a_statement_must_go_on_where_the_one_before_ended() {
    let bed = Bed::new();
    bed.run("setup books --first ann --second bo --trial true --data books").succeeds();
    bed.run("setup bank bank --currency CNY --data books").succeeds();
    let bank = "--bank bank --data books";
    statement(&bed, "one.csv", 20, "10.00", &["5.00 "], "15.00");
    assert_eq!(counts(&take(&bed, &format!("one.csv {bank}"))), [1, 0, 1]);
    statement(&bed, "gap.csv", 22, "16.00", &["5.00 "], "21.00");
    bed.run(&format!("file gap.csv {bank}")).fails(
        "the statement before ended on 2013-08-20 with 15.00 CNY, but this one begins on \
         2013-08-22 with 16.00 CNY: entries are missing in between",
    );
    statement(&bed, "overlap.csv", 19, "15.00", &["5.00 "], "20.00");
    bed.run(&format!("file overlap.csv {bank}"))
        .fails("the statement begins on 2013-08-19 and overlaps the one before");
    statement(&bed, "wrong.csv", 21, "15.00", &["5.00 "], "20.01");
    bed.run(&format!("file wrong.csv {bank}"))
        .fails("wrong.csv is refused as a whole:\n  line 4, amount: it says 20.01, but the lines");
    bed.run(&format!("file wrong.csv {bank} --lang zh"))
        .fails("wrong.csv 整份被拒绝：\n  第 4 行，amount：所列为 20.01，各行合计为 20.00");
    bed.run("file one.csv --bank other --data books")
        .fails("--bank other: the books have no such party; use one of: bank\n");
    statement(&bed, "two.csv", 21, "15.00", &["5.00 "], "20.00");
    assert_eq!(counts(&take(&bed, &format!("two.csv {bank}"))), [1, 0, 1]);
}

#[test]
fn a_clearing_file_of_another_sender_or_currency_is_refused() {
    let bed = Bed::new();
    books(&bed);
    bed.write("one.csv", clearing_file("alpha", "2013-08-20", 2));
    let changed = clearing_file("alpha", "2013-08-21", 2).replace("000002", "000003");
    bed.write("changed.csv", changed);
    let take_file = |file: &str| format!("file {file} --data books --network");
    let taken = bed.run(&format!("{} alpha", take_file("one.csv"))).succeeds();
    taken
        .prints("taken 2; in the books before 0; to look at 2\n")
        .prints("line 2: 10.00 CNY: no payment has its numbers; it becomes a break\n")
        .prints("Breaks raised: 2; `doorstep breaks` lists them.\n");
    for (line, words) in [
        (format!("{} beta", take_file("one.csv")), "the file is of `alpha`, but --network names"),
        (
            format!("{} gamma", take_file("one.csv")),
            "--network gamma: the books have no such party",
        ),
        (
            format!("{} alpha --bank bank-brl", take_file("one.csv")),
            "the file is in CNY, but `bank-brl` is in BRL",
        ),
        (format!("{} alpha", take_file("changed.csv")), "line 4, sha256: the lines are not those"),
        (
            "file one.csv --data books --wallet red".to_owned(),
            "line 2: it has 10 fields, and must have 8",
        ),
        (format!("{} alpha", take_file("none.csv")), "none.csv"),
    ] {
        bed.run(&line).fails(words);
    }
    let log = bed.run("log --data books --json").succeeds();
    assert_eq!(log.stdout().matches("\"command\":\"ClearLine\"").count(), 2);
    bed.verified("books");
}

/// Writes a file with the digest of its lines.
fn write_with_digest(bed: &Bed, name: &str, lines: &str, totals: &str) {
    bed.write(name, lines);
    let digest = Ran::of(tool(bed, "sha256sum").arg(name)).succeeds();
    let digest = digest.stdout().split(' ').next().unwrap().to_owned();
    bed.write(name, format!("{lines}{totals},{digest}\n"));
}

#[test]
fn a_wallet_s_file_pays_the_order_that_it_names() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let (waybill, due) = ground::parcel(2);
    let shown = running.terminal(&bed, "", &[format!("qr {waybill}")]).succeeds();
    let code = shown.stdout().lines().find(|line| line.starts_with("000201")).unwrap();
    bed.write("payments", format!("pay {code}"));
    bed.run(&format!(
        "wallet run --connect {} --name red --secret door/red.secret --script payments",
        running.wallet
    ))
    .succeeds();
    running.stop();
    let log = bed.run("log --data door/books --json").succeeds();
    let begun = log.stdout().lines().find(|line| line.contains("BeginPurchase")).unwrap();
    let begun: Value = serde_json::from_str(begun).unwrap();
    let trace = &begun["fields"]["trace"];
    let order = format!("00000001{:06}{:06}", number(trace, "/batch"), number(trace, "/stan"));
    let item = |order: &str| format!("I,{order},00000001,,sale,{due},0.00,{due}\n");
    let unknown = "00000001000009000001";
    let lines = format!("H,1,red,2013-08-28,CNY\n{}{}", item(&order), item(unknown));
    let sum = minor(&due) * 2;
    let sum = format!("{}.{:02}", sum / 100, sum % 100);
    write_with_digest(&bed, "red.csv", &lines, &format!("T,2,{sum},0.00,{sum}"));
    let taken = take(&bed, "red.csv --wallet red --data door/books");
    assert_eq!((counts(&taken), reasons(&taken)), ([2, 0, 2], vec!["fee_drift", "not_found"]));
    assert_eq!(number(&taken, "/listed/1/line"), 3);
    bed.verified("door/books");
}

/// A network names a sale by the request of its refund. The books know the sale's own request.
#[test]
fn a_line_that_the_books_refuse_becomes_a_break_and_the_lines_behind_it_are_taken() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "--clearing door --date 2013-08-28");
    let [sold, other] = [2, 3].map(|place| ground::parcel(place).0);
    let script = [format!("sell {sold}"), "refund 503 5.00".to_owned(), format!("sell {other}")];
    running.terminal(&bed, "", &script).succeeds();
    running.stop();
    let file = bed.read("door/alpha-2013-08-28.csv");
    let [first, refund, last] = ["sale", "refund", "sale"].map(|kind| format!(",{kind},"));
    let lines: Vec<&str> = file.lines().collect();
    let of = |kind: &str, from: usize| {
        lines.iter().skip(from).find(|line| line.contains(kind)).unwrap().to_string()
    };
    let (sale, later) = (of(&first, 0), of(&last, 3));
    let wrong = of(&refund, 0).replace(",refund,-5.00,0.00,-5.00", ",sale,5.00,0.00,5.00");
    assert!(wrong.contains(",sale,5.00"), "{file}");
    let amount = |line: &str| minor(line.split(',').nth(7).unwrap());
    let sum = amount(&sale) + amount(&later) + 500;
    let sum = format!("{}.{:02}", sum / 100, sum % 100);
    let all = format!("{}\n{sale}\n{wrong}\n{later}\n", lines[0]);
    write_with_digest(&bed, "wrong.csv", &all, &format!("T,3,{sum},0.00,{sum}"));
    let taken = bed.run("file wrong.csv --network alpha --data door/books --json");
    let taken = taken.succeeds().json()["files"][0].take();
    assert_eq!(
        (counts(&taken), reasons(&taken)),
        ([3, 0, 3], vec!["fee_drift", "refused", "fee_drift"])
    );
    let why = text(&taken, "/listed/1/refusal/en");
    assert!(why.starts_with("the line names a payment whose request has"), "{why}");
    let log = bed.run("log --data door/books --json").succeeds();
    let lines = log.stdout().lines().filter(|line| line.contains("\"ClearLine\""));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let has_payment: Vec<bool> =
        lines.iter().map(|line| !line["fields"]["payment"].is_null()).collect();
    assert_eq!(has_payment, [true, false, true]);
    bed.verified("door/books");
}

/// Takes a file, and kills that once the copy of the file is there.
fn take_and_kill(bed: &Bed, line: &str) {
    let mut command = bed.doorstep(&format!("file {line}"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The copy is written first; a file is in hand when this names the copy.
    let in_hand = bed.path("books/taken-files.toml");
    let is_begun = || {
        let text = std::fs::read_to_string(&in_hand).unwrap_or_default();
        text.contains("being-taken")
    };
    eventually("the file is begun", is_begun);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was taken before it was killed");
}

#[test]
fn a_file_that_the_office_finished_is_reported_to_whoever_gives_the_next_one() {
    const LINES: i64 = 4_000;
    for next in ["first.csv", "second.csv"] {
        let bed = Bed::new();
        books(&bed);
        bed.write("first.csv", clearing_file("alpha", "2013-08-28", 4_000));
        bed.write("second.csv", clearing_file("alpha", "2013-08-29", 2));
        let file = |name: &str| format!("{name} --network alpha --data books");
        take_and_kill(&bed, &(file("first.csv") + " --accept-breaks"));
        // Any command opens the office, which finishes the file.
        bed.run("proposals --data books").succeeds();
        let report = take(&bed, &file(next));
        let first = if next == "first.csv" { &report } else { &report["finished"] };
        assert_eq!((text(first, "/outcome"), number(first, "/file")), ("taken", 1), "{first:#}");
        let [taken, repeated, to_look_at] = counts(first);
        assert_eq!((taken + repeated, to_look_at), (LINES, LINES));
        assert_eq!(number(first, "/breaks"), LINES);
        assert_eq!(number(first, "/parts/breaks/lines"), LINES);
        assert_eq!(reasons(first)[..3], ["not_found"; 3]);
        // It is said once.
        let again = take(&bed, &file("first.csv"));
        assert_eq!(text(&again, "/outcome"), "taken_before");
        assert!(again["finished"].is_null());
        let log = bed.run("log --data books --json --limit 100000").succeeds();
        let lines = log.stdout().matches("\"command\":\"ClearLine\"").count();
        let expected = LINES + if next == "first.csv" { 0 } else { 2 };
        assert_eq!(i64::try_from(lines), Ok(expected));
    }
}

#[test]
fn a_file_of_a_day_to_come_is_refused_and_shuts_out_no_other() {
    let bed = Bed::new();
    books(&bed);
    let clearing = "file file.csv --network alpha --data books";
    bed.write("file.csv", clearing_file("alpha", "2099-08-28", 1));
    bed.run(clearing).fails("the file is of 2099-08-28, and today is ");
    bed.run(&format!("{clearing} --lang zh")).fails("不录入日期未到的文件");
    bed.write("file.csv", clearing_file("alpha", "2013-08-28", 1));
    bed.run(clearing).succeeds();
    statement(&bed, "statement.csv", 28, "0.00", &[], "0.00");
    let true_one = bed.read("statement.csv").replace("bank,", "main,");
    let bank = "file statement.csv --bank main --data books";
    let opening = true_one.lines().nth(1).unwrap();
    let later = true_one.replace("2013-08-28", "2099-08-28");
    // It begins on a day that has come.
    let later = later.replacen(&opening.replace("2013-08-28", "2099-08-28"), opening, 1);
    bed.write("statement.csv", later);
    bed.run(bank).fails("the file is of 2099-08-28, and today is ");
    bed.write("statement.csv", true_one);
    bed.run(bank).succeeds();
}

#[test]
fn the_same_deposit_and_the_same_break_are_not_entered_twice_while_they_are_open() {
    let bed = Bed::new();
    books(&bed);
    let raise = "break raise Bank=main --side Excess --amount 12.34CNY --evidence S-7 --owner bo \
                 --data books";
    let raised = |bed: &Bed| bed.run("breaks --data books --json").succeeds().json();
    let count = |json: &Value| json["breaks"].as_array().unwrap().len();
    bed.run(raise).succeeds();
    let again = bed.run(raise).fails("RaiseBreak: the same is open as 20");
    assert_eq!(count(&raised(&bed)), 1, "{again}");
    let said = again.stderr();
    let (_, id) = said.trim_end().split_once("give it an id: --break-id ").unwrap();
    bed.run(&format!("{raise} --lang zh")).fails("相同内容已以编号");
    bed.run(&format!("{raise} --break-id {}", id.trim())).succeeds();
    bed.run(&raise.replace("S-7", "S-8")).succeeds();
    assert_eq!(count(&raised(&bed)), 3);
}

#[test]
fn what_happens_to_a_break_is_said_with_decimals_and_currency() {
    let bed = Bed::new();
    books(&bed);
    let raise = "break raise Bank=main --side Excess --amount 12.34CNY --evidence S-7 --owner bo \
                 --break-id 1";
    let raised = bed.run(&format!("{raise} --data books")).succeeds();
    raised.prints("12.34 CNY");
    let propose = "break propose 1 --resolution WriteOff --amount 2.34CNY --person bo --data books";
    bed.run(propose).succeeds().prints("2.34 CNY");
    bed.run("setup person 3 --approved-by bo --data books").succeeds();
    let approve = "break approve 1 --resolution WriteOff --amount 2.34CNY --person 3";
    let closed = bed.run(&format!("{approve} --data books")).succeeds();
    closed.prints("2.34 CNY of break 1 closed or explained; 10.00 CNY left");
    let log = bed.run("log --data books").succeeds();
    let bare =
        |word: &str| matches!(word.trim_end_matches([',', ';', ':']), "1234" | "234" | "1000");
    assert!(!log.words().split_whitespace().any(bare), "{log}");
}
