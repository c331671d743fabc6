//! The broker on one node, as a client sees it: each API over real connections, on a disk in memory
//! that can fail, crash and fill up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod batches;
mod classic_groups;
mod concurrency;
mod configs;
mod connections;
mod consumer_groups;
mod coordinator;
mod delete_records;
mod descriptions;
mod durability;
mod features;
mod fetch;
mod fetch_positions;
mod group_client;
mod group_configs;
mod group_limits;
mod hanging_transactions;
mod idempotence;
mod leader_epochs;
mod list_offsets;
mod metadata;
mod offsets;
mod offsets_log;
mod produce;
mod produce_limits;
mod requests;
mod restarts;
mod shutdown;
mod slow_coordinator;
mod slow_disk;
mod slow_transactions;
mod storage_failures;
mod test_broker;
mod test_client;
mod topics;
mod transaction_crashes;
mod transaction_markers;
mod transaction_resumption;
mod transactional_offsets;
mod transactional_producer;
mod transactions;
