//! Files that are overdue: by the calendar their day is past, and nobody gave them. Looked for while
//! Doorstep serves, for the page of metrics and for notices.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::Engine;
use node::{Clock, NodeClient, SystemClock};
use reports::{ExpectedArrivals, OverdueFile, overdue_files};

use super::reload::CurrentCalendar;

/// How often it looks. What is due is due by the day.
const ROUND: Duration = Duration::from_secs(300);

/// What was overdue when it was looked at last. `None`: it was not looked at yet.
pub type OverdueFiles = Arc<Mutex<Option<Vec<OverdueFile>>>>;

/// The files that are overdue, as far as is known.
pub fn known(files: &OverdueFiles) -> Option<Vec<OverdueFile>> {
    files.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A thread that looks for overdue files.
pub struct OverdueWatch {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OverdueWatch {
    pub fn start(
        client: NodeClient,
        calendar: CurrentCalendar,
        found: OverdueFiles,
    ) -> std::io::Result<OverdueWatch> {
        let (stop, stopped) = channel::<()>();
        let thread =
            std::thread::Builder::new().name("doorstep-overdue".into()).spawn(move || {
                loop {
                    let by = calendar.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let look = move |engine: &Engine| {
                        let books = engine.books();
                        let now = SystemClock.now().max(books.last_at());
                        let offset = books.utc_offset_minutes_at(now).unwrap_or_default();
                        let today = now.business_date(offset);
                        let arrivals = ExpectedArrivals::new(books, by.as_ref(), today);
                        overdue_files(&arrivals.list())
                    };
                    // The node says elsewhere why it stopped.
                    let Ok((files, _)) = client.query(look) else { break };
                    for one in &files {
                        let (lane, sender, day) = (one.lane, &*one.sender, &*one.file_day);
                        tracing::debug!(target: "overdue", lane, sender, day, "file missing");
                    }
                    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
                    if stopped.recv_timeout(ROUND) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            })?;
        Ok(OverdueWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for OverdueWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}
