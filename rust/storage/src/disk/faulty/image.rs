//! What a disk holds, and what one operation changes about it: applied to the running image at
//! once, to the durable one when it is synced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::{Entry, EntryKind, SECTOR_BYTES};

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode(pub(super) u64);

/// Names and contents at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) names: BTreeMap<PathBuf, Inode>,
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) contents: BTreeMap<Inode, Vec<u8>>,
}

/// What one operation does to an image.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        inode: Inode,
        position: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        inode: Inode,
        len: u64,
    },
    Create {
        inode: Inode,
    },
    MakeDirectory,
    /// Of the file `inode`, or of a directory.
    Rename {
        to: PathBuf,
        inode: Option<Inode>,
    },
    Remove,
    RemoveDirectory,
}

impl Change {
    pub(super) fn sectors(&self) -> usize {
        match self {
            Self::Write { position, bytes, .. } => {
                let lead = (*position % SECTOR_BYTES as u64) as usize;
                (lead + bytes.len()).div_ceil(SECTOR_BYTES)
            }
            _ => 0,
        }
    }

    /// The part of a write that lies in its first sectors.
    pub(super) fn torn(&self, sectors: usize) -> Self {
        let mut torn = self.clone();
        if let Self::Write { position, bytes, .. } = &mut torn {
            let lead = (*position % SECTOR_BYTES as u64) as usize;
            bytes.truncate((sectors * SECTOR_BYTES).saturating_sub(lead));
        }
        torn
    }
}

impl Image {
    pub(super) fn apply(&mut self, path: &Path, change: &Change) {
        match change {
            Change::Write { inode, position, bytes } => {
                let content = self.contents.entry(*inode).or_default();
                let start = *position as usize;
                let end = start + bytes.len();
                if !bytes.is_empty() && content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(room) = content.get_mut(start..end) {
                    room.copy_from_slice(bytes);
                }
            }
            Change::Truncate { inode, len } => {
                self.contents.entry(*inode).or_default().resize(*len as usize, 0);
            }
            Change::Create { inode } => {
                self.contents.entry(*inode).or_default();
                self.names.insert(path.to_owned(), *inode);
            }
            Change::MakeDirectory => {
                self.directories.insert(path.to_owned());
            }
            // The new name leads to the file even if its old one never reached the disk.
            Change::Rename { to, inode: Some(inode) } => {
                if self.names.get(path) == Some(inode) {
                    self.names.remove(path);
                }
                self.names.insert(to.to_owned(), *inode);
            }
            Change::Rename { to, inode: None } => self.rename_directory(path, to),
            Change::Remove => {
                self.names.remove(path);
            }
            Change::RemoveDirectory => {
                self.directories.remove(path);
            }
        }
    }

    fn rename_directory(&mut self, from: &Path, to: &Path) {
        if !self.directories.contains(from) {
            return;
        }
        let renamed = |path: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
        self.directories = std::mem::take(&mut self.directories)
            .into_iter()
            .map(|path| renamed(&path).unwrap_or(path))
            .collect();
        self.names = std::mem::take(&mut self.names)
            .into_iter()
            .map(|(path, inode)| (renamed(&path).unwrap_or(path), inode))
            .collect();
    }

    pub(super) fn entries(&self, directory: &Path) -> Vec<Entry> {
        let name = |path: &Path| {
            let inside = path.parent() == Some(directory);
            inside.then(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        };
        let files = self.names.iter().filter_map(|(path, inode)| {
            let bytes = self.contents.get(inode).map_or(0, |content| content.len() as u64);
            Some(Entry { name: name(path)?, kind: EntryKind::File { bytes } })
        });
        let directories = self
            .directories
            .iter()
            .filter_map(|path| Some(Entry { name: name(path)?, kind: EntryKind::Directory }));
        let mut entries: Vec<Entry> = files.chain(directories).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let bytes = |inode| self.contents.get(inode).map_or(0, |content| content.len() as u64);
        self.names.values().map(bytes).sum()
    }

    /// Drops names whose directory was lost, and the content of files that no name leads to.
    pub(super) fn forget_unreachable(&mut self) {
        loop {
            let lost: Vec<PathBuf> = self
                .directories
                .iter()
                .filter(|path| path.parent().is_some_and(|parent| !self.has_directory(parent)))
                .cloned()
                .collect();
            if lost.is_empty() {
                break;
            }
            for path in &lost {
                self.directories.remove(path);
            }
        }
        let directories = &self.directories;
        self.names
            .retain(|path, _| path.parent().is_some_and(|parent| directories.contains(parent)));
        let reachable: BTreeSet<Inode> = self.names.values().copied().collect();
        self.contents.retain(|inode, _| reachable.contains(inode));
    }

    fn has_directory(&self, path: &Path) -> bool {
        path.as_os_str().is_empty() || self.directories.contains(path)
    }
}
