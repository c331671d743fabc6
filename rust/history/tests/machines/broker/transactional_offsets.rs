//! TxnOffsetCommit: a group's offsets as part of a transaction, once the transaction's coordinator
//! knows of the group.

use base::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};
use coordinator::{Request, TransactionalProducer};
use storage::{VerificationGuard, VerificationStart};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::produce::{Verdicts, question};
use super::topics::OFFSETS;
use super::{Asker, Broker, Caller};
use crate::weakness::Weakness;

/// From here on offsets add their group to the transaction.
const IMPLICIT_VERSION_MIN: i16 = 5;
/// The version in which brokers ask each other.
const BROKERS_VERSION: i16 = 5;

/// A commit that waits for the coordinator of its transaction.
#[derive(Debug)]
pub(crate) struct TransactionalOffsets {
    caller: Caller,
    request: TxnOffsetCommitRequest,
    guard: VerificationGuard,
}

impl Broker {
    pub(super) fn commit_in_transaction(
        &mut self,
        caller: Caller,
        mut request: TxnOffsetCommitRequest,
    ) {
        if self.has(Weakness::ZombiesCommitOffsets) {
            (request.generation_id, request.member_id) = (-1, String::new());
        }
        let producer = TransactionalProducer {
            id: ProducerId(request.producer_id),
            epoch: ProducerEpoch(request.producer_epoch),
        };
        let adds = caller.version >= IMPLICIT_VERSION_MIN;
        let start = VerificationStart {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: records::NO_SEQUENCE,
            supports_epoch_bump: adds,
        };
        let name = TopicPartition::new(OFFSETS, 0);
        match self.partitions[&name].begin_verification(&start, self.now.unix_ms) {
            Err(code) => self.refuse_offsets(caller, &request, code),
            Ok(guard)
                if guard == VerificationGuard::NONE || self.has(Weakness::UnverifiedWrites) =>
            {
                self.store_offsets(TransactionalOffsets { caller, request, guard });
            }
            Ok(guard) => {
                let asked = question(&request.transactional_id, producer, adds, &[name]);
                let offsets = Box::new(TransactionalOffsets { caller, request, guard });
                self.ask_transactions(BROKERS_VERSION, &asked, Asker::Offsets(offsets));
            }
        }
    }

    /// The coordinator has said what it knows.
    pub(super) fn hear_of_offsets(&mut self, offsets: TransactionalOffsets, verdicts: &Verdicts) {
        match verdicts.values().find(|code| **code != ErrorCode::None) {
            None => self.store_offsets(offsets),
            Some(code) => {
                let code = match code {
                    ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
                    code => *code,
                };
                self.refuse_offsets(offsets.caller, &offsets.request, code);
            }
        }
    }

    /// Whether the producer may still write, only the log can say.
    fn store_offsets(&mut self, offsets: TransactionalOffsets) {
        let TransactionalOffsets { caller, request, guard } = offsets;
        let asked = Request::TxnOffsetCommit(request.clone());
        let (token, decision) = self.groups.ask(self.now, &asked, caller);
        if let Err(code) = self.follow_group(decision, guard) {
            let caller = self.groups.caller(token);
            self.refuse_offsets(caller, &request, code);
        }
    }

    fn refuse_offsets(
        &mut self,
        caller: Caller,
        request: &TxnOffsetCommitRequest,
        code: ErrorCode,
    ) {
        let row = |partition_index| TxnOffsetCommitResponsePartition {
            partition_index,
            error_code: code.code(),
        };
        let topic = |topic: &TxnOffsetCommitRequestTopic| TxnOffsetCommitResponseTopic {
            name: topic.name.clone(),
            partitions: topic.partitions.iter().map(|it| row(it.partition_index)).collect(),
        };
        let topics = request.topics.iter().map(topic).collect();
        self.answer(caller, &TxnOffsetCommitResponse { topics, ..Default::default() });
    }
}
