//! A commit is accepted from members of the generation only.

use coordinator::CoordinatorRecord;
use wire::offset_commit::OffsetCommitRequest;

/// The commit was accepted while `log` was all that had been persisted.
pub(crate) fn check_accepted_commit(request: &OffsetCommitRequest, log: &[CoordinatorRecord]) {
    let generation = log.iter().rev().find_map(|record| match record {
        CoordinatorRecord::GroupMetadata(_, value) => value.as_ref(),
        _ => None,
    });
    let Some(generation) = generation else {
        panic!("a commit was accepted without a generation: {request:?}")
    };
    assert_eq!(
        request.generation_id_or_member_epoch, generation.generation,
        "a commit of another generation was accepted"
    );
    let is_member = generation.members.iter().any(|member| member.member_id == request.member_id);
    assert!(is_member, "a commit of {} was accepted, who is fenced", request.member_id);
}
