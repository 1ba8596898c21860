//! The books at the end of a journal, without reading all of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use books::{Books, BusinessDate, Command, CommandMoment, DAY_MS, ParcelId};
use engine::{Engine, Submission, Timestamp};
use journal::{JournalBatch, JournalBatches, ReadJournal, Sequence, SharedDirectory, SqliteReader};
use node::batch::{BatchReader, JournalBatchError};
use node::recovery::{Recovery, recover};
use node::replay::ReplayError;
use node::{Clock, NodeNotice, SystemClock};

use crate::commands::{NamedIds, Parties, json};
use crate::{CommandPosition, FieldTypes, RecordedCommand, ReportError};

/// Bytes of batches held while commands are looked for.
const PAGE_BYTES: usize = 1;
/// Batches by which a search goes back in the journal.
const BATCHES_BACK: u64 = 64;
/// Bytes in which orders are searched: a list of a few parcels must not cost the whole journal.
const SEARCHED_BYTES: usize = 8 << 20;
/// The same for each parcel of a long list.
const SEARCHED_BYTES_EACH: usize = 64 << 10;
/// Bytes of batches held while they are read.
const BACK_PAGE_BYTES: usize = 4 << 20;
/// Trial books whose last command is older are those of simulated days, which have their own time.
const TRIAL_AGE_DAYS_MAX: u64 = 366;

/// The books of a data directory at the end of its journal. Another process may be changing them.
#[derive(Debug)]
pub struct BooksAtHead {
    pub engine: Engine,
    pub recovery: Recovery,
    journal: SqliteReader,
    _directory: SharedDirectory,
}

impl BooksAtHead {
    /// Loads the newest snapshot and applies the rest of the journal.
    pub fn read(data: &Path, on_notice: &dyn Fn(NodeNotice)) -> Result<BooksAtHead, ReportError> {
        let directory = journal::DataDirectory::open_shared(data)?;
        let mut journal = directory.journal()?;
        let (engine, recovery, _) = recover(&mut journal, &directory.snapshots()?, on_notice)?;
        Ok(BooksAtHead { engine, recovery, journal, _directory: directory })
    }

    #[must_use]
    pub fn books(&self) -> &Books {
        self.engine.books()
    }

    /// The business date of the clock, in the time zone of the books: the day for which the books
    /// are shown. Of simulated days that of the last command.
    #[must_use]
    pub fn today(&self) -> BusinessDate {
        let (books, now) = (self.books(), SystemClock.now());
        let age_days = now.0.saturating_sub(self.engine.last_at().0) / DAY_MS;
        let is_simulated = books.is_trial() && age_days > TRIAL_AGE_DAYS_MAX;
        match books.utc_offset_minutes_at(now) {
            Some(offset) if !is_simulated => now.business_date(offset).max(books.last_date()),
            _ => books.last_date(),
        }
    }

    /// The last batch.
    #[must_use]
    pub fn batch(&self) -> Sequence {
        self.recovery.replayed.head.sequence
    }

    /// The orders of parcels, as they were announced. Reads the journal back from its end until
    /// all are found, but not more than fits what is wanted.
    pub(crate) fn orders(
        &mut self,
        mut wanted: BTreeSet<ParcelId>,
    ) -> Result<BTreeMap<ParcelId, String>, ReportError> {
        let mut found = BTreeMap::new();
        let mut end = self.batch().number() + 1;
        let mut bytes = 0;
        let bytes_max = SEARCHED_BYTES.max(wanted.len().saturating_mul(SEARCHED_BYTES_EACH));
        while !wanted.is_empty() && bytes < bytes_max && end > Sequence::FIRST.number() {
            let begin = end.saturating_sub(BATCHES_BACK).max(Sequence::FIRST.number());
            let pages =
                JournalBatches::new(&mut self.journal, Sequence::new(begin), BACK_PAGE_BYTES);
            let count = usize::try_from(end - begin).unwrap_or(usize::MAX);
            for batch in pages.take(count) {
                let batch = batch?;
                bytes += batch.payload.len();
                read_batch(&batch, |reader| {
                    while let Some((_, submission)) = reader.next_command()? {
                        let announced = match submission.command.of_books() {
                            Some(Command::AnnounceParcel(announced)) => announced,
                            _ => continue,
                        };
                        if wanted.remove(&announced.parcel) {
                            found.insert(announced.parcel, announced.reference.clone());
                        }
                    }
                    Ok(())
                })?;
            }
            end = begin;
        }
        Ok(found)
    }

    /// Finds commands in the journal. Reads only the batches around their times.
    pub(crate) fn commands(
        &mut self,
        moments: impl IntoIterator<Item = CommandMoment>,
    ) -> Result<BTreeMap<CommandMoment, RecordedCommand>, ReportError> {
        let wanted: BTreeSet<CommandMoment> = moments.into_iter().collect();
        let types = FieldTypes::declared();
        let mut parties = Parties::default();
        parties.update(&self.engine);
        let mut search = BatchSearch::new(&mut self.journal, self.recovery.replayed.head.sequence);
        let named = NamedIds { parties: &parties, engine: &self.engine, filter: None };
        let mut found = BTreeMap::new();
        let mut each = |moment: CommandMoment, position, submission: &Submission| {
            let name = submission.command.name();
            let command_type = types.of(name).expect("the journal's commands are declared");
            let offset = self.engine.books().utc_offset_minutes_at(moment.at).unwrap_or(0);
            let place = (position, moment.at, moment.at.business_date(offset));
            let fields = json(&submission.command);
            found.insert(moment, named.recorded(submission, place, command_type, fields));
        };
        let mut left: VecDeque<_> = wanted.into_iter().collect();
        while let Some(first) = left.front().copied() {
            search.find_from(first.at, &mut left, &mut each)?;
        }
        Ok(found)
    }
}

/// Finds batches by the times of their commands, which never go back.
pub(crate) struct BatchSearch<'j> {
    journal: &'j mut SqliteReader,
    end: Sequence,
    /// When the batches that were read begin.
    begins: BTreeMap<Sequence, Timestamp>,
}

impl<'j> BatchSearch<'j> {
    pub(crate) fn new(journal: &'j mut SqliteReader, end: Sequence) -> BatchSearch<'j> {
        BatchSearch { journal, end, begins: BTreeMap::new() }
    }

    /// The last batch that begins before a time; the first batch if none does.
    pub(crate) fn last_before(&mut self, at: Timestamp) -> Result<Sequence, ReportError> {
        let (mut low, mut high) = (Sequence::FIRST.number(), self.end.number());
        while low < high {
            let middle = high - (high - low) / 2;
            match self.begins_at(Sequence::new(middle))? < at {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        Ok(Sequence::new(low))
    }

    fn begins_at(&mut self, sequence: Sequence) -> Result<Timestamp, ReportError> {
        if let Some(at) = self.begins.get(&sequence) {
            return Ok(*at);
        }
        let batches = self.journal.read(sequence, PAGE_BYTES)?;
        let at = match batches.first() {
            Some(batch) => read_batch(batch, |reader| Ok(reader.begun_at()))?,
            None => Timestamp(u64::MAX),
        };
        self.begins.insert(sequence, at);
        Ok(at)
    }

    /// Takes from the front of `wanted` the command of the time `at`, and what else is in the
    /// batches that it reads.
    fn find_from(
        &mut self,
        at: Timestamp,
        wanted: &mut VecDeque<CommandMoment>,
        each: &mut dyn FnMut(CommandMoment, CommandPosition, &Submission),
    ) -> Result<(), ReportError> {
        let start = self.last_before(at)?;
        let (mut moment, before) = (CommandMoment::default(), wanted.len());
        for batch in JournalBatches::new(self.journal, start, PAGE_BYTES) {
            let batch = batch?;
            read_batch(&batch, |reader| {
                let mut index = 0;
                while let Some((at, submission)) = reader.next_command()? {
                    index += 1;
                    moment = moment.next(at);
                    if wanted.front() == Some(&moment) {
                        wanted.pop_front();
                        let position = CommandPosition { batch: batch.sequence, index };
                        each(moment, position, &submission);
                    }
                }
                Ok(())
            })?;
            match wanted.front() {
                None => return Ok(()),
                Some(next) if *next <= moment => {
                    return Err(ReportError::NoSuchCommand { at: next.at.0 });
                }
                // Another search may skip batches, but not begin among the commands of one time.
                Some(next) if next.at > moment.at && wanted.len() < before => return Ok(()),
                Some(_) => {}
            }
        }
        let at = wanted.front().map_or(at, |next| next.at);
        Err(ReportError::NoSuchCommand { at: at.0 })
    }
}

fn read_batch<T>(
    batch: &JournalBatch,
    read: impl FnOnce(&mut BatchReader<'_>) -> Result<T, JournalBatchError>,
) -> Result<T, ReplayError> {
    BatchReader::new(&batch.payload)
        .and_then(|mut reader| read(&mut reader))
        .map_err(|error| ReplayError::Batch { sequence: batch.sequence, error })
}
