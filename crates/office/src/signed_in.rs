//! Requests of principals who signed in elsewhere: persons in a session, and API keys.
//!
//! Commands are filled in and given beside the office, several at once. Only proposals and payout
//! accounts need the office itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use books::PersonId;
use engine::{Actor, Command, Engine, Events, Refusal, RequestKey, Submission};
use node::{Clock, DecidedCommand, JournalPosition, NodeClient, NodeStopped, SystemClock};
use serde_json::{Map, Value};

use crate::checkout::WaitingSeal;
use crate::codes::{CODE_MAC, CodeMacOf};
use crate::defaults::{self, Givers};
use crate::error::OfficeError;
use crate::fields::{self, WantedParty};
use crate::giving::{
    self, CompleteCommand, GivenBy, Giving, Looks, Outcome, Permits, PreparedCommand, REPEATED,
};
use crate::office::{BooksFacts, Office, OfficeResult, OnEvents};
use crate::persons::Persons;
use crate::proposals::request_key;
use crate::request::{OfficeAnswer, Proposal};
use crate::sent_files::ReceivedBytes;

/// How often whoever waits for other files looks again.
const FILES_POLL: Duration = Duration::from_millis(20);

type Reply = Box<dyn FnOnce(QuickAnswer) + Send>;

/// An office that several threads use. It is gone once it has closed.
#[derive(Clone, Debug)]
pub struct SharedOffice {
    office: Arc<Mutex<Option<Office>>>,
    /// Held while files are carried out.
    files: Arc<Mutex<()>>,
    pub(crate) seals: Arc<Mutex<Vec<Arc<WaitingSeal>>>>,
    /// Of files that are being received.
    pub received: ReceivedBytes,
}

impl SharedOffice {
    #[must_use]
    pub fn new(office: Office) -> SharedOffice {
        let office = Arc::new(Mutex::new(Some(office)));
        let (files, seals) = (Arc::default(), Arc::default());
        SharedOffice { office, files, seals, received: ReceivedBytes::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Office>> {
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while files are carried out. `None` if others are.
    #[must_use]
    pub fn try_files(&self) -> Option<MutexGuard<'_, ()>> {
        self.files.try_lock().ok()
    }

    /// The same, after others have ended. `None` if they take longer than this.
    #[must_use]
    pub fn files_within(&self, within: Duration) -> Option<MutexGuard<'_, ()>> {
        let until = Instant::now() + within;
        loop {
            match self.try_files() {
                None if Instant::now() < until => std::thread::sleep(FILES_POLL),
                held => return held,
            }
        }
    }

    /// Waits until no files are carried out.
    pub(crate) fn wait_for_files(&self) {
        drop(self.files.lock());
    }

    /// Does something in the office.
    ///
    /// # Errors
    /// Whatever `does` gives, and [`OfficeError::Closed`].
    pub fn with<T>(&self, does: impl FnOnce(&mut Office) -> OfficeResult<T>) -> OfficeResult<T> {
        self.lock().as_mut().ok_or(OfficeError::Closed).and_then(does)
    }
}

/// A command of a principal.
#[derive(Debug)]
pub struct SignedInCommand<'r> {
    pub by: Actor,
    /// Its declared name.
    pub name: &'r str,
    pub fields: &'r Map<String, Value>,
    /// With the digest of the request.
    pub key: &'r RequestKey,
}

/// What became of a principal's command.
#[derive(Debug)]
pub enum SignedInAnswer {
    CarriedOut {
        events: Events,
        /// The one-time code of a new hand-over. It is answered once.
        code: Option<String>,
    },
    /// The same request was carried out before under this key: the events of then.
    Replayed { events: Events },
    /// It is so already; nothing changed.
    Repeated,
    /// The same was carried out under the number before; nothing changed.
    SameBefore { number: u64, next: u64 },
    /// The same is open under an id; nothing changed. To open another one, give its id.
    OpenBefore { field: String, id: u64, next: u64 },
    /// The one-time code was wrong: nothing is counted.
    CodeWrong,
    /// A second person must approve it.
    Proposed { proposal: Box<Proposal>, replayed: bool },
}

/// A command that needs nothing but the books: the engine's thread fills it in and carries it out
/// in one turn.
#[derive(Clone)]
pub struct QuickCommand {
    pub by: Actor,
    /// Its declared name.
    pub name: &'static str,
    pub fields: Arc<Map<String, Value>>,
    /// With the digest of the request.
    pub key: RequestKey,
    pub permits: Permits,
}

/// What became of a [`QuickCommand`].
#[derive(Debug)]
pub enum QuickAnswer {
    Done(OfficeResult<(SignedInAnswer, JournalPosition)>),
    /// Nothing was done, and it needs more than the books: [`SignedInGiver::give`] gives it.
    NotQuick,
}

/// What the books know before a command's fields are read.
struct LookedUp {
    facts: BooksFacts,
    before: Result<Option<Events>, Refusal>,
    person: Option<PersonId>,
}

impl LookedUp {
    fn of(engine: &Engine, by: Actor, key: &RequestKey, wanted: &BTreeSet<WantedParty>) -> Self {
        let (books, at) = (engine.books(), SystemClock.now().max(engine.last_at()));
        let person = match by {
            Actor::Person(person) => Some(person),
            Actor::Key(key) => books.person_of_key(key, at),
            _ => None,
        };
        let before = engine.answered_before(by, key, at);
        LookedUp { facts: BooksFacts::of(books, wanted), before, person }
    }

    /// The answer of the same request before, if there was one.
    fn replayed(&mut self) -> OfficeResult<Option<SignedInAnswer>> {
        if !self.facts.open {
            return Err(OfficeError::BooksNotOpen);
        }
        match std::mem::replace(&mut self.before, Ok(None)) {
            Ok(before) => Ok(before.map(|events| SignedInAnswer::Replayed { events })),
            Err(_) => Err(OfficeError::RequestKeyTaken),
        }
    }
}

/// A command that is ready to be given, or its answer.
enum Ready {
    Answered(SignedInAnswer),
    Complete(CompleteCommand),
    Proposal(Box<Proposal>),
    NeedsClient,
}

impl From<PreparedCommand> for Ready {
    fn from(prepared: PreparedCommand) -> Ready {
        use SignedInAnswer as A;
        match prepared {
            PreparedCommand::Before(OfficeAnswer::SameBefore { number, next, .. }) => {
                Ready::Answered(A::SameBefore { number, next })
            }
            PreparedCommand::Before(OfficeAnswer::OpenBefore { id, field, next, .. }) => {
                Ready::Answered(A::OpenBefore { field, id, next })
            }
            PreparedCommand::Before(_) => Ready::Answered(A::Repeated),
            PreparedCommand::Proposal(proposal) => Ready::Proposal(proposal),
            PreparedCommand::Complete(complete) => Ready::Complete(complete),
            PreparedCommand::NeedsClient => Ready::NeedsClient,
        }
    }
}

impl QuickCommand {
    /// Whether commands of this name are quick: nobody approves them, and neither names nor codes
    /// are read for them.
    #[must_use]
    pub fn is_quick(name: &str) -> bool {
        let Some(of) = fields::declared().of(name) else { return false };
        let plain = |(field, of): (&str, reports::FieldType<'_>)| {
            of.name() != Some("PersonId") && field != CODE_MAC
        };
        matches!(Givers::of(of), Givers::Nobody) && of.fields().all(plain)
    }

    fn ready(
        &self,
        engine: &Engine,
        data: &Path,
        wanted: &BTreeSet<WantedParty>,
    ) -> OfficeResult<Ready> {
        let typed = giving::typed(self.name, &self.fields, self.by.kind())?;
        let mut known = LookedUp::of(engine, self.by, &self.key, wanted);
        if let Some(answer) = known.replayed()? {
            return Ok(Ready::Answered(answer));
        }
        let mut giving = Giving { looks: Looks::Inside(engine), data, code_mac: None };
        let read = giving.read(&typed, &known.facts)?;
        let giver = GivenBy { actor: self.by, person: known.person, said: false, as_others: false };
        let permits = Some(self.permits.clone());
        Ok(giving.prepare(&typed, read, giver, permits, &known.facts)?.into())
    }
}

/// Gives commands of principals. Cheap; use one for each thread.
pub struct SignedInGiver {
    pub client: NodeClient,
    pub office: SharedOffice,
    pub data: PathBuf,
    pub code_mac: Option<CodeMacOf>,
    pub on_events: Arc<Mutex<OnEvents>>,
}

impl SignedInGiver {
    /// Fills in a command and gives it. `permits` decides on the command as it is given.
    ///
    /// # Errors
    /// Why nothing was done, and what to do.
    pub fn give(
        &mut self,
        one: &SignedInCommand<'_>,
        permits: Permits,
    ) -> OfficeResult<(SignedInAnswer, JournalPosition)> {
        let answered = self.give_ahead(one, permits);
        if let Ok((answer, Some(position))) = answered {
            return Ok((answer, position));
        }
        // What the answer was seen from is durable before it is given.
        let position = self.client.query(|_| ())?.1;
        answered.map(|(answer, _)| (answer, position))
    }

    /// Fills in a quick command and gives it, without waiting for the answer. `turn` is dropped
    /// when the engine has decided, and `reply` if the node stops before it answers.
    ///
    /// # Errors
    /// The node has stopped.
    pub fn give_quickly(
        &self,
        one: QuickCommand,
        turn: impl Send + 'static,
        reply: impl FnOnce(QuickAnswer) + Send + 'static,
    ) -> Result<(), NodeStopped> {
        let (data, on_events) = (self.data.clone(), self.on_events.clone());
        let of = fields::declared().of(one.name);
        let wanted = of.map(|of| defaults::wanted_parties(one.name, of, &one.fields));
        let wanted = wanted.unwrap_or_default();
        let answered = |answer: OfficeResult<SignedInAnswer>, reply: Reply| {
            // What it was seen from is durable before it is answered.
            DecidedCommand::Answered(Box::new(move |position| {
                reply(QuickAnswer::Done(answer.map(|answer| (answer, position))));
            }))
        };
        let reply: Reply = Box::new(reply);
        self.client.decide(move |engine| {
            let _turn = turn;
            match one.ready(engine, &data, &wanted) {
                Ok(Ready::Complete(CompleteCommand { command, by, .. })) => {
                    let submission =
                        Submission { request_key: Some(one.key), ..Submission::new(by, command) };
                    let carried_out = move |result: Result<Events, Refusal>, position| {
                        reply(match result {
                            Ok(events) => {
                                let mut hears =
                                    on_events.lock().unwrap_or_else(PoisonError::into_inner);
                                hears(&events.books);
                                drop(hears);
                                let answer = SignedInAnswer::CarriedOut { events, code: None };
                                QuickAnswer::Done(Ok((answer, position)))
                            }
                            Err(REPEATED) => {
                                QuickAnswer::Done(Ok((SignedInAnswer::Repeated, position)))
                            }
                            // It says more about its cause.
                            Err(_) => QuickAnswer::NotQuick,
                        });
                    };
                    DecidedCommand::Give(Box::new(submission), Box::new(carried_out))
                }
                Ok(Ready::Answered(answer)) => answered(Ok(answer), reply),
                Ok(Ready::Proposal(_) | Ready::NeedsClient) => {
                    DecidedCommand::Answered(Box::new(move |_| reply(QuickAnswer::NotQuick)))
                }
                Err(error) => answered(Err(error), reply),
            }
        })
    }

    /// The position of an answer that the node gave: everything before it is durable. Others are
    /// seen from what may not be.
    fn give_ahead(
        &mut self,
        one: &SignedInCommand<'_>,
        permits: Permits,
    ) -> OfficeResult<(SignedInAnswer, Option<JournalPosition>)> {
        let SignedInCommand { by, name, fields, key } = *one;
        let typed = giving::typed(name, fields, by.kind())?;
        let wanted: BTreeSet<_> = defaults::wanted_parties(name, typed.of, fields);
        let asked = key.clone();
        let look = move |engine: &Engine| LookedUp::of(engine, by, &asked, &wanted);
        let mut known = self.client.look_ahead(look)?;
        if let Some(answer) = known.replayed()? {
            return Ok((answer, None));
        }
        let LookedUp { mut facts, person, .. } = known;
        // Before it is filled in: once a proposal is carried out, the same is done already.
        if let (Givers::Two { .. }, Some(person)) = (Givers::of(typed.of), person)
            && let Some(proposal) =
                self.office.with(|office| office.proposed_before(person, key))?
        {
            let proposal = Box::new(proposal);
            return Ok((SignedInAnswer::Proposed { proposal, replayed: true }, None));
        }
        if typed.of.fields().any(|(_, field)| field.name() == Some("PersonId")) {
            facts.parties.add_names(&Persons::read(&self.data)?);
        }
        let SignedInGiver { client, data, code_mac, office, .. } = self;
        let looks = Looks::Ahead(client);
        let mut giving = Giving { looks, data, code_mac: code_mac.as_ref() };
        let read = giving.read(&typed, &facts)?;
        let giver = GivenBy { actor: by, person, said: false, as_others: false };
        let CompleteCommand { command, by, code, .. } =
            match giving.prepare(&typed, read, giver, Some(permits), &facts)?.into() {
                Ready::Answered(answer) => return Ok((answer, None)),
                Ready::NeedsClient => return Err(OfficeError::Closed),
                Ready::Proposal(mut proposal) => {
                    proposal.request_key = Some(key.as_str().to_owned());
                    let kept = office.with(|office| office.propose_once(*proposal))?;
                    let (proposal, replayed) = (Box::new(kept.0), kept.1);
                    return Ok((SignedInAnswer::Proposed { proposal, replayed }, None));
                }
                Ready::Complete(complete) => complete,
            };
        let erased = crate::accounts::erased(&command);
        let has_erased = crate::personal_data::erases(&command);
        let typed_payment = fields.get("payment").and_then(Value::as_str);
        let outcome = giving.execute(command, by, Some(key.clone()));
        let outcome = outcome.map_err(|error| giving::with_payment(error, typed_payment))?;
        let position = self.client.last_position();
        if let Some((seller, currency)) = erased {
            self.office.with(|office| office.erase_account(seller, currency))?;
        }
        if has_erased {
            self.office.with(Office::finish_erasures)?;
        }
        let answer = match outcome {
            Outcome::CarriedOut(_, events) => {
                let mut hears = self.on_events.lock().unwrap_or_else(PoisonError::into_inner);
                hears(&events.books);
                match giving::is_code_wrong(&events.books) {
                    true => SignedInAnswer::CodeWrong,
                    false => SignedInAnswer::CarriedOut { events, code },
                }
            }
            Outcome::CodeTriedBefore => SignedInAnswer::CodeWrong,
            Outcome::Repeated => SignedInAnswer::Repeated,
        };
        Ok((answer, Some(position)))
    }
}

impl Office {
    /// Keeps a proposal, unless its proposer has made it under the same request key: then that one,
    /// and true. Also if that one has ended.
    fn propose_once(&mut self, proposal: Proposal) -> OfficeResult<(Proposal, bool)> {
        let before = match request_key(&proposal) {
            Some(key) => self.proposed_before(proposal.proposed_by, &key)?,
            None => None,
        };
        match before {
            Some(before) => Ok((before, true)),
            None => Ok((self.store.add(proposal)?, false)),
        }
    }

    fn proposed_before(&self, by: PersonId, key: &RequestKey) -> OfficeResult<Option<Proposal>> {
        let mut before = self.store.ended(by, key)?;
        for number in self.store.numbers()? {
            let other = self.proposal(number)?;
            let same = |other: RequestKey| other.identity() == key.identity();
            if other.proposed_by == by && request_key(&other).is_some_and(same) {
                before = Some(other);
                break;
            }
        }
        match before.as_ref().and_then(request_key) {
            Some(other) if other.digest() != key.digest() => Err(OfficeError::RequestKeyTaken),
            _ => Ok(before),
        }
    }

    /// Approves a proposal as a person who signed in.
    ///
    /// # Errors
    /// Why it was not carried out.
    pub fn approve_signed_in(
        &mut self,
        number: u64,
        person: PersonId,
    ) -> OfficeResult<OfficeAnswer> {
        self.check_registered(person)?;
        self.approve(number, person)
    }

    /// Withdraws a proposal for a person who signed in.
    ///
    /// # Errors
    /// There is no such proposal, or it cannot be removed.
    pub fn withdraw_signed_in(
        &mut self,
        number: u64,
        person: PersonId,
    ) -> OfficeResult<OfficeAnswer> {
        self.check_registered(person)?;
        self.withdraw(number)
    }

    /// The proposals that wait, for a principal who signed in.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn proposals_signed_in(&mut self) -> OfficeResult<OfficeAnswer> {
        self.list()
    }

    /// How many proposals wait.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn proposals_count(&self) -> OfficeResult<usize> {
        Ok(self.store.numbers()?.len())
    }

    /// The command of a proposal that waits, as its proposer gave it.
    ///
    /// # Errors
    /// There is no such proposal.
    pub fn proposed_command(&self, number: u64) -> OfficeResult<Command> {
        giving::proposed(&self.proposal(number)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_people_decide_names_a_person_or_has_a_code_is_not_quick() {
        for name in ["AnnounceParcel", "RegisterBank", "AssignParcels", "ConfirmDeposit"] {
            assert!(QuickCommand::is_quick(name), "{name}");
        }
        let slow = ["IssueApiKey", "CountHandOver", "StartHandOver", "PlanSettlement", "Nothing"];
        assert!(!slow.iter().any(|name| QuickCommand::is_quick(name)));
    }
}
