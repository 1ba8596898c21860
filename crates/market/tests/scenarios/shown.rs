//! What a shop window shows.

use books::SellerKind;
use market::*;
use money::{Amount, Rate};

use crate::shop::{DAY, Shop, line, promotion, yuan};

fn tags(shop: &Shop, offer: u64) -> Vec<u64> {
    let mut now = shop.market.promotions_now(books::Timestamp(shop.at));
    now.of(OfferId(offer)).iter().map(|one| one.promotion.0).collect()
}

#[test]
fn promotions_are_shown_while_they_hold_and_where_they_apply() {
    let mut shop = Shop::open();
    let off = |id, order| PublishPromotion {
        order,
        ..promotion(id, PromotionRule::Percentage(Rate::from_ppm(100_000).unwrap()))
    };
    let scope = |offers: &[u64]| PromotionScope {
        offers: offers.iter().map(|offer| OfferId(*offer)).collect(),
        ..PromotionScope::default()
    };
    shop.must(off(1, 9));
    shop.must(PublishPromotion { scope: scope(&[2]), ..off(2, 1) });
    shop.must(PublishPromotion { by_coupon: true, ..off(3, 2) });
    let later = books::Timestamp(shop.at + DAY);
    shop.must(PublishPromotion { from: later, ..off(4, 3) });
    let business =
        PromotionScope { seller_kind: Some(SellerKind::Business), ..PromotionScope::default() };
    shop.must(PublishPromotion { scope: business, uses_max: Some(1), ..off(5, 4) });
    assert_eq!((tags(&shop, 1), tags(&shop, 2)), (vec![5, 1], vec![2, 1]));
    // Its one use is used.
    shop.buy(1, &[line(1, 1)]);
    assert_eq!(tags(&shop, 1), [1]);
    shop.must(EndPromotion { promotion: PromotionId(2) });
    assert_eq!(tags(&shop, 2), [1]);
    shop.at += DAY;
    assert_eq!(tags(&shop, 2), [4, 1]);
    assert_eq!(tags(&shop, 99), [0_u64; 0]);
}

#[test]
fn a_price_is_crossed_out_only_where_the_rule_gives_a_higher_one() {
    let mut shop = Shop::open();
    let shown = |shop: &Shop, rule| -> Vec<(u64, Amount, Option<Amount>, u32)> {
        let at = books::Timestamp(shop.at);
        let all = shop.market.shown_variants(OfferId(1), rule, at);
        all.iter()
            .map(|one| (one.variant.variant.0, one.variant.price, one.reference, one.left))
            .collect()
    };
    let rule = Some(ReferencePriceRule::LowestOf30Days);
    let first = [(1, yuan(100), None, 100), (2, yuan(60), None, 100)];
    assert_eq!(shown(&shop, rule), first);
    shop.at += DAY;
    shop.must(SetPrice { variant: VariantId(1), number: 2, price: yuan(80) });
    shop.must(SetPrice { variant: VariantId(2), number: 2, price: yuan(70) });
    let now = [(1, yuan(80), Some(yuan(100)), 100), (2, yuan(70), None, 100)];
    assert_eq!(shown(&shop, rule), now);
    assert!(shown(&shop, None).iter().all(|one| one.2.is_none()));
    // A flash price is shown with the units that it has.
    let flash = PromotionRule::Flash(vec![FlashPrice { variant: VariantId(1), price: yuan(10) }]);
    shop.must(promotion(7, flash));
    let allot = |number, quantity| AllotFlashStock {
        promotion: PromotionId(7),
        variant: VariantId(1),
        number,
        quantity,
    };
    let flash_of = |shop: &Shop| {
        let at = books::Timestamp(shop.at);
        shop.market.shown_variants(OfferId(1), None, at)[0].flash
    };
    assert_eq!(flash_of(&shop), None);
    shop.must(allot(1, 3));
    assert_eq!(flash_of(&shop), Some((yuan(10), 3)));
    shop.buy(1, &[line(1, 3)]);
    assert_eq!(flash_of(&shop), None);
}
