//! What a shop window shows: the variants of an offer with their prices now, and the promotions
//! that hold for it.

use std::collections::BTreeMap;

use books::{SellerId, SellerKind};
use machine::Timestamp;
use money::{Amount, Currency};

use crate::command::{AdmitSeller, PublishMarketProfile, PublishPromotion};
use crate::ids::{OfferId, PromotionId};
use crate::market::{Market, kind_key};
use crate::offers::Offer;
use crate::promotion::ScopeKey;
use crate::view::{ReferencePriceRule, VariantView};
use crate::vocabulary::PromotionRule;

/// A variant as a shop window shows it.
#[derive(Clone, Copy, Debug)]
pub struct ShownVariant<'m> {
    pub variant: VariantView<'m>,
    /// Units that can be ordered now.
    pub left: u32,
    /// What may be shown crossed out: it is above the price.
    pub reference: Option<Amount>,
    /// A lower price for so many units.
    pub flash: Option<(Amount, u32)>,
}

/// On which terms a seller sells now.
#[derive(Clone, Copy, Debug)]
pub struct SellingTerms {
    pub kind: SellerKind,
    pub delivery_fee: Amount,
    pub return_days: u16,
}

/// The promotions that hold at a time, by what they are found under: looked for once, for many
/// offers.
#[derive(Debug)]
pub struct PromotionsNow<'m> {
    market: &'m Market,
    at: Timestamp,
    found: BTreeMap<ScopeKey, Vec<PromotionId>>,
}

impl<'m> PromotionsNow<'m> {
    /// The promotions that hold for an offer without a coupon, in the order in which they apply.
    /// Whether one applies to a cart, a quote says.
    pub fn of(&mut self, offer: OfferId) -> Vec<&'m PublishPromotion> {
        let (market, at) = (self.market, self.at);
        let Ok(place) = market.offer_place(offer) else { return Vec::new() };
        let offer = market.offer(place);
        let Ok(terms) = market.seller_terms(offer.seller, offer.currency, at) else {
            return Vec::new();
        };
        let keys = [
            ScopeKey::Everything,
            ScopeKey::Seller(offer.seller),
            ScopeKey::Category(offer.category),
            ScopeKey::Offer(offer.id),
        ];
        let mut found: Vec<&PublishPromotion> = Vec::new();
        for key in keys {
            let ids = self.found.entry(key).or_insert_with(|| market.holding(key, at));
            let promotions = ids.iter().map(|id| market.promotions[id].version_at(at));
            found.extend(promotions.filter(|one| {
                one.currency == offer.currency && market.in_scope(one, terms.profile, offer)
            }));
        }
        found.sort_by_key(|one| (one.order, one.promotion));
        found
    }
}

impl Market {
    /// The variants of an offer.
    #[must_use]
    pub fn shown_variants(
        &self,
        offer: OfferId,
        rule: Option<ReferencePriceRule>,
        at: Timestamp,
    ) -> Vec<ShownVariant<'_>> {
        let Ok(place) = self.offer_place(offer) else { return Vec::new() };
        let flash = self.promotions_now(at).of(offer);
        let shown = self.offer(place).variants.iter().filter_map(|&place| {
            let variant = self.variant(place);
            let since = variant.prices.back().map_or(Timestamp(0), |(since, _)| *since);
            let reference = rule.and_then(|rule| self.reference_price(variant.id, rule, since));
            let of_flash = flash.iter().filter_map(|one| {
                let PromotionRule::Flash(prices) = &one.rule else { return None };
                let price = prices.iter().find(|price| price.variant == variant.id)?.price;
                let left = self.promotions[&one.promotion].flash.get(&place)?.left;
                (left > 0 && price < variant.price).then_some((price, left))
            });
            Some(ShownVariant {
                variant: self.variant_view(variant.id)?,
                left: self.left_at(place, at),
                reference: reference.filter(|reference| *reference > variant.price),
                flash: of_flash.min(),
            })
        });
        shown.collect()
    }

    /// `None` for a seller who is not admitted.
    #[must_use]
    pub fn selling_terms(
        &self,
        seller: SellerId,
        currency: Currency,
        at: Timestamp,
    ) -> Option<SellingTerms> {
        let terms = self.seller_terms(seller, currency, at).ok()?;
        let AdmitSeller { kind, delivery_fee, .. } = *terms.admission;
        Some(SellingTerms { kind, delivery_fee, return_days: terms.profile.return_days })
    }

    #[must_use]
    pub fn promotions_now(&self, at: Timestamp) -> PromotionsNow<'_> {
        PromotionsNow { market: self, at, found: BTreeMap::new() }
    }

    /// The version of a promotion that holds at a time.
    #[must_use]
    pub fn promotion_at(&self, id: PromotionId, at: Timestamp) -> Option<&PublishPromotion> {
        self.promotions.get(&id).map(|promotion| promotion.version_at(at))
    }

    /// Promotions under a key that hold at a time, without a coupon, and have uses left.
    fn holding(&self, key: ScopeKey, at: Timestamp) -> Vec<PromotionId> {
        let ids = self.promotions_by_scope.get(&key).into_iter().flatten().copied();
        let holds = |id: &PromotionId| {
            let promotion = &self.promotions[id];
            let terms = promotion.version_at(at);
            let is_open = promotion.ended_at.is_none() && !terms.by_coupon;
            let has_uses = terms.uses_max.is_none_or(|most| promotion.uses < most);
            is_open && has_uses && terms.from <= at && at < terms.until
        };
        ids.filter(holds).collect()
    }

    /// Whether an offer is in the scope of a promotion.
    pub(crate) fn in_scope(
        &self,
        terms: &PublishPromotion,
        profile: &PublishMarketProfile,
        offer: &Offer,
    ) -> bool {
        let scope = &terms.scope;
        let kind = scope.seller_kind.is_none_or(|kind| kind_key(kind) == kind_key(profile.kind));
        let in_list = |empty: bool, listed: bool| empty || listed;
        profile.promotions
            && kind
            && in_list(scope.sellers.is_empty(), scope.sellers.contains(&offer.seller))
            && in_list(scope.offers.is_empty(), scope.offers.contains(&offer.id))
            && in_list(scope.categories.is_empty(), scope.categories.contains(&offer.category))
    }
}
