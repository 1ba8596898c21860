//! The seam between the world and the books.

use std::convert::Infallible;
use std::fmt::Debug;

use engine::{Command, Engine, Event, Outcome, Refusal, Timestamp};
use switch::{Fact, Question};

use crate::doors::DoorError;
use crate::inputs::InputError;

/// What became of one command.
pub type Answer = Result<Vec<Event>, Refusal>;

/// The product as the world sees it: the node with its engine in the program, a bare engine in
/// tests.
pub trait Office {
    /// What can go wrong beside a refusal: the journal, the node.
    type Error;

    /// Carries out commands in their order, one answer each: what happened, or the refusal. When it
    /// answers, what it answers is durable.
    ///
    /// # Errors
    /// Where the office itself fails; the day ends there and can be continued by
    /// [`Continued`](crate::Continued).
    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Command)>,
    ) -> Result<Vec<Answer>, Self::Error>;

    /// Answers questions of the switch, one fact each: what is true after all commands that were
    /// carried out.
    ///
    /// # Errors
    /// As [`Office::carry_out`].
    fn ask(&mut self, questions: Vec<Question>) -> Result<Vec<Fact>, Self::Error>;

    /// Keeps a file of the day, a network's clearing file, and reads it back.
    ///
    /// # Errors
    /// Where it cannot be kept or read.
    fn keep(&mut self, name: &str, text: String) -> Result<String, Self::Error> {
        let _ = name;
        Ok(text)
    }
}

/// The books without a journal.
impl Office for Engine {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Command)>,
    ) -> Result<Vec<Answer>, Infallible> {
        let mut out = Outcome::default();
        let answers = commands.iter().map(|(at, command)| {
            self.apply(command, *at, &mut out)?;
            Ok(std::mem::take(&mut out.events))
        });
        Ok(answers.collect())
    }

    fn ask(&mut self, questions: Vec<Question>) -> Result<Vec<Fact>, Infallible> {
        Ok(questions.into_iter().map(|question| question.ask(self)).collect())
    }
}

/// Why a day ended early.
#[derive(Debug, thiserror::Error)]
pub enum DayError<E> {
    /// The inputs make no day.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The office failed.
    #[error("{0}")]
    Office(E),
    /// Something at the doors failed that is nobody's fate: a socket, a key.
    #[error("{0}")]
    Door(#[from] DoorError),
    /// The books refused something that the world had every reason to do.
    #[error("the books refused {command} at {} ms: {refusal}", at.0)]
    Refused {
        /// When.
        at: Timestamp,
        /// What, in short.
        command: String,
        /// Why.
        refusal: Refusal,
    },
    /// A command that was sent twice was not answered as the retry that it was (M2).
    #[error("sent a second time, {command} was answered {answer}")]
    NotRepeated {
        /// What, in short.
        command: String,
        /// The second answer, in short.
        answer: String,
    },
    /// The office did not answer each command.
    #[error("{asked} commands were asked and {answered} answered")]
    AnswersMissing {
        /// How many were asked.
        asked: usize,
        /// How many answers came.
        answered: usize,
    },
}

impl<E> DayError<E> {
    pub(crate) fn refused(at: Timestamp, command: &Command, refusal: Refusal) -> DayError<E> {
        DayError::Refused { at, command: in_short(command), refusal }
    }

    pub(crate) fn not_repeated(command: &Command, answer: &Answer) -> DayError<E> {
        DayError::NotRepeated { command: in_short(command), answer: in_short(answer) }
    }
}

/// Characters of a command in an error at the most: it may name a thousand parcels.
const IN_SHORT_CHARACTERS_MAX: usize = 240;

fn in_short(what: &impl Debug) -> String {
    let long = format!("{what:?}");
    let mut short: String = long.chars().take(IN_SHORT_CHARACTERS_MAX).collect();
    if short.len() < long.len() {
        short.push('…');
    }
    short
}
