//! What the books say of parcels, and the comparison of both markets.

use std::collections::BTreeMap;

use books::{ChunkId, Event, PartSink, SellerId, TariffVersion, Timestamp};
use market::*;
use money::Amount;
use sha2::{Digest as _, Sha256};

use crate::naive::Trip;
use crate::world::{SideBySide, VARIANTS};

impl SideBySide {
    /// The books say what became of a parcel.
    pub fn parcel_event(&mut self) {
        let Some(order) = self.order() else { return };
        let basket = &self.naive.baskets[order];
        let purse = self.dice.of(&basket.purses);
        let (id, seller) = (basket.id, purse.seller);
        let parcel = SideBySide::parcel_of(id, seller);
        let kept: Vec<usize> = (0..basket.pieces.len())
            .filter(|&unit| {
                let piece = &basket.pieces[unit];
                piece.seller == seller
                    && matches!(piece.state, UnitState::Kept | UnitState::Refused)
            })
            .collect();
        let roll = self.dice.roll(10);
        let (event, trip, state) = match (purse.trip, roll) {
            (Trip::UnderWay, 0..6) => {
                let collected = Amount::ZERO;
                let trip = Trip::Delivered(self.at);
                (Event::ParcelDelivered { parcel, collected }, trip, None)
            }
            (Trip::UnderWay, 6..8) => {
                (Event::ParcelRefused { parcel }, Trip::Refused, Some(UnitState::Refused))
            }
            (Trip::UnderWay, 8) => {
                (Event::ParcelCancelled { parcel }, Trip::Gone, Some(UnitState::Back))
            }
            (Trip::UnderWay | Trip::Refused, 9) => {
                (Event::ParcelLost { parcel }, Trip::Gone, Some(UnitState::Lost))
            }
            (Trip::Refused, _) => {
                let returned = Event::ParcelReturned {
                    parcel,
                    seller: SellerId(seller),
                    fee: Amount::ZERO,
                    vat: Amount::ZERO,
                    paid_by: books::DamagePayer::Doorstep,
                    tariff: TariffVersion::default(),
                };
                (returned, Trip::Gone, Some(UnitState::Back))
            }
            (Trip::Delivered(_), 0) => (Event::ParcelReopened { parcel }, Trip::UnderWay, None),
            _ => return,
        };
        let mut out = Vec::new();
        self.market.note_books(&[event], Timestamp(self.at), &mut out);
        let at = self.at;
        let purses = &mut self.naive.baskets[order].purses;
        purses.iter_mut().find(|one| one.seller == seller).unwrap().trip = trip;
        if trip == Trip::Refused {
            let buyer = self.naive.baskets[order].buyer;
            self.naive.refusals.push((buyer, id, seller, at, false));
        }
        match state {
            None => {}
            Some(UnitState::Back) => {
                self.naive.bring_back(order, &kept, true);
                self.naive.settle(order, seller, true, false);
            }
            Some(state) => {
                for unit in kept {
                    self.naive.baskets[order].pieces[unit].state = state;
                }
                self.naive.settle(order, seller, true, false);
            }
        }
    }

    /// Compares everything that both know.
    pub fn compare(&self) {
        self.market.check().unwrap_or_else(|broken| panic!("{broken:#?}"));
        for variant in VARIANTS {
            let left = self.market.units_left(VariantId(variant), Timestamp(self.at)).unwrap();
            assert_eq!(i64::from(left), self.naive.left(variant, self.at), "variant {variant}");
        }
        for promotion in self.naive.promotions() {
            let (uses, spent) = self.market.promotion_use(PromotionId(promotion)).unwrap();
            assert_eq!(uses, self.naive.uses(promotion, None), "uses of {promotion}");
            let naive = u64::try_from(self.naive.spent(promotion)).unwrap();
            assert_eq!(spent.minor(), naive, "spent of {promotion}");
        }
        for basket in &self.naive.baskets {
            let order = self.market.order_view(OrderId(basket.id)).unwrap();
            let minor = |amount: Amount| i64::try_from(amount.minor()).unwrap();
            for (purse, parcel) in basket.purses.iter().zip(order.parcels) {
                let naive = (purse.kept, purse.due, purse.owed);
                let real = (minor(parcel.kept), minor(parcel.due), minor(parcel.owed));
                assert_eq!(real, naive, "order {} seller {}", basket.id, purse.seller);
            }
            for (piece, unit) in basket.pieces.iter().zip(order.units) {
                assert_eq!(unit.state, piece.state, "order {}", basket.id);
            }
            assert_eq!(order.promotions.len(), basket.given.len());
            for (given, applied) in basket.given.iter().zip(order.promotions) {
                assert_eq!(applied.promotion.0, given.promotion);
                let shares = applied.shares.iter().map(|share| {
                    let paid = (minor(share.amount), minor(share.platform));
                    (usize::from(share.unit), paid)
                });
                assert_eq!(shares.collect::<BTreeMap<_, _>>(), given.units);
                let fees = applied.deliveries.iter().map(|share| minor(share.amount));
                assert_eq!(fees.sum::<i64>(), given.fees.values().map(|(fee, _)| fee).sum::<i64>());
            }
        }
    }

    /// A restored market is the same one.
    pub fn restore(&self) -> Market {
        let mut parts = Parts::default();
        let digest = self.market.snapshot().write_to(&mut parts).unwrap();
        let mut builder = MarketBuilder::default();
        for part in &parts.0 {
            let hash: [u8; 32] = Sha256::digest(part).into();
            let decoded = DecodedMarketPart::decode::<()>(part).unwrap();
            builder.add::<()>(&hash, decoded).unwrap();
        }
        assert_eq!(builder.digest(), digest);
        let market = builder.finish().unwrap();
        let mut again = Parts::default();
        assert_eq!(market.snapshot().write_to(&mut again).unwrap(), digest, "{:?}", self.at);
        market
    }
}

#[derive(Default)]
struct Parts(Vec<Vec<u8>>);

impl PartSink for Parts {
    type Error = std::convert::Infallible;

    fn kept(&mut self, _: ChunkId) -> Result<Option<[u8; 32]>, Self::Error> {
        Ok(None)
    }

    fn write(&mut self, _: Option<ChunkId>, part: &[u8]) -> Result<[u8; 32], Self::Error> {
        self.0.push(part.to_vec());
        Ok(Sha256::digest(part).into())
    }
}
