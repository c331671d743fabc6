//! Reading a journal back: which groups are whole, which of them recovery needs, and whether one of
//! these is missing.
//!
//! Each group was durable before the next was written. So the groups in the files form one dense
//! sequence; what follows its end is a write that was under way when the power went, and a group
//! *beyond* the end that is whole means that the disk has lost something in between which was
//! acknowledged: that is refused, never skipped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Uuid;
use bytes::Bytes;

use super::entry::EntryHeader;
use super::group::{GROUP_HEADER_BYTES, Group, GroupHeader};
use super::ring::{Place, Slot};
use super::store::JournalError;
use super::{BLOCK_BYTES, FILE_BYTES_MAX};
use crate::disk::{Disk, DiskFile, EntryKind, Open};

/// An entry that was journalled before the last stop.
#[derive(Clone, Debug)]
pub struct RecoveredEntry {
    /// The group that it was in.
    pub sequence: u64,
    /// What happened.
    pub header: EntryHeader,
    /// An append's batch, header and body.
    pub bytes: Bytes,
}

/// What was found in the journal's files.
#[derive(Debug)]
pub struct Recovery {
    ring_id: Uuid,
    files: Vec<FoundFile>,
    replay_from: u64,
    next_sequence: u64,
}

#[derive(Debug)]
struct FoundFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    slot: Slot,
    /// The first block that holds no group, known for the newest file alone.
    end_block: usize,
}

/// The ring as found, and the open files of its slots.
pub(super) type FoundRing = (Vec<(Slot, Arc<dyn DiskFile>)>, Option<Place>);

impl Recovery {
    /// Reads the files in `directory`, which need not be there.
    pub(super) fn open(
        disk: &dyn Disk,
        directory: &Path,
        ring_id: Uuid,
    ) -> Result<Self, JournalError> {
        let files = list(disk, directory)?
            .into_iter()
            .map(|(number, path)| FoundFile::open(disk, number, path, ring_id))
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = Self { ring_id, files, replay_from: 1, next_sequence: 1 };
        found.files.sort_by_key(|file| file.slot.groups);
        found.find_end()?;
        found.close_ranges();
        found.refuse_groups_beyond_the_end()?;
        Ok(found)
    }

    /// Visits the entries that the segments may lack, in the order in which they were journalled.
    pub fn for_each<E: From<JournalError>>(
        &self,
        mut visit: impl FnMut(RecoveredEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut expected = self.replay_from;
        for found in &self.files {
            let Some((first, last)) = found.slot.groups.filter(|(_, last)| *last >= expected)
            else {
                continue;
            };
            if first > expected {
                return Err(found.missing(expected, first).into());
            }
            let groups = groups_of(&found.read()?, self.ring_id, first);
            for group in groups.iter().filter(|group| group.header.sequence >= expected) {
                let sequence = group.header.sequence;
                let entries = group.entries().ok_or_else(|| found.unreadable(sequence))?;
                for (header, bytes) in entries {
                    visit(RecoveredEntry { sequence, header, bytes })?;
                }
            }
            let read_to = first + groups.len() as u64;
            if read_to <= last {
                return Err(found.missing(read_to, last + 1).into());
            }
            expected = last + 1;
        }
        Ok(())
    }

    /// The sequence of the next group.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The first sequence that recovery needs.
    pub(super) fn replay_from(&self) -> u64 {
        self.replay_from
    }

    /// The ring, for the journal to go on with.
    pub(super) fn ring(&self) -> FoundRing {
        let slots = self.files.iter().map(|found| (found.slot, found.file.clone())).collect();
        let newest = self.files.iter().rposition(|found| found.slot.groups.is_some());
        let current = newest.map(|slot| Place { slot, block: self.files[slot].end_block });
        (slots, current)
    }

    /// Finds the newest file whose first group is whole, and the last group in it.
    fn find_end(&mut self) -> Result<(), JournalError> {
        for index in (0..self.files.len()).rev() {
            let found = &mut self.files[index];
            let Some((first, _)) = found.slot.groups else { break };
            let groups = groups_of(&found.read()?, self.ring_id, first);
            let Some(last) = groups.last() else {
                // The write of its first group was under way.
                found.slot.groups = None;
                continue;
            };
            // A killed process may have left the last group in the page cache only. If the next one
            // went into another file, a power cut could take the one and leave the other.
            found.file.sync_data().map_err(|error| found.failed("sync", error))?;
            found.slot.groups = Some((first, last.header.sequence));
            found.end_block = groups.iter().map(Group::blocks).sum();
            self.next_sequence = last.header.sequence + 1;
            self.replay_from = last.header.replay_from;
            break;
        }
        self.files.sort_by_key(|file| file.slot.groups);
        Ok(())
    }

    /// A file ends where the next begins.
    fn close_ranges(&mut self) {
        let mut next_first = None;
        for found in self.files.iter_mut().rev() {
            if let Some((first, last)) = &mut found.slot.groups {
                if let Some(next_first) = next_first {
                    *last = next_first - 1;
                }
                next_first = Some(*first);
            }
        }
    }

    /// Looks where a group that must not be there could be: behind the end, and in files that do
    /// not start with a group.
    fn refuse_groups_beyond_the_end(&self) -> Result<(), JournalError> {
        let newest = self.files.iter().rposition(|found| found.slot.groups.is_some());
        for (index, found) in self.files.iter().enumerate() {
            if found.slot.groups.is_some() && Some(index) != newest {
                continue;
            }
            let bytes = found.read()?;
            let groups = (found.end_block..found.slot.blocks)
                .filter_map(|block| group_at(&bytes, block, self.ring_id));
            // The write that was under way has the next sequence; a later one needs it to have been
            // durable.
            if let Some(beyond) = groups
                .map(|group| group.header.sequence)
                .find(|&sequence| sequence > self.next_sequence)
            {
                return Err(found.missing(self.next_sequence, beyond));
            }
        }
        Ok(())
    }
}

impl FoundFile {
    fn open(
        disk: &dyn Disk,
        number: u32,
        path: PathBuf,
        ring_id: Uuid,
    ) -> Result<Self, JournalError> {
        let io = |operation, error| JournalError::io(operation, &path, error);
        let file = disk.open(&path, Open::Existing).map_err(|error| io("open", error))?;
        let len = file.len().map_err(|error| io("read", error))?;
        if len > FILE_BYTES_MAX {
            return Err(JournalError::TooLarge { path, len });
        }
        let blocks = len as usize / BLOCK_BYTES;
        let mut found =
            Self { slot: Slot { number, blocks, groups: None }, path, file, end_block: 0 };
        if let Some(header) = found.first_header()? {
            if header.ring_id == ring_id {
                found.slot.groups = Some((header.sequence, header.sequence));
            } else if group_at(&found.read()?, 0, header.ring_id).is_some() {
                return Err(JournalError::Foreign { path: found.path, ring_id: header.ring_id });
            }
        }
        Ok(found)
    }

    fn first_header(&self) -> Result<Option<GroupHeader>, JournalError> {
        if self.slot.blocks == 0 {
            return Ok(None);
        }
        let mut bytes = [0; GROUP_HEADER_BYTES];
        self.file.read_exact_at(0, &mut bytes).map_err(|error| self.failed("read", error))?;
        Ok(GroupHeader::decode(&bytes))
    }

    fn read(&self) -> Result<Bytes, JournalError> {
        let mut bytes = vec![0; self.slot.blocks * BLOCK_BYTES];
        self.file.read_exact_at(0, &mut bytes).map_err(|error| self.failed("read", error))?;
        Ok(Bytes::from(bytes))
    }

    fn failed(&self, operation: &'static str, error: std::io::Error) -> JournalError {
        JournalError::io(operation, &self.path, error)
    }

    fn missing(&self, sequence: u64, found: u64) -> JournalError {
        JournalError::Missing { path: self.path.clone(), sequence, found }
    }

    fn unreadable(&self, sequence: u64) -> JournalError {
        JournalError::Unreadable { path: self.path.clone(), sequence }
    }
}

/// The journal's files by number.
fn list(disk: &dyn Disk, directory: &Path) -> Result<Vec<(u32, PathBuf)>, JournalError> {
    let entries = match disk.list(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::io("list", directory, error)),
    };
    let files = entries.into_iter().filter_map(|entry| {
        let number = entry.name.strip_suffix(".journal")?.parse().ok()?;
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        (is_file && number < u32::MAX).then(|| (number, directory.join(&entry.name)))
    });
    Ok(files.collect())
}

/// The whole groups from the file's start on whose sequence is dense from `first`.
fn groups_of(bytes: &Bytes, ring_id: Uuid, first: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut block = 0;
    while let Some(group) = group_at(bytes, block, ring_id)
        .filter(|group| group.header.sequence == first + groups.len() as u64)
    {
        block += group.blocks();
        groups.push(group);
    }
    groups
}

fn group_at(bytes: &Bytes, block: usize, ring_id: Uuid) -> Option<Group> {
    let start = block * BLOCK_BYTES;
    if start >= bytes.len() {
        return None;
    }
    let header = GroupHeader::decode(bytes.get(start..)?)?;
    (header.ring_id == ring_id).then(|| Group::decode(&bytes.slice(start..))).flatten()
}
