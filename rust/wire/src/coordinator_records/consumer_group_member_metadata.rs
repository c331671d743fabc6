//! A member of a consumer group and what it subscribes to (KIP-848).

use bytes::Bytes;
use wire_derive::Message;

/// Which member.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 5, versions = "0")]
pub struct ConsumerGroupMemberMetadataKey {
    #[message(versions = "0")]
    pub group_id: String,
    #[message(versions = "0")]
    pub member_id: String,
}

/// Who it is and what it subscribes to.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 5, versions = "0", flexible = "0+")]
pub struct ConsumerGroupMemberMetadataValue {
    #[message(versions = "0+", nullable = "0+")]
    pub instance_id: Option<String>,
    #[message(versions = "0+", nullable = "0+")]
    pub rack_id: Option<String>,
    #[message(versions = "0+")]
    pub client_id: String,
    #[message(versions = "0+")]
    pub client_host: String,
    #[message(versions = "0+")]
    pub subscribed_topic_names: Vec<String>,
    #[message(versions = "0+", nullable = "0+")]
    pub subscribed_topic_regex: Option<String>,
    #[message(versions = "0+", default = "-1")]
    pub rebalance_timeout_ms: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub server_assignor: Option<String>,
    /// Null: the member speaks the new protocol.
    #[message(versions = "0+", tagged = "0+", tag = 0, nullable = "0+")]
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl ConsumerGroupMemberMetadataValue {
    /// A member that has said nothing yet: what may be null is. The defaults of this record are
    /// empty texts, as in Kafka, and would make every member a static one.
    pub fn unknown() -> Self {
        Self {
            instance_id: None,
            rack_id: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            classic_member_metadata: None,
            ..Self::default()
        }
    }
}

/// What there is to know of a member that speaks the classic protocol.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct ClassicMemberMetadata {
    #[message(versions = "0+")]
    pub session_timeout_ms: i32,
    #[message(versions = "0+")]
    pub supported_protocols: Vec<ClassicProtocol>,
}

/// A protocol that it can speak.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct ClassicProtocol {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub metadata: Bytes,
}
