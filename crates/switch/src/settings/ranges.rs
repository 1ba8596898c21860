//! The range of every number in the settings.

use std::ops::RangeInclusive;

use engine::UTC_OFFSET_MINUTES_MAX;

use super::{Settings, SettingsError, Timing};

/// The parameter download has two digits for it.
const TWO_DIGITS_MAX: u32 = 99;
/// The parameter download, and field 42, have four digits for it.
const FOUR_DIGITS_MAX: u32 = 9_999;
/// Less is no time to ask a network.
pub const ANSWER_S_MIN: u32 = 5;
/// Terminals that echo more often do little else.
pub const ECHO_S_MIN: u32 = 10;
/// Between the end of the wait for a network and that of the terminal: time to put it into the
/// books and to tell the terminal.
const ROOM_MS: u64 = 1_000;
/// Keys are rotated less often than this.
const GENERATION_MAX: u32 = 1_000_000;
const HOUR_MS: u64 = 3_600_000;
/// Networks let go of a pre-authorisation long before.
const PRE_AUTHORISATION_DAYS_MAX: u16 = 365;

/// Checks all of them.
pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let Settings { terminals, timing, merchant, .. } = settings;
    let offset_max = UTC_OFFSET_MINUTES_MAX;
    let offset = settings.utc_offset_minutes;
    in_range("utc_offset_minutes", offset, -offset_max..=offset_max, "local times are no further")?;
    in_range("keys.generation", terminals.generation, 0..=GENERATION_MAX, "it is counted up by 1")?;
    for (_, number) in &merchant.firms {
        let digits = "field 42 has four digits for it";
        in_range("merchant.firms", u32::from(*number), 0..=FOUR_DIGITS_MAX, digits)?;
    }
    let two = "terminals are told two digits of it";
    in_range("terminals.answer_seconds", terminals.answer_s, ANSWER_S_MIN..=TWO_DIGITS_MAX, two)?;
    in_range("terminals.reversals", terminals.reversals, 1..=TWO_DIGITS_MAX, two)?;
    let four = "terminals are told four digits of it";
    in_range("terminals.echo_seconds", terminals.echo_s, ECHO_S_MIN..=FOUR_DIGITS_MAX, four)?;
    waits(timing, terminals.answer_s)
}

fn waits(timing: &Timing, terminal_s: u32) -> Result<(), SettingsError> {
    let Timing { answer_ms, chase_first_ms, chase_most_ms, link_answer_ms, echo_ms, .. } = *timing;
    let why = format!(
        "terminals give up after terminals.answer_seconds = {terminal_s}, and the answer to them \
         takes a second"
    );
    let answer_most_ms = (u64::from(terminal_s) * 1_000).saturating_sub(ROOM_MS);
    in_range("timing.answer_ms", answer_ms, 1_000..=answer_most_ms, &why)?;
    let sendings = "a network is neither flooded nor forgotten";
    in_range("timing.chase_most_ms", chase_most_ms, 1_000..=HOUR_MS, sendings)?;
    let why = format!("no wait is longer than timing.chase_most_ms = {chase_most_ms}");
    in_range("timing.chase_first_ms", chase_first_ms, 100..=chase_most_ms, &why)?;
    let why = "a link that is dead is to be found out";
    in_range("timing.link_answer_ms", link_answer_ms, 500..=60_000, why)?;
    let why = format!("an echo may take timing.link_answer_ms = {link_answer_ms}");
    in_range("timing.echo_ms", echo_ms, link_answer_ms..=HOUR_MS, &why)?;
    let why = "a buyer needs time, and the parcel is not to wait for ever";
    in_range("timing.qr_ms", timing.qr_ms, 10_000..=HOUR_MS, why)?;
    let why = "0 is no rest at all";
    in_range("timing.rest_ms", timing.rest_ms, 0..=HOUR_MS, why)?;
    let (days, why) = (timing.pre_authorisation_days, "networks let go of it in that time");
    in_range("timing.pre_authorisation_days", days, 1..=PRE_AUTHORISATION_DAYS_MAX, why)
}

/// Checks a number of doorstep.toml.
///
/// # Errors
/// Where it is outside; with the key, the number, the range and why that is so.
pub fn in_range<N>(
    key: &'static str,
    value: N,
    range: RangeInclusive<N>,
    why: &str,
) -> Result<(), SettingsError>
where
    N: Copy + PartialOrd + TryInto<i64>,
{
    if range.contains(&value) {
        return Ok(());
    }
    let shown = |number: N| number.try_into().unwrap_or(i64::MAX);
    Err(SettingsError::Range {
        key,
        value: shown(value),
        least: shown(*range.start()),
        most: shown(*range.end()),
        why: why.to_owned(),
    })
}
