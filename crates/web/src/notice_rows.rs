//! Notices as rows, so that they are listed, exported and shown as the views are.

use std::sync::LazyLock;

use notices::{NOTICE_EVENTS, NoticeChannel, NoticeState, NoticeView, Recipient};
use serde_json::Value;
use views::{
    ColumnKind, IdentifierKind, RowOrder, RowOwners, RowSpan, ViewColumn, ViewSpec, ViewValue,
};

/// What is said of who or how much: a column that not everybody sees.
pub(crate) const SAID: &str = "said";

const fn column(name: &'static str, kind: ColumnKind, doc: &'static str) -> ViewColumn {
    ViewColumn { name, kind, doc, optional: true, filter: false, sort: false, of: None }
}

const fn filtered(column: ViewColumn) -> ViewColumn {
    ViewColumn { filter: true, ..column }
}

static STATES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| NoticeState::ALL.iter().map(|(_, name)| *name).collect());
static CHANNELS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| NoticeChannel::ALL.iter().map(|one| one.name()).collect());
static EVENTS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| NOTICE_EVENTS.iter().map(|event| event.name).collect());

static COLUMNS: LazyLock<Vec<ViewColumn>> = LazyLock::new(|| {
    // Of what kind the owner is, its text says.
    let owner = ColumnKind::Id(IdentifierKind::Any);
    vec![
        column("number", ColumnKind::Number, "its number"),
        filtered(column("state", ColumnKind::Word(&STATES), "where it is")),
        filtered(column("event", ColumnKind::Word(&EVENTS), "what happened")),
        column(SAID, ColumnKind::Text, "what of it, and how much"),
        filtered(column("owner", owner, "whose page it is on")),
        column("recipient", ColumnKind::Text, "who gets it: the owner, or an endpoint"),
        filtered(column("channel", ColumnKind::Word(&CHANNELS), "how it leaves")),
        column("attempts", ColumnKind::Number, "how often it was tried"),
        column("made_at", ColumnKind::Time, "when it happened"),
        column("tried_at", ColumnKind::Time, "when it was last tried"),
        column("next_at", ColumnKind::Time, "when it is tried again"),
        column("ended_at", ColumnKind::Time, "when it ended"),
        column("why", ColumnKind::Text, "why it has not arrived"),
    ]
});

static SPEC: LazyLock<ViewSpec> = LazyLock::new(|| ViewSpec {
    name: "notices",
    doc: "notice",
    span: RowSpan::Since("number"),
    key: &["number"],
    columns: &COLUMNS,
    joins: &[],
    owners: RowOwners { seller: None, courier: None, firm: None },
    order: RowOrder { column: "number", descending: true },
    search: None,
    indexes: &[],
});

/// The columns of notices. They are no view: they are not of the books.
pub(crate) fn spec() -> &'static ViewSpec {
    &SPEC
}

/// Fields of a notice in the order of its event.
fn said(one: &NoticeView) -> String {
    let values = one.fields.values().filter_map(Value::as_str);
    values.collect::<Vec<_>>().join(" ")
}

/// A notice in the order of the columns.
pub(crate) fn row(one: &NoticeView) -> Vec<ViewValue> {
    let time = |ms: Option<u64>| ms.map_or(ViewValue::Empty, ViewValue::from);
    vec![
        ViewValue::from(one.number),
        ViewValue::from(one.state.name()),
        ViewValue::text(one.event.as_str()),
        ViewValue::text(said(one)),
        ViewValue::text(one.owner.to_string()),
        ViewValue::text(one.recipient.to_string()),
        ViewValue::from(one.channel.name()),
        ViewValue::from(u64::from(one.attempts)),
        ViewValue::from(one.made_at_ms),
        time(one.tried_at_ms),
        time(one.next_at_ms),
        time(one.ended_at_ms),
        one.why.as_deref().map_or(ViewValue::Empty, ViewValue::text),
    ]
}

/// An owner as a person types it: with its id, or with the reference that the id is made of.
pub(crate) fn owner_named(text: &str) -> Option<Recipient> {
    if let Ok(found) = text.parse() {
        return Some(found);
    }
    let (kind, reference) = text.split_once(':')?;
    let fits = (1..=books::REFERENCE_BYTES_MAX).contains(&reference.len());
    match kind {
        "seller" if fits => Some(Recipient::Seller(books::SellerId::derived(reference))),
        "firm" if fits => Some(Recipient::Firm(books::FirmId::derived(reference))),
        "courier" if fits => Some(Recipient::Courier(books::CourierId::derived(reference))),
        _ => None,
    }
}
