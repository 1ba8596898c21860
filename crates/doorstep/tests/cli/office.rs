//! The office: new books, persons and users, proposals, kills, another user of the machine.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::time::Duration;

use super::ground::{self, Running};
use super::support::{Bed, DOORSTEP, Ran, number, text};

/// A user who is not the one that runs the tests.
pub const OTHER: u32 = 54_321;

/// Real books with the persons Ann, who runs the tests, and Bo.
fn opened() -> Bed {
    let bed = Bed::new();
    let open = "setup books --first Ann --second Bo --time-zone Europe/Berlin --data books";
    bed.run(open)
        .succeeds()
        .prints("OpenBooks: carried out\n")
        .prints("SetTimeZone: carried out\n");
    bed.run(open).succeeds().prints("OpenBooks: was carried out before; nothing changed\n");
    bed
}

/// How many commands of this name are in the journal.
#[track_caller]
fn count(bed: &Bed, data: &str, command: &str) -> usize {
    let log = bed.run(&format!("log --data {data} --json")).succeeds();
    log.stdout().lines().filter(|line| line.contains(&format!("\"{command}\""))).count()
}

#[test]
fn new_books_are_their_owners_alone() {
    let bed = opened();
    let mode = |name: &str| fs::metadata(bed.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("books"), mode("books/persons.toml")), (0o700, 0o600));
    let user = fs::metadata(bed.path("books")).unwrap().uid();
    let persons = format!("1      Ann                      user {user}\n2      Bo ");
    bed.run("persons --data books").succeeds().prints(&persons).prints("no user\n");
    bed.run("setup retention 200 --data books --person Bo").fails("these are no trial books");
    bed.run("setup retention 200 --data books --approved-by Bo")
        .fails("--approved-by names the second person, who must approve it themselves");
    bed.run("setup retention 200 --data books")
        .succeeds()
        .prints("SetRetention: proposed as number 1; a second person approves it with ");
    bed.run("approve 1 --data books").fails("proposal 1 is your own");
    bed.run(&format!("persons Bo --user {user} --data books"))
        .fails(&format!("user {user} is person 1 already"));
    let list = bed.run("proposals --data books --json").succeeds().json();
    assert_eq!(number(&list, "/proposals/0/number"), 1);
    bed.run("withdraw-proposal 1 --data books").succeeds().prints("proposal 1 is withdrawn\n");
    bed.run("proposals --data books").succeeds().prints("no proposal waits\n");
    bed.run("approve 1 --data books --lang zh").fails("错误：没有提议 1：已执行、已撤回或从未提出");
    assert_eq!(count(&bed, "books", "SetRetention"), 0);
    bed.verified("books");
}

/// The whole program is killed at many moments of an approval.
#[test]
fn a_killed_approval_is_carried_out_exactly_once() {
    let bed = Bed::new();
    bed.run("setup books --first ann --second bo --trial true --data books").succeeds();
    let mut killed = 0;
    for round in 0..12_u64 {
        let (person, proposal) = (round + 10, round + 1);
        bed.run(&format!("setup person {person} --person ann --data books"))
            .succeeds()
            .prints(&format!("proposed as number {proposal};"));
        let approve = format!("approve {proposal} --person bo --data books");
        let mut command = bed.doorstep(&approve);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 4));
        let _ = child.kill();
        killed += usize::from(child.wait().unwrap().code().is_none());
        let again = bed.run(&approve);
        if again.stderr().contains("there is no proposal") {
            // It had ended, or opening the office has finished it.
            again.ends_with(1);
        } else {
            again.succeeds();
        }
        let log = bed.run("log --data books --json").succeeds();
        let registered = format!("\"person\":\"{person}\"");
        let times = log
            .stdout()
            .lines()
            .filter(|line| line.contains("RegisterPerson") && line.contains(&registered));
        assert_eq!(times.count(), 1, "round {round}{log}");
    }
    assert!(killed > 0, "no approval was killed");
    bed.run("proposals --data books").succeeds().prints("no proposal waits\n");
    bed.verified("books");
}

#[test]
fn a_hand_over_is_counted_with_the_code_that_its_courier_shows() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("hand-over start 1 --data door/books").fails("one-time codes need the key store");
    let running = Running::start(&bed, "");
    let (waybill, amount) = ground::parcel(2);
    running.terminal(&bed, "", &[format!("cash {waybill} {amount}")]).succeeds();
    let started = bed.run("hand-over start 1 --data door/books --json").succeeds().json();
    let code = text(&started, "/code");
    let log = bed.run("log --data door/books --json").succeeds();
    assert!(!log.stdout().contains(&format!("\"{code}\"")), "the journal has no code");
    let start = log.stdout().lines().find(|line| line.contains("\"StartHandOver\"")).unwrap();
    let start: serde_json::Value = serde_json::from_str(start).unwrap();
    // Each cent stands once, with the hand-over's number.
    let cash = bed.run("cash --data door/books").succeeds();
    let row = format!("hand-over {}, not counted", text(&start, "/fields/handover"));
    let rows: Vec<&str> = cash.stdout().lines().filter(|line| line.contains(&amount)).collect();
    assert_eq!(rows.len(), 2, "the firm's sum, and the hand-over{cash}");
    assert!(rows[0].starts_with("firm bench-couriers: ") && rows[1].contains(&row), "{cash}");
    let count = format!(
        "hand-over count {} --counted {amount}CNY --data door/books --code",
        text(&start, "/fields/handover")
    );
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let tried = bed.run(&format!("{count} {wrong}")).fails("the one-time code is wrong");
    let tried = tried.says("CountHandOver: ").says("nothing is counted: try 1");
    assert!(tried.stdout().is_empty(), "nothing is carried out: {tried}");
    let again = bed.run(&format!("{count} {wrong} --json")).fails("this code was tried before");
    assert!(again.stdout().contains("\"answer\":\"code_wrong\""), "{again}");
    bed.run(&format!("{count} 12")).fails("six digits");
    bed.run(&format!("{count} {code}")).succeeds().prints("counted by person ");
    let (waybill, more) = ground::parcel(3);
    // The numbers begin anew, and those of the first cash are used.
    let script = ["echo", "echo", &format!("cash {waybill} {more}")].map(str::to_owned);
    running.terminal(&bed, "", &script).succeeds().prints("approved ");
    let firm = "deposit announce bench-couriers --bank bank --data door/books";
    bed.run(&format!("{firm} --amount {amount}CNY")).succeeds();
    running.stop();

    // At rest the settings are given.
    let start = "hand-over start 1 --handover 77 --data door/books";
    bed.run(start).fails("give them (--config doorstep.toml, or `doorstep serve`)");
    let with_keys = "--config door/doorstep.toml";
    let started = bed.run(&format!("{start} {with_keys} --json")).succeeds().json();
    let code = text(&started, "/code");
    let count = format!("hand-over count 77 --counted {more}CNY --data door/books {with_keys}");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    bed.run(&format!("{count} --code {wrong}")).fails("nothing is counted: try 1");
    bed.run(&format!("{count} --code {code}")).succeeds().prints("counted by person ");
    bed.verified("door/books");
}

/// Runs a program as another user of this machine.
pub fn as_other(bed: &Bed, program: &str, line: &str) -> Ran {
    let mut command = bed.command("setpriv");
    let id = OTHER.to_string();
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--", program]);
    Ran::of(command.args(line.split_whitespace()))
}

/// Whether the tests may run programs as another user, who can reach the tests' directory.
pub fn other_user(bed: &Bed) -> bool {
    let there = bed.command("setpriv").arg("--version").output().is_ok();
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    fs::set_permissions(bed.path("."), fs::Permissions::from_mode(0o711)).unwrap();
    bed.write("reached", "");
    let reaches = there && is_root && {
        let path = bed.path("reached").display().to_string();
        as_other(bed, "stat", &path).stderr().is_empty()
            && as_other(bed, DOORSTEP, "--version").stderr().is_empty()
    };
    if !reaches {
        println!("SKIPPED: another user needs root, setpriv and a directory open to all");
    }
    reaches
}

/// Lets the group of the other user use the office's socket.
pub fn let_the_other_use_the_socket(bed: &Bed) {
    let settings = bed.read("door/doorstep.toml");
    let group = format!("[control]\ngroup = \"{OTHER}\"\n\n[terminals]");
    bed.write("door/doorstep.toml", settings.replacen("[terminals]", &group, 1));
    // A trial is its owner's alone; the books of a firm stand in a directory that others can pass.
    bed.chmod("door", 0o711);
}

#[test]
fn a_second_user_of_the_machine_approves_over_the_socket() {
    let bed = Bed::new();
    if !other_user(&bed) {
        return;
    }
    ground::make(&bed);
    let_the_other_use_the_socket(&bed);
    // In a trial a user who is no person is the first one.
    let running = Running::start(&bed, "");
    let data = "--data door/books";
    let propose = as_other(&bed, DOORSTEP, &format!("setup retention 200 {data}"));
    propose.succeeds().prints("SetRetention: proposed as number 1");
    bed.run(&format!("persons bo --user {OTHER} {data}")).succeeds();
    as_other(&bed, DOORSTEP, &format!("approve 1 {data}"))
        .succeeds()
        .prints("SetRetention: carried out");
    as_other(&bed, DOORSTEP, &format!("persons {data}")).fails("Permission denied");
    as_other(&bed, DOORSTEP, &format!("verify {data}")).fails("Permission denied");
    let mode = |name: &str| fs::metadata(bed.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("door/books.control"), mode("door/books.control/office.sock")),
        (0o750, 0o660)
    );
    assert_eq!(mode("door/books.control/control.sock"), 0o600);
    as_other(&bed, DOORSTEP, &format!("network status {data}")).ends_with(1);
    running.stop();
    bed.verified("door/books");
}

#[test]
fn books_are_not_opened_for_persons_that_cannot_be() {
    let bed = Bed::new();
    let open = "setup books --data books --first Ann --time-zone Europe/Berlin";
    for (line, why) in [
        (format!("{open} --second ann"), "ann"),
        (format!("{open} --second 7"), "7"),
        (format!("{open} --second Bo --trial maybe"), "--trial true"),
        (format!("{open} --second Bo --third Cai"), "doorstep setup books"),
        (open.replace("Europe/Berlin", "Europe/Nowhere"), "Europe/Nowhere"),
    ] {
        bed.run(&line).fails(why);
        assert!(!bed.has("books"), "{line}: nothing is made");
    }
    let real = bed.run(&format!("{open} --second Bo"));
    real.succeeds().prints("OpenBooks: carried out\n");
    bed.run(&format!("{open} --second Cai"))
        .fails("person 2 is `Bo` and not `Cai`; nothing was changed")
        .ends_with(1);
    bed.run("persons --data books").succeeds().prints("2      Bo ");
    assert_eq!(count(&bed, "books", "OpenBooks"), 1);
    let mut trial = bed.doorstep("setup books --data later --first Ann --second Bo");
    Ran::of(trial.env("DOORSTEP_TRIAL_TIME", "2026-12-01T09:00:00+08:00"))
        .fails("these are no trial books");
    assert!(!bed.has("later"));
}

#[test]
fn an_import_does_not_publish_a_tariff_in_the_name_of_two_persons() {
    let bed = opened();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --profile doorstep --orders orders.csv --data books")
        .fails("the books do not have version 1 of `china-2013`; two persons publish it");
    assert_eq!(count(&bed, "books", "PublishTariff"), 0);
    assert_eq!(count(&bed, "books", "AnnounceParcel"), 0);
}

#[test]
fn a_sellers_class_is_named_as_in_the_tariff() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --profile doorstep --orders orders.csv --data books").succeeds();
    let seller = "setup seller S2 --currency CNY --jurisdiction CN --data books --json";
    let tariff = ["--tariff", "china-2013 CNY", "--class"];
    let run = |class: &str| Ran::of(bed.doorstep(seller).args(tariff).arg(class));
    run("wholesalr").fails("--class wholesalr: the tariff has no such class; it has: ");
    run("general").succeeds();
    let log = bed.run("log --data books --json --seller S2").succeeds();
    assert!(log.stdout().contains("\"class\":0"), "{log}");
    let real = opened();
    let status = real.run("status --data books").succeeds();
    assert!(!status.stdout().contains("TRIAL"), "{status}");
}

#[test]
fn one_person_suspends_and_two_lift_it() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --profile doorstep --orders orders.csv --data books").succeeds();
    bed.run("suspend seller S1 --data books").succeeds().prints("SuspendSeller: carried out");
    bed.run("unsuspend seller S1 --data books")
        .succeeds()
        .prints("SuspendSeller: proposed as number 1; a second person approves it with ");
    assert_eq!(count(&bed, "books", "SuspendSeller"), 1);
    // What waits for the second person is on both lists.
    let waits = bed.run("open-items --data books").succeeds().prints("SuspendSeller");
    waits.prints("Proposals that wait for a second person: 1").prints("doorstep approve NUMBER");
    let waits = bed.run("open-items --kind proposal --data books --json").succeeds().json();
    assert_eq!(text(&waits, "/proposals/0/command"), "SuspendSeller", "{waits:#}");
    let again = bed.run("suspend seller S1 --person 2 --data books").succeeds();
    again.prints("was carried out before; nothing changed");
    bed.run("approve 1 --person 2 --data books").succeeds();
    assert_eq!(count(&bed, "books", "SuspendSeller"), 2);
}

#[test]
fn a_directory_without_books_is_named_and_stays_empty() {
    let bed = Bed::new();
    bed.private_directory("empty");
    for line in ["persons --data nosuch", "persons --data empty", "views update --data empty"] {
        let ran = bed.run(line).ends_with(1);
        assert!(ran.stdout().is_empty() && !ran.stderr().is_empty(), "{ran}");
    }
    assert!(!bed.has("empty/views.sqlite.lock"));
    let real = opened();
    let persons = real.run("persons --data books --json").succeeds().json();
    assert_eq!(text(&persons, "/persons/1/name"), "Bo", "{persons:#}");
    assert_eq!(text(&persons, "/persons/1/state"), "registered");
}

#[test]
fn an_error_is_json_too() {
    let real = opened();
    let ran = real.run("approve 9 --data books --json").fails("there is no proposal 9");
    assert!(ran.stdout().starts_with("{\"answer\":\"error\",\"message\":\"there is no"), "{ran}");
}
