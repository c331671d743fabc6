//! Reads the batches of a segment for the cleaner, about a buffer at a time.

use std::sync::Arc;

use base::Wait;
use records::RecordBatch;

use super::filter::FilterError;
use super::round::RoundError;
use crate::log::Log;
use crate::segment::Segment;
use crate::segment::scan::{ScanError, Scanner};

/// Where a reading has stopped, and whether it was asked to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped {
    pub(super) position: u32,
    pub(super) is_enough: bool,
}

/// Shows the batches from `position` on to `visit`, as many as `buffer_bytes` hold but one at
/// least, until it answers that it does not want more. A batch that is not as it was written is not
/// shown: to write it anew would make it look sound.
pub(super) fn read_batches(
    log: &Log,
    segment: &Arc<Segment>,
    position: u32,
    buffer_bytes: usize,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<bool, FilterError>,
) -> Result<Stopped, RoundError> {
    let damaged = |position: u32, reason: &dyn std::fmt::Display| RoundError::Damaged {
        segment: segment.base_offset(),
        position,
        reason: reason.to_string(),
    };
    let failed = |position: u32, error: ScanError| match error {
        ScanError::Io(error) => RoundError::Io(error),
        ScanError::Damaged(error) => damaged(position, &error),
    };
    let file = log.sealed_file(segment)?.ok_or(RoundError::Changed)?;
    let mut scanner = Scanner::new(&*file, position..segment.size(), Wait::Allowed)
        .with_chunk_bytes(buffer_bytes);
    loop {
        let at = scanner.position();
        if at > position && (at - position) as usize >= buffer_bytes {
            return Ok(Stopped { position: at, is_enough: false });
        }
        let Some(found) = scanner.next_header().map_err(|error| failed(at, error))? else {
            return Ok(Stopped { position: at, is_enough: false });
        };
        let batch = scanner.batch(&found).map_err(|error| failed(at, error))?;
        batch.verify_crc().map_err(|error| damaged(at, &error))?;
        if !visit(&batch).map_err(|error| damaged(at, &error))? {
            return Ok(Stopped { position: at, is_enough: true });
        }
    }
}
