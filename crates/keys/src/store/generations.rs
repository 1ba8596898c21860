//! The generations of a key: kept ones, dropped ones, and the rules for a new one.

use crate::check_value::CheckValue;
use crate::error::{KeyError, KeyStoreError};
use crate::name::KeyName;
use crate::purpose::KeyPurpose;
use crate::store::KeyListing;
use crate::store::key_storage::{AddMode, GenerationSelector, NewKey, StoredKey};
use crate::store::purposes::derives_other_keys;

/// Maximum number of keys in a store, counting all generations.
pub const KEYS_MAX: usize = 100_000;
/// Maximum number of generations of a key.
pub const GENERATIONS_MAX: usize = 16;
/// Maximum number of dropped generations of a key whose check values are kept.
pub const RETIRED_MAX: usize = 64;

/// The generations of one name. `K` is the store's representation of a key.
#[derive(Clone)]
pub struct KeyGenerations<K> {
    /// Oldest first.
    pub kept: Vec<KeyGeneration<K>>,
    /// Check values of dropped generations, oldest first.
    pub retired_check_values: Vec<CheckValue>,
}

#[derive(Clone)]
pub struct KeyGeneration<K> {
    pub listing: KeyListing,
    pub key: K,
}

impl<K> Default for KeyGenerations<K> {
    fn default() -> KeyGenerations<K> {
        KeyGenerations { kept: Vec::new(), retired_check_values: Vec::new() }
    }
}

impl<K: Clone> KeyGenerations<K> {
    pub fn find(
        &self,
        name: &KeyName,
        which: GenerationSelector,
    ) -> Result<StoredKey<K>, KeyError> {
        let (entry, generation) = match which {
            GenerationSelector::Newest => (self.kept.last(), 0),
            GenerationSelector::Exact(wanted) => {
                (self.kept.iter().find(|entry| entry.listing.generation == wanted), wanted)
            }
            GenerationSelector::OlderThan(newer) => {
                (self.kept.iter().rev().find(|entry| entry.listing.generation < newer), newer)
            }
        };
        let entry = entry.ok_or(KeyError::NoSuchGeneration { name: *name, generation })?;
        Ok(StoredKey {
            key: entry.key.clone(),
            purpose: entry.listing.purpose,
            generation: entry.listing.generation,
        })
    }
}

impl<K> KeyGenerations<K> {
    pub fn sort(&mut self) {
        self.kept.sort_by_key(|entry| entry.listing.generation);
    }

    /// Newest first.
    pub fn listings(&self) -> impl Iterator<Item = KeyListing> {
        self.kept.iter().rev().map(|entry| entry.listing.clone())
    }

    /// Drops these generations and keeps their check values.
    pub fn retire_all(&mut self, dropped: &[u32]) {
        let (removed, kept) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|entry| dropped.contains(&entry.listing.generation));
        self.kept = kept;
        let removed: Vec<KeyGeneration<K>> = removed;
        removed.iter().for_each(|entry| self.retire(entry.listing.check_value));
    }

    /// Hides dropped generations that could not be deleted from the token. Never hides the newest.
    pub fn hide_retired(&mut self) {
        let newest = self.kept.last().map(|entry| entry.listing.generation);
        let retired = &self.retired_check_values;
        self.kept.retain(|KeyGeneration { listing, .. }| {
            Some(listing.generation) == newest || !retired.contains(&listing.check_value)
        });
    }

    /// Keeps the check value of a dropped generation. Removes the oldest when the list is full.
    pub fn retire(&mut self, dropped: CheckValue) {
        if self.retired_check_values.contains(&dropped) {
            return;
        }
        if self.retired_check_values.len() >= RETIRED_MAX {
            self.retired_check_values.remove(0);
        }
        self.retired_check_values.push(dropped);
    }
}

/// What to do with a new key.
pub enum AddDecision {
    /// Store it as this generation and drop those generations.
    Add(u32, Vec<u32>),
    /// Do nothing: it already is the newest generation.
    AlreadyNewest(KeyListing),
}

/// Decides what to do with a new key, given the generations of its name.
pub fn decide_add<K>(
    name: KeyName,
    purpose: KeyPurpose,
    (place, key): (AddMode, &NewKey),
    present: &KeyGenerations<K>,
    keys_in_store: usize,
) -> Result<AddDecision, KeyError> {
    let kept: Vec<&KeyListing> = present.kept.iter().map(|entry| &entry.listing).collect();
    let dropped = match (place, &kept[..]) {
        (AddMode::NewName, [_, ..]) => return Err(KeyError::NameTaken(name)),
        (AddMode::NextGeneration, []) => return Err(KeyError::NoSuchKey(name)),
        (AddMode::NewNameOrNextGeneration, [older @ .., _]) => older,
        _ => &[],
    };
    if let Some(other) = kept.iter().find(|other| other.purpose != purpose) {
        return Err(KeyError::WrongPurpose { purpose: other.purpose, wanted: purpose.name() });
    }
    if let (AddMode::NewNameOrNextGeneration, Some(check_value)) = (place, key.check_value()) {
        if let Some(newest) = kept.last().filter(|newest| newest.check_value == check_value) {
            return Ok(AddDecision::AlreadyNewest(KeyListing::clone(newest)));
        }
        let older = kept.iter().map(|older| &older.check_value);
        if older.chain(&present.retired_check_values).any(|older| *older == check_value) {
            return Err(KeyError::RetiredKey(name));
        }
    }
    if !kept.is_empty() && derives_other_keys(purpose) {
        return Err(KeyError::BaseKeyNotRotatable { name, purpose });
    }
    if keys_in_store - dropped.len() >= KEYS_MAX {
        return Err(KeyError::Store(KeyStoreError::Full(keys_in_store)));
    }
    if kept.len() - dropped.len() >= GENERATIONS_MAX {
        return Err(KeyError::TooManyGenerations(name));
    }
    let newest = kept.last().map_or(0, |newest| newest.generation);
    let next = newest.checked_add(1).ok_or(KeyError::TooManyGenerations(name))?;
    Ok(AddDecision::Add(next, dropped.iter().map(|older| older.generation).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_check_value_is_removed_when_the_list_is_full() {
        let mut generations = KeyGenerations::<()>::default();
        let check_value = |number: usize| CheckValue::new([u8::try_from(number).unwrap(); 5]);
        for number in 0..=RETIRED_MAX {
            generations.retire(check_value(number));
            generations.retire(check_value(number));
        }
        assert_eq!(generations.retired_check_values.len(), RETIRED_MAX);
        assert!(!generations.retired_check_values.contains(&check_value(0)));
        assert!(generations.retired_check_values.ends_with(&[check_value(RETIRED_MAX)]));
    }
}
