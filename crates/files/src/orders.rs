//! Imports order exports: one parcel with an amount due for each seller of an order.
//!
//! A line that cannot be read leaves out its whole order, because an order without one of its
//! items would become a parcel with a smaller, wrong amount. The other orders are taken. A problem
//! of the file as a whole refuses the import. Buyers' names, telephone numbers and addresses are in
//! [`BuyerDetails`] only, for the vault (M12).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use money::{Amount, Currency};

use crate::profile::{Layout, Profile};

mod buyer;
pub(crate) mod columns;
mod error;
pub(crate) mod lines;
mod parcels;
pub mod rejects;
mod report;
mod sources;
mod state;

pub use buyer::{BUYER_TEXT_BYTES_MAX, BuyerDetails};
pub use error::ImportError;
pub use report::{
    BAD_LINES_KEPT_MAX, BadLine, BadLineKind, BadLineReason, FileLineCount, ImportReport, LeftOut,
    LeftOutOrders, LineClass, LineCounts, LineLocation, VALUES_MAX,
};
pub use sources::{FILES_MAX, Shops, SourceFile};

use state::ImportState;

pub const LINES_OF_ORDER_MAX: usize = 2_000;
pub const QUANTITY_MAX: u32 = 1_000_000;
/// The most that a parcel can cost, in minor units of its currency: the totals of a terminal's
/// batch hold no more. 99,999,999.99 CNY, 9,999,999,999 JPY, 9,999,999.999 KWD.
pub const AMOUNT_DUE_MAX: Amount = Amount::of(9_999_999_999);
/// Different statuses in one import. A column with more is not a status.
pub const STATUSES_MAX: usize = 200;

const READ_BUFFER_BYTES: usize = 128 << 10;

/// One seller's part of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderParcel {
    /// The order's reference in the seller's shop.
    pub order: Arc<str>,
    /// The seller's reference on the marketplace.
    pub seller: Arc<str>,
    pub currency: Currency,
    /// Above zero.
    pub amount_due: Amount,
    /// Zero if the file says so.
    pub item_count: u32,
    /// Milliseconds since 1970-01-01 UTC.
    pub ordered_at_ms: Option<i64>,
    /// `None` if the file names none, or the profile leaves buyers out.
    pub buyer: Option<Arc<BuyerDetails>>,
    /// The line of the first item.
    pub location: LineLocation,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Import {
    /// In the order in which orders, and sellers within an order, first appear in the files.
    pub parcels: Vec<OrderParcel>,
    /// Accounts for every line and every order.
    pub report: ImportReport,
    /// What became of each line, in the order of reading.
    pub lines: Vec<LineClass>,
    /// The files, in the order of reading; empty after an import from readers.
    pub sources: Vec<SourceFile>,
}

/// How an import reads files.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    pub shops: Shops,
    /// Further bad lines are only counted.
    pub bad_lines_kept_max: usize,
}

impl Default for ImportOptions {
    fn default() -> ImportOptions {
        ImportOptions { shops: Shops::Unnamed, bad_lines_kept_max: BAD_LINES_KEPT_MAX }
    }
}

/// The role of a file in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// The orders file, or the only file.
    Orders,
    Items,
}

/// Reads the order export at `path`, a file or a directory. Bad lines are in the report, not
/// errors.
pub fn import(
    profile: &Profile,
    path: &Path,
    options: &ImportOptions,
) -> Result<Import, ImportError> {
    let mut importer = Importer::new(profile)?;
    importer.book.bad_lines_kept_max = options.bad_lines_kept_max;
    let sources = sources::find(profile, path, &options.shops)?;
    // Orders files come before items files, whatever their shop.
    for role in [FileRole::Orders, FileRole::Items] {
        for source in sources.iter().filter(|source| source.role == role) {
            let name = source.path.to_string_lossy();
            let input = open(&source.path, &name)?;
            importer = importer.read(role, source.shop.as_deref(), &name, input)?;
        }
    }
    let mut import = importer.finish()?;
    import.sources = sources;
    import.sources.sort_by_key(|source| source.role == FileRole::Items);
    Ok(import)
}

pub(crate) fn open(path: &Path, name: &str) -> Result<BufReader<File>, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file: name.into(), source };
    let file = File::open(path).map_err(unreadable)?;
    Ok(BufReader::with_capacity(READ_BUFFER_BYTES, file))
}

/// An import from readers instead of files, for example an upload.
pub struct Importer<'p> {
    profile: &'p Profile,
    book: ImportState,
    parts: Vec<FileRole>,
}

impl<'p> Importer<'p> {
    /// Fails if the profile needs a seller, see [`Profile::needs_seller`].
    pub fn new(profile: &'p Profile) -> Result<Importer<'p>, ImportError> {
        if profile.needs_seller() {
            return Err(ImportError::NoSeller { profile: profile.head.name.clone() });
        }
        let book = ImportState::new(BAD_LINES_KEPT_MAX);
        Ok(Importer { profile, book, parts: Vec::new() })
    }

    /// Reads one file of a shop, which the report calls `name`. Orders files come before items
    /// files. An error ends the import.
    ///
    /// # Panics
    /// If an orders file follows an items file, or the profile has no items file.
    pub fn read(
        mut self,
        part: FileRole,
        shop: Option<&str>,
        name: &str,
        input: impl BufRead,
    ) -> Result<Importer<'p>, ImportError> {
        assert!(
            part == FileRole::Items || !self.parts.contains(&FileRole::Items),
            "orders files come before items files"
        );
        assert!(
            part == FileRole::Orders || self.profile.layout == Layout::TwoFiles,
            "this profile has no items file"
        );
        if self.parts.len() == FILES_MAX {
            return Err(ImportError::TooManyFiles);
        }
        lines::read(self.profile, part, shop, name, input, &mut self.book)?;
        self.parts.push(part);
        Ok(self)
    }

    /// Makes the parcels. Fails if a file of the profile was not read.
    pub fn finish(self) -> Result<Import, ImportError> {
        let missing = match self.profile.layout {
            _ if !self.parts.contains(&FileRole::Orders) => Some(&self.profile.orders_files),
            Layout::TwoFiles if !self.parts.contains(&FileRole::Items) => {
                Some(&self.profile.items_files)
            }
            _ => None,
        };
        if let Some(patterns) = missing {
            return Err(ImportError::FileMissing {
                profile: self.profile.head.name.clone(),
                directory: None,
                wanted: sources::one_of(patterns),
                nearest: None,
            });
        }
        Ok(parcels::make_parcels(self.profile, self.book))
    }
}
