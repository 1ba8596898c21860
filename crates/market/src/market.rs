//! The state of the market and its entry points.

use std::collections::{BTreeMap, BTreeSet};

use books::{ParcelId, SellerId, SellerKind};
use borsh::{BorshDeserialize, BorshSerialize};
use chunks::ChunkedVec;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use machine::{Timestamp, mix};
use money::{Amount, Currency};

use crate::checkout::PlacedOrder;
use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::*;
use crate::offers::{Offer, Variant};
use crate::order::MarketOrder;
use crate::order_changes::OrderChange;
use crate::promotion::{Promotion, ScopeKey};
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};
use crate::reservations::{ReservedUnits, StockReservation};
use crate::sellers::Buyer;

/// A place in a table.
pub(crate) type TablePlace = u32;

pub(crate) type PlaceIndex<K> = HashMap<K, TablePlace, FixedState>;

/// The market. Tables that grow with the orders are in shared chunks; what follows from them is
/// made again when a market is restored.
#[derive(Debug, Default)]
pub struct Market {
    pub(crate) profiles: BTreeMap<(CurrencyKey, u8), Vec<PublishMarketProfile>>,
    pub(crate) admissions: BTreeMap<(SellerId, CurrencyKey), Vec<AdmitSeller>>,
    /// Offers of a seller that are not ended. Follows from the offers.
    pub(crate) offers_of: BTreeMap<(SellerId, CurrencyKey), u32>,
    pub(crate) offers: ChunkedVec<Offer>,
    pub(crate) variants: ChunkedVec<Variant>,
    pub(crate) orders: ChunkedVec<MarketOrder>,
    pub(crate) promotions: BTreeMap<PromotionId, Promotion>,
    /// Which promotion a coupon is of. The promotions hold the same.
    pub(crate) coupons: BTreeMap<CouponToken, PromotionId>,
    pub(crate) reservations: BTreeMap<ReservationId, StockReservation>,
    pub(crate) buyers: ChunkedVec<Buyer>,
    pub(crate) last_at: Timestamp,
    pub(crate) fingerprint: u64,
    // What follows from the tables.
    pub(crate) offer_places: PlaceIndex<OfferId>,
    pub(crate) variant_places: PlaceIndex<VariantId>,
    pub(crate) order_places: PlaceIndex<OrderId>,
    pub(crate) buyer_places: PlaceIndex<BuyerToken>,
    /// By parcel: the place of its order.
    pub(crate) parcel_places: PlaceIndex<u128>,
    pub(crate) promotions_by_scope: BTreeMap<ScopeKey, BTreeSet<PromotionId>>,
    /// Units of reservations by variant, end and reservation.
    pub(crate) reserved_units: ReservedUnits,
    /// Reservations by their end.
    pub(crate) reservation_ends: BTreeSet<(Timestamp, ReservationId)>,
}

/// A currency as a key: its number of ISO 4217.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyKey(pub u16);

impl From<Currency> for CurrencyKey {
    fn from(currency: Currency) -> CurrencyKey {
        CurrencyKey(currency.numeric())
    }
}

pub(crate) fn kind_key(kind: SellerKind) -> u8 {
    match kind {
        SellerKind::Individual => 0,
        SellerKind::Business => 1,
    }
}

/// What a command changes, found and checked before anything changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketPlan {
    pub(crate) change: Change,
    /// Commands that the books must carry out in the same entry, all of them or none.
    pub books: Vec<books::Command>,
}

impl MarketPlan {
    /// What becomes owed to the buyer for delivered parcels, which the books refund.
    #[must_use]
    pub fn owed(&self) -> Vec<(ParcelId, Amount)> {
        match &self.change {
            Change::Units(change) => change.owed(),
            _ => Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Profile(PublishMarketProfile),
    Admission(AdmitSeller),
    Draft(DraftOffer),
    Revision(TablePlace, ReviseOffer),
    NewVariant(TablePlace, NewVariant),
    State(TablePlace, SetOfferState),
    Price(TablePlace, SetPrice),
    Stock(TablePlace, AdjustStock),
    Promotion(Box<PublishPromotion>),
    PromotionEnd(PromotionId),
    Coupons(IssueCoupons),
    Allotment(TablePlace, AllotFlashStock),
    Reservation(ReserveUnits, Vec<(TablePlace, u32)>),
    ReservationEnds(Vec<ReservationId>),
    Order(Box<PlacedOrder>),
    Units(Box<OrderChange>),
    /// The events of the books change the orders.
    ByBooks,
    Appeal(BuyerToken, ParcelId),
}

impl From<Change> for MarketPlan {
    fn from(change: Change) -> MarketPlan {
        MarketPlan { change, books: Vec::new() }
    }
}

impl Market {
    /// Checks a command and finds what it changes. Nothing changes yet.
    ///
    /// # Errors
    /// Why the command is refused.
    pub fn plan(
        &mut self,
        command: &MarketCommand,
        at: Timestamp,
    ) -> Result<MarketPlan, MarketRefusal> {
        if at < self.last_at {
            return Err(books::Refusal::TimeBackwards.into());
        }
        check_command_amounts(command)?;
        self.dispatch(command, at, ())
    }

    /// Carries a plan out that [`Market::plan`] made just now, at the same time. `out` receives
    /// what happened. The caller carries out `plan.books` before, and drops the plan if the books
    /// refuse.
    pub fn carry_out(&mut self, plan: MarketPlan, at: Timestamp, out: &mut Vec<MarketEvent>) {
        let before = out.len();
        match plan.change {
            Change::Profile(profile) => self.add_profile(profile),
            Change::Admission(admission) => self.add_admission(admission),
            Change::Draft(offer) => self.add_offer(offer, at, out),
            Change::Revision(place, revision) => self.revise(place, &revision),
            Change::NewVariant(place, variant) => self.push_variant(place, &variant, at),
            Change::State(place, state) => self.change_state(place, &state, out),
            Change::Price(place, price) => self.change_price(place, &price, at),
            Change::Stock(place, change) => self.change_stock(place, &change, out),
            Change::Promotion(terms) => self.add_promotion(*terms, out),
            Change::PromotionEnd(id) => self.close_promotion(id, at, out),
            Change::Coupons(issue) => self.add_coupons(issue),
            Change::Allotment(place, allotment) => self.allot(place, &allotment, out),
            Change::Reservation(command, units) => self.reserve(&command, &units, at, out),
            Change::ReservationEnds(ids) => self.end_all(&ids, out),
            Change::Order(order) => self.place_order(*order, at, out),
            Change::Units(change) => self.change_order(*change, at, out),
            Change::ByBooks => {}
            Change::Appeal(buyer, parcel) => self.forgive(buyer, parcel, out),
        }
        if out.len() == before {
            out.push(MarketEvent::MarketChanged);
        }
        self.note_change(at, &out[before..]);
    }

    /// Plans and carries out a command whose commands for the books somebody else carries out.
    ///
    /// # Errors
    /// Why the command is refused.
    pub fn apply(
        &mut self,
        command: &MarketCommand,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) -> Result<Vec<books::Command>, MarketRefusal> {
        let mut plan = self.plan(command, at)?;
        let books = std::mem::take(&mut plan.books);
        self.carry_out(plan, at, out);
        Ok(books)
    }

    /// Time of the last change.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// A number that every change changes (M11).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn note_change(&mut self, at: Timestamp, events: &[MarketEvent]) {
        self.last_at = at;
        let mut mixed = mix(self.fingerprint, at.0 ^ (events.len() as u64) << 48);
        for event in events {
            let (subject, value) = match event {
                MarketEvent::MarketChanged => (0, 0),
                MarketEvent::OfferStateSet { offer, state } => (offer.0, *state as u64),
                MarketEvent::StockChanged { variant, left } => (variant.0, u64::from(*left)),
                MarketEvent::PromotionPublished { promotion, version } => {
                    (promotion.0, u64::from(*version))
                }
                MarketEvent::PromotionEnded { promotion } => (promotion.0, 0),
                MarketEvent::UnitsReserved { reservation } => (reservation.0, 1),
                MarketEvent::ReservationEnded { reservation } => (reservation.0, 2),
                MarketEvent::OrderPlaced { order, total, .. } => (order.0, total.minor()),
                MarketEvent::UnitsTakenBack { order, kept, .. } => (order.0, kept.minor()),
                MarketEvent::RefundOwed { order, amount, .. } => (order.0, amount.minor()),
                MarketEvent::OrderDelivered { order, .. } => (order.0, 3),
                MarketEvent::AppealAccepted { parcel } => {
                    let halves = parcel.bits().to_le_bytes();
                    (halves[..8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 4)
                }
            };
            mixed = mix(mix(mixed, subject), value);
        }
        self.fingerprint = mixed;
    }

    // Shared by the handlers.

    pub(crate) fn variant_place(&self, id: VariantId) -> Result<TablePlace, MarketRefusal> {
        let place = self.variant_places.get(&id).copied();
        place.ok_or_else(|| not_found(MissingMarketRecord::Variant(id)))
    }

    pub(crate) fn variant(&self, place: TablePlace) -> &Variant {
        self.variants.get(place as usize).expect("the place holds a variant")
    }

    pub(crate) fn variant_mut(&mut self, place: TablePlace) -> &mut Variant {
        self.variants.get_mut(place as usize).expect("the place holds a variant")
    }

    pub(crate) fn offer_place(&self, id: OfferId) -> Result<TablePlace, MarketRefusal> {
        let place = self.offer_places.get(&id).copied();
        place.ok_or_else(|| not_found(MissingMarketRecord::Offer(id)))
    }

    pub(crate) fn offer(&self, place: TablePlace) -> &Offer {
        self.offers.get(place as usize).expect("the place holds an offer")
    }

    pub(crate) fn offer_mut(&mut self, place: TablePlace) -> &mut Offer {
        self.offers.get_mut(place as usize).expect("the place holds an offer")
    }

    pub(crate) fn order_place(&self, id: OrderId) -> Result<TablePlace, MarketRefusal> {
        let place = self.order_places.get(&id).copied();
        place.ok_or_else(|| not_found(MissingMarketRecord::Order(id)))
    }

    pub(crate) fn order(&self, place: TablePlace) -> &MarketOrder {
        self.orders.get(place as usize).expect("the place holds an order")
    }

    pub(crate) fn buyer(&self, token: BuyerToken) -> Option<&Buyer> {
        self.buyers.get(*self.buyer_places.get(&token)? as usize)
    }

    /// The buyer, known from now on.
    pub(crate) fn buyer_mut(&mut self, token: BuyerToken) -> &mut Buyer {
        let place = self.buyer_places.get(&token).copied().unwrap_or_else(|| {
            let place = self.buyers.push(Buyer { token, ..Buyer::default() });
            let place = TablePlace::try_from(place).expect("fewer than 2³² buyers");
            self.buyer_places.insert(token, place);
            place
        });
        self.buyers.get_mut(place as usize).expect("the place holds a buyer")
    }

    pub(crate) fn order_mut(&mut self, place: TablePlace) -> &mut MarketOrder {
        self.orders.get_mut(place as usize).expect("the place holds an order")
    }
}

/// Checks that no amount of a command is above [`Amount::ENTRY_MAX`]. Amounts inside promotion
/// rules and variants are checked by their handlers.
///
/// # Errors
/// [`books::Refusal::AmountAboveLimit`].
pub fn check_command_amounts(command: &MarketCommand) -> Result<(), MarketRefusal> {
    let mut largest = Amount::ZERO;
    command.for_each_field(&mut |field| {
        let plain = field.downcast_ref::<Amount>().copied();
        let optional = || field.downcast_ref::<Option<Amount>>().copied().flatten();
        largest = largest.max(plain.or_else(optional).unwrap_or(Amount::ZERO));
    });
    check_amount(largest)
}

pub(crate) fn check_amount(amount: Amount) -> Result<(), MarketRefusal> {
    let within = amount <= Amount::ENTRY_MAX;
    if within { Ok(()) } else { Err(books::Refusal::AmountAboveLimit(amount).into()) }
}

pub(crate) fn check_price(price: Amount) -> Result<(), MarketRefusal> {
    if price.is_zero() {
        return Err(books::Refusal::AmountZero.into());
    }
    check_amount(price)
}
