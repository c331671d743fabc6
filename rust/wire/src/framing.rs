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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use base::codec::{Part, Records};
    use base::{ByteSource, Wait};

    use super::*;
    use crate::fetch::{FetchableTopicResponse, PartitionData};
    use crate::produce::{PartitionProduceData, TopicProduceData};
    use crate::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse};

    #[derive(Debug)]
    struct Segment(usize);

    impl ByteSource for Segment {
        fn len(&self) -> usize {
            self.0
        }

        fn read_at(&self, _: usize, buffer: &mut [u8], _: Wait) -> io::Result<usize> {
            buffer.fill(7);
            Ok(buffer.len())
        }
    }

    fn produce(records: Records) -> ProduceRequest {
        let partition = PartitionProduceData { index: 1, records: Some(records) };
        let topic = TopicProduceData {
            name: "t".to_owned(),
            partition_data: vec![partition],
            ..TopicProduceData::default()
        };
        ProduceRequest { acks: -1, topic_data: vec![topic], ..ProduceRequest::default() }
    }

    fn without_prefix(frame: &Frame) -> Bytes {
        let bytes = frame.collect().unwrap();
        assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_be_bytes());
        bytes.slice(4..)
    }

    #[test]
    fn a_request_comes_back_and_its_records_are_a_slice_of_the_frame() {
        for version in 3..=12 {
            let request = produce(Records::from(Bytes::from(vec![7; 5_000])));
            let frame = encode_request(Some("me"), 9, version, &request).unwrap();
            let bytes = without_prefix(&frame);
            let mut reader = Reader::new(bytes.clone());
            let (api, header) = decode_request_header(&mut reader).unwrap();
            assert_eq!((api, header.request_api_version), (ApiKey::Produce, version));
            assert_eq!((header.correlation_id, header.client_id.as_deref()), (9, Some("me")));
            let decoded = ProduceRequest::decode(&mut reader, version).unwrap();
            assert_eq!(decoded, request);
            let records = decoded.topic_data[0].partition_data[0].records.clone();
            let records = records.and_then(|records| records.as_bytes().cloned()).unwrap();
            assert!(bytes.as_ptr_range().contains(&records.as_ptr()), "version {version}");
        }
    }

    #[test]
    fn an_answer_passes_files_on_unread() {
        let segment: Arc<dyn ByteSource> = Arc::new(Segment(3_000));
        let partition = PartitionData {
            records: Some(Records::Sources(vec![Arc::clone(&segment), Arc::clone(&segment)])),
            ..PartitionData::default()
        };
        let topic = FetchableTopicResponse { partitions: vec![partition], ..Default::default() };
        let response = FetchResponse { responses: vec![topic], ..FetchResponse::default() };
        let frame = encode_response(ApiKey::Fetch, 12, 9, &response).unwrap();
        let sources = frame
            .parts()
            .iter()
            .filter(|p| matches!(p, Part::Source(s) if Arc::ptr_eq(s, &segment)));
        assert_eq!(sources.count(), 2);
        let (header, decoded) =
            decode_response::<FetchRequest>(without_prefix(&frame), 12).unwrap();
        assert_eq!(header.correlation_id, 9);
        let records = decoded.responses[0].partitions[0].records.clone();
        assert_eq!(records, Some(Records::from(Bytes::from(vec![7; 6_000]))));
    }

    #[test]
    fn an_answer_is_found_by_its_correlation_id_before_it_is_read() {
        for version in [3, 13] {
            let response = ProduceResponse::default();
            let frame = encode_response(ApiKey::Produce, version, -7, &response).unwrap();
            assert_eq!(correlation_id(&without_prefix(&frame)), Ok(-7));
        }
        assert!(correlation_id(&Bytes::from_static(&[0, 0, 0])).is_err());
    }

    #[test]
    fn a_header_that_is_cut_or_unknown_is_refused() {
        let refusal = |bytes: &'static [u8]| {
            decode_request_header(&mut Reader::new(Bytes::from_static(bytes))).unwrap_err()
        };
        let RequestHeaderError::Malformed(error) = refusal(&[0, 3, 0, 0, 0]) else {
            panic!("malformed")
        };
        assert_eq!((error.field, error.position), ("RequestHeader", 4));
        let unknown = RequestHeaderError::UnknownApi { key: 999, version: 1 };
        assert_eq!(refusal(&[3, 231, 0, 1, 0, 0, 0, 1]), unknown);
        // The client id claims more than there is.
        let cut = refusal(&[0, 3, 0, 0, 0, 0, 0, 1, 0x7f, 0xff]);
        assert!(cut.to_string().contains("RequestHeader.ClientId"), "{cut}");
    }

    #[test]
    #[should_panic(expected = "does not answer")]
    fn an_answer_to_another_request_is_our_own_bug() {
        let _ = encode_response(ApiKey::Fetch, 12, 1, &ProduceResponse::default());
    }
}
