//! Measures what a durable acknowledgement costs: K partitions, each with one record under way.
//!
//! `cargo run --release -p storage --example acknowledgements -- [directory] [seconds]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use base::{
    BrokerEpoch, Clock, LeaderEpoch, NodeId, Offset, PartitionIndex, SplitMix64, SystemClock,
    TopicId, Uuid,
};
use parking_lot::Mutex;
use records::{
    BatchBuilder, Compression, ProduceBatch, ProduceRules, ProducerStamp, validate_produce,
};
use storage::RealDisk;
use storage::directory::{
    AppendRequest, DirectoryConfig, Identity, KnownPartition, KnownTopics, LockedDirectory,
    LogDirectory,
};
use storage::log::{AppendTerms, Durability, Log, LogConfig, LogListener};

/// Tells the loop which partition may send its next record.
#[derive(Debug)]
struct Acknowledged {
    partition: usize,
    sender: Mutex<Sender<usize>>,
}

impl LogListener for Acknowledged {
    fn log_end_moved(&self, _log_end: Offset) {}

    fn flushed_moved(&self, _flushed: Offset) {
        // The loop is over when nobody listens.
        let _ = self.sender.lock().send(self.partition);
    }

    fn failed(&self, reason: &str) {
        panic!("{reason}");
    }
}

struct NoTopics;

impl KnownTopics for NoTopics {
    fn partition(&self, _: TopicId, _: PartitionIndex) -> Option<KnownPartition> {
        None
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds: u64 = arguments.next().map_or(3, |text| text.parse().expect("seconds"));
    println!("first acknowledgement in a new directory: {:?}", first(&directory));
    println!("partitions  bytes  acks/s    p50        p99        cpu/ack");
    for bytes in [1_000, 100_000] {
        for partitions in [1, 8, 64] {
            let run = run(&directory, partitions, bytes, Duration::from_secs(seconds));
            let Run { acknowledged, elapsed, cpu, mut latencies } = run;
            latencies.sort_unstable();
            let at = |share: usize| latencies[(latencies.len() - 1) * share / 100];
            println!(
                "{partitions:>10} {bytes:>6} {:>7.0}  {:>9.1?}  {:>9.1?}  {:>7.1?}",
                acknowledged as f64 / elapsed.as_secs_f64(),
                at(50),
                at(99),
                cpu / acknowledged as u32,
            );
        }
    }
}

struct Run {
    acknowledged: usize,
    elapsed: Duration,
    cpu: Duration,
    latencies: Vec<Duration>,
}

fn open(path: &Path) -> (LogDirectory, storage::directory::DirectoryThreads) {
    let identity = Identity { node_id: NodeId(1), cluster_id: None };
    let mut rng = SplitMix64::new(1);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let locked =
        LockedDirectory::lock(Arc::new(RealDisk), path, &identity, &mut rng).expect("lock");
    let (directory, machines, _) =
        locked.open(DirectoryConfig::default(), &clock, &NoTopics).expect("open");
    (directory, machines.spawn().expect("threads"))
}

fn log(directory: &LogDirectory, partition: usize, sender: &Sender<usize>) -> Arc<Log> {
    let config = LogConfig { durability: Durability::Disk, ..LogConfig::default() };
    let listener = Arc::new(Acknowledged { partition, sender: Mutex::new(sender.clone()) });
    let known = KnownPartition { topic: "load".into(), config, listener };
    let topic_id = TopicId(Uuid([1; 16]));
    directory.log_or_create(topic_id, PartitionIndex(partition as i32), known).expect("log")
}

fn submit(directory: &LogDirectory, log: &Arc<Log>, batch: &ProduceBatch) {
    let request = AppendRequest {
        log: log.clone(),
        batch: batch.clone(),
        terms: AppendTerms::default(),
        leader_epoch: LeaderEpoch(0),
        completion: Box::new(|appended| {
            appended.expect("it is appended");
        }),
    };
    directory.submit(request).expect("there is room");
}

/// From the opening of a new directory to the first record on the disk.
fn first(parent: &Path) -> Duration {
    let temporary = tempfile::tempdir_in(parent).expect("a directory");
    let (sender, receiver) = channel();
    let batch = batch(1_000);
    let started = Instant::now();
    let (directory, threads) = open(temporary.path());
    let log = log(&directory, 0, &sender);
    submit(&directory, &log, &batch);
    receiver.recv().expect("acknowledged");
    let elapsed = started.elapsed();
    directory.close(BrokerEpoch(1));
    threads.join();
    elapsed
}

fn run(parent: &Path, partitions: usize, bytes: usize, duration: Duration) -> Run {
    let temporary = tempfile::tempdir_in(parent).expect("a directory");
    let (directory, threads) = open(temporary.path());
    let (sender, receiver) = channel();
    let logs: Vec<Arc<Log>> = (0..partitions).map(|n| log(&directory, n, &sender)).collect();
    let batch = batch(bytes);
    let mut sent = vec![Instant::now(); partitions];
    let mut latencies = Vec::new();
    let cpu_before = cpu();
    let started = Instant::now();
    for (log, sent) in logs.iter().zip(&mut sent) {
        *sent = Instant::now();
        submit(&directory, log, &batch);
    }
    while started.elapsed() < duration {
        let partition = receiver.recv().expect("acknowledged");
        latencies.push(sent[partition].elapsed());
        sent[partition] = Instant::now();
        submit(&directory, &logs[partition], &batch);
    }
    let (elapsed, cpu) = (started.elapsed(), cpu().saturating_sub(cpu_before));
    directory.close(BrokerEpoch(1));
    threads.join();
    Run { acknowledged: latencies.len(), elapsed, cpu, latencies }
}

/// The processor time of this process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn batch(bytes: usize) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    builder.try_append(1, None, Some(&vec![7; bytes]), &[]).expect("it fits");
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).expect("no codec");
    validate_produce(&bytes, &ProduceRules::default()).expect("a well-formed batch")
}
