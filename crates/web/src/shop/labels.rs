//! Promotions and refusals in the words of a buyer.

use market::{PromotionRule, PublishPromotion};
use money::{Amount, Currency, Rate};
use pages::PageWords;
use pages::shop::price;

/// An amount without its currency.
pub(super) fn plain(amount: Amount, currency: Currency) -> String {
    price(amount.minor(), currency.code())
}

pub(super) fn with_currency(amount: Amount, currency: Currency) -> String {
    format!("{} {currency}", plain(amount, currency))
}

/// A discount, with a true minus sign.
pub(super) fn off(minor: u64, currency: Currency) -> String {
    format!("{} {currency}", pages::forms::money(-i128::from(minor), currency.code()))
}

/// `12.5`, for 125,000 parts per million.
fn percent(rate: Rate) -> String {
    let (whole, rest) = (rate.ppm() / 10_000, rate.ppm() % 10_000);
    let text = format!("{whole}.{rest:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a promotion takes off.
pub(super) fn of_promotion(words: PageWords, terms: &PublishPromotion) -> String {
    let currency = terms.currency;
    let amount = |amount: &Amount| plain(*amount, currency);
    match &terms.rule {
        PromotionRule::Percentage(rate) => {
            words.fill("shop.rule_percentage", &[("n", &percent(*rate))])
        }
        PromotionRule::AmountOff(save) => {
            words.fill("shop.rule_amount", &[("save", &amount(save)), ("currency", &currency)])
        }
        PromotionRule::Threshold(steps) => {
            let each = steps.iter().map(|step| {
                let (spend, save) = (amount(&step.spend), amount(&step.save));
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("spend", &spend), ("save", &save), ("currency", &currency)];
                words.fill("shop.rule_threshold", &values)
            });
            each.collect::<Vec<_>>().join(if words.is_zh() { "；" } else { "; " })
        }
        PromotionRule::EachFull(step) => {
            let (spend, save) = (amount(&step.spend), amount(&step.save));
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("spend", &spend), ("save", &save), ("currency", &currency)];
            words.fill("shop.rule_each", &values)
        }
        PromotionRule::Bundle(bundle) => {
            let units: u32 = bundle.parts.iter().map(|part| u32::from(part.quantity)).sum();
            let price = amount(&bundle.price);
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("n", &units), ("price", &price), ("currency", &currency)];
            words.fill("shop.rule_bundle", &values)
        }
        PromotionRule::SecondCheaper(rate) => {
            words.fill("shop.rule_second", &[("n", &percent(*rate))])
        }
        PromotionRule::FreeDelivery => words.get("shop.rule_delivery").to_owned(),
        PromotionRule::Flash(_) => words.get("shop.rule_flash").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_percentage_without_zeros_behind() {
        for (ppm, text) in [(200_000, "20"), (125_000, "12.5"), (5, "0.0005"), (1_000_000, "100")] {
            assert_eq!(percent(Rate::from_ppm(ppm).unwrap()), text);
        }
    }
}
