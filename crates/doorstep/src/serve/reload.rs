//! `doorstep reload` and SIGHUP: settings that change while Doorstep serves.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use calendar::Calendar;
use clap::Args;
use engine::Engine;
use host::SettingsChanges;
use node::NodeClient;
use switch::Unfinished;
use toml::{Table, Value};

use super::notices::NoticesSwitch;
use super::{check_against_books, listeners, resumed_switch, settings};
use crate::data_directory::read_text;
use crate::logging::CurrentLogLevel;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Reads the settings of a running Doorstep again
///
/// Checks the whole file as `doorstep serve --check` does, and changes nothing if anything in it is
/// wrong. Then it applies what can change while Doorstep runs, and names what needs a restart. The
/// example settings say which is which: `doorstep serve --example`. SIGHUP does the same.
#[derive(Args, Debug)]
pub struct ReloadArgs {
    /// The data directory of the running Doorstep
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// The settings that are applied without a restart, each with all in it. `*` stands for the name of
/// a network or listener.
pub const RELOADED: [&str; 32] = [
    "calendar",
    "log_level",
    "shown_as",
    NOTICES,
    "terminals.tls.certificate",
    "terminals.tls.key",
    "terminals.tls.clients",
    "terminals.answer_seconds",
    "terminals.reversals",
    "terminals.echo_seconds",
    "terminals.listeners.*.tls.certificate",
    "terminals.listeners.*.tls.key",
    "terminals.listeners.*.tls.clients",
    "gateways.authorities",
    "gateways.names",
    "gateways.trusted",
    "gateways.certificate",
    "gateways.key",
    "merchant.firms",
    "network.*.tls.authorities",
    "network.*.tls.name",
    "network.*.tls.certificate",
    "network.*.tls.key",
    "network.*.debit",
    "network.*.credit",
    "bin",
    "wallet.tls.certificate",
    "wallet.tls.key",
    "wallet.tls.clients",
    "wallet.secret",
    "limits",
    "timing",
];
/// Read by other commands, each time.
const NOT_SERVED: &str = "debtor";
/// The list of the networks' names.
const NETWORK: &str = "network";
/// A section that comes and goes as a whole.
const NOTICES: &str = "notices";
/// Ranges name networks: they wait with them.
const BIN: &str = "bin";
/// The last parts of the keys that name a file whose content is a setting.
const FILES: [&str; 7] =
    ["certificate", "key", "clients", "authorities", "secret", "password_file", "secret_file"];

/// The calendar in force, shared with the steps of the business day.
pub type CurrentCalendar = Arc<Mutex<Option<Calendar>>>;

/// Settings by their dotted keys. A table has a key too, and so has the list of networks.
pub type FlatSettings = BTreeMap<String, FlatValue>;

/// A value, with a hash of the file that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatValue(Value, Option<u64>);

/// Reads the settings again.
pub struct Reloader {
    pub config: PathBuf,
    /// The settings of the start, but for those that were applied later.
    pub in_force: FlatSettings,
    pub calendar: CurrentCalendar,
    pub log_level: CurrentLogLevel,
    pub changes: SettingsChanges,
    pub client: NodeClient,
    pub notices: Arc<Mutex<NoticesSwitch>>,
}

/// What a reload did.
pub struct Reloaded {
    /// Settings that changed and were applied.
    applied: BTreeSet<String>,
    /// Settings that changed and wait for a restart.
    waiting: BTreeSet<String>,
}

/// The settings of a file, and hashes of the certificates and keys that it names.
pub fn flat_settings(config: &Path) -> anyhow::Result<FlatSettings> {
    let table: Table = settings::parse(&read_text(config, settings::FILE_BYTES_MAX)?)?;
    let mut flat = FlatSettings::new();
    flatten("", table, &mut flat);
    let directory = config.parent().unwrap_or(Path::new(""));
    for (key, FlatValue(value, hash)) in &mut flat {
        let is_file = key.rsplit('.').next().is_some_and(|last| FILES.contains(&last));
        let path = value.as_str().filter(|_| is_file && is_reloaded(key));
        // A file that cannot be read is an error of the settings.
        let text = path.map(|path| read_text(&directory.join(path), settings::FILE_BYTES_MAX));
        if let Some(Ok(text)) = text {
            let mut hasher = DefaultHasher::new();
            zeroize::Zeroizing::new(text).hash(&mut hasher);
            *hash = Some(hasher.finish());
        }
    }
    Ok(flat)
}

fn flatten(within: &str, table: Table, flat: &mut FlatSettings) {
    for (key, value) in table {
        let name = if within.is_empty() { key } else { format!("{within}.{key}") };
        match value {
            Value::Table(table) => {
                flat.insert(name.clone(), FlatValue(Value::Boolean(true), None));
                flatten(&name, table, flat);
            }
            Value::Array(networks) if name == NETWORK => {
                let named = |network: &Value| network.get("name").cloned();
                let names = networks.iter().filter_map(named).collect();
                flat.insert(name, FlatValue(Value::Array(names), None));
                for network in networks {
                    if let (Some(Value::String(one)), Value::Table(table)) =
                        (named(&network), network)
                    {
                        flatten(&format!("{NETWORK}.{one}"), table, flat);
                    }
                }
            }
            value => drop(flat.insert(name, FlatValue(value, None))),
        }
    }
}

/// Whether a setting is applied without a restart.
fn is_reloaded(key: &str) -> bool {
    RELOADED.iter().any(|reloaded| {
        let mut parts = key.split('.');
        reloaded.split('.').all(|part| parts.next().is_some_and(|ours| part == "*" || part == ours))
    })
}

/// The keys whose values differ. A table that is only on one side is named, and nothing in it.
fn differences(before: &FlatSettings, after: &FlatSettings) -> BTreeSet<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |key: &str| before.get(key) != after.get(key);
    let is_within = |key: &str| {
        let ends = key.match_indices('.').map(|(end, _)| end);
        ends.map(|end| &key[..end]).any(differs)
    };
    let wanted = |key: &&String| differs(key) && !is_within(key) && *key != NOT_SERVED;
    keys.into_iter().filter(wanted).cloned().collect()
}

impl Reloader {
    /// Checks the settings whole, then applies what can change.
    pub fn reload(&mut self) -> anyhow::Result<Reloaded> {
        let found = flat_settings(&self.config)?;
        let mut said = settings::read(&self.config)?;
        super::fit_open_files(&mut said)?;
        let (zone, networks, firms) = (said.zone, said.networks, said.firms);
        let forgeable = said.forgeable;
        let ids: Vec<_> = networks.iter().map(|(network, ..)| *network).collect();
        let look = move |engine: &Engine| {
            check_against_books(engine, &zone, &networks, &firms)?;
            listeners::require_protected(forgeable.as_deref(), engine.books().is_trial())?;
            Ok::<_, anyhow::Error>(Unfinished::of(engine.books(), &ids))
        };
        let unfinished = self.client.query(look)?.0?;
        resumed_switch(said.settings.clone(), said.keys, unfinished)?;
        let mut changed = differences(&self.in_force, &found);
        // The rest of the calendar's files.
        let mut calendar = self.calendar.lock().unwrap_or_else(PoisonError::into_inner);
        if *calendar != said.calendar {
            changed.insert("calendar".to_owned());
        }
        let other_networks = changed.contains(NETWORK);
        let applies = |key: &String| is_reloaded(key) && !(key == BIN && other_networks);
        let (applied, waiting) = changed.into_iter().partition::<BTreeSet<_>, _>(applies);
        if other_networks {
            said.plan.links.clear();
        }
        if !applied.is_empty() {
            self.changes.apply(said.plan, said.settings)?;
            self.log_level.set(said.log_level)?;
            *calendar = said.calendar;
        }
        if applied.iter().any(|key| key.split('.').next() == Some(NOTICES)) {
            let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
            notices.apply(said.notices)?;
        }
        drop(calendar);
        let is_applied = |key: &String| {
            applied.iter().any(|one| {
                key.strip_prefix(one.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.in_force.retain(|key, _| !is_applied(key));
        self.in_force.extend(found.into_iter().filter(|(key, _)| is_applied(key)));
        Ok(Reloaded { applied, waiting })
    }
}

impl Reloaded {
    /// Says what was done.
    pub fn print(&self) {
        let lang = Lang::current();
        let listed = |keys: &BTreeSet<String>| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            keys.join(text(lang, "looks.separator"))
        };
        if self.applied.is_empty() && self.waiting.is_empty() {
            say!("{}", text(lang, "reload.nothing"));
        }
        if !self.applied.is_empty() {
            say!("{}", filled(lang, "reload.applied", &[("keys", &listed(&self.applied))]));
        }
        if !self.waiting.is_empty() {
            say!("{}", filled(lang, "reload.waiting", &[("keys", &listed(&self.waiting))]));
        }
    }

    /// Writes what was done to the log.
    pub fn log(&self) {
        let listed = |keys: &BTreeSet<String>| {
            keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let (applied, waiting) = (listed(&self.applied), listed(&self.waiting));
        tracing::info!(target: "host", applied, needs_restart = waiting, "settings read again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> FlatSettings {
        let mut flat = FlatSettings::new();
        flatten("", text.parse().unwrap(), &mut flat);
        flat
    }

    fn changed(before: &str, after: &str) -> Vec<String> {
        differences(&flat(before), &flat(after)).into_iter().collect()
    }

    #[test]
    fn what_changed_is_named_by_its_key() {
        let before = "calendar = 'a'\n[limits]\nin_flight = 4\n[[bin]]\nkind = 'debit'\n";
        let after = "[limits]\nin_flight = 3\nidle_seconds = 9\n[[bin]]\nkind = 'credit'\n";
        assert_eq!(
            changed(before, after),
            ["bin", "calendar", "limits.idle_seconds", "limits.in_flight"]
        );
        assert_eq!(changed("", after), ["bin", "limits"]);
        assert!(changed(after, after).is_empty());
    }

    #[test]
    fn networks_are_compared_by_name_unless_there_are_others() {
        let network = |name: &str, rate: &str| {
            format!("[[network]]\nname = '{name}'\ndebit = {{ rate = '{rate}' }}\n")
        };
        let [alpha, beta] = ["alpha", "beta"].map(|name| network(name, "0.38%"));
        let both = format!("{alpha}{beta}");
        let dearer = format!("{alpha}{}", network("beta", "0.40%"));
        assert_eq!(changed(&both, &dearer), ["network.beta.debit.rate"]);
        assert_eq!(changed(&both, &format!("{beta}{alpha}")), ["network"]);
        assert_eq!(changed(&both, &network("alpha", "0.40%")), ["network"]);
    }

    #[test]
    fn tls_needs_a_restart_where_there_was_none() {
        let with = "[terminals]\ntls = { certificate = 'a', key = 'b' }\n";
        let other = "[terminals]\ntls = { certificate = 'c', key = 'b' }\n";
        assert_eq!(changed("[terminals]\n", with), ["terminals.tls"]);
        assert!(!is_reloaded("terminals.tls"));
        assert_eq!(changed(with, other), ["terminals.tls.certificate"]);
        assert!(is_reloaded("terminals.tls.certificate"));
        assert!(is_reloaded("network.beta.debit.rate"));
        assert!(!is_reloaded("network.beta.links") && !is_reloaded("network"));
        assert!(!is_reloaded("limit") && !is_reloaded("terminals.listen"));
    }
}
