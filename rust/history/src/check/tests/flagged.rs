//! Histories that are wrong, each in one way.

use super::tale::Tale;
use crate::anomaly::{Absence, Anomaly, AnomalyKind, Undone};

#[test]
fn an_acknowledged_record_that_a_consumer_went_past_is_lost() {
    let mut tale = Tale::with_sent(&["a", "b", "c"]);
    tale.poll(2, 0, &[(0, "a"), (2, "c")]);
    let lost = tale.expect(AnomalyKind::LostWrite);
    assert!(lost.to_string().contains("\"b\" in orders-0, sent by 1/1 and promised at offset 1"));
}

#[test]
fn an_acknowledged_record_behind_a_later_end_is_lost() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.ends(&[(0, 1)]);
    tale.poll(2, 0, &[(0, "a")]);
    let lost = tale.expect(AnomalyKind::LostWrite);
    assert!(matches!(lost, Anomaly::LostWrite { absence: Absence::Cut { end: 1, .. }, .. }));
}

#[test]
fn a_record_that_was_seen_and_then_cut_off_is_lost() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.ends(&[(0, 1)]);
    tale.expect(AnomalyKind::LostWrite);
}

#[test]
fn a_record_without_an_offset_is_lost_if_it_is_nowhere_in_the_whole_partition() {
    let mut tale = Tale::with_sent(&["a"]);
    tale.send_told(1, 0, "b", None);
    tale.ends(&[(0, 1)]);
    tale.position(2, 0, Some(0));
    tale.poll(2, 0, &[(0, "a")]);
    let lost = tale.expect(AnomalyKind::LostWrite);
    assert!(matches!(lost, Anomaly::LostWrite { absence: Absence::ReadWhole { .. }, .. }));
}

#[test]
fn a_position_behind_a_record_that_was_not_given_shows_that_it_is_lost() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll_to(2, 0, &[(0, "a")], 2);
    tale.expect(AnomalyKind::LostWrite);
}

#[test]
fn a_committed_transaction_of_which_nothing_is_left_is_lost_record_by_record() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0), (1, "b", 0)], Tale::commit);
    tale.poll_to(2, 0, &[], 2);
    tale.position(2, 0, Some(0));
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 0, &[], 2);
    tale.poll_to(2, 1, &[], 2);
    let kinds: Vec<_> = tale.anomalies().iter().map(Anomaly::kind).collect();
    assert_eq!(kinds, [AnomalyKind::LostWrite; 2]);
}

#[test]
fn a_record_at_two_offsets_is_a_duplicate() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b"), (2, "a")]);
    let duplicate = tale.expect(AnomalyKind::Duplicate);
    assert_eq!(
        duplicate.to_string(),
        "duplicate: \"a\" in orders-0 was sent once and lies at offset 0 (told by 1/0) and at \
         offset 2 (told by 2/0)"
    );
}

#[test]
fn a_duplicate_of_an_unknown_send_is_one_too() {
    let mut tale = Tale::default();
    tale.send_unknown(1, 0, "a");
    tale.poll(2, 0, &[(0, "a"), (1, "a")]);
    tale.expect(AnomalyKind::Duplicate);
}

#[test]
fn a_record_of_an_aborted_transaction_is_not_to_be_seen() {
    let mut tale = Tale::default();
    let aborted = tale.transaction(1, &[(0, "a", 0)], Tale::abort);
    tale.poll(2, 0, &[(0, "a")]);
    let read = tale.expect(AnomalyKind::AbortedRead);
    let expected = Undone::Aborted { transaction: aborted };
    assert!(matches!(read, Anomaly::AbortedRead { undone, .. } if undone == expected), "{read}");
}

#[test]
fn a_transaction_whose_commit_was_never_asked_for_or_refused_is_aborted() {
    for end in [|_: &mut Tale, _: u32| {}, Tale::commit_failed] {
        let mut tale = Tale::default();
        tale.transaction(1, &[(0, "a", 0)], end);
        tale.poll(2, 0, &[(0, "a")]);
        tale.expect(AnomalyKind::AbortedRead);
    }
}

#[test]
fn a_record_whose_producer_was_told_that_it_is_not_there_is_not_to_be_seen_by_anybody() {
    let mut tale = Tale::default();
    tale.send_failed(1, 0, "a");
    tale.poll_uncommitted(2, 0, &[(0, "a")]);
    tale.expect(AnomalyKind::AbortedRead);
}

#[test]
fn a_record_is_not_to_be_seen_before_its_commit_is_asked_for() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send(1, 0, "a", 0);
    tale.poll(2, 0, &[(0, "a")]);
    tale.commit(1);
    tale.expect(AnomalyKind::EarlyRead);
}

#[test]
fn a_transaction_of_which_some_records_are_gone_is_torn() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0), (1, "b", 0)], Tale::commit);
    tale.poll(2, 0, &[(0, "a")]);
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 1, &[], 2);
    let torn = tale.expect(AnomalyKind::TornTransaction);
    assert_eq!(
        torn.to_string(),
        "torn transaction: of the committed transaction 1/0 there is \"a\" in orders-0, but not \
         \"b\" in orders-1 (2/1 went past its place)"
    );
}

#[test]
fn what_is_seen_of_an_unknown_transaction_shows_that_it_is_committed_and_torn() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send(1, 0, "a", 0);
    tale.send_unknown(1, 1, "b");
    tale.commit_unknown(1);
    tale.poll(2, 0, &[(0, "a")]);
    tale.ends(&[(1, 1)]);
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 1, &[], 1);
    tale.expect(AnomalyKind::TornTransaction);
}

#[test]
fn a_transaction_whose_records_are_there_and_whose_offsets_are_not_is_torn() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send(1, 0, "a", 0);
    tale.send_offset(1, 5);
    tale.commit(1);
    tale.poll(2, 0, &[(0, "a")]);
    tale.fetch_offset(2, None);
    let torn = tale.expect(AnomalyKind::TornTransaction);
    assert!(
        torn.to_string().contains("not offset 5 of group g in orders-0 (2/1 found none"),
        "{torn}"
    );
}

#[test]
fn a_transaction_whose_offsets_are_there_and_whose_records_are_not_is_torn() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send(1, 1, "a", 0);
    tale.send_offset(1, 5);
    tale.commit(1);
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 1, &[], 2);
    tale.fetch_offset(2, Some(5));
    tale.expect(AnomalyKind::TornTransaction);
}

#[test]
fn what_is_hidden_from_all_that_read_committed_is_gone_though_others_see_it() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0), (1, "b", 0)], Tale::commit);
    tale.poll(2, 0, &[(0, "a")]);
    tale.poll_uncommitted(3, 1, &[(0, "b")]);
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 1, &[], 2);
    tale.expect(AnomalyKind::TornTransaction);
}

#[test]
fn an_acknowledged_record_that_nobody_has_come_to_is_unseen_and_not_lost() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a")]);
    tale.ends(&[(0, 2)]);
    let unseen = tale.expect(AnomalyKind::UnseenRecord);
    assert!(unseen.to_string().contains("below the high watermark 2"), "{unseen}");
}

#[test]
fn two_values_at_one_offset_are_inconsistent() {
    let mut tale = Tale::with_sent(&["a"]);
    tale.send_unknown(1, 0, "b");
    tale.send_unknown(1, 0, "c");
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.poll(3, 0, &[(0, "a"), (1, "c")]);
    assert_eq!(
        tale.expect(AnomalyKind::InconsistentOffset).to_string(),
        "inconsistent offset: at offset 1 of orders-0 lies \"b\" (told by 2/0) and \"c\" (told by \
         3/0)"
    );
}

#[test]
fn an_acknowledgement_and_a_poll_that_disagree_are_inconsistent() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.send_unknown(1, 0, "c");
    tale.poll(2, 0, &[(0, "a"), (1, "c")]);
    let kinds: Vec<_> = tale.anomalies().iter().map(Anomaly::kind).collect();
    assert_eq!(kinds, [AnomalyKind::LostWrite, AnomalyKind::InconsistentOffset]);
}

#[test]
fn a_record_that_nobody_has_sent_is_a_phantom() {
    let mut tale = Tale::with_sent(&["a"]);
    tale.poll(2, 0, &[(0, "a"), (1, "z")]);
    tale.expect(AnomalyKind::PhantomRecord);
}

#[test]
fn a_consumer_that_leaves_out_what_others_see_has_skipped_it() {
    let mut tale = Tale::with_sent(&["a", "b", "c", "d"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    tale.poll(3, 0, &[(0, "a")]);
    tale.poll(3, 0, &[(3, "d")]);
    let skip = tale.expect(AnomalyKind::PollSkip);
    assert!(matches!(skip, Anomaly::PollSkip { from: 1, to: Some(3), count: 2, .. }), "{skip}");
    assert!(skip.to_string().ends_with("which 2/0 was given (and 1 more)"), "{skip}");
}

#[test]
fn a_consumer_that_does_not_start_where_it_was_positioned_has_skipped() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.position(3, 0, Some(0));
    tale.poll(3, 0, &[(1, "b")]);
    tale.expect(AnomalyKind::PollSkip);
}

#[test]
fn a_consumer_that_goes_on_without_what_others_see_has_skipped() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.poll_to(3, 0, &[(0, "a")], 2);
    let skip = tale.expect(AnomalyKind::PollSkip);
    assert!(matches!(skip, Anomaly::PollSkip { to: None, .. }), "{skip}");
}

#[test]
fn a_consumer_that_goes_back_by_itself_is_not_monotonic() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.poll(2, 0, &[(1, "b")]);
    let turn = tale.expect(AnomalyKind::NonMonotonicPoll);
    assert!(turn.to_string().ends_with("the consumer had come to offset 2 with 2/0"), "{turn}");
}

#[test]
fn a_consumer_that_is_given_what_lies_before_its_position_is_not_monotonic() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.position(2, 0, Some(1));
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    let turn = tale.expect(AnomalyKind::NonMonotonicPoll);
    assert!(turn.to_string().ends_with("the consumer was positioned at offset 1"), "{turn}");
}

#[test]
fn records_that_lie_the_other_way_round_than_they_were_sent_are_not_monotonic() {
    let mut tale = Tale::default();
    tale.send(1, 0, "a", 1);
    tale.send(1, 0, "b", 0);
    tale.poll(2, 0, &[(0, "b"), (1, "a")]);
    let send = tale.expect(AnomalyKind::NonMonotonicSend);
    assert_eq!(
        send.to_string(),
        "non-monotonic send: 1/0 was sent to orders-0 before 1/1, but lies at offset 1, behind \
         offset 0"
    );
}

#[test]
fn an_offset_older_than_the_last_committed_one_is_stale() {
    let mut tale = Tale::default();
    tale.commit_offset(1, 3);
    tale.commit_offset(1, 5);
    tale.fetch_offset(2, Some(3));
    let stale = tale.expect(AnomalyKind::StaleOffset);
    assert_eq!(
        stale.to_string(),
        "stale offset: 2/0 found offset 3 of group g in orders-0, though 1/1 had committed 5 before"
    );
}

#[test]
fn no_offset_where_one_was_committed_is_stale() {
    let mut tale = Tale::default();
    tale.commit_offset(1, 3);
    tale.fetch_offset(2, None);
    tale.expect(AnomalyKind::StaleOffset);
}

#[test]
fn an_offset_that_was_never_committed_or_undone_is_stray() {
    let mut tale = Tale::default();
    tale.commit_offset(1, 3);
    tale.fetch_offset(2, Some(4));
    tale.expect(AnomalyKind::StrayOffset);
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send_offset(1, 4);
    tale.abort(1);
    tale.fetch_offset(2, Some(4));
    let stray = tale.expect(AnomalyKind::StrayOffset);
    assert!(
        stray.to_string().ends_with("which only 1/1 tried to commit, and it failed"),
        "{stray}"
    );
    let mut tale = Tale::default();
    tale.commit_offset_failed(1, 4);
    tale.fetch_offset(2, Some(4));
    tale.expect(AnomalyKind::StrayOffset);
}

#[test]
fn two_transactions_that_consume_the_same_records_are_found() {
    let mut tale = Tale::with_sent(&["a", "b", "c"]);
    for process in [2, 3] {
        tale.poll(process, 0, &[(0, "a"), (1, "b"), (2, "c")]);
        tale.begin(process);
        tale.send_offset(process, 2);
        tale.commit(process);
    }
    let twice = tale.expect(AnomalyKind::ConsumedTwice);
    assert!(matches!(twice, Anomaly::ConsumedTwice { offset: 0, count: 2, .. }), "{twice}");
}
