//! The shop window of a demonstration: what its categories are called, and promotions that hold
//! while visitors look. The offers are those of the night.

use access::AccessStore;
use anyhow::{Context, anyhow};
use engine::{Actor, Engine, Submission};
use market::{
    BrokenThreshold, CategoryId, CouponToken, IssueCoupons, MarketCommand, NewCoupon, PromotionId,
    PromotionRule, PromotionScope, PublishPromotion, ThresholdStep, UndoneUse,
};
use money::{Amount, Currency, Rate};
use node::{Clock, NodeClient, SystemClock};
use sim::{APPROVER, PLANNER};
use web::{ShopCategory, ShopSettings};

use crate::chinese;
use crate::words::Lang;

/// A coupon that each buyer can use once.
const COUPON: &str = "DOOR10";
const DAYS: u64 = 90;
const THRESHOLD: PromotionId = PromotionId(9_001);
const PERCENTAGE: PromotionId = PromotionId(9_002);
const COUPONS: PromotionId = PromotionId(9_003);
/// Half of each discount.
const PLATFORM_PPM: u32 = 500_000;

const CATEGORIES: [(u64, &str, &str); 5] = [
    (1, "Clothes", "服饰"),
    (2, "Tea", "茶叶"),
    (3, "For the table", "茶具"),
    (4, "Toys", "玩具"),
    (5, "Used", "二手"),
];
const REDUCED: CategoryId = CategoryId(3);

pub fn settings() -> ShopSettings {
    let named = |(id, en, zh): (u64, &str, &str)| ShopCategory {
        id: CategoryId(id),
        en: en.to_owned(),
        zh: zh.to_owned(),
    };
    ShopSettings { categories: CATEGORIES.map(named).to_vec() }
}

/// Publishes the promotions, if there are orders of a night and nobody has.
pub fn promote(client: &NodeClient, store: &AccessStore) -> anyhow::Result<()> {
    let look = |engine: &Engine| {
        let (market, books) = (engine.market(), engine.books());
        let is_open = market.order_count() > 0 && market.promotion_terms(THRESHOLD).is_none();
        books.currencies().next().filter(|_| is_open)
    };
    let Some(currency) = client.query(look)?.0 else { return Ok(()) };
    let commands = commands(currency, store)?.into_iter();
    let submissions = commands
        .map(|(by, one)| (None, Submission::new(by, engine::Command::of_market(one))))
        .collect();
    for answer in client.clone().execute(submissions)? {
        answer.map_err(|refusal| anyhow!(chinese::error(&refusal, Lang::current())))?;
    }
    Ok(())
}

fn commands(
    currency: Currency,
    store: &AccessStore,
) -> anyhow::Result<Vec<(Actor, MarketCommand)>> {
    let from = SystemClock.now();
    let price = |whole: u64| Amount::of(whole * 10_u64.pow(currency.exponent()));
    let share = |ppm| Rate::from_ppm(ppm).context("a share is at most the whole");
    let terms = |promotion, rule, order| {
        Ok::<_, anyhow::Error>(PublishPromotion {
            promotion,
            version: 1,
            currency,
            rule,
            from,
            until: from.plus_ms(DAYS * books::DAY_MS),
            scope: PromotionScope::default(),
            by_coupon: false,
            uses_max: None,
            budget: None,
            per_buyer_max: None,
            platform_share: share(PLATFORM_PPM)?,
            order,
            exclusive: false,
            yields_to: Vec::new(),
            floor: Amount::ZERO,
            broken_threshold: BrokenThreshold::Keep,
            undone_use: UndoneUse::Release,
            proposed_by: Some(PLANNER),
            approved_by: Some(APPROVER),
        })
    };
    let step = ThresholdStep { spend: price(300), save: price(40) };
    let threshold = terms(THRESHOLD, PromotionRule::Threshold(vec![step]), 20)?;
    let reduced = PromotionScope { categories: vec![REDUCED], ..PromotionScope::default() };
    let rule = PromotionRule::Percentage(share(150_000)?);
    let percentage = PublishPromotion { scope: reduced, ..terms(PERCENTAGE, rule, 10)? };
    let coupon = PublishPromotion {
        by_coupon: true,
        per_buyer_max: Some(1),
        ..terms(COUPONS, PromotionRule::AmountOff(price(10)), 30)?
    };
    let token = CouponToken(store.token("coupon", COUPON)?);
    let issued = IssueCoupons {
        promotion: COUPONS,
        number: 1,
        coupons: vec![NewCoupon { coupon: token, buyer: None, single_use: false }],
    };
    let published = [threshold, percentage, coupon];
    let published = published.map(|one| (Actor::Person(PLANNER), one.into()));
    Ok(published.into_iter().chain([(Actor::System, issued.into())]).collect())
}
