//! The list of a view: filters, order, rows, pages.

use askama::Template;
use views::{ColumnKind, ViewColumn, ViewSpec};

use crate::act::ActLink;
use crate::cells::{Cell, PageRow, RowContext};
use crate::columns::{is_numeric, label, list_columns};
use crate::forms::{NOTHING, date, money, number};
use crate::links::{Link, list_path};
use crate::{PageFrame, PageWords};

/// What a list is made of.
pub struct ListRequest<'r> {
    pub view: &'static ViewSpec,
    /// Columns that the viewer does not see.
    pub hidden: &'r [&'r str],
    /// The parameters of the address, without those of the page.
    pub query: &'r [(String, String)],
    pub rows: &'r [PageRow],
    /// The cursor of the next page.
    pub next: Option<String>,
    pub is_first: bool,
    /// What a form had that could not be read: a column, and the texts.
    pub unread: Option<(String, String)>,
    /// For amounts in the form, where the rows have none.
    pub currency: String,
}

/// How a field of the filter bar is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    Choice,
    Text,
    /// From and until.
    Range,
    /// Waybills, many at once.
    Waybills,
}

/// A field of the filter bar.
pub struct FilterField {
    pub form: FieldForm,
    pub label: &'static str,
    pub name: String,
    pub value: String,
    /// The value, what it is called, and whether it is chosen.
    pub choices: Vec<(String, String, bool)>,
    /// The type of the inputs of a range.
    pub input: &'static str,
    pub from: (String, String),
    pub until: (String, String),
    /// What was wrong with what was typed.
    pub error: Option<String>,
}

/// A filter in force, and the address without it.
pub struct FilterChip {
    pub text: String,
    pub href: String,
}

/// A column of the table.
pub struct ListHeader {
    pub label: &'static str,
    /// Of all amounts in the column.
    pub unit: Option<String>,
    pub is_numeric: bool,
    /// For the attribute `aria-sort`.
    pub sorted: Option<&'static str>,
    pub href: Option<String>,
}

/// A row of the table.
pub struct ListRow {
    pub href: String,
    pub cells: Vec<Cell>,
}

/// The page.
#[derive(Template)]
#[template(path = "list.html")]
pub struct ListPage {
    pub frame: PageFrame,
    pub about: &'static str,
    pub action: String,
    pub fields: Vec<FilterField>,
    pub more: Vec<FilterField>,
    pub has_more_in_force: bool,
    pub kept: Vec<(String, String)>,
    pub chips: Vec<FilterChip>,
    pub clear: String,
    pub headers: Vec<ListHeader>,
    pub rows: Vec<ListRow>,
    pub count: String,
    pub next: Option<String>,
    pub first: Option<String>,
    /// What the viewer can do that needs no row.
    pub acts: Vec<ActLink>,
}

/// Columns whose filters stand in front, in this order.
const IN_FRONT: [&str; 16] = [
    "parcel",
    "reference",
    "name",
    "state",
    "entry",
    "kind",
    "method",
    "side",
    "seller",
    "courier",
    "firm",
    "date",
    "by_kind",
    "event",
    "channel",
    "owner",
];
const IN_FRONT_MAX: usize = 5;
/// What a change of filters keeps.
const KEPT: [&str; 2] = ["at", "order"];

/// The name of a parameter without its bound.
fn column_of(parameter: &str) -> &str {
    parameter.split('.').next().unwrap_or_default()
}

struct Reading<'r> {
    request: &'r ListRequest<'r>,
    words: PageWords,
}

impl Reading<'_> {
    fn value(&self, name: &str) -> &str {
        let found = self.request.query.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    /// The address with some parameters left out, and one more.
    fn address(&self, without: &dyn Fn(&str) -> bool, with: Option<(&str, &str)>) -> String {
        let mut link = Link::to(&list_path(self.request.view.name));
        for (name, value) in self.request.query.iter().filter(|(name, _)| !without(name)) {
            link = link.with(name, value);
        }
        if let Some((name, value)) = with {
            link = link.with(name, value);
        }
        link.text()
    }

    fn field(&self, column: &'static ViewColumn) -> Option<FilterField> {
        let words = self.words;
        let mut field = FilterField {
            form: FieldForm::Text,
            label: label(words, self.request.view, column.name),
            name: column.name.to_owned(),
            value: self.value(column.name).to_owned(),
            choices: Vec::new(),
            input: "text",
            from: (format!("{}.from", column.name), String::new()),
            until: (format!("{}.until", column.name), String::new()),
            error: None,
        };
        if let Some((_, texts)) = self.request.unread.as_ref().filter(|(of, _)| of == column.name) {
            let key = match column.kind {
                ColumnKind::Parcel => "list.unknown_waybill",
                _ => "list.bad_amount",
            };
            field.error = Some(words.fill(key, &[("list", texts)]));
        }
        let choice = |value: &str, text: &str| {
            (value.to_owned(), text.to_owned(), self.value(column.name) == value)
        };
        match column.kind {
            ColumnKind::Word(all) => {
                field.form = FieldForm::Choice;
                let text =
                    |word: &str| words.word(self.request.view.name, word).unwrap_or_default();
                field.choices = all.iter().map(|word| choice(word, text(word))).collect();
            }
            ColumnKind::Flag => {
                field.form = FieldForm::Choice;
                field.choices = vec![
                    choice("true", words.get("list.yes")),
                    choice("false", words.get("list.no")),
                ];
            }
            ColumnKind::Parcel => field.form = FieldForm::Waybills,
            ColumnKind::Text => {
                field.name = format!("{}.begins", column.name);
                field.value = self.value(&field.name).to_owned();
            }
            ColumnKind::Id(_) | ColumnKind::Currency => {}
            ColumnKind::Time => return None,
            ColumnKind::Date => {
                (field.form, field.input) = (FieldForm::Range, "date");
                field.from.1 = self.value(&field.from.0).to_owned();
                field.until.1 = self.value(&field.until.0).to_owned();
                // One day is a range, too.
                if !field.value.is_empty() {
                    field.from.1.clone_from(&field.value);
                    field.until.1.clone_from(&field.value);
                }
            }
            ColumnKind::Amount { .. }
            | ColumnKind::MinorUnits
            | ColumnKind::Number
            | ColumnKind::Batch => {
                field.form = FieldForm::Range;
                let shown = |value: &str| match (column.kind, value.parse::<i64>()) {
                    (ColumnKind::Amount { .. } | ColumnKind::MinorUnits, Ok(minor)) => {
                        money(i128::from(minor), &self.request.currency).replace(NOTHING, "0")
                    }
                    _ => value.to_owned(),
                };
                field.from.1 = shown(self.value(&field.from.0));
                field.until.1 = shown(self.value(&field.until.0));
            }
        }
        Some(field)
    }

    /// A parameter in words.
    fn chip(&self, name: &str, value: &str) -> Option<FilterChip> {
        let (words, view) = (self.words, self.request.view);
        let (column, how) = name.split_once('.').unwrap_or((name, ""));
        let column = view.column(column)?;
        let label = label(words, view, column.name);
        let one = |text: &str| match column.kind {
            ColumnKind::Word(_) => words.word(view.name, text).unwrap_or(text).to_owned(),
            ColumnKind::Flag if text == "true" => words.get("list.yes").to_owned(),
            ColumnKind::Flag => words.get("list.no").to_owned(),
            ColumnKind::Date => date(words, text),
            ColumnKind::Amount { .. } | ColumnKind::MinorUnits => {
                let minor = text.parse().unwrap_or(0);
                format!("{} {}", money(minor, &self.request.currency), self.request.currency)
            }
            _ => text.to_owned(),
        };
        let many = value.split(',').count();
        let shown = match column.kind {
            // A text can have commas.
            ColumnKind::Text => value.to_owned(),
            _ if many > 3 => number(i128::try_from(many).unwrap_or(0)),
            _ => value.split(',').map(one).collect::<Vec<_>>().join(", "),
        };
        let column = [("column", &label as &dyn std::fmt::Display)];
        let text = match how {
            "empty" if value == "true" => words.fill("list.has_none", &column),
            "empty" => words.fill("list.has_some", &column),
            "from" => format!("{label} {} {shown}", words.get("list.from")),
            "until" => format!("{label} {} {shown}", words.get("list.until")),
            "begins" => format!("{label} {} {shown}", words.get("list.begins")),
            _ => format!("{label} {shown}"),
        };
        Some(FilterChip { text, href: self.address(&|other| other == name, None) })
    }

    /// Clicking a column sorts by it, first falling, then rising.
    fn header(&self, column: &'static ViewColumn, unit: Option<String>) -> ListHeader {
        let view = self.request.view;
        let asked = self.value("order");
        let (by, falling) = match asked.strip_prefix('-') {
            Some(by) => (by, true),
            None if asked.is_empty() => (view.order.column, view.order.descending),
            None => (asked, false),
        };
        let is_sorted = by == column.name;
        let next = match is_sorted && falling {
            true => column.name.to_owned(),
            false => format!("-{}", column.name),
        };
        let without = |name: &str| name == "order";
        ListHeader {
            label: label(self.words, view, column.name),
            unit,
            is_numeric: is_numeric(column),
            sorted: is_sorted.then_some(if falling { "descending" } else { "ascending" }),
            href: column.sort.then(|| self.address(&without, Some(("order", &next)))),
        }
    }
}

impl ListPage {
    #[must_use]
    pub fn new(frame: PageFrame, request: &ListRequest<'_>, context: &RowContext<'_>) -> ListPage {
        let (view, words) = (request.view, frame.words);
        let reading = Reading { request, words };
        let mut places = list_columns(view, request.hidden);
        // All amounts in one currency: the head says which.
        let mut currencies = request.rows.iter().map(|row| row.currency(view));
        let first = currencies.next().unwrap_or_default().to_owned();
        let is_one = !first.is_empty() && currencies.all(|one| one == first);
        if is_one {
            places.retain(|place| view.columns[*place].kind != ColumnKind::Currency);
        }
        let unit = |column: &ViewColumn| {
            let is_amount =
                matches!(column.kind, ColumnKind::Amount { .. } | ColumnKind::MinorUnits);
            (is_amount && is_one).then(|| first.clone())
        };
        let columns = places.iter().map(|place| &view.columns[*place]);
        let headers = columns.map(|column| reading.header(column, unit(column))).collect();
        let rows = request.rows.iter().map(|row| ListRow {
            href: context.page_of(view, row),
            cells: places.iter().map(|place| context.cell(view, row, *place)).collect(),
        });
        let seen = |column: &&ViewColumn| column.filter && !request.hidden.contains(&column.name);
        let mut filtered: Vec<_> = view.columns.iter().filter(seen).collect();
        let rank = |column: &&ViewColumn| {
            IN_FRONT.iter().position(|name| *name == column.name).unwrap_or(IN_FRONT.len())
        };
        filtered.sort_by_key(rank);
        let front = filtered.iter().filter(|column| rank(column) < IN_FRONT.len()).count();
        let front = front.clamp(1.min(filtered.len()), IN_FRONT_MAX);
        let rest = filtered.split_off(front.min(filtered.len()));
        let in_force = |column: &&&ViewColumn| {
            request.query.iter().any(|(name, _)| column_of(name) == column.name)
        };
        let is_kept = |name: &str| KEPT.contains(&name);
        let kept = request.query.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        let chips = request.query.iter().filter(|(name, _)| !is_kept(name));
        let without_cursor = |with| reading.address(&|name| name == "cursor", with);
        ListPage {
            acts: Vec::new(),
            about: words.entry("about", view.name).unwrap_or_default(),
            action: list_path(view.name),
            has_more_in_force: rest.iter().any(|column| in_force(&column)),
            fields: filtered.into_iter().filter_map(|column| reading.field(column)).collect(),
            more: rest.into_iter().filter_map(|column| reading.field(column)).collect(),
            kept,
            chips: chips.filter_map(|(name, value)| reading.chip(name, value)).collect(),
            clear: reading.address(&|name| !is_kept(name), None),
            headers,
            count: number(i128::try_from(request.rows.len()).unwrap_or(0)),
            rows: rows.collect(),
            next: request.next.as_deref().map(|next| without_cursor(Some(("cursor", next)))),
            first: (!request.is_first).then(|| without_cursor(None)),
            frame,
        }
    }

    fn count_text(&self) -> String {
        self.frame.words.fill("list.rows_shown", &[("count", &self.count)])
    }

    fn sort_text(&self, header: &ListHeader) -> String {
        self.frame.words.fill("list.sort_by", &[("column", &header.label)])
    }
}
