//! The random draws of a day: its own streams of [`Chance`].

pub(crate) use peers::chance::Chance;
use peers::chance::ChanceKey;

/// What a stream is used for. The numbers are part of the key and frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChancePurpose {
    /// Commands that are sent twice.
    RepeatedCommands = 1,
    /// The script of a parcel; the stream is the parcel.
    Parcel = 2,
    /// A courier's pace and mistakes; the stream is the courier.
    Courier = 3,
    /// Deductions of a network or wallet; the stream is its index.
    Clearing = 4,
    /// A bank's treatment of a deposit or payout; the stream is its identifier.
    Bank = 5,
    GeneratedOrders = 6,
    /// Keys of terminals and networks.
    Keys = 7,
    /// What a network or wallet changes after it cleared; the stream is its index.
    AfterClearing = 8,
    /// What happens to a cleared payment on a later day; the stream is its network or wallet.
    LaterDays = 9,
    /// What seldom happens to a parcel; the stream is the parcel.
    ParcelExceptions = 21,
    /// Whether a courier sells a parcel that nobody announced; the stream is the courier.
    UnknownParcel = 22,
    /// Faults in the files of networks, wallets, the bank and firms; the stream is the party.
    CounterpartyFiles = 23,
}

/// The stream of a day for what has the number `of`. On the first day of the books it is `of`.
pub(crate) fn stream_of_day(day: u32, of: u64) -> u64 {
    (u64::from(day - 1) << u32::BITS) ^ of
}

impl From<ChancePurpose> for ChanceKey {
    fn from(purpose: ChancePurpose) -> ChanceKey {
        ChanceKey { domain: b"doorstep day, version 1", purpose: purpose as u8 }
    }
}
