//! Reads doorstep.toml: the settings of the switch, the sockets and the key store.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use books::{FirmId, NetworkId, WalletId};
use calendar::Calendar;
use files::pain001::Party;
use host::tls::{self, TlsIdentity};
use host::{HostPlan, ListenerPlan, NetworkLink, TerminalListener, WalletCredentials};
use keys::{
    KeyName, KeyStore, MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey, SoftwareStore,
};
use money::decimal::{self, DecimalStyle};
use money::{Amount, Currency};
use node::{Clock, SystemClock};
use serde::de::DeserializeOwned;
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkSettings, Settings, TerminalSettings, Timing,
    WalletSettings, WrongPinLimits,
};
use tariff::CappedRate;
use vault::{AccountForm, PayoutAccount, VaultKey, VaultOptions};
use views::{Place, Server};
use zeroize::Zeroizing;

use super::form::{
    AddressError, AddressText, CardKindForm, CostForm, DebtorForm, KeysOnlyForm, MetricsForm,
    NetworkForm, PlainForm, SettingsForm, TlsServerForm, VaultForm, ViewsForm, ViewsOnlyForm,
    WalletForm,
};
use super::inbox::InboxForm;
use super::listeners::TerminalAddresses;
use super::metrics::{self, MetricsPlan};
use super::notices::NoticesPlan;
use super::web::{self, WebPlan};
use super::{key_names, limits, listeners, notices, pulse};
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
    /// The section of a listener for terminals on which anybody on the line could change a message.
    pub forgeable: Option<String>,
    /// The names of the courier firms that have merchant numbers.
    pub firms: Vec<String>,
    pub zone: ResolvedZone,
    pub calendar: Option<Calendar>,
    /// Where the views are, if they are written.
    pub views: Option<ViewsPlace>,
    pub pulse: Option<pulse::PulsePlan>,
    /// The API over HTTP, if it is served.
    pub web: Option<WebPlan>,
    /// Where figures are answered, if they are.
    pub metrics: Option<MetricsPlan>,
    /// Our own certificates, by what they are for.
    pub certificates: Vec<(String, PathBuf)>,
    /// Notices, if they are sent.
    pub notices: Option<NoticesPlan>,
    /// The directory whose files are taken.
    /// The inbox, and how long a file waits for one that it belongs with.
    pub inbox: Option<(PathBuf, Duration)>,
    pub log_level: Option<LogLevel>,
    /// The key of hand-overs' one-time codes.
    pub codes: Option<KeyName>,
    /// How the vault is opened.
    pub vault: VaultOptions,
    /// Who pays, by currency.
    pub debtors: BTreeMap<Currency, Party>,
    /// The group whose members may use the office's socket.
    pub office_group: Option<u32>,
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
pub(super) fn read_secret(path: &Path) -> anyhow::Result<Zeroizing<String>> {
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

/// Where the views are, if not in the data directory.
pub struct ViewsPlace(Option<Place>);

impl ViewsPlace {
    pub fn beside(self, data: &Path) -> Place {
        self.0.unwrap_or_else(|| Place::in_directory(data))
    }
}

/// Where the settings of a file have the views.
pub fn views_place(path: &Path) -> anyhow::Result<ViewsPlace> {
    let named = || path.display().to_string();
    let text = read_settings(path)?;
    let ViewsOnlyForm { views } = parse(&text).with_context(named)?;
    File::beside(path).views(&views.unwrap_or_default()).with_context(named)
}

/// What the settings say of accounts: how the vault is opened, and who pays.
#[derive(Default)]
pub struct AccountSettings {
    pub vault: VaultOptions,
    pub master_from_environment: bool,
    pub debtors: BTreeMap<Currency, Party>,
}

/// Reads the part of a settings file that is about accounts, and opens the key store.
pub fn accounts(path: &Path) -> anyhow::Result<AccountSettings> {
    let (form, store, master_from_environment) = keys_only(path)?;
    let vault = File::beside(path).vault(form.keys.vault, store, form.vault.as_ref());
    let vault = vault.with_context(|| path.display().to_string())?;
    let debtors = debtors(form.debtors).with_context(|| path.display().to_string())?;
    Ok(AccountSettings { vault, master_from_environment, debtors })
}

/// Opens the key store of a settings file for an office at rest. Also whether its master key is
/// from the environment.
pub fn office_keys(path: &Path) -> anyhow::Result<(OfficeKeys, bool)> {
    let (KeysOnlyForm { keys, vault, .. }, store, from_environment) = keys_only(path)?;
    let code_mac = keys.codes.map(|name| code_mac_under(store.clone(), name));
    let vault = File::beside(path).vault(keys.vault, store, vault.as_ref());
    let vault = vault.with_context(|| path.display().to_string())?;
    let office_keys = OfficeKeys { code_mac, vault };
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
pub fn parse<F: DeserializeOwned>(text: &str) -> anyhow::Result<F> {
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
        let metrics = form.metrics.as_ref().map(|metrics| self.metrics(metrics));
        let metrics = metrics.transpose()?;
        let certificates = metrics::certificates(&form).into_iter();
        let certificates = certificates.map(|(of, file)| (of, self.path(file))).collect();
        let (keys, master_from_environment) = self.keys(&form.keys, false)?;
        key_names::check(&settings, [form.keys.codes, form.keys.vault], &*keys)?;
        let debtors = debtors(form.debtors)?;
        let office_group = form.control.group.as_deref().map(group_id).transpose()?;
        let codes = form.keys.codes;
        let vault = self.vault(form.keys.vault, keys.clone(), form.vault.as_ref())?;
        let firms = form.merchant.firms.keys().cloned().collect();
        let calendar = form.calendar.as_ref().map(|path| calendar_command::read(&self.path(path)));
        let calendar = calendar.transpose().context("calendar")?;
        let views = form.views.as_ref().map(|form| self.views(form)).transpose()?;
        let pulse = form.pulse.as_ref().map(|form| form.plan(views.is_some())).transpose()?;
        let web = form.web.as_ref().map(|form| web::plan(form, |path| self.path(path)));
        let web = web.transpose()?;
        let notices = form.notices.as_ref();
        let notices = notices.map(|form| notices::plan(form, &zone, |path| self.path(path)));
        let notices = notices.transpose()?;
        let inbox = form.inbox.as_ref();
        let inbox = inbox.map(|inbox| (self.path(&inbox.directory), inbox.wait()));
        Ok(LoadedSettings {
            settings,
            plan,
            keys,
            master_from_environment,
            networks,
            wallet,
            forgeable: listeners::forgeable(&form.terminals),
            firms,
            zone,
            calendar,
            views,
            pulse,
            web,
            metrics,
            certificates,
            notices,
            inbox,
            log_level: form.log_level,
            codes,
            vault,
            debtors,
            office_group,
        })
    }

    fn views(&self, form: &ViewsForm) -> anyhow::Result<ViewsPlace> {
        let ViewsForm { path, url, password_file, authorities } = form;
        let Some(url) = url else {
            ensure!(
                password_file.is_none() && authorities.is_none(),
                bilingual!(
                    "views: `password_file` and `authorities` are for a server; give its `url`",
                    "views：`password_file` 和 `authorities` 用于服务器；请给出其 `url`"
                )
            );
            return Ok(ViewsPlace(path.as_ref().map(|path| Place::File(self.path(path)))));
        };
        ensure!(
            path.is_none(),
            bilingual!("views: give `path` or `url`", "views：请给出 `path` 或 `url` 之一")
        );
        let server =
            self.server("views", (url.as_str(), password_file.as_deref(), authorities.as_deref()))?;
        Ok(ViewsPlace(Some(Place::Server(Box::new(server)))))
    }

    /// A server of PostgreSQL: its address, the file of its password, and that of authorities.
    fn server(
        &self,
        section: &str,
        (url, password_file, authorities): (&str, Option<&Path>, Option<&Path>),
    ) -> anyhow::Result<Server> {
        let at = |field: &str| format!("{section}.{field}");
        let password = password_file.map(|path| read_secret(&self.path(path)));
        let password = password.transpose().with_context(|| at("password_file"))?;
        let password = password.as_ref().map(|text| text.trim_end_matches(['\r', '\n']));
        let tls = authorities.map(|path| tls::client(&self.path(path), None, "server"));
        let tls = tls.transpose().with_context(|| at("authorities"))?.map(|tls| tls.settings);
        Server::new(url, password, tls).with_context(|| at("url"))
    }

    /// How the vault is opened: under a key of the store, with its records here or on a server.
    fn vault(
        &self,
        key: Option<KeyName>,
        store: Arc<dyn KeyStore>,
        form: Option<&VaultForm>,
    ) -> anyhow::Result<VaultOptions> {
        let server = form.map(|VaultForm { url, password_file, authorities }| {
            self.server("vault", (url.as_str(), password_file.as_deref(), authorities.as_deref()))
        });
        let key = key.map(|name| VaultKey { store, name });
        Ok(VaultOptions { key, server: server.transpose()? })
    }

    /// Opens the key store. Also returns whether its master key came from the environment.
    fn keys(
        &self,
        keys: &super::form::KeysForm,
        begin: bool,
    ) -> anyhow::Result<(Arc<dyn KeyStore>, bool)> {
        // A process that serves does it earlier, and says what is not protected.
        memory::protect_once();
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
        let mut plan = HostPlan { limits: limits::from_form(form)?, ..HostPlan::default() };
        for TerminalAddresses { section, dialect, listen, tls, plain } in
            listeners::addresses(&form.terminals)
        {
            let certified = tls.is_some_and(|tls| tls.clients.is_some());
            let found = self.listen(&section, listen, tls, plain)?.into_iter();
            plan.terminals.extend(found.map(|ListenerPlan { address, tls }| TerminalListener {
                address,
                tls,
                certified,
                dialect,
            }));
        }
        listeners::check_gateways(form.gateways.as_ref(), &form.terminals)?;
        if let Some(gateways) = &form.gateways {
            let identity = self.identity(&gateways.certificate, &gateways.key)?;
            let authorities = self.path(&gateways.authorities);
            let tls = tls::server(&identity, Some(&authorities)).context("gateways")?;
            let at = |address: &AddressText| (address.0, tls.clone());
            plan.gateways = gateways.listen.iter().map(at).collect();
            plan.gateway_names.clone_from(&gateways.names);
            plan.trusted_gateways.clone_from(&gateways.trusted);
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

    fn metrics(&self, form: &MetricsForm) -> anyhow::Result<MetricsPlan> {
        let accept = plain_in("[metrics]");
        let keys = ("metrics.listen", "metrics.tls", &*accept);
        metrics::plan(form, |path| self.path(path), |at, safe| require_tls(at, keys, safe))
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
pub(super) fn plain_in(section: &str) -> String {
    bilingual!("write plain = \"i-know\" in {section}", "请在 {section} 中写 plain = \"i-know\"")
}

pub(super) fn settings(form: &SettingsForm, zone: &ResolvedZone) -> anyhow::Result<Settings> {
    let merchant = &form.merchant;
    let terminals = &form.terminals;
    let timing = &form.timing;
    let (usual, pins) = (Timing::default(), WrongPinLimits::default());
    form.notices.iter().try_for_each(notices::NoticesForm::check)?;
    form.inbox.iter().try_for_each(InboxForm::check)?;
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
            base_key: form.keys.terminals,
            derived_dialect: terminals.dialect,
            answer_s: terminals.answer_seconds,
            reversal_attempts_max: terminals.reversals,
            echo_s: terminals.echo_seconds,
            wrong_pins: WrongPinLimits {
                per_card: form.limits.wrong_pins_per_card.unwrap_or(pins.per_card),
                per_terminal: form.limits.wrong_pins_per_terminal.unwrap_or(pins.per_terminal),
            },
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
