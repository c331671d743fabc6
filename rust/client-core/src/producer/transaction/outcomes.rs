//! What the answers of the coordinators do to a transaction.

use base::{ErrorCode, Instant, ProducerEpoch, ProducerId, TopicPartition};
use wire::add_offsets_to_txn::AddOffsetsToTxnRequest;
use wire::add_partitions_to_txn::AddPartitionsToTxnRequest;
use wire::end_txn::{EndTxnRequest, EndTxnResponse};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::answers::{self, Judged, Verdict};
use super::machine::{CONCURRENT_WAIT, State, Transactions};
use super::questions::Question;
use crate::cluster::Cluster;
use crate::request::{Answer, RequestError, RequestId};

impl Transactions {
    /// Whether this is a request of the transactions'.
    pub(in crate::producer) fn is_asking(&self, request: RequestId) -> bool {
        self.asked.as_ref().is_some_and(|(id, _)| *id == request)
            || self.coordinator.is_asking(request)
            || self.group.as_ref().is_some_and(|group| group.is_asking(request))
    }

    /// The answer to one of those.
    pub(in crate::producer) fn handle_answer(
        &mut self,
        request: RequestId,
        result: Result<Answer, RequestError>,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        if self.coordinator.is_asking(request) {
            return self.coordinator.handle(result, cluster, now);
        }
        if let Some(group) = self.group.as_mut().filter(|group| group.is_asking(request)) {
            return group.handle(result, cluster, now);
        }
        let Some((_, question)) = self.asked.take() else { return };
        let judged = match result {
            Ok(answer) => self.read(&question, answer, cluster),
            Err(error) => Err(error),
        };
        match judged {
            Ok(judged) => self.judge(question, judged, cluster, now),
            Err(error) if error.is_retriable() => {
                self.coordinator_of(&question).lost(cluster, now);
                // Whether it has become part of the transaction is not known.
                if matches!(question, Question::AddPartitions(_) | Question::AddOffsets(_)) {
                    self.lost = Some(question);
                }
                self.put_off(None, error.to_string(), cluster, now);
            }
            Err(error) => self.lose(None, error.to_string()),
        }
    }

    /// Takes in what an answer brings, and says what it means.
    fn read(
        &mut self,
        question: &Question,
        answer: Answer,
        cluster: &Cluster,
    ) -> Result<Judged, RequestError> {
        Ok(match question {
            Question::Init => {
                let response = answer.decode::<InitProducerIdRequest>()?;
                self.read_init(&response, cluster)
            }
            Question::AddPartitions(partitions) => {
                let response = answer.decode::<AddPartitionsToTxnRequest>()?;
                let judged = answers::add_partitions(&response);
                if judged.0 == Verdict::Done {
                    self.note_begun();
                    self.added.extend(partitions.iter().cloned());
                }
                judged
            }
            Question::AddOffsets(group_id) => {
                let response = answer.decode::<AddOffsetsToTxnRequest>()?;
                let judged = answers::add_offsets(response.error_code);
                if judged.0 == Verdict::Done {
                    self.note_begun();
                    self.added_groups.insert(group_id.clone());
                }
                judged
            }
            Question::CommitOffsets => {
                self.read_offsets(&answer.decode::<TxnOffsetCommitRequest>()?)
            }
            Question::End => self.read_end(&answer.decode::<EndTxnRequest>()?, cluster),
        })
    }

    fn read_init(&mut self, response: &InitProducerIdResponse, cluster: &Cluster) -> Judged {
        let judged = answers::init(response.error_code);
        if judged.0 == Verdict::Done {
            if self.producer.is_none() {
                self.follow_version(cluster);
            }
            self.renumber(ProducerId(response.producer_id), ProducerEpoch(response.producer_epoch));
            self.become_ready();
        }
        judged
    }

    /// Takes out what is committed; an answer that leaves a partition out has not committed it.
    fn read_offsets(&mut self, response: &TxnOffsetCommitResponse) -> Judged {
        let Some(offsets) = self.offsets.front_mut() else {
            return (Verdict::Done, ErrorCode::None); // given up meanwhile, with the transaction
        };
        let rows = answers::offset_rows(response).map(|(topic, partition, code)| {
            let judged = answers::commit_offset(code);
            if judged.0 == Verdict::Done {
                offsets.left.remove(&TopicPartition::new(topic, partition));
            }
            judged
        });
        let judged = answers::worst(rows);
        if judged.0 != Verdict::Done {
            return judged;
        }
        if !offsets.left.is_empty() {
            return (Verdict::Fatal, ErrorCode::UnknownServerError);
        }
        let id = offsets.id;
        self.offsets.pop_front();
        self.finish(id, Ok(()));
        judged
    }

    fn read_end(&mut self, response: &EndTxnResponse, cluster: &Cluster) -> Judged {
        let judged = answers::end(response.error_code);
        if judged.0 == Verdict::Done {
            if response.producer_id >= 0 {
                self.renumber(
                    ProducerId(response.producer_id),
                    ProducerEpoch(response.producer_epoch),
                );
            }
            self.complete(cluster);
        }
        judged
    }

    fn judge(
        &mut self,
        question: Question,
        (verdict, code): Judged,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        // As long as it is put off, what became of it when it was lost is not known.
        let is_put_off = matches!(verdict, Verdict::Again | Verdict::Elsewhere);
        let was_lost = self.lost.as_ref() == Some(&question);
        if was_lost && !is_put_off {
            self.lost = None;
        }
        match verdict {
            Verdict::Done => self.note_done(),
            Verdict::Again | Verdict::Elsewhere => {
                if verdict == Verdict::Elsewhere {
                    self.coordinator_of(&question).lost(cluster, now);
                }
                // Nothing was added, so there is nothing to be found out before an abort.
                if let Question::AddPartitions(partitions) = question
                    && !was_lost
                    && matches!(self.state, State::Open | State::Committing)
                {
                    self.adding.extend(partitions);
                }
                let soon = code == ErrorCode::ConcurrentTransactions;
                let wait = soon.then_some(CONCURRENT_WAIT);
                self.put_off(wait, code.name().to_owned(), cluster, now);
            }
            // An abort that can only be aborted has no end.
            Verdict::Abortable if self.state == State::Aborting && question == Question::End => {
                self.lose(Some(code), refused(&question, code));
            }
            Verdict::Abortable => {
                if question == Question::End {
                    self.unend();
                }
                self.fail(Some(code), refused(&question, code));
            }
            Verdict::Fatal => self.lose(Some(code), refused(&question, code)),
            Verdict::Fenced => self.fence(),
        }
    }
}

fn refused(question: &Question, code: ErrorCode) -> String {
    let what = match question {
        Question::Init => "the coordinator gives it no producer id",
        Question::AddPartitions(_) => "partitions were not taken into the transaction",
        Question::AddOffsets(_) => "the group was not taken into the transaction",
        Question::CommitOffsets => "the offsets were not committed",
        Question::End => "the coordinator does not end the transaction",
    };
    let advice = match code {
        ErrorCode::InvalidTransactionTimeout => {
            ": transaction.timeout.ms is above the broker's transaction.max.timeout.ms"
        }
        ErrorCode::InvalidTxnState if *question == Question::End => {
            ": it was aborted before, as one is that takes longer than transaction.timeout.ms; \
             make a new producer"
        }
        ErrorCode::IllegalGeneration
        | ErrorCode::UnknownMemberId
        | ErrorCode::StaleMemberEpoch
        | ErrorCode::FencedMemberEpoch => {
            ": the group has rebalanced, and the partitions may be another member's now"
        }
        _ => "",
    };
    format!("{what} ({}{advice})", code.name())
}
