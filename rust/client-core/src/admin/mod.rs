//! The admin client's questions: what each asks, of whom, and how its answer reads.

mod cluster;
mod configs;
mod coordinator;
pub mod groups;
mod names;
mod offsets;
mod records;
mod topics;
pub mod transactions;

pub use cluster::{
    BrokerDescription, ClusterDescription, LogDirectoryDescription, ReplicaDescription,
    describe_cluster, describe_log_dirs,
};
pub use configs::{
    ConfigChange, ConfigEntry, ConfigOperation, ConfigResource, ConfigSource, ConfigSynonym,
    ResourceType, alter_configs, describe_configs,
};
pub use coordinator::find_coordinators;
pub use names::UnknownName;
pub use offsets::{OffsetSpec, list_offsets};
pub use records::{delete_records, read_deleted};
pub use topics::{
    CreatedTopic, NewTopic, PartitionDescription, TopicDescription, TopicListing,
    create_partitions, create_topics, delete_topics, describe_topics, list_topics,
};

use std::collections::BTreeMap;

use base::ErrorCode;

use crate::inquiry::{InquiryError, Reading};

/// What was asked about, each with its own result, in the order of the answer.
pub type Each<K, V> = Vec<(K, Result<V, InquiryError>)>;

/// The result of one of many things.
fn each(code: i16, message: Option<String>) -> Result<(), InquiryError> {
    match self::code(code) {
        ErrorCode::None => Ok(()),
        code => Err(InquiryError::refused(code, message)),
    }
}

/// The answer for each name that was asked about; one that is left out has an unknown error.
fn for_each_name<V>(asked: &[String], answered: Each<String, V>) -> Each<String, V> {
    let mut answered: BTreeMap<_, _> = answered.into_iter().collect();
    let unanswered = || Err(InquiryError::refused(ErrorCode::UnknownServerError, None));
    let answer = |name: &String| {
        let result = answered.remove(name).unwrap_or_else(unanswered);
        (name.clone(), result)
    };
    asked.iter().map(answer).collect()
}

/// Asks again if the controller has moved, in which case nothing was done; otherwise the answer
/// stands.
fn unless_moved<K, V>(results: Each<K, V>) -> Reading<Each<K, V>> {
    let moved = results.iter().any(|(_, result)| {
        matches!(result, Err(InquiryError::Refused { code: ErrorCode::NotController, .. }))
    });
    if moved { Reading::Again(ErrorCode::NotController) } else { Reading::Done(results) }
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}

#[cfg(test)]
mod tests;
