//! A request that a connection repeats, and what its answers may say.

use base::ErrorCode;
use bytes::Bytes;
use wire::DecodeError;

/// The name under which all requests are sent.
pub(crate) const CLIENT_ID: &str = "load-generator";

/// A request and the check of its answers.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// A whole frame.
    pub(crate) request: Bytes,
    /// Whether an answer, its length prefix cut off, says that all is well.
    pub(crate) check: fn(Bytes) -> Result<(), Refused>,
}

/// A request was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the answer cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    #[error("the answer names no partition")]
    Empty,
    #[error("the broker answered {code:?}: {message}")]
    Error { code: ErrorCode, message: String },
    #[error("the broker answered the unknown error code {0}")]
    UnknownError(i16),
}

impl Refused {
    /// Whether it may pass by itself: a new topic is known before its partitions have a leader, and
    /// a coordinator is asked before it has read what it must know.
    pub(crate) fn may_pass(&self) -> bool {
        use ErrorCode::{
            CoordinatorLoadInProgress, CoordinatorNotAvailable, LeaderNotAvailable, NotCoordinator,
            NotLeaderOrFollower, UnknownTopicOrPartition,
        };
        let temporary = [
            LeaderNotAvailable,
            NotLeaderOrFollower,
            UnknownTopicOrPartition,
            CoordinatorLoadInProgress,
            CoordinatorNotAvailable,
            NotCoordinator,
        ];
        self.code().is_some_and(|code| temporary.contains(&code))
    }

    /// What the broker has called it.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Error { code, .. } => Some(*code),
            Self::Malformed(_) | Self::Empty | Self::UnknownError(_) => None,
        }
    }
}

/// The error of an answer, if it has one.
pub(crate) fn refuse(error_code: i16, message: Option<&str>) -> Result<(), Refused> {
    match ErrorCode::from_code(error_code) {
        None => Err(Refused::UnknownError(error_code)),
        Some(ErrorCode::None) => Ok(()),
        Some(code) => Err(Refused::Error { code, message: message.unwrap_or_default().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_worth_asking_again() {
        for (code, may_pass) in [
            (ErrorCode::NotLeaderOrFollower, true),
            (ErrorCode::CoordinatorLoadInProgress, true),
            (ErrorCode::MessageTooLarge, false),
            (ErrorCode::FencedMemberEpoch, false),
        ] {
            let refused = refuse(code.code(), None).expect_err("refused");
            assert_eq!(refused.may_pass(), may_pass, "{refused}");
        }
        let refused = refuse(i16::MAX, None).expect_err("refused");
        assert!(matches!(refused, Refused::UnknownError(i16::MAX)) && !refused.may_pass());
        assert!(refuse(0, None).is_ok());
    }
}
