//! Who is not what it seems: somebody in a network's place without its keys, a network with another
//! key, a gateway whose certificate was stolen.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::ground::{self, MERCHANT, Running};
use super::independent;
use super::process::Process;
use super::support::{Bed, Ran, eventually};

const STOLEN_GATEWAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/stolen_gateway.py");
/// After MTI, two bitmaps, field 7 and field 11: the length of field 32.
const FIELD_32: usize = 2 + 16 + 5 + 3;

/// Approves whatever comes, with a MAC of zeros: the answer to a sign-on.
fn approval(request: &[u8]) -> Vec<u8> {
    let digits = usize::from(request[FIELD_32] >> 4) * 10 + usize::from(request[FIELD_32] & 15);
    let code = FIELD_32 + 1 + digits.div_ceil(2);
    let mut answer = request[..code].to_vec();
    answer[..2].copy_from_slice(&[0x08, 0x10]);
    // Field 39.
    answer[2 + 4] |= 0x02;
    answer.extend(b"00");
    answer.extend(&request[code..code + 2]);
    answer.extend([0; 8]);
    answer
}

/// Sells on a switch whose link is not signed on.
fn sells_nothing(bed: &Bed, address: &str) -> Ran {
    let (waybill, amount) = ground::parcel(2);
    bed.write("script", format!("sell {waybill} {amount}\n"));
    let terminal = format!(
        "terminal --connect {address} --number 1 --merchant {MERCHANT} --base-key-file \
         door/base.key --last-stan 500 --lang en --script script"
    );
    bed.run(&terminal).succeeds().prints("declined      91  ").prints("declined by Doorstep")
}

const SERVE: &str = "serve --data door/books --config door/doorstep.toml";
const NOT_PROVEN: &str = "ERROR switch: whoever answers on this link does not have the network's \
                          MAC key";

#[test]
fn an_impostor_in_a_networks_place_gets_sign_ons_and_no_card() {
    let bed = Bed::new();
    ground::make(&bed);
    let impostor = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = impostor.local_addr().unwrap().to_string();
    let settings = bed.read("door/doorstep.toml");
    bed.write("door/doorstep.toml", settings.replace(ground::network_of(&settings), &address));
    let heard = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let requests = heard.clone();
    std::thread::spawn(move || {
        for stream in impostor.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            while stream.read_exact(&mut length).is_ok() {
                let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut request).unwrap();
                let answer = approval(&request);
                requests.lock().unwrap().push(request);
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                let _ = stream.write_all(&[&length[..], &answer].concat());
            }
        }
    });
    let mut engine = Process::start(&bed, SERVE);
    let terminals = engine.says("terminals ");
    engine.says("office");
    eventually("the switch tries again", || heard.lock().unwrap().len() >= 3);
    sells_nothing(&bed, &terminals);
    let status = bed.run("network status --json --data door/books").succeeds().json();
    assert_eq!(status["links"][0]["signed_on"], false, "{status:#}");
    engine.stop().says(NOT_PROVEN).says(&address);
    for request in heard.lock().unwrap().iter() {
        assert_eq!(request[..2], [0x08, 0x00], "a sign-on");
        assert_eq!(request.len(), FIELD_32 + 1 + 4 + 2 + 8, "7, 11, 32, 70 and 128: no card");
    }
    bed.verified("door/books");
}

#[test]
fn a_network_with_another_mac_key_is_not_used() {
    let bed = Bed::new();
    ground::make(&bed);
    let keys = bed.read("door/alpha.toml");
    let mac = keys.split("mac = \"").nth(1).unwrap().split('"').next().unwrap();
    bed.write("door/alpha.toml", keys.replace(mac, "0123456789ABCDEFFEDCBA9876543210"));
    let settings = bed.read("door/doorstep.toml");
    let link = ground::network_of(&settings);
    let line = "network run --json --name alpha --keys door/alpha.toml --acquirer 48980000";
    let mut network = Process::start(&bed, &format!("{line} --listen {link}"));
    network.line();
    let mut engine = Process::start(&bed, SERVE);
    let terminals = engine.says("terminals ");
    engine.says("office");
    sells_nothing(&bed, &terminals);
    engine.stop().says(NOT_PROVEN);
    let summary = network.stop().json();
    assert_eq!((&summary["items"], &summary["declined"]), (&0.into(), &0.into()), "{summary:#}");
    assert!(summary["wrong_mac"].as_u64().unwrap() > 0, "{summary:#}");
}

/// Runs a script of the terminal with and without a stolen gateway before the engine. Returns its
/// output, the network's summary and the trial balance.
fn day_through(stolen: bool) -> (String, serde_json::Value, String) {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("certificates door/certificates").succeeds();
    let gateways = "[gateways]\nlisten = [\"127.0.0.1:0\"]\n\
                    authorities = \"certificates/authority.pem\"\n\
                    certificate = \"certificates/engine.pem\"\nkey = \"certificates/engine.key\"\n";
    let settings = bed.read("door/doorstep.toml");
    bed.write(
        "door/doorstep.toml",
        settings.replacen("[terminals]", &format!("{gateways}\n[terminals]"), 1),
    );
    let mut running = Running::start(&bed, "");
    let mut gateway = stolen.then(|| {
        let engine = running.gateways.as_deref().unwrap().rsplit(':').next().unwrap().to_owned();
        let mut python = bed.command(independent::python().to_str().unwrap());
        python.args([STOLEN_GATEWAY, &engine]);
        python.args(
            ["authority.pem", "gateway-1.pem", "gateway-1.key"]
                .map(|file| bed.path(format!("door/certificates/{file}"))),
        );
        let mut gateway = Process::of(python);
        running.address = gateway.says("terminals ");
        gateway
    });
    let line = |word: &str, place| {
        let (waybill, amount) = ground::parcel(place);
        format!("{word} {waybill} {amount}")
    };
    let script = [
        line("sell", 0),
        "void 502".to_owned(),
        "params".to_owned(),
        line("sell", 1),
        line("preauth", 2),
        line("cash", 3),
        "settle".to_owned(),
    ];
    let day = running.terminal(&bed, "", &script).succeeds();
    if let Some(gateway) = &mut gateway {
        let counts = gateway.says("{");
        let counts: serde_json::Value = serde_json::from_str(&format!("{{{counts}")).unwrap();
        assert_eq!(counts["ended"], 7, "{counts}");
        let count = |key: &str| counts[key].as_u64().unwrap();
        assert!(count("answered") > 20 && count("closed") > 20, "{counts}");
    }
    let summary = running.network.stop().json();
    let ran = running.engine.stop();
    if stolen {
        ran.says("wrong MAC terminal=00000001 address=127.0.0.1 gateway=\"gateway-1\"")
            .says("terminal refused: its gateway is not trusted with its dialect");
    }
    bed.verified("door/books");
    let balances = bed.run("balances --json --data door/books").succeeds().stdout().to_owned();
    let is_said = |line: &&str| !line.starts_with("connected ");
    // The RRN has the time.
    let without_rrn = |line: &'_ str| line.split("   RRN ").next().unwrap_or_default().to_owned();
    let day: Vec<String> = day.stdout().lines().filter(is_said).map(without_rrn).collect();
    (day.join("\n"), summary, balances)
}

#[test]
fn a_stolen_gateway_changes_nothing_in_the_books() {
    let (day, network, balances) = day_through(true);
    let (plain_day, plain_network, plain_balances) = day_through(false);
    assert_eq!(day, plain_day);
    assert_eq!(balances, plain_balances);
    for key in ["items", "approved", "approved_amount", "declined", "voided", "reversed"] {
        assert_eq!(network[key], plain_network[key], "{key}");
    }
    assert_eq!(network["wrong_mac"], 0, "{network}");
}
