//! `doorstep reload` and SIGHUP: settings that change while Doorstep serves.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use calendar::Calendar;
use clap::Args;
use engine::Engine;
use node::NodeClient;
use switch::Unfinished;
use toml::{Table, Value};

use super::{check_against_books, resumed_switch, settings};
use crate::data_directory::read_text;
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

/// The settings that are applied without a restart.
pub const RELOADED: [&str; 1] = ["calendar"];

/// The calendar in force, shared with the steps of the business day.
pub type CurrentCalendar = Arc<Mutex<Option<Calendar>>>;

/// Reads the settings again.
pub struct Reloader {
    pub config: PathBuf,
    /// The settings of the start, but for those that were applied later.
    pub in_force: Table,
    pub calendar: CurrentCalendar,
    pub client: NodeClient,
}

/// What a reload did.
pub struct Reloaded {
    /// Settings that changed and were applied.
    applied: BTreeSet<String>,
    /// Settings that changed and wait for a restart.
    waiting: BTreeSet<String>,
}

/// The settings of a file as a table.
pub fn table(config: &std::path::Path) -> anyhow::Result<Table> {
    settings::parse(&read_text(config, settings::FILE_BYTES_MAX)?)
}

impl Reloader {
    /// Checks the settings whole, then applies what can change.
    pub fn reload(&mut self) -> anyhow::Result<Reloaded> {
        let found = table(&self.config)?;
        let said = settings::read(&self.config)?;
        let (zone, networks, firms) = (said.zone, said.networks, said.firms);
        let ids: Vec<_> = networks.iter().map(|(network, ..)| *network).collect();
        let look = move |engine: &Engine| {
            check_against_books(engine, &zone, &networks, &firms)?;
            Ok::<_, anyhow::Error>(Unfinished::of(engine.books(), &ids))
        };
        let unfinished = self.client.query(look)?.0?;
        resumed_switch(said.settings, said.keys, unfinished)?;
        let mut changed = BTreeSet::new();
        differences("", &self.in_force, &found, &mut changed);
        let mut calendar = self.calendar.lock().unwrap_or_else(PoisonError::into_inner);
        if *calendar != said.calendar {
            // The name can be the same, and the file another.
            changed.insert("calendar".to_owned());
            *calendar = said.calendar;
        }
        drop(calendar);
        for key in RELOADED {
            match found.get(key) {
                Some(value) => drop(self.in_force.insert(key.to_owned(), value.clone())),
                None => drop(self.in_force.remove(key)),
            }
        }
        let (applied, waiting) =
            changed.into_iter().partition(|key| RELOADED.contains(&key.as_str()));
        Ok(Reloaded { applied, waiting })
    }
}

/// The keys whose values differ, by their dotted names. Lists of tables are compared whole.
fn differences(within: &str, before: &Table, after: &Table, all: &mut BTreeSet<String>) {
    for key in before.keys().chain(after.keys()) {
        let name = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(Value::Table(before)), Some(Value::Table(after))) => {
                differences(&name, before, after, all);
            }
            (before, after) if before != after => drop(all.insert(name)),
            _ => {}
        }
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

    #[test]
    fn what_changed_is_named_by_its_key() {
        let before: Table =
            "calendar = 'a'\n[limits]\nin_flight = 4\n[[bin]]\nkind = 'debit'\n".parse().unwrap();
        let after: Table = "[limits]\nin_flight = 3\nidle_seconds = 9\n[[bin]]\nkind = 'credit'\n"
            .parse()
            .unwrap();
        let mut all = BTreeSet::new();
        differences("", &before, &after, &mut all);
        let all: Vec<_> = all.into_iter().collect();
        assert_eq!(all, ["bin", "calendar", "limits.idle_seconds", "limits.in_flight"]);
    }
}
