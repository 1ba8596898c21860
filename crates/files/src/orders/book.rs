//! What an import remembers while it reads: orders, items, and what was bad. No line is kept.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use money::{Amount, Currency};

use super::report::{BAD_LINES_KEPT_MAX, BadKind, BadLine, FileLines, LeftOut, Place, Reason};

/// A line by the number of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub file: u16,
    pub line: u32,
}

/// An order by its number in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderNumber(u32);

/// An order as far as it was read.
pub struct Order {
    pub reference: Arc<str>,
    /// Where it first appeared.
    pub spot: Spot,
    /// How many lines said what it is, readable or not.
    pub heads: u32,
    /// What the first of them said, where that was readable.
    pub head: Option<Head>,
    /// By its number among the statuses.
    pub status: Option<u32>,
    pub spoiled: bool,
    pub in_conflict: bool,
    /// How many item lines were read.
    pub lines: u32,
    /// How many item lines came before any that said what the order is.
    pub stray_items: u32,
}

/// What a line says about its order.
#[derive(PartialEq, Eq)]
pub struct Head {
    pub status: Option<u32>,
    pub fate: Fate,
}

/// What becomes of an order by the rules of the profile.
#[derive(PartialEq, Eq)]
pub enum Fate {
    /// Its status is not taken.
    LeftOutByStatus,
    /// The profile's rule of this number leaves it out.
    LeftOutByRule(usize),
    /// It becomes parcels.
    Taken(Facts),
}

/// What the parcels of an order need of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub currency: Currency,
    pub ordered_at_ms: Option<i64>,
    pub total: Option<Amount>,
    pub add: Amount,
    pub less: Amount,
}

/// An item of an order that is taken.
pub struct Item {
    pub order: OrderNumber,
    pub spot: Spot,
    /// Which of the lines that said what the order is came last before it.
    pub block: u32,
    pub goods: Goods,
}

/// What an item is. Two lines with the same are the same item, written twice.
#[derive(PartialEq, Eq)]
pub struct Goods {
    /// What tells it from the other items of the order, where the profile has a column for that.
    pub id: Option<Box<str>>,
    pub seller: u32,
    pub amount: Amount,
    pub quantity: u32,
}

/// Texts by number.
#[derive(Default)]
pub struct Names {
    pub texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// All that an import remembers.
#[derive(Default)]
pub struct Book {
    pub files: Vec<FileLines>,
    pub orders: Vec<Order>,
    pub sellers: Names,
    pub statuses: Names,
    pub items: Vec<Item>,
    pub repeated_lines: u64,
    pub bad: Vec<(Spot, BadLine)>,
    pub bad_by_kind: BTreeMap<BadKind, u64>,
    numbers: HashMap<Arc<str>, OrderNumber>,
    /// Hashes of what stood where the order stands in lines that could not be cut into fields.
    /// Not the texts: in such a line they may be anything, a buyer's name too (M12).
    suspects: HashSet<u64>,
}

impl Names {
    /// The number of a text, a new one where it has none.
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

impl Book {
    /// The order of a reference, a new one where it has not appeared yet.
    pub fn order_number(&mut self, reference: &str, spot: Spot) -> OrderNumber {
        if let Some(&number) = self.numbers.get(reference) {
            return number;
        }
        let (number, reference) = (OrderNumber::of(self.orders.len()), Arc::<str>::from(reference));
        self.numbers.insert(Arc::clone(&reference), number);
        self.orders.push(Order {
            reference,
            spot,
            heads: 0,
            head: None,
            status: None,
            spoiled: false,
            in_conflict: false,
            lines: 0,
            stray_items: 0,
        });
        number
    }

    pub fn order(&mut self, number: OrderNumber) -> &mut Order {
        &mut self.orders[number.index()]
    }

    /// Remembers what may be the reference of an order of which a line is broken.
    pub fn suspect(&mut self, reference: &str) {
        self.suspects.insert(hash(reference));
    }

    /// Whether a broken line may be of this order.
    pub fn is_suspect(&self, reference: &str) -> bool {
        !self.suspects.is_empty() && self.suspects.contains(&hash(reference))
    }

    pub fn place(&self, spot: Spot) -> Place {
        Place { file: Arc::clone(&self.files[usize::from(spot.file)].file), line: spot.line }
    }

    /// Reports something bad, and spoils the order that is left out because of it.
    pub fn bad_of_order(
        &mut self,
        number: OrderNumber,
        spot: Spot,
        column: Option<Arc<str>>,
        reason: Reason,
    ) {
        let order = self.order(number);
        order.spoiled = true;
        let left_out = LeftOut::Order(Arc::clone(&order.reference));
        self.bad(spot, column, reason, left_out);
    }

    /// Reports something bad.
    pub fn bad(&mut self, spot: Spot, column: Option<Arc<str>>, reason: Reason, left_out: LeftOut) {
        *self.bad_by_kind.entry(reason.kind()).or_default() += 1;
        if self.bad.len() < BAD_LINES_KEPT_MAX {
            let place = self.place(spot);
            self.bad.push((spot, BadLine { place, column, reason, left_out }));
        }
    }
}

impl OrderNumber {
    /// The order at a place of [`Book::orders`].
    pub fn of(index: usize) -> OrderNumber {
        OrderNumber(u32::try_from(index).expect("LINES_MAX is below u32::MAX"))
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
