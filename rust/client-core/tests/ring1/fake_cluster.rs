//! Three made-up brokers with real bytes on the wire: logs in memory, leaders that move,
//! idempotence as Kafka checks it.

use std::collections::{BTreeMap, VecDeque};

use base::{ErrorCode, Instant, NodeId, ProducerEpoch, ProducerId, Uuid};
use bytes::Bytes;
use client_core::ConnectionId;
use records::{ControlRecord, RecordBatch};
use wire::api_versions::{ApiVersion, ApiVersionsResponse, FinalizedFeatureKey};
use wire::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use wire::find_coordinator::FindCoordinatorRequest;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use wire::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use wire::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use wire::produce::{
    LeaderIdAndEpoch, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceResponse,
};
use wire::{ApiKey, Message, Reader, Records, RequestHeaderError, encode_response};

use crate::group_host::{Caller, GroupHost};
use crate::transaction_host::TransactionHost;
use crate::trouble::Trouble;

pub(crate) const TOPIC: &str = "t";
/// `isolation_level` of a request that is to see no open transaction.
const READ_COMMITTED: i8 = 1;
pub(crate) const TOPIC_ID: Uuid = Uuid([7; 16]);
/// `key_type` of a request for the coordinator of transactions.
const TRANSACTION: i8 = 1;
/// How many batches a broker remembers of each producer and partition.
const REMEMBERED: usize = 5;

#[derive(Debug)]
pub(crate) struct FakeCluster {
    pub(crate) nodes: i32,
    pub(crate) partitions: Vec<Partition>,
    /// An older release: versions end early, and topics have no ids.
    pub(crate) is_old: bool,
    /// Whether a moved partition's new leader is named in passing.
    pub(crate) names_leaders: bool,
    /// The topic was deleted.
    pub(crate) is_deleted: bool,
    /// Partition `n` is kept by broker `n` and so many on; each broker has a rack of its own.
    pub(crate) replicas_from: i32,
    /// How often the topic was made anew.
    remade: u8,
    next_producer_id: i64,
    /// The topics that each request for metadata has named.
    pub(crate) asked_topics: Vec<Vec<String>>,
    pub(crate) group: GroupHost,
    pub(crate) transactions: TransactionHost,
    /// The epoch of the features that the brokers name.
    pub(crate) features_epoch: i64,
    /// No batch may be larger, if there is a limit.
    pub(crate) batch_bytes_max: Option<usize>,
    /// How many were.
    pub(crate) refused_too_large: u32,
    /// What the broker that takes the next produce request has.
    pub(crate) trouble: Trouble,
    /// The partitions whose leaders gave up with batches that were not replicated.
    pub(crate) resigned: Vec<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) leader: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) end: i64,
    /// Where a transaction begins that is still open, if there is one.
    pub(crate) open_transaction: Option<i64>,
    /// So many of the last batches only their leader has.
    pub(crate) unreplicated: usize,
    /// Producers whose batches lie before are not known any more.
    pub(crate) known_from: i64,
    /// Of a producer that is not known the first batch must be its first; a repeat that is not
    /// remembered has a code of its own.
    pub(crate) is_old: bool,
    producers: BTreeMap<i64, Producer>,
}

#[derive(Debug, Default)]
struct Producer {
    epoch: i16,
    /// First and last sequence number, and first offset.
    recent: VecDeque<(i32, i32, i64)>,
}

/// Where a broker stands.
pub(crate) fn rack_of(node: i32) -> String {
    format!("rack{node}")
}

impl FakeCluster {
    pub(crate) fn new(nodes: i32, partitions: i32, is_old: bool) -> Self {
        let group = GroupHost::new(partitions);
        let partition = |index| Partition::new(index % nodes, is_old);
        let partitions = (0..partitions).map(partition).collect();
        Self {
            nodes,
            partitions,
            is_old,
            names_leaders: !is_old,
            is_deleted: false,
            replicas_from: 0,
            remade: 0,
            next_producer_id: 1000,
            asked_topics: Vec::new(),
            group,
            transactions: TransactionHost::new(0, 0),
            features_epoch: 1,
            batch_bytes_max: None,
            refused_too_large: 0,
            trouble: Trouble::None,
            resigned: Vec::new(),
        }
    }

    pub(crate) fn move_leader(&mut self, partition: usize) {
        let partition = &mut self.partitions[partition];
        partition.leader = (partition.leader + 1) % self.nodes;
        partition.leader_epoch += 1;
    }

    /// Deletes the topic and makes it again, empty.
    pub(crate) fn remake_topic(&mut self) {
        self.remade += 1;
        for (index, partition) in self.partitions.iter_mut().enumerate() {
            *partition = Partition::new(index as i32 % self.nodes, self.is_old);
        }
    }

    /// Answers one request frame to `node`; `None` if it asks for no answer, or not yet.
    pub(crate) fn answer(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        frame: Bytes,
        now: Instant,
    ) -> Option<Bytes> {
        let mut reader = Reader::new(frame.clone());
        let (api, header) = match wire::decode_request_header(&mut reader) {
            Ok(decoded) => decoded,
            Err(RequestHeaderError::UnsupportedVersion { correlation_id, .. }) => {
                return Some(self.refuse_version(correlation_id));
            }
            Err(error) => panic!("our own client sent nonsense: {error}"),
        };
        let version = header.request_api_version;
        let id = header.correlation_id;
        let (_, min, max) = self.range(api);
        if api == ApiKey::ApiVersions && version > max {
            return Some(self.refuse_version(id));
        }
        assert!((min..=max).contains(&version), "{api:?} {version} was not offered");
        match api {
            ApiKey::ApiVersions => Some(encode(api, version, id, &self.api_versions())),
            ApiKey::Metadata => {
                let request = MetadataRequest::decode(&mut reader, version).unwrap();
                let names = request.topics.into_iter().flatten().filter_map(|topic| topic.name);
                self.asked_topics.push(names.collect());
                Some(encode(api, version, id, &self.metadata()))
            }
            ApiKey::InitProducerId if !is_transactional(frame.clone(), version) => {
                self.next_producer_id += 1;
                let producer_id = self.next_producer_id;
                let response = InitProducerIdResponse { producer_id, ..Default::default() };
                Some(encode(api, version, id, &response))
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut reader, version).unwrap();
                let response = self.produce(node, &request, version);
                (request.acks != 0).then(|| encode(api, version, id, &response))
            }
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&mut reader, version).unwrap();
                Some(encode(api, version, id, &self.fetch(node, &request)))
            }
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&mut reader, version).unwrap();
                Some(encode(api, version, id, &self.list_offsets(node, &request)))
            }
            ApiKey::OffsetForLeaderEpoch => {
                let request = OffsetForLeaderEpochRequest::decode(&mut reader, version).unwrap();
                Some(encode(api, version, id, &self.epoch_ends(node, &request)))
            }
            ApiKey::InitProducerId
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::TxnOffsetCommit
            | ApiKey::EndTxn => {
                let partitions = &mut self.partitions;
                self.transactions.answer(node.0, (api, version, id), &mut reader, partitions)
            }
            ApiKey::FindCoordinator if is_about_transactions(frame, version) => {
                Some(encode(api, version, id, &self.transactions.find(version)))
            }
            api => {
                let caller = Caller { connection, correlation_id: id, version };
                self.group.answer(api, caller, reader, now)
            }
        }
    }

    /// Every record in a partition's log: its value, in order.
    pub(crate) fn values(&self, partition: usize) -> Vec<u64> {
        let batches = self.partitions[partition].batches.iter();
        batches.flat_map(values).collect()
    }

    /// The same of committed transactions alone, in the order of their commits.
    pub(crate) fn committed_values(&self, partition: usize) -> Vec<u64> {
        let mut open: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        let mut committed = Vec::new();
        for batch in &self.partitions[partition].batches {
            let producer = batch.header().producer_id.0;
            if !batch.header().attributes.is_control() {
                open.entry(producer).or_default().extend(values(batch));
                continue;
            }
            let records = batch.records().unwrap();
            let marker = ControlRecord::parse(&records.iter().next().unwrap().unwrap()).unwrap();
            let ended = open.remove(&producer).unwrap_or_default();
            if matches!(marker, ControlRecord::Commit { .. }) {
                committed.extend(ended);
            }
        }
        committed
    }

    fn range(&self, api: ApiKey) -> (i16, i16, i16) {
        let advertised = api.advertised();
        let max = match api {
            ApiKey::ApiVersions if self.is_old => 2,
            ApiKey::Metadata | ApiKey::Produce if self.is_old => 8,
            ApiKey::Fetch if self.is_old => 11,
            _ => advertised.max,
        };
        (api.key(), advertised.min, max)
    }

    fn api_versions(&self) -> ApiVersionsResponse {
        let range = |api: &ApiKey| {
            let (api_key, min_version, max_version) = self.range(*api);
            ApiVersion { api_key, min_version, max_version }
        };
        ApiVersionsResponse {
            api_keys: ApiKey::ALL.iter().map(range).collect(),
            finalized_features_epoch: self.features_epoch,
            finalized_features: vec![FinalizedFeatureKey {
                name: "transaction.version".to_owned(),
                max_version_level: self.transactions.level,
                min_version_level: self.transactions.level,
            }],
            ..Default::default()
        }
    }

    fn refuse_version(&self, correlation_id: i32) -> Bytes {
        let error_code = ErrorCode::UnsupportedVersion as i16;
        let response = ApiVersionsResponse { error_code, ..self.api_versions() };
        encode(ApiKey::ApiVersions, 0, correlation_id, &response)
    }

    fn metadata(&self) -> MetadataResponse {
        let broker = |node_id| MetadataResponseBroker {
            node_id,
            host: format!("node{node_id}"),
            port: 9092,
            rack: Some(rack_of(node_id)),
        };
        let partition = |(index, partition): (usize, &Partition)| MetadataResponsePartition {
            partition_index: index as i32,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: vec![self.keeper(index as i32)],
            ..Default::default()
        };
        let gone = ErrorCode::UnknownTopicOrPartition as i16;
        let partitions = if self.is_deleted { &[] } else { &self.partitions[..] };
        MetadataResponse {
            brokers: (0..self.nodes).map(broker).collect(),
            controller_id: 0,
            topics: vec![MetadataResponseTopic {
                name: Some(TOPIC.to_owned()),
                error_code: if self.is_deleted { gone } else { 0 },
                topic_id: if self.is_deleted { Uuid::ZERO } else { self.topic_id() },
                partitions: partitions.iter().enumerate().map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    /// The broker that keeps a partition, whoever leads it in this made-up world.
    pub(crate) fn keeper(&self, partition: i32) -> i32 {
        (partition + self.replicas_from) % self.nodes
    }

    fn topic_id(&self) -> Uuid {
        if self.is_old { Uuid::ZERO } else { Uuid([TOPIC_ID.0[0] + self.remade; 16]) }
    }

    fn produce(&mut self, node: NodeId, request: &ProduceRequest, version: i16) -> ProduceResponse {
        let mut rows = Vec::new();
        for topic in &request.topic_data {
            assert!(topic.name == TOPIC || topic.topic_id == TOPIC_ID);
            for data in &topic.partition_data {
                let Some(Records::Bytes(bytes)) = &data.records else { panic!("no records") };
                let batch = RecordBatch::parse(bytes.clone()).unwrap();
                batch.verify_crc().unwrap();
                let admitted = self.admit(&batch, data.index, node, version);
                let partition = &mut self.partitions[data.index as usize];
                let mut row = PartitionProduceResponse { index: data.index, ..Default::default() };
                if partition.leader == node.0 {
                    let count = partition.batches.len();
                    let appended = admitted.and_then(|()| partition.append(batch));
                    let new = partition.batches.len() - count;
                    match appended.and_then(|offset| self.replicate(data.index, new, offset)) {
                        Ok(base_offset) => row.base_offset = base_offset,
                        Err(code) => row.error_code = code as i16,
                    }
                } else {
                    row.error_code = ErrorCode::NotLeaderOrFollower as i16;
                    row.base_offset = -1;
                    if self.names_leaders {
                        row.current_leader = LeaderIdAndEpoch {
                            leader_id: partition.leader,
                            leader_epoch: partition.leader_epoch,
                        };
                    }
                }
                rows.push(row);
            }
        }
        let responses = vec![TopicProduceResponse {
            name: TOPIC.to_owned(),
            topic_id: self.topic_id(),
            partition_responses: rows,
        }];
        ProduceResponse { responses, ..Default::default() }
    }

    /// What is looked at before a batch comes to its log.
    fn admit(
        &mut self,
        batch: &RecordBatch,
        index: i32,
        node: NodeId,
        version: i16,
    ) -> Result<(), ErrorCode> {
        if self.partitions[index as usize].leader != node.0 {
            return Ok(()); // it will be told so
        }
        if let Trouble::Refuses(code) = self.trouble {
            return Err(code);
        }
        if self.batch_bytes_max.is_some_and(|limit| batch.bytes().len() > limit)
            && batch.header().record_count > 1
        {
            self.refused_too_large += 1;
            return Err(ErrorCode::MessageTooLarge);
        }
        let header = batch.header();
        if !header.attributes.is_transactional() {
            return Ok(());
        }
        let producer = (header.producer_id.0, header.producer_epoch.0);
        self.transactions.admit(producer, index, version)
    }

    fn fetch(&self, node: NodeId, request: &FetchRequest) -> FetchResponse {
        let mut left = request.max_bytes as usize;
        let mut rows = Vec::new();
        let asked_id = request.topics.first().map_or(Uuid::ZERO, |topic| topic.topic_id);
        for asked in request.topics.iter().flat_map(|topic| &topic.partitions) {
            let partition = &self.partitions[asked.partition as usize];
            let mut row = PartitionData {
                partition_index: asked.partition,
                high_watermark: partition.end,
                ..Default::default()
            };
            let code = if self.is_deleted && self.is_old {
                ErrorCode::UnknownTopicOrPartition
            } else if self.is_deleted || asked_id != self.topic_id() {
                ErrorCode::UnknownTopicId
            } else if partition.leader != node.0 {
                ErrorCode::NotLeaderOrFollower
            } else if asked.current_leader_epoch > partition.leader_epoch {
                ErrorCode::UnknownLeaderEpoch
            } else if (0..partition.leader_epoch).contains(&asked.current_leader_epoch) {
                ErrorCode::FencedLeaderEpoch
            } else if let Some((epoch, end_offset)) = partition.divergence(asked) {
                row.diverging_epoch = EpochEndOffset { epoch, end_offset };
                ErrorCode::None
            } else if !(0..=partition.end).contains(&asked.fetch_offset)
                || partition.has_forgotten(asked)
            {
                ErrorCode::OffsetOutOfRange
            } else {
                let limit = left.min(asked.partition_max_bytes as usize);
                let end = partition.end_for(request.isolation_level);
                row.last_stable_offset = partition.end_for(READ_COMMITTED);
                let bytes = partition.read(asked.fetch_offset, end, limit);
                left = left.saturating_sub(bytes.len());
                row.records = Some(Records::Bytes(bytes));
                ErrorCode::None
            };
            row.error_code = code as i16;
            rows.push(row);
        }
        let responses = vec![FetchableTopicResponse {
            topic: TOPIC.to_owned(),
            topic_id: asked_id,
            partitions: rows,
        }];
        FetchResponse { responses, ..Default::default() }
    }

    fn list_offsets(&self, node: NodeId, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let isolation_level = request.isolation_level;
        let row = |partition_index: i32, timestamp: i64| {
            let partition = &self.partitions[partition_index as usize];
            let mut row = ListOffsetsPartitionResponse { partition_index, ..Default::default() };
            if self.is_deleted {
                row.error_code = ErrorCode::UnknownTopicOrPartition as i16;
            } else if partition.leader == node.0 {
                row.offset = if timestamp == -1 { partition.end_for(isolation_level) } else { 0 };
            } else {
                row.error_code = ErrorCode::NotLeaderOrFollower as i16;
            }
            row
        };
        let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|asked| row(asked.partition_index, asked.timestamp))
                .collect(),
        });
        ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
    }
}

impl Partition {
    fn new(leader: i32, is_old: bool) -> Self {
        Self { leader, is_old, ..Self::default() }
    }

    /// Appends as Kafka's producer state manager decides: repeats succeed with their first offset,
    /// gaps and old epochs are refused, a new epoch begins at 0.
    pub(crate) fn append(&mut self, batch: RecordBatch) -> Result<i64, ErrorCode> {
        let header = *batch.header();
        if header.has_producer_id() {
            let (first, last) = (header.base_sequence, header.last_sequence());
            let epoch = header.producer_epoch.0;
            let known = self.producers.get(&header.producer_id.0);
            if known.is_none() && self.is_old && first > 0 {
                return Err(ErrorCode::UnknownProducerId);
            }
            if let Some(known) = known {
                if epoch < known.epoch {
                    return Err(ErrorCode::InvalidProducerEpoch);
                }
                if epoch == known.epoch {
                    let repeat = known.recent.iter().find(|(f, l, _)| (*f, *l) == (first, last));
                    if let Some((_, _, offset)) = repeat {
                        return Ok(*offset);
                    }
                }
                let expected = match known.recent.back() {
                    Some((_, last, _)) if epoch == known.epoch => last + 1,
                    _ => 0,
                };
                if first < expected && self.is_old {
                    // Where it lies is forgotten, so it is long there, for all replicas.
                    self.unreplicated = 0;
                    return Err(ErrorCode::DuplicateSequenceNumber);
                }
                if first != expected {
                    return Err(ErrorCode::OutOfOrderSequenceNumber);
                }
            }
        }
        let offset = self.push(batch);
        let appended = self.batches.last().expect("it was just appended");
        note(&mut self.producers, appended);
        Ok(offset)
    }

    fn push(&mut self, batch: RecordBatch) -> i64 {
        let base_offset = self.end;
        let mut bytes = batch.into_bytes().to_vec();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        let batch = RecordBatch::parse(bytes.into()).unwrap();
        self.end = batch.header().next_offset().0;
        self.batches.push(batch);
        base_offset
    }

    /// Appends the marker that ends a transaction; what comes under an older epoch is too late.
    pub(crate) fn append_marker(&mut self, producer_id: i64, epoch: i16, committed: bool) {
        let coordinator_epoch = 0;
        let marker = if committed {
            ControlRecord::Commit { coordinator_epoch }
        } else {
            ControlRecord::Abort { coordinator_epoch }
        };
        let bytes = marker.end_transaction_batch(ProducerId(producer_id), ProducerEpoch(epoch), 0);
        self.push(RecordBatch::parse(bytes).unwrap());
        self.unreplicated = 0;
        note(&mut self.producers, self.batches.last().expect("it was just appended"));
    }

    /// What a broker that reads its log knows of producers.
    pub(crate) fn know_producers_by_log(&mut self) {
        self.producers.clear();
        let is_known = |batch: &&RecordBatch| batch.header().base_offset.0 >= self.known_from;
        for batch in self.batches.iter().filter(is_known) {
            note(&mut self.producers, batch);
        }
    }

    /// How far a consumer sees that reads with this isolation.
    fn end_for(&self, isolation_level: i8) -> i64 {
        let stable = self.open_transaction.filter(|_| isolation_level == READ_COMMITTED);
        stable.unwrap_or(self.end)
    }

    /// The batches before `end` from the one that holds `offset` on, cut at `limit` bytes but for
    /// the first.
    fn read(&self, offset: i64, end: i64, limit: usize) -> Bytes {
        let mut bytes = Vec::new();
        let wanted = |batch: &&RecordBatch| {
            let header = batch.header();
            header.next_offset().0 > offset && header.base_offset.0 < end
        };
        for batch in self.batches.iter().filter(wanted) {
            if !bytes.is_empty() && bytes.len() + batch.bytes().len() > limit {
                // As a broker does: what is cut off is not said.
                let room = limit.saturating_sub(bytes.len());
                bytes.extend_from_slice(&batch.bytes()[..room]);
                break;
            }
            bytes.extend_from_slice(batch.bytes());
        }
        bytes.into()
    }
}

/// Takes in a batch that is in the log.
fn note(producers: &mut BTreeMap<i64, Producer>, batch: &RecordBatch) {
    let header = batch.header();
    if !header.has_producer_id() {
        return;
    }
    let epoch = header.producer_epoch.0;
    let known = producers.entry(header.producer_id.0).or_default();
    if known.epoch < epoch {
        *known = Producer { epoch, recent: VecDeque::new() };
    }
    if header.attributes.is_control() {
        return; // a marker has no sequence number
    }
    let first_offset = header.base_offset.0;
    known.recent.push_back((header.base_sequence, header.last_sequence(), first_offset));
    if known.recent.len() > REMEMBERED {
        known.recent.pop_front();
    }
}

fn values(batch: &RecordBatch) -> Vec<u64> {
    let value = |value: &[u8]| u64::from_be_bytes(value[..8].try_into().unwrap());
    let records = batch.records().unwrap();
    records.iter().map(|record| value(record.unwrap().value.unwrap())).collect()
}

fn is_transactional(frame: Bytes, version: i16) -> bool {
    let request = InitProducerIdRequest::decode(&mut body(frame), version).unwrap();
    request.transactional_id.is_some()
}

fn is_about_transactions(frame: Bytes, version: i16) -> bool {
    let request = FindCoordinatorRequest::decode(&mut body(frame), version).unwrap();
    request.key_type == TRANSACTION
}

/// What is behind a request's header.
fn body(frame: Bytes) -> Reader {
    let mut reader = Reader::new(frame);
    wire::decode_request_header(&mut reader).expect("it was read before");
    reader
}

pub(crate) fn encode<M: Message>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &M,
) -> Bytes {
    let frame = encode_response(api, version, correlation_id, response).unwrap();
    frame.collect().unwrap().slice(4..)
}
