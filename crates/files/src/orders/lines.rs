//! Reads the lines of a file into the import's state.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;

use money::decimal;
use money::{Amount, Currency};

use crate::date::{utc_ms, utc_ms_of_formats};
use crate::profile::{CurrencyRule, Layout, Profile, SellerRule};
use crate::records::{LINES_MAX, Record, RecordReader};
use crate::reference::{REFERENCE_BYTES_MAX, ReferenceError, reference, unprintable};

use super::columns::{
    AmountColumn, ColumnIndexes, CsvHeader, ItemColumnIndexes, OrderColumnIndexes,
};
use super::report::{BadLineReason, FileLineCount, LeftOut, VALUES_MAX};
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
    shop: Option<&str>,
    name: &str,
    input: impl BufRead,
    book: &mut ImportState,
) -> Result<(), ImportError> {
    let file = shown_name(name);
    let refused = |error| ImportError::of_record(&file, error);
    let mut records = RecordReader::new(input, profile.encoding, profile.delimiter);
    let header = header(&file, &mut records)?;
    let shop_seller = shop_seller(profile, shop)?;
    let columns = ColumnIndexes::find(profile, part, header)?;
    let file_number = u16::try_from(book.files.len()).expect("FILES_MAX is below u16::MAX");
    book.files.push(FileLineCount { file: Arc::clone(&file), lines: 0 });
    let mut reader = Reader {
        profile,
        columns: &columns,
        shop,
        shop_seller,
        file: &file,
        file_number,
        book,
        previous: None,
    };
    let before = reader.book.owners.len();
    while let Some(record) = records.next().map_err(refused)? {
        // Records, orders, items and sellers are numbered with 32 bits.
        let number = u32::try_from(reader.book.owners.len()).unwrap_or(u32::MAX);
        if number >= LINES_MAX {
            return Err(ImportError::TooManyLines { file });
        }
        let owner = reader.line(record, number)?;
        reader.book.owners.push(owner);
    }
    let lines = reader.book.owners.len() - before;
    reader.book.files[usize::from(file_number)].lines = lines as u64;
    Ok(())
}

/// A file's name as messages show it.
pub fn shown_name(name: &str) -> Arc<str> {
    let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    shown.into()
}

/// Reads the header of a file.
pub fn header<R: BufRead>(
    file: &Arc<str>,
    records: &mut RecordReader<R>,
) -> Result<CsvHeader, ImportError> {
    match records.next().map_err(|error| ImportError::of_record(file, error))? {
        None => Err(ImportError::Empty { file: Arc::clone(file) }),
        Some(first) => {
            let first_names = first.names();
            CsvHeader::of(file, first_names, records.delimiter())
        }
    }
}

/// The seller of a shop whose export names none.
fn shop_seller(profile: &Profile, shop: Option<&str>) -> Result<Option<Arc<str>>, ImportError> {
    let (SellerRule::GivenAtImport, Some(sellers)) = (&profile.seller, &profile.sellers) else {
        return Ok(None);
    };
    let Some(shop) = shop else {
        return Err(ImportError::NoSeller { profile: profile.head.name.clone() });
    };
    match sellers.seller_of(shop) {
        Some(seller) => Ok(Some(Arc::clone(seller))),
        None => Err(ImportError::ShopNotMapped { shop: shop.to_owned() }),
    }
}

struct Reader<'r> {
    profile: &'r Profile,
    columns: &'r ColumnIndexes,
    shop: Option<&'r str>,
    /// The seller of all orders, if the shop tells it.
    shop_seller: Option<Arc<str>>,
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
    /// Reads a line. Returns its order, if that is known.
    fn line(&mut self, record: Record<'_>, number: u32) -> Result<Option<OrderIndex>, ImportError> {
        let spot = LineRef { file: self.file_number, line: record.line, record: number };
        let expected = self.columns.header.len();
        if record.len() != expected || record.misquoted {
            self.broken_line(record, spot, expected);
            return Ok(None);
        }
        let order = match self.order_reference(record.get(self.columns.reference)) {
            Ok(reference) => self.book.order_number(&reference, spot),
            Err(error) => {
                let column = self.columns.header.name(self.columns.reference);
                self.line_without_order(spot, Some(column), error.into());
                return Ok(None);
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
        Ok(Some(order))
    }

    /// An order's reference: that of the shop's order, after the name of the shop if it has one.
    fn order_reference<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, ReferenceError> {
        let text = reference(text)?;
        let Some(shop) = self.shop else { return Ok(Cow::Borrowed(text)) };
        let whole = format!("{shop}/{text}");
        match whole.len() {
            ..=REFERENCE_BYTES_MAX => Ok(Cow::Owned(whole)),
            length => Err(ReferenceError::TooLong(length)),
        }
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
        let references: Vec<Cow<'_, str>> =
            places.filter_map(|place| self.order_reference(record.get(place)).ok()).collect();
        for reference in &references {
            self.book.add_broken_reference(reference);
        }
        if !references.is_empty() {
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
                let decided = self.decide(number, status, at, record);
                match decided {
                    Ok(OrderDecision::Taken(_)) => self.buyer(number, at, record).and(decided),
                    decided => decided,
                }
                .map(|decision| OrderHeader { status, decision })
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
                if self.profile.layout == Layout::TwoFiles {
                    self.book.repeated.push(spot);
                }
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
        &mut self,
        order: OrderIndex,
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
            let is_listed = rules.take_when[rule].is.iter().any(|value| !value.is_empty());
            let value = self.listed_value(record.get(at.take_when[rule])).filter(|_| is_listed);
            let order = self.book.order(order);
            order.left_out_value = order.left_out_value.or(value);
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

    /// Notes the buyer whom the order's first line names.
    fn buyer(
        &mut self,
        order: OrderIndex,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<(), FieldError> {
        if self.book.order(order).header_lines == 0
            && let Some(buyer) = at.buyer.read(record)?
        {
            self.book.buyers.insert(order, buyer);
        }
        Ok(())
    }

    /// The number of a value that leaves an order out. `None` if it is not listed: then it is none
    /// of the first different ones, or no short text.
    fn listed_value(&mut self, value: &str) -> Option<u32> {
        if !value.is_empty() && reference(value).is_err() {
            return None;
        }
        let values = &mut self.book.values;
        (values.texts.len() < VALUES_MAX || values.has(value)).then(|| values.number(value))
    }

    fn currency(
        &self,
        at: &OrderColumnIndexes,
        record: Record<'_>,
    ) -> Result<Currency, FieldError> {
        match (&self.profile.currency, at.currency) {
            (CurrencyRule::Fixed(currency), _) => Ok(*currency),
            (_, Some(at)) => record.get(at).parse().map_err(|_| (at, BadLineReason::Currency)),
            (_, None) => {
                let given = self.profile.given_currency;
                Ok(given.expect("ColumnIndexes::find requires a column or a given currency"))
            }
        }
    }

    fn time(&self, at: &OrderColumnIndexes, record: Record<'_>) -> Result<Option<i64>, FieldError> {
        let Some(at) = at.ordered_at else { return Ok(None) };
        match record.get(at) {
            "" => Ok(None),
            text => {
                let (formats, zone) = (&self.profile.times, self.profile.zone_seconds);
                let (ms, fault) = if formats.is_empty() {
                    (utc_ms(text, zone), BadLineReason::Time)
                } else {
                    let named: Vec<String> = formats.iter().map(|one| format!("`{one}`")).collect();
                    let fault = BadLineReason::TimeForm(named.join(" or "));
                    (utc_ms_of_formats(text, formats, zone), fault)
                };
                ms.map(Some).ok_or((at, fault))
            }
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
        let block = match self.profile.item.each_line {
            true => u32::from(self.file_number),
            false => order.header_lines - 1,
        };
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
        match self.item_content(currency, spot, at, record) {
            Ok(goods) => {
                self.book.items.push(ReadItem { order: number, line: spot, block, content: goods });
            }
            Err((at, reason)) => {
                let column = self.columns.header.name(at);
                self.book.report_bad_order(number, spot, Some(column), reason);
            }
        }
    }

    fn item_content(
        &mut self,
        currency: Currency,
        spot: LineRef,
        at: &ItemColumnIndexes,
        record: Record<'_>,
    ) -> Result<ItemContent, FieldError> {
        let text = |at: usize| reference(record.get(at)).map_err(|error| (at, error.into()));
        let id = at.id.map(text).transpose()?.map(Box::from);
        let seller = self.seller(spot, at, record)?;
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

    /// The number of the line's seller.
    fn seller(
        &mut self,
        spot: LineRef,
        at: &ItemColumnIndexes,
        record: Record<'_>,
    ) -> Result<u32, FieldError> {
        let profile = self.profile;
        let Some(place) = at.seller else {
            let seller = match &profile.seller {
                SellerRule::Fixed(seller) => Some(seller),
                _ => self.shop_seller.as_ref(),
            };
            let seller = seller.expect("Importer::new refuses a profile without a seller");
            return Ok(self.book.sellers.names.number(seller));
        };
        let text = record.get(place);
        let is_vendor = matches!(profile.seller, SellerRule::Vendor(_));
        if text.is_empty() && is_vendor {
            return Err((place, BadLineReason::NoVendor));
        }
        let text = reference(text).map_err(|error| (place, error.into()))?;
        let mapped = profile.sellers.as_ref().and_then(|sellers| sellers.seller_of(text));
        if mapped.is_none() && is_vendor {
            let sellers = profile.sellers.as_ref();
            let other = sellers.and_then(|sellers| sellers.other_spelling(text));
            let (vendor, other) = (text.to_owned(), other.map(str::to_owned));
            return Err((place, BadLineReason::VendorNotMapped { vendor, other }));
        }
        let seller = mapped.map_or(text, |seller| seller);
        let number = self.book.sellers.number(seller, spot, mapped.is_some());
        number.map_err(|(first, line)| {
            let (seller, at) = (seller.to_owned(), self.book.location(line));
            (place, BadLineReason::SellerSpelling { seller, first, at })
        })
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
