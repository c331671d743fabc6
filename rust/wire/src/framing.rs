//! Whole frames: a length, a header and a body each.
//!
//! Frames to be sent have their length in front; frames to be read have lost it to whoever read
//! them off the socket.

use base::ErrorCode;
use base::codec::{DecodeError, EncodeError, Frame, Message, Reader, Writer};
use bytes::Bytes;

use crate::api::{ApiKey, Request};
use crate::header::{RequestHeader, RequestHeaderError, ResponseHeader};

/// A request as a client sends it.
pub fn encode_request<R: Request>(
    client_id: Option<&str>,
    correlation_id: i32,
    version: i16,
    request: &R,
) -> Result<Frame, EncodeError> {
    let header = RequestHeader {
        request_api_key: R::API.key(),
        request_api_version: version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
    };
    let mut writer = Writer::with_prefix();
    header.encode(&mut writer, R::API.request_header_version(version))?;
    request.encode(&mut writer, version)?;
    writer.finish()
}

/// An answer as a broker sends it: `version` is the request's.
pub fn encode_response<M: Message>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &M,
) -> Result<Frame, EncodeError> {
    assert_eq!(M::SCHEMA.key, Some(api.key()), "{} does not answer {api}", M::SCHEMA.name);
    let mut writer = Writer::with_prefix();
    let header = ResponseHeader { correlation_id };
    header.encode(&mut writer, api.response_header_version(version))?;
    response.encode(&mut writer, version)?;
    writer.finish()
}

/// Reads a request's header, and leaves the reader at its body. The version is one that is served.
pub fn decode_request_header(
    reader: &mut Reader,
) -> Result<(ApiKey, RequestHeader), RequestHeaderError> {
    // The first eight bytes are the same in every header; how the rest is laid out depends on them.
    let (key, version, correlation_id) = read_preamble(&mut Reader::new(reader.rest()))
        .map_err(|error| error.in_field(RequestHeader::SCHEMA.name))?;
    let api = ApiKey::from_key(key).ok_or(RequestHeaderError::UnknownApi { key, version })?;
    if !api.served().contains(version) {
        return Err(RequestHeaderError::UnsupportedVersion { api, version, correlation_id });
    }
    let header = RequestHeader::decode(reader, api.request_header_version(version))?;
    Ok((api, header))
}

fn read_preamble(reader: &mut Reader) -> Result<(i16, i16, i32), DecodeError> {
    let key = i16::from_be_bytes(reader.read_fixed()?);
    let version = i16::from_be_bytes(reader.read_fixed()?);
    Ok((key, version, i32::from_be_bytes(reader.read_fixed()?)))
}

/// The correlation id of an answer, by which the client finds what it asked, and so how to read the
/// rest.
pub fn correlation_id(frame: &Bytes) -> Result<i32, DecodeError> {
    let mut reader = Reader::new(frame.clone());
    ResponseHeader::decode(&mut reader, ResponseHeader::FIXED_VERSION)
        .map(|header| header.correlation_id)
}

/// Reads an answer's header, and leaves the reader at its body: `version` is the request's.
pub fn decode_response_header(
    reader: &mut Reader,
    api: ApiKey,
    version: i16,
) -> Result<ResponseHeader, DecodeError> {
    ResponseHeader::decode(reader, api.response_header_version(version))
}

/// Reads a whole answer to a request of type `R` in `version`.
pub fn decode_response<R: Request>(
    frame: Bytes,
    version: i16,
) -> Result<(ResponseHeader, R::Response), DecodeError> {
    let mut reader = Reader::new(frame);
    let header = decode_response_header(&mut reader, R::API, version)?;
    let body_version =
        if is_version_0_answer::<R>(&reader) { R::API.served().min } else { version };
    Ok((header, R::Response::decode(&mut reader, body_version)?))
}

/// A broker that does not know the version of an ApiVersions request answers in version 0, whatever
/// was asked. The error code comes first in every version, so that it tells.
fn is_version_0_answer<R: Request>(reader: &Reader) -> bool {
    let unsupported = ErrorCode::UnsupportedVersion.code().to_be_bytes();
    R::API == ApiKey::ApiVersions && reader.rest().starts_with(&unsupported)
}
