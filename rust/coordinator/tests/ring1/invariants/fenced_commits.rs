//! A commit is accepted from members of the generation, or of the epoch, only.

use coordinator::CoordinatorRecord;
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
                let current = value.as_ref().map(|value| value.member_epoch);
                assert_eq!(Some(epoch), current, "of another epoch: {request:?}");
                return;
            }
            _ => {}
        }
    }
    panic!("a commit was accepted without a group: {request:?}");
}
