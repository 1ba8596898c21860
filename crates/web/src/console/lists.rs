//! The list of a view as a page.

use access::AccessFunction;
use axum::http::StatusCode;
use pages::{ListPage, ListRequest, RowContext, list_path, nav_groups};
use views::ViewSpec;
use views::read::{ListQuery, ReadViewError};

use super::act_table::of_list;
use super::form::{Form, list_address};
use super::frames::{position, readable};
use super::rows::{ROWS, names, offset_at, page_row, person_names, read, time_of};
use super::{Visit, go_to, html, twin};
use crate::app::HttpAnswer;
use crate::cursor::Cursor;
use crate::handlers::views::{
    AskedPage, filters, hidden, named_parties, parties, right, seen_parameters,
};
use crate::operations::Action;
use crate::problem::Problem;
use crate::query::QueryParameters;

pub(super) async fn list(visit: Visit, view: &'static ViewSpec) -> HttpAnswer {
    let path = visit.call.parts.uri.path();
    for (media, end) in [("application/json", ".json"), ("text/csv", ".csv")] {
        if path.ends_with(end) {
            return twin(
                visit,
                media,
                |action| matches!(action, Action::List(other) if other.name == view.name),
            )
            .await;
        }
    }
    let accept = visit.call.accepted(&["text/html", "application/json"])?;
    if accept == "application/json" {
        let is_list = |action| matches!(action, Action::List(other) if other.name == view.name);
        return twin(visit, accept, is_list).await;
    }
    let text = visit.call.parts.uri.query().unwrap_or_default().to_owned();
    visit.call.require(AccessFunction::Read(right(view.name)))?;
    let principal = visit.call.caller()?.principal.clone();
    if text.split('&').any(|pair| pair == "form=1") {
        let form = Form::read(&text)?;
        let currency = visit.call.app.workers.run(|giver| main_currency(giver)).await??;
        return go_to(&list_address(&list_path(view.name), view, &form, &currency));
    }
    let hidden = hidden(&principal, view);
    let known = [seen_parameters(view, &hidden), vec!["unread"]].concat();
    let query = QueryParameters::read(Some(&text), &known)?;
    let unread = query.get("unread").and_then(|text| text.split_once(':'));
    let unread = unread.map(|(column, texts)| (column.to_owned(), texts.to_owned()));
    // It is of this page only: the next one asks for the same list without it.
    let pairs: Vec<_> = query.iter().filter(|(name, _)| *name != "unread").collect();
    let query = QueryParameters::with(&pairs);
    let AskedPage { wanted, question, list } = AskedPage::of(&visit.call, view, &query, &hidden)?;
    let (pinned, is_first) = (query.number("at", 0, u64::MAX)?, list.after.is_none());
    let has_session = visit.call.caller()?.session.is_some();
    let words = visit.words();
    let (app, _, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let known = parties(giver, named_parties(view, &query))?;
        let ask = ListQuery { filters: filters(view, &query, &known)?, limit: ROWS, ..list };
        let (rows, next, found, names, time) = read(&app, giver, |reader| {
            let page = reader.list(&ask)?;
            let rows = page.rows.into_iter().map(|row| page_row(view, row));
            let rows: Vec<_> = rows.collect();
            let at = Some(page.position.batch);
            let names = names(reader, &principal, &[(view, &rows)], at)?;
            let time = time_of(reader, &page.position)?;
            Ok::<_, ReadViewError>((rows, page.next, page.position, names, time))
        })?;
        let mut names = names;
        names.extend(person_names(giver, &principal));
        let offset_minutes = offset_at(giver, time)?;
        let at = found.batch;
        let next = next.map(|after| app.cursors.write(&question, &Cursor { after, at }));
        let readable = readable(&principal);
        let context =
            RowContext { words, names: &names, readable: &readable, at: pinned, offset_minutes };
        let pairs = query.iter().filter(|(name, _)| !["cursor", "limit"].contains(name));
        let pairs: Vec<_> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let currency = query.get("currency").map(str::to_owned);
        let currency = currency.map_or_else(|| main_currency(giver), Ok)?;
        let path = list_path(view.name);
        let without_at: Vec<_> = pairs.iter().filter(|(name, _)| name != "at").cloned().collect();
        around.title = words.entry("view", view.name).unwrap_or_default().to_owned();
        around.nav = nav_groups(words, &readable, Some(view.name), pinned);
        let here = (&*path, &*without_at);
        around.position = Some(position(words, &found, pinned, here, (time, offset_minutes)));
        let request = ListRequest {
            view,
            hidden: &hidden,
            query: &pairs,
            rows: &rows,
            next,
            is_first,
            unread,
            currency,
        };
        let mut page = ListPage::new(around, &request, &context);
        if pinned.is_none() && has_session {
            page.acts = of_list(words, &principal, view);
            let link = |key: &str, href: &str| pages::ActLink {
                text: words.get(key).to_owned(),
                about: String::new(),
                href: href.to_owned(),
                is_next: false,
            };
            if view.name == "offers" {
                if super::act_table::may(&principal, "DraftOffer") {
                    page.acts.push(link("import.offers_title", super::imports::OFFERS_PATH));
                }
                page.acts.push(link("import.export", crate::handlers::OFFER_FILE_PATH));
            }
            if view.name == "promotions" && super::market::sees_all(&principal) {
                page.acts.push(link("preview.title", super::market::PREVIEW_PATH));
            }
            if view.name == "breaks" {
                page.acts.extend(super::closings::link(words, &principal));
            }
        }
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// The currency in which amounts of a form are read, unless it says another: the books' first one.
fn main_currency(giver: &office::SignedInGiver) -> Result<String, Problem> {
    let look = |engine: &engine::Engine| {
        engine.books().currencies().next().map(|currency| currency.code().to_owned())
    };
    Ok(giver.client.look_ahead(look).map_err(Problem::internal)?.unwrap_or_default())
}
