//! A sealed batch on its way to its partition: its bytes, its number in the order of batches, and
//! what it has been through.

use base::{Instant, ProducerEpoch, ProducerId};
use bytes::Bytes;
use records::{BatchBuilder, Compression, ProducerStamp, restamp};

use super::accumulator::SealedBatch;

/// A batch in a queue or in flight.
#[derive(Debug)]
pub struct Batch<T> {
    contents: Contents,
    /// Its number among all batches of the producer; within a partition, the order to keep.
    pub number: u64,
    /// When its first record came.
    pub created_at: Instant,
    /// How many records it has.
    pub record_count: i32,
    /// How often it was sent.
    pub attempts: u32,
    /// The sequence number of its first record, once it has one.
    pub sequence: Option<i32>,
    /// An attempt ended without a word: it may be in the log.
    pub maybe_appended: bool,
    /// What went wrong last.
    pub last_failure: Option<String>,
    /// What its owner wants back; taken when the result is given.
    pub payload: Option<T>,
}

#[derive(Debug)]
enum Contents {
    Open(BatchBuilder),
    Finished {
        bytes: Bytes,
        stamp: ProducerStamp,
    },
    /// Only while it is being finished, or if that failed.
    Lost,
}

impl<T> Batch<T> {
    /// A batch that has just been sealed.
    pub fn new(sealed: SealedBatch<T>, number: u64) -> Self {
        let record_count = sealed.builder.record_count();
        Self {
            contents: Contents::Open(sealed.builder),
            number,
            created_at: sealed.created_at,
            record_count,
            attempts: 0,
            sequence: None,
            maybe_appended: false,
            last_failure: None,
            payload: Some(sealed.payload),
        }
    }

    /// The batch's bytes under its stamp. The first time they are compressed; later only a new
    /// stamp changes them.
    pub fn finish(
        &mut self,
        producer: Option<(ProducerId, ProducerEpoch)>,
        compression: Compression,
    ) -> Result<Bytes, String> {
        let stamp = match (producer, self.sequence) {
            (Some((producer_id, producer_epoch)), Some(base_sequence)) => {
                ProducerStamp { producer_id, producer_epoch, base_sequence, transactional: false }
            }
            _ => ProducerStamp::NONE,
        };
        let bytes = match std::mem::replace(&mut self.contents, Contents::Lost) {
            Contents::Open(builder) => {
                builder.finish(&stamp, compression).map_err(|error| error.to_string())?
            }
            Contents::Finished { bytes, stamp: old } if old == stamp => bytes,
            Contents::Finished { bytes, .. } => {
                restamp(bytes, &stamp).map_err(|error| error.to_string())?
            }
            Contents::Lost => return Err("it could not be written before".to_owned()),
        };
        self.contents = Contents::Finished { bytes: bytes.clone(), stamp };
        Ok(bytes)
    }

    /// The most bytes that it takes in a request.
    pub fn size_bytes(&self) -> usize {
        match &self.contents {
            Contents::Open(builder) => builder.estimated_bytes(),
            Contents::Finished { bytes, .. } => bytes.len(),
            Contents::Lost => 0,
        }
    }
}
