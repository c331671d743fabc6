//! FindCoordinator: which broker coordinates which group, or which transactional id.

use std::time::Duration;

use base::NodeId;
use wire::find_coordinator::FindCoordinatorRequest;

use super::{Each, each, for_each_name};
use crate::coordinator_survey::CoordinatorKind;
use crate::inquiry::{Inquiry, Reading, Target};

/// From this version on a request can name several keys (KIP-699).
const SEVERAL_VERSION_MIN: i16 = 4;

/// Asks any broker who coordinates `keys`. One that takes only one at a time is asked about the
/// first, and the answer is about that one alone.
pub fn find_coordinators(
    kind: CoordinatorKind,
    keys: &[String],
    timeout: Duration,
) -> Inquiry<FindCoordinatorRequest, Each<String, NodeId>> {
    let asked = keys.to_vec();
    let key_type = match kind {
        CoordinatorKind::Group => 0,
        CoordinatorKind::Transaction => 1,
    };
    let write = move |version| {
        if version < SEVERAL_VERSION_MIN {
            let key = asked.first().cloned().unwrap_or_default();
            return FindCoordinatorRequest { key, key_type, ..Default::default() };
        }
        let coordinator_keys = asked.clone();
        FindCoordinatorRequest { key_type, coordinator_keys, ..Default::default() }
    };
    let asked = keys.to_vec();
    Inquiry::by_version(Target::Any, i16::MAX, write, timeout, move |response| {
        let node = |code, message, node| each(code, message).map(|()| NodeId(node));
        if response.coordinators.is_empty() {
            let result = node(response.error_code, response.error_message, response.node_id);
            let first = asked.first().cloned().into_iter();
            return Reading::Done(first.map(|key| (key, result.clone())).collect());
        }
        let rows = response.coordinators.into_iter();
        let rows = rows.map(|row| (row.key, node(row.error_code, row.error_message, row.node_id)));
        Reading::Done(for_each_name(&asked, rows.collect()))
    })
}
