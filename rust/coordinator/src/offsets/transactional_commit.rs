//! TxnOffsetCommit: a group will have read so far once the producer's transaction is committed
//! (KIP-98). What was read and what was made of it come true together.

use base::{ErrorCode, ProducerEpoch, ProducerId};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use crate::decision::{Decision, TransactionalProducer};
use crate::now::Now;
use crate::shard::Shard;

/// A version of OffsetCommit that names topics as TxnOffsetCommit does: by their names.
const BY_NAME_VERSION: i16 = 9;

impl Shard {
    /// A commit like any other, but for who may send it, and for when it counts. It is no sign of
    /// life: a producer sends it, which need not be where the member is.
    pub(crate) fn commit_offsets_in_transaction(
        &self,
        now: Now,
        request: &TxnOffsetCommitRequest,
        decision: &mut Decision,
    ) -> TxnOffsetCommitResponse {
        let commit = as_commit(request);
        let response = match self.validate_transactional_commit(&commit) {
            Ok(()) => self.commit_topics(now, BY_NAME_VERSION, &commit, decision),
            Err(error) => self.refuse_commit(BY_NAME_VERSION, &commit, error),
        };
        if !decision.records.is_empty() {
            decision.producer = Some(TransactionalProducer {
                id: ProducerId(request.producer_id),
                epoch: ProducerEpoch(request.producer_epoch),
            });
        }
        as_transactional(response)
    }

    fn validate_transactional_commit(&self, commit: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        if commit.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        if let Some(group) = self.consumer.get(&commit.group_id) {
            let partitions = self.known_partitions(BY_NAME_VERSION, commit);
            return group.validate_transactional_commit(commit, partitions);
        }
        if let Some(group) = self.classic.get(&commit.group_id) {
            return group.validate_transactional_commit(commit);
        }
        match commit.generation_id_or_member_epoch {
            ..0 => Ok(()),
            _ => Err(ErrorCode::IllegalGeneration),
        }
    }
}

/// Whether a commit comes from outside of any membership: those of producers that know nothing of
/// KIP-447 all do.
pub(crate) fn is_of_nobody(commit: &OffsetCommitRequest) -> bool {
    commit.generation_id_or_member_epoch < 0
        && commit.member_id.is_empty()
        && commit.group_instance_id.is_none()
}

fn as_commit(request: &TxnOffsetCommitRequest) -> OffsetCommitRequest {
    let topic = |topic: &TxnOffsetCommitRequestTopic| OffsetCommitRequestTopic {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitRequestPartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                committed_metadata: partition.committed_metadata.clone(),
            })
            .collect(),
        ..OffsetCommitRequestTopic::default()
    };
    OffsetCommitRequest {
        group_id: request.group_id.clone(),
        generation_id_or_member_epoch: request.generation_id,
        member_id: request.member_id.clone(),
        group_instance_id: request.group_instance_id.clone(),
        topics: request.topics.iter().map(topic).collect(),
        ..OffsetCommitRequest::default()
    }
}

fn as_transactional(response: OffsetCommitResponse) -> TxnOffsetCommitResponse {
    let topics = response.topics.into_iter().map(|topic| TxnOffsetCommitResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| TxnOffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: partition.error_code,
            })
            .collect(),
    });
    TxnOffsetCommitResponse { topics: topics.collect(), ..TxnOffsetCommitResponse::default() }
}
