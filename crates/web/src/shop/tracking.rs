//! Where a parcel is, as a page for the holder of its link.

use axum::http::StatusCode;
use pages::forms::{date, money};
use pages::shop::{TrackingPage, parcel_state, price};
use serde_json::Value;

use super::cart::ShopCart;
use crate::app::{Call, HttpAnswer};
use crate::console::html;
use crate::console::page_of_call;
use crate::problem::Problem;

/// The page of what a link shows as JSON, or why there is nothing.
pub(crate) async fn page(call: &Call, found: Result<Value, Problem>) -> HttpAnswer {
    let mut frame = page_of_call(call);
    let words = frame.words;
    let units =
        ShopCart::of(&call.parts.headers, &call.app.store).map_or(0, |(cart, _)| cart.units());
    let found = match found {
        Ok(found) => found,
        Err(problem) => return super::said(frame, units, &problem),
    };
    frame.title = words.get("shop.tracking").to_owned();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let currency = text("currency");
    let amount = |name: &str| found[name].as_u64().unwrap_or(0);
    let (state, lead, tone) = parcel_state(words, &text("state"));
    let shown = |minor: u64| format!("{} {currency}", price(minor, &currency));
    let day = |name: &str| date(words, text(name).get(..10).unwrap_or_default());
    let is_due = matches!(&*text("state"), "announced" | "assigned" | "out");
    let mut facts = vec![(words.get("shop.seller"), text("seller"))];
    if is_due {
        facts.push((words.get("shop.due"), shown(amount("due"))));
    } else {
        facts.push((words.get("shop.kept"), shown(amount("kept"))));
    }
    if amount("owed") > 0 {
        facts.push((words.get("shop.owed"), shown(amount("owed"))));
    }
    facts.push((words.get("shop.placed"), day("placed")));
    if !found["delivered"].is_null() {
        facts.push((words.get("shop.delivered"), day("delivered")));
    }
    let contents: Vec<(Option<market::VariantId>, String, String, u64)> = found["units"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|unit| {
            let part = |name: &str| unit[name].as_str().unwrap_or_default();
            let state = match part("state") {
                "kept" => words.get("shop.unit_kept"),
                "refused" => words.get("shop.unit_refused"),
                "lost" => words.get("shop.unit_lost"),
                _ => words.get("shop.unit_back"),
            };
            let variant = super::variant_of(part("variant"));
            (variant, part("sku").to_owned(), state.to_owned(), unit["price"].as_u64().unwrap_or(0))
        })
        .collect();
    let variants: Vec<_> = contents.iter().map(|(variant, ..)| *variant).collect();
    let app = call.app.clone();
    let titles = call.app.workers.run(move |giver| {
        let look = move |engine: &engine::Engine| {
            let content = |id: &Option<market::VariantId>| {
                let offer = engine.market().variant_view((*id)?)?.offer;
                Some(engine.market().offer_view(offer)?.content)
            };
            variants.iter().map(content).collect::<Vec<_>>()
        };
        let contents = giver.client.query(look).map_err(Problem::internal)?.0;
        let title = |content: Option<_>| {
            let Some(content) = content else { return Ok(String::new()) };
            let text = app.listings.with(|store| store.get(content))?;
            Ok::<_, Problem>(text.map(|text| text.title).unwrap_or_default())
        };
        contents.into_iter().map(title).collect::<Result<Vec<_>, _>>()
    });
    let titles = titles.await??;
    let lines = contents.into_iter().zip(titles).map(|((_, sku, state, minor), title)| {
        (title, format!("{sku} · {} {currency}", money(minor.into(), &currency)), state)
    });
    let page = TrackingPage {
        units,
        tone,
        state,
        lead,
        facts,
        lines: lines.collect(),
        parcel: text("parcel"),
        frame,
    };
    html(&page, StatusCode::OK)
}
