//! The words every other crate speaks in: positions, identities, error codes, time, chance, and the
//! codec's primitives.
//!
//! Nothing here does I/O except [`clock::SystemClock`], which reads the machine's clocks for the
//! shells.

pub mod byte_source;
pub mod clock;
pub mod codec;
pub mod error_code;
pub mod ids;
pub mod limits;
pub mod offset;
pub mod rng;
pub mod topic_partition;
pub mod uuid;
pub mod varint;

pub use byte_source::{ByteSource, Wait};
pub use clock::{Clock, Instant, SystemClock};
pub use error_code::ErrorCode;
pub use ids::{
    BrokerEpoch, DirectoryId, LeaderEpoch, NodeId, PartitionIndex, ProducerEpoch, ProducerId,
    TopicId,
};
pub use offset::Offset;
pub use rng::{Rng, SplitMix64};
pub use topic_partition::TopicPartition;
pub use uuid::Uuid;
