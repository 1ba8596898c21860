//! The declaration of the views fits together, and the document says what it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use views::read::VIEWS;
use views::{ColumnKind, RowSpan, ViewColumn, ViewSpec};

const DOCUMENT: &str = include_str!("../../../docs/views.md");

fn own(view: &'static ViewSpec, name: &str) -> &'static ViewColumn {
    let column = view.column(name).unwrap_or_else(|| panic!("{}.{name}", view.name));
    assert_eq!(column.of, None, "{}.{name} is of another table", view.name);
    column
}

#[test]
fn a_declaration_names_only_what_is_there() {
    let mut names = BTreeSet::new();
    for view in VIEWS {
        assert!(names.insert(view.name), "{} twice", view.name);
        let columns: BTreeSet<_> = view.columns.iter().map(|column| column.name).collect();
        assert_eq!(columns.len(), view.columns.len(), "{}: a column twice", view.name);
        for name in view.key {
            assert!(!own(view, name).optional, "{}.{name}", view.name);
        }
        match view.span {
            RowSpan::Since(name) => assert_eq!(own(view, name).kind, ColumnKind::Batch),
            RowSpan::Between => {
                let first: Vec<_> = view.own_columns().map(|column| column.name).collect();
                let (key, rest) = first.split_at(view.key.len());
                assert_eq!(key, view.key, "{}", view.name);
                assert_eq!(rest[..2], ["from_batch", "until_batch"], "{}", view.name);
                // A bit for each column in `UnfilledRow`, and four words for the key.
                assert!(first.len() < 64 && key.len() <= 3, "{}", view.name);
            }
        }
        assert!(own(view, view.order.column).sort, "{}: its order", view.name);
        for column in view.columns {
            assert!(!column.sort || !column.optional, "{}.{}", view.name, column.name);
            if let ColumnKind::Amount { currency } = column.kind {
                let currency = view.column(currency).map(|column| column.kind);
                assert_eq!(currency, Some(ColumnKind::Currency), "{}", view.name);
            }
            if let Some(table) = column.of {
                let joined = view.joins.iter().any(|join| join.table == table);
                assert!(joined, "{}.{}", view.name, column.name);
                own(ViewSpec::find(table).unwrap(), column.name);
            }
        }
        for join in view.joins {
            own(view, join.own);
            let other = ViewSpec::find(join.table).unwrap();
            assert_eq!(other.key, [join.column], "{}", view.name);
            assert_eq!(other.span == RowSpan::Between, join.spans, "{}", view.name);
        }
        let owners = view.owners;
        for name in [owners.seller, owners.courier, owners.firm, view.search] {
            assert!(name.is_none_or(|name| view.column(name).is_some()), "{}", view.name);
        }
        view.indexes.iter().flat_map(|index| index.columns).for_each(|name| {
            own(view, name);
        });
    }
}

fn kind(column: &ViewColumn) -> String {
    match column.kind {
        ColumnKind::Amount { currency } => format!("minor units of `{currency}`"),
        ColumnKind::Word(words) => words.join(", "),
        ColumnKind::Text => "text".into(),
        kind => kind.words(),
    }
}

fn section(view: &ViewSpec) -> String {
    let mut section = format!("### {}\n\nOne row for each {}.\n\n", view.name, view.doc);
    section.push_str("| column | what it says | kind |\n|---|---|---|\n");
    for column in view.columns {
        let of = column.of.map(|table| format!(" (of `{table}`)")).unwrap_or_default();
        let optional = if column.optional { ", or empty" } else { "" };
        let (name, kind) = (column.name, kind(column));
        let _ = writeln!(section, "| `{name}`{of} | {} | {kind}{optional} |", column.doc);
    }
    section
}

#[test]
fn the_document_has_every_view_and_column() {
    let missing: Vec<String> =
        VIEWS.iter().map(section).filter(|section| !DOCUMENT.contains(section)).collect();
    assert!(missing.is_empty(), "docs/views.md lacks:\n\n{}", missing.join("\n"));
}
