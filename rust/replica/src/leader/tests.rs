//! Scripted histories of one leader, step by step.

use super::*;

const ME: NodeId = NodeId(1);

fn nodes(ids: &[i32]) -> BTreeSet<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn start(replicas: &[i32], isr: &[i32], min_insync_replicas: u32) -> LeaderStart {
    LeaderStart {
        node: ME,
        epoch: LeaderEpoch(3),
        replicas: nodes(replicas),
        isr: nodes(isr),
        min_insync_replicas,
        log_end: Offset(10),
        flushed: Offset(10),
        high_watermark: Offset(10),
    }
}

fn alone() -> Leader<&'static str> {
    Leader::new(start(&[1], &[1], 1))
}

fn outputs<W>(leader: &mut Leader<W>) -> Vec<Output<W>> {
    std::iter::from_fn(|| leader.poll_output()).collect()
}

fn fetched(leader: &mut Leader<&'static str>, node: i32, log_end: i64, flushed: i64) {
    let position = FollowerPosition { log_end: Offset(log_end), flushed: Offset(flushed) };
    leader.handle_fetch(Instant(0), NodeId(node), position).expect("a replica");
}

#[test]
fn alone_the_high_watermark_is_what_is_flushed_and_moves_before_the_waiters_are_told() {
    let mut leader = alone();
    leader.wait(Until::Replicated, Offset(12), "acks=all");
    leader.wait(Until::Flushed, Offset(11), "acks=1");
    leader.wait(Until::Visible, Offset(11), "consumer");
    leader.handle_log_end(Offset(12));
    assert_eq!(outputs(&mut leader), [], "appended is not flushed");
    leader.handle_flushed(Offset(11));
    assert_eq!(
        outputs(&mut leader),
        [
            Output::Released("acks=1"),
            Output::HighWatermarkMoved(Offset(11)),
            Output::Released("consumer"),
        ]
    );
    leader.handle_flushed(Offset(12));
    assert_eq!(
        outputs(&mut leader),
        [Output::HighWatermarkMoved(Offset(12)), Output::Released("acks=all")]
    );
    assert_eq!(leader.waiting(), 0);
}

#[test]
fn a_leader_that_starts_with_flushed_records_above_its_high_watermark_moves_it_at_once() {
    let mut leader: Leader<()> =
        Leader::new(LeaderStart { high_watermark: Offset(4), ..start(&[1], &[1], 1) });
    assert_eq!(outputs(&mut leader), [Output::HighWatermarkMoved(Offset(10))]);
}

#[test]
fn a_wait_for_what_is_already_there_is_released_at_once() {
    let mut leader = alone();
    let id = leader.wait(Until::Replicated, Offset(10), "there");
    assert_eq!(outputs(&mut leader), [Output::Released("there")]);
    assert_eq!(leader.cancel(id), None);
}

#[test]
fn news_that_comes_late_or_in_the_wrong_order_moves_nothing_back() {
    let mut leader = alone();
    leader.wait(Until::Appended, Offset(12), "follower");
    leader.handle_flushed(Offset(12));
    assert_eq!(leader.log_end(), Offset(12), "what is flushed was appended");
    leader.handle_log_end(Offset(11));
    leader.handle_flushed(Offset(11));
    assert_eq!((leader.log_end(), leader.flushed()), (Offset(12), Offset(12)));
    assert_eq!(leader.high_watermark(), Offset(12));
    assert_eq!(
        outputs(&mut leader),
        [Output::Released("follower"), Output::HighWatermarkMoved(Offset(12))]
    );
}

#[test]
fn the_high_watermark_waits_for_every_in_sync_follower_to_have_spoken_and_flushed() {
    let mut leader = Leader::new(start(&[1, 2, 3], &[1, 2], 2));
    leader.handle_flushed(Offset(20));
    assert_eq!(leader.high_watermark(), Offset(10), "2 is silent");
    fetched(&mut leader, 3, 20, 20);
    assert_eq!(leader.high_watermark(), Offset(10), "3 is not in sync, its word counts nothing");
    fetched(&mut leader, 2, 20, 15);
    assert_eq!(leader.high_watermark(), Offset(15), "fetched is not flushed");
    fetched(&mut leader, 2, 12, 12);
    assert_eq!(leader.high_watermark(), Offset(15), "it never goes back");
}

#[test]
fn a_follower_that_claims_to_have_flushed_more_than_it_has_is_believed_up_to_its_end() {
    let mut leader = Leader::new(start(&[1, 2], &[1, 2], 1));
    leader.handle_flushed(Offset(20));
    fetched(&mut leader, 2, 12, 1_000);
    assert_eq!(leader.high_watermark(), Offset(12));
}

#[test]
fn a_node_that_is_no_replica_is_refused() {
    let mut leader = alone();
    let position = FollowerPosition { log_end: Offset(10), flushed: Offset(10) };
    let answer = leader.handle_fetch(Instant(0), NodeId(9), position);
    assert_eq!(answer, Err(ErrorCode::UnknownLeaderEpoch));
}

#[test]
fn a_newcomer_counts_from_its_proposal_and_a_lost_follower_until_the_commit() {
    let mut leader = Leader::new(start(&[1, 2, 3], &[1, 2], 1));
    fetched(&mut leader, 2, 10, 10);
    leader.handle_isr_proposed(nodes(&[1, 3]));
    leader.handle_flushed(Offset(20));
    fetched(&mut leader, 3, 18, 18);
    assert_eq!(leader.high_watermark(), Offset(10), "2 counts until the commit");
    leader.handle_isr(nodes(&[1, 3]));
    assert_eq!(leader.high_watermark(), Offset(18));
    assert_eq!(outputs(&mut leader), [Output::HighWatermarkMoved(Offset(18))]);
}

#[test]
fn an_append_with_acks_all_needs_enough_replicas_before_and_after() {
    let mut leader = Leader::new(start(&[1, 2, 3], &[1, 2], 2));
    fetched(&mut leader, 2, 10, 10);
    assert_eq!(leader.check_append(RequiredAcks::All), Ok(()));
    leader.wait(Until::Replicated, Offset(11), "acks=all");
    leader.wait(Until::Visible, Offset(11), "consumer");
    leader.handle_flushed(Offset(11));
    leader.handle_isr(nodes(&[1]));
    assert_eq!(
        outputs(&mut leader),
        [
            Output::HighWatermarkMoved(Offset(11)),
            Output::Failed("acks=all", ErrorCode::NotEnoughReplicasAfterAppend),
            Output::Released("consumer"),
        ]
    );
    assert_eq!(leader.check_append(RequiredAcks::All), Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(leader.check_append(RequiredAcks::Leader), Ok(()));
    assert_eq!(leader.check_append(RequiredAcks::None), Ok(()));
}

#[test]
fn a_topic_cannot_need_more_in_sync_replicas_than_it_has_replicas() {
    let mut leader: Leader<()> = Leader::new(start(&[1], &[1], 2));
    assert_eq!(leader.check_append(RequiredAcks::All), Ok(()));
    leader.handle_min_insync_replicas(u32::MAX);
    assert_eq!(leader.check_append(RequiredAcks::All), Ok(()));
}

#[test]
fn a_new_epoch_forgets_what_followers_said_in_the_old_one() {
    let mut leader = Leader::new(start(&[1, 2], &[1, 2], 1));
    leader.handle_flushed(Offset(20));
    fetched(&mut leader, 2, 15, 15);
    leader.handle_epoch(LeaderEpoch(4));
    assert_eq!(leader.epoch(), LeaderEpoch(4));
    assert_eq!(leader.followers()[&NodeId(2)].position(), None);
    assert!(!leader.offsets_are_available(), "15 is short of the epoch's start, 20");
    fetched(&mut leader, 2, 20, 20);
    assert!(leader.offsets_are_available());
    assert!(leader.check_epoch(LeaderEpoch(3)).is_err());
    assert!(leader.check_epoch(LeaderEpoch(4)).is_ok());
}

#[test]
fn a_closed_partition_fails_who_waits_and_who_comes_later() {
    let mut leader = alone();
    leader.wait(Until::Replicated, Offset(11), "early");
    leader.handle_closed(ErrorCode::KafkaStorageError);
    leader.wait(Until::Visible, Offset(11), "late");
    assert_eq!(
        outputs(&mut leader),
        [
            Output::Failed("early", ErrorCode::KafkaStorageError),
            Output::Failed("late", ErrorCode::KafkaStorageError),
        ]
    );
    assert_eq!(leader.check_append(RequiredAcks::Leader), Err(ErrorCode::KafkaStorageError));
}

#[test]
fn a_cancelled_waiter_is_given_back_once() {
    let mut leader = alone();
    let id = leader.wait(Until::Visible, Offset(11), "poll");
    assert_eq!(leader.cancel(id), Some("poll"));
    leader.handle_flushed(Offset(11));
    assert_eq!(outputs(&mut leader), [Output::HighWatermarkMoved(Offset(11))]);
}

#[test]
#[should_panic(expected = "epochs only grow")]
fn an_epoch_that_does_not_grow_is_our_own_bug() {
    alone().handle_epoch(LeaderEpoch(3));
}
