//! How a reader finds its way in a segment: the last batches from memory, others by the index and a
//! short walk.

use std::io;

use base::{LeaderEpoch, Offset, Wait};
use records::{BatchHeader, ControlRecord};

use super::scan::{ScanError, ScannedBatch, Scanner};
use super::{MaxTimestamp, Segment};

/// A record that was looked for by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: i64,
    /// The epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
}

impl Segment {
    /// Where the batch begins that holds the record at `offset`, or the one that follows if it was
    /// compacted away; the segment's end if the record is not there yet.
    pub(crate) fn position_of(&self, offset: Offset, wait: Wait) -> io::Result<u32> {
        let (size, next_offset) = self.published();
        if offset >= next_offset {
            return Ok(size);
        }
        if let Some(position) = self.recent_position_of(offset) {
            return Ok(position);
        }
        let relative = self.relative(offset);
        let hint = self.offsets.floor(|entry| entry.relative_offset <= relative, wait)?;
        let hint = hint.map_or(0, |entry| entry.position);
        let found = self.walk(hint, size, wait, |batch| batch.header.last_offset() >= offset)?;
        Ok(found.map_or(size, |batch| batch.position))
    }

    /// The last place not after `limit` where a batch ends, if it lies behind `start`, where a
    /// batch begins; else where that batch ends if `one` is asked for at least, else `start`.
    pub(crate) fn end_before(
        &self,
        start: u32,
        limit: u32,
        one: bool,
        wait: Wait,
    ) -> io::Result<u32> {
        let size = self.size();
        if limit >= size {
            return Ok(size);
        }
        if let Some(position) = self.recent_position_before(limit)
            && position > start
        {
            return Ok(position);
        }
        let hint = self.offsets.floor(|entry| entry.position <= limit, wait)?;
        let hint = hint.map_or(start, |entry| entry.position.max(start));
        let over = self.walk(hint, size, wait, |batch| batch.end() > limit)?;
        Ok(match over {
            Some(batch) if batch.position == start && one => batch.end(),
            Some(batch) => batch.position,
            None => size,
        })
    }

    /// The first record from `from` on whose timestamp is not below `timestamp`.
    pub(crate) fn find_by_timestamp(
        &self,
        timestamp: i64,
        from: Offset,
    ) -> io::Result<Option<FoundRecord>> {
        let from = from.max(self.base_offset());
        let before = self.times.floor(|entry| entry.timestamp < timestamp, Wait::Allowed)?;
        let after = before.map_or(from, |entry| {
            from.max(self.base_offset() + i64::from(entry.relative_offset) + 1)
        });
        let start = self.position_of(after, Wait::Allowed)?;
        self.find_record(start, |header, offset, at| {
            header.max_timestamp >= timestamp
                && offset.is_none_or(|offset| offset >= from)
                && at.is_none_or(|at| at >= timestamp)
        })
    }

    /// The first record that has the segment's highest timestamp.
    pub(crate) fn find_max_timestamp(&self, max: MaxTimestamp) -> io::Result<Option<FoundRecord>> {
        let start = self.position_of(max.offset, Wait::Allowed)?;
        self.find_record(start, |header, _, at| {
            header.max_timestamp >= max.timestamp && at.is_none_or(|at| at >= max.timestamp)
        })
    }

    /// The first record for which `matches` holds; it is asked for each batch, without an offset
    /// and a timestamp, before its records are looked at.
    fn find_record(
        &self,
        start: u32,
        matches: impl Fn(&BatchHeader, Option<Offset>, Option<i64>) -> bool,
    ) -> io::Result<Option<FoundRecord>> {
        let file = self.file()?;
        let mut scanner = Scanner::new(&*file, start..self.size(), Wait::Allowed);
        while let Some(found) = scanner.next_header()? {
            if !matches(&found.header, None, None) {
                continue;
            }
            let records = scanner.batch(&found)?.records().map_err(ScanError::from)?;
            for record in &records {
                let record = record.map_err(ScanError::from)?;
                if matches(&found.header, Some(record.offset), Some(record.timestamp)) {
                    return Ok(Some(FoundRecord {
                        offset: record.offset,
                        timestamp: record.timestamp,
                        leader_epoch: found.header.partition_leader_epoch,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Shows each batch header from the one that holds `from` on to `visit`.
    pub(crate) fn visit_headers(
        &self,
        from: Offset,
        visit: &mut dyn FnMut(&BatchHeader),
    ) -> io::Result<()> {
        self.visit(from, &mut |_, found| {
            visit(&found.header);
            Ok(())
        })
    }

    /// The same, with what each control batch of a producer says.
    pub(crate) fn visit_batches(
        &self,
        from: Offset,
        visit: &mut dyn FnMut(&BatchHeader, Option<&ControlRecord>),
    ) -> io::Result<()> {
        self.visit(from, &mut |scanner, found| {
            let header = &found.header;
            let ends_transaction = header.attributes.is_control() && header.has_producer_id();
            let control = if ends_transaction {
                let batch = scanner.batch(found)?;
                let record = batch.control_record();
                record.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            } else {
                None
            };
            visit(header, control.as_ref());
            Ok(())
        })
    }

    fn visit(
        &self,
        from: Offset,
        visit: &mut dyn FnMut(&mut Scanner<'_>, &ScannedBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = self.position_of(from, Wait::Allowed)?;
        let file = self.file()?;
        let mut scanner = Scanner::new(&*file, start..self.size(), Wait::Allowed);
        while let Some(batch) = scanner.next_header()? {
            visit(&mut scanner, &batch)?;
        }
        Ok(())
    }

    /// An offset that lies above all batches before `position`, where a batch begins or the segment
    /// ends, and not far above.
    pub(crate) fn offset_above(&self, position: u32, wait: Wait) -> io::Result<Offset> {
        {
            let published = self.published.lock();
            if position >= published.size {
                return Ok(published.next_offset);
            }
            let recent = &published.recent;
            if recent.front().is_some_and(|first| first.position <= position) {
                let next = recent.partition_point(|batch| batch.position < position);
                return Ok(recent.get(next).map_or(published.next_offset, |it| it.base_offset));
            }
        }
        let next = self.offsets.partition_point(|entry| entry.position < position, wait)?;
        let entry = self.offsets.read_some(next, wait)?.first().copied();
        // It tells the last offset of a batch that lies at the position or behind it.
        Ok(entry.map_or(self.next_offset(), |entry| {
            self.base_offset() + i64::from(entry.relative_offset)
        }))
    }

    /// The position of the first of the recent batches that does not end before `offset`, if they
    /// go back that far.
    fn recent_position_of(&self, offset: Offset) -> Option<u32> {
        let published = self.published.lock();
        published.recent.front().filter(|first| first.base_offset <= offset)?;
        let index = published.recent.partition_point(|batch| batch.last_offset < offset);
        published.recent.get(index).map(|batch| batch.position)
    }

    /// The position of the last of the recent batches that does not begin behind `limit`.
    fn recent_position_before(&self, limit: u32) -> Option<u32> {
        let published = self.published.lock();
        let after = published.recent.partition_point(|batch| batch.position <= limit);
        after.checked_sub(1).and_then(|index| published.recent.get(index)).map(|it| it.position)
    }

    /// The first batch from `hint` on for which `wanted` holds. A hint that leads nowhere costs a
    /// walk from the start.
    fn walk(
        &self,
        hint: u32,
        end: u32,
        wait: Wait,
        wanted: impl Fn(&ScannedBatch) -> bool,
    ) -> io::Result<Option<ScannedBatch>> {
        match self.walk_from(hint, end, wait, &wanted) {
            Err(ScanError::Damaged(_)) if hint > 0 => Ok(self.walk_from(0, end, wait, &wanted)?),
            found => Ok(found?),
        }
    }

    fn walk_from(
        &self,
        start: u32,
        end: u32,
        wait: Wait,
        wanted: impl Fn(&ScannedBatch) -> bool,
    ) -> Result<Option<ScannedBatch>, ScanError> {
        let file = self.file()?;
        let mut scanner = Scanner::new(&*file, start..end, wait);
        while let Some(batch) = scanner.next_header()? {
            if wanted(&batch) {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}
