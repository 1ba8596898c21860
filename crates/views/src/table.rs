//! How a view is declared: once, for its table, its rows, its statements and its readers.

/// A view: a table of which anyone may ask rows, as of any batch.
#[derive(Debug)]
pub struct ViewSpec {
    /// Of the table, and of the view in an address.
    pub name: &'static str,
    /// One row for each of what.
    pub doc: &'static str,
    pub span: RowSpan,
    /// The columns that tell two things apart. With [`RowSpan::Between`] a thing has several rows,
    /// of which one holds at each batch.
    pub key: &'static [&'static str],
    pub columns: &'static [ViewColumn],
    /// Tables of which each row has at most one that belongs to it.
    pub joins: &'static [ViewJoin],
    pub owners: RowOwners,
    /// The order of a list for which none is asked.
    pub order: RowOrder,
    /// The column that a search looks into.
    pub search: Option<&'static str>,
    pub indexes: &'static [ViewIndex],
}

/// Which batches a row holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSpan {
    /// From the end of the batch in this column on, for ever.
    Since(&'static str),
    /// From the end of `from_batch` until the end of the batch before `until_batch`.
    Between,
}

#[derive(Clone, Copy, Debug)]
pub struct ViewColumn {
    pub name: &'static str,
    pub kind: ColumnKind,
    /// What it says, with its unit.
    pub doc: &'static str,
    /// It may be empty.
    pub optional: bool,
    /// Lists may be narrowed by it.
    pub filter: bool,
    /// Lists may be ordered by it.
    pub sort: bool,
    /// The joined table that has it.
    pub of: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// 64 bits, as a signed number with the same bits.
    Id(IdentifierKind),
    /// The 16 bytes of a parcel's identifier.
    Parcel,
    /// Minor units of the currency in another column.
    Amount {
        currency: &'static str,
    },
    /// Minor units; the row does not say of which currency.
    MinorUnits,
    Number,
    /// 0 or 1.
    Flag,
    Text,
    /// Three letters of ISO 4217.
    Currency,
    /// Milliseconds since 1970 in UTC.
    Time,
    /// A business date, `2026-11-29`.
    Date,
    /// A batch of the journal.
    Batch,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// The kind of thing that an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierKind {
    Account,
    /// Of what, another column says.
    Any,
    Bank,
    Break,
    Category,
    Courier,
    Deposit,
    Firm,
    HandOver,
    Network,
    Offer,
    OpenItem,
    Order,
    Payout,
    Person,
    Plan,
    Promotion,
    Seller,
    Tariff,
    Terminal,
    Variant,
    Wallet,
}

#[derive(Clone, Copy, Debug)]
pub struct ViewJoin {
    pub table: &'static str,
    /// The key of the joined table, and the column of this one that is equal.
    pub column: &'static str,
    pub own: &'static str,
    /// The joined table is a [`RowSpan::Between`]: the row that holds.
    pub spans: bool,
}

/// The columns that say whose a row is. Who may see only own rows sees none of a view without the
/// column.
#[derive(Clone, Copy, Debug)]
pub struct RowOwners {
    pub seller: Option<&'static str>,
    pub courier: Option<&'static str>,
    pub firm: Option<&'static str>,
}

/// Rows that are nobody's own.
pub(crate) const NOBODY: RowOwners = RowOwners { seller: None, courier: None, firm: None };
pub(crate) const OF_SELLER: RowOwners = RowOwners { seller: Some("seller"), ..NOBODY };
/// Rows of a courier, who is of a firm.
pub(crate) const OF_COURIER: RowOwners =
    RowOwners { courier: Some("courier"), firm: Some("firm"), ..NOBODY };

/// What a declaration leaves out.
pub(crate) const VIEW: ViewSpec = ViewSpec {
    name: "",
    doc: "",
    span: RowSpan::Between,
    key: &[],
    columns: &[],
    joins: &[],
    owners: NOBODY,
    order: down("from_batch"),
    search: None,
    indexes: &[],
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOrder {
    pub column: &'static str,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct ViewIndex {
    pub columns: &'static [&'static str],
    /// Only rows that still hold, or whose column is not empty.
    pub only: Option<IndexedRows>,
}

#[derive(Clone, Copy, Debug)]
pub enum IndexedRows {
    Current,
    With(&'static str),
}

impl ViewSpec {
    /// The view of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static ViewSpec> {
        crate::catalog::VIEWS.iter().find(|view| view.name == name)
    }

    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static ViewColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of its own table.
    pub fn own_columns(&self) -> impl Iterator<Item = &'static ViewColumn> + Clone {
        self.columns.iter().filter(|column| column.of.is_none())
    }

    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// A column. What it may be more, its methods say.
pub(crate) const fn column(name: &'static str, kind: ColumnKind, doc: &'static str) -> ViewColumn {
    ViewColumn { name, kind, doc, optional: false, filter: false, sort: false, of: None }
}

impl ViewColumn {
    pub(crate) const fn optional(self) -> ViewColumn {
        ViewColumn { optional: true, ..self }
    }

    pub(crate) const fn filter(self) -> ViewColumn {
        ViewColumn { filter: true, ..self }
    }

    pub(crate) const fn sort(self) -> ViewColumn {
        ViewColumn { sort: true, ..self }
    }

    pub(crate) const fn of(self, table: &'static str) -> ViewColumn {
        ViewColumn { of: Some(table), ..self }
    }
}

pub(crate) const fn up(column: &'static str) -> RowOrder {
    RowOrder { column, descending: false }
}

pub(crate) const fn down(column: &'static str) -> RowOrder {
    RowOrder { column, descending: true }
}

pub(crate) const FROM: ViewColumn =
    column("from_batch", ColumnKind::Batch, "at whose end the row begins to hold").filter().sort();
pub(crate) const UNTIL: ViewColumn = column(
    "until_batch",
    ColumnKind::Batch,
    "at whose end it no longer holds; 9223372036854775807: still",
);
