//! Lists of offers, and one offer.

use axum::http::StatusCode;
use books::{SellerKind, Sha256Digest};
use engine::{Engine, Timestamp};
use listings::{OfferText, PictureSize};
use market::{CategoryId, OfferId, OfferState, ReferencePriceRule, SellingTerms, VariantId};
use money::{Amount, Currency};
use node::{Clock, SystemClock};
use pages::shop::{OfferPage, ShopListPage, VariantChoice, WareCard};
use pages::{Link, PageWords};
use policy::TextVerdict;

use super::cart::ShopCart;
use super::labels::{of_promotion, plain};
use super::pictures::address;
use super::{SHOP_PATH, ShopVisit, refresh};
use crate::app::{App, HttpAnswer};
use crate::console::html;
use crate::limits::{SEARCH_CHARACTERS_MAX, SHOP_PAGE_OFFERS, SHOP_PAGES_MAX};
use crate::prefixes::without_prefix;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// Fewer units than this are counted for the buyer.
const FEW_UNITS: u32 = 10;
/// Promotions beside an offer in a list.
const TAGS_MAX: usize = 2;

/// A variant as a page shows it.
#[derive(Clone)]
pub(super) struct VariantLook {
    pub id: VariantId,
    pub sku: String,
    pub price: Amount,
    pub reference: Option<Amount>,
    pub left: u32,
    pub flash: Option<(Amount, u32)>,
}

/// An offer that is listed, as the books say it now.
#[derive(Clone)]
pub(super) struct OfferLook {
    pub offer: OfferId,
    pub content: Sha256Digest,
    pub currency: Currency,
    pub seller: String,
    pub terms: SellingTerms,
    pub variants: Vec<VariantLook>,
    pub tags: Vec<String>,
    pub labels: Vec<String>,
}

/// The offers of these that a buyer can see: listed, by sellers who are admitted and not stopped,
/// with texts that the policy shows.
pub(super) fn look(engine: &Engine, offers: &[OfferId], words: PageWords) -> Vec<OfferLook> {
    let at = SystemClock.now().max(engine.last_at());
    let (market, books) = (engine.market(), engine.books());
    let mut promotions = market.promotions_now(at);
    let seen = offers.iter().filter_map(|&offer| {
        let known = market.offer_view(offer).filter(|one| one.state == OfferState::Listed)?;
        let labels = labels(engine, offer, known.content, at)?;
        let terms = market.selling_terms(known.seller, known.currency, at)?;
        if books.is_seller_suspended(known.seller) {
            return None;
        }
        let rule = books.seller_jurisdiction(known.seller).and_then(ReferencePriceRule::of);
        let variants = market.shown_variants(offer, rule, at).into_iter().map(|one| VariantLook {
            id: one.variant.variant,
            sku: one.variant.sku.to_owned(),
            price: one.variant.price,
            reference: one.reference,
            left: one.left,
            flash: one.flash,
        });
        Some(OfferLook {
            offer,
            content: known.content,
            currency: known.currency,
            seller: books.seller_reference(known.seller).unwrap_or_default().to_owned(),
            terms,
            variants: variants.collect(),
            tags: promotions.of(offer).into_iter().map(|one| of_promotion(words, one)).collect(),
            labels,
        })
    });
    seen.collect()
}

/// The text of an offer in any state, unless the policy stops it.
pub(super) fn shown_content(engine: &Engine, offer: OfferId) -> Option<Sha256Digest> {
    let content = engine.market().offer_view(offer)?.content;
    labels(engine, offer, content, SystemClock.now().max(engine.last_at())).map(|_| content)
}

/// What stands beside a text by its rules. `None` if the policy does not show the text.
fn labels(
    engine: &Engine,
    offer: OfferId,
    content: Sha256Digest,
    at: Timestamp,
) -> Option<Vec<String>> {
    let policy = engine.policy();
    let Some(date) = engine.books().business_date(at) else { return Some(Vec::new()) };
    let decision = policy.standing(offer, content).filter(|decision| decision.stands(date));
    let Some(decision) = decision else { return Some(Vec::new()) };
    if !decision.verdict.is_shown() {
        return None;
    }
    if decision.verdict != TextVerdict::Labelled {
        return Some(Vec::new());
    }
    let rules = decision.rules.iter().filter_map(|rule| policy.rule_of(decision, rule));
    Some(rules.map(|(_, rule)| rule.text.clone()).collect())
}

pub(super) fn texts(
    app: &App,
    offers: Vec<OfferLook>,
) -> Result<Vec<(OfferLook, OfferText)>, Problem> {
    let mut found = Vec::with_capacity(offers.len());
    for one in offers {
        // Without its text, an offer has no name.
        if let Some(text) = app.listings.with(|store| store.get(one.content))? {
            found.push((one, text));
        }
    }
    Ok(found)
}

pub(super) fn picture(text: &OfferText, size: PictureSize) -> String {
    let first = text.pictures.first();
    first.map(|picture| address(&picture.to_string(), size)).unwrap_or_default()
}

pub(super) fn offer_path(offer: OfferId) -> String {
    format!("{SHOP_PATH}/offers/off_{offer}")
}

fn card(words: PageWords, (look, text): (OfferLook, OfferText)) -> Option<WareCard> {
    let cheapest = look.variants.iter().min_by_key(|one| one.price)?;
    let left: u32 = look.variants.iter().map(|one| one.left).fold(0, u32::saturating_add);
    let stock = match left {
        0 => Some(words.get("shop.sold_out").to_owned()),
        left if left < FEW_UNITS => Some(words.fill("shop.few_left", &[("n", &left)])),
        _ => None,
    };
    Some(WareCard {
        href: offer_path(look.offer),
        picture: picture(&text, PictureSize::Small),
        title: text.title,
        language: text.language,
        price: plain(cheapest.price, look.currency),
        is_least: look.variants.iter().any(|one| one.price > cheapest.price),
        reference: cheapest.reference.map(|reference| plain(reference, look.currency)),
        currency: look.currency.to_string(),
        tags: look.tags.into_iter().take(TAGS_MAX).collect(),
        seller: look.seller,
        stock,
    })
}

pub(super) async fn list(visit: ShopVisit) -> HttpAnswer {
    let ShopVisit { visit, cart, .. } = &visit;
    let query = visit.call.parts.uri.query();
    let query = QueryParameters::read(query, &["q", "category", "page"])?;
    let text: String =
        query.get("q").unwrap_or_default().trim().chars().take(SEARCH_CHARACTERS_MAX).collect();
    let page = query.number("page", 1, SHOP_PAGES_MAX)?.unwrap_or(1);
    let wanted = query.get("category").map(|id| {
        let plain = without_prefix("CategoryId", id).unwrap_or(id);
        plain.parse::<CategoryId>().map_err(|_| Problem::from(ProblemKind::NoSuchRecord))
    });
    let wanted = wanted.transpose()?;
    let (app, words, searched) = (visit.call.app.clone(), visit.preferences.words, text.clone());
    let found = visit.call.app.workers.run(move |giver| {
        refresh(&app, giver)?;
        let shop = app.shop.as_ref().ok_or(ProblemKind::NoSuchPath)?;
        let catalogue = shop.catalogue();
        let skipped = usize::try_from(page - 1).unwrap_or(0) * SHOP_PAGE_OFFERS;
        let (count, offers) = catalogue.find(&searched, wanted, (skipped, SHOP_PAGE_OFFERS));
        let categories = catalogue.categories();
        drop(catalogue);
        let seen = giver.client.query(move |engine| look(engine, &offers, words));
        let seen = texts(&app, seen.map_err(Problem::internal)?.0)?;
        Ok::<_, Problem>((count, seen, categories))
    });
    let (count, seen, categories) = found.await??;
    let link = |category: Option<CategoryId>, page: u64| {
        let mut link = Link::to(SHOP_PATH);
        if !text.is_empty() {
            link = link.with("q", &text);
        }
        if let Some(category) = category {
            link = link.with("category", &format!("cat_{category}"));
        }
        if page > 1 {
            link = link.with("page", &page.to_string());
        }
        link.text()
    };
    let shop = visit.call.app.shop.as_ref().ok_or(ProblemKind::NoSuchPath)?;
    let named = |id: CategoryId| shop.category_name(words, id);
    let mut chips: Vec<(String, String, bool)> = categories
        .into_keys()
        .map(|id| (link(Some(id), 1), named(id), wanted == Some(id)))
        .collect();
    if !chips.is_empty() {
        let all = words.get("shop.all_categories").to_owned();
        chips.insert(0, (link(None, 1), all, wanted.is_none()));
    }
    let shown = u64::try_from(SHOP_PAGE_OFFERS).unwrap_or(u64::MAX);
    let has_more = page * shown < count as u64;
    let mut frame = super::frame(visit);
    frame.title = wanted.map_or_else(|| words.get("shop.title").to_owned(), named);
    frame.search.clone_from(&text);
    let count = pages::forms::number(i128::try_from(count).unwrap_or(0));
    let found = match text.is_empty() {
        true => words.fill("shop.found", &[("n", &count)]),
        false => words.fill("shop.found_by", &[("n", &count), ("q", &text)]),
    };
    let page = ShopListPage {
        frame,
        units: cart.units(),
        found,
        categories: chips,
        wares: seen.into_iter().filter_map(|one| card(words, one)).collect(),
        earlier: (page > 1).then(|| link(wanted, page - 1)),
        later: (has_more && page < SHOP_PAGES_MAX).then(|| link(wanted, page + 1)),
    };
    html(&page, StatusCode::OK)
}

pub(super) async fn one(visit: ShopVisit) -> HttpAnswer {
    QueryParameters::read(visit.visit.call.parts.uri.query(), &[])?;
    let id = visit.visit.call.path_part(2)?;
    let id = without_prefix("OfferId", &id).unwrap_or(&id);
    let id: OfferId = id.parse().map_err(|_| ProblemKind::NoSuchRecord)?;
    shown(&visit, id, None, StatusCode::OK).await
}

/// The page of an offer, with what is wrong. Another one where it is not sold now.
pub(super) async fn shown(
    visit: &ShopVisit,
    id: OfferId,
    error: Option<String>,
    status: StatusCode,
) -> HttpAnswer {
    let ShopVisit { visit: of, cart, .. } = visit;
    let (app, words) = (of.call.app.clone(), of.preferences.words);
    let found = of.call.app.workers.run(move |giver| {
        refresh(&app, giver)?;
        let look = move |engine: &Engine| {
            (look(engine, &[id], words), engine.market().offer_view(id).is_some())
        };
        let (seen, is_known) = giver.client.query(look).map_err(Problem::internal)?.0;
        Ok::<_, Problem>((texts(&app, seen)?.pop(), is_known))
    });
    let (found, is_known) = found.await??;
    let Some((look, text)) = found else {
        return match is_known {
            true => super::message(of, cart, "shop.gone_title", "shop.gone", StatusCode::GONE),
            false => Err(ProblemKind::NoSuchRecord.into()),
        };
    };
    let mut frame = super::frame(of);
    frame.title.clone_from(&text.title);
    html(&page(frame, cart, (look, text), error), status)
}

fn page(
    frame: pages::PageFrame,
    cart: &ShopCart,
    (look, text): (OfferLook, OfferText),
    error: Option<String>,
) -> OfferPage {
    let words = frame.words;
    let kind = match look.terms.kind {
        SellerKind::Business => "shop.business",
        SellerKind::Individual => "shop.individual",
    };
    let first = look.variants.iter().position(|one| one.left > 0);
    let currency = look.currency;
    let variants = look.variants.iter().enumerate().map(|(place, one)| {
        let mut note = match one.left {
            0 => words.get("shop.sold_out").to_owned(),
            left if left < FEW_UNITS => words.fill("shop.few_left", &[("n", &left)]),
            _ => words.get("shop.in_stock").to_owned(),
        };
        if let Some((price, left)) = one.flash {
            let price = plain(price, currency);
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("price", &price), ("currency", &currency), ("n", &left)];
            note = format!("{} · {note}", words.fill("shop.flash", &values));
        }
        VariantChoice {
            id: format!("var_{}", one.id),
            sku: one.sku.clone(),
            price: plain(one.price, currency),
            reference: one.reference.map(|reference| plain(reference, currency)),
            note,
            can_buy: one.left > 0,
            is_chosen: first == Some(place),
        }
    });
    let captions = text.captions.iter().map(String::as_str).chain(std::iter::repeat(""));
    let pictures = text.pictures.iter().zip(captions).map(|(picture, caption)| {
        (address(&picture.to_string(), PictureSize::Large), caption.to_owned())
    });
    let fee = plain(look.terms.delivery_fee, currency);
    let terms: [(&str, &dyn std::fmt::Display); 3] =
        [("fee", &fee), ("currency", &currency), ("n", &look.terms.return_days)];
    OfferPage {
        units: cart.units(),
        offer: format!("off_{}", look.offer),
        language: text.language.clone(),
        description: text.description.clone(),
        pictures: pictures.collect(),
        seller: words.fill(kind, &[("seller", &look.seller)]),
        tags: look.tags.clone(),
        labels: look
            .labels
            .iter()
            .map(|text| words.fill("shop.label", &[("text", text)]))
            .collect(),
        variants: variants.collect(),
        currency: currency.to_string(),
        can_buy: first.is_some(),
        terms: words.fill("shop.terms", &terms),
        error,
        frame,
    }
}
