//! A topic's birth and end. Its partitions and configs have records of their own.

use base::Uuid;

/// A topic exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its name.
    pub name: String,
    /// Its id.
    pub topic_id: Uuid,
}

/// A topic is gone, with its partitions and its configs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// Its id.
    pub topic_id: Uuid,
}
