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

/// What the journal says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournaledRequest {
    Payment(PaymentId),
    /// An offline sale of this parcel, or a payment after one: the commands alone do not tell its
    /// number, because such a sale can be numbered with the others, or be in suspense.
    OfParcel(ParcelId),
    /// Several requests have the same numbers.
    Several,
}

/// The payments of a parcel so far.
#[derive(Clone, Copy, Default)]
struct PaymentCount {
    last: u8,
    /// There was an offline sale.
    uncertain: bool,
}

/// Finds requests to any network. Another process may be changing the journal.
///
/// # Errors
/// The journal cannot be read.
pub fn find_sent_requests(
    data: &Path,
    wanted: &BTreeSet<RequestNumbers>,
) -> Result<BTreeMap<RequestNumbers, JournaledRequest>, ReportError> {
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
            let Some((sent, request)) = request_of(command, &mut counts) else { continue };
            let numbers = numbers(sent);
            if wanted.contains(&numbers) {
                let known = found.entry(numbers).or_insert(request);
                if *known != request {
                    *known = JournaledRequest::Several;
                }
            }
        }
    }
    Ok(found)
}

/// The request that a command sends a network. Counts the payments of parcels.
fn request_of(
    command: &Command,
    counts: &mut HashMap<ParcelId, PaymentCount>,
) -> Option<(NetworkReference, JournaledRequest)> {
    let mut next = |parcel: ParcelId| {
        let count = counts.entry(parcel).or_default();
        count.last = count.last.saturating_add(1);
        match count.uncertain {
            true => JournaledRequest::OfParcel(parcel),
            false => JournaledRequest::Payment(PaymentId { parcel, number: count.last }),
        }
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
            Some((one.network_reference, JournaledRequest::OfParcel(one.parcel)))
        }
        Command::BeginCompletion(one) => {
            Some((one.network_reference, JournaledRequest::Payment(one.payment)))
        }
        Command::BeginRefund(one) => {
            Some((one.network_reference, JournaledRequest::Payment(one.payment)))
        }
        _ => None,
    }
}
