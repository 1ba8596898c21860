//! Offers of a demonstration's sellers, so that a visitor finds the shop window filled: texts in
//! Chinese and English, drawn pictures, stock, and promotions.

use std::path::Path;

use access::AccessStore;
use anyhow::{Context, anyhow};
use books::{SellerId, SellerKind};
use engine::{Actor, Engine, Submission};
use listings::{OfferText, Picture, TextStore};
use market::{
    AdjustStock, AdmitSeller, AllotFlashStock, BrokenThreshold, CategoryId, CouponToken,
    DraftOffer, FlashPrice, IssueCoupons, MarketCommand, NewCoupon, NewVariant, OfferId,
    OfferState, PromotionId, PromotionRule, PromotionScope, PublishMarketProfile, PublishPromotion,
    SetOfferState, StockReason, ThresholdStep, UndoneUse, VariantId,
};
use money::{Amount, Currency, Rate};
use node::{Clock, NodeClient, SystemClock};
use sim::{APPROVER, PLANNER};
use web::{ShopCategory, ShopSettings};

use crate::chinese;
use crate::words::Lang;

/// What the coupon of a demonstration is called.
const COUPON: &str = "DOOR10";
/// Of the sellers, and so of their orders.
const SELLERS: usize = 3;

const CATEGORIES: [(u64, &str, &str); 3] =
    [(1, "Tea", "茶叶"), (2, "For the table", "茶具"), (3, "Paper and ink", "纸笔")];

/// An offer: which seller, category, reference, title, description, colours, and its variants with
/// price in whole units of the currency and stock.
struct DemoOffer {
    seller: usize,
    category: u64,
    reference: &'static str,
    title: &'static str,
    description: &'static str,
    colors: [[u8; 3]; 2],
    variants: &'static [(&'static str, u64, u32)],
}

const OFFERS: [DemoOffer; 8] = [
    DemoOffer {
        seller: 0,
        category: 1,
        reference: "oolong",
        title: "高山乌龙茶 High mountain oolong",
        description: "春茶，手采，轻焙火。\nSpring leaves, picked by hand, lightly roasted.",
        colors: [[222, 232, 214], [74, 112, 67]],
        variants: &[("100 g", 68, 120), ("250 g", 148, 60), ("500 g", 268, 7)],
    },
    DemoOffer {
        seller: 0,
        category: 1,
        reference: "jasmine",
        title: "茉莉花茶 Jasmine tea",
        description: "绿茶窨花五次。\nGreen tea, scented with flowers five times.",
        colors: [[245, 240, 220], [176, 148, 60]],
        variants: &[("100 g", 45, 200), ("250 g", 98, 80)],
    },
    DemoOffer {
        seller: 0,
        category: 1,
        reference: "puer",
        title: "普洱熟茶饼 Ripe pu'er cake",
        description: "云南大叶种，2010 年压制。\nLarge leaves from Yunnan, pressed in 2010.",
        colors: [[236, 222, 210], [96, 56, 36]],
        variants: &[("357 g", 188, 15)],
    },
    DemoOffer {
        seller: 1,
        category: 2,
        reference: "pot",
        title: "紫砂壶 Clay teapot",
        description: "容量 220 毫升。\nHolds 220 ml.",
        colors: [[240, 230, 224], [148, 80, 58]],
        variants: &[("brown 棕", 258, 20), ("red 红", 278, 4)],
    },
    DemoOffer {
        seller: 1,
        category: 2,
        reference: "cups",
        title: "白瓷茶杯 White porcelain cups",
        description: "一套六只。\nA set of six.",
        colors: [[226, 234, 240], [104, 132, 160]],
        variants: &[("6", 88, 50)],
    },
    DemoOffer {
        seller: 1,
        category: 2,
        reference: "tray",
        title: "竹茶盘 Bamboo tray",
        description: "带抽屉，可接水。\nWith a drawer that takes the water.",
        colors: [[238, 232, 208], [150, 128, 66]],
        variants: &[("40 cm", 128, 0)],
    },
    DemoOffer {
        seller: 2,
        category: 3,
        reference: "brush",
        title: "毛笔 Writing brush",
        description: "狼毫，中号，几乎全新。\nWeasel hair, medium, as good as new.",
        colors: [[232, 228, 236], [84, 66, 118]],
        variants: &[("medium 中号", 35, 9)],
    },
    DemoOffer {
        seller: 2,
        category: 3,
        reference: "paper",
        title: "宣纸 Rice paper",
        description: "100 张，四尺。\n100 sheets of 138 by 69 cm.",
        colors: [[242, 238, 226], [170, 150, 110]],
        variants: &[("100", 59, 40)],
    },
];

/// The shop window of a demonstration.
pub fn settings() -> ShopSettings {
    let named = |(id, en, zh): (u64, &str, &str)| ShopCategory {
        id: CategoryId(id),
        en: en.to_owned(),
        zh: zh.to_owned(),
    };
    ShopSettings { categories: CATEGORIES.map(named).to_vec() }
}

/// A parcel with a lid, on a ground: what it is does not matter, that it is light does.
fn drawn([ground, ink]: [[u8; 3]; 2]) -> anyhow::Result<Picture> {
    let (width, height) = (640, 480);
    let mixed = |one: u8, other: u8, share: u32| {
        let mixed = (u32::from(one) * (100 - share) + u32::from(other) * share) / 100;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    };
    let color = |share: u32| [0, 1, 2].map(|part| mixed(ground[part], ink[part], share));
    let picture = Picture::drawn((width, height), |x, y| {
        let (from_x, from_y) = (x.abs_diff(320), y.abs_diff(250));
        let round = from_x * from_x + from_y * from_y;
        match () {
            () if from_x < 34 && (96..120).contains(&y) => color(85),
            () if round < 130 * 130 && (118..128).contains(&y) => color(70),
            () if round < 130 * 130 => color(55 + x / 16),
            () if round < 136 * 136 => color(90),
            () if (380..388).contains(&y) && from_x < 180 => color(60),
            () => color(y / 24),
        }
    });
    Ok(picture?)
}

/// Fills the shop window, if nobody has.
pub fn fill(client: &NodeClient, data: &Path, store: &AccessStore) -> anyhow::Result<()> {
    let look = |engine: &Engine| {
        let mut sellers: Vec<(SellerId, Currency)> = Vec::new();
        for (seller, currency) in engine.books().seller_accounts() {
            let is_first = sellers.first().is_none_or(|(_, first)| *first == currency);
            if sellers.len() < SELLERS && is_first {
                sellers.push((seller, currency));
            }
        }
        let first = sellers.first().map(|(seller, _)| *seller);
        let offer = first.map(|seller| OfferId::of_reference(seller, OFFERS[0].reference));
        let is_filled = offer.is_some_and(|offer| engine.market().offer_view(offer).is_some());
        (sellers, is_filled)
    };
    let (sellers, is_filled) = client.query(look)?.0;
    let Some(&(_, currency)) = sellers.first().filter(|_| !is_filled) else { return Ok(()) };
    let sellers: Vec<SellerId> = sellers.into_iter().map(|(seller, _)| seller).collect();
    let mut texts = TextStore::open(data)?;
    let mut commands: Vec<MarketCommand> = Vec::new();
    let from = SystemClock.now();
    let price = |whole: u64| Amount::of(whole * 10_u64.pow(currency.exponent()));
    for kind in [SellerKind::Business, SellerKind::Individual] {
        commands.push(
            PublishMarketProfile {
                kind,
                currency,
                version: 1,
                from,
                identity_proof: false,
                hold_days: 7,
                parcel_amount_max: price(2_000),
                offers_max: 100,
                promotions: true,
                return_days: 7,
                refusals_max: 3,
                refusal_days: 90,
            }
            .into(),
        );
    }
    for (place, &seller) in sellers.iter().enumerate() {
        let kind = if place == 2 { SellerKind::Individual } else { SellerKind::Business };
        let delivery_fee = if place == 0 { Amount::ZERO } else { price(8) };
        let (number, identity_proved) = (1, true);
        commands.push(
            AdmitSeller { seller, currency, number, kind, from, identity_proved, delivery_fee }
                .into(),
        );
    }
    for one in &OFFERS {
        // Books of few sellers have fewer offers of each.
        let Some(&seller) = sellers.get(one.seller) else { continue };
        let picture = texts.put_picture(&drawn(one.colors)?)?;
        let content = texts.put(&OfferText {
            title: one.title.to_owned(),
            description: one.description.to_owned(),
            captions: vec!["示意图 Drawing".to_owned()],
            pictures: vec![picture],
            language: Some("zh".to_owned()),
        })?;
        commands.extend(offered(one, (seller, currency), content, price));
    }
    commands.extend(promotions(&sellers, currency, price, store)?);
    let by = |command: &MarketCommand| match command {
        MarketCommand::PublishPromotion(_) => Actor::Person(PLANNER),
        _ => Actor::System,
    };
    let submissions = commands.into_iter().map(|one| {
        let by = by(&one);
        (None, Submission::new(by, engine::Command::of_market(one)))
    });
    for answer in client.clone().execute(submissions.collect())? {
        answer.map_err(|refusal| anyhow!(chinese::error(&refusal, Lang::current())))?;
    }
    Ok(())
}

/// The commands that draft an offer, stock it and list it.
fn offered(
    one: &DemoOffer,
    (seller, currency): (SellerId, Currency),
    content: books::Sha256Digest,
    price: impl Fn(u64) -> Amount,
) -> Vec<MarketCommand> {
    let offer = OfferId::of_reference(seller, one.reference);
    let variants = one.variants.iter().map(|(sku, whole, _)| NewVariant {
        variant: VariantId::of_sku(offer, sku),
        sku: (*sku).to_owned(),
        price: price(*whole),
        weight_g: 500,
    });
    let drafted = DraftOffer {
        offer,
        seller,
        currency,
        category: CategoryId(one.category),
        reference: one.reference.to_owned(),
        content,
        variants: variants.collect(),
    };
    let mut commands = vec![drafted.into()];
    for (sku, _, units) in one.variants.iter().filter(|(.., units)| *units > 0) {
        let variant = VariantId::of_sku(offer, sku);
        let (number, quantity, reason) = (1, *units, StockReason::Received);
        commands.push(AdjustStock { variant, number, quantity, reason }.into());
    }
    commands.push(SetOfferState { offer, number: 1, state: OfferState::Listed }.into());
    commands
}

fn promotions(
    sellers: &[SellerId],
    currency: Currency,
    price: impl Fn(u64) -> Amount,
    store: &AccessStore,
) -> anyhow::Result<Vec<MarketCommand>> {
    let from = SystemClock.now();
    let share = |ppm| Rate::from_ppm(ppm).context("a share is at most the whole");
    let terms = |number: u64, rule, order| {
        Ok::<_, anyhow::Error>(PublishPromotion {
            promotion: PromotionId(number),
            version: 1,
            currency,
            rule,
            from,
            until: from.plus_ms(90 * books::DAY_MS),
            scope: PromotionScope::default(),
            by_coupon: false,
            uses_max: None,
            budget: None,
            per_buyer_max: None,
            platform_share: share(500_000)?,
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
    let first = sellers.first().copied().context("the books have a seller")?;
    let step = ThresholdStep { spend: price(300), save: price(40) };
    let threshold = terms(9_001, PromotionRule::Threshold(vec![step]), 20)?;
    let category = PromotionScope { categories: vec![CategoryId(2)], ..PromotionScope::default() };
    let percentage = PublishPromotion {
        scope: category,
        ..terms(9_002, PromotionRule::Percentage(share(150_000)?), 10)?
    };
    let variant = VariantId::of_sku(OfferId::of_reference(first, "jasmine"), "100 g");
    let flash = FlashPrice { variant, price: price(29) };
    let flash = PublishPromotion {
        per_buyer_max: Some(2),
        ..terms(9_003, PromotionRule::Flash(vec![flash]), 5)?
    };
    let coupon = PublishPromotion {
        by_coupon: true,
        per_buyer_max: Some(1),
        ..terms(9_004, PromotionRule::AmountOff(price(10)), 30)?
    };
    let allotted = AllotFlashStock { promotion: flash.promotion, variant, number: 1, quantity: 30 };
    let token = CouponToken(store.token("coupon", COUPON)?);
    let issued = IssueCoupons {
        promotion: coupon.promotion,
        number: 1,
        coupons: vec![NewCoupon { coupon: token, buyer: None, single_use: false }],
    };
    let published = [threshold, percentage, flash, coupon].map(MarketCommand::from);
    Ok(published.into_iter().chain([allotted.into(), issued.into()]).collect())
}
