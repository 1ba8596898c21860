//! Orders in: from somebody's order export to parcels with an amount due.
//!
//! One parcel is made for each seller of an order. What cannot be read leaves its whole order out,
//! because an order that lacks an item would become a parcel of a wrong, smaller amount; the rest
//! of the file is taken. What is wrong with a file as a whole refuses the import, and nothing of it
//! is taken. Buyers' names, telephone numbers and addresses stay in the buffer of the line that is
//! being read (M12).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use money::{Amount, Currency};

use crate::profile::{Layout, Profile};

mod book;
mod columns;
mod error;
mod lines;
mod parcels;
mod report;
mod sources;

pub use error::ImportError;
pub use report::{
    BAD_LINES_KEPT_MAX, BadKind, BadLine, FileLines, ImportReport, LeftOut, Place, Reason,
};
pub use sources::FILES_MAX;

use book::Book;

/// The most lines of one order.
pub const LINES_OF_ORDER_MAX: usize = 2_000;
/// The largest quantity of one item.
pub const QUANTITY_MAX: u32 = 1_000_000;
/// The most different statuses; a column with more holds something else.
pub const STATUSES_MAX: usize = 200;

const READ_BUFFER_BYTES: usize = 128 << 10;

/// What one seller ships of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderParcel {
    /// The order, as the seller's shop calls it.
    pub order: Arc<str>,
    /// The seller, as the marketplace calls it.
    pub seller: Arc<str>,
    /// The currency of the amount due.
    pub currency: Currency,
    /// What the buyer pays at the door; above zero.
    pub amount_due: Amount,
    /// How many things are in it; zero where the file says so.
    pub item_count: u32,
    /// When it was ordered, in milliseconds since 1970 in UTC, where the file says it.
    pub ordered_at_ms: Option<i64>,
    /// The line of its first item.
    pub place: Place,
}

/// What an import took, and what it left out.
#[derive(Clone, Debug)]
pub struct Import {
    /// The parcels: orders as they first appear in the files, within an order the sellers as
    /// their items first appear.
    pub parcels: Vec<OrderParcel>,
    /// An account of every line and every order.
    pub report: ImportReport,
}

/// Which file of a profile a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The file of the orders, or the only one.
    Orders,
    /// The file of the items.
    Items,
}

/// Reads the order export at `path`, a file or a directory, by a profile.
///
/// # Errors
/// What is wrong with a file as a whole. Lines that are bad are in the report.
pub fn import(profile: &Profile, path: &Path) -> Result<Import, ImportError> {
    let mut importer = Importer::new(profile)?;
    for (part, path) in sources::find(profile, path)? {
        let name = path.to_string_lossy();
        let open = |source| ImportError::Unreadable { file: name.as_ref().into(), source };
        let file = File::open(&path).map_err(open)?;
        importer = importer.read(part, &name, BufReader::with_capacity(READ_BUFFER_BYTES, file))?;
    }
    importer.finish()
}

/// An import from texts that are no files, an upload for example.
pub struct Importer<'p> {
    profile: &'p Profile,
    book: Book,
    parts: Vec<Part>,
}

impl<'p> Importer<'p> {
    /// Begins an import.
    ///
    /// # Errors
    /// Where the profile needs a seller, see [`Profile::with_seller`].
    pub fn new(profile: &'p Profile) -> Result<Importer<'p>, ImportError> {
        if profile.needs_seller() {
            return Err(ImportError::NoSeller { profile: profile.name.clone() });
        }
        Ok(Importer { profile, book: Book::default(), parts: Vec::new() })
    }

    /// Reads one file; `name` is what the report calls it. The files of the orders come before
    /// those of the items.
    ///
    /// # Errors
    /// What is wrong with the file as a whole; the import is over then.
    ///
    /// # Panics
    /// Where a file of orders comes after one of items, or an items file is given to a profile of
    /// one file.
    pub fn read(
        mut self,
        part: Part,
        name: &str,
        input: impl BufRead,
    ) -> Result<Importer<'p>, ImportError> {
        assert!(
            part == Part::Items || !self.parts.contains(&Part::Items),
            "the files of the orders come first"
        );
        assert!(
            part == Part::Orders || self.profile.layout == Layout::TwoFiles,
            "this profile has no file of items"
        );
        if self.parts.len() == FILES_MAX {
            return Err(ImportError::TooManyFiles);
        }
        lines::read(self.profile, part, name, input, &mut self.book)?;
        self.parts.push(part);
        Ok(self)
    }

    /// Ends the import.
    ///
    /// # Errors
    /// Where a file of the profile was not read.
    pub fn finish(self) -> Result<Import, ImportError> {
        let missing = match self.profile.layout {
            _ if !self.parts.contains(&Part::Orders) => Some(&self.profile.orders_files),
            Layout::TwoFiles if !self.parts.contains(&Part::Items) => {
                Some(&self.profile.items_files)
            }
            _ => None,
        };
        if let Some(patterns) = missing {
            return Err(ImportError::FileMissing {
                profile: self.profile.name.clone(),
                directory: None,
                wanted: sources::one_of(patterns),
                nearest: None,
            });
        }
        Ok(parcels::settle(self.profile, self.book))
    }
}
