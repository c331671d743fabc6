//! What the group has committed is asked of its coordinator: for positions, and for the program.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use wire::ApiKey;
use wire::offset_fetch::OffsetFetchRequest;

use super::Group;
use crate::backoff::Backoff;
use crate::connection::SendTerms;
use crate::consumer::assignment::Position;
use crate::consumer::group::{CommitError, OffsetAndMetadata, read_committed, request_committed};
use crate::consumer::machine::{Consumer, ConsumerEvent};
use crate::consumer::{ConsumeError, StartAt};
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};

/// The last version of OffsetFetch in which topics go by name.
const NAMED_VERSION_MAX: i16 = 9;
/// How many questions for committed offsets may wait; one more is refused.
const ASKS_MAX: usize = 1000;

/// Names one question for committed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// The questions of a consumer.
#[derive(Debug, Default)]
pub(super) struct Asks {
    waiting: VecDeque<Ask>,
    asked: Option<(RequestId, Asked)>,
    next_id: u64,
    failures: u32,
    not_before: Instant,
}

#[derive(Debug)]
struct Ask {
    id: AskId,
    partitions: BTreeSet<TopicPartition>,
    timeout: Duration,
    deadline: Instant,
}

/// For whom committed offsets were asked.
#[derive(Debug)]
enum Asked {
    Positions(Vec<(TopicPartition, u64)>),
    Program(Ask),
}

impl Asks {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_asking(&self, request: RequestId) -> bool {
        self.asked.as_ref().is_some_and(|(id, _)| *id == request)
    }
}

impl Consumer {
    /// Asks what the group has committed; answered by [`ConsumerEvent::CommittedOffsets`].
    pub fn ask_committed(
        &mut self,
        partitions: BTreeSet<TopicPartition>,
        timeout: Duration,
        now: Instant,
    ) -> Result<AskId, CommitError> {
        let group = self.group.as_mut().ok_or(CommitError::NoGroup)?;
        if group.asks.waiting.len() >= ASKS_MAX {
            return Err(CommitError::TooMany);
        }
        group.asks.next_id += 1;
        let id = AskId(group.asks.next_id);
        group.asks.waiting.push_back(Ask { id, partitions, timeout, deadline: now + timeout });
        Ok(id)
    }

    /// The partitions that are to be read from where the group has come.
    pub(super) fn without_position(&self) -> Vec<(TopicPartition, u64)> {
        let wanted = self.assigned.iter().filter(|(_, assignment)| {
            assignment.position == Position::Lookup(StartAt::Committed)
                && assignment.error.is_none()
        });
        wanted.map(|(partition, wanted)| (partition.clone(), wanted.generation)).collect()
    }

    pub(super) fn ask_coordinator(
        &mut self,
        group: &mut Group,
        node: NodeId,
        positions: Vec<(TopicPartition, u64)>,
        now: Instant,
    ) {
        if group.asks.asked.is_some() || (positions.is_empty() && group.asks.is_empty()) {
            return;
        }
        if group.asks.not_before > now {
            return self.wake.at(group.asks.not_before);
        }
        let asked = match group.asks.waiting.pop_front() {
            Some(ask) => Asked::Program(ask),
            None => Asked::Positions(positions),
        };
        let names: Vec<_> = match &asked {
            Asked::Program(ask) => ask.partitions.iter().collect(),
            Asked::Positions(positions) => positions.iter().map(|(name, _)| name).collect(),
        };
        let version = self.cluster.highest_version(node, Lane::Coordinator, ApiKey::OffsetFetch);
        let version = version.unwrap_or(NAMED_VERSION_MAX).min(NAMED_VERSION_MAX);
        let request = request_committed(&group.config.group_id, names, version);
        let timeout = self.config.connection.request_timeout;
        let terms = SendTerms { version_max: version, answered: true, timeout };
        match self.cluster.send(node, Lane::Coordinator, &request, &terms, now) {
            Ok(id) => group.asks.asked = Some((id, asked)),
            Err(error) => {
                let reason = error.to_string();
                self.refuse_asked(
                    asked,
                    &CommitError::Impossible(reason),
                    ErrorCode::UnsupportedVersion,
                );
            }
        }
    }

    pub(super) fn handle_committed(&mut self, result: Result<Answer, RequestError>, now: Instant) {
        let Some(group) = &mut self.group else { return };
        let Some((_, asked)) = group.asks.asked.take() else { return };
        let response = match result.and_then(Answer::decode::<OffsetFetchRequest>) {
            Ok(response) => response,
            Err(error) if error.is_retriable() => {
                group.coordinator.lost(&mut self.cluster, now);
                return self.ask_again(asked, now);
            }
            Err(error) => {
                let error = CommitError::Impossible(error.to_string());
                return self.refuse_asked(asked, &error, ErrorCode::UnsupportedVersion);
            }
        };
        let names: Vec<_> = match &asked {
            Asked::Program(ask) => ask.partitions.iter().collect(),
            Asked::Positions(positions) => positions.iter().map(|(name, _)| name).collect(),
        };
        match read_committed(&response, names) {
            Ok(committed) => {
                group.asks.failures = 0;
                self.take_committed(asked, committed);
            }
            Err(code) if code.is_retriable() => {
                if matches!(code, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
                    group.coordinator.lost(&mut self.cluster, now);
                }
                self.ask_again(asked, now);
            }
            Err(code) => {
                let error = CommitError::Impossible(code.name().to_owned());
                self.refuse_asked(asked, &error, code);
            }
        }
    }

    fn take_committed(
        &mut self,
        asked: Asked,
        mut committed: BTreeMap<TopicPartition, Option<OffsetAndMetadata>>,
    ) {
        let positions = match asked {
            Asked::Program(Ask { id, .. }) => {
                let result = Ok(committed);
                return self.events.push_back(ConsumerEvent::CommittedOffsets { id, result });
            }
            Asked::Positions(positions) => positions,
        };
        for (partition, generation) in positions {
            let found = committed.remove(&partition).flatten();
            let Some(assignment) = self.current(&partition, generation) else { continue };
            if let Some(OffsetAndMetadata { offset, leader_epoch, .. }) = found {
                assignment.position = Position::At { offset, epoch: leader_epoch };
                assignment.epochs.note(offset - 1, leader_epoch);
                assignment.committed = Some(offset);
            } else {
                assignment.position = Position::Lookup(StartAt::Reset);
            }
        }
    }

    /// Nobody will ever say what is committed.
    pub(super) fn refuse_positions(&mut self, group: &mut Group, error: &CommitError) {
        for ask in std::mem::take(&mut group.asks.waiting) {
            self.refuse_asked(Asked::Program(ask), error, ErrorCode::CoordinatorNotAvailable);
        }
        let positions = Asked::Positions(self.without_position());
        self.refuse_asked(positions, error, ErrorCode::CoordinatorNotAvailable);
    }

    fn ask_again(&mut self, asked: Asked, now: Instant) {
        let config = &self.config.connection;
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        let Some(group) = &mut self.group else { return };
        group.asks.failures = group.asks.failures.saturating_add(1);
        group.asks.not_before = now + backoff.wait(group.asks.failures, self.cluster.rng());
        if let Asked::Program(ask) = asked {
            group.asks.waiting.push_front(ask);
        }
    }

    fn refuse_asked(&mut self, asked: Asked, error: &CommitError, code: ErrorCode) {
        match asked {
            Asked::Program(Ask { id, .. }) => {
                let result = Err(error.clone());
                self.events.push_back(ConsumerEvent::CommittedOffsets { id, result });
            }
            Asked::Positions(positions) => {
                for (topic_partition, generation) in positions {
                    if let Some(assignment) = self.current(&topic_partition, generation) {
                        assignment.error = Some(ConsumeError::Refused { topic_partition, code });
                        self.events.push_back(ConsumerEvent::Ready);
                    }
                }
            }
        }
    }

    pub(super) fn expire_asks(&mut self, group: &mut Group, now: Instant) {
        let mut kept = VecDeque::new();
        for ask in std::mem::take(&mut group.asks.waiting) {
            if ask.deadline > now {
                self.wake.at(ask.deadline);
                kept.push_back(ask);
                continue;
            }
            let last = "the coordinator has not answered".to_owned();
            let result = Err(CommitError::TimedOut { waited: ask.timeout, last });
            self.events.push_back(ConsumerEvent::CommittedOffsets { id: ask.id, result });
        }
        group.asks.waiting = kept;
    }
}
