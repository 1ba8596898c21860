//! What promotions would have done in a past period: the same computation as `doorstep promotion
//! preview`, for a promotion of the books, or for a list of promotions as that command's file has.

use axum::http::StatusCode;
use books::BusinessDate;
use market::conflicts::impossible;
use market::{PromotionId, PublishPromotion};
use pages::forms::{date, money, number};
use pages::{Cell, Link, PageWords, PeriodPage, PeriodText, PortalTable, list_path, nav_groups};
use reports::{PreviewError, PreviewNeed, PreviewPeriod, PromotionPreview, preview_promotions};

use super::form::Form;
use super::frames::{frame, readable};
use super::market::{PREVIEW_PATH, sees_all};
use super::second_factor::check_csrf;
use super::statements::day;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::files::begin;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// Days that the form has at first, up to today.
const DAYS: u16 = 30;
const PROMOTION: &str = "promotion";

/// What is asked.
#[derive(Default)]
struct AskedPreview {
    /// Of the books.
    promotion: Option<PromotionId>,
    /// A list of promotions as JSON.
    text: Option<String>,
    from: Option<BusinessDate>,
    until: Option<BusinessDate>,
}

/// The form: without `promotion` it takes a list of promotions.
pub(super) async fn page(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &[PROMOTION, "from", "until"])?;
    let promotion = query.get(PROMOTION).map(|text| {
        let id = text.strip_prefix("pro_").unwrap_or(text).parse();
        id.map_err(|_| Problem::from(ProblemKind::BadQuery).with_field(PROMOTION))
    });
    let (from, until) = (day(&query, "from")?, day(&query, "until")?);
    shown(visit, AskedPreview { promotion: promotion.transpose()?, text: None, from, until }).await
}

/// A list of promotions that was sent.
pub(super) async fn give(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let day = |name: &str| {
        let day: Result<BusinessDate, _> = form.get(name).parse();
        day.map_err(|_| Problem::from(ProblemKind::BadQuery).with_field(name.to_owned()))
    };
    let (from, until) = (day("from")?, day("until")?);
    let text = Some(form.get("file").to_owned());
    shown(visit, AskedPreview { promotion: None, text, from: Some(from), until: Some(until) }).await
}

/// The promotions of a text, each possible.
fn promotions(
    words: PageWords,
    text: &str,
    chinese: crate::problem::ErrorInChinese,
) -> Result<Vec<PublishPromotion>, String> {
    let read: Vec<PublishPromotion> = serde_json::from_str(text).map_err(|error| {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("line", &error.line()), ("column", &error.column()), ("what", &error)];
        words.fill("preview.bad_text", &values)
    })?;
    if read.is_empty() {
        return Err(words.get("preview.empty").to_owned());
    }
    if let Some(one) = impossible(&read).first() {
        let why = if words.is_zh() { chinese(&one.reason) } else { one.reason.to_string() };
        let place = one.place + 1;
        let values: [(&str, &dyn std::fmt::Display); 2] = [("place", &place), ("why", &why)];
        return Err(words.fill("preview.impossible", &values));
    }
    Ok(read)
}

async fn shown(visit: Visit, asked: AskedPreview) -> HttpAnswer {
    let caller = visit.call.caller()?;
    let principal = caller.principal.clone();
    // It tells what all orders of the period cost.
    if !sees_all(&principal) || caller.session.is_none() {
        return Err(ProblemKind::NotPermitted.into());
    }
    let is_asked = asked.from.is_some() && (asked.promotion.is_some() || asked.text.is_some());
    let in_work = if is_asked { Some(begin(&visit.call)?) } else { None };
    let (app, preferences) = (visit.call.app.clone(), visit.preferences);
    let words = preferences.words;
    let mut around = frame(&app, preferences, Some(caller), visit.path());
    around.nav = nav_groups(words, &readable(&principal), None, None);
    around.title = words.get("preview.title").to_owned();
    let chinese = app.texts.chinese;
    let done = visit.call.app.workers.run(move |giver| {
        let _in_work = in_work;
        let promotion = asked.promotion;
        let look = move |engine: &engine::Engine| {
            let terms = promotion.and_then(|id| engine.market().promotion_terms(id).cloned());
            (engine.books().business_date(engine.last_at()), terms)
        };
        let (today, known) = giver.client.query(look).map_err(Problem::internal)?.0;
        if asked.promotion.is_some() && known.is_none() {
            return Err(ProblemKind::NoSuchRecord.into());
        }
        let today = today.ok_or(ProblemKind::NoSuchRecord)?;
        let until = asked.until.unwrap_or(today);
        let from = asked.from.unwrap_or_else(|| until.minus_days(DAYS - 1));
        let given = match (known, &asked.text) {
            (Some(terms), _) => Some(Ok(vec![terms])),
            (None, Some(text)) => Some(promotions(words, text, chinese)),
            (None, None) => None,
        };
        let (mut error, mut tables) = (None, Vec::new());
        match given.filter(|_| is_asked) {
            None => {}
            Some(Err(why)) => error = Some(why),
            Some(Ok(_)) if from > until => {
                error = Some(words.get("preview.backwards").to_owned());
            }
            Some(Ok(given)) => {
                let period = PreviewPeriod { from, to: until };
                match preview_promotions(&app.data, &given, period) {
                    Ok(found) => tables = found_tables(words, &found),
                    Err(PreviewError::Report(error)) => return Err(Problem::internal(error)),
                    Err(why) => {
                        error = Some(if words.is_zh() { chinese(&why) } else { why.to_string() });
                    }
                }
            }
        }
        let named = asked.promotion.map(|id| format!("pro_{id}"));
        let status = match error {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        let page = PeriodPage {
            lead: match (&named, is_asked) {
                (_, true) => format!(
                    "{} – {}",
                    date(words, &from.to_string()),
                    date(words, &until.to_string())
                ),
                (Some(_), false) => words.get("preview.lead_of_one").to_owned(),
                (None, false) => words.get("preview.lead").to_owned(),
            },
            path: PREVIEW_PATH.to_owned(),
            text: named.is_none().then(|| PeriodText {
                csrf: around.viewer.as_ref().map(|one| one.csrf.clone()).unwrap_or_default(),
                label: words.get("preview.text"),
                hint: words.get("preview.text_hint"),
                text: asked.text.unwrap_or_default(),
            }),
            kept: named.map(|name| (PROMOTION, name)).into_iter().collect(),
            from: from.to_string(),
            until: until.to_string(),
            button: words.get("preview.preview"),
            error,
            tiles: Vec::new(),
            charts: Vec::new(),
            tables,
            notes: vec![words.get("preview.note").to_owned()],
            frame: around,
        };
        html(&page, status)
    });
    done.await?
}

fn found_tables(words: PageWords, found: &PromotionPreview) -> Vec<PortalTable> {
    let orders = found.orders.iter().map(|(currency, one)| {
        let shown = |minor: u64| Cell::figure(money(minor.into(), currency.code()));
        vec![
            Cell::plain(currency.code().to_owned()),
            Cell::figure(number(one.orders.into())),
            shown(one.asked),
            shown(one.would_ask),
            Cell::figure(number(one.refused.into())),
        ]
    });
    let promotions = found.promotions.iter().map(|one| {
        let shown = |minor: u64| Cell::figure(money(minor.into(), one.currency.code()));
        let page = Link::to(&list_path("promotions")).part(&format!("pro_{}", one.promotion));
        let needs = match one.needs {
            None => String::new(),
            Some(PreviewNeed::Coupons) => words.get("preview.needs_coupons").to_owned(),
            Some(PreviewNeed::FlashStock) => words.get("preview.needs_flash").to_owned(),
        };
        vec![
            Cell { href: Some(page.text()), ..Cell::plain(format!("pro_{}", one.promotion)) },
            Cell::plain(one.currency.code().to_owned()),
            Cell::figure(number(one.orders.into())),
            shown(one.platform + one.sellers),
            shown(one.platform),
            shown(one.sellers),
            Cell::figure(number(one.uses.into())),
            shown(one.spent),
            Cell { class: "wrap", ..Cell::plain(needs) },
        ]
    });
    let of_promotions = [
        ("column.promotion", false),
        ("column.currency", false),
        ("preview.orders", true),
        ("preview.cost", true),
        ("column.by_platform", true),
        ("column.by_sellers", true),
        ("column.uses", true),
        ("column.spent", true),
        ("preview.needs", false),
    ];
    let of_orders = [
        ("column.currency", false),
        ("preview.orders", true),
        ("preview.asked", true),
        ("preview.would_ask", true),
        ("preview.refused", true),
    ];
    let table = |keys, columns: &[(&str, bool)], rows| PortalTable::new(words, keys, columns, rows);
    vec![
        table(("preview.promotions", "preview.none"), &of_promotions, promotions.collect()),
        table(("preview.all_orders", "preview.none"), &of_orders, orders.collect()),
    ]
}
