//! Starts a broker on a data directory, and stops it in order.
//!
//! ```text
//! lock the directory -> metadata log -> listen -> register -> recover the logs -> serve
//!                                                    `- a new broker epoch; after an unclean
//!                                                       stop new leader epochs everywhere
//! ```

use std::sync::{Arc, Weak};
use std::time::Duration;

use base::{BrokerEpoch, Clock, ErrorCode, NodeId, Rng, Uuid};
use coordinator::{GroupExplanation, Shard};
use metadata::MetadataImage;
use metadata::controller::{Bootstrap, RegisterBroker, UncleanStart};
use metadata::record::BrokerEndPoint;
use net::{Endpoint, Server, Transport, TransportListener};
use quorum::{MetadataQuorum, Node, NodeOptions, WriterPlace};
use storage::{
    CleanerMetrics, DirectoryConfig, Durability, Identity, LastShutdown, LockedDirectory,
    LogDirectory, RecoveryReport,
};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::blocking::Blocking;
use crate::broker::Broker;
use crate::config::{BrokerConfig, Listener};
use crate::controller::Controller;
use crate::coordinator_runtime::{
    CoordinatorRuntime, GroupCoordinator, RebalanceMetrics, ShardHost, TransactionSurroundings,
};
use crate::dispatch::Dispatch;
use crate::environment::Environment;
use crate::features::{self, FeaturesEpoch};
use crate::fetch_wait::WaitingFetches;
use crate::partitions::Partitions;
use crate::producer_ids::ProducerIds;
use crate::recovery::RecoveringTopics;
use crate::storage_machines::StorageMachines;
use crate::topic_configs::TopicConfigs;

/// How long a stopping broker goes on answering what it has accepted.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// So much longer than it may take a transaction is open before it is counted as late.
const LATE_TRANSACTION_BUFFER_MS: i64 = 5 * 60 * 1000;

/// A broker that answers.
#[derive(Debug)]
pub struct BrokerServer {
    broker: Arc<Broker>,
    server: Arc<Server>,
    machines: StorageMachines,
    listeners: Vec<Listener>,
    recovery: RecoveryReport,
}

/// Why a broker did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The log directory cannot be locked.
    #[error(transparent)]
    Lock(#[from] storage::LockDirectoryError),
    /// The metadata log does not come up.
    #[error(transparent)]
    Quorum(#[from] quorum::StartError),
    /// The cluster does not take this broker.
    #[error("the broker was not registered: {0}")]
    Register(#[from] quorum::ChangeError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(Box<dyn std::error::Error + Send + Sync>),
    /// A socket that listens does not tell its address.
    #[error("cannot tell where {endpoint} is listened on: {error}")]
    Address {
        /// The address that was asked for.
        endpoint: Endpoint,
        /// The system's answer.
        error: std::io::Error,
    },
    /// The logs cannot be opened.
    #[error(transparent)]
    Directory(#[from] storage::OpenDirectoryError),
    /// No thread for the storage machines.
    #[error("cannot start the storage threads: {0}")]
    Threads(std::io::Error),
}

impl BrokerServer {
    /// Starts a broker; it answers when this returns.
    pub async fn start<T: Transport>(
        config: BrokerConfig,
        environment: Environment<T>,
    ) -> Result<Self, StartError> {
        let Environment { transport, disk, clock, mut rng, blocking } = environment;
        let config = Arc::new(config);
        let identity = Identity { node_id: config.node_id, cluster_id: None };
        let locked =
            LockedDirectory::lock(Arc::clone(&disk), &config.log_dir, &identity, rng.as_mut())?;
        let node = Node::start(NodeOptions {
            node_id: config.node_id,
            disk: Arc::clone(&disk),
            data_directory: config.log_dir.clone(),
            writer_place: writer_place(blocking),
        })
        .await?;
        let node: Arc<dyn MetadataQuorum> = Arc::new(node);
        let controller = quorum::Controller::new(Arc::clone(&node));
        let bound = bind(&transport, &config).await?;
        let listeners: Vec<Listener> = bound.iter().map(|(listener, _)| listener.clone()).collect();
        let broker_epoch =
            register(&controller, &config, &listeners, &locked, rng.as_mut()).await?;
        let topic_configs = TopicConfigs::new(Arc::clone(&config));
        if let Some(reason) = reason_for_new_epochs(&node.image(), &locked, &topic_configs) {
            begin_new_epochs(&controller, config.node_id, broker_epoch, reason).await?;
        }
        let image = node.image();
        let topics =
            RecoveringTopics::new(config.node_id, Arc::clone(&image), topic_configs.clone());
        let (directory, machines, recovery) =
            locked.open(directory_config(&topic_configs, &image), &clock, &topics)?;
        let machines =
            StorageMachines::run(machines, blocking, rng.as_mut()).map_err(StartError::Threads)?;
        let partitions = Arc::new(Partitions::new(
            config.node_id,
            directory.clone(),
            topic_configs.clone(),
            blocking,
            topics.into_leaderships(),
        ));
        partitions.follow(|| image).await;

        let stopping = CancellationToken::new();
        let host = shard_host(&topic_configs, &partitions, &directory, &clock, blocking, &stopping);
        let log_dir = config.log_dir.clone();
        let transactions = |broker: &Weak<Broker>| TransactionSurroundings::new(broker.clone());
        let broker = Arc::new_cyclic(|broker| Broker {
            node_id: config.node_id,
            epoch: broker_epoch,
            features_epoch: FeaturesEpoch::new(broker_epoch),
            topic_configs,
            transactions: CoordinatorRuntime::new(host.with(transactions(broker)), rng.as_mut()),
            coordinator: GroupCoordinator::new(host, rng.as_mut()),
            controller: Controller::new(controller, Arc::clone(&partitions), rng, &log_dir),
            partitions,
            producer_ids: ProducerIds::new(config.node_id, broker_epoch),
            produce_order: Arc::default(),
            directory,
            disk,
            clock,
            blocking,
            waiting_fetches: WaitingFetches::new(config.queued_max_request_bytes),
            stopping,
            config,
        });
        broker.coordinator.load();
        broker.transactions.load();
        let server = serve(&broker, bound);
        Ok(Self { broker, server, machines, listeners, recovery })
    }

    /// What it listens on, with the ports that the system chose.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> String {
        self.broker.controller.image().cluster_id().unwrap_or_default().to_owned()
    }

    /// Its own id.
    pub fn node_id(&self) -> NodeId {
        self.broker.node_id
    }

    /// What opening the log directory has found.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// The bytes of `queued.max.request.bytes` that no request holds, and no unread reply.
    pub fn free_request_bytes(&self) -> usize {
        self.server.free_request_bytes()
    }

    /// Where a group stands, whom it waits for, and why it was rebalanced. An error is what a
    /// client would be told: that the coordinator is still loading, or that the broker stops.
    pub fn explain_group(
        &self,
        group: &str,
    ) -> impl Future<Output = Result<GroupExplanation, ErrorCode>> + Send + use<> {
        let (broker, group) = (Arc::clone(&self.broker), group.to_owned());
        async move {
            match broker.coordinator.explain(&group).await {
                // Before there is a coordinator, there is no group.
                Err(ErrorCode::CoordinatorNotAvailable) => {
                    Ok(GroupExplanation { group, now: None, past: Vec::new() })
                }
                answer => answer,
            }
        }
    }

    /// How often groups were rebalanced since the start, why, and how long it took.
    pub fn rebalance_metrics(&self) -> RebalanceMetrics {
        self.broker.coordinator.rebalances()
    }

    /// What the cleaners of compacted logs have done and found since the start.
    pub fn cleaner_metrics(&self) -> CleanerMetrics {
        self.broker.directory.cleaner_metrics()
    }

    /// How many partitions have a transaction open whose producer was silent for five minutes
    /// longer than a transaction may take: no coordinator has ended it, and perhaps none will
    /// (KIP-664).
    pub fn partitions_with_late_transactions(&self) -> usize {
        let broker = &self.broker;
        let max_timeout_ms = broker.config.transaction_coordinator.max_timeout_ms;
        let limit_ms = i64::from(max_timeout_ms) + LATE_TRANSACTION_BUFFER_MS;
        broker.partitions.late_transactions(broker.clock.unix_ms(), limit_ms)
    }

    #[cfg(test)]
    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Answers what was accepted, makes everything durable, and leaves the marker of a clean
    /// shutdown.
    pub async fn shutdown(self) {
        self.broker.stopping.cancel();
        let report = self.server.shutdown(SHUTDOWN_GRACE).await;
        if report.connections_cut > 0 {
            tracing::warn!(connections = report.connections_cut, "connections were cut");
        }
        self.broker.directory.close(self.broker.epoch);
        self.machines.join().await;
        if let Err(error) = self.broker.controller.shutdown().await {
            tracing::error!(%error, "the metadata log did not stop in order; it is durable");
        }
    }
}

/// What the group coordinator's shards are connected to.
fn shard_host(
    configs: &TopicConfigs,
    partitions: &Arc<Partitions>,
    directory: &LogDirectory,
    clock: &Arc<dyn Clock>,
    blocking: Blocking,
    stopping: &CancellationToken,
) -> ShardHost<Shard> {
    ShardHost {
        configs: configs.clone(),
        partitions: Arc::clone(partitions),
        directory: directory.clone(),
        clock: Arc::clone(clock),
        blocking,
        stopping: stopping.clone(),
        surroundings: Arc::default(),
    }
}

/// From now on, whoever connects is answered.
fn serve<L: TransportListener + 'static>(
    broker: &Arc<Broker>,
    bound: Vec<(Listener, L)>,
) -> Arc<Server> {
    let server = Server::new(broker.config.server_limits());
    let dispatch = Arc::new(Dispatch::new(Arc::clone(broker)));
    for (listener, socket) in bound {
        server.serve(&listener.name, socket, Arc::clone(&dispatch));
    }
    server
}

fn writer_place(blocking: Blocking) -> WriterPlace {
    match blocking {
        Blocking::OnThreads => WriterPlace::Thread,
        Blocking::InPlace => WriterPlace::Inline,
    }
}

fn directory_config(configs: &TopicConfigs, image: &MetadataImage) -> DirectoryConfig {
    let config = configs.started_with();
    DirectoryConfig {
        cleaner: configs.cleaner(image),
        retention_interval: Duration::from_millis(config.log_retention_check_interval_ms as u64),
        ..DirectoryConfig::default()
    }
}

async fn bind<T: Transport>(
    transport: &T,
    config: &BrokerConfig,
) -> Result<Vec<(Listener, T::Listener)>, StartError> {
    let mut bound = Vec::with_capacity(config.listeners.len());
    for listener in &config.listeners {
        let socket = transport
            .bind(&listener.endpoint)
            .await
            .map_err(|error| StartError::Bind(error.into()))?;
        let address = socket
            .local_address()
            .map_err(|error| StartError::Address { endpoint: listener.endpoint.clone(), error })?;
        let endpoint = Endpoint { port: address.port(), ..listener.endpoint.clone() };
        bound.push((Listener { name: listener.name.clone(), endpoint }, socket));
    }
    Ok(bound)
}

/// Founds the cluster if there is none, and registers.
async fn register(
    controller: &quorum::Controller,
    config: &BrokerConfig,
    listeners: &[Listener],
    locked: &LockedDirectory,
    rng: &mut dyn Rng,
) -> Result<BrokerEpoch, StartError> {
    let cluster_id = locked.meta().cluster_id.clone();
    let found = Bootstrap { cluster_id: cluster_id.clone(), features: features::finalized() };
    controller.change(|image| found.decide(image)).await?;
    let register = RegisterBroker {
        cluster_id,
        broker_id: config.node_id,
        incarnation_id: Uuid::random(rng),
        end_points: end_points(config, listeners),
        features: features::registered(),
        rack: config.broker_rack.clone(),
        directories: vec![locked.id()],
        fenced: false,
    };
    Ok(controller.change(|image| register.decide(image)).await?)
}

/// Gives every partition that this broker leads a new leader epoch.
async fn begin_new_epochs(
    controller: &quorum::Controller,
    broker_id: NodeId,
    broker_epoch: BrokerEpoch,
    reason: &str,
) -> Result<(), StartError> {
    let new_epochs = UncleanStart { broker_id, broker_epoch };
    let partitions = controller.change(|image| new_epochs.decide(image)).await?;
    tracing::info!(partitions, "partitions begin new leader epochs: {reason}");
    Ok(())
}

/// Why the partitions need new leader epochs, if they do: a log may have lost a tail, and (epoch,
/// offset) must stay the name of one record.
fn reason_for_new_epochs(
    image: &MetadataImage,
    locked: &LockedDirectory,
    topic_configs: &TopicConfigs,
) -> Option<&'static str> {
    let is_in_memory =
        |topic: &Arc<str>| topic_configs.of(image, topic).durability == Durability::Memory;
    if matches!(locked.last_shutdown(), LastShutdown::Unclean) {
        Some("the last stop was not clean")
    } else if image.topics().any(|topic| is_in_memory(&topic.name)) {
        Some("there are topics in memory, which start anew")
    } else {
        None
    }
}

/// What other brokers are told: the advertised address of each listener, or else its own.
fn end_points(config: &BrokerConfig, listeners: &[Listener]) -> Vec<BrokerEndPoint> {
    let told = |listener: &Listener| {
        let advertised = config.advertised_listeners.iter().find(|l| l.name == listener.name);
        let Listener { name, endpoint } = advertised.unwrap_or(listener).clone();
        BrokerEndPoint { name, host: endpoint.host, port: endpoint.port, security_protocol: 0 }
    };
    listeners.iter().map(told).collect()
}
