//! Which segments become one: neighbours that fit into a segment together, as Kafka groups them.

use base::Offset;

/// The size of a segment that is to be cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentSize {
    pub(crate) base_offset: Offset,
    pub(crate) next_offset: Offset,
    pub(crate) bytes: u64,
    pub(crate) offset_index_bytes: u64,
    pub(crate) time_index_bytes: u64,
}

/// How many of the first segments become one; at least one, unless there is none.
pub(crate) fn first_group(segments: &[SegmentSize], segment_bytes: u64, index_bytes: u64) -> usize {
    let Some((first, rest)) = segments.split_first() else { return 0 };
    let mut sum = *first;
    let fits = |next: &&SegmentSize| {
        sum.bytes += next.bytes;
        sum.offset_index_bytes += next.offset_index_bytes;
        sum.time_index_bytes += next.time_index_bytes;
        sum.bytes <= segment_bytes
            && sum.offset_index_bytes <= index_bytes
            && sum.time_index_bytes <= index_bytes
            && next.next_offset - sum.base_offset <= i64::from(i32::MAX)
    };
    1 + rest.iter().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(sizes: &[(i64, u64, u64)]) -> Vec<SegmentSize> {
        let mut base = 0;
        let segments = sizes.iter().map(|&(records, bytes, index_bytes)| {
            let base_offset = Offset(base);
            base += records;
            SegmentSize {
                base_offset,
                next_offset: Offset(base),
                bytes,
                offset_index_bytes: index_bytes,
                time_index_bytes: index_bytes / 2,
            }
        });
        segments.collect()
    }

    #[test]
    fn neighbours_become_one_while_they_fit() {
        assert_eq!(first_group(&[], 100, 100), 0);
        let sizes = segments(&[(10, 40, 8), (10, 40, 8), (10, 20, 8), (10, 1, 8)]);
        assert_eq!(first_group(&sizes, 100, 100), 3);
        assert_eq!(first_group(&sizes, 99, 100), 2);
        assert_eq!(first_group(&sizes, 10, 100), 1, "one that is too large is cleaned alone");
        assert_eq!(first_group(&sizes, 1000, 16), 2);
    }

    #[test]
    fn no_segment_spans_more_offsets_than_its_index_can_tell() {
        let wide = i64::from(i32::MAX);
        let sizes = segments(&[(wide - 10, 1, 8), (10, 1, 8), (1, 1, 8)]);
        assert_eq!(first_group(&sizes, 100, 100), 2);
    }
}
