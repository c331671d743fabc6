//! What lies between the client and the program: fetched and not given out, or given out and not
//! yet done with.

use std::collections::{BTreeMap, VecDeque};

use base::{Offset, TopicPartition};
use client::{Fetched, Given};
use frames::{FetchedPartition, FrameBuilder};

use crate::cursor::Cursor;
use crate::error::Error;
use crate::message::Message;

/// Where the program goes on after a frame, and in which assignment that was read.
pub(super) type NextOffsets = BTreeMap<TopicPartition, (i64, u64)>;

/// What has left the client.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// With the assignment that it was read in.
    backlog: VecDeque<(FetchedPartition, u64)>,
    pub(super) cursor: Cursor,
    /// The offsets after what the program has and has not come back for, but for what the cursor
    /// knows of; only a group asks for them.
    given: Vec<Given>,
}

impl Between {
    pub(super) fn take(&mut self, fetched: Vec<Fetched>) {
        for Fetched { topic_partition, batches, bytes, start, end, tenure, .. } in fetched {
            let TopicPartition { topic, partition } = topic_partition;
            self.backlog.extend(batches.into_iter().map(|batch| {
                let records = batch.bytes().clone();
                let fetched =
                    FetchedPartition::new(topic.clone(), partition, &bytes, records, Offset(start))
                        .up_to(Offset(end))
                        // The client has checked them, if it is to.
                        .with_check_crcs(false);
                (fetched, tenure)
            }));
        }
    }

    /// Moves rows into the frame until it is full.
    pub(super) fn drain_into(
        &mut self,
        builder: &mut FrameBuilder,
        next_offsets: &mut NextOffsets,
    ) -> Result<(), Error> {
        while let Some((fetched, tenure)) = self.backlog.front_mut() {
            let appended = builder.append(fetched);
            let partition = TopicPartition::new(fetched.topic().clone(), fetched.partition().0);
            next_offsets.insert(partition, (fetched.next_offset().0, *tenure));
            appended?;
            if builder.is_full() && fetched.remaining_bytes() > 0 {
                break;
            }
            self.backlog.pop_front();
        }
        Ok(())
    }

    pub(super) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let backlog = self.backlog.iter().find(|(fetched, _)| is_of(fetched, partition));
        let backlog = backlog.map(|(fetched, _)| fetched.next_offset().0);
        self.cursor.position(partition).or(backlog)
    }

    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.settle();
        self.backlog.retain(|(fetched, _)| !is_of(fetched, partition));
        self.cursor.skip(partition);
    }

    /// A partition was given up or lost: nothing is to be committed for it either.
    pub(super) fn give_up(&mut self, partition: &TopicPartition) {
        self.forget(partition);
        self.given.retain(|(given, _)| given != partition);
    }

    /// The program gets a batch.
    pub(super) fn give_all(&mut self, next_offsets: &NextOffsets) {
        for (partition, (offset, _)) in next_offsets {
            self.give(partition.clone(), *offset);
        }
    }

    /// The program gets the next record of those that were fetched together.
    pub(super) fn next_message(&mut self) -> Option<Message> {
        let message = self.cursor.next();
        if message.is_none() {
            self.settle();
            self.cursor = Cursor::default();
        }
        message
    }

    /// The program has done with what it was given.
    pub(super) fn take_given(&mut self) -> Vec<Given> {
        self.settle();
        std::mem::take(&mut self.given)
    }

    /// Notes what the cursor has handed out: not for every record, which costs as much as the
    /// record itself.
    fn settle(&mut self) {
        for (partition, next_offset) in self.cursor.take_seen() {
            self.give(partition, next_offset);
        }
    }

    fn give(&mut self, partition: TopicPartition, next_offset: i64) {
        self.given.retain(|(given, _)| *given != partition);
        self.given.push((partition, next_offset));
    }
}

fn is_of(fetched: &FetchedPartition, partition: &TopicPartition) -> bool {
    *fetched.topic() == partition.topic && fetched.partition() == partition.partition
}
