//! Hands a block of producer ids to a broker, which gives them out one by one without asking
//! (KIP-730).

use base::{BrokerEpoch, ErrorCode, NodeId, ProducerId};

use super::decision::{Decision, Rejection};
use super::unclean_start::check_broker_epoch;
use crate::image::MetadataImage;
use crate::record::ProducerIdsRecord;

/// How many ids a block has.
pub const PRODUCER_ID_BLOCK_SIZE: i64 = 1000;

/// A broker that has run out of producer ids.
#[derive(Clone, Copy, Debug)]
pub struct AllocateProducerIds {
    /// The broker.
    pub broker_id: NodeId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
}

/// Producer ids that are one broker's to give out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first.
    pub first: ProducerId,
    /// How many.
    pub length: i32,
}

impl AllocateProducerIds {
    /// Decides on `image`. A block that a broker has not used up when it stops is lost; ids are
    /// never given out twice.
    pub fn decide(self, image: &MetadataImage) -> Result<Decision<ProducerIdBlock>, Rejection> {
        check_broker_epoch(image, self.broker_id, self.broker_epoch)?;
        let first = image.next_producer_id();
        let next_producer_id = first.0.checked_add(PRODUCER_ID_BLOCK_SIZE).ok_or_else(|| {
            let message = "Exhausted all producerIds as the next block's end producerId has \
                exceeded the int64 type limit";
            Rejection::new(ErrorCode::UnknownServerError, message)
        })?;
        let record = ProducerIdsRecord {
            broker_id: self.broker_id.0,
            broker_epoch: self.broker_epoch.0,
            next_producer_id,
        };
        let reply = ProducerIdBlock { first, length: PRODUCER_ID_BLOCK_SIZE as i32 };
        Ok(Decision { records: vec![record.into()], reply })
    }
}
