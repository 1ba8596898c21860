//! Commands as they were given, read from the journal without applying them.

use std::path::Path;

use ::books::{AnnounceParcel, Command};
use engine::{Submission, Timestamp};
use journal::{JournalBatches, JournalHead};
use node::batch::BatchReader;
use node::replay::ReplayError;

use crate::ReportError;
use crate::books::open_to_read;

/// Batches read from the journal at a time.
const PAGE_BYTES: usize = 4 << 20;

/// Calls `each` with all announcements in the journal of a data directory, also of parcels that are
/// forgotten, and not of those that a checkout announces. Another process may be changing it.
pub fn read_announcements(
    path: &Path,
    each: &mut dyn FnMut(&AnnounceParcel),
) -> Result<(), ReportError> {
    read_submissions(path, &mut |_, submission| {
        if let Some(Command::AnnounceParcel(announced)) = submission.command.of_books() {
            each(announced);
        }
    })
}

/// Calls `each` with all commands in the journal of a data directory.
pub fn read_submissions(
    path: &Path,
    each: &mut dyn FnMut(Timestamp, &Submission),
) -> Result<(), ReportError> {
    let (_directory, mut journal) = open_to_read(path)?;
    for batch in JournalBatches::after(&mut journal, JournalHead::default(), PAGE_BYTES) {
        let batch = batch.map_err(ReplayError::Journal)?;
        let damaged = |error| ReplayError::Batch { sequence: batch.sequence, error };
        let mut commands = BatchReader::new(&batch.payload).map_err(damaged)?;
        while let Some((at, submission)) = commands.next_command().map_err(damaged)? {
            each(at, &submission);
        }
    }
    Ok(())
}
