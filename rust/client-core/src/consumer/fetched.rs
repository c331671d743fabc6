//! Fetched batches of one partition: handed out whole where possible, cut by offset where a limit
//! falls inside one.

use std::collections::VecDeque;

use base::TopicPartition;
use bytes::Bytes;
use records::{BatchError, OwnedRecord, RecordBatch};

/// Records of one partition, in the batches they came in. They share the buffer of the fetch.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Which partition.
    pub topic_partition: TopicPartition,
    /// The batches, none of them a control batch or of an aborted transaction that is not to be
    /// seen.
    pub batches: Vec<RecordBatch>,
    /// What was fetched of the partition at once, which the batches are slices of.
    pub bytes: Bytes,
    /// Records below this offset are not meant, though the first batch may hold some.
    pub start: i64,
    /// Nor are records from this offset on, though the last batch may hold some. The next ones
    /// start here.
    pub end: i64,
    /// The partition's high watermark when this was fetched.
    pub high_watermark: i64,
    /// The partition's log start when this was fetched.
    pub log_start: i64,
    /// Which assignment of the partition it was read in ([`super::Consumer::tenure`]).
    pub tenure: u64,
}

impl Fetched {
    /// No more than this many records are meant. Where compaction has left gaps there may be fewer.
    pub fn rows_max(&self) -> usize {
        self.batches.iter().map(|batch| rows_max(batch, self.start, self.end)).sum()
    }

    /// The records that are meant; each batch is decompressed once.
    pub fn records(&self) -> impl Iterator<Item = Result<OwnedRecord, BatchError>> + '_ {
        let meant = self.start..self.end;
        self.batches
            .iter()
            .flat_map(|batch| match batch.records() {
                Ok(records) => records.owned().collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            })
            .filter(move |record| match record {
                Ok(record) => meant.contains(&record.offset.0),
                Err(_) => true,
            })
    }
}

/// What one fetch brought for a partition and has not been handed out.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) batches: VecDeque<RecordBatch>,
    /// The bytes that the batches are slices of.
    pub(super) bytes: Bytes,
    /// The next offset to hand out.
    pub(super) start: i64,
    /// The offset that follows the run, filtered batches included.
    pub(super) end: i64,
    pub(super) high_watermark: i64,
    pub(super) log_start: i64,
}

impl Run {
    /// The bytes that the run counts for in the prefetch budget.
    pub(super) fn size_bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.bytes().len() as u64).sum()
    }

    /// Takes at most `rows` records off the front; at least one if there is one, unless `rows` is
    /// 0. What is left of the run may be empty, and so may what is taken: then it only moves the
    /// position.
    pub(super) fn take(&mut self, topic_partition: &TopicPartition, rows: usize) -> Fetched {
        let mut taken = Fetched {
            topic_partition: topic_partition.clone(),
            batches: Vec::new(),
            bytes: self.bytes.clone(),
            start: self.start,
            end: self.end,
            high_watermark: self.high_watermark,
            log_start: self.log_start,
            tenure: 0,
        };
        let mut left = rows;
        while let Some(batch) = self.batches.front() {
            let batch_rows = rows_max(batch, self.start, self.end);
            if batch_rows > left {
                let from = self.start.max(batch.header().base_offset.0);
                taken.end = from + i64::try_from(left).unwrap_or(i64::MAX);
                if left > 0 {
                    taken.batches.push(batch.clone());
                }
                self.start = taken.end;
                return taken;
            }
            left -= batch_rows;
            taken.batches.extend(self.batches.pop_front());
        }
        self.start = self.end;
        taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// No more than this many records of `batch` lie in `start..end`.
fn rows_max(batch: &RecordBatch, start: i64, end: i64) -> usize {
    let header = batch.header();
    let first = header.base_offset.0.max(start);
    let span = header.next_offset().0.min(end).saturating_sub(first);
    let count = usize::try_from(header.record_count).unwrap_or(0);
    count.min(usize::try_from(span).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use records::{BatchBuilder, Compression, ProducerStamp};

    use super::*;

    fn batch(base_offset: i64, records: usize) -> RecordBatch {
        let mut builder = BatchBuilder::new(1 << 16);
        for index in 0..records {
            builder.try_append(index as i64, None, Some(b"v"), &[]).unwrap();
        }
        let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
        let mut bytes = bytes.to_vec();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        RecordBatch::parse(bytes.into()).unwrap()
    }

    fn run() -> Run {
        let batches = [batch(0, 10), batch(10, 10)].into();
        Run { batches, bytes: Bytes::new(), start: 3, end: 20, high_watermark: 20, log_start: 0 }
    }

    fn offsets(fetched: &Fetched) -> Vec<i64> {
        fetched.records().map(|record| record.unwrap().offset.0).collect()
    }

    #[test]
    fn every_record_is_handed_out_once_however_small_the_helpings() {
        for rows in 1..25 {
            let (mut run, mut seen) = (run(), Vec::new());
            while !run.is_empty() {
                let fetched = run.take(&TopicPartition::new("t", 0), rows);
                assert!(fetched.rows_max() <= rows);
                seen.extend(offsets(&fetched));
            }
            assert_eq!(seen, (3..20).collect::<Vec<_>>(), "in helpings of {rows}");
        }
    }

    #[test]
    fn a_helping_of_nothing_moves_nothing() {
        let mut run = run();
        let fetched = run.take(&TopicPartition::new("t", 0), 0);
        assert_eq!((fetched.rows_max(), fetched.start, fetched.end, run.start), (0, 3, 3, 3));
    }

    #[test]
    fn a_run_without_batches_only_moves_the_position() {
        let (batches, bytes) = (VecDeque::new(), Bytes::new());
        let mut run = Run { batches, bytes, start: 3, end: 9, high_watermark: 9, log_start: 0 };
        let fetched = run.take(&TopicPartition::new("t", 0), 5);
        assert_eq!((fetched.rows_max(), fetched.end), (0, 9));
        assert!(run.is_empty());
    }
}
