//! A frame that is being handed out record by record.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use base::TopicPartition;

use crate::message::Message;

/// The rows of a frame that the program has not seen.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    frame: Option<RecordBatch>,
    next_row: usize,
    /// Partitions whose rows are not wanted any more.
    skipped: Vec<TopicPartition>,
}

impl Cursor {
    pub(crate) fn new(frame: RecordBatch) -> Self {
        Self { frame: Some(frame), next_row: 0, skipped: Vec::new() }
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Option<Message> {
        while let Some(message) = self.peek(self.next_row) {
            self.next_row += 1;
            if !self.is_skipped(&message) {
                return Some(message);
            }
        }
        *self = Self::default();
        None
    }

    /// Whether there is certainly no record in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.frame.is_none()
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
        let rows = self.frame.as_ref().map_or(0, RecordBatch::num_rows);
        let rows = (self.next_row..rows).filter_map(|row| self.peek(row));
        rows.filter(|message| !self.is_skipped(message))
    }

    fn peek(&self, row: usize) -> Option<Message> {
        let frame = self.frame.as_ref().filter(|frame| row < frame.num_rows())?;
        Some(Message::view(frame.clone(), row))
    }

    fn is_skipped(&self, message: &Message) -> bool {
        self.skipped.iter().any(|partition| message.is_of(partition))
    }
}
