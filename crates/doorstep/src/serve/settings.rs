//! Reads doorstep.toml: the settings of the switch, the sockets and the key store.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use books::{FirmId, NetworkId, WalletId};
use calendar::Calendar;
use files::pain001::Party;
use host::tls::{self, TlsIdentity};
use host::{HostPlan, ListenerPlan, NetworkLink, WalletCredentials};
use keys::{
    KeyName, KeyStore, MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey, SoftwareStore,
};
use money::decimal::{self, DecimalStyle};
use money::{Amount, Currency};
use node::{Clock, SystemClock};
use serde::de::DeserializeOwned;
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkSettings, Settings, TerminalSettings, Timing,
    WalletSettings,
};
use tariff::CappedRate;
use vault::{AccountForm, PayoutAccount, VaultKey};
use zeroize::Zeroizing;

use super::form::{
    AddressError, AddressText, CardKindForm, CostForm, DebtorForm, GatewaysForm, KeysOnlyForm,
    NetworkForm, PlainForm, SettingsForm, TerminalsForm, TlsServerForm, WalletForm,
};
use super::{key_names, limits};
use crate::logging::LogLevel;
use crate::office_requests::{OfficeKeys, code_mac_under};
use crate::private_files::{self, Forbidden};
use crate::time_zone::{ResolvedZone, resolve};
use crate::words::{Lang, bilingual};
use crate::{calendar_command, chinese, data_directory, memory};

/// Enough for a hundred thousand card ranges.
pub(super) const FILE_BYTES_MAX: usize = 16 << 20;
/// The environment variable with the user PIN of an HSM's token.
const PIN_VARIABLE: &str = "DOORSTEP_PKCS11_PIN";
/// The length of a wallet's secret.
const SECRET_BYTES_MIN: usize = 16;
pub const SECRET_BYTES_MAX: usize = 1_024;

/// The content of a settings file.
pub struct LoadedSettings {
    /// For the switch.
    pub settings: Settings,
    /// For the sockets.
    pub plan: HostPlan,
    pub keys: Arc<dyn KeyStore>,
    pub master_from_environment: bool,
    pub networks: Vec<(NetworkId, Currency, String)>,
    pub wallet: Option<(WalletId, Currency, String)>,
    /// What protects the messages of the terminals.
    pub terminal_line: TerminalLine,
    /// The names of the courier firms that have merchant numbers.
    pub firms: Vec<String>,
    pub zone: ResolvedZone,
    pub calendar: Option<Calendar>,
    pub log_level: Option<LogLevel>,
    /// The key of hand-overs' one-time codes.
    pub codes: Option<KeyName>,
    /// The key that wraps the vault's data keys.
    pub vault: Option<KeyName>,
    /// The group whose members may use the office's socket.
    pub office_group: Option<u32>,
}

/// What protects the messages of terminals on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalLine {
    /// Their own keys, or TLS with their certificates.
    Proven,
    /// The gateways that carry them: the dialect protects nothing.
    TrustedGateways,
    /// Nothing.
    Forgeable,
}

impl TerminalLine {
    pub(super) fn of(form: &TerminalsForm) -> TerminalLine {
        let certified = form.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        match (form.dialect.proves_terminals(), form.listen.is_empty()) {
            (true, _) => TerminalLine::Proven,
            (false, true) => TerminalLine::TrustedGateways,
            (false, false) if certified => TerminalLine::Proven,
            (false, false) => TerminalLine::Forgeable,
        }
    }
}

/// Reads a settings file and all files that it names. Its paths are relative to its directory.
pub fn read(path: &Path) -> anyhow::Result<LoadedSettings> {
    let named = || path.display().to_string();
    let text = read_settings(path)?;
    let form = parse(&text).with_context(named)?;
    File::beside(path).load(form).with_context(named)
}

/// Opens the key store of a settings file. `begin` creates a missing key file.
pub fn key_store(path: &Path, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
    let named = || path.display().to_string();
    let text = read_settings(path)?;
    let KeysOnlyForm { keys, .. } = parse(&text).with_context(named)?;
    let (store, _) = File::beside(path).keys(&keys, begin).with_context(named)?;
    Ok(store)
}

fn read_settings(path: &Path) -> anyhow::Result<String> {
    private_files::check(path, Forbidden::Write)?;
    data_directory::read_text(path, FILE_BYTES_MAX)
}

/// Reads a file with a secret, which only its owner can read.
fn read_secret(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    private_files::check(path, Forbidden::ReadOrWrite)?;
    Ok(Zeroizing::new(data_directory::read_text(path, SECRET_BYTES_MAX)?))
}

/// Real books take no master key from the environment: it can be read while the process runs.
pub fn check_master(from_environment: bool, is_trial: bool) -> anyhow::Result<()> {
    ensure!(
        is_trial || !from_environment,
        bilingual!(
            "{MASTER_KEY_VARIABLE}: the environment can be read while a process runs, so only \
             trial books take the master key from it; name a file with mode 0600 in keys.master, \
             or give the systemd credential {MASTER_KEY_CREDENTIAL}",
            "{MASTER_KEY_VARIABLE}：进程运行期间环境变量可被读取，因此只有试用账簿接受\
             其中的主密钥；请在 keys.master 中给出权限为 0600 的文件，\
             或提供 systemd 凭据 {MASTER_KEY_CREDENTIAL}"
        )
    );
    Ok(())
}

/// The key from which terminals' keys are derived, of the settings in this file.
pub fn terminal_base_key(path: &Path) -> anyhow::Result<KeyName> {
    let text = data_directory::read_text(path, FILE_BYTES_MAX)?;
    let KeysOnlyForm { keys, .. } = parse(&text).with_context(|| path.display().to_string())?;
    Ok(keys.terminals)
}

/// What the settings say of accounts: how the vault is opened, and who pays.
#[derive(Default)]
pub struct AccountSettings {
    pub vault: Option<VaultKey>,
    pub master_from_environment: bool,
    pub debtors: BTreeMap<Currency, Party>,
}

/// Reads the part of a settings file that is about accounts, and opens the key store.
pub fn accounts(path: &Path) -> anyhow::Result<AccountSettings> {
    let (form, store, master_from_environment) = keys_only(path)?;
    let vault = form.keys.vault.map(|name| VaultKey { store, name });
    let debtors = debtors(form.debtors).with_context(|| path.display().to_string())?;
    Ok(AccountSettings { vault, master_from_environment, debtors })
}

/// Opens the key store of a settings file for an office at rest. Also whether its master key is
/// from the environment.
pub fn office_keys(path: &Path) -> anyhow::Result<(OfficeKeys, bool)> {
    let (KeysOnlyForm { keys, .. }, store, from_environment) = keys_only(path)?;
    let office_keys = OfficeKeys {
        code_mac: keys.codes.map(|name| code_mac_under(store.clone(), name)),
        vault: keys.vault.map(|name| VaultKey { store, name }),
    };
    Ok((office_keys, from_environment))
}

fn keys_only(path: &Path) -> anyhow::Result<(KeysOnlyForm, Arc<dyn KeyStore>, bool)> {
    let named = || path.display().to_string();
    let text = read_settings(path)?;
    let form: KeysOnlyForm = parse(&text).with_context(named)?;
    let (store, from_environment) =
        File::beside(path).keys(&form.keys, false).with_context(named)?;
    Ok((form, store, from_environment))
}

fn debtors(forms: Vec<DebtorForm>) -> anyhow::Result<BTreeMap<Currency, Party>> {
    let mut debtors = BTreeMap::new();
    for form in forms {
        let DebtorForm { currency, name, iban, bic, bank_code, account } = form;
        let what = || bilingual!("[[debtor]] in {currency}", "{currency} 的 [[debtor]]");
        let account = PayoutAccount::new(AccountForm { name, iban, bic, bank_code, account });
        let account = account.with_context(what)?;
        ensure!(
            debtors.insert(currency, account.party()).is_none(),
            bilingual!(
                "[[debtor]]: two accounts pay in {currency}; give one",
                "[[debtor]]：{currency} 有两个付款账户；请只给出一个"
            )
        );
    }
    Ok(debtors)
}

/// Parses TOML. Errors name the line.
pub(super) fn parse<F: DeserializeOwned>(text: &str) -> anyhow::Result<F> {
    toml::from_str(text).map_err(|error| {
        let Some(span) = error.span() else { return anyhow!("{}", error.message()) };
        let message = match Lang::current() {
            Lang::En => error.message().to_owned(),
            Lang::Zh => chinese::toml_message(error.message()),
        };
        let before = &text[..span.start.min(text.len())];
        let number = before.matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or_default().trim();
        anyhow!(bilingual!(
            "line {number} (`{line}`): {message}",
            "第 {number} 行（`{line}`）：{message}"
        ))
    })
}

/// The id of a group of this machine.
fn group_id(group: &str) -> anyhow::Result<u32> {
    const GROUPS: &str = "/etc/group";
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let groups = data_directory::read_text(Path::new(GROUPS), FILE_BYTES_MAX)?;
    let mut lines = groups.lines().map(|line| line.split(':'));
    let id = lines.find_map(|mut parts| match parts.next() {
        Some(name) if name == group => parts.nth(1)?.parse().ok(),
        _ => None,
    });
    id.with_context(|| {
        bilingual!(
            "control.group: {GROUPS} has no group `{group}`; give the name of one, or a group id",
            "control.group：{GROUPS} 中没有用户组 `{group}`；请给出其中的名称，或用户组编号"
        )
    })
}

struct File {
    directory: PathBuf,
}

impl File {
    /// Resolves paths relative to the settings file.
    fn beside(path: &Path) -> File {
        File { directory: path.parent().unwrap_or(Path::new("")).to_owned() }
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn load(&self, form: SettingsForm) -> anyhow::Result<LoadedSettings> {
        let networks: Vec<_> = form
            .networks
            .iter()
            .map(|network| {
                (NetworkId::derived(&network.name), network.currency, network.name.clone())
            })
            .collect();
        let wallet = form
            .wallet
            .as_ref()
            .map(|wallet| (WalletId::derived(&wallet.name), wallet.currency, wallet.name.clone()));
        let zone = resolve(&form.time_zone, SystemClock.now()).context("time_zone")?;
        let settings = settings(&form, &zone)?;
        settings.check()?;
        let plan = self.plan(&form)?;
        let (keys, master_from_environment) = self.keys(&form.keys, false)?;
        key_names::check(&settings, [form.keys.codes, form.keys.vault], &*keys)?;
        debtors(form.debtors)?;
        let office_group = form.control.group.as_deref().map(group_id).transpose()?;
        let (codes, vault) = (form.keys.codes, form.keys.vault);
        let firms = form.merchant.firms.keys().cloned().collect();
        let calendar = form.calendar.as_ref().map(|path| calendar_command::read(&self.path(path)));
        let calendar = calendar.transpose().context("calendar")?;
        Ok(LoadedSettings {
            settings,
            plan,
            keys,
            master_from_environment,
            networks,
            wallet,
            terminal_line: TerminalLine::of(&form.terminals),
            firms,
            zone,
            calendar,
            log_level: form.log_level,
            codes,
            vault,
            office_group,
        })
    }

    /// Opens the key store. Also returns whether its master key came from the environment.
    fn keys(
        &self,
        keys: &super::form::KeysForm,
        begin: bool,
    ) -> anyhow::Result<(Arc<dyn KeyStore>, bool)> {
        // A process that serves has said before what is not protected.
        drop(memory::protect());
        match (&keys.store, &keys.pkcs11) {
            (Some(store), None) => {
                let master = keys.master.as_ref().map(|path| self.path(path));
                let master = MasterKey::find(master.as_deref())?;
                let store = self.path(store);
                let from_environment = master.is_from_environment();
                Ok((Arc::new(key_file(&store, master, begin)?), from_environment))
            }
            (None, Some(hsm)) => Ok((self.pkcs11(hsm)?, false)),
            _ => Err(anyhow!(bilingual!(
                "keys: give either `store`, a key file, or `pkcs11`, an HSM",
                "keys：请给出 `store`（密钥文件）或 `pkcs11`（加密机）之一"
            ))),
        }
    }

    fn plan(&self, form: &SettingsForm) -> anyhow::Result<HostPlan> {
        let TerminalsForm { listen, tls, plain, .. } = &form.terminals;
        let terminals = self.listen("terminals", listen, tls.as_ref(), *plain);
        let mut plan = HostPlan {
            limits: limits::from_form(form)?,
            terminals: terminals?,
            ..HostPlan::default()
        };
        if let Some(gateways) = &form.gateways {
            require_gateway_names(gateways, &form.terminals)?;
            let identity = self.identity(&gateways.certificate, &gateways.key)?;
            let authorities = self.path(&gateways.authorities);
            let tls = tls::server(&identity, Some(&authorities)).context("gateways")?;
            let at = |address: &AddressText| (address.0, tls.clone());
            plan.gateways = gateways.listen.iter().map(at).collect();
            plan.gateway_names.clone_from(&gateways.names);
        }
        ensure!(
            !plan.terminals.is_empty() || !plan.gateways.is_empty(),
            bilingual!(
                "nobody can connect; give terminals.listen or gateways.listen an address",
                "无人能够接入；请为 terminals.listen 或 gateways.listen 给出地址"
            )
        );
        for network in &form.networks {
            let links = self.links(network);
            plan.links.extend(links.with_context(|| format!("network `{}`", network.name))?);
        }
        if let Some(wallet) = &form.wallet {
            let WalletForm { listen, tls, plain, .. } = wallet;
            plan.wallet_listeners = self.listen("wallet", listen, tls.as_ref(), *plain)?;
            plan.wallets = vec![self.wallet(wallet).context("wallet.secret")?];
        }
        Ok(plan)
    }

    fn listen(
        &self,
        section: &str,
        addresses: &[AddressText],
        tls: Option<&TlsServerForm>,
        plain: Option<PlainForm>,
    ) -> anyhow::Result<Vec<ListenerPlan>> {
        let (key, tls_key) = (format!("{section}.listen"), format!("{section}.tls"));
        for address in addresses {
            let accept = plain_in(&format!("[{section}]"));
            require_tls(address.0, (&key, &tls_key, &accept), tls.is_some() || plain.is_some())?;
        }
        let tls = tls.map(|tls| {
            let clients = tls.clients.as_ref().map(|path| self.path(path));
            let identity = self.identity(&tls.certificate, &tls.key)?;
            Ok::<_, anyhow::Error>(tls::server(&identity, clients.as_deref())?)
        });
        let tls = tls.transpose().context(tls_key)?;
        let at = |address: &AddressText| ListenerPlan { address: address.0, tls: tls.clone() };
        Ok(addresses.iter().map(at).collect())
    }

    fn identity(&self, certificate: &Path, key: &Path) -> anyhow::Result<TlsIdentity> {
        tls_identity(self.path(certificate), self.path(key))
    }

    fn links(&self, network: &NetworkForm) -> anyhow::Result<Vec<NetworkLink>> {
        let is_safe = network.tls.is_some() || network.plain.is_some();
        for address in &network.links {
            let accept = plain_in("[[network]]");
            require_tls(address.0, ("links", "tls", &accept), is_safe)?;
        }
        let tls = network.tls.as_ref().map(|tls| {
            let identity = match (&tls.certificate, &tls.key) {
                (Some(certificate), Some(key)) => Some(self.identity(certificate, key)?),
                (None, None) => None,
                _ => bail!(bilingual!(
                    "tls: give both `certificate` and `key`, or neither",
                    "tls：`certificate` 和 `key` 须同时给出，或都不给出"
                )),
            };
            Ok(tls::client(&self.path(&tls.authorities), identity.as_ref(), &tls.name)?)
        });
        let tls = tls.transpose()?;
        let id = NetworkId::derived(&network.name);
        let link = |(number, address): (u8, &AddressText)| NetworkLink {
            link: LinkId { network: id, number },
            name: network.name.clone(),
            address: address.0,
            tls: tls.clone(),
        };
        Ok((0..).zip(&network.links).map(link).collect())
    }

    fn wallet(&self, wallet: &WalletForm) -> anyhow::Result<WalletCredentials> {
        let secret = read_secret(&self.path(&wallet.secret))?;
        let secret = Zeroizing::new(secret.trim().as_bytes().to_vec());
        ensure!(
            secret.len() >= SECRET_BYTES_MIN,
            bilingual!(
                "the secret has {} bytes; agree on at least {SECRET_BYTES_MIN} random bytes",
                "共享密钥有 {} 字节；请约定至少 {SECRET_BYTES_MIN} 个随机字节",
                secret.len()
            )
        );
        let (name, id) = (wallet.name.clone(), WalletId::derived(&wallet.name));
        Ok(WalletCredentials { name, wallet: id, secret })
    }

    fn pkcs11(&self, hsm: &super::form::Pkcs11Form) -> anyhow::Result<Arc<dyn KeyStore>> {
        let pin = match &hsm.pin_file {
            Some(file) => read_secret(&self.path(file))?,
            None => Zeroizing::new(std::env::var(PIN_VARIABLE).with_context(|| {
                bilingual!(
                    "pkcs11.pin_file, or {PIN_VARIABLE}",
                    "pkcs11.pin_file 或 {PIN_VARIABLE}"
                )
            })?),
        };
        let pin = secrecy::SecretString::from(pin.trim());
        Ok(Arc::new(keys::Pkcs11Store::open(&self.path(&hsm.module), &hsm.token, pin)?))
    }
}

/// If terminals have certificates too, a terminal's certificate might be accepted for a gateway.
/// Then `gateways.names` must list the gateways.
fn require_gateway_names(gateways: &GatewaysForm, terminals: &TerminalsForm) -> anyhow::Result<()> {
    let clients = terminals.tls.as_ref().and_then(|tls| tls.clients.as_ref());
    match &gateways.names {
        None if clients.is_some() => bail!(bilingual!(
            "gateways.names: with terminals.tls.clients, terminals have certificates, and one \
             could be accepted as a gateway; list the names in the gateways' certificates",
            "gateways.names：有 terminals.tls.clients 时终端也有证书，可能被当作网关接受；\
             请列出网关证书中的名称"
        )),
        Some(names) if names.is_empty() => bail!(bilingual!(
            "gateways.names: the list is empty, so no gateway could connect; list the names in the \
             gateways' certificates, or leave it out if gateways.authorities sign only gateways",
            "gateways.names：清单为空，没有网关能够接入；请列出网关证书中的名称，\
             或在 gateways.authorities 只签发网关证书时不写此项"
        )),
        _ => Ok(()),
    }
}

/// Plain TCP stays on this machine, unless the operator says otherwise. `accept` names how.
pub fn require_tls(
    at: SocketAddr,
    (key, tls_key, accept): (&str, &str, &str),
    is_safe: bool,
) -> anyhow::Result<()> {
    ensure!(
        is_safe || host::is_loopback(at),
        bilingual!(
            "{key}: {at} is not a loopback address, and without TLS everybody on the way can read \
             and hold back what passes: give {tls_key}, or use 127.0.0.1 and a TLS proxy beside \
             it. Where that is another's duty, {accept}",
            "{key}：{at} 不是本机回环地址；没有 TLS，途经者都能读取或拦下所传内容：\
             请给出 {tls_key}，或使用 127.0.0.1，并在旁边设 TLS 代理。若另有保护，{accept}"
        )
    );
    Ok(())
}

/// How a section accepts plain TCP.
fn plain_in(section: &str) -> String {
    bilingual!("write plain = \"i-know\" in {section}", "请在 {section} 中写 plain = \"i-know\"")
}

pub(super) fn settings(form: &SettingsForm, zone: &ResolvedZone) -> anyhow::Result<Settings> {
    let merchant = &form.merchant;
    let terminals = &form.terminals;
    let timing = &form.timing;
    let usual = Timing::default();
    Ok(Settings {
        utc_offset_minutes: zone.utc_offset_minutes,
        utc_offset_changes: zone.changes.clone(),
        currencies: std::iter::once(form.currency).chain(form.currencies.clone()).collect(),
        country: exactly(&form.country, "country", "two letters of ISO 3166")?,
        shown_as: (form.shown_as.name.clone(), form.shown_as.city.clone()),
        merchant: MerchantSettings {
            acquirer: exactly(&merchant.acquirer, "merchant.acquirer", "three digits")?,
            region: exactly(&merchant.region, "merchant.region", "four digits")?,
            category: exactly(&merchant.category, "merchant.category", "four digits")?,
            firms: merchant.firms.iter().map(|(firm, n)| (FirmId::derived(firm), *n)).collect(),
        },
        terminals: TerminalSettings {
            dialect: terminals.dialect,
            base_key: form.keys.terminals,
            answer_s: terminals.answer_seconds,
            reversal_attempts_max: terminals.reversals,
            echo_s: terminals.echo_seconds,
        },
        networks: form.networks.iter().map(network).collect::<anyhow::Result<_>>()?,
        bins: bins(form)?,
        wallet: form.wallet.as_ref().map(|wallet| WalletSettings {
            wallet: WalletId::derived(&wallet.name),
            guid: wallet.guid.clone(),
            merchant: wallet.merchant.clone(),
            currency: wallet.currency,
        }),
        token_key: form.keys.token,
        timing: Timing {
            answer_ms: timing.answer_ms.unwrap_or(usual.answer_ms),
            resend_first_ms: timing.chase_first_ms.unwrap_or(usual.resend_first_ms),
            resend_max_ms: timing.chase_most_ms.unwrap_or(usual.resend_max_ms),
            link_answer_ms: timing.link_answer_ms.unwrap_or(usual.link_answer_ms),
            echo_ms: timing.echo_ms.unwrap_or(usual.echo_ms),
            qr_ms: timing.qr_ms.unwrap_or(usual.qr_ms),
            cooldown_ms: timing.rest_ms.unwrap_or(usual.cooldown_ms),
            pre_authorisation_days: timing
                .pre_authorisation_days
                .unwrap_or(usual.pre_authorisation_days),
        },
    })
}

fn exactly<const N: usize>(text: &str, key: &str, rule: &str) -> anyhow::Result<[u8; N]> {
    text.as_bytes().try_into().map_err(|_| {
        let rule = chinese::phrase(rule, Lang::current());
        anyhow!(bilingual!("{key}: `{text}` must be {rule}", "{key}：`{text}` 须为{rule}"))
    })
}

fn network(network: &NetworkForm) -> anyhow::Result<NetworkSettings> {
    let here = |key: &str| format!("network `{}`, {key}", network.name);
    let cost = |key: &str, cost: &CostForm| -> anyhow::Result<CappedRate> {
        let cap = cost.cap.as_ref().map(|cap| amount(cap, network.currency)).transpose();
        Ok(CappedRate { rate: cost.rate, cap: cap.with_context(|| here(key))? })
    };
    Ok(NetworkSettings {
        network: NetworkId::derived(&network.name),
        name: network.name.clone(),
        dialect: network.dialect,
        currency: network.currency,
        links: u8::try_from(network.links.len()).with_context(|| here("links"))?,
        acquirer: network.acquirer.clone(),
        debit: cost("debit.cap", &network.debit)?,
        credit: cost("credit.cap", &network.credit)?,
        mac_key: network.mac_key,
        pin_key: network.pin_key,
        exchange_key: network.exchange_key,
    })
}

fn amount(text: &str, currency: Currency) -> anyhow::Result<Amount> {
    Ok(decimal::parse(text, currency, DecimalStyle::PLAIN)?)
}

fn bins(form: &SettingsForm) -> anyhow::Result<Vec<BinRange>> {
    let known: HashSet<&str> = form.networks.iter().map(|network| &*network.name).collect();
    let mut bins = Vec::with_capacity(form.bins.len());
    for bin in &form.bins {
        for network in &bin.networks {
            ensure!(
                known.contains(network.as_str()),
                bilingual!(
                    "bin `{}`: there is no network `{network}`; name one of [[network]]",
                    "bin `{}`：没有卡组织 `{network}`；请从 [[network]] 中选择",
                    bin.first_digits
                )
            );
        }
        bins.push(BinRange {
            first_digits: bin.first_digits.clone(),
            kind: match bin.kind {
                CardKindForm::Debit => tariff::CardKind::Debit,
                CardKindForm::Credit => tariff::CardKind::Credit,
            },
            networks: bin.networks.iter().map(|name| NetworkId::derived(name)).collect(),
        });
    }
    Ok(bins)
}

/// A certificate, and its key that only its owner can read.
pub fn tls_identity(certificate: PathBuf, key: PathBuf) -> anyhow::Result<TlsIdentity> {
    private_files::check(&key, Forbidden::ReadOrWrite)?;
    Ok(TlsIdentity { certificate, key })
}

/// For an address on the command line.
pub fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse::<AddressText>().map(|address| address.0)
}

/// Opens a key file. `begin` allows a missing file, which the first key creates.
pub fn key_file(path: &Path, master: MasterKey, begin: bool) -> anyhow::Result<SoftwareStore> {
    private_files::check(path, Forbidden::ReadOrWrite)?;
    if begin {
        return Ok(SoftwareStore::open_or_create(path, master)?);
    }
    ensure!(
        path.exists(),
        bilingual!(
            "{}: there is no key store; create it with `doorstep keys make` or `import`",
            "{}：没有密钥库；请用 `doorstep keys make` 或 `import` 创建",
            path.display()
        )
    );
    Ok(SoftwareStore::open(path, master)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_zone::CHINA;

    const EXAMPLE: &str = include_str!("../../../../docs/door/doorstep.toml");

    fn china() -> ResolvedZone {
        resolve(CHINA, SystemClock.now()).unwrap()
    }

    fn error(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        let text = EXAMPLE.replacen(from, to, 1);
        let error = match parse::<SettingsForm>(&text) {
            Err(error) => error,
            Ok(form) => settings(&form, &china())
                .and_then(|settings| Ok(settings.check()?))
                .expect_err("an error"),
        };
        format!("{error:#}")
    }

    #[test]
    fn the_example_is_valid() {
        let form: SettingsForm = parse(EXAMPLE).unwrap();
        let settings = settings(&form, &china()).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.networks.len(), 2);
        assert_eq!(settings.networks[0].network, NetworkId::derived("alpha"));
        assert!(settings.bins.len() > 1);
    }

    /// The plan of the example with these changes. No file is read before an address is refused.
    fn plan_error(changes: &[(&str, &str)]) -> String {
        let mut text = EXAMPLE.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        let file = File::beside(Path::new("/nowhere/doorstep.toml"));
        let plan = file.plan(&parse::<SettingsForm>(&text).unwrap());
        plan.err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn plain_tcp_beyond_this_machine_needs_a_word_of_the_operator() {
        let wallet = "\n[wallet]\nname = \"red\"\nguid = \"a\"\nmerchant = \"b\"\n\
                      currency = \"CNY\"\n\
                      secret = \"red.secret\"\nlisten = [\"127.0.0.1:7003\"]\n\n[limits]";
        let plain = |section: &str, listen: &str, from: &str, more: &str| {
            // The first comment names sections too.
            let (found, to) = (format!("\n{section}"), format!("\n{section}\n{more}\n"));
            plan_error(&[("\n[limits]", wallet), (from, listen), (&found, &to)])
        };
        for (section, key, from) in [
            ("[terminals]", "terminals.listen: ", "127.0.0.1:7001"),
            ("[[network]]", "network `alpha`: links: ", "127.0.0.1:9002"),
            ("[wallet]", "wallet.listen: ", "127.0.0.1:7003\"]\n\n"),
        ] {
            let rest = from.trim_start_matches(|c: char| c.is_ascii_digit() || ".:".contains(c));
            let at =
                |listen: &str, more: &str| plain(section, &format!("{listen}{rest}"), from, more);
            for open in ["0.0.0.0:7009", "192.168.0.7:7009", "[::]:7009"] {
                let refused = at(open, "");
                assert!(refused.starts_with(key) && refused.contains(open), "{refused}");
                assert!(refused.contains("tls, or use 127.0.0.1"), "{refused}");
                let accept = format!("write plain = \"i-know\" in {section}");
                assert!(refused.ends_with(&accept), "{refused}");
                let accepted = at(open, "plain = \"i-know\"");
                assert!(!accepted.contains("loopback"), "{accepted}");
            }
            for local in ["127.0.0.1:7009", "[::1]:7009", "[::ffff:127.0.0.1]:7009"] {
                assert!(!at(local, "").contains("loopback"), "{local}");
            }
        }
    }

    #[test]
    fn errors_name_the_line_and_the_remedy() {
        let no_address = error("127.0.0.1:7001", "somewhere");
        assert!(no_address.contains("line ") && no_address.contains("listen"), "{no_address}");
        assert!(no_address.contains("as in 10.0.0.7:7001"), "{no_address}");
        let no_key = error("first_digits", "first_numbers");
        assert!(no_key.contains("line ") && no_key.contains("expected one of"), "{no_key}");
        let no_network = error("networks = [\"alpha\"", "networks = [\"omega\"");
        assert!(no_network.contains("no network `omega`"), "{no_network}");
        let no_rate = error("0.38%", "lots");
        assert!(no_rate.contains("line ") && no_rate.contains("`lots`"), "{no_rate}");
        let no_region = error("region = \"3310\"", "region = \"33\"");
        assert!(no_region.contains("merchant.region: `33` must be four digits"), "{no_region}");
    }
}
