//! The books as SQL tables, for pages, figures and other programs.
//!
//! A follower of the journal makes rows of each command: accounts, commands, postings with running
//! balances, and the states of parcels and payments with the batches between which they hold. So
//! everything can be asked as of any batch. The rows and the checkpoint of a batch are written in
//! one transaction; views of another journal are refused; they can be made anew at any time.
//!
//! Never: a change of the books, or a number that the books do not have.
//!
//! Start at [`FollowedViews`] and [`read::VIEWS`].

pub mod read;

mod catalog;
mod error;
mod follow;
mod occurrences;
mod of_market;
mod of_policy;
mod postgres;
mod projection;
mod rows;
mod sqlite;
mod statements;
mod store;
mod table;
mod value;

pub use error::ViewError;
pub use follow::{FollowedViews, Progress, rebuild};
pub use postgresql::{Server, ServerError};
pub use projection::ProjectionError;
pub use rows::{Checkpoint, FORMAT as VIEWS_FORMAT, STILL};
pub use sqlite::{SqliteViews, VIEWS_FILE};
pub use statements::BALANCE_AT;
pub use store::Place;
pub use table::{
    ColumnKind, IdentifierKind, IndexedRows, RowOrder, RowOwners, RowSpan, ViewColumn, ViewIndex,
    ViewJoin, ViewSpec,
};
pub use value::ViewValue;
