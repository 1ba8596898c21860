//! N clients and a cap of K: exactly K.

use books::Timestamp;
use market::*;
use money::Amount;

use crate::shop::{Shop, buyer, coupon, line, promotion, yuan};

const CLIENTS: u16 = 40;

/// Each client tries to buy one unit; the others of the cap pay more, are asked again, and give up.
fn winners(
    shop: &mut Shop,
    of: impl Fn(u16) -> BuyerToken,
    total: Amount,
    coupons: &[CouponToken],
) -> usize {
    let wins = (0..CLIENTS).filter(|&client| {
        let checkout = Checkout {
            order: OrderId(u64::from(client) + 1),
            buyer: of(client),
            currency: money::Currency::CNY,
            lines: vec![line(1, 1)],
            coupons: coupons.to_vec(),
            reservation: None,
            total,
        };
        shop.give(checkout).is_ok()
    });
    wins.count()
}

#[test]
fn stock() {
    let mut shop = Shop::open();
    let (variant, reason) = (VariantId(1), StockReason::Withdrawn);
    shop.must(AdjustStock { variant, number: 2, quantity: 93, reason });
    assert_eq!(winners(&mut shop, buyer, yuan(100), &[]), 7);
    let answer = shop.give(Checkout { total: yuan(100), ..cart_of_one() });
    assert_eq!(answer, Err(MarketRefusal::NotEnoughStock(VariantId(1), 0)));
}

fn cart_of_one() -> Checkout {
    Checkout {
        order: OrderId(999),
        buyer: buyer(1),
        currency: money::Currency::CNY,
        lines: vec![line(1, 1)],
        coupons: Vec::new(),
        reservation: None,
        total: yuan(100),
    }
}

#[test]
fn uses_of_a_promotion() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(yuan(30));
    shop.must(PublishPromotion { uses_max: Some(9), ..promotion(1, rule) });
    assert_eq!(winners(&mut shop, buyer, yuan(70), &[]), 9);
    assert_eq!(shop.market.promotion_use(PromotionId(1)), Some((9, yuan(270))));
}

#[test]
fn several_codes_share_the_cap_of_their_promotion() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(yuan(30));
    let terms = PublishPromotion { uses_max: Some(5), by_coupon: true, ..promotion(1, rule) };
    shop.must(terms);
    let shared = |number: u8| NewCoupon { coupon: coupon(number), buyer: None, single_use: false };
    let coupons = vec![shared(1), shared(2)];
    shop.must(IssueCoupons { promotion: PromotionId(1), number: 1, coupons });
    let mut wins = 0;
    for client in 0..CLIENTS {
        let code = coupon(u8::try_from(client % 2 + 1).unwrap());
        let mut checkout = cart_of_one();
        checkout.order = OrderId(u64::from(client) + 1);
        (checkout.coupons, checkout.total) = (vec![code], yuan(70));
        wins += usize::from(shop.give(checkout).is_ok());
    }
    assert_eq!(wins, 5);
}

#[test]
fn a_coupon_for_single_use() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(yuan(30));
    shop.must(PublishPromotion { by_coupon: true, ..promotion(1, rule) });
    let coupons = vec![NewCoupon { coupon: coupon(1), buyer: None, single_use: true }];
    shop.must(IssueCoupons { promotion: PromotionId(1), number: 1, coupons });
    assert_eq!(winners(&mut shop, buyer, yuan(70), &[coupon(1)]), 1);
    let again = Checkout { coupons: vec![coupon(1)], total: yuan(70), ..cart_of_one() };
    shop.refused(again.clone(), MarketRefusal::CouponUsed(coupon(1)));
    // The order is cancelled, and the promotion releases its coupon.
    let parcel = shop.parcels(1)[0];
    shop.note(books::Event::ParcelCancelled { parcel });
    shop.must(again);
}

#[test]
fn the_limit_of_a_buyer() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(yuan(30));
    shop.must(PublishPromotion { per_buyer_max: Some(3), ..promotion(1, rule) });
    assert_eq!(winners(&mut shop, |client| buyer(client % 2), yuan(70), &[]), 6);
}

#[test]
fn a_budget_to_the_cent() {
    let mut shop = Shop::open();
    let rule = PromotionRule::AmountOff(yuan(30));
    let budget = Some(Amount::of(4 * 3_000 + 2_999));
    shop.must(PublishPromotion { budget, ..promotion(1, rule) });
    assert_eq!(winners(&mut shop, buyer, yuan(70), &[]), 4);
    assert_eq!(shop.market.promotion_use(PromotionId(1)), Some((4, yuan(120))));
}

#[test]
fn the_stock_of_a_flash_price() {
    let mut shop = Shop::open();
    let prices = vec![FlashPrice { variant: VariantId(1), price: yuan(1) }];
    shop.must(promotion(1, PromotionRule::Flash(prices)));
    let (promotion, variant) = (PromotionId(1), VariantId(1));
    shop.must(AllotFlashStock { promotion, variant, number: 1, quantity: 6 });
    assert_eq!(shop.left(1), 94, "they are set aside");
    assert_eq!(winners(&mut shop, buyer, yuan(1), &[]), 6);
    shop.must(EndPromotion { promotion });
    assert_eq!(shop.left(1), 94, "none is left to give back");
}

#[test]
fn units_of_ended_reservations_are_sold_without_a_sweep() {
    let mut shop = Shop::open();
    for client in 0..10 {
        shop.must(ReserveUnits {
            reservation: ReservationId(u64::from(client)),
            buyer: buyer(client),
            lines: vec![line(1, 10)],
            until: Timestamp(shop.at + 60_000),
        });
    }
    assert_eq!(winners(&mut shop, buyer, yuan(100), &[]), 0);
    shop.at += 60_000;
    assert_eq!(winners(&mut shop, buyer, yuan(100), &[]), usize::from(CLIENTS));
    assert_eq!(shop.left(1), 60);
    shop.must(EndReservations { limit: 100 });
    assert_eq!(shop.left(1), 60);
}
