//! One question to a cluster, asked of the right broker, again and again until it is answered or
//! its time is over.

use std::time::Duration;

use base::{ErrorCode, Instant, NodeId};
use thiserror::Error;
use wire::Request;

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{Answer, OutgoingRequest, RequestError, RequestId};

/// Who is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any broker.
    Any,
    /// The broker that speaks for the controller.
    Controller,
    /// This one.
    Node(NodeId),
    /// This one, which coordinates what the question is about. A coordinator that cannot be reached
    /// may have handed over to another, so the question ends with `COORDINATOR_NOT_AVAILABLE`
    /// instead of waiting for it.
    Coordinator(NodeId),
}

/// What is asked, which may depend on the version that the broker speaks.
enum Question<R> {
    Always(R),
    ByVersion { version_max: i16, write: Box<dyn Fn(i16) -> R + Send> },
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<A> {
    /// This.
    Done(A),
    /// Ask again.
    Again(ErrorCode),
    /// No.
    Refused(ErrorCode, Option<String>),
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InquiryError {
    /// The broker refuses.
    #[error("{}{}", code.name(), said(*code, message.as_deref()))]
    Refused {
        /// Kafka's word for the reason.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// Its time was over.
    #[error("no answer within {} ms: {last}", waited.as_millis())]
    TimedOut {
        /// How long it was asked for.
        waited: Duration,
        /// What stood in the way last.
        last: String,
    },
    /// It cannot be asked, or the answer makes no sense.
    #[error("{0}")]
    Impossible(String),
}

/// The broker's own words, or what to do about a refusal to which it adds none.
fn said(code: ErrorCode, message: Option<&str>) -> String {
    let advice = match code {
        ErrorCode::UnknownTopicOrPartition => {
            "the broker knows no such topic or partition: create it, or check its name"
        }
        ErrorCode::GroupIdNotFound => "there is no such group: check its name",
        ErrorCode::NonEmptyGroup => "the group has members: stop them first",
        ErrorCode::GroupSubscribedToTopic => "a member of the group subscribes to the topic",
        ErrorCode::UnknownMemberId => "the group has no such member",
        ErrorCode::TransactionalIdNotFound => {
            "no producer has used this transactional id, or not for \
             transactional.id.expiration.ms: check its name, or list those that there are"
        }
        _ => "",
    };
    match message.filter(|message| !message.is_empty()).unwrap_or(advice) {
        "" => String::new(),
        words => format!(": {words}"),
    }
}

impl InquiryError {
    /// The refusal that a code stands for.
    pub fn refused(code: ErrorCode, message: Option<String>) -> Self {
        Self::Refused { code, message }
    }

    /// Why a request has no answer that can be read, and will never have one.
    fn of(error: &RequestError) -> Self {
        match error {
            RequestError::UnsupportedApi { .. } => {
                Self::refused(ErrorCode::UnsupportedVersion, Some(error.to_string()))
            }
            error => Self::Impossible(error.to_string()),
        }
    }

    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::TimedOut { .. } => Some(ErrorCode::RequestTimedOut),
            Self::Impossible(_) => None,
        }
    }

    /// Whether it may be answered later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.is_retriable(),
            Self::TimedOut { .. } => true,
            Self::Impossible(_) => false,
        }
    }
}

fn unreachable_coordinator(why: &str) -> InquiryError {
    InquiryError::refused(ErrorCode::CoordinatorNotAvailable, Some(why.to_owned()))
}

/// How a question's response is read.
pub type Read<R, A> = Box<dyn Fn(<R as Request>::Response) -> Reading<A> + Send>;

/// One question, with everything that it takes to get it answered.
pub struct Inquiry<R: Request, A> {
    question: Question<R>,
    target: Target,
    read: Read<R, A>,
    begun: Option<Instant>,
    timeout: Duration,
    failures: u32,
    not_before: Instant,
    last: String,
}

/// What an inquiry does now.
#[derive(Debug)]
pub enum Progress<T> {
    /// Waits: for something to happen to the cluster, or for that time.
    Wait(Instant),
    /// Waits for the answer to this request.
    Sent(RequestId),
    /// It is over.
    Over(Result<T, InquiryError>),
}

impl<R: Request + OutgoingRequest, A> Inquiry<R, A> {
    /// Asks `target` for up to `timeout`.
    pub fn new(
        target: Target,
        request: R,
        timeout: Duration,
        read: impl Fn(R::Response) -> Reading<A> + Send + 'static,
    ) -> Self {
        Self::of(target, Question::Always(request), timeout, read)
    }

    /// Asks what `write` says in the version that is spoken, which is at most `version_max`.
    pub fn by_version(
        target: Target,
        version_max: i16,
        write: impl Fn(i16) -> R + Send + 'static,
        timeout: Duration,
        read: impl Fn(R::Response) -> Reading<A> + Send + 'static,
    ) -> Self {
        let question = Question::ByVersion { version_max, write: Box::new(write) };
        Self::of(target, question, timeout, read)
    }

    fn of(
        target: Target,
        question: Question<R>,
        timeout: Duration,
        read: impl Fn(R::Response) -> Reading<A> + Send + 'static,
    ) -> Self {
        Self {
            question,
            target,
            read: Box::new(read),
            begun: None,
            timeout,
            failures: 0,
            not_before: Instant::default(),
            last: "no broker could be asked".into(),
        }
    }

    /// Asks, if now is the time and there is somebody to ask.
    pub fn poll(&mut self, cluster: &mut Cluster, now: Instant) -> Progress<A> {
        let deadline = *self.begun.get_or_insert(now) + self.timeout;
        if deadline <= now {
            let (waited, last) = (self.timeout, self.last.clone());
            return Progress::Over(Err(InquiryError::TimedOut { waited, last }));
        }
        if self.not_before > now {
            return Progress::Wait(self.not_before.min(deadline));
        }
        let node = match self.target {
            Target::Any => cluster.any_ready(now),
            Target::Controller => {
                if !cluster.is_known() {
                    return Progress::Wait(deadline);
                }
                let controller = cluster.metadata().controller;
                controller.or_else(|| cluster.any_ready(now))
            }
            Target::Node(node) | Target::Coordinator(node) => Some(node),
        };
        let Some(node) = node else {
            let later = now + cluster.config().reconnect_backoff;
            return Progress::Wait(later.min(deadline));
        };
        if let Err(later) = cluster.make_ready(node, Lane::Main, now) {
            return match self.target {
                Target::Coordinator(node) if cluster.is_lost(node) => {
                    Progress::Over(Err(unreachable_coordinator(&format!("node {node} is lost"))))
                }
                _ => Progress::Wait(later.min(deadline)),
            };
        }
        match self.send(node, cluster, deadline, now) {
            Ok(id) => Progress::Sent(id),
            Err(error) => Progress::Over(Err(InquiryError::of(&error))),
        }
    }

    fn send(
        &self,
        node: NodeId,
        cluster: &mut Cluster,
        deadline: Instant,
        now: Instant,
    ) -> Result<RequestId, RequestError> {
        let timeout = cluster.config().request_timeout.min(deadline.since(now));
        let mut terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match &self.question {
            Question::Always(request) => cluster.send(node, Lane::Main, request, &terms, now),
            Question::ByVersion { version_max, write } => {
                let api = R::API;
                let version = cluster.highest_version(node, Lane::Main, api);
                let version = version.ok_or(RequestError::UnsupportedApi { node, api })?;
                terms.version_max = *version_max;
                let request = write(version.min(*version_max));
                cluster.send(node, Lane::Main, &request, &terms, now)
            }
        }
    }

    /// The request that was sent is answered, or will never be. `None` means to [`Self::poll`]
    /// again.
    pub fn handle(
        &mut self,
        result: Result<Answer, RequestError>,
        cluster: &mut Cluster,
        now: Instant,
    ) -> Option<Result<A, InquiryError>> {
        let reading = match result.and_then(Answer::decode::<R>) {
            Ok(response) => (self.read)(response),
            Err(error) if error.is_retriable() => {
                cluster.request_metadata();
                if matches!(self.target, Target::Coordinator(_)) {
                    return Some(Err(unreachable_coordinator(&error.to_string())));
                }
                self.last = error.to_string();
                self.put_off(cluster, now);
                return None;
            }
            Err(error) => return Some(Err(InquiryError::of(&error))),
        };
        match reading {
            Reading::Done(answer) => Some(Ok(answer)),
            Reading::Refused(code, message) => Some(Err(InquiryError::Refused { code, message })),
            Reading::Again(code) => {
                if code.asks_for_metadata() || code == ErrorCode::NotController {
                    cluster.request_metadata();
                }
                code.name().clone_into(&mut self.last);
                self.put_off(cluster, now);
                None
            }
        }
    }

    /// How an answer reads, for tests.
    #[cfg(test)]
    pub(crate) fn read(&self, response: R::Response) -> Reading<A> {
        (self.read)(response)
    }

    /// What is asked of whom, for tests.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> (Target, &R) {
        match &self.question {
            Question::Always(request) => (self.target, request),
            Question::ByVersion { .. } => panic!("what is asked depends on the version"),
        }
    }

    /// What is asked in `version`, for tests.
    #[cfg(test)]
    pub(crate) fn asked_in(&self, version: i16) -> R {
        match &self.question {
            Question::Always(_) => panic!("the same is asked in every version"),
            Question::ByVersion { version_max, write } => write(version.min(*version_max)),
        }
    }

    fn put_off(&mut self, cluster: &mut Cluster, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.failures, cluster.rng());
    }
}

impl<R: Request + OutgoingRequest, A> std::fmt::Debug for Inquiry<R, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry")
            .field("api", &R::API)
            .field("target", &self.target)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use wire::list_groups::{ListGroupsRequest, ListGroupsResponse};

    use super::*;
    use crate::config::AdminConfig;

    const TIMEOUT: Duration = Duration::from_mins(1);

    fn cluster() -> Cluster {
        let (config, _) = AdminConfig::from_pairs([("bootstrap.servers", "boot:1")]).unwrap();
        Cluster::new(config.connection, false, 1)
    }

    fn question(target: Target) -> Inquiry<ListGroupsRequest, ListGroupsResponse> {
        Inquiry::new(target, ListGroupsRequest::default(), TIMEOUT, Reading::Done)
    }

    #[test]
    fn a_lost_coordinator_ends_the_question_and_another_broker_is_waited_for() {
        let (mut cluster, node) = (cluster(), NodeId(7));
        let waits = question(Target::Node(node)).poll(&mut cluster, Instant(0));
        assert!(matches!(waits, Progress::Wait(_)), "{waits:?}");
        let over = question(Target::Coordinator(node)).poll(&mut cluster, Instant(0));
        let Progress::Over(Err(error)) = over else { panic!("{over:?}") };
        assert_eq!(error.to_string(), "COORDINATOR_NOT_AVAILABLE: node 7 is lost");
        assert!(error.is_retriable());
    }

    #[test]
    fn a_broken_connection_to_a_coordinator_ends_the_question_and_to_another_is_tried_again() {
        let (mut cluster, node) = (cluster(), NodeId(7));
        let broken = || Err(RequestError::Disconnected { node, reason: "it went away".to_owned() });
        let mut inquiry = question(Target::Node(node));
        assert_eq!(inquiry.handle(broken(), &mut cluster, Instant(0)), None);
        let mut inquiry = question(Target::Coordinator(node));
        let over = inquiry.handle(broken(), &mut cluster, Instant(0)).unwrap();
        assert_eq!(over.unwrap_err().code(), Some(ErrorCode::CoordinatorNotAvailable));
    }

    #[test]
    fn an_api_that_the_broker_does_not_speak_is_an_unsupported_version() {
        let (mut cluster, node) = (cluster(), NodeId(7));
        let api = wire::ApiKey::ListGroups;
        let unsupported = Err(RequestError::UnsupportedApi { node, api });
        let over = question(Target::Any).handle(unsupported, &mut cluster, Instant(0)).unwrap();
        assert_eq!(over.unwrap_err().code(), Some(ErrorCode::UnsupportedVersion));
    }

    #[test]
    fn a_refusal_is_told_in_the_brokers_words_or_with_advice() {
        let said = |code, message: Option<&str>| {
            InquiryError::refused(code, message.map(str::to_owned)).to_string()
        };
        assert_eq!(said(ErrorCode::NonEmptyGroup, Some("busy")), "NON_EMPTY_GROUP: busy");
        let advice = "NON_EMPTY_GROUP: the group has members: stop them first";
        assert_eq!(said(ErrorCode::NonEmptyGroup, Some("")), advice);
        assert_eq!(said(ErrorCode::InvalidGroupId, None), "INVALID_GROUP_ID");
    }
}
