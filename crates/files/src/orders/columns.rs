//! Where the columns of a profile stand in a file.

use std::sync::Arc;

use crate::nearest::nearest;
use crate::profile::{Column, CurrencyRule, Layout, Profile, SellerRule};
use crate::records::Record;
use crate::reference::unprintable;

use super::{ImportError, Part};

/// The header of a file.
pub struct Header {
    file: Arc<str>,
    names: Vec<Arc<str>>,
}

/// Where an amount stands.
#[derive(Clone, Copy)]
pub struct AmountAt {
    pub at: usize,
    pub empty_is_zero: bool,
}

/// Where the columns of an order stand.
pub struct OrderAt {
    pub status: Option<usize>,
    pub ordered_at: Option<usize>,
    pub currency: Option<usize>,
    /// In the order of the profile's `take_when`.
    pub take_when: Vec<usize>,
    pub total: Option<AmountAt>,
    pub add: Vec<AmountAt>,
    pub less: Vec<AmountAt>,
}

/// Where the columns of an item stand.
pub struct ItemAt {
    pub id: Option<usize>,
    pub seller: Option<usize>,
    pub quantity: Option<usize>,
    pub add: Vec<AmountAt>,
    pub add_each: Vec<AmountAt>,
    pub less: Vec<AmountAt>,
}

/// Where the columns of a file stand.
pub struct Columns {
    pub header: Header,
    /// The order's reference.
    pub reference: usize,
    pub order: Option<OrderAt>,
    pub item: Option<ItemAt>,
}

impl Columns {
    /// Finds the columns that the profile needs of a part.
    pub fn find(profile: &Profile, part: Part, header: Header) -> Result<Columns, ImportError> {
        header.check_delimiter(profile.delimiter)?;
        let is_orders = part == Part::Orders;
        let rules = if is_orders { &profile.order.id } else { &profile.item.order };
        let reference = header.place(rules)?;
        let order = is_orders.then(|| order_at(profile, &header)).transpose()?;
        let has_items = part == Part::Items || profile.layout != Layout::TwoFiles;
        let item = has_items.then(|| item_at(profile, &header)).transpose()?;
        Ok(Columns { header, reference, order, item })
    }
}

fn order_at(profile: &Profile, header: &Header) -> Result<OrderAt, ImportError> {
    let rules = &profile.order;
    let currency = match &profile.currency {
        CurrencyRule::Fixed(_) => None,
        CurrencyRule::Column(column) => Some(header.place(column)?),
    };
    let take_when = rules.take_when.iter().map(|rule| header.place(&rule.column));
    Ok(OrderAt {
        status: header.place_of(rules.status.as_ref())?,
        ordered_at: header.place_of(rules.ordered_at.as_ref())?,
        currency,
        take_when: take_when.collect::<Result<_, _>>()?,
        total: rules.total.as_ref().map(|total| header.amount(total)).transpose()?,
        add: header.amounts(&rules.add)?,
        less: header.amounts(&rules.less)?,
    })
}

fn item_at(profile: &Profile, header: &Header) -> Result<ItemAt, ImportError> {
    let rules = &profile.item;
    let seller = match &profile.seller {
        SellerRule::Column(column) => Some(header.place(column)?),
        SellerRule::Fixed(_) | SellerRule::ToBeGiven => None,
    };
    Ok(ItemAt {
        id: header.place_of(rules.id.as_ref())?,
        seller,
        quantity: header.place_of(rules.quantity.as_ref())?,
        add: header.amounts(&rules.add)?,
        add_each: header.amounts(&rules.add_each)?,
        less: header.amounts(&rules.less)?,
    })
}

impl Header {
    /// Takes a header from the first record of a file.
    pub fn of(file: &Arc<str>, record: Record<'_>) -> Result<Header, ImportError> {
        let names: Vec<Arc<str>> =
            (0..record.len()).map(|place| Arc::from(record.get(place))).collect();
        // A carriage return outside quotes that ends no line: all lines are this one.
        if names.iter().any(|name| name.contains('\r') && !name.contains('\n')) {
            return Err(ImportError::LineEnds { file: Arc::clone(file) });
        }
        if names.iter().any(|name| name.contains('\0')) {
            return Err(ImportError::NotText { file: Arc::clone(file), kind: "UTF-16 text" });
        }
        Ok(Header { file: Arc::clone(file), names })
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a column of the profile.
    pub fn name(&self, place: usize) -> Arc<str> {
        Arc::clone(&self.names[place])
    }

    fn check_delimiter(&self, delimiter: u8) -> Result<(), ImportError> {
        let [only] = self.names.as_slice() else { return Ok(()) };
        let others = [b';', b'\t', b',', b'|'].into_iter().filter(|&other| other != delimiter);
        match others.into_iter().find(|&other| only.contains(char::from(other))) {
            None => Ok(()),
            Some(other) => Err(ImportError::WrongDelimiter {
                file: Arc::clone(&self.file),
                found: in_words(other),
                expected: in_words(delimiter),
            }),
        }
    }

    fn place(&self, column: &Column) -> Result<usize, ImportError> {
        if let Some(place) = self.place_if_there(column)? {
            return Ok(place);
        }
        let names = || {
            let names = self.names.iter().map(AsRef::as_ref);
            names.filter(|name| unprintable(name).is_none())
        };
        let near = column.names.iter().find_map(|wanted| nearest(wanted, names()));
        Err(ImportError::MissingColumn {
            file: Arc::clone(&self.file),
            wanted: super::sources::one_of(&column.names),
            nearest: near.map(str::to_owned),
        })
    }

    fn place_of(&self, column: Option<&Column>) -> Result<Option<usize>, ImportError> {
        match column {
            None => Ok(None),
            Some(column) if column.optional => self.place_if_there(column),
            Some(column) => self.place(column).map(Some),
        }
    }

    fn place_if_there(&self, column: &Column) -> Result<Option<usize>, ImportError> {
        for wanted in &column.names {
            let mut places = (0..self.len()).filter(|&place| *self.names[place] == **wanted);
            match (places.next(), places.next()) {
                (None, _) => {}
                (Some(place), None) => return Ok(Some(place)),
                (Some(_), Some(_)) => {
                    let (file, column) = (Arc::clone(&self.file), wanted.clone());
                    return Err(ImportError::DoubleColumn { file, column });
                }
            }
        }
        Ok(None)
    }

    fn amount(&self, column: &Column) -> Result<AmountAt, ImportError> {
        Ok(AmountAt { at: self.place(column)?, empty_is_zero: column.empty_is_zero })
    }

    fn amounts(&self, columns: &[Column]) -> Result<Vec<AmountAt>, ImportError> {
        columns.iter().map(|column| self.amount(column)).collect()
    }
}

fn in_words(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolons",
        b'\t' => "tabs",
        b'|' => "vertical bars",
        _ => "commas",
    }
}
