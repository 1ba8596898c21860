//! Reads the lines of a file into the import's state.

use std::io::BufRead;
use std::sync::Arc;

use money::decimal;
use money::{Amount, Currency};

use crate::date::utc_ms;
use crate::profile::{CurrencyRule, Layout, Profile, SellerRule};
use crate::records::{LINES_MAX, Record, RecordReader};
use crate::reference::{reference, unprintable};

use super::columns::{
    AmountColumn, ColumnIndexes, CsvHeader, ItemColumnIndexes, OrderColumnIndexes,
};
use super::report::{BadLineReason, FileLineCount, LeftOut};
use super::state::{
    ImportState, ItemContent, LineRef, OrderDecision, OrderHeader, OrderIndex, OrderTerms, ReadItem,
};
use super::{FileRole, ImportError, LINES_OF_ORDER_MAX, QUANTITY_MAX, STATUSES_MAX};

/// Fields by which the order reference of a broken line may be shifted.
const SHIFT_MAX: usize = 16;

/// The index of a field, and the problem.
type FieldError = (usize, BadLineReason);

pub fn read(
    profile: &Profile,
    part: FileRole,
    name: &str,
    input: impl BufRead,
    book: &mut ImportState,
) -> Result<(), ImportError> {
    let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let file: Arc<str> = shown.into();
    let refused = |error| ImportError::of_record(&file, error);
    let mut records = RecordReader::new(input, profile.delimiter);
    let header = match records.next().map_err(refused)? {
        Some(first) => CsvHeader::of(&file, first)?,
        None => return Err(ImportError::Empty { file: Arc::clone(&file) }),
    };
    let columns = ColumnIndexes::find(profile, part, header)?;
    let file_number = u16::try_from(book.files.len()).expect("FILES_MAX is below u16::MAX");
    book.files.push(FileLineCount { file: Arc::clone(&file), lines: 0 });
    let mut reader =
        Reader { profile, columns: &columns, file: &file, file_number, book, previous: None };
    let before: u64 = reader.book.files.iter().map(|file| file.lines).sum();
    let mut lines = 0;
    while let Some(record) = records.next().map_err(refused)? {
        reader.line(record)?;
        lines += 1;
        // Orders, items and sellers are numbered with 32 bits.
        if before + lines > u64::from(LINES_MAX) {
            return Err(ImportError::TooManyLines { file });
        }
    }
    reader.book.files[usize::from(file_number)].lines = lines;
    Ok(())
}

struct Reader<'r> {
    profile: &'r Profile,
    columns: &'r ColumnIndexes,
    file: &'r Arc<str>,
    file_number: u16,
    book: &'r mut ImportState,
    previous: Option<Previous>,
}

/// The previous line.
enum Previous {
    Of(OrderIndex),
    /// An item whose order is unknown.
    UnknownOrder,
}

impl Reader<'_> {
    fn line(&mut self, record: Record<'_>) -> Result<(), ImportError> {
        let spot = LineRef { file: self.file_number, line: record.line };
        let expected = self.columns.header.len();
        if record.len() != expected || record.misquoted {
            self.broken_line(record, spot, expected);
            return Ok(());
        }
        let order = match reference(record.get(self.columns.reference)) {
            Ok(reference) => self.book.order_number(reference, spot),
            Err(error) => {
                let column = self.columns.header.name(self.columns.reference);
                self.line_without_order(spot, Some(column), error.into());
                return Ok(());
            }
        };
        if let Some(Previous::UnknownOrder) = self.previous.replace(Previous::Of(order)) {
            self.book.order(order).has_error = true;
        }
        let columns = self.columns;
        if let Some(at) = &columns.order
            && self.is_header_line(at, record)
        {
            self.read_header_line(order, spot, at, record)?;
        }
        if let Some(at) = &columns.item {
            self.item(order, spot, at, record);
        }
        Ok(())
    }

    /// Handles a line that does not match the header's fields. Its order reference may be shifted
    /// by up to the number of extra or missing fields.
    fn broken_line(&mut self, record: Record<'_>, spot: LineRef, expected: usize) {
        let found = record.len();
        let reason = if found == expected {
            BadLineReason::Misquoted
        } else {
            BadLineReason::FieldCount { found, expected }
        };
        let at = self.columns.reference;
        let shift = found.abs_diff(expected).min(SHIFT_MAX);
        let places = if found < expected { at.saturating_sub(shift)..=at } else { at..=at + shift };
        let mut any = false;
        for text in places.filter_map(|place| reference(record.get(place)).ok()) {
            self.book.add_broken_reference(text);
            any = true;
        }
        if any {
            self.book.bad(spot, None, reason, LeftOut::OrderOfLine);
        } else {
            self.line_without_order(spot, None, reason);
        }
    }

    /// Handles a line whose order is unknown. Exports write the items of an order one below the
    /// other, so the line belongs to the order before or after it. Both are left out, because one
    /// of them lacks an item.
    fn line_without_order(
        &mut self,
        spot: LineRef,
        column: Option<Arc<str>>,
        reason: BadLineReason,
    ) {
        if self.columns.item.is_none() || self.profile.item.one_line_parcels {
            self.book.bad(spot, column, reason, LeftOut::Line);
            return;
        }
        if let Some(Previous::Of(order)) = self.previous.replace(Previous::UnknownOrder) {
            self.book.order(order).has_error = true;
        }
        self.book.bad(spot, column, reason, LeftOut::NeighbourOrders);
    }

    /// The line is a header line of its order.
    fn is_header_line(&self, at: &OrderColumnIndexes, record: Record<'_>) -> bool {
        let mark = at.status.or(at.total.map(|total| total.index));
        self.profile.layout != Layout::FirstLine
            || mark.is_some_and(|mark| !record.get(mark).is_empty())
    }

    fn read_header_line(
        &mut self,
        number: OrderIndex,
        spot: LineRef,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<(), ImportError> {
        let read = match self.status(at, record)? {
            Err(fault) => Err(fault),
            Ok(status) => {
                let order = self.book.order(number);
                order.status = order.status.or(status);
                self.decide(status, at, record).map(|decision| OrderHeader { status, decision })
            }
        };
        let order = self.book.order(number);
        order.header_lines += 1;
        let head = match read {
            Ok(head) => head,
            Err((at, reason)) => {
                let column = self.columns.header.name(at);
                self.book.report_bad_order(number, spot, Some(column), reason);
                return Ok(());
            }
        };
        match &order.header {
            // The first header line was unreadable, and its error is reported.
            None if order.header_lines > 1 => {}
            None => order.header = Some(head),
            Some(first) if *first == head => {
                // In the other layouts the items show whether the line is a repetition.
                let repeats = self.profile.layout == Layout::TwoFiles;
                self.book.repeated_lines += u64::from(repeats);
            }
            Some(_) if order.in_conflict => {}
            Some(_) => {
                order.in_conflict = true;
                let first = order.first_line;
                let first = self.book.location(first);
                self.book.report_bad_order(
                    number,
                    spot,
                    None,
                    BadLineReason::OrderConflict { first },
                );
            }
        }
        Ok(())
    }

    /// The number of the status; `None` if the profile has no status.
    fn status(
        &mut self,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<Result<Option<u32>, FieldError>, ImportError> {
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

    fn decide(
        &self,
        status: Option<u32>,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<OrderDecision, FieldError> {
        let rules = &self.profile.order;
        if let Some(status) = status {
            let status = &self.book.statuses.texts[status as usize];
            if !rules.take.iter().any(|take| **take == **status) {
                return Ok(OrderDecision::LeftOutByStatus);
            }
        }
        let matches = |(rule, &at): (usize, &usize)| {
            rules.take_when[rule].is.iter().any(|value| value == record.get(at))
        };
        if let Some(rule) = at.take_when.iter().enumerate().position(|at| !matches(at)) {
            return Ok(OrderDecision::LeftOutByRule(rule));
        }
        let currency = self.currency(at, record)?;
        let total = at.total.map(|total| self.amount(total, currency, record)).transpose()?;
        Ok(OrderDecision::Taken(OrderTerms {
            currency,
            ordered_at_ms: self.time(at, record)?,
            total,
            add: self.sum(&at.add, currency, record)?,
            less: self.sum(&at.less, currency, record)?,
        }))
    }

    fn currency(
        &self,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<Currency, FieldError> {
        match (&self.profile.currency, at.currency) {
            (CurrencyRule::Fixed(currency), _) => Ok(*currency),
            (CurrencyRule::Column(_), at) => {
                let at = at.expect("Columns::find requires the currency column");
                record.get(at).parse().map_err(|_| (at, BadLineReason::Currency))
            }
        }
    }

    fn time(&self, at: &OrderColumnIndexes, record: Record<'_>) -> Result<Option<i64>, FieldError> {
        let Some(at) = at.ordered_at else { return Ok(None) };
        match record.get(at) {
            "" => Ok(None),
            text => match utc_ms(text, self.profile.zone_seconds) {
                Some(ms) => Ok(Some(ms)),
                None => Err((at, BadLineReason::Time)),
            },
        }
    }

    fn item(
        &mut self,
        number: OrderIndex,
        spot: LineRef,
        at: &ItemColumnIndexes,
        record: Record<'_>,
    ) {
        let order = self.book.order(number);
        if order.header_lines == 0 {
            order.items_before_header = order.items_before_header.saturating_add(1);
            return;
        }
        let block = order.header_lines - 1;
        // The items of an order that is left out are not needed, and their amounts cannot be parsed
        // without its currency.
        let Some(OrderHeader { decision: OrderDecision::Taken(facts), .. }) = &order.header else {
            return;
        };
        let currency = facts.currency;
        order.item_lines = order.item_lines.saturating_add(1);
        let lines = order.item_lines as usize;
        if lines > LINES_OF_ORDER_MAX {
            if lines == LINES_OF_ORDER_MAX + 1 {
                self.book.report_bad_order(number, spot, None, BadLineReason::TooManyLines);
            }
            return;
        }
        match self.item_content(currency, at, record) {
            Ok(goods) => self.book.items.push(ReadItem {
                order: number,
                line: spot,
                header_line: block,
                content: goods,
            }),
            Err((at, reason)) => {
                let column = self.columns.header.name(at);
                self.book.report_bad_order(number, spot, Some(column), reason);
            }
        }
    }

    fn item_content(
        &mut self,
        currency: Currency,
        at: &ItemColumnIndexes,
        record: Record<'_>,
    ) -> Result<ItemContent, FieldError> {
        let text = |at: usize| reference(record.get(at)).map_err(|error| (at, error.into()));
        let id = at.id.map(text).transpose()?.map(Box::from);
        let seller = match (&self.profile.seller, at.seller) {
            (SellerRule::Fixed(seller), _) => seller,
            (_, Some(at)) => text(at)?,
            (_, None) => unreachable!("Importer::new refuses a profile without a seller"),
        };
        let seller = self.book.sellers.number(seller);
        let quantity = match at.quantity {
            None => 1,
            Some(at) => quantity(record.get(at)).ok_or((at, BadLineReason::Quantity))?,
        };
        let add = self.sum(&at.add, currency, record)?;
        let each = self.sum(&at.add_each, currency, record)?;
        let less = self.sum(&at.less, currency, record)?;
        let whole = u64::from(quantity).checked_mul(each.minor()).and_then(Amount::new);
        let whole = whole.and_then(|whole| whole.checked_add(add));
        let blamed = |columns: &[AmountColumn]| columns.first().map_or(0, |column| column.index);
        let whole = whole.ok_or_else(|| (blamed(&at.add_each), BadLineReason::SumTooLarge))?;
        let amount = whole
            .checked_sub(less)
            .ok_or_else(|| (blamed(&at.less), BadLineReason::DiscountTooLarge))?;
        Ok(ItemContent { id, seller, amount, quantity })
    }

    fn sum(
        &self,
        columns: &[AmountColumn],
        currency: Currency,
        record: Record<'_>,
    ) -> Result<Amount, FieldError> {
        let mut sum = Amount::ZERO;
        for column in columns {
            let amount = self.amount(*column, currency, record)?;
            sum = sum.checked_add(amount).ok_or((column.index, BadLineReason::SumTooLarge))?;
        }
        Ok(sum)
    }

    fn amount(
        &self,
        column: AmountColumn,
        currency: Currency,
        record: Record<'_>,
    ) -> Result<Amount, FieldError> {
        let text = record.get(column.index);
        if text.is_empty() && column.empty_is_zero {
            return Ok(Amount::ZERO);
        }
        if unprintable(text).is_some() {
            return Err((column.index, BadLineReason::AmountUnprintable));
        }
        decimal::parse(text, currency, self.profile.decimals)
            .map_err(|error| (column.index, error.into()))
    }
}

fn quantity(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let quantity: u32 = digits.then(|| text.parse().ok())??;
    (quantity <= QUANTITY_MAX).then_some(quantity)
}
