//! The ring's arithmetic: where the next group goes, which file may be used again, and when the
//! ring grows.
//!
//! A file is free once a *durable* group tells recovery not to look at it (its `replay from` lies
//! above the file's last group). If a file were free as soon as its segments are synced, a crash in
//! the middle of overwriting it would leave half of the old groups for recovery to stumble over.

use super::BLOCK_BYTES;

/// A place in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The index of the file.
    pub(super) slot: usize,
    /// The block in it.
    pub(super) block: usize,
}

impl Place {
    /// The byte at which the place starts.
    pub(super) fn position(self) -> u64 {
        (self.block * BLOCK_BYTES) as u64
    }
}

/// What the ring says to a group that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it there.
    At(Place),
    /// Make the file of this number first.
    Grow(u32),
    /// Move the replay position first: files wait for nothing else to become free.
    Checkpoint(Place),
    /// Sync segments first: the ring has its full size and every file is needed.
    Full,
}

/// One file of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The number in the file's name.
    pub(super) number: u32,
    /// Its size, the reserved block included.
    pub(super) blocks: usize,
    /// The first and the last sequence of its groups.
    pub(super) groups: Option<(u64, u64)>,
}

/// The state of the ring.
#[derive(Debug)]
pub(super) struct Ring {
    slots: Vec<Slot>,
    /// The file that is being filled, and its first block that holds nothing.
    current: Option<Place>,
    next_sequence: u64,
    /// What recovery would replay from, as the last durable group says.
    replay_from: u64,
    /// What it need replay from, as the segments are synced.
    released_to: u64,
    files_max: usize,
}

impl Ring {
    /// The ring as recovery found it.
    pub(super) fn recovered(
        slots: Vec<Slot>,
        current: Option<Place>,
        next_sequence: u64,
        replay_from: u64,
        files_max: usize,
    ) -> Self {
        assert!(files_max >= 2, "the file in use is never free: a ring of one could not turn");
        assert!(replay_from <= next_sequence, "what is not written yet need not be replayed");
        Self { slots, current, next_sequence, replay_from, released_to: replay_from, files_max }
    }

    /// Adds a file, which no group has touched.
    pub(super) fn add(&mut self, number: u32, blocks: usize) {
        assert!(!self.has(number), "a file is made once");
        self.slots.push(Slot { number, blocks, groups: None });
    }

    /// Notes that the group at `place` is durable, `blocks` long, and told recovery to start at
    /// `replay_from`.
    pub(super) fn committed(&mut self, place: Place, blocks: usize, replay_from: u64) {
        let sequence = self.next_sequence;
        assert!(replay_from >= self.replay_from, "the replay position never goes back");
        assert!(replay_from <= self.released_to, "only what segments hold is let go");
        let slot = &mut self.slots[place.slot];
        assert!(place.block + blocks <= slot.blocks, "a group lies inside its file");
        slot.groups = match slot.groups {
            Some((first, _)) if place.block > 0 => Some((first, sequence)),
            _ => Some((sequence, sequence)),
        };
        self.current = Some(Place { slot: place.slot, block: place.block + blocks });
        self.next_sequence = sequence + 1;
        self.replay_from = replay_from;
    }

    /// Notes that the segments hold durably what groups below `sequence` hold.
    pub(super) fn release(&mut self, sequence: u64) {
        assert!(sequence <= self.next_sequence, "what is not written yet cannot be released");
        self.released_to = self.released_to.max(sequence);
    }

    /// Where a group of `blocks` blocks goes.
    pub(super) fn place(&self, blocks: usize) -> Verdict {
        if let Some(current) = self.current
            && current.block + blocks < self.slots[current.slot].blocks
        {
            return Verdict::At(current);
        }
        let fits = |slot: &Slot| blocks < slot.blocks;
        if let Some(slot) = self.free_slot(self.replay_from, fits) {
            return Verdict::At(Place { slot, block: 0 });
        }
        if let Some(place) = self.checkpoint_place()
            && self.free_slot(self.released_to, fits).is_some()
        {
            return Verdict::Checkpoint(place);
        }
        if self.slots.len() < self.files_max {
            Verdict::Grow(self.next_number())
        } else {
            Verdict::Full
        }
    }

    /// Where an empty group that only moves the replay position goes; none if the position would
    /// stay, or if there is no room for it (then the next group, in another file, moves it).
    pub(super) fn checkpoint_place(&self) -> Option<Place> {
        let current = self.current?;
        let moves = self.released_to > self.replay_from;
        (moves && current.block < self.slots[current.slot].blocks).then_some(current)
    }

    /// The sequence of the next group.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// What the next group should tell recovery.
    pub(super) fn released_to(&self) -> u64 {
        self.released_to
    }

    /// Whether there is a file of this number.
    pub(super) fn has(&self, number: u32) -> bool {
        self.slots.iter().any(|slot| slot.number == number)
    }

    /// The number of files, and of those among them that hold groups which are not released.
    pub(super) fn usage(&self) -> (usize, usize) {
        let needed = |slot: &&Slot| slot.groups.is_some_and(|(_, last)| last >= self.released_to);
        (self.slots.len(), self.slots.iter().filter(needed).count())
    }

    /// The number of the file to make ahead of need: the file in use is half full and no other is
    /// free.
    pub(super) fn spare_wanted(&self) -> Option<u32> {
        let current = self.current?;
        let half_full = current.block * 2 >= self.slots[current.slot].blocks;
        let has_spare = self.free_slot(self.released_to, |_| true).is_some();
        (half_full && !has_spare && self.slots.len() < self.files_max).then(|| self.next_number())
    }

    /// The number of the file at `slot`.
    pub(super) fn number(&self, slot: usize) -> u32 {
        self.slots[slot].number
    }

    fn next_number(&self) -> u32 {
        self.slots.iter().map(|slot| slot.number + 1).max().unwrap_or(0)
    }

    /// The file whose groups are the oldest among those that recovery, starting at `replay_from`,
    /// does not look at.
    fn free_slot(&self, replay_from: u64, fits: impl Fn(&Slot) -> bool) -> Option<usize> {
        let in_use = self.current.map(|current| current.slot);
        let is_free = |slot: &Slot| slot.groups.is_none_or(|(_, last)| last < replay_from);
        (0..self.slots.len())
            .filter(|&index| Some(index) != in_use)
            .filter(|&index| is_free(&self.slots[index]) && fits(&self.slots[index]))
            .min_by_key(|&index| self.slots[index].groups)
    }
}

#[cfg(test)]
mod tests {
    use base::{Rng, SplitMix64};

    use super::*;

    const BLOCKS: usize = 8;

    fn empty(files_max: usize) -> Ring {
        Ring::recovered(Vec::new(), None, 1, 1, files_max)
    }

    /// A ring of files with 8 blocks that writes what it is told, as the journal does.
    fn write(ring: &mut Ring, blocks: usize) -> Result<Place, Verdict> {
        loop {
            match ring.place(blocks) {
                Verdict::At(place) => {
                    ring.committed(place, blocks, ring.released_to());
                    return Ok(place);
                }
                Verdict::Grow(number) => ring.add(number, BLOCKS),
                Verdict::Checkpoint(place) => ring.committed(place, 1, ring.released_to()),
                Verdict::Full => return Err(Verdict::Full),
            }
        }
    }

    #[test]
    fn the_first_group_makes_the_first_file() {
        let mut ring = empty(4);
        assert_eq!(ring.place(1), Verdict::Grow(0));
        assert_eq!(write(&mut ring, 2), Ok(Place { slot: 0, block: 0 }));
        assert_eq!(write(&mut ring, 2), Ok(Place { slot: 0, block: 2 }));
        assert_eq!(ring.next_sequence(), 3);
    }

    #[test]
    fn a_group_that_does_not_fit_goes_to_the_next_file_and_leaves_the_reserved_block() {
        let mut ring = empty(4);
        write(&mut ring, 7).expect("room");
        assert_eq!(ring.place(1), Verdict::Grow(1));
        assert_eq!(write(&mut ring, 1), Ok(Place { slot: 1, block: 0 }));
    }

    #[test]
    fn a_released_file_is_used_again_only_when_a_durable_group_says_so() {
        let mut ring = empty(2);
        write(&mut ring, 7).expect("room");
        write(&mut ring, 7).expect("room");
        assert_eq!(ring.place(1), Verdict::Full);
        ring.release(2);
        assert_eq!(ring.place(1), Verdict::Checkpoint(Place { slot: 1, block: 7 }));
        ring.committed(Place { slot: 1, block: 7 }, 1, 2);
        assert_eq!(ring.place(1), Verdict::At(Place { slot: 0, block: 0 }));
    }

    #[test]
    fn the_file_in_use_is_never_free() {
        let mut ring = empty(2);
        write(&mut ring, 7).expect("room");
        ring.release(2);
        assert_eq!(ring.place(7), Verdict::Grow(1));
    }

    #[test]
    fn a_spare_is_wanted_when_the_file_in_use_is_half_full_and_none_is_free() {
        let mut ring = empty(2);
        assert_eq!(ring.spare_wanted(), None, "an idle directory makes no file");
        write(&mut ring, 3).expect("room");
        assert_eq!(ring.spare_wanted(), None);
        write(&mut ring, 1).expect("room");
        assert_eq!(ring.spare_wanted(), Some(1));
        ring.add(1, BLOCKS);
        assert_eq!(ring.spare_wanted(), None);
    }

    #[test]
    fn usage_counts_the_files_that_are_not_released() {
        let mut ring = empty(4);
        write(&mut ring, 7).expect("room");
        write(&mut ring, 7).expect("room");
        assert_eq!(ring.usage(), (2, 2));
        ring.release(2);
        assert_eq!(ring.usage(), (2, 1));
        ring.release(3);
        assert_eq!(ring.usage(), (2, 0));
    }

    #[test]
    fn no_group_that_recovery_needs_is_ever_overwritten() {
        for seed in 0..200 {
            let mut rng = SplitMix64::new(seed);
            let mut ring = empty(2 + rng.below(4) as usize);
            // What lies on each block of each file: the sequence of the group.
            let mut disk: Vec<[u64; BLOCKS]> = Vec::new();
            for _ in 0..300 {
                if rng.below(3) == 0 {
                    let window = ring.next_sequence() - ring.released_to();
                    let by = u64::from(rng.below(window as u32 + 1));
                    ring.release(ring.released_to() + by);
                }
                let blocks = 1 + rng.below(7) as usize;
                let (place, blocks) = match ring.place(blocks) {
                    Verdict::At(place) => (place, blocks),
                    Verdict::Checkpoint(place) => (place, 1),
                    Verdict::Grow(number) => {
                        ring.add(number, BLOCKS);
                        disk.push([0; BLOCKS]);
                        continue;
                    }
                    Verdict::Full => continue,
                };
                for block in &mut disk[place.slot][place.block..place.block + blocks] {
                    assert!(*block < ring.replay_from, "seed {seed}: group {block} is needed");
                    *block = ring.next_sequence();
                }
                ring.committed(place, blocks, ring.released_to());
            }
        }
    }
}
