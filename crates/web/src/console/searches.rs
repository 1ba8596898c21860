//! The search as a page: results by view.

use access::AccessFunction;
use axum::http::StatusCode;
use pages::{DetailPage, FoundGroup, RowContext, SearchPage, nav_groups};
use reports::BREAK_PREFIX;
use switch::waybill;
use views::ViewSpec;
use views::read::ReadViewError;

use super::frames::{position, readable};
use super::rows::{names, offset_at, page_row, read, time_of};
use super::{Visit, go_to, html};
use crate::app::HttpAnswer;
use crate::handlers::views::{rows_of, wanted};
use crate::query::QueryParameters;

/// Columns that tell what was found from its likes.
const TELLING: [&str; 5] = ["state", "seller", "firm", "owner", "currency"];

pub(super) async fn search(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["q", "at", "min_position"])?;
    visit.call.require(AccessFunction::Read("search"))?;
    let wanted = wanted(&visit.call, &query)?;
    let text = query.get("q").unwrap_or_default().trim().to_owned();
    // A waybill names one parcel.
    let asked = match waybill::read(text.as_bytes()) {
        Ok(parcel) => parcel.to_string(),
        Err(_) => text.strip_prefix("par_").unwrap_or(&text).to_owned(),
    };
    let principal = visit.call.caller()?.principal.clone();
    // A break is found by its number, as lists write it.
    let is_break = text.strip_prefix(BREAK_PREFIX).is_some_and(|id| id.parse::<u64>().is_ok());
    if is_break && readable(&principal).contains(&"breaks") {
        return go_to(
            &pages::Link::to(&pages::list_path("breaks")).part(&text).at(wanted.at).text(),
        );
    }
    let words = visit.words();
    let (app, _, mut around) = visit.open(wanted).await?;
    around.search.clone_from(&text);
    let done = visit.call.app.workers.run(move |giver| {
        let (groups, names, found, time) = read(&app, giver, |reader| {
            let scope = |view: &'static ViewSpec| rows_of(&principal, view).ok();
            let (hits, found) = match asked.is_empty() {
                true => (Vec::new(), reader.position()?),
                false => reader.search(&asked, scope, wanted.at)?,
            };
            let mut groups: Vec<(&'static ViewSpec, Vec<_>)> = Vec::new();
            for hit in hits {
                let row = page_row(hit.view, hit.row);
                match groups.last_mut().filter(|(view, _)| view.name == hit.view.name) {
                    Some((_, rows)) => rows.push(row),
                    None => groups.push((hit.view, vec![row])),
                }
            }
            let of: Vec<_> = groups.iter().map(|(view, rows)| (*view, &rows[..])).collect();
            let names = names(reader, &principal, &of, Some(found.batch))?;
            let time = time_of(reader, &found)?;
            Ok::<_, ReadViewError>((groups, names, found, time))
        })?;
        let offset_minutes = offset_at(giver, time)?;
        let (readable, at) = (readable(&principal), wanted.at);
        let context = RowContext { words, names: &names, readable: &readable, at, offset_minutes };
        let all: Vec<_> = groups.iter().flat_map(|(_, rows)| rows).collect();
        // One parcel was named: there it is.
        if let ([(view, rows)], [_]) = (&groups[..], &all[..]) {
            return go_to(&context.page_of(view, &rows[0]));
        }
        let count = pages::forms::number(all.len() as i128);
        let shown = groups.iter().map(|(view, rows)| FoundGroup {
            title: words.entry("view", view.name).unwrap_or_default(),
            hits: rows
                .iter()
                .map(|row| {
                    let about = TELLING.iter().filter_map(|name| view.place(name));
                    let about = about.map(|place| context.cell(view, row, place).text);
                    // The parcel of an order is what people look for.
                    let page = match ViewSpec::find("parcels").filter(|_| view.name == "orders") {
                        Some(parcels) => {
                            let key = pages::row_key(view, row);
                            pages::Link::to(&pages::list_path(parcels.name))
                                .part(&key)
                                .at(at)
                                .text()
                        }
                        None => context.page_of(view, row),
                    };
                    (
                        DetailPage::name_of(&context, view, row),
                        about.collect::<Vec<_>>().join(" · "),
                        page,
                    )
                })
                .collect(),
        });
        let shown: Vec<FoundGroup> = shown.collect();
        around.title = words.get("search.title").to_owned();
        around.nav = nav_groups(words, &readable, None, at);
        let pairs = [("q".to_owned(), text.clone())];
        let here = ("/search", &pairs[..]);
        around.position = Some(position(words, &found, at, here, (time, offset_minutes)));
        if let Some(position) = &mut around.position {
            (position.json, position.csv) = (None, None);
        }
        let values: [(&str, &dyn std::fmt::Display); 2] = [("count", &count), ("text", &text)];
        let found = match (text.is_empty(), all.is_empty()) {
            (true, _) => None,
            (false, true) => Some(words.fill("search.none", &[("text", &text)])),
            (false, false) => Some(words.fill("search.found", &values)),
        };
        html(&SearchPage { frame: around, groups: shown, found }, StatusCode::OK)
    });
    done.await?
}
