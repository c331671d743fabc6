//! What a classic group shows of itself when it becomes a consumer group, and how one begins that
//! was a consumer group before.

use base::{ErrorCode, Instant};
use bytes::Bytes;
use wire::coordinator_records::ConsumerGroupMemberMetadataValue;
use wire::coordinator_records::consumer_group_member_metadata::ClassicMemberMetadata;
use wire::join_group::JoinGroupRequestProtocol;

use super::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, Member, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::rebalance::Cause;

impl ClassicGroup {
    /// Whether a member of the new protocol may join, by which the group would become one of it.
    pub(crate) fn may_be_upgraded(&self, config: &CoordinatorConfig) -> bool {
        config.consumer_migration_policy.allows_upgrade()
            && self.is_of_consumers()
            && self.members.len() <= config.consumer_max_members()
    }

    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// What a member says for the group's protocol, or, if there is none yet, for its first.
    pub(crate) fn metadata_of(&self, member: &Member) -> Bytes {
        match (&self.protocol, member.protocols.first()) {
            (Some(protocol), _) => member.metadata(protocol),
            (None, Some(first)) => first.metadata.clone(),
            (None, None) => Bytes::new(),
        }
    }

    /// The group is no more: whoever waits is told so by `error`, and its timers end.
    pub(crate) fn dissolve(&self, error: ErrorCode, decision: &mut Decision) {
        for member in self.members.values() {
            if let Some(joining) = member.joining {
                joining.refuse(error, &member.id, decision);
            }
            if let Some(token) = member.syncing {
                super::sync::refuse(token, error, decision);
            }
            decision.cancel(self.session_key(&member.id));
        }
        for id in self.pending_members.keys() {
            decision.cancel(self.session_key(id));
        }
        decision.cancel(self.join_key());
        decision.cancel(self.sync_key());
    }

    /// A group of consumers in this generation, without members yet.
    pub(crate) fn of_generation(id: &str, now: Now, generation: i32) -> Self {
        Self {
            generation,
            protocol_type: Some(CONSUMER_PROTOCOL_TYPE.to_owned()),
            ..Self::new(id, now)
        }
    }

    /// Adds a member that is in the generation.
    pub(crate) fn add_stable(&mut self, member: Member) {
        self.add(member, CONSUMER_PROTOCOL_TYPE);
    }

    /// All members of the generation have been added.
    pub(crate) fn begin_stable(&mut self) {
        self.state = State::Stable;
        self.protocol = self.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
    }

    /// Sessions go on under the classic protocol, and everybody is asked to join.
    pub(crate) fn on_downgrade(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        causes: Vec<Cause>,
        decision: &mut Decision,
    ) {
        for cause in causes {
            self.note(now, cause);
        }
        self.on_loaded(now, config, decision);
        if self.state == State::Stable {
            self.rebalance_or_complete(now, config, Cause::ProtocolChanged, decision);
        }
    }
}

impl Member {
    /// A classic member as a consumer group knew it.
    pub(crate) fn stable(
        id: &str,
        metadata: &ConsumerGroupMemberMetadataValue,
        spoken: &ClassicMemberMetadata,
        assignment: Bytes,
    ) -> Self {
        let protocols =
            spoken.supported_protocols.iter().map(|protocol| JoinGroupRequestProtocol {
                name: protocol.name.clone(),
                metadata: protocol.metadata.clone(),
            });
        Self {
            id: id.to_owned(),
            instance_id: metadata.instance_id.clone(),
            client_id: metadata.client_id.clone(),
            client_host: metadata.client_host.clone(),
            rebalance_timeout_ms: metadata.rebalance_timeout_ms,
            session_timeout_ms: spoken.session_timeout_ms,
            protocols: protocols.collect(),
            assignment,
            joining: None,
            syncing: None,
            is_new: false,
            session_ends: Instant(0),
        }
    }
}
