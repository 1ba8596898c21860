//! What stays in the memory of `serve` and `gateway`, and who may look at it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::ground::{self, MERCHANT, Running};
use super::process::Process;
use super::support::{Bed, Ran, eventually};

/// The first digits of the card 622588:98765432, as text and as packed digits.
const DIGITS: &[u8] = b"62258809876543";
const PACKED: [u8; 7] = [0x62, 0x25, 0x88, 0x09, 0x87, 0x65, 0x43];
const CARD: &str = "622588:98765432";

/// The places in a process's memory that have the card's digits; None where nobody may look.
fn places(id: u32) -> Option<Vec<String>> {
    let memory = File::open(format!("/proc/{id}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let mut found = Vec::new();
    let mut bytes_read = 0;
    for region in maps.lines().filter(|region| region.contains(" rw-p ")) {
        let (bounds, _) = region.split_once(' ').unwrap();
        let (from, until) = bounds.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (from, until) = (number(from), number(until));
        let mut bytes = vec![0; 1 << 20];
        let mut at = from;
        while at < until {
            let most = usize::try_from(until - at).unwrap().min(bytes.len());
            // A page of a guard or of a device cannot be read.
            let Ok(read) = memory.read_at(&mut bytes[..most], at) else { break };
            bytes_read += read;
            for needle in [DIGITS, &PACKED] {
                let windows = bytes[..read].windows(needle.len()).enumerate();
                let hits = windows.filter(|(_, window)| *window == needle);
                found.extend(hits.map(|(place, _)| format!("{place:#x} of {region}")));
            }
            if read == most && at + most as u64 == until {
                break;
            }
            // Digits may stand across the border of two reads.
            at += (read as u64).saturating_sub(32).max(1);
        }
    }
    assert!(bytes_read > 100_000, "{bytes_read} bytes were read");
    Some(found)
}

/// A trial with terminals by TLS, and a gateway.
fn with_tls(bed: &Bed) -> (Running, Process) {
    ground::make(bed);
    bed.run("certificates door/certificates").succeeds();
    let tls = "tls = { certificate = \"certificates/engine.pem\", \
               key = \"certificates/engine.key\" }";
    let gateways = "[gateways]\nlisten = [\"127.0.0.1:0\"]\n\
                    authorities = \"certificates/authority.pem\"\n\
                    certificate = \"certificates/engine.pem\"\nkey = \"certificates/engine.key\"\n";
    let settings = bed.read("door/doorstep.toml");
    let settings = settings.replacen("[terminals]", &format!("{gateways}\n[terminals]\n{tls}"), 1);
    bed.write("door/doorstep.toml", settings);
    let running = Running::start(bed, "");
    let gateways = running.gateways.clone().unwrap();
    let file = |name: &str| format!("door/certificates/{name}");
    let gateway = Process::start(
        bed,
        &format!(
            "gateway --engine {gateways} --listen 127.0.0.1:0 --ca {} --cert {} --key {} \
             --terminal-cert {} --terminal-key {}",
            file("authority.pem"),
            file("gateway-1.pem"),
            file("gateway-1.key"),
            file("engine.pem"),
            file("engine.key"),
        ),
    );
    (running, gateway)
}

/// A sale with the card at one address.
fn sale(bed: &Bed, address: &str, place: u64) -> Ran {
    let (waybill, amount) = ground::parcel(place);
    bed.write("script", format!("sell {waybill} {amount}\n"));
    bed.run(&format!(
        "terminal --connect {address} --ca door/certificates/authority.pem --number 1 --merchant \
         {MERCHANT} --base-key-file door/base.key --lang en --card {CARD} --script script"
    ))
}

#[test]
fn no_card_number_stays_in_serve_or_in_a_gateway() {
    let bed = Bed::new();
    let (running, mut gateway) = with_tls(&bed);
    let at_gateway = gateway.says("terminals ");
    for (place, address) in [(2, &running.address), (3, &at_gateway)] {
        sale(&bed, address, place).succeeds().prints("CNY   STAN");
        for (name, id) in [("serve", running.engine.id()), ("gateway", gateway.id())] {
            if places(id).is_none() {
                println!("SKIPPED: only root may read the memory of a process");
                return;
            }
            // Timers of the connections, and the books.
            eventually(&format!("no card number is in the memory of {name}"), || {
                let found = places(id).unwrap();
                found.iter().for_each(|place| println!("{name}: {place}"));
                found.is_empty()
            });
        }
    }
    // Nobody but root may look, and nothing is written when the process dies.
    for id in [running.engine.id(), gateway.id()] {
        let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }
    gateway.stop();
    running.stop();
}
