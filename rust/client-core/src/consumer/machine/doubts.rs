//! What cannot go on is told: topics and partitions that are not there, and bounded reads that
//! cannot come to their end.

use base::{ErrorCode, Instant, TopicPartition};

use super::{Consumer, ConsumerEvent};
use crate::consumer::ConsumeError;
use crate::consumer::assignment::Assignment;
use crate::metadata_cache::Topic;

/// After this many answers without it, a topic or partition is believed not to exist: the first
/// broker that is asked may be late to hear of a new one.
const MISSING_ANSWERS_MAX: u32 = 4;

impl Consumer {
    /// Sees to it that a partition's metadata comes, even if what is known says that there is no
    /// such partition.
    pub(super) fn want(&mut self, partition: &TopicPartition) {
        self.cluster.want_topic(&partition.topic);
        let topic = self.cluster.metadata().topic(&partition.topic);
        if topic.is_some_and(|topic| topic.error.is_none() && lacks(topic, partition)) {
            self.cluster.request_metadata();
        }
    }

    /// Metadata has come: is everything there that is to be read, and still the same?
    pub(super) fn judge_topics(&mut self, now: Instant) {
        let mut ask_again = false;
        let patience = self.config.default_api_timeout;
        for (partition, assignment) in &mut self.assigned {
            if assignment.error.is_some() {
                continue;
            }
            let Some(topic) = self.cluster.metadata().topic(&partition.topic) else { continue };
            if topic.error.is_some_and(|code| code != ErrorCode::UnknownTopicOrPartition) {
                continue; // it is refused, or will be there in a while
            }
            if topic.error.is_none() && !lacks(topic, partition) {
                assignment.doubts.missing = None;
                if let Some(error) = remade(assignment, partition, topic) {
                    assignment.error = Some(error);
                    self.events.push_back(ConsumerEvent::Ready);
                }
                continue;
            }
            ask_again = true;
            let (answers, since) = assignment.doubts.missing.unwrap_or((0, now));
            let answers = answers.saturating_add(1);
            assignment.doubts.missing = Some((answers, since));
            if answers < MISSING_ANSWERS_MAX {
                continue;
            }
            let is_topic = topic.error.is_some();
            // Whoever reads for ever may have begun before the topic was created.
            if is_topic && assignment.stop_at.is_none() && now.since(since) < patience {
                if answers == MISSING_ANSWERS_MAX {
                    let topic = partition.topic.clone();
                    self.events.push_back(ConsumerEvent::Missing { topic });
                }
                continue;
            }
            assignment.error = Some(missing(assignment, partition, topic));
            self.events.push_back(ConsumerEvent::Ready);
        }
        if ask_again {
            self.cluster.request_metadata();
        }
    }

    /// A bounded read that nobody moves on is given up: whoever reads it waits for its end.
    pub(super) fn judge_progress(&mut self, now: Instant) {
        let has_runs = self.assigned.values().any(|assigned| !assigned.runs.is_empty());
        let stuck = |assigned: &Assignment| {
            let is_over = assigned.is_fetched_to_stop() || assigned.error.is_some();
            assigned.stop_at.is_some() && !is_over && !assigned.paused
        };
        if has_runs || !self.assigned.values().any(stuck) {
            self.stalled_since = None;
            return;
        }
        let waited = self.config.default_api_timeout;
        let due = *self.stalled_since.get_or_insert(now) + waited;
        if due > now {
            self.wake.at(due);
            return;
        }
        for (partition, assigned) in self.assigned.iter_mut().filter(|(_, a)| stuck(a)) {
            let (topic_partition, stop_at) = (partition.clone(), assigned.stop_at.unwrap_or(0));
            assigned.error = Some(match self.cluster.outage() {
                Some(tried) => ConsumeError::Unreachable { waited, tried },
                None => ConsumeError::Stalled { topic_partition, stop_at, waited },
            });
        }
        self.events.push_back(ConsumerEvent::Ready);
    }

    /// The end of a bounded read is not in the log any more.
    pub(super) fn lose_end(&mut self, partition: &TopicPartition) {
        let assignment = self.assigned.get_mut(partition).expect("it is assigned");
        assignment.error = Some(end_lost(assignment, partition));
        self.events.push_back(ConsumerEvent::Ready);
    }
}

fn lacks(topic: &Topic, partition: &TopicPartition) -> bool {
    usize::try_from(partition.partition.0).map_or(true, |index| index >= topic.partitions.len())
}

/// Takes note of the topic's identity; tells when a bounded read is of a topic that is no more.
fn remade(
    assignment: &mut Assignment,
    partition: &TopicPartition,
    topic: &Topic,
) -> Option<ConsumeError> {
    let id = topic.known_id()?;
    let is_other = assignment.doubts.topic_id.replace(id).is_some_and(|before| before != id);
    let is_open = assignment.stop_at.is_some() && !assignment.is_fetched_to_stop();
    (is_other && is_open).then(|| end_lost(assignment, partition))
}

fn missing(assignment: &Assignment, partition: &TopicPartition, topic: &Topic) -> ConsumeError {
    if topic.error.is_none() {
        let topic_partition = partition.clone();
        return ConsumeError::NoSuchPartition {
            topic_partition,
            partitions: topic.partitions.len(),
        };
    }
    if assignment.doubts.topic_id.is_some() && assignment.stop_at.is_some() {
        return end_lost(assignment, partition); // it was there when the read began
    }
    ConsumeError::NoSuchTopic { topic: partition.topic.clone() }
}

fn end_lost(assignment: &Assignment, partition: &TopicPartition) -> ConsumeError {
    let stop_at = assignment.stop_at.unwrap_or(0);
    ConsumeError::EndLost { topic_partition: partition.clone(), stop_at }
}
