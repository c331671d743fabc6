//! A log is cut behind a consumer that has read beyond the cut: an unclean election. Newer brokers
//! say so in the fetch, older ones when they are asked where an epoch ends.

use base::{ErrorCode, NodeId, Rng, SplitMix64, TopicPartition};
use client_core::ConsumerConfig;
use client_core::consumer::{Assign, ConsumeError, Consumer, ConsumerEvent, StartAt};
use records::{BatchBuilder, Compression, ProducerStamp, RecordBatch};
use wire::fetch::FetchPartition;
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
};

use crate::fake_cluster::{FakeCluster, Partition, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

const RECORDS: i64 = 80;
const STEPS_MAX: usize = 50_000;

struct World {
    network: Network,
    consumer: Consumer,
    /// What was handed out, in order: offset and value.
    seen: Vec<(i64, u64)>,
    resets: Vec<i64>,
}

pub(crate) fn cut_behind_the_consumer(seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let resets = rng.below(2) == 0;
    let mut world = World::new(seed, &mut rng, if resets { "latest" } else { "none" });
    world.until(|world| (world.seen.len() as i64 >= RECORDS).then_some(()));
    // Batches are of eight records: the cut falls between two of them.
    let cut = 8 * i64::from(rng.below(10));
    world.network.cluster.cut(0, cut);
    let partition = &mut world.network.cluster.partitions[0];
    while partition.end < RECORDS + 16 {
        partition.append(batch(partition.end, 1)).unwrap();
    }
    if resets && cut > 0 {
        // What has been read below the cut is not read again, and nothing above it is left out.
        let expected: Vec<_> = (cut..RECORDS + 16).map(|offset| (offset, 1)).collect();
        world.seen.clear();
        world.until(|world| (world.seen.len() >= expected.len()).then_some(()));
        assert_eq!((world.seen, world.resets), (expected, vec![RECORDS]));
    } else if !resets {
        let error = world.until(|world| world.consumer.take(0).err());
        match error {
            ConsumeError::Truncated { end_offset, .. } if cut > 0 => assert_eq!(end_offset, cut),
            // Of the epoch that was read nothing is left to name an offset by.
            ConsumeError::OutOfRange { offset, .. } if cut == 0 => assert_eq!(offset, RECORDS),
            other => panic!("cut at {cut}: {other}"),
        }
    }
}

impl World {
    fn new(seed: u64, rng: &mut SplitMix64, reset: &str) -> Self {
        let pairs = [
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("auto.offset.reset", reset),
        ];
        let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
        let mut cluster = FakeCluster::new(3, 1, seed.is_multiple_of(3));
        while cluster.partitions[0].end < RECORDS {
            let end = cluster.partitions[0].end;
            cluster.partitions[0].append(batch(end, 0)).unwrap();
        }
        let faults = if rng.below(2) == 0 { Faults::NONE } else { Faults::random(rng) };
        let mut consumer = Consumer::new(config, seed);
        let topic_partition = TopicPartition::new(TOPIC, 0);
        let start = StartAt::Offset(0);
        consumer.assign(vec![Assign { topic_partition, start, stop_at: None }]);
        let network = Network::new(cluster, faults, seed);
        Self { network, consumer, seen: Vec::new(), resets: Vec::new() }
    }

    fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..STEPS_MAX {
            if let Some(found) = done(self) {
                return found;
            }
            self.step();
        }
        panic!("it does not come to that")
    }

    fn step(&mut self) {
        let hurry = self.network.now + std::time::Duration::from_millis(500);
        let due = [self.network.due(), self.consumer.poll_timeout(self.network.now), Some(hurry)];
        let next = due.into_iter().flatten().min().unwrap();
        self.network.now = self.network.now.max(next);
        while let Some(event) = self.network.arrive() {
            self.consumer.handle_transport(event, self.network.now);
        }
        self.consumer.drive(self.network.now, 0);
        while let Some(transmit) = self.consumer.poll_transmit() {
            self.network.transmit(transmit);
        }
        while let Some(event) = self.consumer.poll_event() {
            if let ConsumerEvent::Reset { from, .. } = event {
                self.resets.push(from);
            }
        }
        for fetched in self.consumer.take(20).unwrap_or_default() {
            for record in fetched.records() {
                let record = record.unwrap();
                let value = record.value.unwrap();
                self.seen
                    .push((record.offset.0, u64::from_be_bytes(value[..].try_into().unwrap())));
            }
        }
    }
}

impl FakeCluster {
    /// A replica that lacks what follows `offset` becomes leader.
    fn cut(&mut self, partition: usize, offset: i64) {
        self.move_leader(partition);
        let partition = &mut self.partitions[partition];
        partition.batches.retain(|batch| batch.header().base_offset.0 < offset);
        partition.end = offset;
    }

    pub(crate) fn epoch_ends(
        &self,
        node: NodeId,
        request: &OffsetForLeaderEpochRequest,
    ) -> OffsetForLeaderEpochResponse {
        let row = |index: i32, leader_epoch: i32| {
            let partition = &self.partitions[index as usize];
            let mut row = EpochEndOffset { partition: index, ..Default::default() };
            if partition.leader == node.0 {
                (row.leader_epoch, row.end_offset) = partition.end_of_epoch(leader_epoch);
            } else {
                row.error_code = ErrorCode::NotLeaderOrFollower as i16;
            }
            row
        };
        let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|asked| row(asked.partition, asked.leader_epoch))
                .collect(),
        });
        OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
    }
}

impl Partition {
    /// Where the log of who fetches and this one part, if they do (KIP-595).
    pub(crate) fn divergence(&self, asked: &FetchPartition) -> Option<(i32, i64)> {
        let (epoch, end) = self.end_of_epoch(asked.last_fetched_epoch);
        let is_known = asked.last_fetched_epoch >= 0 && epoch >= 0;
        let parts = epoch < asked.last_fetched_epoch || end < asked.fetch_offset;
        (is_known && parts).then_some((epoch, end))
    }

    /// Of the epoch of the record before, or an earlier one, nothing is left.
    pub(crate) fn has_forgotten(&self, asked: &FetchPartition) -> bool {
        asked.last_fetched_epoch >= 0 && self.end_of_epoch(asked.last_fetched_epoch).0 < 0
    }

    /// The largest epoch up to the one asked for, and its end; -1 if there is none.
    fn end_of_epoch(&self, epoch: i32) -> (i32, i64) {
        let mut batches = self.batches.iter().map(RecordBatch::header);
        let last = batches.rfind(|header| header.partition_leader_epoch.0 <= epoch);
        last.map_or((-1, -1), |last| (last.partition_leader_epoch.0, last.next_offset().0))
    }
}

fn batch(base_offset: i64, value: u64) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 16);
    for offset in base_offset..base_offset + 8 {
        builder.try_append(offset, None, Some(&value.to_be_bytes()), &[]).unwrap();
    }
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    RecordBatch::parse(bytes).unwrap()
}
