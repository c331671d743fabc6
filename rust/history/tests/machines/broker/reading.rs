//! Fetch, ListOffsets and OffsetForLeaderEpoch.

use std::time::Duration;

use base::{ErrorCode, LeaderEpoch, TopicPartition};
use wire::Records;
use wire::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse,
    PartitionData,
};
use wire::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition, OffsetForLeaderTopicResult,
};

use super::topics::name_of;
use super::{Broker, Caller, Work};
use crate::weakness::Weakness;

const READ_COMMITTED: i8 = 1;
/// `timestamp` of a request for the end.
const LATEST: i64 = -1;

impl Broker {
    /// Answers at once if there is something, or when the client has waited for long enough.
    pub(super) fn fetch(&mut self, caller: Caller, request: FetchRequest) {
        let response = self.fetched(&request);
        let is_news = |row: &PartitionData| {
            let bytes = match &row.records {
                Some(Records::Bytes(bytes)) => bytes.len(),
                _ => 0,
            };
            row.error_code != 0 || bytes > 0
        };
        if response.responses.iter().flat_map(|topic| &topic.partitions).any(is_news) {
            return self.answer(caller, &response);
        }
        let wait = Duration::from_millis(request.max_wait_ms.max(1).unsigned_abs().into());
        self.at(wait, Work::Fetch(caller, request));
    }

    pub(super) fn fetch_now(&mut self, caller: Caller, request: &FetchRequest) {
        let response = self.fetched(request);
        self.answer(caller, &response);
    }

    fn fetched(&self, request: &FetchRequest) -> FetchResponse {
        let is_committed = request.isolation_level == READ_COMMITTED;
        let topics = request.topics.iter().map(|topic| {
            let rows = topic.partitions.iter().map(|asked| {
                let partition = TopicPartition::new(name_of(topic.topic_id), asked.partition);
                self.read(&partition, asked, is_committed)
            });
            FetchableTopicResponse {
                topic_id: topic.topic_id,
                partitions: rows.collect(),
                ..Default::default()
            }
        });
        FetchResponse { responses: topics.collect(), ..Default::default() }
    }

    fn read(
        &self,
        name: &TopicPartition,
        asked: &FetchPartition,
        is_committed: bool,
    ) -> PartitionData {
        let partition_index = asked.partition;
        let failed = |code: ErrorCode| PartitionData {
            partition_index,
            error_code: code.code(),
            high_watermark: -1,
            records: Some(Records::default()),
            ..Default::default()
        };
        if let Err(code) = self.check_epoch(asked.current_leader_epoch) {
            return failed(code);
        }
        let partition = &self.partitions[name];
        let offsets = partition.log.offsets();
        let up_to = if is_committed && !self.has(Weakness::ReadsBeyondStable) {
            offsets.last_stable
        } else {
            offsets.high_watermark
        };
        let bytes_max = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
        let Some(found) = partition.fetch(asked.fetch_offset, up_to, bytes_max) else {
            return failed(ErrorCode::OffsetOutOfRange);
        };
        let is_told = !self.has(Weakness::AbortedAreNotTold);
        let aborted = found.aborted.iter().filter(|_| is_told).map(|aborted| AbortedTransaction {
            producer_id: aborted.producer_id.0,
            first_offset: aborted.first_offset.0,
        });
        PartitionData {
            partition_index,
            high_watermark: found.offsets.high_watermark.0,
            last_stable_offset: found.offsets.last_stable.0,
            log_start_offset: found.offsets.log_start.0,
            aborted_transactions: is_committed.then(|| aborted.collect()),
            records: Some(Records::Bytes(found.bytes)),
            ..Default::default()
        }
    }

    fn check_epoch(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        if current_leader_epoch > self.leader_epoch {
            Err(ErrorCode::UnknownLeaderEpoch)
        } else if (0..self.leader_epoch).contains(&current_leader_epoch) {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Ok(())
        }
    }

    pub(super) fn list_offsets(&mut self, caller: Caller, request: &ListOffsetsRequest) {
        let is_committed = request.isolation_level == READ_COMMITTED;
        let row = |topic: &str, asked: &ListOffsetsPartition| {
            let name = TopicPartition::new(topic, asked.partition_index);
            let offsets = self.partitions[&name].log.offsets();
            let end = if is_committed { offsets.last_stable } else { offsets.high_watermark };
            ListOffsetsPartitionResponse {
                partition_index: asked.partition_index,
                offset: if asked.timestamp == LATEST { end.0 } else { offsets.log_start.0 },
                leader_epoch: self.leader_epoch,
                ..Default::default()
            }
        };
        let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic.partitions.iter().map(|asked| row(&topic.name, asked)).collect(),
        });
        let response = ListOffsetsResponse { topics: topics.collect(), ..Default::default() };
        self.answer(caller, &response);
    }

    pub(super) fn epoch_ends(&mut self, caller: Caller, request: &OffsetForLeaderEpochRequest) {
        let row = |topic: &str, asked: &OffsetForLeaderPartition| {
            let mut row = EpochEndOffset { partition: asked.partition, ..Default::default() };
            if let Err(code) = self.check_epoch(asked.current_leader_epoch) {
                row.error_code = code.code();
                return row;
            }
            let log = &self.partitions[&TopicPartition::new(topic, asked.partition)].log;
            if let Some(end) = log.end_offset_for_epoch(LeaderEpoch(asked.leader_epoch)) {
                (row.leader_epoch, row.end_offset) = (end.leader_epoch.0, end.end_offset.0);
            }
            row
        };
        let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic.partitions.iter().map(|asked| row(&topic.topic, asked)).collect(),
        });
        let response =
            OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() };
        self.answer(caller, &response);
    }
}
