//! What must hold in every history, one file each. (That the replay of the log is the live state is
//! the host's, who looks after every decision.)

mod committed_offsets;
mod fenced_commits;
mod handover;
mod one_holder;
mod one_owner;
mod settled;

pub(crate) use committed_offsets::{CommittedOffsets, check_fetch};
pub(crate) use fenced_commits::check_accepted_commit;
pub(crate) use handover::Handover;
pub(crate) use one_holder::OneHolder;
pub(crate) use one_owner::OneOwner;
pub(crate) use settled::check_settled;
