//! Cluster metadata as a pure machine: records, the image that their replay gives, and the
//! controller's decisions.
//!
//! A decision looks at an image and answers with records and a reply; only the replay of records
//! changes an image. So an image is always the replay of its log, on every node alike.

pub mod controller;
pub mod image;
pub mod internal_topic;
pub mod record;

pub use controller::{ConfigRules, Decision, Rejection};
pub use image::{ConfigEntity, MetadataImage, ReplayError};
pub use record::{MetadataRecord, RecordDecodeError};
