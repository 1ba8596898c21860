//! Who takes part: sellers, firms, couriers, persons, banks, networks, wallets, terminals, and the
//! rules that were agreed with them.

use crate::table::ColumnKind::{Amount, Batch, Currency, Date, Flag, Id, Number, Text, Time, Word};
use crate::table::IdentifierKind::{
    Bank, Courier, Firm, Network, Person, Seller, Tariff, Terminal, Wallet,
};
use crate::table::{
    ColumnKind, FROM, IndexedRows, NOBODY, OF_COURIER, OF_SELLER, RowOwners, RowSpan, UNTIL, VIEW,
    ViewIndex, ViewSpec, column, up,
};

const MONEY: ColumnKind = Amount { currency: "currency" };
const BY_REFERENCE: ViewIndex =
    ViewIndex { columns: &["reference"], only: Some(IndexedRows::Current) };

pub(crate) const CYCLES: &[&str] = &["daily", "weekly", "monthly"];

pub const SELLERS: ViewSpec = ViewSpec {
    name: "sellers",
    doc: "state of a seller's account in one currency",
    key: &["seller", "currency"],
    columns: &[
        column("seller", Id(Seller), "its identifier").filter().sort(),
        column("currency", Currency, "of the account").filter(),
        FROM,
        UNTIL,
        column("reference", Text, "the operator's name of the seller").filter().sort(),
        column("kind", Word(&["individual", "business"]), "what the seller is").filter(),
        column("jurisdiction", Text, "the country whose hold rule counts").filter(),
        column("tariff", Id(Tariff), "the newest agreed").filter(),
        column("class", Number, "of the tariff, from 0"),
        column("cycle", Word(CYCLES), "how often it is paid").filter(),
        column("minimum", MONEY, "the least that is paid out"),
        column("terms_from", Date, "from which these terms count; empty: from the start")
            .optional(),
        column("suspended", Flag, "whether nothing is paid out to it").filter(),
        column("payout_account", Flag, "whether an account is known that is paid to").filter(),
    ],
    owners: OF_SELLER,
    order: up("reference"),
    search: Some("reference"),
    indexes: &[BY_REFERENCE],
    ..VIEW
};

pub const FIRMS: ViewSpec = ViewSpec {
    name: "firms",
    doc: "state of a courier firm",
    key: &["firm"],
    columns: &[
        column("firm", Id(Firm), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("reference", Text, "the operator's name of the firm").filter().sort(),
        column("currency", Currency, "of its cash").filter(),
        column("guarantee", MONEY, "the newest agreed"),
        column("withholding", Number, "of its commission, in parts per million"),
        column("terms_from", Date, "from which these terms count; empty: from the start")
            .optional(),
    ],
    owners: RowOwners { firm: Some("firm"), ..NOBODY },
    order: up("reference"),
    search: Some("reference"),
    indexes: &[BY_REFERENCE],
    ..VIEW
};

pub const COURIERS: ViewSpec = ViewSpec {
    name: "couriers",
    doc: "state of a courier",
    key: &["courier"],
    columns: &[
        column("courier", Id(Courier), "the identifier").filter().sort(),
        FROM,
        UNTIL,
        column("reference", Text, "the operator's name of the courier").filter().sort(),
        column("firm", Id(Firm), "the firm of the courier").filter(),
        column("currency", Currency, "of the cash").filter(),
        column("cash_limit", MONEY, "the most in hand, the newest agreed"),
        column("terms_from", Date, "from which the limit counts; empty: from the start").optional(),
        column("suspended", Flag, "whether no parcel and no terminal is given").filter(),
    ],
    owners: OF_COURIER,
    order: up("reference"),
    search: Some("reference"),
    indexes: &[BY_REFERENCE],
    ..VIEW
};

pub const PERSONS: ViewSpec = ViewSpec {
    name: "persons",
    doc: "person who may act; names are not in the books",
    key: &["person"],
    columns: &[
        column("person", Id(Person), "the identifier").filter().sort(),
        FROM,
        UNTIL,
        column("removed", Flag, "whether the person may act no more").filter(),
    ],
    order: up("person"),
    ..VIEW
};

pub const BANKS: ViewSpec = ViewSpec {
    name: "banks",
    doc: "bank account of Doorstep",
    span: RowSpan::Since("from_batch"),
    key: &["bank"],
    columns: &[
        column("bank", Id(Bank), "its identifier").filter().sort(),
        column("reference", Text, "the operator's name of the account").filter().sort(),
        column("currency", Currency, "of the account").filter(),
        column("from_batch", Batch, "that registered it").filter(),
    ],
    order: up("reference"),
    search: Some("reference"),
    ..VIEW
};

pub const NETWORKS: ViewSpec = ViewSpec {
    name: "networks",
    doc: "state of a card network",
    key: &["network"],
    columns: &[
        column("network", Id(Network), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("reference", Text, "the operator's name of the network").filter().sort(),
        column("currency", Currency, "in which it settles").filter(),
        column("withdrawn_from", Time, "when it takes no new payments").optional().filter(),
    ],
    order: up("reference"),
    search: Some("reference"),
    ..VIEW
};

pub const WALLETS: ViewSpec = ViewSpec {
    name: "wallets",
    doc: "wallet",
    span: RowSpan::Since("from_batch"),
    key: &["wallet"],
    columns: &[
        column("wallet", Id(Wallet), "its identifier").filter().sort(),
        column("reference", Text, "the operator's name of the wallet").filter().sort(),
        column("currency", Currency, "in which it settles").filter(),
        column("from_batch", Batch, "that registered it").filter(),
    ],
    order: up("reference"),
    search: Some("reference"),
    ..VIEW
};

pub const TERMINALS: ViewSpec = ViewSpec {
    name: "terminals",
    doc: "state of a terminal",
    key: &["terminal"],
    columns: &[
        column("terminal", Id(Terminal), "its number").filter().sort(),
        FROM,
        UNTIL,
        column("courier", Id(Courier), "who has it").filter(),
        column("firm", Id(Firm), "the firm of the courier").filter(),
        column("currency", Currency, "of its sales").filter(),
        column("blocked", Flag, "whether it takes no payments").filter(),
        column("offline_each", MONEY, "the most for a sale without an answer"),
        column("offline_total", MONEY, "the most for all sales without an answer"),
    ],
    owners: OF_COURIER,
    order: up("terminal"),
    ..VIEW
};

pub const TARIFFS: ViewSpec = ViewSpec {
    name: "tariffs",
    doc: "version of a tariff",
    span: RowSpan::Since("batch"),
    key: &["tariff", "version"],
    columns: &[
        column("tariff", Id(Tariff), "its identifier").filter().sort(),
        column("version", Number, "from 1").filter(),
        column("batch", Batch, "that published it").filter(),
        column("reference", Text, "the operator's name of the tariff").filter().sort(),
        column("currency", Currency, "for which it is; empty: for all").optional().filter(),
        column("first_day", Date, "the first day in force").filter(),
        column("end_day", Date, "the first day no longer in force").optional().filter(),
        column("terms", Text, "fees and rates as JSON, amounts in minor units"),
    ],
    order: up("reference"),
    search: Some("reference"),
    ..VIEW
};

pub(crate) const HOLD_RULES_OF: &[&str] = &["at once", "days after held", "days after delivery"];

pub const HOLD_RULES: ViewSpec = ViewSpec {
    name: "hold_rules",
    doc: "hold rule of a jurisdiction",
    key: &["jurisdiction"],
    columns: &[
        column("jurisdiction", Text, "the country, two letters").filter().sort(),
        FROM,
        UNTIL,
        column("rule", Word(HOLD_RULES_OF), "when held money becomes payable").filter(),
        column("days", Number, "of the rule; 0 for `at once`"),
    ],
    order: up("jurisdiction"),
    ..VIEW
};
