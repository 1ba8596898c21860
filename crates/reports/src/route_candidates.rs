//! Why a card payment went to its network, as the journal has it: the books do not keep it.

use std::collections::BTreeSet;
use std::path::Path;

use ::books::{BeginPurchase, Command};
use journal::{DataDirectory, JournalBatches, Sequence};
use node::batch::BatchReader;
use node::replay::ReplayError;

use crate::ReportError;

/// Bytes of batches read at once: one batch.
const PAGE_BYTES: usize = 1;

/// A purchase that the journal has, with the networks that were considered for it.
#[derive(Clone, Debug)]
pub struct BegunPurchase {
    pub batch: u64,
    /// The place of its command in the batch, from 1.
    pub command: u32,
    pub purchase: BeginPurchase,
}

/// The purchases that began in some batches, in the journal's order. Reads only these batches.
/// Another process may be appending.
///
/// # Errors
/// The journal cannot be read.
pub fn begun_purchases(
    data: &Path,
    batches: &BTreeSet<u64>,
) -> Result<Vec<BegunPurchase>, ReportError> {
    let directory = DataDirectory::open_shared(data)?;
    let mut journal = directory.journal()?;
    let mut found = Vec::new();
    for number in batches {
        let mut page = JournalBatches::new(&mut journal, Sequence::new(*number), PAGE_BYTES);
        let Some(batch) = page.next().transpose()? else { break };
        let damaged = |error| ReplayError::Batch { sequence: batch.sequence, error };
        let mut commands = BatchReader::new(&batch.payload).map_err(damaged)?;
        let mut command = 0;
        while let Some((_, submission)) = commands.next_command().map_err(damaged)? {
            command += 1;
            if let engine::Command::Books(Command::BeginPurchase(purchase)) = submission.command {
                found.push(BegunPurchase { batch: *number, command, purchase });
            }
        }
    }
    Ok(found)
}
