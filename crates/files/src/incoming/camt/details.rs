//! Joins the entries of a statement to their details in a notification.

use std::collections::HashMap;

use super::super::parts::{EntryDetail, ReferenceKind, StatementEntry};

/// Details of notifications that are held to be joined.
pub const DETAILS_MAX: usize = 400_000;

/// How an entry was joined to the notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailJoin {
    /// It has the details of the notification now.
    Joined,
    /// Its details were in the statement.
    HadDetails,
    /// No notification has its `AcctSvcrRef`.
    NotFound,
    /// The notification has this `AcctSvcrRef` with another amount, or twice.
    Differs,
}

/// The entries of notifications (camt.054) by `AcctSvcrRef`.
#[derive(Default)]
pub struct DetailIndex {
    entries: HashMap<String, NotifiedEntry>,
    details: usize,
}

struct NotifiedEntry {
    minor: i64,
    details: Vec<EntryDetail>,
    twice: bool,
}

impl DetailIndex {
    /// Adds an entry of a notification. `false` if there is no room for its details.
    #[must_use]
    pub fn add(&mut self, entry: StatementEntry) -> bool {
        let Some(key) = entry.reference(ReferenceKind::Bank).map(str::to_owned) else {
            return true;
        };
        if self.details + entry.details.len() > DETAILS_MAX {
            return false;
        }
        self.details += entry.details.len();
        let (minor, details) = (entry.amount.minor(), entry.details);
        self.entries.entry(key).and_modify(|known| known.twice = true).or_insert(NotifiedEntry {
            minor,
            details,
            twice: false,
        });
        true
    }

    /// Gives an entry of a statement the details that its notification has.
    pub fn join(&self, entry: &mut StatementEntry) -> DetailJoin {
        let found = entry.reference(ReferenceKind::Bank).and_then(|key| self.entries.get(key));
        let more = found.is_some_and(|found| found.details.len() > entry.details.len());
        if !entry.details.is_empty() && !more {
            return DetailJoin::HadDetails;
        }
        match found {
            None => DetailJoin::NotFound,
            Some(found) if found.twice || found.minor != entry.amount.minor() => {
                DetailJoin::Differs
            }
            Some(found) => {
                entry.details.clone_from(&found.details);
                DetailJoin::Joined
            }
        }
    }
}
