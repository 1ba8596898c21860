//! The account of an import: every line and every order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use money::Currency;
use money::decimal::DecimalError;

use crate::reference::ReferenceError;

use super::{LINES_OF_ORDER_MAX, QUANTITY_MAX};

/// How many bad lines are kept; all are counted.
pub const BAD_LINES_KEPT_MAX: usize = 1_000;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was given.
    pub file: Arc<str>,
    /// The physical line, counted from 1; the line where the record begins.
    pub line: u32,
}

/// A file and how much of it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLines {
    /// The file, as it was given.
    pub file: Arc<str>,
    /// The records below the header; one whose text goes over several lines counts once.
    pub lines: u64,
}

/// What an import did with each line and each order.
///
/// `orders = orders_taken + orders_left_out_by_status + orders_left_out_by_reason + orders_spoiled`
/// always holds, where the third is the sum of `left_out_by_reason`.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// The files in the order of reading.
    pub files: Vec<FileLines>,
    /// Different orders, by their references.
    pub orders: u64,
    /// Orders of which there is a parcel.
    pub orders_taken: u64,
    /// Orders whose status the profile does not take.
    pub orders_left_out_by_status: u64,
    /// Orders that were left out because something about them is in `bad`.
    pub orders_spoiled: u64,
    /// Orders by status, whatever became of them; empty where the file has no status.
    pub orders_by_status: BTreeMap<Arc<str>, u64>,
    /// Orders of a status that is taken which the profile leaves out all the same, by its reason.
    pub left_out_by_reason: BTreeMap<Arc<str>, u64>,
    /// Parcels taken.
    pub parcels: u64,
    /// Different sellers of the parcels.
    pub sellers: u64,
    /// What is due on all parcels, in minor units.
    pub amount_due: BTreeMap<Currency, u128>,
    /// Lines that only say again what an earlier line said. Of orders that are left out the items
    /// are not looked at, and so not counted.
    pub repeated_lines: u64,
    /// What is bad: the first [`BAD_LINES_KEPT_MAX`], by file and line.
    pub bad: Vec<BadLine>,
    /// How much is bad of each kind; all of it, kept or not.
    pub bad_by_kind: BTreeMap<BadKind, u64>,
}

impl ImportReport {
    /// How much is bad, kept in `bad` or not.
    #[must_use]
    pub fn bad_total(&self) -> u64 {
        self.bad_by_kind.values().sum()
    }
}

/// What sort of thing is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BadKind {
    /// A line that cannot be read.
    Unreadable,
    /// An order or an item that is written twice and not in the same way.
    Conflict,
    /// An order that has no items.
    OrderWithoutItems,
    /// Items of an order that is not there.
    ItemsWithoutOrder,
    /// A parcel on which nothing is due.
    NothingToCollect,
}

/// A line, or what begins at it, that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The file and the line.
    pub place: Place,
    /// The column, where it is about one.
    pub column: Option<Arc<str>>,
    /// What is wrong, and how to mend it where that is not plain.
    pub reason: Reason,
    /// What is missing because of it.
    pub left_out: LeftOut,
}

/// What was left out because of a bad line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Nothing but the line.
    Line,
    /// The order of this reference.
    Order(Arc<str>),
    /// One parcel of the order.
    Parcel {
        /// The order.
        order: Arc<str>,
        /// The seller.
        seller: Arc<str>,
    },
    /// The order whose reference stands where the line has it, if there is one.
    ItsOrder,
    /// The line has no order: those of the line before and after it, which it may belong to.
    Neighbours,
}

/// What is wrong with a line. Values are repeated of amounts, statuses, orders and sellers only
/// (M12).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More or fewer fields than the header has.
    #[error(
        "the line has {found} fields, the header has {expected}; look for a delimiter or a line \
         break in a text without quotation marks"
    )]
    Fields {
        /// How many the line has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// Text after the closing quote of a field.
    #[error("text follows a closing quotation mark; one that is inside a field is written twice")]
    Misquoted,
    /// An order, a seller, a status or an item's id.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// An amount.
    #[error(transparent)]
    Amount(#[from] DecimalError),
    /// An amount with characters that are not shown.
    #[error("the amount has a character that cannot be printed")]
    AmountUnprintable,
    /// A quantity.
    #[error("the quantity is not a whole number from 0 to {QUANTITY_MAX}")]
    Quantity,
    /// A currency.
    #[error("this is no currency of ISO 4217 with a minor unit (three capitals such as CNY)")]
    Currency,
    /// A time.
    #[error("this is no time of the form 2026-03-31 09:05:00, with +02:00 or Z after it or not")]
    Time,
    /// A sum above what an amount can be.
    #[error("the sum is larger than any amount that Doorstep can keep")]
    SumTooLarge,
    /// Discounts above what they are taken from.
    #[error("more is taken off than there is")]
    BelowZero,
    /// The order was there before, and not the same.
    #[error("the order was in {first} already, with other content; remove the wrong one")]
    OrderConflict {
        /// Where it was first.
        first: Place,
    },
    /// The item was there before, and not the same.
    #[error("the same item was in {first} already, with other content; remove the wrong one")]
    ItemConflict {
        /// Where it was first.
        first: Place,
    },
    /// The order has no items.
    #[error("the order has no items")]
    NoItems,
    /// No line before says what the order is. This is the first of such items.
    #[error("no line before this one says what the order is; {items} of its items are like that")]
    NoOrder {
        /// How many.
        items: u32,
    },
    /// The order has more lines than [`LINES_OF_ORDER_MAX`].
    #[error("the order has more than {LINES_OF_ORDER_MAX} lines")]
    TooManyLines,
    /// The amount due is zero.
    #[error("the amount due is zero: there is nothing to collect")]
    NothingToCollect,
}

impl Reason {
    /// What sort of thing it is.
    #[must_use]
    pub fn kind(&self) -> BadKind {
        match self {
            Reason::OrderConflict { .. } | Reason::ItemConflict { .. } => BadKind::Conflict,
            Reason::NoItems => BadKind::OrderWithoutItems,
            Reason::NoOrder { .. } => BadKind::ItemsWithoutOrder,
            Reason::NothingToCollect => BadKind::NothingToCollect,
            _ => BadKind::Unreadable,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        write!(f, "{}; {}", self.reason, self.left_out)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::Line => f.write_str("the line is left out"),
            LeftOut::Order(order) => write!(f, "order `{order}` is left out"),
            LeftOut::Parcel { order, seller } => {
                write!(f, "the parcel of seller `{seller}` is left out of order `{order}`")
            }
            LeftOut::ItsOrder => f.write_str("its order is left out"),
            LeftOut::Neighbours => f.write_str(
                "its order cannot be told, so the orders of the lines before and after it are \
                 left out",
            ),
        }
    }
}

impl fmt::Display for BadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadKind::Unreadable => "unreadable",
            BadKind::Conflict => "in conflict",
            BadKind::OrderWithoutItems => "orders without items",
            BadKind::ItemsWithoutOrder => "items without their order",
            BadKind::NothingToCollect => "nothing to collect",
        })
    }
}
