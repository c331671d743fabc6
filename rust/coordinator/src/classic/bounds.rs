//! How much members may say of themselves. The coordinator keeps it for as long as they are
//! members, and what could never be persisted is refused before anybody waits for it.

use base::ErrorCode;
use bytes::Bytes;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};

use super::ClassicGroup;
use crate::config::CoordinatorConfig;

/// The most protocols that a member may speak; a client has one for each of its assignors.
const PROTOCOLS_MAX: usize = 256;
/// How many batches of the log all that the members of a group say may fill. What they say for one
/// of their protocols is persisted, and has to fit into a single one.
const GROUP_BATCHES_MAX: usize = 8;

/// Whether one member asks for no more than the log could hold.
pub(crate) fn ensure_bounded(
    config: &CoordinatorConfig,
    request: &JoinGroupRequest,
) -> Result<(), ErrorCode> {
    let is_bounded = request.protocols.len() <= PROTOCOLS_MAX
        && said_bytes(&request.protocols) <= config.append_bytes_max;
    if is_bounded { Ok(()) } else { Err(ErrorCode::InvalidRequest) }
}

impl ClassicGroup {
    /// Whether the group can take in what a member says, be it new or not.
    pub(super) fn ensure_bounded(
        &self,
        config: &CoordinatorConfig,
        request: &JoinGroupRequest,
    ) -> Result<(), ErrorCode> {
        ensure_bounded(config, request)?;
        let others = self.members.values().filter(|member| member.id != request.member_id);
        let others: usize = others.map(|member| said_bytes(&member.protocols)).sum();
        let bytes_max = config.append_bytes_max.saturating_mul(GROUP_BATCHES_MAX);
        let is_room = others.saturating_add(said_bytes(&request.protocols)) <= bytes_max;
        if is_room { Ok(()) } else { Err(ErrorCode::GroupMaxSizeReached) }
    }
}

fn said_bytes(protocols: &[JoinGroupRequestProtocol]) -> usize {
    protocols.iter().map(|protocol| protocol.name.len() + protocol.metadata.len()).sum()
}

/// Bytes of a request that outlive it: as they are they would keep the whole of its frame in
/// memory, and what was charged for that.
pub(crate) fn kept(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
