//! Values of rows as cells: what they say, how, and which page they lead to.

use std::collections::HashMap;

use switch::waybill;
use views::{ColumnKind, IdentifierKind, ViewSpec, ViewValue};

use crate::PageWords;
use crate::columns::is_numeric;
use crate::forms::{NOTHING, date, money, number, time};
use crate::links::{Link, list_path};
use crate::tone::{Tone, tone};

/// A row of a view, with its values as the API writes them.
#[derive(Clone, Debug)]
pub struct PageRow {
    pub values: Vec<ViewValue>,
    pub raw: Vec<String>,
}

/// What parties are called, by view and the bits of their identifier.
pub type PartyNames = HashMap<(&'static str, i64), String>;

/// What is needed to show a row.
#[derive(Clone, Copy)]
pub struct RowContext<'c> {
    pub words: PageWords,
    pub names: &'c PartyNames,
    /// Views whose pages the viewer may open.
    pub readable: &'c [&'static str],
    /// As of this batch, if the page is.
    pub at: Option<u64>,
    /// Of the books' time zone.
    pub offset_minutes: i16,
}

/// A value on a page.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub text: String,
    pub href: Option<String>,
    /// The whole text, where the cell has a part.
    pub title: Option<String>,
    pub class: &'static str,
    /// Of a state.
    pub tone: Option<Tone>,
    /// The name of the column, for narrow screens.
    pub label: &'static str,
}

impl Cell {
    #[must_use]
    pub fn plain(text: String) -> Cell {
        Cell { text, ..Cell::default() }
    }

    #[must_use]
    pub fn figure(text: String) -> Cell {
        Cell { class: "num", ..Cell::plain(text) }
    }
}

/// The view of a kind of identifier.
#[must_use]
pub fn view_of(kind: IdentifierKind) -> Option<&'static str> {
    Some(match kind {
        IdentifierKind::Account => "accounts",
        IdentifierKind::Any | IdentifierKind::Category => return None,
        IdentifierKind::Bank => "banks",
        IdentifierKind::Break => "breaks",
        IdentifierKind::Courier => "couriers",
        IdentifierKind::Deposit => "deposits",
        IdentifierKind::Firm => "firms",
        IdentifierKind::HandOver => "hand_overs",
        IdentifierKind::Network => "networks",
        IdentifierKind::Offer => "offers",
        IdentifierKind::OpenItem => "open_items",
        IdentifierKind::Order => "market_orders",
        IdentifierKind::Payout => "payouts",
        IdentifierKind::Person => "persons",
        IdentifierKind::Plan => "plans",
        IdentifierKind::Promotion => "promotions",
        IdentifierKind::Seller => "sellers",
        IdentifierKind::Tariff => "tariffs",
        IdentifierKind::Terminal => "terminals",
        IdentifierKind::Variant => "variants",
        IdentifierKind::Wallet => "wallets",
    })
}

/// The view of an identifier whose kind another column says.
#[must_use]
pub fn view_of_word(word: &str) -> Option<&'static str> {
    let views = ["banks", "networks", "wallets", "firms", "persons", "terminals"];
    views.into_iter().find(|view| view.strip_suffix('s') == Some(word))
}

/// The column with the kind of an [`IdentifierKind::Any`].
const KINDS: [(&str, &str); 4] = [
    ("subject", "subject_kind"),
    ("rail", "rail_kind"),
    ("by_id", "by_kind"),
    // The lane of a file says whose it is.
    ("sender", "lane"),
];

/// The view of the party in a column of an [`IdentifierKind::Any`], as the row says.
#[must_use]
pub fn party_view(view: &ViewSpec, row: &PageRow, column: &str) -> Option<&'static str> {
    let (_, kind) = KINDS.iter().find(|(name, _)| *name == column)?;
    view_of_word(row.raw_of(view, kind)?)
}

/// A filter of the rows that a number is made of.
enum PartFilter {
    /// A column with the value of the column of the same name.
    Same(&'static str),
    /// A column with the bits of an identifier.
    Bits(&'static str, &'static str),
    Is(&'static str, &'static str),
}
use PartFilter::{Bits, Is, Same};

const PAID: PartFilter = Is("state", "approved,held,released");
/// The code of couriers' cash in the chart.
const COURIER_CASH: PartFilter = Is("code", "1210");

/// Where a number is made of other rows: view and column, the view that has them, their filters.
type MadeOf = (&'static str, &'static str, &'static str, &'static [PartFilter]);
const MADE_OF: [MadeOf; 17] = [
    ("parcels", "collected", "payments", &[Same("parcel"), PAID]),
    ("parcels", "payments", "payments", &[Same("parcel")]),
    ("payments", "amount", "postings", &[Same("parcel"), Same("payment")]),
    ("payments", "fees", "postings", &[Same("parcel"), Same("payment")]),
    ("payments", "refunded", "refunds", &[Same("parcel"), Same("payment")]),
    ("plans", "total", "payouts", &[Same("plan")]),
    ("plans", "payouts", "payouts", &[Same("plan")]),
    ("custody", "in_hand", "accounts", &[Bits("owner", "courier"), COURIER_CASH]),
    ("custody", "shortage", "hand_overs", &[Same("courier")]),
    ("clearing_lines", "amount", "postings", &[Same("parcel"), Same("batch")]),
    ("invoices", "amount", "invoice_payments", &[Same("seller")]),
    ("orders", "shipment", "parcels", &[Same("parcel")]),
    ("offers", "variants", "variants", &[Same("offer")]),
    ("market_orders", "parcels", "market_parcels", &[Same("market_order")]),
    ("market_orders", "units", "order_units", &[Same("market_order")]),
    ("market_orders", "by_platform", "order_discounts", &[Same("market_order")]),
    ("market_parcels", "units", "order_units", &[Same("parcel")]),
];

impl PageRow {
    /// The value of a column, as the API writes it. None if it is empty.
    #[must_use]
    pub fn raw_of(&self, view: &ViewSpec, column: &str) -> Option<&str> {
        let place = view.place(column)?;
        self.raw.get(place).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn currency(&self, view: &ViewSpec) -> &str {
        self.raw_of(view, "currency").unwrap_or_default()
    }
}

/// The key of a row, as in the address of its page.
#[must_use]
pub fn row_key(view: &ViewSpec, row: &PageRow) -> String {
    let parts = view.key.iter().filter_map(|name| row.raw_of(view, name));
    parts.collect::<Vec<_>>().join("~")
}

/// The first characters of a waybill and its last ones.
fn short(text: &str, first: usize, last: usize) -> String {
    let length = text.chars().count();
    if length <= first + last + 1 {
        return text.to_owned();
    }
    let begin: String = text.chars().take(first).collect();
    let end: String = text.chars().skip(length - last).collect();
    format!("{begin}…{end}")
}

impl RowContext<'_> {
    /// The page of a row.
    #[must_use]
    pub fn page_of(&self, view: &ViewSpec, row: &PageRow) -> String {
        Link::to(&list_path(view.name)).part(&row_key(view, row)).at(self.at).text()
    }

    /// The page of a row, without the batch.
    #[must_use]
    pub fn path_of(&self, view: &ViewSpec, row: &PageRow) -> String {
        Link::to(&list_path(view.name)).part(&row_key(view, row)).text()
    }

    /// What a party is called: its name if the viewer may know it, otherwise its identifier.
    #[must_use]
    pub fn party(&self, view: &'static str, bits: i64, raw: &str) -> Cell {
        let name = self.names.get(&(view, bits));
        let text = match (name, view) {
            (Some(name), _) => name.clone(),
            (None, "terminals") => raw.trim_start_matches("ter_").to_owned(),
            (None, _) => short(raw, 5, 5),
        };
        let link = match view {
            _ if !self.readable.contains(&view) => None,
            // A seller has an account for each currency, a tariff has versions.
            "sellers" => Some(Link::to("/sellers").with("seller", raw)),
            "tariffs" => Some(Link::to("/tariffs").with("tariff", raw)),
            view => Some(Link::to(&list_path(view)).part(raw)),
        };
        Cell {
            title: (text != raw).then(|| raw.to_owned()),
            class: if name.is_some() { "" } else { "id" },
            href: link.map(|link| link.at(self.at).text()),
            text,
            ..Cell::default()
        }
    }

    /// What the party is called that the key of a row begins with.
    pub(crate) fn party_of_key(&self, view: &ViewSpec, row: &PageRow) -> Option<&str> {
        let place = view.place(view.key.first()?)?;
        let (ColumnKind::Id(kind), ViewValue::Number(bits)) =
            (view.columns[place].kind, &row.values[place])
        else {
            return None;
        };
        self.names.get(&(view_of(kind)?, *bits)).map(String::as_str)
    }

    fn made_of(&self, view: &ViewSpec, row: &PageRow, column: &str) -> Option<String> {
        let rule = MADE_OF.iter().find(|rule| rule.0 == view.name && rule.1 == column)?;
        if !self.readable.contains(&rule.2) {
            return None;
        }
        let mut link = Link::to(&list_path(rule.2));
        for filter in rule.3 {
            link = match filter {
                Same(name) => link.with(name, row.raw_of(view, name)?),
                Bits(name, own) => link.with(name, row.raw_of(view, own)?.rsplit('_').next()?),
                Is(name, value) => link.with(name, value),
            };
        }
        Some(link.at(self.at).text())
    }

    /// A value as it is shown.
    #[must_use]
    pub fn cell(&self, view: &'static ViewSpec, row: &PageRow, place: usize) -> Cell {
        let (column, value) = (&view.columns[place], &row.values[place]);
        let raw = row.raw.get(place).map_or("", String::as_str);
        let words = self.words;
        let label = crate::label(words, view, column.name);
        let plain = |text: String| Cell { text, label, ..Cell::default() };
        let class = if is_numeric(column) { "num" } else { "" };
        let nothing = || Cell { class, ..plain(NOTHING.to_owned()) };
        let cell = match (column.kind, value) {
            (_, ViewValue::Empty) => nothing(),
            (ColumnKind::Id(IdentifierKind::Any), ViewValue::Number(bits)) => {
                match party_view(view, row, column.name) {
                    _ if *bits == 0 => nothing(),
                    Some(party) => self.party(party, *bits, &prefixed(party, raw)),
                    None => Cell { class: "id", ..plain(short(raw, 5, 5)) },
                }
            }
            (ColumnKind::Id(kind), ViewValue::Number(bits)) => match view_of(kind) {
                _ if *bits == 0 && matches!(kind, IdentifierKind::Person) => nothing(),
                Some(party) => self.party(party, *bits, raw),
                None => plain(raw.to_owned()),
            },
            (_, ViewValue::Parcel(parcel)) => {
                let whole = waybill::write(*parcel);
                let link = Link::to("/parcels").part(raw).at(self.at).text();
                let is_readable = self.readable.contains(&"parcels");
                Cell {
                    href: is_readable.then_some(link),
                    class: "id",
                    title: Some(whole.clone()),
                    ..plain(short(&whole, 5, 5))
                }
            }
            (ColumnKind::Amount { .. } | ColumnKind::MinorUnits, ViewValue::Number(minor)) => {
                let text = money(i128::from(*minor), row.currency(view));
                let href = self.made_of(view, row, column.name).filter(|_| *minor != 0);
                Cell { class: "num", href, ..plain(text) }
            }
            (ColumnKind::Flag, ViewValue::Number(flag)) => match (*flag != 0, column.name) {
                (true, "suspended" | "blocked" | "removed") => {
                    Cell { tone: Some(Tone::Wait), ..plain(words.get("list.yes").to_owned()) }
                }
                (true, _) => plain(words.get("list.yes").to_owned()),
                (false, _) => nothing(),
            },
            (ColumnKind::Time, ViewValue::Number(ms)) => {
                Cell { class: "when", ..plain(time(words, *ms, self.offset_minutes)) }
            }
            (ColumnKind::Batch, ViewValue::Number(batch)) => {
                let link = Link::to("/commands").with("batch", raw).at(self.at).text();
                let is_readable = self.readable.contains(&"commands");
                let text = number(i128::from(*batch));
                Cell { class: "num", href: is_readable.then_some(link), ..plain(text) }
            }
            (ColumnKind::Number, ViewValue::Number(count)) => {
                let is_name = view.key.contains(&column.name) || column.name == "code";
                let text = match *count {
                    0 if !is_name => NOTHING.to_owned(),
                    count if is_name => count.to_string(),
                    count => number(i128::from(count)),
                };
                let href = self.made_of(view, row, column.name).filter(|_| *count != 0);
                Cell { class: "num", href, ..plain(text) }
            }
            (ColumnKind::Date, _) => Cell { class: "when", ..plain(date(words, raw)) },
            (ColumnKind::Word(_), _) => {
                let text = words.word(view.name, raw).unwrap_or(raw).to_owned();
                let is_state = matches!(column.name, "state" | "answer");
                Cell { tone: is_state.then(|| tone(raw)), ..plain(text) }
            }
            (ColumnKind::Currency, _) => Cell { class: "id", ..plain(raw.to_owned()) },
            (ColumnKind::Text, _) if (view.name, column.name) == ("postings", "entry") => {
                let text = words.entry("entry", raw).unwrap_or(raw).to_owned();
                Cell { title: Some(raw.to_owned()), ..plain(text) }
            }
            (ColumnKind::Text, _) if (view.name, column.name) == ("commands", "name") => {
                let text = words.command(raw).to_owned();
                Cell { title: Some(raw.to_owned()), ..plain(text) }
            }
            _ => {
                let shown = short(raw, 40, 0);
                let title = (shown != raw).then(|| raw.to_owned());
                Cell { title, ..plain(shown) }
            }
        };
        Cell { label, ..cell }
    }
}

/// An identifier whose kind another column says has no prefix of its own.
fn prefixed(view: &str, raw: &str) -> String {
    let prefix = match view {
        "banks" => "bank_",
        "networks" => "net_",
        "wallets" => "wal_",
        "firms" => "firm_",
        "persons" => "per_",
        _ => "ter_",
    };
    if raw.starts_with(prefix) { raw.to_owned() } else { format!("{prefix}{raw}") }
}
