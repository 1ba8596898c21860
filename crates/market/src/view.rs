//! Queries: what the market says of a variant and of an order.

use std::collections::BTreeSet;

use books::{Jurisdiction, ParcelId, SellerId, SellerKind, Sha256Digest};
use machine::{DAY_MS, Timestamp};
use money::{Amount, Currency};
use serde::Serialize;

use crate::command::PublishPromotion;
use crate::ids::{BuyerToken, CategoryId, OfferId, OrderId, PromotionId, ReservationId, VariantId};
use crate::market::{CurrencyKey, Market};
use crate::offers::Variant;
use crate::order::{AppliedPromotion, MarketOrder, MarketParcel, OrderUnit};
use crate::promotion::{FlashStock, Promotion};
use crate::refusal::MarketRefusal;
use crate::stock::StockAccount;
use crate::vocabulary::OfferState;

/// A variant as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantView<'m> {
    pub variant: VariantId,
    pub offer: OfferId,
    pub seller: SellerId,
    pub state: OfferState,
    pub currency: Currency,
    pub sku: &'m str,
    pub weight_g: u32,
    pub price: Amount,
    /// How often the price was set.
    pub price_number: u32,
    pub stock: StockAccount,
    /// Of the stock, so far.
    pub adjustments: u32,
}

/// A promotion as it is now.
#[derive(Clone, Copy, Debug)]
pub struct PromotionView<'m> {
    /// Of the last version.
    pub terms: &'m PublishPromotion,
    pub is_ended: bool,
    /// Uses that count, and the sum of their discounts.
    pub uses: u32,
    pub spent: Amount,
    /// Coupons that were issued.
    pub coupons: usize,
    /// Units of its flash stock, and those of them that are not sold.
    pub flash_granted: u32,
    pub flash_left: u32,
}

/// An offer as it is now.
#[derive(Clone, Copy, Debug)]
pub struct OfferView<'m> {
    pub offer: OfferId,
    pub seller: SellerId,
    pub currency: Currency,
    pub category: CategoryId,
    pub content: Sha256Digest,
    pub state: OfferState,
    /// The seller's own reference.
    pub reference: &'m str,
    /// Revisions and states so far.
    pub changes: u32,
    pub variants: usize,
}

/// An order as it is now.
#[derive(Clone, Copy, Debug)]
pub struct OrderView<'m> {
    pub order: OrderId,
    pub buyer: BuyerToken,
    pub currency: Currency,
    pub placed_at: Timestamp,
    pub units: &'m [OrderUnit],
    pub parcels: &'m [MarketParcel],
    pub promotions: &'m [AppliedPromotion],
}

/// Which price may be shown crossed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ReferencePriceRule {
    /// The lowest price of the 30 days before (Directive 98/6/EC, Article 6a).
    LowestOf30Days,
    /// The lowest deal of the 7 days before, else the last deal (China, provisions on prohibiting
    /// price fraud of 2015, Article 7).
    LowestDealOf7Days,
}

impl ReferencePriceRule {
    /// The rule of a jurisdiction. `None` if there is none here: then no price is crossed out.
    #[must_use]
    pub fn of(jurisdiction: Jurisdiction) -> Option<ReferencePriceRule> {
        const UNION: [&[u8; 2]; 27] = [
            b"AT", b"BE", b"BG", b"CY", b"CZ", b"DE", b"DK", b"EE", b"ES", b"FI", b"FR", b"GR",
            b"HR", b"HU", b"IE", b"IT", b"LT", b"LU", b"LV", b"MT", b"NL", b"PL", b"PT", b"RO",
            b"SE", b"SI", b"SK",
        ];
        match jurisdiction {
            Jurisdiction([b'C', b'N']) => Some(ReferencePriceRule::LowestDealOf7Days),
            Jurisdiction(code) if UNION.contains(&&code) => {
                Some(ReferencePriceRule::LowestOf30Days)
            }
            Jurisdiction(_) => None,
        }
    }
}

impl Variant {
    /// The lowest price in force at any time from `since` on, before `until`.
    fn lowest_price(&self, since: Timestamp, until: Timestamp) -> Option<Amount> {
        let mut lowest: Option<Amount> = None;
        let mut end = until;
        for &(from, price) in self.prices.iter().rev() {
            if from < until && end > since {
                lowest = Some(lowest.map_or(price, |before| before.min(price)));
            }
            end = from.min(end);
        }
        lowest
    }

    fn lowest_deal(&self, since_day: u64, before_day: u64) -> Option<Amount> {
        let mut before = self.deals.iter().filter(|(day, _)| *day < before_day);
        let recent = before.clone().filter(|(day, _)| *day >= since_day);
        let lowest = recent.map(|(_, deal)| *deal).min();
        lowest.or_else(|| before.next_back().map(|(_, deal)| *deal))
    }
}

impl Market {
    /// What may be shown crossed out beside a price that holds since a time. Days are of UTC.
    #[must_use]
    pub fn reference_price(
        &self,
        variant: VariantId,
        rule: ReferencePriceRule,
        since: Timestamp,
    ) -> Option<Amount> {
        let variant = self.variant(self.variant_place(variant).ok()?);
        match rule {
            ReferencePriceRule::LowestOf30Days => {
                variant.lowest_price(Timestamp(since.0.saturating_sub(30 * DAY_MS)), since)
            }
            ReferencePriceRule::LowestDealOf7Days => {
                let day = since.0 / DAY_MS;
                variant.lowest_deal(day.saturating_sub(7), day)
            }
        }
    }

    /// The prices of an offer's variants now, each with the price that may be shown crossed out
    /// beside it: in rising order, each once.
    #[must_use]
    pub fn offer_prices(
        &self,
        id: OfferId,
        rule: Option<ReferencePriceRule>,
    ) -> BTreeSet<(Amount, Option<Amount>)> {
        let Ok(place) = self.offer_place(id) else { return BTreeSet::new() };
        let prices = self.offer(place).variants.iter().map(|&place| {
            let variant = self.variant(place);
            let since = variant.prices.back().map_or(Timestamp(0), |(since, _)| *since);
            let reference = rule.and_then(|rule| self.reference_price(variant.id, rule, since));
            (variant.price, reference)
        });
        prices.collect()
    }

    /// The kind with which a seller acts at a time. `None` if it is not admitted.
    #[must_use]
    pub fn seller_kind(
        &self,
        seller: SellerId,
        currency: Currency,
        at: Timestamp,
    ) -> Option<SellerKind> {
        self.seller_terms(seller, currency, at).ok().map(|terms| terms.admission.kind)
    }

    #[must_use]
    pub fn variant_view(&self, id: VariantId) -> Option<VariantView<'_>> {
        let variant = self.variant(self.variant_place(id).ok()?);
        let offer = self.offer(variant.offer);
        Some(VariantView {
            variant: id,
            offer: offer.id,
            seller: offer.seller,
            state: offer.state,
            currency: offer.currency,
            sku: &variant.sku,
            weight_g: variant.weight_g,
            price: variant.price,
            price_number: variant.price_number,
            stock: variant.stock,
            adjustments: variant.adjustments.last(),
        })
    }

    /// Units of a variant that can be ordered at a time.
    #[must_use]
    pub fn units_left(&self, id: VariantId, at: Timestamp) -> Option<u32> {
        self.variant_place(id).ok().map(|place| self.left_at(place, at))
    }

    #[must_use]
    pub fn order_view(&self, id: OrderId) -> Option<OrderView<'_>> {
        let place = self.order_place(id).ok()?;
        let MarketOrder {
            buyer, currency, placed_at, ref units, ref parcels, ref promotions, ..
        } = *self.order(place);
        Some(OrderView { order: id, buyer, currency, placed_at, units, parcels, promotions })
    }

    /// The order that a parcel is of.
    #[must_use]
    pub fn order_of_parcel(&self, parcel: ParcelId) -> Option<OrderId> {
        self.place_of_parcel(parcel).ok().map(|place| self.order(place).id)
    }

    #[must_use]
    pub fn offer_count(&self) -> usize {
        self.offers.len()
    }

    /// An offer by its place among all, from 0.
    #[must_use]
    pub fn offer_at(&self, place: usize) -> Option<OfferId> {
        self.offers.get(place).map(|offer| offer.id)
    }

    #[must_use]
    pub fn offer_view(&self, id: OfferId) -> Option<OfferView<'_>> {
        let offer = self.offer(self.offer_place(id).ok()?);
        let drafted = offer.drafted.as_deref();
        Some(OfferView {
            offer: id,
            seller: offer.seller,
            currency: offer.currency,
            category: offer.category,
            content: offer.content,
            state: offer.state,
            reference: drafted.map_or("", |drafted| &drafted.reference),
            changes: offer.changes.last(),
            variants: offer.variants.len(),
        })
    }

    /// All offers, in the order in which they were drafted.
    pub fn offer_ids(&self) -> impl Iterator<Item = OfferId> {
        self.offers.iter().map(|offer| offer.id)
    }

    /// The variants of an offer, in the order in which they were added.
    pub fn variants_of(&self, id: OfferId) -> impl Iterator<Item = VariantView<'_>> {
        let places = self.offer_place(id).map(|place| &self.offer(place).variants[..]);
        let places = places.unwrap_or_default().iter();
        places.filter_map(|&place| self.variant_view(self.variant(place).id))
    }

    /// How many offers a seller can draft at a time.
    ///
    /// # Errors
    /// The seller is not admitted then.
    pub fn offers_left(
        &self,
        seller: SellerId,
        currency: Currency,
        at: Timestamp,
    ) -> Result<u32, MarketRefusal> {
        let most = self.seller_terms(seller, currency, at)?.profile.offers_max;
        let key = (seller, CurrencyKey::from(currency));
        Ok(most.saturating_sub(self.offers_of.get(&key).copied().unwrap_or(0)))
    }

    #[must_use]
    pub fn seller_of_offer(&self, id: OfferId) -> Option<SellerId> {
        self.offer_place(id).ok().map(|place| self.offer(place).seller)
    }

    /// The sellers of some units of an order. `None` for one that it does not have.
    pub fn sellers_of_units(
        &self,
        id: OrderId,
        units: &[u16],
    ) -> impl Iterator<Item = Option<SellerId>> {
        let order = self.order_view(id);
        units.iter().map(move |unit| {
            let order = order?;
            let parcel = order.units.get(usize::from(*unit))?.parcel;
            Some(order.parcels.get(usize::from(parcel))?.seller)
        })
    }

    /// A promotion's last version.
    #[must_use]
    pub fn promotion_terms(&self, id: PromotionId) -> Option<&PublishPromotion> {
        self.promotions.get(&id).map(Promotion::latest)
    }

    #[must_use]
    pub fn promotion_view(&self, id: PromotionId) -> Option<PromotionView<'_>> {
        let promotion = self.promotions.get(&id)?;
        let flash = |of: fn(&FlashStock) -> u32| promotion.flash.values().map(of).sum();
        Some(PromotionView {
            terms: promotion.latest(),
            is_ended: promotion.ended_at.is_some(),
            uses: promotion.uses,
            spent: promotion.spent,
            coupons: promotion.coupons.len(),
            flash_granted: flash(|stock| stock.granted),
            flash_left: flash(|stock| stock.left),
        })
    }

    /// What a unit of an order is of.
    #[must_use]
    pub fn variant_of_unit(&self, unit: &OrderUnit) -> VariantId {
        self.variant(unit.variant).id
    }

    /// The reservations whose units are not all given back, with the variants of these.
    pub fn reservations(&self) -> impl ExactSizeIterator<Item = (ReservationId, Vec<VariantId>)> {
        self.reservations.iter().map(|(id, reservation)| {
            (*id, reservation.made.iter().map(|line| line.variant).collect())
        })
    }

    /// Uses of a promotion that count, and what is spent of its budget.
    #[must_use]
    pub fn promotion_use(&self, id: PromotionId) -> Option<(u32, Amount)> {
        self.promotions.get(&id).map(|promotion| (promotion.uses, promotion.spent))
    }

    /// Whether units of a reservation are set aside.
    #[must_use]
    pub fn has_reservation(&self, id: ReservationId) -> bool {
        self.reservations.contains_key(&id)
    }

    /// How many orders were placed.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }
}
