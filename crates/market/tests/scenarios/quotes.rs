//! What a quote says, and why.

use books::{SellerKind, Timestamp};
use market::quote::SkipReason;
use market::*;
use money::{Amount, Rate};

use crate::shop::{DAY, Shop, buyer, coupon, line, promotion, step, yuan};

fn skipped(shop: &Shop, lines: &[CartLine]) -> Vec<(u64, SkipReason)> {
    let quote = shop.quote(buyer(1), lines, &[]);
    quote.skipped.iter().map(|one| (one.promotion.0, one.reason)).collect()
}

#[test]
fn each_skipped_promotion_has_its_reason() {
    let mut shop = Shop::open();
    let off = |id, amount| promotion(id, PromotionRule::AmountOff(yuan(amount)));
    shop.must(PublishPromotion { order: 1, ..off(1, 5) });
    let yields_to = vec![PromotionId(1)];
    shop.must(PublishPromotion { order: 2, yields_to, ..off(2, 5) });
    let rule = PromotionRule::Threshold(vec![step(yuan(300), yuan(50))]);
    shop.must(PublishPromotion { order: 3, ..promotion(3, rule) });
    shop.must(PublishPromotion { order: 4, budget: Some(yuan(4)), ..off(4, 5) });
    let first_order = PromotionScope { first_order: true, ..PromotionScope::default() };
    shop.must(PublishPromotion { order: 5, scope: first_order, ..off(5, 5) });
    let parts = vec![BundlePart { variant: VariantId(3), quantity: 2 }];
    let bundle = PromotionRule::Bundle(BundlePrice { parts, price: yuan(70) });
    shop.must(PublishPromotion { order: 6, ..promotion(6, bundle) });
    shop.must(PublishPromotion { order: 7, floor: yuan(200), ..off(7, 5) });
    shop.must(PublishPromotion { order: 8, ..promotion(8, PromotionRule::FreeDelivery) });
    let flash = PromotionRule::Flash(vec![FlashPrice { variant: VariantId(1), price: yuan(1) }]);
    shop.must(PublishPromotion { order: 9, ..promotion(9, flash) });
    let consumer =
        PromotionScope { seller_kind: Some(SellerKind::Individual), ..PromotionScope::default() };
    shop.must(PublishPromotion { order: 10, scope: consumer, ..off(10, 5) });
    shop.must(PublishPromotion { order: 11, exclusive: true, ..off(11, 5) });
    shop.buy(1, &[line(2, 1)]);
    // The cart has 100 yuan, less 5 of the first promotion.
    let expected = [
        (2, SkipReason::YieldsTo(PromotionId(1))),
        (3, SkipReason::NotReached { missing: yuan(205) }),
        (4, SkipReason::BudgetSpent),
        (5, SkipReason::NotFirstOrder),
        (6, SkipReason::BundleIncomplete),
        (7, SkipReason::NothingToDiscount),
        (8, SkipReason::NothingToDiscount),
        (9, SkipReason::FlashSoldOut),
        (10, SkipReason::NoUnits),
        (11, SkipReason::NoUnits),
    ];
    assert_eq!(skipped(&shop, &[line(1, 1)]), expected);
}

#[test]
fn coupons_say_why_they_do_not_help() {
    let mut shop = Shop::open();
    let off = |id| promotion(id, PromotionRule::AmountOff(yuan(5)));
    let later = Timestamp(shop.at + DAY);
    let windows = [(Timestamp(0), Timestamp(1)), (later, Timestamp(later.0 + 1))];
    for (id, (from, until)) in (1..).zip(windows) {
        shop.must(PublishPromotion { by_coupon: true, from, until, ..off(id) });
        let token = coupon(u8::try_from(id).unwrap());
        let coupons = vec![NewCoupon { coupon: token, buyer: None, single_use: false }];
        shop.must(IssueCoupons { promotion: PromotionId(id), number: 1, coupons });
    }
    let quote = shop.quote(buyer(1), &[line(1, 1)], &[coupon(1), coupon(2)]);
    let reasons: Vec<SkipReason> = quote.skipped.iter().map(|one| one.reason).collect();
    assert_eq!(reasons, [SkipReason::Over, SkipReason::NotStarted]);
    assert_eq!(quote.total, yuan(100));
}

#[test]
fn a_discount_is_split_to_the_cent_over_units_and_payers() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(Amount::of(1_000));
    let platform_share = Rate::from_ppm(333_333).unwrap();
    shop.must(PublishPromotion { platform_share, ..promotion(1, rule) });
    let quote = shop.quote(buyer(1), &[line(1, 3)], &[]);
    let shares = &quote.applied[0].shares;
    let amounts: Vec<u64> = shares.iter().map(|share| share.amount.minor()).collect();
    let platform: Vec<u64> = shares.iter().map(|share| share.platform.minor()).collect();
    assert_eq!(amounts, [334, 333, 333]);
    assert_eq!(platform, [111, 111, 111], "333 of 1,000");
    assert_eq!(quote.total, Amount::of(29_000));
}

#[test]
fn a_threshold_over_two_sellers_is_split_by_seller() {
    let mut shop = Shop::open();
    let rule = PromotionRule::Threshold(vec![step(yuan(140), yuan(14))]);
    shop.must(PublishPromotion { platform_share: Rate::ZERO, ..promotion(1, rule) });
    let quote = shop.quote(buyer(1), &[line(1, 1), line(3, 1)], &[]);
    let dues: Vec<Amount> = quote.parcels.iter().map(|parcel| parcel.due).collect();
    assert_eq!(dues, [yuan(90), yuan(36)]);
    assert_eq!(quote.total, yuan(126));
}

#[test]
fn rules_take_what_they_say() {
    let cents = |amount: u64| Amount::of(amount);
    let rate = |percent: u32| Rate::from_ppm(percent * 10_000).unwrap();
    let parts = vec![
        BundlePart { variant: VariantId(1), quantity: 1 },
        BundlePart { variant: VariantId(2), quantity: 1 },
    ];
    let flash = vec![FlashPrice { variant: VariantId(1), price: yuan(50) }];
    // The cart: 100, 100 and 60 yuan.
    for (rule, total) in [
        (PromotionRule::Percentage(rate(15)), cents(22_100)),
        (PromotionRule::AmountOff(yuan(1)), cents(25_900)),
        (PromotionRule::AmountOff(yuan(900)), cents(0)),
        (PromotionRule::EachFull(step(yuan(100), yuan(20))), cents(22_000)),
        (
            PromotionRule::Threshold(vec![step(yuan(100), yuan(5)), step(yuan(260), yuan(30))]),
            cents(23_000),
        ),
        (PromotionRule::Bundle(BundlePrice { parts, price: yuan(120) }), cents(22_000)),
        (PromotionRule::SecondCheaper(rate(50)), cents(21_000)),
        (PromotionRule::Flash(flash), cents(21_000)),
    ] {
        let mut shop = Shop::open();
        let is_flash = matches!(rule, PromotionRule::Flash(_));
        shop.must(promotion(1, rule.clone()));
        if is_flash {
            let (promotion, variant) = (PromotionId(1), VariantId(1));
            shop.must(AllotFlashStock { promotion, variant, number: 1, quantity: 1 });
        }
        let quote = shop.quote(buyer(1), &[line(1, 2), line(2, 1)], &[]);
        assert_eq!(quote.total, total, "{rule:?}");
    }
}

#[test]
fn an_exclusive_promotion_keeps_its_units() {
    let mut shop = Shop::open();
    let offers = PromotionScope { offers: vec![OfferId(2)], ..PromotionScope::default() };
    let half = PromotionRule::Percentage(Rate::from_ppm(500_000).unwrap());
    let alone = PublishPromotion { exclusive: true, scope: offers, ..promotion(1, half.clone()) };
    shop.must(PublishPromotion { order: 1, ..alone });
    shop.must(PublishPromotion { order: 2, ..promotion(2, half) });
    assert_eq!(shop.quote(buyer(1), &[line(1, 1), line(3, 1)], &[]).total, yuan(50 + 20));
}

#[test]
fn a_new_version_holds_from_its_time() {
    let mut shop = Shop::open();
    let off = |amount| PromotionRule::AmountOff(yuan(amount));
    shop.must(promotion(1, off(10)));
    let from = Timestamp(shop.at + 1_000);
    shop.must(PublishPromotion { version: 2, from, ..promotion(1, off(25)) });
    assert_eq!(shop.quote(buyer(1), &[line(1, 1)], &[]).total, yuan(90));
    shop.at += 1_000;
    assert_eq!(shop.quote(buyer(1), &[line(1, 1)], &[]).total, yuan(75));
}

#[test]
fn a_crossed_out_price_comes_from_the_journal() {
    let mut shop = Shop::open();
    let set = |number, price| SetPrice { variant: VariantId(1), number, price };
    let day = |shop: &mut Shop, day: u64| shop.at = day * DAY;
    day(&mut shop, 10);
    shop.must(set(2, yuan(80)));
    day(&mut shop, 12);
    shop.must(set(3, yuan(150)));
    shop.buy(1, &[line(1, 1)]);
    day(&mut shop, 30);
    shop.must(set(4, yuan(140)));
    shop.buy(2, &[line(1, 1)]);
    day(&mut shop, 41);
    shop.must(set(5, yuan(70)));
    let reference =
        |day: u64, rule| shop.market.reference_price(VariantId(1), rule, Timestamp(day * DAY));
    let (union, china) =
        (ReferencePriceRule::LowestOf30Days, ReferencePriceRule::LowestDealOf7Days);
    assert_eq!(reference(41, union), Some(yuan(80)), "from day 11 on");
    assert_eq!(reference(43, union), Some(yuan(70)));
    assert_eq!(reference(41, china), Some(yuan(140)), "no deal in 7 days: the last one");
    assert_eq!(reference(31, china), Some(yuan(140)));
    assert_eq!(reference(13, china), Some(yuan(150)));
    assert_eq!(reference(5, china), None, "nobody bought it");
    let rule = |code: &str| ReferencePriceRule::of(code.parse().unwrap());
    assert_eq!((rule("CN"), rule("DE"), rule("US")), (Some(china), Some(union), None));
}
