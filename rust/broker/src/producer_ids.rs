//! Hands out producer ids from a block that the controller has given this broker, and asks for the
//! next one in time.

use base::{BrokerEpoch, ErrorCode, NodeId, ProducerId};
use metadata::controller::{AllocateProducerIds, ProducerIdBlock};
use tokio::sync::Mutex;

use crate::controller::Controller;

/// The rest of this broker's block. What is left of it at a restart is lost, which costs nothing:
/// there are 2^63.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    broker_id: NodeId,
    broker_epoch: BrokerEpoch,
    rest: Mutex<Option<ProducerIdBlock>>,
}

impl ProducerIds {
    /// No ids yet: a broker that serves no producer asks for none.
    pub(crate) fn new(broker_id: NodeId, broker_epoch: BrokerEpoch) -> Self {
        Self { broker_id, broker_epoch, rest: Mutex::new(None) }
    }

    /// An id that no producer has had.
    pub(crate) async fn next(&self, controller: &Controller) -> Result<ProducerId, ErrorCode> {
        let mut rest = self.rest.lock().await;
        let block = match rest.take().filter(|block| block.length > 0) {
            Some(block) => block,
            None => self.allocate(controller).await?,
        };
        *rest = Some(ProducerIdBlock {
            first: ProducerId(block.first.0 + 1),
            length: block.length - 1,
        });
        Ok(block.first)
    }

    async fn allocate(&self, controller: &Controller) -> Result<ProducerIdBlock, ErrorCode> {
        let ask =
            AllocateProducerIds { broker_id: self.broker_id, broker_epoch: self.broker_epoch };
        controller.change(move |image, _| ask.decide(image)).await.map_err(|rejection| {
            // The metadata log has spoken for itself.
            if rejection.code != ErrorCode::KafkaStorageError {
                tracing::error!(%rejection, "no producer ids could be had");
            }
            // Kafka tells the producer to try again.
            ErrorCode::CoordinatorLoadInProgress
        })
    }
}
