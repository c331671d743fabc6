//! What differs between two images: what a watcher has to act on.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::TopicId;

use super::{ConfigEntity, MetadataImage, TopicImage};

/// The topics that differ between two images, each list by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicChanges {
    /// In the later image only.
    pub created: Vec<Arc<TopicImage>>,
    /// In both, with partitions that differ: as they are in the later image.
    pub changed: Vec<Arc<TopicImage>>,
    /// In the earlier image only.
    pub deleted: Vec<Arc<TopicImage>>,
}

impl MetadataImage {
    /// The topics that differ from `earlier`. Images that share their topics are told apart at
    /// once, others in one walk.
    pub fn topic_changes_since(&self, earlier: &Self) -> TopicChanges {
        let mut changes = TopicChanges::default();
        differences(&earlier.topics, &self.topics, |_: &TopicId, before, after| {
            match (before, after) {
                (None, Some(topic)) => changes.created.push(Arc::clone(topic)),
                (Some(_), Some(topic)) => changes.changed.push(Arc::clone(topic)),
                (Some(topic), None) => changes.deleted.push(Arc::clone(topic)),
                (None, None) => {}
            }
        });
        changes
    }

    /// The entities whose configs differ from `earlier`.
    pub fn config_changes_since(&self, earlier: &Self) -> Vec<ConfigEntity> {
        let mut entities = Vec::new();
        differences(&earlier.configs, &self.configs, |entity, _, _| entities.push(entity.clone()));
        entities
    }
}

type Shared<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// Tells each key whose value differs, in order.
fn differences<K: Ord, V: PartialEq>(
    before: &Shared<K, V>,
    after: &Shared<K, V>,
    mut tell: impl FnMut(&K, Option<&Arc<V>>, Option<&Arc<V>>),
) {
    if Arc::ptr_eq(before, after) {
        return;
    }
    let (mut olds, mut news) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { olds.next() } else { None };
        let new = if order.is_ge() { news.next() } else { None };
        let Some((key, _)) = old.or(new) else { return };
        let (old, new) = (old.map(|(_, value)| value), new.map(|(_, value)| value));
        let same =
            matches!((old, new), (Some(old), Some(new)) if Arc::ptr_eq(old, new) || old == new);
        if !same {
            tell(key, old, new);
        }
    }
}
