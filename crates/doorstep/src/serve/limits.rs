//! Limits on connections, from doorstep.toml and a gateway's command line.

use std::time::Duration;

use anyhow::ensure;
use host::ConnectionLimits;
use host::limits::IN_FLIGHT_MAX;
use switch::{ANSWER_S_MIN, ECHO_S_MIN, SettingsError, in_range};

use super::form::{self, SettingsForm};
use crate::words::bilingual;

/// Each connection is an open file.
const CONNECTIONS_MAX: usize = 1_000_000;
const ACCEPTS_PER_SECOND_MAX: u32 = 1_000_000;
const TIMEOUT_SECONDS_MAX: u64 = 300;
const DAY_SECONDS: u64 = 86_400;

/// The limits in a form. Checks their ranges.
pub fn from_form(form: &SettingsForm) -> Result<ConnectionLimits, SettingsError> {
    let usual = ConnectionLimits::default();
    let given = &form.limits;
    let keys = ["limits.connections", "limits.connections_per_address"];
    let all = given.connections.unwrap_or(usual.connections_max);
    let why = "each is an open file";
    let (connections_max, connections_per_address_max) =
        connections(keys, (all, CONNECTIONS_MAX, why), given.connections_per_address)?;
    let accepts_per_second_max = given.accepts_per_second.unwrap_or(usual.accepts_per_second_max);
    let (accepts, why) = (1..=ACCEPTS_PER_SECOND_MAX, "with 0 nobody can connect");
    in_range("limits.accepts_per_second", accepts_per_second_max, accepts, why)?;
    let in_flight = given.in_flight.unwrap_or(u32::from(usual.in_flight_max));
    let why = "a terminal has at most this many requests unanswered";
    in_range("limits.in_flight", in_flight, 1..=u32::from(IN_FLIGHT_MAX), why)?;
    Ok(ConnectionLimits {
        connections_max,
        connections_per_address_max,
        accepts_per_second_max,
        handshake_timeout: timeout(
            "limits.handshake_seconds",
            given.handshake_seconds,
            usual.handshake_timeout,
        )?,
        message_timeout: timeout(
            "limits.message_seconds",
            given.message_seconds,
            usual.message_timeout,
        )?,
        idle_timeout: idle(form, &usual)?,
        in_flight_max: u8::try_from(in_flight).unwrap_or(usual.in_flight_max),
        ..usual
    })
}

/// Checks the limit of all connections against `most`, and the limit per address, by default a
/// quarter of all. `why` explains `most`.
pub fn connections(
    [key, key_of_each]: [&'static str; 2],
    (all, most, why): (usize, usize, &str),
    each: Option<usize>,
) -> Result<(usize, usize), SettingsError> {
    in_range(key, all, 1..=most, why)?;
    let each = each.unwrap_or(host::limits::connections_per_address(all));
    in_range(key_of_each, each, 1..=all, &format!("the limit of all is {key}"))?;
    Ok((all, each))
}

/// The time limit of a handshake or a message.
pub fn timeout(
    key: &'static str,
    asked: Option<u64>,
    usual: Duration,
) -> Result<Duration, SettingsError> {
    let seconds = asked.unwrap_or(usual.as_secs());
    in_range(key, seconds, 1..=TIMEOUT_SECONDS_MAX, "after that the peer counts as gone")?;
    Ok(Duration::from_secs(seconds))
}

/// The limit of a terminal's silence at a gateway. A gateway does not know the terminals' echo
/// interval, so the least is the shortest possible echo and answer.
pub fn idle_behind_gateway(
    key: &'static str,
    asked: Option<u64>,
    usual: Duration,
) -> Result<Duration, SettingsError> {
    let seconds = asked.unwrap_or(usual.as_secs());
    let least = u64::from(ECHO_S_MIN + ANSWER_S_MIN);
    let why = "it must exceed echo_seconds plus answer_seconds of the engine's settings";
    in_range(key, seconds, least..=DAY_SECONDS, why)?;
    Ok(Duration::from_secs(seconds))
}

/// The limit of a terminal's silence. A terminal sends echoes in between.
fn idle(form: &SettingsForm, usual: &ConnectionLimits) -> Result<Duration, SettingsError> {
    let form::TerminalsForm { echo_seconds, answer_seconds, .. } = form.terminals;
    let seconds = form.limits.idle_seconds.unwrap_or(usual.idle_timeout.as_secs());
    let least = u64::from(echo_seconds) + u64::from(answer_seconds);
    let why = format!(
        "terminals may be silent for terminals.echo_seconds = {echo_seconds} plus \
         terminals.answer_seconds = {answer_seconds}"
    );
    in_range("limits.idle_seconds", seconds, least..=DAY_SECONDS, &why)?;
    if form.gateways.is_some() {
        // Gateways have their own limit, unknown here. Its default must not cut terminals off.
        let silent = u32::try_from(usual.idle_timeout.as_secs()).unwrap_or(u32::MAX);
        let most = silent.saturating_sub(answer_seconds);
        let why =
            format!("by default a gateway disconnects a terminal after {silent} s of silence");
        in_range("terminals.echo_seconds", echo_seconds, ECHO_S_MIN..=most, &why)?;
    }
    Ok(Duration::from_secs(seconds))
}

/// How terminals fit into the open files that the system allows.
#[derive(Debug, PartialEq, Eq)]
pub struct FittedFiles {
    /// That there are fewer than the settings say.
    pub note: Option<String>,
    /// Files that neither terminals nor others need.
    pub spare: u64,
}

/// Lowers the limit of connections to the open files that the system allows. Fails if no connection
/// is left.
pub fn fit_open_files(
    limits: &mut ConnectionLimits,
    others_max: usize,
) -> anyhow::Result<FittedFiles> {
    let files = host::Sockets::raise_files_max().unwrap_or(u64::MAX);
    let note = fit(limits, files, others_max)?;
    let needed = others_max.saturating_add(limits.connections_max);
    Ok(FittedFiles { note, spare: files.saturating_sub(needed as u64) })
}

fn fit(
    limits: &mut ConnectionLimits,
    files: u64,
    others_max: usize,
) -> anyhow::Result<Option<String>> {
    let most = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(others_max);
    let asked = limits.connections_max;
    if asked <= most {
        return Ok(None);
    }
    ensure!(
        most > 0,
        bilingual!(
            "no terminal could connect: the system allows {files} open files (`ulimit -n`), and \
             {others_max} are reserved; allow {0} for {asked} terminals, or at least {1} for one",
            "没有终端能够接入：系统允许打开 {files} 个文件（`ulimit -n`），\
             其中 {others_max} 个须保留；\
             {asked} 台终端须允许 {0} 个，一台也至少须 {1} 个",
            others_max + asked,
            others_max + 1
        )
    );
    limits.connections_max = most;
    // The same part of all as before.
    let each = limits.connections_per_address_max.saturating_mul(most) / asked;
    limits.connections_per_address_max = each.max(1);
    Ok(Some(format!(
        "at most {most} terminals, not {asked}: the system allows {files} open files \
         (`ulimit -n`), and {others_max} are reserved"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_limit_the_terminals() {
        let mut limits = ConnectionLimits::default();
        assert_eq!(fit(&mut limits, 18_600, 600).unwrap(), None);
        assert_eq!(limits, ConnectionLimits::default());
        let note = fit(&mut limits, 1_024, 600).unwrap().unwrap();
        assert!(note.contains("at most 424 terminals, not 18000"), "{note}");
        assert_eq!((limits.connections_max, limits.connections_per_address_max), (424, 106));
        fit(&mut limits, 601, 600).unwrap().unwrap();
        assert_eq!(limits.connections_max, 1);
    }

    #[test]
    fn without_a_file_for_a_terminal_nothing_starts() {
        for files in [0, 100, 600] {
            let mut limits = ConnectionLimits::default();
            let error = fit(&mut limits, files, 600).unwrap_err().to_string();
            assert!(error.contains("allow 18600 for 18000 terminals, or at least 601"), "{error}");
        }
    }
}
