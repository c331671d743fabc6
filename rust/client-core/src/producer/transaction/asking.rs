//! What the coordinators are asked next, whom, and when.

use std::time::Duration;

use base::{ErrorCode, Instant, TopicPartition};
use wire::ApiKey;

use super::machine::{Progress, State, Transactions};
use super::questions::{Asker, BUMP_VERSION_MIN, Question};
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::coordinator::{Coordinator, Kind, Refusal};
use crate::node::Lane;
use crate::wake::Wake;

enum Step {
    Ask(Question),
    Complete,
}

impl Transactions {
    /// Asks what is to be asked next. `is_idle`: every batch has its result, and none is in
    /// flight.
    pub(in crate::producer) fn drive(
        &mut self,
        is_idle: bool,
        cluster: &mut Cluster,
        now: Instant,
        wake: &mut Wake,
    ) {
        while self.asked.is_none() {
            match self.next(is_idle) {
                Some(Step::Complete) => self.complete(cluster),
                Some(Step::Ask(question)) => {
                    if !self.ask(question, cluster, now, wake) {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    fn next(&self, is_idle: bool) -> Option<Step> {
        let is_committing = match self.state {
            State::Initializing | State::Bumping { .. } => {
                return Some(Step::Ask(Question::Init));
            }
            State::Open => false,
            State::Committing => true,
            State::Aborting => return self.next_of_abort(is_idle),
            State::New | State::Ready | State::Failed(_) | State::Lost(_) => return None,
        };
        if self.progress == Progress::Ending {
            return Some(Step::Ask(Question::End));
        }
        if let Some(question) = &self.lost {
            return Some(Step::Ask(question.clone()));
        }
        if !self.adding.is_empty() {
            return Some(Step::Ask(Question::AddPartitions(self.adding.clone())));
        }
        if let Some(offsets) = self.offsets.front() {
            let group_id = &offsets.group.group_id;
            let is_added = self.is_implicit || self.added_groups.contains(group_id);
            return Some(Step::Ask(if is_added {
                Question::CommitOffsets
            } else {
                Question::AddOffsets(group_id.clone())
            }));
        }
        if is_committing && is_idle { Some(self.end()) } else { None }
    }

    fn next_of_abort(&self, is_idle: bool) -> Option<Step> {
        if self.progress == Progress::Ending {
            return Some(Step::Ask(Question::End));
        }
        if let Some(question) = &self.lost {
            return Some(Step::Ask(question.clone()));
        }
        is_idle.then(|| self.end())
    }

    /// A transaction that the coordinator has never heard of has nothing to be ended.
    fn end(&self) -> Step {
        if self.progress == Progress::Unheard { Step::Complete } else { Step::Ask(Question::End) }
    }

    /// Asks, if it can be asked now.
    fn ask(
        &mut self,
        question: Question,
        cluster: &mut Cluster,
        now: Instant,
        wake: &mut Wake,
    ) -> bool {
        if self.not_before > now {
            wake.at(self.not_before);
            return false;
        }
        let Some(node) = self.coordinator_of(&question).ready(cluster, now, wake) else {
            if let Some(refusal) = self.coordinator_of(&question).take_refusal() {
                self.handle_refusal(&question, refusal);
            }
            return false;
        };
        let is_bump = question == Question::Init && self.producer.is_some();
        let init_version = cluster.highest_version(node, Lane::Coordinator, ApiKey::InitProducerId);
        if is_bump && init_version.is_some_and(|version| version < BUMP_VERSION_MIN) {
            let reason = "a batch was lost, and this broker is too old to go on after that";
            self.lose(None, reason.to_owned());
            return false;
        }
        let asker = Asker {
            transactional_id: &self.transactional_id,
            producer: self.producer,
            is_implicit: self.is_implicit,
        };
        let (request, version_max) = match &question {
            Question::Init => asker.init(self.timeout_ms),
            Question::AddPartitions(partitions) => asker.add_partitions(partitions),
            Question::AddOffsets(group_id) => asker.add_offsets(group_id),
            Question::CommitOffsets => {
                let offsets = self.offsets.front().expect("offsets wait to be committed");
                asker.commit_offsets(&offsets.group, &offsets.left)
            }
            Question::End => asker.end(self.state == State::Committing),
        };
        let timeout = cluster.config().request_timeout;
        let terms = SendTerms { version_max, answered: true, timeout };
        match cluster.send(node, Lane::Coordinator, &*request, &terms, now) {
            Ok(id) => {
                self.note_asked(&question);
                self.asked = Some((id, question));
                true
            }
            Err(error) => {
                self.lose(None, error.to_string());
                false
            }
        }
    }

    fn note_asked(&mut self, question: &Question) {
        match question {
            Question::AddPartitions(partitions) => {
                self.adding.retain(|partition| !partitions.contains(partition));
            }
            // With version 2 the offsets themselves begin the transaction.
            Question::CommitOffsets => self.note_begun(),
            Question::End => self.progress = Progress::Ending,
            Question::AddOffsets(_) | Question::Init => {}
        }
    }

    /// The coordinator that a question goes to.
    pub(super) fn coordinator_of(&mut self, question: &Question) -> &mut Coordinator {
        let Some(offsets) = self.offsets.front().filter(|_| *question == Question::CommitOffsets)
        else {
            return &mut self.coordinator;
        };
        let group_id = &offsets.group.group_id;
        if self.group.as_ref().is_none_or(|known| known.key() != group_id) {
            self.group = Some(Coordinator::new(Kind::Group, group_id.clone()));
        }
        self.group.as_mut().expect("it was just made")
    }

    fn handle_refusal(&mut self, question: &Question, refusal: Refusal) {
        let about_group = *question == Question::CommitOffsets;
        match refusal {
            Refusal::Code(code @ ErrorCode::GroupAuthorizationFailed) if about_group => {
                self.fail(Some(code), format!("the group's coordinator: {}", code.name()));
            }
            Refusal::Code(code) => {
                self.lose(Some(code), format!("it has no coordinator: {}", code.name()));
            }
            Refusal::Impossible(reason) => self.lose(None, reason),
        }
    }

    /// Whether the coordinator may be asking about a partition right now.
    pub(super) fn is_being_added(&self, partition: &TopicPartition) -> bool {
        let asked = self.asked.as_ref().map(|(_, question)| question);
        [asked, self.lost.as_ref()].into_iter().flatten().any(
            |question| matches!(question, Question::AddPartitions(set) if set.contains(partition)),
        )
    }

    /// Asks again, after a while.
    pub(super) fn put_off(
        &mut self,
        wait: Option<Duration>,
        last: String,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        self.last = last;
        if wait.is_none() {
            self.failures = self.failures.saturating_add(1);
        }
        let wait = wait.unwrap_or_else(|| self.backoff.wait(self.failures, cluster.rng()));
        self.not_before = now + wait;
    }

    /// A coordinator has done what it was asked.
    pub(super) fn note_done(&mut self) {
        self.failures = 0;
        self.not_before = Instant::default();
    }
}
