//! What stands in front of every request and answer.
//!
//! ```text
//! request  1   int16 key | int16 version | int32 correlation id | nullable string client id
//! request  2   the same | tagged fields      (the client id keeps its 2-byte length, KIP-482)
//! response 0   int32 correlation id
//! response 1   int32 correlation id | tagged fields
//! ```
//!
//! Request header 0 has left Kafka with the one request that used it.

use thiserror::Error;
use wire_derive::Message;

use crate::api::ApiKey;
use crate::{DecodeError, Message as _};

/// In front of a request.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(header, versions = "1-2", flexible = "2+")]
pub struct RequestHeader {
    #[message(versions = "0+")]
    pub request_api_key: i16,
    #[message(versions = "0+")]
    pub request_api_version: i16,
    /// The client's number of the request; the answer repeats it.
    #[message(versions = "0+")]
    pub correlation_id: i32,
    #[message(versions = "1+", nullable = "1+", inflexible)]
    pub client_id: Option<String>,
}

/// In front of an answer.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(header, versions = "0-1", flexible = "1+")]
pub struct ResponseHeader {
    #[message(versions = "0+")]
    pub correlation_id: i32,
}

/// Why a request cannot be handed to anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestHeaderError {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// Its key is not known: the connection cannot go on, since nobody can tell what an answer
    /// would look like.
    #[error("request with unknown API key {key}, version {version}")]
    UnknownApi {
        /// The key.
        key: i16,
        /// The version.
        version: i16,
    },
    /// Its version is not served. ApiVersions must be answered all the same, in version 0 with the
    /// error `UNSUPPORTED_VERSION` and the whole list: that is how a newer client finds a version
    /// in common. What follows the correlation id may be laid out in a way that is not known here
    /// and has not been read.
    #[error("{api} request of version {version}, which is not served")]
    UnsupportedVersion {
        /// Which request.
        api: ApiKey,
        /// The version.
        version: i16,
        /// For the answer.
        correlation_id: i32,
    },
}

impl RequestHeader {
    /// In front of versions with fixed-size lengths.
    pub const FIXED_VERSION: i16 = Self::SCHEMA.versions.min;
    /// In front of flexible versions.
    pub const FLEXIBLE_VERSION: i16 = Self::SCHEMA.versions.max;
}

impl ResponseHeader {
    /// In front of versions with fixed-size lengths.
    pub const FIXED_VERSION: i16 = Self::SCHEMA.versions.min;
    /// In front of flexible versions.
    pub const FLEXIBLE_VERSION: i16 = Self::SCHEMA.versions.max;
}
