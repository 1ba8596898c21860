//! Reads the views: pages, single things, their history, searches and exports, as of any batch.
//!
//! Each answer has the batch that it is true for, read in the same transaction.

mod asked;
pub(crate) mod file;
mod query;
pub(crate) mod server;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use books::ParcelId;
use journal::ChainHash;

use crate::catalog::ViewName;
use crate::error::ViewError;
use crate::rows::Checkpoint;
use crate::store::Place;
use crate::table::ViewSpec;
use crate::value::ViewValue;

pub use crate::catalog::VIEWS;
pub use asked::{
    ASKED_TEXT_BYTES_MAX, AskedColumn, AskedFault, AskedParameter, AskedSpan, AskedStatement,
    EmptyTables, MayRead,
};
pub use query::{
    AccountDays, FILTER_TEXT_BYTES_MAX, FILTER_VALUES_MAX, FilterOperator, ListQuery,
    PAGE_ROWS_MAX, RowOwner, RowsOf, ViewFilter, ViewQueryError,
};

use query::{Asker, Question};

/// Things that a search finds.
pub const SEARCH_HITS_MAX: u32 = 50;

/// What an answer is true for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewPosition {
    /// The batch that was asked for, otherwise the last one that is written.
    pub batch: u64,
    /// The last one that is written, with its hash in the journal.
    pub written: u64,
    pub hash: ChainHash,
    /// The time of its last command, in milliseconds since 1970.
    pub at: i64,
}

/// The values of a row stand in the order of [`ViewSpec::columns`].
#[derive(Clone, Debug, PartialEq)]
pub struct ViewPage {
    pub rows: Vec<Vec<ViewValue>>,
    /// For [`ListQuery::after`], if more follows.
    pub next: Option<Vec<ViewValue>>,
    pub position: ViewPosition,
}

/// What [`ViewReader::sums`] says of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSum {
    pub view: &'static str,
    pub rows: u64,
    /// Of a hash of each row.
    pub sum: u64,
}

/// A thing that a search found.
#[derive(Clone, Debug)]
pub struct SearchHit {
    pub view: &'static ViewSpec,
    pub row: Vec<ViewValue>,
}

/// How many rows there are in a currency, and the sum of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewTotal {
    /// Empty if the view has none.
    pub currency: String,
    pub rows: i64,
    pub sum: i64,
}

/// What was collected in an hour by a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourTotal {
    /// Hours since 1970, in local time.
    pub hour: i64,
    pub method: String,
    pub total: ViewTotal,
}

/// Payments of a network or wallet in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailTotal {
    /// `network` or `wallet`.
    pub kind: String,
    /// The bits of its identifier.
    pub rail: i64,
    pub state: String,
    pub payments: i64,
    /// In minor units of the rail's currency.
    pub amount: i64,
    /// The fees that the rail may deduct.
    pub deducted: i64,
}

fn rail_total(values: &[ViewValue]) -> Option<RailTotal> {
    use ViewValue::{Number, Text};
    match values {
        [Text(kind), Number(rail), Text(state), Number(payments), Number(amount), Number(fees)] => {
            Some(RailTotal {
                kind: kind.to_string(),
                rail: *rail,
                state: state.to_string(),
                payments: *payments,
                amount: *amount,
                deducted: *fees,
            })
        }
        _ => None,
    }
}

fn total(values: &[ViewValue]) -> Option<ViewTotal> {
    match values {
        [ViewValue::Text(currency), ViewValue::Number(rows), ViewValue::Number(sum)] => {
            Some(ViewTotal { currency: currency.to_string(), rows: *rows, sum: *sum })
        }
        _ => None,
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadViewError {
    #[error(transparent)]
    Asked(#[from] ViewQueryError),
    #[error(transparent)]
    Views(#[from] ViewError),
    /// See [`ViewReader::within`].
    #[error("the question takes too long")]
    TooLong,
    /// Of an asked statement.
    #[error("a number is not whole, or is beyond 64 bits")]
    NotWhole,
}

/// Sees a row. A break ends the reading.
pub type EachRow<'e> = dyn FnMut(Vec<ViewValue>) -> ControlFlow<()> + 'e;

/// A connection that only reads. One question at a time: who has many at once opens several.
#[derive(Debug)]
pub struct ViewReader(Connected);

#[derive(Debug)]
enum Connected {
    File(file::FileReader),
    Server(Box<server::ServerReader>),
}

/// A read transaction: all that is asked in it is true for one checkpoint.
pub(crate) trait Reading {
    fn checkpoint(&mut self) -> Result<Checkpoint, ViewError>;
    fn ask(&mut self, question: &Question, each: &mut EachRow<'_>) -> Result<(), ViewError>;
    fn balance(&mut self, account: i64, at: i64) -> Result<Option<i64>, ViewError>;
}

/// The first value of the first row.
fn date(reading: &mut dyn Reading, from: bool, batch: i64) -> Result<String, ViewError> {
    let mut found = String::new();
    reading.ask(&Question::date(from, batch), &mut |row| {
        if let Some(ViewValue::Text(date)) = row.first() {
            found = date.to_string();
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The first batch of a business date until a batch. Dates do not fall.
fn first_batch(reading: &mut dyn Reading, day: &str, until: i64) -> Result<i64, ViewError> {
    let (mut least, mut most) = (1, until);
    while least < most {
        let middle = least + (most - least) / 2;
        let found = date(reading, true, middle)?;
        match !found.is_empty() && found.as_str() < day {
            true => least = middle + 1,
            false => most = middle,
        }
    }
    Ok(least)
}

/// Who asks for rows, with the day that is today at a batch.
fn asker<'s>(
    reading: &mut dyn Reading,
    rows_of: &'s RowsOf,
    at: Option<i64>,
) -> Result<Asker<'s>, ViewError> {
    let has_tours = match rows_of {
        RowsOf::Everyone => false,
        RowsOf::Own(owners) => owners.iter().any(|owner| matches!(owner, RowOwner::Courier(_))),
    };
    let day_from = match has_tours {
        false => None,
        true => {
            let until = match at {
                Some(at) => at,
                None => reading.checkpoint()?.head.sequence.number().cast_signed(),
            };
            let today = date(reading, false, until)?;
            Some(first_batch(reading, &today, until)?)
        }
    };
    Ok(Asker { rows_of, day_from })
}

impl ViewReader {
    /// Connects to views that are there.
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub fn open(place: &Place) -> Result<ViewReader, ViewError> {
        Ok(ViewReader(match place {
            Place::File(path) => Connected::File(file::FileReader::open(path)?),
            Place::Server(server) => {
                Connected::Server(Box::new(server::ServerReader::open(server)?))
            }
        }))
    }

    /// Asks something that must not take long: a question that takes longer ends with
    /// [`ReadViewError::TooLong`]. `None` for views on a server, where a question waits for the
    /// network.
    pub fn within<T>(
        &mut self,
        time: Duration,
        ask: impl FnOnce(&mut ViewReader) -> T,
    ) -> Option<T> {
        let Connected::File(file) = &mut self.0 else { return None };
        file.end_at(Some(Instant::now() + time));
        let answer = ask(self);
        if let Connected::File(file) = &mut self.0 {
            file.end_at(None);
        }
        Some(answer)
    }

    fn read<T>(
        &mut self,
        at: Option<u64>,
        run: impl FnOnce(&mut dyn Reading, Option<i64>) -> Result<T, ReadViewError>,
    ) -> Result<(T, ViewPosition), ReadViewError> {
        let mut run = Some(run);
        let mut answer = None;
        let mut within = |reading: &mut dyn Reading| {
            let found = reading.checkpoint()?;
            let written = found.head.sequence.number();
            let batch = at.unwrap_or(written);
            if batch > written {
                return Err(ViewQueryError::Beyond { at: written, asked: batch }.into());
            }
            let position = ViewPosition { batch, written, hash: found.head.hash, at: found.at };
            // As of the last batch the rows are those that hold.
            let past = (batch < written).then(|| batch.cast_signed());
            let run = run.take().expect("a transaction runs once");
            answer = Some((run(reading, past)?, position));
            Ok(())
        };
        match &mut self.0 {
            Connected::File(file) => file.within(&mut within)?,
            Connected::Server(server) => server.within(&mut within)?,
        }
        Ok(answer.expect("it ran"))
    }

    /// What the views are true for.
    ///
    /// # Errors
    /// They cannot be read. After such an error the reader is opened anew.
    pub fn position(&mut self) -> Result<ViewPosition, ReadViewError> {
        Ok(self.read(None, |_, _| Ok(()))?.1)
    }

    /// The first batch of a business date, `2026-12-01`, until a batch.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn first_batch(&mut self, day: &str, until: u64) -> Result<u64, ReadViewError> {
        let (first, _) =
            self.read(None, |reading, _| Ok(first_batch(reading, day, until.cast_signed())?))?;
        Ok(first.cast_unsigned())
    }

    /// A page of a view.
    ///
    /// # Errors
    /// It cannot be asked so, or the views cannot be read.
    pub fn list(&mut self, query: &ListQuery) -> Result<ViewPage, ReadViewError> {
        let most = query.limit as usize;
        let ((rows, next), position) = self.read(query.at, |reading, at| {
            let asker = asker(reading, &query.scope, at)?;
            let question = Question::list_of(query, asker, at, true)?;
            let mut rows = Vec::new();
            reading.ask(&question, &mut |row| {
                rows.push(row);
                ControlFlow::Continue(())
            })?;
            let next = (rows.len() > most).then(|| {
                rows.truncate(most);
                let last = &rows[most - 1];
                question.sorted_by.iter().map(|place| last[*place].clone()).collect()
            });
            Ok((rows, next))
        })?;
        Ok(ViewPage { rows, next, position })
    }

    /// All rows of a list, one after another, in constant memory. `limit` does not count.
    ///
    /// # Errors
    /// As [`ViewReader::list`]. What was seen before stays true.
    pub fn export(
        &mut self,
        query: &ListQuery,
        each: &mut EachRow<'_>,
    ) -> Result<ViewPosition, ReadViewError> {
        let ((), position) = self.read(query.at, |reading, at| {
            let asker = asker(reading, &query.scope, at)?;
            let question = Question::list_of(query, asker, at, false)?;
            Ok(reading.ask(&question, each)?)
        })?;
        Ok(position)
    }

    /// How many rows a list has, and the sum of a column, by currency. `order`, `after` and `limit`
    /// do not count.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn totals(
        &mut self,
        query: &ListQuery,
        sum: Option<&str>,
    ) -> Result<(Vec<ViewTotal>, ViewPosition), ReadViewError> {
        self.read(query.at, |reading, at| {
            let asker = asker(reading, &query.scope, at)?;
            let question = Question::totals(query, asker, at, sum)?;
            let mut totals = Vec::new();
            reading.ask(&question, &mut |values| {
                totals.extend(total(&values));
                ControlFlow::Continue(())
            })?;
            Ok(totals)
        })
    }

    /// What was collected in each hour, by method and currency: payments that began to stand from
    /// a batch on, of everyone, whatever became of them. The hours are those of an offset from UTC.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn collected_by_hour(
        &mut self,
        from: u64,
        offset_minutes: i16,
        at: Option<u64>,
    ) -> Result<(Vec<HourTotal>, ViewPosition), ReadViewError> {
        self.read(at, |reading, _| {
            let until = at.unwrap_or(i64::MAX.cast_unsigned() - 1).cast_signed();
            let question = Question::collected_by_hour(from.cast_signed(), until, offset_minutes);
            let mut hours = Vec::new();
            reading.ask(&question, &mut |values| {
                if let [ViewValue::Number(hour), ViewValue::Text(method), rest @ ..] = &*values
                    && let Some(total) = total(rest)
                {
                    hours.push(HourTotal { hour: *hour, method: method.to_string(), total });
                }
                ControlFlow::Continue(())
            })?;
            Ok(hours)
        })
    }

    /// The payments that began from a batch on, by their network or wallet, and by their state now
    /// or at the end of a batch. Cash has neither.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn payments_by_rail(
        &mut self,
        from: u64,
        at: Option<u64>,
    ) -> Result<(Vec<RailTotal>, ViewPosition), ReadViewError> {
        self.read(at, |reading, _| {
            let until = at.unwrap_or(i64::MAX.cast_unsigned() - 1).cast_signed();
            let question = Question::payments_by_rail(from.cast_signed(), until);
            let rows = ViewReader::rows(reading, &question)?.into_iter();
            Ok(rows.filter_map(|row| rail_total(&row)).collect())
        })
    }

    fn rows(
        reading: &mut dyn Reading,
        question: &Question,
    ) -> Result<Vec<Vec<ViewValue>>, ReadViewError> {
        let mut rows = Vec::new();
        reading.ask(question, &mut |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// The row of a key, if the asker may see it.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn detail(
        &mut self,
        view: &'static ViewSpec,
        key: &[ViewValue],
        scope: &RowsOf,
        at: Option<u64>,
    ) -> Result<(Option<Vec<ViewValue>>, ViewPosition), ReadViewError> {
        self.read(at, |reading, at| {
            let asker = asker(reading, scope, at)?;
            let question = Question::detail(view, key, asker, at)?;
            Ok(ViewReader::rows(reading, &question)?.pop())
        })
    }

    /// What a thing was, the oldest first: at most [`PAGE_ROWS_MAX`] rows. A courier's parcels are
    /// not limited to the day's tour here: ask [`ViewReader::detail`] first.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn history(
        &mut self,
        view: &'static ViewSpec,
        key: &[ViewValue],
        scope: &RowsOf,
        at: Option<u64>,
    ) -> Result<(Vec<Vec<ViewValue>>, ViewPosition), ReadViewError> {
        self.read(at, |reading, at| {
            let question = Question::history(view, key, scope, at.unwrap_or(i64::MAX))?;
            ViewReader::rows(reading, &question)
        })
    }

    /// What is called so, or begins so: orders, parties, accounts, and the parcel of an identifier.
    /// `scope` says of each view whose rows are looked at. Views that do not say whose a row is are
    /// left out for who sees only own rows.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn search(
        &mut self,
        text: &str,
        scope: impl Fn(&'static ViewSpec) -> Option<RowsOf>,
        at: Option<u64>,
    ) -> Result<(Vec<SearchHit>, ViewPosition), ReadViewError> {
        let parcel: Option<ParcelId> = text.parse().ok();
        if text.is_empty() || text.len() > FILTER_TEXT_BYTES_MAX || text.contains('\0') {
            return Err(ViewQueryError::SearchText.into());
        }
        self.read(at, |reading, at| {
            let mut hits = Vec::new();
            for view in VIEWS {
                let left = SEARCH_HITS_MAX.saturating_sub(u32::try_from(hits.len()).unwrap_or(0));
                if left == 0 {
                    break;
                }
                let Some(scope) = scope(view) else { continue };
                let asker = asker(reading, &scope, at)?;
                let question = match (parcel, view.key) {
                    (Some(parcel), ["parcel"]) => {
                        let key = [ViewValue::Parcel(parcel)];
                        Question::detail(view, &key, asker, at).map(Some)
                    }
                    _ => Question::search(view, text, asker, at, left),
                };
                let question = match question {
                    Ok(Some(question)) => question,
                    Ok(None) | Err(ViewQueryError::NoOwner { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                let rows = ViewReader::rows(reading, &question)?;
                hits.extend(rows.into_iter().map(|row| SearchHit { view, row }));
            }
            Ok(hits)
        })
    }

    /// A page of an account's statement, the newest posting first: rows of the view `postings`,
    /// whose `debit_balance` or `credit_balance` is the account's after it.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn statement(
        &mut self,
        account: u32,
        before: Option<i64>,
        limit: u32,
        at: Option<u64>,
    ) -> Result<ViewPage, ReadViewError> {
        if !(1..=PAGE_ROWS_MAX).contains(&limit) {
            return Err(ViewQueryError::Limit.into());
        }
        let view = &VIEWS[ViewName::Postings as usize];
        let ((rows, next), position) = self.read(at, |reading, at| {
            let (before, at) = (before.unwrap_or(i64::MAX), at.unwrap_or(i64::MAX));
            let most = i64::from(limit) + 1;
            let question = Question::statement(view, account.into(), before, at, most);
            let mut rows = ViewReader::rows(reading, &question)?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| more).map(|last| vec![last[0].clone()]);
            Ok((rows, next))
        })?;
        Ok(ViewPage { rows, next, position })
    }

    /// Postings of some days that moved an account, the oldest first: rows of the view `postings`,
    /// at most `limit`, and whether more follow.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn account_lines(
        &mut self,
        asked: &AccountDays,
        limit: u32,
    ) -> Result<(Vec<Vec<ViewValue>>, bool), ReadViewError> {
        if !(1..=PAGE_ROWS_MAX).contains(&limit) {
            return Err(ViewQueryError::Limit.into());
        }
        let view = &VIEWS[ViewName::Postings as usize];
        let (mut rows, _) = self.read(None, |reading, _| {
            let question = Question::account_lines(view, asked, i64::from(limit) + 1);
            ViewReader::rows(reading, &question)
        })?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok((rows, more))
    }

    /// What changed an account in some days, by entry: credits less debits, and the first posting.
    /// In the order of these.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn account_changes(
        &mut self,
        asked: &AccountDays,
    ) -> Result<Vec<(String, i64, i64)>, ReadViewError> {
        let view = &VIEWS[ViewName::Postings as usize];
        let (rows, _) = self.read(None, |reading, _| {
            ViewReader::rows(reading, &Question::account_changes(view, asked))
        })?;
        let changes = rows.into_iter().filter_map(|row| match &*row {
            [ViewValue::Text(entry), ViewValue::Number(change), ViewValue::Number(first)] => {
                Some((entry.to_string(), *change, *first))
            }
            _ => None,
        });
        Ok(changes.collect())
    }

    /// The rows of each view, counted and summed up: the same rows give the same sum, in whatever
    /// order and place they are.
    ///
    /// # Errors
    /// The views cannot be read.
    pub fn sums(&mut self) -> Result<Vec<ViewSum>, ReadViewError> {
        let (all, _) = self.read(None, |reading, _| {
            let mut all = Vec::new();
            for view in VIEWS {
                let mut sum = ViewSum { view: view.name, rows: 0, sum: 0 };
                reading.ask(&Question::table(view), &mut |row| {
                    let mut hasher = DefaultHasher::new();
                    row.hash(&mut hasher);
                    sum.rows += 1;
                    sum.sum = sum.sum.wrapping_add(hasher.finish());
                    ControlFlow::Continue(())
                })?;
                all.push(sum);
            }
            Ok(all)
        })?;
        Ok(all)
    }

    /// The balance of an account at the end of a batch, as debits less credits. `None`: nothing was
    /// posted to it.
    ///
    /// # Errors
    /// As [`ViewReader::list`].
    pub fn balance(
        &mut self,
        account: u32,
        at: Option<u64>,
    ) -> Result<(Option<i64>, ViewPosition), ReadViewError> {
        self.read(at, |reading, at| Ok(reading.balance(account.into(), at.unwrap_or(i64::MAX))?))
    }
}
