//! Cash on its way to the bank.

use crate::table::ColumnKind::{Amount, Batch, Currency, Date, Id, Number, Parcel, Time, Word};
use crate::table::IdentifierKind::{Bank, Courier, Deposit, Firm, HandOver, Person};
use crate::table::{
    ColumnKind, FROM, IndexedRows, NOBODY, OF_COURIER, RowOwners, RowSpan, UNTIL, VIEW, ViewIndex,
    ViewSpec, column, down, up,
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

pub(crate) const RECEIVERS: &[&str] = &["buyer", "household", "neighbour", "reception"];

pub const PHONE_CASH: ViewSpec = ViewSpec {
    name: "phone_cash",
    doc: "cash payment that a courier entered on a phone, with the time that the phone claims",
    span: RowSpan::Since("batch"),
    key: &["parcel", "payment"],
    columns: &[
        column("parcel", Parcel, "of the payment").filter().sort(),
        column("payment", Number, "the number of the parcel's payment"),
        column("batch", Batch, "that has it").filter().sort(),
        column("courier", Id(Courier), "who took the cash").filter(),
        column("firm", Id(Firm), "the firm of the courier").filter(),
        column("claimed_at", Time, "when it was taken, by the phone's clock: a claim").filter(),
        column("skew", Number, "milliseconds by which the claim cannot be right: above 0 too late")
            .filter(),
        column("receiver", Word(RECEIVERS), "who got the parcel").optional().filter(),
    ],
    owners: OF_COURIER,
    order: down("batch"),
    indexes: &[
        ViewIndex { columns: &["batch"], only: None },
        ViewIndex { columns: &["courier", "batch"], only: None },
    ],
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
