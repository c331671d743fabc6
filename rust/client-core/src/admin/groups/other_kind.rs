//! Groups that are none of consumers: what is asked of a consumer group is not to be done to them,
//! although they have members, and may have offsets, too.

use std::fmt;

use super::{GroupDescription, GroupListing, GroupType};

/// What a group is that is no consumer group. As for Kafka's tool, one is a consumer group that has
/// consumers for members, or nothing but offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherKind {
    /// Its members share partitions (KIP-932).
    Share,
    /// Its members are Kafka Streams' (KIP-1071).
    Streams,
    /// A classic group whose members do together what this name stands for.
    Classic(String),
}

impl OtherKind {
    fn of(group_type: GroupType, protocol_type: &str) -> Option<Self> {
        match (group_type, protocol_type) {
            (GroupType::Share, _) => Some(Self::Share),
            (GroupType::Streams, _) => Some(Self::Streams),
            (_, "" | "consumer") => None,
            (_, other) => Some(Self::Classic(other.to_owned())),
        }
    }
}

impl GroupListing {
    /// What the group is, if it is no consumer group.
    pub fn other_kind(&self) -> Option<OtherKind> {
        OtherKind::of(self.group_type, &self.protocol_type)
    }
}

impl GroupDescription {
    /// What the group is, if it is no consumer group.
    pub fn other_kind(&self) -> Option<OtherKind> {
        OtherKind::of(self.group_type, &self.protocol_type)
    }
}

impl fmt::Display for OtherKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share => f.write_str("a share group"),
            Self::Streams => f.write_str("a streams group"),
            Self::Classic(protocol) => write!(f, "a group of the protocol type `{protocol}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_do_not_commit_as_consumers_are_of_another_kind() {
        let kind = |group_type, protocol_type: &str| {
            OtherKind::of(group_type, protocol_type).map(|kind| kind.to_string())
        };
        for group_type in [GroupType::Classic, GroupType::Consumer, GroupType::Unknown] {
            assert_eq!(kind(group_type, ""), None);
            assert_eq!(kind(group_type, "consumer"), None);
        }
        assert_eq!(kind(GroupType::Share, "share").as_deref(), Some("a share group"));
        assert_eq!(kind(GroupType::Streams, "streams").as_deref(), Some("a streams group"));
        let connect = kind(GroupType::Classic, "connect");
        assert_eq!(connect.as_deref(), Some("a group of the protocol type `connect`"));
    }
}
