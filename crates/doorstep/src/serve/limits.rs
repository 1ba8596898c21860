//! The limits on whoever connects, in doorstep.toml and on a gateway's command line.

use std::time::Duration;

use anyhow::ensure;
use door::Limits;
use door::limits::IN_FLIGHT_MAX;
use switch::{ANSWER_S_MIN, ECHO_S_MIN, SettingsError, in_range};

use super::form::{self, Form};

/// Connections at the most; each is an open file.
const CONNECTIONS_MAX: usize = 1_000_000;
const ACCEPTS_PER_SECOND_MAX: u32 = 1_000_000;
/// Whoever takes longer has gone.
const PATIENCE_SECONDS_MAX: u64 = 300;
const DAY_SECONDS: u64 = 86_400;

/// The limits of a form, each in its range.
pub fn of(form: &Form) -> Result<Limits, SettingsError> {
    let usual = Limits::default();
    let asked = &form.limits;
    let keys = ["limits.connections", "limits.connections_per_address"];
    let all = asked.connections.unwrap_or(usual.connections_max);
    let why = "each is an open file";
    let (connections_max, connections_per_address_max) =
        connections(keys, (all, CONNECTIONS_MAX, why), asked.connections_per_address)?;
    let accepts_per_second_max = asked.accepts_per_second.unwrap_or(usual.accepts_per_second_max);
    let (accepts, why) = (1..=ACCEPTS_PER_SECOND_MAX, "with 0 nobody comes in");
    in_range("limits.accepts_per_second", accepts_per_second_max, accepts, why)?;
    let in_flight = asked.in_flight.unwrap_or(u32::from(usual.in_flight_max));
    let why = "a terminal waits for its answers";
    in_range("limits.in_flight", in_flight, 1..=u32::from(IN_FLIGHT_MAX), why)?;
    Ok(Limits {
        connections_max,
        connections_per_address_max,
        accepts_per_second_max,
        handshake: patience("limits.handshake_seconds", asked.handshake_seconds, usual.handshake)?,
        message: patience("limits.message_seconds", asked.message_seconds, usual.message)?,
        idle: idle(form, &usual)?,
        in_flight_max: u8::try_from(in_flight).unwrap_or(usual.in_flight_max),
        ..usual
    })
}

/// How many in all, of those that there may be at the most and why no more, and how many from one
/// address.
pub fn connections(
    [key, key_of_each]: [&'static str; 2],
    (all, most, why): (usize, usize, &str),
    each: Option<usize>,
) -> Result<(usize, usize), SettingsError> {
    in_range(key, all, 1..=most, why)?;
    let each = each.unwrap_or(all);
    in_range(key_of_each, each, 1..=all, &format!("there are no more than {key}"))?;
    Ok((all, each))
}

/// How long a handshake or a message may take.
pub fn patience(
    key: &'static str,
    asked: Option<u64>,
    usual: Duration,
) -> Result<Duration, SettingsError> {
    let seconds = asked.unwrap_or(usual.as_secs());
    in_range(key, seconds, 1..=PATIENCE_SECONDS_MAX, "whoever takes longer has gone")?;
    Ok(Duration::from_secs(seconds))
}

/// How long a terminal behind a gateway may be silent. The gateway does not know how often it
/// echoes: less than the shortest echo and answer is never right.
pub fn idle_behind_gateway(
    key: &'static str,
    asked: Option<u64>,
    usual: Duration,
) -> Result<Duration, SettingsError> {
    let seconds = asked.unwrap_or(usual.as_secs());
    let least = u64::from(ECHO_S_MIN + ANSWER_S_MIN);
    let why = "an echo and its answer are to fit in, as long as the engine's settings make them";
    in_range(key, seconds, least..=DAY_SECONDS, why)?;
    Ok(Duration::from_secs(seconds))
}

/// How long a terminal may be silent. It echoes in between.
fn idle(form: &Form, usual: &Limits) -> Result<Duration, SettingsError> {
    let form::Terminals { echo_seconds, answer_seconds, .. } = form.terminals;
    let seconds = form.limits.idle_seconds.unwrap_or(usual.idle.as_secs());
    let least = u64::from(echo_seconds) + u64::from(answer_seconds);
    let why = format!(
        "terminals are silent for terminals.echo_seconds = {echo_seconds}, and may wait \
         terminals.answer_seconds = {answer_seconds} more"
    );
    in_range("limits.idle_seconds", seconds, least..=DAY_SECONDS, &why)?;
    if form.gateways.is_some() {
        // Gateways have limits of their own, which are not seen here: one that is told nothing
        // must not cut terminals off.
        let silent = u32::try_from(usual.idle.as_secs()).unwrap_or(u32::MAX);
        let most = silent.saturating_sub(answer_seconds);
        let why = format!(
            "a gateway cuts off a terminal that is silent for {silent} s, where it is told nothing \
             else"
        );
        in_range("terminals.echo_seconds", echo_seconds, ECHO_S_MIN..=most, &why)?;
    }
    Ok(Duration::from_secs(seconds))
}

/// Fewer terminals where the system lets this process open fewer files than they and the others
/// need; a note of that.
///
/// # Errors
/// Where no terminal is left.
pub fn fit_files(limits: &mut Limits, others_max: usize) -> anyhow::Result<Option<String>> {
    match door::Sockets::raise_files_max() {
        Some(files) => fit(limits, files, others_max),
        None => Ok(None),
    }
}

fn fit(limits: &mut Limits, files: u64, others_max: usize) -> anyhow::Result<Option<String>> {
    let most = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(others_max);
    let asked = limits.connections_max;
    if asked <= most {
        return Ok(None);
    }
    ensure!(
        most > 0,
        "no terminal could come in: the system allows {files} open files (`ulimit -n`), and \
         {others_max} are for others; allow {} for {asked} terminals, at least {} for one",
        others_max + asked,
        others_max + 1
    );
    limits.connections_max = most;
    limits.connections_per_address_max = limits.connections_per_address_max.min(most);
    Ok(Some(format!(
        "note: {most} terminals at the most, not {asked}: the system allows {files} open files \
         (`ulimit -n`), and {others_max} are for others"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_as_many_as_the_files_that_the_others_leave() {
        let mut limits = Limits::default();
        assert_eq!(fit(&mut limits, 18_600, 600).unwrap(), None);
        assert_eq!(limits, Limits::default());
        let note = fit(&mut limits, 1_024, 600).unwrap().unwrap();
        assert!(note.contains("424 terminals at the most, not 18000"), "{note}");
        assert_eq!((limits.connections_max, limits.connections_per_address_max), (424, 424));
        fit(&mut limits, 601, 600).unwrap().unwrap();
        assert_eq!(limits.connections_max, 1);
    }

    #[test]
    fn where_no_file_is_left_for_a_terminal_nothing_starts() {
        for files in [0, 100, 600] {
            let mut limits = Limits::default();
            let error = fit(&mut limits, files, 600).unwrap_err().to_string();
            assert!(error.contains("allow 18600 for 18000 terminals, at least 601"), "{error}");
        }
    }
}
