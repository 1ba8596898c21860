//! docs/operate.md: its commands are typed at a trial, and what they print has the lines of the
//! page; its alarms are those of packaging/alarms.yml, and their metrics exist.

use std::collections::BTreeSet;
use std::path::Path;

use super::ground::{self, Running};
use super::metrics::{self, get};
use super::start::{blocks, next_command};
use super::support::{Bed, DOORSTEP, Ran, tool};

const PAGE: &str = include_str!("../../../../docs/operate.md");
const ALARMS: &str = include_str!("../../../../packaging/alarms.yml");
/// The page's paths, and those of the trial.
const PATHS: [(&str, &str); 4] = [
    ("/var/lib/doorstep/", "door/"),
    ("/etc/doorstep/", "door/"),
    ("/backup/", "backup-"),
    // In a trial one user acts as both persons.
    ("doorstep approve ", "doorstep approve --person bo "),
];
/// Commands whose run is a process of the test itself.
const RUN_OTHERWISE: [&str; 1] = ["serve --example"];

fn shell(bed: &Bed, command: &str, data: Option<&str>) -> Ran {
    let programs = Path::new(DOORSTEP).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = tool(bed, "bash");
    shell.args(["-c", command]).env("PATH", format!("{programs}:{path}"));
    shell.envs(data.map(|data| ("DOORSTEP_DATA", data)));
    Ran::of(&mut shell)
}

#[test]
fn the_commands_of_the_operators_handbook_are_true() {
    let bed = Bed::new();
    metrics::make(&bed);
    let own =
        String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout);
    let own = own.unwrap();
    bed.run(&format!("persons ann --data door/books --user {}", own.trim())).succeeds();
    let mut running = Running::start(&bed, "");
    let address = running.engine.says("metrics ");
    let (waybill, amount) = ground::parcel(1);
    running.terminal(&bed, "", &[format!("sell {waybill} {amount}")]).succeeds();
    let (mut data, mut typed) = (None, Vec::new());
    for block in blocks(PAGE).iter().filter(|block| block.words == ["console"]) {
        let mut lines = block.lines.iter().copied().peekable();
        while let Some(command) = next_command(&mut lines, block) {
            let mut command = command.replace("127.0.0.1:9464", &address);
            for (page, own) in PATHS {
                command = command.replace(page, own);
            }
            let mut page = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                page.push(line);
            }
            if let Some(value) = command.strip_prefix("export DOORSTEP_DATA=") {
                data = Some(value.to_owned());
                continue;
            }
            let ran = shell(&bed, &command, data.as_deref()).succeeds();
            let printed = ran.words();
            for line in page {
                let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(printed.contains(&line), "line {}: {line}{ran}", block.line);
            }
            typed.push(command);
        }
    }
    running.stop();
    // A command in a sentence is one of those that were typed.
    let in_sentences = PAGE.split('`').skip(1).step_by(2);
    for command in in_sentences.filter_map(|code| code.strip_prefix("doorstep ")) {
        let is_typed = typed.iter().any(|typed| typed.contains(&format!("doorstep {command}")));
        assert!(is_typed || RUN_OTHERWISE.contains(&command), "`doorstep {command}` is not tried");
    }
    bed.run("serve --example").succeeds();
}

/// Words that begin as the names of our metrics do.
fn metric_names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    // The package is `doorstep_*.deb`.
    words.filter(|word| word.len() > "doorstep_".len() && word.starts_with("doorstep_")).collect()
}

#[test]
fn the_alarms_of_the_handbook_are_those_of_the_file_and_their_metrics_exist() {
    let in_file: Vec<&str> =
        ALARMS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| Doorstep")?.split(" |").next());
    let in_page: Vec<String> = rows.map(|name| format!("Doorstep{name}")).collect();
    assert_eq!(in_page, in_file);
    for (name, severity) in in_file.iter().zip(ALARMS.split("severity: ").skip(1)) {
        let severity = severity.split(' ').next().unwrap();
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap();
        assert!(row.contains(&format!("| {severity}: ")), "{name} is {severity}: {row}");
    }

    let bed = Bed::new();
    metrics::make(&bed);
    bed.run("certificates door/certificates").succeeds();
    let tls = "tls = { certificate = \"certificates/engine.pem\", \
               key = \"certificates/engine.key\" }\n[merchant]";
    let settings = bed.read("door/doorstep.toml").replacen("[merchant]", tls, 1);
    bed.write("door/doorstep.toml", settings);
    let mut engine =
        super::process::Process::start(&bed, "serve --data door/books --config door/doorstep.toml");
    let address = engine.says("metrics ");
    let (status, page) = get(&bed, &address, "/metrics");
    assert_eq!(status, 200, "{page}");
    let there: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in metric_names(ALARMS).into_iter().chain(metric_names(PAGE)) {
        let base = name.trim_end_matches("_bucket");
        assert!(there.contains(name) || there.contains(base), "no metric {name} in {page}");
    }
    // The certificates of `doorstep certificates` are of some weeks or years.
    let expiry = page.lines().find(|line| {
        line.starts_with("doorstep_certificate_expiry_time_seconds{of=\"terminals\"} ")
    });
    let expiry: u64 = expiry.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let mut openssl = tool(&bed, "openssl");
    let at = "x509 -noout -enddate -dateopt iso_8601 -in door/certificates/engine.pem";
    let at = Ran::of(openssl.args(at.split(' '))).succeeds();
    let at = at.stdout().trim().strip_prefix("notAfter=").unwrap().to_owned();
    let date = Ran::of(tool(&bed, "date").args(["-u", "+%s", "-d", &at])).succeeds();
    assert_eq!(expiry.to_string(), date.stdout().trim());
    engine.stop();
}
