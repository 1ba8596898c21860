//! Who gets an order's parcels. For the vault alone (M12).

use std::fmt;

use crate::profile::BuyerRules;
use crate::records::Record;

use super::ImportError;
use super::columns::CsvHeader;
use super::report::BadLineReason;

/// Of each text.
pub const BUYER_TEXT_BYTES_MAX: usize = 1_024;

/// Each text can be empty. `Debug` shows nothing of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BuyerDetails {
    pub name: String,
    pub phone: String,
    pub address: String,
}

impl fmt::Debug for BuyerDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BuyerDetails(…)")
    }
}

impl BuyerDetails {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.name, &self.phone, &self.address].iter().all(|text| text.is_empty())
    }
}

/// The indexes of the buyer's columns that the file has.
#[derive(Default)]
pub struct BuyerColumnIndexes {
    name: Vec<usize>,
    phone: Vec<usize>,
    address: Vec<usize>,
}

impl BuyerColumnIndexes {
    pub(crate) fn find(
        rules: &BuyerRules,
        header: &CsvHeader,
    ) -> Result<BuyerColumnIndexes, ImportError> {
        Ok(BuyerColumnIndexes {
            name: header.present(&rules.name)?,
            phone: header.present(&rules.phone)?,
            address: header.present(&rules.address)?,
        })
    }

    /// Reads the buyer of a line. `None` if the line names none.
    ///
    /// # Errors
    /// The column of a text that is too long.
    pub fn read(&self, record: Record<'_>) -> Result<Option<BuyerDetails>, (usize, BadLineReason)> {
        let parts = |columns: &[usize]| {
            let texts = columns.iter().map(|&at| plain(record.get(at)));
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        let details = BuyerDetails {
            name: parts(&self.name).join(" "),
            phone: parts(&self.phone).into_iter().next().unwrap_or_default(),
            address: parts(&self.address).join(", "),
        };
        let texts = [
            (&details.name, &self.name),
            (&details.phone, &self.phone),
            (&details.address, &self.address),
        ];
        for (text, columns) in texts {
            if text.len() > BUYER_TEXT_BYTES_MAX {
                let first = columns.first().copied().unwrap_or_default();
                return Err((first, BadLineReason::BuyerTooLong));
            }
        }
        Ok(Some(details).filter(|details| !details.is_empty()))
    }
}

/// A text on one line: addresses in exports have line breaks.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
