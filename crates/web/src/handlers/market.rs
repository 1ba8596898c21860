//! The market over HTTP: quotes, what an order is, and what a buyer sees by a signed link.

use access::AccessFunction;
use axum::http::{HeaderValue, StatusCode};
use engine::{Engine, Timestamp};
use market::quote::SkipReason;
use market::{MarketParcelState, OrderId, UnitState};
use node::{Clock, JournalPosition, SystemClock};
use office::checkout::CHECKOUT;
use office::{RefusalInCurrency, SignedInAnswer, fields};
use reports::FieldType;
use serde_json::{Map, Value, json};

use super::checkout::order_of;
use super::commands::{REPLAYED, strip};
use crate::app::{App, Call, HttpAnswer, json_answer};
use crate::idempotency::request_key;
use crate::json::read_object;
use crate::prefixes;
use crate::problem::{PROBLEMS_PATH, Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::{BilingualText, words};

/// A link to an order is good for so long after it was placed.
pub(crate) const LINK_MS: u64 = 60 * machine::DAY_MS;
/// Digits of a phone number, with its country.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
const CODE_CHARACTERS_MAX: usize = 64;

/// Puts keyed tokens in the place of phone numbers and coupon codes. What is a token stays.
pub(crate) fn tokens_for(
    call: &Call,
    command: &str,
    given: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let Some(of) = fields::declared().of(command) else { return Ok(()) };
    for (name, value) in given {
        if let Some(field) = of.field(name) {
            put_tokens(call, field, value, &format!("#/{name}"))?;
        }
    }
    Ok(())
}

fn put_tokens(call: &Call, of: FieldType<'_>, value: &mut Value, at: &str) -> Result<(), Problem> {
    match value {
        Value::String(text) => {
            let kind = match of.name() {
                Some("BuyerToken") => "buyer",
                Some("CouponToken") => "coupon",
                _ => return Ok(()),
            };
            if is_token(text) {
                return Ok(());
            }
            let plain = if kind == "buyer" { plain_phone(text) } else { plain_code(text) };
            let plain = plain.ok_or_else(|| not_a_token(kind, at))?;
            let token = call.app.store.token(kind, &plain).map_err(Problem::internal)?;
            *text = base16ct::lower::encode_string(&token);
            Ok(())
        }
        Value::Array(items) => {
            let Some(item) = of.item() else { return Ok(()) };
            let mut each = items.iter_mut().enumerate();
            each.try_for_each(|(place, one)| put_tokens(call, item, one, &format!("{at}/{place}")))
        }
        Value::Object(parts) => parts.iter_mut().try_for_each(|(name, one)| match of.field(name) {
            Some(field) => put_tokens(call, field, one, &format!("{at}/{name}")),
            None => Ok(()),
        }),
        _ => Ok(()),
    }
}

fn is_token(text: &str) -> bool {
    text.parse::<market::BuyerToken>().is_ok()
}

pub(super) fn not_a_token(kind: &str, at: &str) -> Problem {
    let detail = match kind {
        "buyer" => words!(
            "{at} is no phone number: write 5 to 15 digits, such as +86 138 0013 8000",
            "{at} 不是电话号码；请写 5 到 15 位数字，例如 +86 138 0013 8000"
        ),
        _ => words!(
            "{at} is no coupon code: write 1 to {CODE_CHARACTERS_MAX} characters",
            "{at} 不是券码；请写 1 到 {CODE_CHARACTERS_MAX} 个字符"
        ),
    };
    Problem::new(ProblemKind::BadValue, detail).with_field(at.to_owned())
}

/// The digits of a phone number, without the ways in which the same number is written: spaces,
/// dashes, `00` and China's `86`.
pub(crate) fn plain_phone(text: &str) -> Option<String> {
    let apart = |c: char| matches!(c, ' ' | '-' | '(' | ')' | '.' | '+' | '\u{a0}' | '\u{3000}');
    let digit = |c: char| match c {
        // Full width.
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
        c => Some(c).filter(char::is_ascii_digit),
    };
    let digits: Option<String> =
        text.chars().filter(|c| !apart(*c) && *c != '＋').map(digit).collect();
    let digits = digits?;
    let abroad = digits.strip_prefix("00").filter(|rest| PHONE_DIGITS.contains(&rest.len()));
    let digits = abroad.unwrap_or(&digits);
    let of_china = digits.strip_prefix("86").filter(|rest| rest.len() == 11);
    let digits = of_china.unwrap_or(digits);
    PHONE_DIGITS.contains(&digits.len()).then(|| digits.to_owned())
}

/// A coupon code in capital letters, without blanks around it.
pub(crate) fn plain_code(text: &str) -> Option<String> {
    let code = text.trim().to_uppercase();
    (1..=CODE_CHARACTERS_MAX).contains(&code.chars().count()).then_some(code)
}

/// The link to a parcel of an order that was placed at a time.
pub(crate) fn tracking_path(
    app: &App,
    parcel: books::ParcelId,
    placed_at: Timestamp,
) -> Result<String, Problem> {
    let until = placed_at.plus_ms(LINK_MS);
    let link = app.store.link(parcel, until, placed_at).map_err(Problem::internal)?;
    Ok(format!("/v1/tracking/{link}"))
}

/// What an order is, with a link for each of its parcels: the same for each repeat of a request.
pub(super) async fn ordered(
    call: &Call,
    asked: &Map<String, Value>,
    answer: SignedInAnswer,
    position: JournalPosition,
) -> HttpAnswer {
    let (outcome, is_replayed) = match answer {
        SignedInAnswer::CarriedOut { .. } => ("carried_out", false),
        SignedInAnswer::Replayed { .. } => ("carried_out", true),
        _ => ("repeated", false),
    };
    let id = match asked.get("order").and_then(Value::as_str) {
        Some(given) => {
            let plain = prefixes::without_prefix("OrderId", given).unwrap_or(given);
            plain.parse().map_err(Problem::internal)?
        }
        None => {
            // The digest is of no account for what follows from the key alone.
            let key = request_key(&call.parts.headers, CHECKOUT, &Map::new())?;
            order_of(call.caller()?.principal.actor, &key)
        }
    };
    let look = move |engine: &Engine| order_json(engine, id);
    let found = call.app.workers.run(move |giver| giver.client.query(look)).await?;
    let found = found.map_err(Problem::internal)?.0;
    let (mut order, placed_at, parcels) = found.ok_or(ProblemKind::NoSuchRecord)?;
    let mut links = Vec::with_capacity(parcels.len());
    for parcel in parcels {
        let link = tracking_path(&call.app, parcel, placed_at)?;
        links.push(json!({ "parcel": format!("par_{parcel}"), "link": link }));
    }
    order["tracking"] = links.into();
    let body = json!({ "command": CHECKOUT, "outcome": outcome, "order": order });
    let mut response = json_answer(StatusCode::OK, &body, Some(position))?;
    if is_replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

type FoundOrder = (Value, Timestamp, Vec<books::ParcelId>);

/// An order as it was placed.
fn order_json(engine: &Engine, id: OrderId) -> Option<FoundOrder> {
    let order = engine.market().order_view(id)?;
    let parcels = order.parcels.iter();
    let ids = parcels.clone().map(|one| one.parcel).collect();
    let total: u64 = parcels.clone().map(|one| one.ordered.minor()).sum();
    let parcels: Vec<Value> = parcels
        .map(|one| {
            json!({
                "parcel": format!("par_{}", one.parcel),
                "seller": format!("sel_{}", one.seller),
                "due": one.ordered,
            })
        })
        .collect();
    let discounts = order.promotions.iter().map(|applied| {
        let (all, platform) = applied.discount();
        json!({
            "promotion": format!("pro_{}", applied.promotion),
            "version": applied.version,
            "by_platform": platform,
            "by_sellers": all.saturating_sub(platform),
        })
    });
    let shown = json!({
        "order": format!("ord_{id}"),
        "currency": order.currency,
        "total": total,
        "placed": crate::times::rfc3339(order.placed_at.0),
        "parcels": parcels,
        "discounts": discounts.collect::<Vec<_>>(),
    });
    Some((shown, order.placed_at, ids))
}

/// What a cart costs now, why, and what would keep it from being ordered.
pub(super) async fn quote(mut call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/json"])?;
    call.require(AccessFunction::GiveNamed(CHECKOUT))?;
    let body = call.whole_body().await?;
    let mut given = read_object(&body)?;
    for name in ["order", "total"] {
        if given.contains_key(name) {
            let unknown = Problem::from(ProblemKind::UnknownField);
            return Err(unknown.with_field(format!("#/{name}")));
        }
    }
    tokens_for(&call, CHECKOUT, &mut given)?;
    strip(CHECKOUT, &mut given)?;
    let chinese = call.app.texts.chinese;
    let quoted = call.app.workers.run(move |giver| giver.quote(&given)).await?;
    let (quoted, position) = quoted.map_err(|error| Problem::of_office(error, chinese))?;
    let quote = &quoted.cart.quote;
    let why = |reason: &SkipReason| skipped(*reason, quote.currency);
    let skipped: Vec<Value> = quote
        .skipped
        .iter()
        .map(|one| {
            json!({
                "promotion": one.promotion,
                "reason": one.reason,
                "why": why(&one.reason).in_language(call.language),
            })
        })
        .collect();
    let obstacle = |one: &RefusalInCurrency| {
        let problem = Problem::of_refusal(one, chinese);
        let name = format!("{PROBLEMS_PATH}{}", problem.name());
        json!({ "type": name, "detail": problem.detail(call.language) })
    };
    let obstacles: Vec<Value> = quoted.obstacles.iter().map(obstacle).collect();
    let mut body = json!({
        "currency": quote.currency,
        "units": quote.units,
        "parcels": quote.parcels,
        "applied": quote.applied,
        "skipped": skipped,
        "total": quote.total,
        "payable_at_the_door": obstacles.is_empty(),
        "obstacles": obstacles,
    });
    prefixes::add(&mut body);
    json_answer(StatusCode::OK, &body, Some(position))
}

/// Why a promotion was skipped, for the buyer.
pub(crate) fn skipped(reason: SkipReason, currency: money::Currency) -> BilingualText {
    match reason {
        SkipReason::NotStarted => words!("it has not begun", "尚未开始"),
        SkipReason::Over => words!("it is over", "已过期"),
        SkipReason::Ended => words!("it was ended", "已结束"),
        SkipReason::NoUnits => {
            words!("nothing in the cart is in its scope", "购物车中没有适用的商品")
        }
        SkipReason::NotFirstOrder => words!("it is for a first order only", "仅限首单"),
        SkipReason::YieldsTo(other) => {
            words!("it yields to promotion pro_{other}", "让位于促销 pro_{other}")
        }
        SkipReason::NotReached { missing } => {
            let more = money::decimal::DecimalAmount::of_balance(missing.minor().into(), currency);
            words!("{more} {currency} more must be spent", "还差 {more} {currency}")
        }
        SkipReason::BundleIncomplete => words!("the bundle is not complete", "套装不完整"),
        SkipReason::NothingToDiscount => {
            words!("the prices are at its floor already", "价格已达底价")
        }
        SkipReason::UsesSpent => words!("all its uses are used", "次数已用完"),
        SkipReason::BuyerLimit => {
            words!("this buyer used it as often as one can", "该买家的次数已用完")
        }
        SkipReason::BudgetSpent => words!("its budget is spent", "预算已用完"),
        SkipReason::FlashSoldOut => words!("the flash stock is sold out", "秒杀已售罄"),
    }
}

/// What the holder of a signed link sees of a parcel: people a page, programs JSON.
pub(super) async fn track(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let is_page = call.accepted(&["application/json", "text/html"])? == "text/html";
    let path = call.parts.uri.path();
    let link = path.rsplit('/').next().unwrap_or_default();
    let principal = call.app.store.authenticate_link(link, SystemClock.now());
    let parcel = principal.ok().and_then(|principal| {
        principal.grants.iter().find_map(|grant| match grant {
            access::AccessGrant::Buyer(parcel) => Some(*parcel),
            _ => None,
        })
    });
    let found = match parcel {
        None => Err(ProblemKind::NoSuchRecord.into()),
        Some(parcel) => {
            let look = move |engine: &Engine| tracked(engine, parcel);
            let found = call.app.workers.run(move |giver| giver.client.query(look)).await?;
            let (found, position) = found.map_err(Problem::internal)?;
            let found = found.ok_or_else(|| Problem::from(ProblemKind::NoSuchRecord));
            found.map(|found| (found, position))
        }
    };
    if is_page {
        return crate::shop::tracking_page(&call, found.map(|(found, _)| found)).await;
    }
    let (found, position) = found?;
    json_answer(StatusCode::OK, &found, Some(position))
}

fn tracked(engine: &Engine, parcel: books::ParcelId) -> Option<Value> {
    let market = engine.market();
    let order = market.order_view(market.order_of_parcel(parcel)?)?;
    let place = order.parcels.iter().position(|one| one.parcel == parcel)?;
    let own = &order.parcels[place];
    let units = order.units.iter().filter(|unit| usize::from(unit.parcel) == place);
    let units: Vec<Value> = units
        .map(|unit| {
            let id = market.variant_of_unit(unit);
            let sku = market.variant_view(id).map(|variant| variant.sku.to_owned());
            let state = match unit.state {
                UnitState::Kept => "kept",
                UnitState::Refused => "refused",
                UnitState::Back | UnitState::WrittenOff => "back",
                UnitState::Lost => "lost",
            };
            let variant = format!("var_{id}");
            json!({ "variant": variant, "sku": sku, "state": state, "price": unit.price })
        })
        .collect();
    // On its way the parcel is where the books say; the order says how it ended.
    let state = match own.state {
        MarketParcelState::UnderWay => {
            engine.books().parcel_view(parcel).map(|one| reports::parcel_state_name(one.state))
        }
        MarketParcelState::Delivered => Some("delivered"),
        MarketParcelState::Refused => Some("refused"),
        MarketParcelState::Returned => Some("returned"),
        MarketParcelState::Lost => Some("lost"),
        MarketParcelState::Cancelled => Some("cancelled"),
    };
    Some(json!({
        "order": format!("ord_{}", order.order),
        "parcel": format!("par_{parcel}"),
        "seller": engine.books().seller_reference(own.seller),
        "state": state,
        "currency": order.currency,
        "due": own.due,
        "kept": own.kept,
        "owed": own.owed,
        "placed": crate::times::rfc3339(order.placed_at.0),
        "delivered": own.delivered_at.map(|at| crate::times::rfc3339(at.0)),
        "units": units,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_phone_number_is_one_buyer_however_it_is_written() {
        for text in ["13800138000", "+86 138-0013-8000", "0086 138 0013 8000"] {
            assert_eq!(plain_phone(text).as_deref(), Some("13800138000"), "{text}");
        }
        assert_eq!(plain_phone("１３８００１３８０００").as_deref(), Some("13800138000"));
        assert_eq!(plain_phone("+55 11 98765-4321").as_deref(), Some("5511987654321"));
        for wrong in ["", "12", "call me", "1234567890123456", "138\u{200b}00138000"] {
            assert_eq!(plain_phone(wrong), None, "{wrong}");
        }
        assert_eq!(plain_code(" save5 ").as_deref(), Some("SAVE5"));
        assert!(plain_code("  ").is_none() && plain_code(&"x".repeat(65)).is_none());
    }
}
