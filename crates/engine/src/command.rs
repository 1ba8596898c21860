//! What the engine takes and gives back.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Actor, ActorKind, RequestKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A command of one of the machines.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    Books(books::Command),
}

impl<C: Into<books::Command>> From<C> for Command {
    fn from(command: C) -> Command {
        Command::Books(command.into())
    }
}

impl Command {
    /// Who may give it.
    #[must_use]
    pub fn given_by(&self) -> &'static [ActorKind] {
        match self {
            Command::Books(command) => command.spec().given_by,
        }
    }

    /// Whether it may change who acts as what: persons, keys, and their grants. True for all but
    /// those that are given often and are known to change none of these.
    pub(crate) fn may_change_access(&self) -> bool {
        use books::Command as C;
        let Command::Books(command) = self;
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
        match self {
            Command::Books(command) => command.spec().number,
        }
    }

    /// The numbers of all commands, with their names.
    pub fn numbers() -> impl Iterator<Item = (u8, &'static str)> {
        books::Command::SPECS.iter().map(|spec| (spec.number, spec.name))
    }

    /// The declared name, for example `BeginPurchase`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Books(command) => command.spec().name,
        }
    }
}

// Names of commands are unique over all machines, so the JSON form names no machine.
impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Command::Books(command) => Serialize::serialize(command, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        <books::Command as Deserialize>::deserialize(deserializer).map(Command::Books)
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
}

impl CommandOutcome {
    pub fn clear(&mut self) {
        self.books.clear();
    }

    /// Takes the events out.
    pub fn take_events(&mut self) -> Events {
        Events { books: std::mem::take(&mut self.books.events) }
    }
}

/// The events of a command, per machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    pub books: Vec<books::Event>,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Books(#[from] books::Refusal),
    #[error("the request key was used for another command; use a new key")]
    RequestKeyTaken,
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
            other => panic!("a command without a request key was refused: {other}"),
        }
    }
}
