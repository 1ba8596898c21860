//! What the journal and the ledger have: accounts, commands, postings.

use crate::table::ColumnKind::{
    Amount, Batch, Currency, Date, Id, MinorUnits, Number, Parcel, Text, Time, Word,
};
use crate::table::IdentifierKind::{Account, Any, Tariff};
use crate::table::{
    IndexedRows, RowSpan, VIEW, ViewColumn, ViewIndex, ViewJoin, ViewSpec, column, down, up,
};

pub const ACCOUNTS: ViewSpec = ViewSpec {
    name: "accounts",
    doc: "account of the ledger",
    span: RowSpan::Since("from_batch"),
    key: &["account"],
    columns: &[
        column("account", Id(Account), "its number").filter().sort(),
        column("code", Number, "its code in the chart").filter(),
        column("name", Text, "its name as in `export --format hledger`").filter(),
        column("owner", Id(Any), "whose it is; 0 for a currency's shared accounts").filter(),
        column("reference", Text, "the operator's name of the owner").optional().filter(),
        column("currency", Currency, "of its balance").filter(),
        column("from_batch", Batch, "that opened it").filter(),
    ],
    order: up("account"),
    search: Some("name"),
    indexes: &[
        ViewIndex { columns: &["owner", "code"], only: None },
        ViewIndex { columns: &["name"], only: None },
    ],
    ..VIEW
};

const GIVERS: &[&str] = &["system", "person", "key", "terminal", "gateway", "network", "wallet"];

pub const COMMANDS: ViewSpec = ViewSpec {
    name: "commands",
    doc: "command of the journal: the audit trail",
    span: RowSpan::Since("batch"),
    key: &["batch", "command"],
    columns: &[
        column("batch", Batch, "that has it").filter().sort(),
        column("command", Number, "its place in the batch, from 1"),
        column("at", Time, "when it was applied").filter(),
        column("date", Date, "the business date").filter(),
        column("name", Text, "of the command").filter(),
        column("by_kind", Word(GIVERS), "who gave it").filter(),
        column("by_id", Id(Any), "the identifier of who gave it; 0 for the system").filter(),
    ],
    order: down("batch"),
    indexes: &[
        ViewIndex { columns: &["name", "batch", "command"], only: None },
        ViewIndex { columns: &["by_kind", "by_id", "batch", "command"], only: None },
    ],
    ..VIEW
};

pub(crate) const STAGES: &[&str] = &["posted", "reserved", "posted from reserve", "voided"];

const POSTING_COLUMNS: &[ViewColumn] = &[
    column("posting", Number, "its number in the journal, from 1").filter().sort(),
    column("batch", Batch, "that has it").filter(),
    column("command", Number, "the place in the batch of the command that made it, from 1"),
    column("date", Date, "the business date").filter(),
    column("value_date", Date, "from which the money counts").filter(),
    column("entry", Text, "its row of the chart").filter(),
    column("stage", Word(STAGES), "`reserved` and `voided` move no money").filter(),
    column("debit", Id(Account), "the account that is debited").filter(),
    column("credit", Id(Account), "the account that is credited").filter(),
    column("amount", Amount { currency: "currency" }, "what it moves").filter(),
    column("debit_balance", MinorUnits, "debits less credits of the debited account after it"),
    column("credit_balance", MinorUnits, "debits less credits of the credited account after it"),
    column("parcel", Parcel, "of the payment").optional().filter(),
    column("payment", Number, "the number of the parcel's payment; 0: the parcel itself")
        .optional()
        .filter(),
    column("tariff", Id(Tariff), "from which the amount follows").optional().filter(),
    column("tariff_version", Number, "of the tariff").optional(),
    column("currency", Currency, "of the amount and the balances").of("accounts").filter(),
];

pub const POSTINGS: ViewSpec = ViewSpec {
    name: "postings",
    doc: "posting, in the journal's order",
    span: RowSpan::Since("batch"),
    key: &["posting"],
    columns: POSTING_COLUMNS,
    joins: &[ViewJoin { table: "accounts", column: "account", own: "debit", spans: false }],
    order: down("posting"),
    indexes: &[
        ViewIndex { columns: &["debit", "batch", "posting"], only: None },
        ViewIndex { columns: &["credit", "batch", "posting"], only: None },
        ViewIndex { columns: &["parcel", "posting"], only: Some(IndexedRows::With("parcel")) },
    ],
    ..VIEW
};
