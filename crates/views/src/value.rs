//! A value in a row.

use std::borrow::Cow;

use books::ParcelId;

use crate::read::{FILTER_TEXT_BYTES_MAX, ViewQueryError};
use crate::rows::Day;
use crate::table::ColumnKind;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ViewValue {
    Empty,
    /// A number, an amount, a time, a batch, a flag, or the bits of an identifier.
    Number(i64),
    Text(Cow<'static, str>),
    Parcel(ParcelId),
    /// A business date. One that is read is a text.
    Day(Day),
}

impl ViewValue {
    #[must_use]
    pub fn text(text: impl Into<String>) -> ViewValue {
        ViewValue::Text(Cow::Owned(text.into()))
    }

    /// The bits of an identifier.
    #[must_use]
    pub fn id(bits: u64) -> ViewValue {
        ViewValue::Number(bits.cast_signed())
    }
}

impl From<i64> for ViewValue {
    fn from(number: i64) -> ViewValue {
        ViewValue::Number(number)
    }
}

impl From<u64> for ViewValue {
    /// A count or amount: the engine has none beyond 63 bits.
    fn from(number: u64) -> ViewValue {
        ViewValue::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&'static str> for ViewValue {
    fn from(word: &'static str) -> ViewValue {
        ViewValue::Text(Cow::Borrowed(word))
    }
}

impl<T: Into<ViewValue>> From<Option<T>> for ViewValue {
    fn from(value: Option<T>) -> ViewValue {
        value.map_or(ViewValue::Empty, Into::into)
    }
}

impl ColumnKind {
    /// Checks that a value may stand in such a column.
    pub(crate) fn accepts(self, value: &ViewValue, column: &str) -> Result<(), ViewQueryError> {
        let fits = match (self, value) {
            (ColumnKind::Parcel, ViewValue::Parcel(_)) => true,
            (ColumnKind::Word(words), ViewValue::Text(text)) => {
                words.iter().any(|word| word == text)
            }
            (ColumnKind::Text | ColumnKind::Currency | ColumnKind::Date, ViewValue::Text(text)) => {
                text.len() <= FILTER_TEXT_BYTES_MAX && !text.contains('\0')
            }
            (ColumnKind::Date, ViewValue::Day(_)) => true,
            (
                ColumnKind::Id(_)
                | ColumnKind::Amount { .. }
                | ColumnKind::MinorUnits
                | ColumnKind::Number
                | ColumnKind::Flag
                | ColumnKind::Time
                | ColumnKind::Batch,
                ViewValue::Number(_),
            ) => true,
            _ => false,
        };
        let other = || ViewQueryError::OtherKind { column: column.into(), expected: self };
        if fits { Ok(()) } else { Err(other()) }
    }

    /// What it holds, in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            ColumnKind::Id(_) => "an identifier".into(),
            ColumnKind::Parcel => "the identifier of a parcel".into(),
            ColumnKind::Amount { .. } | ColumnKind::MinorUnits => "an amount in minor units".into(),
            ColumnKind::Number => "a number".into(),
            ColumnKind::Flag => "0 or 1".into(),
            ColumnKind::Text => format!("a text of at most {FILTER_TEXT_BYTES_MAX} bytes"),
            ColumnKind::Currency => "a currency, three letters".into(),
            ColumnKind::Time => "milliseconds since 1970 in UTC".into(),
            ColumnKind::Date => "a date, as 2026-11-29".into(),
            ColumnKind::Batch => "a batch of the journal".into(),
            ColumnKind::Word(words) => format!("one of: {}", words.join("; ")),
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(
            self,
            ColumnKind::Text | ColumnKind::Currency | ColumnKind::Date | ColumnKind::Word(_)
        )
    }
}
