//! What the answers to produce requests mean for the batches that were in them.

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use wire::produce::ProduceRequest;

use super::Producer;
use crate::backoff::Backoff;
use crate::producer::batch::BatchKey;
use crate::producer::lineage::Retry;
use crate::producer::outcome::{DeliveryError, Meaning};
use crate::producer::produce::{Verdict, verdicts};
use crate::producer::transaction::CONCURRENT_WAIT;
use crate::request::{Answer, RequestError};

impl<T> Producer<T> {
    pub(super) fn handle_answer(
        &mut self,
        node: NodeId,
        batches: Vec<(TopicPartition, BatchKey)>,
        result: Result<Answer, RequestError>,
        now: Instant,
    ) {
        match result.and_then(Answer::decode::<ProduceRequest>) {
            Ok(response) => {
                self.cluster.throttle(node, response.throttle_time_ms, now);
                for (partition, key, verdict) in
                    verdicts(&response, batches, self.cluster.metadata())
                {
                    match verdict {
                        Some(verdict) => self.judge(&partition, key, verdict, now),
                        None => self.retry_unknown(
                            &partition,
                            key,
                            "the answer does not name the partition".into(),
                            now,
                        ),
                    }
                }
            }
            Err(error) => {
                self.cluster.request_metadata();
                for (partition, key) in batches {
                    self.retry_unknown(&partition, key, error.to_string(), now);
                }
            }
        }
    }

    /// Acts on what the broker said about one batch.
    fn judge(&mut self, partition: &TopicPartition, key: BatchKey, verdict: Verdict, now: Instant) {
        if let Some((leader, epoch)) = verdict.leader {
            self.cluster.update_leader(partition, leader, epoch);
        }
        if verdict.code.asks_for_metadata() {
            self.cluster.request_metadata();
        }
        let verdict_code = verdict.code;
        let said = match &verdict.message {
            Some(message) => format!("{}: {message}", verdict.code.name()),
            None => verdict.code.name().to_owned(),
        };
        let meaning = match Meaning::of(verdict.code) {
            Meaning::OutOfSequence if !self.config.idempotence => Meaning::Refused,
            meaning => meaning,
        };
        let mut retry = self.retry(said.clone(), now);
        if verdict_code == ErrorCode::ConcurrentTransactions {
            retry.not_before = now + CONCURRENT_WAIT;
        }
        let mut settled = Vec::new();
        let lineage = self.lineage(partition);
        match meaning {
            Meaning::Delivered => {
                let time = verdict.log_append_time_ms;
                lineage.handle_delivered(key, verdict.base_offset, time, &mut settled);
            }
            Meaning::DeliveredEarlier => lineage.handle_delivered(key, None, None, &mut settled),
            Meaning::OutOfSequence => {
                lineage.handle_out_of_sequence(key, retry, &mut settled);
            }
            Meaning::Retry => lineage.handle_retriable(key, retry, &mut settled),
            Meaning::RetryUnknown => {
                retry.maybe_appended = true;
                lineage.handle_retriable(key, retry, &mut settled);
            }
            Meaning::Refused => {
                let (code, message) = (verdict.code, verdict.message);
                let topic_partition = partition.clone();
                let error = DeliveryError::Refused { topic_partition, code, message };
                lineage.handle_refused(key, error, verdict.records, &mut settled);
            }
            Meaning::TooLarge => {
                let (code, message) = (verdict.code, verdict.message);
                let topic_partition = partition.clone();
                let error = DeliveryError::Refused { topic_partition, code, message };
                lineage.handle_too_large(key, error, &mut settled);
            }
        }
        let is_broken = lineage.is_broken();
        self.settle(partition, settled);
        if is_broken && let Some(transactions) = &mut self.transactions {
            // A sequence number is missing: nothing more comes through before the next epoch.
            transactions.fail(Some(verdict_code), said);
        }
    }

    fn retry_unknown(
        &mut self,
        partition: &TopicPartition,
        key: BatchKey,
        why: String,
        now: Instant,
    ) {
        let retry = Retry { maybe_appended: true, ..self.retry(why, now) };
        let mut settled = Vec::new();
        self.lineage(partition).handle_retriable(key, retry, &mut settled);
        self.settle(partition, settled);
    }

    fn retry(&mut self, reason: String, now: Instant) -> Retry {
        let config = &self.config.connection;
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        Retry {
            reason,
            maybe_appended: false,
            retries_max: self.config.retries,
            not_before: now + backoff.wait(1, self.cluster.rng()),
        }
    }
}
