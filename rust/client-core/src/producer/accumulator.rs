//! The open batch of one partition, written in the wire format as records arrive.
//!
//! The caller's thread holds a lock on this for as long as it takes to copy a record, and no
//! longer: sealing hands the batch over as it is, to be stamped, compressed and checksummed
//! elsewhere.

use base::Instant;
use records::{AppendError, BatchBuilder, Header};

/// A record to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// What it is about, if anything; it chooses the partition.
    pub key: Option<&'a [u8]>,
    /// What it says; `None` deletes the key from a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Its headers; a key may come twice.
    pub headers: &'a [Header<'a>],
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// The most bytes that a record adds beyond its key, value and headers: its length, attributes,
/// timestamp delta, offset delta, key length, value length and header count as varints.
const RECORD_OVERHEAD_BYTES_MAX: usize = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/// The most bytes that a header adds beyond its key and value: both lengths.
const HEADER_OVERHEAD_BYTES_MAX: usize = 5 + 5;

impl NewRecord<'_> {
    /// No batch that holds only this record is larger.
    pub fn batch_bytes_max(&self) -> usize {
        let header_bytes = |header: &Header<'_>| {
            HEADER_OVERHEAD_BYTES_MAX + header.key.len() + header.value.map_or(0, <[u8]>::len)
        };
        let bytes = records::HEADER_BYTES
            + RECORD_OVERHEAD_BYTES_MAX
            + self.key.map_or(0, <[u8]>::len)
            + self.value.map_or(0, <[u8]>::len);
        self.headers.iter().map(header_bytes).fold(bytes, usize::saturating_add)
    }
}

/// A batch to which nothing is added any more. `T` is whatever its owner wants back with the
/// result.
#[derive(Debug)]
pub struct SealedBatch<T> {
    /// The records, neither stamped nor compressed.
    pub builder: BatchBuilder,
    /// When its first record came.
    pub created_at: Instant,
    /// What its owner wants back.
    pub payload: T,
}

/// One partition's open batch, if it has one.
#[derive(Debug)]
pub struct Accumulator<T> {
    open: Option<SealedBatch<T>>,
}

impl<T> Default for Accumulator<T> {
    fn default() -> Self {
        Self { open: None }
    }
}

impl<T> Accumulator<T> {
    /// Appends to the open batch: the record's place in it, and the batch's payload. `None` if
    /// there is no batch or no room in it: then [`Self::seal`] and [`Self::open`].
    #[inline]
    pub fn try_append(&mut self, record: &NewRecord<'_>) -> Result<Option<(u32, &T)>, AppendError> {
        let Some(open) = &mut self.open else { return Ok(None) };
        let NewRecord { key, value, headers, timestamp_ms } = *record;
        match open.builder.try_append(timestamp_ms, key, value, headers) {
            Ok(index) => Ok(Some((index.unsigned_abs(), &open.payload))),
            Err(AppendError::Full) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the open batch away.
    pub fn seal(&mut self) -> Option<SealedBatch<T>> {
        self.open.take()
    }

    /// Opens a batch of at most `batch_bytes`, or as large as its first record.
    pub fn open(&mut self, batch_bytes: usize, created_at: Instant, payload: T) {
        assert!(self.open.is_none(), "a partition has one open batch at a time");
        self.open =
            Some(SealedBatch { builder: BatchBuilder::new(batch_bytes), created_at, payload });
    }

    /// The number of records in the open batch.
    pub fn record_count(&self) -> i32 {
        self.open.as_ref().map_or(0, |open| open.builder.record_count())
    }

    /// Whether no batch is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_none()
    }
}

#[cfg(test)]
mod tests {
    use records::{Compression, ProducerStamp};

    use super::*;

    fn record(value: &[u8]) -> NewRecord<'_> {
        NewRecord { value: Some(value), ..NewRecord::default() }
    }

    #[test]
    fn records_join_the_open_batch_until_it_is_full() {
        let mut accumulator = Accumulator::default();
        assert!(accumulator.try_append(&record(b"a")).unwrap().is_none());
        accumulator.open(200, Instant(7), "first");
        for index in 0.. {
            match accumulator.try_append(&record(&[0; 20])).unwrap() {
                Some((place, payload)) => assert_eq!((place, *payload), (index, "first")),
                None => break,
            }
        }
        let sealed = accumulator.seal().unwrap();
        assert_eq!((sealed.created_at, sealed.payload), (Instant(7), "first"));
        assert!(sealed.builder.record_count() >= 4);
        assert!(accumulator.is_empty());
    }

    #[test]
    fn no_batch_of_one_record_is_larger_than_foretold() {
        let headers = [Header::new("key", Some(b"value")), Header::new("", None)];
        let large = vec![1; 1 << 20];
        for record in [
            record(&large),
            record(b""),
            NewRecord { key: Some(b"k"), headers: &headers, timestamp_ms: -1, ..record(b"v") },
        ] {
            let mut accumulator = Accumulator::default();
            accumulator.open(0, Instant::default(), ());
            assert!(accumulator.try_append(&record).unwrap().is_some());
            let sealed = accumulator.seal().unwrap();
            let batch = sealed.builder.finish(&ProducerStamp::NONE, Compression::default());
            assert!(batch.unwrap().len() <= record.batch_bytes_max());
        }
    }
}
