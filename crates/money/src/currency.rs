use std::fmt;
use std::io;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// A currency of ISO 4217 that has a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(iso_currency::Currency);

/// A code that cannot be used as a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    #[error("`{0}` is not a currency code of ISO 4217 (three capital letters, for example CNY)")]
    Unknown(String),
    /// A fund, a metal or a test code.
    #[error("`{0}` has no minor unit in ISO 4217, so it cannot be used")]
    NoMinorUnit(String),
}

impl Currency {
    /// Chinese yuan.
    pub const CNY: Currency = Currency(iso_currency::Currency::CNY);
    /// Brazilian real.
    pub const BRL: Currency = Currency(iso_currency::Currency::BRL);
    /// Japanese yen: no decimals.
    pub const JPY: Currency = Currency(iso_currency::Currency::JPY);
    /// Tunisian dinar: three decimals.
    pub const TND: Currency = Currency(iso_currency::Currency::TND);

    /// 1 to 999.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.0.numeric()
    }

    /// For example `CNY`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimals of an amount: 2 for CNY, 0 for JPY, 3 for TND.
    #[must_use]
    pub fn exponent(self) -> u32 {
        // The constructors reject currencies without a minor unit.
        self.0.exponent().map_or(0, u32::from)
    }

    pub fn from_numeric(numeric: u16) -> Result<Currency, CurrencyError> {
        let currency = iso_currency::Currency::from_numeric(numeric)
            .ok_or_else(|| CurrencyError::Unknown(format!("{numeric:03}")))?;
        Currency::with_minor_unit(currency)
    }

    fn with_minor_unit(currency: iso_currency::Currency) -> Result<Currency, CurrencyError> {
        if currency.exponent().is_none() {
            return Err(CurrencyError::NoMinorUnit(currency.code().to_owned()));
        }
        Ok(Currency(currency))
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Currency, CurrencyError> {
        let currency = iso_currency::Currency::from_code(code)
            .ok_or_else(|| CurrencyError::Unknown(code.chars().take(12).collect()))?;
        Currency::with_minor_unit(currency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl BorshSerialize for Currency {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.numeric().serialize(writer)
    }
}

impl BorshDeserialize for Currency {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Currency> {
        let numeric = u16::deserialize_reader(reader)?;
        Currency::from_numeric(numeric)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_exact() {
        assert_eq!("CNY".parse(), Ok(Currency::CNY));
        assert_eq!(Currency::from_numeric(986), Ok(Currency::BRL));
        assert!("cny".parse::<Currency>().is_err());
        assert!("RMB".parse::<Currency>().is_err());
        assert!("XAU".parse::<Currency>().is_err());
    }

    #[test]
    fn exponents_follow_the_standard() {
        let exponents = [Currency::CNY, Currency::JPY, Currency::TND].map(Currency::exponent);
        assert_eq!(exponents, [2, 0, 3]);
    }
}
