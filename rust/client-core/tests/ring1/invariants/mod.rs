//! What must hold for members in every history, one file each. (That a commit is never ahead of
//! its program is checked where the program is.)

mod assignment;
mod calm;
mod committed_forward;
mod settled;

pub(crate) use assignment::check_assignment;
pub(crate) use calm::check_calm;
pub(crate) use committed_forward::CommittedForward;
pub(crate) use settled::check_settled;
