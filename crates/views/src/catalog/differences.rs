//! What is disputed: terminal batches, open items, breaks, refunds and chargebacks.

use crate::table::ColumnKind::{Amount, Batch, Currency, Date, Id, Number, Parcel, Word};
use crate::table::IdentifierKind::{Any, Break, Courier, OpenItem, Person, Seller, Terminal};
use crate::table::{
    ColumnKind, FROM, IndexedRows, NOBODY, OF_SELLER, RowOwners, RowSpan, UNTIL, VIEW, ViewIndex,
    ViewJoin, ViewSpec, column, down,
};

const MONEY: ColumnKind = Amount { currency: "currency" };
const BY_STATE: ViewIndex =
    ViewIndex { columns: &["state", "from_batch"], only: Some(IndexedRows::Current) };
const BY_BATCH: ViewIndex = ViewIndex { columns: &["from_batch"], only: None };

const BATCH_STATES: &[&str] = &["open", "agreed", "disputed", "reconciled", "left disputed"];

pub const BATCHES: ViewSpec = ViewSpec {
    name: "batches",
    doc: "state of a terminal's batch",
    key: &["terminal", "number"],
    columns: &[
        column("terminal", Id(Terminal), "whose it is").filter().sort(),
        column("number", Number, "of the batch").filter(),
        FROM,
        UNTIL,
        column("state", Word(BATCH_STATES), "how far it is").filter(),
        column("courier", Id(Courier), "who had the terminal when it was opened").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("ours", MONEY, "debits less credits by the books, once it is closed").optional(),
        column("theirs", MONEY, "debits less credits by the terminal").optional(),
        column("differences", Number, "lines that differ, once they were compared").optional(),
    ],
    owners: RowOwners { courier: Some("courier"), ..NOBODY },
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const OPEN_ITEMS: ViewSpec = ViewSpec {
    name: "open_items",
    doc: "state of a terminal batch that somebody must decide",
    key: &["item"],
    columns: &[
        column("item", Id(OpenItem), "its number").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["open", "closed"]), "whether it is decided").filter(),
        column("terminal", Id(Terminal), "whose batch it is").filter(),
        column("number", Number, "of the batch"),
        column("opened", Date, "the day on which it was opened").filter(),
        column("owner", Id(Person), "who must explain it").optional().filter(),
    ],
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub(crate) const SUBJECTS: &[&str] = &["bank", "network", "wallet", "firm"];
pub(crate) const BREAK_SIDES: &[&str] = &["excess", "shortfall"];

pub const BREAKS: ViewSpec = ViewSpec {
    name: "breaks",
    doc: "state of a difference between the books and the world",
    key: &["break"],
    columns: &[
        column("break", Id(Break), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["open", "proposed", "closed", "withdrawn"]), "how far it is")
            .filter(),
        column("subject_kind", Word(SUBJECTS), "with whom the difference is").filter(),
        column("subject", Id(Any), "the identifier of whom").filter(),
        column("side", Word(BREAK_SIDES), "more or less than the books say").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("raised", MONEY, "its amount when it was raised").filter(),
        column("amount", MONEY, "what of it is open").filter(),
        column("opened", Date, "the day on which it was raised").filter(),
        column("owner", Id(Person), "who must resolve it; 0: nobody yet").filter(),
    ],
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

const REFUND_STATES: &[&str] = &["booked", "contested", "won", "lost"];

pub const REFUNDS: ViewSpec = ViewSpec {
    name: "refunds",
    doc: "state of a refund or chargeback of a payment",
    key: &["parcel", "payment", "number"],
    columns: &[
        column("parcel", Parcel, "of the payment").filter().sort(),
        column("payment", Number, "the number of the parcel's payment").filter(),
        column("number", Number, "among the payment's refunds and chargebacks, from 1").filter(),
        FROM,
        UNTIL,
        column("kind", Word(&["refund", "chargeback"]), "what it is").filter(),
        column("state", Word(REFUND_STATES), "only chargebacks are contested, won or lost")
            .filter(),
        column("amount", MONEY, "what was taken back").filter(),
        column("day", Date, "the day on which it was booked").filter(),
        column("answer_by", Date, "by when a contested chargeback is answered").optional(),
        column("fee", MONEY, "of the chargeback").optional(),
        column("seller", Id(Seller), "whose sale it was").of("orders").filter(),
        column("currency", Currency, "of the amounts").of("parcels").filter(),
    ],
    joins: &[
        ViewJoin { table: "orders", column: "parcel", own: "parcel", spans: false },
        ViewJoin { table: "parcels", column: "parcel", own: "parcel", spans: true },
    ],
    owners: OF_SELLER,
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const REFUND_PAYMENTS: ViewSpec = ViewSpec {
    name: "refund_payments",
    doc: "answer to what a buyer is owed",
    span: RowSpan::Since("batch"),
    key: &["batch", "command", "place"],
    columns: &[
        column("batch", Batch, "that has it").filter().sort(),
        column("command", Number, "the command's place in the batch, from 1"),
        column("place", Number, "among those of the command, from 1"),
        column("parcel", Parcel, "of the payment").filter(),
        column("payment", Number, "the number of the parcel's payment"),
        column("answer", Word(&["paid", "forwarded", "rejected"]), "what became of it").filter(),
        column("amount", MONEY, "how much").filter(),
        column("seller", Id(Seller), "whose sale it was").of("orders").filter(),
        column("currency", Currency, "of the amount").of("parcels").filter(),
    ],
    joins: &[
        ViewJoin { table: "orders", column: "parcel", own: "parcel", spans: false },
        ViewJoin { table: "parcels", column: "parcel", own: "parcel", spans: true },
    ],
    owners: OF_SELLER,
    order: down("batch"),
    indexes: &[ViewIndex { columns: &["parcel"], only: None }],
    ..VIEW
};
