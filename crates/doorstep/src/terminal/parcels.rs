//! The parcels that the courier has out, and their short waybills.

use peers::terminal::TerminalParcel;
use peers::waybill::WAYBILL_CHARS;

use super::commands::TerminalCommandError;
use super::masking::masked_start;

/// The fewest characters of a waybill that name it.
pub const SHORT_CHARS_MIN: usize = 3;
/// How many characters are shown at least.
const SHOWN_CHARS_MIN: usize = 4;
/// The most parcels of a list.
pub const PARCELS_MAX: usize = 1_000;

/// The list as the switch gave it last.
#[derive(Default)]
pub struct CourierParcels {
    parcels: Vec<TerminalParcel>,
}

impl CourierParcels {
    pub fn new(parcels: Vec<TerminalParcel>) -> CourierParcels {
        CourierParcels { parcels }
    }

    pub fn parcels(&self) -> &[TerminalParcel] {
        &self.parcels
    }

    /// The first characters of each waybill: as many as tell all of them apart.
    pub fn short_waybills(&self) -> Vec<&str> {
        let mut waybills: Vec<&str> = self.parcels.iter().map(|one| &*one.waybill).collect();
        waybills.sort_unstable();
        let common = |pair: &[&str]| {
            let same = pair[0].bytes().zip(pair[1].bytes()).take_while(|(one, next)| one == next);
            same.count()
        };
        let longest = waybills.windows(2).map(common).max().unwrap_or(0);
        let shown = (longest + 1).clamp(SHOWN_CHARS_MIN, WAYBILL_CHARS);
        let whole = self.parcels.iter().map(|one| &*one.waybill);
        whole.map(|waybill| waybill.get(..shown).unwrap_or(waybill)).collect()
    }

    /// The parcel of a whole waybill, or of its first or last characters. What it begins with goes
    /// before what it ends with.
    pub fn find(&self, word: &str) -> Result<&TerminalParcel, TerminalCommandError> {
        let begins = |one: &&TerminalParcel| one.waybill.starts_with(word);
        let ends = |one: &&TerminalParcel| one.waybill.ends_with(word);
        let mut found: Vec<&TerminalParcel> = self.parcels.iter().filter(begins).collect();
        if found.is_empty() {
            found = self.parcels.iter().filter(ends).collect();
        }
        match found[..] {
            [one] => Ok(one),
            [] => Err(TerminalCommandError::NotOut(masked_start(word))),
            [..] => Err(TerminalCommandError::Ambiguous(masked_start(word), found.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(waybills: &[&str]) -> CourierParcels {
        let parcel =
            |waybill: &&str| TerminalParcel { waybill: (*waybill).to_owned(), due: 1, left: 1 };
        CourierParcels::new(waybills.iter().map(parcel).collect())
    }

    #[test]
    fn a_short_waybill_has_as_many_characters_as_are_needed() {
        assert_eq!(list(&["0ABCDEFG1", "0XBCDEFG2"]).short_waybills(), ["0ABC", "0XBC"]);
        assert_eq!(list(&["0ABCDEFG1", "0ABCDXFG2"]).short_waybills(), ["0ABCDE", "0ABCDX"]);
        assert_eq!(list(&["0ABCDEFG1"]).short_waybills(), ["0ABC"]);
    }

    #[test]
    fn every_short_waybill_names_its_parcel() {
        let list = list(&["0ABC00XYZ", "0ABD00ABC", "0XYZ00ABD"]);
        for (short, parcel) in list.short_waybills().into_iter().zip(list.parcels()) {
            assert_eq!(list.find(short), Ok(parcel));
        }
        assert_eq!(list.find("XYZ").map(|one| &*one.waybill), Ok("0ABC00XYZ"));
        assert_eq!(list.find("0AB"), Err(TerminalCommandError::Ambiguous("0AB".into(), 2)));
        assert_eq!(list.find("777"), Err(TerminalCommandError::NotOut("777".into())));
    }
}
