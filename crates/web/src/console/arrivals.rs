//! Reconciliation now: the lanes side by side, and what is to arrive in files. It is what
//! `doorstep recon status` prints.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use axum::http::StatusCode;
use office::socket::SentLine;
use pages::forms::{date, money, number};
use pages::{
    Cell, HomeTile, OpenWork, PageWords, PortalPage, PortalTable, Tone, list_path, nav_groups,
};
use reports::{Arrival, ArrivalState, overdue_files};
use serde_json::Value;

use super::frames::{frame, readable};
use super::{Visit, closings, html};
use crate::app::{App, HttpAnswer};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const ARRIVALS: &str = "arrivals";
/// Rows of what is to arrive: more are for the command line.
const ROWS_SHOWN: usize = 500;

/// What is overdue, as the lines of the first page that lead to this one.
pub(super) fn overdue_work(words: PageWords, app: &App) -> Vec<OpenWork> {
    let known = app.overdue.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = known.unwrap_or_default();
    let of = |state: ArrivalState| known.iter().filter(move |one| one.state == state);
    let late: u64 = of(ArrivalState::Late).map(|one| u64::from(one.items)).sum();
    let line = |what: &str, count: i128, of: &mut dyn Iterator<Item = &Arrival>| OpenWork {
        tone: Tone::Act,
        what: words.get(what),
        count: number(count),
        sum: sums(of),
        href: list_path(ARRIVALS),
    };
    let missing = overdue_files(&known).len() as i128;
    let missing = line("arrivals.missing_files", missing, &mut of(ArrivalState::MissingFile));
    let late = line("arrivals.late_items", late.into(), &mut of(ArrivalState::Late));
    [missing, late].into_iter().filter(|one| one.count != number(0)).collect()
}

/// What is to arrive, by currency.
fn sums(arrivals: &mut dyn Iterator<Item = &Arrival>) -> String {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for one in arrivals {
        *sums.entry(one.currency).or_default() += one.amount;
    }
    let sums = sums.iter().filter(|(_, sum)| **sum != 0);
    let sums = sums.map(|(currency, sum)| format!("{} {currency}", money(*sum, currency)));
    sums.collect::<Vec<_>>().join(", ")
}

pub(super) async fn arrivals(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let principal = visit.call.caller()?.principal.clone();
    let readable = readable(&principal);
    if !readable.contains(&ARRIVALS) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let (words, by) = (visit.words(), principal.actor);
    let (lines, language) = (visit.call.app.lines.clone(), words.0);
    let done = visit.call.app.workers.run(move |_| {
        let arguments = ["recon", "status", "--json"].map(str::to_owned);
        let line = SentLine { arguments: &arguments, columns: 0, language, by, sellers: None };
        lines.look(&line)
    });
    let printed = done.await?.map_err(Problem::internal)?;
    if !printed.succeeded {
        return Err(Problem::internal(printed.errors));
    }
    let status: Value = serde_json::from_str(&printed.output).map_err(Problem::internal)?;
    let path = list_path(ARRIVALS);
    let mut around = frame(&visit.call.app, visit.preferences, visit.call.caller.as_ref(), &path);
    around.nav = nav_groups(words, &readable, Some(ARRIVALS), None);
    around.title = words.get("view.arrivals").to_owned();
    let made = Made { words, status: &status };
    let page = PortalPage {
        lead: words.get("arrivals.lead").to_owned(),
        work: Vec::new(),
        flow_title: words.get("arrivals.items"),
        flow: made.tiles(),
        is_flow: false,
        tables: vec![made.lanes(), made.arrivals()],
        parcels: Vec::new(),
        acts: closings::link(words, &principal).into_iter().collect(),
        frame: around,
    };
    html(&page, StatusCode::OK)
}

/// Makes the tables.
struct Made<'s> {
    words: PageWords,
    status: &'s Value,
}

impl Made<'_> {
    fn rows(&self, of: &str) -> &[Value] {
        self.status[of].as_array().map_or(&[], Vec::as_slice)
    }

    fn name(&self, group: &str, of: &Value) -> String {
        let name = of.as_str().unwrap_or_default();
        self.words.entry(group, name).unwrap_or(name).to_owned()
    }

    fn date(&self, of: &Value) -> Cell {
        Cell::plain(of.as_str().map(|day| date(self.words, day)).unwrap_or_default())
    }

    /// How many items there are in each state.
    fn tiles(&self) -> Vec<HomeTile> {
        let states = ["missing_file", "late", "due_today", "awaited"];
        let tile = |state: &str| {
            let of = self.rows("arrivals").iter().filter(|one| one["state"] == state);
            let items = of.filter_map(|one| one["items"].as_i64()).map(i128::from).sum();
            HomeTile {
                title: self.words.entry("arrivals.state", state).unwrap_or_default(),
                values: vec![(number(items), String::new())],
                about: String::new(),
                href: None,
            }
        };
        states.into_iter().map(tile).collect()
    }

    fn lanes(&self) -> PortalTable {
        let rows = self.rows("side_by_side").iter().map(|one| {
            vec![
                Cell::plain(self.name("arrivals.kind", &one["kind"])),
                text(&one["name"]),
                self.date(&one["until"]),
                figure(&one["open"]),
                text(&one["currency"]),
                sum(one),
                figure(&one["oldest_days"]),
                figure(&one["due_today"]),
                figure(&one["overdue"]),
                figure(&one["breaks"]),
            ]
        });
        let columns = [
            ("arrivals.lane", false),
            ("arrivals.sender", false),
            ("arrivals.files_until", false),
            ("arrivals.items", true),
            ("column.currency", false),
            ("column.amount", true),
            ("arrivals.oldest_days", true),
            ("arrivals.due_today", true),
            ("arrivals.overdue", true),
            ("arrivals.breaks", true),
        ];
        PortalTable {
            href: Some(list_path("files")),
            ..PortalTable::new(
                self.words,
                ("arrivals.side_by_side", "arrivals.no_lanes"),
                &columns,
                rows.collect(),
            )
        }
    }

    /// What is overdue first.
    fn arrivals(&self) -> PortalTable {
        let rows = self.rows("arrivals").iter().take(ROWS_SHOWN).map(|one| {
            vec![
                Cell::plain(self.name("arrivals.state", &one["state"])),
                Cell::plain(self.name("arrivals.kind", &one["lane"])),
                text(&one["sender"]),
                Cell::plain(self.name("arrivals.what", &one["kind"])),
                self.date(&one["file_day"]),
                self.date(&one["due"]),
                figure(&one["age_days"]),
                figure(&one["items"]),
                text(&one["currency"]),
                sum(one),
            ]
        });
        let columns = [
            ("column.state", false),
            ("arrivals.lane", false),
            ("arrivals.sender", false),
            ("arrivals.what_title", false),
            ("arrivals.file_of", false),
            ("arrivals.due", false),
            ("arrivals.oldest_days", true),
            ("arrivals.items", true),
            ("column.currency", false),
            ("column.amount", true),
        ];
        let keys = ("arrivals.to_arrive", "arrivals.nothing");
        PortalTable::new(self.words, keys, &columns, rows.collect())
    }
}

fn text(of: &Value) -> Cell {
    Cell::plain(of.as_str().unwrap_or_default().to_owned())
}

fn figure(of: &Value) -> Cell {
    Cell::figure(number(of.as_i64().unwrap_or_default().into()))
}

fn sum(of: &Value) -> Cell {
    let (amount, currency) = (of["amount"].as_i64(), of["currency"].as_str());
    Cell::figure(money(amount.unwrap_or_default().into(), currency.unwrap_or_default()))
}
