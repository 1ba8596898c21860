//! What holds the views: a file of SQLite or a server of PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use postgresql::Server;

use crate::error::ViewError;
use crate::postgres::{PostgresViews, connected};
use crate::rows::{Checkpoint, RowKey, Rows};
use crate::sqlite::{SqliteViews, VIEWS_FILE};
use crate::table::ViewSpec;
use crate::value::ViewValue;

/// Writes rows. One process at a time.
pub trait Store: Send {
    fn checkpoint(&self) -> Checkpoint;

    /// The row of a key that is written and holds: its own columns.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn holding(
        &mut self,
        view: &'static ViewSpec,
        key: RowKey,
    ) -> Result<Vec<ViewValue>, ViewError>;

    /// Writes rows with the checkpoint that they lead to: all or nothing.
    ///
    /// # Errors
    /// They cannot be written; nothing is changed. Or somebody else has written meanwhile.
    fn write(&mut self, rows: &Rows, next: Checkpoint) -> Result<(), ViewError>;

    /// Makes what new views lack, part by part, if it is not there: the tables of gathered rows,
    /// and what readers seek by. Ends early when it is told to stop.
    ///
    /// # Errors
    /// A part cannot be made; the rows are as they were.
    fn complete(&mut self, stop: &AtomicBool) -> Result<(), ViewError>;

    /// Checks that the views are where this left them: a server that crashed has lost the last
    /// transactions.
    ///
    /// # Errors
    /// They are not, or cannot be read.
    fn check(&mut self) -> Result<(), ViewError>;

    /// Views that were made beside others take their place.
    ///
    /// # Errors
    /// They cannot; the others are as they were.
    fn take_the_place(self: Box<Self>) -> Result<(), ViewError>;
}

/// Where the views are.
#[derive(Clone, Debug)]
pub enum Place {
    File(PathBuf),
    Server(Box<Server>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => path.display().fmt(f),
            Place::Server(server) => server.fmt(f),
        }
    }
}

impl Place {
    /// The file of a data directory, if the settings do not say otherwise.
    #[must_use]
    pub fn in_directory(data: &Path) -> Place {
        Place::File(data.join(VIEWS_FILE))
    }

    /// The views there, or new ones if there are none.
    pub(crate) fn open(&self) -> Result<Box<dyn Store>, ViewError> {
        Ok(match self {
            Place::File(path) => Box::new(SqliteViews::open(path)?),
            Place::Server(server) => Box::new(PostgresViews::open(connected(server)?)?),
        })
    }

    /// New ones beside those there.
    pub(crate) fn begin_anew(&self) -> Result<Box<dyn Store>, ViewError> {
        Ok(match self {
            Place::File(path) => Box::new(SqliteViews::begin_beside(path)?),
            Place::Server(server) => Box::new(PostgresViews::begin_anew(connected(server)?)?),
        })
    }
}
