//! What a seller has to pack: parcels that are announced and that no courier has yet, with their
//! units. It prints as it stands. Who gets a parcel is shown to whom the table of rights lets see
//! buyers, after the books have recorded it.

use std::collections::BTreeMap;

use access::{AccessFunction, AccessScope};
use axum::http::StatusCode;
use books::DisclosurePurpose;
use office::ShownRecord;
use pages::forms::number;
use pages::{
    Cell, Link, PackedParcel, PackingPage, PageRow, PortalTable, RowContext, Tone, list_path,
    nav_groups,
};
use serde_json::Value;
use views::read::{FilterOperator, ListQuery, ReadViewError, RowsOf, ViewFilter, ViewReader};
use views::{ViewSpec, ViewValue};

use super::form::Form;
use super::frames::{position, readable};
use super::rows::{names, offset_at, page_row, position_at, read, with};
use super::second_factor::check_csrf;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::personal_data::show;
use crate::handlers::views::{right, rows_of, wanted};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// The page, named as a view.
pub(super) const PACKING: &str = "packing";
pub(super) const PACKING_PATH: &str = "/packing";
/// Parcels on a page, the oldest first.
const PARCELS_MAX: usize = 50;
/// Of one parcel: an order has no more.
const UNITS_MAX: u32 = 1_000;
/// Pages of waiting parcels that are looked through: most may be of orders from elsewhere.
const PAGES_MAX: usize = 20;
const PARCEL: &str = "parcel";
/// What is shown of who gets a parcel.
const BUYER_FIELDS: [(&str, &str); 3] =
    [("name", "packing.name"), ("phone", "packing.phone"), ("address", "packing.address")];

/// What was read: parcels of the books with their rows of the market, and units by parcel.
#[derive(Default)]
struct Found {
    parcels: Vec<PageRow>,
    orders: BTreeMap<String, PageRow>,
    units: BTreeMap<String, Vec<PageRow>>,
    variants: BTreeMap<i64, PageRow>,
    has_more: bool,
}

fn view(name: &str) -> Result<&'static ViewSpec, Problem> {
    ViewSpec::find(name).ok_or_else(|| ProblemKind::NoSuchRecord.into())
}

fn find(
    reader: &mut ViewReader,
    views: [&'static ViewSpec; 4],
    scopes: &[RowsOf; 4],
    at: Option<u64>,
) -> Result<Found, ReadViewError> {
    let [parcels, sent, units, variants] = views;
    let mut found = Found::default();
    let waits = ["announced", "assigned"].map(ViewValue::text);
    let ask = with(parcels, "state", FilterOperator::OneOf(waits.to_vec()), at);
    let mut after = None;
    // Parcels of orders from elsewhere have no units here.
    for page in 1..=PAGES_MAX {
        let ask = ListQuery {
            scope: scopes[0].clone(),
            limit: 500,
            order: Some(("from_batch".to_owned(), false)),
            after,
            ..ask.clone()
        };
        let found_page = reader.list(&ask)?;
        let rows = found_page.rows.into_iter().map(|row| page_row(parcels, row));
        let rows: Vec<_> = rows.collect();
        let keys: Vec<_> = rows.iter().map(|row| row.values[0].clone()).collect();
        for some in keys.chunks(100) {
            let ask = with(sent, PARCEL, FilterOperator::OneOf(some.to_vec()), at);
            let ask = ListQuery { scope: scopes[1].clone(), limit: 100, ..ask };
            for row in reader.list(&ask)?.rows {
                let row = page_row(sent, row);
                found.orders.insert(row.raw[0].clone(), row);
            }
        }
        for row in rows {
            match found.orders.contains_key(&row.raw[0]) {
                true if found.parcels.len() < PARCELS_MAX => found.parcels.push(row),
                true => found.has_more = true,
                false => {}
            }
        }
        after = found_page.next;
        if after.is_none() || found.has_more {
            break;
        }
        found.has_more = page == PAGES_MAX;
    }
    let keys: Vec<_> = found.parcels.iter().map(|row| row.values[0].clone()).collect();
    for some in keys.chunks(1) {
        let mut ask = with(units, PARCEL, FilterOperator::OneOf(some.to_vec()), at);
        let kept = FilterOperator::Equal("kept".into());
        ask.filters.push(ViewFilter { column: "state".to_owned(), operator: kept });
        let ask = ListQuery { scope: scopes[2].clone(), limit: UNITS_MAX, ..ask };
        for row in reader.list(&ask)?.rows {
            let row = page_row(units, row);
            let parcel = row.raw_of(units, PARCEL).unwrap_or_default().to_owned();
            found.units.entry(parcel).or_default().push(row);
        }
    }
    let place = units.place("variant").unwrap_or_default();
    let mut keys: Vec<i64> = Vec::new();
    for row in found.units.values().flatten() {
        if let ViewValue::Number(key) = row.values[place]
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    let keys: Vec<_> = keys.into_iter().map(ViewValue::Number).collect();
    for some in keys.chunks(100) {
        let ask = with(variants, "variant", FilterOperator::OneOf(some.to_vec()), at);
        let ask = ListQuery { scope: scopes[3].clone(), limit: 100, ..ask };
        for row in reader.list(&ask)?.rows {
            let row = page_row(variants, row);
            if let ViewValue::Number(key) = row.values[0] {
                found.variants.insert(key, row);
            }
        }
    }
    Ok(found)
}

impl Found {
    /// The units of some rows by article: offer and SKU, how many, what they weigh.
    fn articles(
        &self,
        context: &RowContext<'_>,
        (units, variants): (&'static ViewSpec, &'static ViewSpec),
        rows: &[&PageRow],
    ) -> Vec<[String; 3]> {
        let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in rows {
            let cell = |column| {
                let place = units.place(column).unwrap_or_default();
                context.cell(units, row, place).text
            };
            let ViewValue::Number(key) = row.values[units.place("variant").unwrap_or_default()]
            else {
                continue;
            };
            let weight = self.variants.get(&key).and_then(|row| row.raw_of(variants, "weight_g"));
            let weight: u64 = weight.and_then(|text| text.parse().ok()).unwrap_or(0);
            let counts = counted.entry(format!("{} · {}", cell("offer"), cell("variant")));
            let counts = counts.or_default();
            *counts = (counts.0 + 1, counts.1 + weight);
        }
        let lines = counted.into_iter();
        lines
            .map(|(name, (units, grams))| [name, number(units.into()), number(grams.into())])
            .collect()
    }
}

/// Who gets each parcel, once that is recorded, and what the page says of it.
#[derive(Default)]
struct Shown {
    buyers: BTreeMap<String, Vec<ShownRecord>>,
    notice: Option<(Tone, String)>,
}

fn sees_buyers(visit: &Visit) -> Result<bool, Problem> {
    let scope = visit.call.caller()?.principal.may(AccessFunction::Read("buyers"));
    Ok(scope == AccessScope::All && visit.call.caller()?.session.is_some())
}

async fn shown(visit: Visit, shown: Shown) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["at", "min_position"])?;
    let views = ["parcels", "market_parcels", "order_units", "variants"];
    let views = [view(views[0])?, view(views[1])?, view(views[2])?, view(views[3])?];
    for view in views {
        visit.call.require(AccessFunction::Read(right(view.name)))?;
    }
    let wanted = wanted(&visit.call, &query)?;
    let principal = &visit.call.caller()?.principal;
    let of = |view| rows_of(principal, view);
    let scopes = [of(views[0])?, of(views[1])?, of(views[2])?, of(views[3])?];
    let can_show = sees_buyers(&visit)? && wanted.at.is_none() && shown.buyers.is_empty();
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let [parcels, sent, units, variants] = views;
        let (found, names, at, time) = read(&app, giver, |reader| {
            let (at, time) = position_at(reader, wanted.at)?;
            let found = find(reader, views, &scopes, Some(at.batch))?;
            let orders: Vec<PageRow> = found.orders.values().cloned().collect();
            let all: Vec<PageRow> = found.units.values().flatten().cloned().collect();
            let of = [(parcels, &found.parcels[..]), (sent, &orders[..]), (units, &all[..])];
            let names = names(reader, &principal, &of, Some(at.batch))?;
            Ok((found, names, at, time))
        })?;
        let offset_minutes = offset_at(giver, time)?;
        let readable = readable(&principal);
        around.nav = nav_groups(words, &readable, Some(PACKING), wanted.at);
        around.title = words.get("view.packing").to_owned();
        let here = (PACKING_PATH, &[][..]);
        let mut shown_at = position(words, &at, wanted.at, here, (time, offset_minutes));
        (shown_at.json, shown_at.csv) = (None, None);
        around.position = Some(shown_at);
        let context =
            RowContext { words, names: &names, readable: &readable, at: wanted.at, offset_minutes };
        let of_units = (units, variants);
        let own = |parcel: &str| found.units.get(parcel).map_or(&[][..], Vec::as_slice);
        let packed = found.parcels.iter().map(|row| {
            let id = row.raw[0].clone();
            let order = &found.orders[&id];
            let cell = |view: &'static ViewSpec, row: &PageRow, column: &str| {
                context.cell(view, row, view.place(column).unwrap_or_default())
            };
            let waybill = cell(parcels, row, PARCEL);
            let fact = |cell: Cell| (cell.label, cell);
            let due = cell(parcels, row, "due");
            let currency = row.raw_of(parcels, "currency").unwrap_or_default();
            let facts = vec![
                fact(cell(parcels, row, "state")),
                fact(cell(parcels, row, "seller")),
                fact(cell(sent, order, "market_order")),
                (due.label, Cell::plain(format!("{} {currency}", due.text))),
            ];
            let records = shown.buyers.get(&id).into_iter().flatten();
            let buyer = records.flat_map(|record| {
                BUYER_FIELDS.iter().filter_map(|(name, key)| {
                    let text = record.fields.get(*name).and_then(Value::as_str)?;
                    Some((words.get(key), text.to_owned()))
                })
            });
            let units: Vec<&PageRow> = own(&id).iter().collect();
            PackedParcel {
                waybill: waybill.title.unwrap_or(waybill.text),
                href: Link::to(&list_path("market_parcels")).part(&id).at(wanted.at).text(),
                facts,
                units: found.articles(&context, of_units, &units),
                buyer: buyer.collect(),
                id,
            }
        });
        let packed: Vec<PackedParcel> = packed.collect();
        let all: Vec<&PageRow> = found.parcels.iter().flat_map(|row| own(&row.raw[0])).collect();
        let sums = found.articles(&context, of_units, &all).into_iter().map(|line| {
            let [name, units, grams] = line;
            vec![Cell::plain(name), Cell::figure(units), Cell::figure(grams)]
        });
        let columns =
            [("packing.article", false), ("column.units", true), ("column.weight_g", true)];
        let keys = ("packing.sums", "packing.none");
        let count = number(packed.len() as i128);
        let page = PackingPage {
            csrf: around.viewer.as_ref().map(|viewer| viewer.csrf.clone()).unwrap_or_default(),
            path: PACKING_PATH,
            lead: words.fill("packing.lead", &[("count", &count)]),
            sums: PortalTable::new(words, keys, &columns, sums.collect()),
            more: found.has_more.then(|| words.get("packing.more").to_owned()),
            parcels: packed,
            can_show,
            notice: shown.notice,
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}

pub(super) async fn page(visit: Visit) -> HttpAnswer {
    shown(visit, Shown::default()).await
}

/// Shows who gets the parcels of the page. The books record each.
pub(super) async fn disclose(mut visit: Visit) -> HttpAnswer {
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    if !sees_buyers(&visit)? {
        return Err(ProblemKind::NotPermitted.into());
    }
    let asked: Vec<String> = form
        .pairs()
        .filter(|(name, _)| *name == PARCEL)
        .map(|(_, value)| value.to_owned())
        .take(PARCELS_MAX)
        .collect();
    let words = visit.words();
    let mut done = Shown::default();
    for parcel in asked {
        let Some(id) = parcel.strip_prefix("par_") else {
            return Err(ProblemKind::BadQuery.into());
        };
        let subject = (format!("parcel:{id}"), "buyers");
        match show(&visit.call, subject, DisclosurePurpose::Delivery).await {
            Ok((_, records, _)) => drop(done.buyers.insert(parcel, records)),
            // What was shown until here is recorded, and on the page.
            Err(problem) => {
                done.notice = Some((Tone::Act, problem.detail(words.0).to_owned()));
                break;
            }
        }
    }
    if done.notice.is_none() {
        let count = number(done.buyers.len() as i128);
        done.notice = Some((Tone::Move, words.fill("packing.recorded", &[("count", &count)])));
    }
    shown(visit, done).await
}
