//! The time zone of the books: which offset holds when, and the business date.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Timestamp, UTC_OFFSET_MINUTES_MAX};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_identifier, check_sequence_number};
use crate::command::{SetTimeZone, UTC_OFFSET_CHANGES_MAX, UtcOffsetChange, utc_offset_at};
use crate::event::{CommandOutcome, Event};
use crate::refusal::Refusal;

/// The time zone that was set last.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TimeZone {
    pub number: u32,
    pub zone: String,
    pub table_version: String,
    /// Local time minus UTC before the first change, in minutes.
    pub utc_offset_minutes: i16,
    /// In order of time.
    pub changes: Vec<UtcOffsetChange>,
}

impl Books {
    pub(crate) fn set_time_zone(
        &mut self,
        command: &SetTimeZone,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetTimeZone { number, zone, table_version, utc_offset_minutes, changes } = command;
        let new = TimeZone {
            number: *number,
            zone: zone.clone(),
            table_version: table_version.clone(),
            utc_offset_minutes: *utc_offset_minutes,
            changes: changes.clone(),
        };
        check_identifier("zone", zone)?;
        check_identifier("table_version", table_version)?;
        let before = self.reference_data.time_zone.as_ref();
        check_sequence_number(*number, before.map_or(0, |one| one.number), || {
            before.filter(|one| one.number == *number).map(|one| *one == new)
        })?;
        if changes.len() > UTC_OFFSET_CHANGES_MAX {
            return Err(Refusal::OutOfRange(32));
        }
        let far = |offset: i16| offset.unsigned_abs() > UTC_OFFSET_MINUTES_MAX.unsigned_abs();
        if far(*utc_offset_minutes) || changes.iter().any(|one| far(one.utc_offset_minutes)) {
            return Err(Refusal::OffsetOutOfRange);
        }
        if !changes.is_sorted_by(|one, next| one.from < next.from) {
            return Err(Refusal::ChangesOutOfOrder);
        }
        self.reference_data.time_zone = Some(new);
        out.events.push(Event::Registered);
        Ok(())
    }

    /// Local time minus UTC at an instant, in minutes. `None` until the books are open.
    #[must_use]
    pub fn utc_offset_minutes_at(&self, at: Timestamp) -> Option<i16> {
        let opened = self.reference_data.utc_offset_minutes?;
        Some(match &self.reference_data.time_zone {
            Some(zone) => utc_offset_at(zone.utc_offset_minutes, &zone.changes, at),
            None => opened,
        })
    }

    /// The instants at which local clocks show a time, given in milliseconds after midnight: none
    /// or two where the offset changes.
    pub(crate) fn instants_of(&self, day: BusinessDate, ms: u64) -> Vec<Timestamp> {
        let zone = self.reference_data.time_zone.as_ref();
        let changes = zone.map_or(&[][..], |zone| zone.changes.as_slice());
        let first = zone.map(|zone| zone.utc_offset_minutes);
        let first = first.or(self.reference_data.utc_offset_minutes).unwrap_or(0);
        let later = changes.iter().map(|one| one.utc_offset_minutes);
        let mut offsets: Vec<i16> = later.chain([first]).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let at = |offset| (offset, Timestamp::start_of_day(day, offset).plus_ms(ms));
        let holds = |(offset, at): &(i16, Timestamp)| utc_offset_at(first, changes, *at) == *offset;
        offsets.into_iter().map(at).filter(holds).map(|(_, at)| at).collect()
    }

    /// The business date at an instant that is not before the last command. `None` until the books
    /// are open.
    #[must_use]
    pub fn business_date(&self, at: Timestamp) -> Option<BusinessDate> {
        let offset = self.utc_offset_minutes_at(at)?;
        Some(at.business_date(offset).max(self.reference_data.last_date))
    }

    /// The business date of the last command.
    #[must_use]
    pub fn last_date(&self) -> BusinessDate {
        self.reference_data.last_date
    }

    /// The time zone that was set last. `None` if the books only have the offset that they were
    /// opened with.
    #[must_use]
    pub fn time_zone(&self) -> Option<&TimeZone> {
        self.reference_data.time_zone.as_ref()
    }
}

const _: () = assert!(UTC_OFFSET_CHANGES_MAX == 32, "the refusal names it");
