//! Closed periods, and the trial balance at the end of each day.

use money::Currency;
use sha2::{Digest as _, Sha256};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_date};
use crate::chart::AccountKind;
use crate::command::{ClosePeriod, DAY_ENDS_REMEMBERED};
use crate::event::{CommandOutcome, Event};
use crate::party::persons::check_two_people;
use crate::refusal::Refusal;
use crate::sha256::Sha256Digest;

/// The digest of a trial balance: SHA-256 over its accounts that are not zero, ordered by code,
/// owner and currency: code (2 bytes), owner (8), currency code (3 letters), balance on the
/// account's own side in minor units (16). Numbers are little-endian.
#[must_use]
pub fn trial_balance_digest(
    balances: impl IntoIterator<Item = (AccountKind, u64, Currency, i128)>,
) -> Sha256Digest {
    let mut lines: Vec<_> = balances
        .into_iter()
        .filter(|(.., balance)| *balance != 0)
        .map(|(kind, owner, currency, balance)| (kind.code(), owner, currency.code(), balance))
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (code, owner, currency, balance) in lines {
        hash.update(code.to_le_bytes());
        hash.update(owner.to_le_bytes());
        hash.update(currency);
        hash.update(balance.to_le_bytes());
    }
    Sha256Digest(hash.finalize().into())
}

impl Books {
    /// Remembers the trial balance at the end of the last day, if a command begins another one.
    /// Returns the day that ended.
    pub(crate) fn end_last_day(&mut self, today: BusinessDate) -> Option<BusinessDate> {
        let day = self.reference_data.last_date;
        if day >= today || self.reference_data.currencies.is_empty() {
            return None;
        }
        // Refused commands change nothing, so the digest holds until one is applied.
        let known = self.last_day_end.filter(|(fingerprint, _)| *fingerprint == self.fingerprint);
        let digest = known.map_or_else(|| self.trial_balance(), |(_, digest)| digest);
        self.last_day_end = Some((self.fingerprint, digest));
        self.reference_data.day_ends.insert(day, digest);
        Some(day)
    }

    /// The command that began a day was refused.
    pub(crate) fn continue_last_day(&mut self, ended: BusinessDate) {
        self.reference_data.day_ends.remove(&ended);
    }

    /// The command that began a day was applied.
    pub(crate) fn forget_old_day_end(&mut self) {
        let ends = &mut self.reference_data.day_ends;
        if ends.len() > DAY_ENDS_REMEMBERED {
            ends.pop_first();
        }
    }

    fn trial_balance(&self) -> Sha256Digest {
        let accounts = self.accounts();
        trial_balance_digest(accounts.map(|one| (one.kind, one.owner, one.currency, one.balance)))
    }

    pub(crate) fn close_period(
        &mut self,
        command: &ClosePeriod,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ClosePeriod { number, until, proposed_by, approved_by } = *command;
        let closes = &self.reference_data.period_closes;
        closes.check(number, |before| before == command)?;
        check_two_people(proposed_by, approved_by, &[])?;
        let after_last = closes.latest().map_or(BusinessDate(0), |last| last.until.plus_days(1));
        let ends = &self.reference_data.day_ends;
        let oldest = ends.first_key_value().map_or(BusinessDate::MAX, |(day, _)| *day);
        check_date(until, after_last.max(oldest)..=now.today.minus_days(1))?;
        let (_, digest) = ends.range(..=until).next_back().expect("the oldest is not after it");
        let digest = *digest;
        self.reference_data.period_closes.push(command.clone());
        self.reference_data.closed_periods.insert(until, digest);
        out.events.push(Event::PeriodClosed { number, until, digest });
        Ok(())
    }

    /// The digest of the trial balance at the end of a closed period, if this is its last day.
    #[must_use]
    pub fn closed_period_digest(&self, until: BusinessDate) -> Option<Sha256Digest> {
        self.reference_data.closed_periods.get(&until).copied()
    }

    /// The last day that is closed.
    #[must_use]
    pub fn closed_until(&self) -> Option<BusinessDate> {
        self.reference_data.period_closes.latest().map(|last| last.until)
    }
}
