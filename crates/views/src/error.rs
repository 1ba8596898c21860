//! Why the views could not be opened, written or read.

use std::path::PathBuf;

use journal::Sequence;
use node::recovery::RecoveryError;
use node::replay::ReplayError;
use postgresql::said;

use crate::projection::ProjectionError;

#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error("could not {doing} the views in {path}: {source}. {}", remedy(.source))]
    Sqlite { doing: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error(
        "no room to {doing} the views in {path} ({what}). Free space on that disk: the books are \
         not touched, and the views go on where they were"
    )]
    Full { doing: &'static str, path: PathBuf, what: String },
    #[error(
        "could not {doing} the views in PostgreSQL: {}. The books are not touched; the views go on \
         when the server is there again",
        said(.source)
    )]
    Postgres { doing: &'static str, source: postgres::Error },
    #[error("could not {doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{path} is not the views of this program; move it away, and make them with `doorstep \
         views rebuild`"
    )]
    NotViews { path: PathBuf },
    #[error(
        "the views in {path} have format {found}, this program writes {expected}; make them anew \
         with `doorstep views rebuild`"
    )]
    OtherFormat { path: PathBuf, found: i64, expected: i64 },
    #[error(
        "the views are at batch {batch} of another journal; make them anew with `doorstep views \
         rebuild`"
    )]
    OtherJournal { batch: Sequence },
    #[error(
        "the views are at batch {views}, the journal ends at {end}: it has lost batches, or is \
         another one. Nothing was changed; restore the journal, or make the views anew with \
         `doorstep views rebuild`"
    )]
    AheadOfJournal { views: Sequence, end: Sequence },
    /// A gap, or a batch a second time.
    #[error(
        "the views are at batch {at}, and batch {given} does not follow; make them anew with \
         `doorstep views rebuild`, and report this"
    )]
    NotTheNext { at: Sequence, given: Sequence },
    #[error(
        "the view {view} lacks a row that changes; make the views anew with `doorstep views \
         rebuild`, and report this"
    )]
    NoRow { view: &'static str },
    #[error(
        "another process writes these views: a Doorstep that serves keeps them at the journal's \
         end by itself; stop it first to make them anew"
    )]
    InUse,
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    #[error(transparent)]
    Directory(#[from] journal::DirectoryError),
    #[error(transparent)]
    Snapshot(#[from] journal::SnapshotError),
}

fn remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            "Another process writes them: end it, or wait"
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            "Make them anew with `doorstep views rebuild`"
        }
        _ => "The books are not touched; the views can be made anew with `doorstep views rebuild`",
    }
}
