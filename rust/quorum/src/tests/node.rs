//! A node's life: started new and again, proposed to, snapshotted, stopped.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Offset;
use metadata::record::RemoveTopicRecord;
use metadata::{MetadataImage, MetadataRecord, ReplayError};
use storage::{FaultyDisk, RealDisk};

use super::*;
use crate::METADATA_DIRECTORY;

fn names(image: &MetadataImage) -> Vec<String> {
    image.topics().map(|topic| topic.name.to_string()).collect()
}

fn files(disk: &Arc<dyn Disk>) -> BTreeSet<String> {
    let entries = disk.list(&Path::new("/data").join(METADATA_DIRECTORY)).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

#[tokio::test]
async fn a_new_node_leads_at_once_and_what_is_committed_is_in_its_image() {
    for place in [WriterPlace::Inline, WriterPlace::Thread] {
        let node = start_on(&memory_disk(), place).await.unwrap();
        assert!(node.is_leader());
        assert_eq!(node.leader(), Some(NodeId(1)));
        let mut watch = node.watch();
        watch.mark_unchanged();
        let first = commit(&node, vec![topic(1), topic(2)]).await.unwrap();
        assert_eq!(names(&node.image()), ["topic-1", "topic-2"]);
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), node.image());
        let second = commit(&node, vec![topic(3)]).await.unwrap();
        assert_eq!(second.offset, first.offset.next(), "one offset a proposal");
        assert_eq!(second.epoch, first.epoch);
        node.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_is_started_again_has_its_image_under_a_new_term() {
    let disk = memory_disk();
    let mut epochs = Vec::new();
    for number in 1..=4 {
        let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
        assert_eq!(node.image().topic_count() as u32, number - 1);
        epochs.push(commit(&node, vec![topic(number)]).await.unwrap().epoch);
        node.shutdown().await.unwrap();
    }
    assert!(epochs.is_sorted_by(|earlier, later| earlier < later), "{epochs:?}");
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_told_of_in_our_words() {
    for place in [WriterPlace::Inline, WriterPlace::Thread] {
        for capacity_bytes in [0, 16, 64] {
            let faulty = FaultyDisk::new();
            faulty.set_capacity_bytes(Some(capacity_bytes));
            let disk: Arc<dyn Disk> = Arc::new(faulty);
            let error = start_on(&disk, place).await.unwrap_err();
            let told = error.to_string();
            assert!(told.starts_with("the metadata log in /data/"), "{told}");
            assert!(told.ends_with("make room there, and start the broker again"), "{told}");
            assert!(!told.contains("Write") && !told.contains("io::error"), "{told}");
        }
    }
}

#[tokio::test]
async fn proposals_take_their_places_in_the_order_in_which_they_were_made() {
    let node = start_on(&memory_disk(), WriterPlace::Thread).await.unwrap();
    let mut proposals = Vec::new();
    for number in 0..200 {
        proposals.push(node.propose(vec![topic(number)]).await.unwrap());
    }
    let mut last = Offset(-1);
    for proposal in proposals {
        let offset = proposal.await.unwrap().offset;
        assert!(offset > last);
        last = offset;
    }
    assert_eq!(node.image().topic_count(), 200);
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_proposal_that_contradicts_the_image_is_left_out_now_and_after_a_restart() {
    let disk = memory_disk();
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    commit(&node, vec![topic(1)]).await.unwrap();
    let refused = commit(&node, vec![topic(2), topic(1)]).await;
    assert_eq!(
        refused,
        Err(ProposeError::Contradicted(ReplayError::TopicExists("topic-1".to_owned())))
    );
    commit(&node, vec![topic(3)]).await.unwrap();
    assert_eq!(names(&node.image()), ["topic-1", "topic-3"]);
    node.shutdown().await.unwrap();
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    assert_eq!(names(&node.image()), ["topic-1", "topic-3"]);
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn records_that_cannot_be_written_are_refused_and_do_not_stop_the_log() {
    let node = start_on(&memory_disk(), WriterPlace::Inline).await.unwrap();
    let refused = commit(&node, vec![setting(&"x".repeat(40_000))]).await.unwrap_err();
    assert!(refused.to_string().contains("ConfigRecord.Value"), "{refused}");
    let many = (0..2_200).map(|number| setting(&format!("{number:>32000}")));
    let refused = commit(&node, many.collect()).await.unwrap_err();
    assert!(refused.to_string().contains("ask for less at once"), "{refused}");
    commit(&node, vec![topic(1)]).await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_long_history_leaves_a_snapshot_and_a_short_log() {
    let disk = memory_disk();
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    commit(&node, vec![topic(1)]).await.unwrap();
    // The file that a purge leaves behind is the one that is appended to, so one file has to fill
    // up first.
    for number in 0..3_500 {
        commit(&node, vec![setting(&format!("{number:>600}"))]).await.unwrap();
    }
    let image = node.image();
    node.shutdown().await.unwrap();
    let found = files(&disk);
    let ending = |suffix| found.iter().filter(|name| name.ends_with(suffix)).count();
    assert_eq!(ending(".checkpoint"), 1, "{found:?}");
    assert!(ending(".log") <= 2, "{found:?}");
    assert!(!found.contains("00000000000000000000.log"), "{found:?}");
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    assert_eq!(node.image(), image);
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_few_large_proposals_bring_a_snapshot_too() {
    let disk = memory_disk();
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    for number in 0..20 {
        let large = (0..100).map(|n| setting(&format!("{number}-{n}-{}", "x".repeat(10_000))));
        commit(&node, large.collect()).await.unwrap();
    }
    node.raft_for_tests()
        .wait(Some(Duration::from_secs(10)))
        .metrics(|metrics| metrics.snapshot.is_some(), "a snapshot")
        .await
        .unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_node_of_another_id_is_refused_by_name() {
    let disk = memory_disk();
    start_on(&disk, WriterPlace::Inline).await.unwrap().shutdown().await.unwrap();
    let options = NodeOptions {
        node_id: NodeId(2),
        disk,
        data_directory: Path::new("/data").to_owned(),
        writer_place: WriterPlace::Inline,
    };
    let error = Node::start(options.clone()).await.unwrap_err();
    assert!(error.to_string().contains("that of node 1, and this is node 2"), "{error}");
    let error = Node::start(NodeOptions { node_id: NodeId(-1), ..options }).await.unwrap_err();
    assert!(matches!(error, StartError::NodeId(_)), "{error}");
}

#[tokio::test]
async fn after_a_shutdown_proposals_are_refused() {
    let node = start_on(&memory_disk(), WriterPlace::Thread).await.unwrap();
    node.shutdown().await.unwrap();
    let refused = commit(&node, vec![topic(1)]).await.unwrap_err();
    assert!(matches!(refused, ProposeError::Stopped { .. }), "{refused}");
    node.shutdown().await.expect("a second time changes nothing");
}

#[tokio::test]
async fn a_real_directory_is_opened_again_with_everything_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let node = start_in(&disk, directory.path(), WriterPlace::Thread).await.unwrap();
    commit(&node, vec![topic(1), topic(2)]).await.unwrap();
    let remove = |id: u32| -> MetadataRecord {
        let MetadataRecord::Topic(record) = topic(id) else { unreachable!() };
        RemoveTopicRecord { topic_id: record.topic_id }.into()
    };
    commit(&node, vec![remove(1)]).await.unwrap();
    // Dropped, not shut down: as after kill -9, but for the operating system's cache.
    drop(node);
    let node = start_in(&disk, directory.path(), WriterPlace::Thread).await.unwrap();
    assert_eq!(names(&node.image()), ["topic-2"]);
    node.shutdown().await.unwrap();
}

/// What a start costs is what it asks of the disk; a sync is the dear part, and there are at most
/// as many as half of these operations.
#[tokio::test]
async fn a_start_and_a_proposal_ask_little_of_the_disk() {
    let faulty = Arc::new(FaultyDisk::new());
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(&faulty);
    for at_most in [16, 9] {
        let before = faulty.operations();
        let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
        let started = faulty.operations();
        assert!(started - before <= at_most, "{} operations", started - before);
        commit(&node, vec![setting(&started.to_string())]).await.unwrap();
        assert_eq!(faulty.operations() - started, 2, "a write and a sync");
        node.shutdown().await.unwrap();
    }
}

/// With time stopped, the runtime parks once for each timer that it jumps to.
#[test]
fn an_idle_node_wakes_up_for_nothing() {
    let parks = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&parks);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let node = start_on(&memory_disk(), WriterPlace::Inline).await.unwrap();
        commit(&node, vec![topic(1)]).await.unwrap();
        let before = parks.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_hours(1)).await;
        let woken = parks.load(Ordering::Relaxed) - before;
        assert!(woken < 10, "{woken} times in an hour");
        node.shutdown().await.unwrap();
    });
}
