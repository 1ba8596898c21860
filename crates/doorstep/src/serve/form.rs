//! The TOML form of doorstep.toml.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use keys::KeyName;
use money::{Currency, Rate};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use switch::{NetworkDialect, TerminalDialect};

use super::inbox::InboxForm;
use super::notices::NoticesForm;
use super::pulse::PulseForm;
use crate::logging::LogLevel;
use crate::words::{Lang, bilingual};
use crate::{chinese, texts as words};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsForm {
    pub time_zone: String,
    /// In place of the command line's.
    pub log_level: Option<LogLevel>,
    /// The calendar file: its steps are carried out while this serves.
    pub calendar: Option<PathBuf>,
    /// The SQL views: kept at the journal's end while this serves.
    pub views: Option<ViewsForm>,
    /// The daily report: published when a day is over, while this serves.
    pub pulse: Option<PulseForm>,
    /// The API over HTTP: served while this serves.
    pub web: Option<WebForm>,
    /// Figures, health and readiness: answered while this serves.
    pub metrics: Option<MetricsForm>,
    /// Notices: written and sent while this serves.
    pub notices: Option<NoticesForm>,
    /// Files that are put into a directory: taken while this serves.
    pub inbox: Option<InboxForm>,
    /// The vault's records, if they are in PostgreSQL.
    pub vault: Option<VaultForm>,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    /// Further currencies of terminals.
    #[serde(default, deserialize_with = "texts")]
    pub currencies: Vec<Currency>,
    pub country: String,
    pub shown_as: DisplayNameForm,
    pub keys: KeysForm,
    pub merchant: MerchantForm,
    #[serde(default)]
    pub terminals: TerminalsForm,
    pub gateways: Option<GatewaysForm>,
    pub wallet: Option<WalletForm>,
    #[serde(default)]
    pub control: ControlForm,
    #[serde(default)]
    pub limits: LimitsForm,
    #[serde(default)]
    pub timing: TimingForm,
    #[serde(rename = "network")]
    pub networks: Vec<NetworkForm>,
    #[serde(rename = "bin")]
    pub bins: Vec<BinForm>,
    #[serde(rename = "debtor", default)]
    pub debtors: Vec<DebtorForm>,
}

/// The SQL views of the books.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsForm {
    /// In place of views.sqlite in the data directory.
    pub path: Option<PathBuf>,
    /// In a server of PostgreSQL.
    pub url: Option<String>,
    /// The file with the server's password.
    pub password_file: Option<PathBuf>,
    /// The authorities of its certificate: by TLS.
    pub authorities: Option<PathBuf>,
}

/// The server of PostgreSQL that has the vault's records.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultForm {
    pub url: String,
    /// The file with the server's password.
    pub password_file: Option<PathBuf>,
    /// The authorities of its certificate: by TLS.
    pub authorities: Option<PathBuf>,
}

/// The API over HTTP.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebForm {
    pub listen: Vec<AddressText>,
    pub tls: Option<TlsIdentityForm>,
    /// Names for which it answers, besides its addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    pub requests_per_second: Option<u32>,
    /// More wait in a line.
    pub checkouts_at_once: Option<usize>,
    /// Where browsers find its pages.
    pub origin: Option<String>,
    /// Whether anybody may read the policy and its report, without signing in.
    #[serde(default)]
    pub public_policy: bool,
    /// There is a shop window.
    pub shop: Option<ShopForm>,
    pub oidc: Option<ProviderForm>,
}

/// The shop window at /shop.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopForm {
    pub open: bool,
    #[serde(rename = "category", default)]
    pub categories: Vec<CategoryForm>,
}

/// What a category of offers is called.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryForm {
    pub id: u64,
    pub en: String,
    pub zh: String,
}

/// Where watchers of this process get its figures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsForm {
    pub listen: Vec<AddressText>,
    pub tls: Option<TlsIdentityForm>,
    pub plain: Option<PlainForm>,
}

/// The OpenID provider with which people sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderForm {
    pub issuer: String,
    pub client_id: String,
    /// The file with the client's secret.
    pub secret_file: Option<PathBuf>,
    /// The authorities of its certificate, in place of the machine's.
    pub authorities: Option<PathBuf>,
    /// Ways to sign in there with which our second factor is not asked for.
    #[serde(default)]
    pub trusted_amr: Vec<String>,
    #[serde(default)]
    pub trusted_acr: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsIdentityForm {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The part of the file that says where the views are.
#[derive(Deserialize)]
pub struct ViewsOnlyForm {
    pub views: Option<ViewsForm>,
}

/// Who may use the office's socket.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlForm {
    /// A group of this machine: its name in /etc/group, or its id.
    pub group: Option<String>,
}

/// The part of the file that names the key store, the vault, and our bank accounts.
#[derive(Deserialize)]
pub struct KeysOnlyForm {
    pub keys: KeysForm,
    pub vault: Option<VaultForm>,
    #[serde(rename = "debtor", default)]
    pub debtors: Vec<DebtorForm>,
}

/// Our bank account from which payouts in a currency are paid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebtorForm {
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    pub name: String,
    pub iban: Option<String>,
    pub bic: Option<String>,
    pub bank_code: Option<String>,
    pub account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisplayNameForm {
    pub name: String,
    pub city: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysForm {
    /// The key file.
    pub store: Option<PathBuf>,
    /// The file of the master key; otherwise DOORSTEP_MASTER_KEY holds it.
    pub master: Option<PathBuf>,
    pub pkcs11: Option<Pkcs11Form>,
    /// The key from which terminals' keys are derived.
    #[serde(deserialize_with = "text")]
    pub terminals: KeyName,
    /// The key of card tokens.
    #[serde(deserialize_with = "text")]
    pub token: KeyName,
    /// The key of hand-overs' one-time codes.
    #[serde(default, deserialize_with = "some_text")]
    pub codes: Option<KeyName>,
    /// The key that wraps the vault's data keys.
    #[serde(default, deserialize_with = "some_text")]
    pub vault: Option<KeyName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11Form {
    pub module: PathBuf,
    pub token: String,
    /// The file of the user PIN; otherwise DOORSTEP_PKCS11_PIN holds it.
    pub pin_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerchantForm {
    pub acquirer: String,
    pub region: String,
    pub category: String,
    #[serde(default)]
    pub firms: BTreeMap<String, u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TerminalsForm {
    #[serde(deserialize_with = "text")]
    pub dialect: &'static TerminalDialect,
    pub listen: Vec<AddressText>,
    pub tls: Option<TlsServerForm>,
    pub plain: Option<PlainForm>,
    /// Further listeners, by names that the operator chooses.
    pub listeners: BTreeMap<String, ListenerForm>,
    pub answer_seconds: u32,
    pub reversals: u32,
    pub echo_seconds: u32,
}

impl Default for TerminalsForm {
    fn default() -> TerminalsForm {
        TerminalsForm {
            dialect: TerminalDialect::DOORSTEP,
            listen: Vec::new(),
            tls: None,
            plain: None,
            listeners: BTreeMap::new(),
            answer_seconds: 60,
            reversals: 5,
            echo_seconds: 300,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerForm {
    #[serde(default = "own_dialect", deserialize_with = "text")]
    pub dialect: &'static TerminalDialect,
    pub listen: Vec<AddressText>,
    pub tls: Option<TlsServerForm>,
    pub plain: Option<PlainForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsServerForm {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities of client certificates.
    pub clients: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaysForm {
    pub listen: Vec<AddressText>,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub authorities: PathBuf,
    /// The names in the certificates of admitted gateways; otherwise all that the authorities sign.
    pub names: Option<Vec<String>>,
    /// The names of gateways that may carry terminals whose dialect protects nothing.
    #[serde(default)]
    pub trusted: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkForm {
    pub name: String,
    #[serde(default = "usual_dialect", deserialize_with = "text")]
    pub dialect: &'static NetworkDialect,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    pub links: Vec<AddressText>,
    pub tls: Option<TlsClientForm>,
    pub plain: Option<PlainForm>,
    pub acquirer: String,
    pub debit: CostForm,
    pub credit: CostForm,
    #[serde(deserialize_with = "text")]
    pub mac_key: KeyName,
    #[serde(deserialize_with = "text")]
    pub pin_key: KeyName,
    #[serde(deserialize_with = "text")]
    pub exchange_key: KeyName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClientForm {
    pub authorities: PathBuf,
    /// The name in the network's certificate.
    pub name: String,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostForm {
    #[serde(deserialize_with = "text")]
    pub rate: Rate,
    pub cap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinForm {
    pub first_digits: String,
    pub kind: CardKindForm,
    pub networks: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardKindForm {
    Debit,
    Credit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletForm {
    pub name: String,
    pub guid: String,
    pub merchant: String,
    #[serde(deserialize_with = "text")]
    pub currency: Currency,
    #[serde(default)]
    pub listen: Vec<AddressText>,
    pub tls: Option<TlsServerForm>,
    pub plain: Option<PlainForm>,
    /// The file with the secret that signs the wallet's notifications.
    pub secret: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsForm {
    pub connections: Option<usize>,
    pub connections_per_address: Option<usize>,
    pub accepts_per_second: Option<u32>,
    pub handshake_seconds: Option<u64>,
    pub message_seconds: Option<u64>,
    pub idle_seconds: Option<u64>,
    pub in_flight: Option<u32>,
    pub wrong_pins_per_card: Option<u32>,
    pub wrong_pins_per_terminal: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimingForm {
    pub answer_ms: Option<u64>,
    pub chase_first_ms: Option<u64>,
    pub chase_most_ms: Option<u64>,
    pub link_answer_ms: Option<u64>,
    pub echo_ms: Option<u64>,
    pub qr_ms: Option<u64>,
    pub rest_ms: Option<u64>,
    pub pre_authorisation_days: Option<u16>,
}

/// What an operator writes to send in the clear beyond this machine.
#[derive(Clone, Copy, Deserialize)]
pub enum PlainForm {
    #[serde(rename = "i-know")]
    IKnow,
}

/// A text that is no address. Holds the message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

/// An IP address or a host name with a port. The name is resolved once.
#[derive(Clone, Copy, Debug)]
pub struct AddressText(pub SocketAddr);

impl FromStr for AddressText {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<AddressText, AddressError> {
        let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
        found.map(AddressText).ok_or_else(|| {
            AddressError(bilingual!(
                "`{text}` cannot be resolved; write an address and a port, as in 10.0.0.7:7001 \
                 or [::1]:7001",
                "`{text}` 无法解析；请写地址和端口，如 10.0.0.7:7001 或 [::1]:7001"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for AddressText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<AddressText, D::Error> {
        text(from)
    }
}

fn some_text<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr,
    T::Err: std::error::Error + 'static,
    D: Deserializer<'de>,
{
    text(from).map(Some)
}

/// Deserialises a text with [`FromStr`].
fn text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: std::error::Error + 'static,
    D: Deserializer<'de>,
{
    parsed(&String::deserialize(from)?)
}

/// Deserialises a list of texts with [`FromStr`].
fn texts<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr,
    T::Err: std::error::Error + 'static,
    D: Deserializer<'de>,
{
    Vec::<String>::deserialize(from)?.iter().map(|text| parsed(text)).collect()
}

fn parsed<T, E>(text: &str) -> Result<T, E>
where
    T: FromStr,
    T::Err: std::error::Error + 'static,
    E: Error,
{
    text.parse().map_err(|error| {
        let error = chinese::error(&error, Lang::current());
        let colon = words::text(Lang::current(), "error.separator");
        // Most errors begin with the text.
        let named = error.starts_with(&format!("`{text}`"));
        let place = if named { String::new() } else { format!("`{text}`{colon}") };
        E::custom(place + &error)
    })
}

fn own_dialect() -> &'static TerminalDialect {
    TerminalDialect::DOORSTEP
}

fn usual_dialect() -> &'static NetworkDialect {
    NetworkDialect::UNIONPAY
}
