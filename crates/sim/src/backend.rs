//! The interface between the simulated world and the books.

use std::convert::Infallible;
use std::fmt::Debug;

use books::{Event, Refusal, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use switch::{Query, QueryResult};

use crate::inputs::DayInputError;
use crate::payment_path::PaymentPathError;

/// The events of one command, or its refusal.
pub type BackendReply = Result<Vec<Event>, Refusal>;

/// The product as the simulated world sees it: a node in the program, a bare engine in tests.
pub trait Backend {
    /// A failure that is no refusal: of the journal, of the node.
    type Error;

    /// Carries out commands in order and returns one answer for each. The answers are durable.
    ///
    /// # Errors
    /// A failure of the backend. The day stops; [`ResumedDay`](crate::ResumedDay) continues it.
    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Self::Error>;

    /// Answers queries of the switch, one result each, from the state after all commands so far.
    ///
    /// # Errors
    /// As [`Backend::carry_out`].
    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, Self::Error>;

    /// Stores a file of the day (a network's clearing file) and reads it back.
    ///
    /// # Errors
    /// The file cannot be written or read.
    fn store_file(&mut self, name: &str, text: String) -> Result<String, Self::Error> {
        let _ = name;
        Ok(text)
    }

    /// Called before the commands of the day with this index. Books that are replayed get here what
    /// others gave to them since the day before.
    ///
    /// # Errors
    /// The books do not contain it.
    fn begin_day(&mut self, index: usize) -> Result<(), Self::Error> {
        let _ = index;
        Ok(())
    }

    /// Whether the commands so far were only compared with books that have them already.
    fn is_replaying(&self) -> bool {
        false
    }
}

/// The engine without a journal.
impl Backend for Engine {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Infallible> {
        let mut out = CommandOutcome::default();
        let answers = commands.iter().map(|(at, command)| {
            let applied = self.apply(command, *at, &mut out);
            applied.map(|_| out.take_events().books).map_err(engine::Refusal::into_books)
        });
        Ok(answers.collect())
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, Infallible> {
        Ok(questions.into_iter().map(|question| question.answer(self.books())).collect())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DayError<E> {
    #[error("{0}")]
    Input(#[from] DayInputError),
    #[error("{0}")]
    Backend(E),
    /// A socket, a key or a setting failed; no simulated fault.
    #[error("{0}")]
    PaymentPath(#[from] PaymentPathError),
    /// An unexpected refusal.
    #[error("the books refused {command} at {} ms: {refusal}", at.0)]
    Refused {
        at: Timestamp,
        /// Shortened.
        command: String,
        refusal: Refusal,
    },
    /// The repeat of a command was not answered as a repeat (M2).
    #[error("the books answered the repeat of {command} with {answer}, not as a repeat")]
    NotRepeated {
        /// Shortened.
        command: String,
        /// The second answer, shortened.
        answer: String,
    },
    /// Something is asked again and again: a fault of the simulation or of the product.
    #[error("the simulated day does not end: at {} ms {waiting}", at.0)]
    NeverEnds { at: Timestamp, waiting: String },
    #[error("the backend gave {answered} answers to {sent} commands or queries")]
    AnswersMissing { sent: usize, answered: usize },
}

impl<E> DayError<E> {
    pub(crate) fn refused(
        at: Timestamp,
        command: &engine::Command,
        refusal: Refusal,
    ) -> DayError<E> {
        DayError::Refused { at, command: shortened_debug(command), refusal }
    }

    pub(crate) fn not_repeated(command: &engine::Command, answer: &BackendReply) -> DayError<E> {
        DayError::NotRepeated { command: shortened_debug(command), answer: shortened_debug(answer) }
    }
}

/// The most characters of a command in an error: a command may name a thousand parcels.
const DEBUG_CHARACTERS_MAX: usize = 240;

fn shortened_debug(what: &impl Debug) -> String {
    let long = format!("{what:?}");
    let mut short: String = long.chars().take(DEBUG_CHARACTERS_MAX).collect();
    if short.len() < long.len() {
        short.push('…');
    }
    short
}
