//! Files with books and secrets are for their owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::ground;
use super::support::{Bed, Ran};

const CHECK: &str = "serve --check --data door/books --config door/doorstep.toml";

/// What others may use under a directory, but for the directory itself.
fn open_to_others(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            found.push(format!("{:o} {}", mode & 0o7777, path.display()));
        }
        if metadata.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[test]
fn whatever_is_created_is_for_its_owner_only() {
    let bed = Bed::new();
    let with_umask = |line: &str| {
        let mut shell = bed.command("sh");
        let program = super::support::DOORSTEP;
        shell.args(["-c", &format!("umask 000; exec {program} {line}")]);
        Ran::of(&mut shell).succeeds()
    };
    with_umask("trial door --terminals 1 --parcels 2");
    with_umask("certificates door/certificates");
    with_umask("day --parcels 20 --data day");
    with_umask("export --data day --format csv --out day.csv");
    assert_eq!(open_to_others(&bed.path(".")), Vec::<String>::new());
}

#[test]
fn a_wrong_mode_stops_the_start_and_is_named_with_its_remedy() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("certificates door/certificates").succeeds();
    let tls = "[terminals]\ntls = { certificate = \"certificates/engine.pem\", \
               key = \"certificates/engine.key\" }";
    let settings = bed.read("door/doorstep.toml").replacen("[terminals]", tls, 1);
    bed.write("door/doorstep.toml", settings);
    bed.run(CHECK).succeeds();
    for (name, right, wrong, remedy) in [
        ("doorstep.toml", 0o600, 0o620, "chmod go-w"),
        ("keys.json", 0o600, 0o644, "chmod go="),
        ("master.key", 0o600, 0o640, "chmod 600"),
        ("red.secret", 0o600, 0o604, "chmod go="),
        ("certificates/engine.key", 0o600, 0o644, "chmod go="),
        ("books", 0o700, 0o750, "chmod go="),
        ("books/journal.sqlite", 0o600, 0o644, "chmod go="),
        ("books/snapshots", 0o700, 0o755, "chmod go="),
        ("books/persons.toml", 0o600, 0o644, "chmod go="),
    ] {
        let name = format!("door/{name}");
        bed.chmod(&name, wrong);
        bed.run(CHECK).fails(&name).says(remedy);
        if name.contains("books") {
            let setup = "setup bank two --currency EUR --person 1 --data door/books";
            bed.run(setup).fails(&name).says(remedy);
        }
        bed.chmod(&name, right);
    }
    // Everybody may read settings: they name secrets and hold none.
    bed.chmod("door/doorstep.toml", 0o644);
    bed.run(CHECK).succeeds();
}
