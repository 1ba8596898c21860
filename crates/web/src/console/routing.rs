//! Card networks and wallets: what each took on the last day of payments, what that costs, and why
//! a network won.

use std::collections::BTreeSet;
use std::path::Path;

use access::Principal;
use axum::http::StatusCode;
use books::{BusinessDate, NetworkId, PaymentRoute, RouteCandidate, RouteVerdict};
use pages::forms::{NOTHING, date, money, number, time};
use pages::{
    Cell, Link, PageRow, PageWords, PartyNames, PortalPage, PortalTable, RowContext, Tone,
    list_path, nav_groups,
};
use reports::{BegunPurchase, begun_purchases};
use views::read::{
    FilterOperator, ListQuery, RailTotal, ReadViewError, RowsOf, ViewFilter, ViewPosition,
    ViewReader,
};
use views::{ViewSpec, ViewValue};

use super::act_table::{act_path, may, title};
use super::frames::{position, readable};
use super::home::last_date;
use super::party_accounts::number as number_of;
use super::rows::{offset_at, page_row, position_at, read, with};
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::views::{hidden, rows_of, wanted};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const ROUTING: &str = "routing";
/// Networks and wallets on the page.
const RAILS_READ: u32 = 500;
/// Purchases that are looked at, and how many of them are shown: those by QR are not routed.
const PURCHASES_READ: u32 = 100;
const ROUTINGS_SHOWN: usize = 20;

/// Characters of a waybill at its beginning and end.
const WAYBILL_ENDS: usize = 5;

/// States of payments that the network or wallet approved, and that stand.
const STANDING: [&str; 6] =
    ["approved", "held", "released", "authorised", "completing", "in suspense"];
const UNKNOWN: [&str; 2] = ["unknown", "completion unknown"];
const DECLINED: &str = "declined";

/// A network or a wallet, with its payments of the day.
struct Rail {
    view: &'static ViewSpec,
    kind: &'static str,
    row: PageRow,
    totals: Vec<RailTotal>,
    /// Of clearing lines of the day: how many, what they pay, what they deduct. `None`: not shown.
    cleared: Option<(i64, i64, i64)>,
}

impl Rail {
    fn raw(&self, column: &str) -> &str {
        self.row.raw_of(self.view, column).unwrap_or_default()
    }

    fn id(&self) -> &str {
        self.raw(self.kind)
    }

    /// The list of a view with its rows only.
    fn list(&self, view: &str) -> Link {
        let bits = number_of(&self.row, self.view, self.kind).cast_unsigned();
        Link::to(&list_path(view)).with("rail_kind", self.kind).with("rail", &bits.to_string())
    }

    fn payments(&self, states: &[&str]) -> i64 {
        let of = self.totals.iter().filter(|one| states.contains(&one.state.as_str()));
        of.map(|one| one.payments).sum()
    }

    fn all(&self) -> i64 {
        self.totals.iter().map(|one| one.payments).sum()
    }

    /// What stands of the day, and the fee by the tariff.
    fn standing(&self) -> (i64, i64) {
        let of = self.totals.iter().filter(|one| STANDING.contains(&one.state.as_str()));
        of.fold((0, 0), |(amount, fee), one| (amount + one.amount, fee + one.deducted))
    }
}

/// What is read for the page.
struct Found {
    position: ViewPosition,
    time: i64,
    day: Option<BusinessDate>,
    rails: Vec<Rail>,
    /// The batches and places of the latest purchases, and the currency of each network.
    purchases: Vec<(u64, u32)>,
}

fn rails(
    reader: &mut ViewReader,
    principal: &Principal,
    day: BusinessDate,
    at: u64,
) -> Result<Vec<Rail>, ReadViewError> {
    let first = reader.first_batch(&day.to_string(), at)?;
    let (totals, _) = reader.payments_by_rail(first, Some(at))?;
    let clearing = ViewSpec::find("clearing_lines");
    let clearing = clearing.filter(|view| matches!(rows_of(principal, view), Ok(RowsOf::Everyone)));
    let mut found = Vec::new();
    for (name, kind) in [("networks", "network"), ("wallets", "wallet")] {
        let Some(view) = ViewSpec::find(name) else { continue };
        let ask = ListQuery { at: Some(at), limit: RAILS_READ, ..ListQuery::of(view) };
        for row in reader.list(&ask)?.rows {
            let row = page_row(view, row);
            let bits = number_of(&row, view, kind);
            let own = totals.iter().filter(|one| one.kind == kind && one.rail == bits);
            let totals: Vec<RailTotal> = own.cloned().collect();
            let mut cleared = None;
            if let Some(view) = clearing {
                let is = |column: &str, operator| ViewFilter { column: column.into(), operator };
                let from = FilterOperator::AtLeast(ViewValue::Number(first.cast_signed()));
                let mut ask = with(view, "batch", from, Some(at));
                ask.filters.push(is("rail_kind", FilterOperator::Equal(kind.into())));
                ask.filters.push(is("rail", FilterOperator::Equal(ViewValue::Number(bits))));
                let mut sum = |column| {
                    let (totals, _) = reader.totals(&ask, Some(column))?;
                    let sums = totals.iter().map(|one| (one.rows, one.sum));
                    Ok::<_, ReadViewError>(sums.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)))
                };
                let (lines, amount) = sum("amount")?;
                cleared = Some((lines, amount, sum("deducted")?.1));
            }
            found.push(Rail { view, kind, row, totals, cleared });
        }
    }
    Ok(found)
}

fn find(
    reader: &mut ViewReader,
    principal: &Principal,
    at: Option<u64>,
) -> Result<Found, ReadViewError> {
    let (position, time) = position_at(reader, at)?;
    let batch = position.batch;
    let mut found = Found { position, time, day: None, rails: Vec::new(), purchases: Vec::new() };
    let Some(log) = ViewSpec::find("commands") else { return Ok(found) };
    let begun = last_date(reader, log, Some("BeginPurchase"), batch)?;
    let day = if begun.is_empty() { last_date(reader, log, None, batch)? } else { begun };
    found.day = day.parse().ok();
    let Some(day) = found.day else { return Ok(found) };
    found.rails = rails(reader, principal, day, batch)?;
    let ask = with(log, "name", FilterOperator::Equal("BeginPurchase".into()), Some(batch));
    for row in reader.list(&ListQuery { limit: PURCHASES_READ, ..ask })?.rows {
        let row = page_row(log, row);
        let of = |column| number_of(&row, log, column).cast_unsigned();
        found.purchases.push((of("batch"), u32::try_from(of("command")).unwrap_or(0)));
    }
    Ok(found)
}

/// A part of a whole in percent, with one decimal.
fn share(part: i64, whole: i64) -> String {
    match i128::from(whole) {
        0 => NOTHING.to_owned(),
        whole => {
            let thousandths = i128::from(part) * 1_000 / whole;
            format!("{}.{} %", thousandths / 10, (thousandths % 10).abs())
        }
    }
}

/// Makes the tables.
struct Routing<'r> {
    words: PageWords,
    principal: &'r Principal,
    found: &'r Found,
    pinned: Option<u64>,
    offset_minutes: i16,
}

impl Routing<'_> {
    fn count(&self, rail: &Rail, states: &[&str]) -> Cell {
        let count = if states.is_empty() { rail.all() } else { rail.payments(states) };
        let mut link = rail.list("payments");
        if !states.is_empty() {
            link = link.with("state", &states.join(","));
        }
        let href = (count > 0).then(|| link.at(self.pinned).text());
        Cell { href, ..Cell::figure(number(count.into())) }
    }

    fn name(&self, rail: &Rail) -> Cell {
        let page = Link::to(&list_path(rail.view.name)).part(rail.id()).at(self.pinned).text();
        Cell { href: Some(page), ..Cell::plain(rail.raw("reference").to_owned()) }
    }

    fn state(&self, rail: &Rail) -> Cell {
        let from = rail.view.place("withdrawn_from").map(|place| &rail.row.values[place]);
        match from {
            Some(ViewValue::Number(from)) => {
                let from = time(self.words, *from, self.offset_minutes);
                let text = self.words.fill("routing.withdrawn", &[("from", &from)]);
                Cell { tone: Some(Tone::Wait), ..Cell::plain(text) }
            }
            _ => Cell {
                tone: Some(Tone::Done),
                ..Cell::plain(self.words.get("routing.in_use").to_owned())
            },
        }
    }

    /// What can be done with a network as it stands now.
    fn act(&self, rail: &Rail) -> Cell {
        let command = match rail.raw("withdrawn_from") {
            "" => "WithdrawNetwork",
            _ => "ReinstateNetwork",
        };
        if rail.kind != "network" || self.pinned.is_some() || !may(self.principal, command) {
            return Cell::plain(String::new());
        }
        let back = list_path(ROUTING);
        let link = Link::to(&act_path(command)).with("network", rail.id()).with("back", &back);
        let text = title(self.words, command, false).to_owned();
        Cell { href: Some(link.text()), ..Cell::plain(text) }
    }

    fn rails(&self) -> PortalTable {
        let rows = self.found.rails.iter().map(|rail| {
            let declined = rail.payments(&[DECLINED]);
            let approved = rail.payments(&STANDING);
            let (amount, fee) = rail.standing();
            let currency = rail.raw("currency");
            let shown = |minor: i64| Cell::figure(money(minor.into(), currency));
            vec![
                self.name(rail),
                self.state(rail),
                self.count(rail, &[]),
                self.count(rail, &STANDING),
                self.count(rail, &[DECLINED]),
                self.count(rail, &UNKNOWN),
                Cell::figure(share(approved, approved + declined)),
                Cell::plain(currency.to_owned()),
                shown(amount),
                shown(fee),
                Cell::figure(share(fee, amount)),
                self.act(rail),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let mut columns: Vec<_> = [
            ("routing.rail", false),
            ("column.state", false),
            ("routing.begun", true),
            ("routing.approved", true),
            ("routing.declined", true),
            ("routing.unknown", true),
            ("routing.approved_share", true),
            ("column.currency", false),
            ("routing.amount", true),
            ("routing.fee", true),
            ("routing.fee_share", true),
            ("routing.act", false),
        ]
        .map(|(key, is_figure)| (self.words.get(key), is_figure))
        .into();
        let mut rows = rows;
        if rows.iter().all(|row| row.last().is_none_or(|cell| cell.text.is_empty())) {
            columns.pop();
            rows.iter_mut().for_each(|row| drop(row.pop()));
        }
        PortalTable {
            title: self.words.get("routing.rails"),
            href: Some(Link::to(&list_path("networks")).at(self.pinned).text()),
            note: self.words.get("routing.rails_note").to_owned(),
            columns,
            rows,
            total: None,
            none: self.words.get("routing.no_rails"),
        }
    }

    /// What the clearing files of the day say. `None` for who does not see them.
    fn cleared(&self) -> Option<PortalTable> {
        let rows = self.found.rails.iter().filter_map(|rail| {
            let (lines, amount, fee) = rail.cleared?;
            let currency = rail.raw("currency");
            let shown = |minor: i64| Cell::figure(money(minor.into(), currency));
            let href = (lines > 0).then(|| rail.list("clearing_lines").at(self.pinned).text());
            Some(vec![
                self.name(rail),
                Cell { href, ..Cell::figure(number(lines.into())) },
                Cell::plain(currency.to_owned()),
                shown(amount),
                shown(fee),
                Cell::figure(share(fee, amount)),
            ])
        });
        let rows: Vec<_> = rows.collect();
        let columns = [
            ("routing.rail", false),
            ("routing.lines", true),
            ("column.currency", false),
            ("routing.amount", true),
            ("column.deducted", true),
            ("routing.fee_share", true),
        ];
        (!rows.is_empty()).then(|| PortalTable {
            href: Some(Link::to(&list_path("clearing_lines")).at(self.pinned).text()),
            note: self.words.get("routing.cleared_note").to_owned(),
            ..PortalTable::new(self.words, ("routing.cleared", ""), &columns, rows)
        })
    }

    fn network(&self, id: NetworkId) -> Option<&Rail> {
        let bits = id.0.cast_signed();
        let mut networks = self.found.rails.iter().filter(|one| one.kind == "network");
        networks.find(|one| number_of(&one.row, one.view, "network") == bits)
    }

    /// The latest routings: the network that won, and why the others did not.
    fn routings(&self, purchases: &[BegunPurchase]) -> PortalTable {
        let routed = purchases.iter().rev().filter_map(|one| {
            let PaymentRoute::Card { network, .. } = one.purchase.route else { return None };
            let rail = self.network(network)?;
            let currency = rail.raw("currency");
            let shown = |minor: i128| Cell::figure(money(minor, currency));
            let all = &one.purchase.route_candidates;
            let (cost, saved) = cost_and_saving(all)?;
            let others = all.iter().filter(|one| one.verdict != RouteVerdict::Chosen);
            let others = others.map(|other| {
                let name = self.network(other.network).map(|rail| rail.raw("reference"));
                format!("{}: {}", name.unwrap_or(NOTHING), verdict(self.words, other.verdict))
            });
            let parcel = one.purchase.parcel;
            let payments =
                Link::to(&list_path("payments")).with("parcel", &format!("par_{parcel}"));
            let waybill = switch::waybill::write(parcel);
            let (begin, end) = (waybill.get(..WAYBILL_ENDS), waybill.len() - WAYBILL_ENDS);
            let short = format!("{}…{}", begin.unwrap_or_default(), &waybill[end..]);
            Some(vec![
                Cell {
                    href: Some(payments.at(self.pinned).text()),
                    class: "id",
                    title: Some(waybill),
                    ..Cell::plain(short)
                },
                Cell {
                    href: Some(
                        Link::to(&list_path("commands"))
                            .part(&format!("{}~{}", one.batch, one.command))
                            .at(self.pinned)
                            .text(),
                    ),
                    ..Cell::figure(number(one.batch.into()))
                },
                self.name(rail),
                Cell::plain(currency.to_owned()),
                shown(one.purchase.amount.minor().into()),
                shown(cost),
                shown(saved),
                Cell { class: "wrap", ..Cell::plain(others.collect::<Vec<_>>().join("; ")) },
            ])
        });
        let columns = [
            ("column.parcel", false),
            ("column.batch", true),
            ("routing.won", false),
            ("column.currency", false),
            ("column.amount", true),
            ("routing.cost", true),
            ("routing.saved", true),
            ("routing.others", false),
        ];
        let keys = ("routing.latest", "routing.no_routings");
        let rows = routed.take(ROUTINGS_SHOWN).collect();
        PortalTable {
            note: self.words.get("routing.latest_note").to_owned(),
            ..PortalTable::new(self.words, keys, &columns, rows)
        }
    }
}

fn verdict(words: PageWords, verdict: RouteVerdict) -> &'static str {
    words.get(match verdict {
        RouteVerdict::Chosen => "routing.chosen",
        RouteVerdict::MoreExpensive => "routing.more_expensive",
        RouteVerdict::Down => "routing.down",
        RouteVerdict::Withdrawn => "routing.was_withdrawn",
        RouteVerdict::CardNotAccepted => "routing.card_not_accepted",
        RouteVerdict::TooManyUnknown => "routing.too_many_unknown",
        RouteVerdict::WrongCurrency => "routing.wrong_currency",
    })
}

/// The fee of the network that won, and how much less that is than of the next one that could have
/// taken the payment.
fn cost_and_saving(all: &[RouteCandidate]) -> Option<(i128, i128)> {
    let of = |wanted| all.iter().filter(move |one| one.verdict == wanted);
    let cost = i128::from(of(RouteVerdict::Chosen).next()?.cost.minor());
    let next = of(RouteVerdict::MoreExpensive).map(|one| i128::from(one.cost.minor())).min();
    Some((cost, next.map_or(0, |next| next - cost)))
}

/// Whether a principal sees why a network won, and what it costs.
pub(super) fn sees_routes(principal: &Principal) -> bool {
    let payments = ViewSpec::find("payments");
    let sees = |view| matches!(rows_of(principal, view), Ok(RowsOf::Everyone));
    payments.is_some_and(|view| sees(view) && !hidden(principal, view).contains(&"rail"))
}

/// Why a card payment went to its network. `None` if it was not routed, or for who does not see it.
pub(super) fn why(
    (data, principal): (&Path, &Principal),
    context: &RowContext<'_>,
    row: &PageRow,
    first_batch: i64,
) -> Result<Option<PortalTable>, Problem> {
    let Some(payments) = ViewSpec::find("payments").filter(|_| sees_routes(principal)) else {
        return Ok(None);
    };
    if row.raw_of(payments, "rail_kind") != Some("network") {
        return Ok(None);
    }
    let parcel = payments.place("parcel").map(|place| &row.values[place]);
    let batch = BTreeSet::from([first_batch.cast_unsigned()]);
    let begun = begun_purchases(data, &batch).map_err(Problem::internal)?;
    let mut own =
        begun.iter().filter(|one| parcel == Some(&ViewValue::Parcel(one.purchase.parcel)));
    // Of several in one batch the command does not say which number each got.
    let (Some(one), None) = (own.next(), own.next()) else { return Ok(None) };
    let words = context.words;
    let currency = row.raw_of(payments, "currency").unwrap_or_default();
    let rows = one.purchase.route_candidates.iter().map(|one| {
        let raw = format!("net_{}", one.network);
        let tone = match one.verdict {
            RouteVerdict::Chosen => Some(Tone::Done),
            _ => None,
        };
        vec![
            context.party("networks", one.network.0.cast_signed(), &raw),
            Cell { tone, ..Cell::plain(verdict(words, one.verdict).to_owned()) },
            Cell::figure(money(one.cost.minor().into(), currency)),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let columns = [("routing.network", false), ("routing.verdict", false), ("routing.cost", true)];
    Ok((!rows.is_empty()).then(|| PortalTable {
        note: words.get("routing.why_note").to_owned(),
        ..PortalTable::new(words, ("routing.why", ""), &columns, rows)
    }))
}

/// What all networks are called: those that lost are in no row.
pub(super) fn network_names(
    reader: &mut ViewReader,
    principal: &Principal,
    at: Option<u64>,
) -> Result<PartyNames, ReadViewError> {
    let Some(view) = ViewSpec::find("networks").filter(|_| sees_routes(principal)) else {
        return Ok(PartyNames::new());
    };
    let ask = ListQuery { at, limit: RAILS_READ, ..ListQuery::of(view) };
    let named = reader.list(&ask)?.rows.into_iter().map(|row| {
        let row = page_row(view, row);
        let name = row.raw_of(view, "reference").unwrap_or_default().to_owned();
        ((view.name, number_of(&row, view, "network")), name)
    });
    Ok(named.collect())
}

pub(super) async fn routing(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["at", "min_position"])?;
    let wanted = wanted(&visit.call, &query)?;
    if !sees_routes(&visit.call.caller()?.principal) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let found = read(&app, giver, |reader| find(reader, &principal, wanted.at))?;
        let offset_minutes = offset_at(giver, found.time)?;
        let places: BTreeSet<(u64, u32)> = found.purchases.iter().copied().collect();
        let batches = places.iter().map(|(batch, _)| *batch).collect();
        let mut begun = begun_purchases(&app.data, &batches).map_err(Problem::internal)?;
        begun.retain(|one| places.contains(&(one.batch, one.command)));
        let path = list_path(ROUTING);
        around.nav = nav_groups(words, &readable(&principal), Some(ROUTING), wanted.at);
        around.title = words.get("view.routing").to_owned();
        let shown = (&*path, &[][..]);
        let mut at =
            position(words, &found.position, wanted.at, shown, (found.time, offset_minutes));
        (at.json, at.csv) = (None, None);
        around.position = Some(at);
        let made = Routing {
            words,
            principal: &principal,
            found: &found,
            pinned: wanted.at,
            offset_minutes,
        };
        let tables = [Some(made.rails()), Some(made.routings(&begun)), made.cleared()];
        let page = PortalPage {
            lead: found.day.map(|day| date(words, &day.to_string())).unwrap_or_default(),
            work: Vec::new(),
            flow_title: "",
            flow: Vec::new(),
            is_flow: false,
            tables: tables.into_iter().flatten().collect(),
            parcels: Vec::new(),
            acts: Vec::new(),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}
