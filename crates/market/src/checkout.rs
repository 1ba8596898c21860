//! Checkout: a cart becomes an order with its stock, discounts and parcels, or nothing happens.

use books::{AnnounceParcel, ParcelId, SellerId, used_identifier};
use machine::{DAY_MS, Timestamp, mix};
use money::Amount;

use crate::command::*;
use crate::event::{MarketEvent, OrderDiscount};
use crate::ids::{BuyerToken, OrderId, PromotionId, ReservationId};
use crate::market::{Change, Market, MarketPlan, TablePlace};
use crate::order::{MarketOrder, MarketParcel, OrderUnit};
use crate::quote::{Cart, Quote, QuotedParcel};
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};

/// An order with what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlacedOrder {
    order: MarketOrder,
    /// Units of ordinary stock, by variant.
    sold: Vec<(TablePlace, u32)>,
    flash: Vec<(PromotionId, TablePlace, u32)>,
    reservation: Option<ReservationId>,
    total: Amount,
}

impl Market {
    pub(crate) fn check_out(
        &self,
        command: &Checkout,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let content = content_hash(command);
        if let Ok(place) = self.order_place(command.order) {
            return Err(used_identifier(self.order(place).content == content).into());
        }
        let Checkout { order: id, buyer, currency, reservation, .. } = *command;
        let (lines, coupons) = (&command.lines[..], &command.coupons[..]);
        let quote = self.quote(&Cart { buyer, currency, lines, coupons, reservation }, at)?;
        if quote.total != command.total {
            return Err(MarketRefusal::PriceChanged(command.total, quote.total));
        }
        assert_quote(&quote);
        let cart = Cart { buyer, currency, lines, coupons, reservation };
        let (sold, flash) = self.units_to_take(&cart, &quote, at)?;
        if let Some(first) = self.door_obstacles(buyer, &quote, at)?.into_iter().next() {
            return Err(first);
        }
        let reference = reference_of(id);
        let mut parcels = Vec::with_capacity(quote.parcels.len());
        let mut announcements = Vec::with_capacity(quote.parcels.len());
        for (place, quoted) in quote.parcels.iter().enumerate() {
            let (seller, due) = (quoted.seller, quoted.due);
            let profile = self.seller_terms(seller, currency, at)?.profile;
            let off: u64 = quote
                .applied
                .iter()
                .flat_map(|one| &one.deliveries)
                .filter(|share| usize::from(share.parcel) == place)
                .map(|share| share.amount.minor())
                .sum();
            let parcel = ParcelId::derived(seller, &reference);
            parcels.push(MarketParcel {
                parcel,
                seller,
                delivery: Amount::of(quoted.delivery_fee.minor() - off),
                ordered: due,
                kept: due,
                due,
                return_days: profile.return_days,
                ..MarketParcel::default()
            });
            let (reference, shipment) = (reference.clone(), 1);
            let announce = AnnounceParcel { parcel, seller, currency, due, reference, shipment };
            announcements.push(announce.into());
        }
        let units = quote.units.iter().map(|unit| OrderUnit {
            variant: unit.place,
            parcel: unit.parcel,
            flash: unit.flash.is_some(),
            price: unit.price,
            ..OrderUnit::default()
        });
        let order = MarketOrder {
            id,
            buyer,
            currency,
            placed_at: at,
            content,
            units: units.collect(),
            parcels,
            promotions: quote.applied,
            counts: true,
        };
        let placed = PlacedOrder { order, sold, flash, reservation, total: command.total };
        Ok(MarketPlan { change: Change::Order(Box::new(placed)), books: announcements })
    }

    /// The units that the order takes of ordinary and of flash stock, if they are there.
    #[expect(clippy::type_complexity, reason = "two lists of one pass")]
    fn units_to_take(
        &self,
        command: &Cart<'_>,
        quote: &Quote,
        at: Timestamp,
    ) -> Result<(Vec<(TablePlace, u32)>, Vec<(PromotionId, TablePlace, u32)>), MarketRefusal> {
        let reserved = match command.reservation {
            None => &[][..],
            Some(id) => {
                let known = self.reservations.get(&id).filter(|one| at < one.until);
                let missing = || not_found(MissingMarketRecord::Reservation(id));
                let known = known.ok_or_else(missing)?;
                if known.buyer != command.buyer {
                    return Err(MarketRefusal::ReservationOfAnotherBuyer);
                }
                &known.units
            }
        };
        let mut flash: Vec<(PromotionId, TablePlace, u32)> = Vec::new();
        for unit in &quote.units {
            let Some(promotion) = unit.flash else { continue };
            let known = flash.iter_mut().find(|one| (one.0, one.1) == (promotion, unit.place));
            match known {
                Some((.., units)) => *units += 1,
                None => flash.push((promotion, unit.place, 1)),
            }
        }
        let mut sold = self.units_by_variant(command.lines)?;
        for (place, units) in &mut sold {
            let of_flash = flash.iter().filter(|(_, one, _)| one == place);
            *units -= of_flash.map(|(.., units)| units).sum::<u32>();
            let own = reserved.iter().find(|(one, _)| one == place).map_or(0, |(_, own)| *own);
            self.check_left(*place, units.saturating_sub(own), at)?;
        }
        Ok((sold, flash))
    }

    /// Why the parcels of a quote cannot be paid at the door, each reason once.
    ///
    /// # Errors
    /// A seller is not admitted any more.
    pub fn door_obstacles(
        &self,
        buyer: BuyerToken,
        quote: &Quote,
        at: Timestamp,
    ) -> Result<Vec<MarketRefusal>, MarketRefusal> {
        let mut found = Vec::new();
        for &QuotedParcel { seller, due, .. } in &quote.parcels {
            let profile = self.seller_terms(seller, quote.currency, at)?.profile;
            if due.is_zero() {
                found.push(MarketRefusal::NothingDue(seller));
            }
            if due > profile.parcel_amount_max {
                found.push(MarketRefusal::ParcelAboveCap(seller, profile.parcel_amount_max));
            }
            found.extend(self.check_refusals(buyer, profile, at).err());
        }
        found.dedup();
        Ok(found)
    }

    /// What else keeps a quoted cart from being ordered now: too little stock, or a reservation
    /// that is over.
    #[must_use]
    pub fn stock_obstacle(
        &self,
        cart: &Cart<'_>,
        quote: &Quote,
        at: Timestamp,
    ) -> Option<MarketRefusal> {
        self.units_to_take(cart, quote, at).err()
    }

    pub(crate) fn place_order(
        &mut self,
        placed: PlacedOrder,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let PlacedOrder { order, sold, flash, reservation, total } = placed;
        let due: u64 = order.parcels.iter().map(|parcel| parcel.due.minor()).sum();
        assert_eq!(due, total.minor(), "M14: the parcels' amounts due are the order's total");
        if let Some(id) = reservation {
            self.end_reservation(id);
        }
        for (place, units) in sold {
            self.free_ended(place, units);
            self.variant_mut(place).stock.sell(units);
        }
        for (promotion, place, units) in flash {
            let promotion = self.promotions.get_mut(&promotion).expect("the quote has it");
            let stock = promotion.flash.get_mut(&place).expect("the quote found flash stock");
            stock.left = crate::stock::minus(stock.left, units);
            stock.sold += units;
            stock.assert_whole();
            self.variant_mut(place).stock.sell_allotted(units);
        }
        let mut discounts = Vec::with_capacity(order.promotions.len());
        for applied in &order.promotions {
            let (id, version) = (applied.promotion, applied.version);
            let promotion = self.promotions.get_mut(&id).expect("the quote applied it");
            promotion.take(order.buyer, applied.uses, applied.counted, version);
            if let Some(token) = applied.coupon {
                let coupon = promotion.coupons.get_mut(&token).expect("the quote found it");
                assert!(coupon.used_by.is_none(), "M13: a coupon for single use is used once");
                coupon.used_by = coupon.single_use.then_some(order.id);
            }
            let (all, platform) = applied.discount();
            let sellers = all.saturating_sub(platform);
            discounts.push(OrderDiscount { promotion: id, version, platform, sellers });
        }
        self.note_deals(&order, at);
        self.buyer_mut(order.buyer).orders += 1;
        let (id, buyer, currency) = (order.id, order.buyer, order.currency);
        let ids: Vec<ParcelId> = order.parcels.iter().map(|parcel| parcel.parcel).collect();
        let place = TablePlace::try_from(self.orders.push(order)).expect("fewer than 2³² orders");
        self.order_places.insert(id, place);
        for parcel in ids {
            self.parcel_places.insert(parcel.bits(), place);
        }
        out.push(MarketEvent::OrderPlaced { order: id, buyer, currency, total, discounts });
    }

    /// Remembers the lowest price of each variant on its day, after all discounts.
    fn note_deals(&mut self, order: &MarketOrder, at: Timestamp) {
        let mut nets: Vec<u64> = order.units.iter().map(|unit| unit.price.minor()).collect();
        for share in order.promotions.iter().flat_map(|applied| &applied.shares) {
            nets[usize::from(share.unit)] -= share.amount.minor();
        }
        let day = at.0 / DAY_MS;
        for (unit, net) in order.units.iter().zip(nets) {
            let net = Amount::of(net);
            let deals = &mut self.variant_mut(unit.variant).deals;
            match deals.back_mut() {
                Some((last, lowest)) if *last == day => *lowest = net.min(*lowest),
                _ => {
                    if deals.len() >= DEAL_DAYS_REMEMBERED {
                        deals.pop_front();
                    }
                    deals.push_back((day, net));
                }
            }
        }
    }
}

/// The reference of an order's parcels.
fn reference_of(order: OrderId) -> String {
    format!("market-{order}")
}

/// The parcel of a seller in an order.
#[must_use]
pub fn parcel_of_order(order: OrderId, seller: SellerId) -> ParcelId {
    ParcelId::derived(seller, &reference_of(order))
}

/// Checks that units less discounts are what is due, and that each discount is split (M14).
fn assert_quote(quote: &Quote) {
    let goods: u64 = quote.units.iter().map(|unit| unit.price.minor()).sum();
    let fees: u64 = quote.parcels.iter().map(|parcel| parcel.delivery_fee.minor()).sum();
    let mut off = 0;
    for applied in &quote.applied {
        let (all, platform) = applied.discount();
        assert!(platform <= all, "M14: the platform pays at most the discount");
        assert_eq!(all, applied.counted, "M14: the shares of a discount add up to it");
        off += all.minor();
    }
    assert_eq!(goods + fees - off, quote.total.minor(), "M14: units less discounts are the total");
}

/// Hash of a checkout, to tell a retry from another one under the same id.
fn content_hash(command: &Checkout) -> u64 {
    let bytes = borsh::to_vec(command).expect("writing into memory does not fail");
    bytes.chunks(8).fold(bytes.len() as u64, |hash, chunk| {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        mix(hash, word)
    })
}
