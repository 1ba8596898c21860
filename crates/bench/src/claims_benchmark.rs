//! Claims judged, and read from files, one thread.
//!
//! Each claim has five or six figures: values in two currencies with their rate, a share, and every
//! second one growth over the claim before it; a part is left out. One in ten is misprinted, so
//! that it cannot hold, and its corrections are looked for.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::ensure;
use pulse::claims::{Claim, Verdict, judge, read};
use serde::Serialize;

use crate::engine_benchmark::peak_rss_bytes;
use crate::reconciling::cpu_time;

/// One claim in so many is misprinted.
pub const MISPRINT_EVERY: u64 = 10;
/// Claims of one file, which are read and judged together.
const FILE_CLAIMS: u64 = 1_000;

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct ClaimFigures {
    pub claims: u64,
    /// Judged, with reasons and corrections.
    pub claims_per_s: u64,
    /// Read from TOML and checked.
    pub read_claims_per_s: u64,
    pub judge_s: f64,
    /// The CPU time of judging: on a machine that others use it says more than the clock.
    pub judge_cpu_s: f64,
    pub read_s: f64,
    pub holds: u64,
    pub cannot_hold: u64,
    pub needs_a_definition: u64,
    pub corrections: u64,
    pub peak_rss_bytes: u64,
    /// The verdicts are those that were planned.
    pub verified: bool,
}

/// Measures.
///
/// # Errors
/// A verdict is not the one that was planned.
#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
pub fn measure(claims: u64) -> anyhow::Result<ClaimFigures> {
    let (mut reading, mut judging, mut used) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut counts, mut corrections) = ([0_u64; 3], 0_u64);
    let mut done = 0;
    while done < claims {
        let of_file = FILE_CLAIMS.min(claims - done);
        let text = file(done, of_file)?;
        let begun = Instant::now();
        let read: Vec<Claim> = read(&text)?;
        reading += begun.elapsed();
        let (begun, before) = (Instant::now(), cpu_time()?);
        let judgements = judge(&read);
        judging += begun.elapsed();
        used += cpu_time()? - before;
        for (number, judgement) in (done..).zip(&judgements) {
            let expected = planned(number);
            ensure!(
                judgement.verdict == expected,
                "claim {number}: {:?} instead of {expected:?}: {:?}",
                judgement.verdict,
                judgement.reasons
            );
            counts[judgement.verdict as usize] += 1;
            corrections += u64::from(!judgement.corrections.is_empty());
        }
        done += of_file;
    }
    let per_second =
        |took: Duration| u64::try_from(u128::from(claims) * 1_000_000 / took.as_micros().max(1));
    let [holds, cannot_hold, needs_a_definition] = counts;
    Ok(ClaimFigures {
        claims,
        claims_per_s: per_second(judging)?,
        read_claims_per_s: per_second(reading)?,
        judge_s: judging.as_secs_f64(),
        judge_cpu_s: used.as_secs_f64(),
        read_s: reading.as_secs_f64(),
        holds,
        cannot_hold,
        needs_a_definition,
        corrections,
        peak_rss_bytes: peak_rss_bytes()?,
        verified: true,
    })
}

/// Of two claims the first is the level of the second.
fn planned(number: u64) -> Verdict {
    match number % (2 * MISPRINT_EVERY) {
        place if place == 2 * MISPRINT_EVERY - 1 || place == MISPRINT_EVERY - 1 => {
            Verdict::CannotHold
        }
        _ => Verdict::Holds,
    }
}

/// A file of claims: of each pair the second grew over the first.
fn file(first: u64, claims: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    for number in first..first + claims {
        let (pair, is_level) = (number / 2, number % 2 == 0);
        // In tenths of a billion: figures of four digits.
        let level = [1_000 + pair * 7_919 % 3_000, 1_500 + pair * 104_729 % 4_000];
        let now = [level[0] * 5 / 4, level[1] * 11 / 10];
        let parts = if is_level { level } else { now };
        let whole: u64 = parts.iter().sum();
        let dollars = (whole * 1_000 + 3_061) / 6_122;
        let share = (parts[0] * 1_000 + whole / 2) / whole;
        let share = if planned(number) == Verdict::CannotHold { share + 200 } else { share };
        let tenths = |figure: u64| format!("{}.{}", figure / 10, figure % 10);
        let value = |name: &str, figure: u64, currency: &str| {
            let amount = tenths(figure);
            format!(
                "{{ name = \"{name}\", amount = \"{amount}\", scale = \"bn\", \
                 currency = \"{currency}\" }}"
            )
        };
        let year = if is_level { 2012 } else { 2013 };
        writeln!(
            text,
            "[[claim]]\nid = \"{number}\"\npublisher = \"publisher {pair}\"\n\
             universe = \"online retail\"\nperiod = \"{year}-{pair}\"\n\
             values = [ {}, {}, {} ]\n\
             parts = [ {{ whole = \"total\", of = [\"b2c\", \"c2c\"] }} ]\n\
             shares = [ {{ part = \"b2c\", whole = \"total\", percent = \"{}\" }} ]\n\
             rates = [ {{ from = \"USD\", to = \"CNY\", value = \"6.122\" }} ]",
            value("total", whole, "CNY"),
            value("b2c", parts[0], "CNY"),
            value("total", dollars, "USD"),
            tenths(share),
        )?;
        if !is_level {
            let before: u64 = level.iter().sum();
            let growth = tenths(((whole - before) * 1_000 + before / 2) / before);
            writeln!(
                text,
                "growth = [ {{ value = \"total\", percent = \"{growth}\", \
                 over = \"2012-{pair}\" }} ]"
            )?;
        }
    }
    Ok(text)
}
