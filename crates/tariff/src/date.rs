use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use jiff::civil::Date;

/// A business day: days since 1970-01-01. The last is 2149-06-06.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct BusinessDate(pub u16);

/// A text that is not a supported date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date from 1970-01-01 to 2149-06-06; write it as 2013-08-28")]
pub struct BusinessDateError(pub String);

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

impl BusinessDate {
    pub const MAX: BusinessDate = BusinessDate(u16::MAX);

    /// `days` later, at most the last date.
    #[must_use]
    pub fn plus_days(self, days: u16) -> BusinessDate {
        BusinessDate(self.0.saturating_add(days))
    }

    /// `days` earlier, at least the first date.
    #[must_use]
    pub fn minus_days(self, days: u16) -> BusinessDate {
        BusinessDate(self.0.saturating_sub(days))
    }

    #[must_use]
    pub fn civil(self) -> Date {
        EPOCH.saturating_add(jiff::Span::new().days(i64::from(self.0)))
    }
}

impl FromStr for BusinessDate {
    type Err = BusinessDateError;

    fn from_str(text: &str) -> Result<BusinessDate, BusinessDateError> {
        let error = || BusinessDateError(text.chars().take(20).collect());
        let well_formed = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !well_formed {
            return Err(error());
        }
        let date: Date = text.parse().map_err(|_| error())?;
        let days = EPOCH.until(date).map_err(|_| error())?.get_days();
        u16::try_from(days).map(BusinessDate).map_err(|_| error())
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.civil(), f)
    }
}

impl serde::Serialize for BusinessDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for BusinessDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<BusinessDate, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for BusinessDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BusinessDate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        for text in ["1970-01-01", "2013-02-25", "2016-02-29", "2149-06-06"] {
            assert_eq!(text.parse::<BusinessDate>().unwrap().to_string(), text);
        }
        assert_eq!("2013-02-25".parse::<BusinessDate>().unwrap(), BusinessDate(15_761));
    }

    #[test]
    fn invalid_dates_are_refused() {
        for text in ["", "2013-2-25", "2015-02-29", "1969-12-31", "2149-06-07", "25.02.2013"] {
            assert!(text.parse::<BusinessDate>().is_err(), "{text}");
        }
    }
}
