//! What is impossible in the terms of a promotion.

use money::Amount;

use crate::command::*;
use crate::market::{check_amount, check_command_amounts};
use crate::refusal::{MarketRefusal, PromotionFault};

/// Checks what the terms alone say. What they say about offers, other versions and other promotions
/// is checked when they are published.
///
/// # Errors
/// What is impossible.
pub fn check_terms(terms: &PublishPromotion) -> Result<(), MarketRefusal> {
    if terms.until <= terms.from {
        return Err(PromotionFault::Window.into());
    }
    check_command_amounts(&terms.clone().into())?;
    check_rule(&terms.rule)?;
    check_floor(terms)?;
    let PromotionScope { offers, categories, sellers, .. } = &terms.scope;
    check_list(offers, 0)?;
    check_list(categories, 0)?;
    check_list(sellers, 0)?;
    check_list(&terms.yields_to, 0)?;
    let caps = [terms.uses_max, terms.per_buyer_max];
    if caps.contains(&Some(0)) || terms.budget == Some(Amount::ZERO) {
        return Err(PromotionFault::CapOfZero.into());
    }
    let is_threshold =
        matches!(terms.rule, PromotionRule::Threshold(_) | PromotionRule::EachFull(_));
    if terms.broken_threshold == BrokenThreshold::ClawBack && !is_threshold {
        return Err(PromotionFault::ClawBackWithoutThreshold.into());
    }
    Ok(())
}

/// Checks what a version changes of the one before it.
pub(crate) fn check_follows(
    before: &PublishPromotion,
    next: &PublishPromotion,
) -> Result<(), MarketRefusal> {
    if next.from < before.from {
        return Err(PromotionFault::FromEarlier.into());
    }
    let is_flash = |terms: &PublishPromotion| matches!(terms.rule, PromotionRule::Flash(_));
    if is_flash(before) != is_flash(next) || before.currency != next.currency {
        return Err(PromotionFault::KindChanged.into());
    }
    Ok(())
}

fn check_rule(rule: &PromotionRule) -> Result<(), MarketRefusal> {
    match rule {
        PromotionRule::Percentage(rate) | PromotionRule::SecondCheaper(rate) => {
            if rate.ppm() == 0 {
                return Err(PromotionFault::Zero.into());
            }
        }
        PromotionRule::AmountOff(amount) => check_above_zero(*amount)?,
        PromotionRule::Threshold(steps) => {
            check_length(steps.len(), 1)?;
            steps.iter().try_for_each(check_step)?;
            let rises =
                |two: &[ThresholdStep]| two[0].spend < two[1].spend && two[0].save < two[1].save;
            if !steps.windows(2).all(rises) {
                return Err(PromotionFault::StepsDoNotRise.into());
            }
        }
        PromotionRule::EachFull(step) => check_step(step)?,
        PromotionRule::Bundle(bundle) => {
            let parts = &bundle.parts;
            check_list(&parts.iter().map(|part| part.variant).collect::<Vec<_>>(), 1)?;
            if parts.iter().any(|part| part.quantity == 0) {
                return Err(PromotionFault::Zero.into());
            }
            check_above_zero(bundle.price)?;
        }
        PromotionRule::FreeDelivery => {}
        PromotionRule::Flash(prices) => {
            check_list(&prices.iter().map(|one| one.variant).collect::<Vec<_>>(), 1)?;
            prices.iter().try_for_each(|one| check_above_zero(one.price))?;
        }
    }
    Ok(())
}

/// Refuses a floor above every price, or above a price that the rule itself names.
fn check_floor(terms: &PublishPromotion) -> Result<(), MarketRefusal> {
    let floor = u128::from(terms.floor.minor());
    let fits = match &terms.rule {
        PromotionRule::Flash(prices) => {
            prices.iter().all(|one| u128::from(one.price.minor()) >= floor)
        }
        PromotionRule::Bundle(bundle) => {
            let units: u128 = bundle.parts.iter().map(|part| u128::from(part.quantity)).sum();
            u128::from(bundle.price.minor()) >= floor * units
        }
        _ => terms.floor < Amount::ENTRY_MAX,
    };
    if fits { Ok(()) } else { Err(PromotionFault::FloorAbovePrice.into()) }
}

fn check_above_zero(amount: Amount) -> Result<(), MarketRefusal> {
    if amount.is_zero() {
        return Err(PromotionFault::Zero.into());
    }
    check_amount(amount)
}

fn check_step(step: &ThresholdStep) -> Result<(), MarketRefusal> {
    check_above_zero(step.spend)?;
    check_above_zero(step.save)?;
    if step.save > step.spend {
        return Err(PromotionFault::PaysTheBuyer.into());
    }
    Ok(())
}

fn check_length(length: usize, least: usize) -> Result<(), MarketRefusal> {
    let fits = (least..=PROMOTION_LIST_MAX).contains(&length);
    if fits { Ok(()) } else { Err(PromotionFault::ListLength.into()) }
}

fn check_list<T: Ord + Copy>(list: &[T], least: usize) -> Result<(), MarketRefusal> {
    check_length(list.len(), least)?;
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    let twice = sorted.windows(2).any(|two| two[0] == two[1]);
    if twice { Err(PromotionFault::ListedTwice.into()) } else { Ok(()) }
}
