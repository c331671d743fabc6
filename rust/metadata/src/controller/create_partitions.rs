//! Adds partitions to topics that exist.

use base::{ErrorCode, NodeId, PartitionIndex, Rng};

use super::decision::{Answers, Decision, Records, Rejection, repeated};
use super::manual_assignment::check_manual_assignment;
use super::placement::{new_partition, place};
use crate::image::{MetadataImage, PartitionImage, TopicImage};

/// Topics that shall have more partitions.
#[derive(Clone, Debug)]
pub struct CreatePartitions {
    /// The topics.
    pub topics: Vec<NewPartitions>,
    /// Whether only to say what would happen.
    pub validate_only: bool,
}

/// A topic that shall have more partitions.
#[derive(Clone, Debug)]
pub struct NewPartitions {
    /// The topic.
    pub name: String,
    /// How many partitions it shall have then.
    pub count: i32,
    /// The brokers of each new partition, if the request names them.
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

impl CreatePartitions {
    /// Decides on `image`; the reply has one answer for each name. A request that would cause too
    /// many records is refused whole.
    pub fn decide(
        &self,
        image: &MetadataImage,
        rng: &mut dyn Rng,
    ) -> Result<Decision<Answers<String, ()>>, Rejection> {
        let repeated = repeated(self.topics.iter().map(|topic| &topic.name));
        let mut records = Records::default();
        let mut answers = Answers::new();
        for request in &self.topics {
            let answer = if repeated.contains(&request.name) {
                Err(Rejection::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else {
                request.create(image, rng, &mut records)
            };
            answers.insert(request.name.clone(), answer);
        }
        records.decide(self.validate_only, answers)
    }
}

impl NewPartitions {
    fn create(
        &self,
        image: &MetadataImage,
        rng: &mut dyn Rng,
        records: &mut Records,
    ) -> Result<(), Rejection> {
        let (topic, additional) = self.additional(image)?;
        records.check_room(additional)?;
        let partitions = self.partitions(topic, additional, image, rng)?;
        let numbered = partitions.into_iter().zip(topic.partition_count()..);
        let record = |(partition, index): (PartitionImage, usize)| {
            partition.to_record(topic.id, PartitionIndex(index as i32)).into()
        };
        records.extend(numbered.map(record).collect())
    }

    /// The topic, and how many partitions it lacks.
    fn additional<'a>(
        &self,
        image: &'a MetadataImage,
    ) -> Result<(&'a TopicImage, usize), Rejection> {
        let topic = image.topic_by_name(&self.name).ok_or_else(Rejection::unknown_topic)?;
        let present = topic.partition_count();
        let wanted = usize::try_from(self.count).unwrap_or(0);
        let invalid = |message| Err(Rejection::new(ErrorCode::InvalidPartitions, message));
        if wanted == present {
            return invalid(format!("Topic already has {present} partition(s)."));
        }
        if wanted < present {
            return invalid(format!(
                "The topic {} currently has {present} partition(s); {} would not be an increase.",
                self.name, self.count
            ));
        }
        Ok((topic, wanted - present))
    }

    fn partitions(
        &self,
        topic: &TopicImage,
        additional: usize,
        image: &MetadataImage,
        rng: &mut dyn Rng,
    ) -> Result<Vec<PartitionImage>, Rejection> {
        let replication_factor = topic.replication_factor();
        let none_active = "All brokers are currently fenced or in controlled shutdown.";
        let Some(assignments) = &self.assignments else {
            let unable = || {
                let message = format!(
                    "Unable to replicate the partition {replication_factor} time(s): {none_active}"
                );
                Rejection::new(ErrorCode::InvalidReplicationFactor, message)
            };
            let placed = place(image, additional, replication_factor, rng)?;
            return placed.iter().map(|r| new_partition(image, r).ok_or_else(unable)).collect();
        };
        if assignments.len() != additional {
            let message = format!(
                "Attempted to add {additional} additional partition(s), but only {} \
                assignment(s) were specified.",
                assignments.len()
            );
            return Err(Rejection::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        let assigned = assignments.iter().enumerate().map(|(index, replicas)| {
            check_manual_assignment(image, replicas, Some(replication_factor))?;
            new_partition(image, replicas).ok_or_else(|| {
                let partition = topic.partition_count() + index;
                let message = format!(
                    "All brokers specified in the manual partition assignment for partition \
                    {partition} are fenced or in \
                     controlled shutdown."
                );
                Rejection::new(ErrorCode::InvalidReplicaAssignment, message)
            })
        });
        assigned.collect()
    }
}
