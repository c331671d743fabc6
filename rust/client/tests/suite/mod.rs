//! What every broker must do for our clients, and our clients with it: the same tests on our own
//! broker and on others.

pub(crate) mod admin;
pub(crate) mod consume;
pub(crate) mod fixture;
pub(crate) mod groups;
pub(crate) mod produce;
pub(crate) mod transact;

/// Makes a test of each body, on the broker whose address the expression gives.
macro_rules! on_a_broker {
    ($bootstrap:expr) => {
        $crate::suite::on_a_broker! { @ $bootstrap;
            produce: every_codec_is_read_back_as_it_was_sent,
            produce: keys_go_where_javas_client_sends_them_and_keep_their_order,
            produce: records_without_a_key_are_spread_over_all_partitions,
            produce: a_flush_does_not_wait_for_linger,
            produce: a_full_buffer_blocks_until_there_is_room,
            produce: a_record_that_is_too_large_is_refused_by_us_or_by_the_broker,
            produce: a_batch_that_is_too_large_is_split,
            produce: no_answer_is_awaited_with_acks_0,
            produce: a_partition_that_does_not_exist_is_named,
            produce: a_closed_producer_takes_nothing_and_can_be_closed_again,
            consume: seeking_by_offset_and_by_time_finds_the_record,
            consume: offsets_are_told_for_both_ends_and_for_times,
            consume: a_bounded_read_ends_at_the_offsets_seen_at_its_start,
            consume: a_paused_partition_hands_out_nothing_until_it_is_resumed,
            consume: a_position_out_of_range_is_an_error_or_a_reset_as_configured,
            consume: records_arrive_while_the_consumer_waits,
            consume: a_seek_does_not_wait_for_the_fetch_that_waits,
            consume: every_record_comes_once_through_a_prefetch_of_one_batch,
            admin: topics_are_created_described_enlarged_and_deleted,
            admin: configs_are_described_and_changed_key_by_key,
            admin: deleted_records_move_the_log_start,
            admin: the_cluster_and_its_directories_are_described,
            admin: a_transactional_id_that_nobody_has_used_is_not_found,
            admin: an_unreachable_broker_is_named_within_five_seconds,
            groups: a_group_of_offsets_alone_is_listed_measured_reset_and_deleted,
            groups: a_group_with_members_is_described_and_refuses_changes,
            groups: a_reset_that_cannot_be_says_what_is_wrong,
            transact: a_committed_transaction_is_seen_whole_and_an_aborted_one_not_at_all,
            transact: what_is_sent_before_its_topic_is_known_belongs_to_the_transaction,
            transact: offsets_are_committed_with_the_transaction_or_not_at_all,
            transact: an_offset_is_committed_with_the_epoch_of_the_record_before_it,
            transact: a_member_of_another_generation_commits_nothing,
            transact: a_second_producer_fences_the_first_off,
            transact: a_record_that_is_refused_costs_its_transaction_alone,
            transact: a_producer_that_is_closed_aborts_what_it_has_begun,
            transact: who_stops_waiting_for_the_end_of_a_transaction_hears_of_it_later,
        }
    };
    (@ $bootstrap:expr; $($module:ident: $test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::suite::fixture::run($crate::suite::$module::$test, &$bootstrap);
            }
        )*
    };
}
pub(crate) use on_a_broker;
