//! Continues an interrupted day.

use books::Timestamp;
use engine::{CommandOutcome, Engine, Submission};
use switch::{Query, QueryResult};

use crate::backend::{Backend, BackendReply};

/// A position of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnginePosition {
    /// The engine's fingerprint; every command carried out changes it.
    pub fingerprint: u64,
    /// Time of the last command carried out.
    pub last_at: Timestamp,
}

impl EnginePosition {
    /// The position of an engine.
    #[must_use]
    pub fn of(engine: &Engine) -> EnginePosition {
        EnginePosition { fingerprint: engine.fingerprint(), last_at: engine.last_at() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ResumeDayError<E> {
    #[error("{0}")]
    Backend(E),
    /// The books do not contain the beginning of this day.
    #[error(
        "the books do not contain the beginning of this day: the orders, the seed, the options or \
         the version of the program differ"
    )]
    AnotherDay,
}

/// A backend whose books already contain earlier days, or the beginning of the day.
///
/// The days run again from the start of the first. A second engine, in the state of the books
/// before that day, answers their commands until it reaches the position of the books; from then on
/// the backend answers. The day may have been interrupted at any command, also within a call. Until
/// then nothing is written: files wait, so that a day of other books leaves no trace.
#[derive(Debug)]
pub struct ResumedDay<O> {
    backend: O,
    target: EnginePosition,
    /// `Some` until it reaches the position of the books.
    replay_engine: Option<Box<Engine>>,
    /// Files to store, by name, when the position is reached.
    waiting_files: Vec<(String, String)>,
    /// By day: what others gave to the books before it.
    others: Vec<Vec<(Timestamp, Submission)>>,
}

impl<O: Backend> ResumedDay<O> {
    /// `before` is an engine in the state before the day: a new one if the journal begins with the
    /// day. `target` is the position of the office's books.
    #[must_use]
    pub fn new(backend: O, before: Engine, target: EnginePosition) -> ResumedDay<O> {
        let second = Some(before).filter(|before| EnginePosition::of(before) != target);
        let replay_engine = second.map(Box::new);
        let (waiting_files, others) = (Vec::new(), Vec::new());
        ResumedDay { backend, target, replay_engine, waiting_files, others }
    }

    /// Adds what others gave to the books before each day, by the index of the day.
    #[must_use]
    pub fn with_others(self, others: Vec<Vec<(Timestamp, Submission)>>) -> ResumedDay<O> {
        ResumedDay { others, ..self }
    }

    /// Whether the day has reached the position of the books, so that commands go to the backend.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.replay_engine.is_none()
    }

    /// Returns the backend after the day.
    ///
    /// # Errors
    /// The books contain more than this day.
    pub fn finish(self) -> Result<O, ResumeDayError<O::Error>> {
        if self.is_replayed() { Ok(self.backend) } else { Err(ResumeDayError::AnotherDay) }
    }

    /// Answers the commands that the books already contain.
    fn replay(
        &mut self,
        commands: &mut std::vec::IntoIter<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, ResumeDayError<O::Error>> {
        let mut answers = Vec::new();
        let mut out = CommandOutcome::default();
        while let Some(second) = &mut self.replay_engine {
            let Some((at, command)) = commands.next() else { break };
            let answer = second.apply(&command, at, &mut out);
            let answer = answer.map(|_| out.take_events().books);
            let answer = answer.map_err(engine::Refusal::into_books);
            let here = EnginePosition::of(second);
            answers.push(answer);
            if here == self.target {
                self.replay_engine = None;
            } else if here.last_at > self.target.last_at {
                return Err(ResumeDayError::AnotherDay);
            }
        }
        Ok(answers)
    }
}

impl<O: Backend> Backend for ResumedDay<O> {
    type Error = ResumeDayError<O::Error>;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Self::Error> {
        let mut commands = commands.into_iter();
        let mut answers = self.replay(&mut commands)?;
        if self.is_replayed() {
            for (name, text) in self.waiting_files.drain(..) {
                self.backend.store_file(&name, text).map_err(ResumeDayError::Backend)?;
            }
        }
        let rest: Vec<(Timestamp, Submission)> = commands.collect();
        if !rest.is_empty() {
            answers.extend(self.backend.carry_out(rest).map_err(ResumeDayError::Backend)?);
        }
        Ok(answers)
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, Self::Error> {
        match &self.replay_engine {
            Some(second) => {
                Ok(questions.into_iter().map(|one| one.answer(second.books())).collect())
            }
            None => self.backend.query(questions).map_err(ResumeDayError::Backend),
        }
    }

    fn store_file(&mut self, name: &str, text: String) -> Result<String, Self::Error> {
        if !self.is_replayed() {
            self.waiting_files.push((name.to_owned(), text.clone()));
            return Ok(text);
        }
        self.backend.store_file(name, text).map_err(ResumeDayError::Backend)
    }

    fn begin_day(&mut self, index: usize) -> Result<(), Self::Error> {
        let others = self.others.get_mut(index).map(std::mem::take).unwrap_or_default();
        if self.is_replayed() {
            return Ok(());
        }
        let mut others = others.into_iter();
        let answers = self.replay(&mut others)?;
        let is_known = answers.iter().all(Result::is_ok) && others.len() == 0;
        if is_known { Ok(()) } else { Err(ResumeDayError::AnotherDay) }
    }

    fn is_replaying(&self) -> bool {
        !self.is_replayed()
    }
}
