//! A decision about a consumer group in the making: each record that is written shows at once in a
//! copy of the group, so that the next step builds on it. The group itself changes by the replay of
//! the same records.

use std::borrow::Cow;
use std::ops::Deref;

use super::ConsumerGroup;
use crate::classic::ClassicGroup;
use crate::config::{CoordinatorConfig, GroupConfig};
use crate::decision::{Decision, TimerKey};
use crate::now::Now;
use crate::rebalance::Cause;
use crate::record::CoordinatorRecord;

/// What a step of a decision works with. It reads as the group.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a CoordinatorConfig,
    pub(crate) group_config: GroupConfig,
    pub(crate) image: &'a metadata::MetadataImage,
    pub(crate) decision: Decision,
    /// Why the group is rebalanced.
    pub(crate) causes: Vec<Cause>,
    /// The classic group that it has become.
    pub(crate) downgraded: Option<ClassicGroup>,
    /// The expression that was validated last, so that it is not compiled twice.
    pub(super) compiled: Option<(String, regex::Regex)>,
    group: Cow<'a, ConsumerGroup>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        now: Now,
        config: &'a CoordinatorConfig,
        group_config: GroupConfig,
        image: &'a metadata::MetadataImage,
        group: Cow<'a, ConsumerGroup>,
    ) -> Self {
        let (decision, causes) = (Decision::default(), Vec::new());
        Self {
            now,
            config,
            group_config,
            image,
            decision,
            causes,
            downgraded: None,
            compiled: None,
            group,
        }
    }

    pub(crate) fn write(&mut self, record: impl Into<CoordinatorRecord>) {
        let record = record.into();
        self.group.to_mut().replay(&record);
        self.decision.record(record);
    }

    pub(crate) fn write_all(&mut self, records: impl IntoIterator<Item = CoordinatorRecord>) {
        for record in records {
            self.write(record);
        }
    }

    /// A classic member brings its own, the others have the group's.
    pub(crate) fn session_timeout_of(&self, member: &str) -> i32 {
        if let Some(classic) = self.member(member).and_then(|member| member.classic()) {
            return classic.session_timeout_ms;
        }
        let own = self.group_config.consumer_session_timeout_ms;
        own.unwrap_or(self.config.consumer_session_timeout_ms)
    }

    pub(crate) fn heartbeat_interval_ms(&self) -> i32 {
        let own = self.group_config.consumer_heartbeat_interval_ms;
        own.unwrap_or(self.config.consumer_heartbeat_interval_ms)
    }

    pub(crate) fn assignment_interval_ms(&self) -> i32 {
        let own = self.group_config.consumer_assignment_interval_ms;
        own.unwrap_or(self.config.consumer_assignment_interval_ms)
    }

    /// Something was heard of the member: its session begins anew.
    pub(crate) fn extend_session(&mut self, member: &str) {
        let timeout_ms = self.session_timeout_of(member);
        let key = self.session_key(member);
        let at = self.now.in_ms(timeout_ms);
        self.decision.schedule(key, at);
    }

    pub(crate) fn cancel_timers(&mut self, member: &str) {
        for key in [
            self.session_key(member),
            self.rebalance_key(member),
            self.join_key(member),
            self.sync_key(member),
        ] {
            self.decision.cancel(key);
        }
    }

    pub(crate) fn session_key(&self, member: &str) -> TimerKey {
        TimerKey::ConsumerSession { group: self.id.clone(), member: member.to_owned() }
    }

    pub(crate) fn rebalance_key(&self, member: &str) -> TimerKey {
        TimerKey::ConsumerRebalance { group: self.id.clone(), member: member.to_owned() }
    }

    pub(crate) fn join_key(&self, member: &str) -> TimerKey {
        TimerKey::ConsumerJoin { group: self.id.clone(), member: member.to_owned() }
    }

    pub(crate) fn sync_key(&self, member: &str) -> TimerKey {
        TimerKey::ConsumerSync { group: self.id.clone(), member: member.to_owned() }
    }
}

impl Deref for Draft<'_> {
    type Target = ConsumerGroup;

    fn deref(&self) -> &ConsumerGroup {
        &self.group
    }
}
