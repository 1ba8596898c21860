//! The files of the door benchmark and of trials: keys, settings, books.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use base16ct::upper::encode_string as hex;
use books::{
    AnnounceParcel, AssignParcels, AssignedParcel, Command, CourierId, DispatchParcels,
    DispatchedParcel, PARCELS_PER_COMMAND_MAX, ParcelId, SellerId, TerminalId,
};
use engine::{Actor, Submission};
use journal::DataDirectory;
use keys::{Algorithm, Component, Key, KeyName, KeyPurpose, KeyStore, MasterKey, SoftwareStore};
use money::{Amount, Currency};
use node::{Node, NodeClient, NodeOptions};

use crate::ReservedAddress;
use crate::opening::{self, FIRM, SELLERS};
use crate::workload;

/// The name of the card network.
pub const NETWORK: &str = "alpha";
/// Commands in one request while the books are filled.
const COMMANDS_PER_REQUEST: usize = 4_000;

/// The offline limits of a terminal.
const OFFLINE_EACH_MAX: Amount = Amount::of(100_000);
const OFFLINE_TOTAL_MAX: Amount = Amount::of(300_000);

/// Field 42 of all terminals. Its last digits are the firm's number in the settings.
pub const MERCHANT: &str = "898331042150001";
pub const ACQUIRER: u64 = 48_980_000;

/// The name of the wallet.
pub const WALLET: &str = "red";

#[derive(Clone, Debug)]
pub struct FixturePlan {
    pub gateways: u32,
    /// Addresses at which the engine listens for terminals; port 0 for any free port.
    pub listen: Vec<String>,
    /// The address at which it listens for the wallet. None: there is no wallet.
    pub wallet: Option<String>,
    /// Of terminals, network and wallet.
    pub currency: Currency,
    /// Of the terminals, by its name in the settings.
    pub dialect: &'static str,
    /// Whether it serves the API, with the views.
    pub web: bool,
}

/// A directory with these files.
pub struct Fixture {
    directory: PathBuf,
    pub network_address: SocketAddr,
    /// As long as the files are used.
    _network_port: ReservedAddress,
}

impl Fixture {
    /// Fills new books with commands.
    pub fn prepare(
        directory: &Path,
        plan: &FixturePlan,
        commands: impl IntoIterator<Item = impl Into<engine::Command>>,
    ) -> anyhow::Result<Fixture> {
        let named = || directory.display().to_string();
        fs::create_dir_all(directory).with_context(named)?;
        let reserved = ReservedAddress::new()?;
        let fixture = Fixture {
            directory: directory.to_owned(),
            network_address: reserved.address(),
            _network_port: reserved,
        };
        fixture.make_keys()?;
        fixture.write("doorstep.toml", &fixture.settings(plan))?;
        if plan.wallet.is_some() {
            fixture.write("red.secret", &hex(Key::random(Algorithm::Aes256)?.expose()))?;
        }
        fixture.fill_books(commands)?;
        Ok(fixture)
    }

    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
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
        make("hub/codes", KeyPurpose::HandOverCode, Algorithm::Aes128)?;
        make("vault", KeyPurpose::DataKeys, Algorithm::Aes256)?;
        let mac = make("alpha/mac", KeyPurpose::Mac, Algorithm::Tdes2)?;
        let pin = make("alpha/pin", KeyPurpose::PinEncryption, Algorithm::Tdes2)?;
        let exchange = make("alpha/exchange", KeyPurpose::Exchange, Algorithm::Aes256)?;
        self.write("base.key", &base)?;
        let network = format!("exchange = \"{exchange}\"\nmac = \"{mac}\"\npin = \"{pin}\"\n");
        self.write("alpha.toml", &network)
    }

    fn settings(&self, plan: &FixturePlan) -> String {
        let listen: Vec<String> = plan.listen.iter().map(|at| format!("\"{at}\"")).collect();
        let listen = listen.join(", ");
        let FixturePlan { currency, dialect, .. } = plan;
        // The API takes the files that terminals leave.
        let limits = match plan.web {
            true => "connections = 6000\nconnections_per_address = 6000",
            false => "connections_per_address = 18000",
        };
        // A cap is in one currency.
        let cap = if *currency == Currency::CNY { ", cap = \"18.00\"" } else { "" };
        let mut text = format!(
            r#"time_zone = "Asia/Shanghai"
currency = "{currency}"
country = "CN"
shown_as = {{ name = "Doorstep", city = "Hangzhou" }}
[keys]
store = "keys.json"
master = "master.key"
terminals = "terminals"
token = "cards"
codes = "hub/codes"
vault = "vault"
[limits]
{limits}

[terminals]
dialect = "{dialect}"
listen = [{listen}]
[merchant]
acquirer = "898"
region = "3310"
category = "4215"
firms = {{ "{FIRM}" = 1 }}
[[network]]
name = "{NETWORK}"
currency = "{currency}"
links = ["{0}", "{0}"]
acquirer = "{ACQUIRER}"
debit = {{ rate = "0.38%"{cap} }}
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
        if let Some(address) = &plan.wallet {
            text.push_str(&format!(
                r#"[wallet]
name = "{WALLET}"
guid = "com.red.pay"
merchant = "D0001"
currency = "{currency}"
listen = ["{address}"]
secret = "red.secret"
"#
            ));
        }
        if plan.web {
            text.push_str(
                r#"[views]
[web]
listen = ["127.0.0.1:0"]
requests_per_second = 1000000
"#,
            );
        }
        if plan.gateways > 0 {
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

    fn fill_books(
        &self,
        commands: impl IntoIterator<Item = impl Into<engine::Command>>,
    ) -> anyhow::Result<()> {
        let directory = DataDirectory::create(&self.path("books"))?;
        let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
        let node = Node::start(Box::new(journal), Box::new(snapshots), NodeOptions::default())?;
        let mut batch = CommandBatch { client: node.client(), commands: Vec::new() };
        for command in commands {
            batch.add(command)?;
        }
        batch.send()?;
        drop(batch);
        node.stop()?;
        Ok(())
    }
}

/// Simulated books: a courier for each terminal, each with parcels out.
pub fn simulated_books(
    terminals: u32,
    parcels_each: u32,
) -> anyhow::Result<impl Iterator<Item = Command>> {
    let couriers = register_couriers(terminals);
    let parcels = (1..=terminals).flat_map(move |number| {
        let announced = (0..parcels_each).map(move |place| {
            Command::AnnounceParcel(AnnounceParcel {
                parcel: workload::parcel_id(number, place),
                seller: SellerId((number.wrapping_add(place) % SELLERS).into()),
                currency: Currency::CNY,
                due: workload::amount(number, place),
                reference: format!("o-{number}-{place}"),
                shipment: 1,
            })
        });
        let parcels: Vec<_> =
            (0..parcels_each).map(|place| workload::parcel_id(number, place)).collect();
        announced.chain(send_out(&parcels, number))
    });
    Ok(opening::opening_commands()?.into_iter().chain(couriers).chain(parcels))
}

/// A courier for each terminal, with the same number, and the terminal's offline limits.
pub fn register_couriers(terminals: u32) -> impl Iterator<Item = Command> {
    let couriers = (1..=terminals).flat_map(opening::register_courier);
    let limits = (1..=terminals).map(|number| {
        let terminal = TerminalId(number.into());
        opening::set_offline_limit(terminal, OFFLINE_EACH_MAX, OFFLINE_TOTAL_MAX)
    });
    couriers.chain(limits)
}

/// Assigns announced parcels to the firm and sends them out with a courier, for the first time.
pub fn send_out(parcels: &[ParcelId], courier: u32) -> Vec<Command> {
    let courier = CourierId(courier.into());
    let both = parcels.chunks(PARCELS_PER_COMMAND_MAX).flat_map(|parcels| {
        let first = |parcel: &ParcelId| AssignedParcel { parcel: *parcel, number: 1 };
        let to_firm = parcels.iter().map(first).collect();
        let assigned = AssignParcels { firm: opening::firm(), parcels: to_firm };
        let first = |parcel: &ParcelId| DispatchedParcel { parcel: *parcel, attempt: 1 };
        let parcels = parcels.iter().map(first).collect();
        let dispatched = DispatchParcels { courier, parcels };
        [Command::AssignParcels(assigned), Command::DispatchParcels(dispatched)]
    });
    both.collect()
}

/// Commands that are sent together.
struct CommandBatch {
    client: NodeClient,
    commands: Vec<(Option<books::Timestamp>, Submission)>,
}

impl CommandBatch {
    fn add(&mut self, command: impl Into<engine::Command>) -> anyhow::Result<()> {
        self.commands.push((None, Submission::new(Actor::System, command.into())));
        if self.commands.len() >= COMMANDS_PER_REQUEST { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        for answer in self.client.execute(std::mem::take(&mut self.commands))? {
            answer.map_err(|refusal| anyhow!("the books cannot be filled: {refusal}"))?;
        }
        Ok(())
    }
}
