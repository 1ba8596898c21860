//! Finds slots of records by a hash of what is in the record. The table keeps slots only: five
//! bytes each at full load.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Shards of a table. One that grows moves its own entries only, and all entries of one fit into
/// the processor's cache while it is built.
const SHARDS: usize = 256;

/// A built table has room for one entry more for each of this many: the first commands after a
/// restart must not move what was just put in its place.
const BUILT_ROOM: usize = 8;

/// A hash of a record's key. Its parts choose the shard (bits 17 to 24), and the place (the lowest
/// bits) and the tag (the highest) within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotHash(u32);

impl SlotHash {
    #[inline]
    pub(crate) fn of(key: impl Hash) -> SlotHash {
        SlotHash((FixedState::default().hash_one(key) >> 32) as u32)
    }

    fn shard(self) -> usize {
        (self.0 >> 17) as usize % SHARDS
    }

    fn in_shard(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// Slots by hash, in no defined order. Whoever looks for a slot compares its record.
#[derive(Clone, Debug)]
pub(crate) struct SlotTable(Vec<HashTable<u32>>);

impl Default for SlotTable {
    fn default() -> Self {
        SlotTable(vec![HashTable::default(); SHARDS])
    }
}

impl SlotTable {
    #[inline]
    pub(crate) fn find(&self, hash: SlotHash, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.0[hash.shard()].find(hash.in_shard(), |&slot| is_it(slot)).copied()
    }

    /// The slots that may have this hash.
    pub(crate) fn with_hash(&self, hash: SlotHash) -> impl Iterator<Item = u32> {
        self.0[hash.shard()].iter_hash(hash.in_shard()).copied()
    }

    /// Adds a slot. `hash_of` gives the hash of a slot that is in the table.
    pub(crate) fn add(&mut self, hash: SlotHash, slot: u32, hash_of: impl Fn(u32) -> SlotHash) {
        let rehash = |&slot: &u32| hash_of(slot).in_shard();
        self.0[hash.shard()].insert_unique(hash.in_shard(), slot, rehash);
    }

    /// Puts another slot in the place of one that is in the table.
    #[inline]
    pub(crate) fn replace(&mut self, hash: SlotHash, from: u32, to: u32) {
        let entry = self.0[hash.shard()].find_mut(hash.in_shard(), |&slot| slot == from);
        *entry.expect("a slot that changes is in the table") = to;
    }

    pub(crate) fn remove(&mut self, hash: SlotHash, slot: u32) {
        let entry = self.0[hash.shard()].find_entry(hash.in_shard(), |&other| other == slot);
        entry.expect("a slot that is removed is in the table").remove();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(HashTable::len).sum()
    }
}

/// Collects the entries of a table, to build one shard after the other.
#[derive(Debug)]
pub(crate) struct SlotTableBuilder(Vec<Vec<(SlotHash, u32)>>);

impl Default for SlotTableBuilder {
    fn default() -> Self {
        SlotTableBuilder(vec![Vec::new(); SHARDS])
    }
}

impl SlotTableBuilder {
    #[inline]
    pub(crate) fn add(&mut self, hash: SlotHash, slot: u32) {
        self.0[hash.shard()].push((hash, slot));
    }

    /// The table of all slots to `keep`.
    pub(crate) fn finish(self, keep: impl Fn(u32) -> bool) -> SlotTable {
        let mut table = SlotTable::default();
        for (mut entries, shard) in self.0.into_iter().zip(&mut table.0) {
            entries.retain(|(_, slot)| keep(*slot));
            let room = entries.len() / BUILT_ROOM;
            shard.reserve(entries.len() + room, |_| unreachable!("it is empty"));
            for (hash, slot) in entries {
                shard.insert_unique(hash.in_shard(), slot, |_| unreachable!("it has room"));
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Slot n has the key n / 2.
    fn hash_of(slot: u32) -> SlotHash {
        SlotHash::of(slot / 2)
    }

    fn slots(table: &SlotTable, key: u32) -> Vec<u32> {
        let hash = SlotHash::of(key);
        let mut found: Vec<u32> = table.with_hash(hash).filter(|slot| slot / 2 == key).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_built_table_has_what_an_added_one_has() {
        let (mut added, mut built) = (SlotTable::default(), SlotTableBuilder::default());
        for slot in (0..20_000).filter(|slot| slot % 3 != 0) {
            added.add(hash_of(slot), slot, hash_of);
        }
        (0..20_000).for_each(|slot| built.add(hash_of(slot), slot));
        let built = built.finish(|slot| slot % 3 != 0);
        assert_eq!((added.len(), built.len()), (13_333, 13_333));
        for key in 0..10_001 {
            assert_eq!(slots(&added, key), slots(&built, key), "key {key}");
        }
    }

    #[test]
    fn a_slot_is_replaced_or_removed_alone() {
        let mut table = SlotTable::default();
        (0..10).for_each(|slot| table.add(hash_of(slot), slot, hash_of));
        table.replace(hash_of(4), 4, 11);
        table.remove(hash_of(6), 6);
        assert_eq!(table.find(hash_of(4), |slot| slot == 11), Some(11));
        assert_eq!(table.find(hash_of(4), |slot| slot == 4), None);
        assert_eq!((slots(&table, 3), table.len()), (vec![7], 9));
    }

    #[test]
    fn a_built_table_has_room_for_the_first_commands() {
        // As many as fit just into the shards that have no room.
        let entries = 110_000;
        let mut built = SlotTableBuilder::default();
        (0..entries).for_each(|slot| built.add(hash_of(slot), slot));
        let mut table = built.finish(|_| true);
        for slot in entries..entries + entries / 16 {
            table.add(hash_of(slot), slot, |_| panic!("an entry moves for slot {slot}"));
        }
    }

    /// A day must not wait until millions of entries have moved.
    #[test]
    fn a_built_table_that_grows_moves_few_entries_at_a_time() {
        let mut built = SlotTableBuilder::default();
        (0..200_000).for_each(|slot| built.add(hash_of(slot), slot));
        let mut table = built.finish(|_| true);
        let moved = Cell::new(0);
        let counted = |slot| {
            moved.set(moved.get() + 1);
            hash_of(slot)
        };
        let mut most = 0;
        for slot in 200_000..500_000 {
            moved.set(0);
            table.add(hash_of(slot), slot, counted);
            most = most.max(moved.get());
        }
        assert!(most > 0, "some shard grows");
        assert!(most < 500_000 / 100, "{most} entries moved for one");
    }
}
