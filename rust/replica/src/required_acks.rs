//! `acks`: whose answer a produce request waits for.

use crate::waiters::Until;

/// The `acks` of a produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredAcks {
    /// 0: nobody's; there is no response at all.
    None,
    /// 1: the leader's.
    Leader,
    /// -1: that of every in-sync replica.
    All,
}

impl RequiredAcks {
    /// The meaning of a number on the wire; any other number is answered with
    /// `INVALID_REQUIRED_ACKS`.
    pub fn from_wire(acks: i16) -> Option<Self> {
        match acks {
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            -1 => Some(Self::All),
            _ => None,
        }
    }

    /// What the response waits for, if there is a response.
    pub fn until(self) -> Option<Until> {
        match self {
            Self::None => None,
            Self::Leader => Some(Until::Flushed),
            Self::All => Some(Until::Replicated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_numbers_that_kafka_knows_have_a_meaning() {
        for acks in i16::MIN..=i16::MAX {
            let known = matches!(acks, -1..=1);
            assert_eq!(RequiredAcks::from_wire(acks).is_some(), known, "acks={acks}");
        }
    }

    #[test]
    fn each_acks_waits_for_its_own_position() {
        let until = |acks| RequiredAcks::from_wire(acks).expect("known").until();
        assert_eq!(until(0), None);
        assert_eq!(until(1), Some(Until::Flushed));
        assert_eq!(until(-1), Some(Until::Replicated));
    }
}
