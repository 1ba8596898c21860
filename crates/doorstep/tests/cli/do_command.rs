//! `do`: commands of the books from the command line.

use std::collections::BTreeSet;

use super::support::{Bed, Ran, text};

fn books() -> Bed {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A1,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    bed
}

#[test]
fn every_declared_command_is_listed_and_has_help_in_both_languages() {
    let bed = Bed::new();
    let declared: BTreeSet<_> = engine::Command::specs().map(|spec| spec.name).collect();
    let list = bed.run("do --list").succeeds().says_nothing();
    let names = list.stdout().lines().filter(|line| !line.starts_with(' '));
    assert_eq!(names.collect::<BTreeSet<_>>(), declared);
    let list = bed.run("do --list --json").succeeds().json();
    for (one, spec) in list.as_array().unwrap().iter().zip(engine::Command::specs()) {
        assert_eq!(one["command"], spec.name);
        assert_eq!((&one["number"], one["about"].is_string()), (&spec.number.into(), true));
    }
    assert_eq!(list.as_array().unwrap().len(), declared.len());
    for name in declared {
        let help = bed.run(&format!("do {name} --help")).succeeds().prints(name);
        let chinese = bed.run(&format!("do {name} --help --lang zh")).succeeds();
        assert!(chinese.stdout().contains("\n可发出者："), "{chinese}");
        for help in [&help, &chinese] {
            for line in help.stdout().lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= 80, "{columns} columns: {line}{help}");
            }
        }
    }
    bed.run("do RegisterCourier --help")
        .succeeds()
        .prints(
            "\n  --cash-limit <Amount>\n      write an amount with its currency, such as 12.50CNY",
        )
        .prints("      Limit on the cash in the courier's hands.\n");
    for line in ["do CountHandOver --help", "hand-over count --help"] {
        let help = bed.run(line).succeeds().prints("\n  --code <CODE>\n      write the courier's");
        assert!(!help.stdout().contains("\n  --code-mac"), "{help}");
    }
    bed.run("hand-over start --help").succeeds().prints("--code <CODE> (filled in if left out)\n");
    bed.run("do --help").succeeds().prints("doorstep do --list");
}

#[test]
fn a_command_is_carried_out_by_the_owner_and_is_in_the_log() {
    let bed = books();
    let line = "do RegisterBank --data books --bank spare --currency CNY --reference spare";
    bed.run(line).succeeds().prints("RegisterBank: carried out\n");
    bed.run(line).succeeds().prints("RegisterBank: was carried out before; nothing changed\n");
    let log = bed.run("log --data books --json --all").ends_with(2);
    log.says("--all");
    let log = bed.run("log --data books --json").succeeds();
    let last: serde_json::Value =
        serde_json::from_str(log.stdout().lines().last().unwrap()).unwrap();
    assert_eq!(text(&last, "/command"), "RegisterBank");
    assert_eq!(text(&last, "/fields/bank"), books::BankId::derived("spare").to_string());
    assert_eq!(text(&last, "/by/person"), "1");
    let line = "do RegisterPerson --data books --person-id 3 --proposed-by 1 --approved-by 2";
    bed.run(&format!("{line} --person 3")).fails("person 3 is not registered");
    bed.run(&format!("{line} --person cy")).fails("nobody has the name `cy`");
    bed.run(&format!("{line} --person 2")).succeeds();
    let log = bed.run("log --data books --json").succeeds();
    let last: serde_json::Value =
        serde_json::from_str(log.stdout().lines().last().unwrap()).unwrap();
    assert_eq!(text(&last, "/by/person"), "2", "the approver gives it");
    // The same fields in JSON; a flag replaces one of them.
    let json = r#"{"bank":"5","currency":"CNY","reference":"other"}"#;
    let mut command = bed.doorstep("do RegisterBank --data books --reference third --fields");
    let done = Ran::of(command.arg(json).arg("--json")).succeeds().json();
    assert_eq!((text(&done, "/answer"), text(&done, "/by")), ("carried_out", "1"));
    bed.run("log --data books").succeeds().prints("bank account third in CNY added, id 5");
    bed.run("do RegisterBank --data books --bank spare --currency CNY --reference else")
        .fails("error: the books refuse RegisterBank: ")
        .says(". Nothing changed\n");
    bed.verified("books");
}

#[test]
fn each_wrong_field_is_named_with_what_is_expected() {
    let bed = books();
    let before = bed.verified("books");
    for (line, words) in [
        ("RegisterBnak", "there is no command `RegisterBnak`; `doorstep do --list` lists all"),
        ("RegisterBank --bank 1", "give the data directory: --data DIR"),
        (
            "RegisterBank --data books --bank 1",
            "RegisterBank needs --currency, --reference; see `doorstep do RegisterBank --help`",
        ),
        ("RegisterBank main --data books", "`main` is no flag; write each field as --field VALUE"),
        (
            "RegisterBank --data books --bank 1 --curency CNY",
            "RegisterBank has no field for --curency; use one of: --bank, --currency, --reference",
        ),
        (
            "RegisterBank --data books --bank 1 --currency yuan --reference b",
            "--currency yuan: `yuan` is not a currency code of ISO 4217",
        ),
        (
            "RegisterCourier --data books --courier c --firm 1 --cash-limit lots --reference c \
             --proposed-by 1 --approved-by 2",
            "--cash-limit lots: write an amount with its currency, such as ",
        ),
        ("RegisterBank --data books --bank", "--bank has no value"),
        ("RegisterBank --data books --fields {", "--fields: "),
        (
            "RegisterBank --data nowhere --bank 1 --currency CNY --reference b",
            "there is no data directory nowhere",
        ),
    ] {
        bed.run(&format!("do {line}")).fails(&format!("error: {words}"));
        let chinese = bed.run(&format!("do {line} --lang zh")).ends_with(1).says("错误：");
        assert!(!chinese.stderr().contains("error"), "{chinese}");
    }
    assert_eq!(bed.verified("books"), before, "nothing changed");
    assert!(!bed.has("nowhere"));
}

#[test]
fn short_forms_are_commands_with_less_to_type() {
    let bed = books();
    for (line, command) in [
        ("setup bank spare --currency CNY", "RegisterBank"),
        ("setup firm swift --currency CNY --approved-by 2", "RegisterFirm"),
        (
            "setup courier c-1 --firm swift --cash-limit 500.00CNY --approved-by 2",
            "RegisterCourier",
        ),
        ("setup terminal 7 --courier c-1", "RegisterTerminal"),
        ("terminals block 7", "BlockTerminal"),
        ("terminals unblock 7", "BlockTerminal"),
        ("setup retention 200 --approved-by 2", "SetRetention"),
        ("setup person 3 --approved-by 2", "RegisterPerson"),
        ("setup bank reais --currency BRL", "RegisterBank"),
    ] {
        let done = format!("{command}: carried out\n");
        bed.run(&format!("{line} --data books")).succeeds().prints(&done);
    }
    let parcels = bed.run("log --data books --json").succeeds();
    let announced = parcels.stdout().lines().find(|line| line.contains("AnnounceParcel"));
    let announced: serde_json::Value = serde_json::from_str(announced.unwrap()).unwrap();
    let parcel = text(&announced, "/fields/parcel");
    for line in [
        format!("parcel assign {parcel} --firm swift"),
        format!("parcel dispatch {parcel} --courier c-1"),
        format!("parcel attempt {parcel} --reason NobodyHome"),
        format!("parcel dispatch {parcel} --courier c-1"),
    ] {
        bed.run(&format!("{line} --data books")).succeeds().prints(": carried out\n");
    }
    // The import has published it.
    let tariff = "setup tariff china-2013 --currency CNY --approved-by 2 --data books";
    bed.run(tariff).succeeds().prints("PublishTariff: was carried out before; nothing changed\n");
    bed.run("setup tariff china-2013 --data books").fails("doorstep setup tariff FILE|NAME");
    bed.run("setup tariff no-such --currency CNY --data books").fails("no such file or built-in");
    bed.run("setup hold-rule BR --rule DaysAfterHeld=3 --approved-by 2 --data books").succeeds();
    let mut seller =
        bed.doorstep("setup seller loja --currency CNY --jurisdiction BR --data books");
    Ran::of(seller.args(["--tariff", "china-2013 CNY"])).succeeds().prints("RegisterSeller: carr");
    bed.run("parcel --help").succeeds().prints("\n  doorstep parcel dispatch\n");
    bed.run("parcel dispatch --help")
        .succeeds()
        .prints("doorstep parcel dispatch <PARCELS>...  (DispatchParcels)\n");
    bed.run("setup books --help").succeeds().prints("doorstep setup books --data DIR");
    bed.run("parcel dance --data books").fails("`doorstep parcel` does not have `dance`; it has: ");
    bed.run("setup bank one two --currency CNY --data books").fails("`two` is no flag");
    bed.verified("books");
}
