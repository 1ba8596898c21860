//! Rows of the market: what the market says at the end of a batch of everything that the batch
//! touched.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use books::{SellerId, SellerKind};
use engine::{CommandOutcome, Engine};
use market::{
    AdjustStock, AppliedPromotion, Market, MarketCommand, MarketEvent, MarketParcelState, OfferId,
    OfferState, OrderId, OrderView, PromotionId, PromotionRule, ReservationId, StockReason,
    UnitState, VariantId,
};
use money::Amount;

use crate::catalog::ViewName;
use crate::rows::{RowKey, Rows};
use crate::value::ViewValue;

/// Reservations that are remembered beyond those that the market has.
const GONE_RESERVATIONS_MAX: usize = 1_024;

/// An adjustment of the stock, and what was left after it.
#[derive(Debug)]
struct StockAdjustment {
    given: AdjustStock,
    offer: OfferId,
    seller: SellerId,
    left: u32,
}

/// What a batch touched in the market.
#[derive(Debug, Default)]
pub struct TouchedMarket {
    offers: BTreeSet<OfferId>,
    variants: BTreeSet<VariantId>,
    promotions: BTreeSet<PromotionId>,
    /// Each with whether it is new.
    orders: BTreeMap<OrderId, bool>,
    adjusted: Vec<StockAdjustment>,
    /// The variants of each reservation: its end does not name them.
    reserved: HashMap<ReservationId, Vec<VariantId>>,
}

impl TouchedMarket {
    /// Goes on after what an engine has.
    #[must_use]
    pub fn after(market: &Market) -> TouchedMarket {
        let reserved = market.reservations();
        TouchedMarket { reserved: reserved.collect(), ..TouchedMarket::default() }
    }

    /// A command was carried out. The market also follows commands of the books.
    pub fn note(
        &mut self,
        command: Option<&MarketCommand>,
        outcome: &CommandOutcome,
        market: &Market,
    ) {
        if outcome.market.is_empty() {
            return;
        }
        if let Some(command) = command {
            self.note_command(command);
            if let MarketCommand::AdjustStock(given) = command
                && let Some(variant) = market.variant_view(given.variant)
            {
                let (offer, seller, left) = (variant.offer, variant.seller, variant.stock.left);
                self.adjusted.push(StockAdjustment { given: given.clone(), offer, seller, left });
            }
        }
        let parcels = outcome.books.events.iter().filter_map(books::Event::parcel);
        for order in parcels.filter_map(|parcel| market.order_of_parcel(parcel)) {
            self.orders.entry(order).or_default();
        }
        for event in &outcome.market {
            match event {
                MarketEvent::OfferStateSet { offer, .. } => drop(self.offers.insert(*offer)),
                MarketEvent::StockChanged { variant, .. } => drop(self.variants.insert(*variant)),
                MarketEvent::PromotionPublished { promotion, .. }
                | MarketEvent::PromotionEnded { promotion } => {
                    self.promotions.insert(*promotion);
                }
                MarketEvent::ReservationEnded { reservation } => self.end_reservation(*reservation),
                MarketEvent::OrderPlaced { order, .. } => drop(self.orders.insert(*order, true)),
                MarketEvent::UnitsTakenBack { order, .. }
                | MarketEvent::RefundOwed { order, .. }
                | MarketEvent::OrderDelivered { order, .. } => {
                    self.orders.entry(*order).or_default();
                }
                MarketEvent::MarketChanged
                | MarketEvent::UnitsReserved { .. }
                | MarketEvent::AppealAccepted { .. } => {}
            }
        }
    }

    fn note_command(&mut self, command: &MarketCommand) {
        use MarketCommand as C;
        match command {
            C::DraftOffer(one) => {
                self.variants.extend(one.variants.iter().map(|variant| variant.variant));
            }
            C::ReviseOffer(one) => drop(self.offers.insert(one.offer)),
            C::AddVariant(one) => {
                self.offers.insert(one.offer);
                self.variants.insert(one.variant.variant);
            }
            C::SetOfferState(one) => drop(self.offers.insert(one.offer)),
            C::SetPrice(one) => drop(self.variants.insert(one.variant)),
            C::AdjustStock(one) => drop(self.variants.insert(one.variant)),
            C::IssueCoupons(one) => drop(self.promotions.insert(one.promotion)),
            C::AllotFlashStock(one) => drop(self.promotions.insert(one.promotion)),
            C::ReserveUnits(one) => {
                let variants: Vec<VariantId> = one.lines.iter().map(|line| line.variant).collect();
                self.variants.extend(&variants);
                self.reserved.insert(one.reservation, variants);
            }
            C::Checkout(one) => one.reservation.into_iter().for_each(|id| self.end_reservation(id)),
            C::ReceiveUnits(one) => drop(self.orders.entry(one.order).or_default()),
            C::ReturnUnits(one) => drop(self.orders.entry(one.order).or_default()),
            C::PublishMarketProfile(_)
            | C::AdmitSeller(_)
            | C::PublishPromotion(_)
            | C::EndPromotion(_)
            | C::CancelReservation(_)
            | C::EndReservations(_)
            | C::CancelOrder(_)
            | C::AcceptUnits(_)
            | C::AcceptAppeal(_) => {}
        }
    }

    fn end_reservation(&mut self, id: ReservationId) {
        self.variants.extend(self.reserved.remove(&id).into_iter().flatten());
    }

    /// Writes a row of each thing that the batch touched.
    pub fn write(&mut self, rows: &mut Rows, batch: i64, engine: &Engine) {
        let market = engine.market();
        for (id, is_new) in std::mem::take(&mut self.orders) {
            let Some(order) = market.order_view(id) else { continue };
            let variants = order.units.iter().map(|unit| market.variant_of_unit(unit));
            self.variants.extend(variants);
            self.promotions.extend(order.promotions.iter().map(|applied| applied.promotion));
            OrderRows { rows, batch, market, order, is_new }.write();
        }
        for id in std::mem::take(&mut self.offers) {
            let content = offer_content(market, id);
            rows.hold(ViewName::Offers, key(id.0), batch, false, content);
        }
        for id in std::mem::take(&mut self.variants) {
            let content = variant_content(market, id);
            rows.hold(ViewName::Variants, key(id.0), batch, false, content);
        }
        for one in std::mem::take(&mut self.adjusted) {
            rows.add(ViewName::StockAdjustments, one.content(batch));
        }
        for id in std::mem::take(&mut self.promotions) {
            let content = promotion_content(market, id);
            rows.hold(ViewName::Promotions, key(id.0), batch, false, content);
        }
        // Some ended without an event: another buyer took their units.
        if self.reserved.len() > market.reservations().len() + GONE_RESERVATIONS_MAX {
            self.reserved.retain(|id, _| market.has_reservation(*id));
        }
    }
}

impl StockAdjustment {
    fn content(&self, batch: i64) -> [ViewValue; 8] {
        let AdjustStock { variant, number: adjustment, quantity, reason } = &self.given;
        let word = match reason {
            StockReason::Received => "received",
            StockReason::CountedMore => "counted more",
            StockReason::CountedFewer => "counted fewer",
            StockReason::Damaged => "damaged",
            StockReason::Withdrawn => "withdrawn",
        };
        let units = i64::from(*quantity);
        [
            ViewValue::id(variant.0),
            number(*adjustment),
            batch.into(),
            ViewValue::id(self.offer.0),
            ViewValue::id(self.seller.0),
            word.into(),
            number(if reason.adds() { units } else { -units }),
            number(self.left),
        ]
    }
}

fn key(id: u64) -> RowKey {
    RowKey([id, 0, 0, 0])
}

fn count(of: usize) -> ViewValue {
    ViewValue::Number(i64::try_from(of).unwrap_or(i64::MAX))
}

fn number(of: impl Into<i64>) -> ViewValue {
    ViewValue::Number(of.into())
}

fn offer_content(market: &Market, id: OfferId) -> Option<[ViewValue; 8]> {
    let offer = market.offer_view(id)?;
    let state = match offer.state {
        OfferState::Draft => "draft",
        OfferState::Listed => "listed",
        OfferState::Paused => "paused",
        OfferState::Ended => "ended",
    };
    Some([
        state.into(),
        ViewValue::id(offer.seller.0),
        offer.currency.code().into(),
        ViewValue::text(offer.reference),
        ViewValue::id(offer.category.0),
        count(offer.variants),
        number(offer.changes),
        ViewValue::text(offer.content.to_string()),
    ])
}

fn variant_content(market: &Market, id: VariantId) -> Option<[ViewValue; 13]> {
    let variant = market.variant_view(id)?;
    let stock = variant.stock;
    Some([
        ViewValue::id(variant.offer.0),
        ViewValue::id(variant.seller.0),
        ViewValue::text(variant.sku),
        variant.currency.code().into(),
        variant.price.minor().into(),
        number(variant.price_number),
        number(variant.weight_g),
        number(stock.granted),
        number(stock.left),
        number(stock.allotted),
        number(stock.reserved),
        number(stock.sold),
        number(variant.adjustments),
    ])
}

fn rule_name(rule: &PromotionRule) -> &'static str {
    match rule {
        PromotionRule::Percentage(_) => "percentage",
        PromotionRule::AmountOff(_) => "amount off",
        PromotionRule::Threshold(_) => "threshold",
        PromotionRule::EachFull(_) => "each full",
        PromotionRule::Bundle(_) => "bundle",
        PromotionRule::SecondCheaper(_) => "second cheaper",
        PromotionRule::FreeDelivery => "free delivery",
        PromotionRule::Flash(_) => "flash",
    }
}

fn promotion_content(market: &Market, id: PromotionId) -> Option<[ViewValue; 19]> {
    let promotion = market.promotion_view(id)?;
    let terms = promotion.terms;
    let left = terms.budget.map(|budget| budget.saturating_sub(promotion.spent).minor());
    Some([
        if promotion.is_ended { "ended" } else { "published" }.into(),
        number(terms.version),
        rule_name(&terms.rule).into(),
        terms.from.0.into(),
        terms.until.0.into(),
        terms.only_seller().map(|seller| ViewValue::id(seller.0)).into(),
        number(terms.platform_share.ppm()),
        number(terms.by_coupon),
        count(promotion.coupons),
        number(terms.order),
        number(terms.exclusive),
        number(promotion.uses),
        terms.uses_max.map(i64::from).into(),
        terms.currency.code().into(),
        promotion.spent.minor().into(),
        terms.budget.map(Amount::minor).into(),
        left.into(),
        number(promotion.flash_granted),
        number(promotion.flash_left),
    ])
}

/// The rows of one order.
struct OrderRows<'a> {
    rows: &'a mut Rows,
    batch: i64,
    market: &'a Market,
    order: OrderView<'a>,
    is_new: bool,
}

/// Discounts of a unit: the platform's part, and the seller's.
#[derive(Clone, Copy, Default)]
struct UnitDiscounts {
    platform: u64,
    seller: u64,
}

impl OrderRows<'_> {
    fn write(mut self) {
        let discounts = self.discounts();
        self.order_row(&discounts);
        self.parcel_rows();
        self.unit_rows(&discounts);
        if self.is_new {
            for applied in self.order.promotions {
                self.discount_row(applied);
            }
        }
    }

    fn discounts(&self) -> Vec<UnitDiscounts> {
        let mut of_units = vec![UnitDiscounts::default(); self.order.units.len()];
        for share in self.order.promotions.iter().flat_map(|applied| &applied.shares) {
            let unit = &mut of_units[usize::from(share.unit)];
            unit.platform += share.platform.minor();
            unit.seller += share.amount.minor() - share.platform.minor();
        }
        of_units
    }

    fn order_row(&mut self, discounts: &[UnitDiscounts]) {
        let OrderView { units, parcels, .. } = self.order;
        let of_parcels = |of: fn(&market::MarketParcel) -> Amount| {
            parcels.iter().map(|parcel| of(parcel).minor()).sum::<u64>()
        };
        let goods: u64 = units.iter().map(|unit| unit.price.minor()).sum();
        let platform: u64 = discounts.iter().map(|unit| unit.platform).sum();
        let off = platform + discounts.iter().map(|unit| unit.seller).sum::<u64>();
        let (delivery, ordered) = (of_parcels(|one| one.delivery), of_parcels(|one| one.ordered));
        assert_eq!(goods - off + delivery, ordered, "M14: the units add up to the order");
        let content = [
            self.order.placed_at.0.into(),
            ViewValue::text(self.order.buyer.to_string()),
            count(parcels.len()),
            count(units.len()),
            count(units.iter().filter(|unit| unit.state == UnitState::Kept).count()),
            self.order.currency.code().into(),
            goods.into(),
            delivery.into(),
            off.into(),
            platform.into(),
            ordered.into(),
            of_parcels(|one| one.kept).into(),
            of_parcels(|one| one.owed).into(),
        ];
        let key = key(self.order.order.0);
        self.rows.hold(ViewName::MarketOrders, key, self.batch, self.is_new, Some(content));
    }

    fn parcel_rows(&mut self) {
        for (place, parcel) in self.order.parcels.iter().enumerate() {
            let own = self.order.units.iter().filter(|unit| usize::from(unit.parcel) == place);
            let state = match parcel.state {
                MarketParcelState::UnderWay => "under way",
                MarketParcelState::Delivered => "delivered",
                MarketParcelState::Refused => "refused",
                MarketParcelState::Returned => "returned",
                MarketParcelState::Lost => "lost",
                MarketParcelState::Cancelled => "cancelled",
            };
            let content = [
                ViewValue::id(self.order.order.0),
                ViewValue::id(parcel.seller.0),
                state.into(),
                count(own.count()),
                self.order.currency.code().into(),
                parcel.delivery.minor().into(),
                parcel.ordered.minor().into(),
                parcel.due.minor().into(),
                parcel.kept.minor().into(),
                parcel.owed.minor().into(),
                parcel.delivered_at.map(|at| at.0).into(),
            ];
            let key = RowKey::parcel(parcel.parcel, [0, 0]);
            self.rows.hold(ViewName::MarketParcels, key, self.batch, self.is_new, Some(content));
        }
    }

    fn unit_rows(&mut self, discounts: &[UnitDiscounts]) {
        for ((place, unit), off) in (0..).zip(self.order.units).zip(discounts) {
            let state = match unit.state {
                UnitState::Kept => "kept",
                UnitState::Refused => "refused",
                UnitState::Back => "back",
                UnitState::WrittenOff => "written off",
                UnitState::Lost => "lost",
            };
            let parcel = &self.order.parcels[usize::from(unit.parcel)];
            let variant = self.market.variant_of_unit(unit);
            let offer = self.market.variant_view(variant).map(|variant| variant.offer);
            let category = offer.and_then(|offer| self.market.offer_view(offer));
            let (currency, at) = (self.order.currency, self.order.placed_at);
            let kind = self.market.seller_kind(parcel.seller, currency, at);
            let content = [
                ViewValue::Parcel(parcel.parcel),
                ViewValue::id(parcel.seller.0),
                offer.map(|offer| ViewValue::id(offer.0)).into(),
                ViewValue::id(variant.0),
                category.map(|offer| ViewValue::id(offer.category.0)).into(),
                match kind {
                    Some(SellerKind::Business) => "business".into(),
                    Some(SellerKind::Individual) | None => "individual".into(),
                },
                state.into(),
                number(unit.flash),
                self.order.currency.code().into(),
                unit.price.minor().into(),
                off.platform.into(),
                off.seller.into(),
                (unit.price.minor() - off.platform - off.seller).into(),
            ];
            let key = RowKey([self.order.order.0, place, 0, 0]);
            self.rows.hold(ViewName::OrderUnits, key, self.batch, self.is_new, Some(content));
        }
    }

    fn discount_row(&mut self, applied: &AppliedPromotion) {
        let (all, platform) = applied.discount();
        self.rows.add(
            ViewName::OrderDiscounts,
            [
                ViewValue::id(self.order.order.0),
                ViewValue::id(applied.promotion.0),
                number(applied.version),
                self.batch.into(),
                self.order.currency.code().into(),
                platform.minor().into(),
                all.saturating_sub(platform).minor().into(),
            ],
        );
    }
}
