//! What a visitor of a demonstration can make happen: the next business day, by the commands of the
//! calendar, and parcels for the courier's phone.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use engine::Actor;
use pages::phone::PHONE_PATH;
use pages::{ActDonePage, Link, Tone};
use views::ViewSpec;
use views::read::{FilterOperator, ListQuery, RowsOf};

use super::form::Form;
use super::frames::frame;
use super::rows::{page_row, read, with};
use super::second_factor::check_csrf;
use super::{Visit, go_to, html};
use crate::app::{DemoAct, DemoActs, HttpAnswer};
use crate::handlers::views::{rows_of, wait_for, wanted};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::trial_roles::TRIAL_ROLES_PATH;
use crate::words::BilingualText;

pub(super) const NEXT_DAY_PATH: &str = "/demo/next-day";
pub(super) const TOUR_PATH: &str = "/demo/tour";
/// Commands of a day's beginning that are counted.
const COMMANDS_READ: u32 = 1_000;

/// Moves the clock, and goes to what happened. At the new time the session has ended: the same role
/// begins another one.
pub(super) async fn move_on(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let app = visit.call.app.clone();
    let since = happen(&visit, |demo| demo.next_day).await?;
    let actor = visit.call.caller()?.principal.actor;
    let mut roles = app.trial_roles.iter();
    let role = roles.find(|role| actor == Actor::Person(role.person));
    let next = Link::to(NEXT_DAY_PATH).with("since", &since.to_string()).text();
    match role {
        Some(role) => {
            let begin = Link::to(&format!("{TRIAL_ROLES_PATH}{}", role.name));
            go_to(&begin.with("next", &next).text())
        }
        None => go_to(&next),
    }
}

/// Gives the courier parcels, and goes to the courier's phone.
pub(super) async fn new_tour(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    happen(&visit, |demo| demo.tour).await?;
    go_to(&Link::to(&format!("{TRIAL_ROLES_PATH}courier")).with("next", PHONE_PATH).text())
}

async fn happen(visit: &Visit, act: fn(DemoActs) -> DemoAct) -> Result<u64, Problem> {
    let app = &visit.call.app;
    let act = app.demo.clone().map(act).ok_or(ProblemKind::NoSuchPath)?;
    let language = visit.words().0;
    app.workers.run(move |_| act(language)).await?.map_err(|why| {
        let text = BilingualText { en: why.clone().into(), zh: why.into() };
        Problem::new(ProblemKind::DoesNotFit, text)
    })
}

/// What happened since a batch, as far as the role may know it.
pub(super) async fn moved(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["since"])?;
    let since = query.number("since", 0, i64::MAX.cast_unsigned())?.unwrap_or(0);
    let wanted = wanted(&visit.call, &QueryParameters::default())?;
    let (app, words) = (visit.call.app.clone(), visit.words());
    wait_for(&app, wanted).await?;
    let principal = visit.call.caller()?.principal.clone();
    let shared = app.clone();
    let done = app.workers.run(move |giver| {
        let log = ViewSpec::find("commands").ok_or(ProblemKind::NoSuchRecord)?;
        let sees_all = matches!(rows_of(&principal, log), Ok(RowsOf::Everyone));
        let (counts, date) = read(&shared, giver, |reader| {
            let from = FilterOperator::AtLeast(since.saturating_add(1).into());
            let ask = ListQuery { limit: COMMANDS_READ, ..with(log, "batch", from, None) };
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            let mut date = None;
            for row in reader.list(&ask)?.rows {
                let row = page_row(log, row);
                date = date.or_else(|| row.raw_of(log, "date").map(str::to_owned));
                if row.raw_of(log, "by_kind") == Some("system")
                    && let Some(name) = row.raw_of(log, "name")
                {
                    *counts.entry(name.to_owned()).or_default() += 1;
                }
            }
            Ok((counts, date))
        })?;
        counts_page(&visit, (since, sees_all), &counts, date.as_deref(), words)
    });
    done.await?
}

fn counts_page(
    visit: &Visit,
    (since, sees_all): (u64, bool),
    counts: &BTreeMap<String, usize>,
    date: Option<&str>,
    words: pages::PageWords,
) -> HttpAnswer {
    let call = &visit.call;
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), NEXT_DAY_PATH);
    around.title = words.get("demo.next_day").to_owned();
    let told = ["ReleaseDue", "PlanCycle"];
    let said = counts.iter().filter(|(name, _)| told.contains(&name.as_str()));
    let mut said: Vec<String> = said
        .map(|(name, count)| {
            format!("{}: {}", words.command(name), pages::forms::number(*count as i128))
        })
        .collect();
    if said.is_empty() {
        said.push(words.get("demo.nothing_due").to_owned());
    }
    let mut links = vec![(words.get("nav.home").to_owned(), "/".to_owned())];
    if sees_all {
        let first = since.saturating_add(1).to_string();
        let commands = Link::to("/commands").with("batch.from", &first).text();
        links.push((words.get("demo.see_commands").to_owned(), commands));
        let plans = Link::to("/plans").with("state", "planned").text();
        links.push((words.get("home.plans").to_owned(), plans));
    }
    let date = date.map(|date| pages::forms::date(words, date)).unwrap_or_default();
    let page = ActDonePage {
        tone: Tone::Done,
        notice: words.fill("demo.moved", &[("date", &date)]),
        said,
        code: None,
        entries: Vec::new(),
        events: Vec::new(),
        links,
        frame: around,
    };
    html(&page, StatusCode::OK)
}
