//! The inbox: files that are put into a directory are taken while Doorstep serves.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use engine::Actor;
use node::NodeClient;
use office::OfficeError;
use office::inbox::{Inbox, InboxFile, InboxTaker, TakenFromInbox};
use office::take::{FileCompany, GivenFile, TakeRequest, Taking, TakingStopped};
use serde::Deserialize;

use crate::chinese;
use crate::words::{Lang, bilingual};

/// How often the directory is looked at.
const ROUND: Duration = Duration::from_secs(2);
/// Minutes for which a file waits for one that it belongs with.
const WAIT_MINUTES: u32 = 60;
const WAIT_MINUTES_MAX: u32 = 1_440;
/// Rounds between two looks at the entries that are expected: ten minutes.
const ROUNDS_PER_MATCH: u32 = 300;

/// The inbox of files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxForm {
    /// The directory into which files are put.
    pub directory: PathBuf,
    /// How long a file waits for one that it belongs with.
    pub wait_minutes: Option<u32>,
}

impl InboxForm {
    pub fn check(&self) -> anyhow::Result<()> {
        let minutes = self.wait_minutes.unwrap_or(WAIT_MINUTES);
        anyhow::ensure!(
            minutes <= WAIT_MINUTES_MAX,
            bilingual!(
                "inbox.wait_minutes = {minutes}: at most {WAIT_MINUTES_MAX}, a day",
                "inbox.wait_minutes = {minutes}：最多 {WAIT_MINUTES_MAX}，即一天"
            )
        );
        Ok(())
    }

    /// How long a file waits.
    pub fn wait(&self) -> Duration {
        Duration::from_secs(u64::from(self.wait_minutes.unwrap_or(WAIT_MINUTES)) * 60)
    }
}

/// A thread that takes the files of a directory.
pub struct InboxWatcher {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl InboxWatcher {
    /// # Errors
    /// The directory cannot be read or written.
    pub fn start(
        (directory, wait): (&Path, Duration),
        data: &Path,
        mut client: NodeClient,
    ) -> anyhow::Result<InboxWatcher> {
        let mut inbox = Inbox::open(directory, wait).with_context(|| {
            let directory = directory.display();
            bilingual!(
                "the inbox {directory} cannot be read or written; check that it is a directory \
                 of this user",
                "收件目录 {directory} 无法读写；请检查它是本用户的目录"
            )
        })?;
        let data = data.to_owned();
        let (stop, stopped) = channel::<()>();
        let thread =
            std::thread::Builder::new().name("doorstep-inbox".into()).spawn(move || {
                let mut rounds = 0;
                loop {
                    let mut taking = Taking {
                        client: &mut client,
                        data: &data,
                        by: Actor::System,
                        on_events: &mut |_| {},
                        chinese: |error| chinese::error(error, Lang::Zh),
                    };
                    if rounds == 0 && matches!(taking.match_expected(), Err(TakingStopped::Node(_)))
                    {
                        break;
                    }
                    rounds = (rounds + 1) % ROUNDS_PER_MATCH;
                    match round(&mut inbox, &mut taking) {
                        Ok(true) => {}
                        // The node says elsewhere why it stopped.
                        Ok(false) => break,
                        Err(error) => {
                            let reason = error.to_string();
                            tracing::warn!(target: "inbox", reason, "the inbox cannot be read");
                        }
                    }
                    if stopped.recv_timeout(ROUND) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            })?;
        Ok(InboxWatcher { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for InboxWatcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}

/// Takes files, and gives the reasons of a refusal in both languages.
struct Taker<'t, 'n> {
    taking: &'t mut Taking<'n>,
    runs: bool,
}

impl Taker<'_, '_> {
    fn told<T>(&mut self, done: Result<T, TakingStopped>) -> Option<Result<T, String>> {
        match done {
            Ok(done) => Some(Ok(done)),
            Err(TakingStopped::Refused(error)) => {
                let error = OfficeError::from(error);
                let words = [Lang::En, Lang::Zh].map(|lang| match lang {
                    Lang::En => error.to_string(),
                    Lang::Zh => chinese::error(&error, Lang::Zh),
                });
                Some(Err(words.join("\n\n")))
            }
            Err(TakingStopped::Node(_)) => {
                self.runs = false;
                None
            }
        }
    }
}

impl InboxTaker for Taker<'_, '_> {
    fn company(
        &mut self,
        request: &TakeRequest,
        file: &mut GivenFile,
    ) -> Option<Result<FileCompany, String>> {
        let found = self.taking.company_of(request, file);
        self.told(found)
    }

    fn take(&mut self, request: &TakeRequest, files: &mut [GivenFile]) -> Option<TakenFromInbox> {
        let taken = self.taking.take(request, files);
        self.told(taken)
    }
}

/// Takes what is there. `false`: the books have stopped.
fn round(inbox: &mut Inbox, taking: &mut Taking<'_>) -> std::io::Result<bool> {
    let mut taker = Taker { taking, runs: true };
    let done = inbox.round(&mut taker)?;
    let runs = taker.runs;
    for InboxFile { name, taken } in done {
        match taken {
            Ok(reports) => {
                let lines: u64 = reports.iter().map(|one| one.lines).sum();
                let breaks: u64 = reports.iter().map(|one| one.breaks).sum();
                tracing::info!(target: "inbox", file = name, lines, breaks, "taken");
            }
            Err(_) => {
                tracing::warn!(target: "inbox", file = name, "refused; the reason is beside it");
            }
        }
    }
    Ok(runs)
}
