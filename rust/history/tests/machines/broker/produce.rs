//! Produce: a write in a transaction waits until the transaction's coordinator knows of the
//! partition, and those behind it wait with it (KIP-890).

use std::collections::{BTreeMap, VecDeque};

use base::{ErrorCode, Offset, TopicPartition};
use bytes::Bytes;
use coordinator::TransactionalProducer;
use coordinator::transaction::{TransactionRequest, TransactionResponse};
use records::BatchHeader;
use storage::{VerificationGuard, VerificationStart};
use wire::Records;
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use wire::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};

use super::topics::name_of;
use super::{Asker, Broker, Caller, Then, encoded};
use crate::weakness::Weakness;

/// From here on writes add their partitions to the transaction.
const IMPLICIT_VERSION_MIN: i16 = 12;
/// The version in which brokers ask each other.
const BROKERS_VERSION: i16 = 5;

/// A write that waits for the coordinator, or for those before it.
#[derive(Debug)]
pub(crate) struct Produce {
    caller: Caller,
    request: ProduceRequest,
    producer: TransactionalProducer,
    guards: BTreeMap<TopicPartition, Result<VerificationGuard, ErrorCode>>,
}

/// What a coordinator says of partitions.
pub(super) type Verdicts = BTreeMap<TopicPartition, ErrorCode>;

impl Produce {
    fn adds(&self) -> bool {
        self.caller.version >= IMPLICIT_VERSION_MIN
    }
}

impl Broker {
    pub(super) fn produce(&mut self, caller: Caller, request: ProduceRequest) {
        let mut headers = batches(&request).map(|(_, bytes)| header(&bytes));
        let transactional = headers.find(|header| header.attributes.is_transactional());
        drop(headers);
        let Some(header) = transactional else {
            return self.append(caller, &request, &BTreeMap::new());
        };
        let producer =
            TransactionalProducer { id: header.producer_id, epoch: header.producer_epoch };
        let id = request.transactional_id.clone().expect("a transactional producer says its id");
        let queue = self.produces.entry(id.clone()).or_default();
        queue.push_back(Produce { caller, request, producer, guards: BTreeMap::new() });
        if queue.len() == 1 {
            self.verify_first(&id);
        }
    }

    /// Asks about the partitions on which no transaction of the producer is open.
    fn verify_first(&mut self, transactional_id: &str) {
        let Some(queue) = self.produces.get_mut(transactional_id) else { return };
        let Some(first) = queue.front_mut() else {
            self.produces.remove(transactional_id);
            return;
        };
        let mut asked = Vec::new();
        if self.weakness != Some(Weakness::UnverifiedWrites) {
            for (name, bytes) in batches(&first.request) {
                let start = VerificationStart {
                    producer_id: first.producer.id,
                    producer_epoch: first.producer.epoch,
                    base_sequence: header(&bytes).base_sequence,
                    supports_epoch_bump: first.adds(),
                };
                let guard = self.partitions[&name].begin_verification(&start, self.now.unix_ms);
                if guard.is_ok_and(|guard| guard != VerificationGuard::NONE) {
                    asked.push(name.clone());
                }
                first.guards.insert(name, guard);
            }
        }
        let (producer, adds) = (first.producer, first.adds());
        if asked.is_empty() {
            return self.append_first(transactional_id, &Verdicts::new());
        }
        let request = question(transactional_id, producer, adds, &asked);
        self.ask_transactions(BROKERS_VERSION, &request, Asker::Produce(transactional_id.into()));
    }

    /// The coordinator has said what it knows.
    pub(super) fn append_first(&mut self, transactional_id: &str, verdicts: &Verdicts) {
        let queue = self.produces.get_mut(transactional_id);
        let Some(mut first) = queue.and_then(VecDeque::pop_front) else { return };
        let adds = first.adds();
        for (name, guard) in &mut first.guards {
            let verdict = verdicts.get(name).filter(|code| **code != ErrorCode::None);
            if let Some(code) = verdict {
                *guard = Err(understood(*code, adds));
            }
        }
        self.append(first.caller, &first.request, &first.guards);
        self.verify_first(transactional_id);
    }

    /// Appends what may be, and answers once that is durable.
    fn append(
        &mut self,
        caller: Caller,
        request: &ProduceRequest,
        guards: &BTreeMap<TopicPartition, Result<VerificationGuard, ErrorCode>>,
    ) {
        let mut until = Vec::new();
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let mut rows = Vec::new();
            for data in &topic.partition_data {
                let name = TopicPartition::new(name(topic), data.index);
                let guard = guards.get(&name).copied().unwrap_or(Ok(VerificationGuard::NONE));
                let partition = &self.partitions[&name];
                let now_ms = self.now.unix_ms;
                let appended =
                    guard.and_then(|guard| partition.append(&bytes_of(data), guard, now_ms));
                rows.push(row(data.index, appended));
                if let Ok((_, end)) = appended {
                    until.push((name, end));
                }
            }
            let topic_id = topic.topic_id;
            let partition_responses = rows;
            responses.push(TopicProduceResponse {
                name: topic.name.clone(),
                topic_id,
                partition_responses,
            });
        }
        if self.has(Weakness::AcknowledgesTooEarly) {
            until.clear();
        }
        let frame = encoded(caller, &ProduceResponse { responses, ..Default::default() });
        self.hold(until, Then::Answer(caller, frame));
    }
}

/// Whether the producer's transaction has these partitions; under version 2 it gets them.
pub(super) fn question(
    transactional_id: &str,
    producer: TransactionalProducer,
    adds: bool,
    partitions: &[TopicPartition],
) -> TransactionRequest {
    let topics = partitions.iter().map(|partition| AddPartitionsToTxnTopic {
        name: partition.topic.to_string(),
        partitions: vec![partition.partition.0],
    });
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: transactional_id.to_owned(),
        producer_id: producer.id.0,
        producer_epoch: producer.epoch.0,
        verify_only: !adds,
        topics: topics.collect(),
    };
    TransactionRequest::AddPartitionsToTxn(AddPartitionsToTxnRequest {
        transactions: vec![transaction],
        ..Default::default()
    })
}

/// What the coordinator has said.
pub(super) fn verdicts(response: &TransactionResponse) -> Verdicts {
    let TransactionResponse::AddPartitionsToTxn(response) = response else {
        panic!("{response:?} is no answer to a question about partitions")
    };
    let topics = response.results_by_transaction.iter().flat_map(|result| &result.topic_results);
    let rows = topics.flat_map(|topic| {
        topic.results_by_partition.iter().map(|row| {
            let name = TopicPartition::new(topic.name.as_str(), row.partition_index);
            (name, ErrorCode::from_code(row.partition_error_code).expect("one of ours"))
        })
    });
    rows.collect()
}

/// What passes is told as what every producer tries again.
fn understood(code: ErrorCode, adds: bool) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::ConcurrentTransactions if !adds => ErrorCode::NotEnoughReplicas,
        code => code,
    }
}

fn batches(request: &ProduceRequest) -> impl Iterator<Item = (TopicPartition, Bytes)> {
    request.topic_data.iter().flat_map(|topic| {
        topic
            .partition_data
            .iter()
            .map(|data| (TopicPartition::new(name(topic), data.index), bytes_of(data)))
    })
}

/// Writers of the older flow name topics, others their ids.
fn name(topic: &TopicProduceData) -> &str {
    if topic.name.is_empty() { name_of(topic.topic_id) } else { &topic.name }
}

fn bytes_of(data: &PartitionProduceData) -> Bytes {
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.clone(),
        records => panic!("a producer sends bytes, not {records:?}"),
    }
}

fn header(bytes: &Bytes) -> BatchHeader {
    BatchHeader::parse(bytes).expect("our own producer's")
}

fn row(index: i32, appended: Result<(Offset, Offset), ErrorCode>) -> PartitionProduceResponse {
    let (base_offset, error_code) = match appended {
        Ok((base_offset, _)) => (base_offset.0, 0),
        Err(code) => (-1, code.code()),
    };
    PartitionProduceResponse { index, error_code, base_offset, ..Default::default() }
}
