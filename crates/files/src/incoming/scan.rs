//! One pass over a file: what every reader does with faults and parts.

use std::sync::Arc;

use jiff::civil::Date;
use money::Currency;

use super::check::ReadOptions;
use super::parts::{FilePart, StatementHead};
use super::{Faults, FileFault, ITEMS_MAX, RefusedFile, refusal};
use crate::records::RecordError;

/// Statements in one file.
pub(super) const STATEMENTS_MAX: usize = 10_000;

pub(super) struct Scan<'s> {
    pub file: Arc<str>,
    pub faults: Faults,
    pub options: &'s ReadOptions<'s>,
    sink: &'s mut dyn FnMut(FilePart),
    parts: usize,
}

impl<'s> Scan<'s> {
    pub fn new(
        file: &Arc<str>,
        options: &'s ReadOptions<'s>,
        sink: &'s mut dyn FnMut(FilePart),
    ) -> Scan<'s> {
        Scan { file: file.clone(), faults: Faults::default(), options, sink, parts: 0 }
    }

    /// Gives a part. Beyond [`ITEMS_MAX`] it is dropped: see [`Scan::check_count`].
    pub fn emit(&mut self, part: FilePart) {
        self.parts += 1;
        if self.parts <= ITEMS_MAX {
            (self.sink)(part);
        }
    }

    /// Refuses a file with too many parts.
    pub fn check_count(&mut self, last: u32) {
        if self.parts > ITEMS_MAX {
            self.faults.add(last, None, FileFault::TooMany(ITEMS_MAX));
        }
    }

    pub fn add(&mut self, line: u32, column: &str, fault: FileFault) {
        self.faults.add(line, Some(column), fault);
    }

    pub fn refusal(&self, error: RecordError) -> RefusedFile {
        refusal(&self.file, error)
    }

    pub fn empty(&self) -> RefusedFile {
        RefusedFile::Empty { file: self.file.clone() }
    }

    pub fn check_date(&mut self, line: u32, column: &str, date: Date) {
        if self.options.today.is_some_and(|today| date > today) {
            self.add(line, column, FileFault::DayToCome);
        }
    }

    pub fn check_currency(&mut self, line: u32, column: &str, found: Currency) {
        if let Some(wanted) = self.options.currency.filter(|wanted| *wanted != found) {
            self.add(line, column, FileFault::OtherCurrency { found, wanted });
        }
    }

    /// Spaces and the case of letters do not count.
    pub fn check_account(&mut self, line: u32, column: &str, found: &str) {
        let plain = |text: &str| text.replace(' ', "").to_ascii_uppercase();
        if self.options.account.is_some_and(|wanted| plain(wanted) != plain(found)) {
            self.add(line, column, FileFault::OtherParty("the account that was named"));
        }
    }

    pub fn check_party(&mut self, line: u32, column: &str, found: &str) {
        if self.options.party.is_some_and(|wanted| wanted != found) {
            self.add(line, column, FileFault::OtherParty("the network or wallet that was named"));
        }
    }

    /// Checks a whole statement: its balances, account, currency and day.
    pub fn check_statement(&mut self, line: u32, columns: [&str; 2], head: &StatementHead) {
        let [account_column, balance_column] = columns;
        if let Some(account) = &head.account {
            self.check_account(line, account_column, account);
        }
        self.check_currency(line, balance_column, head.currency);
        if let Some(date) = head.closed_on {
            self.check_date(line, balance_column, date);
        }
        let (Some(opening), Some(closing)) = (head.opening, head.closing) else { return };
        let found = i128::from(opening.minor()) + head.moved;
        let stated = i128::from(closing.minor());
        if stated != found {
            let fault = FileFault::Total { stated, found, currency: Some(head.currency) };
            self.add(line, balance_column, fault);
        }
    }
}
