//! Fills in commands and gives them to the node. Needs no lock: several can be given at once.

use std::path::Path;
use std::sync::Arc;

use books::{Event, MissingRecord, PersonId, Refusal};
use engine::{Actor, ActorKind, Command, Engine, Events, RequestKey, Submission, Timestamp};
use listings::{ScreenError, TextStore, TextToScreen, check_places};
use market::{MarketCommand, OfferId};
use node::{Clock, NodeClient, SystemClock};
use policy::{PolicyCommand, PolicyRefusal};
use reports::FieldType;
use serde_json::{Map, Value};

use crate::codes::{self, CodeMacOf};
use crate::currencies::{RefusalInCurrency, TypedCurrencies};
use crate::defaults::{self, Givers};
use crate::error::OfficeError;
use crate::fields::{self, KnownParties};
use crate::office::{BooksFacts, OfficeResult};
use crate::persons::Persons;
use crate::refused::{RefusalDetail, SecondPerson};
use crate::request::{OfficeAnswer, Proposal};

/// The command that brings a new tariff.
const PUBLICATION: &str = "PublishTariff";
/// Persons who are looked at as the second person of an earlier command.
const SECOND_PERSONS_MAX: usize = 100;
/// The field of a seller's class.
const CLASS: &str = "class";

pub(crate) const REPEATED: engine::Refusal = engine::Refusal::Books(Refusal::Repeated);

/// A command as a person or a program typed it.
pub(crate) struct TypedCommand<'r> {
    pub name: &'r str,
    pub fields: &'r Map<String, Value>,
    /// The declared type of the command.
    pub of: FieldType<'r>,
}

/// Who gives it.
#[derive(Clone, Copy)]
pub(crate) struct GivenBy {
    pub actor: Actor,
    /// As whom. `None` for a key that no person has.
    pub person: Option<PersonId>,
    /// The person was named: nobody else of the command's persons gives it.
    pub said: bool,
    /// In trial books one user can act as all persons of a command.
    pub as_others: bool,
}

/// Decides on a command as it is given.
pub type Permits = Arc<dyn Fn(&Command, &Engine) -> bool + Send + Sync>;

/// A command whose fields are filled in.
pub(crate) enum PreparedCommand {
    /// The same was done before. Nothing is to be given.
    Before(OfficeAnswer),
    Complete(CompleteCommand),
    /// A second person must approve it.
    Proposal(Box<Proposal>),
    /// Only a client can find out whether the same was done before.
    NeedsClient,
}

pub(crate) struct CompleteCommand {
    pub command: Command,
    pub fields: Map<String, Value>,
    pub by: Actor,
    /// The one-time code of a new hand-over.
    pub code: Option<String>,
}

/// What became of a command that was not refused.
pub(crate) enum Outcome {
    CarriedOut(Box<Submission>, Events),
    Repeated,
    /// The same wrong one-time code was tried before.
    CodeTriedBefore,
}

/// Fills in and gives commands.
pub(crate) struct Giving<'o> {
    pub looks: Looks<'o>,
    pub data: &'o Path,
    pub code_mac: Option<&'o CodeMacOf>,
}

/// How the books are looked at.
pub(crate) enum Looks<'o> {
    /// Each look waits until what it sees is durable.
    Durable(&'o mut NodeClient),
    /// Looks do not wait for that. The caller waits before it answers.
    Ahead(&'o mut NodeClient),
    /// On the engine's own thread. No command is given meanwhile.
    Inside(&'o Engine),
}

/// The declared type of a command that persons and API keys may give.
pub(crate) fn typed<'r>(
    name: &'r str,
    fields: &'r Map<String, Value>,
    by: ActorKind,
) -> OfficeResult<TypedCommand<'r>> {
    let unknown = || OfficeError::UnknownCommand(name.to_owned());
    let of = fields::declared().of(name).ok_or_else(unknown)?;
    let spec = Command::specs().find(|spec| spec.name == name).ok_or_else(unknown)?;
    if !spec.given_by.contains(&by) {
        return Err(OfficeError::NotForPersons { command: name.to_owned() });
    }
    Ok(TypedCommand { name, fields, of })
}

impl Giving<'_> {
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> OfficeResult<T> {
        Ok(match &self.looks {
            Looks::Durable(client) => client.query(look)?.0,
            Looks::Ahead(client) => client.look_ahead(look)?,
            Looks::Inside(engine) => look(engine),
        })
    }

    fn client(&mut self) -> Option<&mut NodeClient> {
        match &mut self.looks {
            Looks::Durable(client) | Looks::Ahead(client) => Some(client),
            Looks::Inside(_) => None,
        }
    }

    /// Reads the fields that were given, without those that follow from others.
    pub(crate) fn read(
        &mut self,
        typed: &TypedCommand<'_>,
        facts: &BooksFacts,
    ) -> OfficeResult<(Map<String, Value>, TypedCurrencies, Option<u32>)> {
        let mut given = typed.fields.clone();
        let code = codes::take_code(typed.name, typed.of, &mut given)?;
        let class = take_class(typed.of, &mut given);
        name_tariff(typed.name, &mut given, &facts.parties)?;
        let mut object = read_fields(typed.name, typed.of, &given, &facts.parties)?;
        let currencies = TypedCurrencies::of(typed.of, &given);
        if let Some(class) = class {
            let of = object.clone();
            let look = move |engine: &Engine| defaults::named_class(engine.books(), &of, &class);
            object.insert(CLASS.to_owned(), self.look(look)??);
        }
        Ok((object, currencies, code))
    }

    /// Fills in what follows from the rest.
    pub(crate) fn prepare(
        &mut self,
        typed: &TypedCommand<'_>,
        (mut object, currencies, code): (Map<String, Value>, TypedCurrencies, Option<u32>),
        giver: GivenBy,
        permits: Option<Permits>,
        facts: &BooksFacts,
    ) -> OfficeResult<PreparedCommand> {
        let TypedCommand { name, of: command_type, .. } = *typed;
        defaults::add_own_id(name, command_type, &facts.parties, &mut object);
        let mut own_id = None;
        if let Some(own) = defaults::lacks_own_id(name, command_type, &object) {
            let of = name.to_owned();
            let look = move |engine: &Engine| defaults::free_id(engine, &of);
            let id = self.look(look)?;
            object.insert(own.clone(), id.to_string().into());
            own_id = Some((own, id)).filter(|_| !object.contains_key("number"));
        }
        if name == "AddVariant" {
            defaults::add_variant_id(&mut object);
        }
        defaults::add_only_bank(name, command_type, &facts.parties, &mut object);
        if let Some(code) = code {
            codes::add_code_mac(code, &mut object, self.code_mac)?;
        }
        let givers = defaults::givers_now(name, command_type, &object);
        let second = add_givers(name, givers, giver, &mut object)?;
        let second = second.filter(|second| defaults::needs_second(command_type, second, &object));
        let lacks = defaults::lacks_number(name, command_type, &object);
        let later: Vec<&str> = lacks.into_iter().chain(second).collect();
        defaults::check_complete(name, command_type, &object, &later)?;
        if let Some(second) = second {
            // Nobody: the command is not given before somebody approves it.
            object.insert(second.to_owned(), PersonId(0).to_string().into());
        }
        let named = name.to_owned();
        let filled = self.look(move |engine| {
            currencies.check(&object, engine)?;
            let typed = object.clone();
            let object = defaults::add_numbers(&named, lacks, object, engine)?;
            let command = defaults::declared(&named, &object)?;
            let before = defaults::with_number_before(&typed, &object, &command, engine);
            let same = own_id.and_then(|(field, next)| {
                let id = engine.books().same_and_open(command.of_books()?)?;
                Some(OfficeAnswer::OpenBefore { command: named.clone(), id, field, next })
            });
            let by = if giver.said { giver.actor } else { actor(&command, giver.actor) };
            if permits.is_some_and(|permits| !permits(&command, engine)) {
                return Err(OfficeError::NotPermitted { command: named });
            }
            let checked = engine.check_actor(by, &command, SystemClock.now());
            // A proposal that cannot be carried out is not made.
            let checked = checked.and_then(|()| command.check_amounts());
            checked.map_err(|refusal| {
                refused(&named, RefusalInCurrency::of(refusal, &command, engine))
            })?;
            Ok::<_, OfficeError>((object, command, by, before, same))
        })?;
        let (mut object, command, by, before, same) = filled?;
        if let Some(same) = same {
            return Ok(PreparedCommand::Before(same));
        }
        let before = match before {
            Some(_) if self.client().is_none() => return Ok(PreparedCommand::NeedsClient),
            before => before,
        };
        if let Some(before) = before
            && self.was_carried_out(name, before, by, second)?
        {
            let command = name.to_owned();
            return Ok(PreparedCommand::Before(match defaults::number_of(name, &object) {
                Some(next) if defaults::is_done_each_time(name) => {
                    OfficeAnswer::SameBefore { command, number: next - 1, next }
                }
                _ => OfficeAnswer::Repeated { command },
            }));
        }
        let proposer = match by {
            Actor::Person(person) => Some(person),
            _ => giver.person,
        };
        let (Some(second), Some(proposed_by)) = (second, proposer) else {
            let code = code.filter(|_| name == "StartHandOver").map(codes::text);
            let complete = CompleteCommand { command, fields: object, by, code };
            return Ok(PreparedCommand::Complete(complete));
        };
        object.remove(second);
        let proposal = Proposal {
            number: 0,
            command: name.to_owned(),
            fields: object,
            proposed_by,
            proposed_at_ms: SystemClock.now().0,
            request_key: None,
            approval: None,
            refusal: None,
            proposer_name: None,
            proposed_at: None,
            words: None,
        };
        Ok(PreparedCommand::Proposal(Box::new(proposal)))
    }

    /// Whether a command whose number is the one before was carried out. The books answer a used
    /// number without a change.
    fn was_carried_out(
        &mut self,
        name: &str,
        mut before: Map<String, Value>,
        by: Actor,
        second: Option<&str>,
    ) -> OfficeResult<bool> {
        let mut objects = Vec::new();
        match second {
            None => objects.push(before),
            // Any person may have been the second.
            Some(second) => {
                let look = |engine: &Engine| {
                    let all = engine.books().persons().map(|(person, _)| person);
                    all.take(SECOND_PERSONS_MAX).collect::<Vec<_>>()
                };
                for person in self.look(look)? {
                    before.insert(second.to_owned(), person.to_string().into());
                    objects.push(before.clone());
                }
            }
        }
        let mut submissions = Vec::new();
        for object in &objects {
            let command = defaults::declared(name, object)?;
            submissions.push((None, Submission::new(by, command)));
        }
        let answers = self.execute_all(submissions)?;
        Ok(answers.contains(&Err(REPEATED)))
    }

    fn execute_all(
        &mut self,
        submissions: Vec<(Option<Timestamp>, Submission)>,
    ) -> OfficeResult<Vec<Result<Events, engine::Refusal>>> {
        let client = self.client().ok_or(OfficeError::Closed)?;
        Ok(client.execute(submissions)?)
    }

    /// Gives a command to the node. An error explains the refusal.
    pub(crate) fn execute(
        &mut self,
        command: Command,
        by: Actor,
        request_key: Option<RequestKey>,
    ) -> OfficeResult<Outcome> {
        if let Some(PolicyCommand::DecideText(decided)) = command.as_policy() {
            let store = TextStore::open(self.data).map_err(ScreenError::from)?;
            check_places(&store, decided)?;
        }
        let given = command.clone();
        let submission = Submission { request_key, ..Submission::new(by, command) };
        let mut answers = self.execute_all(vec![(None, submission.clone())])?;
        if let [Err(engine::Refusal::Policy(PolicyRefusal::NotScreened(offer)))] = answers[..]
            && self.screen(offer, &given)?
        {
            answers = self.execute_all(vec![(None, submission.clone())])?;
        }
        match answers.into_iter().next() {
            Some(Ok(events)) => Ok(Outcome::CarriedOut(Box::new(submission), events)),
            Some(Err(REPEATED)) if self.is_still_to_count(&given)? => Ok(Outcome::CodeTriedBefore),
            Some(Err(REPEATED)) => Ok(Outcome::Repeated),
            Some(Err(refusal)) => Err(self.explained(given.spec().name, refusal, given)?),
            None => Err(OfficeError::Malformed("no command".to_owned())),
        }
    }

    /// Matches the text with which a command shows an offer, outside the engine, and records what
    /// was found. Returns whether there is such a text.
    fn screen(&mut self, offer: OfferId, command: &Command) -> OfficeResult<bool> {
        let content = match command.as_market() {
            Some(MarketCommand::ReviseOffer(revised)) => Some(revised.content),
            _ => None,
        };
        let look = move |engine: &Engine| {
            let at = SystemClock.now().max(engine.last_at());
            TextToScreen::of(engine, (offer, content), at)
        };
        let store = TextStore::open(self.data).map_err(ScreenError::from)?;
        match self.look(look)?.and_then(|text| text.screen(&store)) {
            Ok(found) => {
                let found = Submission::new(Actor::System, Command::of_policy(found));
                // A refusal of it is answered by that of the command.
                self.execute_all(vec![(None, found)])?;
                Ok(true)
            }
            // The refusal asks for the text.
            Err(ScreenError::NoText(..)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a command counts a hand-over that is not counted yet.
    fn is_still_to_count(&self, command: &Command) -> OfficeResult<bool> {
        let Some(books::Command::CountHandOver(count)) = command.of_books() else {
            return Ok(false);
        };
        let handover = count.handover;
        let look = move |engine: &Engine| engine.books().is_hand_over_open(handover);
        self.look(look)
    }

    /// A refusal with what the books know about its cause.
    fn explained(
        &self,
        name: &str,
        refusal: engine::Refusal,
        command: Command,
    ) -> OfficeResult<OfficeError> {
        let persons = Persons::read(self.data)?;
        let look = move |engine: &Engine| {
            let books = engine.books();
            let shown = RefusalInCurrency::of(refusal.clone(), &command, engine);
            let engine::Refusal::Books(refusal) = refusal else { return (shown, None) };
            let detail = match refusal {
                Refusal::SamePerson => {
                    let second = SecondPerson::of(books, &command, &persons);
                    Some(RefusalDetail::NotTheSecond(second))
                }
                Refusal::PlanState
                | Refusal::PaymentState
                | Refusal::NotFound(MissingRecord::Payout(_)) => {
                    let command = command.of_books();
                    command.and_then(|one| books.state_now(one)).map(RefusalDetail::State)
                }
                Refusal::NotThePaymentsSeller(seller) => books
                    .seller_reference(seller)
                    .map(|reference| RefusalDetail::NotThePaymentsSeller(reference.to_owned())),
                Refusal::AmountTooLarge(left) if left.is_zero() => {
                    RefusalDetail::nothing_to_invoice(books, &command)
                }
                _ => None,
            };
            (shown, detail)
        };
        let (shown, detail) = self.look(look)?;
        let mut error = refused(name, shown);
        if let OfficeError::Refused { refusal, .. } = &mut error {
            refusal.detail = detail.map(Box::new);
        }
        Ok(error)
    }
}

/// What became of a command, without what it did in words.
pub(crate) fn answer(name: &str, by: PersonId, outcome: &Outcome) -> OfficeResult<OfficeAnswer> {
    let command = name.to_owned();
    let Outcome::CarriedOut(_, events) = outcome else {
        return Ok(match outcome {
            Outcome::CodeTriedBefore => {
                OfficeAnswer::CodeWrong { command, by, said: Default::default() }
            }
            _ => OfficeAnswer::Repeated { command },
        });
    };
    if is_code_wrong(&events.books) {
        return Ok(OfficeAnswer::CodeWrong { command, by, said: Default::default() });
    }
    let shown = serde_json::to_value(events)
        .map_err(|error| OfficeError::Declared { command: name.into(), why: error.to_string() })?;
    let Value::Array(events) = shown else { unreachable!("events are a list") };
    let said = Default::default();
    Ok(OfficeAnswer::CarriedOut { command, by, events, code: None, said })
}

/// Whether a one-time code was wrong.
pub(crate) fn is_code_wrong(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::HandOverCodeWrong { .. }))
}

/// A proposal's command, without a second person.
pub(crate) fn proposed(proposal: &Proposal) -> OfficeResult<Command> {
    let name = &proposal.command;
    let unknown = || OfficeError::UnknownCommand(name.clone());
    let command_type = fields::declared().of(name).ok_or_else(unknown)?;
    let Givers::Two { second, .. } = Givers::of(command_type) else { return Err(unknown()) };
    let mut object = proposal.fields.clone();
    object.insert(second.to_owned(), PersonId(0).to_string().into());
    defaults::declared(name, &object)
}

/// A missing payment is named as it was typed.
pub(crate) fn with_payment(mut error: OfficeError, typed: Option<&str>) -> OfficeError {
    if let (OfficeError::Refused { refusal, .. }, Some(typed)) = (&mut error, typed)
        && refusal.refusal.refusal
            == engine::Refusal::Books(Refusal::NotFound(MissingRecord::Payment))
    {
        refusal.detail = Some(Box::new(RefusalDetail::NoPayment(typed.to_owned())));
    }
    error
}

/// Why a command was not carried out.
fn refused(name: &str, refusal: RefusalInCurrency) -> OfficeError {
    match refusal.refusal {
        engine::Refusal::Books(Refusal::BooksNotOpen) => OfficeError::BooksNotOpen,
        _ => OfficeError::Refused { command: name.to_owned(), refusal: refusal.into() },
    }
}

/// Takes a class that is named, not numbered, out of the fields that were given.
fn take_class(command: FieldType<'_>, given: &mut Map<String, Value>) -> Option<String> {
    command.field(CLASS).filter(|field| field.name() == Some("SellerClassNumber"))?;
    let class = given.get(CLASS)?.as_str()?.to_owned();
    if class.parse::<u64>().is_ok() {
        return None;
    }
    given.remove(CLASS);
    Some(class)
}

/// Names the tariff of a seller as the books do: with its currency, if it is for one only.
fn name_tariff(
    command: &str,
    given: &mut Map<String, Value>,
    parties: &KnownParties,
) -> OfficeResult<()> {
    let Some(Value::String(tariff)) = given.get("tariff") else { return Ok(()) };
    let is_id = tariff.bytes().all(|byte| byte.is_ascii_digit());
    if is_id || command == PUBLICATION {
        return Ok(());
    }
    let currency = given.get("currency").and_then(Value::as_str);
    let Some(found) = parties.tariff(tariff, currency).map(str::to_owned) else {
        let known = parties.tariffs().into_iter().map(str::to_owned).collect();
        return Err(OfficeError::UnknownTariff { tariff: tariff.clone(), known });
    };
    given.insert("tariff".to_owned(), found.into());
    Ok(())
}

/// The declared form of the fields that were given.
fn read_fields(
    name: &str,
    command_type: FieldType<'_>,
    given: &Map<String, Value>,
    parties: &KnownParties,
) -> OfficeResult<Map<String, Value>> {
    defaults::check_known(name, command_type, given)?;
    let mut object = Map::new();
    for (field, given) in given {
        let Some(field_type) = command_type.field(field) else { continue };
        let value = fields::value(field_type, given, parties).map_err(|cause| {
            let value = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            OfficeError::Value { field: field.clone(), value, cause: Box::new(cause) }
        })?;
        object.insert(field.clone(), value);
    }
    Ok(object)
}

/// Fills in who gives the command. Returns the field of a second person who is still missing.
fn add_givers<'s>(
    name: &str,
    givers: Givers<'s>,
    giver: GivenBy,
    object: &mut Map<String, Value>,
) -> OfficeResult<Option<&'s str>> {
    let (first, second) = match givers {
        Givers::Nobody => return Ok(None),
        Givers::One(first) => (first, None),
        Givers::Two { first, second } => (first, Some(second)),
    };
    // A key is nobody: it does not decide in the place of a person.
    let Some(person) = giver.person else {
        return Err(OfficeError::NeedsPerson { command: name.to_owned() });
    };
    let said = object.entry(first).or_insert_with(|| person.to_string().into());
    let is_giver = said.as_str() == Some(person.to_string().as_str());
    if !is_giver && !giver.as_others {
        return Err(OfficeError::OtherPerson { field: first.to_owned() });
    }
    let Some(second) = second else { return Ok(None) };
    match object.contains_key(second) {
        false => Ok(Some(second)),
        // In trial books one user is both.
        true if giver.as_others => Ok(None),
        true => Err(OfficeError::SecondPersonNamed { field: second.to_owned() }),
    }
}

/// Who gives the command if nobody was said: the person, or in trial books one of those whom the
/// command names.
fn actor(command: &Command, by: Actor) -> Actor {
    let Actor::Person(person) = by else { return by };
    let mut givers = Vec::new();
    command.for_each_person(&mut |role, one| {
        if role.gives() && one != PersonId(0) {
            givers.push(one);
        }
    });
    let named = givers.contains(&person) || givers.is_empty();
    Actor::Person(if named { person } else { givers.last().copied().unwrap_or(person) })
}
