//! The generations of a key: which are kept, which were there, and which comes next.

use crate::check_value::CheckValue;
use crate::error::{KeyError, StoreError};
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::KeyListing;
use crate::store::purposes::is_base;
use crate::store::vault::{Found, NewKey, Place, Which};

/// How many keys a store can have, all generations counted.
pub const KEYS_MAX: usize = 10_000;
/// How many generations of a key are kept.
pub const GENERATIONS_MAX: usize = 16;
/// Of how many generations of a key that are gone the check values are kept.
pub const RETIRED_MAX: usize = 64;

/// The generations of a name, in a store where keys lie as `K`.
#[derive(Clone)]
pub struct Generations<K> {
    /// What is kept, the newest last.
    pub kept: Vec<Entry<K>>,
    /// The check values of those that are gone, the newest last.
    pub retired: Vec<CheckValue>,
}

/// One generation.
#[derive(Clone)]
pub struct Entry<K> {
    pub listing: KeyListing,
    pub key: K,
}

impl<K> Default for Generations<K> {
    fn default() -> Generations<K> {
        Generations { kept: Vec::new(), retired: Vec::new() }
    }
}

impl<K: Clone> Generations<K> {
    /// Finds one of them.
    pub fn find(&self, name: &KeyName, which: Which) -> Result<Found<K>, KeyError> {
        let (entry, generation) = match which {
            Which::Newest => (self.kept.last(), 0),
            Which::Exactly(wanted) => {
                (self.kept.iter().find(|entry| entry.listing.generation == wanted), wanted)
            }
            Which::Before(newer) => {
                (self.kept.iter().rev().find(|entry| entry.listing.generation < newer), newer)
            }
        };
        let entry = entry.ok_or(KeyError::NoSuchGeneration { name: *name, generation })?;
        Ok(Found {
            key: entry.key.clone(),
            purpose: entry.listing.purpose,
            generation: entry.listing.generation,
        })
    }
}

impl<K> Generations<K> {
    /// Puts them in order once all are there.
    pub fn sort(&mut self) {
        self.kept.sort_by_key(|entry| entry.listing.generation);
    }

    /// What people may see of them, the newest first.
    pub fn listings(&self) -> impl Iterator<Item = KeyListing> {
        self.kept.iter().rev().map(|entry| entry.listing.clone())
    }

    /// Forgets some, but for their check values.
    pub fn drop_all(&mut self, going: &[u32]) {
        let (gone, kept) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|entry| going.contains(&entry.listing.generation));
        self.kept = kept;
        let gone: Vec<Entry<K>> = gone;
        gone.iter().for_each(|entry| self.retire(entry.listing.check_value));
    }

    /// Leaves out what is there although it is gone: what could not be taken away. The newest is
    /// never one of them.
    pub fn leave_out_retired(&mut self) {
        let newest = self.kept.last().map(|entry| entry.listing.generation);
        let retired = &self.retired;
        self.kept.retain(|Entry { listing, .. }| {
            Some(listing.generation) == newest || !retired.contains(&listing.check_value)
        });
    }

    /// Remembers the check value of one that is gone; the oldest is forgotten for it.
    pub fn retire(&mut self, gone: CheckValue) {
        if self.retired.contains(&gone) {
            return;
        }
        if self.retired.len() >= RETIRED_MAX {
            self.retired.remove(0);
        }
        self.retired.push(gone);
    }
}

/// What is done about a new key.
pub enum NextStep {
    /// It becomes this generation, and those generations go for it.
    Add(u32, Vec<u32>),
    /// It is the newest generation already: nothing.
    Nothing(KeyListing),
}

/// What is done about a new key, in a store of so many keys.
pub fn next_step<K>(
    name: KeyName,
    purpose: Purpose,
    (place, key): (Place, &NewKey),
    present: &Generations<K>,
    keys_in_store: usize,
) -> Result<NextStep, KeyError> {
    let kept: Vec<&KeyListing> = present.kept.iter().map(|entry| &entry.listing).collect();
    let going = match (place, &kept[..]) {
        (Place::New, [_, ..]) => return Err(KeyError::Exists(name)),
        (Place::Next, []) => return Err(KeyError::NoSuchKey(name)),
        (Place::NewOrNext, [older @ .., _]) => older,
        _ => &[],
    };
    if let Some(other) = kept.iter().find(|other| other.purpose != purpose) {
        return Err(KeyError::Purpose { purpose: other.purpose, wanted: purpose.name() });
    }
    if let (Place::NewOrNext, Some(check_value)) = (place, key.check_value()) {
        if let Some(newest) = kept.last().filter(|newest| newest.check_value == check_value) {
            return Ok(NextStep::Nothing(KeyListing::clone(newest)));
        }
        let older = kept.iter().map(|older| &older.check_value);
        if older.chain(&present.retired).any(|older| *older == check_value) {
            return Err(KeyError::Retired(name));
        }
    }
    if !kept.is_empty() && is_base(purpose) {
        return Err(KeyError::Base { name, purpose });
    }
    if keys_in_store - going.len() >= KEYS_MAX {
        return Err(KeyError::Store(StoreError::Full(keys_in_store)));
    }
    if kept.len() - going.len() >= GENERATIONS_MAX {
        return Err(KeyError::Generations(name));
    }
    let newest = kept.last().map_or(0, |newest| newest.generation);
    let next = newest.checked_add(1).ok_or(KeyError::Generations(name))?;
    Ok(NextStep::Add(next, going.iter().map(|older| older.generation).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_check_values_are_remembered_the_oldest_goes_first() {
        let mut generations = Generations::<()>::default();
        let check_value = |number: usize| CheckValue::new([u8::try_from(number).unwrap(); 5]);
        for number in 0..=RETIRED_MAX {
            generations.retire(check_value(number));
            generations.retire(check_value(number));
        }
        assert_eq!(generations.retired.len(), RETIRED_MAX);
        assert!(!generations.retired.contains(&check_value(0)));
        assert!(generations.retired.ends_with(&[check_value(RETIRED_MAX)]));
    }
}
