//! Events of sign-ins go into the journal, each once.

use books::{AccessEvent, PersonId, RecordAccessEvent};
use engine::{Actor, Command, Engine, Events, Refusal, RequestKey, Submission};
use node::{NodeClient, NodeStopped};
use rusqlite::{Transaction, params};

use crate::error::AccessError;
use crate::limits::WAITING_EVENTS_MAX;
use crate::store::{AccessStore, WaitingEvent, ms, unsigned};

/// Events that are recorded at once.
const EVENTS_AT_ONCE: u32 = 100;

const EVENTS: [(AccessEvent, &str); 15] = [
    (AccessEvent::SignedIn, "signed_in"),
    (AccessEvent::LockedOut, "locked_out"),
    (AccessEvent::SteppedUp, "stepped_up"),
    (AccessEvent::PasswordSet, "password_set"),
    (AccessEvent::SignedOut, "signed_out"),
    (AccessEvent::SessionEnded, "session_ended"),
    (AccessEvent::KeySecretMade, "key_secret_made"),
    (AccessEvent::PasskeyAdded, "passkey_added"),
    (AccessEvent::PasskeyRemoved, "passkey_removed"),
    (AccessEvent::PasskeySuspected, "passkey_suspected"),
    (AccessEvent::SignedInByPasskey, "signed_in_by_passkey"),
    (AccessEvent::SignedInByProvider, "signed_in_by_provider"),
    (AccessEvent::IdentityLinked, "identity_linked"),
    (AccessEvent::IdentityUnlinked, "identity_unlinked"),
    (AccessEvent::PasswordChanged, "password_changed"),
];

/// Adds an event for the journal. At the limit the oldest goes: a full list must not stop sign-ins.
pub fn add_event(
    change: &Transaction<'_>,
    person: Option<PersonId>,
    event: AccessEvent,
) -> Result<(), rusqlite::Error> {
    let name = EVENTS.iter().find(|(one, _)| *one == event).map(|(_, name)| *name);
    let person = person.map(|person| person.to_string());
    change.execute("INSERT INTO events (person, event) VALUES (?1, ?2)", params![person, name])?;
    let last = change.last_insert_rowid();
    let oldest = last.saturating_sub(i64::from(WAITING_EVENTS_MAX));
    change.execute("DELETE FROM events WHERE number <= ?1", [oldest]).map(|_| ())
}

impl AccessStore {
    /// The oldest events that the journal does not have yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn waiting_events(&self, most: u32) -> Result<Vec<WaitingEvent>, AccessError> {
        let failed = self.failed("read");
        let connection = self.connection();
        let sql = "SELECT number, person, event FROM events ORDER BY number LIMIT ?1";
        let mut select = connection.prepare(sql).map_err(&failed)?;
        let row = |row: &rusqlite::Row<'_>| {
            let person: Option<String> = row.get(1)?;
            Ok((row.get::<_, i64>(0)?, person, row.get::<_, String>(2)?))
        };
        let rows = select.query_map([most], row).map_err(&failed)?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let read = |(number, person, event): (i64, Option<String>, String)| {
            let event = EVENTS.iter().find(|(_, name)| *name == event);
            let event = event.map(|(event, _)| *event).ok_or(AccessError::Damaged)?;
            let person = person.map(|person| person.parse()).transpose();
            let person = person.map_err(|_| AccessError::Damaged)?;
            Ok(WaitingEvent { number: unsigned(number), person, event })
        };
        rows.into_iter().map(read).collect()
    }

    /// Forgets events up to a number: the journal has them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget_events(&self, up_to: u64) -> Result<(), AccessError> {
        let sql = "DELETE FROM events WHERE number <= ?1";
        self.change(|change| change.execute(sql, [ms(up_to)])).map(|_| ())
    }

    /// Records the events that wait, and returns how many. An event that was recorded before a
    /// crash is not recorded again: its request key is its number in the store.
    ///
    /// # Errors
    /// The books cannot be asked or refuse an event; the file cannot be written. Then the events
    /// wait.
    pub fn record_events(&self, client: &mut NodeClient) -> Result<u32, AccessError> {
        let mut recorded = 0;
        loop {
            let waiting = self.waiting_events(EVENTS_AT_ONCE)?;
            let Some(last) = waiting.last().map(|event| event.number) else { return Ok(recorded) };
            for event in waiting {
                let mut given = record(client, &event, event.person)?;
                // The store of books that were restored to an earlier batch has later persons.
                if given == Err(Refusal::Books(unknown(event.person))) {
                    given = record(client, &event, None)?;
                }
                match given {
                    // With another number: it was recorded before.
                    Ok(_) | Err(Refusal::RequestKeyTaken) => recorded += 1,
                    Err(refusal) => return Err(AccessError::Books(refusal.to_string())),
                }
            }
            self.forget_events(last)?;
        }
    }
}

/// The refusal of an event of a person whom the books do not know.
fn unknown(person: Option<PersonId>) -> books::Refusal {
    books::Refusal::PersonNotRegistered(person.unwrap_or(PersonId(0)))
}

fn record(
    client: &mut NodeClient,
    event: &WaitingEvent,
    person: Option<PersonId>,
) -> Result<Result<Events, Refusal>, AccessError> {
    let failed = |why: NodeStopped| AccessError::Books(why.to_string());
    let last = client.query(|engine: &Engine| engine.books().access_events());
    let number = last.map_err(failed)?.0.saturating_add(1);
    let command = RecordAccessEvent { number, person, event: event.event };
    let request_key = RequestKey::new(format!("access-event-{}", event.number)).ok();
    let submission =
        Submission { request_key, ..Submission::new(Actor::System, Command::from(command)) };
    let answers = client.execute(vec![(None, submission)]).map_err(failed)?;
    answers.into_iter().next().ok_or_else(|| AccessError::Books("no answer".to_owned()))
}
