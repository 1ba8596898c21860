//! What networks, wallets, the bank and firms state about days, read by other programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sim::{CounterpartyFile, CounterpartyForm, CounterpartyWriter, PlantedFault};

use super::*;

const DAYS: u32 = 3;

/// The files of each day, by the day's date.
fn files_of(
    days: &[SimulatedDay],
    (seed, faults_percent): (u64, u32),
) -> Vec<(String, Vec<CounterpartyFile>)> {
    let mut writer = CounterpartyWriter::new(seed, faults_percent);
    let files = days.iter().map(|day| {
        let day = day.counterparty.as_ref().expect("the options want it");
        (day.date.to_string(), writer.files_of(day, &CounterpartyForm::ALL))
    });
    files.collect()
}

/// A row of truth.csv, by column.
fn truth_of(files: &[CounterpartyFile], form: CounterpartyForm) -> Vec<BTreeMap<String, String>> {
    let path = format!("{}/truth.csv", form.name());
    let file = files.iter().find(|file| file.path == path).expect("each form has it");
    let text = std::str::from_utf8(&file.bytes).expect("UTF-8");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let columns: Vec<String> = lines.next().expect("the columns").collect();
    lines.map(|line| columns.iter().cloned().zip(line).collect()).collect()
}

fn write_to(folder: &Path, days: &[(String, Vec<CounterpartyFile>)]) {
    for (date, files) in days {
        for file in files {
            let path = folder.join(date).join(&file.path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
            assert!(!path.exists(), "{} is written twice", path.display());
            fs::write(&path, &file.bytes).expect("a new file");
        }
    }
}

/// The interpreter with mt-940 and bai2. `./test` installs it.
fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
    let python = env::var_os("DOORSTEP_PYTHON").map_or(own, PathBuf::from);
    assert!(python.exists(), "{} is missing: run ./test, which installs it", python.display());
    python
}

/// Other programs read every line as truth.csv says it is.
#[allow(clippy::print_stdout, reason = "what was read, and whether anything was skipped")]
fn read_by_others(folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/counterparty_files.py");
    let ran = Command::new(python()).arg("-B").arg(script).arg(folder).output().expect("Python");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    println!("{said}");
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

/// The official schemas accept each camt message.
#[allow(clippy::print_stdout, reason = "what was read, and whether anything was skipped")]
fn valid_by_schema(folder: &Path) {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from);
    let schemas = data.join("iso20022/genkgo_camt/xsd");
    if !schemas.exists() {
        println!("SKIPPED: {} is missing; set DOORSTEP_TEST_DATA", schemas.display());
        return;
    }
    let mut checked = 0;
    for (form, version) in [("camt", "08"), ("camt-02", "02")] {
        for kind in ["053", "054"] {
            let mut messages = Vec::new();
            for day in fs::read_dir(folder).expect("the days") {
                let directory = day.expect("a day").path().join(form);
                for file in fs::read_dir(directory).expect("a form").map(|file| file.expect("one"))
                {
                    if file.file_name().to_string_lossy().contains(&format!(".{kind}-")) {
                        messages.push(file.path());
                    }
                }
            }
            let schema = schemas.join(format!("camt.{kind}.001.{version}.xsd"));
            let mut xmllint = Command::new("xmllint");
            xmllint.arg("--noout").arg("--schema").arg(&schema).args(&messages);
            let ran = xmllint.output().expect("xmllint (Debian package libxml2-utils)");
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            checked += messages.len();
        }
    }
    assert!(checked > 4, "only {checked} messages");
}

#[test]
fn everybody_states_what_happened_in_every_form() {
    let mut inputs: Vec<DayInputs> = (1..=DAYS).map(|day| inputs(day, 400, 11)).collect();
    for day in &mut inputs {
        // Twins need the same amount.
        day.parcels.iter_mut().step_by(10).for_each(|parcel| parcel.due = Amount::of(9_900));
    }
    let options =
        DayOptions { seed: 11, party_files: sim::PartyFiles::Beside, ..DayOptions::default() };
    let (days, _) = live(&inputs, &options);

    // Without faults each rail pays what it paid in the world, and the balance is the world's.
    let sound = files_of(&days, (5, 0));
    for ((_, files), day) in sound.iter().zip(&days) {
        for form in CounterpartyForm::ALL {
            let truth = truth_of(files, form);
            assert!(!truth.is_empty(), "{} is empty", form.name());
            for row in &truth {
                assert_eq!(row["fault"], "", "{row:?}");
                assert_ne!(row["file"], "", "{row:?}");
                assert_eq!(row["amount"], row["true_amount"], "{row:?}");
            }
        }
        let booked_on = day.counterparty.as_ref().map(|day| day.booked_on.to_string());
        let path = format!("ours/bank-1-{}.csv", booked_on.expect("the options want it"));
        let statement = files.iter().find(|file| file.path == path);
        let text = String::from_utf8(statement.expect("a statement").bytes.clone());
        let text = text.expect("UTF-8");
        let closing = text.lines().last().expect("the closing balance").split(',').nth(3);
        let closing = closing.expect("an amount").replace('.', "");
        assert_eq!(closing.parse(), Ok(day.world.bank_balance()), "{path}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    write_to(folder.path(), &sound);
    read_by_others(folder.path());
    valid_by_schema(folder.path());

    // With many faults the files are as readable, and the truth names each fault.
    let faulty = files_of(&days, (5, 3_000));
    assert_eq!(faulty, files_of(&days, (5, 3_000)), "the same seed gives the same files");
    assert_ne!(faulty, files_of(&days, (6, 3_000)));
    let folder = tempfile::tempdir().expect("a folder");
    write_to(folder.path(), &faulty);
    read_by_others(folder.path());
    valid_by_schema(folder.path());
    let rows = faulty.iter().flat_map(|(_, files)| {
        CounterpartyForm::ALL.into_iter().flat_map(|form| truth_of(files, form))
    });
    let mut seen = BTreeSet::new();
    for row in rows {
        assert_eq!(row["file"].is_empty(), row["item"].is_empty(), "{row:?}");
        let changed = row["amount"] != row["true_amount"];
        assert_eq!(changed, row["fault"] == PlantedFault::AmountChanged.name(), "{row:?}");
        seen.insert(row["fault"].clone());
    }
    let faults = [
        PlantedFault::Lost,
        PlantedFault::Doubled,
        PlantedFault::Late,
        PlantedFault::AmountChanged,
        PlantedFault::ReferenceCut,
        PlantedFault::FeeDrift,
        PlantedFault::Twin,
        PlantedFault::MissingFile,
        PlantedFault::LateCredit,
    ];
    let missing: Vec<_> = faults.iter().filter(|fault| !seen.contains(fault.name())).collect();
    assert!(missing.is_empty(), "never planted: {missing:?}");
}
