//! What promotions would have done in a past period of the books: uses, cost, who pays.
//!
//! A second market lives the life of the real one from the journal. In the period it has the
//! promotions too, and each checkout pays what it then would have paid.

use std::collections::BTreeMap;
use std::path::Path;

use books::BusinessDate;
use engine::{CommandOutcome, Engine, Submission, Timestamp};
use market::quote::Cart;
use market::{
    Checkout, EndPromotion, Market, MarketCommand, MarketEvent, MarketRefusal, PromotionId,
    PromotionRule, PublishPromotion,
};
use money::Currency;
use node::replay::ReplayObserver;

use crate::error::ReportError;
use crate::replay_all;

/// Days of a period, both counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewPeriod {
    pub from: BusinessDate,
    pub to: BusinessDate,
}

/// What a promotion would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedPromotion {
    pub promotion: PromotionId,
    pub currency: Currency,
    /// Orders to which it applied.
    pub orders: u64,
    /// In minor units, at checkout.
    pub platform: u64,
    pub sellers: u64,
    /// Uses, and what of the discounts counts, after what went back.
    pub uses: u32,
    pub spent: u64,
    /// Nothing in the period can use it: it needs coupons, or a flash stock of its own.
    pub needs: Option<PreviewNeed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewNeed {
    Coupons,
    FlashStock,
}

/// The orders of the period in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreviewedOrders {
    pub orders: u64,
    /// What was due at checkout, and what would have been, in minor units.
    pub asked: u64,
    pub would_ask: u64,
    /// Orders that would not have been taken: a parcel would have cost nothing.
    pub refused: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromotionPreview {
    pub promotions: Vec<PreviewedPromotion>,
    pub orders: Vec<(Currency, PreviewedOrders)>,
}

#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("promotion {promotion} cannot be published in these books: {refusal}")]
    Impossible {
        promotion: PromotionId,
        #[source]
        refusal: MarketRefusal,
    },
    #[error("the books have no command on a day of the period: choose another one")]
    NothingThen,
}

/// Lives a past period again with these promotions, each by its last version, in force for all of
/// the period.
///
/// # Errors
/// The journal cannot be read, or a promotion is impossible in these books.
pub fn preview_promotions(
    data: &Path,
    promotions: &[PublishPromotion],
    period: PreviewPeriod,
) -> Result<PromotionPreview, PreviewError> {
    let mut last: BTreeMap<PromotionId, &PublishPromotion> = BTreeMap::new();
    last.extend(promotions.iter().map(|one| (one.promotion, one)));
    let mut asked: Vec<PublishPromotion> = last.into_values().cloned().collect();
    // A promotion yields to earlier ones, which are published first.
    asked.sort_by_key(|one| (one.order, one.promotion));
    let mut second = SecondMarket {
        market: Market::default(),
        asked,
        period,
        stage: Stage::Before,
        impossible: None,
        of: BTreeMap::new(),
        orders: Vec::new(),
    };
    let replayed = replay_all(data, &mut second);
    if let Some((promotion, refusal)) = second.impossible {
        return Err(PreviewError::Impossible { promotion, refusal });
    }
    replayed?;
    if second.stage == Stage::Before {
        return Err(PreviewError::NothingThen);
    }
    Ok(second.preview())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Within,
    After,
}

struct SecondMarket {
    market: Market,
    asked: Vec<PublishPromotion>,
    period: PreviewPeriod,
    stage: Stage,
    impossible: Option<(PromotionId, MarketRefusal)>,
    /// Orders, and what the platform and the sellers pay.
    of: BTreeMap<PromotionId, (u64, u64, u64)>,
    orders: Vec<(Currency, PreviewedOrders)>,
}

impl ReplayObserver for SecondMarket {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.enter(engine.books().last_date(), at)?;
        if let Some(command) = submission.command.as_market() {
            self.give(command, at, engine);
        }
        // What the books carried out for a command of the market is in its own plan.
        self.market.note_books(&outcome.books.events, at, &mut Vec::new());
        Ok(())
    }
}

impl SecondMarket {
    /// Begins and ends the period.
    fn enter(&mut self, date: BusinessDate, at: Timestamp) -> Result<(), String> {
        if self.stage == Stage::Before && date >= self.period.from {
            if date > self.period.to {
                return Ok(());
            }
            self.stage = Stage::Within;
            for mut terms in self.asked.clone() {
                (terms.from, terms.until) = (at, Timestamp(u64::MAX));
                (terms.proposed_by, terms.approved_by) = (None, None);
                let command = MarketCommand::from(terms.clone());
                let next = self.market.next_number(&command).unwrap_or(1);
                terms.version = u16::try_from(next).unwrap_or(u16::MAX);
                let published = self.market.apply(&terms.clone().into(), at, &mut Vec::new());
                if let Err(refusal) = published {
                    self.impossible = Some((terms.promotion, refusal));
                    return Err("a promotion is impossible".to_owned());
                }
            }
        } else if self.stage == Stage::Within && date > self.period.to {
            self.stage = Stage::After;
            for terms in self.asked.clone() {
                let end = EndPromotion { promotion: terms.promotion };
                let _ = self.market.apply(&end.into(), at, &mut Vec::new());
            }
        }
        Ok(())
    }

    /// Gives a command of the journal. In this market it can be refused: then the order is one that
    /// would not have been, and nothing follows from it.
    fn give(&mut self, command: &MarketCommand, at: Timestamp, engine: &Engine) {
        let MarketCommand::Checkout(checkout) = command else {
            let _ = self.market.apply(command, at, &mut Vec::new());
            return;
        };
        let cart = Cart {
            buyer: checkout.buyer,
            currency: checkout.currency,
            lines: &checkout.lines,
            coupons: &checkout.coupons,
            reservation: checkout.reservation,
        };
        let quoted = self.market.quote(&cart, at).map(|quote| quote.total);
        let mut events = Vec::new();
        let taken = quoted.and_then(|total| {
            let checkout = Checkout { total, ..checkout.clone() };
            self.market.apply(&checkout.into(), at, &mut events).map(|_| total)
        });
        if self.stage != Stage::Within || engine.market().order_view(checkout.order).is_none() {
            return;
        }
        let place = match self.orders.iter().position(|(one, _)| *one == checkout.currency) {
            Some(place) => place,
            None => {
                self.orders.push((checkout.currency, PreviewedOrders::default()));
                self.orders.len() - 1
            }
        };
        let orders = &mut self.orders[place].1;
        orders.orders += 1;
        orders.asked += checkout.total.minor();
        match taken {
            Ok(total) => orders.would_ask += total.minor(),
            Err(_) => orders.refused += 1,
        }
        for event in events {
            let MarketEvent::OrderPlaced { discounts, .. } = event else { continue };
            for one in discounts {
                let of = self.of.entry(one.promotion).or_default();
                of.0 += 1;
                of.1 += one.platform.minor();
                of.2 += one.sellers.minor();
            }
        }
    }

    fn preview(self) -> PromotionPreview {
        let promotions = self.asked.iter().map(|terms| {
            let id = terms.promotion;
            let (orders, platform, sellers) = self.of.get(&id).copied().unwrap_or_default();
            let used = self.market.promotion_view(id);
            let needs = match terms.rule {
                _ if terms.by_coupon => Some(PreviewNeed::Coupons),
                PromotionRule::Flash(_) => Some(PreviewNeed::FlashStock),
                _ => None,
            };
            PreviewedPromotion {
                promotion: id,
                currency: terms.currency,
                orders,
                platform,
                sellers,
                uses: used.map_or(0, |used| used.uses),
                spent: used.map_or(0, |used| used.spent.minor()),
                needs: needs.filter(|_| orders == 0),
            }
        });
        PromotionPreview { promotions: promotions.collect(), orders: self.orders }
    }
}
