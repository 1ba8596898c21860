//! The first page: what needs action, then the figures of the day. All of it is counted from the
//! views, so it can be asked as of any batch.

use std::collections::{BTreeMap, BTreeSet};

use access::{AccessFunction, AccessScope, Principal};
use axum::http::StatusCode;
use office::fields::KnownParties;
use pages::{
    BarChart, ChartBar, DayChart, HomePage, HomeTile, Link, OpenWork, PageWords, Tone, list_path,
    nav_groups,
};
use views::read::{
    FilterOperator, HourTotal, ListQuery, ReadViewError, RowsOf, ViewReader, ViewTotal,
};
use views::{ViewSpec, ViewValue};

use super::arrivals::{ARRIVALS, overdue_work};
use super::frames::{position, readable};
use super::rows::{offset_at, position_at, read, with};
use super::{Visit, html, portals};
use crate::app::HttpAnswer;
use crate::handlers::views::{filters, hidden, rows_of, wanted};
use crate::problem::Problem;
use crate::query::QueryParameters;

/// What is counted: its words, how urgent it is, the view, its filters, and the column of its sum.
pub(super) struct CountedRows {
    pub key: &'static str,
    pub tone: Tone,
    pub view: &'static str,
    pub filters: &'static [(&'static str, &'static str)],
    pub sum: Option<&'static str>,
}

pub(super) const fn counted(
    key: &'static str,
    tone: Tone,
    view: &'static str,
    filters: &'static [(&'static str, &'static str)],
    sum: Option<&'static str>,
) -> CountedRows {
    CountedRows { key, tone, view, filters, sum }
}

/// What needs action, the most urgent first.
static WORK: [CountedRows; 12] = [
    counted(
        "home.unknown",
        Tone::Act,
        "payments",
        &[("state", "unknown,completion unknown")],
        Some("amount"),
    ),
    counted("home.breaks", Tone::Act, "breaks", &[("state", "open")], Some("amount")),
    counted("home.open_items", Tone::Act, "open_items", &[("state", "open")], None),
    counted("home.plans", Tone::Act, "plans", &[("state", "planned")], Some("total")),
    counted("home.approved_plans", Tone::Act, "plans", &[("state", "approved")], Some("total")),
    counted("home.proposed_breaks", Tone::Act, "breaks", &[("state", "proposed")], Some("amount")),
    counted(
        "home.chargebacks",
        Tone::Wait,
        "refunds",
        &[("kind", "chargeback"), ("state", "booked")],
        Some("amount"),
    ),
    counted("home.shortages", Tone::Wait, "custody", &[("shortage.from", "1")], Some("shortage")),
    counted("home.hand_overs", Tone::Wait, "hand_overs", &[("state", "started")], Some("expected")),
    counted("home.deposits", Tone::Wait, "deposits", &[("state", "announced")], Some("amount")),
    counted("home.payouts", Tone::Wait, "payouts", &[("state", "sent")], Some("net")),
    counted("home.blocked", Tone::Wait, "terminals", &[("blocked", "true")], None),
];

/// Figures beside what was collected, and how their rows are counted in words.
static FIGURES: [(CountedRows, &str); 4] = [
    (
        counted("home.out", Tone::Move, "parcels", &[("state", "out")], Some("due")),
        "home.parcels_count",
    ),
    (
        counted("home.in_hand", Tone::Move, "custody", &[("in_hand.from", "1")], Some("in_hand")),
        "home.couriers_count",
    ),
    (
        counted("home.held", Tone::Move, "payments", &[("state", "approved,held")], Some("amount")),
        "home.payments_count",
    ),
    (
        counted("home.in_flight", Tone::Move, "payouts", &[("state", "sent")], Some("net")),
        "home.payouts_count",
    ),
];

/// Totals of what a principal may see. None: it sees nothing of it.
pub(super) fn totals(
    reader: &mut ViewReader,
    principal: &Principal,
    counted: &CountedRows,
    at: u64,
) -> Result<Option<Vec<ViewTotal>>, ReadViewError> {
    let Some(view) = ViewSpec::find(counted.view) else { return Ok(None) };
    let Ok(scope) = rows_of(principal, view) else { return Ok(None) };
    if counted.sum.is_some_and(|sum| hidden(principal, view).contains(&sum)) {
        return Ok(None);
    }
    let asked = QueryParameters::with(counted.filters);
    let Ok(filters) = filters(view, &asked, &KnownParties::default()) else { return Ok(None) };
    let ask = ListQuery { filters, scope, at: Some(at), ..ListQuery::of(view) };
    match reader.totals(&ask, counted.sum) {
        Ok((totals, _)) => Ok(Some(totals)),
        // The view does not say who owns a row.
        Err(ReadViewError::Asked(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was read for the page.
struct Found {
    date: String,
    work: Vec<(usize, Vec<ViewTotal>)>,
    figures: Vec<(usize, Vec<ViewTotal>)>,
    /// What was collected on the last day on which something was, and that day.
    collected: Option<(String, Vec<HourTotal>)>,
}

fn text(row: &[ViewValue], view: &ViewSpec, column: &str) -> String {
    match view.place(column).map(|place| &row[place]) {
        Some(ViewValue::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

/// The date of the last command, if one of a name is wanted.
pub(super) fn last_date(
    reader: &mut ViewReader,
    log: &'static ViewSpec,
    name: Option<&'static str>,
    at: u64,
) -> Result<String, ReadViewError> {
    let ask = match name {
        Some(name) => with(log, "name", FilterOperator::Equal(name.into()), Some(at)),
        None => ListQuery { at: Some(at), ..ListQuery::of(log) },
    };
    let page = reader.list(&ListQuery { limit: 1, ..ask })?;
    Ok(page.rows.first().map(|row| text(row, log, "date")).unwrap_or_default())
}

fn find(
    reader: &mut ViewReader,
    principal: &Principal,
    at: u64,
    offset_minutes: i16,
) -> Result<Found, ReadViewError> {
    let mut found =
        Found { date: String::new(), work: Vec::new(), figures: Vec::new(), collected: None };
    for (place, counted) in WORK.iter().enumerate() {
        let totals = totals(reader, principal, counted, at)?.unwrap_or_default();
        if totals.iter().any(|total| total.rows > 0) {
            found.work.push((place, totals));
        }
    }
    for (place, (counted, _)) in FIGURES.iter().enumerate() {
        if let Some(totals) = totals(reader, principal, counted, at)? {
            found.figures.push((place, totals));
        }
    }
    let Some(log) = ViewSpec::find("commands") else { return Ok(found) };
    found.date = last_date(reader, log, None, at)?;
    let payments = ViewSpec::find("payments").map(|view| rows_of(principal, view));
    if matches!(payments, Some(Ok(RowsOf::Everyone))) {
        let mut date = String::new();
        for name in ["ResolvePurchase", "TakeCash", "ResolveCompletion"] {
            date = date.max(last_date(reader, log, Some(name), at)?);
        }
        if !date.is_empty() {
            let first = reader.first_batch(&date, at)?;
            let (hours, _) = reader.collected_by_hour(first, offset_minutes, Some(at))?;
            found.collected = Some((date, hours));
        }
    }
    Ok(found)
}

fn count(words: PageWords, key: &str, rows: i64) -> String {
    words.fill(key, &[("count", &pages::forms::number(i128::from(rows)))])
}

pub(super) fn href(counted: &CountedRows, at: Option<u64>) -> String {
    let mut link = Link::to(&list_path(counted.view));
    for (name, value) in counted.filters {
        link = link.with(name, value);
    }
    link.at(at).text()
}

fn money(total: &ViewTotal) -> String {
    pages::forms::money(i128::from(total.sum), &total.currency)
}

/// Work that waits, as a line that leads to it.
pub(super) fn work_of(
    words: PageWords,
    counted: &CountedRows,
    totals: &[ViewTotal],
    at: Option<u64>,
) -> OpenWork {
    let rows: i64 = totals.iter().map(|total| total.rows).sum();
    let sums = totals.iter().filter(|total| counted.sum.is_some() && total.sum != 0);
    let sums = sums.map(|total| format!("{} {}", money(total), total.currency));
    OpenWork {
        tone: counted.tone,
        what: words.get(counted.key),
        count: pages::forms::number(i128::from(rows)),
        sum: sums.collect::<Vec<_>>().join(", "),
        href: href(counted, at),
    }
}

fn tiles(words: PageWords, found: &Found, at: Option<u64>) -> Vec<HomeTile> {
    let mut tiles = Vec::new();
    if let Some((_, hours)) = &found.collected {
        let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for hour in hours {
            let sum = sums.entry(&hour.total.currency).or_default();
            *sum = (sum.0 + hour.total.rows, sum.1 + hour.total.sum);
        }
        let rows = sums.values().map(|(rows, _)| rows).sum();
        let values = sums.iter().map(|(currency, (_, sum))| {
            (pages::forms::money(i128::from(*sum), currency), (*currency).to_owned())
        });
        let about = count(words, "home.payments_count", rows);
        let values = values.collect();
        tiles.push(HomeTile { title: words.get("home.collected"), values, about, href: None });
    }
    for (place, totals) in &found.figures {
        let (counted, counted_as) = &FIGURES[*place];
        let rows = totals.iter().map(|total| total.rows).sum();
        let mut values: Vec<_> =
            totals.iter().map(|total| (money(total), total.currency.clone())).collect();
        if values.is_empty() {
            values.push((pages::forms::NOTHING.to_owned(), String::new()));
        }
        tiles.push(HomeTile {
            title: words.get(counted.key),
            values,
            about: count(words, counted_as, rows),
            href: Some(href(counted, at)),
        });
    }
    tiles
}

/// Methods in the order of the bars.
const METHODS: [&str; 4] = ["debit card", "credit card", "QR", "cash"];

fn charts(words: PageWords, found: &Found) -> Vec<DayChart> {
    let Some((_, hours)) = &found.collected else { return Vec::new() };
    let currencies: BTreeSet<&str> = hours.iter().map(|one| &*one.total.currency).collect();
    let chart = |currency: &&str| {
        let own: Vec<&HourTotal> =
            hours.iter().filter(|one| one.total.currency == **currency).collect();
        let (first, last) =
            (own.iter().map(|one| one.hour).min()?, own.iter().map(|one| one.hour).max()?);
        let of = |hour: i64, method: &str| {
            let found = own.iter().find(|one| one.hour == hour && one.method == method);
            found.map_or(0, |one| one.total.sum)
        };
        let name = |method: &str| words.entry("word", method).unwrap_or_default().to_owned();
        let shown = |sum: i64| pages::forms::money(i128::from(sum), currency);
        let bars = (first..=last).map(|hour| ChartBar {
            label: format!("{}", hour.rem_euclid(24)),
            values: METHODS.iter().map(|method| of(hour, method)).collect(),
        });
        let bars: Vec<ChartBar> = bars.collect();
        let sums = METHODS.iter().map(|method| {
            let all = || own.iter().filter(|one| one.method == *method);
            let rows = all().map(|one| one.total.rows).sum();
            let sum = all().map(|one| one.total.sum).sum();
            (name(method), shown(sum), count(words, "home.payments_count", rows))
        });
        let rows = bars
            .iter()
            .map(|bar| (bar.label.clone(), bar.values.iter().map(|sum| shown(*sum)).collect()));
        let (sums, rows) = (sums.collect(), rows.collect());
        let mut chart = BarChart {
            title: words.get("home.by_hour").to_owned(),
            series: METHODS.iter().map(|method| name(method)).collect(),
            bars,
            highest: String::new(),
        };
        chart.highest = shown(chart.maximum());
        Some(DayChart { currency: (*currency).to_owned(), chart, sums, rows })
    };
    currencies.iter().filter_map(chart).collect()
}

pub(super) async fn home(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["at", "min_position"])?;
    let wanted = wanted(&visit.call, &query)?;
    if let Some(party) = portals::own_party(&visit.call.caller()?.principal) {
        return portals::portal(visit, party, wanted).await;
    }
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let last = engine_time(giver)?;
        let offset_minutes = offset_at(giver, last)?;
        let (found, at, time) = read(&app, giver, |reader| {
            let (at, time) = position_at(reader, wanted.at)?;
            let found = find(reader, &principal, at.batch, offset_minutes)?;
            Ok((found, at, time))
        })?;
        let readable = readable(&principal);
        around.nav = nav_groups(words, &readable, None, wanted.at);
        around.title = words.get("home.title").to_owned();
        around.position = Some(position(words, &at, wanted.at, ("/", &[]), (time, offset_minutes)));
        let charts = charts(words, &found);
        let mut tiles = tiles(words, &found, wanted.at);
        // What was collected may be of an earlier day than that of the last command.
        if let (Some((date, _)), Some(first)) = (&found.collected, tiles.first_mut()) {
            first.about = format!("{} · {}", pages::forms::date(words, date), first.about);
        }
        let work = found.work.iter();
        let work = work.map(|(place, totals)| work_of(words, &WORK[*place], totals, wanted.at));
        let mut work: Vec<OpenWork> = work.collect();
        // They are no part of the books, so a page of the past does not have them.
        let sees = AccessFunction::Read("proposals");
        if wanted.at.is_none() && principal.may(sees) == AccessScope::All {
            let waiting = app.office.with(|office| office.proposals_count());
            let waiting = waiting.map_err(|error| Problem::of_office(error, app.texts.chinese))?;
            let link = OpenWork {
                tone: Tone::Act,
                what: words.get("waiting.home"),
                count: pages::forms::number(waiting as i128),
                sum: String::new(),
                href: super::PROPOSALS_PATH.to_owned(),
            };
            work.splice(0..0, (waiting > 0).then_some(link));
        }
        if wanted.at.is_none() && readable.contains(&ARRIVALS) {
            work.splice(0..0, overdue_work(words, &app));
        }
        let page = HomePage {
            work,
            date: pages::forms::date(words, &found.date),
            tiles,
            charts,
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// When the last command was carried out.
fn engine_time(giver: &office::SignedInGiver) -> Result<i64, Problem> {
    let look = |engine: &engine::Engine| engine.last_at().0.cast_signed();
    giver.client.look_ahead(look).map_err(Problem::internal)
}
