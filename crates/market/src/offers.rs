//! Offers, their variants, prices and stock.

use std::collections::VecDeque;

use books::{SellerId, Sha256Digest, UsedNumbers, check_identifier, used_identifier};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Amount, Currency};

use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::{CategoryId, OfferId, VariantId};
use crate::market::{Change, CurrencyKey, Market, MarketPlan, TablePlace, check_price};
use crate::refusal::MarketRefusal;
use crate::stock::StockAccount;

/// A revision or a state of an offer, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum OfferChange {
    Revised(CategoryId, Sha256Digest),
    State(OfferState),
}

/// What is offered.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Offer {
    pub id: OfferId,
    pub seller: SellerId,
    pub currency: Currency,
    pub category: CategoryId,
    pub content: Sha256Digest,
    pub state: OfferState,
    pub changes: UsedNumbers<OfferChange>,
    pub variants: Vec<TablePlace>,
    /// As it was drafted, to tell a retry.
    pub drafted: Option<Box<DraftOffer>>,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            id: OfferId(0),
            seller: SellerId(0),
            currency: Currency::CNY,
            category: CategoryId(0),
            content: Sha256Digest([0; 32]),
            state: OfferState::Draft,
            changes: UsedNumbers::default(),
            variants: Vec::new(),
            drafted: None,
        }
    }
}

/// A variant of an offer with its price and its stock.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Variant {
    pub id: VariantId,
    pub offer: TablePlace,
    pub sku: String,
    pub weight_g: u32,
    pub price: Amount,
    /// How often it was set, the first one included.
    pub price_number: u32,
    /// Oldest first, at most [`PRICES_REMEMBERED`]; the last is the price now.
    pub prices: VecDeque<(Timestamp, Amount)>,
    /// The lowest price of a unit that was ordered on a day, oldest first.
    pub deals: VecDeque<(u64, Amount)>,
    pub adjustments: UsedNumbers<(u32, StockReason)>,
    pub stock: StockAccount,
}

impl Market {
    pub(crate) fn draft_offer(
        &self,
        command: &DraftOffer,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        if let Ok(place) = self.offer_place(command.offer) {
            let same = self.offer(place).drafted.as_deref() == Some(command);
            return Err(used_identifier(same).into());
        }
        check_identifier("reference", &command.reference)?;
        if !(1..=VARIANTS_PER_OFFER_MAX).contains(&command.variants.len()) {
            return Err(MarketRefusal::VariantCount);
        }
        let mut ids: Vec<VariantId> = command.variants.iter().map(|one| one.variant).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|two| two[0] == two[1]) {
            return Err(books::Refusal::IdentifierTaken.into());
        }
        command.variants.iter().try_for_each(|one| self.check_variant(one))?;
        self.seller_terms(command.seller, command.currency, at)?;
        self.check_offer_count(command.seller, command.currency, at)?;
        Ok(Change::Draft(command.clone()).into())
    }

    fn check_variant(&self, variant: &NewVariant) -> Result<(), MarketRefusal> {
        check_identifier("sku", &variant.sku)?;
        check_price(variant.price)?;
        let taken = self.variant_places.contains_key(&variant.variant);
        if taken { Err(books::Refusal::IdentifierTaken.into()) } else { Ok(()) }
    }

    fn check_offer_count(
        &self,
        seller: SellerId,
        currency: Currency,
        at: Timestamp,
    ) -> Result<(), MarketRefusal> {
        let most = self.seller_terms(seller, currency, at)?.profile.offers_max;
        let key = (seller, CurrencyKey::from(currency));
        let has = self.offers_of.get(&key).copied().unwrap_or(0);
        if has < most { Ok(()) } else { Err(MarketRefusal::TooManyOffers(has)) }
    }

    pub(crate) fn add_offer(
        &mut self,
        drafted: DraftOffer,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let DraftOffer { offer: id, seller, currency, category, content, .. } = drafted;
        let variants = drafted.variants.clone();
        let offer = Offer {
            id,
            seller,
            currency,
            category,
            content,
            drafted: Some(Box::new(drafted)),
            ..Offer::default()
        };
        let place = TablePlace::try_from(self.offers.push(offer)).expect("fewer than 2³² offers");
        self.offer_places.insert(id, place);
        *self.offers_of.entry((seller, currency.into())).or_default() += 1;
        for variant in &variants {
            self.push_variant(place, variant, at);
        }
        out.push(MarketEvent::OfferStateSet { offer: id, state: OfferState::Draft });
    }

    pub(crate) fn push_variant(&mut self, offer: TablePlace, new: &NewVariant, at: Timestamp) {
        let variant = Variant {
            id: new.variant,
            offer,
            sku: new.sku.clone(),
            weight_g: new.weight_g,
            price: new.price,
            price_number: 1,
            prices: VecDeque::from([(at, new.price)]),
            ..Variant::default()
        };
        let place =
            TablePlace::try_from(self.variants.push(variant)).expect("fewer than 2³² variants");
        self.variant_places.insert(new.variant, place);
        self.offer_mut(offer).variants.push(place);
    }

    pub(crate) fn revise_offer(
        &self,
        command: &ReviseOffer,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.offer_place(command.offer)?;
        let offer = self.offer(place);
        let change = OfferChange::Revised(command.category, command.content);
        offer.changes.check(command.number, |before| *before == change)?;
        if offer.state == OfferState::Ended {
            return Err(MarketRefusal::OfferEnded);
        }
        Ok(Change::Revision(place, command.clone()).into())
    }

    pub(crate) fn revise(&mut self, place: TablePlace, command: &ReviseOffer) {
        let offer = self.offer_mut(place);
        offer.changes.push(OfferChange::Revised(command.category, command.content));
        (offer.category, offer.content) = (command.category, command.content);
    }

    pub(crate) fn add_variant(
        &self,
        command: &AddVariant,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.offer_place(command.offer)?;
        if let Some(&known) = self.variant_places.get(&command.variant.variant) {
            let known = self.variant(known);
            let NewVariant { sku, price, weight_g, .. } = &command.variant;
            let same = known.offer == place
                && known.sku == *sku
                && known.weight_g == *weight_g
                && known.price == *price;
            return Err(used_identifier(same).into());
        }
        self.check_variant(&command.variant)?;
        let offer = self.offer(place);
        if offer.state == OfferState::Ended {
            return Err(MarketRefusal::OfferEnded);
        }
        if offer.variants.len() >= VARIANTS_PER_OFFER_MAX {
            return Err(MarketRefusal::VariantCount);
        }
        Ok(Change::NewVariant(place, command.variant.clone()).into())
    }

    pub(crate) fn set_offer_state(
        &self,
        command: &SetOfferState,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.offer_place(command.offer)?;
        let offer = self.offer(place);
        let change = OfferChange::State(command.state);
        offer.changes.check(command.number, |before| *before == change)?;
        if offer.state == OfferState::Ended {
            return Err(MarketRefusal::OfferEnded);
        }
        if command.state == OfferState::Draft || command.state == offer.state {
            return Err(MarketRefusal::OfferStateUnchanged);
        }
        if command.state == OfferState::Listed {
            let terms = self.seller_terms(offer.seller, offer.currency, at)?;
            if terms.profile.identity_proof && !terms.admission.identity_proved {
                return Err(MarketRefusal::IdentityNotProved);
            }
        }
        Ok(Change::State(place, command.clone()).into())
    }

    pub(crate) fn change_state(
        &mut self,
        place: TablePlace,
        command: &SetOfferState,
        out: &mut Vec<MarketEvent>,
    ) {
        let state = command.state;
        let offer = self.offer_mut(place);
        offer.changes.push(OfferChange::State(state));
        offer.state = state;
        let (offer, seller) = (offer.id, (offer.seller, offer.currency.into()));
        if state == OfferState::Ended {
            *self.offers_of.get_mut(&seller).expect("the seller has this offer") -= 1;
        }
        out.push(MarketEvent::OfferStateSet { offer, state });
    }

    pub(crate) fn set_price(
        &self,
        command: &SetPrice,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        check_price(command.price)?;
        let place = self.variant_place(command.variant)?;
        let variant = self.variant(place);
        let (number, last) = (command.number, variant.price_number);
        if (1..=last).contains(&number) {
            let age = usize::try_from(last - number).unwrap_or(usize::MAX);
            let before = variant.prices.iter().rev().nth(age);
            return Err(match before {
                Some((_, price)) if *price == command.price => books::Refusal::Repeated,
                Some(_) => books::Refusal::NumberUsed(number),
                None => books::Refusal::NumberForgotten(number),
            }
            .into());
        }
        let next = last.checked_add(1).ok_or(books::Refusal::Overflow)?;
        if number != next {
            return Err(books::Refusal::WrongSequenceNumber(next).into());
        }
        if self.offer(variant.offer).state == OfferState::Ended {
            return Err(MarketRefusal::OfferEnded);
        }
        Ok(Change::Price(place, command.clone()).into())
    }

    pub(crate) fn change_price(&mut self, place: TablePlace, command: &SetPrice, at: Timestamp) {
        let variant = self.variant_mut(place);
        (variant.price, variant.price_number) = (command.price, command.number);
        if variant.prices.len() >= PRICES_REMEMBERED {
            variant.prices.pop_front();
        }
        variant.prices.push_back((at, command.price));
    }

    pub(crate) fn adjust_stock(
        &self,
        command: &AdjustStock,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let AdjustStock { variant: id, number, quantity, reason } = *command;
        let place = self.variant_place(id)?;
        let variant = self.variant(place);
        variant.adjustments.check(number, |before| *before == (quantity, reason))?;
        if !(1..=STOCK_MAX).contains(&quantity) {
            return Err(MarketRefusal::Quantity);
        }
        if reason.adds() {
            let above = quantity > STOCK_MAX - variant.stock.granted.min(STOCK_MAX);
            if above {
                return Err(MarketRefusal::StockAboveLimit);
            }
        } else {
            self.check_left(place, quantity, at)?;
        }
        Ok(Change::Stock(place, command.clone()).into())
    }

    pub(crate) fn change_stock(
        &mut self,
        place: TablePlace,
        command: &AdjustStock,
        out: &mut Vec<MarketEvent>,
    ) {
        let AdjustStock { quantity, reason, .. } = *command;
        if !reason.adds() {
            self.free_ended(place, quantity);
        }
        let variant = self.variant_mut(place);
        variant.adjustments.push((quantity, reason));
        if reason.adds() {
            variant.stock.grant(quantity);
        } else {
            variant.stock.withdraw(quantity);
        }
        let (variant, left) = (variant.id, variant.stock.left);
        out.push(MarketEvent::StockChanged { variant, left });
    }
}
