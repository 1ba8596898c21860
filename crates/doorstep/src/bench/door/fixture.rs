//! The benchmark's files: keys, settings, books.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::keys::{Algorithm, Component, Key, KeyName, KeyPurpose, KeyStore, MasterKey, SoftwareStore};
use anyhow::{Context, anyhow};
use books::{
    AnnounceParcel, AssignParcels, Command, CourierId, DispatchParcels, PARCELS_PER_COMMAND_MAX,
    SellerId, SetOfflineLimit, TerminalId,
};
use journal::DataDirectory;
use money::{Amount, Currency};
use node::{Node, NodeClient, NodeOptions};

use super::workload;
use crate::bench::books::{self, FIRM, SELLERS};

const NETWORK: &str = "alpha";
/// Commands in one request while the books are filled.
const COMMANDS_PER_REQUEST: usize = 4_000;

/// The offline limits of a terminal.
const OFFLINE_EACH_MAX: Amount = Amount::of(100_000);
const OFFLINE_TOTAL_MAX: Amount = Amount::of(300_000);

/// Field 42 of all terminals. Its last digits are the firm's number in the settings.
pub const MERCHANT: &str = "898331042150001";
pub const ACQUIRER: u64 = 48_980_000;

/// A directory with these files.
pub struct Fixture {
    directory: PathBuf,
    pub parcels_each: u32,
    pub network_address: SocketAddr,
    /// Addresses at which the engine, and each gateway, listens for terminals. One pair of
    /// addresses has few ports, and the system finds the last free ones slowly.
    pub listeners: u32,
}

impl Fixture {
    pub fn prepare(
        directory: &Path,
        terminals: u32,
        parcels_each: u32,
        gateways: u32,
        doors: u32,
    ) -> anyhow::Result<Fixture> {
        let named = || directory.display().to_string();
        fs::create_dir_all(directory).with_context(named)?;
        let network_address = free_address()?;
        let directory = directory.to_owned();
        let fixture = Fixture { directory, parcels_each, network_address, listeners: doors };
        fixture.make_keys()?;
        fixture.write("doorstep.toml", &fixture.settings(gateways))?;
        fixture.fill_books(terminals)?;
        Ok(fixture)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn network_name(&self) -> &'static str {
        NETWORK
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(name);
        let named = || path.display().to_string();
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(&path).with_context(named)?.write_all(text.as_bytes()).with_context(named)
    }

    /// Makes the engine's key store, the file with the terminals' base key, and the network's key
    /// file.
    fn make_keys(&self) -> anyhow::Result<()> {
        let master = hex(Key::random(Algorithm::Aes256)?.expose());
        self.write("master.key", &master)?;
        let master = MasterKey::from_file(&self.path("master.key"))?;
        let store = SoftwareStore::open_or_create(&self.path("keys.json"), master)?;
        let make = |name: &str, purpose, algorithm| -> anyhow::Result<String> {
            let halves = [Key::random(algorithm)?, Key::random(algorithm)?];
            let component = |(place, half): (usize, &Key)| {
                let line = format!("{} {}", hex(half.expose()), half.check_value());
                Component::parse(&line, algorithm, place)
            };
            let components = (1..).zip(&halves).map(component).collect::<Result<Vec<_>, _>>()?;
            store.import_components(KeyName::new(name)?, purpose, algorithm, &components)?;
            let [one, other] = &halves;
            let whole = one.expose().iter().zip(other.expose()).map(|(one, other)| one ^ other);
            Ok(hex(&whole.collect::<Vec<u8>>()))
        };
        let base = make("terminals", KeyPurpose::Base, Algorithm::Aes256)?;
        make("cards", KeyPurpose::Token, Algorithm::Aes128)?;
        let mac = make("alpha/mac", KeyPurpose::Mac, Algorithm::Tdes2)?;
        let pin = make("alpha/pin", KeyPurpose::PinEncryption, Algorithm::Tdes2)?;
        let exchange = make("alpha/exchange", KeyPurpose::Exchange, Algorithm::Aes256)?;
        self.write("base.key", &base)?;
        let network = format!("exchange = \"{exchange}\"\nmac = \"{mac}\"\npin = \"{pin}\"\n");
        self.write("alpha.toml", &network)
    }

    /// The address of a listener. `host` 1 is the engine.
    pub fn listen_address(door: u32, host: u32) -> String {
        format!("127.0.{door}.{host}:0")
    }

    fn settings(&self, gateways: u32) -> String {
        let listen =
            (0..self.listeners).map(|door| format!("\"{}\"", Fixture::listen_address(door, 1)));
        let listen = listen.collect::<Vec<_>>().join(", ");
        let mut text = format!(
            r#"utc_offset_minutes = 480
currency = "CNY"
country = "CN"
shown_as = {{ name = "Doorstep", city = "Hangzhou" }}
[keys]
store = "keys.json"
master = "master.key"
terminals = "terminals"
generation = 1
token = "cards"
[terminals]
listen = [{listen}]
[merchant]
acquirer = "898"
region = "3310"
category = "4215"
firms = {{ "{FIRM}" = 1 }}
[[network]]
name = "{NETWORK}"
currency = "CNY"
links = ["{0}", "{0}"]
acquirer = "{ACQUIRER}"
debit = {{ rate = "0.38%", cap = "18.00" }}
credit = {{ rate = "0.45%" }}
mac_key = "alpha/mac"
pin_key = "alpha/pin"
exchange_key = "alpha/exchange"
[[bin]]
first_digits = "62"
kind = "debit"
networks = ["{NETWORK}"]
"#,
            self.network_address
        );
        if gateways > 0 {
            text.push_str(
                r#"[gateways]
listen = ["127.0.0.1:0"]
authorities = "certificates/authority.pem"
certificate = "certificates/engine.pem"
key = "certificates/engine.key"
"#,
            );
        }
        text
    }

    /// A courier for each terminal, each with parcels out for delivery.
    fn fill_books(&self, terminals: u32) -> anyhow::Result<()> {
        let directory = DataDirectory::create(&self.path("books"))?;
        let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
        let node = Node::start(Box::new(journal), Box::new(snapshots), NodeOptions::default())?;
        let mut batch = CommandBatch { client: node.client(), commands: Vec::new() };
        for command in books::opening_commands()?
            .into_iter()
            .chain((1..=terminals).flat_map(books::register_courier))
        {
            batch.add(command)?;
        }
        let firm = books::firm();
        for number in 1..=terminals {
            let terminal = TerminalId(number.into());
            let (each, total) = (OFFLINE_EACH_MAX, OFFLINE_TOTAL_MAX);
            batch.add(Command::SetOfflineLimit(SetOfflineLimit { terminal, each, total }))?;
        }
        for number in 1..=terminals {
            let courier = CourierId(number.into());
            let mut parcels = Vec::new();
            for place in 0..self.parcels_each {
                let parcel = workload::parcel_id(number, place);
                parcels.push(parcel);
                batch.add(Command::AnnounceParcel(AnnounceParcel {
                    parcel,
                    seller: SellerId((number.wrapping_add(place) % SELLERS).into()),
                    currency: Currency::CNY,
                    due: workload::amount(number, place),
                    reference: format!("o-{number}-{place}"),
                }))?;
            }
            for parcels in parcels.chunks(PARCELS_PER_COMMAND_MAX) {
                let parcels = parcels.to_vec();
                batch.add(Command::AssignParcels(AssignParcels {
                    firm,
                    parcels: parcels.clone(),
                }))?;
                batch.add(Command::DispatchParcels(DispatchParcels { courier, parcels }))?;
            }
        }
        batch.send()?;
        drop(batch);
        node.stop()?;
        Ok(())
    }
}

/// Commands that are sent together.
struct CommandBatch {
    client: NodeClient,
    commands: Vec<(Option<books::Timestamp>, Command)>,
}

impl CommandBatch {
    fn add(&mut self, command: Command) -> anyhow::Result<()> {
        self.commands.push((None, command));
        if self.commands.len() >= COMMANDS_PER_REQUEST { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        for answer in self.client.execute(std::mem::take(&mut self.commands))? {
            answer.map_err(|refusal| anyhow!("the books cannot be filled: {refusal}"))?;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A free local address. Its user must listen there soon.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
