//! The announcements of parcels, read from the journal without applying its commands.

use std::path::Path;

use ::books::{AnnounceParcel, Command};
use journal::{JournalBatches, JournalHead};
use node::batch::BatchReader;
use node::replay::ReplayError;

use crate::ReportError;
use crate::books::open_to_read;

/// Batches read from the journal at a time.
const PAGE_BYTES: usize = 4 << 20;

/// Calls `each` with all announcements in the journal of a data directory, also of parcels that are
/// forgotten. Another process may be changing it.
pub fn read_announcements(
    path: &Path,
    each: &mut dyn FnMut(&AnnounceParcel),
) -> Result<(), ReportError> {
    let (_directory, mut journal) = open_to_read(path)?;
    for batch in JournalBatches::after(&mut journal, JournalHead::default(), PAGE_BYTES) {
        let batch = batch.map_err(ReplayError::Journal)?;
        let damaged = |error| ReplayError::Batch { sequence: batch.sequence, error };
        let mut commands = BatchReader::new(&batch.payload).map_err(damaged)?;
        while let Some((_, submission)) = commands.next_command().map_err(damaged)? {
            let engine::Command::Books(command) = &submission.command;
            if let Command::AnnounceParcel(announced) = command {
                each(announced);
            }
        }
    }
    Ok(())
}
