//! When to ask for metadata, for which topics, and what to make of the answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, Instant, Rng};
use wire::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};

use crate::backoff::Backoff;
use crate::config::ConnectionConfig;
use crate::metadata_cache::Scope;
use crate::request::{RequestError, RequestId};

/// The state of asking for metadata.
#[derive(Debug)]
pub(crate) struct Refresh {
    topics: BTreeSet<Arc<str>>,
    /// What to ask about: a subscription by pattern is to see new topics.
    scope: Scope,
    /// What the request that was sent is about.
    asked_scope: Scope,
    allow_auto_create: bool,
    age_max: Duration,
    stuck_after: Duration,
    backoff: Backoff,
    /// Something is missing or was proven wrong.
    needed: bool,
    asking: Option<RequestId>,
    /// What was wanted after the request was sent.
    needed_again: bool,
    failures: u32,
    /// The answers in a row that left a topic without a leader.
    incomplete: u32,
    not_before: Instant,
    last_success: Option<Instant>,
    /// Since when there has been something to ask without an answer.
    waiting_since: Option<Instant>,
}

/// What an answer changes.
#[derive(Debug, Default)]
pub(crate) struct Update {
    /// The answer, if it is to be taken in.
    pub(crate) response: Option<(MetadataResponse, Scope)>,
    /// The brokers are not to be trusted any more: begin again at the bootstrap servers.
    pub(crate) rebootstrap: bool,
}

impl Refresh {
    /// Asks at once.
    pub(crate) fn new(config: &ConnectionConfig, allow_auto_create: bool) -> Self {
        Self {
            topics: BTreeSet::new(),
            scope: Scope::SomeTopics,
            asked_scope: Scope::SomeTopics,
            allow_auto_create,
            age_max: config.metadata_age_max,
            stuck_after: config.rebootstrap_after,
            backoff: Backoff { initial: config.retry_backoff, max: config.retry_backoff_max },
            needed: true,
            asking: None,
            needed_again: false,
            failures: 0,
            incomplete: 0,
            not_before: Instant::default(),
            last_success: None,
            waiting_since: None,
        }
    }

    /// Wants a topic from now on; asks for it unless it is known.
    pub(crate) fn want(&mut self, topic: &Arc<str>, known: bool) {
        let new = self.topics.insert(topic.clone());
        if new && !known && self.asking.is_none() && self.failures == 0 {
            self.not_before = Instant::default(); // a topic nobody has asked for yet need not wait
        }
        if new || !known {
            self.request();
        }
    }

    /// Wants a topic no longer.
    pub(crate) fn drop_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// Wants every topic there is, or only those that are named.
    pub(crate) fn want_all(&mut self, all: bool) {
        let scope = if all { Scope::AllTopics } else { Scope::SomeTopics };
        if all && self.scope != scope {
            self.not_before = Instant::default();
            self.request();
        }
        self.scope = scope;
    }

    /// Asks again, soon.
    pub(crate) fn request(&mut self) {
        self.needed = true;
        self.needed_again = self.asking.is_some();
    }

    /// When to ask; `None` while an answer is awaited.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.asking.is_some() {
            return None;
        }
        match self.last_success {
            Some(last) if !self.needed => Some(last + self.age_max),
            _ => Some(self.not_before.max(now)),
        }
    }

    /// What to ask: the topics that are wanted, which may be none, or all there are.
    pub(crate) fn request_to_send(&self) -> MetadataRequest {
        let topic = |name: &Arc<str>| MetadataRequestTopic {
            name: Some(name.to_string()),
            ..Default::default()
        };
        MetadataRequest {
            topics: match self.scope {
                Scope::AllTopics => None,
                Scope::SomeTopics => Some(self.topics.iter().map(topic).collect()),
            },
            allow_auto_topic_creation: self.allow_auto_create,
            ..Default::default()
        }
    }

    /// The request has been sent.
    pub(crate) fn sent(&mut self, request: RequestId) {
        self.asking = Some(request);
        self.asked_scope = self.scope;
        self.needed_again = false;
    }

    /// The request could not be sent.
    pub(crate) fn refused(&mut self, now: Instant, rng: &mut dyn Rng) {
        self.fail(now, rng);
    }

    /// The answer, or why there is none.
    pub(crate) fn handle(
        &mut self,
        request: RequestId,
        response: Result<MetadataResponse, RequestError>,
        now: Instant,
        rng: &mut dyn Rng,
    ) -> Update {
        assert_eq!(self.asking, Some(request), "only the request that was sent is answered");
        self.asking = None;
        let Ok(response) = response else {
            self.fail(now, rng);
            return Update::default();
        };
        if response.error_code == ErrorCode::RebootstrapRequired as i16 {
            self.fail(now, rng);
            return Update { response: None, rebootstrap: true };
        }
        if response.brokers.is_empty() {
            self.fail(now, rng); // a broker that is only starting up
            return Update::default();
        }
        self.failures = 0;
        self.last_success = Some(now);
        self.waiting_since = None;
        let incomplete = response.topics.iter().any(|topic| {
            ErrorCode::from_code(topic.error_code).is_some_and(ErrorCode::is_retriable)
                || topic.partitions.iter().any(|partition| partition.leader_id < 0)
        });
        self.needed = self.needed_again || incomplete;
        self.incomplete = if incomplete { self.incomplete.saturating_add(1) } else { 0 };
        // Not more often than this, however often it is asked for; except for what was wanted after
        // the question.
        self.not_before = if self.needed_again && !incomplete {
            now
        } else {
            now + self.backoff.wait(self.incomplete.max(1), rng)
        };
        Update { response: Some((response, self.asked_scope)), rebootstrap: false }
    }

    /// Whether this is the request for metadata.
    pub(crate) fn is_asking(&self, request: RequestId) -> bool {
        self.asking == Some(request)
    }

    /// Whether there has ever been an answer.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.last_success.is_some()
    }

    /// When the last answer came.
    pub(crate) fn last_success(&self) -> Option<Instant> {
        self.last_success
    }

    /// Whether asking has failed for so long that the brokers known are not worth asking any more.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.waiting_since.is_some_and(|since| now.since(since) >= self.stuck_after)
    }

    fn fail(&mut self, now: Instant, rng: &mut dyn Rng) {
        self.needed = true;
        self.failures = self.failures.saturating_add(1);
        self.waiting_since.get_or_insert(now);
        self.not_before = now + self.backoff.wait(self.failures, rng);
    }
}
