//! Refunds in every order after every kind of promotion.

use books::{Command, Event};
use market::*;
use money::{Amount, Rate};

use crate::shop::{DAY, Shop, buyer, line, promotion, step, yuan};

fn rate(percent: u32) -> Rate {
    Rate::from_ppm(percent * 10_000).unwrap()
}

fn rules() -> Vec<PromotionRule> {
    let parts = vec![
        BundlePart { variant: VariantId(1), quantity: 1 },
        BundlePart { variant: VariantId(3), quantity: 1 },
    ];
    vec![
        PromotionRule::Percentage(rate(33)),
        PromotionRule::AmountOff(Amount::of(1_001)),
        PromotionRule::Threshold(vec![step(yuan(150), yuan(20)), step(yuan(250), yuan(50))]),
        PromotionRule::EachFull(step(yuan(90), Amount::of(1_111))),
        PromotionRule::Bundle(BundlePrice { parts, price: yuan(111) }),
        PromotionRule::SecondCheaper(rate(50)),
        PromotionRule::FreeDelivery,
        PromotionRule::Flash(vec![FlashPrice { variant: VariantId(1), price: yuan(77) }]),
    ]
}

/// All orders of four units.
fn permutations() -> Vec<Vec<u16>> {
    let mut all: Vec<Vec<u16>> = vec![Vec::new()];
    for _ in 0..4 {
        let longer = |one: &Vec<u16>| {
            let rest = (0..4).filter(|unit| !one.contains(unit));
            rest.map(|unit| one.iter().copied().chain([unit]).collect()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// A shop in which two promotions apply: the rule, and 7 yuan off for each full 50.
fn shop_with(rule: PromotionRule, broken: BrokenThreshold) -> Shop {
    let mut shop = Shop::open();
    let mut admission = crate::shop::admission(1, books::SellerKind::Business);
    (admission.number, admission.delivery_fee) = (2, yuan(8));
    shop.must(admission);
    let flash = matches!(rule, PromotionRule::Flash(_));
    let threshold = matches!(rule, PromotionRule::Threshold(_) | PromotionRule::EachFull(_));
    let of_rule = if threshold { broken } else { BrokenThreshold::Keep };
    shop.must(PublishPromotion { broken_threshold: of_rule, ..promotion(1, rule) });
    if flash {
        let (promotion, variant) = (PromotionId(1), VariantId(1));
        shop.must(AllotFlashStock { promotion, variant, number: 1, quantity: 1 });
    }
    let second = promotion(2, PromotionRule::EachFull(step(yuan(50), yuan(7))));
    let platform_share = rate(35);
    shop.must(PublishPromotion { broken_threshold: broken, order: 20, platform_share, ..second });
    shop
}

#[test]
fn what_was_paid_less_what_was_given_back_is_what_is_kept() {
    for rule in rules() {
        for broken in [BrokenThreshold::Keep, BrokenThreshold::ClawBack] {
            for order in permutations() {
                let mut shop = shop_with(rule.clone(), broken);
                let paid = shop.buy(1, &[line(1, 2), line(2, 1), line(3, 1)]).minor();
                shop.deliver(1);
                let mut kept_before = paid;
                for (returned, unit) in order.iter().enumerate() {
                    let units = vec![*unit];
                    shop.must(ReturnUnits { order: OrderId(1), units, resellable: true });
                    let (kept, owed) = shop.money(1);
                    assert_eq!(paid - owed, kept, "{rule:?} {broken:?} {order:?}");
                    assert!(kept <= kept_before, "a return costs nothing: {rule:?} {order:?}");
                    // What is kept is never worth less than its share of what was paid.
                    let view = shop.market.order_view(OrderId(1)).unwrap();
                    let still = view.units.iter().filter(|one| one.state == UnitState::Kept);
                    assert_eq!(still.count(), 3 - returned);
                    kept_before = kept;
                }
                assert_eq!(shop.money(1), (0, paid), "everything is given back");
                assert_eq!([1, 2, 3].map(|variant| shop.left(variant))[1..], [100, 100]);
                for promotion in [1, 2] {
                    let used = shop.market.promotion_use(PromotionId(promotion));
                    assert_eq!(used, Some((0, Amount::ZERO)), "{rule:?} {broken:?} {order:?}");
                }
            }
        }
    }
}

#[test]
fn a_broken_threshold_is_clawed_back_or_kept() {
    let rule = PromotionRule::Threshold(vec![step(yuan(150), yuan(30))]);
    for (broken, kept) in [(BrokenThreshold::ClawBack, 10_000), (BrokenThreshold::Keep, 8_125)] {
        let mut shop = Shop::open();
        shop.must(PublishPromotion { broken_threshold: broken, ..promotion(1, rule.clone()) });
        // 100 and 60 yuan, 30 off: 81.25 and 48.75.
        assert_eq!(shop.buy(1, &[line(1, 1), line(2, 1)]), yuan(130));
        shop.deliver(1);
        shop.must(ReturnUnits { order: OrderId(1), units: vec![1], resellable: true });
        assert_eq!(shop.money(1), (kept, 13_000 - kept));
    }
}

#[test]
fn a_return_never_costs_more_than_its_refund() {
    let mut shop = Shop::open();
    shop.must(draft_cheap());
    shop.must(SetOfferState { offer: OfferId(9), number: 1, state: OfferState::Listed });
    shop.stock(9, 1, 5);
    let rule = PromotionRule::Threshold(vec![step(Amount::of(10_001), yuan(50))]);
    let broken_threshold = BrokenThreshold::ClawBack;
    shop.must(PublishPromotion { broken_threshold, ..promotion(1, rule) });
    assert_eq!(shop.buy(1, &[line(1, 1), line(9, 1)]), Amount::of(5_001));
    shop.deliver(1);
    shop.must(ReturnUnits { order: OrderId(1), units: vec![1], resellable: true });
    assert_eq!(shop.money(1), (5_001, 0), "the unit of one cent is not worth the discount");
}

fn draft_cheap() -> DraftOffer {
    crate::shop::draft(9, 1, &[(9, Amount::of(1))])
}

#[test]
fn a_part_is_accepted_at_the_door() {
    let mut shop = shop_with(rules()[2].clone(), BrokenThreshold::ClawBack);
    shop.buy(1, &[line(1, 2), line(2, 1), line(3, 1)]);
    let parcel = shop.parcels(1)[0];
    let due = |shop: &Shop| shop.market.order_view(OrderId(1)).unwrap().parcels[0].due;
    let before = due(&shop);
    let books = shop.must(AcceptUnits { parcel, units: vec![0, 2] });
    let after = due(&shop);
    assert!(after < before);
    let Command::AcceptPart(part) = &books[0] else { panic!("{books:?}") };
    assert_eq!((part.parcel, part.accepted), (parcel, after));
    assert_eq!(shop.left(1), 98, "the unit is on its way back");
    shop.refused(
        ReceiveUnits { order: OrderId(1), units: vec![1], resellable: true },
        MarketRefusal::UnitState(1),
    );
    shop.deliver(1);
    shop.must(ReceiveUnits { order: OrderId(1), units: vec![1], resellable: true });
    assert_eq!(shop.left(1), 99);
    assert_eq!(shop.money(1).1, 0, "nothing was paid for it");
}

#[test]
fn a_refused_parcel_is_stock_again_when_it_is_back() {
    let mut shop = Shop::open();
    shop.must(PublishPromotion {
        uses_max: Some(1),
        ..promotion(1, PromotionRule::AmountOff(yuan(10)))
    });
    shop.buy(1, &[line(1, 1), line(3, 1)]);
    let parcels = shop.parcels(1);
    for parcel in &parcels {
        shop.note(Event::ParcelRefused { parcel: *parcel });
    }
    assert_eq!(shop.money(1), (0, 0));
    assert_eq!(shop.market.promotion_use(PromotionId(1)), Some((0, Amount::ZERO)));
    assert_eq!((shop.left(1), shop.left(3)), (99, 99));
    shop.note(Event::ParcelLost { parcel: parcels[0] });
    let returned = Event::ParcelReturned {
        parcel: parcels[1],
        seller: books::SellerId(2),
        fee: Amount::ZERO,
        vat: Amount::ZERO,
        paid_by: books::DamagePayer::Doorstep,
        tariff: books::TariffVersion::default(),
    };
    shop.note(returned);
    assert_eq!((shop.left(1), shop.left(3)), (99, 100), "a lost unit never comes back");
    // Two refusals are the limit of the profile; each can be appealed, and each ends.
    shop.refused(shop.cart(2, buyer(1), &[line(2, 1)]), MarketRefusal::TooManyRefusals(2));
    shop.must(AcceptAppeal { parcel: parcels[0] });
    let checkout = shop.cart(2, buyer(1), &[line(2, 1)]);
    shop.must(checkout);
    let missing = MissingMarketRecord::OpenRefusal(parcels[0]);
    shop.refused(AcceptAppeal { parcel: parcels[0] }, MarketRefusal::NotFound(missing));
}

#[test]
fn an_order_is_cancelled_before_dispatch() {
    let mut shop = Shop::open();
    shop.buy(1, &[line(1, 1), line(3, 1)]);
    let books = shop.must(CancelOrder { order: OrderId(1) });
    assert_eq!(books.len(), 2, "both parcels: {books:?}");
    for parcel in shop.parcels(1) {
        shop.note(Event::ParcelCancelled { parcel });
    }
    assert_eq!((shop.left(1), shop.left(3)), (100, 100));
    let repeated = MarketRefusal::Books(books::Refusal::Repeated);
    shop.refused(CancelOrder { order: OrderId(1) }, repeated);
    shop.buy(2, &[line(1, 1)]);
    shop.deliver(2);
    shop.refused(
        CancelOrder { order: OrderId(2) },
        MarketRefusal::Books(books::Refusal::ParcelState),
    );
}

#[test]
fn the_return_window_ends() {
    let mut shop = Shop::open();
    shop.buy(1, &[line(1, 2)]);
    shop.refused(
        ReturnUnits { order: OrderId(1), units: vec![0], resellable: true },
        MarketRefusal::UnitState(0),
    );
    shop.deliver(1);
    shop.at += 7 * DAY - 1;
    shop.must(ReturnUnits { order: OrderId(1), units: vec![0], resellable: false });
    assert_eq!(shop.left(1), 98, "written off");
    shop.at += 1;
    shop.refused(
        ReturnUnits { order: OrderId(1), units: vec![1], resellable: true },
        MarketRefusal::ReturnWindowOver(1),
    );
}

#[test]
fn a_refusal_ends_with_its_days() {
    let mut shop = Shop::open();
    for order in [1, 2] {
        shop.buy(order, &[line(1, 1)]);
        let parcel = shop.parcels(order)[0];
        shop.note(Event::ParcelRefused { parcel });
    }
    let checkout = shop.cart(3, buyer(1), &[line(2, 1)]);
    shop.at += 30 * DAY - 1;
    shop.refused(checkout.clone(), MarketRefusal::TooManyRefusals(2));
    shop.at += 1;
    shop.must(checkout);
}

/// An order of two sellers: three units at 20 yuan of variant 8, and one at 60 of variant 9; 10
/// yuan off from 100 on.
fn two_sellers() -> (Shop, [books::ParcelId; 2]) {
    let mut shop = Shop::open();
    for (offer, seller, variant, price) in [(8, 1, 8, yuan(20)), (9, 2, 9, yuan(60))] {
        shop.must(crate::shop::draft(offer, seller, &[(variant, price)]));
        let state = OfferState::Listed;
        shop.must(SetOfferState { offer: OfferId(offer), number: 1, state });
        shop.stock(variant, 1, 10);
    }
    let rule = PromotionRule::Threshold(vec![step(yuan(100), yuan(10))]);
    let broken_threshold = BrokenThreshold::ClawBack;
    shop.must(PublishPromotion { broken_threshold, ..promotion(1, rule) });
    assert_eq!(shop.buy(1, &[line(8, 3), line(9, 1)]), yuan(110));
    let parcels = shop.parcels(1);
    (shop, [parcels[0], parcels[1]])
}

fn dues(shop: &Shop) -> [(u64, u64); 2] {
    let parcels = &shop.market.order_view(OrderId(1)).unwrap().parcels;
    [0, 1].map(|place| (parcels[place].due.minor(), parcels[place].owed.minor()))
}

#[test]
fn a_parcel_bears_the_claw_back_of_its_own_units_only() {
    // One of three is kept: it costs what it costs alone, and the other seller's parcel stays.
    let (mut shop, [first, second]) = two_sellers();
    assert_eq!(dues(&shop), [(5_500, 0), (5_500, 0)]);
    shop.must(AcceptUnits { parcel: first, units: vec![0] });
    assert_eq!(dues(&shop), [(2_000, 0), (5_500, 0)]);
    shop.note(Event::ParcelRefused { parcel: second });
    assert_eq!(dues(&shop), [(2_000, 0), (0, 0)], "nobody has paid, so nothing is owed");
    // The other way round.
    let (mut shop, [first, second]) = two_sellers();
    shop.note(Event::ParcelRefused { parcel: second });
    assert_eq!(dues(&shop), [(5_500, 0), (0, 0)], "a whole parcel keeps its price");
    shop.must(AcceptUnits { parcel: first, units: vec![0] });
    assert_eq!(dues(&shop), [(2_000, 0), (0, 0)]);
}

#[test]
fn units_of_two_parcels_that_are_returned_together_are_owed_by_their_own_sellers() {
    let (mut shop, parcels) = two_sellers();
    shop.deliver(1);
    shop.must(ReturnUnits { order: OrderId(1), units: vec![0, 1, 3], resellable: true });
    // The unit that stays costs 20; the other parcel nothing.
    assert_eq!(dues(&shop), [(5_500, 3_500), (5_500, 5_500)]);
    assert_eq!(shop.parcels(1), parcels);
}
