//! Fetch (key 1), v4-v18: reads records, waiting for them if the client allows.
//!
//! v12 adds the diverging epoch (KIP-595), v13 topic ids (KIP-516), v15 the replica state
//! (KIP-903), v16 the leader's address (KIP-951). Sessions (KIP-227) are not kept: every response
//! says session 0, which every client accepts, and a request that continues a session is told that
//! it is gone.

use std::sync::Arc;
use std::time::Duration;

use base::{ByteSource, ErrorCode, LeaderEpoch, Offset, TopicId, Wait};
use tokio::time::{Instant, timeout_at};
use wire::Records;
use wire::fetch::{
    AbortedTransaction, EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchTopic,
    FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};

use crate::blocking::Blocking;
use crate::fetch_wait::{FetchWake, Gathered};
use crate::leadership::FetchWait;
use crate::partition::{FetchError, FetchFrom, Fetched, Partition};
use crate::request::RequestContext;

/// The session epochs of a request that stands alone, and of one that would open a session.
const WITHOUT_SESSION: [i32; 2] = [-1, 0];
const READ_COMMITTED: i8 = 1;

/// How long a client is asked to stay away whose fetch finds no place to wait.
const NO_PLACE_THROTTLE_MS: i32 = 100;
/// What a waiting fetch holds for each partition beside what was asked: the partition, its place in
/// the leader's queue and the number of bytes there.
const WAITING_PARTITION_BYTES: usize = 256;

/// From this version on a client that asks the wrong leader, or believes in an old epoch, is told
/// the right one at once (KIP-951).
const TELLS_LEADER: i16 = 16;

/// Answers a fetch as soon as it has `min_bytes`, news, or no time left.
pub(crate) async fn handle(context: RequestContext, request: FetchRequest) -> FetchResponse {
    let broker = Arc::clone(&context.broker);
    let connection = Arc::clone(&context.connection);
    let mut response = fetch(context, request).await;
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    let leaders: Vec<i32> = partitions.map(|found| found.current_leader.leader_id).collect();
    if leaders.iter().any(|&leader| leader >= 0) {
        let end_points = broker.end_points(&broker.partitions.image(), &connection).into_iter();
        let named = end_points.filter(|end_point| leaders.contains(&end_point.node_id.0));
        let named = named.map(|end_point| NodeEndpoint {
            node_id: end_point.node_id.0,
            host: end_point.host,
            port: end_point.port,
            rack: end_point.rack,
        });
        response.node_endpoints = named.collect();
    }
    response
}

async fn fetch(context: RequestContext, request: FetchRequest) -> FetchResponse {
    if !WITHOUT_SESSION.contains(&request.session_epoch) {
        let error_code = ErrorCode::FetchSessionIdNotFound.code();
        return FetchResponse { error_code, ..FetchResponse::default() };
    }
    let deadline = Instant::now() + Duration::from_millis(request.max_wait_ms.max(0) as u64);
    let request = bounded(request, context.broker.config.fetch_max_bytes);
    let wanted = Arc::new(Wanted::resolve(&context, request));
    let RequestContext { broker, frame, .. } = context;
    let Read { response, seen, .. } = {
        let read = look(&wanted, broker.blocking).await;
        let may_wait = Instant::now() < deadline && !broker.stopping.is_cancelled();
        if read.is_enough(&wanted.request) || !may_wait {
            return read.response;
        }
        read
    };
    let Some(_place) = broker.waiting_fetches.place(wanted.memory_bytes()) else {
        tracing::debug!(peer = %context.connection.peer, "a fetch found no place to wait");
        let throttle_time_ms = NO_PLACE_THROTTLE_MS.min(wanted.request.max_wait_ms);
        return FetchResponse { throttle_time_ms, ..response };
    };
    // From here on the place stands for what is held.
    drop((frame, response));
    let mut waiting = Waiting::begin(&wanted, &seen);
    // Running out of time is no error, nor is the broker's end: the last look answers with what is
    // there.
    let _ = broker.stopping.run_until_cancelled(timeout_at(deadline, waiting.for_enough())).await;
    drop(waiting);
    look(&wanted, broker.blocking).await.response
}

/// A response holds at most `fetch.max.bytes`, whatever the client takes; and one that holds as
/// much as it may is worth sending, or a client that asks for more would always wait its time out.
fn bounded(request: FetchRequest, bytes_max: usize) -> FetchRequest {
    let bytes_max = i32::try_from(bytes_max).unwrap_or(i32::MAX);
    let max_bytes = request.max_bytes.min(bytes_max);
    FetchRequest {
        max_bytes,
        min_bytes: request.min_bytes.min(max_bytes),
        max_wait_ms: request.max_wait_ms,
        isolation_level: request.isolation_level,
        topics: request.topics,
        // Nothing else is acted upon, and it may wait for long.
        ..FetchRequest::default()
    }
}

/// Reads where the page cache has what leads to the records, else on a thread that may wait for the
/// disk.
async fn look(wanted: &Arc<Wanted>, blocking: Blocking) -> Read {
    let read = wanted.read(Wait::Never);
    if !read.would_block {
        return read;
    }
    let wanted = Arc::clone(wanted);
    blocking.run(move || wanted.read(Wait::Allowed)).await
}

/// A request, with its partitions looked up once.
struct Wanted {
    request: FetchRequest,
    api_version: i16,
    node_id: i32,
    /// In the order of the request.
    partitions: Vec<Vec<Result<Arc<Partition>, ErrorCode>>>,
}

impl Wanted {
    fn resolve(context: &RequestContext, request: FetchRequest) -> Self {
        let topics = request.topics.iter().map(|topic| {
            let look_up = |asked: &FetchPartition| {
                if context.api_version >= 13 {
                    context.broker.partitions.by_id(TopicId(topic.topic_id), asked.partition)
                } else {
                    context.broker.partitions.by_name(&topic.topic, asked.partition)
                }
            };
            topic.partitions.iter().map(look_up).collect()
        });
        let partitions = topics.collect();
        let node_id = context.broker.node_id.0;
        Self { api_version: context.api_version, node_id, partitions, request }
    }

    fn read(&self, wait: Wait) -> Read {
        let mut read = Read::default();
        for (topic, found) in self.request.topics.iter().zip(&self.partitions) {
            let partitions = topic.partitions.iter().zip(found);
            let partitions =
                partitions.map(|(asked, found)| read.partition(self, asked, found, wait)).collect();
            read.response.responses.push(FetchableTopicResponse {
                topic: topic.topic.clone(),
                topic_id: topic.topic_id,
                partitions,
            });
        }
        read
    }

    /// The partitions that are led here, with what is asked of them, in the order of the request.
    fn led(&self) -> impl Iterator<Item = (&FetchPartition, &Arc<Partition>)> {
        let asked = self.request.topics.iter().flat_map(|topic| &topic.partitions);
        let asked = asked.zip(self.partitions.iter().flatten());
        asked.filter_map(|(asked, found)| Some((asked, found.as_ref().ok()?)))
    }

    /// What is held while it waits, roughly.
    fn memory_bytes(&self) -> usize {
        let of_topic = |topic: &FetchTopic| {
            let of_partition = size_of::<FetchPartition>() + WAITING_PARTITION_BYTES;
            size_of::<FetchTopic>() + topic.topic.len() + topic.partitions.len() * of_partition
        };
        size_of::<Self>() + self.request.topics.iter().map(of_topic).sum::<usize>()
    }
}

/// A fetch that waits. It looks at a partition again when that has news, and not at the others.
struct Waiting<'a> {
    request: &'a FetchRequest,
    led: Vec<(&'a FetchPartition, &'a Arc<Partition>)>,
    wake: Arc<FetchWake>,
    /// One for each partition.
    places: Vec<FetchWait>,
    gathered: Gathered,
}

impl<'a> Waiting<'a> {
    /// Places are taken after the look, with the positions that were seen: what has moved since
    /// wakes at once.
    fn begin(wanted: &'a Wanted, seen: &[Seen]) -> Self {
        let led: Vec<_> = wanted.led().collect();
        let wake = Arc::new(FetchWake::default());
        let read_committed = reads_committed(&wanted.request);
        let places = led.iter().zip(seen).enumerate().map(|(number, ((_, partition), seen))| {
            partition.wait_beyond(seen.end, read_committed, &wake, number)
        });
        let places = places.collect();
        let gathered = Gathered::new(seen.iter().map(|seen| seen.bytes).collect());
        Self { request: &wanted.request, led, wake, places, gathered }
    }

    /// Waits until there is as much as the request wants, or something that does not wait.
    async fn for_enough(&mut self) {
        let room_bytes = self.request.max_bytes.max(0) as usize;
        let read_committed = reads_committed(self.request);
        loop {
            for number in self.wake.woken().await {
                let (asked, partition) = self.led[number];
                let end = partition.visible_end(read_committed);
                let from = fetch_from(self.request, asked, room_bytes, true);
                match partition.fetch(&from, Wait::Never) {
                    Ok(fetched) if fetched.diverging.is_none() && !fetched.records.is_cut() => {
                        self.gathered.set(number, fetched.records.len());
                    }
                    Ok(_) | Err(_) => return,
                }
                self.places[number] =
                    partition.wait_beyond(end, read_committed, &self.wake, number);
            }
            if self.gathered.total() as i64 >= i64::from(self.request.min_bytes) {
                return;
            }
        }
    }
}

/// What one look has seen of a partition that is led here.
#[derive(Clone, Copy)]
struct Seen {
    /// The end of what the client may see.
    end: Offset,
    bytes: usize,
}

/// One look at every wanted partition.
#[derive(Default)]
struct Read {
    response: FetchResponse,
    bytes: usize,
    /// An error, or a diverging epoch: news that does not wait.
    has_news: bool,
    /// Records are there that had no room, or lie in a partition's next file: waiting would not
    /// bring them.
    is_cut: bool,
    /// Something could only be found by waiting for the disk.
    would_block: bool,
    /// Each partition that is led here, in order.
    seen: Vec<Seen>,
}

impl Read {
    fn is_enough(&self, request: &FetchRequest) -> bool {
        self.has_news
            || self.is_cut
            || request.max_wait_ms <= 0
            || request.topics.is_empty()
            || self.bytes as i64 >= i64::from(request.min_bytes)
    }

    fn partition(
        &mut self,
        wanted: &Wanted,
        asked: &FetchPartition,
        found: &Result<Arc<Partition>, ErrorCode>,
        wait: Wait,
    ) -> PartitionData {
        let fetched =
            found.as_ref().map_err(|&code| FetchError::Code(code)).and_then(|partition| {
                let end = partition.visible_end(reads_committed(&wanted.request));
                self.seen.push(Seen { end, bytes: 0 });
                let room_bytes =
                    (wanted.request.max_bytes.max(0) as usize).saturating_sub(self.bytes);
                // The first batch of a response comes whatever its size, or a large one could never
                // be read.
                let is_first = self.bytes == 0;
                partition.fetch(&fetch_from(&wanted.request, asked, room_bytes, is_first), wait)
            });
        match fetched {
            Ok(fetched) => self.records(&wanted.request, asked, fetched),
            Err(FetchError::WouldBlock) => {
                self.would_block = true;
                PartitionData::default()
            }
            Err(FetchError::Code(code)) => {
                self.has_news = true;
                let mut data = failed(asked.partition, understood(code, wanted.api_version));
                if let (Ok(partition), ErrorCode::FencedLeaderEpoch) = (found, code)
                    && wanted.api_version >= TELLS_LEADER
                {
                    let leader_epoch = partition.leader_epoch().0;
                    data.current_leader =
                        LeaderIdAndEpoch { leader_id: wanted.node_id, leader_epoch };
                }
                data
            }
        }
    }

    fn records(
        &mut self,
        request: &FetchRequest,
        asked: &FetchPartition,
        fetched: Fetched,
    ) -> PartitionData {
        let aborted = fetched.aborted.iter().map(|aborted| AbortedTransaction {
            producer_id: aborted.producer_id.0,
            first_offset: aborted.first_offset.0,
        });
        let mut data = PartitionData {
            partition_index: asked.partition,
            high_watermark: fetched.offsets.high_watermark.0,
            last_stable_offset: fetched.offsets.last_stable.0,
            log_start_offset: fetched.offsets.log_start.0,
            // Null is for those who read uncommitted records.
            aborted_transactions: reads_committed(request).then(|| aborted.collect()),
            records: Some(Records::default()),
            ..PartitionData::default()
        };
        if let Some((epoch, end_offset)) = fetched.diverging {
            self.has_news = true;
            data.diverging_epoch = EpochEndOffset { epoch: epoch.0, end_offset: end_offset.0 };
        }
        self.is_cut |= fetched.records.is_cut();
        if !fetched.records.is_empty() {
            self.bytes += fetched.records.len();
            if let Some(seen) = self.seen.last_mut() {
                seen.bytes = fetched.records.len();
            }
            data.records = Some(Records::Sources(vec![Arc::new(fetched.records)]));
        }
        data
    }
}

fn reads_committed(request: &FetchRequest) -> bool {
    request.isolation_level == READ_COMMITTED
}

/// What is asked of a partition when there is so much room for it.
fn fetch_from(
    request: &FetchRequest,
    asked: &FetchPartition,
    room_bytes: usize,
    at_least_one_batch: bool,
) -> FetchFrom {
    FetchFrom {
        offset: Offset(asked.fetch_offset),
        current_leader_epoch: LeaderEpoch(asked.current_leader_epoch),
        last_fetched_epoch: LeaderEpoch(asked.last_fetched_epoch),
        bytes_max: room_bytes.min(asked.partition_max_bytes.max(0) as usize),
        at_least_one_batch,
        read_committed: reads_committed(request),
    }
}

fn failed(partition: i32, code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: partition,
        error_code: code.code(),
        high_watermark: -1,
        records: Some(Records::default()),
        ..PartitionData::default()
    }
}

/// Clients before v6 do not know `KAFKA_STORAGE_ERROR` and would not try again; this one makes them
/// refresh their metadata.
fn understood(code: ErrorCode, api_version: i16) -> ErrorCode {
    match code {
        ErrorCode::KafkaStorageError if api_version <= 5 => ErrorCode::NotLeaderOrFollower,
        code => code,
    }
}
