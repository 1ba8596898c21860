//! Who is suspended, blocked or removed, terms to come, and books that are looked at on a later
//! day.

use super::support::{Bed, Ran, number, text};

const DATA: &str = "--data books";

/// Trial books in which each command is given at its own time.
struct Office(Bed);

impl Office {
    /// Books of 1 December, with a firm, two couriers, a terminal and a seller.
    fn opened() -> Office {
        let office = Office(Bed::new());
        let day = "2026-12-01";
        office.at(day, "setup books --first Ann --second Bo --trial true").succeeds();
        office.at(day, "setup bank main --currency CNY").succeeds();
        let two = "--approved-by Bo";
        office.at(day, &format!("setup hold-rule CN --rule AtOnce {two}")).succeeds();
        office.at(day, &format!("setup tariff china-2013 --currency CNY {two}")).succeeds();
        office.at(day, &format!("setup firm swift --currency CNY {two}")).succeeds();
        for courier in ["c-1", "c-2"] {
            let limit = format!("setup courier {courier} --firm swift --cash-limit 500.00CNY");
            office.at(day, &format!("{limit} {two}")).succeeds();
        }
        office.at(day, "setup terminal 7 --courier c-1").succeeds();
        office
            .at(day, "setup seller shop --currency CNY --jurisdiction CN --tariff china-2013")
            .succeeds();
        office
    }

    #[track_caller]
    fn at(&self, day: &str, line: &str) -> Ran {
        let mut command = self.0.doorstep(&format!("{line} {DATA}"));
        Ran::of(command.env("DOORSTEP_TRIAL_TIME", format!("{day}T09:00:00+08:00")))
    }
}

#[test]
fn a_quiet_morning_is_looked_at_with_its_own_date() {
    let office = Office::opened();
    let raise = "break raise Bank=main --side Excess --amount 5.00CNY --evidence S-7 \
                 --owner Bo --break-id 9";
    office.at("2026-12-02", raise).succeeds();
    let terms = "terms courier c-1 --from 2026-12-05 --cash-limit 900.00CNY --approved-by Bo";
    office.at("2026-12-02", terms).succeeds();
    let status = office.at("2026-12-04", "status --json").succeeds().json();
    assert_eq!(text(&status, "/date"), "2026-12-04");
    assert!(text(&status, "/at").starts_with("2026-12-02T09:00:"), "{status:#}");
    assert_eq!(number(&status, "/breaks/oldest_days"), 2);
    // An excess is above zero in both.
    assert_eq!(number(&status, "/suspense/0/amount"), 500);
    let items = office.at("2026-12-04", "open-items --kind break --json").succeeds().json();
    assert_eq!(number(&items, "/totals/0/amount"), 500);
    assert_eq!(number(&status, "/terms_to_come/count"), 1);
    assert_eq!(text(&status, "/terms_to_come/first"), "2026-12-05");
    let shown = office.at("2026-12-04", "status").succeeds();
    shown
        .prints("Books on 2026-12-04; the last command, in batch ")
        .prints("\nopen breaks         1, the oldest is 2 days old\n")
        .prints("\nterms to come       1, the first on 2026-12-05\n");
    office.at("2026-12-04", "breaks").succeeds().prints("2026-12-02, age in days: 2\n");
    // On the day itself they are the terms.
    let status = office.at("2026-12-05", "status --json").succeeds().json();
    assert_eq!(number(&status, "/terms_to_come/count"), 0);
    office
        .at("2026-12-05", "parties c-1")
        .succeeds()
        .prints("terms               cash limit 900.00 CNY");
    // Time goes on in the books only with a command.
    office.0.verified("books");
}

#[test]
fn whoever_is_suspended_blocked_or_removed_and_terms_to_come_are_shown() {
    let office = Office::opened();
    let day = "2026-12-02";
    office
        .at(day, "status")
        .succeeds()
        .prints("suspended, blocked  none\nterms to come       none\n");
    office.at(day, "suspend seller shop").succeeds();
    office.at(day, "suspend courier c-2 --person Bo").succeeds();
    office.at(day, "terminals block 7").succeeds();
    for (from, guarantee) in [("2026-12-10", "100.00CNY"), ("2026-12-20", "0")] {
        let terms =
            format!("terms firm swift --from {from} --guarantee {guarantee} --withholding 10%");
        office.at(day, &format!("{terms} --approved-by Bo")).succeeds();
    }
    office
        .at(day, "status")
        .succeeds()
        .prints("suspended, blocked  couriers 1, sellers 1, terminals 1\n")
        .prints("terms to come       2, the first on 2026-12-10\n");
    let stopped = office.at(day, "parties --stopped --json").succeeds().json();
    let names = stopped["parties"].as_array().unwrap().iter().map(|one| text(one, "/reference"));
    assert_eq!(names.collect::<Vec<_>>(), ["shop", "c-2", "7"]);
    assert_eq!(text(&stopped, "/parties/1/stopped/by"), "2");
    let list = office.at(day, "parties").succeeds();
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let row = |name: &str| {
        list.stdout().lines().map(columns).find(|row| row.get(1).is_some_and(|one| one == name))
    };
    assert_eq!(row("shop").unwrap()[2..], ["suspended", "since", "2026-12-02"]);
    assert_eq!(row("c-1").unwrap()[2..], ["swift", "in", "use"]);
    assert_eq!(row("7").unwrap()[2..], ["c-1", "blocked", "since", "2026-12-02"]);
    assert_eq!(row("swift").unwrap()[2..], ["in", "use", "2026-12-10"]);
    let firm = office.at(day, "parties swift").succeeds();
    let words: Vec<&str> = firm.stdout().split_whitespace().collect();
    let words = words.join(" ");
    for expected in [
        "terms guarantee 0.00 CNY, 0% withheld",
        "from 2026-12-10 guarantee 100.00 CNY, 10% withheld; proposed by person 1 Ann, approved \
         by person 2 Bo",
        "from 2026-12-20 guarantee 0.00 CNY, 10% withheld; proposed by",
    ] {
        assert!(words.contains(expected), "{expected}{firm}");
    }
    let courier = office.at(day, "parties c-2 --lang zh").succeeds();
    courier.prints("自 2026-12-02 起暂停，由人员 2 Bo 暂停").prints("现金限额 500.00 CNY");
    office
        .at(day, "parties nobody")
        .fails("there is no seller, firm, courier or terminal `nobody`");
    office.at(day, "unsuspend seller shop --approved-by Bo").succeeds();
    let changing = office.at(day, "parties --changing --kind firm --json").succeeds().json();
    assert_eq!(changing["parties"].as_array().unwrap().len(), 1);
    let seller = office.at(day, "parties --kind seller --stopped").succeeds();
    assert!(!seller.stdout().contains("shop"), "{seller}");

    office.at(day, "setup person 3 --approved-by Bo").succeeds();
    office.at(day, "persons 3 --name Cai").succeeds().prints("3      Cai");
    office.at(day, "setup person 4 --approved-by Bo").succeeds();
    office.at(day, "setup remove-person 3 --approved-by Bo").succeeds();
    let persons = office.at(day, "persons").succeeds();
    let rows: Vec<Vec<String>> = persons.stdout().lines().map(columns).collect();
    let row = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(rows[0], row(&["1", "Ann", "no", "user"]), "{persons}");
    assert_eq!(rows[2], row(&["3", "Cai", "no", "user", "removed"]), "{persons}");
    assert_eq!(rows[3], row(&["4", "-", "no", "user"]), "{persons}");
    assert_eq!(rows.len(), 4, "couriers are no persons of the office{persons}");
    office.at(day, "persons --lang zh").succeeds().prints("已移除");
    office.0.verified("books");
}

#[test]
fn persons_are_shown_by_id_and_name() {
    let office = Office::opened();
    let day = "2026-12-02";
    let words = |ran: &Ran| ran.stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    office.at(day, "setup retention 200").succeeds();
    let listed = office
        .at(day, "proposals")
        .succeeds()
        .prints("1  SetRetention, proposed by person 1 Ann at 2026-12-02 09:00:0")
        .prints(" UTC+08:00\n");
    let waits = "proposed by person 1 Ann, approved by person (nobody yet)";
    assert!(words(&listed).contains(waits), "{listed}");
    office.at(day, "proposals --lang zh").succeeds().prints("由人员 1 Ann 于 2026-12-02 09:00:0");
    let approved = office.at(day, "approve 1 --person Bo").succeeds();
    assert!(words(&approved).contains("approved by person 2 Bo"), "{approved}");
    office.at(day, "log").succeeds().prints("person 2 Bo: ");
    let raise = "break raise Bank=main --side Shortfall --amount 5.00CNY --evidence S-7 \
                 --owner Bo --break-id 9";
    let raised = office.at(day, raise).succeeds();
    assert!(words(&raised).contains("owner person 2 Bo"), "{raised}");
    office
        .at(day, "breaks")
        .succeeds()
        .prints("\nbreak 9: shortfall of 5.00 CNY\n")
        .prints("\n  reason      raised by person 1 Ann\n")
        .prints("\n  owner       person 2 Bo\n")
        .prints("\n  next        doorstep break propose 9 --resolution HOW\n");
    let json = office.at(day, "breaks --json").succeeds().json();
    assert_eq!(text(&json, "/breaks/0/reason"), "raised_by_hand");
    assert_eq!(text(&json, "/breaks/0/owner"), "2", "the journal and JSON have ids");
}

#[test]
fn a_sellers_tariff_is_named_without_its_currency() {
    let office = Office::opened();
    let seller = "setup seller other --currency CNY --jurisdiction CN --class general --tariff";
    office.at("2026-12-01", &format!("{seller} nothing")).fails(
        "--tariff nothing: the books have no such tariff; they have: china-2013 CNY. Publish it",
    );
    office.at("2026-12-01", &format!("{seller} china-2013")).succeeds();
    let terms = "terms seller other --currency CNY --from 2026-12-03 --cycle Weekly --minimum 0 \
                 --class general --tariff china-2013 --approved-by Bo";
    office.at("2026-12-01", terms).succeeds();
    let shown = office.at("2026-12-01", "parties other").succeeds();
    assert!(
        shown.words().contains("tariff china-2013, class general, paid daily, at least 0.00 CNY"),
        "{shown}"
    );
    // Books of other commands know theirs, too.
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data imported").succeeds();
    bed.run("day --parcels 20 --data day").succeeds();
    for data in ["imported", "day"] {
        bed.run(&format!("{seller} china-2013 --data {data}")).succeeds();
    }
    bed.run("trial trial --terminals 1 --parcels 1").succeeds();
    let trial = bed.run("parties --kind seller --json --data trial/books").succeeds().json();
    let tariff = text(&trial, "/parties/0/terms/tariff");
    let own = seller.replace("--class general ", "");
    bed.run(&format!("{own} {tariff} --data trial/books")).succeeds();
}
