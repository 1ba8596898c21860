//! Decisions about public texts (M16), their rules, and appeals against them.

use crate::table::ColumnKind::{Batch, Date, Flag, Id, Number, Text, Time, Word};
use crate::table::IdentifierKind::{Offer, Person, Seller};
use crate::table::{
    FROM, IndexedRows, OF_SELLER, RowSpan, UNTIL, VIEW, ViewIndex, ViewSpec, column, down,
};

const BY_BATCH: ViewIndex = ViewIndex { columns: &["from_batch"], only: None };
const BY_SELLER: ViewIndex = ViewIndex { columns: &["seller", "from_batch"], only: None };
const BY_OFFER: ViewIndex = ViewIndex { columns: &["offer"], only: Some(IndexedRows::Current) };

pub(crate) const VERDICTS: &[&str] = &["published", "labelled", "held", "refused"];
pub(crate) const BASELINES: &[&str] = &[
    "laws and regulations",
    "socialist system",
    "national interests",
    "citizens' rights",
    "public order",
    "morality",
    "accuracy",
];

pub const TEXT_DECISIONS: ViewSpec = ViewSpec {
    name: "text_decisions",
    doc: "state of a decision about a public text of an offer",
    key: &["offer", "decision"],
    columns: &[
        column("offer", Id(Offer), "whose text it is").filter().sort(),
        column("decision", Number, "among those about the offer, from 1"),
        FROM,
        UNTIL,
        column(
            "state",
            Word(&["stands", "decided again", "reversed", "text replaced"]),
            "`reversed`: by an appeal",
        )
        .filter(),
        column("verdict", Word(VERDICTS), "`held`: a person is to decide").filter(),
        column("seller", Id(Seller), "whose offer it is").filter(),
        column("seller_kind", Word(&["individual", "business"]), "on the day of the decision")
            .filter(),
        column("content", Text, "SHA-256 of the text").filter(),
        column("version", Number, "of the policy").filter(),
        column("screened_with", Number, "the last version that the text was matched with"),
        column("decided", Time, "when").filter().sort(),
        column("day", Date, "of the decision").filter(),
        column(
            "automation",
            Word(&["fully", "partially", "not"]),
            "`fully`: the rules alone; `partially`: the rules found it, a person decided",
        )
        .filter(),
        column("decided_by", Id(Person), "who decided; empty: the rules").optional().filter(),
        column(
            "origin",
            Word(&["own initiative", "notice", "trusted flagger", "other notification"]),
            "who first pointed at the text",
        )
        .filter(),
        column("held_since", Time, "when the text was held about which a person decided")
            .optional(),
        column("until", Date, "first day on which none of its rules holds").optional().filter(),
        column("paused", Flag, "the offer was listed, and is paused for it").filter(),
        column("appealed", Flag, "its seller appealed").filter(),
    ],
    owners: OF_SELLER,
    order: down("decided"),
    indexes: &[
        BY_BATCH,
        BY_SELLER,
        BY_OFFER,
        ViewIndex { columns: &["verdict", "from_batch"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};

pub const TEXT_RULES: ViewSpec = ViewSpec {
    name: "text_rules",
    doc: "rule of a decision that labelled, held or refused a text",
    span: RowSpan::Since("batch"),
    key: &["offer", "decision", "place"],
    columns: &[
        column("offer", Id(Offer), "whose text it is").filter().sort(),
        column("decision", Number, "about the offer"),
        column("place", Number, "among the rules of the decision, from 1"),
        column("batch", Batch, "that has it").filter().sort(),
        column("version", Number, "that has the rule").filter(),
        column("rule", Text, "its id").filter(),
        column("baseline", Word(BASELINES), "that it stands under").filter(),
        column("verdict", Word(VERDICTS), "of the decision").filter(),
    ],
    order: down("batch"),
    indexes: &[ViewIndex { columns: &["batch"], only: None }],
    ..VIEW
};

pub const TEXT_APPEALS: ViewSpec = ViewSpec {
    name: "text_appeals",
    doc: "state of an appeal against a decision about a public text",
    key: &["offer", "decision"],
    columns: &[
        column("offer", Id(Offer), "whose text it is").filter().sort(),
        column("decision", Number, "about the offer"),
        FROM,
        UNTIL,
        column("state", Word(&["open", "upheld", "reversed"]), "`upheld`: the decision stands")
            .filter(),
        column("seller", Id(Seller), "who appealed").filter(),
        column(
            "reason",
            Word(&["not said", "other meaning", "true", "allowed"]),
            "what the seller says",
        )
        .filter(),
        column("appealed_at", Time, "when").filter().sort(),
        column("due", Date, "the day until which it is to be judged").filter().sort(),
        column("judged_at", Time, "when it was").optional(),
        column("judged_by", Id(Person), "another person than who decided").optional().filter(),
    ],
    owners: OF_SELLER,
    order: down("appealed_at"),
    indexes: &[
        BY_BATCH,
        BY_SELLER,
        BY_OFFER,
        ViewIndex { columns: &["state", "from_batch"], only: Some(IndexedRows::Current) },
    ],
    ..VIEW
};
