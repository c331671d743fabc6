//! OffsetCommit from outside of any membership: as a closed loop repeats it, and of many
//! partitions at once.

use bytes::Bytes;
use wire::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use wire::{OffsetCommitRequest, OffsetCommitResponse, decode_response, encode_request};

use crate::exchange::{CLIENT_ID, Exchange, Refused, refuse};

/// The newest version that names the topic: later ones want its id.
pub(crate) const VERSION: i16 = 9;
/// What a consumer that is in no group's generation says.
const NO_GENERATION: i32 = -1;

/// One offset of one partition. It may be sent again and again: a commit is a commit, whatever was
/// committed before.
pub(crate) fn exchange(
    group: &str,
    topic: &str,
    partition: i32,
) -> Result<Exchange, Box<dyn std::error::Error>> {
    let request = request(group, topic, partition..partition + 1, 1);
    let request = encode_request(Some(CLIENT_ID), 0, VERSION, &request)?.collect()?;
    Ok(Exchange { request, check })
}

/// The same offset for each of a topic's partitions.
pub(crate) fn request(
    group: &str,
    topic: &str,
    partitions: std::ops::Range<i32>,
    offset: i64,
) -> OffsetCommitRequest {
    let of_partition = |partition_index| OffsetCommitRequestPartition {
        partition_index,
        committed_offset: offset,
        committed_leader_epoch: 0,
        committed_metadata: Some(String::new()),
    };
    let topic = OffsetCommitRequestTopic {
        name: topic.to_owned(),
        partitions: partitions.map(of_partition).collect(),
        ..OffsetCommitRequestTopic::default()
    };
    OffsetCommitRequest {
        group_id: group.to_owned(),
        generation_id_or_member_epoch: NO_GENERATION,
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    }
}

/// Whether every offset was stored.
pub(crate) fn check_response(response: &OffsetCommitResponse) -> Result<(), Refused> {
    let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions).peekable();
    if partitions.peek().is_none() {
        return Err(Refused::Empty);
    }
    partitions.try_for_each(|partition| refuse(partition.error_code, None))
}

fn check(answer: Bytes) -> Result<(), Refused> {
    let (_, response) = decode_response::<OffsetCommitRequest>(answer, VERSION)?;
    check_response(&response)
}

#[cfg(test)]
mod tests {
    use base::ErrorCode;
    use wire::offset_commit::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};

    use super::*;

    fn response(error_codes: &[i16]) -> OffsetCommitResponse {
        let of_partition =
            |&error_code: &i16| OffsetCommitResponsePartition { partition_index: 0, error_code };
        let partitions = error_codes.iter().map(of_partition).collect();
        let topic = OffsetCommitResponseTopic { partitions, ..Default::default() };
        OffsetCommitResponse { topics: vec![topic], ..Default::default() }
    }

    #[test]
    fn every_partition_must_have_been_stored() {
        assert!(check_response(&response(&[0, 0])).is_ok());
        assert!(matches!(check_response(&response(&[])), Err(Refused::Empty)));
        let loading = ErrorCode::CoordinatorLoadInProgress.code();
        let refused = check_response(&response(&[0, loading])).expect_err("one was not");
        assert!(refused.may_pass());
    }

    #[test]
    fn a_request_names_each_partition_once() {
        let request = request("g", "t", 0..3, 7);
        let partitions = &request.topics[0].partitions;
        assert_eq!(partitions.iter().map(|p| p.partition_index).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(partitions.iter().all(|p| p.committed_offset == 7));
    }
}
