//! `serve`, `gateway`, `certificates`, and `network` on a running switch.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::clock;
use super::ground::{self, Running};
use super::process::Process;
use super::support::{Bed, DOORSTEP, Ran, eventually, number};

pub const EXAMPLE: &str = include_str!("../../../../docs/door/doorstep.toml");
const MASTER: &str = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";
const KEYS: [&str; 8] = [
    "terminals --purpose base --algorithm aes256",
    "cards --purpose token --algorithm aes128",
    "alpha/mac --purpose mac",
    "alpha/pin --purpose pin",
    "alpha/exchange --purpose exchange",
    "beta/mac --purpose mac",
    "beta/pin --purpose pin",
    "beta/exchange --purpose exchange",
];
pub const FIRM: &str = "\"swift-couriers\" = 1";
pub const SERVE: &str = "serve --data books --config doorstep.toml";
const WITHDRAW: &str = "network withdraw alpha --person ann --data books";

/// Books with a seller, the master key and the keys of the example settings.
pub fn books_and_keys() -> Bed {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = "import --profile doorstep --orders orders.csv --data books";
    bed.run(&format!("{import} --by ann --approved-by bo")).succeeds();
    bed.write("master.key", MASTER);
    for key in KEYS {
        let at = "--store keys.json --master-key-file master.key";
        bed.run(&format!("keys make {key} {at}")).succeeds();
    }
    bed
}

/// Books, keys, certificates and settings.
fn bed() -> Bed {
    let bed = books_and_keys();
    bed.run("certificates certificates").succeeds().prints("gateway-1.pem gateway-1.key");
    let gateways = "[gateways]\nlisten = [\"127.0.0.1:0\"]\n\
                    authorities = \"certificates/authority.pem\"\n\
                    certificate = \"certificates/engine.pem\"\nkey = \"certificates/engine.key\"\n";
    // The books have no firm yet.
    let settings = EXAMPLE.replace("127.0.0.1:7001", "127.0.0.1:0").replace(FIRM, "");
    bed.write("doorstep.toml", settings.replace("[merchant]", &format!("{gateways}\n[merchant]")));
    bed
}

/// The arguments of the first gateway.
fn gateway_to(engine: &str) -> String {
    format!(
        "gateway --engine {engine} --listen 127.0.0.1:0 --ca certificates/authority.pem \
         --cert certificates/gateway-1.pem --key certificates/gateway-1.key"
    )
}

#[test]
fn it_serves_until_it_is_stopped() {
    let bed = bed();
    let mut engine = Process::start(&bed, SERVE);
    let terminals = engine.says("terminals");
    let gateways = engine.says("gateways");
    engine.says("control");
    let mut gateway = Process::start(&bed, &gateway_to(&gateways));
    for address in [terminals, gateway.says("terminals")] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(b"\x00\x08nonsense").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "nonsense is closed");
    }
    let status = bed.run("network status --json --data books").succeeds().json();
    assert_eq!(status["links"].as_array().unwrap().len(), 3);
    assert_eq!(status["links"][0]["network"], "alpha");
    assert_eq!(status["ended"]["malformed"], 1);
    bed.run("network status --data books").succeeds().prints("for trials");
    bed.run(&format!("{WITHDRAW} --approved-by ann")).fails("the books refuse WithdrawNetwork: ");
    bed.run(&format!("{WITHDRAW} --approved-by cy")).fails("--approved-by cy: write a person's id");
    bed.run(&format!("{WITHDRAW} --approved-by 3")).fails("person 3 is not registered");
    bed.run(&format!("{WITHDRAW} --approved-by bo --at 9999-01-01T00:00:00Z"))
        .fails("error: the withdrawal would start more than 366 days from now; give an earlier");
    bed.run(&format!("{WITHDRAW} --approved-by bo --at 2013-08-28T18:00:00+08:00"))
        .succeeds()
        .prints("alpha is withdrawn from 20")
        .prints("note: --at 2013-08-28T18:00:00.000+08:00 is past, so the withdrawal starts now\n");
    bed.run(&format!("{WITHDRAW} --approved-by bo --at 2013-08-28T18:00:00+08:00"))
        .succeeds()
        .prints("was withdrawn before");
    // A second person approves later.
    bed.run("network reinstate alpha --person ann --data books")
        .succeeds()
        .prints("ReinstateNetwork: proposed as number 1; a second person approves it");
    bed.run("proposals --data books")
        .succeeds()
        .prints("1  ReinstateNetwork, proposed by person 1");
    bed.run("approve 1 --person ann --data books").fails("proposal 1 is your own");
    bed.run("approve 1 --person bo --data books")
        .succeeds()
        .prints("ReinstateNetwork: carried out");
    let status = bed.run("network status --json --data books").succeeds().json();
    assert_eq!(status["links"][0]["withdrawn_from_ms"], serde_json::Value::Null, "{status:#}");
    bed.run(WITHDRAW).succeeds();
    gateway.stop();
    engine.stop();
    for socket in ["control.sock", "office.sock"] {
        assert!(!bed.has(format!("books.control/{socket}")), "{socket}");
    }
    bed.verified("books");
    // Without a running engine, on the books alone.
    let status = bed.run("network status --json --data books").succeeds().json();
    assert_eq!(
        (&status["running"], number(&status, "/in_books/0/unknown_payments")),
        (&false.into(), 0)
    );
    assert_eq!(status["in_books"][0]["name"], "alpha");
    bed.run("approve 2 --person bo --data books").succeeds().prints("WithdrawNetwork: carried out");
    let status = bed.run("network status --json --data books").succeeds().json();
    assert!(status["in_books"][0]["withdrawn_from"].as_str().unwrap().ends_with("+08:00"));
    let shown = bed.run("network status --data books").succeeds().prints("not running ");
    shown.prints("alpha, books        0 unknown payments; owes 0.00 CNY; withdrawn from 20");
    let reinstate = "network reinstate alpha --person ann --approved-by bo --data books";
    bed.run(reinstate).succeeds().prints("alpha is reinstated");
}

#[test]
fn a_check_says_what_a_start_would_do_and_changes_nothing() {
    let bed = bed();
    let before = bed.verified("books");
    let check = "serve --check --data books --config doorstep.toml";
    bed.run(check).succeeds().prints("registers   alpha\n").prints("It can start. ");
    let json = bed.run(&format!("{check} --json")).succeeds().json();
    assert_eq!(json["registers"], serde_json::json!(["alpha", "beta"]), "{json}");
    assert_eq!(
        (&json["waiting_payments"], &json["in_the_clear"]),
        (&0.into(), &serde_json::json!([]))
    );
    let settings = bed.read("doorstep.toml");
    bed.write("other.toml", settings.replace("firms = { ", &format!("firms = {{ {FIRM}")));
    for flag in ["--check", ""] {
        bed.run(&format!("serve {flag} --data books --config other.toml"))
            .fails("merchant.firms: the books have no courier firm `swift-couriers`; they have: ");
    }
    bed.write("other.toml", settings.replace("Asia/Shanghai", "Europe/Berlin"));
    bed.run("serve --check --data books --config other.toml").fails("time_zone = Europe/Berlin: ");
    bed.run("serve --check --data nowhere --config doorstep.toml").fails("no books to serve");
    assert_eq!(bed.verified("books"), before);
    let mut engine = Process::start(&bed, SERVE);
    engine.says("control");
    let beside = bed.run(check).succeeds().prints("It can start. ");
    assert!(!beside.stdout().contains("registers"), "{beside}");
    engine.stop();
    bed.run(&format!("{check} --lang zh")).succeeds().prints("可以启动。");
}

#[test]
fn a_start_that_cannot_listen_changes_nothing_in_the_books() {
    let bed = bed();
    let before = bed.verified("books");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = bed.read("doorstep.toml");
    // The first listener of the file is that of the terminals.
    let moved = settings.replacen("127.0.0.1:0", &address.to_string(), 1);
    bed.write("doorstep.toml", moved);
    bed.run(SERVE).fails(&format!("cannot listen on {address}: "));
    bed.write("doorstep.toml", settings);
    fs::create_dir_all(bed.path("books.control/control.sock")).unwrap();
    bed.run(SERVE).fails("cannot create the control socket ");
    fs::remove_dir(bed.path("books.control/control.sock")).unwrap();
    assert_eq!(bed.verified("books"), before);
    let mut engine = Process::start(&bed, SERVE);
    engine.says("control");
    engine.stop();
    assert_ne!(bed.verified("books"), before, "the networks are registered");
}

#[test]
fn gateways_need_names_if_terminals_have_certificates() {
    let bed = bed();
    bed.run("certificates more --terminal 00000001")
        .succeeds()
        .prints("terminals.pem terminals.key");
    let settings = bed.read("doorstep.toml");
    let with = |clients: &str, names: &str| {
        let identity = "certificate = \"more/engine.pem\", key = \"more/engine.key\"";
        let tls = format!("[terminals]\ntls = {{ {identity}{clients} }}");
        let text = settings.replace("\n[terminals]", &format!("\n{tls}"));
        text.replace("\n[gateways]", &format!("\n[gateways]\n{names}"))
    };
    let clients = ", clients = \"more/terminals.pem\"";
    bed.write("doorstep.toml", with(clients, ""));
    bed.run(SERVE).fails("gateways.names: with terminals.tls.clients, terminals have certificates");
    for clients in ["", clients] {
        bed.write("doorstep.toml", with(clients, "names = []"));
        bed.run(SERVE).fails("gateways.names: the list is empty, so no gateway could connect");
    }
    for (clients, names) in [(clients, "names = [\"gateway-1\"]"), ("", "")] {
        bed.write("doorstep.toml", with(clients, names));
        let mut engine = Process::start(&bed, SERVE);
        engine.says("control");
        engine.stop();
    }
}

#[test]
fn without_files_for_terminals_nothing_starts() {
    let bed = bed();
    let limited = |arguments: &str| {
        let mut command = bed.command("sh");
        let program = DOORSTEP;
        command.args(["-c", &format!("ulimit -n 60 && exec {program} {arguments}")]);
        Ran::of(&mut command)
    };
    for arguments in [SERVE, &gateway_to("127.0.0.1:1")] {
        limited(arguments).fails("the system allows 60 open files (`ulimit -n`), and ");
    }
}

#[test]
fn the_limits_of_a_gateway_have_the_ranges_of_the_settings() {
    let bed = bed();
    let to = gateway_to("127.0.0.1:1");
    for (flag, range) in [
        ("--connections 0", "from 1 to 65536; the engine's limit"),
        ("--connections 65537", "from 1 to 65536; the engine's limit"),
        ("--connections-per-address 18001", "from 1 to 18000; "),
        ("--handshake-seconds 0", "from 1 to 300; "),
        ("--message-seconds 301", "from 1 to 300; "),
        ("--idle-seconds 14", "from 15 to 86400; "),
        ("--idle-seconds 86401", "from 15 to 86400; "),
    ] {
        let words = format!("{}: it must be {range}", flag.replace(' ', " = "));
        bed.run(&format!("{to} {flag}")).fails(&words);
    }
    let good = "--handshake-seconds 300 --message-seconds 1 --idle-seconds 15";
    let mut gateway = Process::start(&bed, &format!("{to} {good}"));
    let mut silent = TcpStream::connect(gateway.says("terminals")).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Unlike `read`, it goes on after a signal.
    let received = silent.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(received, 0, "the terminal sent nothing for a second");
    gateway.stop();
}

#[test]
fn a_gateway_that_is_not_on_the_list_is_refused() {
    let bed = bed();
    let listed = bed.read("doorstep.toml").replace("\n[gateways]", "\n[gateways]\nnames = [\"g\"]");
    bed.write("doorstep.toml", listed);
    let mut engine = Process::start(&bed, SERVE);
    let gateways = engine.says("gateways");
    engine.says("control");
    let gateway = Process::start(&bed, &gateway_to(&gateways));
    let status = "network status --json --data books";
    eventually("the gateway is refused", || {
        bed.run(status).succeeds().json()["ended"]["name"] != 0
    });
    gateway.stop();
    engine.stop().says("WARN host: gateway refused gateway=\"gateway-1\"");
}

#[test]
fn the_example_is_the_documentation() {
    let bed = Bed::new();
    assert_eq!(bed.run("serve --example").succeeds().stdout(), EXAMPLE);
}

#[test]
fn missing_and_wrong_inputs_are_named() {
    let bed = bed();
    bed.run("serve --data nowhere --config doorstep.toml").fails("no books to serve");
    bed.write("doorstep.toml", bed.read("doorstep.toml").replace("idle_seconds", "idel_seconds"));
    bed.run(SERVE).fails("`idel_seconds`, expected one of").says("line ");
    bed.write("doorstep.toml", EXAMPLE.replace("keys.json", "other.json"));
    bed.run(SERVE).fails("other.json");
    bed.run("certificates certificates").fails("is not empty");
}

#[test]
fn a_missing_key_is_reported_at_the_start() {
    let bed = bed();
    for (from, to, words) in [
        (
            "= \"beta/mac\"",
            "= \"gamma/mac\"",
            "network `beta`, mac_key = \"gamma/mac\": it is not in",
        ),
        (
            "= \"alpha/pin\"",
            "= \"alpha/mac\"",
            "network `alpha`, pin_key = \"alpha/mac\": its purpose is mac",
        ),
        (
            "exchange_key = \"alpha/",
            "exchange_key = \"delta/",
            "network `alpha`, exchange_key = \"delta/",
        ),
        (
            "terminals = \"terminals\"",
            "terminals = \"others\"",
            "keys.terminals = \"others\": it is not",
        ),
        (
            "token = \"cards\"",
            "token = \"others\"",
            "keys.token = \"others\": it is not in the store",
        ),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        bed.write("other.toml", EXAMPLE.replace(from, to));
        bed.run("serve --data books --config other.toml")
            .fails(words)
            .says("doorstep keys --config");
    }
}

#[test]
fn settings_that_contradict_the_books_are_refused() {
    let bed = bed();
    let mut engine = Process::start(&bed, SERVE);
    engine.says("control");
    engine.stop();
    let settings = bed.read("doorstep.toml");
    let (before, alpha) = settings.split_once("name = \"alpha\"").unwrap();
    let alpha = alpha.replacen("\"CNY\"", "\"EUR\"", 1);
    bed.write("doorstep.toml", format!("{before}name = \"alpha\"{alpha}"));
    bed.run(SERVE)
        .fails("network `alpha`: its currency is CNY in the books, but EUR in the settings");
    bed.write(
        "doorstep.toml",
        settings.replace("time_zone = \"Asia/Shanghai\"", "time_zone = \"Europe/Berlin\""),
    );
    bed.run(SERVE).fails("time_zone = Europe/Berlin: the books have Asia/Shanghai");
}

#[test]
fn a_network_is_left_out_only_without_unfinished_payments() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.write("lost.toml", "[[rule]]\nkinds = [\"refund\"]\naction = \"lost\"\n");
    let running = Running::start(&bed, "--behaviour lost.toml");
    let (waybill, amount) = ground::parcel(2);
    let sale = [format!("sell {waybill} {amount}"), "refund 502 1.00".to_owned()];
    running.terminal(&bed, "", &sale).succeeds().prints("refund");
    running.stop();

    let settings = bed.read("door/doorstep.toml");
    bed.write("door/other.toml", settings.replace("\"alpha\"", "\"omega\""));
    let other = "serve --data door/books --config door/other.toml";
    bed.run(other)
        .fails("network `alpha` is not in the settings but has unfinished transactions: 1 refund. ")
        .says("Keep its [[network]]")
        .says("`doorstep network withdraw`");
    bed.run("network withdraw omega --approved-by bo --data door/books")
        .fails("the books have no card network `omega`; they have: alpha\n");

    // With the network back in the settings, the refund is sent before anything else.
    let running = Running::start(&bed, "");
    running.terminal(&bed, "", &["balance".to_owned()]).succeeds().prints("balance ");
    let network = running.stop();
    // This network does not know the sale, and declines.
    assert_eq!(number(&network, "/declined"), 1, "{network:#}");
    let mut engine = Process::start(&bed, other);
    engine.says("control");
    engine.stop();
    bed.verified("door/books");
}

#[test]
fn it_does_not_serve_at_a_time_that_does_not_fit_the_books() {
    let bed = bed();
    clock::books(&bed, "ahead", 6 * 60_000, false);
    let settings = "--data ahead --config doorstep.toml";
    bed.run(&format!("serve {settings}")).fails("clock is behind the books");
    bed.run(&format!("serve --check {settings}")).fails("clock is behind the books");
    bed.run(&format!("serve --check --accept-clock {settings}")).succeeds();
}

#[test]
fn real_books_take_no_master_key_from_the_environment_and_a_credential_is_a_file() {
    let bed = bed();
    clock::books(&bed, "real", -60_000, false);
    let settings = bed.read("doorstep.toml").replace("master = \"master.key\"", "");
    bed.write("doorstep.toml", settings);
    let check = |data: &str, variable: &str, value: &str| {
        let mut check =
            bed.doorstep(&format!("serve --check --data {data} --config doorstep.toml"));
        Ran::of(check.env(variable, value))
    };
    check("books", "DOORSTEP_MASTER_KEY", MASTER).succeeds();
    check("real", "DOORSTEP_MASTER_KEY", MASTER).fails("only trial books take the master key");
    bed.private_directory("credentials");
    bed.write("credentials/doorstep-master-key", MASTER);
    // As systemd shows its access list.
    bed.chmod("credentials/doorstep-master-key", 0o440);
    check("real", "CREDENTIALS_DIRECTORY", bed.path("credentials").to_str().unwrap()).succeeds();
    bed.chmod("credentials/doorstep-master-key", 0o444);
    check("real", "CREDENTIALS_DIRECTORY", bed.path("credentials").to_str().unwrap())
        .fails("chmod 600");
    // An open descriptor.
    let settings = bed.read("doorstep.toml").replace("[keys]", "[keys]\nmaster = \"/dev/fd/3\"");
    bed.write("doorstep.toml", settings);
    let line = "serve --check --data real --config doorstep.toml 3<master.key";
    Ran::of(bed.command("sh").args(["-c", &format!("exec {DOORSTEP} {line}")])).succeeds();
}
