//! A transactional producer, and what it writes into the history.

use std::cell::RefCell;
use std::rc::Rc;

use base::TopicPartition;
use client::{Delivery, GroupMetadata, OffsetAndMetadata, Producer, Record, TransactionError};
use history::{Answer, Operation, OperationId, PartitionOffset, RecordValue};

use crate::books::Offsets;
use crate::hosts::{client_keys, connect_producer};
use crate::scribe::Scribe;
use crate::world::World;

/// One incarnation: who is killed begins anew as another one, under the same transactional id.
pub(super) struct Transactor {
    producer: Producer,
    pub(super) scribe: Scribe,
    /// What was sent in the open transaction.
    sent: RefCell<Vec<(OperationId, Delivery)>>,
}

impl Transactor {
    /// Takes the id over from whoever had it; waits until a broker answers.
    pub(super) async fn begin(
        world: &Rc<World>,
        transactional_id: &str,
        seed: u64,
    ) -> Result<Self, TransactionError> {
        let mut keys = client_keys();
        keys.extend([
            ("transactional.id", transactional_id.to_owned()),
            ("transaction.timeout.ms", world.plan.transaction_timeout_ms.to_string()),
        ]);
        let producer = connect_producer(keys, seed).await;
        let scribe = Scribe::new(world);
        insist(async || producer.init_transactions().await).await?;
        Ok(Self { producer, scribe, sent: RefCell::default() })
    }

    /// Begins a transaction.
    pub(super) async fn open(&self) -> Result<(), TransactionError> {
        let begin = self.scribe.invoke(Operation::Begin);
        let begun = insist(async || self.producer.begin_transaction().await).await;
        match &begun {
            Ok(()) => self.scribe.ok(begin, Answer::Done),
            Err(error) => self.scribe.failed(begin, error),
        }
        begun
    }

    /// Sends a record in it. One that is not taken fails the transaction, which its end tells.
    pub(super) async fn send(&self, partition: &TopicPartition, value: &RecordValue) {
        let operation = Operation::Send { partition: partition.clone(), value: value.clone() };
        let send = self.scribe.invoke(operation);
        let record = Record {
            partition: Some(partition.partition.0),
            value: Some(value.as_str().as_bytes()),
            ..Record::to(&partition.topic)
        };
        match self.producer.send(&record).await {
            Ok(delivery) => self.sent.borrow_mut().push((send, delivery)),
            Err(error) => self.scribe.failed(send, &error),
        }
    }

    /// Has a group's offsets committed with it.
    pub(super) async fn send_offsets(
        &self,
        group: GroupMetadata,
        offsets: &Offsets,
    ) -> Result<(), TransactionError> {
        let named = offsets.iter().map(|(name, offset)| PartitionOffset::new(name, *offset));
        let operation =
            Operation::SendOffsets { group: group.group_id.clone(), offsets: named.collect() };
        let id = self.scribe.invoke(operation);
        let with_metadata =
            offsets.iter().map(|(name, offset)| (name.clone(), OffsetAndMetadata::of(*offset)));
        let with_metadata: std::collections::BTreeMap<_, _> = with_metadata.collect();
        let send = async || self.producer.send_offsets(group.clone(), with_metadata.clone()).await;
        let sent = insist(send).await;
        match &sent {
            Ok(()) => self.scribe.ok(id, Answer::Done),
            Err(error) => self.scribe.unknown(id, error),
        }
        sent
    }

    /// Commits it, and says whether that has come to be; aborts it if it cannot be committed.
    pub(super) async fn commit(&self) -> Result<bool, TransactionError> {
        let commit = self.scribe.invoke(Operation::Commit);
        let committed = insist(async || self.producer.commit_transaction().await).await;
        self.note_sent();
        match committed {
            Ok(()) => {
                self.scribe.ok(commit, Answer::Done);
                Ok(true)
            }
            Err(error) => {
                self.scribe.unknown(commit, &error);
                if !error.is_abortable() {
                    return Err(error);
                }
                self.abort().await.map(|()| false)
            }
        }
    }

    /// Aborts it.
    pub(super) async fn abort(&self) -> Result<(), TransactionError> {
        let abort = self.scribe.invoke(Operation::Abort);
        let aborted = insist(async || self.producer.abort_transaction().await).await;
        self.note_sent();
        match &aborted {
            Ok(()) => self.scribe.ok(abort, Answer::Done),
            Err(error) => self.scribe.unknown(abort, error),
        }
        aborted
    }

    /// Where the records are, as far as the producer was told.
    fn note_sent(&self) {
        for (send, delivery) in self.sent.take() {
            if let Some(Ok(delivered)) = delivery.poll() {
                self.scribe.ok(send, Answer::Sent { offset: delivered.offset });
            }
        }
    }
}

/// Calls again for as long as the answer is not there.
async fn insist(
    mut call: impl AsyncFnMut() -> Result<(), TransactionError>,
) -> Result<(), TransactionError> {
    loop {
        match call().await {
            Err(TransactionError::TimedOut { .. }) => {}
            done => return done,
        }
    }
}
