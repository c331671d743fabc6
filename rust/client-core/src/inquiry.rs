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
    match (code, message) {
        (_, Some(message)) => format!(": {message}"),
        (ErrorCode::UnknownTopicOrPartition, None) => {
            ": the broker knows no such topic or partition: create it, or check its name".to_owned()
        }
        (_, None) => String::new(),
    }
}

impl InquiryError {
    /// The refusal that a code stands for.
    pub fn refused(code: ErrorCode, message: Option<String>) -> Self {
        Self::Refused { code, message }
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

/// How a question's response is read.
pub type Read<R, A> = Box<dyn Fn(<R as Request>::Response) -> Reading<A> + Send>;

/// One question, with everything that it takes to get it answered.
pub struct Inquiry<R: Request, A> {
    request: R,
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
        Self {
            request,
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
            Target::Node(node) => Some(node),
        };
        let Some(node) = node else {
            let later = now + cluster.config().reconnect_backoff;
            return Progress::Wait(later.min(deadline));
        };
        if let Err(later) = cluster.make_ready(node, Lane::Main, now) {
            return Progress::Wait(later.min(deadline));
        }
        let timeout = cluster.config().request_timeout.min(deadline.since(now));
        let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match cluster.send(node, Lane::Main, &self.request, &terms, now) {
            Ok(id) => Progress::Sent(id),
            Err(error) => Progress::Over(Err(InquiryError::Impossible(error.to_string()))),
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
                self.last = error.to_string();
                self.put_off(cluster, now);
                return None;
            }
            Err(error) => return Some(Err(InquiryError::Impossible(error.to_string()))),
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
        (self.target, &self.request)
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
            .field("request", &self.request)
            .field("target", &self.target)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
