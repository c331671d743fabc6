//! OffsetFetch requests and answers: how far the group has come.

use std::collections::BTreeMap;

use base::{ErrorCode, LeaderEpoch, TopicPartition};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse,
};

use super::OffsetAndMetadata;

/// From this version on a request can name several groups (KIP-709).
const SEVERAL_VERSION_MIN: i16 = 8;
/// From this version on a request can ask to wait for open transactions (KIP-447).
const STABLE_VERSION_MIN: i16 = 7;
/// The last version in which topics go by name.
pub(in crate::consumer) const NAMED_VERSION_MAX: i16 = 9;

/// What is committed, by partition; `None` where nothing is.
pub(in crate::consumer) type Committed = BTreeMap<TopicPartition, Option<OffsetAndMetadata>>;

/// The request in `version`. Whatever isolation the records are read with: who begins at offsets
/// that a transaction is about to replace reads what that has processed once more.
pub(in crate::consumer) fn request_committed<'a>(
    group_id: &str,
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
    version: i16,
) -> OffsetFetchRequest {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition.0);
    }
    let require_stable = version >= STABLE_VERSION_MIN;
    if version < SEVERAL_VERSION_MIN {
        let topics = topics.into_iter().map(|(name, partition_indexes)| OffsetFetchRequestTopic {
            name: name.to_owned(),
            partition_indexes,
        });
        return OffsetFetchRequest {
            group_id: group_id.to_owned(),
            topics: Some(topics.collect()),
            require_stable,
            ..Default::default()
        };
    }
    let topics = topics.into_iter().map(|(name, partition_indexes)| OffsetFetchRequestTopics {
        name: name.to_owned(),
        partition_indexes,
        ..Default::default()
    });
    let group = OffsetFetchRequestGroup {
        group_id: group_id.to_owned(),
        topics: Some(topics.collect()),
        ..Default::default()
    };
    OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() }
}

/// What the answer says of the partitions that were asked for; one error is an error for all.
pub(in crate::consumer) fn read_committed<'a>(
    response: &OffsetFetchResponse,
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> Result<Committed, ErrorCode> {
    let mut found = BTreeMap::new();
    check(response.error_code)?;
    for topic in &response.topics {
        for row in &topic.partitions {
            check(row.error_code)?;
            let name = (topic.name.as_str(), row.partition_index);
            let epoch = row.committed_leader_epoch;
            found.insert(name, committed(row.committed_offset, epoch, row.metadata.as_deref()));
        }
    }
    for group in &response.groups {
        check(group.error_code)?;
        for topic in &group.topics {
            for row in &topic.partitions {
                check(row.error_code)?;
                let name = (topic.name.as_str(), row.partition_index);
                let epoch = row.committed_leader_epoch;
                found.insert(name, committed(row.committed_offset, epoch, row.metadata.as_deref()));
            }
        }
    }
    let mut committed = BTreeMap::new();
    for partition in partitions {
        let name = (&*partition.topic, partition.partition.0);
        let found = found.remove(&name).ok_or(ErrorCode::UnknownServerError)?;
        committed.insert(partition.clone(), found);
    }
    Ok(committed)
}

fn committed(offset: i64, leader_epoch: i32, metadata: Option<&str>) -> Option<OffsetAndMetadata> {
    (offset >= 0).then(|| OffsetAndMetadata {
        offset,
        leader_epoch: LeaderEpoch(leader_epoch),
        metadata: metadata.unwrap_or_default().to_owned(),
    })
}

fn check(code: i16) -> Result<(), ErrorCode> {
    match ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError) {
        ErrorCode::None => Ok(()),
        code => Err(code),
    }
}

#[cfg(test)]
mod tests {
    use wire::offset_fetch::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
        OffsetFetchResponseTopic, OffsetFetchResponseTopics,
    };
    use wire::{Message, Writer};

    use super::*;

    fn partitions() -> [TopicPartition; 2] {
        [TopicPartition::new("t", 0), TopicPartition::new("t", 3)]
    }

    #[test]
    fn the_request_can_be_written_in_every_version() {
        for version in 1..=NAMED_VERSION_MAX {
            let request = request_committed("g", &partitions(), version);
            request.encode(&mut Writer::new(), version).unwrap();
        }
    }

    #[test]
    fn offsets_are_asked_for_that_no_transaction_is_about_to_replace() {
        for (version, is_stable) in [(6, false), (7, true), (8, true)] {
            let request = request_committed("g", &partitions(), version);
            assert_eq!(request.require_stable, is_stable, "version {version}");
        }
    }

    #[test]
    fn an_answer_is_read_whether_it_is_about_one_group_or_several() {
        let one = OffsetFetchResponse {
            topics: vec![OffsetFetchResponseTopic {
                name: "t".to_owned(),
                partitions: [(0, 7), (3, -1)]
                    .map(|(partition_index, committed_offset)| OffsetFetchResponsePartition {
                        partition_index,
                        committed_offset,
                        ..Default::default()
                    })
                    .into(),
            }],
            ..Default::default()
        };
        let several = OffsetFetchResponse {
            groups: vec![OffsetFetchResponseGroup {
                topics: vec![OffsetFetchResponseTopics {
                    name: "t".to_owned(),
                    partitions: [(0, 7), (3, -1)]
                        .map(|(partition_index, committed_offset)| OffsetFetchResponsePartitions {
                            partition_index,
                            committed_offset,
                            ..Default::default()
                        })
                        .into(),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        for response in [one, several] {
            let read = read_committed(&response, &partitions()).unwrap();
            let [first, second] = partitions();
            assert_eq!(read, [(first, Some(OffsetAndMetadata::of(7))), (second, None)].into());
        }
    }

    #[test]
    fn a_partition_that_an_answer_leaves_out_is_an_error() {
        let empty = OffsetFetchResponse::default();
        assert_eq!(read_committed(&empty, &partitions()), Err(ErrorCode::UnknownServerError));
    }
}
