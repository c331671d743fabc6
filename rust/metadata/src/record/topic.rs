//! A topic's birth and end. Its partitions and configs have records of their own.

use base::Uuid;
use wire_derive::Message;

/// A topic exists.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 2, versions = "0", flexible = "0+")]
pub struct TopicRecord {
    /// Its name.
    #[message(versions = "0+")]
    pub name: String,
    /// Its id.
    #[message(versions = "0+")]
    pub topic_id: Uuid,
}

/// A topic is gone, with its partitions and its configs.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 9, versions = "0", flexible = "0+")]
pub struct RemoveTopicRecord {
    /// Its id.
    #[message(versions = "0+")]
    pub topic_id: Uuid,
}
