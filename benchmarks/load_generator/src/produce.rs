//! Produce of one record, as a closed loop repeats it.

use std::time::SystemTime;

use bytes::Bytes;
use records::{BatchBuilder, Compression, ProducerStamp};
use wire::produce::{PartitionProduceData, TopicProduceData};
use wire::{ProduceRequest, Records, decode_response, encode_request};

use crate::exchange::{CLIENT_ID, Exchange, Refused, refuse};

/// The newest version that names the topic: later ones want its id.
const VERSION: i16 = 12;
/// All in-sync replicas.
const ACKS: i16 = -1;
/// How long a broker may wait for them.
const TIMEOUT_MS: i32 = 30_000;

/// A whole frame: Produce with acks=all of one record to one partition. It may be sent again and
/// again, since it names no producer id and so cannot be a duplicate.
pub(crate) fn exchange(
    topic: &str,
    partition: i32,
    value_bytes: usize,
) -> Result<Exchange, Box<dyn std::error::Error>> {
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
    let request = encode_request(Some(CLIENT_ID), 0, VERSION, &request)?.collect()?;
    Ok(Exchange { request, check })
}

/// Whether an answer, its length prefix cut off, says that the record was appended.
pub(crate) fn check(answer: Bytes) -> Result<(), Refused> {
    let (_, answer) = decode_response::<ProduceRequest>(answer, VERSION)?;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    let mut acknowledged = 0;
    for partition in partitions {
        refuse(partition.error_code, partition.error_message.as_deref())?;
        acknowledged += 1;
    }
    if acknowledged == 0 { Err(Refused::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use base::ErrorCode;
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
        assert!(refused.may_pass());
    }

    #[test]
    fn an_answer_without_a_partition_acknowledges_nothing() {
        assert!(matches!(check(frame(&ProduceResponse::default())), Err(Refused::Empty)));
    }

    #[test]
    fn a_request_is_a_frame_with_its_length_in_front() {
        let request = exchange("t", 3, 1_024).expect("a request").request;
        let length = u32::from_be_bytes(request[..4].try_into().expect("four bytes"));
        assert_eq!(length as usize, request.len() - 4);
    }
}
