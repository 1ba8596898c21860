//! `costs.toml`: what the books do not know of costs.

use std::collections::{BTreeMap, BTreeSet};

use books::{Books, TerminalId};
use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Amount, Currency, CurrencyError, Rate, RateError};
use serde::Deserialize;
use tariff::{BusinessDate, BusinessDateError};

/// Limit on the size of the file.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Months over which a terminal is written off.
const LIFE_MONTHS_MAX: u32 = 240;
/// Of one sum, in minor units: a terminal or a repair that costs more is a slip of the pen.
const SUM_MAX: u64 = 100_000_000_000;
/// Of the cash that is collected: 100%.
const SHARE_PPM_MAX: u32 = 1_000_000;

/// What a terminal costs, in minor units of the settings' currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalRates {
    /// Paid for the device.
    pub price: Amount,
    /// The months over which it is written off in equal parts, 1 to 240.
    pub life_months: u32,
    /// For each month.
    pub communications: Amount,
    /// The usual repairs of a month. Single repairs come on top.
    pub repairs: Amount,
}

/// Repairs of terminals: each a terminal's number, the day and what was paid.
pub(crate) type Repairs = Vec<(u64, BusinessDate, Amount)>;

/// The content of `costs.toml`, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostSettings {
    /// The currency of all sums in the file.
    pub currency: Option<Currency>,
    /// The network with which the routes are compared, by its reference in the books.
    pub default_network: Option<String>,
    pub terminal: Option<TerminalRates>,
    pub(crate) repairs: Repairs,
    /// For each hand-over that is counted, and each deposit that the bank has.
    pub count: Amount,
    pub deposit: Amount,
    /// Of the cash that is collected.
    pub cash_share: Rate,
    /// The city of courier firms and couriers, by reference. A courier's own counts first.
    pub(crate) firm_cities: BTreeMap<String, String>,
    pub(crate) courier_cities: BTreeMap<String, String>,
}

/// What costs.toml names and the books do not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownInCosts {
    #[error("city: the books have no courier firm `{0}`; correct its name, or take it out")]
    Firm(String),
    #[error("city: the books have no courier `{0}`; correct the reference, or take it out")]
    Courier(String),
    #[error("repair: the books have no terminal {0}; correct its number, or take it out")]
    Terminal(u64),
    #[error("currency: the books have no accounts in {0}; write the currency of the books")]
    Currency(Currency),
}

/// Why a `costs.toml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostSettingsError {
    #[error("the file has more than {FILE_BYTES_MAX} bytes; keep costs only in it")]
    TooLong,
    /// Not TOML, or not its keys.
    #[error("line {line}: {what}; docs/costs.md has all keys")]
    Toml { line: usize, what: String },
    #[error("{key}: {why}; write it as \"12.50\"")]
    Amount { key: &'static str, why: DecimalError },
    #[error("{key}: no cost is below zero; write it as \"12.50\"")]
    BelowZero { key: &'static str },
    #[error("{key}: {sum} {currency} is more than any cost; correct it")]
    TooMuch { key: &'static str, sum: String, currency: Currency },
    #[error("currency: {0}")]
    Currency(CurrencyError),
    #[error("repair.day: {0}")]
    Day(BusinessDateError),
    #[error("cash.share: {0}")]
    Rate(RateError),
    #[error("cash.share: more than 100% of the cash; write it as \"0.05%\"")]
    Share,
    #[error("terminal.life_months = {0}: it is 1 to {LIFE_MONTHS_MAX}")]
    LifeMonths(u32),
    #[error("{what} `{name}` has two cities: keep one")]
    CityTwice { what: &'static str, name: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CostsFile {
    currency: String,
    default_network: Option<String>,
    terminal: Option<TerminalSection>,
    #[serde(default)]
    repair: Vec<RepairSection>,
    cash: Option<CashSection>,
    #[serde(default)]
    city: Vec<CitySection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TerminalSection {
    price: String,
    life_months: u32,
    communications_month: Option<String>,
    repairs_month: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepairSection {
    terminal: u64,
    day: String,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CashSection {
    count: Option<String>,
    deposit: Option<String>,
    share: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CitySection {
    name: String,
    #[serde(default)]
    firms: Vec<String>,
    #[serde(default)]
    couriers: Vec<String>,
}

impl CostSettings {
    /// Reads the text of a `costs.toml`.
    ///
    /// # Errors
    /// The first problem found, with its key.
    pub fn parse(text: &str) -> Result<CostSettings, CostSettingsError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(CostSettingsError::TooLong);
        }
        let toml = |error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            CostSettingsError::Toml { line, what: error.message().trim().replace('\n', ", ") }
        };
        let file: CostsFile = toml::from_str(text).map_err(toml)?;
        let currency = file.currency.parse().map_err(CostSettingsError::Currency)?;
        let amount = |key: &'static str, text: &str| {
            let read = decimal::parse(text, currency, DecimalStyle::PLAIN);
            let sum: Amount = read.map_err(|why| match why {
                DecimalError::Negative(_) => CostSettingsError::BelowZero { key },
                why => CostSettingsError::Amount { key, why },
            })?;
            if sum.minor() > SUM_MAX {
                let sum = text.to_owned();
                return Err(CostSettingsError::TooMuch { key, sum, currency });
            }
            Ok(sum)
        };
        let perhaps = |key: &'static str, text: &Option<String>| {
            text.as_ref().map_or(Ok(Amount::ZERO), |text| amount(key, text))
        };
        let mut settings = CostSettings {
            currency: Some(currency),
            default_network: file.default_network,
            ..CostSettings::default()
        };
        if let Some(terminal) = &file.terminal {
            if !(1..=LIFE_MONTHS_MAX).contains(&terminal.life_months) {
                return Err(CostSettingsError::LifeMonths(terminal.life_months));
            }
            settings.terminal = Some(TerminalRates {
                price: amount("terminal.price", &terminal.price)?,
                life_months: terminal.life_months,
                communications: perhaps(
                    "terminal.communications_month",
                    &terminal.communications_month,
                )?,
                repairs: perhaps("terminal.repairs_month", &terminal.repairs_month)?,
            });
        }
        for repair in &file.repair {
            let day = repair.day.parse().map_err(CostSettingsError::Day)?;
            let paid = amount("repair.amount", &repair.amount)?;
            settings.repairs.push((repair.terminal, day, paid));
        }
        if let Some(cash) = &file.cash {
            settings.count = perhaps("cash.count", &cash.count)?;
            settings.deposit = perhaps("cash.deposit", &cash.deposit)?;
            if let Some(share) = &cash.share {
                let share: Rate = share.parse().map_err(CostSettingsError::Rate)?;
                if share.ppm() > SHARE_PPM_MAX {
                    return Err(CostSettingsError::Share);
                }
                settings.cash_share = share;
            }
        }
        for city in file.city {
            for (what, names, cities) in [
                ("the firm", city.firms, &mut settings.firm_cities),
                ("the courier", city.couriers, &mut settings.courier_cities),
            ] {
                for name in names {
                    if cities.insert(name.clone(), city.name.clone()).is_some() {
                        return Err(CostSettingsError::CityTwice { what, name });
                    }
                }
            }
        }
        Ok(settings)
    }

    /// Checks that the books have what the file names: a slip of the pen would count for nothing.
    ///
    /// # Errors
    /// The first that they do not have.
    pub fn check(&self, books: &Books) -> Result<(), UnknownInCosts> {
        let firms: BTreeSet<&str> = books.firms().map(|(_, name)| name).collect();
        if let Some(firm) = self.firm_cities.keys().find(|firm| !firms.contains(firm.as_str())) {
            return Err(UnknownInCosts::Firm(firm.clone()));
        }
        let mut couriers = self.courier_cities.keys();
        if let Some(one) = couriers.find(|one| books.courier_by_reference(one).is_none()) {
            return Err(UnknownInCosts::Courier(one.clone()));
        }
        let mut terminals = self.repairs.iter().map(|(terminal, ..)| *terminal);
        if let Some(one) = terminals.find(|one| books.terminal_view(TerminalId(*one)).is_none()) {
            return Err(UnknownInCosts::Terminal(one));
        }
        match self.currency {
            Some(one) if books.currencies().all(|known| known != one) => {
                Err(UnknownInCosts::Currency(one))
            }
            _ => Ok(()),
        }
    }

    /// The city of a courier, by the references of the courier and of the firm.
    pub(crate) fn city(&self, courier: Option<&str>, firm: Option<&str>) -> Option<&str> {
        let of_courier = courier.and_then(|courier| self.courier_cities.get(courier));
        let of_firm = || firm.and_then(|firm| self.firm_cities.get(firm));
        of_courier.or_else(of_firm).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
currency = "CNY"
default_network = "alpha"

[terminal]
price = "3000.00"
life_months = 36
communications_month = "5.00"

[[repair]]
terminal = 7
day = "2013-08-28"
amount = "120.00"

[cash]
count = "0.50"
share = "0.05%"

[[city]]
name = "Hangzhou"
firms = ["swift"]

[[city]]
name = "Ningbo"
couriers = ["c-9"]
"#;

    #[test]
    fn a_courier_has_its_own_city_or_that_of_its_firm() {
        let settings = CostSettings::parse(FILE).unwrap();
        assert_eq!(settings.city(Some("c-1"), Some("swift")), Some("Hangzhou"));
        assert_eq!(settings.city(Some("c-9"), Some("swift")), Some("Ningbo"));
        assert_eq!(settings.city(Some("c-2"), Some("slow")), None);
        assert_eq!(settings.terminal.unwrap().communications, Amount::of(500));
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_key() {
        let refused = |from: &str, to: &str| {
            CostSettings::parse(&FILE.replace(from, to)).unwrap_err().to_string()
        };
        assert!(refused("\"3000.00\"", "\"3,000\"").starts_with("terminal.price: "));
        assert!(refused("life_months = 36", "life_months = 0").starts_with("terminal.life_months"));
        assert!(refused("2013-08-28", "2013-02-29").starts_with("repair.day: "));
        assert!(refused("[cash]", "[cash]\ncoins = 1").contains("unknown field `coins`"));
        let twice = refused("couriers = [\"c-9\"]", "firms = [\"swift\"]");
        assert_eq!(twice, "the firm `swift` has two cities: keep one");
        assert_eq!(
            refused("[cash]", "[cash]\ncoins = 1"),
            "line 16: unknown field `coins`, expected one of `count`, `deposit`, `share`; \
             docs/costs.md has all keys"
        );
        let below = "terminal.price: no cost is below zero; write it as \"12.50\"";
        assert_eq!(refused("\"3000.00\"", "\"-3000.00\""), below);
        assert!(refused("\"3000.00\"", "\"3000000000.00\"").contains("is more than any cost"));
        assert!(refused("0.05%", "105%").starts_with("cash.share: more than 100%"));
        assert!(refused("currency = \"CNY\"", "currency = CNY").starts_with("line 2: "));
    }
}
