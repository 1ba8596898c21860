//! What the engine takes and gives back.

use std::any::Any;

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Actor, ActorKind, CommandSpec, PersonId, PersonRole, RequestKey};
use market::{MarketCommand, MarketEvent, MarketRefusal};
use policy::{PolicyCommand, PolicyEvent, PolicyRefusal};
use serde::de::Error as _;
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A command of one of the machines.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    Books(books::Command),
    /// In a box: some are large, and most commands are the books'.
    Market(Box<MarketCommand>),
    Policy(Box<PolicyCommand>),
}

impl<C: Into<books::Command>> From<C> for Command {
    fn from(command: C) -> Command {
        Command::Books(command.into())
    }
}

impl Command {
    /// A command of the market.
    #[must_use]
    pub fn of_market(command: impl Into<MarketCommand>) -> Command {
        Command::Market(Box::new(command.into()))
    }

    /// A command of the policy.
    #[must_use]
    pub fn of_policy(command: impl Into<PolicyCommand>) -> Command {
        Command::Policy(Box::new(command.into()))
    }

    /// What is declared about the commands of all machines.
    pub fn specs() -> impl Iterator<Item = &'static CommandSpec> + Clone {
        books::Command::SPECS.iter().chain(MarketCommand::SPECS).chain(PolicyCommand::SPECS)
    }

    /// What is declared about this command.
    #[must_use]
    pub fn spec(&self) -> &'static CommandSpec {
        match self {
            Command::Books(command) => command.spec(),
            Command::Market(command) => command.spec(),
            Command::Policy(command) => command.spec(),
        }
    }

    /// The command, if it is of the books.
    #[must_use]
    pub fn of_books(&self) -> Option<&books::Command> {
        match self {
            Command::Books(command) => Some(command),
            Command::Market(_) | Command::Policy(_) => None,
        }
    }

    /// The command, if it is of the market.
    #[must_use]
    pub fn as_market(&self) -> Option<&MarketCommand> {
        match self {
            Command::Books(_) | Command::Policy(_) => None,
            Command::Market(command) => Some(command),
        }
    }

    /// The command, if it is of the policy.
    #[must_use]
    pub fn as_policy(&self) -> Option<&PolicyCommand> {
        match self {
            Command::Books(_) | Command::Market(_) => None,
            Command::Policy(command) => Some(command),
        }
    }

    /// Visits each field that is a person.
    pub fn for_each_person(&self, visit: &mut impl FnMut(PersonRole, PersonId)) {
        match self {
            Command::Books(command) => command.for_each_person(visit),
            Command::Market(command) => command.for_each_person(visit),
            Command::Policy(command) => command.for_each_person(visit),
        }
    }

    /// Visits each field, as its type.
    pub fn for_each_field(&self, visit: &mut impl FnMut(&dyn Any)) {
        match self {
            Command::Books(command) => command.for_each_field(visit),
            Command::Market(command) => command.for_each_field(visit),
            Command::Policy(command) => command.for_each_field(visit),
        }
    }

    /// Checks that no amount of it is too large.
    ///
    /// # Errors
    /// [`books::Refusal::AmountAboveLimit`].
    pub fn check_amounts(&self) -> Result<(), Refusal> {
        match self {
            Command::Books(command) => Ok(books::check_amounts(command)?),
            Command::Market(command) => Ok(market::check_command_amounts(command)?),
            Command::Policy(_) => Ok(()),
        }
    }

    /// Who may give it.
    #[must_use]
    pub fn given_by(&self) -> &'static [ActorKind] {
        self.spec().given_by
    }

    /// Whether it may change who acts as what: persons, keys, and their grants. True for all but
    /// those that are given often and are known to change none of these.
    pub(crate) fn may_change_access(&self) -> bool {
        use books::Command as C;
        let Command::Books(command) = self else { return false };
        !matches!(
            command,
            C::AnnounceParcel(_)
                | C::AssignParcels(_)
                | C::DispatchParcels(_)
                | C::RecordAttempt(_)
                | C::RefuseParcel(_)
                | C::AcceptPart(_)
                | C::ReturnParcel(_)
                | C::OpenBatch(_)
                | C::CloseBatch(_)
                | C::ReconcileBatch(_)
                | C::BeginPurchase(_)
                | C::ResolvePurchase(_)
                | C::BeginCompletion(_)
                | C::ResolveCompletion(_)
                | C::BeginVoid(_)
                | C::BeginReversal(_)
                | C::ReverseVoid(_)
                | C::ResolveReversal(_)
                | C::ResolveAdvice(_)
                | C::TakeCash(_)
                | C::TakeCashByPhone(_)
                | C::BeginRefund(_)
                | C::ResolveRefund(_)
                | C::DeclineRequest(_)
                | C::RecordOfflineSale(_)
                | C::RecordBalanceInquiry(_)
                | C::StartHandOver(_)
                | C::CountHandOver(_)
                | C::ClearLine(_)
                | C::RecordAccessEvent(_)
        )
    }

    /// Its number in the journal, which no other command has.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.spec().number
    }

    /// The numbers of all commands, with their names.
    pub fn numbers() -> impl Iterator<Item = (u8, &'static str)> {
        Command::specs().map(|spec| (spec.number, spec.name))
    }

    /// The declared name, for example `BeginPurchase`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spec().name
    }
}

// Names of commands are unique over all machines, so the JSON form names no machine.
impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Command::Books(command) => Serialize::serialize(command, serializer),
            Command::Market(command) => Serialize::serialize(command, serializer),
            Command::Policy(command) => Serialize::serialize(command, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        let name = json.get("command").and_then(|name| name.as_str()).unwrap_or_default();
        if MarketCommand::SPECS.iter().any(|spec| spec.name == name) {
            let command =
                serde_json::from_value(json).map(|command| Command::Market(Box::new(command)));
            return command.map_err(D::Error::custom);
        }
        if PolicyCommand::SPECS.iter().any(|spec| spec.name == name) {
            let command =
                serde_json::from_value(json).map(|command| Command::Policy(Box::new(command)));
            return command.map_err(D::Error::custom);
        }
        serde_json::from_value(json).map(Command::Books).map_err(D::Error::custom)
    }
}

/// A command with who gives it. This is what the journal keeps.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Submission {
    pub by: Actor,
    /// With a key the same command again is answered as before and changes nothing.
    pub request_key: Option<RequestKey>,
    pub command: Command,
}

impl Submission {
    /// Without a request key.
    pub fn new(by: Actor, command: impl Into<Command>) -> Submission {
        Submission { by, request_key: None, command: command.into() }
    }
}

/// How a command was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It changed the state and belongs into the journal.
    CarriedOut,
    /// Its request key was used before for the same command. Nothing changed.
    AnsweredBefore,
}

/// What a command did, per machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutcome {
    pub books: books::CommandOutcome,
    /// How many of the books' events are of the submitted command itself.
    pub own_events: usize,
    pub market: Vec<MarketEvent>,
    pub policy: Vec<PolicyEvent>,
    /// The command that the policy gave the market in the same entry: a decision pauses an offer,
    /// or lists it again.
    pub given_to_market: Option<MarketCommand>,
    /// The commands that the market gave the books in the same entry, each with the number of the
    /// books' events after it.
    pub given: Vec<(books::Command, usize)>,
}

impl CommandOutcome {
    pub fn clear(&mut self) {
        self.books.clear();
        self.own_events = 0;
        self.market.clear();
        self.policy.clear();
        self.given_to_market = None;
        self.given.clear();
    }

    /// The commands that the books carried out, each with its events: the submitted one, and those
    /// that the market gave.
    pub fn of_books<'a>(
        &'a self,
        submission: &'a Submission,
    ) -> impl Iterator<Item = (&'a books::Command, &'a [books::Event])> {
        let own = self.own_events;
        let submitted = submission.command.of_books();
        let submitted = submitted.map(|command| (command, &self.books.events[..own]));
        let given = self.given.iter().enumerate().map(move |(place, (command, end))| {
            let begin = place.checked_sub(1).map_or(own, |before| self.given[before].1);
            (command, &self.books.events[begin..*end])
        });
        submitted.into_iter().chain(given)
    }

    /// Takes the events out.
    pub fn take_events(&mut self) -> Events {
        let books = std::mem::take(&mut self.books.events);
        let (market, policy) = (&mut self.market, &mut self.policy);
        Events { books, market: std::mem::take(market), policy: std::mem::take(policy) }
    }
}

/// The events of a command, per machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    pub books: Vec<books::Event>,
    pub market: Vec<MarketEvent>,
    pub policy: Vec<PolicyEvent>,
}

// One list, in which what the books did stands first.
impl Serialize for Events {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = self.books.len() + self.market.len() + self.policy.len();
        let mut list = serializer.serialize_seq(Some(count))?;
        self.books.iter().try_for_each(|event| list.serialize_element(event))?;
        self.market.iter().try_for_each(|event| list.serialize_element(event))?;
        self.policy.iter().try_for_each(|event| list.serialize_element(event))?;
        list.end()
    }
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Books(#[from] books::Refusal),
    #[error(transparent)]
    Market(MarketRefusal),
    #[error(transparent)]
    Policy(PolicyRefusal),
    #[error("the request key was used for another command; use a new key")]
    RequestKeyTaken,
}

impl From<MarketRefusal> for Refusal {
    fn from(refusal: MarketRefusal) -> Refusal {
        match refusal {
            MarketRefusal::Books(refusal) => Refusal::Books(refusal),
            refusal => Refusal::Market(refusal),
        }
    }
}

impl From<PolicyRefusal> for Refusal {
    fn from(refusal: PolicyRefusal) -> Refusal {
        match refusal {
            PolicyRefusal::Books(refusal) => Refusal::Books(refusal),
            refusal => Refusal::Policy(refusal),
        }
    }
}

impl Refusal {
    /// The books' refusal of a command that had no request key.
    ///
    /// # Panics
    /// For a refusal of a request key.
    #[must_use]
    pub fn into_books(self) -> books::Refusal {
        match self {
            Refusal::Books(refusal) => refusal,
            // What is due for an order's parcel is changed by the market only.
            Refusal::Market(_) | Refusal::Policy(_) => books::Refusal::ParcelState,
            other => panic!("a command without a request key was refused: {other}"),
        }
    }
}
