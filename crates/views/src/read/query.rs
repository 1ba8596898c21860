//! What is asked of a view, and the statement that asks it.
//!
//! Names come from the declaration only. What a user wrote is bound.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::rows::STILL;
use crate::table::{ColumnKind, RowOrder, RowSpan, ViewColumn, ViewSpec, column};
use crate::value::ViewValue;

/// Rows of a page.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Values in a [`FilterOperator::OneOf`].
pub const FILTER_VALUES_MAX: usize = 100;
/// Bytes of a text that is looked for.
pub const FILTER_TEXT_BYTES_MAX: usize = 512;

const COLLECTED_BY_HOUR: &str = include_str!("../../sql/collected_by_hour.sql");
const PAYMENTS_BY_RAIL: &str = include_str!("../../sql/payments_by_rail.sql");

static HOUR_COLUMNS: [ViewColumn; 5] = [
    column("hour", ColumnKind::Number, "since 1970, in local time"),
    column("method", ColumnKind::Text, "how it was paid"),
    column("currency", ColumnKind::Currency, "of the sum"),
    column("payments", ColumnKind::Number, "how many"),
    column("amount", ColumnKind::MinorUnits, "their sum"),
];
static RAIL_COLUMNS: [ViewColumn; 6] = [
    column("rail_kind", ColumnKind::Text, "whether it is a network or a wallet"),
    column("rail", ColumnKind::Number, "its identifier"),
    column("state", ColumnKind::Text, "of the payments"),
    column("payments", ColumnKind::Number, "how many"),
    column("amount", ColumnKind::MinorUnits, "their sum"),
    column("deducted", ColumnKind::MinorUnits, "the fees that the rail may deduct"),
];
static CHANGE_COLUMNS: [ViewColumn; 3] = [
    column("entry", ColumnKind::Text, "of the postings"),
    column("change", ColumnKind::MinorUnits, "credits less debits"),
    column("first", ColumnKind::Number, "the first posting"),
];
static DATE_COLUMNS: [ViewColumn; 1] = [column("date", ColumnKind::Date, "of a command")];
static TOTAL_COLUMNS: [ViewColumn; 3] = [
    column("currency", ColumnKind::Currency, "of the sum"),
    column("rows", ColumnKind::Number, "how many"),
    column("sum", ColumnKind::MinorUnits, "of a column"),
];

/// The table of parcels, and whose tour they are of.
const PARCELS: &str = "parcels";
/// Greater than all texts that begin as it does.
const LAST_CHARACTER: char = '\u{10FFFF}';

/// Some days of an account.
#[derive(Clone, Debug)]
pub struct AccountDays {
    pub account: u32,
    /// Outside these batches there is no posting of these days.
    pub batches: RangeInclusive<u64>,
    /// The first and the last business date.
    pub days: (String, String),
    /// Postings until this one are left out.
    pub after: i64,
}

/// The owners whose rows are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsOf {
    Everyone,
    /// Rows that belong to one of them. Nobody's without any.
    Own(Vec<RowOwner>),
}

/// The owner of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOwner {
    Seller(books::SellerId),
    /// Of parcels and payments only those of the courier's tour of the day.
    Courier(books::CourierId),
    Firm(books::FirmId),
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'s> {
    pub rows_of: &'s RowsOf,
    /// The first batch of the day of a courier's tour. `None`: the tours of all days.
    pub day_from: Option<i64>,
}

impl From<RowOwner> for RowsOf {
    fn from(owner: RowOwner) -> RowsOf {
        RowsOf::Own(vec![owner])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ViewFilter {
    pub column: String,
    pub operator: FilterOperator,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FilterOperator {
    Equal(ViewValue),
    OneOf(Vec<ViewValue>),
    AtLeast(ViewValue),
    AtMost(ViewValue),
    /// Of a text.
    BeginsWith(String),
    /// Nothing is in the column, or something is.
    Empty(bool),
}

/// A page of a view, or all of it.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub view: &'static ViewSpec,
    pub filters: Vec<ViewFilter>,
    pub scope: RowsOf,
    /// By a column that sorts; otherwise the view's own order.
    pub order: Option<(String, bool)>,
    /// The `next` of the page before.
    pub after: Option<Vec<ViewValue>>,
    pub limit: u32,
    /// As of the end of this batch; otherwise of the last one.
    pub at: Option<u64>,
}

/// Why a question cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewQueryError {
    #[error("the view {view} has no column {column}")]
    NoColumn { view: &'static str, column: String },
    #[error("the view {view} is not filtered by {column}; the columns that filter are {others}")]
    NotFiltered { view: &'static str, column: String, others: String },
    #[error("the view {view} is not ordered by {column}; the columns that order are {others}")]
    NotOrdered { view: &'static str, column: String, others: String },
    #[error("the column {column} holds {}", .expected.words())]
    OtherKind { column: String, expected: ColumnKind },
    #[error("a key of the view {view} has the columns {columns}")]
    OtherKey { view: &'static str, columns: String },
    #[error("the page does not follow one of this list; ask for the first page again")]
    OtherPage,
    #[error("the column {column} is compared with 1 to {FILTER_VALUES_MAX} values")]
    ValueCount { column: String },
    #[error("a search has 1 to {FILTER_TEXT_BYTES_MAX} bytes")]
    SearchText,
    #[error("a page has 1 to {PAGE_ROWS_MAX} rows")]
    Limit,
    #[error("the views are at batch {at}; batch {asked} is not there yet")]
    Beyond { at: u64, asked: u64 },
    #[error("the view {view} does not say whose its rows are")]
    NoOwner { view: &'static str },
}

impl ListQuery {
    /// The first page of everything that holds now.
    #[must_use]
    pub fn of(view: &'static ViewSpec) -> ListQuery {
        ListQuery {
            view,
            filters: Vec::new(),
            scope: RowsOf::Everyone,
            order: None,
            after: None,
            limit: 100,
            at: None,
        }
    }
}

/// A statement with the values that are bound to it.
#[derive(Debug)]
pub(crate) struct Question {
    pub text: String,
    pub values: Vec<ViewValue>,
    /// What each row has.
    pub columns: Vec<&'static ViewColumn>,
    /// The places, in a row, of what the next page follows.
    pub sorted_by: Vec<usize>,
}

impl Question {
    fn of(columns: impl Iterator<Item = &'static ViewColumn>) -> Question {
        let (text, columns) = (String::new(), columns.collect());
        Question { text, values: Vec::new(), columns, sorted_by: Vec::new() }
    }

    /// The business date of the first command from a batch on, or of the last one until it.
    pub(crate) fn date(from: bool, batch: i64) -> Question {
        let mut question = Question::of(DATE_COLUMNS.iter());
        let (with, order) = if from { (">=", "") } else { ("<=", " DESC") };
        let _ = write!(question.text, "SELECT date FROM commands WHERE batch {with} ");
        question.bind(ViewValue::Number(batch));
        let _ = write!(question.text, " ORDER BY batch{order} LIMIT 1");
        question
    }

    /// All rows of a view's own table, in any order.
    pub(crate) fn table(view: &'static ViewSpec) -> Question {
        let mut question = Question::of(view.own_columns());
        let names: Vec<_> = question.columns.iter().map(|column| column.name).collect();
        question.text = format!("SELECT {} FROM {}", names.join(", "), view.name);
        question
    }

    fn bind(&mut self, value: ViewValue) {
        self.values.push(value);
        let _ = write!(self.text, "${}", self.values.len());
    }

    /// A column by its full name.
    fn name(&mut self, view: &ViewSpec, column: &ViewColumn) {
        let _ = write!(self.text, "{}.{}", column.of.unwrap_or(view.name), column.name);
    }

    /// The rows of a view as of a batch.
    fn select(view: &'static ViewSpec, at: Option<i64>) -> Question {
        let mut question = Question::joined(view, at);
        question.holds(view.name, view.span, at);
        question
    }

    /// A condition follows.
    fn joined(view: &'static ViewSpec, at: Option<i64>) -> Question {
        let mut question = Question::of(view.columns.iter());
        for (place, column) in view.columns.iter().enumerate() {
            question.text.push_str(if place > 0 { ", " } else { "SELECT " });
            question.name(view, column);
        }
        question.from(view, at)
    }

    /// The tables of a view. A condition follows.
    fn from(mut self, view: &'static ViewSpec, at: Option<i64>) -> Question {
        let question = &mut self;
        let _ = write!(question.text, " FROM {}", view.name);
        for join in view.joins {
            let (table, own) = (join.table, view.name);
            let _ = write!(question.text, " LEFT JOIN {table} ON {table}.{} =", join.column);
            let _ = write!(question.text, " {own}.{}", join.own);
            if join.spans {
                question.text.push_str(" AND ");
                question.holds(table, RowSpan::Between, at);
            }
        }
        question.text.push_str(" WHERE ");
        self
    }

    /// How many rows there are for each currency, and the sum of a column.
    pub(crate) fn totals(
        query: &ListQuery,
        asker: Asker<'_>,
        at: Option<i64>,
        sum: Option<&str>,
    ) -> Result<Question, ViewQueryError> {
        let view = query.view;
        let mut question = Question::of(TOTAL_COLUMNS.iter());
        question.text.push_str("SELECT ");
        match view.column("currency") {
            Some(column) => question.name(view, column),
            None => question.text.push_str("CAST('' AS TEXT)"),
        }
        question.text.push_str(", COUNT(*), CAST(COALESCE(SUM(");
        match sum {
            Some(name) => {
                let column = view.column(name).ok_or_else(|| no_column(view, name))?;
                question.name(view, column);
            }
            None => question.text.push('0'),
        }
        question.text.push_str("), 0) AS BIGINT)");
        let mut question = question.from(view, at);
        question.narrowed(query, asker, at)?;
        question.text.push_str(" GROUP BY 1 ORDER BY 1");
        Ok(question)
    }

    /// The rows that hold, of the asker, with the filters.
    fn narrowed(
        &mut self,
        query: &ListQuery,
        asker: Asker<'_>,
        at: Option<i64>,
    ) -> Result<(), ViewQueryError> {
        self.holds(query.view.name, query.view.span, at);
        self.scope(query.view, asker, at)?;
        query.filters.iter().try_for_each(|filter| self.filter(query.view, filter))
    }

    /// What was collected in each hour, by method and currency: payments that began to stand from
    /// a batch on, until another. The hours are those of an offset from UTC.
    pub(crate) fn collected_by_hour(from: i64, until: i64, offset_minutes: i16) -> Question {
        let offset = i64::from(offset_minutes) * 60_000;
        // SQLite numbers parameters as they appear: the offset, until, from.
        let values = [offset, until, from].map(ViewValue::Number).to_vec();
        let question = Question::of(HOUR_COLUMNS.iter());
        Question { text: COLLECTED_BY_HOUR.to_owned(), values, ..question }
    }

    /// Payments that began from a batch on, until another, by their network or wallet and state.
    pub(crate) fn payments_by_rail(from: i64, until: i64) -> Question {
        let values = [until, from].map(ViewValue::Number).to_vec();
        let question = Question::of(RAIL_COLUMNS.iter());
        Question { text: PAYMENTS_BY_RAIL.to_owned(), values, ..question }
    }

    /// `at` is `None` for the last batch: then an index of the rows that hold is used.
    fn holds(&mut self, table: &str, span: RowSpan, at: Option<i64>) {
        match (span, at) {
            (RowSpan::Since(_), None) => self.text.push_str("1 = 1"),
            (RowSpan::Since(column), Some(at)) => {
                let _ = write!(self.text, "{table}.{column} <= ");
                self.bind(ViewValue::Number(at));
            }
            (RowSpan::Between, None) => {
                let _ = write!(self.text, "{table}.until_batch = {STILL}");
            }
            (RowSpan::Between, Some(at)) => {
                let _ = write!(self.text, "{table}.from_batch <= ");
                self.bind(ViewValue::Number(at));
                let _ = write!(self.text, " AND {table}.until_batch > ");
                self.bind(ViewValue::Number(at));
            }
        }
    }

    fn scope(
        &mut self,
        view: &'static ViewSpec,
        asker: Asker<'_>,
        at: Option<i64>,
    ) -> Result<(), ViewQueryError> {
        let RowsOf::Own(owners) = asker.rows_of else { return Ok(()) };
        let is_of_tours =
            view.name == PARCELS || view.joins.iter().any(|join| join.table == PARCELS);
        let mut begins_with = " AND (";
        for owner in owners {
            let (column, id) = match *owner {
                RowOwner::Seller(id) => (view.owners.seller, id.0),
                RowOwner::Courier(id) => (view.owners.courier, id.0),
                RowOwner::Firm(id) => (view.owners.firm, id.0),
            };
            let Some(column) = column.and_then(|name| view.column(name)) else { continue };
            self.text.push_str(begins_with);
            begins_with = " OR ";
            self.name(view, column);
            self.text.push_str(" = ");
            self.bind(ViewValue::Number(id.cast_signed()));
            if let (RowOwner::Courier(_), true, Some(first)) = (owner, is_of_tours, asker.day_from)
            {
                self.tour(first, at);
            }
        }
        if begins_with == " AND (" {
            return Err(ViewQueryError::NoOwner { view: view.name });
        }
        self.text.push(')');
        Ok(())
    }

    /// Narrows a courier's rows to the tour of the day: the parcel is out, or a payment for it
    /// began on the day. The courier of a parcel has it, or took its last payment.
    fn tour(&mut self, first: i64, at: Option<i64>) {
        let _ = write!(self.text, " AND ({PARCELS}.state = 'out' OR EXISTS (SELECT 1");
        let _ = write!(self.text, " FROM payments begun WHERE begun.parcel = {PARCELS}.parcel");
        self.text.push_str(" AND begun.from_batch >= ");
        self.bind(ViewValue::Number(first));
        if let Some(at) = at {
            self.text.push_str(" AND begun.from_batch <= ");
            self.bind(ViewValue::Number(at));
        }
        self.text.push_str(" AND NOT EXISTS (SELECT 1 FROM payments older");
        self.text.push_str(" WHERE older.parcel = begun.parcel");
        self.text.push_str(" AND older.payment = begun.payment AND older.from_batch < ");
        self.bind(ViewValue::Number(first));
        self.text.push_str(")))");
    }

    fn filter(
        &mut self,
        view: &'static ViewSpec,
        filter: &ViewFilter,
    ) -> Result<(), ViewQueryError> {
        let column = view.column(&filter.column).ok_or_else(|| no_column(view, &filter.column))?;
        if !column.filter {
            let others = named(view, |column| column.filter);
            let column = filter.column.clone();
            return Err(ViewQueryError::NotFiltered { view: view.name, column, others });
        }
        self.text.push_str(" AND ");
        let mut compared = |with: &str, value: &ViewValue| {
            column.kind.accepts(value, column.name)?;
            self.name(view, column);
            let _ = write!(self.text, " {with} ");
            self.bind(value.clone());
            Ok(())
        };
        match &filter.operator {
            FilterOperator::Equal(value) => compared("=", value),
            FilterOperator::AtLeast(value) => compared(">=", value),
            FilterOperator::AtMost(value) => compared("<=", value),
            FilterOperator::OneOf(values) => {
                if values.is_empty() || values.len() > FILTER_VALUES_MAX {
                    let column = filter.column.clone();
                    return Err(ViewQueryError::ValueCount { column });
                }
                self.name(view, column);
                for (place, value) in values.iter().enumerate() {
                    column.kind.accepts(value, column.name)?;
                    self.text.push_str(if place == 0 { " IN (" } else { ", " });
                    self.bind(value.clone());
                }
                self.text.push(')');
                Ok(())
            }
            FilterOperator::BeginsWith(start) => {
                if column.kind != ColumnKind::Text {
                    let expected = column.kind;
                    let column = filter.column.clone();
                    return Err(ViewQueryError::OtherKind { column, expected });
                }
                self.begins(view, column, start);
                Ok(())
            }
            FilterOperator::Empty(empty) => {
                self.name(view, column);
                self.text.push_str(if *empty { " IS NULL" } else { " IS NOT NULL" });
                Ok(())
            }
        }
    }

    fn begins(&mut self, view: &ViewSpec, column: &ViewColumn, start: &str) {
        self.name(view, column);
        self.text.push_str(" >= ");
        self.bind(ViewValue::Text(Cow::Owned(start.to_owned())));
        self.text.push_str(" AND ");
        self.name(view, column);
        self.text.push_str(" < ");
        self.bind(ViewValue::Text(Cow::Owned(format!("{start}{LAST_CHARACTER}"))));
    }

    /// The order, of which the key is the last part: no two rows are equal in it.
    fn order(
        &mut self,
        view: &'static ViewSpec,
        order: RowOrder,
        after: Option<&[ViewValue]>,
    ) -> Result<(), ViewQueryError> {
        let first = std::iter::once(order.column);
        let rest = view.key.iter().copied().filter(|name| *name != order.column);
        let places: Option<Vec<usize>> = first.chain(rest).map(|name| view.place(name)).collect();
        self.sorted_by = places.ok_or_else(|| no_column(view, order.column))?;
        let columns: Vec<_> = self.sorted_by.iter().map(|place| &view.columns[*place]).collect();
        if let Some(after) = after {
            if after.len() != columns.len() {
                return Err(ViewQueryError::OtherPage);
            }
            self.text.push_str(" AND (");
            self.list(view, &columns, "");
            self.text.push_str(if order.descending { ") < (" } else { ") > (" });
            for (place, (column, value)) in columns.iter().zip(after).enumerate() {
                let fits = column.kind.accepts(value, column.name);
                fits.map_err(|_| ViewQueryError::OtherPage)?;
                if place > 0 {
                    self.text.push_str(", ");
                }
                self.bind(value.clone());
            }
            self.text.push(')');
        }
        self.text.push_str(" ORDER BY ");
        self.list(view, &columns, if order.descending { " DESC" } else { "" });
        Ok(())
    }

    fn list(&mut self, view: &ViewSpec, columns: &[&ViewColumn], end: &str) {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            self.name(view, column);
            self.text.push_str(end);
        }
    }

    fn limit(&mut self, rows: i64) {
        self.text.push_str(" LIMIT ");
        self.bind(ViewValue::Number(rows));
    }

    /// A page and one row more, or without a limit all rows.
    pub(crate) fn list_of(
        query: &ListQuery,
        asker: Asker<'_>,
        at: Option<i64>,
        limited: bool,
    ) -> Result<Question, ViewQueryError> {
        let view = query.view;
        if limited && !(1..=PAGE_ROWS_MAX).contains(&query.limit) {
            return Err(ViewQueryError::Limit);
        }
        let order = match &query.order {
            None => view.order,
            Some((name, descending)) => {
                let column = view.column(name).ok_or_else(|| no_column(view, name))?;
                if !column.sort {
                    let others = named(view, |column| column.sort);
                    let column = name.clone();
                    return Err(ViewQueryError::NotOrdered { view: view.name, column, others });
                }
                RowOrder { column: column.name, descending: *descending }
            }
        };
        let mut question = Question::joined(view, at);
        question.narrowed(query, asker, at)?;
        question.order(view, order, query.after.as_deref())?;
        if limited {
            question.limit(i64::from(query.limit) + 1);
        }
        Ok(question)
    }

    /// The row of a key that holds.
    pub(crate) fn detail(
        view: &'static ViewSpec,
        key: &[ViewValue],
        asker: Asker<'_>,
        at: Option<i64>,
    ) -> Result<Question, ViewQueryError> {
        let mut question = Question::select(view, at);
        question.scope(view, asker, at)?;
        question.key(view, key)?;
        question.limit(1);
        Ok(question)
    }

    /// All rows of a key until a batch, the oldest first.
    pub(crate) fn history(
        view: &'static ViewSpec,
        key: &[ViewValue],
        rows_of: &RowsOf,
        at: i64,
    ) -> Result<Question, ViewQueryError> {
        let begin = match view.span {
            RowSpan::Since(column) => column,
            RowSpan::Between => "from_batch",
        };
        // Each row is joined with what holds now.
        let mut question = Question::joined(view, None);
        let _ = write!(question.text, "{}.{begin} <= ", view.name);
        question.bind(ViewValue::Number(at));
        // A row of another day is not of the tour of this one.
        question.scope(view, Asker { rows_of, day_from: None }, None)?;
        question.key(view, key)?;
        let _ = write!(question.text, " ORDER BY {}.{begin}", view.name);
        question.limit(PAGE_ROWS_MAX.into());
        Ok(question)
    }

    /// The postings of an account, the newest first: those before a posting, until a batch. Each
    /// side is one seek, however many postings there are.
    pub(crate) fn statement(
        view: &'static ViewSpec,
        account: i64,
        before: i64,
        at: i64,
        rows: i64,
    ) -> Question {
        let mut question = Question::of(view.columns.iter());
        for side in ["debit", "credit"] {
            let opening =
                if side == "debit" { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" };
            let mut own = Question::joined(view, None);
            let _ = write!(own.text, "{0}.{side} = ", view.name);
            own.values.clone_from(&question.values);
            own.bind(ViewValue::Number(account));
            let _ = write!(own.text, " AND {0}.posting < ", view.name);
            own.bind(ViewValue::Number(before));
            let _ = write!(own.text, " AND {0}.batch <= ", view.name);
            own.bind(ViewValue::Number(at));
            let _ = write!(own.text, " ORDER BY {0}.batch DESC, {0}.posting DESC", view.name);
            own.limit(rows);
            let _ = write!(question.text, "{opening}{}) AS {side}s", own.text);
            question.values = own.values;
        }
        // The first column is the posting.
        question.text.push_str(" ORDER BY 1 DESC");
        question.limit(rows);
        question
    }

    /// Narrows postings to those of some days that moved an account on a side.
    fn of_days(&mut self, view: &'static ViewSpec, side: &str, asked: &AccountDays) {
        let number = |number: u64| ViewValue::Number(number.cast_signed());
        let (first, last) = (*asked.batches.start(), *asked.batches.end());
        let day = |day: &str| ViewValue::text(day);
        for (place, (condition, value)) in [
            (format!("{side} = "), ViewValue::Number(asked.account.into())),
            ("batch >= ".to_owned(), number(first)),
            ("batch <= ".to_owned(), number(last)),
            ("posting > ".to_owned(), ViewValue::Number(asked.after)),
            ("date >= ".to_owned(), day(&asked.days.0)),
            ("date <= ".to_owned(), day(&asked.days.1)),
            ("stage <> ".to_owned(), "reserved".into()),
            ("stage <> ".to_owned(), "voided".into()),
        ]
        .into_iter()
        .enumerate()
        {
            let and = if place > 0 { " AND " } else { "" };
            let _ = write!(self.text, "{and}{}.{condition}", view.name);
            self.bind(value);
        }
    }

    /// Postings of some days that moved an account, the oldest first.
    pub(crate) fn account_lines(
        view: &'static ViewSpec,
        asked: &AccountDays,
        rows: i64,
    ) -> Question {
        let mut question = Question::of(view.columns.iter());
        for side in ["debit", "credit"] {
            let opening =
                if side == "debit" { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" };
            let mut own = Question::joined(view, None);
            own.values.clone_from(&question.values);
            own.of_days(view, side, asked);
            let _ = write!(own.text, " ORDER BY {0}.batch, {0}.posting", view.name);
            own.limit(rows);
            let _ = write!(question.text, "{opening}{}) AS {side}s", own.text);
            question.values = own.values;
        }
        question.text.push_str(" ORDER BY 1");
        question.limit(rows);
        question
    }

    /// What postings of some days credited to an account less what they debited, by entry, in the
    /// order in which the entries came.
    pub(crate) fn account_changes(view: &'static ViewSpec, asked: &AccountDays) -> Question {
        let mut question = Question::of(CHANGE_COLUMNS.iter());
        question.text.push_str(
            "SELECT entry, CAST(SUM(amount) AS BIGINT), CAST(MIN(posting) AS BIGINT) FROM (",
        );
        for (side, amount, union) in [("debit", "-amount", ""), ("credit", "amount", " UNION ALL ")]
        {
            let name = view.name;
            let _ = write!(
                question.text,
                "{union}SELECT entry, {amount} AS amount, posting FROM {name} WHERE "
            );
            question.of_days(view, side, asked);
        }
        question.text.push_str(") AS moved GROUP BY 1 ORDER BY 3");
        question
    }

    fn key(&mut self, view: &'static ViewSpec, key: &[ViewValue]) -> Result<(), ViewQueryError> {
        if key.len() != view.key.len() {
            let columns = view.key.join(", ");
            return Err(ViewQueryError::OtherKey { view: view.name, columns });
        }
        for (name, value) in view.key.iter().zip(key) {
            let column = view.column(name).ok_or_else(|| no_column(view, name))?;
            column.kind.accepts(value, name)?;
            self.text.push_str(" AND ");
            self.name(view, column);
            self.text.push_str(" = ");
            self.bind(value.clone());
        }
        Ok(())
    }

    /// The rows whose text begins so, in the order of the text.
    pub(crate) fn search(
        view: &'static ViewSpec,
        start: &str,
        asker: Asker<'_>,
        at: Option<i64>,
        most: u32,
    ) -> Result<Option<Question>, ViewQueryError> {
        let Some(column) = view.search.and_then(|name| view.column(name)) else {
            return Ok(None);
        };
        let mut question = Question::select(view, at);
        question.scope(view, asker, at)?;
        question.text.push_str(" AND ");
        question.begins(view, column, start);
        question.text.push_str(" ORDER BY ");
        question.name(view, column);
        question.limit(most.into());
        Ok(Some(question))
    }
}

fn no_column(view: &'static ViewSpec, column: &str) -> ViewQueryError {
    ViewQueryError::NoColumn { view: view.name, column: column.into() }
}

fn named(view: &'static ViewSpec, wanted: impl Fn(&ViewColumn) -> bool) -> String {
    let names = view.columns.iter().filter(|column| wanted(column)).map(|column| column.name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use books::{FirmId, SellerId};
    use rusqlite::{Connection, params_from_iter};

    use super::*;
    use crate::catalog::{VIEWS, ViewName};
    use crate::statements::{Dialect, parts, tables};

    /// How SQLite answers a question, on views with all their indexes.
    fn plan(question: &Question) -> String {
        let views = Connection::open_in_memory().unwrap();
        views.execute_batch(&tables(Dialect::Sqlite)).unwrap();
        for part in parts(Dialect::Sqlite) {
            views.execute_batch(&part.statements).unwrap();
        }
        let explain = format!("EXPLAIN QUERY PLAN {}", question.text);
        let mut statement = views.prepare(&explain).unwrap();
        let values = params_from_iter(&question.values);
        let steps = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    #[test]
    fn a_page_of_many_rows_is_read_in_their_order() {
        let (seller, firm) = (RowOwner::Seller(SellerId(1)), RowOwner::Firm(FirmId(1)));
        let large = [
            (ViewName::Parcels, vec![RowsOf::Everyone, seller.into(), firm.into()]),
            (ViewName::Payments, vec![RowsOf::Everyone]),
            (ViewName::Postings, vec![RowsOf::Everyone]),
            (ViewName::Commands, vec![RowsOf::Everyone]),
        ];
        for (name, scopes) in large {
            let view = &VIEWS[name as usize];
            for scope in scopes {
                for at in [None, Some(7)] {
                    let query = ListQuery { scope: scope.clone(), ..ListQuery::of(view) };
                    let asker = Asker { rows_of: &scope, day_from: None };
                    let steps = plan(&Question::list_of(&query, asker, at, true).unwrap());
                    assert!(!steps.contains("TEMP B-TREE"), "{} {scope:?}: {steps}", view.name);
                }
            }
        }
    }

    #[test]
    fn parcels_of_a_state_are_sought_now_and_as_of_a_batch() {
        let view = &VIEWS[ViewName::Parcels as usize];
        let operator = FilterOperator::Equal("delivered".into());
        let filters = vec![ViewFilter { column: "state".into(), operator }];
        let query = ListQuery { filters, ..ListQuery::of(view) };
        let scope = RowsOf::Everyone;
        let asker = Asker { rows_of: &scope, day_from: None };
        for (at, sought) in [
            (None, "parcels_by_state_from_batch_parcel_current (state=?)"),
            (Some(7), "parcels_by_state_from_batch_parcel (state=? AND from_batch<?)"),
        ] {
            let steps = plan(&Question::list_of(&query, asker, at, true).unwrap());
            assert!(steps.contains(sought), "{at:?}: {steps}");
            assert!(!steps.contains("TEMP B-TREE"), "{at:?}: {steps}");
        }
    }
}
