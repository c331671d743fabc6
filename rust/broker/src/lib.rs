//! The broker: dispatch, one handler file per API, partitions, the way to the controller, and
//! configuration.
//!
//! ```text
//! net::Server ─ Dispatch ─ handlers ─┬─ Partitions ─ Partition ─ LogDirectory, Log
//!                                    ├─ CoordinatorRuntime ─ ShardTask ─ Partition
//!                                    └─ Controller ─ quorum
//! storage threads ─ Leadership ─ replies to producers, wakes long-polling fetches
//! ```

pub mod config;

mod authorized_operations;
mod blocking;
mod broker;
mod config_resource;
mod controller;
mod coordinator_runtime;
mod dispatch;
mod environment;
mod errors;
mod features;
mod fetch_wait;
mod handlers;
mod leadership;
mod marker_sender;
mod partition;
mod partitions;
mod produce_order;
mod producer_ids;
mod recovery;
mod request;
mod server;
mod storage_machines;
#[cfg(test)]
mod test_server;
mod topic_configs;
mod transaction_marker;
mod transaction_verification;

pub use blocking::Blocking;
pub use coordinator::GroupExplanation;
pub use coordinator_runtime::RebalanceMetrics;
pub use environment::Environment;
pub use server::{BrokerServer, StartError};
pub use storage::CleanerMetrics;
