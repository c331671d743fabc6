//! Chooses partitions for records without a key: one partition for a batch's worth of bytes, then
//! another at random (KIP-480, KIP-794), so that batches are full and partitions are evenly so.

use base::{Rng, SplitMix64};

/// The state for one topic.
#[derive(Debug)]
pub struct StickyPartitioner {
    batch_bytes: usize,
    partition: Option<u32>,
    bytes: usize,
    rng: SplitMix64,
}

impl StickyPartitioner {
    /// Switches every `batch_bytes`.
    pub fn new(batch_bytes: usize, seed: u64) -> Self {
        Self {
            batch_bytes: batch_bytes.max(1),
            partition: None,
            bytes: 0,
            rng: SplitMix64::new(seed),
        }
    }

    /// The partition for the next record, one of `available`: the partitions that have a leader, or
    /// all if none has.
    pub fn partition(&mut self, available: &[u32]) -> u32 {
        assert!(!available.is_empty(), "a topic has a partition");
        match self.partition {
            Some(partition) if available.binary_search(&partition).is_ok() => partition,
            _ => {
                let partition = available[self.rng.below(available.len() as u32) as usize];
                self.partition = Some(partition);
                self.bytes = 0;
                partition
            }
        }
    }

    /// A record of `bytes` went to the partition. `batch_is_new` says that it began a batch:
    /// switching there wastes none, switching within one leaves it half empty, which is put off
    /// until twice the size (KIP-794).
    pub fn record(&mut self, partition: u32, bytes: usize, batch_is_new: bool) {
        if self.partition != Some(partition) {
            return; // another thread has switched already
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let enough = self.bytes >= self.batch_bytes && batch_is_new;
        if enough || self.bytes >= self.batch_bytes.saturating_mul(2) {
            self.partition = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_kept_for_a_batch_and_all_get_their_share() {
        let mut sticky = StickyPartitioner::new(1000, 1);
        let available = [0, 1, 2, 3];
        let mut records = [0; 4];
        let mut switches = 0;
        let mut last = None;
        for index in 0..40_000 {
            let partition = sticky.partition(&available);
            switches += usize::from(last.replace(partition) != Some(partition));
            records[partition as usize] += 1;
            sticky.record(partition, 100, index % 10 == 9);
        }
        assert!(switches < 5_000, "{switches} switches");
        assert!(records.iter().all(|count| (8_000..12_000).contains(count)), "{records:?}");
    }

    #[test]
    fn a_partition_that_has_no_leader_any_more_is_left() {
        let mut sticky = StickyPartitioner::new(1000, 1);
        let first = sticky.partition(&[0, 1]);
        let other = 1 - first;
        assert_eq!(sticky.partition(&[other]), other);
    }

    #[test]
    fn a_batch_that_never_ends_is_left_at_twice_its_size() {
        let mut sticky = StickyPartitioner::new(100, 3);
        let partition = sticky.partition(&[7]);
        sticky.record(partition, 150, false);
        assert_eq!(sticky.partition, Some(7));
        sticky.record(partition, 50, false);
        assert_eq!(sticky.partition, None);
    }
}
