//! Cash on its way to the bank.

use crate::table::ColumnKind::{Amount, Currency, Date, Id, Word};
use crate::table::IdentifierKind::{Bank, Courier, Deposit, Firm, HandOver, Person};
use crate::table::{
    ColumnKind, FROM, IndexedRows, NOBODY, OF_COURIER, RowOwners, UNTIL, VIEW, ViewIndex, ViewSpec,
    column, up,
};

const MONEY: ColumnKind = Amount { currency: "currency" };
const BY_STATE: ViewIndex =
    ViewIndex { columns: &["state", "from_batch"], only: Some(IndexedRows::Current) };
const BY_BATCH: ViewIndex = ViewIndex { columns: &["from_batch"], only: None };

pub const CUSTODY: ViewSpec = ViewSpec {
    name: "custody",
    doc: "cash that a courier answers for",
    key: &["courier"],
    columns: &[
        column("courier", Id(Courier), "who has it").filter().sort(),
        FROM,
        UNTIL,
        column("firm", Id(Firm), "the firm of the courier").filter(),
        column("currency", Currency, "of the cash").filter(),
        column("in_hand", MONEY, "collected, and not counted").filter(),
        column("shortage", MONEY, "owed, because less was counted than collected").filter(),
    ],
    owners: OF_COURIER,
    order: up("courier"),
    indexes: &[ViewIndex { columns: &["courier"], only: Some(IndexedRows::Current) }],
    ..VIEW
};

pub const HAND_OVERS: ViewSpec = ViewSpec {
    name: "hand_overs",
    doc: "state of a courier's hand-over of cash",
    key: &["hand_over"],
    columns: &[
        column("hand_over", Id(HandOver), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["started", "counted", "cancelled"]), "how far it is").filter(),
        column("courier", Id(Courier), "who hands over").filter(),
        column("firm", Id(Firm), "the firm of the courier").filter(),
        column("currency", Currency, "of the cash").filter(),
        column("started", Date, "the day on which it was started").filter(),
        column("expected", MONEY, "what was collected"),
        column("counted", MONEY, "what was counted").optional(),
        column("by", Id(Person), "who counted or cancelled it").optional().filter(),
    ],
    owners: OF_COURIER,
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const DEPOSITS: ViewSpec = ViewSpec {
    name: "deposits",
    doc: "state of a firm's deposit at a bank",
    key: &["deposit"],
    columns: &[
        column("deposit", Id(Deposit), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["announced", "credited", "cancelled"]), "how far it is").filter(),
        column("firm", Id(Firm), "who deposits").filter(),
        column("bank", Id(Bank), "the account that is credited").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("announced", Date, "the day on which it was announced").filter(),
        column("amount", MONEY, "what was announced").filter(),
        column("credited", MONEY, "what the bank credited").optional(),
        column("announced_by", Id(Person), "who announced it").filter(),
    ],
    owners: RowOwners { firm: Some("firm"), ..NOBODY },
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};
