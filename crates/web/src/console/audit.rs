//! What an auditor takes home for some days: the files of the journal's range and of the books at
//! its end, and the commands that verify them.

use access::AccessFunction;
use axum::http::StatusCode;
use base16ct::lower::encode_string;
use books::BusinessDate;
use pages::forms::{date, number};
use pages::{ActLink, Cell, HomeTile, Link, PortalPage, PortalTable, list_path, nav_groups};
use views::read::{FilterOperator, ListQuery, RowsOf, VIEWS, ViewFilter};
use views::{RowSpan, ViewValue};

use super::frames::{position, readable};
use super::party_accounts::last_date;
use super::rows::{offset_at, position_at, read};
use super::statement_rows::month_of;
use super::statements::day;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::views::{rows_of, wanted};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const AUDIT_PATH: &str = "/audit";

/// A view of the bundle, with its address as CSV and how many rows it has.
struct BundledView {
    view: &'static str,
    href: String,
    rows: i64,
}

pub(super) async fn bundle(visit: Visit) -> HttpAnswer {
    let known = ["from", "until", "at", "min_position"];
    let query = QueryParameters::read(visit.call.parts.uri.query(), &known)?;
    visit.call.require_all(AccessFunction::Read("exports"))?;
    let asked = (day(&query, "from")?, day(&query, "until")?);
    let wanted = wanted(&visit.call, &query)?;
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let readable = readable(&principal);
        let found = read(&app, giver, |reader| {
            let (at, time) = position_at(reader, wanted.at)?;
            let Some(last_day) = last_date(reader, at.batch)? else { return Ok(None) };
            let until = asked.1.unwrap_or(last_day);
            let from = asked.0.unwrap_or_else(|| month_of(until.min(last_day)));
            let first = reader.first_batch(&from.to_string(), at.batch)?;
            // The batch in which the next day begins can have commands of this one, too.
            let last = reader.first_batch(&until.plus_days(1).to_string(), at.batch)?;
            let last = last.max(first);
            let mut all = Vec::new();
            for view in VIEWS {
                let Ok(scope @ RowsOf::Everyone) = rows_of(&principal, view) else { continue };
                let mut link = Link::to(&format!("{}.csv", list_path(view.name)));
                let mut ask = ListQuery { scope, at: Some(last), ..ListQuery::of(view) };
                if let RowSpan::Since(column) = view.span
                    && view.column(column).is_some_and(|column| column.filter)
                {
                    link = link.with(&format!("{column}.from"), &first.to_string());
                    let operator = FilterOperator::AtLeast(ViewValue::Number(first.cast_signed()));
                    ask.filters.push(ViewFilter { column: column.to_owned(), operator });
                }
                let (totals, _) = reader.totals(&ask, None)?;
                let rows = totals.iter().map(|total| total.rows).sum();
                all.push(BundledView { view: view.name, href: link.at(Some(last)).text(), rows });
            }
            Ok(Some((at, time, last_day, (from, until), (first, last), all)))
        })?;
        let (at, time, last_day, days, (first, last), all) =
            found.ok_or(ProblemKind::NoSuchRecord)?;
        if days.0 > days.1 {
            return Err(Problem::from(ProblemKind::BadQuery).with_field("from"));
        }
        let offset_minutes = offset_at(giver, time)?;
        let pairs = [("from", days.0), ("until", days.1)];
        let pairs = pairs.map(|(name, day)| (name.to_owned(), day.to_string()));
        around.nav = nav_groups(words, &readable, None, wanted.at);
        around.title = words.get("audit.title").to_owned();
        let here = (AUDIT_PATH, &pairs[..]);
        let mut shown = position(words, &at, wanted.at, here, (time, offset_minutes));
        (shown.json, shown.csv) = (None, None);
        around.position = Some(shown);
        let tile = |key: &str, figure: String, about: String| HomeTile {
            title: words.get(key),
            values: vec![(figure, String::new())],
            about,
            href: None,
        };
        let shown = |day: BusinessDate| date(words, &day.to_string());
        let hash = encode_string(&at.hash.bytes()[..]);
        let flow = vec![
            tile("audit.first", number(first.into()), shown(days.0)),
            tile("audit.last", number(last.into()), shown(days.1)),
            tile("audit.head", number(at.written.into()), format!("{} …", &hash[..16])),
            tile("audit.files", number(all.len() as i128), words.get("audit.files_about").into()),
        ];
        let rows = all.into_iter().map(|one| {
            let name = words.entry("view", one.view).unwrap_or_default().to_owned();
            let figure = Cell::figure(number(one.rows.into()));
            vec![Cell { href: Some(one.href), ..Cell::plain(name) }, figure]
        });
        let columns = [("audit.file", false), ("audit.rows", true)];
        let files = PortalTable {
            note: words.fill("audit.files_note", &[("last", &number(last.into()))]),
            ..PortalTable::new(words, ("audit.files", ""), &columns, rows.collect())
        };
        let steps = [
            ("audit.verify", "doorstep verify --data DIR"),
            ("audit.export", "doorstep export --format hledger --data DIR > books.journal"),
            ("audit.check", "hledger -f books.journal check --strict"),
        ];
        let steps = steps.map(|(key, line)| {
            vec![
                Cell::plain(words.get(key).to_owned()),
                Cell { class: "id wrap", ..Cell::plain(line.into()) },
            ]
        });
        let columns = [("audit.step", false), ("audit.command", false)];
        let steps = PortalTable {
            note: words.fill("audit.how_note", &[("hash", &hash)]),
            ..PortalTable::new(words, ("audit.how", ""), &columns, steps.into())
        };
        let before = month_of(last_day).minus_days(1);
        let periods = [
            ("statement.today", (last_day, last_day)),
            ("statement.this_month", (month_of(last_day), last_day)),
            ("statement.last_month", (month_of(before), before)),
        ];
        let acts = periods.map(|(key, of)| ActLink {
            text: words.get(key).to_owned(),
            about: String::new(),
            href: Link::to(AUDIT_PATH)
                .with("from", &of.0.to_string())
                .with("until", &of.1.to_string())
                .at(wanted.at)
                .text(),
            is_next: of == days,
        });
        let page = PortalPage {
            lead: words
                .fill("statement.days", &[("from", &shown(days.0)), ("until", &shown(days.1))]),
            work: Vec::new(),
            flow_title: words.get("audit.range"),
            flow,
            is_flow: true,
            tables: vec![files, steps],
            parcels: Vec::new(),
            acts: acts.into(),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}
