//! Deletes topics, named or by id.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::{ErrorCode, TopicId};

use super::decision::{Decision, Records, Rejection, repeated};
use crate::image::{MetadataImage, TopicImage};
use crate::record::RemoveTopicRecord;

/// Topics to delete.
#[derive(Clone, Debug)]
pub struct DeleteTopics {
    /// The topics.
    pub topics: Vec<TopicReference>,
}

/// A topic as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicReference {
    /// By name.
    Name(String),
    /// By id.
    Id(TopicId),
}

/// A topic that will be gone once the decision is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its id.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
}

impl DeleteTopics {
    /// Decides on `image`; the reply answers each entry in its place.
    pub fn decide(
        &self,
        image: &MetadataImage,
    ) -> Result<Decision<Vec<Result<DeletedTopic, Rejection>>>, Rejection> {
        let repeated = repeated(self.topics.iter());
        let mut records = Records::default();
        let mut removed = BTreeSet::new();
        let mut replies = Vec::with_capacity(self.topics.len());
        for reference in &self.topics {
            let found = if repeated.contains(reference) {
                Err(duplicate(reference))
            } else {
                reference.find(image)
            };
            let answer = found.and_then(|topic| {
                if !removed.insert(topic.id) {
                    let message =
                        "The provided topic name maps to an ID that was already supplied.";
                    return Err(Rejection::new(ErrorCode::InvalidRequest, message));
                }
                Ok(DeletedTopic { id: topic.id, name: Arc::clone(&topic.name) })
            });
            if let Ok(topic) = &answer {
                records.extend(vec![RemoveTopicRecord { topic_id: topic.id.0 }.into()])?;
            }
            replies.push(answer);
        }
        records.decide(false, replies)
    }
}

impl TopicReference {
    fn find<'a>(&self, image: &'a MetadataImage) -> Result<&'a TopicImage, Rejection> {
        match self {
            Self::Name(name) => image.topic_by_name(name).ok_or_else(Rejection::unknown_topic),
            Self::Id(id) => image.topic(*id).ok_or_else(|| {
                let message = "This server does not host this topic ID.";
                Rejection::new(ErrorCode::UnknownTopicId, message)
            }),
        }
        .map(AsRef::as_ref)
    }
}

fn duplicate(reference: &TopicReference) -> Rejection {
    let message = match reference {
        TopicReference::Name(_) => "Duplicate topic name.",
        TopicReference::Id(_) => "Duplicate topic id.",
    };
    Rejection::new(ErrorCode::InvalidRequest, message)
}
