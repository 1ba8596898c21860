//! Both markets side by side, and the steps that they are given.

use std::collections::BTreeSet;

use books::{ParcelId, SellerId, SellerKind, Sha256Digest, Timestamp};
use market::*;
use money::{Amount, Currency, Rate};

use crate::naive::{Naive, Trip};

pub const VARIANTS: [u64; 5] = [11, 12, 21, 22, 31];
const OFFERS: [(u64, u64, u64, &[u64]); 3] =
    [(1, 1, 7, &[11, 12]), (2, 1, 8, &[21, 22]), (3, 2, 7, &[31])];

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap()].clone()
    }

    fn small(&mut self, below: u64) -> u32 {
        u32::try_from(self.roll(below)).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        if self.chance(percent) { Some(make(self)) } else { None }
    }
}

pub fn buyer(number: u8) -> BuyerToken {
    BuyerToken([number; 16])
}

pub fn coupon(number: u64) -> CouponToken {
    CouponToken(u128::from(number).to_be_bytes())
}

pub struct SideBySide {
    pub market: Market,
    pub naive: Naive,
    pub dice: Dice,
    pub at: u64,
    pub next: u64,
    last: Option<MarketCommand>,
    /// Accepted commands, by kind.
    pub accepted: std::collections::BTreeMap<&'static str, u32>,
    pub refused: u32,
    pub money_back: u32,
}

impl SideBySide {
    pub fn new(seed: u64) -> SideBySide {
        let mut world = SideBySide {
            market: Market::default(),
            naive: Naive::default(),
            dice: Dice::new(seed),
            at: 1_000_000,
            next: 100,
            last: None,
            accepted: std::collections::BTreeMap::new(),
            refused: 0,
            money_back: 0,
        };
        for (kind, most) in [(SellerKind::Business, 1_000_000), (SellerKind::Individual, 30_000)] {
            let promotions = kind == SellerKind::Business || world.dice.chance(80);
            world.must(PublishMarketProfile {
                kind,
                currency: Currency::CNY,
                version: 1,
                from: Timestamp(0),
                identity_proof: kind == SellerKind::Business,
                hold_days: 7,
                parcel_amount_max: Amount::of(most),
                offers_max: 3,
                promotions,
                return_days: 7,
                refusals_max: 3,
                refusal_days: 5,
            });
        }
        for (seller, kind) in [(1, SellerKind::Business), (2, SellerKind::Individual)] {
            let delivery_fee = Amount::of(world.dice.of(&[0, 600, 1_001]));
            world.must(AdmitSeller {
                seller: SellerId(seller),
                currency: Currency::CNY,
                number: 1,
                kind,
                from: Timestamp(0),
                identity_proved: true,
                delivery_fee,
            });
        }
        for (offer, seller, category, variants) in OFFERS {
            let price =
                |dice: &mut Dice| Amount::of(dice.of(&[1, 99, 1_000, 3_333, 9_999, 9_999, 20_000]));
            let variants = variants.iter().map(|&variant| NewVariant {
                variant: VariantId(variant),
                sku: format!("sku-{variant}"),
                price: price(&mut world.dice),
                weight_g: 500,
            });
            let draft = DraftOffer {
                offer: OfferId(offer),
                seller: SellerId(seller),
                currency: Currency::CNY,
                category: CategoryId(category),
                reference: format!("offer-{offer}"),
                content: Sha256Digest([1; 32]),
                variants: variants.collect(),
            };
            world.must(draft);
            let state = OfferState::Listed;
            world.must(SetOfferState { offer: OfferId(offer), number: 1, state });
        }
        for variant in VARIANTS {
            let quantity = world.dice.of(&[3, 10, 100]);
            let (variant, reason) = (VariantId(variant), StockReason::Received);
            world.must(AdjustStock { variant, number: 1, quantity, reason });
        }
        for _ in 0..5 {
            world.begin_promotion();
        }
        world
    }

    /// A promotion with what it needs to apply.
    fn begin_promotion(&mut self) {
        let terms = self.promotion();
        let (promotion, by_coupon, rule) = (terms.promotion, terms.by_coupon, terms.rule.clone());
        if !self.allowed(&terms.clone().into()) {
            return;
        }
        self.give(terms.into());
        if by_coupon {
            let issued = |place: u64| NewCoupon {
                coupon: coupon(promotion.0 * 10 + place),
                buyer: None,
                single_use: place > 0,
            };
            let coupons = (0..3).map(issued).collect();
            self.give(IssueCoupons { promotion, number: 1, coupons }.into());
        }
        if let PromotionRule::Flash(prices) = rule {
            let (variant, quantity) = (prices[0].variant, 1 + self.dice.small(5));
            self.give(AllotFlashStock { promotion, variant, number: 1, quantity }.into());
        }
    }

    fn must(&mut self, command: impl Into<MarketCommand>) {
        let command = command.into();
        let mut out = Vec::new();
        self.market.apply(&command, Timestamp(self.at), &mut out).unwrap();
        self.naive.accepted.push((self.at, command));
    }

    fn count<T>(&self, find: impl Fn(&MarketCommand) -> Option<T>) -> u32 {
        let found = self.naive.accepted.iter().filter(|(_, command)| find(command).is_some());
        u32::try_from(found.count()).unwrap()
    }

    fn rule(&mut self) -> PromotionRule {
        let dice = &mut self.dice;
        let amount = |dice: &mut Dice| Amount::of(dice.of(&[1, 10, 500, 1_111, 5_000]));
        let rate =
            |dice: &mut Dice| Rate::from_ppm(dice.of(&[1, 77_777, 500_000, 1_000_000])).unwrap();
        match dice.roll(8) {
            0 => PromotionRule::Percentage(rate(dice)),
            1 => PromotionRule::AmountOff(amount(dice)),
            2 => {
                let (spend, save) = (dice.of(&[1_000, 5_000]), dice.of(&[100, 999]));
                let step = |times: u64| ThresholdStep {
                    spend: Amount::of(spend * times),
                    save: Amount::of(save * times + times / 2),
                };
                PromotionRule::Threshold((1..=dice.roll(3) + 1).map(step).collect())
            }
            3 => {
                let (spend, save) = (dice.of(&[1_000, 7_777]), dice.of(&[100, 999]));
                let (spend, save) = (Amount::of(spend), Amount::of(save));
                PromotionRule::EachFull(ThresholdStep { spend, save })
            }
            4 => {
                let mut parts = vec![BundlePart { variant: VariantId(11), quantity: 1 }];
                let quantity = u16::try_from(1 + dice.roll(2)).unwrap();
                parts.push(BundlePart { variant: VariantId(dice.of(&[12, 21])), quantity });
                PromotionRule::Bundle(BundlePrice { parts, price: amount(dice) })
            }
            5 => PromotionRule::SecondCheaper(rate(dice)),
            6 => PromotionRule::FreeDelivery,
            _ => {
                let price = amount(dice);
                let mut prices = vec![FlashPrice { variant: VariantId(11), price }];
                if dice.chance(50) {
                    prices.push(FlashPrice { variant: VariantId(31), price });
                }
                PromotionRule::Flash(prices)
            }
        }
    }

    fn promotion(&mut self) -> PublishPromotion {
        let mut rule = self.rule();
        if self.dice.chance(20) {
            let (spend, save) = (Amount::of(6_000), Amount::of(900));
            rule = PromotionRule::EachFull(ThresholdStep { spend, save });
        }
        let known: Vec<u64> = self.naive.promotions().into_iter().collect();
        self.next += 1;
        let dice = &mut self.dice;
        let scope = PromotionScope {
            offers: dice.maybe(20, |dice| vec![OfferId(1 + dice.roll(3))]).unwrap_or_default(),
            categories: dice
                .maybe(20, |dice| vec![CategoryId(7 + dice.roll(2))])
                .unwrap_or_default(),
            sellers: dice.maybe(20, |dice| vec![SellerId(1 + dice.roll(2))]).unwrap_or_default(),
            seller_kind: dice.maybe(10, |_| SellerKind::Business),
            first_order: dice.chance(5),
        };
        let order = dice.of(&[1, 5, 5, 9]);
        let yields = !known.is_empty() && dice.chance(20);
        let yields_to = if yields { vec![PromotionId(dice.of(&known))] } else { Vec::new() };
        let is_threshold = matches!(rule, PromotionRule::Threshold(_) | PromotionRule::EachFull(_));
        let from = self.at.saturating_sub(dice.roll(10)) + dice.of(&[0, 0, 0, 0, 0, 60_000]);
        PublishPromotion {
            promotion: PromotionId(self.next),
            version: 1,
            currency: Currency::CNY,
            by_coupon: dice.chance(30),
            from: Timestamp(from),
            until: Timestamp(from + dice.of(&[60_000, 9_000_000, 9_000_000_000, 9_000_000_000])),
            scope,
            uses_max: dice.maybe(40, |dice| 1 + dice.small(4)),
            budget: dice.maybe(30, |dice| Amount::of(dice.of(&[100, 2_000, 20_000]))),
            per_buyer_max: dice.maybe(40, |dice| 1 + dice.small(3)),
            platform_share: Rate::from_ppm(dice.of(&[0, 333_333, 500_000, 1_000_000])).unwrap(),
            order,
            exclusive: dice.chance(15),
            yields_to,
            floor: Amount::of(dice.of(&[0, 0, 1, 500])),
            broken_threshold: if is_threshold && dice.chance(70) {
                BrokenThreshold::ClawBack
            } else {
                BrokenThreshold::Keep
            },
            undone_use: if dice.chance(70) { UndoneUse::Release } else { UndoneUse::Keep },
            proposed_by: None,
            approved_by: None,
            rule,
        }
    }

    fn lines(&mut self) -> Vec<CartLine> {
        let dice = &mut self.dice;
        let line = |dice: &mut Dice| CartLine {
            variant: VariantId(dice.of(&VARIANTS)),
            quantity: dice.of(&[0, 1, 1, 1, 2, 2, 3, 4]),
        };
        (0..1 + dice.roll(4)).map(|_| line(dice)).collect()
    }

    fn checkout(&mut self) -> MarketCommand {
        let lines = self.lines();
        self.next += 1;
        let buyer = buyer(u8::try_from(1 + self.dice.roll(6)).unwrap());
        let issued: Vec<CouponToken> = self
            .naive
            .accepted
            .iter()
            .filter_map(|(_, command)| match command {
                MarketCommand::IssueCoupons(issue) => Some(&issue.coupons),
                _ => None,
            })
            .flatten()
            .map(|one| one.coupon)
            .collect();
        let mut coupons = Vec::new();
        for _ in 0..self.dice.roll(3) {
            if !issued.is_empty() {
                coupons.push(self.dice.of(&issued));
            }
        }
        let made: Vec<(ReservationId, BuyerToken)> = self
            .naive
            .accepted
            .iter()
            .filter_map(|(_, command)| match command {
                MarketCommand::ReserveUnits(one) => Some((one.reservation, one.buyer)),
                _ => None,
            })
            .collect();
        let held = (!made.is_empty() && self.dice.chance(30)).then(|| self.dice.of(&made));
        let priced = self.naive.priced(buyer, &lines, &coupons, self.at);
        let total = priced.map_or(1, |priced| u64::try_from(priced.total()).unwrap());
        let wrong = u64::from(self.dice.chance(3));
        let buyer = if self.dice.chance(80) { held.map_or(buyer, |(_, one)| one) } else { buyer };
        Checkout {
            order: OrderId(if self.dice.chance(2) { self.next - 1 } else { self.next }),
            buyer,
            currency: Currency::CNY,
            lines,
            coupons,
            reservation: held.map(|(id, _)| id),
            total: Amount::of(total + wrong),
        }
        .into()
    }

    pub fn order(&mut self) -> Option<usize> {
        let count = self.naive.baskets.len() as u64;
        (count > 0).then(|| usize::try_from(self.dice.roll(count)).unwrap())
    }

    /// Mostly units in this state.
    fn units_of(&mut self, order: usize, state: UnitState) -> Vec<u16> {
        let (percent, others) = (self.dice.of(&[20, 50, 90]), self.dice.of(&[0, 0, 20]));
        let mut units = Vec::new();
        for unit in 0..self.naive.baskets[order].pieces.len() {
            let fits = self.naive.baskets[order].pieces[unit].state == state;
            if self.dice.chance(if fits { percent } else { others }) {
                units.push(u16::try_from(unit).unwrap());
            }
        }
        units
    }

    /// How often each kind of rule applied, and how often something was clawed back.
    pub fn applied(&self) -> Vec<&'static str> {
        let mut applied = Vec::new();
        for basket in &self.naive.baskets {
            for given in &basket.given {
                applied.push(self.naive.kind(given));
            }
            if self.naive.claws_back(basket) {
                applied.push("clawed back");
            }
            if basket.pieces.iter().any(|piece| piece.to_flash) {
                applied.push("back to flash stock");
            }
            if basket.given.iter().any(|one| one.coupon.is_some() && one.uses == 0) {
                applied.push("coupon free again");
            }
        }
        applied
    }

    pub fn parcel_of(order: u64, seller: u64) -> ParcelId {
        ParcelId::derived(SellerId(seller), &format!("market-{order}"))
    }

    /// A random command, given to both.
    pub fn step(&mut self) {
        self.at += self.dice.of(&[0, 1, 500, 20_000, 700_000, 50_000_000]);
        let again = self.last.clone().filter(|_| self.dice.chance(4));
        if let Some(command) = again {
            let harmless = matches!(command, MarketCommand::EndReservations(_));
            let mut out = Vec::new();
            let answer = self.market.apply(&command, Timestamp(self.at), &mut out);
            assert!(answer.is_err() || harmless, "{command:?} twice: {out:?}");
            return;
        }
        let command: MarketCommand = match self.dice.roll(100) {
            0..4 => return self.begin_promotion(),
            4..12 => {
                let known: Vec<u64> = self.naive.promotions().into_iter().collect();
                if known.is_empty() {
                    return;
                }
                self.next += 1;
                let promotion = PromotionId(self.dice.of(&known));
                let of_it = |command: &MarketCommand| match command {
                    MarketCommand::IssueCoupons(one) if one.promotion == promotion => Some(()),
                    _ => None,
                };
                let number = self.count(of_it) + 1;
                let coupons = (0..2).map(|place| NewCoupon {
                    coupon: coupon(self.next * 10 + place),
                    buyer: self.dice.maybe(20, |_| buyer(1)),
                    single_use: self.dice.chance(60),
                });
                IssueCoupons { promotion, number, coupons: coupons.collect() }.into()
            }
            12..15 => {
                let known: Vec<u64> = self.naive.promotions().into_iter().collect();
                if known.is_empty() {
                    return;
                }
                let promotion = PromotionId(self.dice.of(&known));
                let of_it = |command: &MarketCommand| match command {
                    MarketCommand::AllotFlashStock(one) if one.promotion == promotion => Some(()),
                    _ => None,
                };
                let (number, quantity) = (self.count(of_it) + 1, 1 + self.dice.small(5));
                let variant = VariantId(self.dice.of(&[11, 31]));
                AllotFlashStock { promotion, variant, number, quantity }.into()
            }
            15..16 => {
                let known: Vec<u64> = self.naive.promotions().into_iter().collect();
                if known.is_empty() {
                    return;
                }
                EndPromotion { promotion: PromotionId(self.dice.of(&known)) }.into()
            }
            16..20 => {
                let variant = VariantId(self.dice.of(&VARIANTS));
                let of_it = |command: &MarketCommand| match command {
                    MarketCommand::AdjustStock(one) if one.variant == variant => Some(()),
                    _ => None,
                };
                let number = self.count(of_it) + 1;
                let reason = self.dice.of(&[StockReason::Received, StockReason::Damaged]);
                let quantity = 1 + self.dice.small(6);
                AdjustStock { variant, number, quantity, reason }.into()
            }
            20..22 => {
                let variant = VariantId(self.dice.of(&VARIANTS));
                let of_it = |command: &MarketCommand| match command {
                    MarketCommand::SetPrice(one) if one.variant == variant => Some(()),
                    _ => None,
                };
                let price = Amount::of(self.dice.of(&[1, 250, 4_999, 12_345]));
                SetPrice { variant, number: self.count(of_it) + 2, price }.into()
            }
            22..24 => {
                let offer = OfferId(1 + self.dice.roll(3));
                let of_it = |command: &MarketCommand| match command {
                    MarketCommand::SetOfferState(one) if one.offer == offer => Some(one.state),
                    _ => None,
                };
                let listed = self.count(|one| of_it(one)) % 2 == 1;
                let state = if listed { OfferState::Paused } else { OfferState::Listed };
                SetOfferState { offer, number: self.count(of_it) + 1, state }.into()
            }
            24..30 => {
                self.next += 1;
                let (lines, wait) =
                    (self.lines(), self.dice.of(&[1, 60_000, 1_800_000, 9_000_000]));
                ReserveUnits {
                    reservation: ReservationId(self.next),
                    buyer: buyer(u8::try_from(1 + self.dice.roll(6)).unwrap()),
                    lines,
                    until: Timestamp(self.at + wait),
                }
                .into()
            }
            30..32 => CancelReservation { reservation: ReservationId(self.next) }.into(),
            32..34 => EndReservations { limit: 1 + self.dice.small(3) }.into(),
            34..60 => self.checkout(),
            60..80 => return self.parcel_event(),
            80..87 => {
                let Some(order) = self.order() else { return };
                let basket = &self.naive.baskets[order];
                let seller = self.dice.of(&basket.purses).seller;
                let parcel = SideBySide::parcel_of(basket.id, seller);
                let mut units = self.units_of(order, UnitState::Kept);
                let of_parcel = |unit: &u16| {
                    self.naive.baskets[order].pieces[usize::from(*unit)].seller == seller
                };
                units.retain(of_parcel);
                AcceptUnits { parcel, units }.into()
            }
            87..90 => {
                let has = |basket: &crate::naive::Basket| {
                    basket.pieces.iter().any(|piece| piece.state == UnitState::Refused)
                };
                let some = self.naive.baskets.iter().position(has);
                let Some(order) = some.or_else(|| self.order()) else { return };
                let id = OrderId(self.naive.baskets[order].id);
                let units = self.units_of(order, UnitState::Refused);
                let resellable = self.dice.chance(70);
                ReceiveUnits { order: id, units, resellable }.into()
            }
            90..98 => {
                let Some(order) = self.order() else { return };
                let id = OrderId(self.naive.baskets[order].id);
                let units = self.units_of(order, UnitState::Kept);
                let resellable = self.dice.chance(70);
                ReturnUnits { order: id, units, resellable }.into()
            }
            _ => {
                let Some(order) = self.order() else { return };
                let basket = &self.naive.baskets[order];
                let seller = self.dice.of(&basket.purses).seller;
                AcceptAppeal { parcel: SideBySide::parcel_of(basket.id, seller) }.into()
            }
        };
        self.give(command);
    }

    fn give(&mut self, command: MarketCommand) {
        let allowed = self.allowed(&command);
        let mut out = Vec::new();
        let before = self.market.fingerprint();
        let answer = self.market.apply(&command, Timestamp(self.at), &mut out);
        match &answer {
            Ok(books) => {
                assert!(allowed, "the naive market refuses {command:?}");
                self.check_books(&command, books);
                *self.accepted.entry(command.spec().name).or_default() += 1;
                self.last = Some(command.clone());
                self.take(command);
            }
            Err(refusal) => {
                assert!(!allowed, "the naive market takes {command:?}: {refusal}");
                assert_eq!(self.market.fingerprint(), before, "a refusal changes nothing");
                self.refused += 1;
            }
        }
    }

    /// What the books are asked to do is what the parcels cost.
    fn check_books(&self, command: &MarketCommand, books: &[books::Command]) {
        if let MarketCommand::Checkout(checkout) = command {
            let dues = books.iter().map(|one| match one {
                books::Command::AnnounceParcel(announce) => announce.due.minor(),
                other => panic!("{other:?}"),
            });
            assert_eq!(dues.sum::<u64>(), checkout.total.minor(), "M14");
        }
    }

    fn allowed(&self, command: &MarketCommand) -> bool {
        let rising = |units: &[u16]| !units.is_empty();
        match command {
            // A price that the rule names must be one that the floor lets a unit have.
            MarketCommand::PublishPromotion(PublishPromotion {
                rule: PromotionRule::Flash(prices),
                floor,
                ..
            }) if prices.iter().any(|one| one.price < *floor) => false,
            MarketCommand::PublishPromotion(PublishPromotion {
                rule: PromotionRule::Bundle(bundle),
                floor,
                ..
            }) if {
                let units = bundle.parts.iter().flat_map(|part| 0..part.quantity);
                units.map(|_| floor.minor()).sum::<u64>() > bundle.price.minor()
            } =>
            {
                false
            }
            MarketCommand::PublishPromotion(one) => one.yields_to.iter().all(|other| {
                let find = |(_, command): &(u64, MarketCommand)| match command {
                    MarketCommand::PublishPromotion(known) if known.promotion == *other => {
                        Some(known.order)
                    }
                    _ => None,
                };
                let order = self.naive.accepted.iter().find_map(find).unwrap();
                (order, *other) < (one.order, one.promotion)
            }),
            MarketCommand::IssueCoupons(one) => {
                let find = |(_, command): &(u64, MarketCommand)| match command {
                    MarketCommand::PublishPromotion(known) if known.promotion == one.promotion => {
                        Some(known.by_coupon)
                    }
                    _ => None,
                };
                let by_coupon = self.naive.accepted.iter().find_map(find).unwrap();
                by_coupon && !self.naive.ended.contains_key(&one.promotion.0)
            }
            MarketCommand::AllotFlashStock(one) => {
                let find = |(_, command): &(u64, MarketCommand)| match command {
                    MarketCommand::PublishPromotion(known) if known.promotion == one.promotion => {
                        Some(known.rule.clone())
                    }
                    _ => None,
                };
                let rule = self.naive.accepted.iter().find_map(find).unwrap();
                let priced = match rule {
                    PromotionRule::Flash(prices) => {
                        prices.iter().any(|price| price.variant == one.variant)
                    }
                    _ => false,
                };
                priced
                    && !self.naive.ended.contains_key(&one.promotion.0)
                    && self.naive.left(one.variant.0, self.at) >= i64::from(one.quantity)
            }
            MarketCommand::EndPromotion(one) => !self.naive.ended.contains_key(&one.promotion.0),
            MarketCommand::AdjustStock(one) => {
                one.reason == StockReason::Received
                    || self.naive.left(one.variant.0, self.at) >= i64::from(one.quantity)
            }
            MarketCommand::ReserveUnits(one) => {
                let wanted = |variant: VariantId| {
                    let lines = one.lines.iter().filter(|line| line.variant == variant);
                    lines.map(|line| i64::from(line.quantity)).sum::<i64>()
                };
                one.until.0 > self.at
                    && one.until.0 <= self.at + 1_800_000
                    && self.naive.priced(one.buyer, &one.lines, &[], self.at).is_some()
                    && one.lines.iter().all(|line| {
                        wanted(line.variant) <= self.naive.left(line.variant.0, self.at)
                    })
            }
            MarketCommand::CancelReservation(one) => {
                let find = |(_, command): &(u64, MarketCommand)| match command {
                    MarketCommand::ReserveUnits(made) => made.reservation == one.reservation,
                    _ => false,
                };
                let made = self.naive.accepted.iter().any(find);
                made && !self.naive.ended_early.contains(&one.reservation.0)
                    // What is over may be swept already: then there is nothing to cancel.
                    && self.market.has_reservation(one.reservation)
            }
            MarketCommand::Checkout(one) => self.naive.check_out(one, self.at).is_some(),
            MarketCommand::AcceptUnits(one) => {
                let Some((order, seller)) = self.find(one.parcel) else { return false };
                let basket = &self.naive.baskets[order];
                let purse = basket.purses.iter().find(|purse| purse.seller == seller).unwrap();
                let of_parcel = basket.pieces.iter().filter(|piece| piece.seller == seller).count();
                let fits = purse.trip == Trip::UnderWay
                    && rising(&one.units)
                    && one.units.len() < of_parcel
                    && one.units.iter().all(|unit| {
                        let piece = &basket.pieces[usize::from(*unit)];
                        piece.seller == seller && piece.state == UnitState::Kept
                    });
                let still = (0..basket.pieces.len()).filter(|&unit| {
                    let piece = &basket.pieces[unit];
                    piece.seller == seller && piece.state == UnitState::Kept
                });
                let same = still.map(|unit| u16::try_from(unit).unwrap()).eq(one.units.clone());
                fits && !same && self.due_after(order, seller, &one.units) > 0
            }
            MarketCommand::ReceiveUnits(one) => {
                let allowed = |piece: UnitState| piece == UnitState::Refused;
                rising(&one.units) && self.units_are(one.order, &one.units, false, allowed)
            }
            MarketCommand::ReturnUnits(one) => {
                let allowed = |piece: UnitState| piece == UnitState::Kept;
                rising(&one.units) && self.units_are(one.order, &one.units, true, allowed)
            }
            MarketCommand::AcceptAppeal(one) => {
                let Some((order, seller)) = self.find(one.parcel) else { return false };
                let id = self.naive.baskets[order].id;
                let mut refusals = self.naive.refusals.iter();
                refusals.any(|(_, of, by, _, forgiven)| (*of, *by) == (id, seller) && !forgiven)
            }
            _ => true,
        }
    }

    fn find(&self, parcel: ParcelId) -> Option<(usize, u64)> {
        self.naive.baskets.iter().enumerate().find_map(|(place, basket)| {
            let purse = basket
                .purses
                .iter()
                .find(|purse| SideBySide::parcel_of(basket.id, purse.seller) == parcel)?;
            Some((place, purse.seller))
        })
    }

    fn units_are(
        &self,
        order: OrderId,
        units: &[u16],
        in_window: bool,
        allowed: impl Fn(UnitState) -> bool,
    ) -> bool {
        let basket = self.naive.baskets.iter().find(|one| one.id == order.0).unwrap();
        units.iter().all(|unit| {
            let piece = &basket.pieces[usize::from(*unit)];
            let purse = basket.purses.iter().find(|one| one.seller == piece.seller).unwrap();
            let Trip::Delivered(since) = purse.trip else { return false };
            let open = self.at < since + purse.return_days * 86_400_000;
            allowed(piece.state) && (open || !in_window)
        })
    }

    /// What would be due for a parcel if these units were kept.
    fn due_after(&self, order: usize, seller: u64, units: &[u16]) -> i64 {
        let mut naive = Naive {
            accepted: self.naive.accepted.clone(),
            baskets: self.naive.baskets.clone(),
            ..Naive::default()
        };
        refuse_others(&mut naive, order, seller, units);
        naive.settle(order, seller, false, true);
        naive.baskets[order].purses.iter().find(|purse| purse.seller == seller).unwrap().due
    }

    fn take(&mut self, command: MarketCommand) {
        match &command {
            MarketCommand::Checkout(one) => {
                let basket = self.naive.check_out(one, self.at).unwrap();
                self.naive.baskets.push(basket);
                self.naive.ended_early.extend(one.reservation.map(|id| id.0));
            }
            MarketCommand::CancelReservation(one) => {
                self.naive.ended_early.insert(one.reservation.0);
            }
            MarketCommand::EndPromotion(one) => {
                self.naive.ended.insert(one.promotion.0, self.at);
            }
            MarketCommand::AcceptUnits(one) => {
                let (order, seller) = self.find(one.parcel).unwrap();
                refuse_others(&mut self.naive, order, seller, &one.units);
                self.naive.settle(order, seller, false, true);
            }
            MarketCommand::ReceiveUnits(one) => {
                let order = self.place(one.order);
                let units: Vec<usize> = one.units.iter().map(|unit| usize::from(*unit)).collect();
                self.naive.bring_back(order, &units, one.resellable);
                self.naive.settle_without_money(order);
            }
            MarketCommand::ReturnUnits(one) => {
                let order = self.place(one.order);
                let units: Vec<usize> = one.units.iter().map(|unit| usize::from(*unit)).collect();
                let seller = |unit: &usize| self.naive.baskets[order].pieces[*unit].seller;
                let sellers: BTreeSet<u64> = units.iter().map(seller).collect();
                self.naive.bring_back(order, &units, one.resellable);
                for seller in sellers {
                    self.naive.settle(order, seller, false, false);
                }
                self.money_back += 1;
            }
            MarketCommand::AcceptAppeal(one) => {
                let (order, seller) = self.find(one.parcel).unwrap();
                let id = self.naive.baskets[order].id;
                for refusal in &mut self.naive.refusals {
                    refusal.4 |= (refusal.1, refusal.2) == (id, seller);
                }
            }
            _ => {}
        }
        self.naive.accepted.push((self.at, command));
    }

    fn place(&self, order: OrderId) -> usize {
        self.naive.baskets.iter().position(|one| one.id == order.0).unwrap()
    }
}

fn refuse_others(naive: &mut Naive, order: usize, seller: u64, kept: &[u16]) {
    for (unit, piece) in naive.baskets[order].pieces.iter_mut().enumerate() {
        let stays = kept.contains(&u16::try_from(unit).unwrap());
        if piece.seller == seller && piece.state == UnitState::Kept && !stays {
            piece.state = UnitState::Refused;
        }
    }
}
