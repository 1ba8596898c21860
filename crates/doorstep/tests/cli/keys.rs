//! `doorstep keys`: makes, imports, rotates and lists keys without showing them.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::support::{Bed, Ran};

const MASTER: &str = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";
/// Two components of a TDES key with their check values, and the whole key's.
const COMPONENTS: [&str; 2] =
    ["0123456789ABCDEF FEDCBA9876543210 08D7B4", "5403777438C6882C4DAFC99F1EEC84D4 05231D"];
const WHOLE: &str = "5240E9";

fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("master.key", MASTER);
    bed
}

const AT: &str = "--store keys.toml --master-key-file master.key";

fn keys(bed: &Bed, arguments: &str) -> Ran {
    bed.run(&format!("keys {arguments} {AT}"))
}

/// Runs `keys` with lines on standard input.
fn piped(bed: &Bed, arguments: &str, lines: &[&str]) -> Ran {
    let mut command = bed.doorstep(&format!("keys {arguments} {AT}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The program may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes());
    let ran = Ran::end_of(&command, child);
    for component in COMPONENTS {
        assert!(!ran.stdout().contains(&component[..8]), "a component is shown{ran}");
    }
    ran
}

#[test]
fn keys_are_made_rotated_listed_and_dropped() {
    let bed = bed();
    let made = keys(&bed, "make terminal/base --purpose base --algorithm aes256").succeeds();
    made.prints("terminal/base: generation 1, aes256, check value ").says_nothing();
    keys(&bed, "make network/pin --purpose pin").succeeds().prints("generation 1, tdes2");
    keys(&bed, "rotate network/pin").succeeds().prints("generation 2, tdes2");
    let listed = keys(&bed, "list --json").succeeds().json();
    let rows: Vec<_> = listed.as_array().unwrap().iter().collect();
    let row = |place: usize| (rows[place]["name"].as_str(), rows[place]["generation"].as_u64());
    assert_eq!(row(0), (Some("network/pin"), Some(2)));
    assert_eq!(row(1), (Some("network/pin"), Some(1)));
    assert_eq!(row(2), (Some("terminal/base"), Some(1)));
    let check_value = rows[2]["check_value"].as_str().unwrap();
    keys(&bed, "list").succeeds().prints(check_value).prints("check value made on");

    keys(&bed, "drop network/pin --generation 1").succeeds();
    keys(&bed, "drop network/pin --generation 2")
        .fails("error: generation 2 of `network/pin` is the newest; rotate the key first\n");
    keys(&bed, "make network/pin --purpose pin")
        .fails("error: the key `network/pin` already exists; rotate it, or use another name\n");
    assert_eq!(keys(&bed, "list --json").succeeds().json().as_array().unwrap().len(), 2);
}

#[test]
fn keys_from_which_others_are_derived_are_not_rotated() {
    let bed = bed();
    keys(&bed, "make terminals --purpose base --algorithm aes128").succeeds();
    keys(&bed, "make bdk --purpose dukpt").succeeds();
    let before = keys(&bed, "list").succeeds().stdout().to_owned();
    let said = |name: &str| {
        format!(
            "error: keys of terminals are derived from `{name}`, and a new generation would lock \
             out all of them; "
        )
    };
    let generation = said("terminals")
        + "their working keys change at each sign-on; to change the base, make a key with another \
           name and load new keys into the terminals\n";
    let anew =
        said("bdk") + "make a key with another name and load new initial keys into the terminals\n";
    keys(&bed, "rotate terminals").fails(&generation);
    keys(&bed, "rotate bdk").fails(&anew);
    piped(&bed, "rotate bdk --components", &COMPONENTS).fails(&anew);
    keys(&bed, "list").succeeds().prints(&before);
    bed.run("keys rotate --help").succeeds().prints("(base, dukpt)");
}

#[test]
fn a_key_is_imported_from_components() {
    let bed = bed();
    let import = format!("import zmk --purpose exchange --check-value {WHOLE}");
    let said = format!("zmk: generation 1, tdes2, check value {WHOLE}\n");
    piped(&bed, &import, &COMPONENTS).succeeds().says_nothing().prints(&said);
    let said = format!("zmk: generation 2, tdes2, check value {WHOLE}\n");
    let lines = [COMPONENTS[1], COMPONENTS[0], "", "not read"];
    piped(&bed, "rotate zmk --components", &lines).succeeds().prints(&said);
}

#[test]
fn wrong_components_import_nothing() {
    let bed = bed();
    let import = "import zmk --purpose exchange";
    let wrong = "0123456789ABCDEFFEDCBA9876543230 08D7B4";
    piped(&bed, import, &[COMPONENTS[1], wrong]).fails(
        "error: standard input: component 2: the check value does not match; type the component \
         again\n",
    );
    piped(&bed, import, &COMPONENTS[..1]).fails(
        "error: a key is imported as 2 to 9 components, one for each custodian; there are 1\n",
    );
    let said = format!(
        "error: --check-value 123456: the components give a key with the check value {WHOLE}; \
         nothing was imported\n"
    );
    piped(&bed, &format!("{import} --check-value 123456"), &COMPONENTS).fails(&said);
    piped(&bed, import, &["0123 08D7B4"]).fails(
        "error: standard input: component 1: write 16 bytes as hex digits, a space and the check \
         value\n",
    );
    let long = "0".repeat(1_000);
    piped(&bed, import, &[&long]).fails("error: standard input: the line is too long\n");
    assert!(!bed.has("keys.toml"), "nothing was written");
}

#[test]
fn errors_of_the_store_are_named() {
    let bed = bed();
    keys(&bed, "list").fails(
        "error: keys.toml: there is no key store; create it with `doorstep keys make` or \
         `import`\n",
    );
    bed.run("keys list").fails(
        "error: give --config FILE, --store FILE or --pkcs11 MODULE to say where the keys are\n",
    );
    bed.run("keys list --store keys.toml").fails(
        "error: there is no master key; give --master-key-file FILE, or set DOORSTEP_MASTER_KEY\n",
    );
    bed.run("keys list --token doorstep").fails("error: --token needs --pkcs11 MODULE\n");
    keys(&bed, "make Base --purpose base")
        .fails("error: a key name has 1 to 64 characters of a-z, 0-9, `/`, `.` and `-`\n");
    keys(&bed, "make base --purpose base --algorithm tdes2").fails(
        "error: a key for base cannot be tdes2; leave --algorithm out, or see `doorstep keys make \
         --help`\n",
    );
    keys(&bed, "make base --purpose base").succeeds().prints("generation 1, aes256");

    bed.write("other.key", MASTER.replace('8', "7"));
    bed.run("keys list --store keys.toml --master-key-file other.key").fails(
        "error: keys.toml: the keys are encrypted under the master key with the check value ",
    );
    bed.chmod("master.key", 0o644);
    keys(&bed, "list").fails(
        "error: master.key: other users can read this master key; run `chmod 600` on the file\n",
    );
    let mut by_environment = bed.doorstep("keys list --store keys.toml");
    Ran::of(by_environment.env("DOORSTEP_MASTER_KEY", MASTER)).succeeds().prints("base");
}

#[test]
fn keys_are_found_through_the_settings_of_serve() {
    let bed = Bed::new();
    let trial = bed.run("trial trial").succeeds();
    let listing = trial.stdout().lines().find(|line| line.contains("doorstep keys list"));
    let listing = listing.unwrap().trim().strip_prefix("doorstep ").unwrap();
    let names = ["terminals", "cards", "alpha/mac", "alpha/pin", "alpha/exchange"];
    let listed = bed.run(listing).succeeds();
    names.iter().fold(listed, |listed, name| listed.prints(&format!("\n{name} ")));
    let config = "--config trial/doorstep.toml";
    bed.run(&format!("keys make beta/mac --purpose mac {config}")).succeeds();
    bed.run("keys list --store trial/keys.json --master-key-file trial/master.key")
        .succeeds()
        .prints("\nbeta/mac ");
    bed.run(&format!("keys list {config} --store other.json")).ends_with(2).says("--store");

    fs::remove_file(bed.path("trial/keys.json")).unwrap();
    bed.run(&format!("keys list {config}")).fails("trial/keys.json: there is no key store");
    bed.run(&format!("keys make cards --purpose token --algorithm aes128 {config}")).succeeds();
    assert!(bed.has("trial/keys.json"), "the first key begins the file");
    bed.run("keys --help").prints("The settings of `doorstep serve`, doorstep.toml");
}

#[test]
fn a_terminals_key_is_exported_for_injection_under_an_aes_key() {
    let bed = bed();
    keys(&bed, "make terminals --purpose base").succeeds();
    keys(&bed, "make loading --purpose exchange --algorithm aes256").succeeds();
    keys(&bed, "make old --purpose exchange").succeeds();
    let export = |arguments: &str| keys(&bed, &format!("export-terminal {arguments}"));
    let derived = export("42 --under loading --base terminals").succeeds();
    let derived = derived.prints("D0144B3AX00E0000").prints("terminal 00000042: check value ");
    let master = export("42 --under loading --base terminals --purpose terminal-master");
    master.succeeds().prints("D0112K0TB00E0000");
    export("42 --under old --base terminals").fails(
        "error: --under old: a terminal's key is exported under an AES key only; make one with \
         `doorstep keys make NAME --purpose exchange --algorithm aes256`\n",
    );
    export("42 --under loading").fails(
        "error: give --base NAME, the base key of the terminals' keys; `doorstep keys list` lists \
         it\n",
    );
    export("42 --under cards --base terminals")
        .fails("error: there is no key `cards` in the store\n");

    // A key of its own replaces the derived one, and can be rotated.
    let check_value =
        |ran: &Ran| ran.stdout().split("check value ").nth(1).unwrap()[..6].to_owned();
    let made = keys(&bed, "make terminal/00000042 --purpose terminal-link").succeeds();
    let made = made.prints("aes128");
    let own = export("42 --under loading").succeeds();
    assert_eq!(check_value(&own), check_value(&made));
    let rotated = keys(&bed, "rotate terminal/00000042").succeeds();
    let rotated_export = export("42 --under loading").succeeds();
    assert_eq!(check_value(&rotated_export), check_value(&rotated));
    assert_ne!(check_value(&rotated_export), check_value(&derived));
}
