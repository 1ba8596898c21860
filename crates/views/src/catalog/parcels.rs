//! Orders, parcels and payments.

use crate::catalog::settlement::RAILS;
use crate::table::ColumnKind::{Amount, Batch, Currency, Id, Number, Parcel, Text, Word};
use crate::table::IdentifierKind::{Any, Courier, Firm, Seller, Tariff};
use crate::table::{
    FROM, IndexedRows, OF_SELLER, RowOwners, RowSpan, UNTIL, VIEW, ViewColumn, ViewIndex, ViewJoin,
    ViewSpec, column, up,
};

pub const ORDERS: ViewSpec = ViewSpec {
    name: "orders",
    doc: "parcel that was announced: its order",
    span: RowSpan::Since("batch"),
    key: &["parcel"],
    columns: &[
        column("parcel", Parcel, "its identifier").filter().sort(),
        column("seller", Id(Seller), "who sends it").filter(),
        column("reference", Text, "the seller's own").filter().sort(),
        column("shipment", Number, "the number of the order's shipment, from 1"),
        column("batch", Batch, "that announced it").filter().sort(),
        column("currency", Currency, "of the amount").filter(),
        column("due", MONEY, "what was due at the door when it was announced").filter(),
    ],
    owners: OF_SELLER,
    order: up("reference"),
    search: Some("reference"),
    indexes: &[
        ViewIndex { columns: &["reference"], only: None },
        ViewIndex { columns: &["seller", "reference"], only: None },
    ],
    ..VIEW
};

pub(crate) const PARCEL_STATES: &[&str] =
    &["announced", "assigned", "out", "refused", "delivered", "returned", "lost", "cancelled"];

const MONEY: crate::table::ColumnKind = Amount { currency: "currency" };

const PARCEL_COLUMNS: &[ViewColumn] = &[
    column("parcel", Parcel, "its identifier").filter().sort(),
    FROM,
    UNTIL,
    column("state", Word(PARCEL_STATES), "where it is").filter(),
    column("seller", Id(Seller), "who sends it").filter(),
    column("firm", Id(Firm), "that has it, or had it last").optional().filter(),
    column("courier", Id(Courier), "who has it, or took its last payment").optional().filter(),
    column("currency", Currency, "of the amounts").filter(),
    column("due", MONEY, "what is due at the door").filter(),
    column("collected", MONEY, "what stands of its payments").filter(),
    column("assignments", Number, "how often it was given to a firm; 0 once it is closed"),
    column("attempts", Number, "deliveries that failed").filter(),
    column("payments", Number, "attempts to take money for it").filter(),
    column("reference", Text, "the seller's own, of the order").of("orders").filter(),
    column("shipment", Number, "the number of the order's shipment, from 1").of("orders"),
];

pub const PARCELS: ViewSpec = ViewSpec {
    name: "parcels",
    doc: "state of a parcel",
    key: &["parcel"],
    columns: PARCEL_COLUMNS,
    joins: &[ViewJoin { table: "orders", column: "parcel", own: "parcel", spans: false }],
    owners: RowOwners { seller: Some("seller"), courier: Some("courier"), firm: Some("firm") },
    indexes: &[
        // Whole ones serve lists as of a batch, too: before the first delivery none is sought among
        // all that was announced. Of a state most rows have ended.
        ViewIndex { columns: &["from_batch", "parcel"], only: None },
        // With the parcel, or all of one batch are sorted for a page.
        ViewIndex { columns: &["seller", "from_batch", "parcel"], only: None },
        ViewIndex { columns: &["courier", "from_batch"], only: Some(IndexedRows::With("courier")) },
        ViewIndex {
            columns: &["firm", "from_batch", "parcel"],
            only: Some(IndexedRows::With("firm")),
        },
        ViewIndex { columns: &["state", "from_batch", "parcel"], only: None },
        ViewIndex { columns: &["state", "from_batch", "parcel"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub(crate) const PAYMENT_STATES: &[&str] = &[
    "begun",
    "unknown",
    "declined",
    "reversed",
    "approved",
    "held",
    "released",
    "authorised",
    "completing",
    "completion unknown",
    "void pending",
    "reversal pending",
    "expiry pending",
    "authorised, void pending",
    "authorised, reversal pending",
    "authorised, expiry pending",
    "reversal of void pending",
    "expired",
    "rejected",
    "in suspense",
];
pub(crate) const METHODS: &[&str] = &["debit card", "credit card", "QR", "cash"];

const PAYMENT_COLUMNS: &[ViewColumn] = &[
    column("parcel", Parcel, "for which money was asked").filter().sort(),
    column("payment", Number, "its number among the parcel's, from 1").filter(),
    FROM,
    UNTIL,
    column("state", Word(PAYMENT_STATES), "how far it is").filter(),
    column("method", Word(METHODS), "how it was paid").filter(),
    column("amount", MONEY, "what was asked").filter(),
    column("fees", MONEY, "of Doorstep; 0 until it is approved"),
    column("deducted", MONEY, "the fee that the network or wallet may deduct"),
    column("refunded", MONEY, "refunds and chargebacks").filter(),
    column("tariff", Id(Tariff), "from which the fees follow").filter(),
    column("tariff_version", Number, "of the tariff"),
    column("rail_kind", Word(RAILS), "who clears it; empty for cash").optional().filter(),
    column("rail", Id(Any), "the identifier of the network or wallet").optional().filter(),
    column("seller", Id(Seller), "who gets the money").of("orders").filter(),
    column("reference", Text, "the seller's own, of the order").of("orders").filter(),
    column("currency", Currency, "of the amounts").of("parcels").filter(),
    column("courier", Id(Courier), "who has the parcel, or took its last payment")
        .of("parcels")
        .optional()
        .filter(),
    column("firm", Id(Firm), "that has the parcel, or had it last")
        .of("parcels")
        .optional()
        .filter(),
];

pub const PAYMENTS: ViewSpec = ViewSpec {
    name: "payments",
    doc: "state of a payment, one attempt to take money for a parcel",
    key: &["parcel", "payment"],
    columns: PAYMENT_COLUMNS,
    joins: &[
        ViewJoin { table: "orders", column: "parcel", own: "parcel", spans: false },
        ViewJoin { table: "parcels", column: "parcel", own: "parcel", spans: true },
    ],
    owners: RowOwners { seller: Some("seller"), courier: Some("courier"), firm: Some("firm") },
    indexes: &[
        ViewIndex { columns: &["from_batch", "parcel", "payment"], only: None },
        ViewIndex {
            columns: &["state", "from_batch", "parcel", "payment"],
            only: Some(IndexedRows::Current),
        },
    ],
    ..VIEW
};
