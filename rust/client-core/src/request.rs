//! A request on its way: what names it, how it is written in the version that the broker speaks,
//! and how its answer is read.

use std::fmt::Debug;
use std::time::Duration;

use base::NodeId;
use bytes::Bytes;
use thiserror::Error;
use wire::{ApiKey, DecodeError, EncodeError, Frame, Message, Reader, Request};

/// Names one request of a client, for as long as the client lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A request of any API.
pub trait OutgoingRequest: Debug + Send {
    /// Its API.
    fn api(&self) -> ApiKey;

    /// The frame to send.
    fn encode(
        &self,
        client_id: &str,
        correlation_id: i32,
        version: i16,
    ) -> Result<Frame, EncodeError>;
}

impl<R: Request + Debug + Send> OutgoingRequest for R {
    fn api(&self) -> ApiKey {
        R::API
    }

    fn encode(
        &self,
        client_id: &str,
        correlation_id: i32,
        version: i16,
    ) -> Result<Frame, EncodeError> {
        wire::encode_request(Some(client_id), correlation_id, version, self)
    }
}

/// The answer to a request, not yet read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The API that was asked.
    pub api: ApiKey,
    /// The version that was spoken.
    pub version: i16,
    /// Everything behind the response header.
    pub body: Bytes,
}

impl Answer {
    /// Reads the answer to an `R`.
    pub fn decode<R: Request>(self) -> Result<R::Response, RequestError> {
        assert_eq!(self.api, R::API, "an answer is read as what was asked");
        R::Response::decode(&mut Reader::new(self.body), self.version)
            .map_err(|source| RequestError::Undecodable { api: self.api, source })
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, Error)]
pub enum RequestError {
    /// The connection ended first: whether the broker has acted on the request is not known.
    #[error("the connection to node {node} was lost: {reason}")]
    Disconnected {
        /// The broker.
        node: NodeId,
        /// Why it ended.
        reason: String,
    },
    /// The answer did not come in time: whether the broker has acted on the request is not known.
    #[error("node {node} did not answer {api:?} within {} ms", waited.as_millis())]
    TimedOut {
        /// The broker.
        node: NodeId,
        /// What was asked.
        api: ApiKey,
        /// How long the client waited.
        waited: Duration,
    },
    /// The broker does not know the API in a version that can say this; nothing was sent.
    #[error("node {node} speaks no version of {api:?} that this client can use")]
    UnsupportedApi {
        /// The broker.
        node: NodeId,
        /// What was to be asked.
        api: ApiKey,
    },
    /// The request cannot be written; nothing was sent.
    #[error("a request cannot be written: {0}")]
    Unencodable(#[from] EncodeError),
    /// The answer makes no sense.
    #[error("the answer to {api:?} cannot be read: {source}")]
    Undecodable {
        /// What was asked.
        api: ApiKey,
        /// What is wrong with the answer.
        source: DecodeError,
    },
}

impl RequestError {
    /// Whether the same request may get an answer when it is sent again.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Disconnected { .. } | Self::TimedOut { .. })
    }
}
