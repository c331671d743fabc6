//! The buffers that a frame's views point into, and the rule that a frame pins no more than twice
//! what it shows: a buffer of which less than half is in view is copied.

use arrow_buffer::Buffer;
use bytes::Bytes;

use crate::view;

/// How many times the bytes in view a buffer may be long.
const PINNED_RATIO_MAX: usize = 2;

/// The buffers of a frame, numbered as its views number them.
#[derive(Debug, Default)]
pub(crate) struct PinnedBuffers {
    buffers: Vec<PinnedBuffer>,
}

#[derive(Debug)]
struct PinnedBuffer {
    bytes: Bytes,
    referenced_bytes: usize,
}

impl PinnedBuffers {
    /// The number of the buffer that `bytes` are, which is the same for the same bytes.
    pub(crate) fn add(&mut self, bytes: &Bytes) -> u32 {
        // A response is met again with its next batch, or with its next partition: look at the last
        // first.
        let same = |pinned: &PinnedBuffer| {
            pinned.bytes.as_ptr() == bytes.as_ptr() && pinned.bytes.len() == bytes.len()
        };
        let number = self.buffers.iter().rposition(same).unwrap_or_else(|| {
            self.buffers.push(PinnedBuffer { bytes: bytes.clone(), referenced_bytes: 0 });
            self.buffers.len() - 1
        });
        number as u32
    }

    /// Notes that views point to so many more bytes of a buffer.
    pub(crate) fn reference(&mut self, number: u32, bytes: usize) {
        self.buffers[number as usize].referenced_bytes += bytes;
    }

    /// The buffers, those that would pin too much copied; the views into them are moved along.
    pub(crate) fn finish(self, columns: &mut [&mut Vec<u128>]) -> Vec<Buffer> {
        let mut copies: Vec<Option<Vec<u8>>> =
            self.buffers.iter().map(PinnedBuffer::copy_if_mostly_unseen).collect();
        if copies.iter().any(Option::is_some) {
            for view in columns.iter_mut().flat_map(|column| column.iter_mut()) {
                self.move_to_copy(view, &mut copies);
            }
        }
        let buffers = self.buffers.into_iter().zip(copies);
        buffers
            .map(|(pinned, copy)| copy.map_or_else(|| pinned.bytes.into(), Buffer::from))
            .collect()
    }

    fn move_to_copy(&self, view: &mut u128, copies: &mut [Option<Vec<u8>>]) {
        let Some(place) = view::place(*view) else { return };
        let Some(copy) = &mut copies[place.buffer] else { return };
        // A copy is at most half as long as the buffer, whose offsets fit.
        let offset = copy.len() as u32;
        let bytes = &self.buffers[place.buffer].bytes;
        copy.extend_from_slice(&bytes[place.offset..place.offset + place.length]);
        *view = view::at_offset(*view, offset);
    }
}

impl PinnedBuffer {
    fn copy_if_mostly_unseen(&self) -> Option<Vec<u8>> {
        let mostly_unseen = self.bytes.len() > PINNED_RATIO_MAX * self.referenced_bytes;
        mostly_unseen.then(|| Vec::with_capacity(self.referenced_bytes))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::make_view;

    use super::*;

    #[test]
    fn the_same_bytes_are_one_buffer() {
        let (first, second) = (Bytes::from(vec![1; 50]), Bytes::from(vec![2; 50]));
        let mut buffers = PinnedBuffers::default();
        assert_eq!(buffers.add(&first), 0);
        assert_eq!(buffers.add(&second), 1);
        assert_eq!(buffers.add(&first.clone()), 0);
        assert_eq!(buffers.add(&first.slice(..49)), 2);
    }

    #[test]
    fn a_buffer_half_in_view_is_kept_and_one_less_in_view_is_copied() {
        let bytes = Bytes::from((0..100).collect::<Vec<u8>>());
        for (length, kept) in [(50, true), (49, false), (0, false)] {
            let mut buffers = PinnedBuffers::default();
            let number = buffers.add(&bytes);
            let offset = 100 - length;
            let mut views = vec![0, make_view(&bytes[offset..], number, offset as u32)];
            buffers.reference(number, length);
            let finished = buffers.finish(&mut [&mut views]);
            assert_eq!(finished[0].as_ptr() == bytes.as_ptr(), kept);
            if !kept {
                assert_eq!(finished[0].as_slice(), &bytes[offset..]);
                assert_eq!(views, [0, make_view(&bytes[offset..], number, 0)]);
            }
        }
    }

    #[test]
    fn views_of_several_columns_move_into_one_copy() {
        let bytes = Bytes::from((0..200).collect::<Vec<u8>>());
        let mut buffers = PinnedBuffers::default();
        let number = buffers.add(&bytes);
        let mut keys = vec![make_view(&bytes[10..30], number, 10)];
        let mut values = vec![make_view(&bytes[100..120], number, 100)];
        buffers.reference(number, 40);
        let finished = buffers.finish(&mut [&mut keys, &mut values]);
        assert_eq!(keys, [make_view(&bytes[10..30], number, 0)]);
        assert_eq!(values, [make_view(&bytes[100..120], number, 20)]);
        assert_eq!(finished[0].as_slice(), [&bytes[10..30], &bytes[100..120]].concat());
    }
}
