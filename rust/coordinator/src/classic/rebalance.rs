//! From the first cause of a rebalance to the next generation.

use std::time::Duration;

use base::ErrorCode;

use super::{ClassicGroup, InitialDelay, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::rebalance::{Cause, Ongoing};

impl ClassicGroup {
    /// Begins a rebalance, or, if one is under way, completes it as soon as all have joined.
    pub(super) fn rebalance_or_complete(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        cause: Cause,
        decision: &mut Decision,
    ) {
        self.note(now, cause);
        if self.state == State::PreparingRebalance {
            return self.complete_join_if_ready(now, decision);
        }
        self.prepare_rebalance(now, config, decision);
    }

    pub(super) fn note(&mut self, now: Now, cause: Cause) {
        Ongoing::add(&mut self.rebalance, now, cause);
    }

    fn prepare_rebalance(&mut self, now: Now, config: &CoordinatorConfig, decision: &mut Decision) {
        if self.state == State::CompletingRebalance {
            self.void_assignments(now, decision);
        }
        self.pending_syncs.clear();
        decision.cancel(self.sync_key());
        let was_empty = self.state == State::Empty;
        self.transition(now, State::PreparingRebalance);
        if was_empty {
            // Its members come one by one: without a pause, each would be a rebalance (KIP-134).
            let delay_ms = config.initial_rebalance_delay_ms.max(0);
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            self.initial = Some(InitialDelay { delay_ms, remaining_ms, is_growing: false });
            if delay_ms == 0 {
                self.complete_join(now, decision);
            } else {
                decision.schedule(self.join_key(), now.in_ms(delay_ms));
            }
        } else if self.has_all_joined() {
            self.complete_join(now, decision);
        } else {
            decision.schedule(self.join_key(), now.in_ms(self.rebalance_timeout_ms()));
        }
    }

    /// The time to join is over, or it is time to see whether a new group still grows.
    pub(crate) fn on_join_timer(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        decision: &mut Decision,
    ) {
        if self.state != State::PreparingRebalance {
            return;
        }
        if let Some(InitialDelay { delay_ms, remaining_ms, is_growing: true }) = self.initial
            && remaining_ms > 0
        {
            let next_ms = config.initial_rebalance_delay_ms.clamp(0, remaining_ms);
            self.initial = Some(InitialDelay {
                delay_ms: next_ms,
                remaining_ms: (remaining_ms - delay_ms).max(0),
                is_growing: false,
            });
            return decision.schedule(self.join_key(), now.in_ms(next_ms));
        }
        self.complete_join(now, decision);
    }

    /// A new group waits its delay in any case.
    pub(super) fn complete_join_if_ready(&mut self, now: Now, decision: &mut Decision) {
        if self.state == State::PreparingRebalance
            && self.initial.is_none()
            && self.has_all_joined()
        {
            self.complete_join(now, decision);
        }
    }

    /// The next generation: of those who have joined, and of static members, who may come back.
    fn complete_join(&mut self, now: Now, decision: &mut Decision) {
        decision.cancel(self.join_key());
        self.initial = None;
        self.remove_absent(now, decision);
        if !self.members.is_empty() && !self.elect_leader_who_joined() {
            // Only absent static members are left.
            return decision.schedule(self.join_key(), now.in_ms(self.rebalance_timeout_ms()));
        }
        self.generation = self.generation.wrapping_add(1).max(1);
        self.pending_syncs.clear();
        if self.members.is_empty() {
            self.become_empty(now, decision);
        } else {
            self.begin_generation(now, decision);
        }
    }

    fn remove_absent(&mut self, now: Now, decision: &mut Decision) {
        let members = self.members.values();
        let absent: Vec<String> = members
            .filter(|member| member.joining.is_none() && !member.is_static())
            .map(|member| member.id.clone())
            .collect();
        for member in absent {
            self.remove(&member, decision);
            self.note(now, Cause::JoinExpired { member });
        }
    }

    fn elect_leader_who_joined(&mut self) -> bool {
        let has_joined = |id: &String| self.members.get(id).is_some_and(|m| m.joining.is_some());
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        let joined = self.members.values().find(|member| member.joining.is_some());
        let Some(joined) = joined.map(|member| member.id.clone()) else { return false };
        self.leader = Some(joined);
        true
    }

    fn become_empty(&mut self, now: Now, decision: &mut Decision) {
        self.leader = None;
        self.protocol = None;
        self.subscribed_topics = self.compute_subscribed_topics();
        self.transition(now, State::Empty);
        decision.record(self.record());
        self.end_rebalance(now, decision);
    }

    fn begin_generation(&mut self, now: Now, decision: &mut Decision) {
        self.protocol = self.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
        self.transition(now, State::CompletingRebalance);
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let response = self.join_response(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.is_new = false;
            let session_timeout_ms = member.session_timeout_ms;
            if let Some(joining) = member.joining.take() {
                joining.reply(response, decision);
            }
            self.extend_session(now, &id, session_timeout_ms, decision);
            self.pending_syncs.insert(id);
        }
        decision.schedule(self.sync_key(), now.in_ms(self.rebalance_timeout_ms()));
    }

    /// The generation's assignment is there: the rebalance is over.
    pub(super) fn end_rebalance(&mut self, now: Now, decision: &mut Decision) {
        if let Some(ongoing) = self.rebalance.take() {
            let (generation, members) = (self.generation, self.members.len());
            decision.rebalances.push(ongoing.end(now, &self.id, generation, members));
        }
    }

    /// The generation has ended before it was assigned.
    fn void_assignments(&mut self, now: Now, decision: &mut Decision) {
        let mut heard = Vec::new();
        for member in self.members.values_mut() {
            member.assignment.clear();
            if let Some(token) = member.syncing.take() {
                super::sync::refuse(token, ErrorCode::RebalanceInProgress, decision);
                heard.push((member.id.clone(), member.session_timeout_ms));
            }
        }
        for (member, session_timeout_ms) in heard {
            self.extend_session(now, &member, session_timeout_ms, decision);
        }
    }

    /// A shard has been loaded: sessions begin anew, since nobody could send a heartbeat so far.
    pub(crate) fn on_loaded(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        decision: &mut Decision,
    ) {
        let sessions: Vec<(String, i32)> =
            self.members.values().map(|m| (m.id.clone(), m.session_timeout_ms)).collect();
        for (member, session_timeout_ms) in sessions {
            self.extend_session(now, &member, session_timeout_ms, decision);
        }
        if self.members.len() > config.max_members() {
            self.note(now, Cause::OverCapacity);
            self.prepare_rebalance(now, config, decision);
        }
    }

    pub(super) fn extend_session(
        &mut self,
        now: Now,
        member: &str,
        timeout_ms: i32,
        decision: &mut Decision,
    ) {
        let ends = now.instant + Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        if let Some(member) = self.members.get_mut(member) {
            member.session_ends = ends;
        }
        decision.schedule(self.session_key(member), ends);
    }
}
