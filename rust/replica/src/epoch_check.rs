//! Epoch fencing: compares the leader epoch that a client believes in with the partition's own
//! (KIP-320).

use base::{ErrorCode, LeaderEpoch};
use thiserror::Error;

/// Why a request that names a leader epoch cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EpochError {
    /// The client is behind: it has to refresh its metadata.
    #[error("leader epoch {requested} is older than the partition's, {current}: refresh metadata")]
    Fenced {
        /// The epoch in the request.
        requested: LeaderEpoch,
        /// The partition's epoch.
        current: LeaderEpoch,
    },
    /// The broker is behind: it has not heard of that epoch yet.
    #[error(
        "leader epoch {requested} is newer than the partition's, {current}: try again once this \
        broker has heard of it"
    )]
    Unknown {
        /// The epoch in the request.
        requested: LeaderEpoch,
        /// The partition's epoch.
        current: LeaderEpoch,
    },
}

impl EpochError {
    /// The code that answers it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Fenced { .. } => ErrorCode::FencedLeaderEpoch,
            Self::Unknown { .. } => ErrorCode::UnknownLeaderEpoch,
        }
    }
}

/// Whether a Fetch, `ListOffsets` or `OffsetForLeaderEpoch` that names `requested` as the
/// partition's current epoch may be served; [`LeaderEpoch::NONE`] asks for no check.
pub fn check_leader_epoch(current: LeaderEpoch, requested: LeaderEpoch) -> Result<(), EpochError> {
    if requested == LeaderEpoch::NONE || requested == current {
        Ok(())
    } else if requested < current {
        Err(EpochError::Fenced { requested, current })
    } else {
        Err(EpochError::Unknown { requested, current })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_epoch_is_fenced_a_newer_one_unknown_and_none_is_not_checked() {
        let answer = |requested| {
            check_leader_epoch(LeaderEpoch(5), LeaderEpoch(requested)).map_err(EpochError::code)
        };
        assert_eq!(answer(-1), Ok(()));
        assert_eq!(answer(0), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(answer(4), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(answer(5), Ok(()));
        assert_eq!(answer(6), Err(ErrorCode::UnknownLeaderEpoch));
        assert_eq!(answer(i32::MAX), Err(ErrorCode::UnknownLeaderEpoch));
    }

    #[test]
    fn an_epoch_below_none_is_fenced_rather_than_trusted() {
        let error = check_leader_epoch(LeaderEpoch(0), LeaderEpoch(-2)).expect_err("below");
        assert_eq!(error.code(), ErrorCode::FencedLeaderEpoch);
        assert!(error.to_string().contains("-2"));
    }
}
