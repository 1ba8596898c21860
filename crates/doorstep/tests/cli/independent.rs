//! A terminal that shares no code with Doorstep, against the real processes: pyiso8583 for its
//! messages, pycryptodome for its keys.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use ::keys::{Algorithm, Component, Key, KeyName, KeyStore, MasterKey, Purpose, SoftwareStore};
use engine::{
    BankId, Command, CourierId, Cycle, FirmId, HoldRule, Jurisdiction, ParcelId, SellerId,
    SellerKind, TariffId, TerminalId,
};
use journal::DataDirectory;
use money::{Amount, Currency};
use node::{Node, Options};
use serde_json::{Value, json};
use tariff::ClassNo;

use super::bed::Bed;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/terminal.py");
const TARIFF: &str = include_str!("../../../../tariffs/china-2013.toml");
const MASTER: &str = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";
/// Of data/vectors/cup_mac_and_signon.json.
const TERMINAL_MASTER: &str = "CA5D92598DCA48CE8A4C76361A9269E9";
const FIRM: &str = "independent-couriers";
const MERCHANT: &str = "898331042150001";
const SALES: [(u128, u64); 3] = [(71, 12_345), (72, 500), (73, 9_900)];

/// The interpreter with pyiso8583, which `./test` makes.
fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
    let python = std::env::var_os("DOORSTEP_PYTHON").map_or(own, PathBuf::from);
    assert!(python.exists(), "there is no {}: run ./test, which makes it", python.display());
    python
}

/// A process that is ended with the test, whatever becomes of that.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(bed: &Bed, arguments: &str) -> Running {
        let mut command = bed.doorstep(arguments);
        Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// The rest of the next line that begins so.
    fn says(&mut self, what: &str) -> String {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let found = lines.find_map(|line| Some(line.strip_prefix(what)?.trim().to_owned()));
        // Whoever writes on must not find the pipe closed.
        std::thread::spawn(move || lines.count());
        found.unwrap_or_else(|| panic!("it never says `{what}`"))
    }

    fn stop(mut self) {
        let id = self.0.id().to_string();
        assert!(Process::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

/// A key of two halves; what they make, in hexadecimal digits.
fn make(store: &SoftwareStore, name: &str, purpose: Purpose, algorithm: Algorithm) -> String {
    let halves = [Key::random(algorithm).unwrap(), Key::random(algorithm).unwrap()];
    import(store, name, purpose, algorithm, &halves.each_ref().map(Key::expose));
    let [one, other] = &halves;
    let whole = one.expose().iter().zip(other.expose()).map(|(one, other)| one ^ other);
    hex(&whole.collect::<Vec<u8>>())
}

fn import(
    store: &SoftwareStore,
    name: &str,
    purpose: Purpose,
    algorithm: Algorithm,
    halves: &[&[u8]],
) {
    let component = |(place, half): (usize, &&[u8])| {
        let check_value = Key::new(algorithm, half).unwrap().check_value();
        Component::parse(&format!("{} {check_value}", hex(half)), algorithm, place).unwrap()
    };
    let components: Vec<Component> = (1..).zip(halves).map(component).collect();
    let name = KeyName::new(name).unwrap();
    store.import_components(name, purpose, algorithm, &components).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn make_keys(bed: &Bed) {
    bed.write("master.key", MASTER);
    fs::set_permissions(bed.path("master.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let master = MasterKey::from_file(&bed.path("master.key")).unwrap();
    let store = SoftwareStore::open_or_begin(&bed.path("keys.json"), master).unwrap();
    make(&store, "terminals", Purpose::Base, Algorithm::Aes256);
    make(&store, "cards", Purpose::Token, Algorithm::Aes128);
    let mac = make(&store, "alpha/mac", Purpose::Mac, Algorithm::Tdes2);
    let pin = make(&store, "alpha/pin", Purpose::PinEncryption, Algorithm::Tdes2);
    let exchange = make(&store, "alpha/exchange", Purpose::Exchange, Algorithm::Aes256);
    let network = format!("exchange = \"{exchange}\"\nmac = \"{mac}\"\npin = \"{pin}\"\n");
    bed.write("alpha.toml", network);
    fs::set_permissions(bed.path("alpha.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let one = Key::random(Algorithm::Tdes2).unwrap();
    let wanted = bytes(TERMINAL_MASTER);
    let other: Vec<u8> = one.expose().iter().zip(&wanted).map(|(one, all)| one ^ all).collect();
    let (purpose, algorithm) = (Purpose::TerminalMaster, Algorithm::Tdes2);
    import(&store, "terminal/00000001", purpose, algorithm, &[one.expose(), &other]);
}

fn fill_books(bed: &Bed) {
    let directory = DataDirectory::create(&bed.path("books")).unwrap();
    let (journal, snapshots) = (directory.journal().unwrap(), directory.snapshots().unwrap());
    let node = Node::start(Box::new(journal), Box::new(snapshots), Options::default()).unwrap();
    let tariff = tariff::file::parse(TARIFF).unwrap();
    let version = &tariff.versions[0];
    let (currency, china, firm) = (Currency::CNY, Jurisdiction(*b"CN"), FirmId::derived(FIRM));
    let (courier, seller) = (CourierId(1), SellerId(1));
    let mut commands = vec![
        Command::OpenBooks { utc_offset_minutes: 480 },
        Command::RegisterBank { bank: BankId(1), currency, reference: "bank".into() },
        Command::SetHoldRule { jurisdiction: china, rule: HoldRule::AtOnce },
        Command::PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: None,
            from: version.from,
            until: None,
            terms: Box::new(version.terms.clone()),
            reference: tariff.name.clone(),
        },
        Command::RegisterFirm { firm, currency, guarantee: Amount::ZERO, reference: FIRM.into() },
        Command::RegisterSeller {
            seller,
            kind: SellerKind::Business,
            currency,
            jurisdiction: china,
            tariff: TariffId(1),
            class: ClassNo(0),
            cycle: Cycle::Daily,
            minimum: Amount::of(1),
            reference: "seller".into(),
        },
        Command::RegisterCourier {
            courier,
            firm,
            cash_limit: Amount::of(1_000_000),
            reference: "courier".into(),
        },
        Command::RegisterTerminal { terminal: TerminalId(1), courier },
    ];
    for (bits, due) in SALES {
        let (parcel, due) = (ParcelId::new(bits), Amount::of(due));
        let reference = format!("order-{bits}");
        commands.extend([
            Command::AnnounceParcel { parcel, seller, currency, due, reference },
            Command::AssignParcels { firm, parcels: vec![parcel] },
            Command::DispatchParcels { courier, parcels: vec![parcel] },
        ]);
    }
    let mut client = node.client();
    let commands = commands.into_iter().map(|command| (None, command)).collect();
    for answer in client.carry_out(commands).unwrap() {
        answer.unwrap();
    }
    drop(client);
    node.stop().unwrap();
}

fn settings(network: &str) -> String {
    format!(
        r#"utc_offset_minutes = 480
currency = "CNY"
country = "CN"
shown_as = {{ name = "Doorstep", city = "Hangzhou" }}
[keys]
store = "keys.json"
master = "master.key"
terminals = "terminals"
token = "cards"
[terminals]
listen = ["127.0.0.1:0"]
[merchant]
acquirer = "898"
region = "3310"
category = "4215"
firms = {{ "{FIRM}" = 1 }}
[[network]]
name = "alpha"
currency = "CNY"
links = ["{network}"]
acquirer = "104"
debit = {{ rate = "0.38%", cap = "18.00" }}
credit = {{ rate = "0.45%" }}
mac_key = "alpha/mac"
pin_key = "alpha/pin"
exchange_key = "alpha/exchange"
[[bin]]
first_digits = "62"
kind = "debit"
networks = ["alpha"]
"#
    )
}

/// A whole day of the terminal: what it was told, and what it complains of.
fn live(address: &str) -> Value {
    let (host, port) = address.rsplit_once(':').unwrap();
    let sales = SALES.map(|(bits, amount)| json!([peers::waybill::waybill(bits), amount]));
    let plan = json!({
        "address": [host, port.parse::<u16>().unwrap()],
        "terminal": "00000001",
        "merchant": MERCHANT,
        "master_key": TERMINAL_MASTER,
        "card": {"pan": "6225880000000001", "expiry": "3012"},
        "sales": sales,
    });
    let mut python = Process::new(python());
    python.arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
    let ran = python.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn a_terminal_of_pyiso8583_lives_a_day() {
    let bed = Bed::new();
    make_keys(&bed);
    fill_books(&bed);
    let network = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let run = "--name alpha --keys alpha.toml --clearing clearing --json";
    let mut alpha = Running::start(&bed, &format!("network run --listen {network} {run}"));
    alpha.says("");
    bed.write("doorstep.toml", settings(&network));
    let mut engine = Running::start(&bed, "serve --data books --config doorstep.toml");
    let address = engine.says("terminals");
    wait_for_links(&bed);

    let day = live(&address);
    assert_eq!(day["wrong"], json!([]), "{day}");
    let expected = json!([
        ["sign-on", "00"],
        ["sale", "00"],
        ["repeat", "00"],
        ["second sale", "00"],
        ["reversal", "00"],
        ["reversal again", "00"],
        ["wrong MAC", "A0"],
        ["cash", "00"],
        ["void", "00"],
        ["totals", "00"],
    ]);
    assert_eq!(day["steps"], expected);

    engine.stop();
    alpha.stop();
    bed.verified("books");
    // Both sales by card were taken back: the network owes nothing, the courier has the cash.
    let ran = bed.run("balances --data books --json").succeeds();
    let cash = r#"{"account":"assets:courier-cash:courier","currency":"CNY","amount":9900}"#;
    assert!(ran.stdout().contains(cash), "{}", ran.stdout());
    assert!(!ran.stdout().contains("network"), "{}", ran.stdout());
    let files = fs::read_dir(bed.path("clearing")).unwrap().map(|file| file.unwrap().path());
    for file in files {
        let file =
            peers::clearing::ClearingFile::parse(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(file.lines.len(), 0, "what was taken back is not cleared");
    }
}

fn wait_for_links(bed: &Bed) {
    for _ in 0..600 {
        let status = bed.run("network status --data books").succeeds().json();
        if status["links"].as_array().is_some_and(|links| {
            !links.is_empty() && links.iter().all(|link| link["signed_on"] == true)
        }) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the network's link is not signed on within half a minute");
}
