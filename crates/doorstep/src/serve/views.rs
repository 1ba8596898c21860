//! The SQL views, kept at the journal's end while Doorstep serves.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ::views::{FollowedViews, Place, ViewError};

use super::notice;
use crate::chinese;
use crate::words::Lang;

/// After a failure: a full disk, views of another journal.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A thread that writes the views. Its failures are logged, and harm nothing else.
pub struct ViewsFollower {
    stop: Arc<AtomicBool>,
    /// Dropped to end a wait.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ViewsFollower {
    /// `reached` gets the last batch of the journal that the views have.
    pub fn start(
        data: &Path,
        place: Place,
        reached: Arc<AtomicU64>,
    ) -> std::io::Result<ViewsFollower> {
        let (stop, data) = (Arc::new(AtomicBool::new(false)), data.to_owned());
        let stopped = stop.clone();
        let (end, ended) = channel::<()>();
        let thread =
            std::thread::Builder::new().name("doorstep-views".into()).spawn(move || {
                let mut said = String::new();
                while !stopped.load(Ordering::Relaxed) {
                    let Err(error) = follow(&data, &place, &stopped, &reached) else { return };
                    let why = chinese::error(&error, Lang::current());
                    // Said once, not every second.
                    if why != said {
                        tracing::error!(target: "views", why, "the views do not follow");
                        said = why;
                    }
                    // Ends at once when the sender is dropped.
                    let _ = ended.recv_timeout(TRY_AGAIN_AFTER);
                }
            })?;
        Ok(ViewsFollower { stop, end: Some(end), thread: Some(thread) })
    }
}

fn follow(
    data: &Path,
    place: &Place,
    stop: &AtomicBool,
    reached: &AtomicU64,
) -> Result<(), ViewError> {
    let mut views = FollowedViews::open(data, place, &notice)?;
    reached.store(views.checkpoint().head.sequence.number(), Ordering::Relaxed);
    let mut is_first = true;
    views.follow(stop, &mut |batch| {
        reached.store(batch, Ordering::Relaxed);
        if std::mem::take(&mut is_first) {
            tracing::info!(target: "views", batch, "the views follow the journal");
        }
    })
}

impl Drop for ViewsFollower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}
