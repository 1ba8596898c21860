//! What the shop of the night sells: sellers, offers, stock, and promotions.

use books::{SellerId, SellerKind};
use listings::OfferText;
use market::{
    AdjustStock, AdmitSeller, AllotFlashStock, BrokenThreshold, CategoryId, DraftOffer, FlashPrice,
    MarketCommand, NewVariant, OfferId, OfferState, PromotionId, PromotionRule, PromotionScope,
    PublishMarketProfile, PublishPromotion, SetOfferState, StockReason, ThresholdStep, UndoneUse,
    VariantId,
};
use money::{Amount, Currency, Rate};
use sim::{APPROVER, PLANNER};

use books::{DAY_MS, Timestamp};

/// The code that every buyer has, once each.
pub const COUPON: &str = "SINGLES20";
/// The promotion of the coupon.
pub const COUPON_PROMOTION: PromotionId = PromotionId(3);
const FLASH_PROMOTION: PromotionId = PromotionId(1);
/// Of the flash price, out of the stock of [`GOODS`].
const FLASH_UNITS: u32 = 60;
const FLASH_PRICE: u64 = 29_900;

pub struct Goods {
    pub seller: &'static str,
    pub reference: &'static str,
    category: u64,
    title: &'static str,
    description: &'static str,
    pub sku: &'static str,
    /// In minor units.
    price: u64,
    weight_g: u32,
    stock: u32,
}

/// The first one has the flash price, the last one is there once.
#[rustfmt::skip]
pub const GOODS: &[Goods] = &[
    Goods { seller: "snow-line", reference: "down-jacket", category: 1, title: "轻薄羽绒服 Light down jacket",
        description: "白鸭绒，可收纳。White duck down, packs into its own pocket.", sku: "m", price: 89_900, weight_g: 620, stock: 90 },
    Goods { seller: "snow-line", reference: "wool-scarf", category: 1, title: "羊毛围巾 Wool scarf",
        description: "180 × 30 cm。", sku: "grey", price: 12_900, weight_g: 210, stock: 400 },
    Goods { seller: "tea-hill", reference: "green-tea", category: 2, title: "春茶 250 克 Spring tea, 250 g",
        description: "当年采摘。Picked this spring.", sku: "250g", price: 8_800, weight_g: 300, stock: 600 },
    Goods { seller: "tea-hill", reference: "tea-pot", category: 3, title: "紫砂壶 Clay tea pot",
        description: "容量 220 毫升。Holds 220 ml.", sku: "220ml", price: 26_800, weight_g: 480, stock: 120 },
    Goods { seller: "toy-wagon", reference: "wooden-train", category: 4, title: "木制小火车 Wooden train",
        description: "榉木，无漆。Beech, without paint.", sku: "set", price: 15_900, weight_g: 900, stock: 200 },
    Goods { seller: "wang-li", reference: "hand-knit-hat", category: 1, title: "手工针织帽 Hand-knit hat",
        description: "自己织的。Knitted by myself.", sku: "red", price: 6_500, weight_g: 120, stock: 150 },
    Goods { seller: "zhao-min", reference: "camera", category: 5, title: "二手相机 Used camera",
        description: "九成新。Nine tenths new.", sku: "one", price: 159_900, weight_g: 760, stock: 1 },
];

impl Goods {
    pub fn text(&self) -> OfferText {
        let (title, description) = (self.title.to_owned(), self.description.to_owned());
        OfferText { title, description, captions: Vec::new() }
    }

    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.seller, self.reference, self.sku)
    }

    fn ids(&self) -> (SellerId, OfferId, VariantId) {
        let seller = SellerId::derived(self.seller);
        let offer = OfferId::of_reference(seller, self.reference);
        (seller, offer, VariantId::of_sku(offer, self.sku))
    }
}

/// The sellers, each once.
pub fn sellers() -> Vec<&'static str> {
    let mut sellers: Vec<_> = GOODS.iter().map(|one| one.seller).collect();
    sellers.dedup();
    sellers
}

/// Opens the market before midnight. `kind_of` says which kind a seller is registered as.
pub fn commands(
    midnight: Timestamp,
    currency: Currency,
    kind_of: impl Fn(SellerId) -> SellerKind,
) -> Vec<MarketCommand> {
    let from = Timestamp(midnight.0.saturating_sub(DAY_MS));
    let profile = |kind, parcel_amount_max, offers_max| {
        MarketCommand::from(PublishMarketProfile {
            kind,
            currency,
            version: 1,
            from,
            identity_proof: true,
            hold_days: 0,
            parcel_amount_max: Amount::of(parcel_amount_max),
            offers_max,
            promotions: true,
            return_days: 7,
            refusals_max: 3,
            refusal_days: 90,
        })
    };
    let mut commands = vec![
        profile(SellerKind::Business, 1_000_000, 1_000),
        profile(SellerKind::Individual, 300_000, 20),
    ];
    commands.extend(sellers().into_iter().map(|seller| {
        let seller = SellerId::derived(seller);
        let (number, delivery_fee) = (1, Amount::of(800));
        let kind = kind_of(seller);
        let identity_proved = true;
        AdmitSeller { seller, currency, number, kind, from, identity_proved, delivery_fee }.into()
    }));
    for one in GOODS {
        let (seller, offer, variant) = one.ids();
        let new = NewVariant {
            variant,
            sku: one.sku.to_owned(),
            price: Amount::of(one.price),
            weight_g: one.weight_g,
        };
        commands.push(MarketCommand::from(DraftOffer {
            offer,
            seller,
            currency,
            category: CategoryId(one.category),
            reference: one.reference.to_owned(),
            content: one.text().content(),
            variants: vec![new],
        }));
        let (number, reason) = (1, StockReason::Received);
        commands.push(AdjustStock { variant, number, quantity: one.stock, reason }.into());
        let state = OfferState::Listed;
        commands.push(SetOfferState { offer, number, state }.into());
    }
    let promotions = promotions(midnight, currency);
    commands.extend(promotions.into_iter().map(MarketCommand::from));
    let (_, _, variant) = GOODS[0].ids();
    let (promotion, number, quantity) = (FLASH_PROMOTION, 1, FLASH_UNITS);
    commands.push(AllotFlashStock { promotion, variant, number, quantity }.into());
    commands
}

/// A flash price, 满减, a coupon of Doorstep's, and the second one of two at half price.
fn promotions(midnight: Timestamp, currency: Currency) -> [PublishPromotion; 4] {
    let made = |promotion: PromotionId, rule, platform_ppm| PublishPromotion {
        promotion,
        version: 1,
        currency,
        rule,
        from: midnight,
        until: midnight.plus_ms(DAY_MS),
        scope: PromotionScope::default(),
        by_coupon: false,
        uses_max: None,
        budget: None,
        per_buyer_max: None,
        platform_share: Rate::from_ppm(platform_ppm).unwrap_or_default(),
        order: u16::try_from(promotion.0).unwrap_or(u16::MAX),
        exclusive: false,
        yields_to: Vec::new(),
        floor: Amount::ZERO,
        broken_threshold: BrokenThreshold::Keep,
        undone_use: UndoneUse::Release,
        proposed_by: Some(PLANNER),
        approved_by: Some(APPROVER),
    };
    let (_, _, jacket) = GOODS[0].ids();
    let flash = vec![FlashPrice { variant: jacket, price: Amount::of(FLASH_PRICE) }];
    let step = |spend, save| ThresholdStep { spend: Amount::of(spend), save: Amount::of(save) };
    let steps = vec![step(30_000, 5_000), step(60_000, 12_000)];
    let half = Rate::from_ppm(500_000).unwrap_or_default();
    let teas = SellerId::derived(GOODS[2].seller);
    [
        PublishPromotion {
            per_buyer_max: Some(1),
            ..made(FLASH_PROMOTION, PromotionRule::Flash(flash), 500_000)
        },
        PublishPromotion {
            scope: PromotionScope { sellers: vec![teas], ..PromotionScope::default() },
            proposed_by: None,
            approved_by: None,
            ..made(PromotionId(2), PromotionRule::SecondCheaper(half), 0)
        },
        PublishPromotion {
            by_coupon: true,
            budget: Some(Amount::of(200_000)),
            per_buyer_max: Some(1),
            undone_use: UndoneUse::Keep,
            ..made(COUPON_PROMOTION, PromotionRule::AmountOff(Amount::of(2_000)), 1_000_000)
        },
        PublishPromotion {
            broken_threshold: BrokenThreshold::ClawBack,
            ..made(PromotionId(4), PromotionRule::Threshold(steps), 300_000)
        },
    ]
}
