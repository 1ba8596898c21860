//! Listeners for terminals, and the gateways that may carry them.

use anyhow::{bail, ensure};
use host::HostPlan;
use switch::TerminalDialect;

use super::form::{
    AddressText, GatewaysForm, ListenerForm, PlainForm, TerminalsForm, TlsServerForm,
};
use crate::words::{Lang, bilingual};

/// Addresses for terminals of one dialect.
pub struct TerminalAddresses<'f> {
    /// The section of the settings.
    pub section: String,
    pub dialect: &'static TerminalDialect,
    pub listen: &'f [AddressText],
    pub tls: Option<&'f TlsServerForm>,
    pub plain: Option<PlainForm>,
}

impl TerminalAddresses<'_> {
    fn has_certificates(&self) -> bool {
        self.tls.is_some_and(|tls| tls.clients.is_some())
    }
}

/// Those of `[terminals]`, then those of its listeners.
pub fn addresses(form: &TerminalsForm) -> Vec<TerminalAddresses<'_>> {
    let TerminalsForm { dialect, listen, tls, plain, .. } = form;
    let (section, tls, plain) = ("terminals".to_owned(), tls.as_ref(), *plain);
    let own = TerminalAddresses { section, dialect, listen, tls, plain };
    let more = form.listeners.iter().map(|(name, listener)| {
        let ListenerForm { dialect, listen, tls, plain } = listener;
        let section = format!("terminals.listeners.{name}");
        TerminalAddresses { section, dialect, listen, tls: tls.as_ref(), plain: *plain }
    });
    std::iter::once(own).chain(more).collect()
}

/// The section of the first listener on which anybody on the line could change a message: neither
/// the dialect protects it, nor TLS with certificates of the terminals.
pub fn forgeable(form: &TerminalsForm) -> Option<String> {
    let is_forgeable = |of: &TerminalAddresses<'_>| {
        !(of.dialect.proves_terminals() || of.has_certificates() || of.listen.is_empty())
    };
    addresses(form).into_iter().find(is_forgeable).map(|of| of.section)
}

/// A dialect that protects nothing is spoken inside TLS with certificates, or behind trusted
/// gateways; without, in trials only.
pub fn require_protected(forgeable: Option<&str>, trial: bool) -> anyhow::Result<()> {
    if let Some(section) = forgeable.filter(|_| !trial) {
        bail!(bilingual!(
            "{section}.dialect: `unionpay` protects nothing on the line; give {section}.tls with \
             `clients`, let these terminals come through gateways of gateways.trusted only, or use \
             `doorstep`",
            "{section}.dialect：`unionpay` 在链路上没有任何保护；请给出带 `clients` 的 \
             {section}.tls，或只经 gateways.trusted 中的网关接入这些终端，或使用 `doorstep`"
        ));
    }
    Ok(())
}

/// Checks that the gateways fit the terminals.
pub fn check_gateways(
    gateways: Option<&GatewaysForm>,
    terminals: &TerminalsForm,
) -> anyhow::Result<()> {
    let addresses = addresses(terminals);
    let trusted = gateways.map_or(&[][..], |gateways| &gateways.trusted);
    let dialect = terminals.dialect;
    let is_carried = addresses.iter().any(|of| of.dialect == dialect && !of.listen.is_empty());
    ensure!(
        dialect.proves_terminals() || is_carried || !trusted.is_empty(),
        bilingual!(
            "terminals.dialect: no listener and no gateway carries `unionpay`; give an address in \
             terminals.listen, or list the gateways that you trust with these terminals in \
             gateways.trusted",
            "terminals.dialect：没有监听地址或网关接入 `unionpay`；请在 terminals.listen \
             中给出地址，或在 gateways.trusted 中列出您信任其接入这些终端的网关"
        )
    );
    let Some(gateways) = gateways else { return Ok(()) };
    // If terminals have certificates too, one might be accepted as a gateway's.
    let clients = addresses.iter().find(|of| of.has_certificates());
    match (&gateways.names, clients) {
        (None, Some(of)) => bail!(bilingual!(
            "gateways.names: with {0}.tls.clients, terminals have certificates, and one could be \
             accepted as a gateway; list the names in the gateways' certificates",
            "gateways.names：有 {0}.tls.clients 时终端也有证书，可能被当作网关接受；\
             请列出网关证书中的名称",
            of.section
        )),
        (Some(names), _) if names.is_empty() => bail!(bilingual!(
            "gateways.names: the list is empty, so no gateway could connect; list the names in the \
             gateways' certificates, or leave it out if gateways.authorities sign only gateways",
            "gateways.names：清单为空，没有网关能够接入；请列出网关证书中的名称，\
             或在 gateways.authorities 只签发网关证书时不写此项"
        )),
        (Some(names), _) => {
            let is_named = |name: &&String| names.iter().any(|one| one.eq_ignore_ascii_case(name));
            if let Some(name) = trusted.iter().find(|name| !is_named(name)) {
                bail!(bilingual!(
                    "gateways.trusted: `{name}` is not in gateways.names, so it could not connect; \
                     add it there, or correct it",
                    "gateways.trusted：`{name}` 不在 gateways.names 中，无法接入；请补充或更正"
                ));
            }
        }
        (None, None) => {}
    }
    Ok(())
}

/// What protects a line, in words: [`host::TerminalListener::protection`].
pub fn protection(name: &str, lang: Lang) -> &str {
    match name {
        "certificates" => lang.pick("TLS with the terminals' certificates", "TLS，终端有证书"),
        "tls" => "TLS",
        "plain" => lang.pick("plain TCP", "明文 TCP"),
        other => other,
    }
}

/// Each listener with dialect and protection, and the trusted gateways, as a row of label and text.
pub fn rows(plan: &HostPlan, lang: Lang) -> Vec<(&'static str, String)> {
    let mut rows: Vec<_> = plan
        .terminals
        .iter()
        .map(|listener| {
            let how = protection(listener.protection(), lang);
            let what = format!("{}, {}, {how}", listener.address, listener.dialect.name);
            (lang.pick("terminals", "终端"), what)
        })
        .collect();
    for gateway in &plan.trusted_gateways {
        rows.push((trusted_label(lang), gateway.clone()));
    }
    rows
}

/// Of a gateway that may carry UnionPay's dialect.
pub fn trusted_label(lang: Lang) -> &'static str {
    lang.pick("trusted", "受信网关")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminals(text: &str) -> TerminalsForm {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn unionpays_dialect_needs_certificates_or_gateways_outside_a_trial() {
        let listen = "listen = [\"127.0.0.1:7001\"]";
        let tls = "certificate = \"c\", key = \"k\"";
        let unionpay = format!("dialect = \"unionpay\"\n{listen}");
        let certified = format!("tls = {{ {tls}, clients = \"a\" }}");
        let depot = |text: &str| format!("{listen}\n[listeners.depot]\n{text}");
        let cases = [
            (listen.to_owned(), None),
            (unionpay.clone(), Some("terminals")),
            (format!("{unionpay}\ntls = {{ {tls} }}"), Some("terminals")),
            (format!("{unionpay}\n{certified}"), None),
            ("dialect = \"unionpay\"".to_owned(), None),
            (depot(listen), None),
            (depot(&unionpay), Some("terminals.listeners.depot")),
            (depot(&format!("{unionpay}\n{certified}")), None),
            (format!("{certified}\n{}", depot(&unionpay)), Some("terminals.listeners.depot")),
        ];
        for (text, expected) in cases {
            let found = forgeable(&terminals(&text));
            assert_eq!(found.as_deref(), expected, "{text}");
            assert_eq!(require_protected(expected, false).is_ok(), expected.is_none());
            require_protected(expected, true).unwrap();
        }
    }

    #[test]
    fn a_dialect_that_nobody_carries_and_a_trust_in_nobody_are_refused() {
        let gateways = |more: &str| {
            let text = "listen = []\ncertificate = \"c\"\nkey = \"k\"\nauthorities = \"a\"\n";
            toml::from_str::<GatewaysForm>(&format!("{text}{more}")).unwrap()
        };
        let check = |text: &str, gateways: Option<&GatewaysForm>| {
            check_gateways(gateways, &terminals(text)).map_err(|error| error.to_string())
        };
        let said = check("dialect = \"unionpay\"", Some(&gateways(""))).unwrap_err();
        assert!(said.starts_with("terminals.dialect: no listener"), "{said}");
        let trusting = gateways("names = [\"G1\"]\ntrusted = [\"g1\"]");
        assert_eq!(check("dialect = \"unionpay\"", Some(&trusting)), Ok(()));
        let said = check("", Some(&gateways("names = [\"g1\"]\ntrusted = [\"g2\"]"))).unwrap_err();
        assert!(said.starts_with("gateways.trusted: `g2` is not in gateways.names"), "{said}");
        let certified = "tls = { certificate = \"c\", key = \"k\", clients = \"a\" }\nlisten = []";
        for text in [certified.to_owned(), format!("[listeners.depot]\n{certified}")] {
            let said = check(&text, Some(&gateways(""))).unwrap_err();
            assert!(said.starts_with("gateways.names: with terminals."), "{said}");
            assert_eq!(check(&text, Some(&trusting)), Ok(()));
            assert_eq!(check(&text, None), Ok(()));
        }
    }
}
