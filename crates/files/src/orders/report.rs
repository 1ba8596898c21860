//! The report of an import, which accounts for every line and every order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use money::decimal::{DecimalAmount, DecimalError};
use money::{Amount, Currency};

use crate::reference::ReferenceError;

use super::buyer::BUYER_TEXT_BYTES_MAX;
use super::{AMOUNT_DUE_MAX, LINES_OF_ORDER_MAX, QUANTITY_MAX};

/// Further bad lines are only counted.
pub const BAD_LINES_KEPT_MAX: usize = 1_000;
/// Different values for which rules leave orders out. Orders with others are only counted.
pub const VALUES_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineLocation {
    /// As given to the import.
    pub file: Arc<str>,
    /// The physical line where the record starts, counted from 1.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLineCount {
    /// As given to the import.
    pub file: Arc<str>,
    /// Records below the header. A record over several physical lines counts once.
    pub lines: u64,
}

/// What became of the lines of the files. Each line is in exactly one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Lines of parcels.
    pub taken: u64,
    /// Lines that repeat an earlier line of a taken order.
    pub repeated: u64,
    /// Lines of orders that the profile leaves out.
    pub left_out: u64,
    /// Bad lines, and the other lines of their orders.
    pub bad: u64,
}

impl LineCounts {
    #[must_use]
    pub fn total(&self) -> u64 {
        self.taken + self.repeated + self.left_out + self.bad
    }
}

/// What became of a line; see [`LineCounts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineClass {
    Taken,
    Repeated,
    LeftOut,
    Bad,
}

/// Orders that a rule of the profile leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOutOrders {
    pub orders: u64,
    /// The values of the rule's column, with the number of orders. Empty if only orders without a
    /// value are taken. Values beyond the first [`VALUES_MAX`] different ones, and values that are
    /// no short texts, are not listed.
    pub values: BTreeMap<Arc<str>, u64>,
}

/// The result for each line and each order. Always: `orders` = `orders_taken` +
/// `orders_left_out_by_status` + the sum of `left_out_by_reason` + `orders_with_errors`.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// In the order of reading.
    pub files: Vec<FileLineCount>,
    /// Orders with different references.
    pub orders: u64,
    /// Orders with at least one parcel.
    pub orders_taken: u64,
    pub orders_left_out_by_status: u64,
    /// Orders left out because of an entry in `bad_lines`.
    pub orders_with_errors: u64,
    /// All orders by status; empty if the file has no status.
    pub orders_by_status: BTreeMap<Arc<str>, u64>,
    /// Orders left out by a `take_when` rule of the profile, by its reason.
    pub left_out_by_reason: BTreeMap<Arc<str>, LeftOutOrders>,
    /// The orders of `orders_left_out_by_status`.
    pub left_out_by_status: BTreeMap<Arc<str>, u64>,
    pub parcels: u64,
    pub sellers: u64,
    /// The sum over all parcels, in minor units.
    pub amount_due: BTreeMap<Currency, u128>,
    /// Adds up to the lines of `files`.
    pub lines: LineCounts,
    /// The first [`BAD_LINES_KEPT_MAX`], or as many as the import was told to keep, by file and
    /// line.
    pub bad_lines: Vec<BadLine>,
    /// All errors by kind, kept or not.
    pub bad_by_kind: BTreeMap<BadLineKind, u64>,
}

impl ImportReport {
    /// The number of errors, kept in `bad_lines` or not. One error can make several lines bad: all
    /// lines of its order.
    #[must_use]
    pub fn errors_total(&self) -> u64 {
        self.bad_by_kind.values().sum()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BadLineKind {
    Unreadable,
    /// An order or item written twice with different content.
    Conflict,
    OrderWithoutItems,
    ItemsWithoutOrder,
    /// A vendor that is empty or not mapped, or a second spelling of a seller.
    UnknownSeller,
    /// A parcel with an amount due of zero.
    NothingToCollect,
    /// A parcel with an amount due above [`AMOUNT_DUE_MAX`].
    TooExpensive,
}

/// A line that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub location: LineLocation,
    pub column: Option<Arc<str>>,
    pub reason: BadLineReason,
    pub left_out: LeftOut,
}

/// What is missing from the import because of a bad line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    Line,
    /// The order with this reference.
    Order(Arc<str>),
    /// One parcel of an order.
    Parcel {
        order: Arc<str>,
        seller: Arc<str>,
    },
    /// The order of the broken line.
    OrderOfLine,
    /// The line's order is unknown: the orders of the lines before and after it.
    NeighbourOrders,
}

/// Why a line is bad. Messages repeat only amounts, statuses, order and seller references (M12).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLineReason {
    #[error(
        "the line has {found} fields, but the header has {expected}; look for a delimiter or a \
         line break in a text without quotation marks"
    )]
    FieldCount { found: usize, expected: usize },
    #[error("text follows a closing quotation mark; double each quotation mark inside a field")]
    Misquoted,
    /// The reference of an order, seller, status or item.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Amount(#[from] DecimalError),
    #[error("the amount has an unprintable character")]
    AmountUnprintable,
    #[error("the quantity is not a whole number from 0 to {QUANTITY_MAX}")]
    Quantity,
    #[error("not a currency of ISO 4217 with a minor unit; write three capitals such as CNY")]
    Currency,
    #[error(
        "not a time; write it as 2026-03-31 09:05:00, with or without +02:00 or Z, or name the \
         file's form in format.times of the profile"
    )]
    Time,
    /// The forms of the profile.
    #[error("not a time in the form {0}; correct it, or format.times of the profile")]
    TimeForm(String),
    #[error("it is empty; if the shop is the only seller, name it with --seller")]
    NoVendor,
    #[error(
        "vendor `{vendor}` is not in the file of --sellers{}; add a line for it",
        other.as_ref().map_or(String::new(), |other| format!(", which has `{other}`"))
    )]
    VendorNotMapped {
        vendor: String,
        /// A spelling in the file that differs only in case, spaces or width.
        other: Option<String>,
    },
    #[error(
        "seller `{seller}` is spelled `{first}` at {at}; write one spelling, or map both with \
         --sellers"
    )]
    SellerSpelling { seller: String, first: Arc<str>, at: LineLocation },
    #[error("the sum exceeds the largest amount that Doorstep supports")]
    SumTooLarge,
    #[error("the deductions exceed the amount")]
    DiscountTooLarge,
    #[error("the order is also at {first}, with other content; remove the wrong one")]
    OrderConflict { first: LineLocation },
    #[error("the same item is also at {first}, with other content; remove the wrong one")]
    ItemConflict { first: LineLocation },
    /// The text is not repeated.
    #[error("the buyer's text is longer than {BUYER_TEXT_BYTES_MAX} bytes; shorten it")]
    BuyerTooLong,
    #[error("the order has no items")]
    NoItems,
    #[error("the order's own line must come before this item; items affected: {items}")]
    ItemsWithoutOrder { items: u32 },
    #[error("the order has more than {LINES_OF_ORDER_MAX} lines")]
    TooManyLines,
    #[error("the amount due is zero, so there is nothing to collect")]
    NothingToCollect,
    /// See [`AMOUNT_DUE_MAX`].
    #[error(
        "the amount due of {} {currency} exceeds {}, the most that a terminal can total; check its \
         decimal point and its currency",
        DecimalAmount::of(*amount_due, *currency),
        DecimalAmount::of(AMOUNT_DUE_MAX, *currency)
    )]
    TooExpensive { amount_due: Amount, currency: Currency },
}

impl BadLineReason {
    #[must_use]
    pub fn kind(&self) -> BadLineKind {
        match self {
            BadLineReason::OrderConflict { .. } | BadLineReason::ItemConflict { .. } => {
                BadLineKind::Conflict
            }
            BadLineReason::NoVendor
            | BadLineReason::VendorNotMapped { .. }
            | BadLineReason::SellerSpelling { .. } => BadLineKind::UnknownSeller,
            BadLineReason::NoItems => BadLineKind::OrderWithoutItems,
            BadLineReason::ItemsWithoutOrder { .. } => BadLineKind::ItemsWithoutOrder,
            BadLineReason::NothingToCollect => BadLineKind::NothingToCollect,
            BadLineReason::TooExpensive { .. } => BadLineKind::TooExpensive,
            _ => BadLineKind::Unreadable,
        }
    }
}

impl fmt::Display for LineLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
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
                write!(f, "the parcel of seller `{seller}` in order `{order}` is left out")
            }
            LeftOut::OrderOfLine => f.write_str("its order is left out"),
            LeftOut::NeighbourOrders => f.write_str(
                "its order is unknown, so the orders of the lines before and after it are left out",
            ),
        }
    }
}

impl fmt::Display for BadLineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadLineKind::Unreadable => "unreadable",
            BadLineKind::Conflict => "in conflict",
            BadLineKind::OrderWithoutItems => "orders without items",
            BadLineKind::ItemsWithoutOrder => "items without their order",
            BadLineKind::UnknownSeller => "unknown seller",
            BadLineKind::NothingToCollect => "nothing to collect",
            BadLineKind::TooExpensive => "too expensive",
        })
    }
}
