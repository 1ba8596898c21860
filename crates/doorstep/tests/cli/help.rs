//! `--help` of every command.

use super::support::{Bed, Ran};

const COLUMNS_MAX: usize = 100;

/// Every command in the program's own lists.
fn commands(bed: &Bed, under: &str) -> Vec<String> {
    let help = bed.run(&format!("{under} --help")).succeeds().says_nothing();
    let mut all = vec![under.to_owned()];
    if let Some((_, listed)) = help.stdout().split_once("\nCommands:\n") {
        let (listed, _) = listed.split_once("\n\n").unwrap();
        let names = listed.lines().filter_map(|line| line.strip_prefix("  "));
        let names = names.filter(|line| !line.starts_with(' '));
        for name in names.map(|line| line.split(' ').next().unwrap()) {
            if name != "help" {
                all.extend(commands(bed, format!("{under} {name}").trim()));
            }
        }
    }
    all
}

fn help(bed: &Bed, command: &str) -> Ran {
    bed.run(&format!("{command} --help")).succeeds()
}

#[test]
fn every_command_has_help_that_fits_the_screen() {
    let bed = Bed::new();
    let all = commands(&bed, "");
    for expected in [
        "",
        "demo",
        "day",
        "import",
        "verify",
        "balances",
        "explain payout",
        "log",
        "payouts",
        "payout-account set",
        "export",
        "profile check",
        "profile new",
        "tariff check",
        "tariff quote",
        "keys make",
        "keys import",
        "keys list",
        "bench engine",
    ] {
        assert!(all.iter().any(|command| command == expected), "{expected} is not in {all:?}");
    }
    for command in all {
        for flag in ["--help", "-h"] {
            let help = bed.run(&format!("{command} {flag}")).succeeds().prints("Usage: doorstep");
            for line in help.stdout().lines() {
                assert!(line.chars().count() <= COLUMNS_MAX, "too wide: {line}{help}");
            }
        }
    }
    bed.run("--version").succeeds().prints("doorstep 0.");
}

/// Wrapped lines of a table are ragged: nothing is wrapped.
#[test]
fn help_fits_a_terminal_of_80_columns() {
    let bed = Bed::new();
    let narrow = |line: &str| {
        let mut command = bed.doorstep(line);
        Ran::of(command.env("COLUMNS", "80")).succeeds()
    };
    for command in commands(&bed, "") {
        for flag in ["--help", "-h", "--help --lang zh", "-h --lang zh"] {
            let help = narrow(&format!("{command} {flag}"));
            for line in help.stdout().lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= 80, "{columns} columns: {line}{help}");
            }
        }
    }
    let table = |help: &Ran| {
        let (_, table) = help.stdout().split_once("What --json prints").unwrap();
        table.to_owned()
    };
    assert_eq!(table(&narrow("day --help")), table(&bed.run("day --help")));
}

#[test]
fn help_explains_the_commands() {
    let bed = Bed::new();
    let root = help(&bed, "").prints("Start with `doorstep demo`");
    root.prints("doorstep day --orders FILE --profile shopify --seller SHOP --data books")
        .prints("Exit status: 0 success; 1 failure");
    let day = help(&bed, "day").prints("Real: your orders");
    let day = day.prints("Simulated: couriers, buyers, terminals, card networks");
    let day = day.prints("To continue an interrupted day");
    let day = day.prints("a profile that `doorstep profile list` names, or a profile file");
    let day = day.prints("[default: china-2013]").prints("What --json prints");
    for key in ["parcels", "announced", "collected", "custody", "digest", "bad_lines", "wrong"] {
        assert!(day.stdout().contains(&format!("\n  {key} ")), "{key} is explained{day}");
    }
    help(&bed, "import").prints("importing the same file again changes nothing");
    help(&bed, "verify").prints("Exit status: 0 the books are correct; 1 a problem was found");
    help(&bed, "export").prints("hledger -f books.journal check --strict");
    help(&bed, "payouts").prints("pain.001.001.09 message (ISO 20022)");
    help(&bed, "explain payout").prints("The payout's number, as in the payouts' CSV");
    help(&bed, "log").prints("--parcel ORDER").prints("Print one JSON object per line");
    help(&bed, "tariff check").prints("Exit status: 0 the file is valid; 1 it is not");
}

#[test]
fn help_names_every_key_of_the_day() {
    let bed = Bed::new();
    let help = help(&bed, "day");
    let (_, explained) = help.stdout().split_once("What --json prints").unwrap();
    let day = bed.run("day --parcels 10 --data books --json").succeeds().json();
    for key in day.as_object().unwrap().keys() {
        let words = explained.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        assert!(words.into_iter().any(|word| word == key), "{key} is not explained{help}");
    }
}

#[test]
fn help_names_every_key_of_an_import() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let help = help(&bed, "import");
    let (_, explained) = help.stdout().split_once("What --json prints").unwrap();
    let import = bed.run("import --profile doorstep --orders orders.csv --json").succeeds().json();
    for key in import.as_object().unwrap().keys() {
        let words = explained.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        assert!(words.into_iter().any(|word| word == key), "{key} is not explained{help}");
    }
}
