//! What must be there before the doors open: keys, certificates, settings, books.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::keys::{Algorithm, Component, Key, KeyName, KeyStore, MasterKey, Purpose, SoftwareStore};
use anyhow::{Context, anyhow};
use engine::{Command, CourierId, PARCELS_PER_COMMAND_MAX, SellerId, TerminalId};
use journal::DataDirectory;
use money::{Amount, Currency};
use node::{Client, Node, Options};

use super::goods;
use crate::bench::books::{self, FIRM, SELLERS};

const NETWORK: &str = "alpha";
/// Commands in a letter while the books are filled.
const PAGE: usize = 4_000;

/// What a terminal may sell offline.
const OFFLINE_EACH_MAX: Amount = Amount::of(100_000);
const OFFLINE_TOTAL_MAX: Amount = Amount::of(300_000);

/// Field 42 of all terminals; the firm's serial number is in the settings.
pub const MERCHANT: &str = "898331042150001";
pub const ACQUIRER: u64 = 48_980_000;

/// A directory with all of it.
pub struct Ground {
    directory: PathBuf,
    pub parcels_each: u32,
    pub network_address: SocketAddr,
    /// At how many addresses the engine, and each gateway, listens for terminals: between two
    /// addresses there are few ports, and it takes the system long to find the last free ones.
    pub doors: u32,
}

impl Ground {
    /// Makes all of it.
    pub fn prepare(
        directory: &Path,
        terminals: u32,
        parcels_each: u32,
        gateways: u32,
        doors: u32,
    ) -> anyhow::Result<Ground> {
        let named = || directory.display().to_string();
        fs::create_dir_all(directory).with_context(named)?;
        let network_address = free_address()?;
        let directory = directory.to_owned();
        let ground = Ground { directory, parcels_each, network_address, doors };
        ground.make_keys()?;
        ground.write("doorstep.toml", &ground.settings(gateways))?;
        ground.fill_books(terminals)?;
        Ok(ground)
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

    /// The store of the engine; the base key for the terminals, and the network's keys for the
    /// network, in files of their own.
    fn make_keys(&self) -> anyhow::Result<()> {
        let master = hex(Key::random(Algorithm::Aes256)?.expose());
        self.write("master.key", &master)?;
        let master = MasterKey::from_file(&self.path("master.key"))?;
        let store = SoftwareStore::open_or_begin(&self.path("keys.json"), master)?;
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
        let base = make("terminals", Purpose::Base, Algorithm::Aes256)?;
        make("cards", Purpose::Token, Algorithm::Aes128)?;
        let mac = make("alpha/mac", Purpose::Mac, Algorithm::Tdes2)?;
        let pin = make("alpha/pin", Purpose::PinEncryption, Algorithm::Tdes2)?;
        let exchange = make("alpha/exchange", Purpose::Exchange, Algorithm::Aes256)?;
        self.write("base.key", &base)?;
        let network = format!("exchange = \"{exchange}\"\nmac = \"{mac}\"\npin = \"{pin}\"\n");
        self.write("alpha.toml", &network)
    }

    /// The address of a door; `host` 1 is the engine's.
    pub fn door(door: u32, host: u32) -> String {
        format!("127.0.{door}.{host}:0")
    }

    fn settings(&self, gateways: u32) -> String {
        let doors = (0..self.doors).map(|door| format!("\"{}\"", Ground::door(door, 1)));
        let doors = doors.collect::<Vec<_>>().join(", ");
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
listen = [{doors}]
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

    /// A courier for each terminal, and parcels on the way with each.
    fn fill_books(&self, terminals: u32) -> anyhow::Result<()> {
        let directory = DataDirectory::create(&self.path("books"))?;
        let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
        let node = Node::start(Box::new(journal), Box::new(snapshots), Options::default())?;
        let mut page = Page { client: node.client(), commands: Vec::new() };
        for command in books::opening()?.into_iter().chain((1..=terminals).flat_map(books::courier))
        {
            page.add(command)?;
        }
        let firm = books::firm();
        for number in 1..=terminals {
            let terminal = TerminalId(number.into());
            let (each, total) = (OFFLINE_EACH_MAX, OFFLINE_TOTAL_MAX);
            page.add(Command::SetOfflineLimit { terminal, each, total })?;
        }
        for number in 1..=terminals {
            let courier = CourierId(number.into());
            let mut parcels = Vec::new();
            for place in 0..self.parcels_each {
                let parcel = goods::parcel(number, place);
                parcels.push(parcel);
                page.add(Command::AnnounceParcel {
                    parcel,
                    seller: SellerId((number.wrapping_add(place) % SELLERS).into()),
                    currency: Currency::CNY,
                    due: goods::amount(number, place),
                    reference: format!("o-{number}-{place}"),
                })?;
            }
            for parcels in parcels.chunks(PARCELS_PER_COMMAND_MAX) {
                let parcels = parcels.to_vec();
                page.add(Command::AssignParcels { firm, parcels: parcels.clone() })?;
                page.add(Command::DispatchParcels { courier, parcels })?;
            }
        }
        page.send()?;
        drop(page);
        node.stop()?;
        Ok(())
    }
}

/// Commands that are sent together.
struct Page {
    client: Client,
    commands: Vec<(Option<engine::Timestamp>, Command)>,
}

impl Page {
    fn add(&mut self, command: Command) -> anyhow::Result<()> {
        self.commands.push((None, command));
        if self.commands.len() >= PAGE { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        for answer in self.client.carry_out(std::mem::take(&mut self.commands))? {
            answer.map_err(|refusal| anyhow!("the books are not filled: {refusal}"))?;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// An address that nobody listens at. Whoever is told it listens there in a moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
