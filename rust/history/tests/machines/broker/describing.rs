//! What clients ask about the cluster: versions, metadata, who coordinates.

use wire::ApiKey;
use wire::api_versions::{ApiVersion, ApiVersionsResponse, FinalizedFeatureKey};
use wire::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use wire::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use super::{Broker, Caller, topics};

impl Broker {
    pub(super) fn api_versions(&self) -> ApiVersionsResponse {
        let range = |api: &ApiKey| {
            let advertised = api.advertised();
            let (min_version, max_version) = (advertised.min, advertised.max);
            ApiVersion { api_key: api.key(), min_version, max_version }
        };
        let level = self.protocol.version();
        ApiVersionsResponse {
            api_keys: ApiKey::ALL.iter().map(range).collect(),
            finalized_features_epoch: 1,
            finalized_features: vec![FinalizedFeatureKey {
                name: "transaction.version".to_owned(),
                max_version_level: level,
                min_version_level: level,
            }],
            ..Default::default()
        }
    }

    pub(super) fn metadata(&self) -> MetadataResponse {
        let broker =
            MetadataResponseBroker { node_id: 0, host: "node0".to_owned(), port: 9092, rack: None };
        let partition = |partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: 0,
            leader_epoch: self.leader_epoch,
            replica_nodes: vec![0],
            isr_nodes: vec![0],
            ..Default::default()
        };
        let topics = topics::topics().map(|(name, topic_id, count)| MetadataResponseTopic {
            name: Some(name.to_owned()),
            topic_id,
            partitions: (0..count).map(partition).collect(),
            ..Default::default()
        });
        MetadataResponse {
            brokers: vec![broker],
            controller_id: 0,
            topics: topics.collect(),
            ..Default::default()
        }
    }

    /// It is this broker, whoever asks.
    pub(super) fn find_coordinator(&mut self, caller: Caller, request: &FindCoordinatorRequest) {
        let (host, port) = ("node0".to_owned(), 9092);
        let coordinator = |key: &String| Coordinator {
            key: key.clone(),
            host: "node0".to_owned(),
            port,
            ..Default::default()
        };
        let coordinators = request.coordinator_keys.iter().map(coordinator).collect();
        let response = match caller.version {
            ..4 => FindCoordinatorResponse { host, port, ..Default::default() },
            4.. => FindCoordinatorResponse { coordinators, ..Default::default() },
        };
        self.answer(caller, &response);
    }
}
