//! What is impossible in a promotion, and which promotions meet.

use books::{SellerId, Timestamp};
use market::conflicts::{OverlapKind, impossible, overlaps};
use market::*;
use money::{Amount, Rate};

use crate::shop::{DAY, Shop, line, promotion, step, yuan};

fn off() -> PromotionRule {
    PromotionRule::AmountOff(yuan(5))
}

#[test]
fn impossible_promotions_are_refused_with_the_reason() {
    let mut shop = Shop::open();
    let flash = |price| vec![FlashPrice { variant: VariantId(1), price }];
    let part = |quantity| BundlePart { variant: VariantId(1), quantity };
    let bundle = |parts, price| PromotionRule::Bundle(BundlePrice { parts, price });
    let cases = [
        (PublishPromotion { until: Timestamp(0), ..promotion(1, off()) }, PromotionFault::Window),
        (promotion(1, PromotionRule::AmountOff(Amount::ZERO)), PromotionFault::Zero),
        (promotion(1, PromotionRule::Percentage(Rate::ZERO)), PromotionFault::Zero),
        (promotion(1, PromotionRule::Threshold(Vec::new())), PromotionFault::ListLength),
        (
            promotion(1, PromotionRule::Threshold(vec![step(Amount::ZERO, yuan(1))])),
            PromotionFault::Zero,
        ),
        (
            promotion(1, PromotionRule::EachFull(step(yuan(5), Amount::of(501)))),
            PromotionFault::PaysTheBuyer,
        ),
        (
            promotion(
                1,
                PromotionRule::Threshold(vec![step(yuan(5), yuan(2)), step(yuan(9), yuan(2))]),
            ),
            PromotionFault::StepsDoNotRise,
        ),
        (promotion(1, PromotionRule::Flash(flash(Amount::ZERO))), PromotionFault::Zero),
        (
            promotion(1, PromotionRule::Flash([flash(yuan(1)), flash(yuan(2))].concat())),
            PromotionFault::ListedTwice,
        ),
        (promotion(1, bundle(vec![part(0)], yuan(1))), PromotionFault::Zero),
        (PublishPromotion { uses_max: Some(0), ..promotion(1, off()) }, PromotionFault::CapOfZero),
        (
            PublishPromotion { broken_threshold: BrokenThreshold::ClawBack, ..promotion(1, off()) },
            PromotionFault::ClawBackWithoutThreshold,
        ),
        (
            PublishPromotion { yields_to: vec![PromotionId(1)], ..promotion(1, off()) },
            PromotionFault::CircularYielding(PromotionId(1)),
        ),
        (
            PublishPromotion { floor: Amount::ENTRY_MAX, ..promotion(1, off()) },
            PromotionFault::FloorAbovePrice,
        ),
        (
            PublishPromotion {
                floor: yuan(2),
                ..promotion(1, PromotionRule::Flash(flash(yuan(1))))
            },
            PromotionFault::FloorAbovePrice,
        ),
        (
            PublishPromotion {
                floor: Amount::of(34),
                ..promotion(1, bundle(vec![part(3)], yuan(1)))
            },
            PromotionFault::FloorAbovePrice,
        ),
    ];
    for (terms, fault) in cases {
        let alone = impossible(std::slice::from_ref(&terms));
        assert_eq!(alone[0].reason, MarketRefusal::Promotion(fault), "{terms:?}");
        shop.refused(terms, MarketRefusal::Promotion(fault));
    }
}

#[test]
fn a_list_is_checked_for_its_versions_and_for_promotions_that_are_not_there() {
    let version = |version, rule| PublishPromotion { version, ..promotion(1, rule) };
    let reason = |list: &[PublishPromotion]| impossible(list).pop().map(|one| one.reason);
    let wrong = |next| Some(MarketRefusal::Books(books::Refusal::WrongSequenceNumber(next)));
    assert_eq!(reason(&[version(0, off())]), wrong(1));
    assert_eq!(reason(&[version(3, off()), version(4, off())]), None);
    assert_eq!(reason(&[version(1, off()), version(1, off())]), wrong(2), "doubled");
    assert_eq!(reason(&[version(2, off()), version(1, off())]), wrong(3), "falling");
    let flash = vec![FlashPrice { variant: VariantId(1), price: yuan(1) }];
    let changed = Some(MarketRefusal::Promotion(PromotionFault::KindChanged));
    assert_eq!(reason(&[version(1, off()), version(2, PromotionRule::Flash(flash))]), changed);
    let yields_to = vec![PromotionId(9)];
    let missing = MissingMarketRecord::Promotion(PromotionId(9));
    let yielding = PublishPromotion { yields_to, ..promotion(1, off()) };
    assert_eq!(reason(&[yielding]), Some(MarketRefusal::NotFound(missing)));
    let budget = Some(Amount::of(Amount::ENTRY_MAX.minor() + 1));
    let above = books::Refusal::AmountAboveLimit(Amount::of(Amount::ENTRY_MAX.minor() + 1));
    let rich = PublishPromotion { budget, ..promotion(1, off()) };
    assert_eq!(reason(&[rich]), Some(MarketRefusal::Books(above)));
}

#[test]
fn two_persons_publish_what_one_seller_does_not_pay_alone() {
    let mut shop = Shop::open();
    let by = |first, second| PublishPromotion {
        proposed_by: first,
        approved_by: second,
        ..promotion(1, off())
    };
    let (one, other) = (Some(books::PersonId(1)), Some(books::PersonId(2)));
    for (first, second) in [(one, one), (one, None), (None, other)] {
        shop.refused(by(first, second), MarketRefusal::Books(books::Refusal::SamePerson));
    }
    shop.must(by(one, other));
    let of = |sellers: Vec<SellerId>, ppm| PublishPromotion {
        scope: PromotionScope { sellers, ..PromotionScope::default() },
        platform_share: Rate::from_ppm(ppm).unwrap(),
        ..promotion(2, off())
    };
    let own = of(vec![SellerId(1)], 0);
    assert_eq!(own.only_seller(), Some(SellerId(1)));
    for shared in [of(vec![], 0), of(vec![SellerId(1), SellerId(2)], 0), of(vec![SellerId(1)], 1)] {
        assert_eq!(shared.only_seller(), None);
        assert!(MarketCommand::from(shared).lacks_two_persons());
    }
    assert!(!MarketCommand::from(own).lacks_two_persons());
}

#[test]
fn a_share_above_the_whole_is_no_share() {
    assert_eq!(Rate::from_ppm(1_000_001), None);
    let mut json = serde_json::to_value(promotion(1, off())).unwrap();
    json["platform_share"] = 1_000_001.into();
    assert!(serde_json::from_value::<PublishPromotion>(json).is_err());
}

#[test]
fn yielding_in_a_circle_is_refused() {
    let mut shop = Shop::open();
    let yields = |id, to: &[u64], order| PublishPromotion {
        yields_to: to.iter().copied().map(PromotionId).collect(),
        order,
        ..promotion(id, off())
    };
    shop.must(yields(1, &[], 1));
    shop.must(yields(2, &[1], 2));
    shop.must(yields(3, &[2], 3));
    let again = PublishPromotion { version: 2, ..yields(1, &[3], 4) };
    let fault = PromotionFault::CircularYielding(PromotionId(3));
    shop.refused(again, MarketRefusal::Promotion(fault));
    let fault = PromotionFault::YieldsToLater(PromotionId(3));
    shop.refused(yields(4, &[3], 2), MarketRefusal::Promotion(fault));
    let circle = [yields(1, &[3], 1), yields(2, &[1], 2), yields(3, &[2], 3)];
    assert_eq!(impossible(&circle).len(), 3);
}

#[test]
fn a_cap_below_what_is_used_is_refused() {
    let mut shop = Shop::open();
    shop.must(promotion(1, off()));
    shop.buy(1, &[line(1, 1)]);
    shop.buy(2, &[line(1, 1)]);
    let next =
        |uses_max, budget| PublishPromotion { version: 2, uses_max, budget, ..promotion(1, off()) };
    let fault = |fault| MarketRefusal::Promotion(fault);
    shop.refused(next(Some(1), None), fault(PromotionFault::UsesBelowUsed(2)));
    shop.refused(next(None, Some(yuan(9))), fault(PromotionFault::BudgetBelowSpent(yuan(10))));
    shop.must(next(Some(2), Some(yuan(10))));
    assert_eq!(shop.buy(3, &[line(1, 1)]), yuan(100), "both caps are reached");
}

#[test]
fn promotions_that_meet_are_found() {
    let offers = |ids: &[u64]| PromotionScope {
        offers: ids.iter().copied().map(OfferId).collect(),
        ..PromotionScope::default()
    };
    let all = [
        PublishPromotion { order: 1, scope: offers(&[1]), ..promotion(1, off()) },
        PublishPromotion { order: 1, scope: offers(&[1, 2]), ..promotion(2, off()) },
        PublishPromotion { order: 2, scope: offers(&[2]), exclusive: true, ..promotion(3, off()) },
        PublishPromotion {
            order: 3,
            scope: offers(&[1]),
            from: Timestamp(1_000 * DAY),
            until: Timestamp(1_001 * DAY),
            ..promotion(4, off())
        },
        PublishPromotion { order: 5, ..promotion(5, off()) },
        promotion(6, PromotionRule::FreeDelivery),
    ];
    let found: Vec<(u64, u64, OverlapKind)> =
        overlaps(&all).iter().map(|one| (one.first.0, one.second.0, one.kind)).collect();
    let expected = [
        (1, 2, OverlapKind::SameOrder),
        (1, 5, OverlapKind::Stacks),
        (2, 3, OverlapKind::Excludes),
        (2, 5, OverlapKind::Stacks),
        (3, 5, OverlapKind::Excludes),
    ];
    assert_eq!(found, expected);
}
