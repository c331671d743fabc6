//! Completes the swaps of cleaned segments that a crash has interrupted, before anything else of a
//! log is looked at.
//!
//! A file `.log.swap` was whole and durable before anything that it replaces was touched, and the
//! last batch of the segments that it replaces is its own last batch: so it tells by itself which
//! segments those are. Whatever is `.cleaned` replaces nothing yet.

use std::io;
use std::path::{Path, PathBuf};

use base::{Offset, Wait};

use super::LogOpening;
use super::found::list;
use crate::disk::{Entry, Open};
use crate::segment::scan::Scanner;
use crate::segment::{SEGMENT_BYTES_MAX, file_name, ignore_missing};

/// The files of a log without a swap: those that are there, or what it has become of them.
pub(super) fn finish_swaps(
    opening: &LogOpening,
    entries: Option<Vec<Entry>>,
) -> io::Result<Option<Vec<Entry>>> {
    let names = |suffix: &str| -> Vec<String> {
        let all = entries.iter().flatten().map(|entry| entry.name.as_str());
        all.filter_map(|name| name.strip_suffix(suffix)).map(str::to_owned).collect()
    };
    let (cleaned, swaps) = (names(file_name::CLEANED), names(file_name::SWAP));
    if cleaned.is_empty() && swaps.is_empty() {
        return Ok(entries);
    }
    let path = |name: &str, suffix: &str| opening.path.join(format!("{name}{suffix}"));
    for name in &cleaned {
        opening.disk.remove(&path(name, file_name::CLEANED))?;
    }
    let live = names("");
    let bases = |names: &[String], extension: &str| -> Vec<Offset> {
        let parsed = names.iter().filter_map(|name| file_name::parse(name));
        parsed.filter(|(_, of)| *of == extension).map(|(base, _)| base).collect()
    };
    for base in bases(&swaps, file_name::LOG) {
        finish_swap(opening, base, &live)?;
    }
    // Indexes whose log did not become a swap.
    for name in &swaps {
        ignore_missing(opening.disk.remove(&path(name, file_name::SWAP)))?;
    }
    opening.disk.sync_dir(&opening.path)?;
    list(opening)
}

/// Puts one segment in its place. Whatever a crash leaves of this is done again.
fn finish_swap(opening: &LogOpening, base: Offset, live: &[String]) -> io::Result<()> {
    let swap = Swap { opening, base };
    let end = swap.end()?;
    tracing::info!(
        partition = %opening.topic_partition,
        segment = %base, %end,
        "the swap of a cleaned segment is completed"
    );
    for name in live {
        let Some((old, extension)) = file_name::parse(name) else { continue };
        let is_log = extension == file_name::LOG;
        let is_index = file_name::INDEXES.contains(&extension);
        // The old log of the same name is overwritten last. That of the transactions may be the new
        // one by now; else it is overwritten too.
        let is_hint = is_index && extension != file_name::TRANSACTION_INDEX;
        if is_hint && old == base || (is_log || is_index) && base < old && old < end {
            opening.disk.remove(&opening.path.join(name))?;
        }
    }
    for extension in file_name::INDEXES {
        ignore_missing(opening.disk.rename(&swap.file(extension), &swap.place(extension)))?;
    }
    opening.disk.sync_dir(&opening.path)?;
    opening.disk.rename(&swap.file(file_name::LOG), &swap.place(file_name::LOG))?;
    opening.disk.sync_dir(&opening.path)
}

struct Swap<'a> {
    opening: &'a LogOpening,
    base: Offset,
}

impl Swap<'_> {
    fn place(&self, extension: &str) -> PathBuf {
        file_name::path(&self.opening.path, self.base, extension)
    }

    fn file(&self, extension: &str) -> PathBuf {
        file_name::with_suffix(&self.place(extension), file_name::SWAP)
    }

    /// The offset that follows its last batch.
    fn end(&self) -> io::Result<Offset> {
        let path = self.file(file_name::LOG);
        let file = self.opening.disk.open(&path, Open::Existing)?;
        let bytes = u32::try_from(file.len()?.min(SEGMENT_BYTES_MAX)).unwrap_or_default();
        let mut scanner = Scanner::new(&*file, 0..bytes, Wait::Allowed);
        let mut end = self.base;
        while let Some(batch) = scanner.next_header().map_err(|error| damaged(&path, error))? {
            end = batch.header.next_offset();
        }
        Ok(end)
    }
}

fn damaged(path: &Path, error: impl Into<io::Error>) -> io::Error {
    let message = format!("the cleaned segment {} is damaged: {}", path.display(), error.into());
    io::Error::new(io::ErrorKind::InvalidData, message)
}
