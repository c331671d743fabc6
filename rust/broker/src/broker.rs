//! What the handlers share: the broker's identity, its configuration, its partitions and its way to
//! the controller.

use std::sync::Arc;

use base::{BrokerEpoch, Clock, NodeId};
use metadata::MetadataImage;
use net::ConnectionContext;
use storage::{Disk, LogDirectory};
use tokio_util::sync::CancellationToken;

use crate::blocking::Blocking;
use crate::config::{BrokerConfig, TableRules};
use crate::controller::Controller;
use crate::coordinator_runtime::{GroupCoordinator, TransactionCoordinator};
use crate::features::FeaturesEpoch;
use crate::fetch_wait::WaitingFetches;
use crate::partitions::Partitions;
use crate::produce_order::ProduceOrder;
use crate::producer_ids::ProducerIds;
use crate::topic_configs::TopicConfigs;

/// A running broker.
#[derive(Debug)]
pub(crate) struct Broker {
    pub node_id: NodeId,
    /// Grows with every start.
    pub epoch: BrokerEpoch,
    pub features_epoch: FeaturesEpoch,
    pub config: Arc<BrokerConfig>,
    pub topic_configs: TopicConfigs,
    pub controller: Controller,
    pub partitions: Arc<Partitions>,
    pub producer_ids: ProducerIds,
    pub coordinator: GroupCoordinator,
    pub transactions: TransactionCoordinator,
    pub produce_order: Arc<ProduceOrder>,
    pub directory: LogDirectory,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub blocking: Blocking,
    pub waiting_fetches: WaitingFetches,
    /// Cancelled when the broker is to stop: whoever waits for news answers with what there is.
    pub stopping: CancellationToken,
}

/// Where a client reaches a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerEndPoint {
    pub node_id: NodeId,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl Broker {
    /// What the controller has to know of configuration keys.
    pub(crate) fn config_rules(&self) -> TableRules {
        TableRules::new(Arc::clone(&self.config))
    }

    /// The size of the log directory's disk and what is free of it, in bytes; -1 for what the disk
    /// does not tell.
    pub(crate) fn disk_space(&self) -> (i64, i64) {
        let space = self.disk.space(self.directory.path()).map_err(|error| {
            tracing::warn!(%error, "the disk does not tell its size");
        });
        space.map_or((-1, -1), |space| (space.total_bytes as i64, space.free_bytes as i64))
    }

    /// The brokers that a client may use, reached as this one was: at what `advertised.listeners`
    /// says, or else at the address that the client has just reached, which is right behind every
    /// door but a port forward.
    pub(crate) fn end_points(
        &self,
        image: &MetadataImage,
        connection: &ConnectionContext,
    ) -> Vec<BrokerEndPoint> {
        let others =
            image.brokers().filter(|broker| broker.is_active() && broker.id != self.node_id);
        let others = others.filter_map(|broker| {
            let reached = |e: &&metadata::record::BrokerEndPoint| e.name == *connection.listener;
            let end_point = broker.end_points.iter().find(reached)?;
            Some(BrokerEndPoint {
                node_id: broker.id,
                host: end_point.host.clone(),
                port: i32::from(end_point.port),
                rack: broker.rack.clone(),
            })
        });
        let mut end_points: Vec<_> = others.chain([self.own_end_point(connection)]).collect();
        end_points.sort_by_key(|end_point| end_point.node_id);
        end_points
    }

    fn own_end_point(&self, connection: &ConnectionContext) -> BrokerEndPoint {
        let advertised = &self.config.advertised_listeners;
        let advertised = advertised.iter().find(|listener| listener.name == *connection.listener);
        let (host, port) = match advertised {
            Some(listener) => (listener.endpoint.host.clone(), listener.endpoint.port),
            None => (connection.local.ip().to_canonical().to_string(), connection.local.port()),
        };
        let rack = self.config.broker_rack.clone();
        BrokerEndPoint { node_id: self.node_id, host, port: i32::from(port), rack }
    }
}
