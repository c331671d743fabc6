//! A member of a classic group.

use base::Instant;
use bytes::Bytes;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};

use super::bounds::kept;
use crate::request::{Client, ReplyToken};

/// A JoinGroup that waits for the other members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joining {
    pub(crate) token: ReplyToken,
    pub(crate) version: i16,
}

/// A member and what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocols: Vec<JoinGroupRequestProtocol>,
    pub(crate) assignment: Bytes,
    pub(crate) joining: Option<Joining>,
    pub(crate) syncing: Option<ReplyToken>,
    /// It has not been in a generation yet: its client may have given up, and tried again under
    /// another id, so that waiting for it has an end.
    pub(crate) is_new: bool,
    /// When the session ends, unless something is heard of it.
    pub(crate) session_ends: Instant,
}

impl Member {
    pub(crate) fn new(id: String, client: &Client, request: &JoinGroupRequest) -> Self {
        Self {
            id,
            instance_id: request.group_instance_id.clone(),
            client_id: client.client_id.clone(),
            client_host: client.host.clone(),
            rebalance_timeout_ms: rebalance_timeout_ms(request),
            session_timeout_ms: request.session_timeout_ms,
            protocols: kept_protocols(request),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            is_new: true,
            session_ends: Instant(0),
        }
    }

    /// Takes over what its client has said now.
    pub(crate) fn update(&mut self, request: &JoinGroupRequest) {
        self.protocols = kept_protocols(request);
        self.rebalance_timeout_ms = rebalance_timeout_ms(request);
        self.session_timeout_ms = request.session_timeout_ms;
    }

    /// Whether it still says exactly the same of itself.
    pub(crate) fn matches(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        self.protocols == protocols
    }

    /// What it says for `protocol`; nothing if it does not speak that.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let spoken = self.protocols.iter().find(|spoken| spoken.name == protocol);
        spoken.map_or_else(Bytes::new, |spoken| spoken.metadata.clone())
    }

    pub(crate) fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    /// Whether its session may not end now: it waits for others.
    pub(crate) fn is_excused(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }
}

fn kept_protocols(request: &JoinGroupRequest) -> Vec<JoinGroupRequestProtocol> {
    let protocols = request.protocols.iter().map(|protocol| JoinGroupRequestProtocol {
        name: protocol.name.clone(),
        metadata: kept(&protocol.metadata),
    });
    protocols.collect()
}

/// Version 0 has one time-out for both.
fn rebalance_timeout_ms(request: &JoinGroupRequest) -> i32 {
    match request.rebalance_timeout_ms {
        ..0 => request.session_timeout_ms,
        rebalance_timeout_ms => rebalance_timeout_ms,
    }
}
