//! A broker that was not stopped in order takes its partitions up again, under new leader epochs.

use base::{BrokerEpoch, ErrorCode, NodeId};

use super::decision::{Decision, Rejection};
use crate::image::MetadataImage;
use crate::record::UncleanStartRecord;

/// A broker after an unclean stop.
#[derive(Clone, Copy, Debug)]
pub struct UncleanStart {
    /// The broker.
    pub broker_id: NodeId,
    /// The epoch of its new incarnation.
    pub broker_epoch: BrokerEpoch,
}

impl UncleanStart {
    /// Decides on `image`; the reply is the number of partitions whose epoch goes up. A broker that
    /// leads none needs no record.
    pub fn decide(self, image: &MetadataImage) -> Result<Decision<usize>, Rejection> {
        check_broker_epoch(image, self.broker_id, self.broker_epoch)?;
        let led = image
            .partitions_of(self.broker_id)
            .filter(|(_, _, partition)| partition.leader == Some(self.broker_id))
            .count();
        let record =
            UncleanStartRecord { broker_id: self.broker_id.0, broker_epoch: self.broker_epoch.0 };
        let records = if led == 0 { Vec::new() } else { vec![record.into()] };
        Ok(Decision { records, reply: led })
    }
}

/// Refuses a broker that is unknown, or an incarnation that another one has replaced.
pub(super) fn check_broker_epoch(
    image: &MetadataImage,
    id: NodeId,
    epoch: BrokerEpoch,
) -> Result<(), Rejection> {
    let Some(broker) = image.broker(id) else {
        let message = format!("No broker with id {id} found.");
        return Err(Rejection::new(ErrorCode::BrokerIdNotRegistered, message));
    };
    if broker.epoch == epoch {
        return Ok(());
    }
    let message = format!("Expected broker epoch {}, but got broker epoch {epoch}", broker.epoch);
    Err(Rejection::new(ErrorCode::StaleBrokerEpoch, message))
}
