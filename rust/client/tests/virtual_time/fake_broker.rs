//! A made-up broker that does what a test tells it: topics come to be, and produce requests are
//! answered, or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::ErrorCode;
use bytes::Bytes;
use parking_lot::Mutex;
use records::RecordBatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use wire::api_versions::{ApiVersion, ApiVersionsResponse};
use wire::init_producer_id::InitProducerIdResponse;
use wire::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use wire::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use wire::{ApiKey, Message, Reader, Records, encode_response};

/// The broker; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct FakeBroker(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    name: &'static str,
    topics: BTreeMap<String, Topic>,
    answers_produce: bool,
}

/// Its partitions' logs, or why it cannot be used.
type Topic = Result<Vec<Vec<Bytes>>, ErrorCode>;

impl FakeBroker {
    /// A broker at the host `name`, without topics.
    pub(crate) fn new(name: &'static str) -> Self {
        let topics = BTreeMap::new();
        Self(Arc::new(Mutex::new(State { name, topics, answers_produce: true })))
    }

    pub(crate) fn create(&self, topic: &str, partitions: usize) {
        self.0.lock().topics.insert(topic.to_owned(), Ok(vec![Vec::new(); partitions]));
    }

    pub(crate) fn refuse(&self, topic: &str, code: ErrorCode) {
        self.0.lock().topics.insert(topic.to_owned(), Err(code));
    }

    /// From now on no produce request is answered.
    pub(crate) fn stop_answering_produce(&self) {
        self.0.lock().answers_produce = false;
    }

    /// The values in each partition of a topic, in order.
    pub(crate) fn values(&self, topic: &str) -> Vec<Vec<Bytes>> {
        self.0.lock().topics[topic].clone().unwrap()
    }

    /// Answers what comes in, in order, until the client goes.
    pub(crate) async fn serve(self, mut stream: DuplexStream) {
        while let Ok(length) = stream.read_i32().await {
            let mut request = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut request).await.unwrap();
            if let Some(response) = self.answer(request.into())
                && stream.write_all(&response).await.is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, request: Bytes) -> Option<Bytes> {
        let mut reader = Reader::new(request);
        let (api, header) = wire::decode_request_header(&mut reader).unwrap();
        let (version, id) = (header.request_api_version, header.correlation_id);
        match api {
            ApiKey::ApiVersions => Some(encode(api, version, id, &api_versions())),
            ApiKey::Metadata => {
                let request = MetadataRequest::decode(&mut reader, version).unwrap();
                Some(encode(api, version, id, &self.metadata(&request)))
            }
            ApiKey::InitProducerId => {
                let response = InitProducerIdResponse { producer_id: 7, ..Default::default() };
                Some(encode(api, version, id, &response))
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut reader, version).unwrap();
                let response = self.produce(&request)?;
                Some(encode(api, version, id, &response))
            }
            api => panic!("no test has a producer ask {api:?}"),
        }
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let state = self.0.lock();
        let partition = |partition_index: usize| MetadataResponsePartition {
            partition_index: i32::try_from(partition_index).unwrap(),
            leader_id: 1,
            leader_epoch: 0,
            ..Default::default()
        };
        let topic = |name: String| {
            let (code, partitions) = match state.topics.get(&name) {
                Some(Ok(partitions)) => (ErrorCode::None, partitions.len()),
                Some(Err(code)) => (*code, 0),
                None => (ErrorCode::UnknownTopicOrPartition, 0),
            };
            MetadataResponseTopic {
                error_code: code as i16,
                topic_id: id_of(&name),
                name: Some(name),
                partitions: (0..partitions).map(partition).collect(),
                ..Default::default()
            }
        };
        let names = request.topics.iter().flatten().filter_map(|topic| topic.name.clone());
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: state.name.to_owned(),
                port: 9092,
                ..Default::default()
            }],
            controller_id: 1,
            topics: names.map(topic).collect(),
            ..Default::default()
        }
    }

    fn produce(&self, request: &ProduceRequest) -> Option<ProduceResponse> {
        let mut state = self.0.lock();
        if !state.answers_produce {
            return None;
        }
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let is_it = |name: &&String| **name == topic.name || id_of(name) == topic.topic_id;
            let name = state.topics.keys().find(is_it).unwrap().clone();
            let logs = state.topics.get_mut(&name).unwrap().as_mut().unwrap();
            let mut rows = Vec::new();
            for data in &topic.partition_data {
                let Some(Records::Bytes(bytes)) = &data.records else { panic!("no records") };
                let log = &mut logs[usize::try_from(data.index).unwrap()];
                let base_offset = i64::try_from(log.len()).unwrap();
                let batch = RecordBatch::parse(bytes.clone()).unwrap();
                let records = batch.records().unwrap();
                log.extend(
                    records
                        .iter()
                        .map(|record| Bytes::copy_from_slice(record.unwrap().value.unwrap())),
                );
                let index = data.index;
                rows.push(PartitionProduceResponse { index, base_offset, ..Default::default() });
            }
            responses.push(TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses: rows,
            });
        }
        Some(ProduceResponse { responses, ..Default::default() })
    }
}

/// An id that is made of the name.
fn id_of(name: &str) -> base::Uuid {
    let mut id = [1; 16];
    for (index, byte) in name.bytes().enumerate() {
        id[index % 16] ^= byte;
    }
    base::Uuid(id)
}

fn api_versions() -> ApiVersionsResponse {
    let range = |api: &ApiKey| {
        let advertised = api.advertised();
        let (min_version, max_version) = (advertised.min, advertised.max);
        ApiVersion { api_key: api.key(), min_version, max_version }
    };
    ApiVersionsResponse { api_keys: ApiKey::ALL.iter().map(range).collect(), ..Default::default() }
}

fn encode<M: Message>(api: ApiKey, version: i16, correlation_id: i32, response: &M) -> Bytes {
    encode_response(api, version, correlation_id, response).unwrap().collect().unwrap()
}
