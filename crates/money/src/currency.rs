//! Currencies by ISO 4217.

use std::fmt;
use std::io;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// A currency of ISO 4217 that has a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(iso_currency::Currency);

/// A code that is no currency Doorstep can keep books in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// ISO 4217 has no such code.
    #[error("`{0}` is not a currency code of ISO 4217 (three capital letters, for example CNY)")]
    Unknown(String),
    /// The code is a fund, a metal or a test code.
    #[error("`{0}` has no minor unit in ISO 4217, so no amount can be kept in it")]
    NoMinorUnit(String),
}

impl Currency {
    /// The renminbi yuan.
    pub const CNY: Currency = Currency(iso_currency::Currency::CNY);
    /// The Brazilian real.
    pub const BRL: Currency = Currency(iso_currency::Currency::BRL);
    /// The Japanese yen, which has no decimals.
    pub const JPY: Currency = Currency(iso_currency::Currency::JPY);
    /// The Tunisian dinar, which has three.
    pub const TND: Currency = Currency(iso_currency::Currency::TND);

    /// The numeric code, 1 to 999.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.0.numeric()
    }

    /// The alphabetic code, for example `CNY`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount is written with: 2 for CNY, 0 for JPY, 3 for TND.
    #[must_use]
    pub fn exponent(self) -> u32 {
        // The constructors let no currency in that has none.
        self.0.exponent().map_or(0, u32::from)
    }

    /// The currency with a numeric code.
    ///
    /// # Errors
    /// Where ISO 4217 has no such code or gives it no minor unit.
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
