//! The rows of the views, as they are written: numbers are signed 64 bits, as SQL has them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use books::ParcelId;
use journal::JournalHead;

use crate::catalog::{VIEWS, ViewName};
use crate::error::ViewError;
use crate::statements::{is_gathered, key_columns};
use crate::table::{ColumnKind, ViewSpec};
use crate::value::ViewValue;

/// Of the tables and of what stands in them. Views of another one are made anew.
pub const FORMAT: i64 = 8;

/// In `until_batch`: the row still holds.
pub const STILL: i64 = i64::MAX;

/// How far the views are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last batch whose rows are written.
    pub head: JournalHead,
    /// The time of its last command, in milliseconds since 1970.
    pub at: i64,
    /// All postings and commands so far.
    pub postings: i64,
    pub commands: i64,
}

impl Checkpoint {
    /// Checks that the views are where they were left.
    pub(crate) fn is_that_of(self, found: Checkpoint) -> Result<(), ViewError> {
        let (at, given) = (found.head.sequence, self.head.sequence.next());
        if found == self { Ok(()) } else { Err(ViewError::NotTheNext { at, given }) }
    }
}

/// A business date as text, `2026-11-29`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Day([u8; 10]);

impl Day {
    #[must_use]
    pub fn of(date: tariff::BusinessDate) -> Day {
        let mut text = [b'0'; 10];
        // Beyond the year 9999 the text is longer; no clock says so.
        for (to, from) in text.iter_mut().zip(date.to_string().bytes()) {
            *to = from;
        }
        Day(text)
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// The key of a row: the bits of its identifiers and numbers, in the order of the key's columns. A
/// parcel has two words, everything else one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub [u64; 4]);

impl RowKey {
    #[must_use]
    pub fn parcel(id: ParcelId, rest: [u64; 2]) -> RowKey {
        #[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
        let (high, low) = ((id.bits() >> 64) as u64, id.bits() as u64);
        RowKey([high, low, rest[0], rest[1]])
    }

    /// A short text, as a currency, as a word of a key.
    #[must_use]
    pub fn text(text: &str) -> u64 {
        text.bytes().fold(0, |word, letter| word << 8 | u64::from(letter))
    }

    /// A word of a column's words, as a word of a key. One that is not among them has no value.
    #[must_use]
    pub fn word(words: &[&str], word: &str) -> u64 {
        let place = words.iter().position(|one| *one == word);
        place.and_then(|place| u64::try_from(place).ok()).unwrap_or(u64::MAX)
    }

    /// The values of the key's columns.
    pub fn values(self, view: &'static ViewSpec) -> impl Iterator<Item = ViewValue> {
        let mut words = self.0.into_iter();
        let mut next = move || words.next().unwrap_or(0);
        key_columns(view).map(move |column| match column.kind {
            ColumnKind::Parcel => {
                let bits = u128::from(next()) << 64;
                ViewValue::Parcel(ParcelId::new(bits | u128::from(next())))
            }
            ColumnKind::Currency | ColumnKind::Text => {
                let letters: Vec<u8> =
                    next().to_be_bytes().into_iter().filter(|letter| *letter != 0).collect();
                ViewValue::text(String::from_utf8_lossy(&letters))
            }
            ColumnKind::Word(words) => {
                let word = usize::try_from(next()).ok().and_then(|place| words.get(place));
                ViewValue::from(word.copied())
            }
            _ => ViewValue::id(next()),
        })
    }
}

/// Rows of one table, and rows that end.
#[derive(Debug, Default)]
pub struct TableRows {
    /// Of the table's own columns, row after row.
    pub values: Vec<ViewValue>,
    pub count: usize,
    /// The rows written before that end, and the first batch in which they no longer hold.
    pub ended: Vec<(RowKey, i64)>,
    /// The things that are nothing any more, and from which batch on.
    pub gone: Vec<(RowKey, i64)>,
    /// Where the row that still holds begins in `values`.
    holding: HashMap<RowKey, usize>,
    /// Rows of which some columns are as in the row that is written.
    unfilled: BTreeMap<RowKey, Vec<UnfilledRow>>,
}

#[derive(Clone, Copy, Debug)]
struct UnfilledRow {
    /// Where it begins in `values`.
    place: usize,
    /// A bit for each column that is not known yet.
    columns: u64,
}

/// What is written together, in one transaction with the checkpoint.
#[derive(Debug)]
pub struct Rows {
    tables: Vec<TableRows>,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { tables: VIEWS.iter().map(|_| TableRows::default()).collect() }
    }
}

impl Rows {
    /// Rows that are written, and rows that end.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tables.iter().map(|table| table.count + table.ended.len()).sum()
    }

    /// Empties it for reuse.
    pub fn clear(&mut self) {
        for table in &mut self.tables {
            table.values.clear();
            table.count = 0;
            table.ended.clear();
            table.gone.clear();
            table.holding.clear();
            table.unfilled.clear();
        }
    }

    /// The rows of each view.
    pub fn tables(&self) -> impl Iterator<Item = (&'static ViewSpec, &TableRows)> {
        VIEWS.iter().zip(&self.tables).filter(|(_, rows)| rows.count + rows.ended.len() > 0)
    }

    /// Adds a row that holds for ever.
    pub fn add<const N: usize>(&mut self, view: ViewName, row: [ViewValue; N]) {
        debug_assert_eq!(VIEWS[view as usize].own_columns().count(), N, "{view:?}");
        let table = &mut self.tables[view as usize];
        table.values.extend(row);
        table.count += 1;
    }

    /// What a new thing is from the end of a batch on.
    pub fn begin<const N: usize>(
        &mut self,
        view: ViewName,
        key: RowKey,
        batch: i64,
        content: [ViewValue; N],
    ) {
        self.hold(view, key, batch, true, Some(content));
    }

    /// What a thing is from the end of a batch on; `None` if it is nothing any more. `is_new`: it
    /// has no row.
    ///
    /// A thing that did not change gets a row as well: to leave it out, the last row would have to
    /// be known, and rows would depend on which batches are written together.
    pub fn hold<const N: usize>(
        &mut self,
        view: ViewName,
        key: RowKey,
        batch: i64,
        is_new: bool,
        content: Option<[ViewValue; N]>,
    ) {
        let spec = &VIEWS[view as usize];
        let table = &mut self.tables[view as usize];
        let (from, until) = (spec.key.len(), spec.key.len() + 1);
        debug_assert!(content.is_none() || spec.own_columns().count() == until + 1 + N, "{view:?}");
        match (table.holding.get(&key), &content) {
            (Some(place), Some(_)) if table.values[place + from] == ViewValue::Number(batch) => {
                // One row for a batch.
                let begin = place + until + 1;
                table.values.splice(begin..begin + N, content.into_iter().flatten());
                return;
            }
            (Some(place), _) => table.values[place + until] = ViewValue::Number(batch),
            (None, _) if is_new => {}
            (None, _) => table.ended.push((key, batch)),
        }
        let Some(content) = content else {
            table.holding.remove(&key);
            table.gone.push((key, batch));
            return;
        };
        table.begin_row(spec, key, batch);
        table.values.extend(content);
    }

    /// Some columns of a thing change at the end of a batch; the others are as before.
    pub fn change(
        &mut self,
        view: ViewName,
        key: RowKey,
        batch: i64,
        changes: impl IntoIterator<Item = (&'static str, ViewValue)>,
    ) {
        let spec = &VIEWS[view as usize];
        let table = &mut self.tables[view as usize];
        let (from, until) = (spec.key.len(), spec.key.len() + 1);
        let width = spec.own_columns().count();
        debug_assert!(!is_gathered(spec), "{view:?}: its rows are whole");
        let before = table.holding.get(&key).copied();
        let place = match before {
            Some(place) if table.values[place + from] == ViewValue::Number(batch) => place,
            Some(place) => {
                table.values[place + until] = ViewValue::Number(batch);
                let place_now = table.begin_row(spec, key, batch);
                table.values.extend_from_within(place + until + 1..place + width);
                let unfilled = table.unfilled.get_mut(&key);
                if let Some(rows) = unfilled
                    && let Some(row) = rows.iter().rfind(|row| row.place == place).copied()
                {
                    rows.push(UnfilledRow { place: place_now, ..row });
                }
                place_now
            }
            None => {
                table.ended.push((key, batch));
                let place = table.begin_row(spec, key, batch);
                table.values.resize(place + width, ViewValue::Empty);
                let columns = (1 << width) - (1 << (until + 1));
                table.unfilled.insert(key, vec![UnfilledRow { place, columns }]);
                place
            }
        };
        for (name, value) in changes {
            let column = spec.own_columns().position(|column| column.name == name);
            let column = column.expect("a column of the view");
            table.values[place + column] = value;
            for row in table.unfilled.get_mut(&key).into_iter().flatten() {
                if row.place == place {
                    row.columns &= !(1 << column);
                }
            }
        }
    }

    /// The keys whose written row is needed, by [`Rows::fill`].
    #[must_use]
    pub fn unfilled(&self) -> Vec<(&'static ViewSpec, RowKey)> {
        let of_table = |(view, table): (&'static ViewSpec, &TableRows)| {
            table.unfilled.keys().map(|key| (view, *key)).collect::<Vec<_>>()
        };
        self.tables().flat_map(of_table).collect()
    }

    /// Takes the columns that did not change from the row that is written.
    pub fn fill(&mut self, view: &'static ViewSpec, key: RowKey, written: &[ViewValue]) {
        let place = VIEWS.iter().position(|one| std::ptr::eq(one, view)).expect("a view");
        let table = &mut self.tables[place];
        for row in table.unfilled.remove(&key).into_iter().flatten() {
            for (column, value) in written.iter().enumerate() {
                if row.columns & (1 << column) != 0 {
                    table.values[row.place + column] = value.clone();
                }
            }
        }
    }
}

impl TableRows {
    pub fn rows(&self) -> impl Iterator<Item = &[ViewValue]> {
        let width = self.values.len().checked_div(self.count).unwrap_or(1);
        self.values.chunks_exact(width)
    }

    /// The columns before the content. Returns where the row begins.
    fn begin_row(&mut self, spec: &'static ViewSpec, key: RowKey, batch: i64) -> usize {
        let place = self.values.len();
        self.holding.insert(key, place);
        self.values.extend(key.values(spec));
        self.values.extend([ViewValue::Number(batch), ViewValue::Number(STILL)]);
        self.count += 1;
        place
    }
}
