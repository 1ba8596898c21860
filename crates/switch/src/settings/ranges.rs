//! Ranges of the numbers in the settings.

use std::ops::RangeInclusive;

use books::UTC_OFFSET_MINUTES_MAX;

use super::{Settings, SettingsError, Timing};

/// The parameter download has two digits; more wrong PINs of a card are no limit.
const TWO_DIGITS_MAX: u32 = 99;
/// The parameter download and field 42 have four digits; more wrong PINs of a terminal are no
/// limit.
const FOUR_DIGITS_MAX: u32 = 9_999;
/// Least time, in seconds, in which a network can respond.
pub const ANSWER_S_MIN: u32 = 5;
/// Least interval between a terminal's echoes, in seconds.
pub const ECHO_S_MIN: u32 = 10;
/// Time between the timeouts of network and terminal, to record the outcome and answer the
/// terminal.
const RECORDING_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600_000;
/// Networks release a pre-authorisation long before.
const PRE_AUTHORISATION_DAYS_MAX: u16 = 365;

pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let Settings { terminals, timing, merchant, .. } = settings;
    let offset_max = UTC_OFFSET_MINUTES_MAX;
    let offset = settings.utc_offset_minutes;
    in_range("utc_offset_minutes", offset, -offset_max..=offset_max, "no time zone is further")?;
    for (_, number) in &merchant.firms {
        let digits = "field 42 has four digits for the firm";
        in_range("merchant.firms", u32::from(*number), 0..=FOUR_DIGITS_MAX, digits)?;
    }
    let two = "the parameter download has two digits";
    in_range("terminals.answer_seconds", terminals.answer_s, ANSWER_S_MIN..=TWO_DIGITS_MAX, two)?;
    in_range("terminals.reversals", terminals.reversal_attempts_max, 1..=TWO_DIGITS_MAX, two)?;
    let four = "the parameter download has four digits";
    in_range("terminals.echo_seconds", terminals.echo_s, ECHO_S_MIN..=FOUR_DIGITS_MAX, four)?;
    let (pins, why) = (terminals.wrong_pins, "with 0 no PIN could be tried");
    in_range("limits.wrong_pins_per_card", pins.per_card, 1..=TWO_DIGITS_MAX, why)?;
    in_range("limits.wrong_pins_per_terminal", pins.per_terminal, 1..=FOUR_DIGITS_MAX, why)?;
    waits(timing, terminals.answer_s)
}

fn waits(timing: &Timing, terminal_s: u32) -> Result<(), SettingsError> {
    let Timing {
        answer_ms,
        resend_first_ms: chase_first_ms,
        resend_max_ms: chase_most_ms,
        link_answer_ms,
        echo_ms,
        ..
    } = *timing;
    let why = format!(
        "terminals wait terminals.answer_seconds = {terminal_s}, and answering them takes a second"
    );
    let answer_max_ms = (u64::from(terminal_s) * 1_000).saturating_sub(RECORDING_MS);
    in_range("timing.answer_ms", answer_ms, 1_000..=answer_max_ms, &why)?;
    let sendings = "a shorter wait floods the network, a longer one delays the reversal";
    in_range("timing.chase_most_ms", chase_most_ms, 1_000..=HOUR_MS, sendings)?;
    let why = format!("the longest wait is timing.chase_most_ms = {chase_most_ms}");
    in_range("timing.chase_first_ms", chase_first_ms, 100..=chase_most_ms, &why)?;
    let why = "a dead link must be found";
    in_range("timing.link_answer_ms", link_answer_ms, 500..=60_000, why)?;
    let why = format!("an echo may take timing.link_answer_ms = {link_answer_ms}");
    in_range("timing.echo_ms", echo_ms, link_answer_ms..=HOUR_MS, &why)?;
    let why = "a buyer needs time to pay, and the parcel must not wait for hours";
    in_range("timing.qr_ms", timing.qr_ms, 10_000..=HOUR_MS, why)?;
    let why = "0 keeps a failing network in use";
    in_range("timing.rest_ms", timing.cooldown_ms, 0..=HOUR_MS, why)?;
    let (days, why) = (timing.pre_authorisation_days, "networks release it within a year");
    in_range("timing.pre_authorisation_days", days, 1..=PRE_AUTHORISATION_DAYS_MAX, why)
}

/// Checks a number of doorstep.toml against its range. `why` explains the range in the error.
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
        min: shown(*range.start()),
        max: shown(*range.end()),
        why: why.to_owned(),
    })
}
