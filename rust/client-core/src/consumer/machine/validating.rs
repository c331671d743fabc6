//! Whether a position still is in the log, asked of brokers whose fetches do not say so (before
//! KIP-595): whenever a partition has a new leader, where the epoch of the record before the
//! position ends (KIP-320).

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, TopicPartition};
use wire::ApiKey;
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};

use super::Consumer;
use crate::connection::SendTerms;
use crate::consumer::fetch::{DIVERGENCE_VERSION_MIN, Wanted};
use crate::node::Lane;
use crate::request::RequestError;

/// What a consumer calls itself where a replica would name its broker.
const CONSUMER_REPLICA_ID: i32 = -1;
/// The first version in which a consumer may ask.
const VERSION_MIN: i16 = 3;

impl Consumer {
    /// Asks about those that have to be asked about, and gives the others back.
    pub(super) fn validate(
        &mut self,
        node: NodeId,
        partitions: Vec<TopicPartition>,
        now: Instant,
    ) -> Vec<TopicPartition> {
        let version = |api| self.cluster.highest_version(node, Lane::Main, api);
        let fetches_find_out =
            version(ApiKey::Fetch).is_none_or(|version| version >= DIVERGENCE_VERSION_MIN);
        let can_be_asked =
            version(ApiKey::OffsetForLeaderEpoch).is_some_and(|version| version >= VERSION_MIN);
        if fetches_find_out || !can_be_asked {
            return partitions;
        }
        let (doubtful, sure): (Vec<_>, Vec<_>) =
            partitions.into_iter().partition(|partition| self.is_doubtful(partition));
        let asked: Vec<_> =
            doubtful.iter().filter_map(|partition| self.wanted(partition)).collect();
        if asked.is_empty() {
            return sure;
        }
        if let Err(later) = self.cluster.make_ready(node, Lane::Main, now) {
            self.wake.at(later);
            return sure;
        }
        let request = self.request_ends(&asked);
        let timeout = self.config.connection.request_timeout;
        let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match self.cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) => {
                for wanted in &asked {
                    self.set_in_flight(&wanted.topic_partition);
                }
                self.validations.insert(id, asked);
            }
            Err(error) => self.handle_validation(asked, &Err(error), now),
        }
        sure
    }

    /// Its record's epoch is known, and the leader is not the one that was last asked.
    fn is_doubtful(&self, partition: &TopicPartition) -> bool {
        let Some(Wanted { epoch, .. }) = self.wanted(partition) else { return false };
        let leader_epoch = self.leader_epoch(partition);
        epoch != LeaderEpoch::NONE && self.assigned[partition].validated < leader_epoch
    }

    fn leader_epoch(&self, partition: &TopicPartition) -> LeaderEpoch {
        let known = self.cluster.metadata().partition(partition);
        known.map_or(LeaderEpoch::NONE, |known| known.leader_epoch)
    }

    fn request_ends(&self, asked: &[Wanted]) -> OffsetForLeaderEpochRequest {
        let topic = |wanted: &Wanted| OffsetForLeaderTopic {
            topic: wanted.topic_partition.topic.to_string(),
            partitions: vec![OffsetForLeaderPartition {
                partition: wanted.topic_partition.partition.0,
                current_leader_epoch: self.leader_epoch(&wanted.topic_partition).0,
                leader_epoch: wanted.epoch.0,
            }],
        };
        let topics = asked.iter().map(topic).collect();
        OffsetForLeaderEpochRequest { replica_id: CONSUMER_REPLICA_ID, topics }
    }

    pub(super) fn handle_validation(
        &mut self,
        asked: Vec<Wanted>,
        response: &Result<OffsetForLeaderEpochResponse, RequestError>,
        now: Instant,
    ) {
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let code = if error.is_retriable() {
                    ErrorCode::NetworkException
                } else {
                    ErrorCode::UnsupportedVersion
                };
                return self.stumble_all(&asked, code, now);
            }
        };
        for wanted in asked {
            let partition = &wanted.topic_partition;
            let leader_epoch = self.leader_epoch(partition);
            let Some(assignment) = self.current(partition, wanted.generation) else { continue };
            assignment.in_flight = false;
            let Some(row) = find(response, partition) else {
                self.stumble(partition, ErrorCode::UnknownServerError, now);
                continue;
            };
            match ErrorCode::from_code(row.error_code).unwrap_or(ErrorCode::UnknownServerError) {
                // Nothing is left of that epoch, or of an earlier one.
                ErrorCode::None if row.end_offset < 0 => self.handle_out_of_range(&wanted),
                ErrorCode::None if row.end_offset < wanted.offset => {
                    self.handle_truncation(partition, row.end_offset);
                }
                ErrorCode::None => {
                    assignment.failures = 0;
                    assignment.validated = leader_epoch;
                }
                code => self.stumble(partition, code, now),
            }
        }
    }
}

fn find<'a>(
    response: &'a OffsetForLeaderEpochResponse,
    partition: &TopicPartition,
) -> Option<&'a EpochEndOffset> {
    let topics = response.topics.iter().filter(|topic| *topic.topic == *partition.topic);
    topics.flat_map(|topic| &topic.partitions).find(|row| row.partition == partition.partition.0)
}
