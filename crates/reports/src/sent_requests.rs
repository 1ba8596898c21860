//! The payments of requests that networks were sent long ago, read from the journal without
//! applying its commands. The books remember the transactions of a terminal's last two batches
//! only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use ::books::{
    Command, NetworkReference, ParcelId, PaymentId, Stan, TakeCash, TakeCashByPhone, Timestamp,
};
use journal::{JournalBatches, JournalHead};
use node::batch::BatchReader;
use node::replay::ReplayError;

use crate::ReportError;
use crate::books::open_to_read;

/// Batches read from the journal at a time.
const PAGE_BYTES: usize = 4 << 20;
/// A request is in the journal before it is sent, and its clock is that of the same machine.
const CLOCKS_DIFFER_MS_MAX: u64 = 3_600_000;

/// A request by its STAN and the second of its sending.
pub type RequestNumbers = (Stan, u64);

fn numbers(sent: NetworkReference) -> RequestNumbers {
    (sent.stan, sent.sent_at.0 / 1_000)
}

/// The payments of a parcel so far.
#[derive(Clone, Copy, Default)]
struct PaymentCount {
    last: u8,
    /// An offline sale can be numbered with the others, or be in suspense.
    uncertain: bool,
}

/// Finds the payments of requests to any network. `None` stands for a request whose numbers two
/// payments have, or whose payment the commands alone do not tell. Another process may be changing
/// the journal.
///
/// # Errors
/// The journal cannot be read.
pub fn find_sent_requests(
    data: &Path,
    wanted: &BTreeSet<RequestNumbers>,
) -> Result<BTreeMap<RequestNumbers, Option<PaymentId>>, ReportError> {
    let mut found = BTreeMap::new();
    let latest = wanted.iter().map(|(_, second)| *second).max().unwrap_or_default();
    let end = Timestamp(latest.saturating_mul(1_000).saturating_add(CLOCKS_DIFFER_MS_MAX));
    let mut counts: HashMap<ParcelId, PaymentCount> = HashMap::new();
    let (_directory, mut journal) = open_to_read(data)?;
    for batch in JournalBatches::after(&mut journal, JournalHead::default(), PAGE_BYTES) {
        let batch = batch.map_err(ReplayError::Journal)?;
        let damaged = |error| ReplayError::Batch { sequence: batch.sequence, error };
        let mut commands = BatchReader::new(&batch.payload).map_err(damaged)?;
        if commands.begun_at() > end {
            break;
        }
        while let Some((_, submission)) = commands.next_command().map_err(damaged)? {
            let Some(command) = submission.command.of_books() else { continue };
            let Some((sent, payment)) = request_of(command, &mut counts) else { continue };
            let numbers = numbers(sent);
            if wanted.contains(&numbers) {
                let known = found.entry(numbers).or_insert(payment);
                if *known != payment {
                    *known = None;
                }
            }
        }
    }
    Ok(found)
}

/// The request that a command sends a network, and its payment. Counts the payments of parcels.
fn request_of(
    command: &Command,
    counts: &mut HashMap<ParcelId, PaymentCount>,
) -> Option<(NetworkReference, Option<PaymentId>)> {
    let mut next = |parcel: ParcelId| {
        let count = counts.entry(parcel).or_default();
        count.last = count.last.saturating_add(1);
        (!count.uncertain).then_some(PaymentId { parcel, number: count.last })
    };
    match command {
        Command::BeginPurchase(one) => Some((one.network_reference, next(one.parcel))),
        Command::TakeCash(TakeCash { parcel, .. })
        | Command::TakeCashByPhone(TakeCashByPhone { parcel, .. }) => {
            next(*parcel);
            None
        }
        Command::RecordOfflineSale(one) => {
            counts.entry(one.parcel).or_default().uncertain = true;
            Some((one.network_reference, None))
        }
        Command::BeginCompletion(one) => Some((one.network_reference, Some(one.payment))),
        Command::BeginRefund(one) => Some((one.network_reference, Some(one.payment))),
        _ => None,
    }
}
