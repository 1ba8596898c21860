//! A small shop to try things in.

use books::{Event, ParcelId, SellerId, SellerKind, Sha256Digest, Timestamp};
use market::*;
use money::{Amount, Currency, Rate};

pub const DAY: u64 = 86_400_000;

/// A market with a business seller 1 and a consumer seller 2, and a clock.
pub struct Shop {
    pub market: Market,
    pub at: u64,
}

pub fn yuan(amount: u64) -> Amount {
    Amount::of(amount * 100)
}

pub fn buyer(number: u16) -> BuyerToken {
    BuyerToken(u128::from(number).to_be_bytes())
}

pub fn coupon(number: u8) -> CouponToken {
    CouponToken([number; 16])
}

pub fn line(variant: u64, quantity: u32) -> CartLine {
    CartLine { variant: VariantId(variant), quantity }
}

/// A promotion of everything, without caps, paid by the platform.
pub fn promotion(id: u64, rule: PromotionRule) -> PublishPromotion {
    PublishPromotion {
        promotion: PromotionId(id),
        version: 1,
        currency: Currency::CNY,
        rule,
        from: Timestamp(0),
        until: Timestamp(1_000 * DAY),
        scope: PromotionScope::default(),
        by_coupon: false,
        uses_max: None,
        budget: None,
        per_buyer_max: None,
        platform_share: Rate::from_ppm(1_000_000).unwrap(),
        order: 10,
        exclusive: false,
        yields_to: Vec::new(),
        floor: Amount::ZERO,
        broken_threshold: BrokenThreshold::Keep,
        undone_use: UndoneUse::Release,
        proposed_by: None,
        approved_by: None,
    }
}

pub fn step(spend: Amount, save: Amount) -> ThresholdStep {
    ThresholdStep { spend, save }
}

pub fn profile(kind: SellerKind) -> PublishMarketProfile {
    PublishMarketProfile {
        kind,
        currency: Currency::CNY,
        version: 1,
        from: Timestamp(0),
        identity_proof: kind == SellerKind::Individual,
        hold_days: 7,
        parcel_amount_max: yuan(10_000),
        offers_max: 10,
        promotions: true,
        return_days: 7,
        refusals_max: 2,
        refusal_days: 30,
    }
}

pub fn admission(seller: u64, kind: SellerKind) -> AdmitSeller {
    AdmitSeller {
        seller: SellerId(seller),
        currency: Currency::CNY,
        number: 1,
        kind,
        from: Timestamp(0),
        identity_proved: true,
        delivery_fee: Amount::ZERO,
    }
}

pub fn draft(offer: u64, seller: u64, prices: &[(u64, Amount)]) -> DraftOffer {
    let variant = |&(variant, price): &(u64, Amount)| NewVariant {
        variant: VariantId(variant),
        sku: format!("sku-{variant}"),
        price,
        weight_g: 300,
    };
    DraftOffer {
        offer: OfferId(offer),
        seller: SellerId(seller),
        currency: Currency::CNY,
        category: CategoryId(offer),
        reference: format!("offer {offer}"),
        content: Sha256Digest([7; 32]),
        variants: prices.iter().map(variant).collect(),
    }
}

impl Shop {
    /// Offer 1 of seller 1 has variant 1 at 100 yuan and 2 at 60 yuan; offer 2 of seller 2 has
    /// variant 3 at 40 yuan. Each has 100 units.
    pub fn open() -> Shop {
        let mut shop = Shop { market: Market::default(), at: DAY };
        for (seller, kind) in [(1, SellerKind::Business), (2, SellerKind::Individual)] {
            shop.must(profile(kind));
            shop.must(admission(seller, kind));
        }
        shop.must(draft(1, 1, &[(1, yuan(100)), (2, yuan(60))]));
        shop.must(draft(2, 2, &[(3, yuan(40))]));
        for offer in [1, 2] {
            let (offer, state) = (OfferId(offer), OfferState::Listed);
            shop.must(SetOfferState { offer, number: 1, state });
        }
        for variant in [1, 2, 3] {
            shop.stock(variant, 1, 100);
        }
        shop
    }

    pub fn stock(&mut self, variant: u64, number: u32, quantity: u32) {
        let (variant, reason) = (VariantId(variant), StockReason::Received);
        self.must(AdjustStock { variant, number, quantity, reason });
    }

    pub fn give(
        &mut self,
        command: impl Into<MarketCommand>,
    ) -> Result<Vec<books::Command>, MarketRefusal> {
        let mut out = Vec::new();
        let before = self.market.snapshot_digest();
        let answer = self.market.apply(&command.into(), Timestamp(self.at), &mut out);
        if answer.is_err() {
            assert_eq!(self.market.snapshot_digest(), before, "a refusal changes nothing");
        }
        self.market.check().unwrap();
        answer
    }

    #[track_caller]
    pub fn must(&mut self, command: impl Into<MarketCommand>) -> Vec<books::Command> {
        self.give(command).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    #[track_caller]
    pub fn refused(&mut self, command: impl Into<MarketCommand>, expected: MarketRefusal) {
        assert_eq!(self.give(command), Err(expected));
    }

    pub fn quote(
        &self,
        of: BuyerToken,
        lines: &[CartLine],
        coupons: &[CouponToken],
    ) -> quote::Quote {
        let cart =
            quote::Cart { buyer: of, currency: Currency::CNY, lines, coupons, reservation: None };
        self.market.quote(&cart, Timestamp(self.at)).unwrap()
    }

    /// A checkout at the price of the quote now.
    pub fn cart(&self, order: u64, of: BuyerToken, lines: &[CartLine]) -> Checkout {
        self.cart_with(order, of, lines, &[])
    }

    pub fn cart_with(
        &self,
        order: u64,
        of: BuyerToken,
        lines: &[CartLine],
        coupons: &[CouponToken],
    ) -> Checkout {
        Checkout {
            order: OrderId(order),
            buyer: of,
            currency: Currency::CNY,
            lines: lines.to_vec(),
            coupons: coupons.to_vec(),
            reservation: None,
            total: self.quote(of, lines, coupons).total,
        }
    }

    pub fn buy(&mut self, order: u64, lines: &[CartLine]) -> Amount {
        let checkout = self.cart(order, buyer(1), lines);
        let total = checkout.total;
        self.must(checkout);
        total
    }

    pub fn note(&mut self, event: Event) {
        self.market.note_books(&[event], Timestamp(self.at), &mut Vec::new());
        self.market.check().unwrap();
    }

    pub fn deliver(&mut self, order: u64) {
        for parcel in self.parcels(order) {
            self.note(Event::ParcelDelivered { parcel, collected: Amount::ZERO });
        }
    }

    pub fn parcels(&self, order: u64) -> Vec<ParcelId> {
        let order = self.market.order_view(OrderId(order)).unwrap();
        order.parcels.iter().map(|parcel| parcel.parcel).collect()
    }

    /// Kept and owed, summed over the parcels.
    pub fn money(&self, order: u64) -> (u64, u64) {
        let order = self.market.order_view(OrderId(order)).unwrap();
        let kept = order.parcels.iter().map(|parcel| parcel.kept.minor()).sum();
        (kept, order.parcels.iter().map(|parcel| parcel.owed.minor()).sum())
    }

    pub fn left(&self, variant: u64) -> u32 {
        self.market.units_left(VariantId(variant), Timestamp(self.at)).unwrap()
    }
}

/// SHA-256 of a market's snapshot.
pub trait SnapshotDigest {
    fn snapshot_digest(&self) -> [u8; 32];
}

impl SnapshotDigest for Market {
    fn snapshot_digest(&self) -> [u8; 32] {
        struct Nowhere;
        impl books::PartSink for Nowhere {
            type Error = std::convert::Infallible;
            fn kept(&mut self, _: books::ChunkId) -> Result<Option<[u8; 32]>, Self::Error> {
                Ok(None)
            }
            fn write(
                &mut self,
                _: Option<books::ChunkId>,
                part: &[u8],
            ) -> Result<[u8; 32], Self::Error> {
                use sha2::Digest as _;
                Ok(sha2::Sha256::digest(part).into())
            }
        }
        self.snapshot().write_to(&mut Nowhere).unwrap()
    }
}
