//! The form of doorstep.toml.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use keys::KeyName;
use money::{Currency, Rate};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub utc_offset_minutes: i16,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    pub country: String,
    pub shown_as: ShownAs,
    pub keys: Keys,
    pub merchant: Merchant,
    #[serde(default)]
    pub terminals: Terminals,
    pub gateways: Option<Gateways>,
    pub wallet: Option<Wallet>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub timing: Timing,
    #[serde(rename = "network")]
    pub networks: Vec<Network>,
    #[serde(rename = "bin")]
    pub bins: Vec<Bin>,
}

/// Of the file, what a key store is found by.
#[derive(Deserialize)]
pub struct KeysOnly {
    pub keys: Keys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownAs {
    pub name: String,
    pub city: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The file of a software store.
    pub store: Option<PathBuf>,
    /// The file of its master key; without it, the environment has it.
    pub master: Option<PathBuf>,
    pub pkcs11: Option<Pkcs11>,
    /// The name of the key that terminals' keys are derived from.
    #[serde(deserialize_with = "text")]
    pub terminals: KeyName,
    #[serde(default = "one")]
    pub generation: u32,
    /// The name of the key of card tokens.
    #[serde(deserialize_with = "text")]
    pub token: KeyName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    pub module: PathBuf,
    pub token: String,
    /// The file of the user's PIN; without it, the environment has it.
    pub pin_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchant {
    pub acquirer: String,
    pub region: String,
    pub category: String,
    #[serde(default)]
    pub firms: BTreeMap<String, u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terminals {
    pub listen: Vec<Address>,
    pub tls: Option<Tls>,
    pub answer_seconds: u32,
    pub reversals: u32,
    pub echo_seconds: u32,
}

impl Default for Terminals {
    fn default() -> Terminals {
        let (listen, tls) = (Vec::new(), None);
        Terminals { listen, tls, answer_seconds: 60, reversals: 5, echo_seconds: 300 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities of the certificates that whoever connects must have.
    pub clients: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateways {
    pub listen: Vec<Address>,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub authorities: PathBuf,
    /// The names in the certificates of those who are let in; without it, all of the authorities.
    pub names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub name: String,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    pub links: Vec<Address>,
    pub tls: Option<Towards>,
    pub acquirer: String,
    pub debit: Cost,
    pub credit: Cost,
    #[serde(deserialize_with = "text")]
    pub mac_key: KeyName,
    #[serde(deserialize_with = "text")]
    pub pin_key: KeyName,
    #[serde(deserialize_with = "text")]
    pub exchange_key: KeyName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Towards {
    pub authorities: PathBuf,
    /// The name in the network's certificate.
    pub name: String,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    #[serde(deserialize_with = "text")]
    pub rate: Rate,
    pub cap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    pub first_digits: String,
    pub kind: CardKind,
    pub networks: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardKind {
    Debit,
    Credit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wallet {
    pub name: String,
    pub guid: String,
    pub merchant: String,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    #[serde(default)]
    pub listen: Vec<Address>,
    pub tls: Option<Tls>,
    /// The file with what the wallet signs its notes with.
    pub secret: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub connections: Option<usize>,
    pub connections_per_address: Option<usize>,
    pub accepts_per_second: Option<u32>,
    pub handshake_seconds: Option<u64>,
    pub message_seconds: Option<u64>,
    pub idle_seconds: Option<u64>,
    pub in_flight: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    pub answer_ms: Option<u64>,
    pub chase_first_ms: Option<u64>,
    pub chase_most_ms: Option<u64>,
    pub link_answer_ms: Option<u64>,
    pub echo_ms: Option<u64>,
    pub qr_ms: Option<u64>,
    pub rest_ms: Option<u64>,
    pub pre_authorisation_days: Option<u16>,
}

/// An address with its port, or a name with one, which is looked up once.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
        let example = "write an address and a port, as in 10.0.0.7:7001 or [::1]:7001";
        found.map(Address).ok_or_else(|| format!("`{text}` is not found; {example}"))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
        text(from)
    }
}

/// What is written as text and read by its own rules.
fn text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: Display,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    text.parse().map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
}

fn one() -> u32 {
    1
}
