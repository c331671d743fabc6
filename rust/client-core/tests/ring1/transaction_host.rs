//! A made-up coordinator of one producer's transactions, in the old flow and the new one (KIP-890):
//! what it is asked may be lost, late or repeated, and it moves from broker to broker.

use std::collections::{BTreeMap, BTreeSet};

use base::ErrorCode;
use bytes::Bytes;
use wire::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
};
use wire::end_txn::{EndTxnRequest, EndTxnResponse};
use wire::find_coordinator::{Coordinator, FindCoordinatorResponse};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
};
use wire::{ApiKey, Message, Reader};

use crate::fake_cluster::{Partition, encode};

/// From this version on of each request, a transaction begins with what belongs to it.
const IMPLICIT_PRODUCE_MIN: i16 = 12;
const IMPLICIT_OFFSETS_MIN: i16 = 5;
const IMPLICIT_END_MIN: i16 = 5;
/// For so many requests a transaction that has ended is still being completed.
const COMPLETING: u32 = 2;

#[derive(Debug)]
pub(crate) struct TransactionHost {
    /// `transaction.version` of the cluster.
    pub(crate) level: i16,
    /// The broker that coordinates.
    pub(crate) node: i32,
    producer: Option<(i64, i16)>,
    /// What the producer was before its last change: whoever missed the answer asks with it again.
    before: Option<(i64, i16)>,
    first_epoch: i16,
    state: State,
    completing: u32,
    offsets: BTreeMap<i32, i64>,
    pub(crate) committed_offsets: BTreeMap<i32, i64>,
    /// How many transactions have ended.
    pub(crate) ended: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Ongoing(BTreeSet<i32>),
    Ended { committed: bool },
}

impl TransactionHost {
    pub(crate) fn new(level: i16, first_epoch: i16) -> Self {
        Self {
            level,
            node: 1,
            producer: None,
            before: None,
            first_epoch,
            state: State::Empty,
            completing: 0,
            offsets: BTreeMap::new(),
            committed_offsets: BTreeMap::new(),
            ended: 0,
        }
    }

    pub(crate) fn find(&self, version: i16) -> FindCoordinatorResponse {
        if version < 4 {
            return FindCoordinatorResponse { node_id: self.node, ..Default::default() };
        }
        let coordinators = vec![Coordinator { node_id: self.node, ..Default::default() }];
        FindCoordinatorResponse { coordinators, ..Default::default() }
    }

    /// Answers a request to `node`, if it is one about transactions.
    pub(crate) fn answer(
        &mut self,
        node: i32,
        (api, version, id): (ApiKey, i16, i32),
        reader: &mut Reader,
        partitions: &mut [Partition],
    ) -> Option<Bytes> {
        let elsewhere = (node != self.node).then_some(ErrorCode::NotCoordinator);
        Some(match api {
            ApiKey::InitProducerId => {
                let request = InitProducerIdRequest::decode(reader, version).unwrap();
                let done = elsewhere.map_or_else(|| self.init(&request, partitions), Err);
                let ((producer_id, producer_epoch), error_code) = split(done, (-1, -1));
                let response = InitProducerIdResponse {
                    error_code,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                encode(api, version, id, &response)
            }
            ApiKey::AddPartitionsToTxn => {
                assert!(version <= 3, "later versions are for brokers");
                let request = AddPartitionsToTxnRequest::decode(reader, version).unwrap();
                let done = elsewhere.map_or_else(|| self.add_partitions(&request), Err);
                encode(api, version, id, &added(&request, split(done, ()).1))
            }
            ApiKey::AddOffsetsToTxn => {
                let request = AddOffsetsToTxnRequest::decode(reader, version).unwrap();
                let asker = (request.producer_id, request.producer_epoch);
                let done = elsewhere.map_or_else(|| self.join(asker), Err);
                let error_code = split(done, ()).1;
                let response = AddOffsetsToTxnResponse { error_code, ..Default::default() };
                encode(api, version, id, &response)
            }
            ApiKey::TxnOffsetCommit => {
                let request = TxnOffsetCommitRequest::decode(reader, version).unwrap();
                let code = split(self.commit_offsets(&request, version), ()).1;
                encode(api, version, id, &committed(&request, code))
            }
            ApiKey::EndTxn => {
                let request = EndTxnRequest::decode(reader, version).unwrap();
                let done = elsewhere.map_or_else(|| self.end(&request, version, partitions), Err);
                let ((producer_id, producer_epoch), error_code) = split(done, (-1, -1));
                let response = EndTxnResponse {
                    error_code,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                encode(api, version, id, &response)
            }
            _ => return None,
        })
    }

    /// Whether a batch of this producer may be appended to a partition now.
    pub(crate) fn admit(
        &mut self,
        producer: (i64, i16),
        partition: i32,
        version: i16,
    ) -> Result<(), ErrorCode> {
        if version >= IMPLICIT_PRODUCE_MIN {
            let joined = self.join(producer);
            joined.map_err(|code| match code {
                ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
                code => code,
            })?;
            self.ongoing().insert(partition);
            return Ok(());
        }
        if self.producer != Some(producer) {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        match &self.state {
            State::Ongoing(partitions) if partitions.contains(&partition) => Ok(()),
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// Another producer takes the id over.
    pub(crate) fn fence(&mut self, partitions: &mut [Partition]) {
        self.finish(false, partitions);
        self.bump();
        self.before = None;
    }

    fn init(
        &mut self,
        request: &InitProducerIdRequest,
        partitions: &mut [Partition],
    ) -> Result<(i64, i16), ErrorCode> {
        let asker = (request.producer_id, request.producer_epoch);
        let Some(known) = self.producer else {
            self.producer = Some((500, self.first_epoch));
            return Ok((500, self.first_epoch));
        };
        if asker.0 >= 0 {
            if Some(asker) == self.before {
                return Ok(known);
            }
            if asker != known {
                return Err(ErrorCode::ProducerFenced);
            }
            let is_ongoing = matches!(self.state, State::Ongoing(_));
            assert!(!is_ongoing, "the client ends its transaction before it asks for an epoch");
        } else {
            self.finish(false, partitions);
        }
        Ok(self.bump())
    }

    fn add_partitions(&mut self, request: &AddPartitionsToTxnRequest) -> Result<(), ErrorCode> {
        let asker = (request.v3_and_below_producer_id, request.v3_and_below_producer_epoch);
        self.join(asker)?;
        let topics = request.v3_and_below_topics.iter();
        let added: Vec<i32> = topics.flat_map(|topic| topic.partitions.iter().copied()).collect();
        self.ongoing().extend(added);
        Ok(())
    }

    fn commit_offsets(
        &mut self,
        request: &TxnOffsetCommitRequest,
        version: i16,
    ) -> Result<(), ErrorCode> {
        let asker = (request.producer_id, request.producer_epoch);
        if version >= IMPLICIT_OFFSETS_MIN {
            self.join(asker)?;
        } else if Some(asker) != self.producer {
            return Err(ErrorCode::InvalidProducerEpoch);
        } else if !matches!(self.state, State::Ongoing(_)) {
            return Err(ErrorCode::InvalidTxnState);
        }
        let rows = request.topics.iter().flat_map(|topic| &topic.partitions);
        self.offsets.extend(rows.map(|row| (row.partition_index, row.committed_offset)));
        Ok(())
    }

    fn end(
        &mut self,
        request: &EndTxnRequest,
        version: i16,
        partitions: &mut [Partition],
    ) -> Result<(i64, i16), ErrorCode> {
        let asker = (request.producer_id, request.producer_epoch);
        let is_implicit = version >= IMPLICIT_END_MIN;
        let known = self.producer.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let is_ended = self.state == State::Ended { committed: request.committed };
        if is_implicit && Some(asker) == self.before && is_ended {
            return self.completed().map(|()| known);
        }
        if asker != known {
            return Err(ErrorCode::ProducerFenced);
        }
        match &self.state {
            State::Ongoing(_) => {}
            State::Ended { .. } if is_ended && !is_implicit => {
                return self.completed().map(|()| (-1, -1));
            }
            // The client cannot know whether anything of it has come through.
            _ if is_implicit && !request.committed => {}
            _ => return Err(ErrorCode::InvalidTxnState),
        }
        if is_implicit {
            let next = next_epoch(known);
            self.finish_as(request.committed, next, partitions);
            self.before = Some(known);
            self.producer = Some(next);
            return Ok(next);
        }
        self.finish_as(request.committed, known, partitions);
        Ok((-1, -1))
    }

    /// What belongs to the transaction begins it.
    fn join(&mut self, asker: (i64, i16)) -> Result<(), ErrorCode> {
        if Some(asker) != self.producer {
            return Err(ErrorCode::ProducerFenced);
        }
        if !matches!(self.state, State::Ongoing(_)) {
            self.completed()?;
            self.state = State::Ongoing(BTreeSet::new());
        }
        Ok(())
    }

    fn completed(&mut self) -> Result<(), ErrorCode> {
        if self.completing == 0 {
            return Ok(());
        }
        self.completing -= 1;
        Err(ErrorCode::ConcurrentTransactions)
    }

    fn ongoing(&mut self) -> &mut BTreeSet<i32> {
        match &mut self.state {
            State::Ongoing(partitions) => partitions,
            state => panic!("{state:?} is not ongoing"),
        }
    }

    fn finish(&mut self, committed: bool, partitions: &mut [Partition]) {
        if let Some(producer) = self.producer
            && matches!(self.state, State::Ongoing(_))
        {
            self.finish_as(committed, producer, partitions);
        }
    }

    /// Writes the markers, under the epoch of `as_producer` if the id is still the same.
    fn finish_as(
        &mut self,
        committed: bool,
        as_producer: (i64, i16),
        partitions: &mut [Partition],
    ) {
        let (id, epoch) = self.producer.expect("only a producer has transactions");
        let marked = if as_producer.0 == id { as_producer.1 } else { epoch };
        if let State::Ongoing(own) = &self.state {
            for partition in own {
                partitions[*partition as usize].append_marker(id, marked, committed);
            }
        }
        let offsets = std::mem::take(&mut self.offsets);
        if committed {
            self.committed_offsets.extend(offsets);
        }
        self.state = State::Ended { committed };
        self.completing = COMPLETING;
        self.ended += 1;
    }

    fn bump(&mut self) -> (i64, i16) {
        let known = self.producer.expect("only a producer has epochs");
        let next = next_epoch(known);
        self.before = Some(known);
        self.producer = Some(next);
        self.state = State::Empty;
        next
    }
}

fn next_epoch((id, epoch): (i64, i16)) -> (i64, i16) {
    if epoch >= i16::MAX - 1 { (id + 1, 0) } else { (id, epoch + 1) }
}

fn split<T>(done: Result<T, ErrorCode>, otherwise: T) -> (T, i16) {
    match done {
        Ok(done) => (done, 0),
        Err(code) => (otherwise, code as i16),
    }
}

fn added(request: &AddPartitionsToTxnRequest, code: i16) -> AddPartitionsToTxnResponse {
    let row = |partition: &i32| AddPartitionsToTxnPartitionResult {
        partition_index: *partition,
        partition_error_code: code,
    };
    let topics = request.v3_and_below_topics.iter().map(|topic| AddPartitionsToTxnTopicResult {
        name: topic.name.clone(),
        results_by_partition: topic.partitions.iter().map(row).collect(),
    });
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: topics.collect(),
        ..Default::default()
    }
}

fn committed(request: &TxnOffsetCommitRequest, code: i16) -> TxnOffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| TxnOffsetCommitResponseTopic {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|row| TxnOffsetCommitResponsePartition {
                partition_index: row.partition_index,
                error_code: code,
            })
            .collect(),
    });
    TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
