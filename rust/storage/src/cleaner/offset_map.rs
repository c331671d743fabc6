//! The last offset of every key of a part of a log, in bounded memory: keys are known by a hash of
//! 128 bits. The hash is keyed: nobody can write two keys that the cleaner takes for one.
//!
//! ```text
//! slot:   | hash, 16 bytes | offset + 1, 8 bytes |    all zero: free
//! ```
//!
//! A key lies in the first slot from the one that its hash names that is its own or free.

use std::hash::Hasher as _;

use base::Offset;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

type Slot = [u64; 3];

const SLOT_BYTES: u64 = size_of::<Slot>() as u64;

/// How much a map may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OffsetMapLimits {
    pub(crate) bytes_max: u64,
    /// The part of the slots that is filled at the most.
    pub(crate) load_factor: f64,
}

#[derive(Debug)]
pub(crate) struct OffsetMap {
    hash_key: [u8; 16],
    slots: Vec<Slot>,
    entries: usize,
    entries_max: usize,
    latest: Option<Offset>,
}

impl OffsetMap {
    /// A map for `entries` keys at the most, or as many of them as the limits allow, and one at
    /// least.
    pub(crate) fn new(entries: u64, limits: &OffsetMapLimits, hash_key: [u8; 16]) -> Self {
        let load_factor = limits.load_factor.clamp(0.01, 0.99);
        let wanted = (entries.max(1) as f64 / load_factor).ceil() as u64 + 1;
        let slots = wanted.min(limits.bytes_max / SLOT_BYTES).max(2);
        let entries_max = ((slots as f64 * load_factor) as usize).max(1);
        Self {
            hash_key,
            slots: vec![[0; 3]; slots as usize],
            entries: 0,
            entries_max,
            latest: None,
        }
    }

    /// What it takes of the memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.len() as u64 * SLOT_BYTES
    }

    /// What its keys alone take.
    pub(crate) fn entry_bytes(&self) -> u64 {
        self.entries as u64 * SLOT_BYTES
    }

    /// Whether no further key may come.
    pub(crate) fn is_full(&self) -> bool {
        self.entries >= self.entries_max
    }

    /// Notes that `key` is at `offset`, after all that was noted before.
    pub(crate) fn put(&mut self, key: &[u8], offset: Offset) {
        assert!(!self.is_full(), "a full map of offsets takes no key");
        let hash = self.hash(key);
        let slot = self.slot(hash);
        if self.slots[slot][2] == 0 {
            self.entries += 1;
        }
        self.slots[slot] = [hash[0], hash[1], (offset.0 + 1) as u64];
        self.latest = Some(offset);
    }

    /// The last offset of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Offset> {
        let slot = self.slots[self.slot(self.hash(key))];
        (slot[2] != 0).then(|| Offset(slot[2] as i64 - 1))
    }

    /// The map knows of all records up to this offset.
    pub(crate) fn pass(&mut self, offset: Offset) {
        self.latest = self.latest.max(Some(offset));
    }

    /// The offset up to which the map knows the records.
    pub(crate) fn latest(&self) -> Option<Offset> {
        self.latest
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(key);
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    /// The slot of the key, or a free one where it would lie. There is a free one: the map never
    /// fills.
    fn slot(&self, hash: [u64; 2]) -> usize {
        let mut slot = (hash[0] % self.slots.len() as u64) as usize;
        loop {
            let [first, second, offset] = self.slots[slot];
            if offset == 0 || [first, second] == hash {
                return slot;
            }
            slot = (slot + 1) % self.slots.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: OffsetMapLimits = OffsetMapLimits { bytes_max: 24 * 100, load_factor: 0.9 };

    fn map(entries: u64) -> OffsetMap {
        OffsetMap::new(entries, &LIMITS, [7; 16])
    }

    #[test]
    fn the_last_offset_of_each_key_is_known_and_zero_is_one() {
        let mut map = map(10);
        assert_eq!((map.get(b"a"), map.latest()), (None, None));
        map.put(b"a", Offset(0));
        map.put(b"", Offset(1));
        assert_eq!(
            (map.get(b"a"), map.get(b""), map.get(b"b")),
            (Some(Offset(0)), Some(Offset(1)), None)
        );
        map.put(b"a", Offset(5));
        assert_eq!((map.get(b"a"), map.latest()), (Some(Offset(5)), Some(Offset(5))));
        map.pass(Offset(9));
        map.pass(Offset(3));
        assert_eq!(map.latest(), Some(Offset(9)));
    }

    #[test]
    fn memory_is_bounded_and_no_more_is_taken_than_is_needed() {
        let mut full = map(1_000_000);
        assert_eq!(full.slots.len(), 100);
        for key in 0..90_i64 {
            assert!(!full.is_full());
            full.put(&key.to_be_bytes(), Offset(key));
        }
        assert!(full.is_full());
        assert!((0..90_i64).all(|key| full.get(&key.to_be_bytes()) == Some(Offset(key))));
        let mut small = map(3);
        assert!(small.slots.len() <= 6);
        for key in 0..3_i64 {
            assert!(!small.is_full(), "it has room for what it was made for");
            small.put(&key.to_be_bytes(), Offset(key));
        }
        let none = OffsetMapLimits { bytes_max: 0, load_factor: 0.9 };
        let one = OffsetMap::new(5, &none, [0; 16]);
        assert!(!one.is_full(), "one key always has room");
        assert_eq!((one.bytes(), one.entry_bytes()), (48, 0));
        assert_eq!(small.entry_bytes(), 72);
    }

    proptest! {
        #[test]
        fn a_map_of_offsets_is_a_map(keys in prop::collection::vec(0..60_u8, 0..200)) {
            let (mut map, mut model) = (map(60), BTreeMap::new());
            for (offset, key) in keys.into_iter().enumerate() {
                if map.is_full() {
                    break;
                }
                map.put(&[key], Offset(offset as i64));
                model.insert(key, Offset(offset as i64));
            }
            for key in 0..60 {
                prop_assert_eq!(map.get(&[key]), model.get(&key).copied());
            }
        }
    }
}
