//! Replicas that the request names itself, instead of leaving them to placement.

use std::collections::BTreeSet;

use base::{ErrorCode, NodeId};

use super::decision::Rejection;
use crate::image::MetadataImage;

/// Whether these brokers can hold one partition, with as many replicas as its siblings have if that
/// is known.
pub(super) fn check_manual_assignment(
    image: &MetadataImage,
    replicas: &[NodeId],
    replication_factor: Option<usize>,
) -> Result<(), Rejection> {
    let invalid = |what: String| {
        let message = format!("The manual partition assignment includes {what}");
        Err(Rejection::new(ErrorCode::InvalidReplicaAssignment, message))
    };
    if replicas.is_empty() {
        return invalid("an empty replica list.".to_owned());
    }
    let mut seen = BTreeSet::new();
    for &broker in replicas {
        if image.broker(broker).is_none() {
            return invalid(format!("broker {broker}, but no such broker is registered."));
        }
        if !seen.insert(broker) {
            return invalid(format!("the broker {broker} more than once."));
        }
    }
    match replication_factor {
        Some(expected) if expected != replicas.len() => invalid(format!(
            "a partition with {} replica(s), but this is not consistent with previous \
            partitions, which have \
             {expected} replica(s).",
            replicas.len()
        )),
        _ => Ok(()),
    }
}
