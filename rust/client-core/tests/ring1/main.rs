//! The producer and the consumer against a made-up cluster, under virtual time: answers are lost,
//! late, repeated and out of order, connections break, leaders move. A seed is a whole history; a
//! failing one prints the command that replays it.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod consuming;
mod enduring;
mod fake_cluster;
mod faults;
mod group_host;
mod grouping;
mod invariants;
mod keeping;
mod network;
mod producing;
mod sticking;
mod transacting;
mod transaction_host;
mod trouble;
mod truncating;

use std::ops::Range;

use seeds::Suite;

const SUITE: Suite = Suite { package: "client-core", test: "ring1" };

fn for_each_seed(name: &str, seeds: Range<u64>, scenario: fn(u64)) {
    SUITE.run(name, seeds, scenario);
}

#[test]
fn every_record_has_one_result_and_the_log_neither_repeats_nor_reorders() {
    let name = "every_record_has_one_result";
    for_each_seed(name, 0..150, producing::idempotent);
}

#[test]
fn without_faults_everything_is_delivered() {
    for_each_seed("without_faults_everything_is_delivered", 0..20, producing::without_faults);
}

#[test]
fn without_idempotence_every_record_still_has_one_result() {
    let name = "without_idempotence_every_record_still_has_one_result";
    for_each_seed(name, 0..100, producing::without_idempotence);
}

#[test]
fn a_cluster_that_is_gone_fails_every_record_in_time() {
    for_each_seed("a_cluster_that_is_gone", 0..20, producing::cluster_gone);
}

#[test]
fn a_batch_that_is_too_large_arrives_in_pieces_and_in_order() {
    for_each_seed("a_batch_that_is_too_large", 0..60, producing::too_large);
}

#[test]
fn brokers_that_fail_neither_lose_nor_repeat_nor_reorder_what_was_acknowledged() {
    for_each_seed("brokers_that_fail_neither_lose", 0..120, enduring::under_fire);
}

#[test]
fn the_seeds_of_brokers_that_fail_come_to_doubts_certainties_and_new_epochs() {
    enduring::doubts_of_seeds();
}

#[test]
fn a_transaction_outlives_brokers_that_fail() {
    for_each_seed("a_transaction_outlives_brokers", 0..24, transacting::with_brokers_that_fail);
}

#[test]
fn of_a_transaction_all_is_seen_or_nothing_and_once_and_in_order() {
    for_each_seed("of_a_transaction_all_is_seen", 0..120, transacting::under_fire);
}

#[test]
fn without_faults_a_transaction_ends_as_the_program_says() {
    for_each_seed("without_faults_a_transaction_ends", 0..24, transacting::in_calm);
}

#[test]
fn what_an_abort_gives_up_on_the_way_costs_the_next_transaction_nothing() {
    let name = "what_an_abort_gives_up_on_the_way";
    for_each_seed(name, 0..24, transacting::aborted_on_the_way);
}

#[test]
fn a_transaction_that_may_be_committed_already_does_not_fail() {
    for_each_seed("a_transaction_that_may_be_committed", 0..12, transacting::failed_too_late);
}

#[test]
fn the_first_batch_of_a_transaction_does_not_linger() {
    for_each_seed("the_first_batch_of_a_transaction", 0..12, transacting::announced);
}

#[test]
fn a_producer_whose_id_another_has_is_fenced_off_for_good() {
    for_each_seed("a_producer_whose_id_another_has", 0..60, transacting::fenced_off);
}

#[test]
fn a_call_at_the_wrong_time_changes_nothing() {
    for_each_seed("a_call_at_the_wrong_time", 0..12, transacting::misused);
}

#[test]
fn a_transaction_ends_as_was_asked_first_whatever_is_asked_afterwards() {
    for_each_seed("a_transaction_ends_as_was_asked_first", 0..60, transacting::of_two_minds);
}

#[test]
fn a_cluster_may_move_to_the_new_flow_and_back_while_there_are_transactions() {
    for_each_seed("a_cluster_may_move_to_the_new_flow", 0..40, transacting::upgraded);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for_each_seed("the_same_seed", 0..10, producing::is_deterministic);
}

#[test]
fn a_consumer_sees_every_record_once_and_in_order() {
    for_each_seed("a_consumer_sees_every_record", 0..200, consuming::everything_once);
}

#[test]
fn a_bounded_read_ends_where_it_was_told_to() {
    for_each_seed("a_bounded_read_ends", 0..100, consuming::bounded);
}

#[test]
fn a_bounded_read_of_a_cluster_that_is_gone_is_given_up() {
    let name = "a_bounded_read_of_a_cluster_that_is_gone";
    for_each_seed(name, 0..40, consuming::bounded_without_a_cluster);
}

#[test]
fn a_bounded_read_of_a_topic_made_anew_says_that_its_end_is_lost() {
    let name = "a_bounded_read_of_a_topic_made_anew";
    for_each_seed(name, 0..40, consuming::bounded_over_a_topic_made_anew);
}

#[test]
fn a_bounded_read_of_a_deleted_topic_is_given_up_at_once() {
    let name = "a_bounded_read_of_a_deleted_topic";
    for_each_seed(name, 0..40, consuming::bounded_over_a_deleted_topic);
}

#[test]
fn a_topic_that_does_not_exist_is_waited_for_and_then_told() {
    for_each_seed("a_topic_that_does_not_exist", 0..20, consuming::a_missing_topic);
}

#[test]
fn a_partition_that_does_not_exist_is_told() {
    for_each_seed("a_partition_that_does_not_exist", 0..40, consuming::a_missing_partition);
}

#[test]
fn a_log_that_was_cut_behind_the_consumer_is_told_or_read_on_from_where_it_was_cut() {
    for_each_seed("a_log_that_was_cut", 0..60, truncating::cut_behind_the_consumer);
}

#[test]
fn a_group_loses_nothing_and_commits_nothing_that_was_not_given_out_and_done_with() {
    for_each_seed("a_group_loses_nothing", 0..25, grouping::classic_members);
}

#[test]
fn a_group_of_the_new_protocol_loses_nothing_either() {
    for_each_seed("a_group_of_the_new_protocol", 0..25, grouping::consumer_members);
}

#[test]
fn members_read_what_is_kept_in_their_rack_and_follow_it_to_another() {
    for_each_seed("members_read_what_is_kept_in_their_rack", 0..12, grouping::members_in_racks);
}

#[test]
fn a_callback_that_does_not_return_costs_the_membership_after_the_poll_interval() {
    for_each_seed("a_callback_that_does_not_return", 0..4, sticking::in_a_callback);
}

#[test]
fn a_question_about_a_partition_that_does_not_exist_is_answered_soon_and_names_the_count() {
    for_each_seed("a_question_about_a_partition", 0..40, keeping::a_missing_partition_is_told);
}

#[test]
fn metadata_is_asked_for_again_when_it_is_too_old() {
    for_each_seed("metadata_is_asked_for_again", 0..10, keeping::old_metadata_is_renewed);
}

#[test]
fn a_topic_that_nobody_writes_to_is_asked_about_no_more() {
    for_each_seed("a_topic_that_nobody_writes_to", 0..10, keeping::idle_topics_are_forgotten);
}

#[test]
fn a_connection_that_nobody_uses_is_closed_and_made_anew_when_it_is_needed() {
    for_each_seed("a_connection_that_nobody_uses", 0..10, keeping::idle_connections_are_closed);
}

#[test]
fn what_belongs_to_an_open_transaction_is_seen_by_isolation_level() {
    for_each_seed("what_belongs_to_an_open_transaction", 0..20, keeping::isolation_is_kept);
}
