//! Readers of the views, and the last writes of principals, who read what they wrote.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use engine::Actor;
use node::JournalPosition;
use tokio::sync::{Semaphore, SemaphorePermit};
use views::Place;
use views::read::ViewReader;

use crate::limits::{QUESTIONS_MAX, WRITERS_MAX};
use crate::problem::{Problem, ProblemKind};

/// Connections to the views that are free.
pub(crate) struct ViewReaders {
    /// `None` if no views are written.
    place: Option<Place>,
    free: Mutex<Vec<ViewReader>>,
    questions: Semaphore,
}

impl ViewReaders {
    pub fn new(place: Option<Place>) -> ViewReaders {
        let questions = Semaphore::new(QUESTIONS_MAX);
        ViewReaders { place, free: Mutex::default(), questions }
    }

    /// Waits until one question more may be asked on a worker, while what it gives is held.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.questions.acquire().await.map_err(Problem::internal)
    }

    /// # Errors
    /// There are no views, or they cannot be read now.
    pub fn take(&self) -> Result<ViewReader, Problem> {
        if let Some(reader) = self.free() {
            return Ok(reader);
        }
        let unavailable = || Problem::from(ProblemKind::ViewsUnavailable).retry_after(5);
        let place = self.place.as_ref().ok_or_else(unavailable)?;
        ViewReader::open(place).map_err(|error| unavailable().caused_by(error.to_string()))
    }

    /// A connection that is open and free.
    pub fn free(&self) -> Option<ViewReader> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A server that went away broke the connections of all, not only of who noticed.
    pub fn close_free(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn give_back(&self, reader: ViewReader) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < QUESTIONS_MAX {
            free.push(reader);
        }
    }
}

/// The position of each principal's last write.
#[derive(Default)]
pub(crate) struct Writers(Mutex<HashMap<Actor, u64>>);

impl Writers {
    /// The position that a principal wrote last.
    pub fn of(&self, actor: Actor) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&actor).copied()
    }

    pub fn wrote(&self, actor: Actor, position: JournalPosition) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= WRITERS_MAX && !all.contains_key(&actor) {
            // The views have long reached what others wrote before.
            all.clear();
        }
        let last = all.entry(actor).or_default();
        *last = position.0.max(*last);
    }
}
