//! Matches every text that is still there again, with the versions of that day.

use std::path::Path;

use books::BusinessDate;
use engine::{Command, CommandOutcome, Engine, Submission, Timestamp};
use node::replay::ReplayObserver;
use policy::{ActivatePolicy, PolicyCommand, ScreenText};
use screening::file::check_examples;
use screening::{Matcher, TABLES_VERSION};
use serde::Serialize;

use crate::screen::matcher_of;
use crate::store::{StoreError, TextStore};

/// What an audit looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditCounts {
    /// Texts that were matched again.
    pub matched: u64,
    /// Texts that are no longer there.
    pub erased: u64,
    /// Texts and versions that were matched with other tables than those of this program.
    pub other_tables: u64,
    /// Versions whose examples were matched again.
    pub versions: u64,
}

/// Watches a replay.
#[derive(Debug)]
pub struct PolicyAudit {
    store: TextStore,
    /// Of the rules that were matched last.
    matcher: Option<(MatchedRules, Matcher)>,
    pub counts: AuditCounts,
    /// One line for each violation of M16.
    pub violations: Vec<String>,
}

/// Which rules were matched: the version, the day, and how many of them held.
type MatchedRules = (u32, BusinessDate, usize);

impl PolicyAudit {
    /// Of the texts of a data directory.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open(data: &Path) -> Result<PolicyAudit, StoreError> {
        Ok(PolicyAudit {
            store: TextStore::open(data)?,
            matcher: None,
            counts: AuditCounts::default(),
            violations: Vec::new(),
        })
    }

    fn check_version(&mut self, version: &ActivatePolicy) {
        if version.tables != TABLES_VERSION {
            self.counts.other_tables += 1;
            return;
        }
        self.counts.versions += 1;
        if let Err(failing) = check_examples(&version.rules) {
            let number = version.version;
            self.violations.push(format!("M16: version {number} was activated with: {failing}"));
        }
    }

    fn check_text(&mut self, found: &ScreenText, engine: &Engine) -> Result<(), String> {
        if found.tables != TABLES_VERSION {
            self.counts.other_tables += 1;
            return Ok(());
        }
        let (number, offer, content) = (found.version, found.offer, found.content);
        let text = match self.store.get(content) {
            Ok(Some(text)) => text,
            Ok(None) => {
                self.counts.erased += 1;
                return Ok(());
            }
            Err(error @ StoreError::Damaged(_)) => {
                self.violations.push(format!("M16: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        let (policy, date) = (engine.policy(), engine.books().last_date());
        let version = policy.version(number).ok_or("a text was matched with no version")?;
        let key = (number, date, policy.matched_rules(version, date).count());
        let matcher = match self.matcher.take() {
            Some((known, matcher)) if known == key => matcher,
            _ => matcher_of(policy, version, date).map_err(|error| error.to_string())?,
        };
        if text.find(&matcher, &found.prices) != found.matches {
            self.violations.push(format!(
                "M16: text {content} of offer {offer} matches otherwise than version {number} found"
            ));
        }
        self.matcher = Some((key, matcher));
        self.counts.matched += 1;
        Ok(())
    }
}

impl ReplayObserver for PolicyAudit {
    fn command(
        &mut self,
        submission: &Submission,
        _: Timestamp,
        _: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let Command::Policy(command) = &submission.command else { return Ok(()) };
        match &**command {
            PolicyCommand::ActivatePolicy(version) => self.check_version(version),
            PolicyCommand::ScreenText(found) => self.check_text(found, engine)?,
            _ => {}
        }
        Ok(())
    }
}
