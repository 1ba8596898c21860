//! Bad input: a clear refusal, and nothing half taken.

use books::{SellerId, SellerKind, Timestamp};
use market::*;
use money::Amount;

use crate::shop::{Shop, buyer, coupon, line, promotion, yuan};

fn missing(record: MissingMarketRecord) -> MarketRefusal {
    MarketRefusal::NotFound(record)
}

fn repeated() -> MarketRefusal {
    MarketRefusal::Books(books::Refusal::Repeated)
}

#[test]
fn carts_that_are_too_long_too_large_or_empty() {
    let mut shop = Shop::open();
    let cart = |lines: Vec<CartLine>| Checkout {
        order: OrderId(1),
        buyer: buyer(1),
        currency: money::Currency::CNY,
        lines,
        coupons: Vec::new(),
        reservation: None,
        total: yuan(1),
    };
    shop.refused(cart(vec![line(1, 1); 10_000]), MarketRefusal::CartLines);
    shop.refused(cart(Vec::new()), MarketRefusal::CartLines);
    shop.refused(cart(vec![line(1, 0)]), MarketRefusal::UnitCount);
    shop.refused(cart(vec![line(1, u32::MAX)]), MarketRefusal::UnitCount);
    shop.refused(cart(vec![line(1, 600), line(2, 600)]), MarketRefusal::UnitCount);
    let unknown = missing(MissingMarketRecord::Variant(VariantId(99)));
    shop.refused(cart(vec![line(1, 1), line(99, 1)]), unknown);
    let json = r#"{"variant": "1", "quantity": 9223372036854775808}"#;
    assert!(serde_json::from_str::<CartLine>(json).is_err(), "a quantity of 2^63");
}

#[test]
fn lines_of_one_variant_are_added_up_before_the_stock_is_checked() {
    let mut shop = Shop::open();
    let checkout = shop.cart(1, buyer(1), &[line(1, 60), line(3, 1), line(1, 41)]);
    shop.refused(checkout, MarketRefusal::NotEnoughStock(VariantId(1), 100));
    shop.buy(1, &[line(1, 60), line(3, 1), line(1, 40)]);
    assert_eq!((shop.left(1), shop.left(3)), (0, 99));
}

#[test]
fn a_price_that_changed_between_quote_and_order() {
    let mut shop = Shop::open();
    let checkout = shop.cart(1, buyer(1), &[line(1, 1)]);
    shop.must(SetPrice { variant: VariantId(1), number: 2, price: yuan(101) });
    shop.refused(checkout, MarketRefusal::PriceChanged(yuan(100), yuan(101)));
}

#[test]
fn the_same_checkout_fifty_times() {
    let mut shop = Shop::open();
    let checkout = shop.cart(1, buyer(1), &[line(1, 2)]);
    shop.must(checkout.clone());
    for _ in 0..50 {
        shop.refused(checkout.clone(), repeated());
    }
    let other = Checkout { lines: vec![line(1, 1)], total: yuan(100), ..checkout };
    shop.refused(other, MarketRefusal::Books(books::Refusal::IdentifierTaken));
    assert_eq!(shop.left(1), 98);
}

#[test]
fn coupons_that_are_not_the_buyers() {
    let mut shop = Shop::open();
    for id in [1, 2] {
        let off = promotion(id, PromotionRule::AmountOff(yuan(5)));
        shop.must(PublishPromotion { by_coupon: true, ..off });
    }
    let of = |number, buyer| NewCoupon { coupon: coupon(number), buyer, single_use: true };
    let coupons = vec![of(1, Some(buyer(2))), of(2, None), of(3, None)];
    let issue = IssueCoupons { promotion: PromotionId(1), number: 1, coupons };
    shop.must(issue.clone());
    shop.refused(issue.clone(), repeated());
    let again = IssueCoupons { promotion: PromotionId(2), ..issue };
    shop.refused(again, MarketRefusal::CouponIssued(coupon(1)));
    let with = |coupons: Vec<CouponToken>| Checkout {
        order: OrderId(1),
        buyer: buyer(1),
        currency: money::Currency::CNY,
        lines: vec![line(1, 1)],
        coupons,
        reservation: None,
        total: yuan(95),
    };
    shop.refused(with(vec![coupon(1)]), MarketRefusal::CouponOfAnotherBuyer(coupon(1)));
    let two = MarketRefusal::TwoCouponsOfPromotion(PromotionId(1));
    shop.refused(with(vec![coupon(2), coupon(3)]), two);
    let unknown = missing(MissingMarketRecord::Coupon(coupon(9)));
    shop.refused(with(vec![coupon(9)]), unknown);
    shop.refused(with(vec![coupon(2); 21]), MarketRefusal::TooManyCoupons);
    shop.must(with(vec![coupon(2)]));
}

#[test]
fn sellers_and_offers_that_may_not_sell() {
    let mut shop = Shop::open();
    let unknown = missing(MissingMarketRecord::Admission(SellerId(9)));
    shop.refused(crate::shop::draft(9, 9, &[(9, yuan(1))]), unknown);
    let free = crate::shop::draft(9, 1, &[(9, Amount::ZERO)]);
    shop.refused(free, MarketRefusal::Books(books::Refusal::AmountZero));
    let taken = crate::shop::draft(9, 1, &[(3, yuan(1))]);
    shop.refused(taken, MarketRefusal::Books(books::Refusal::IdentifierTaken));
    shop.refused(crate::shop::draft(9, 1, &[]), MarketRefusal::VariantCount);
    let draft = crate::shop::draft(9, 1, &[(9, yuan(1))]);
    shop.must(draft.clone());
    shop.refused(draft, repeated());
    let cart = Checkout { total: yuan(1), ..shop.cart(1, buyer(1), &[line(1, 1)]) };
    let draft = Checkout { lines: vec![line(9, 1)], ..cart };
    shop.refused(draft, MarketRefusal::NotListed(OfferId(9)));
    let state = |number, state| SetOfferState { offer: OfferId(1), number, state };
    let checkout = shop.cart(1, buyer(1), &[line(1, 1)]);
    shop.must(state(2, OfferState::Paused));
    shop.refused(state(3, OfferState::Paused), MarketRefusal::OfferStateUnchanged);
    shop.refused(checkout, MarketRefusal::NotListed(OfferId(1)));
    shop.must(state(3, OfferState::Ended));
    shop.refused(state(4, OfferState::Listed), MarketRefusal::OfferEnded);
}

#[test]
fn identity_and_the_number_of_offers_follow_the_profile() {
    let mut shop = Shop::open();
    let mut admission = crate::shop::admission(2, SellerKind::Individual);
    (admission.number, admission.identity_proved) = (2, false);
    shop.must(admission);
    shop.must(crate::shop::draft(9, 2, &[(9, yuan(1))]));
    let list = SetOfferState { offer: OfferId(9), number: 1, state: OfferState::Listed };
    shop.refused(list, MarketRefusal::IdentityNotProved);
    let mut profile = crate::shop::profile(SellerKind::Individual);
    (profile.version, profile.offers_max) = (2, 2);
    shop.must(profile);
    let draft = crate::shop::draft(10, 2, &[(10, yuan(1))]);
    shop.refused(draft.clone(), MarketRefusal::TooManyOffers(2));
    shop.must(SetOfferState { offer: OfferId(9), number: 1, state: OfferState::Ended });
    shop.must(draft);
}

#[test]
fn amounts_at_the_door() {
    let mut shop = Shop::open();
    let mut profile = crate::shop::profile(SellerKind::Business);
    (profile.version, profile.parcel_amount_max) = (2, yuan(150));
    shop.must(profile);
    let checkout = shop.cart(1, buyer(1), &[line(1, 2)]);
    shop.refused(checkout, MarketRefusal::ParcelAboveCap(SellerId(1), yuan(150)));
    shop.must(promotion(1, PromotionRule::AmountOff(yuan(100))));
    let checkout = shop.cart(1, buyer(1), &[line(1, 1)]);
    shop.refused(checkout, MarketRefusal::NothingDue(SellerId(1)));
}

#[test]
fn stock_and_reservations() {
    let mut shop = Shop::open();
    let adjust =
        |number, quantity, reason| AdjustStock { variant: VariantId(1), number, quantity, reason };
    let damaged = StockReason::Damaged;
    shop.refused(adjust(2, 101, damaged), MarketRefusal::NotEnoughStock(VariantId(1), 100));
    shop.refused(adjust(2, 0, damaged), MarketRefusal::Quantity);
    shop.refused(adjust(2, STOCK_MAX, StockReason::Received), MarketRefusal::StockAboveLimit);
    shop.refused(adjust(1, 100, StockReason::Received), repeated());
    let used = MarketRefusal::Books(books::Refusal::NumberUsed(1));
    shop.refused(adjust(1, 99, StockReason::Received), used);
    let next = MarketRefusal::Books(books::Refusal::WrongSequenceNumber(2));
    shop.refused(adjust(3, 1, damaged), next);
    let reserve = |id, of, until| ReserveUnits {
        reservation: ReservationId(id),
        buyer: buyer(of),
        lines: vec![line(1, 100)],
        until: Timestamp(until),
    };
    shop.refused(reserve(1, 1, shop.at), MarketRefusal::ReservationTime);
    let too_long = shop.at + RESERVATION_MINUTES_MAX * 60_000 + 1;
    shop.refused(reserve(1, 1, too_long), MarketRefusal::ReservationTime);
    let until = shop.at + 60_000;
    shop.must(reserve(1, 1, until));
    shop.refused(reserve(1, 1, until), repeated());
    let none = MarketRefusal::NotEnoughStock(VariantId(1), 0);
    shop.refused(reserve(2, 2, until), none);
    let reservation = Some(ReservationId(1));
    let theirs = Checkout { reservation, ..shop.cart(1, buyer(2), &[line(1, 1)]) };
    shop.refused(theirs.clone(), MarketRefusal::ReservationOfAnotherBuyer);
    shop.must(Checkout { buyer: buyer(1), ..theirs });
    assert_eq!(shop.left(1), 99, "the rest is given back");
    let over = missing(MissingMarketRecord::Reservation(ReservationId(1)));
    shop.refused(CancelReservation { reservation: ReservationId(1) }, over);
}

#[test]
fn time_does_not_go_back() {
    let mut shop = Shop::open();
    shop.at -= 1;
    let price = SetPrice { variant: VariantId(1), number: 2, price: yuan(1) };
    shop.refused(price, MarketRefusal::Books(books::Refusal::TimeBackwards));
}
