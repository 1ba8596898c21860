//! Parties by identifier, and by the small number that records use for them.

use std::hash::Hash;

use chunks::Chunked;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Something that is registered once and stays.
pub(crate) trait Registered {
    /// Its identifier.
    type Id: Copy + Eq + Hash;
    /// Its identifier.
    fn id(&self) -> Self::Id;
}

/// All parties of a kind, numbered in the order of their registration.
#[derive(Clone, Debug)]
pub(crate) struct Registry<T: Registered> {
    numbers: HashMap<T::Id, u32, FixedState>,
    parties: Chunked<T>,
}

impl<T: Registered> Default for Registry<T> {
    fn default() -> Self {
        Registry { numbers: HashMap::default(), parties: Chunked::default() }
    }
}

impl<T: Registered> Registry<T> {
    #[inline]
    pub(crate) fn number(&self, id: T::Id) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    pub(crate) fn find(&self, id: T::Id) -> Option<&T> {
        self.number(id).map(|number| self.get(number))
    }

    /// The party with a number that a record holds.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &T {
        self.parties.get(number as usize).expect("records hold numbers of parties that are there")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.parties.iter()
    }

    pub(crate) fn parties(&self) -> &Chunked<T> {
        &self.parties
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.parties.len()).expect("fewer than 2³² parties")
    }
}

impl<T: Registered + Clone + Default> Registry<T> {
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut T {
        self.parties
            .get_mut(number as usize)
            .expect("records hold numbers of parties that are there")
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
