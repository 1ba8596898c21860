//! Money between Doorstep, its rails, sellers and firms: clearing, plans, payouts, invoices.

use crate::table::ColumnKind::{Amount, Batch, Currency, Date, Id, Number, Parcel, Text, Word};
use crate::table::IdentifierKind::{Any, Bank, Break, Firm, Payout, Person, Plan, Seller};
use crate::table::{
    ColumnKind, FROM, IndexedRows, NOBODY, OF_SELLER, RowOwners, RowSpan, UNTIL, VIEW, ViewIndex,
    ViewSpec, column, down,
};

const MONEY: ColumnKind = Amount { currency: "currency" };
const BY_STATE: ViewIndex =
    ViewIndex { columns: &["state", "from_batch"], only: Some(IndexedRows::Current) };
const BY_BATCH: ViewIndex = ViewIndex { columns: &["from_batch"], only: None };
const BY_SELLER: ViewIndex = ViewIndex { columns: &["seller", "from_batch"], only: None };

pub(crate) const RAILS: &[&str] = &["network", "wallet"];
pub(crate) const LINE_KINDS: &[&str] = &[
    "sale",
    "completion",
    "offline",
    "refund",
    "reversal",
    "chargeback",
    "fee correction",
    "representment",
];

pub const CLEARING_LINES: ViewSpec = ViewSpec {
    name: "clearing_lines",
    doc: "line of a network's or wallet's clearing file",
    span: RowSpan::Since("batch"),
    key: &["rail_kind", "rail", "file", "line"],
    columns: &[
        column("rail_kind", Word(RAILS), "whose file it is").filter(),
        column("rail", Id(Any), "the identifier of the network or wallet").filter(),
        column("file", Number, "of the file").filter(),
        column("line", Number, "in the file"),
        column("batch", Batch, "that has it").filter().sort(),
        column("kind", Word(LINE_KINDS), "what it says").filter(),
        column("parcel", Parcel, "of the payment; empty: none was found").optional().filter(),
        column("payment", Number, "the number of the parcel's payment").optional(),
        column("bank", Id(Bank), "the account that is credited").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("amount", MONEY, "what it pays; below zero it takes").filter(),
        column("deducted", MONEY, "the fee that it deducts; below zero it gives back"),
        column("value_date", Date, "from which the money counts").filter(),
    ],
    order: down("batch"),
    indexes: &[
        ViewIndex { columns: &["batch"], only: None },
        ViewIndex { columns: &["parcel"], only: Some(IndexedRows::With("parcel")) },
    ],
    ..VIEW
};

/// Whose files there are.
pub const FILE_LANES: &[&str] = &["network", "wallet", "bank", "firm"];

pub const FILES: ViewSpec = ViewSpec {
    name: "files",
    doc: "state of a file of a network or wallet, of a bank statement or of a firm's sheet",
    key: &["lane", "sender", "file"],
    columns: &[
        column("lane", Word(FILE_LANES), "whose file it is").filter(),
        column("sender", Id(Any), "the identifier of the network, wallet, bank account or firm")
            .filter(),
        column("file", Number, "of the lane").filter(),
        FROM,
        UNTIL,
        column("state", Word(&["begun", "ended"]), "`ended`: all lines are in the books").filter(),
        column("form", Text, "the format or profile that read it").filter(),
        column("first_day", Date, "of the file").filter(),
        column("last_day", Date, "of the file").filter(),
        column("lines", Number, "that it has"),
        column("currency", Currency, "of the amounts").filter(),
        column("total", MONEY, "what its lines add up to: paid, or moved on the account"),
        column("matched", MONEY, "of the total; once it is ended").optional(),
        column("expected", MONEY, "of the total: awaited in the books").optional(),
        column("breaks", MONEY, "of the total").optional().filter(),
        column("digest", Text, "SHA-256 of the file"),
        column("result", Text, "SHA-256 of the file with what its lines are").optional(),
    ],
    order: down("from_batch"),
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const BANK_ENTRIES: ViewSpec = ViewSpec {
    name: "bank_entries",
    doc: "state of an entry of a bank statement",
    key: &["bank", "file", "line"],
    columns: &[
        column("bank", Id(Bank), "the account").filter(),
        column("file", Number, "the statement").filter(),
        column("line", Number, "in the statement").filter(),
        FROM,
        UNTIL,
        column("state", Word(&["matched", "expected", "break"]), "`expected`: awaited").filter(),
        column("booked", Date, "by the bank").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("amount", MONEY, "above zero: into the account").filter(),
        column("matched", MONEY, "with what the books have"),
        column("expected", MONEY, "awaited in the books"),
        column("awaited_until", Date, "then it becomes a break").optional().filter(),
        column("break", Id(Break), "of what nothing explains").optional().filter(),
    ],
    order: down("from_batch"),
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const PLANS: ViewSpec = ViewSpec {
    name: "plans",
    doc: "state of a settlement plan",
    key: &["plan"],
    columns: &[
        column("plan", Id(Plan), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["planned", "approved", "rejected", "executed"]), "how far it is")
            .filter(),
        column("cycle", Word(super::parties::CYCLES), "whose sellers are paid").filter(),
        column("currency", Currency, "of the payouts").filter(),
        column("planned", Date, "the day on which it was planned").filter(),
        column("payouts", Number, "of the plan; once it is executed, those that were sent"),
        column("total", MONEY, "of these payouts"),
        column("below_minimum", Number, "sellers left out, because too little is payable"),
        column("suspended", Number, "sellers left out, because they are suspended"),
        column("planned_by", Id(Person), "who planned it; empty: the calendar").optional().filter(),
        column("decided_by", Id(Person), "who approved or rejected it").optional().filter(),
        column("bank", Id(Bank), "the account that pays, once it is executed").optional().filter(),
    ],
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

const PAYOUT_STATES: &[&str] = &["planned", "rejected", "dropped", "sent", "confirmed", "returned"];

pub const PAYOUTS: ViewSpec = ViewSpec {
    name: "payouts",
    doc: "state of a payout to a seller",
    key: &["payout"],
    columns: &[
        column("payout", Id(Payout), "its number").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(PAYOUT_STATES), "`dropped`: the seller no longer had so much")
            .filter(),
        column("plan", Id(Plan), "that has it").filter(),
        column("seller", Id(Seller), "who is paid").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("net", MONEY, "what is paid").filter(),
        column("gross", MONEY, "collected, and credited"),
        column("fees", MONEY, "of those collections, with tax and freight"),
        column("refunded", MONEY, "refunds, chargebacks, and what was charged"),
        column("returned", MONEY, "earlier payouts that the bank returned"),
        column("invoiced", MONEY, "debts that were invoiced and are not deducted"),
        column("compensated", MONEY, "for damaged and lost parcels"),
        column("bank", Id(Bank), "the account that pays, once it is sent").optional().filter(),
        column("sent", Date, "the day on which it was sent").optional().filter(),
    ],
    owners: OF_SELLER,
    indexes: &[
        BY_STATE,
        BY_BATCH,
        BY_SELLER,
        ViewIndex { columns: &["plan"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub const INVOICES: ViewSpec = ViewSpec {
    name: "invoices",
    doc: "state of an invoice to a seller",
    key: &["seller", "currency", "number"],
    columns: &[
        column("seller", Id(Seller), "who owes").filter().sort(),
        column("currency", Currency, "of the amounts").filter(),
        column("number", Number, "among the seller's invoices in the currency, from 1"),
        FROM,
        UNTIL,
        column("state", Word(&["open", "paid", "cancelled"]), "how far it is").filter(),
        column("amount", MONEY, "what was invoiced").filter(),
        column("invoiced", Date, "the day of the invoice").filter(),
    ],
    owners: OF_SELLER,
    indexes: &[BY_STATE, BY_BATCH],
    ..VIEW
};

pub const INVOICE_PAYMENTS: ViewSpec = ViewSpec {
    name: "invoice_payments",
    doc: "payment of an invoice by a seller",
    span: RowSpan::Since("batch"),
    key: &["seller", "currency", "invoice", "number"],
    columns: &[
        column("seller", Id(Seller), "who paid").filter().sort(),
        column("currency", Currency, "of the amount").filter(),
        column("invoice", Number, "the number of the invoice"),
        column("number", Number, "among the payments of the invoice, from 1"),
        column("batch", Batch, "that has it").filter().sort(),
        column("bank", Id(Bank), "the account that was credited").filter(),
        column("amount", MONEY, "what was paid").filter(),
    ],
    owners: OF_SELLER,
    order: down("batch"),
    ..VIEW
};

pub const COMMISSIONS: ViewSpec = ViewSpec {
    name: "commissions",
    doc: "payment of commission and freight to a firm",
    span: RowSpan::Since("batch"),
    key: &["firm", "number"],
    columns: &[
        column("firm", Id(Firm), "who is paid").filter().sort(),
        column("number", Number, "among the firm's, from 1"),
        column("batch", Batch, "that has it").filter().sort(),
        column("bank", Id(Bank), "the account that pays").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("amount", MONEY, "what was paid, with what was withheld").filter(),
        column("withheld", MONEY, "tax withheld of it"),
    ],
    owners: RowOwners { firm: Some("firm"), ..NOBODY },
    order: down("batch"),
    ..VIEW
};

pub const ADJUSTMENTS: ViewSpec = ViewSpec {
    name: "adjustments",
    doc: "adjusting entry by two persons",
    span: RowSpan::Since("batch"),
    key: &["number"],
    columns: &[
        column("number", Number, "from 1").filter().sort(),
        column("batch", Batch, "that has it").filter().sort(),
        column("currency", Currency, "of the amount").filter(),
        column("amount", MONEY, "what was moved").filter(),
        column("value_date", Date, "from which it counts").filter(),
        column("reference", Text, "to the reason").filter(),
        column("proposed_by", Id(Person), "who proposed it").filter(),
        column("approved_by", Id(Person), "who approved it").filter(),
    ],
    order: down("number"),
    search: Some("reference"),
    indexes: &[ViewIndex { columns: &["reference"], only: None }],
    ..VIEW
};

pub const PERIODS: ViewSpec = ViewSpec {
    name: "periods",
    doc: "period that is closed",
    span: RowSpan::Since("batch"),
    key: &["number"],
    columns: &[
        column("number", Number, "from 1").filter().sort(),
        column("batch", Batch, "that closed it").filter().sort(),
        column("last_day", Date, "its last business date").filter(),
        column("digest", Text, "SHA-256 of its trial balance, hexadecimal"),
        column("proposed_by", Id(Person), "who proposed to close it").filter(),
        column("approved_by", Id(Person), "who approved it").filter(),
    ],
    order: down("number"),
    ..VIEW
};
