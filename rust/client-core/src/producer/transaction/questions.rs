//! What the coordinators are asked, and in which version.

use std::collections::{BTreeMap, BTreeSet};

use base::{ProducerEpoch, ProducerId, TopicPartition};
use wire::add_offsets_to_txn::AddOffsetsToTxnRequest;
use wire::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use wire::end_txn::EndTxnRequest;
use wire::init_producer_id::InitProducerIdRequest;
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use crate::consumer::{GroupMetadata, OffsetAndMetadata};
use crate::request::OutgoingRequest;

/// Later versions are for brokers.
const ADD_PARTITIONS_VERSION_MAX: i16 = 3;
/// From the next version on the answer names a new epoch (KIP-890).
const EXPLICIT_END_VERSION_MAX: i16 = 4;
/// From the next version on the group becomes part of the transaction with its offsets (KIP-890).
const EXPLICIT_OFFSETS_VERSION_MAX: i16 = 4;
/// From the next version on a partition becomes part of the transaction with its first batch
/// (KIP-890).
pub(super) const EXPLICIT_PRODUCE_VERSION_MAX: i16 = 11;
/// From this version on a producer may have its epoch bumped (KIP-360).
pub(super) const BUMP_VERSION_MIN: i16 = 3;

/// What a coordinator is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// For an id and an epoch, or for the next epoch.
    Init,
    /// To make partitions part of the transaction.
    AddPartitions(BTreeSet<TopicPartition>),
    /// To make a group's offsets part of the transaction.
    AddOffsets(String),
    /// To commit the offsets that wait.
    CommitOffsets,
    /// To end the transaction.
    End,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) transactional_id: &'a str,
    pub(super) producer: Option<(ProducerId, ProducerEpoch)>,
    /// Whether a transaction begins with its first batch.
    pub(super) is_implicit: bool,
}

impl Asker<'_> {
    fn id(&self) -> i64 {
        self.producer.map_or(-1, |(id, _)| id.0)
    }

    fn epoch(&self) -> i16 {
        self.producer.map_or(-1, |(_, epoch)| epoch.0)
    }

    fn version_max(&self, explicit: i16) -> i16 {
        if self.is_implicit { i16::MAX } else { explicit }
    }

    pub(super) fn init(&self, timeout_ms: i32) -> (Box<dyn OutgoingRequest>, i16) {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.transactional_id.to_owned()),
            transaction_timeout_ms: timeout_ms,
            producer_id: self.id(),
            producer_epoch: self.epoch(),
        };
        (Box::new(request), i16::MAX)
    }

    pub(super) fn add_partitions(
        &self,
        partitions: &BTreeSet<TopicPartition>,
    ) -> (Box<dyn OutgoingRequest>, i16) {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for partition in partitions {
            topics.entry(&partition.topic).or_default().push(partition.partition.0);
        }
        let topic = |(name, partitions): (&str, Vec<i32>)| AddPartitionsToTxnTopic {
            name: name.to_owned(),
            partitions,
        };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.transactional_id.to_owned(),
            v3_and_below_producer_id: self.id(),
            v3_and_below_producer_epoch: self.epoch(),
            v3_and_below_topics: topics.into_iter().map(topic).collect(),
            ..Default::default()
        };
        (Box::new(request), ADD_PARTITIONS_VERSION_MAX)
    }

    pub(super) fn add_offsets(&self, group_id: &str) -> (Box<dyn OutgoingRequest>, i16) {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.transactional_id.to_owned(),
            producer_id: self.id(),
            producer_epoch: self.epoch(),
            group_id: group_id.to_owned(),
        };
        (Box::new(request), i16::MAX)
    }

    pub(super) fn commit_offsets(
        &self,
        group: &GroupMetadata,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) -> (Box<dyn OutgoingRequest>, i16) {
        let mut topics: BTreeMap<&str, Vec<TxnOffsetCommitRequestPartition>> = BTreeMap::new();
        for (partition, offset) in offsets {
            let row = TxnOffsetCommitRequestPartition {
                partition_index: partition.partition.0,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch.0,
                committed_metadata: Some(offset.metadata.clone()),
            };
            topics.entry(&partition.topic).or_default().push(row);
        }
        let topic = |(name, partitions): (&str, _)| TxnOffsetCommitRequestTopic {
            name: name.to_owned(),
            partitions,
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.transactional_id.to_owned(),
            group_id: group.group_id.clone(),
            producer_id: self.id(),
            producer_epoch: self.epoch(),
            generation_id: group.generation,
            member_id: group.member_id.clone(),
            group_instance_id: group.instance_id.clone(),
            topics: topics.into_iter().map(topic).collect(),
        };
        (Box::new(request), self.version_max(EXPLICIT_OFFSETS_VERSION_MAX))
    }

    pub(super) fn end(&self, committed: bool) -> (Box<dyn OutgoingRequest>, i16) {
        let request = EndTxnRequest {
            transactional_id: self.transactional_id.to_owned(),
            producer_id: self.id(),
            producer_epoch: self.epoch(),
            committed,
        };
        (Box::new(request), self.version_max(EXPLICIT_END_VERSION_MAX))
    }
}
