//! SyncGroup: the leader tells who is assigned what, and the others ask.

use std::collections::BTreeMap;

use base::ErrorCode;
use bytes::Bytes;
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::bounds::kept;
use super::{ClassicGroup, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::rebalance::Cause;
use crate::record::fit_into;
use crate::request::ReplyToken;

pub(crate) fn refuse(token: ReplyToken, error: ErrorCode, decision: &mut Decision) {
    let error_code = error.code();
    decision.reply(token, SyncGroupResponse { error_code, ..SyncGroupResponse::default() });
}

impl ClassicGroup {
    pub(crate) fn sync(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        request: &SyncGroupRequest,
        token: ReplyToken,
        decision: &mut Decision,
    ) {
        if let Err(error) = self.validate_sync(request) {
            return refuse(token, error, decision);
        }
        let id = &request.member_id;
        self.pending_syncs.remove(id);
        if self.pending_syncs.is_empty() {
            decision.cancel(self.sync_key());
        }
        let Some(member) = self.members.get_mut(id) else {
            return refuse(token, ErrorCode::UnknownMemberId, decision);
        };
        if let Some(earlier) = member.syncing.replace(token) {
            refuse(earlier, ErrorCode::RebalanceInProgress, decision);
        }
        if self.state == State::CompletingRebalance {
            if self.is_leader(id) {
                self.assign(now, config, request, decision);
            }
        } else {
            self.answer_syncs(now, decision);
        }
    }

    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        if self.state == State::Empty {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |theirs: &Option<String>, ours: &Option<String>| {
            theirs.is_some() && ours.is_some() && theirs != ours
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if self.state == State::PreparingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// The leader has spoken: the generation is persisted, and everybody who waits is answered.
    fn assign(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        request: &SyncGroupRequest,
        decision: &mut Decision,
    ) {
        let mut assignments: BTreeMap<&str, &Bytes> = request
            .assignments
            .iter()
            .map(|assigned| (assigned.member_id.as_str(), &assigned.assignment))
            .collect();
        for member in self.members.values_mut() {
            member.assignment = assignments.remove(&*member.id).map(kept).unwrap_or_default();
        }
        let record = self.record();
        if !fit_into(config.append_bytes_max, std::slice::from_ref(&record)) {
            return self.refuse_assignment(now, config, decision);
        }
        self.transition(now, State::Stable);
        decision.record(record);
        self.answer_syncs(now, decision);
        self.end_rebalance(now, decision);
    }

    /// What the log cannot hold cannot be kept: whoever waits is told, and asked to join again.
    fn refuse_assignment(&mut self, now: Now, config: &CoordinatorConfig, decision: &mut Decision) {
        for member in self.members.values_mut() {
            if let Some(token) = member.syncing.take() {
                refuse(token, ErrorCode::UnknownServerError, decision);
            }
        }
        let bytes_max = config.append_bytes_max;
        self.rebalance_or_complete(now, config, Cause::AssignmentTooLarge { bytes_max }, decision);
    }

    fn answer_syncs(&mut self, now: Now, decision: &mut Decision) {
        let mut answered = Vec::new();
        for member in self.members.values_mut() {
            let Some(token) = member.syncing.take() else { continue };
            let response = SyncGroupResponse {
                protocol_type: self.protocol_type.clone(),
                protocol_name: self.protocol.clone(),
                assignment: member.assignment.clone(),
                ..SyncGroupResponse::default()
            };
            decision.reply(token, response);
            answered.push((member.id.clone(), member.session_timeout_ms));
        }
        for (member, session_timeout_ms) in answered {
            self.extend_session(now, &member, session_timeout_ms, decision);
        }
    }

    /// Those who have joined and not synced have gone: the others go on without them.
    pub(crate) fn on_sync_timer(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        decision: &mut Decision,
    ) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable) {
            return;
        }
        let absent: Vec<String> = self.pending_syncs.iter().cloned().collect();
        let Some(last) = absent.last().cloned() else { return };
        for member in &absent {
            self.remove(member, decision);
        }
        for member in &absent[..absent.len() - 1] {
            self.note(now, Cause::SyncExpired { member: member.clone() });
        }
        self.rebalance_or_complete(now, config, Cause::SyncExpired { member: last }, decision);
    }
}
