//! The market: offers with their stock, promotions with what is left of them, orders to the unit.

use crate::table::ColumnKind::{
    Amount, Batch, Currency, Flag, Id, Number, Parcel, Text, Time, Word,
};
use crate::table::IdentifierKind::{Category, Offer, Order, Promotion, Seller, Variant};
use crate::table::{
    ColumnKind, FROM, IndexedRows, OF_SELLER, RowSpan, UNTIL, VIEW, ViewIndex, ViewSpec, column,
    down, up,
};

const MONEY: ColumnKind = Amount { currency: "currency" };
const BY_BATCH: ViewIndex = ViewIndex { columns: &["from_batch"], only: None };
const BY_SELLER: ViewIndex = ViewIndex { columns: &["seller", "from_batch"], only: None };
const BY_STATE: ViewIndex =
    ViewIndex { columns: &["state", "from_batch"], only: Some(IndexedRows::Current) };

pub const OFFERS: ViewSpec = ViewSpec {
    name: "offers",
    doc: "state of an offer",
    key: &["offer"],
    columns: &[
        column("offer", Id(Offer), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["draft", "listed", "paused", "ended"]), "`listed`: it is sold")
            .filter(),
        column("seller", Id(Seller), "who offers it").filter(),
        column("currency", Currency, "of its prices").filter(),
        column("reference", Text, "the seller's own").filter().sort(),
        column("category", Id(Category), "where it is found").filter(),
        column("variants", Number, "that it has"),
        column("changes", Number, "of its content and its state, so far"),
        column("content", Text, "SHA-256 of title, description and pictures"),
    ],
    owners: OF_SELLER,
    search: Some("reference"),
    indexes: &[
        BY_STATE,
        BY_BATCH,
        BY_SELLER,
        ViewIndex { columns: &["reference"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub const VARIANTS: ViewSpec = ViewSpec {
    name: "variants",
    doc: "state of a variant of an offer: its price and its stock",
    key: &["variant"],
    columns: &[
        column("variant", Id(Variant), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("offer", Id(Offer), "that it is of").filter(),
        column("seller", Id(Seller), "who offers it").filter(),
        column("sku", Text, "the seller's number of the article").filter().sort(),
        column("currency", Currency, "of the price").filter(),
        column("price", MONEY, "of one unit, before discounts").filter(),
        column("price_number", Number, "how often the price was set"),
        column("weight_g", Number, "of one unit, in grams"),
        column(
            "granted",
            Number,
            "units that were added and not taken away: units left, allotted, reserved and sold",
        ),
        column("units_left", Number, "units that can be ordered").filter(),
        column("allotted", Number, "units set aside for flash prices"),
        column(
            "reserved",
            Number,
            "units set aside for buyers; one whose time is over counts until somebody needs it",
        ),
        column("sold", Number, "units in orders, or on their way back from one"),
        column("adjustments", Number, "of the stock, so far"),
    ],
    owners: OF_SELLER,
    search: Some("sku"),
    indexes: &[
        BY_BATCH,
        BY_SELLER,
        ViewIndex { columns: &["sku"], only: Some(IndexedRows::Current) },
        ViewIndex { columns: &["offer"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub(crate) const STOCK_REASONS: &[&str] =
    &["received", "counted more", "counted fewer", "damaged", "withdrawn"];

pub const STOCK_ADJUSTMENTS: ViewSpec = ViewSpec {
    name: "stock_adjustments",
    doc: "adjustment of a variant's stock, with its reason",
    span: RowSpan::Since("batch"),
    key: &["variant", "adjustment"],
    columns: &[
        column("variant", Id(Variant), "whose stock changed").filter().sort(),
        column("adjustment", Number, "its number among those of the variant, from 1"),
        column("batch", Batch, "that has it").filter().sort(),
        column("offer", Id(Offer), "that the variant is of").filter(),
        column("seller", Id(Seller), "who offers it").filter(),
        column("reason", Word(STOCK_REASONS), "why the stock changed").filter(),
        column("change", Number, "units that were added, or below zero: taken away"),
        column("units_left", Number, "units that can be ordered after it"),
    ],
    owners: OF_SELLER,
    order: down("batch"),
    indexes: &[
        ViewIndex { columns: &["batch"], only: None },
        ViewIndex { columns: &["seller", "batch"], only: None },
        ViewIndex { columns: &["offer", "batch"], only: None },
    ],
    ..VIEW
};

pub(crate) const RULES: &[&str] = &[
    "percentage",
    "amount off",
    "threshold",
    "each full",
    "bundle",
    "second cheaper",
    "free delivery",
    "flash",
];

pub const PROMOTIONS: ViewSpec = ViewSpec {
    name: "promotions",
    doc: "state of a promotion, with the terms of its last version",
    key: &["promotion"],
    columns: &[
        column("promotion", Id(Promotion), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("state", Word(&["published", "ended"]), "`ended`: for ever").filter(),
        column("version", Number, "the last one"),
        column("rule", Word(RULES), "how it discounts").filter(),
        column("begins", Time, "of the last version").filter(),
        column("ends", Time, "of the last version").filter(),
        column("seller", Id(Seller), "whose it is alone; empty: the platform pays, or several do")
            .optional()
            .filter(),
        column("platform_share", Number, "of each discount, in parts per million").filter(),
        column("by_coupon", Flag, "only with a coupon").filter(),
        column("coupons", Number, "that were issued"),
        column("rank", Number, "the order in which promotions apply"),
        column("exclusive", Flag, "no other promotion applies to its units"),
        column("uses", Number, "that count: not those that were given back").filter(),
        column("uses_max", Number, "the cap on them; empty: none").optional(),
        column("currency", Currency, "of the amounts").filter(),
        column("spent", MONEY, "the sum of the discounts that count").filter(),
        column("budget", MONEY, "the cap on that sum; empty: none").optional(),
        column("budget_left", MONEY, "budget less spent").optional().filter(),
        column("flash_granted", Number, "units set aside for its flash price, not given back"),
        column("flash_left", Number, "of them, not sold"),
    ],
    owners: OF_SELLER,
    indexes: &[BY_STATE, BY_BATCH, BY_SELLER],
    ..VIEW
};

pub const MARKET_ORDERS: ViewSpec = ViewSpec {
    name: "market_orders",
    doc: "state of a buyer's order in the market",
    key: &["market_order"],
    columns: &[
        column("market_order", Id(Order), "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("placed", Time, "when it was made").filter().sort(),
        column("buyer", Text, "a keyed token of who bought").filter(),
        column("parcels", Number, "one for each seller"),
        column("units", Number, "that were ordered"),
        column("units_kept", Number, "neither refused, returned nor lost"),
        column("currency", Currency, "of the amounts").filter(),
        column("goods", MONEY, "the prices of all units before discounts").filter(),
        column("delivery", MONEY, "the delivery fees after discounts"),
        column("discounts", MONEY, "of the units, at checkout; platform and sellers together"),
        column("by_platform", MONEY, "of these discounts, what the platform pays").filter(),
        column("ordered", MONEY, "goods less discounts and with delivery: due at checkout")
            .filter(),
        column("kept", MONEY, "what the buyer pays now for what is kept").filter(),
        column("owed", MONEY, "what is owed back to the buyer").filter(),
    ],
    order: down("placed"),
    indexes: &[
        BY_BATCH,
        ViewIndex { columns: &["placed"], only: Some(IndexedRows::Current) },
        ViewIndex { columns: &["buyer"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub(crate) const ORDER_STATES: &[&str] =
    &["under way", "delivered", "refused", "returned", "lost", "cancelled"];

pub const MARKET_PARCELS: ViewSpec = ViewSpec {
    name: "market_parcels",
    doc: "state of a parcel of an order: what one seller sends",
    key: &["parcel"],
    columns: &[
        column("parcel", Parcel, "its identifier").filter().sort(),
        FROM,
        UNTIL,
        column("market_order", Id(Order), "that it is of").filter(),
        column("seller", Id(Seller), "who sends it").filter(),
        column("state", Word(ORDER_STATES), "what became of it, for the order").filter(),
        column("units", Number, "in it, at checkout"),
        column("currency", Currency, "of the amounts").filter(),
        column("delivery", MONEY, "the delivery fee after discounts"),
        column("ordered", MONEY, "due at checkout"),
        column("due", MONEY, "due at the door now").filter(),
        column("kept", MONEY, "what the buyer pays for it").filter(),
        column("owed", MONEY, "due less kept: owed back to the buyer").filter(),
        column("delivered", Time, "when it was").optional().filter(),
    ],
    owners: OF_SELLER,
    indexes: &[
        BY_STATE,
        BY_BATCH,
        BY_SELLER,
        ViewIndex { columns: &["market_order"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub(crate) const SELLER_KINDS: &[&str] = &["individual", "business"];
pub(crate) const UNIT_STATES: &[&str] = &["kept", "refused", "back", "written off", "lost"];

pub const ORDER_UNITS: ViewSpec = ViewSpec {
    name: "order_units",
    doc: "state of a unit of an order, with its discounts by who pays them",
    key: &["market_order", "unit"],
    columns: &[
        column("market_order", Id(Order), "that it is of").filter().sort(),
        column("unit", Number, "in the order, from 0"),
        FROM,
        UNTIL,
        column("parcel", Parcel, "that has it").filter(),
        column("seller", Id(Seller), "who sells it").filter(),
        column("offer", Id(Offer), "that it is of").filter(),
        column("variant", Id(Variant), "that it is of").filter(),
        column("category", Id(Category), "of the offer when the row begins").filter(),
        column("seller_kind", Word(SELLER_KINDS), "as what the seller sold it").filter(),
        column("state", Word(UNIT_STATES), "`back`: with the seller, and stock again").filter(),
        column("flash", Flag, "from the stock of a flash price").filter(),
        column("currency", Currency, "of the amounts").filter(),
        column("price", MONEY, "before discounts"),
        column("by_platform", MONEY, "the discounts that the platform pays").filter(),
        column("by_seller", MONEY, "the discounts that the seller pays"),
        column("asked", MONEY, "price less discounts: what the buyer was asked"),
    ],
    owners: OF_SELLER,
    order: up("market_order"),
    indexes: &[
        BY_BATCH,
        BY_SELLER,
        ViewIndex { columns: &["market_order"], only: Some(IndexedRows::Current) },
        ViewIndex { columns: &["variant"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub const ORDER_DISCOUNTS: ViewSpec = ViewSpec {
    name: "order_discounts",
    doc: "promotion that applied to an order, as it was frozen at checkout",
    span: RowSpan::Since("batch"),
    key: &["market_order", "promotion"],
    columns: &[
        column("market_order", Id(Order), "to which it applied").filter().sort(),
        column("promotion", Id(Promotion), "that applied").filter(),
        column("version", Number, "of the promotion"),
        column("batch", Batch, "that has it").filter().sort(),
        column("currency", Currency, "of the amounts").filter(),
        column("by_platform", MONEY, "what the platform pays, for units and delivery").filter(),
        column("by_sellers", MONEY, "what the sellers pay, for units and delivery").filter(),
    ],
    order: down("batch"),
    indexes: &[
        ViewIndex { columns: &["batch"], only: None },
        ViewIndex { columns: &["promotion", "batch"], only: None },
    ],
    ..VIEW
};
