//! How far groups are behind, as rows.

use client::PartitionLag;

/// A partition of a group: group, topic, partition, committed offset, end offset, lag, member,
/// instance, client, host, and why the end is not known.
pub(crate) type LagRow = (
    String,
    String,
    i32,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The rows of all `groups`.
pub(super) fn rows(groups: Vec<(String, Vec<PartitionLag>)>) -> Vec<LagRow> {
    let rows = groups.into_iter().flat_map(|(group, partitions)| {
        partitions.into_iter().map(move |partition| row(&group, partition))
    });
    rows.collect()
}

fn row(group: &str, partition: PartitionLag) -> LagRow {
    let lag = partition.lag();
    let name = partition.topic_partition;
    let (end_offset, error) = match partition.end_offset {
        Ok(offset) => (Some(offset), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let committed = partition.committed.map(|committed| committed.offset);
    let (member, instance, client, host) = match partition.owner {
        Some(owner) => (
            Some(owner.member_id),
            owner.group_instance_id,
            Some(owner.client_id),
            Some(owner.client_host),
        ),
        None => (None, None, None, None),
    };
    let (topic, number) = (name.topic.to_string(), name.partition.0);
    (
        group.to_owned(),
        topic,
        number,
        committed,
        end_offset,
        lag,
        member,
        instance,
        client,
        host,
        error,
    )
}
