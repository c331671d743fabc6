//! The tokio shell around the client's machines: producer, consumer and admin.
//!
//! Every client is made on a runtime's handle, and all of its calls are `async fn`s on `&self` that
//! are safe to drop; [`block_on`] makes any of them a blocking one that can be interrupted.

mod admin;
mod blocking;
mod bounded_read;
mod carrier;
mod consumer;
mod delivery;
mod desk;
mod driver;
mod error;
mod memory;
mod producer;
mod report;
mod topics;

use client_core::config::ConnectionConfig;
use net::{TcpOptions, TcpTransport};

pub use admin::{Admin, GroupOffsets, HangingScope};
pub use blocking::{
    BlockError, INTERRUPT_CHECK_MAX, Interrupt, Interrupted, NeverInterrupted, block_on,
};
pub use bounded_read::{BoundedRead, EndAt};
pub use client_core::admin::groups::{
    GroupDescription, GroupFilter, GroupListing, GroupState, GroupType, MemberDescription,
    MemberToRemove, Moved, OtherKind, Owner, PartitionLag, PlannedOffset, ResetError, ResetTo,
    ScopeError, TopicScope,
};
pub use client_core::admin::transactions::{
    OpenTransaction, ProducerState, TransactionDescription, TransactionFilter, TransactionListing,
    TransactionState, TransactionToAbort,
};
pub use client_core::admin::{
    BrokerDescription, ClusterDescription, ConfigChange, ConfigEntry, ConfigOperation,
    ConfigResource, ConfigSource, ConfigSynonym, CreatedTopic, Each, LogDirectoryDescription,
    NewTopic, OffsetSpec, PartitionDescription, ReplicaDescription, ResourceType, TopicDescription,
    TopicListing, UnknownName,
};
pub use client_core::config::{
    Acks, Address, AdminConfig, ConfigError, ConsumerConfig, GroupConfig, IsolationLevel, KEYS,
    Key, OffsetReset, Owners, ProducerConfig, Support, Warning,
};
pub use client_core::consumer::{
    Assign, AssignmentStrategy, Assignments, Assignor, CommitError, ConsumeError, ConsumerMetrics,
    Counts, Errand, ErrandAnswer, Fetched, Found, Given, GroupError, GroupMetadata,
    GroupPartitions, OffsetAndMetadata, Pattern, PatternError, ProgramAssignor, Rebalance,
    RebalanceReport, RebalanceTotals, StartAt, Subscriber, Subscription, ToCommit,
};
pub use client_core::inquiry::InquiryError as AdminError;
pub use client_core::producer::{
    BatchOutcome, DeliveryError, PlacementError, RecordRefusal, TransactionError,
};
pub use consumer::{Consumer, OffsetAndTimestamp, PendingCommit, Polling};
pub use delivery::{BatchDelivery, Delivered, Delivery};
pub use driver::CONNECT_CHECK_MAX;
pub use error::{ConnectError, OffsetsError, ReadError, SendError};
pub use producer::{Busy, Producer, Record, TrySendError};
pub use records::Header;
pub use report::{FlushReport, PartitionReport};

/// A seed that nobody can guess.
fn entropy() -> u64 {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).expect("the system has randomness to give");
    u64::from_le_bytes(seed)
}

fn tcp(config: &ConnectionConfig) -> TcpTransport {
    let options = TcpOptions {
        send_buffer_bytes: config.send_buffer_bytes,
        receive_buffer_bytes: config.receive_buffer_bytes,
        ..TcpOptions::default()
    };
    TcpTransport { options }
}
