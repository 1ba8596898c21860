//! The limits in doorstep.toml on whoever connects.

use std::time::Duration;

use door::Limits;
use switch::{SettingsError, in_range};

use super::form::{self, Form};

/// Connections at the most; each is an open file.
const CONNECTIONS_MAX: usize = 1_000_000;
const ACCEPTS_PER_SECOND_MAX: u32 = 1_000_000;
/// Whoever takes longer has gone.
const PATIENCE_SECONDS_MAX: u64 = 300;
const DAY_SECONDS: u64 = 86_400;
const IN_FLIGHT_MAX: u32 = 4;
const ECHO_SECONDS_MIN: u32 = 10;

/// The limits of a form, each in its range.
pub fn of(form: &Form) -> Result<Limits, SettingsError> {
    let usual = Limits::default();
    let asked = &form.limits;
    let (connections_max, connections_per_address_max) = connections(asked, &usual)?;
    let accepts_per_second_max = asked.accepts_per_second.unwrap_or(usual.accepts_per_second_max);
    let (accepts, why) = (1..=ACCEPTS_PER_SECOND_MAX, "with 0 nobody comes in");
    in_range("limits.accepts_per_second", accepts_per_second_max, accepts, why)?;
    let patience = |key, asked: Option<u64>, usual: Duration| {
        let seconds = asked.unwrap_or(usual.as_secs());
        in_range(key, seconds, 1..=PATIENCE_SECONDS_MAX, "whoever takes longer has gone")?;
        Ok(Duration::from_secs(seconds))
    };
    let in_flight = asked.in_flight.unwrap_or(u32::from(usual.in_flight_max));
    let why = "a terminal waits for its answers";
    in_range("limits.in_flight", in_flight, 1..=IN_FLIGHT_MAX, why)?;
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

/// In all, and from one address.
fn connections(asked: &form::Limits, usual: &Limits) -> Result<(usize, usize), SettingsError> {
    let all = asked.connections.unwrap_or(usual.connections_max);
    in_range("limits.connections", all, 1..=CONNECTIONS_MAX, "each is an open file")?;
    let each = asked.connections_per_address.unwrap_or(all);
    let why = "there are no more than limits.connections";
    in_range("limits.connections_per_address", each, 1..=all, why)?;
    Ok((all, each))
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
        // Gateways have limits of their own: the usual ones.
        let silent = u32::try_from(usual.idle.as_secs()).unwrap_or(u32::MAX);
        let most = silent.saturating_sub(answer_seconds);
        let why = format!("a gateway cuts off a terminal that is silent for {silent} s");
        in_range("terminals.echo_seconds", echo_seconds, ECHO_SECONDS_MIN..=most, &why)?;
    }
    Ok(Duration::from_secs(seconds))
}

/// Fewer terminals where the system lets this process open fewer files than they and the others
/// need; a note of that.
pub fn fit_files(limits: &mut Limits, others_max: usize) -> Option<String> {
    let files = door::Sockets::raise_files_max()?;
    fit(limits, files, others_max)
}

fn fit(limits: &mut Limits, files: u64, others_max: usize) -> Option<String> {
    let most = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(others_max);
    if limits.connections_max <= most {
        return None;
    }
    let asked = std::mem::replace(&mut limits.connections_max, most);
    limits.connections_per_address_max = limits.connections_per_address_max.min(most);
    Some(format!(
        "note: {most} terminals at the most, not {asked}: the system allows {files} open files \
         (`ulimit -n`), and {others_max} are for others"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_as_many_as_the_files_that_the_others_leave() {
        let mut limits = Limits::default();
        assert_eq!(fit(&mut limits, 18_600, 600), None);
        assert_eq!(limits, Limits::default());
        let note = fit(&mut limits, 1_024, 600).unwrap();
        assert!(note.contains("424 terminals at the most, not 18000"), "{note}");
        assert_eq!((limits.connections_max, limits.connections_per_address_max), (424, 424));
        fit(&mut limits, 100, 600).unwrap();
        assert_eq!(limits.connections_max, 0);
    }
}
