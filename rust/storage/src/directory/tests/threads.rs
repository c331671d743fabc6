//! The machines on threads of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use base::{Clock, LeaderEpoch, NodeId, Offset, SplitMix64, SystemClock};
use parking_lot::Mutex;

use super::super::*;
use super::fixture::{PARTITION, Topics, batch, topic_id};
use crate::disk::RealDisk;
use crate::log::{AppendTerms, LogListener};

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Flushed(Mutex<Sender<Offset>>);

impl LogListener for Flushed {
    fn log_end_moved(&self, log_end: Offset) {
        assert!(log_end < Offset(1_000), "a listener's bug");
    }

    fn flushed_moved(&self, flushed: Offset) {
        // The test may have seen enough.
        let _ = self.0.lock().send(flushed);
    }

    fn failed(&self, _reason: &str) {}
}

fn open(path: &Path) -> (LogDirectory, DirectoryThreads) {
    open_with(path, DirectoryConfig::default())
}

fn open_with(path: &Path, config: DirectoryConfig) -> (LogDirectory, DirectoryThreads) {
    let identity = Identity { node_id: NodeId(1), cluster_id: None };
    let mut rng = SplitMix64::new(1);
    let locked = LockedDirectory::lock(Arc::new(RealDisk), path, &identity, &mut rng).unwrap();
    let (directory, machines, _) = locked
        .open(config, &(Arc::new(SystemClock) as Arc<dyn Clock>), &Topics::default())
        .unwrap();
    (directory, machines.spawn().unwrap())
}

fn log(directory: &LogDirectory, flushed: Sender<Offset>) -> Arc<Log> {
    let listener = Arc::new(Flushed(Mutex::new(flushed)));
    let known = KnownPartition { topic: "orders".into(), config: LogConfig::default(), listener };
    directory.log_or_create(topic_id(1), PARTITION, known).unwrap()
}

fn submit(directory: &LogDirectory, log: &Arc<Log>) {
    let request = AppendRequest {
        log: log.clone(),
        batch: batch(100, 1),
        terms: AppendTerms::default(),
        leader_epoch: LeaderEpoch(0),
        completion: Box::new(|_| {}),
    };
    directory.submit(request).unwrap();
}

#[test]
fn records_are_flushed_and_the_threads_stop_when_the_directory_is_closed() {
    let temporary = tempfile::tempdir().unwrap();
    let (directory, threads) = open(temporary.path());
    let (sender, receiver) = channel();
    let log = log(&directory, sender);
    for round in 1..=20 {
        submit(&directory, &log);
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(Offset(round)));
    }
    directory.close(BrokerEpoch(3));
    threads.join();
    assert!(temporary.path().join(".kafka_cleanshutdown").exists());
    assert!(temporary.path().join("orders-0/00000000000000000000.log").exists());
}

#[test]
fn an_appender_that_found_the_journal_writers_queue_full_goes_on_when_there_is_room() {
    let temporary = tempfile::tempdir().unwrap();
    let one = QueueLimits { items_max: 1, bytes_max: 1 << 20 };
    let config = DirectoryConfig { journal_entries: one, ..DirectoryConfig::default() };
    let (directory, threads) = open_with(temporary.path(), config);
    let (sender, receiver) = channel();
    let log = log(&directory, sender);
    // Everybody waits for an answer from here on: no submission wakes the appender again.
    for _ in 0..100 {
        submit(&directory, &log);
    }
    while receiver.recv_timeout(PATIENCE).expect("the appender goes on") < Offset(100) {}
    directory.close(BrokerEpoch(3));
    threads.join();
}

#[test]
fn a_machine_that_panics_stops_the_directory_and_says_so() {
    let temporary = tempfile::tempdir().unwrap();
    let (directory, threads) = open(temporary.path());
    let log = log(&directory, channel().0);
    log.truncate_fully_and_start_at(Offset(999)).unwrap();
    submit(&directory, &log);
    threads.join();
    let failure = directory.failure().expect("it has failed").to_string();
    assert!(failure.contains("the log-appender has panicked: a listener's bug"), "{failure}");
}
