//! Histories that look odd and are right.

use super::tale::Tale;
use crate::operation::IsolationLevel;

#[test]
fn nothing_at_all_is_right() {
    Tale::default().expect_clean();
}

#[test]
fn what_is_sent_and_polled_in_order_is_right() {
    let mut tale = Tale::with_sent(&["a", "b", "c"]);
    tale.position(2, 0, Some(0));
    tale.poll(2, 0, &[(0, "a")]);
    tale.poll(2, 0, &[]);
    tale.poll(2, 0, &[(1, "b"), (2, "c")]);
    tale.ends(&[(0, 3)]);
    tale.expect_clean();
}

#[test]
fn an_unknown_send_may_have_happened_or_not() {
    let mut tale = Tale::with_sent(&["a"]);
    tale.send_unknown(1, 0, "b");
    tale.send_unknown(1, 0, "c");
    tale.send(1, 0, "d", 2);
    tale.poll(2, 0, &[(0, "a"), (1, "c"), (2, "d")]);
    tale.ends(&[(0, 3)]);
    tale.expect_clean();
}

#[test]
fn an_unknown_send_may_happen_after_later_ones() {
    let mut tale = Tale::default();
    tale.send_unknown(1, 0, "late");
    tale.send(1, 0, "a", 0);
    tale.poll(2, 0, &[(0, "a"), (1, "late")]);
    tale.expect_clean();
}

#[test]
fn an_acknowledgement_without_an_offset_is_right_wherever_the_record_lies() {
    let mut tale = Tale::default();
    tale.send_told(1, 0, "a", None);
    tale.ends(&[(0, 1)]);
    tale.position(2, 0, Some(0));
    tale.poll(2, 0, &[(0, "a")]);
    tale.expect_clean();
}

#[test]
fn a_transaction_may_stay_unknown_and_unseen() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0), (1, "b", 0)], Tale::commit_unknown);
    tale.position(2, 0, Some(0));
    tale.poll_to(2, 0, &[], 2);
    tale.position(2, 1, Some(0));
    tale.poll_to(2, 1, &[], 2);
    tale.ends(&[(0, 2), (1, 2)]);
    tale.expect_clean();
}

#[test]
fn an_unknown_commit_may_be_tried_again() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0)], Tale::commit_unknown);
    tale.poll(2, 0, &[(0, "a")]);
    tale.commit(1);
    tale.expect_clean();
}

#[test]
fn aborted_records_are_passed_over() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0)], Tale::abort);
    tale.send(2, 0, "b", 2);
    tale.position(3, 0, Some(0));
    tale.poll(3, 0, &[(2, "b")]);
    tale.ends(&[(0, 3)]);
    tale.expect_clean();
}

#[test]
fn a_consumer_of_everything_sees_aborted_and_open_transactions_too() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0)], Tale::abort);
    tale.begin(1);
    tale.send(1, 0, "b", 2);
    tale.poll_uncommitted(2, 0, &[(0, "a"), (2, "b")]);
    tale.poll_as(IsolationLevel::ReadCommitted, 3, 0, &[], Some(2));
    tale.commit(1);
    tale.poll(3, 0, &[(2, "b")]);
    tale.expect_clean();
}

#[test]
fn a_producer_that_gives_a_transaction_up_need_not_know_what_is_in_the_log() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.send_failed(1, 0, "a");
    tale.abort(1);
    tale.poll_uncommitted(2, 0, &[(0, "a")]);
    tale.expect_clean();
}

#[test]
fn a_consumer_may_be_rewound_and_sent_ahead() {
    let mut tale = Tale::with_sent(&["a", "b", "c"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.position(2, 0, Some(0));
    tale.poll(2, 0, &[(0, "a")]);
    tale.position(2, 0, None);
    tale.poll(2, 0, &[(2, "c")]);
    tale.expect_clean();
}

#[test]
fn partitions_may_go_from_one_consumer_to_another_and_back() {
    let mut tale = Tale::with_sent(&["a", "b", "c", "d"]);
    tale.position(2, 0, Some(0));
    tale.poll(2, 0, &[(0, "a"), (1, "b")]);
    tale.commit_offset(2, 1);
    tale.position(3, 0, Some(1));
    tale.poll(3, 0, &[(1, "b"), (2, "c")]);
    tale.commit_offset(3, 3);
    tale.position(2, 0, Some(3));
    tale.poll(2, 0, &[(3, "d")]);
    tale.fetch_offset(2, Some(3));
    tale.expect_clean();
}

#[test]
fn a_consumer_that_starts_late_has_skipped_nothing() {
    let mut tale = Tale::with_sent(&["a", "b", "c"]);
    tale.poll(2, 0, &[(0, "a"), (1, "b"), (2, "c")]);
    tale.poll(3, 0, &[(2, "c")]);
    tale.expect_clean();
}

#[test]
fn what_lies_behind_the_last_poll_is_nobodys_business_without_an_end() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    tale.poll(2, 0, &[(0, "a")]);
    tale.expect_clean();
}

#[test]
fn an_end_that_was_asked_for_too_early_proves_nothing() {
    let mut tale = Tale::default();
    tale.ends(&[(0, 0)]);
    tale.send(1, 0, "a", 0);
    tale.expect_clean();
}

#[test]
fn records_in_flight_may_be_acknowledged_in_any_order() {
    let mut tale = Tale::default();
    let send = |tale: &mut Tale, value: &str| {
        let partition = super::tale::orders(0);
        tale.invoke(1, crate::Operation::Send { partition, value: value.into() })
    };
    let first = send(&mut tale, "a");
    let second = send(&mut tale, "b");
    tale.ok(second, crate::Answer::Sent { offset: Some(1) });
    tale.ok(first, crate::Answer::Sent { offset: Some(0) });
    tale.expect_clean();
}

#[test]
fn an_unknown_or_concurrent_commit_of_offsets_may_be_found_or_not() {
    for found in [3, 7] {
        let mut tale = Tale::default();
        tale.commit_offset(1, 3);
        tale.commit_offset_unknown(1, 7);
        tale.fetch_offset(2, Some(found));
        tale.expect_clean();
    }
}

#[test]
fn offsets_may_be_set_back() {
    let mut tale = Tale::default();
    tale.fetch_offset(2, None);
    tale.commit_offset(1, 7);
    tale.commit_offset(1, 3);
    tale.fetch_offset(2, Some(3));
    tale.expect_clean();
}

#[test]
fn offsets_of_an_aborted_transaction_leave_those_before_it() {
    let mut tale = Tale::default();
    tale.commit_offset(1, 3);
    tale.begin(1);
    tale.send_offset(1, 7);
    tale.abort(1);
    tale.fetch_offset(2, Some(3));
    tale.begin(1);
    tale.send_offset(1, 8);
    tale.commit(1);
    tale.fetch_offset(2, Some(8));
    tale.expect_clean();
}

#[test]
fn what_an_aborted_transaction_has_consumed_may_be_consumed_again() {
    let mut tale = Tale::with_sent(&["a", "b"]);
    for end in [Tale::abort, Tale::commit_unknown, Tale::commit] {
        tale.position(2, 0, Some(0));
        tale.poll(2, 0, &[(0, "a"), (1, "b")]);
        tale.begin(2);
        tale.send_offset(2, 2);
        end(&mut tale, 2);
    }
    tale.expect_clean();
}
