//! Lists of what belongs to a thing of the market, on its page: of an offer its variants with their
//! prices and stock, of an order its parcels and units.

use access::Principal;
use pages::{Cell, Link, PageRow, PageWords, PortalTable, RowContext, list_path};
use views::read::{FilterOperator, ListQuery, ReadViewError, ViewReader};
use views::{ColumnKind, ViewSpec, ViewValue};

use super::rows::{page_row, with};
use crate::handlers::views::rows_of;

/// Rows of a list on the page of another thing. Its title leads to all.
const ROWS_SHOWN: u32 = 50;
/// Variants whose prices are told.
const PRICED_MAX: usize = 20;

/// A list on the page of a thing: which rows of a view, by the column with the thing's key.
struct Belonging {
    of: &'static str,
    view: &'static str,
    by: &'static str,
    columns: &'static [&'static str],
}

const fn list(
    of: &'static str,
    view: &'static str,
    by: &'static str,
    columns: &'static [&'static str],
) -> Belonging {
    Belonging { of, view, by, columns }
}

const LISTS: [Belonging; 8] = [
    list(
        "offers",
        "variants",
        "offer",
        &["sku", "currency", "price", "units_left", "allotted", "reserved", "sold", "granted"],
    ),
    list(
        "offers",
        "stock_adjustments",
        "offer",
        &["adjustment", "variant", "reason", "change", "units_left", "batch"],
    ),
    list(
        "variants",
        "stock_adjustments",
        "variant",
        &["adjustment", "reason", "change", "units_left", "batch"],
    ),
    list(
        "promotions",
        "order_discounts",
        "promotion",
        &["market_order", "version", "currency", "by_platform", "by_sellers", "batch"],
    ),
    list(
        "market_orders",
        "market_parcels",
        "market_order",
        &["parcel", "seller", "state", "units", "currency", "ordered", "due", "kept", "owed"],
    ),
    list(
        "market_orders",
        "order_units",
        "market_order",
        &["unit", "variant", "seller", "state", "price", "by_platform", "by_seller", "asked"],
    ),
    list(
        "market_orders",
        "order_discounts",
        "market_order",
        &["promotion", "version", "currency", "by_platform", "by_sellers"],
    ),
    list(
        "market_parcels",
        "order_units",
        "parcel",
        &["unit", "variant", "state", "price", "by_platform", "by_seller", "asked"],
    ),
];

/// The rows of one list.
pub(super) struct BelongingRows {
    pub view: &'static ViewSpec,
    pub rows: Vec<PageRow>,
    columns: &'static [&'static str],
    all: Link,
}

/// What was read for the lists of a page.
#[derive(Default)]
pub(super) struct Belongings {
    pub lists: Vec<BelongingRows>,
    /// States of variants in which their price was set, the latest first.
    pub prices: Vec<PageRow>,
}

/// Reads the lists of a thing, of whose rows a principal sees its own.
pub(super) fn find(
    reader: &mut ViewReader,
    principal: &Principal,
    (view, row): (&'static ViewSpec, &PageRow),
    at: Option<u64>,
) -> Result<Belongings, ReadViewError> {
    let mut found = Belongings::default();
    let key = view.place(view.key[0]).map(|place| (&row.values[place], &row.raw[place]));
    let Some((key, raw)) = key else { return Ok(found) };
    for one in LISTS.iter().filter(|one| one.of == view.name) {
        let Some(other) = ViewSpec::find(one.view) else { continue };
        let Ok(scope) = rows_of(principal, other) else { continue };
        let ask = with(other, one.by, FilterOperator::Equal(key.clone()), at);
        let order = (one.view == "order_units").then(|| ("market_order".to_owned(), false));
        let ask = ListQuery { scope, limit: ROWS_SHOWN, order: order.or(ask.order), ..ask };
        let rows = reader.list(&ask)?.rows.into_iter().map(|row| page_row(other, row)).collect();
        let all = Link::to(&list_path(one.view)).with(one.by, raw);
        found.lists.push(BelongingRows { view: other, rows, columns: one.columns, all });
    }
    let Some(variants) = ViewSpec::find("variants") else { return Ok(found) };
    let keys: Vec<ViewValue> = match view.name {
        "variants" => vec![key.clone()],
        "offers" => {
            let own = found.lists.iter().filter(|one| one.view.name == "variants");
            own.flat_map(|one| &one.rows).map(|row| row.values[0].clone()).collect()
        }
        _ => Vec::new(),
    };
    let Ok(scope) = rows_of(principal, variants) else { return Ok(found) };
    let number = variants.place("price_number").unwrap_or_default();
    for key in keys.into_iter().take(PRICED_MAX) {
        let history = reader.history(variants, &[key], &scope, at)?.0;
        let mut before = ViewValue::Empty;
        let mut set: Vec<PageRow> = Vec::new();
        for row in history {
            if row[number] != before {
                before = row[number].clone();
                set.push(page_row(variants, row));
            }
        }
        found.prices.extend(set.into_iter().rev());
    }
    found.prices.truncate(usize::try_from(ROWS_SHOWN).unwrap_or(0));
    Ok(found)
}

/// Rows of a view as a table with some of its columns. The first leads to the row's page.
pub(super) fn table(
    context: &RowContext<'_>,
    view: &'static ViewSpec,
    rows: &[PageRow],
    columns: &[&str],
) -> (Vec<(&'static str, bool)>, Vec<Vec<Cell>>) {
    let places: Vec<usize> = columns.iter().filter_map(|name| view.place(name)).collect();
    let heads = places.iter().map(|place| {
        let column = &view.columns[*place];
        let is_figure = matches!(
            column.kind,
            ColumnKind::Amount { .. }
                | ColumnKind::MinorUnits
                | ColumnKind::Number
                | ColumnKind::Batch
        );
        (pages::label(context.words, view, column.name), is_figure)
    });
    let cells = |row: &PageRow| {
        let cells = places.iter().enumerate().map(|(column, place)| {
            let cell = context.cell(view, row, *place);
            match column {
                0 => Cell { href: Some(context.page_of(view, row)), ..cell },
                _ => cell,
            }
        });
        cells.collect()
    };
    (heads.collect(), rows.iter().map(cells).collect())
}

/// The lists as tables. Those without rows are left out.
pub(super) fn tables(context: &RowContext<'_>, found: &Belongings) -> Vec<PortalTable> {
    let words: PageWords = context.words;
    let portal = |title, view, rows: &[PageRow], columns: &[&str]| {
        let (columns, rows) = table(context, view, rows, columns);
        let (href, note, total) = (None, String::new(), None);
        PortalTable { title, href, note, columns, rows, total, none: "" }
    };
    let lists = found.lists.iter().filter(|one| !one.rows.is_empty()).map(|one| {
        let title = words.entry("view", one.view.name).unwrap_or_default();
        let href = Some(one.all.clone().at(context.at).text());
        PortalTable { href, ..portal(title, one.view, &one.rows, one.columns) }
    });
    let mut all: Vec<PortalTable> = lists.collect();
    if let (false, Some(variants)) = (found.prices.is_empty(), ViewSpec::find("variants")) {
        let columns = ["sku", "price_number", "currency", "price", "from_batch"];
        let title = words.get("market.prices");
        all.push(portal(title, variants, &found.prices, &columns));
    }
    all
}
