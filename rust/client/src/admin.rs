//! The admin client: topics, configurations, records, groups, the cluster.

mod groups;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, Instant, NodeId, SystemClock, TopicPartition};
use client_core::admin::{
    self, ClusterDescription, ConfigChange, ConfigEntry, ConfigResource, CreatedTopic, Each,
    LogDirectoryDescription, NewTopic, TopicDescription, TopicListing,
};
use client_core::inquiry::InquiryError;
use client_core::survey::Survey;
use client_core::{AdminConfig, Cluster, ClusterEvent, Reach, Transmit, TransportEvent};
use net::Transport;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::desk::{Asks, Desk, ask, ask_leaders};
use crate::driver::{Driver, Machine};
use crate::error::ConnectError;

pub use groups::GroupOffsets;
pub use transactions::HangingScope;

/// An admin client. All of it can be used from many threads.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
    driver: Driver,
}

impl Admin {
    /// Connects over TCP; fails when no broker answers within [`crate::CONNECT_CHECK_MAX`].
    pub async fn connect(config: AdminConfig, runtime: &Handle) -> Result<Self, ConnectError> {
        let transport = crate::tcp(&config.connection);
        let clock = Arc::new(SystemClock);
        Self::connect_over(config, transport, clock, crate::entropy(), runtime).await
    }

    /// Connects over any network and by any clock.
    pub async fn connect_over<T: Transport>(
        config: AdminConfig,
        transport: T,
        clock: Arc<dyn Clock>,
        seed: u64,
        runtime: &Handle,
    ) -> Result<Self, ConnectError> {
        let cluster = Mutex::new(Cluster::new(config.connection.clone(), false, seed));
        let shared = Arc::new(Shared { config, cluster, desk: Desk::new(clock.clone()) });
        let kick = shared.desk.kick.clone();
        let driver = Driver::start(shared.clone(), kick, transport, clock, runtime);
        let admin = Self { shared, driver };
        admin.driver.connected().await?;
        Ok(admin)
    }

    /// Creates topics, or only checks whether it could.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Each<String, CreatedTopic>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        ask(&*self.shared, admin::create_topics(topics, validate_only, timeout)).await
    }

    /// Deletes topics.
    pub async fn delete_topics(&self, names: &[&str]) -> Result<Each<String, ()>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        ask(&*self.shared, admin::delete_topics(&owned(names), timeout)).await
    }

    /// Lists all topics.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>, InquiryError> {
        ask(&*self.shared, admin::list_topics(self.shared.config.default_api_timeout)).await
    }

    /// Describes some topics.
    pub async fn describe_topics(
        &self,
        names: &[&str],
    ) -> Result<Each<String, TopicDescription>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        ask(&*self.shared, admin::describe_topics(&owned(names), timeout)).await
    }

    /// Gives topics more partitions: the number is how many there are then.
    pub async fn create_partitions(
        &self,
        counts: &[(&str, i32)],
        validate_only: bool,
    ) -> Result<Each<String, ()>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        let counts: Vec<_> =
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        ask(&*self.shared, admin::create_partitions(&counts, validate_only, timeout)).await
    }

    /// Describes configurations: all keys of each.
    pub async fn describe_configs(
        &self,
        resources: &[ConfigResource],
    ) -> Result<Each<ConfigResource, Vec<ConfigEntry>>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        let mut described = Vec::new();
        for resource in resources {
            let entries =
                ask(&*self.shared, admin::describe_configs(resource, None, timeout)).await;
            described.push((resource.clone(), refused(entries)?));
        }
        Ok(described)
    }

    /// Changes configurations key by key, or only checks whether it could.
    pub async fn alter_configs(
        &self,
        changes: &[(ConfigResource, Vec<ConfigChange>)],
        validate_only: bool,
    ) -> Result<Each<ConfigResource, ()>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        let mut altered = Vec::new();
        for (resource, changes) in changes {
            let inquiry = admin::alter_configs(resource, changes, validate_only, timeout);
            let results = ask(&*self.shared, inquiry).await?;
            let result = results.into_iter().try_for_each(|(_, result)| result);
            altered.push((resource.clone(), result));
        }
        Ok(altered)
    }

    /// Deletes the records before each offset, -1 standing for the high watermark; says where the
    /// logs start then.
    pub async fn delete_records(
        &self,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<Each<TopicPartition, i64>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        let offsets: BTreeMap<_, _> = offsets.iter().cloned().collect();
        let survey = Survey::new(offsets, timeout, self.shared.desk.clock.now());
        let results = ask_leaders(
            &*self.shared,
            survey,
            |_, leader, partitions| admin::delete_records(leader, partitions, timeout),
            admin::read_deleted,
        );
        Ok(results.await.into_iter().collect())
    }

    /// Describes the cluster.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, InquiryError> {
        ask(&*self.shared, admin::describe_cluster(self.shared.config.default_api_timeout)).await
    }

    /// Describes the log directories of every broker.
    pub async fn describe_log_dirs(
        &self,
    ) -> Result<Each<NodeId, Vec<LogDirectoryDescription>>, InquiryError> {
        let timeout = self.shared.config.default_api_timeout;
        let mut described = Vec::new();
        for broker in self.describe_cluster().await?.brokers {
            let directories =
                ask(&*self.shared, admin::describe_log_dirs(broker.node, timeout)).await;
            described.push((broker.node, directories));
        }
        Ok(described)
    }

    /// The configuration.
    pub fn config(&self) -> &AdminConfig {
        &self.shared.config
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.driver.stop().await;
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A refusal is the result of the one thing that was asked about; anything else is the end of the
/// call.
fn refused<A>(result: Result<A, InquiryError>) -> Result<Result<A, InquiryError>, InquiryError> {
    match result {
        Err(error @ InquiryError::Refused { .. }) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(answer) => Ok(Ok(answer)),
    }
}

/// Everything of an admin client but its task.
#[derive(Debug)]
struct Shared {
    config: AdminConfig,
    cluster: Mutex<Cluster>,
    desk: Desk,
}

impl Asks for Shared {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn with_cluster<R>(&self, act: impl FnOnce(&mut Cluster) -> R) -> R {
        act(&mut self.cluster.lock())
    }
}

impl Machine for Shared {
    fn handle_transport(&self, event: TransportEvent, now: Instant) {
        self.cluster.lock().handle_transport(event, now);
        self.desk.heard();
    }

    fn drive(
        &self,
        now: Instant,
        _unix_ms: i64,
        transmit: &mut dyn FnMut(Transmit),
    ) -> Option<Instant> {
        let mut cluster = self.cluster.lock();
        cluster.handle_timeout(now);
        let mut acted = false;
        while let Some(frame) = cluster.poll_transmit() {
            transmit(frame);
            acted = true;
        }
        while let Some(event) = cluster.poll_event() {
            acted = true;
            if let ClusterEvent::Answered { request, result, .. } = event {
                self.desk.answer(request, result);
            }
        }
        self.desk.driven(acted);
        cluster.poll_timeout(now)
    }

    fn reach(&self) -> Reach {
        self.cluster.lock().reach()
    }
}
