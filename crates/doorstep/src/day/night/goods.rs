//! What the shop of the night sells: sellers, offers, stock, and promotions.

use books::{SellerId, SellerKind};
use listings::{OfferText, Picture};
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

pub struct ShopItem {
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

/// Ground and ink of the drawings, by category.
const COLORS: [[[u8; 3]; 2]; 6] = [
    [[236, 222, 210], [96, 56, 36]],
    [[226, 234, 240], [84, 112, 150]],
    [[222, 232, 214], [74, 112, 67]],
    [[240, 230, 224], [148, 80, 58]],
    [[245, 240, 220], [176, 138, 50]],
    [[232, 228, 236], [84, 66, 118]],
];

/// The first one has the flash price, the last one is there once.
pub const GOODS: &[ShopItem] = &[
    item(
        ("snow-line", "down-jacket", "m", 1),
        (
            "轻薄羽绒服 Light down jacket",
            "白鸭绒，可收纳。White duck down, packs into its own pocket.",
        ),
        (89_900, 620, 90),
    ),
    item(
        ("snow-line", "wool-scarf", "grey", 1),
        ("羊毛围巾 Wool scarf", "180 × 30 cm。"),
        (12_900, 210, 400),
    ),
    item(
        ("tea-hill", "green-tea", "250g", 2),
        ("春茶 250 克 Spring tea, 250 g", "当年采摘。Picked this spring."),
        (8_800, 300, 600),
    ),
    item(
        ("tea-hill", "tea-pot", "220ml", 3),
        ("紫砂壶 Clay tea pot", "容量 220 毫升。Holds 220 ml."),
        (26_800, 480, 120),
    ),
    item(
        ("toy-wagon", "wooden-train", "set", 4),
        ("木制小火车 Wooden train", "榉木，无漆。Beech, without paint."),
        (15_900, 900, 200),
    ),
    item(
        ("wang-li", "hand-knit-hat", "red", 1),
        ("手工针织帽 Hand-knit hat", "自己织的。Knitted by myself."),
        (6_500, 120, 150),
    ),
    item(
        ("zhao-min", "camera", "one", 5),
        ("二手相机 Used camera", "九成新。Nine tenths new."),
        (159_900, 760, 1),
    ),
];

const fn item(
    (seller, reference, sku, category): (&'static str, &'static str, &'static str, u64),
    (title, description): (&'static str, &'static str),
    (price, weight_g, stock): (u64, u32, u32),
) -> ShopItem {
    ShopItem { seller, reference, category, title, description, sku, price, weight_g, stock }
}

impl ShopItem {
    pub fn text(&self) -> OfferText {
        let (title, description) = (self.title.to_owned(), self.description.to_owned());
        let pictures = vec![self.picture().digest()];
        let (captions, language) = (vec!["示意图 Drawing".to_owned()], Some("zh".to_owned()));
        OfferText { title, description, captions, pictures, language }
    }

    /// A parcel of the category's colours on their ground: a drawing, and light.
    pub fn picture(&self) -> Picture {
        let place = usize::try_from(self.category).unwrap_or(0) % COLORS.len();
        let [ground, ink] = COLORS[place];
        let mixed = |one: u8, other: u8, share: u32| {
            let mixed = (u32::from(one) * (100 - share) + u32::from(other) * share) / 100;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        let color = |share: u32| [0, 1, 2].map(|part| mixed(ground[part], ink[part], share));
        // As high as its title is long, so that two of a category differ.
        let top = 150 + u32::try_from(self.title.len() % 9).unwrap_or(0) * 12;
        Picture::drawn((640, 480), |x, y| match x.abs_diff(320) {
            from if (top..390).contains(&y) && from < 22 => color(88),
            from if (top..top + 46).contains(&y) && from < 168 => color(74),
            from if (top + 46..390).contains(&y) && from < 156 => color(50 + x / 20),
            from if (390..396).contains(&y) && from < 220 => color(60),
            _ => color(y / 24),
        })
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
