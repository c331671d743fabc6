//! A frame that is being handed out record by record.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use base::TopicPartition;

use crate::message::{Message, places};

/// The rows of a frame that the program has not seen.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    frame: Option<Arc<RecordBatch>>,
    next_row: usize,
    /// The first row that [`Cursor::take_seen`] has not looked at.
    unseen_row: usize,
    /// Partitions whose rows are not wanted any more.
    skipped: Vec<TopicPartition>,
}

impl Cursor {
    pub(crate) fn new(frame: RecordBatch) -> Self {
        Self { frame: Some(Arc::new(frame)), ..Self::default() }
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Option<Message> {
        while let Some(message) = self.peek(self.next_row) {
            self.next_row += 1;
            if !self.is_skipped(&message) {
                return Some(message);
            }
        }
        None
    }

    /// The partitions that records were handed out of since this was last asked, and the offsets
    /// after these; but for those that are skipped by now.
    pub(crate) fn take_seen(&mut self) -> Vec<(TopicPartition, i64)> {
        let Some(frame) = &self.frame else { return Vec::new() };
        let rows = std::mem::replace(&mut self.unseen_row, self.next_row)..self.next_row;
        let place_of = places(frame);
        let (mut found, mut last_rows) = (Vec::new(), Vec::new());
        // Records of a partition come in runs: mostly, it is that of the row before.
        let mut run = None;
        for row in rows.rev() {
            let place = place_of(row);
            if run.replace(place) != Some(place) && !found.contains(&place) {
                found.push(place);
                last_rows.push(row);
            }
        }
        let messages = last_rows.into_iter().filter_map(|row| self.peek(row));
        let messages = messages.filter(|message| !self.is_skipped(message));
        messages.map(|message| (message.topic_partition(), message.offset_in_log() + 1)).collect()
    }

    /// The offset of the next record of a partition.
    pub(crate) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let mut rows = self.rows().filter(|message| message.is_of(partition));
        rows.next().map(|message| message.offset_in_log())
    }

    /// Hands out no more of a partition.
    pub(crate) fn skip(&mut self, partition: &TopicPartition) {
        if self.frame.is_some() {
            self.skipped.push(partition.clone());
        }
    }

    /// The offsets of the next records of all partitions.
    pub(crate) fn into_positions(self) -> BTreeMap<TopicPartition, i64> {
        let mut positions = BTreeMap::new();
        for message in self.rows() {
            positions.entry(message.topic_partition()).or_insert(message.offset_in_log());
        }
        positions
    }

    fn rows(&self) -> impl Iterator<Item = Message> {
        let rows = self.frame.as_ref().map_or(0, |frame| frame.num_rows());
        let rows = (self.next_row..rows).filter_map(|row| self.peek(row));
        rows.filter(|message| !self.is_skipped(message))
    }

    fn peek(&self, row: usize) -> Option<Message> {
        let frame = self.frame.as_ref().filter(|frame| row < frame.num_rows())?;
        Some(Message::view(Arc::clone(frame), row))
    }

    fn is_skipped(&self, message: &Message) -> bool {
        self.skipped.iter().any(|partition| message.is_of(partition))
    }
}
