//! Range: each topic by itself is cut into as many ranges as it has subscribers, the first ones
//! longer by one where it does not come out even.
//!
//! Where racks matter (KIP-881), everybody first gets what is kept near, up to the length of a
//! range, and the rest is cut as ever. Topics of as many partitions that the same members read are
//! cut alike all the same: there a member gets the partitions that are near in all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::TopicPartition;

use super::racks::Racks;
use super::{GroupPartitions, Owners, Subscriber, by_topic};

pub(super) fn assign(subscribers: &[&Subscriber], partitions: &GroupPartitions) -> Owners {
    let racks = Racks::new(subscribers, &partitions.racks);
    let topics = by_topic(subscribers, &partitions.counts).into_iter();
    let mut cuts: Vec<_> = topics
        .map(|(topic, subscribed)| Cut::new(topic, partitions.counts[topic], subscribed, &racks))
        .collect();
    if cuts.iter().any(|cut| cut.racks_matter) {
        cuts.sort_by(|a, b| a.shape().cmp(&b.shape()));
        for alike in cuts.chunk_by_mut(|a, b| a.shape() == b.shape()) {
            match alike {
                [cut] if cut.racks_matter => cut.give_near(),
                [_] => {}
                several => give_near_in_all(several),
            }
        }
    }
    cuts.iter_mut().for_each(Cut::give_the_rest);
    cuts.into_iter().flat_map(Cut::into_owners).collect()
}

/// One topic, as far as it is cut.
struct Cut<'a> {
    topic: &'a Arc<str>,
    subscribed: Vec<usize>,
    racks: &'a Racks<'a>,
    racks_matter: bool,
    /// By partition.
    racks_of: Vec<&'a BTreeSet<Arc<str>>>,
    /// By partition: the place of its owner among the subscribed.
    owners: Vec<Option<usize>>,
    /// By place: how many partitions it was given.
    given: Vec<usize>,
    /// How many partitions everybody gets.
    share: usize,
    /// How many may still get one more.
    longer: usize,
}

impl<'a> Cut<'a> {
    fn new(topic: &'a Arc<str>, count: i32, subscribed: Vec<usize>, racks: &'a Racks<'a>) -> Self {
        let racks_of: Vec<_> = (0..count)
            .map(|index| racks.of_partition(&TopicPartition::new(topic.clone(), index)))
            .collect();
        Self {
            racks_matter: racks.matter(subscribed.iter().copied(), racks_of.iter().copied()),
            owners: vec![None; racks_of.len()],
            given: vec![0; subscribed.len()],
            share: racks_of.len() / subscribed.len(),
            longer: racks_of.len() % subscribed.len(),
            topic,
            subscribed,
            racks,
            racks_of,
        }
    }

    /// Topics of one shape are cut alike.
    fn shape(&self) -> (&[usize], usize) {
        (&self.subscribed, self.owners.len())
    }

    /// Whether there is room for another partition at a place.
    fn has_room(&self, place: usize) -> bool {
        self.given[place] < self.share + usize::from(self.longer > 0)
    }

    fn is_near(&self, place: usize, partition: usize) -> bool {
        self.racks.is_near(self.subscribed[place], self.racks_of[partition])
    }

    fn give(&mut self, partition: usize, place: usize) {
        self.owners[partition] = Some(place);
        self.given[place] += 1;
        self.longer -= usize::from(self.given[place] > self.share);
    }

    fn give_near(&mut self) {
        for place in 0..self.subscribed.len() {
            for partition in 0..self.owners.len() {
                if !self.has_room(place) {
                    break;
                }
                if self.owners[partition].is_none() && self.is_near(place, partition) {
                    self.give(partition, place);
                }
            }
        }
    }

    fn give_the_rest(&mut self) {
        let mut place = 0;
        for partition in 0..self.owners.len() {
            if self.owners[partition].is_none() {
                // There are as many partitions as there is room, so the search ends.
                while !self.has_room(place) {
                    place += 1;
                }
                self.give(partition, place);
            }
        }
    }

    fn into_owners(self) -> impl Iterator<Item = (TopicPartition, usize)> {
        let (topic, subscribed) = (self.topic, self.subscribed);
        (0..).zip(self.owners).filter_map(move |(index, place)| {
            place.map(|place| (TopicPartition::new(topic.clone(), index), subscribed[place]))
        })
    }
}

/// Each partition to the first who has it near in all of the topics, and room.
fn give_near_in_all(cuts: &mut [Cut<'_>]) {
    let (mut places, count) = match cuts {
        [first, ..] => ((0..first.subscribed.len()).collect::<Vec<_>>(), first.owners.len()),
        [] => return,
    };
    for partition in 0..count {
        let fits = |place: usize| {
            cuts.iter().all(|cut| cut.is_near(place, partition) && cut.has_room(place))
        };
        if let Some(place) = places.iter().copied().find(|place| fits(*place)) {
            for cut in &mut *cuts {
                cut.give(partition, place);
            }
            places.retain(|place| cuts.iter().all(|cut| cut.has_room(*place)));
        }
    }
}
