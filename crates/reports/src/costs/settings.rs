//! `costs.toml`: what the books do not know of costs.

use std::collections::BTreeMap;

use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Amount, Currency, CurrencyError, Rate, RateError};
use serde::Deserialize;
use tariff::{BusinessDate, BusinessDateError};

/// Limit on the size of the file.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Months over which a terminal is written off.
const LIFE_MONTHS_MAX: u32 = 240;

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

/// Why a `costs.toml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostSettingsError {
    #[error("the file has more than {FILE_BYTES_MAX} bytes; keep costs only in it")]
    TooLong,
    /// Not TOML, or not its keys.
    #[error("{0}")]
    Toml(String),
    #[error("{key}: {why}; write it as \"12.50\"")]
    Amount { key: &'static str, why: DecimalError },
    #[error("currency: {0}")]
    Currency(CurrencyError),
    #[error("repair.day: {0}")]
    Day(BusinessDateError),
    #[error("cash.share: {0}")]
    Rate(RateError),
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
        let toml = |error: toml::de::Error| CostSettingsError::Toml(error.to_string());
        let file: CostsFile = toml::from_str(text).map_err(toml)?;
        let currency = file.currency.parse().map_err(CostSettingsError::Currency)?;
        let amount = |key: &'static str, text: &str| {
            let read = decimal::parse(text, currency, DecimalStyle::PLAIN);
            read.map_err(|why| CostSettingsError::Amount { key, why })
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
                settings.cash_share = share.parse().map_err(CostSettingsError::Rate)?;
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
    }
}
