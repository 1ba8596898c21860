//! Threads that talk to the books. An answer waits for its batch to be durable, so many requests
//! are in work at once, each on a thread; more wait for one, and too many are refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use office::SignedInGiver;
use tokio::sync::Semaphore;

use crate::limits::{REQUESTS_MAX, WORKERS_MAX};
use crate::problem::{Problem, ProblemKind};

/// Makes the client of a new thread.
pub type MakeGiver = Box<dyn Fn() -> SignedInGiver + Send + Sync>;

struct Shared {
    make: MakeGiver,
    free: Mutex<Vec<SignedInGiver>>,
    permits: Arc<Semaphore>,
    requests: AtomicUsize,
}

/// Carries out what blocks.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

/// Counts a request as long as it lives.
pub struct Counted<'s>(&'s AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn busy() -> Problem {
    Problem::from(ProblemKind::Busy).retry_after(1)
}

impl Workers {
    #[must_use]
    pub fn new(make: MakeGiver) -> Workers {
        let (permits, free) = (Arc::new(Semaphore::new(WORKERS_MAX)), Mutex::default());
        Workers(Arc::new(Shared { make, free, permits, requests: AtomicUsize::new(0) }))
    }

    /// Counts a request that is in work.
    ///
    /// # Errors
    /// Too many are.
    pub fn begin(&self) -> Result<Counted<'_>, Problem> {
        let before = self.0.requests.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(&self.0.requests);
        if before < REQUESTS_MAX { Ok(counted) } else { Err(busy()) }
    }

    /// Runs a task on a thread, with a client of the books.
    ///
    /// # Errors
    /// Too many requests are in work.
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut SignedInGiver) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _counted = self.begin()?;
        let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| busy())?;
        let shared = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Also if the sender does not wait for the answer.
            let _permit = permit;
            let mut free = shared.free.lock().unwrap_or_else(PoisonError::into_inner);
            let giver = free.pop();
            drop(free);
            let mut giver = giver.unwrap_or_else(|| (shared.make)());
            let done = task(&mut giver);
            shared.free.lock().unwrap_or_else(PoisonError::into_inner).push(giver);
            done
        });
        done.await.map_err(Problem::internal)
    }
}
