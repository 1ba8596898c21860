//! What a rule takes off units. Each discount is split to the minor unit by largest remainder.

use money::Amount;

use crate::command::{BundlePrice, FlashPrice, PromotionRule, ThresholdStep};
use crate::ids::VariantId;
use crate::quote::SkipReason;

/// A unit that a promotion may discount.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EligibleUnit {
    pub variant: VariantId,
    /// Its price after the promotions before, in minor units.
    pub price: u64,
    /// How far it can go down to the floor price.
    pub room: u64,
    /// Units of a flash price that are left for it and the eligible ones before it.
    pub flash: bool,
}

/// What each eligible unit is discounted by. Shares of zero belong to units that count towards a
/// threshold, or that the rule did not need.
pub(crate) fn shares_of(
    rule: &PromotionRule,
    units: &[EligibleUnit],
) -> Result<Vec<u64>, SkipReason> {
    let sum = || units.iter().map(|unit| unit.price).sum::<u64>();
    let shares = match rule {
        PromotionRule::Percentage(rate) => spread(rate.of(Amount::of(sum())).minor(), units),
        PromotionRule::AmountOff(amount) => spread(amount.minor(), units),
        PromotionRule::Threshold(_) | PromotionRule::EachFull(_) => match saved(rule, sum()) {
            0 => return Err(SkipReason::NotReached { missing: missing(rule, sum()) }),
            saved => spread(saved, units),
        },
        PromotionRule::Bundle(bundle) => bundle_shares(bundle, units)?,
        PromotionRule::SecondCheaper(rate) => {
            let mut order: Vec<usize> = (0..units.len()).collect();
            order.sort_by_key(|&place| std::cmp::Reverse(units[place].price));
            let mut shares = vec![0; units.len()];
            for pair in order.chunks_exact(2) {
                let cheaper = &units[pair[1]];
                let share = rate.of(Amount::of(cheaper.price)).minor();
                shares[pair[1]] = share.min(cheaper.room);
            }
            shares
        }
        PromotionRule::Flash(prices) => flash_shares(prices, units)?,
        PromotionRule::FreeDelivery => vec![0; units.len()],
    };
    Ok(shares)
}

/// What a threshold saves on a sum. Zero for other rules.
pub(crate) fn saved(rule: &PromotionRule, sum: u64) -> u64 {
    match rule {
        PromotionRule::Threshold(steps) => {
            let reached = steps.iter().rfind(|step| step.spend.minor() <= sum);
            reached.map_or(0, |step| step.save.minor())
        }
        PromotionRule::EachFull(ThresholdStep { spend, save }) => {
            sum / spend.minor() * save.minor()
        }
        _ => 0,
    }
}

fn missing(rule: &PromotionRule, sum: u64) -> Amount {
    let first = match rule {
        PromotionRule::Threshold(steps) => steps.first().map_or(0, |step| step.spend.minor()),
        PromotionRule::EachFull(step) => step.spend.minor(),
        _ => 0,
    };
    Amount::of(first.saturating_sub(sum))
}

/// Spreads a discount over units in proportion to what each can bear, at most all of that.
fn spread(discount: u64, units: &[EligibleUnit]) -> Vec<u64> {
    let rooms: Vec<u64> = units.iter().map(|unit| unit.room).collect();
    let most = rooms.iter().sum();
    Amount::of(discount.min(most)).split(&rooms).into_iter().map(Amount::minor).collect()
}

fn bundle_shares(bundle: &BundlePrice, units: &[EligibleUnit]) -> Result<Vec<u64>, SkipReason> {
    let count = |variant| units.iter().filter(|unit| unit.variant == variant).count();
    let times = bundle.parts.iter().map(|part| count(part.variant) / usize::from(part.quantity));
    let times = times.min().unwrap_or(0);
    if times == 0 {
        return Err(SkipReason::BundleIncomplete);
    }
    let mut chosen = Vec::new();
    for part in &bundle.parts {
        let of_part = units.iter().enumerate().filter(|(_, unit)| unit.variant == part.variant);
        chosen.extend(of_part.map(|(place, _)| place).take(times * usize::from(part.quantity)));
    }
    let sum: u64 = chosen.iter().map(|&place| units[place].price).sum();
    let asked = bundle.price.minor().saturating_mul(times as u64);
    let of_chosen: Vec<EligibleUnit> = chosen.iter().map(|&place| units[place]).collect();
    let mut shares = vec![0; units.len()];
    for (place, share) in chosen.into_iter().zip(spread(sum.saturating_sub(asked), &of_chosen)) {
        shares[place] = share;
    }
    Ok(shares)
}

fn flash_shares(prices: &[FlashPrice], units: &[EligibleUnit]) -> Result<Vec<u64>, SkipReason> {
    if !units.iter().any(|unit| unit.flash) {
        return Err(SkipReason::FlashSoldOut);
    }
    let share = |unit: &EligibleUnit| {
        let price = prices.iter().find(|one| one.variant == unit.variant).filter(|_| unit.flash);
        price.map_or(0, |one| unit.price.saturating_sub(one.price.minor()).min(unit.room))
    };
    Ok(units.iter().map(share).collect())
}
