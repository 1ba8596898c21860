//! Rows of what commands and events say by themselves: parties, cash, differences, settlement.

mod cash;
mod differences;
mod parties;
mod settlement;

use std::collections::HashMap;

use books::{Books, Command, Event, PayoutId, PlanId};
use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::catalog::ViewName;
use crate::rows::{Day, RowKey, Rows};
use crate::value::ViewValue;

/// The payouts of plans that are neither rejected nor executed.
pub type OpenPlans = HashMap<PlanId, Vec<PayoutId>>;

/// A command with what it did, and where the rows go.
pub struct Occurrence<'f> {
    pub rows: &'f mut Rows,
    pub plans: &'f mut OpenPlans,
    /// The books after it.
    pub books: &'f Books,
    pub given: &'f Command,
    pub batch: i64,
    /// Its place in the batch, from 1.
    pub place: i64,
    pub day: BusinessDate,
}

impl Occurrence<'_> {
    pub fn write(&mut self, events: &[Event]) {
        self.party();
        self.money();
        for (place, event) in (1..).zip(events) {
            self.of_cash(event);
            self.of_difference(event, place);
            self.of_settlement(event);
        }
    }

    fn begin<const N: usize>(&mut self, view: ViewName, key: RowKey, content: [ViewValue; N]) {
        self.rows.begin(view, key, self.batch, content);
    }

    fn change<const N: usize>(
        &mut self,
        view: ViewName,
        key: RowKey,
        changes: [(&'static str, ViewValue); N],
    ) {
        self.rows.change(view, key, self.batch, changes);
    }
}

fn ids<const N: usize>(of: [u64; N]) -> RowKey {
    let mut words = [0; 4];
    words[..N].copy_from_slice(&of);
    RowKey(words)
}

fn id(of: u64) -> ViewValue {
    ViewValue::id(of)
}

fn flag(is: bool) -> ViewValue {
    ViewValue::Number(i64::from(is))
}

fn number(of: impl Into<i64>) -> ViewValue {
    ViewValue::Number(of.into())
}

fn amount(of: Amount) -> ViewValue {
    of.minor().into()
}

/// A sum that the engine keeps in 128 bits: SQL has 64.
fn sum(of: i128) -> ViewValue {
    let end = if of < 0 { i64::MIN } else { i64::MAX };
    ViewValue::Number(i64::try_from(of).unwrap_or(end))
}

fn day(of: BusinessDate) -> ViewValue {
    ViewValue::Day(Day::of(of))
}

fn currency(of: Currency) -> ViewValue {
    of.code().into()
}

const EMPTY: ViewValue = ViewValue::Empty;
