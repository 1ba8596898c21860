//! Going on with a day that was interrupted.

use engine::{Command, Engine, Outcome, Timestamp};
use switch::{Fact, Question};

use crate::office::{Answer, Office};

/// How far the books have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The engine's fingerprint: it changes with every command that is carried out.
    pub fingerprint: u64,
    /// When the last command was carried out.
    pub last_at: Timestamp,
}

impl Standing {
    /// How far an engine has come.
    #[must_use]
    pub fn of(engine: &Engine) -> Standing {
        Standing { fingerprint: engine.fingerprint(), last_at: engine.last_at() }
    }
}

/// Why a day cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError<E> {
    /// The office failed.
    #[error("{0}")]
    Office(E),
    /// The books hold something else than the beginning of this day.
    #[error(
        "the books do not hold the beginning of this day: other orders, another seed, other \
         options or another version of the program"
    )]
    AnotherDay,
}

/// An office whose books hold the beginning of the day already.
///
/// The day is lived again from its start. Until it has come as far as the books, its commands are
/// answered by a second engine that starts where the books stood before the day; from then on by
/// the office. It makes no difference at which command the day was interrupted, or in the middle
/// of which call.
#[derive(Debug)]
pub struct Continued<O> {
    office: O,
    standing: Standing,
    /// There until it has caught up.
    second: Option<Box<Engine>>,
}

impl<O: Office> Continued<O> {
    /// `before` is an engine as the books stood before the day: a new one where the journal begins
    /// with it. `standing` is how far the office's books have come.
    #[must_use]
    pub fn new(office: O, before: Engine, standing: Standing) -> Continued<O> {
        let second = Some(before).filter(|before| Standing::of(before) != standing);
        Continued { office, standing, second: second.map(Box::new) }
    }

    /// Whether the day has come as far as the books had, so that commands go to the office.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        self.second.is_none()
    }

    /// The office, once the day is over.
    ///
    /// # Errors
    /// Where the books hold more than this day.
    pub fn finish(self) -> Result<O, ContinueError<O::Error>> {
        if self.has_caught_up() { Ok(self.office) } else { Err(ContinueError::AnotherDay) }
    }

    /// Answers what the books hold already: all commands up to the one with which it catches up.
    fn live_again(
        &mut self,
        commands: &mut std::vec::IntoIter<(Timestamp, Command)>,
    ) -> Result<Vec<Answer>, ContinueError<O::Error>> {
        let mut answers = Vec::new();
        let mut out = Outcome::default();
        while let Some(second) = &mut self.second {
            let Some((at, command)) = commands.next() else { break };
            let answer = second.apply(&command, at, &mut out);
            let answer = answer.map(|()| std::mem::take(&mut out.events));
            let here = Standing::of(second);
            answers.push(answer);
            if here == self.standing {
                self.second = None;
            } else if here.last_at > self.standing.last_at {
                return Err(ContinueError::AnotherDay);
            }
        }
        Ok(answers)
    }
}

impl<O: Office> Office for Continued<O> {
    type Error = ContinueError<O::Error>;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Command)>,
    ) -> Result<Vec<Answer>, Self::Error> {
        let mut commands = commands.into_iter();
        let mut answers = self.live_again(&mut commands)?;
        let rest: Vec<(Timestamp, Command)> = commands.collect();
        if !rest.is_empty() {
            answers.extend(self.office.carry_out(rest).map_err(ContinueError::Office)?);
        }
        Ok(answers)
    }

    fn ask(&mut self, questions: Vec<Question>) -> Result<Vec<Fact>, Self::Error> {
        match &self.second {
            Some(second) => Ok(questions.into_iter().map(|one| one.ask(second)).collect()),
            None => self.office.ask(questions).map_err(ContinueError::Office),
        }
    }

    fn keep(&mut self, name: &str, text: String) -> Result<String, Self::Error> {
        self.office.keep(name, text).map_err(ContinueError::Office)
    }
}
