//! A commit is accepted from members of the generation, or of the epoch, only; or of an earlier
//! epoch, for partitions that the member has held without a break since then.

use coordinator::CoordinatorRecord;
use wire::coordinator_records::ConsumerGroupCurrentMemberAssignmentValue;
use wire::offset_commit::OffsetCommitRequest;

/// The commit was accepted while `log` was all that had been persisted.
pub(crate) fn check_accepted_commit(request: &OffsetCommitRequest, log: &[CoordinatorRecord]) {
    let epoch = request.generation_id_or_member_epoch;
    let id = &request.member_id;
    for record in log.iter().rev() {
        match record {
            CoordinatorRecord::GroupMetadata(_, Some(generation)) => {
                assert_eq!(epoch, generation.generation, "of another generation: {request:?}");
                let is_member = generation.members.iter().any(|member| member.member_id == *id);
                assert!(is_member, "a commit of {id} was accepted, who is fenced");
                return;
            }
            CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(key, value)
                if key.member_id == *id =>
            {
                let current = value.as_ref().expect("of a member that is gone");
                let is_owner = epoch == current.member_epoch || holds_since(current, request);
                assert!(is_owner, "of another epoch: {request:?}, {current:?}");
                return;
            }
            _ => {}
        }
    }
    panic!("a commit was accepted without a group: {request:?}");
}

/// Whether the partitions were given in the commit's epoch or before, and are still held.
fn holds_since(
    current: &ConsumerGroupCurrentMemberAssignmentValue,
    request: &OffsetCommitRequest,
) -> bool {
    let epoch = request.generation_id_or_member_epoch;
    let held = [&current.assigned_partitions, &current.partitions_pending_revocation];
    let mut committed = request.topics.iter().flat_map(|topic| &topic.partitions);
    (0..current.member_epoch).contains(&epoch)
        && committed.all(|partition| {
            held.into_iter().flatten().any(|topic| {
                let epochs = topic.assignment_epochs.as_deref().unwrap_or_default();
                let mut given = topic.partitions.iter().zip(epochs);
                given.any(|(index, given)| *index == partition.partition_index && *given <= epoch)
            })
        })
}
