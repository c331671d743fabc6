//! FindCoordinator: which broker coordinates which group.

use std::time::Duration;

use base::NodeId;
use wire::find_coordinator::FindCoordinatorRequest;

use super::for_each_group;
use crate::admin::{Each, each};
use crate::inquiry::{Inquiry, Reading, Target};

/// From this version on a request can name several groups (KIP-699).
const SEVERAL_VERSION_MIN: i16 = 4;

/// Asks any broker who coordinates `groups`. One that takes only one at a time is asked about the
/// first, and the answer is about that one alone.
pub fn find_coordinators(
    groups: &[String],
    timeout: Duration,
) -> Inquiry<FindCoordinatorRequest, Each<String, NodeId>> {
    let asked = groups.to_vec();
    let write = move |version| {
        if version < SEVERAL_VERSION_MIN {
            let key = asked.first().cloned().unwrap_or_default();
            return FindCoordinatorRequest { key, ..Default::default() };
        }
        FindCoordinatorRequest { coordinator_keys: asked.clone(), ..Default::default() }
    };
    let asked = groups.to_vec();
    Inquiry::by_version(Target::Any, i16::MAX, write, timeout, move |response| {
        let node = |code, message, node| each(code, message).map(|()| NodeId(node));
        if response.coordinators.is_empty() {
            let result = node(response.error_code, response.error_message, response.node_id);
            let first = asked.first().cloned().into_iter();
            return Reading::Done(first.map(|group| (group, result.clone())).collect());
        }
        let rows = response.coordinators.into_iter();
        let rows = rows.map(|row| (row.key, node(row.error_code, row.error_message, row.node_id)));
        Reading::Done(for_each_group(&asked, rows.collect()))
    })
}
