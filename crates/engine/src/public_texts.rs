//! What the policy and the market have to do with each other: a text is shown only if the policy
//! lets it, and a decision changes the state of its offer, in one entry. Nothing here reaches the
//! books' money: they only hear that time passes.

use books::{BusinessDate, Refusal as BooksRefusal, SellerKind};
use machine::Timestamp;
use market::{MarketCommand, OfferId, OfferState, ReferencePriceRule};
use policy::{ListPrice, OfferFacts, PolicyCommand, PolicyFacts, PolicyRefusal};

use crate::{CommandOutcome, Engine, Refusal};

impl Engine {
    /// The policy plans, the market carries out what follows for the offer, and then the policy
    /// carries its plan out.
    pub(crate) fn apply_to_policy(
        &mut self,
        command: &PolicyCommand,
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        if at < self.last_at() {
            return Err(Refusal::Books(BooksRefusal::TimeBackwards));
        }
        let offer = offer_of(command).and_then(|offer| self.offer_facts(offer, at));
        let facts = PolicyFacts { at, date: self.date_at(at)?, offer };
        if let PolicyCommand::ScreenText(text) = command
            && offer.is_some()
            && text.prices != self.offer_prices(text.offer)
        {
            return Err(PolicyRefusal::PricesChanged(text.offer).into());
        }
        let mut plan = self.policy.plan(command, facts)?;
        let state = plan.offer_state.clone().map(MarketCommand::SetOfferState);
        let planned = state.as_ref().map(|state| self.market.plan(state, at)).transpose();
        let planned = match planned {
            Ok(planned) => planned,
            // Its seller may no longer list it.
            Err(_) if plan.offer_state.as_ref().is_some_and(lists) => {
                plan.offer_state = None;
                None
            }
            Err(refusal) => return Err(refusal.into()),
        };
        self.books.apply_together(&[], at, &mut out.books)?;
        if let Some(planned) = planned {
            assert!(planned.books.is_empty(), "M16: a decision touches no money");
            self.market.carry_out(planned, at, &mut out.market);
            out.given_to_market = state;
        }
        self.policy.carry_out(plan, facts, &mut out.policy);
        Ok(())
    }

    /// A text is shown only if the policy lets it.
    pub(crate) fn check_public_text(
        &self,
        command: &MarketCommand,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let (offer, content) = match command {
            MarketCommand::SetOfferState(set) if lists(set) => (set.offer, None),
            MarketCommand::ReviseOffer(revised) => (revised.offer, Some(revised.content)),
            _ => return Ok(()),
        };
        let Some(known) = self.market.offer_view(offer) else { return Ok(()) };
        if content.is_some() && known.state != OfferState::Listed {
            return Ok(());
        }
        let date = self.date_at(at)?;
        Ok(self.policy.check_listing(offer, content.unwrap_or(known.content), date)?)
    }

    pub(crate) fn note_public_text(&mut self, command: &MarketCommand, at: Timestamp) {
        if let MarketCommand::ReviseOffer(revised) = command {
            self.policy.note_revision(revised.offer, revised.content, at);
        }
    }

    fn date_at(&self, at: Timestamp) -> Result<BusinessDate, Refusal> {
        self.books.business_date(at).ok_or(Refusal::Books(BooksRefusal::BooksNotOpen))
    }

    fn offer_facts(&self, offer: OfferId, at: Timestamp) -> Option<OfferFacts> {
        let known = self.market.offer_view(offer)?;
        let kind = self.market.seller_kind(known.seller, known.currency, at);
        Some(OfferFacts {
            seller: known.seller,
            seller_kind: kind.unwrap_or(SellerKind::Individual),
            content: known.content,
            state: known.state,
            next_number: known.changes.saturating_add(1),
        })
    }

    /// The prices of an offer with which its text is matched: those of its variants, in rising
    /// order, each with its reference price by the seller's jurisdiction.
    #[must_use]
    pub fn offer_prices(&self, offer: OfferId) -> Vec<ListPrice> {
        let Some(known) = self.market.offer_view(offer) else { return Vec::new() };
        let seller = self.books.seller_jurisdiction(known.seller);
        let prices = self.market.offer_prices(offer, seller.and_then(ReferencePriceRule::of));
        let prices = prices.into_iter().map(|(price, reference)| ListPrice { price, reference });
        prices.collect()
    }
}

fn lists(set: &market::SetOfferState) -> bool {
    set.state == OfferState::Listed
}

/// The offer whose text a command is about.
fn offer_of(command: &PolicyCommand) -> Option<OfferId> {
    match command {
        PolicyCommand::ScreenText(text) => Some(text.offer),
        PolicyCommand::DecideText(decided) => Some(decided.offer),
        PolicyCommand::AppealText(appeal) => Some(appeal.offer),
        PolicyCommand::JudgeAppeal(judged) => Some(judged.offer),
        PolicyCommand::ActivatePolicy(_)
        | PolicyCommand::SuspendRule(_)
        | PolicyCommand::DrawSample(_)
        | PolicyCommand::JudgeSample(_) => None,
    }
}
