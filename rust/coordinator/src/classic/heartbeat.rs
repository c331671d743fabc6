//! Heartbeat: a member is alive, and learns that it is to join again.

use base::{ErrorCode, Instant};
use wire::heartbeat::HeartbeatRequest;

use super::{ClassicGroup, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::rebalance::Cause;

impl ClassicGroup {
    pub(crate) fn heartbeat(
        &mut self,
        now: Now,
        request: &HeartbeatRequest,
        decision: &mut Decision,
    ) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.hear_of(now, &request.member_id, decision);
        match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    /// A commit says as much as a heartbeat, but while the generation is being completed.
    pub(crate) fn hear_of_committer(&mut self, now: Now, member: &str, decision: &mut Decision) {
        if matches!(self.state, State::Stable | State::PreparingRebalance) {
            self.hear_of(now, member, decision);
        }
    }

    fn hear_of(&mut self, now: Now, id: &str, decision: &mut Decision) {
        let Some(member) = self.members.get(id) else { return };
        let session_timeout_ms = member.session_timeout_ms;
        self.extend_session(now, id, session_timeout_ms, decision);
    }

    /// A session has ended, or the time to come back with an id that was handed out.
    pub(crate) fn on_session_timer(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        id: &str,
        decision: &mut Decision,
    ) {
        if self.pending_members.get(id).is_some_and(|&until| is_over(until, now)) {
            self.remove(id, decision);
            return self.complete_join_if_ready(now, decision);
        }
        let Some(member) = self.members.get(id) else { return };
        if !is_over(member.session_ends, now) || member.is_excused() {
            return;
        }
        let timeout_ms = member.session_timeout_ms;
        self.dismiss(id, ErrorCode::UnknownMemberId, decision);
        let cause = Cause::SessionExpired { member: id.to_owned(), timeout_ms };
        self.rebalance_or_complete(now, config, cause, decision);
    }

    /// Removes a member, and answers whoever waits in its name.
    pub(super) fn dismiss(&mut self, id: &str, error: ErrorCode, decision: &mut Decision) {
        let Some(member) = self.remove(id, decision) else { return };
        if let Some(joining) = member.joining {
            joining.refuse(error, "", decision);
        }
        if let Some(token) = member.syncing {
            super::sync::refuse(token, error, decision);
        }
    }
}

fn is_over(deadline: Instant, now: Now) -> bool {
    deadline <= now.instant
}
