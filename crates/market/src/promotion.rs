//! Promotions: their versions, uses, budgets, coupons and flash stock.

use std::collections::BTreeMap;

use books::{SellerId, UsedNumbers, used_identifier};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Amount, Rate};

use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::{BuyerToken, CategoryId, CouponToken, OfferId, OrderId, PromotionId, VariantId};
use crate::market::{Change, Market, MarketPlan, TablePlace};
use crate::promotion_check::{check_follows, check_terms};
use crate::refusal::{MarketRefusal, MissingMarketRecord, PromotionFault, not_found};
use crate::stock::minus;

/// A promotion with what is used of it.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Promotion {
    /// By number, from 1.
    pub versions: Vec<PublishPromotion>,
    pub ended_at: Option<Timestamp>,
    /// Uses that count.
    pub uses: u32,
    /// The sum of the discounts that count.
    pub spent: Amount,
    /// Uses that count, by buyer, above zero.
    pub by_buyer: BTreeMap<BuyerToken, u32>,
    pub coupons: BTreeMap<CouponToken, IssuedCoupon>,
    pub issues: UsedNumbers<IssueCoupons>,
    pub allotments: UsedNumbers<(VariantId, u32)>,
    pub flash: BTreeMap<TablePlace, FlashStock>,
}

/// A coupon that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct IssuedCoupon {
    pub buyer: Option<BuyerToken>,
    pub single_use: bool,
    /// The order that holds it, if it is for single use.
    pub used_by: Option<OrderId>,
}

/// Units of a flash price. `granted` is the sum of the others, always (M13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FlashStock {
    pub granted: u32,
    pub left: u32,
    pub sold: u32,
}

impl FlashStock {
    pub fn assert_whole(&self) {
        assert!(self.is_whole(), "M13: flash units appeared or disappeared: {self:?}");
    }

    pub fn is_whole(&self) -> bool {
        u64::from(self.left) + u64::from(self.sold) == u64::from(self.granted)
    }
}

/// Under what a promotion is found for a unit: the narrowest list of its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ScopeKey {
    Offer(OfferId),
    Category(CategoryId),
    Seller(SellerId),
    Everything,
}

impl ScopeKey {
    pub fn of(scope: &PromotionScope) -> Vec<ScopeKey> {
        if !scope.offers.is_empty() {
            scope.offers.iter().copied().map(ScopeKey::Offer).collect()
        } else if !scope.categories.is_empty() {
            scope.categories.iter().copied().map(ScopeKey::Category).collect()
        } else if !scope.sellers.is_empty() {
            scope.sellers.iter().copied().map(ScopeKey::Seller).collect()
        } else {
            vec![ScopeKey::Everything]
        }
    }
}

impl Promotion {
    /// The version that holds at a time: the last one that has begun, or the first one.
    pub fn version_at(&self, at: Timestamp) -> &PublishPromotion {
        let begun = self.versions.iter().rfind(|one| one.from <= at);
        begun.or(self.versions.first()).expect("a promotion has a version")
    }

    pub fn latest(&self) -> &PublishPromotion {
        self.versions.last().expect("a promotion has a version")
    }

    pub fn version(&self, number: u16) -> &PublishPromotion {
        let place = usize::from(number).checked_sub(1).expect("versions count from 1");
        self.versions.get(place).expect("an order was made under this version")
    }

    /// Takes uses and money, which a quote found free.
    ///
    /// # Panics
    /// Above a cap (M13).
    pub fn take(&mut self, buyer: BuyerToken, uses: u32, amount: Amount, version: u16) {
        self.uses += uses;
        self.spent = self.spent.checked_add(amount).expect("budgets are far below the largest");
        let by_buyer = self.by_buyer.entry(buyer).or_default();
        *by_buyer += uses;
        let by_buyer = *by_buyer;
        let terms = self.version(version);
        assert!(terms.uses_max.is_none_or(|cap| self.uses <= cap), "M13: more uses than the cap");
        assert!(terms.budget.is_none_or(|cap| self.spent <= cap), "M13: more than the budget");
        assert!(
            terms.per_buyer_max.is_none_or(|cap| by_buyer <= cap),
            "M13: more uses by a buyer than the limit"
        );
    }

    /// Gives uses and money back.
    ///
    /// # Panics
    /// Below zero (M13).
    pub fn give_back(&mut self, buyer: BuyerToken, uses: u32, amount: Amount) {
        self.spent = self.spent.checked_sub(amount).expect("M13: a budget below zero");
        if uses == 0 {
            return;
        }
        self.uses = minus(self.uses, uses);
        let by_buyer = self.by_buyer.get_mut(&buyer).expect("M13: a buyer's uses below zero");
        *by_buyer = minus(*by_buyer, uses);
        if *by_buyer == 0 {
            self.by_buyer.remove(&buyer);
        }
    }
}

impl PublishPromotion {
    /// Whether two persons must publish it: the platform pays a part, or it is not of one seller
    /// alone.
    #[must_use]
    pub fn needs_two_persons(platform_share: Rate, scope: &PromotionScope) -> bool {
        platform_share.ppm() > 0 || scope.sellers.len() != 1
    }

    /// The seller who pays all of it and whose units alone are in its scope.
    #[must_use]
    pub fn only_seller(&self) -> Option<SellerId> {
        let shared = PublishPromotion::needs_two_persons(self.platform_share, &self.scope);
        self.scope.sellers.first().copied().filter(|_| !shared)
    }
}

impl Market {
    pub(crate) fn promotion(&self, id: PromotionId) -> Result<&Promotion, MarketRefusal> {
        let promotion = self.promotions.get(&id);
        promotion.ok_or_else(|| not_found(MissingMarketRecord::Promotion(id)))
    }

    fn live_promotion(&self, id: PromotionId) -> Result<&Promotion, MarketRefusal> {
        let promotion = self.promotion(id)?;
        let live = promotion.ended_at.is_none();
        if live { Ok(promotion) } else { Err(MarketRefusal::PromotionEnded) }
    }

    pub(crate) fn publish_promotion(
        &self,
        command: &PublishPromotion,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let known = self.promotions.get(&command.promotion);
        let versions = known.map_or(&[][..], |known| &known.versions);
        if let Some(before) =
            usize::from(command.version).checked_sub(1).and_then(|place| versions.get(place))
        {
            return Err(used_identifier(before == command).into());
        }
        let next = u32::try_from(versions.len()).unwrap_or(u32::MAX) + 1;
        if u32::from(command.version) != next {
            return Err(books::Refusal::WrongSequenceNumber(next).into());
        }
        if versions.len() >= PROMOTION_VERSIONS_MAX {
            return Err(MarketRefusal::TooManyVersions);
        }
        match (command.proposed_by, command.approved_by) {
            (None, None) => {}
            (Some(first), Some(second)) if first != second => {}
            _ => return Err(books::Refusal::SamePerson.into()),
        }
        check_terms(command)?;
        match known {
            Some(known) => self.check_next_version(known, command)?,
            None => {
                let open = self.promotions.values().filter(|one| one.ended_at.is_none()).count();
                if open >= PROMOTIONS_MAX {
                    return Err(MarketRefusal::TooManyPromotions);
                }
            }
        }
        self.check_yielding(command)?;
        self.check_scope(command)?;
        Ok(Change::Promotion(Box::new(command.clone())).into())
    }

    fn check_next_version(
        &self,
        known: &Promotion,
        next: &PublishPromotion,
    ) -> Result<(), MarketRefusal> {
        if known.ended_at.is_some() {
            return Err(MarketRefusal::PromotionEnded);
        }
        check_follows(known.latest(), next)?;
        if next.uses_max.is_some_and(|cap| cap < known.uses) {
            return Err(PromotionFault::UsesBelowUsed(known.uses).into());
        }
        if next.budget.is_some_and(|cap| cap < known.spent) {
            return Err(PromotionFault::BudgetBelowSpent(known.spent).into());
        }
        Ok(())
    }

    /// Checks that the promotions that it yields to exist, are earlier, and do not yield to it.
    fn check_yielding(&self, command: &PublishPromotion) -> Result<(), MarketRefusal> {
        let own = (command.order, command.promotion);
        for &id in &command.yields_to {
            if id == command.promotion || self.yields(id, command.promotion) {
                return Err(PromotionFault::CircularYielding(id).into());
            }
            let other = self.promotion(id)?.latest();
            if (other.order, id) >= own {
                return Err(PromotionFault::YieldsToLater(id).into());
            }
        }
        Ok(())
    }

    /// Whether a promotion yields to another one, also by way of others.
    fn yields(&self, id: PromotionId, to: PromotionId) -> bool {
        let mut seen = std::collections::BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(one) = open.pop() {
            let Some(promotion) = self.promotions.get(&one) else { continue };
            for &next in promotion.versions.iter().flat_map(|version| &version.yields_to) {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// Checks that offers and variants exist.
    fn check_scope(&self, command: &PublishPromotion) -> Result<(), MarketRefusal> {
        for &offer in &command.scope.offers {
            self.offer_place(offer)?;
        }
        let mut variants: Vec<VariantId> = Vec::new();
        match &command.rule {
            PromotionRule::Bundle(bundle) => {
                variants.extend(bundle.parts.iter().map(|part| part.variant));
            }
            PromotionRule::Flash(prices) => variants.extend(prices.iter().map(|one| one.variant)),
            _ => {}
        }
        for variant in variants {
            let offer = self.offer(self.variant(self.variant_place(variant)?).offer);
            if offer.currency != command.currency {
                return Err(MarketRefusal::CurrenciesDiffer(offer.currency, command.currency));
            }
        }
        Ok(())
    }

    pub(crate) fn add_promotion(&mut self, terms: PublishPromotion, out: &mut Vec<MarketEvent>) {
        let (promotion, version) = (terms.promotion, terms.version);
        for key in ScopeKey::of(&terms.scope) {
            self.promotions_by_scope.entry(key).or_default().insert(promotion);
        }
        self.promotions.entry(promotion).or_default().versions.push(terms);
        out.push(MarketEvent::PromotionPublished { promotion, version });
    }

    pub(crate) fn end_promotion(
        &self,
        command: &EndPromotion,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        if self.promotion(command.promotion)?.ended_at.is_some() {
            return Err(books::Refusal::Repeated.into());
        }
        Ok(Change::PromotionEnd(command.promotion).into())
    }

    pub(crate) fn close_promotion(
        &mut self,
        id: PromotionId,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let promotion = self.promotions.get_mut(&id).expect("the plan found the promotion");
        promotion.ended_at = Some(at);
        let scopes: Vec<ScopeKey> =
            promotion.versions.iter().flat_map(|terms| ScopeKey::of(&terms.scope)).collect();
        let mut freed = Vec::new();
        for (&place, stock) in &mut promotion.flash {
            freed.push((place, stock.left));
            stock.granted = minus(stock.granted, stock.left);
            stock.left = 0;
            stock.assert_whole();
        }
        for key in scopes {
            if let Some(listed) = self.promotions_by_scope.get_mut(&key) {
                listed.remove(&id);
                if listed.is_empty() {
                    self.promotions_by_scope.remove(&key);
                }
            }
        }
        for (place, units) in freed.into_iter().filter(|(_, units)| *units > 0) {
            let variant = self.variant_mut(place);
            variant.stock.end_allotment(units);
            let (variant, left) = (variant.id, variant.stock.left);
            out.push(MarketEvent::StockChanged { variant, left });
        }
        out.push(MarketEvent::PromotionEnded { promotion: id });
    }

    pub(crate) fn issue_coupons(
        &self,
        command: &IssueCoupons,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        self.promotion(command.promotion)?
            .issues
            .check(command.number, |before| before == command)?;
        let promotion = self.live_promotion(command.promotion)?;
        if !promotion.latest().by_coupon {
            return Err(MarketRefusal::NotByCoupon);
        }
        if !(1..=COUPONS_PER_COMMAND_MAX).contains(&command.coupons.len()) {
            return Err(MarketRefusal::CouponCount);
        }
        let mut tokens: Vec<CouponToken> = command.coupons.iter().map(|one| one.coupon).collect();
        tokens.sort_unstable();
        let twice = tokens.windows(2).find(|two| two[0] == two[1]).map(|two| two[0]);
        let issued = || tokens.iter().find(|token| self.coupons.contains_key(token)).copied();
        match twice.or_else(issued) {
            Some(token) => Err(MarketRefusal::CouponIssued(token)),
            None => Ok(Change::Coupons(command.clone()).into()),
        }
    }

    pub(crate) fn add_coupons(&mut self, issue: IssueCoupons) {
        let promotion =
            self.promotions.get_mut(&issue.promotion).expect("the plan found the promotion");
        for NewCoupon { coupon, buyer, single_use } in issue.coupons.iter().copied() {
            let issued = IssuedCoupon { buyer, single_use, used_by: None };
            promotion.coupons.insert(coupon, issued);
            self.coupons.insert(coupon, issue.promotion);
        }
        promotion.issues.push(issue);
    }

    pub(crate) fn allot_flash_stock(
        &self,
        command: &AllotFlashStock,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let AllotFlashStock { promotion: id, variant, number, quantity } = *command;
        self.promotion(id)?.allotments.check(number, |before| *before == (variant, quantity))?;
        let promotion = self.live_promotion(id)?;
        let priced = match &promotion.latest().rule {
            PromotionRule::Flash(prices) => prices.iter().any(|one| one.variant == variant),
            _ => false,
        };
        if !priced {
            return Err(MarketRefusal::NoFlashPrice(variant));
        }
        if !(1..=STOCK_MAX).contains(&quantity) {
            return Err(MarketRefusal::Quantity);
        }
        let place = self.variant_place(variant)?;
        self.check_left(place, quantity, at)?;
        Ok(Change::Allotment(place, command.clone()).into())
    }

    pub(crate) fn allot(
        &mut self,
        place: TablePlace,
        command: &AllotFlashStock,
        out: &mut Vec<MarketEvent>,
    ) {
        let AllotFlashStock { promotion, variant, quantity, .. } = *command;
        self.free_ended(place, quantity);
        let stock = &mut self.variant_mut(place).stock;
        stock.allot(quantity);
        let left = stock.left;
        let promotion = self.promotions.get_mut(&promotion).expect("the plan found the promotion");
        promotion.allotments.push((variant, quantity));
        let flash = promotion.flash.entry(place).or_default();
        flash.granted += quantity;
        flash.left += quantity;
        flash.assert_whole();
        out.push(MarketEvent::StockChanged { variant, left });
    }
}
