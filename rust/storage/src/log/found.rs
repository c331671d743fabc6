//! What is found in a log's directory when it is opened, and what of it is a crash's leftover.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use base::Offset;

use super::{LogOpenError, LogOpening};
use crate::disk::{Entry, EntryKind};
use crate::segment::{FoundSegment, SEGMENT_BYTES_MAX, file_name};

/// The files of a log's directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: Vec<FoundSegment>,
    pub(super) snapshots: BTreeSet<Offset>,
}

impl Found {
    /// Sorts what is in the directory, and sweeps away what a crash has left over.
    pub(super) fn sort(opening: &LogOpening, entries: &[Entry]) -> Result<Self, LogOpenError> {
        let mut sizes = BTreeMap::new();
        let mut bases = BTreeSet::new();
        let mut snapshots = BTreeSet::new();
        for entry in entries {
            let EntryKind::File { bytes } = entry.kind else { continue };
            let leftover = [file_name::DELETED, file_name::TEMPORARY];
            if leftover.iter().any(|suffix| entry.name.ends_with(suffix)) {
                opening.disk.remove(&opening.path.join(&entry.name))?;
                continue;
            }
            match file_name::parse(&entry.name) {
                Some((base, file_name::LOG)) => drop(bases.insert(base)),
                Some((base, file_name::SNAPSHOT)) => drop(snapshots.insert(base)),
                _ => {}
            }
            sizes.insert(entry.name.as_str(), bytes);
        }
        let mut segments: Vec<FoundSegment> = Vec::new();
        for base_offset in bases {
            let size = |extension| {
                let path = file_name::path(&opening.path, base_offset, extension);
                sizes.get(path.file_name()?.to_str()?).copied()
            };
            let bytes = size(file_name::LOG).unwrap_or_default();
            if bytes > SEGMENT_BYTES_MAX {
                let file = file_name::path(&opening.path, base_offset, file_name::LOG);
                return Err(LogOpenError::SegmentTooLarge {
                    file: file.display().to_string(),
                    bytes,
                });
            }
            if let Some(previous) = segments.last_mut() {
                previous.next_offset = base_offset;
            }
            let (offsets, times) = (size(file_name::OFFSET_INDEX), size(file_name::TIME_INDEX));
            segments.push(FoundSegment {
                size: bytes as u32,
                offset_index_bytes: offsets.unwrap_or_default(),
                time_index_bytes: times.unwrap_or_default(),
                transaction_index_bytes: size(file_name::TRANSACTION_INDEX).unwrap_or_default(),
                indexes_are_whole: offsets.is_some_and(|bytes| bytes % 8 == 0)
                    && times.is_some_and(|bytes| bytes % 12 == 0),
                ..FoundSegment::new(base_offset)
            });
        }
        Self::sweep_orphans(opening, &sizes, &segments)?;
        Ok(Self { segments, snapshots })
    }

    /// An index whose segment is gone must not be taken for that of a later segment of its name.
    fn sweep_orphans(
        opening: &LogOpening,
        sizes: &BTreeMap<&str, u64>,
        segments: &[FoundSegment],
    ) -> io::Result<()> {
        for name in sizes.keys() {
            let of_index = file_name::parse(name)
                .filter(|(_, extension)| file_name::INDEXES.contains(extension));
            let Some((base, _)) = of_index else { continue };
            if segments.binary_search_by_key(&base, |segment| segment.base_offset).is_err() {
                opening.disk.remove(&opening.path.join(name))?;
            }
        }
        Ok(())
    }
}

/// The files in the log's directory; `None` if there is no directory.
pub(super) fn list(opening: &LogOpening) -> io::Result<Option<Vec<Entry>>> {
    match opening.disk.list(&opening.path) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
