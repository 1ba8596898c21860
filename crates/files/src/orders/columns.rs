//! Finds the columns of a profile in a file's header.

use std::sync::Arc;

use crate::nearest::nearest;
use crate::profile::{CurrencyRule, Layout, Profile, ProfileColumn, SellerRule};
use crate::reference::unprintable;

use super::buyer::BuyerColumnIndexes;
use super::{FileRole, ImportError};

pub struct CsvHeader {
    file: Arc<str>,
    delimiter: u8,
    names: Vec<Arc<str>>,
}

#[derive(Clone, Copy)]
pub struct AmountColumn {
    pub index: usize,
    pub empty_is_zero: bool,
}

/// The indexes of the order's columns.
pub struct OrderColumnIndexes {
    pub status: Option<usize>,
    pub ordered_at: Option<usize>,
    pub currency: Option<usize>,
    /// In the order of the profile's `take_when`.
    pub take_when: Vec<usize>,
    pub total: Option<AmountColumn>,
    pub add: Vec<AmountColumn>,
    pub less: Vec<AmountColumn>,
    pub buyer: BuyerColumnIndexes,
}

/// The indexes of the item's columns.
pub struct ItemColumnIndexes {
    pub id: Option<usize>,
    pub seller: Option<usize>,
    pub quantity: Option<usize>,
    pub add: Vec<AmountColumn>,
    pub add_each: Vec<AmountColumn>,
    pub less: Vec<AmountColumn>,
}

/// The indexes of a file's columns.
pub struct ColumnIndexes {
    pub header: CsvHeader,
    /// The order's reference.
    pub reference: usize,
    pub order: Option<OrderColumnIndexes>,
    pub item: Option<ItemColumnIndexes>,
}

impl ColumnIndexes {
    /// Finds the columns that the profile needs in a file with this role.
    pub fn find(
        profile: &Profile,
        part: FileRole,
        header: CsvHeader,
    ) -> Result<ColumnIndexes, ImportError> {
        header.check_delimiter()?;
        let is_orders = part == FileRole::Orders;
        let rules = if is_orders { &profile.order.id } else { &profile.item.order };
        let reference = header.index(rules)?;
        let order = is_orders.then(|| order_at(profile, &header)).transpose()?;
        let has_items = part == FileRole::Items || profile.layout != Layout::TwoFiles;
        let item = has_items.then(|| item_at(profile, &header)).transpose()?;
        Ok(ColumnIndexes { header, reference, order, item })
    }
}

fn order_at(profile: &Profile, header: &CsvHeader) -> Result<OrderColumnIndexes, ImportError> {
    let rules = &profile.order;
    let currency = match &profile.currency {
        CurrencyRule::Fixed(_) | CurrencyRule::GivenAtImport => None,
        CurrencyRule::Column(column) => header.optional_index(Some(column))?,
    };
    let is_named = currency.is_some() || matches!(profile.currency, CurrencyRule::Fixed(_));
    if !is_named && profile.given_currency.is_none() {
        let (file, profile) = (Arc::clone(&header.file), profile.head.name.clone());
        return Err(ImportError::NoCurrency { file, profile });
    }
    let take_when = rules.take_when.iter().map(|rule| header.index(&rule.column));
    Ok(OrderColumnIndexes {
        status: header.optional_index(rules.status.as_ref())?,
        ordered_at: header.optional_index(rules.ordered_at.as_ref())?,
        currency,
        take_when: take_when.collect::<Result<_, _>>()?,
        total: rules.total.as_ref().map(|total| header.amount(total)).transpose()?,
        add: header.amounts(&rules.add)?,
        less: header.amounts(&rules.less)?,
        buyer: BuyerColumnIndexes::find(&profile.buyer, header)?,
    })
}

fn item_at(profile: &Profile, header: &CsvHeader) -> Result<ItemColumnIndexes, ImportError> {
    let rules = &profile.item;
    let seller = match &profile.seller {
        SellerRule::Column(column) | SellerRule::Vendor(column) => Some(header.index(column)?),
        SellerRule::Fixed(_) | SellerRule::GivenAtImport => None,
    };
    Ok(ItemColumnIndexes {
        id: header.optional_index(rules.id.as_ref())?,
        seller,
        quantity: header.optional_index(rules.quantity.as_ref())?,
        add: header.amounts(&rules.add)?,
        add_each: header.amounts(&rules.add_each)?,
        less: header.amounts(&rules.less)?,
    })
}

impl CsvHeader {
    /// The header of a file whose records are separated by `delimiter`.
    pub fn of(
        file: &Arc<str>,
        names: Vec<Arc<str>>,
        delimiter: u8,
    ) -> Result<CsvHeader, ImportError> {
        if names.iter().any(|name| name.contains('\0')) {
            return Err(ImportError::Utf16 { file: Arc::clone(file) });
        }
        Ok(CsvHeader { file: Arc::clone(file), delimiter, names })
    }

    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn name(&self, index: usize) -> Arc<str> {
        Arc::clone(&self.names[index])
    }

    pub(crate) fn check_delimiter(&self) -> Result<(), ImportError> {
        let [only] = self.names.as_slice() else { return Ok(()) };
        let delimiter = self.delimiter;
        let others = [b';', b'\t', b',', b'|'].into_iter().filter(|&other| other != delimiter);
        match others.into_iter().find(|&other| only.contains(char::from(other))) {
            None => Ok(()),
            Some(other) => Err(ImportError::WrongDelimiter {
                file: Arc::clone(&self.file),
                found: delimiter_name(other),
                expected: delimiter_name(delimiter),
            }),
        }
    }

    pub(crate) fn index(&self, column: &ProfileColumn) -> Result<usize, ImportError> {
        if let Some(index) = self.index_if_present(column)? {
            return Ok(index);
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

    pub(crate) fn optional_index(
        &self,
        column: Option<&ProfileColumn>,
    ) -> Result<Option<usize>, ImportError> {
        match column {
            None => Ok(None),
            Some(column) if column.optional => self.index_if_present(column),
            Some(column) => self.index(column).map(Some),
        }
    }

    fn index_if_present(&self, column: &ProfileColumn) -> Result<Option<usize>, ImportError> {
        for wanted in &column.names {
            let mut indexes = (0..self.len()).filter(|&index| *self.names[index] == **wanted);
            match (indexes.next(), indexes.next()) {
                (None, _) => {}
                (Some(index), None) => return Ok(Some(index)),
                (Some(_), Some(_)) => {
                    let (file, column) = (Arc::clone(&self.file), wanted.clone());
                    return Err(ImportError::DuplicateColumn { file, column });
                }
            }
        }
        Ok(None)
    }

    /// The columns that the file has. Only those that may be missing are left out.
    pub(crate) fn present(&self, columns: &[ProfileColumn]) -> Result<Vec<usize>, ImportError> {
        let found = columns.iter().map(|column| self.optional_index(Some(column)));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn amount(&self, column: &ProfileColumn) -> Result<AmountColumn, ImportError> {
        Ok(AmountColumn { index: self.index(column)?, empty_is_zero: column.empty_is_zero })
    }

    fn amounts(&self, columns: &[ProfileColumn]) -> Result<Vec<AmountColumn>, ImportError> {
        columns.iter().map(|column| self.amount(column)).collect()
    }
}

fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolons",
        b'\t' => "tabs",
        b'|' => "vertical bars",
        _ => "commas",
    }
}
