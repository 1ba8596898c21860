//! The state of an import: orders, items, buyers and bad lines. No other text of a line is kept.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use money::{Amount, Currency};

use crate::sellers::folded;

use super::buyer::BuyerDetails;
use super::report::{BadLine, BadLineKind, BadLineReason, FileLineCount, LeftOut, LineLocation};

/// A line, and the index of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRef {
    pub file: u16,
    pub line: u32,
    /// The number of records of the import before it.
    pub record: u32,
}

/// An index into [`ImportState::orders`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderIndex(u32);

/// An order as read so far.
pub struct ReadOrder {
    pub reference: Arc<str>,
    /// The order's first line.
    pub first_line: LineRef,
    /// The number of its header lines, readable or not.
    pub header_lines: u32,
    /// The first header line, if readable.
    pub header: Option<OrderHeader>,
    /// An index into [`ImportState::statuses`].
    pub status: Option<u32>,
    /// Why the profile leaves it out: an index into [`ImportState::values`], if it is listed.
    pub left_out_value: Option<u32>,
    pub has_error: bool,
    pub in_conflict: bool,
    /// The number of item lines read.
    pub item_lines: u32,
    /// The number of item lines before the first header line.
    pub items_before_header: u32,
}

/// The order's data in a header line.
#[derive(PartialEq, Eq)]
pub struct OrderHeader {
    pub status: Option<u32>,
    pub decision: OrderDecision,
}

/// The profile's decision on an order.
#[derive(PartialEq, Eq)]
pub enum OrderDecision {
    /// The profile does not take its status.
    LeftOutByStatus,
    /// The `take_when` rule with this index leaves it out.
    LeftOutByRule(usize),
    Taken(OrderTerms),
}

/// The order's data that its parcels need.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OrderTerms {
    pub currency: Currency,
    pub ordered_at_ms: Option<i64>,
    pub total: Option<Amount>,
    pub add: Amount,
    pub less: Amount,
}

/// An item of a taken order.
pub struct ReadItem {
    pub order: OrderIndex,
    pub line: LineRef,
    /// Items with the same number stand below one header line of the order, or in one file if each
    /// line is an item.
    pub block: u32,
    pub content: ItemContent,
}

/// The content of an item line. Two equal lines are the same item, written twice.
#[derive(PartialEq, Eq)]
pub struct ItemContent {
    /// Identifies the item within its order, if the profile has a column for it.
    pub id: Option<Box<str>>,
    pub seller: u32,
    pub amount: Amount,
    pub quantity: u32,
}

/// Texts, each stored once and numbered.
#[derive(Default)]
pub struct TextTable {
    pub texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// The sellers of an import, and where each spelling is first.
#[derive(Default)]
pub struct SellerTable {
    pub names: TextTable,
    by_folded: HashMap<String, (u32, LineRef)>,
}

#[derive(Default)]
pub struct ImportState {
    pub files: Vec<FileLineCount>,
    /// The order of each record, in the order of reading; `None` if it is unknown.
    pub owners: Vec<Option<OrderIndex>>,
    pub orders: Vec<ReadOrder>,
    pub sellers: SellerTable,
    pub statuses: TextTable,
    /// Values for which `take_when` rules leave orders out.
    pub values: TextTable,
    pub items: Vec<ReadItem>,
    /// As the first header line of an order names them.
    pub buyers: HashMap<OrderIndex, BuyerDetails>,
    /// Lines that repeat an earlier one.
    pub repeated: Vec<LineRef>,
    /// Item lines of taken orders whose parcel is left out.
    pub without_parcel: Vec<LineRef>,
    /// Further bad lines are only counted.
    pub bad_lines_kept_max: usize,
    pub bad_lines: Vec<(LineRef, BadLine)>,
    pub bad_by_kind: BTreeMap<BadLineKind, u64>,
    numbers: HashMap<Arc<str>, OrderIndex>,
    /// Hashes of possible order references in broken lines. Not the texts: in a broken line a field
    /// may hold anything, even a buyer's name (M12).
    suspects: HashSet<u64>,
}

impl TextTable {
    pub fn has(&self, text: &str) -> bool {
        self.numbers.contains_key(text)
    }

    /// Returns the text's number, or gives it a new one.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).expect("LINES_MAX is below u32::MAX");
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}

impl SellerTable {
    /// The number of a seller. A name whose spelling differs from an earlier one only in case,
    /// spaces or width is refused with that one, unless it `is_mapped`.
    pub fn number(
        &mut self,
        name: &str,
        spot: LineRef,
        is_mapped: bool,
    ) -> Result<u32, (Arc<str>, LineRef)> {
        if let Some(&number) = self.names.numbers.get(name) {
            return Ok(number);
        }
        let folded = folded(name);
        if let Some(&(first, place)) = self.by_folded.get(&folded)
            && !is_mapped
        {
            return Err((Arc::clone(&self.names.texts[first as usize]), place));
        }
        let number = self.names.number(name);
        self.by_folded.entry(folded).or_insert((number, spot));
        Ok(number)
    }
}

impl ImportState {
    pub fn new(bad_lines_kept_max: usize) -> ImportState {
        ImportState { bad_lines_kept_max, ..ImportState::default() }
    }

    /// Finds the order with a reference, or adds it.
    pub fn order_number(&mut self, reference: &str, spot: LineRef) -> OrderIndex {
        if let Some(&number) = self.numbers.get(reference) {
            return number;
        }
        let (number, reference) = (OrderIndex::new(self.orders.len()), Arc::<str>::from(reference));
        self.numbers.insert(Arc::clone(&reference), number);
        self.orders.push(ReadOrder {
            reference,
            first_line: spot,
            header_lines: 0,
            header: None,
            status: None,
            left_out_value: None,
            has_error: false,
            in_conflict: false,
            item_lines: 0,
            items_before_header: 0,
        });
        number
    }

    pub fn order(&mut self, number: OrderIndex) -> &mut ReadOrder {
        &mut self.orders[number.index()]
    }

    /// Records a possible order reference of a broken line.
    pub fn add_broken_reference(&mut self, reference: &str) {
        self.suspects.insert(hash(reference));
    }

    /// A broken line may belong to this order.
    pub fn has_broken_line(&self, reference: &str) -> bool {
        !self.suspects.is_empty() && self.suspects.contains(&hash(reference))
    }

    pub fn location(&self, spot: LineRef) -> LineLocation {
        LineLocation { file: Arc::clone(&self.files[usize::from(spot.file)].file), line: spot.line }
    }

    /// Reports a bad line, and leaves its order out.
    pub fn report_bad_order(
        &mut self,
        number: OrderIndex,
        spot: LineRef,
        column: Option<Arc<str>>,
        reason: BadLineReason,
    ) {
        let order = self.order(number);
        order.has_error = true;
        let left_out = LeftOut::Order(Arc::clone(&order.reference));
        self.bad(spot, column, reason, left_out);
    }

    pub fn bad(
        &mut self,
        spot: LineRef,
        column: Option<Arc<str>>,
        reason: BadLineReason,
        left_out: LeftOut,
    ) {
        *self.bad_by_kind.entry(reason.kind()).or_default() += 1;
        if self.bad_lines.len() < self.bad_lines_kept_max {
            let place = self.location(spot);
            self.bad_lines.push((spot, BadLine { location: place, column, reason, left_out }));
        }
    }
}

impl OrderIndex {
    pub fn new(index: usize) -> OrderIndex {
        OrderIndex(u32::try_from(index).expect("LINES_MAX is below u32::MAX"))
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
