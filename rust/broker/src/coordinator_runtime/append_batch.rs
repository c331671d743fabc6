//! A batch of coordinator records as it grows: as many decisions as there are at once, none of them
//! cut in two.

use base::codec::EncodeError;
use bytes::Bytes;
use coordinator::CoordinatorRecord;
use records::{BatchBuilder, CompressionType, ProducerStamp};
use thiserror::Error;

/// What is reserved for a batch: enough for most turns.
const CAPACITY_BYTES: usize = 4 * 1024;

/// Records that will be appended in one piece.
#[derive(Debug)]
pub(crate) struct AppendBatch {
    builder: BatchBuilder,
    bytes_max: usize,
}

/// Why the records of a decision cannot be appended.
#[derive(Debug, Error)]
pub(crate) enum AddError {
    /// They belong into the next batch.
    #[error("the batch is full")]
    Full,
    /// They fit into no batch.
    #[error("{records} records do not fit into a batch of {bytes_max} bytes (max.message.bytes)")]
    TooLarge { records: usize, bytes_max: usize },
    /// They cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl AppendBatch {
    /// An empty batch of at most `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { builder: BatchBuilder::with_capacity(bytes_max, CAPACITY_BYTES), bytes_max }
    }

    /// Whether there is nothing to append.
    pub(crate) fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// Adds all records of a decision, or none of them.
    pub(crate) fn add(
        &mut self,
        timestamp_ms: i64,
        records: &[CoordinatorRecord],
    ) -> Result<(), AddError> {
        let encoded =
            records.iter().map(CoordinatorRecord::encode).collect::<Result<Vec<_>, _>>()?;
        let with_all = self.bytes_with(&encoded);
        if with_all > self.bytes_max {
            return Err(if self.is_empty() {
                AddError::TooLarge { records: records.len(), bytes_max: self.bytes_max }
            } else {
                AddError::Full
            });
        }
        for (key, value) in &encoded {
            self.builder
                .try_append(timestamp_ms, Some(key), value.as_deref(), &[])
                .expect("the room was measured");
        }
        Ok(())
    }

    /// The batch as a producer would send it.
    pub(crate) fn finish(self) -> Bytes {
        let compression = CompressionType::None.into();
        self.builder
            .finish(&ProducerStamp::NONE, compression)
            .expect("nothing is compressed, so that nothing can fail")
    }

    /// How large the batch would be, at the most.
    fn bytes_with(&self, records: &[(Bytes, Option<Bytes>)]) -> usize {
        let of_record = |(key, value): &(Bytes, Option<Bytes>)| {
            RECORD_OVERHEAD_MAX + key.len() + value.as_ref().map_or(0, Bytes::len)
        };
        self.builder.estimated_bytes() + records.iter().map(of_record).sum::<usize>()
    }
}

/// What a record takes besides its key and value, at the most: length, attributes, timestamp delta,
/// offset delta, two lengths and the number of headers.
const RECORD_OVERHEAD_MAX: usize = 5 + 1 + 10 + 5 + 5 + 5 + 1;
