//! The unit of systemd: what it starts, what it is told, and how closed it is.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::ground;
use super::process::Process;
use super::support::{Bed, DOORSTEP, Ran, tool};

const UNIT: &str = include_str!("../../../../packaging/doorstep.service");

fn setting(name: &str) -> &'static str {
    let line = UNIT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_unit_starts_doorstep_and_is_told_when_it_is_ready_and_when_it_stops() {
    let bed = Bed::new();
    ground::make(&bed);
    let start = setting("ExecStart").replace("/usr/bin/doorstep ", "");
    let start = start.replace("/var/lib/doorstep/books", "door/books");
    let start = start.replace("/etc/doorstep/doorstep.toml", "door/doorstep.toml");
    assert_eq!(setting("Type"), "notify");
    let told = UnixDatagram::bind(bed.path("notify")).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut bytes = [0; 64];
        let length = told.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut command = bed.doorstep(&start);
    command.env("NOTIFY_SOCKET", bed.path("notify"));
    let mut serving = Process::of(command);
    assert_eq!(next(), "READY=1");
    serving.says("terminals ");
    // As ExecReload does.
    serving.signal("HUP");
    serving.signal("TERM");
    assert_eq!(next(), "STOPPING=1");
    serving.ends();
    bed.verified("door/books");
}

#[test]
fn the_unit_is_closed() {
    let bed = Bed::new();
    bed.write("doorstep.service", UNIT.replace("/usr/bin/doorstep", DOORSTEP));
    let path = bed.path("doorstep.service");
    let mut analyze = tool(&bed, "systemd-analyze");
    let ran = Ran::of(analyze.args(["security", "--offline=true"]).arg(&path)).succeeds();
    let level = ran.stdout().split("doorstep.service: ").nth(1).unwrap();
    let level: f64 = level.split_whitespace().next().unwrap().parse().unwrap();
    assert!(level < 3.0, "{ran}");
}
