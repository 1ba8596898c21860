//! Measures the memory of remembered request keys: as many as are remembered at most.
//!
//!     cargo run --profile dist -p engine --example request_key_memory
//!
//! Applies the same commands with keys, as the API makes them, and without. What the process then
//! has more is the keys': each with the answer of one event.

#![allow(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::error::Error;

use books::{AccessEvent, OpenBooks, PersonId, RecordAccessEvent};
use engine::{Actor, CommandOutcome, Engine, REQUEST_KEYS_MAX, RequestKey, Submission, Timestamp};

/// Memory of this process that is in use.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? << 10)
}

fn filled(with_keys: bool) -> Result<(Engine, u64), Box<dyn Error>> {
    let before = resident_bytes()?;
    let (mut engine, mut out) = (Engine::default(), CommandOutcome::default());
    let (first_person, second_person) = (PersonId(1), PersonId(2));
    let open = OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial: true };
    let mut at = Timestamp(1_377_662_400_000);
    engine.apply(&Submission::new(Actor::System, open), at, &mut out)?;
    for number in 1..=u32::try_from(REQUEST_KEYS_MAX)? {
        let event = AccessEvent::SignedIn;
        let command = RecordAccessEvent { number, person: Some(first_person), event };
        let request_key = match with_keys {
            true => Some(RequestKey::new(format!("{number:032x}~{number:030x}"))?),
            false => None,
        };
        let submission = Submission { request_key, ..Submission::new(Actor::System, command) };
        at = at.plus_ms(1);
        engine.apply(&submission, at, &mut out)?;
    }
    Ok((engine, resident_bytes()?.saturating_sub(before)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (_plain, without) = filled(false)?;
    let (_keyed, with) = filled(true)?;
    let keys = with.saturating_sub(without);
    println!("{REQUEST_KEYS_MAX} keys: {keys} bytes, {} each", keys / REQUEST_KEYS_MAX as u64);
    Ok(())
}
