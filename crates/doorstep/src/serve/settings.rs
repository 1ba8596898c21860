//! doorstep.toml read: what the switch, the sockets and the key store are to be.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use door::tls::{self, Identity};
use door::{Listen, NetworkLink, Plan, WalletDoor};
use engine::{FirmId, NetworkId, WalletId};
use keys::{KeyStore, MasterKey, SoftwareStore};
use money::decimal::{self, DecimalStyle};
use money::{Amount, Currency};
use serde::de::DeserializeOwned;
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkSettings, Settings, TerminalSettings, Timing,
    WalletSettings,
};
use tariff::Capped;
use zeroize::Zeroizing;

use super::form::{
    Address, CardKind, Cost, Form, Gateways, KeysOnly, Network, Terminals, Tls, Wallet,
};
use super::{key_names, limits};
use crate::books;

/// Bytes of the file at the most: a hundred thousand card ranges fit.
const FILE_BYTES_MAX: usize = 16 << 20;
/// The environment variable with the user PIN of an HSM's token, as for `doorstep keys`.
const PIN_VARIABLE: &str = "DOORSTEP_PKCS11_PIN";
/// Bytes of a wallet's secret.
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 1_024;

/// What a file says.
pub struct Said {
    /// For the switch.
    pub settings: Settings,
    /// For the sockets.
    pub plan: Plan,
    /// The keys.
    pub keys: Arc<dyn KeyStore>,
    /// Networks and the wallet, as the books know them, with currency and name.
    pub networks: Vec<(NetworkId, Currency, String)>,
    /// See `networks`.
    pub wallet: Option<(WalletId, Currency, String)>,
}

/// Reads a file and all files that it names. Paths in it are relative to it.
pub fn read(path: &Path) -> anyhow::Result<Said> {
    let named = || path.display().to_string();
    let text = books::read_text(path, FILE_BYTES_MAX)?;
    let form = parse(&text).with_context(named)?;
    File::beside(path).said(form).with_context(named)
}

/// The key store that a file names; where its file is not there, it may be begun.
pub fn key_store(path: &Path, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
    let named = || path.display().to_string();
    let text = books::read_text(path, FILE_BYTES_MAX)?;
    let KeysOnly { keys } = parse(&text).with_context(named)?;
    File::beside(path).keys(&keys, begin).with_context(named)
}

/// The form in a text. Errors name the line.
pub(super) fn parse<F: DeserializeOwned>(text: &str) -> anyhow::Result<F> {
    toml::from_str(text).map_err(|error| {
        let Some(span) = error.span() else { return anyhow!("{}", error.message()) };
        let before = &text[..span.start.min(text.len())];
        let number = before.matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or_default().trim();
        anyhow!("line {number} (`{line}`): {}", error.message())
    })
}

struct File {
    directory: PathBuf,
}

impl File {
    /// What is named in a file lies beside it.
    fn beside(path: &Path) -> File {
        File { directory: path.parent().unwrap_or(Path::new("")).to_owned() }
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn said(&self, form: Form) -> anyhow::Result<Said> {
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
        let settings = settings(&form)?;
        settings.check()?;
        let plan = self.plan(&form)?;
        let keys = self.keys(&form.keys, false)?;
        key_names::check(&settings, &*keys)?;
        Ok(Said { settings, plan, keys, networks, wallet })
    }

    fn keys(&self, keys: &super::form::Keys, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
        match (&keys.store, &keys.pkcs11) {
            (Some(store), None) => {
                let master = keys.master.as_ref().map(|path| self.path(path));
                let master = MasterKey::find(master.as_deref())?;
                let store = self.path(store);
                Ok(Arc::new(key_file(&store, master, begin)?))
            }
            (None, Some(hsm)) => self.pkcs11(hsm),
            _ => Err(anyhow!("keys: give either `store`, a file, or `pkcs11`, an HSM")),
        }
    }

    fn plan(&self, form: &Form) -> anyhow::Result<Plan> {
        let terminals = self.listen(&form.terminals.listen, form.terminals.tls.as_ref());
        let mut plan = Plan {
            limits: limits::of(form)?,
            terminals: terminals.context("terminals.tls")?,
            ..Plan::default()
        };
        if let Some(gateways) = &form.gateways {
            no_terminal_as_a_gateway(gateways, &form.terminals)?;
            let identity = self.identity(&gateways.certificate, &gateways.key);
            let authorities = self.path(&gateways.authorities);
            let tls = tls::server(&identity, Some(&authorities)).context("gateways")?;
            let at = |address: &Address| (address.0, tls.clone());
            plan.gateways = gateways.listen.iter().map(at).collect();
            plan.gateway_names.clone_from(&gateways.names);
        }
        ensure!(
            !plan.terminals.is_empty() || !plan.gateways.is_empty(),
            "nobody can come in; give terminals.listen or gateways.listen an address"
        );
        for network in &form.networks {
            let links = self.links(network);
            plan.links.extend(links.with_context(|| format!("network `{}`", network.name))?);
        }
        if let Some(wallet) = &form.wallet {
            nobody_in_between(wallet)?;
            plan.wallets_listen =
                self.listen(&wallet.listen, wallet.tls.as_ref()).context("wallet.tls")?;
            plan.wallets = vec![self.wallet(wallet).context("wallet.secret")?];
        }
        Ok(plan)
    }

    fn listen(&self, addresses: &[Address], tls: Option<&Tls>) -> anyhow::Result<Vec<Listen>> {
        let tls = tls.map(|tls| {
            let clients = tls.clients.as_ref().map(|path| self.path(path));
            tls::server(&self.identity(&tls.certificate, &tls.key), clients.as_deref())
        });
        let tls = tls.transpose()?;
        let at = |address: &Address| Listen { address: address.0, tls: tls.clone() };
        Ok(addresses.iter().map(at).collect())
    }

    fn identity(&self, certificate: &Path, key: &Path) -> Identity {
        Identity { certificate: self.path(certificate), key: self.path(key) }
    }

    fn links(&self, network: &Network) -> anyhow::Result<Vec<NetworkLink>> {
        let tls = network.tls.as_ref().map(|tls| {
            let identity = match (&tls.certificate, &tls.key) {
                (Some(certificate), Some(key)) => Some(self.identity(certificate, key)),
                (None, None) => None,
                _ => return Err(anyhow!("tls: give both `certificate` and `key`, or neither")),
            };
            Ok(tls::client(&self.path(&tls.authorities), identity.as_ref(), &tls.name)?)
        });
        let tls = tls.transpose()?;
        let id = NetworkId::derived(&network.name);
        let link = |(number, address): (u8, &Address)| NetworkLink {
            link: LinkId { network: id, number },
            name: network.name.clone(),
            address: address.0,
            tls: tls.clone(),
        };
        Ok((0..).zip(&network.links).map(link).collect())
    }

    fn wallet(&self, wallet: &Wallet) -> anyhow::Result<WalletDoor> {
        let secret = books::read_text(&self.path(&wallet.secret), SECRET_BYTES_MAX)?;
        let secret = Zeroizing::new(secret);
        let secret = Zeroizing::new(secret.trim().as_bytes().to_vec());
        ensure!(
            secret.len() >= SECRET_BYTES_MIN,
            "{} bytes are too few; agree on at least {SECRET_BYTES_MIN} random ones",
            secret.len()
        );
        let (name, id) = (wallet.name.clone(), WalletId::derived(&wallet.name));
        Ok(WalletDoor { name, wallet: id, secret })
    }

    fn pkcs11(&self, hsm: &super::form::Pkcs11) -> anyhow::Result<Arc<dyn KeyStore>> {
        let pin = match &hsm.pin_file {
            Some(file) => books::read_text(&self.path(file), SECRET_BYTES_MAX)?,
            None => std::env::var(PIN_VARIABLE)
                .with_context(|| format!("pkcs11.pin_file, or {PIN_VARIABLE}"))?,
        };
        let pin = Zeroizing::new(pin);
        let pin = secrecy::SecretString::from(pin.trim());
        Ok(Arc::new(keys::Pkcs11Store::open(&self.path(&hsm.module), &hsm.token, pin)?))
    }
}

/// Whose certificate a terminal's authority has signed, or one below it, may be good enough for a
/// gateway as well: then their names must say who is one.
fn no_terminal_as_a_gateway(gateways: &Gateways, terminals: &Terminals) -> anyhow::Result<()> {
    let clients = terminals.tls.as_ref().and_then(|tls| tls.clients.as_ref());
    match &gateways.names {
        None if clients.is_some() => bail!(
            "gateways.names: with terminals.tls.clients, terminals have certificates as well, and \
             one of them could be let in as a gateway; list the names in the gateways' \
             certificates"
        ),
        Some(names) if names.is_empty() => bail!(
            "gateways.names: nobody would be let in; list the names in the gateways' \
             certificates, or leave it out where gateways.authorities sign for nobody else"
        ),
        _ => Ok(()),
    }
}

/// What a wallet says is signed and not secret, but where anybody can listen to it, anybody can
/// hold it back.
fn nobody_in_between(wallet: &Wallet) -> anyhow::Result<()> {
    let outside = |address: &&Address| !address.0.ip().to_canonical().is_loopback();
    match wallet.listen.iter().find(outside) {
        Some(address) if wallet.tls.is_none() => Err(anyhow!(
            "wallet.listen: {} is no loopback address; give wallet.tls, or listen at 127.0.0.1 \
             behind a proxy that speaks TLS",
            address.0
        )),
        _ => Ok(()),
    }
}

pub(super) fn settings(form: &Form) -> anyhow::Result<Settings> {
    let merchant = &form.merchant;
    let terminals = &form.terminals;
    let timing = &form.timing;
    let usual = Timing::default();
    Ok(Settings {
        utc_offset_minutes: form.utc_offset_minutes,
        currency: form.currency,
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
            generation: form.keys.generation,
            answer_s: terminals.answer_seconds,
            reversals: terminals.reversals,
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
            chase_first_ms: timing.chase_first_ms.unwrap_or(usual.chase_first_ms),
            chase_most_ms: timing.chase_most_ms.unwrap_or(usual.chase_most_ms),
            link_answer_ms: timing.link_answer_ms.unwrap_or(usual.link_answer_ms),
            echo_ms: timing.echo_ms.unwrap_or(usual.echo_ms),
            qr_ms: timing.qr_ms.unwrap_or(usual.qr_ms),
            rest_ms: timing.rest_ms.unwrap_or(usual.rest_ms),
            pre_authorisation_days: timing
                .pre_authorisation_days
                .unwrap_or(usual.pre_authorisation_days),
        },
    })
}

fn exactly<const N: usize>(text: &str, key: &str, rule: &str) -> anyhow::Result<[u8; N]> {
    text.as_bytes().try_into().map_err(|_| anyhow!("{key}: `{text}` must be {rule}"))
}

fn network(network: &Network) -> anyhow::Result<NetworkSettings> {
    let here = |key: &str| format!("network `{}`, {key}", network.name);
    let cost = |key: &str, cost: &Cost| -> anyhow::Result<Capped> {
        let cap = cost.cap.as_ref().map(|cap| amount(cap, network.currency)).transpose();
        Ok(Capped { rate: cost.rate, cap: cap.with_context(|| here(key))? })
    };
    Ok(NetworkSettings {
        network: NetworkId::derived(&network.name),
        name: network.name.clone(),
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

fn bins(form: &Form) -> anyhow::Result<Vec<BinRange>> {
    let known: HashSet<&str> = form.networks.iter().map(|network| &*network.name).collect();
    let mut bins = Vec::with_capacity(form.bins.len());
    for bin in &form.bins {
        for network in &bin.networks {
            ensure!(
                known.contains(network.as_str()),
                "bin `{}`: there is no network `{network}`; give one of [[network]]",
                bin.first_digits
            );
        }
        bins.push(BinRange {
            first_digits: bin.first_digits.clone(),
            kind: match bin.kind {
                CardKind::Debit => tariff::CardKind::Debit,
                CardKind::Credit => tariff::CardKind::Credit,
            },
            networks: bin.networks.iter().map(|name| NetworkId::derived(name)).collect(),
        });
    }
    Ok(bins)
}

/// The address that a text on the command line names.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse::<Address>().map(|address| address.0)
}

/// The keys in a file; where it is not there, it may be begun: it is written with the first key.
pub fn key_file(path: &Path, master: MasterKey, begin: bool) -> anyhow::Result<SoftwareStore> {
    if begin {
        return Ok(SoftwareStore::open_or_begin(path, master)?);
    }
    ensure!(
        path.exists(),
        "{}: there is no key store; `doorstep keys make` or `import` begins one",
        path.display()
    );
    Ok(SoftwareStore::open(path, master)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../docs/door/doorstep.toml");

    fn error(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        let text = EXAMPLE.replacen(from, to, 1);
        let error = match parse::<Form>(&text) {
            Err(error) => error,
            Ok(form) => {
                settings(&form).and_then(|settings| Ok(settings.check()?)).expect_err("it is wrong")
            }
        };
        format!("{error:#}")
    }

    #[test]
    fn the_example_is_read() {
        let form: Form = parse(EXAMPLE).unwrap();
        let settings = settings(&form).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.networks.len(), 2);
        assert_eq!(settings.networks[0].network, NetworkId::derived("alpha"));
        assert!(settings.bins.len() > 1);
    }

    #[test]
    fn wallets_are_heard_without_tls_on_this_machine_only() {
        let wallet = |listen: &str, tls: &str| {
            let text = EXAMPLE.replacen("127.0.0.1:7003", listen, 1);
            let from = text.find("# [wallet]").unwrap();
            let until = from + text[from..].find("\n\n").unwrap();
            let lines = text[from..until].lines().filter(|line| !line.starts_with("# tls"));
            let wallet: String = lines.map(|line| format!("{}\n", &line[2..])).collect();
            let text = format!("{}{wallet}\n{tls}{}", &text[..from], &text[until..]);
            nobody_in_between(&parse::<Form>(&text).unwrap().wallet.unwrap())
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
    fn mistakes_are_named_with_their_line_and_how_to_mend_them() {
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
