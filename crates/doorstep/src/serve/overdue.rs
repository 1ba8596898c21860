//! What is overdue: by the calendar its day is past, and nobody gave the file, or the file came
//! without it. It is looked for while Doorstep serves, for the console, the page of metrics and
//! notices.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::Engine;
use node::{Clock, NodeClient, SystemClock};
use reports::{ArrivalState, ExpectedArrivals, OverdueFile, overdue_files};
use web::OverdueArrivals;

use super::reload::CurrentCalendar;

/// How often it looks. What is due is due by the day.
const ROUND: Duration = Duration::from_secs(300);

/// The files that are overdue, as far as is known.
pub fn known(found: &OverdueArrivals) -> Option<Vec<OverdueFile>> {
    found.lock().unwrap_or_else(PoisonError::into_inner).as_deref().map(overdue_files)
}

/// Items by lane that the file of their day came without.
pub fn late_items(found: &OverdueArrivals) -> BTreeMap<&'static str, u32> {
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    let mut items = BTreeMap::new();
    for one in found.iter().flatten().filter(|one| one.state == ArrivalState::Late) {
        *items.entry(one.lane).or_default() += one.items;
    }
    items
}

/// A thread that looks for what is overdue.
pub struct OverdueWatch {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OverdueWatch {
    pub fn start(
        client: NodeClient,
        calendar: CurrentCalendar,
        found: OverdueArrivals,
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
                        let mut all = ExpectedArrivals::new(books, by.as_ref(), today).list();
                        all.retain(|one| one.state.is_overdue());
                        all
                    };
                    // The node says elsewhere why it stopped.
                    let Ok((all, _)) = client.query(look) else { break };
                    for one in overdue_files(&all) {
                        let (lane, sender, day) = (one.lane, &*one.sender, &*one.file_day);
                        tracing::debug!(target: "overdue", lane, sender, day, "file missing");
                    }
                    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(all);
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
