//! Reading the journal back into an engine: at every start, and for an auditor from zero.

use std::sync::mpsc::sync_channel;

use engine::{Digest, Engine, Event, Outcome, Timestamp};
use journal::{Batch, Batches, Head, JournalError, ReadJournal, Sequence};

use crate::batch::{BatchError, Reader};
use crate::core::WARM_COMMANDS;

/// Bytes of batches in memory at a time.
const PAGE_BYTES: usize = 4 << 20;
/// Batches that are read ahead.
const AHEAD: usize = 16;

/// Why a journal could not be replayed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A batch is not what a node writes.
    #[error(
        "batch {sequence} of the journal is damaged or newer: {error}. Nothing was changed; \
             restore the data directory from a copy, or use a newer program"
    )]
    Batch {
        /// Which.
        sequence: Sequence,
        /// Why.
        error: BatchError,
    },
    /// The engine refuses what an engine carried out before (M11).
    #[error(
        "M11: batch {sequence}, command {command}: the engine refuses what was carried out before \
         ({refusal}). The journal was written by another version; use that one, and report this"
    )]
    Refused {
        /// Which batch.
        sequence: Sequence,
        /// Which command in it, counted from 1.
        command: u32,
        /// Why.
        refusal: engine::Refusal,
    },
    /// The books differ from what they were (M11).
    #[error(
        "M11: after batch {sequence} the books differ from what they were. The journal was \
             written by another version; use that one, and report this"
    )]
    Differs {
        /// Which batch.
        sequence: Sequence,
    },
    /// Whoever watches wants no more.
    #[error("{0}")]
    Stopped(String),
}

/// What was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many batches.
    pub batches: u64,
    /// How many commands.
    pub commands: u64,
    /// How many postings moved money.
    pub legs: u64,
    /// Where the journal ends.
    pub head: Head,
}

/// Sees what is replayed. All of it has a default that looks at nothing.
pub trait Watcher {
    /// A command was carried out again.
    ///
    /// # Errors
    /// To end the replay.
    fn command(
        &mut self,
        _command: &engine::Command,
        _at: Timestamp,
        _outcome: &Outcome,
        _engine: &Engine,
    ) -> Result<(), String> {
        Ok(())
    }

    /// A batch is done.
    ///
    /// # Errors
    /// To end the replay.
    fn batch(&mut self, _sequence: Sequence, _engine: &Engine) -> Result<(), String> {
        Ok(())
    }
}

/// Looks at nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {}

/// Carries out again what follows `from` in the journal. A second thread reads and checks the
/// batches meanwhile.
///
/// # Errors
/// What is wrong with the journal.
pub fn replay<J: ReadJournal + ?Sized>(
    journal: &mut J,
    from: Head,
    engine: &mut Engine,
    watcher: &mut dyn Watcher,
) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed { head: from, ..Replayed::default() };
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Result<Batch, JournalError>>(AHEAD);
        scope.spawn(move || {
            for batch in Batches::after(journal, from, PAGE_BYTES) {
                // The replay may have ended early; then nobody listens.
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        for batch in batches {
            let batch = batch?;
            replay_batch(&batch, engine, &mut outcome, watcher, &mut replayed)?;
        }
        Ok(replayed)
    })
}

fn replay_batch(
    batch: &Batch,
    engine: &mut Engine,
    outcome: &mut Outcome,
    watcher: &mut dyn Watcher,
    replayed: &mut Replayed,
) -> Result<(), ReplayError> {
    let sequence = batch.sequence;
    let damaged = |error| ReplayError::Batch { sequence, error };
    let mut reader = Reader::new(&batch.payload).map_err(damaged)?;
    let mut command = 0;
    let mut next = Vec::with_capacity(WARM_COMMANDS);
    loop {
        next.clear();
        while next.len() < WARM_COMMANDS
            && let Some(decoded) = reader.next_command().map_err(damaged)?
        {
            next.push(decoded);
        }
        if next.is_empty() {
            break;
        }
        engine.warm(next.iter().map(|(_, command)| command));
        for (at, decoded) in &next {
            command += 1;
            let done = engine.apply(decoded, *at, outcome);
            done.map_err(|refusal| ReplayError::Refused { sequence, command, refusal })?;
            let moved = outcome.postings.iter().filter(|posting| posting.moved()).count();
            replayed.legs += moved as u64;
            watcher.command(decoded, *at, outcome, engine).map_err(ReplayError::Stopped)?;
        }
    }
    if reader.fingerprint() != engine.fingerprint() {
        return Err(ReplayError::Differs { sequence });
    }
    replayed.batches += 1;
    replayed.commands += u64::from(command);
    replayed.head = batch.head();
    watcher.batch(sequence, engine).map_err(ReplayError::Stopped)
}

/// What an auditor's replay found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What was replayed.
    pub replayed: Replayed,
    /// The digest of the books at the end.
    pub digest: Digest,
    /// The snapshots that were compared.
    pub snapshots: Vec<Sequence>,
    /// What is wrong, in a line each; nothing where all is well.
    pub wrong: Vec<String>,
}

struct Auditor<'s> {
    /// What each snapshot says, by the batch that it reflects; or why it cannot be read.
    snapshots: &'s std::collections::BTreeMap<Sequence, Result<Digest, String>>,
    wrong: Vec<String>,
    compared: Vec<Sequence>,
    paid: std::collections::BTreeSet<engine::PayoutId>,
}

impl Watcher for Auditor<'_> {
    fn command(
        &mut self,
        _: &engine::Command,
        _: Timestamp,
        outcome: &Outcome,
        _: &Engine,
    ) -> Result<(), String> {
        for event in &outcome.events {
            if let Event::PayoutConfirmed { payout, .. } = event
                && !self.paid.insert(*payout)
            {
                self.wrong.push(format!("M7: payout {} arrived twice", payout.0));
            }
        }
        Ok(())
    }

    fn batch(&mut self, sequence: Sequence, engine: &Engine) -> Result<(), String> {
        match self.snapshots.get(&sequence) {
            None => return Ok(()),
            Some(Err(why)) => self.wrong.push(format!("snapshot {sequence}: {why}")),
            Some(Ok(digest)) => {
                let own = engine.digest();
                if own != *digest {
                    let what = format!("snapshot {sequence} says {digest}, the journal {own}");
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

/// Replays the whole journal from zero, compares the books with every snapshot on the way, and
/// checks every rule at each of them and at the end.
///
/// # Errors
/// Where the journal itself cannot be replayed.
pub fn verify<J: ReadJournal + ?Sized>(
    journal: &mut J,
    snapshots: &std::collections::BTreeMap<Sequence, Result<Digest, String>>,
) -> Result<(Verdict, Engine), ReplayError> {
    let mut engine = Engine::default();
    let mut auditor = Auditor {
        snapshots,
        wrong: Vec::new(),
        compared: Vec::new(),
        paid: std::collections::BTreeSet::new(),
    };
    let replayed = replay(journal, Head::default(), &mut engine, &mut auditor)?;
    let Auditor { mut wrong, compared, .. } = auditor;
    for sequence in snapshots.keys().filter(|sequence| **sequence > replayed.head.sequence) {
        wrong.push(format!("M10: snapshot {sequence} is ahead of the journal"));
    }
    if let Err(more) = engine.check() {
        wrong.extend(more.into_iter().filter(|line| !wrong.contains(line)).collect::<Vec<_>>());
    }
    let digest = engine.digest();
    Ok((Verdict { replayed, digest, snapshots: compared, wrong }, engine))
}
