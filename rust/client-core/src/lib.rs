//! The client's decisions: connection, metadata cache, producer, consumer and admin machines. Pure.
//!
//! No machine here holds a socket, a clock, a task, a lock or a channel: they are told what
//! happened and what time it is, and say what to do. `client` moves their bytes; tests move their
//! time.

pub mod admin;
pub mod api_versions;
pub mod backoff;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod consumer;
mod coordinator;
pub mod coordinator_survey;
pub mod inquiry;
pub mod metadata_cache;
pub mod murmur2;
pub mod node;
pub mod producer;
mod refresh;
pub mod request;
pub mod survey;
pub mod transport;
mod wake;

pub use cluster::{Cluster, ClusterEvent, Reach, Unreachable};
pub use config::{AdminConfig, ConfigError, ConsumerConfig, ProducerConfig, Warning};
pub use metadata_cache::MetadataCache;
pub use node::Lane;
pub use request::{Answer, OutgoingRequest, RequestError, RequestId};
pub use transport::{ConnectionId, Transmit, TransportEvent};
