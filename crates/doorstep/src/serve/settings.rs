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
use keys::{KeyName, KeyStore, MasterKey, SoftwareStore};
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
    NetworkForm, SettingsForm, TerminalsForm, TlsServerForm, WalletForm,
};
use super::{key_names, limits};
use crate::time_zone::{ResolvedZone, resolve};
use crate::words::{Lang, bilingual};
use crate::{calendar_command, chinese, data_directory};

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
    pub networks: Vec<(NetworkId, Currency, String)>,
    pub wallet: Option<(WalletId, Currency, String)>,
    /// What protects the messages of the terminals.
    pub terminal_line: TerminalLine,
    /// The names of the courier firms that have merchant numbers.
    pub firms: Vec<String>,
    pub zone: ResolvedZone,
    pub calendar: Option<Calendar>,
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
    let text = data_directory::read_text(path, FILE_BYTES_MAX)?;
    let form = parse(&text).with_context(named)?;
    File::beside(path).load(form).with_context(named)
}

/// Opens the key store of a settings file. `begin` creates a missing key file.
pub fn key_store(path: &Path, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
    let named = || path.display().to_string();
    let text = data_directory::read_text(path, FILE_BYTES_MAX)?;
    let KeysOnlyForm { keys, .. } = parse(&text).with_context(named)?;
    File::beside(path).keys(&keys, begin).with_context(named)
}

/// The key from which terminals' keys are derived, of the settings in this file.
pub fn terminal_base_key(path: &Path) -> anyhow::Result<KeyName> {
    let text = data_directory::read_text(path, FILE_BYTES_MAX)?;
    let KeysOnlyForm { keys, .. } = parse(&text).with_context(|| path.display().to_string())?;
    Ok(keys.terminals)
}

/// What the settings say of accounts: how the vault is opened, and who pays.
pub struct AccountSettings {
    pub vault: Option<VaultKey>,
    pub debtors: BTreeMap<Currency, Party>,
}

/// Reads the part of a settings file that is about accounts, and opens the key store.
pub fn accounts(path: &Path) -> anyhow::Result<AccountSettings> {
    let named = || path.display().to_string();
    let text = data_directory::read_text(path, FILE_BYTES_MAX)?;
    let KeysOnlyForm { keys, debtors } = parse(&text).with_context(named)?;
    let store = File::beside(path).keys(&keys, false).with_context(named)?;
    let vault = keys.vault.map(|name| VaultKey { store, name });
    Ok(AccountSettings { vault, debtors: self::debtors(debtors).with_context(named)? })
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
        let keys = self.keys(&form.keys, false)?;
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
            networks,
            wallet,
            terminal_line: TerminalLine::of(&form.terminals),
            firms,
            zone,
            calendar,
            codes,
            vault,
            office_group,
        })
    }

    fn keys(&self, keys: &super::form::KeysForm, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
        match (&keys.store, &keys.pkcs11) {
            (Some(store), None) => {
                let master = keys.master.as_ref().map(|path| self.path(path));
                let master = MasterKey::find(master.as_deref())?;
                let store = self.path(store);
                Ok(Arc::new(key_file(&store, master, begin)?))
            }
            (None, Some(hsm)) => self.pkcs11(hsm),
            _ => Err(anyhow!(bilingual!(
                "keys: give either `store`, a key file, or `pkcs11`, an HSM",
                "keys：请给出 `store`（密钥文件）或 `pkcs11`（加密机）之一"
            ))),
        }
    }

    fn plan(&self, form: &SettingsForm) -> anyhow::Result<HostPlan> {
        let terminals = self.listen(&form.terminals.listen, form.terminals.tls.as_ref());
        let mut plan = HostPlan {
            limits: limits::from_form(form)?,
            terminals: terminals.context("terminals.tls")?,
            ..HostPlan::default()
        };
        if let Some(gateways) = &form.gateways {
            require_gateway_names(gateways, &form.terminals)?;
            let identity = self.identity(&gateways.certificate, &gateways.key);
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
            require_tls_or_loopback(wallet)?;
            plan.wallet_listeners =
                self.listen(&wallet.listen, wallet.tls.as_ref()).context("wallet.tls")?;
            plan.wallets = vec![self.wallet(wallet).context("wallet.secret")?];
        }
        Ok(plan)
    }

    fn listen(
        &self,
        addresses: &[AddressText],
        tls: Option<&TlsServerForm>,
    ) -> anyhow::Result<Vec<ListenerPlan>> {
        let tls = tls.map(|tls| {
            let clients = tls.clients.as_ref().map(|path| self.path(path));
            tls::server(&self.identity(&tls.certificate, &tls.key), clients.as_deref())
        });
        let tls = tls.transpose()?;
        let at = |address: &AddressText| ListenerPlan { address: address.0, tls: tls.clone() };
        Ok(addresses.iter().map(at).collect())
    }

    fn identity(&self, certificate: &Path, key: &Path) -> TlsIdentity {
        TlsIdentity { certificate: self.path(certificate), key: self.path(key) }
    }

    fn links(&self, network: &NetworkForm) -> anyhow::Result<Vec<NetworkLink>> {
        let tls = network.tls.as_ref().map(|tls| {
            let identity = match (&tls.certificate, &tls.key) {
                (Some(certificate), Some(key)) => Some(self.identity(certificate, key)),
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
        let secret = data_directory::read_text(&self.path(&wallet.secret), SECRET_BYTES_MAX)?;
        let secret = Zeroizing::new(secret);
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
            Some(file) => data_directory::read_text(&self.path(file), SECRET_BYTES_MAX)?,
            None => std::env::var(PIN_VARIABLE).with_context(|| {
                bilingual!(
                    "pkcs11.pin_file, or {PIN_VARIABLE}",
                    "pkcs11.pin_file 或 {PIN_VARIABLE}"
                )
            })?,
        };
        let pin = Zeroizing::new(pin);
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

/// A wallet's notifications are signed, not secret. But without TLS an attacker on the line could
/// hold them back.
fn require_tls_or_loopback(wallet: &WalletForm) -> anyhow::Result<()> {
    let outside = |address: &&AddressText| !address.0.ip().to_canonical().is_loopback();
    match wallet.listen.iter().find(outside) {
        Some(address) if wallet.tls.is_none() => Err(anyhow!(bilingual!(
            "wallet.listen: {} is not a loopback address; give wallet.tls, or listen at 127.0.0.1 \
             behind a TLS proxy",
            "wallet.listen：{} 不是本机回环地址；请给出 wallet.tls，\
             或在 TLS 代理之后监听 127.0.0.1",
            address.0
        ))),
        _ => Ok(()),
    }
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

/// For an address on the command line.
pub fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse::<AddressText>().map(|address| address.0)
}

/// Opens a key file. `begin` allows a missing file, which the first key creates.
pub fn key_file(path: &Path, master: MasterKey, begin: bool) -> anyhow::Result<SoftwareStore> {
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

    #[test]
    fn wallets_need_tls_except_on_loopback() {
        let wallet = |listen: &str, tls: &str| {
            let text = EXAMPLE.replacen("127.0.0.1:7003", listen, 1);
            let from = text.find("# [wallet]").unwrap();
            let until = from + text[from..].find("\n\n").unwrap();
            let lines = text[from..until].lines().filter(|line| !line.starts_with("# tls"));
            let wallet: String = lines.map(|line| format!("{}\n", &line[2..])).collect();
            let text = format!("{}{wallet}\n{tls}{}", &text[..from], &text[until..]);
            require_tls_or_loopback(&parse::<SettingsForm>(&text).unwrap().wallet.unwrap())
        };
        for local in ["127.0.0.1:7003", "[::1]:7003", "[::ffff:127.0.0.1]:7003"] {
            wallet(local, "").unwrap();
        }
        for open in ["0.0.0.0:7003", "192.168.0.7:7003", "[::]:7003"] {
            let error = wallet(open, "").unwrap_err().to_string();
            assert!(error.contains("give wallet.tls") && error.contains(open), "{error}");
            wallet(open, "tls = { certificate = \"c\", key = \"k\" }\n").unwrap();
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
