use std::io;
use std::path::PathBuf;

use files::atomic::AtomicWriteError;
use files::pain001::CreditTransferError;
use files::payouts::PayoutFileError;
use journal::{DirectoryError, JournalError, SnapshotError};
use node::recovery::RecoveryError;
use node::replay::ReplayError;

/// Why the books of a data directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// The journal cannot be replayed: it is damaged, or another version wrote it.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Journal and snapshots do not fit together, or the books cannot be recovered from them.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The books name a command that the journal does not have (M11).
    #[error(
        "M11: the books name a command of {at} ms after 1970 that the journal does not have. \
         Another version wrote the journal; check it with `doorstep verify`, and report this"
    )]
    NoSuchCommand {
        /// Milliseconds since 1970.
        at: u64,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Books(#[from] ReportError),
    #[error("there is no payout {payout}: these books have no payouts yet")]
    NoPayouts { payout: u64 },
    #[error("there is no payout {payout}: these books have payouts 1 to {last}, see payouts.csv")]
    NoSuchPayout { payout: u64, last: u64 },
    #[error("the tariff file has no version {tariff} in the currency of the books")]
    NotInTariffFile { tariff: String },
    #[error("M8: the fees of order {order} differ from the tariff")]
    FeesDiffer { order: String },
    #[error("M8: the return fee of order {order} differs from the tariff")]
    ReturnFeeDiffers { order: String },
    /// Amounts with their currency.
    #[error("M8: the lines add up to {lines}, but the payout is {payout}")]
    SumsDiffer { lines: String, payout: String },
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Books(#[from] ReportError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Why a payout file was not written.
#[derive(Debug, thiserror::Error)]
pub enum PayoutWriteError {
    #[error("an amount above the largest that can be written")]
    Amount,
    #[error("{}", path.display())]
    Csv { path: PathBuf, source: AtomicWriteError<PayoutFileError> },
    #[error("{}", path.display())]
    Message { path: PathBuf, source: AtomicWriteError<CreditTransferError> },
}
