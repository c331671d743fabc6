//! Decisions in a row: each sees the ones before it, all share the disk's syncs, and a failure
//! stops those that built on it.

use std::collections::BTreeMap;

use base::ErrorCode;
use metadata::{Decision, MetadataImage, Rejection};
use storage::FaultyDisk;
use storage::disk::Fault;

use super::*;
use crate::{ChangeError, Controller};

fn create(number: u32) -> impl Fn(&MetadataImage) -> Result<Decision<u32>, Rejection> {
    move |image| {
        if image.topic_by_name(&format!("topic-{number}")).is_some() {
            return Err(Rejection::new(ErrorCode::TopicAlreadyExists, "it exists"));
        }
        Ok(Decision { records: vec![topic(number)], reply: number })
    }
}

#[tokio::test]
async fn of_many_that_create_the_same_topic_at_once_one_succeeds() {
    let node = start_on(&memory_disk(), WriterPlace::Thread).await.unwrap();
    let controller = Controller::new(Arc::new(node));
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let controller = controller.clone();
            tokio::spawn(async move { controller.change(create(task % 10)).await })
        })
        .collect();
    let mut answers = BTreeMap::new();
    for task in tasks {
        let answer = task.await.unwrap();
        *answers.entry(answer.is_ok()).or_insert(0) += 1;
        if let Err(error) = answer {
            assert!(matches!(error, ChangeError::Rejected(_)), "{error}");
        }
    }
    assert_eq!(answers, BTreeMap::from([(true, 10), (false, 90)]));
    assert_eq!(controller.quorum().image().topic_count(), 10);
}

#[tokio::test]
async fn a_decision_without_records_is_answered_without_the_log() {
    let node = start_on(&memory_disk(), WriterPlace::Inline).await.unwrap();
    let controller = Controller::new(Arc::new(node));
    let before = controller.change(create(1)).await;
    assert_eq!(before, Ok(1));
    let topics = controller
        .change(|image| Ok(Decision { records: Vec::new(), reply: image.topic_count() }))
        .await;
    assert_eq!(topics, Ok(1));
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_confuse_the_next_one() {
    let node = start_on(&memory_disk(), WriterPlace::Thread).await.unwrap();
    let controller = Controller::new(Arc::new(node));
    for number in 0..50 {
        // Polled once, then dropped: the proposal may be on its way.
        let mut change = Box::pin(controller.change(create(number)));
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(change.as_mut().poll(context).is_ready())
        });
        once.await;
        drop(change);
        let answer = controller.change(create(number)).await;
        assert!(!matches!(answer, Err(ChangeError::NotCommitted(_))), "{answer:?}");
    }
    assert_eq!(controller.quorum().image().topic_count(), 50);
}

#[tokio::test]
async fn a_failed_sync_fails_every_change_from_then_on_and_says_so() {
    let faulty = Arc::new(FaultyDisk::new());
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(&faulty);
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    let controller = Controller::new(Arc::new(node));
    controller.change(create(1)).await.unwrap();
    // The next operations are the write of the entry and its sync.
    faulty.fail_at(faulty.operations() + 1, Fault::Io);
    for number in 2..5 {
        let error = controller.change(create(number)).await.unwrap_err();
        let ChangeError::NotCommitted(ProposeError::Stopped { reason }) = &error else {
            panic!("{error}")
        };
        assert!(reason.starts_with("the metadata log in /data/"), "{reason}");
        assert!(reason.contains("has failed"), "{reason}");
    }
    assert_eq!(controller.quorum().image().topic_count(), 1, "nothing of it is shown");
}
