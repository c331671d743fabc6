//! Identities and epochs: one newtype for each kind of number that must not be mistaken for
//! another.

use std::fmt;

use crate::uuid::Uuid;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

integer_id! {
    /// A broker of the cluster.
    NodeId(i32)
}
integer_id! {
    /// A partition's number inside its topic, from 0.
    PartitionIndex(i32)
}
integer_id! {
    /// Counts the leaders of a partition (KIP-101); it fences records and requests of earlier ones.
    LeaderEpoch(i32)
}
integer_id! {
    /// Counts a broker's registrations, so that an earlier incarnation is fenced.
    BrokerEpoch(i64)
}
integer_id! {
    /// An idempotent producer (KIP-98).
    ProducerId(i64)
}
integer_id! {
    /// Counts a producer's incarnations; a lower one is fenced.
    ProducerEpoch(i16)
}
uuid_id! {
    /// A topic's identity, which a topic recreated under the same name does not share (KIP-516).
    TopicId
}
uuid_id! {
    /// A log directory's identity (KIP-858).
    DirectoryId
}

impl NodeId {
    /// "No broker" on the wire.
    pub const NONE: Self = Self(-1);
}

impl LeaderEpoch {
    /// "Unknown" on the wire and in batches that no leader has stamped.
    pub const NONE: Self = Self(-1);
}

impl ProducerId {
    /// The producer id of a batch that is not idempotent.
    pub const NONE: Self = Self(-1);
}

impl ProducerEpoch {
    /// The epoch of a batch that is not idempotent.
    pub const NONE: Self = Self(-1);
}

impl TopicId {
    /// The zero id: on the wire, "by name".
    pub const ZERO: Self = Self(Uuid::ZERO);

    /// Whether this is the zero id.
    pub fn is_zero(self) -> bool {
        self.0 == Uuid::ZERO
    }
}
