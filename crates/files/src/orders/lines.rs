//! From the lines of a file into the book.

use std::io::BufRead;
use std::sync::Arc;

use money::decimal;
use money::{Amount, Currency};

use crate::civil::utc_ms;
use crate::profile::{CurrencyRule, Layout, Profile, SellerRule};
use crate::records::{LINES_MAX, Record, Records};
use crate::reference::{reference, unprintable};

use super::book::{Book, Facts, Fate, Goods, Head, Item, OrderNumber, Spot};
use super::columns::{AmountAt, Columns, Header, ItemAt, OrderAt};
use super::report::{FileLines, LeftOut, Reason};
use super::{ImportError, LINES_OF_ORDER_MAX, Part, QUANTITY_MAX, STATUSES_MAX};

/// How far the fields of a broken line can have been shifted for its order to be looked for.
const SHIFT_MAX: usize = 16;

/// What is wrong with a field, and which.
type FieldFault = (usize, Reason);

/// Reads a file into the book.
pub fn read(
    profile: &Profile,
    part: Part,
    name: &str,
    input: impl BufRead,
    book: &mut Book,
) -> Result<(), ImportError> {
    let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let file: Arc<str> = shown.into();
    let refused = |error| ImportError::of_record(&file, error);
    let mut records = Records::new(input, profile.delimiter);
    let header = match records.next().map_err(refused)? {
        Some(first) => Header::of(&file, first)?,
        None => return Err(ImportError::Empty { file: Arc::clone(&file) }),
    };
    let columns = Columns::find(profile, part, header)?;
    let file_number = u16::try_from(book.files.len()).expect("FILES_MAX is below u16::MAX");
    book.files.push(FileLines { file: Arc::clone(&file), lines: 0 });
    let mut reader =
        Reader { profile, columns: &columns, file: &file, file_number, book, previous: None };
    let before: u64 = reader.book.files.iter().map(|file| file.lines).sum();
    let mut lines = 0;
    while let Some(record) = records.next().map_err(refused)? {
        reader.line(record)?;
        lines += 1;
        // Orders, items and sellers are numbered in 32 bits.
        if before + lines > u64::from(LINES_MAX) {
            return Err(ImportError::TooManyLines { file });
        }
    }
    reader.book.files[usize::from(file_number)].lines = lines;
    Ok(())
}

struct Reader<'r> {
    profile: &'r Profile,
    columns: &'r Columns,
    file: &'r Arc<str>,
    file_number: u16,
    book: &'r mut Book,
    previous: Option<Previous>,
}

/// The line before.
enum Previous {
    /// It was of this order.
    Of(OrderNumber),
    /// It was an item of an order that cannot be told.
    Lost,
}

impl Reader<'_> {
    fn line(&mut self, record: Record<'_>) -> Result<(), ImportError> {
        let spot = Spot { file: self.file_number, line: record.line };
        let expected = self.columns.header.len();
        if record.len() != expected || record.misquoted {
            self.broken(record, spot, expected);
            return Ok(());
        }
        let order = match reference(record.get(self.columns.reference)) {
            Ok(reference) => self.book.order_number(reference, spot),
            Err(error) => {
                let column = self.columns.header.name(self.columns.reference);
                self.lost(spot, Some(column), error.into());
                return Ok(());
            }
        };
        if let Some(Previous::Lost) = self.previous.replace(Previous::Of(order)) {
            self.book.order(order).spoiled = true;
        }
        let columns = self.columns;
        if let Some(at) = &columns.order
            && self.is_head(at, record)
        {
            self.head(order, spot, at, record)?;
        }
        if let Some(at) = &columns.item {
            self.item(order, spot, at, record);
        }
        Ok(())
    }

    /// A line that does not fall into the fields of the header. Where the order stands is shifted
    /// by as many fields as there are too many or too few, or by none.
    fn broken(&mut self, record: Record<'_>, spot: Spot, expected: usize) {
        let found = record.len();
        let reason =
            if found == expected { Reason::Misquoted } else { Reason::Fields { found, expected } };
        let at = self.columns.reference;
        let shift = found.abs_diff(expected).min(SHIFT_MAX);
        let places = if found < expected { at.saturating_sub(shift)..=at } else { at..=at + shift };
        let mut any = false;
        for text in places.filter_map(|place| reference(record.get(place)).ok()) {
            self.book.suspect(text);
            any = true;
        }
        if any {
            self.book.bad(spot, None, reason, LeftOut::ItsOrder);
        } else {
            self.lost(spot, None, reason);
        }
    }

    /// A line whose order cannot be told. Exports write the items of an order one below the other,
    /// so it belongs to the order before it or to the one after it: neither is taken, for it would
    /// lack an item.
    fn lost(&mut self, spot: Spot, column: Option<Arc<str>>, reason: Reason) {
        if self.columns.item.is_none() || self.profile.item.one_line_parcels {
            self.book.bad(spot, column, reason, LeftOut::Line);
            return;
        }
        if let Some(Previous::Of(order)) = self.previous.replace(Previous::Lost) {
            self.book.order(order).spoiled = true;
        }
        self.book.bad(spot, column, reason, LeftOut::Neighbours);
    }

    /// Whether the line says what its order is.
    fn is_head(&self, at: &OrderAt, record: Record<'_>) -> bool {
        let mark = at.status.or(at.total.map(|total| total.at));
        self.profile.layout != Layout::FirstLine
            || mark.is_some_and(|mark| !record.get(mark).is_empty())
    }

    fn head(
        &mut self,
        number: OrderNumber,
        spot: Spot,
        at: &OrderAt,
        record: Record<'_>,
    ) -> Result<(), ImportError> {
        let read = match self.status(at, record)? {
            Err(fault) => Err(fault),
            Ok(status) => {
                let order = self.book.order(number);
                order.status = order.status.or(status);
                self.fate(status, at, record).map(|fate| Head { status, fate })
            }
        };
        let order = self.book.order(number);
        order.heads += 1;
        let head = match read {
            Ok(head) => head,
            Err((at, reason)) => {
                let column = self.columns.header.name(at);
                self.book.bad_of_order(number, spot, Some(column), reason);
                return Ok(());
            }
        };
        match &order.head {
            // The first line could not be read: the order is spoiled.
            None if order.heads > 1 => {}
            None => order.head = Some(head),
            Some(first) if *first == head => {
                // Elsewhere the items tell whether the line is a repetition.
                let repeats = self.profile.layout == Layout::TwoFiles;
                self.book.repeated_lines += u64::from(repeats);
            }
            Some(_) if order.in_conflict => {}
            Some(_) => {
                order.in_conflict = true;
                let first = order.spot;
                let first = self.book.place(first);
                self.book.bad_of_order(number, spot, None, Reason::OrderConflict { first });
            }
        }
        Ok(())
    }

    /// The status by its number; `None` where the profile has no status.
    fn status(
        &mut self,
        at: &OrderAt,
        record: Record<'_>,
    ) -> Result<Result<Option<u32>, FieldFault>, ImportError> {
        let Some(at) = at.status else { return Ok(Ok(None)) };
        let status = match reference(record.get(at)) {
            Ok(status) => status,
            Err(error) => return Ok(Err((at, error.into()))),
        };
        let number = self.book.statuses.number(status);
        if self.book.statuses.texts.len() > STATUSES_MAX {
            let column = self.columns.header.name(at).to_string();
            return Err(ImportError::TooManyStatuses { file: Arc::clone(self.file), column });
        }
        Ok(Ok(Some(number)))
    }

    fn fate(
        &self,
        status: Option<u32>,
        at: &OrderAt,
        record: Record<'_>,
    ) -> Result<Fate, FieldFault> {
        let rules = &self.profile.order;
        if let Some(status) = status {
            let status = &self.book.statuses.texts[status as usize];
            if !rules.take.iter().any(|take| **take == **status) {
                return Ok(Fate::LeftOutByStatus);
            }
        }
        let keeps = |(rule, &at): (usize, &usize)| {
            rules.take_when[rule].is.iter().any(|value| value == record.get(at))
        };
        if let Some(rule) = at.take_when.iter().enumerate().position(|at| !keeps(at)) {
            return Ok(Fate::LeftOutByRule(rule));
        }
        let currency = self.currency(at, record)?;
        let total = at.total.map(|total| self.amount(total, currency, record)).transpose()?;
        Ok(Fate::Taken(Facts {
            currency,
            ordered_at_ms: self.time(at, record)?,
            total,
            add: self.sum(&at.add, currency, record)?,
            less: self.sum(&at.less, currency, record)?,
        }))
    }

    fn currency(&self, at: &OrderAt, record: Record<'_>) -> Result<Currency, FieldFault> {
        match (&self.profile.currency, at.currency) {
            (CurrencyRule::Fixed(currency), _) => Ok(*currency),
            (CurrencyRule::Column(_), at) => {
                let at = at.expect("the header was searched for it");
                record.get(at).parse().map_err(|_| (at, Reason::Currency))
            }
        }
    }

    fn time(&self, at: &OrderAt, record: Record<'_>) -> Result<Option<i64>, FieldFault> {
        let Some(at) = at.ordered_at else { return Ok(None) };
        match record.get(at) {
            "" => Ok(None),
            text => match utc_ms(text, self.profile.zone_seconds) {
                Some(ms) => Ok(Some(ms)),
                None => Err((at, Reason::Time)),
            },
        }
    }

    fn item(&mut self, number: OrderNumber, spot: Spot, at: &ItemAt, record: Record<'_>) {
        let order = self.book.order(number);
        if order.heads == 0 {
            order.stray_items = order.stray_items.saturating_add(1);
            return;
        }
        let block = order.heads - 1;
        // Nobody asks about the items of an order that is left out, and their amounts could not be
        // read without its currency.
        let Some(Head { fate: Fate::Taken(facts), .. }) = &order.head else { return };
        let currency = facts.currency;
        order.lines = order.lines.saturating_add(1);
        let lines = order.lines as usize;
        if lines > LINES_OF_ORDER_MAX {
            if lines == LINES_OF_ORDER_MAX + 1 {
                self.book.bad_of_order(number, spot, None, Reason::TooManyLines);
            }
            return;
        }
        match self.goods(currency, at, record) {
            Ok(goods) => self.book.items.push(Item { order: number, spot, block, goods }),
            Err((at, reason)) => {
                let column = self.columns.header.name(at);
                self.book.bad_of_order(number, spot, Some(column), reason);
            }
        }
    }

    fn goods(
        &mut self,
        currency: Currency,
        at: &ItemAt,
        record: Record<'_>,
    ) -> Result<Goods, FieldFault> {
        let text = |at: usize| reference(record.get(at)).map_err(|error| (at, error.into()));
        let id = at.id.map(text).transpose()?.map(Box::from);
        let seller = match (&self.profile.seller, at.seller) {
            (SellerRule::Fixed(seller), _) => seller,
            (_, Some(at)) => text(at)?,
            (_, None) => unreachable!("the importer refuses a profile without a seller"),
        };
        let seller = self.book.sellers.number(seller);
        let quantity = match at.quantity {
            None => 1,
            Some(at) => quantity(record.get(at)).ok_or((at, Reason::Quantity))?,
        };
        let add = self.sum(&at.add, currency, record)?;
        let each = self.sum(&at.add_each, currency, record)?;
        let less = self.sum(&at.less, currency, record)?;
        let whole = u64::from(quantity).checked_mul(each.minor()).and_then(Amount::new);
        let whole = whole.and_then(|whole| whole.checked_add(add));
        let blamed = |columns: &[AmountAt]| columns.first().map_or(0, |column| column.at);
        let whole = whole.ok_or_else(|| (blamed(&at.add_each), Reason::SumTooLarge))?;
        let amount =
            whole.checked_sub(less).ok_or_else(|| (blamed(&at.less), Reason::BelowZero))?;
        Ok(Goods { id, seller, amount, quantity })
    }

    fn sum(
        &self,
        columns: &[AmountAt],
        currency: Currency,
        record: Record<'_>,
    ) -> Result<Amount, FieldFault> {
        let mut sum = Amount::ZERO;
        for column in columns {
            let amount = self.amount(*column, currency, record)?;
            sum = sum.checked_add(amount).ok_or((column.at, Reason::SumTooLarge))?;
        }
        Ok(sum)
    }

    fn amount(
        &self,
        column: AmountAt,
        currency: Currency,
        record: Record<'_>,
    ) -> Result<Amount, FieldFault> {
        let text = record.get(column.at);
        if text.is_empty() && column.empty_is_zero {
            return Ok(Amount::ZERO);
        }
        if unprintable(text).is_some() {
            return Err((column.at, Reason::AmountUnprintable));
        }
        decimal::parse(text, currency, self.profile.decimals)
            .map_err(|error| (column.at, error.into()))
    }
}

fn quantity(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let quantity: u32 = digits.then(|| text.parse().ok())??;
    (quantity <= QUANTITY_MAX).then_some(quantity)
}
