//! Parties by id, and by the small number that records use.

use std::hash::Hash;

use chunks::ChunkedVec;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// A party that is registered once and stays.
pub(crate) trait RegisteredParty {
    type Id: Copy + Eq + Hash;
    fn id(&self) -> Self::Id;
}

/// Parties of one kind, numbered in order of registration.
#[derive(Clone, Debug)]
pub(crate) struct Registry<T: RegisteredParty> {
    numbers: HashMap<T::Id, u32, FixedState>,
    parties: ChunkedVec<T>,
}

impl<T: RegisteredParty> Default for Registry<T> {
    fn default() -> Self {
        Registry { numbers: HashMap::default(), parties: ChunkedVec::default() }
    }
}

impl<T: RegisteredParty> Registry<T> {
    #[inline]
    pub(crate) fn number(&self, id: T::Id) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    pub(crate) fn find(&self, id: T::Id) -> Option<&T> {
        self.number(id).map(|number| self.get(number))
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> &T {
        self.parties.get(number as usize).expect("records hold numbers of registered parties")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.parties.iter()
    }

    pub(crate) fn parties(&self) -> &ChunkedVec<T> {
        &self.parties
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.parties.len()).expect("fewer than 2³² parties")
    }
}

impl<T: RegisteredParty + Clone + Default> Registry<T> {
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut T {
        self.parties.get_mut(number as usize).expect("records hold numbers of registered parties")
    }

    pub(crate) fn add(&mut self, party: T) -> u32 {
        let id = party.id();
        let place = self.parties.push(party);
        let number = u32::try_from(place).expect("fewer than 2³² parties");
        let before = self.numbers.insert(id, number);
        assert!(before.is_none(), "a party is registered once");
        number
    }
}
