//! Replays the journal: after the newest snapshot at each start, and from the first batch to verify
//! it.

use std::sync::mpsc::sync_channel;

use engine::{Applied, CommandOutcome, Digest, Engine, Submission, Timestamp};
use journal::{JournalBatch, JournalBatches, JournalError, JournalHead, ReadJournal, Sequence};

use crate::batch::{BatchReader, JournalBatchError};
use crate::options::PREFETCH_COMMANDS;

/// Batches read from the journal at a time.
const PAGE_BYTES: usize = 4 << 20;
/// Batches read ahead.
const AHEAD: usize = 16;

/// Why a journal could not be replayed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A batch does not have the layout that a node writes.
    #[error(
        "batch {sequence} of the journal is damaged or newer: {error}. Nothing was changed; \
         restore the data directory from a copy, or use a newer program"
    )]
    Batch { sequence: Sequence, error: JournalBatchError },
    /// The engine refuses a command that it applied before (M11).
    #[error(
        "M11: batch {sequence}, command {command}: the engine refuses a command that was applied \
         before ({refusal}). Another version wrote the journal; use that version, and report this"
    )]
    Refused {
        sequence: Sequence,
        /// In the batch, from 1.
        command: u32,
        refusal: engine::Refusal,
    },
    /// The books differ from those of the engine that wrote the batch (M11).
    #[error(
        "M11: after batch {sequence} the books differ from those that were written. Another \
         version wrote the journal; use that version, and report this"
    )]
    BooksDiffer { sequence: Sequence },
    /// The observer ended the replay.
    #[error("{0}")]
    ObserverStopped(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayTotals {
    pub batches: u64,
    pub commands: u64,
    /// The end of the journal.
    pub head: JournalHead,
}

/// Observes a replay. An error from a method ends the replay. The default methods do nothing.
pub trait ReplayObserver {
    /// A command was applied again.
    fn command(
        &mut self,
        _submission: &Submission,
        _at: Timestamp,
        _outcome: &CommandOutcome,
        _engine: &Engine,
    ) -> Result<(), String> {
        Ok(())
    }

    /// All commands of a batch were applied again.
    fn batch(&mut self, _head: JournalHead, _engine: &Engine) -> Result<(), String> {
        Ok(())
    }
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl ReplayObserver for NoObserver {}

/// Applies again what follows `from` in the journal. A second thread reads and checks the batches
/// ahead.
pub fn replay<J: ReadJournal + ?Sized>(
    journal: &mut J,
    from: JournalHead,
    engine: &mut Engine,
    observer: &mut dyn ReplayObserver,
) -> Result<ReplayTotals, ReplayError> {
    let mut replayed = ReplayTotals { head: from, ..ReplayTotals::default() };
    let mut outcome = CommandOutcome::default();
    std::thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Result<JournalBatch, JournalError>>(AHEAD);
        scope.spawn(move || {
            for batch in JournalBatches::after(journal, from, PAGE_BYTES) {
                // The replay may have ended early.
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        for batch in batches {
            let batch = batch?;
            replay_batch(&batch, engine, &mut outcome, observer, &mut replayed)?;
        }
        Ok(replayed)
    })
}

fn replay_batch(
    batch: &JournalBatch,
    engine: &mut Engine,
    outcome: &mut CommandOutcome,
    observer: &mut dyn ReplayObserver,
    replayed: &mut ReplayTotals,
) -> Result<(), ReplayError> {
    let sequence = batch.sequence;
    let damaged = |error| ReplayError::Batch { sequence, error };
    let mut reader = BatchReader::new(&batch.payload).map_err(damaged)?;
    let mut command = 0;
    let mut next = Vec::with_capacity(PREFETCH_COMMANDS);
    loop {
        next.clear();
        while next.len() < PREFETCH_COMMANDS
            && let Some(decoded) = reader.next_command().map_err(damaged)?
        {
            next.push(decoded);
        }
        if next.is_empty() {
            break;
        }
        engine.prefetch(next.iter().map(|(_, submission)| submission));
        for (at, decoded) in &next {
            command += 1;
            let done = engine.apply(decoded, *at, outcome);
            let applied =
                done.map_err(|refusal| ReplayError::Refused { sequence, command, refusal })?;
            if applied != Applied::CarriedOut {
                return Err(ReplayError::BooksDiffer { sequence });
            }
            observer
                .command(decoded, *at, outcome, engine)
                .map_err(ReplayError::ObserverStopped)?;
        }
    }
    if reader.fingerprint() != engine.fingerprint() {
        return Err(ReplayError::BooksDiffer { sequence });
    }
    replayed.batches += 1;
    replayed.commands += u64::from(command);
    replayed.head = batch.head();
    observer.batch(batch.head(), engine).map_err(ReplayError::ObserverStopped)
}

/// The result of [`verify`].
#[derive(Clone, Debug)]
pub struct VerifyReport {
    pub replayed: ReplayTotals,
    /// The digest of the books at the end.
    pub digest: Digest,
    /// The snapshots that were compared.
    pub snapshots: Vec<Sequence>,
    /// One line for each violation; empty if there is none.
    pub violations: Vec<String>,
}

struct Verifier<'s> {
    /// The digest of each snapshot, by the batch that it reflects, or why it cannot be read.
    snapshots: &'s std::collections::BTreeMap<Sequence, Result<Digest, String>>,
    wrong: Vec<String>,
    compared: Vec<Sequence>,
    observer: &'s mut dyn ReplayObserver,
}

impl ReplayObserver for Verifier<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.observer.command(submission, at, outcome, engine)
    }

    fn batch(&mut self, head: JournalHead, engine: &Engine) -> Result<(), String> {
        self.observer.batch(head, engine)?;
        let sequence = head.sequence;
        match self.snapshots.get(&sequence) {
            None => return Ok(()),
            Some(Err(why)) => self.wrong.push(format!("snapshot {sequence}: {why}")),
            Some(Ok(digest)) => {
                let own = engine.digest();
                if own != *digest {
                    let what = format!("snapshot {sequence} has {digest}, the journal {own}");
                    self.wrong.push(format!("M11: {what}"));
                }
                if let Err(wrong) = engine.check() {
                    self.wrong.extend(wrong);
                }
            }
        }
        self.compared.push(sequence);
        Ok(())
    }
}

/// Replays the whole journal from its first batch. Compares the books with every snapshot, and
/// checks every rule at each snapshot and at the end. `observer` sees each command: rules over the
/// whole journal are its own.
pub fn verify<J: ReadJournal + ?Sized>(
    journal: &mut J,
    snapshots: &std::collections::BTreeMap<Sequence, Result<Digest, String>>,
    observer: &mut dyn ReplayObserver,
) -> Result<(VerifyReport, Engine), ReplayError> {
    let mut engine = Engine::default();
    let mut verifier = Verifier { snapshots, wrong: Vec::new(), compared: Vec::new(), observer };
    let replayed = replay(journal, JournalHead::default(), &mut engine, &mut verifier)?;
    let Verifier { mut wrong, compared, .. } = verifier;
    for sequence in snapshots.keys().filter(|sequence| **sequence > replayed.head.sequence) {
        wrong.push(format!("M10: snapshot {sequence} is ahead of the journal"));
    }
    if let Err(more) = engine.check() {
        wrong.extend(more.into_iter().filter(|line| !wrong.contains(line)).collect::<Vec<_>>());
    }
    let digest = engine.digest();
    Ok((VerifyReport { replayed, digest, snapshots: compared, violations: wrong }, engine))
}
