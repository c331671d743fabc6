//! Record batch v2 (KIP-98): zero-copy view, validation, builder, control batches and compression.
//!
//! Reading: [`batches`] splits fetched bytes into [`RecordBatch`]es, [`RecordBatch::records`]
//! decompresses one and walks its records. Writing: [`BatchBuilder`] lays records down in the wire
//! format as they arrive. What a producer sent is checked by [`validate_produce`] and becomes a
//! [`ProduceBatch`], which a log appends without touching its body.

pub mod attributes;
pub mod batch;
pub mod builder;
pub mod compression;
pub mod control;
mod cursor;
pub mod header;
pub mod produce_batch;
pub mod record;
pub mod retain;
pub mod validate;
mod window;

pub use attributes::{Attributes, TimestampType};
pub use batch::{
    BatchError, BatchRecords, Batches, OwnedRecord, RecordBatch, RecordIter, RecordPosition,
    batches,
};
pub use builder::{AppendError, BatchBuilder, ProducerStamp, restamp};
pub use compression::{
    CompressError, Compression, CompressionType, DecompressError, compress, decompress,
    decompressed_bytes_max,
};
pub use control::{ControlBatchError, ControlRecord, ControlRecordError};
pub use header::{BatchHeader, HEADER_BYTES};
pub use produce_batch::ProduceBatch;
pub use record::{Header, Headers, Record, RecordError};
pub use retain::{RetainError, RetainedRecords, empty_batch};
pub use validate::{AppendOrigin, InvalidRecords, ProduceRules, RejectedRecord, validate_produce};

/// The timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;
/// The sequence number of a batch that is not idempotent.
pub const NO_SEQUENCE: i32 = -1;
