//! Members that commit within transactions: what a member sends as a commit goes out as one of its
//! producer's transaction, which is committed or aborted some time later.
//!
//! The producers speak version 2 of the transactional protocol (KIP-890): each marker begins an
//! epoch, so that what was late for its transaction is in none. A producer does not always hear of
//! that, as when its transaction has taken too long.

use std::collections::BTreeSet;

use base::{ErrorCode, ProducerEpoch, ProducerId, Rng, SplitMix64};
use coordinator::{Request, Response, TransactionalProducer};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
};

use crate::faults::{Faults, happens};
use crate::host::Host;

/// The producers of all members, by the members' numbers.
#[derive(Debug)]
pub(crate) struct Transactions {
    producers: Vec<TransactionalProducer>,
    /// Who may have a transaction under way.
    open: BTreeSet<usize>,
}

impl Transactions {
    pub(crate) fn new(members: usize) -> Self {
        let producer = |number: usize| TransactionalProducer {
            id: ProducerId(1_000 + number as i64),
            epoch: ProducerEpoch(0),
        };
        let producers = (0..members).map(producer).collect();
        Self { producers, open: BTreeSet::new() }
    }

    /// A member's commit becomes one of its producer's transaction.
    pub(crate) fn send(&mut self, member: usize, request: Request) -> Request {
        let Request::OffsetCommit(commit) = request else { return request };
        self.open.insert(member);
        as_transactional(self.producers[member], commit).into()
    }

    /// The log has refused a producer's batch, which so learns of its epoch.
    pub(crate) fn fenced(&mut self, member: usize, host: &Host) {
        let producer = &mut self.producers[member];
        producer.epoch = host.epoch_of(producer.id).unwrap_or(producer.epoch);
    }

    /// The coordinator has begun anew, and may have forgotten markers: they are written again.
    pub(crate) fn begin_anew(&mut self) {
        self.open.extend(0..self.producers.len());
    }

    /// Some transactions come to their end, be it a good one.
    pub(crate) fn end_some(&mut self, rng: &mut SplitMix64, faults: &Faults, host: &mut Host) {
        for member in self.open.clone() {
            if rng.below(3) == 0 {
                let knows = !happens(rng, faults.producer_is_fenced);
                self.end(member, rng.below(4) > 0, knows, host);
            }
        }
    }

    /// All of them do.
    pub(crate) fn end_all(&mut self, host: &mut Host) {
        for member in self.open.clone() {
            self.end(member, true, true, host);
        }
    }

    fn end(&mut self, member: usize, is_committed: bool, knows: bool, host: &mut Host) {
        let TransactionalProducer { id, epoch } = self.producers[member];
        let last = host.epoch_of(id).unwrap_or(epoch).max(epoch);
        let next = TransactionalProducer { id, epoch: ProducerEpoch(last.0 + 1) };
        host.end_transaction(next, is_committed);
        // A marker that was written may be sent again.
        host.end_transaction(next, is_committed);
        self.open.remove(&member);
        if knows {
            self.producers[member] = next;
        }
    }
}

/// The same without its transaction, to be judged as any other.
pub(crate) fn plain(request: &TxnOffsetCommitRequest) -> OffsetCommitRequest {
    let topic = |topic: &TxnOffsetCommitRequestTopic| OffsetCommitRequestTopic {
        name: topic.name.clone(),
        partitions: topic.partitions.iter().map(plain_partition).collect(),
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

fn plain_partition(partition: &TxnOffsetCommitRequestPartition) -> OffsetCommitRequestPartition {
    OffsetCommitRequestPartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        committed_metadata: partition.committed_metadata.clone(),
    }
}

fn as_transactional(
    producer: TransactionalProducer,
    commit: OffsetCommitRequest,
) -> TxnOffsetCommitRequest {
    let partition = |partition: OffsetCommitRequestPartition| TxnOffsetCommitRequestPartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        committed_metadata: partition.committed_metadata,
    };
    let topic = |topic: OffsetCommitRequestTopic| TxnOffsetCommitRequestTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    };
    TxnOffsetCommitRequest {
        transactional_id: format!("t{}", producer.id.0),
        group_id: commit.group_id,
        producer_id: producer.id.0,
        producer_epoch: producer.epoch.0,
        generation_id: commit.generation_id_or_member_epoch,
        member_id: commit.member_id,
        group_instance_id: commit.group_instance_id,
        topics: commit.topics.into_iter().map(topic).collect(),
    }
}

/// The answer to a producer's commit as one to the member's.
pub(crate) fn answer_to_commit(response: Response, is_consumer: bool) -> Response {
    match response {
        Response::TxnOffsetCommit(response) => as_commit(response, is_consumer).into(),
        response => response,
    }
}

/// A producer is told of every epoch that is over that the generation is.
fn as_commit(response: TxnOffsetCommitResponse, is_consumer: bool) -> OffsetCommitResponse {
    let error = |code| match code {
        code if is_consumer && code == ErrorCode::IllegalGeneration.code() => {
            ErrorCode::StaleMemberEpoch.code()
        }
        code => code,
    };
    let topics = response.topics.into_iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: error(partition.error_code),
            })
            .collect(),
        ..OffsetCommitResponseTopic::default()
    });
    OffsetCommitResponse { topics: topics.collect(), ..OffsetCommitResponse::default() }
}
