//! The request that a connection repeats, and the check of its answers.

use std::time::SystemTime;

use base::ErrorCode;
use bytes::Bytes;
use records::{BatchBuilder, Compression, ProducerStamp};
use wire::produce::{PartitionProduceData, TopicProduceData};
use wire::{DecodeError, ProduceRequest, Records, decode_response, encode_request};

/// The newest version that names the topic: later ones want its id.
const VERSION: i16 = 12;
const CLIENT_ID: &str = "closed-loop";
/// All in-sync replicas.
const ACKS: i16 = -1;
/// How long a broker may wait for them.
const TIMEOUT_MS: i32 = 30_000;

/// A request was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the answer cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    #[error("the answer names no partition")]
    Empty,
    #[error("the broker answered {code:?}: {message}")]
    Error { code: ErrorCode, message: String },
    #[error("the broker answered the unknown error code {0}")]
    UnknownError(i16),
}

impl Refused {
    /// Whether it may pass by itself: a new topic is known before its partitions have a leader.
    pub(crate) fn is_of_a_new_topic(&self) -> bool {
        use ErrorCode::{LeaderNotAvailable, NotLeaderOrFollower, UnknownTopicOrPartition};
        let temporary = [LeaderNotAvailable, NotLeaderOrFollower, UnknownTopicOrPartition];
        matches!(self, Self::Error { code, .. } if temporary.contains(code))
    }
}

/// A whole frame: Produce with acks=all of one record to one partition. It may be sent again and
/// again, since it names no producer id and so cannot be a duplicate.
pub(crate) fn request(
    topic: &str,
    partition: i32,
    value_bytes: usize,
) -> Result<Bytes, Box<dyn std::error::Error>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let value = vec![b'x'; value_bytes];
    let mut builder = BatchBuilder::new(value_bytes);
    builder.try_append(i64::try_from(now.as_millis())?, None, Some(&value), &[])?;
    let batch = builder.finish(&ProducerStamp::NONE, Compression::default())?;
    let partition = PartitionProduceData { index: partition, records: Some(Records::from(batch)) };
    let request = ProduceRequest {
        acks: ACKS,
        timeout_ms: TIMEOUT_MS,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![partition],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    Ok(encode_request(Some(CLIENT_ID), 0, VERSION, &request)?.collect()?)
}

/// Whether an answer, its length prefix cut off, says that the record was appended.
pub(crate) fn check(answer: Bytes) -> Result<(), Refused> {
    let (_, answer) = decode_response::<ProduceRequest>(answer, VERSION)?;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    let mut acknowledged = 0;
    for partition in partitions {
        let code = ErrorCode::from_code(partition.error_code)
            .ok_or(Refused::UnknownError(partition.error_code))?;
        if code != ErrorCode::None {
            let message = partition.error_message.clone().unwrap_or_default();
            return Err(Refused::Error { code, message });
        }
        acknowledged += 1;
    }
    if acknowledged == 0 { Err(Refused::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use wire::produce::{PartitionProduceResponse, TopicProduceResponse};
    use wire::{ApiKey, ProduceResponse, encode_response};

    use super::*;

    fn answer(error_code: i16) -> Bytes {
        let partition = PartitionProduceResponse { error_code, ..Default::default() };
        let topic =
            TopicProduceResponse { partition_responses: vec![partition], ..Default::default() };
        let response = ProduceResponse { responses: vec![topic], ..Default::default() };
        frame(&response)
    }

    fn frame(response: &ProduceResponse) -> Bytes {
        let frame = encode_response(ApiKey::Produce, VERSION, 0, response).expect("it fits");
        frame.collect().expect("all in memory").slice(4..)
    }

    #[test]
    fn an_answer_without_an_error_is_an_acknowledgement() {
        assert!(check(answer(0)).is_ok());
    }

    #[test]
    fn an_answer_with_an_error_is_told_by_its_name() {
        let refused = check(answer(ErrorCode::NotLeaderOrFollower.code())).expect_err("refused");
        assert!(refused.to_string().contains("NotLeaderOrFollower"), "{refused}");
        assert!(refused.is_of_a_new_topic());
    }

    #[test]
    fn an_error_that_stays_is_not_that_of_a_new_topic() {
        let refused = check(answer(ErrorCode::MessageTooLarge.code())).expect_err("refused");
        assert!(!refused.is_of_a_new_topic());
        let refused = check(answer(i16::MAX)).expect_err("refused");
        assert!(matches!(refused, Refused::UnknownError(i16::MAX)));
    }

    #[test]
    fn an_answer_without_a_partition_acknowledges_nothing() {
        assert!(matches!(check(frame(&ProduceResponse::default())), Err(Refused::Empty)));
    }

    #[test]
    fn a_request_is_a_frame_with_its_length_in_front() {
        let request = request("t", 3, 1_024).expect("a request");
        let length = u32::from_be_bytes(request[..4].try_into().expect("four bytes"));
        assert_eq!(length as usize, request.len() - 4);
    }
}
