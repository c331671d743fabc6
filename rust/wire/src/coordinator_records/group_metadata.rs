//! A generation of a classic group.

use bytes::Bytes;
use wire_derive::Message;

/// Which group.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 2, versions = "0")]
pub struct GroupMetadataKey {
    #[message(versions = "0", name = "group")]
    pub group: String,
}

/// Its generation, its members and what each was assigned.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 2, versions = "0-4", flexible = "4+")]
pub struct GroupMetadataValue {
    #[message(versions = "0+", name = "protocolType")]
    pub protocol_type: String,
    #[message(versions = "0+", name = "generation")]
    pub generation: i32,
    /// Null: the group is empty.
    #[message(versions = "0+", nullable = "0+", name = "protocol")]
    pub protocol: Option<String>,
    #[message(versions = "0+", nullable = "0+", name = "leader")]
    pub leader: Option<String>,
    /// When the group came into its state; -1: not known.
    #[message(versions = "2+", default = "-1", ignorable, name = "currentStateTimestamp")]
    pub current_state_timestamp: i64,
    #[message(versions = "0+", name = "members")]
    pub members: Vec<MemberMetadata>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct MemberMetadata {
    #[message(versions = "0+", name = "memberId")]
    pub member_id: String,
    #[message(
        versions = "3+",
        nullable = "3+",
        default = "null",
        ignorable,
        name = "groupInstanceId"
    )]
    pub group_instance_id: Option<String>,
    #[message(versions = "0+", name = "clientId")]
    pub client_id: String,
    #[message(versions = "0+", name = "clientHost")]
    pub client_host: String,
    #[message(versions = "1+", default = "-1", ignorable, name = "rebalanceTimeout")]
    pub rebalance_timeout: i32,
    #[message(versions = "0+", name = "sessionTimeout")]
    pub session_timeout: i32,
    #[message(versions = "0+", name = "subscription")]
    pub subscription: Bytes,
    #[message(versions = "0+", name = "assignment")]
    pub assignment: Bytes,
}
