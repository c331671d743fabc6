//! The markers that a decided transaction owes its partitions.

use base::ErrorCode;
use coordinator::transaction::MarkersOutcome;

use crate::group_host::{add_topic, remove_topic};
use crate::host::Host;
use crate::requests::{ID, Producer, V1, V2};

fn committing(host: &mut Host) -> Producer {
    let producer = host.init();
    host.add(V2, producer);
    host.commit(V2, producer)
}

fn partitions(lists: &[(&str, &[i32])]) -> Vec<(String, Vec<i32>)> {
    lists.iter().map(|(topic, all)| ((*topic).to_owned(), all.to_vec())).collect()
}

#[test]
fn markers_and_the_answer_leave_once_the_end_is_committed() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    host.commits_at_once = false;
    let token = host.send(5, &crate::requests::end_request(ID, producer, true));
    assert!(host.take_released().is_empty() && host.take_markers().is_empty());
    host.commit_log();
    assert_eq!(host.take_released().iter().map(|(token, _)| *token).collect::<Vec<_>>(), [token]);
    let markers = host.take_markers();
    assert_eq!(markers[0].partitions, partitions(&[("clicks", &[2]), ("orders", &[0, 3])]));
    assert_eq!((markers[0].transactional_id.as_str(), markers[0].coordinator_epoch), (ID, 0));
}

#[test]
fn what_is_not_committed_is_not_told_and_did_not_happen() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    host.commits_at_once = false;
    host.send(5, &crate::requests::end_request(ID, producer, true));
    host.restart();
    host.commits_at_once = true;
    assert!(host.take_released().is_empty() && host.take_markers().is_empty());
    assert_eq!(host.standing(), ("Ongoing".into(), producer));
    assert!(host.try_end(V2, producer, false).is_ok(), "it may still end otherwise");
}

#[test]
fn a_transaction_is_complete_with_the_last_marker() {
    let mut host = Host::new(2);
    committing(&mut host);
    let markers = host.take_markers().remove(0);
    for (topic, partition, state) in [
        ("orders", 3, "PrepareCommit"),
        ("clicks", 2, "PrepareCommit"),
        ("clicks", 2, "PrepareCommit"),
        ("elsewhere", 0, "PrepareCommit"),
        ("orders", 0, "CompleteCommit"),
    ] {
        host.on_markers(&MarkersOutcome {
            token: markers.token,
            transactional_id: ID.into(),
            partitions: vec![(topic.into(), vec![(partition, ErrorCode::None)])],
        });
        assert_eq!(host.state(), state, "after {topic} {partition}");
    }
    assert_eq!(host.timers.len(), 2, "nothing is left to be sent again: {:?}", host.timers);
}

#[test]
fn only_what_could_not_be_written_is_sent_again() {
    let mut host = Host::new(2);
    committing(&mut host);
    let first = host.take_markers().remove(0);
    let (none, failed) = (ErrorCode::None, ErrorCode::NotLeaderOrFollower);
    host.on_markers(&MarkersOutcome {
        token: first.token,
        transactional_id: ID.into(),
        partitions: vec![("orders".into(), vec![(0, none), (3, failed)])],
    });
    // What is still under way is not sent a second time.
    host.advance_ms(100);
    let second = host.take_markers().remove(0);
    assert_eq!(second.partitions, partitions(&[("orders", &[3])]));
    assert_ne!(first.token, second.token);
    host.answer(&second, none);
    assert_eq!(host.state(), "PrepareCommit");
    host.answer(&first, none);
    assert_eq!(host.state(), "CompleteCommit");
}

#[test]
fn every_code_but_three_is_no_end() {
    for code in [
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::NotEnoughReplicasAfterAppend,
        ErrorCode::RequestTimedOut,
        ErrorCode::KafkaStorageError,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionCoordinatorFenced,
        ErrorCode::UnknownServerError,
    ] {
        let mut host = Host::new(2);
        committing(&mut host);
        for _ in 0..20 {
            let markers = host.take_markers();
            assert_eq!(markers.len(), 1, "{code:?}");
            host.answer(&markers[0], code);
            assert_eq!(host.state(), "PrepareCommit");
            host.advance_ms(5_000);
        }
        host.write_markers();
        assert_eq!(host.state(), "CompleteCommit");
    }
    for code in [ErrorCode::UnsupportedForMessageFormat, ErrorCode::UnsupportedVersion] {
        let mut host = Host::new(2);
        committing(&mut host);
        let markers = host.take_markers();
        host.answer(&markers[0], code);
        assert_eq!(host.state(), "CompleteCommit", "{code:?}");
    }
}

#[test]
fn markers_of_a_transaction_before_say_nothing_of_the_present_one() {
    let mut host = Host::new(0);
    let producer = host.init();
    host.add(V1, producer);
    host.commit(V1, producer);
    let first = host.take_markers().remove(0);
    host.answer(&first, ErrorCode::None);
    host.add(V1, producer);
    host.commit(V1, producer);
    host.answer(&first, ErrorCode::None);
    assert_eq!(host.state(), "PrepareCommit");
    host.write_markers();
    assert_eq!(host.state(), "CompleteCommit");
    host.answer(&first, ErrorCode::NotLeaderOrFollower);
    assert_eq!(host.state(), "CompleteCommit");
}

#[test]
fn a_partition_that_is_deleted_needs_no_marker() {
    let mut host = Host::new(2);
    committing(&mut host);
    let markers = host.take_markers().remove(0);
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    host.set_image(image.clone());
    assert_eq!(host.state(), "PrepareCommit");
    let named: Vec<String> = host.describe(ID).topics.into_iter().map(|t| t.topic).collect();
    assert_eq!(named, ["clicks"]);
    remove_topic(&mut image, 2);
    host.set_image(image.clone());
    assert_eq!(host.state(), "CompleteCommit");
    let end = host.log.len();
    host.answer(&markers, ErrorCode::None);
    add_topic(&mut image, "orders", 9, 4);
    host.set_image(image);
    assert_eq!(host.log.len(), end);
}

#[test]
fn what_waits_to_be_sent_again_is_not_sent_to_what_is_gone() {
    let mut host = Host::new(2);
    committing(&mut host);
    let markers = host.take_markers().remove(0);
    host.answer(&markers, ErrorCode::UnknownTopicOrPartition);
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    host.set_image(image);
    host.advance_ms(100);
    assert_eq!(host.take_markers()[0].partitions, partitions(&[("clicks", &[2])]));
}

#[test]
fn a_transaction_is_not_complete_while_a_marker_is_under_way() {
    let mut host = Host::new(2);
    committing(&mut host);
    let markers = host.take_markers().remove(0);
    let failed = ErrorCode::UnknownTopicOrPartition;
    host.on_markers(&MarkersOutcome {
        token: markers.token,
        transactional_id: ID.into(),
        partitions: vec![("orders".into(), vec![(0, failed), (3, failed)])],
    });
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    host.set_image(image);
    // Nothing is left to be sent again.
    host.advance_ms(100);
    assert!(host.take_markers().is_empty());
    assert_eq!(host.state(), "PrepareCommit");
    host.answer(&markers, ErrorCode::None);
    assert_eq!(host.state(), "CompleteCommit");
}
