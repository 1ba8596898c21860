//! The page of one thing: its facts, one timeline, and what belongs to it.

use askama::Template;
use views::{ColumnKind, IdentifierKind, ViewSpec};

use crate::PageFrame;
use crate::act::ActLink;
use crate::cells::{Cell, PageRow, RowContext, row_key, view_of};
use crate::forms::number;
use crate::links::{Link, list_path};
use crate::portal::PortalTable;
use crate::tone::Tone;

/// A posting of a timeline.
pub struct TimelinePosting {
    /// Its row of the chart.
    pub entry: String,
    pub debit: Cell,
    pub credit: Cell,
    pub amount: Cell,
    pub href: Option<String>,
}

/// Something that happened: what, who, when, where in the journal, and the money it moved.
pub struct TimelineEntry {
    pub what: Vec<String>,
    pub tone: Tone,
    pub batch: String,
    pub batch_href: Option<String>,
    pub when: String,
    pub by: Option<Cell>,
    pub by_kind: String,
    pub command: Option<String>,
    pub command_href: Option<String>,
    /// Of how many commands of the batch it is one, if it is not known which.
    pub of_commands: Option<String>,
    pub postings: Vec<TimelinePosting>,
}

/// A posting of an account's statement.
pub struct StatementLine {
    pub when: String,
    pub entry: String,
    pub href: String,
    pub with: Cell,
    pub debit: String,
    pub credit: String,
    pub balance: String,
}

/// A list of what belongs to the thing.
pub struct RelatedLink {
    pub text: &'static str,
    pub href: String,
}

/// What is different at two batches.
pub struct RowComparison {
    pub earlier: String,
    pub later: String,
    /// Columns that differ: the label, and the values at both.
    pub rows: Vec<(&'static str, String, String)>,
    /// The thing was not there at the earlier one.
    pub is_new: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "detail.html")]
pub struct DetailPage {
    pub frame: PageFrame,
    pub kind: &'static str,
    pub list: String,
    pub list_text: &'static str,
    pub state: Option<Cell>,
    /// What the thing is about: its first amount.
    pub amount: Option<(Cell, String)>,
    pub facts: Vec<Cell>,
    pub timeline: Vec<TimelineEntry>,
    pub related: Vec<RelatedLink>,
    /// Lists of what belongs to it, with their rows.
    pub belongings: Vec<PortalTable>,
    /// Why a card payment went to its network.
    pub routing: Option<PortalTable>,
    pub statement: Vec<StatementLine>,
    /// Of the statement.
    pub more: Option<String>,
    pub currency: String,
    /// What the viewer can do with it as it stands.
    pub acts: Vec<ActLink>,
    pub compared: Option<RowComparison>,
    /// Its address without a query, and the batch that is asked for.
    pub path: String,
    pub at: Option<u64>,
}

/// A waybill has room on its page.
fn whole(cell: Cell) -> Cell {
    match &cell.title {
        Some(title) if cell.class == "id" && !title.contains('_') => {
            Cell { text: title.clone(), ..cell }
        }
        _ => cell,
    }
}

/// Whether a column says something of the row itself, not when it held.
fn is_told(view: &ViewSpec, column: &views::ViewColumn) -> bool {
    let is_of_row = column.of.is_none() && !view.key.contains(&column.name);
    is_of_row && !matches!(column.name, "from_batch" | "until_batch" | "batch" | "currency")
}

/// The columns in which two rows of a thing differ.
#[must_use]
pub fn compare(
    context: &RowContext<'_>,
    view: &'static ViewSpec,
    hidden: &[&str],
    earlier: Option<&PageRow>,
    later: &PageRow,
) -> Vec<(&'static str, String, String)> {
    let columns = view.columns.iter().enumerate();
    let told = columns.filter(|(_, one)| is_told(view, one) && !hidden.contains(&one.name));
    let rows = told.filter_map(|(place, _)| {
        let after = context.cell(view, later, place);
        let before = earlier.map(|row| context.cell(view, row, place).text);
        let before = before.unwrap_or_else(|| crate::forms::NOTHING.to_owned());
        (before != after.text).then_some((after.label, before, after.text))
    });
    rows.collect()
}

/// What changed between two rows of a thing.
#[must_use]
pub fn changes(
    context: &RowContext<'_>,
    view: &'static ViewSpec,
    hidden: &[&str],
    before: Option<&PageRow>,
    after: &PageRow,
) -> Vec<String> {
    let words = context.words;
    let mut texts = Vec::new();
    for (place, column) in view.columns.iter().enumerate() {
        if !is_told(view, column) || hidden.contains(&column.name) {
            continue;
        }
        let cell = context.cell(view, after, place);
        let text = match before {
            Some(before) if before.values[place] == after.values[place] => continue,
            Some(before) => {
                let old = context.cell(view, before, place).text;
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("column", &cell.label), ("before", &old), ("after", &cell.text)];
                words.fill("detail.changed", &values)
            }
            // Nothing was there before: what is empty is not told.
            None if cell.text == crate::forms::NOTHING => continue,
            None => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("column", &cell.label), ("after", &cell.text)];
                words.fill("detail.set", &values)
            }
        };
        texts.push(text);
    }
    if texts.is_empty() {
        texts.push(words.get("detail.no_change").to_owned());
    }
    texts
}

/// Lists that can be narrowed to a thing: other views with a column of its kind that filters.
#[must_use]
pub fn related(
    context: &RowContext<'_>,
    all: &'static [ViewSpec],
    view: &'static ViewSpec,
    row: &PageRow,
) -> Vec<RelatedLink> {
    let Some(key) = view.key.first().and_then(|name| view.column(name)) else { return Vec::new() };
    let Some(raw) = row.raw_of(view, key.name) else { return Vec::new() };
    let is_readable = |other: &&ViewSpec| context.readable.contains(&other.name);
    let mut links = Vec::new();
    for other in all.iter().filter(is_readable).filter(|other| other.name != view.name) {
        let same = |kind: ColumnKind| match (kind, key.kind) {
            (ColumnKind::Parcel, ColumnKind::Parcel) => true,
            (ColumnKind::Id(one), ColumnKind::Id(own)) => {
                one == own && one != IdentifierKind::Any && view_of(own).is_some()
            }
            _ => false,
        };
        let columns = other.columns.iter();
        let Some(column) = columns.into_iter().find(|one| one.filter && same(one.kind)) else {
            continue;
        };
        let mut link = Link::to(&list_path(other.name)).with(column.name, raw);
        // Of one payment, not of all of its parcel.
        if view.key.contains(&"payment")
            && other.column("payment").is_some_and(|column| column.filter)
            && let Some(payment) = row.raw_of(view, "payment")
        {
            link = link.with("payment", payment);
        }
        links.push(RelatedLink {
            text: context.words.entry("view", other.name).unwrap_or_default(),
            href: link.at(context.at).text(),
        });
    }
    links
}

impl DetailPage {
    #[must_use]
    pub fn new(
        frame: PageFrame,
        context: &RowContext<'_>,
        view: &'static ViewSpec,
        hidden: &[&str],
        row: &PageRow,
    ) -> DetailPage {
        let words = frame.words;
        let cells =
            view.columns.iter().enumerate().filter(|(_, column)| {
                !hidden.contains(&column.name) && column.name != "until_batch"
            });
        let cells: Vec<(Cell, &str)> = cells
            .map(|(place, column)| (whole(context.cell(view, row, place)), column.name))
            .collect();
        let state = cells.iter().find(|(_, name)| *name == "state").map(|(cell, _)| cell.clone());
        let currency = row.raw_of(view, "currency").unwrap_or_default().to_owned();
        let amount = view.columns.iter().enumerate().find(|(_, column)| {
            matches!(column.kind, ColumnKind::Amount { .. }) && !hidden.contains(&column.name)
        });
        let amount = amount.map(|(place, _)| (context.cell(view, row, place), currency.clone()));
        DetailPage {
            kind: words.entry("one", view.name).unwrap_or_default(),
            list: Link::to(&list_path(view.name)).at(context.at).text(),
            list_text: words.entry("view", view.name).unwrap_or_default(),
            state,
            amount,
            facts: cells.into_iter().map(|(cell, _)| cell).collect(),
            timeline: Vec::new(),
            related: Vec::new(),
            belongings: Vec::new(),
            routing: None,
            statement: Vec::new(),
            more: None,
            currency,
            acts: Vec::new(),
            compared: None,
            path: context.path_of(view, row),
            at: context.at,
            frame,
        }
    }

    fn compared_title(&self, compared: &RowComparison) -> String {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("earlier", &compared.earlier), ("later", &compared.later)];
        self.frame.words.fill("detail.between", &values)
    }

    /// What a thing is called on its page.
    #[must_use]
    pub fn name_of(context: &RowContext<'_>, view: &'static ViewSpec, row: &PageRow) -> String {
        let words = context.words;
        let named = crate::columns::NAMES.iter().find_map(|name| row.raw_of(view, name));
        let one = words.entry("one", view.name).unwrap_or_default();
        let payment = row.raw_of(view, "payment").filter(|_| view.key.contains(&"payment"));
        match named {
            Some(name) => match payment {
                Some(payment) => format!("{name}/{payment}"),
                None => name.to_owned(),
            },
            None if view.key.len() == 1 => {
                let key = row_key(view, row);
                let id = key.split_once('_').map_or(&*key, |(_, rest)| rest);
                format!("{one} {}", context.party_of_key(view, row).unwrap_or(id))
            }
            None => {
                let last = view.key.last().and_then(|name| row.raw_of(view, name));
                format!("{one} {}", last.unwrap_or_default())
            }
        }
    }
}

/// A batch as it is shown.
#[must_use]
pub fn batch_text(batch: i64) -> String {
    number(i128::from(batch))
}
