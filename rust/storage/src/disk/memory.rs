//! Files in memory, up to a named number of bytes: what topics of durability `memory` lie on, and
//! most tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Wait;
use parking_lot::{Mutex, RwLock};

use super::{Disk, DiskFile, DiskLock, DiskSpace, Entry, EntryKind, LockError, Open};

/// A file's bytes lie in pieces of this size, so that a growing file is never copied.
const CHUNK_BYTES: usize = 64 * 1024;

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

struct Shared {
    tree: Mutex<Tree>,
    room: Arc<Room>,
}

#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<MemoryFile>>,
    directories: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
}

/// The bytes in use, and how many there may be.
#[derive(Debug)]
struct Room {
    bytes_max: u64,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct MemoryFile {
    content: RwLock<Content>,
    room: Arc<Room>,
}

/// All chunks but the last are full.
#[derive(Default)]
struct Content {
    chunks: Vec<Vec<u8>>,
}

struct MemoryLock {
    shared: Arc<Shared>,
    path: PathBuf,
}

impl MemoryDisk {
    /// An empty disk that holds at most `bytes_max` bytes of file content.
    pub fn new(bytes_max: u64) -> Self {
        let room = Arc::new(Room { bytes_max, bytes: AtomicU64::new(0) });
        Self { shared: Arc::new(Shared { tree: Mutex::default(), room }) }
    }

    /// The bytes of file content in use.
    pub fn used_bytes(&self) -> u64 {
        self.shared.room.bytes.load(Ordering::Relaxed)
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut tree = self.shared.tree.lock();
        if let Some(file) = tree.files.get(path) {
            if open == Open::Truncate {
                file.truncate(0)?;
            }
            return Ok(Arc::<MemoryFile>::clone(file));
        }
        if open == Open::Existing {
            return Err(missing(path));
        }
        tree.require_parent(path)?;
        let file = Arc::new(MemoryFile {
            content: RwLock::default(),
            room: Arc::clone(&self.shared.room),
        });
        tree.files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.shared.tree.lock();
        tree.require_parent(to)?;
        if let Some(file) = tree.files.remove(from) {
            tree.files.insert(to.to_owned(), file);
            return Ok(());
        }
        if !tree.directories.contains(from) {
            return Err(missing(from));
        }
        if tree.directories.contains(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        tree.move_directory(from, to);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.shared.tree.lock().files.remove(path).map(drop).ok_or_else(|| missing(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.shared.tree.lock();
        if !tree.entries(path).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if tree.directories.remove(path) { Ok(()) } else { Err(missing(path)) }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let tree = self.shared.tree.lock();
        if !tree.directories.contains(directory) {
            return Err(missing(directory));
        }
        Ok(tree.entries(directory))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.shared.tree.lock();
        for directory in path.ancestors().filter(|directory| !directory.as_os_str().is_empty()) {
            tree.directories.insert(directory.to_owned());
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.shared.tree.lock().directories.contains(path) { Ok(()) } else { Err(missing(path)) }
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        if !self.shared.tree.lock().locks.insert(path.to_owned()) {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        Ok(Box::new(MemoryLock { shared: Arc::clone(&self.shared), path: path.to_owned() }))
    }

    fn space(&self, _path: &Path) -> io::Result<DiskSpace> {
        let total_bytes = self.shared.room.bytes_max;
        let free_bytes = total_bytes.saturating_sub(self.used_bytes());
        Ok(DiskSpace { total_bytes, free_bytes })
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").field("room", &self.shared.room).finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLock").field("path", &self.path).finish_non_exhaustive()
    }
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.shared.tree.lock().locks.remove(&self.path);
    }
}

impl Tree {
    fn require_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.directories.contains(parent) => Ok(()),
            _ => Err(missing(path)),
        }
    }

    fn entries(&self, directory: &Path) -> Vec<Entry> {
        let name = |path: &Path| {
            let inside = path.parent() == Some(directory);
            inside.then(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        };
        let files = self.files.iter().filter_map(|(path, file)| {
            let bytes = file.content.read().len();
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

    fn move_directory(&mut self, from: &Path, to: &Path) {
        let renamed = |path: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
        let directories = std::mem::take(&mut self.directories);
        self.directories =
            directories.into_iter().map(|path| renamed(&path).unwrap_or(path)).collect();
        let files = std::mem::take(&mut self.files);
        self.files =
            files.into_iter().map(|(path, file)| (renamed(&path).unwrap_or(path), file)).collect();
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, position: u64, buffer: &mut [u8], _wait: Wait) -> io::Result<usize> {
        Ok(self.content.read().read_at(position, buffer))
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut content = self.content.write();
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let end = position + bytes as u64;
        self.room.take(end.saturating_sub(content.len()))?;
        content.grow_to(end);
        let mut at = position;
        for part in parts {
            content.write_at(at, part);
            at += part.len() as u64;
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.content.read().len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut content = self.content.write();
        let before = content.len();
        self.room.take(len.saturating_sub(before))?;
        content.grow_to(len);
        content.cut_to(len);
        self.room.give_back(before.saturating_sub(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn preallocate(&self, _position: u64, bytes: u64) -> io::Result<()> {
        if bytes == 0 { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.room.give_back(self.content.get_mut().len());
    }
}

impl Room {
    fn take(&self, bytes: u64) -> io::Result<()> {
        let take = |used: u64| used.checked_add(bytes).filter(|&used| used <= self.bytes_max);
        match self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(used) => Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "the memory disk holds {used} of at most {} bytes, no room for {bytes} more",
                    self.bytes_max
                ),
            )),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Not the bytes: they may be gigabytes.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl Content {
    fn len(&self) -> u64 {
        match self.chunks.split_last() {
            Some((last, full)) => (full.len() * CHUNK_BYTES + last.len()) as u64,
            None => 0,
        }
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> usize {
        let mut read = 0;
        while read < buffer.len() {
            let at = position + read as u64;
            let chunk = self.chunks.get((at / CHUNK_BYTES as u64) as usize);
            let rest = chunk.and_then(|chunk| chunk.get((at % CHUNK_BYTES as u64) as usize..));
            let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { break };
            let bytes = rest.len().min(buffer.len() - read);
            buffer[read..read + bytes].copy_from_slice(&rest[..bytes]);
            read += bytes;
        }
        read
    }

    /// Overwrites bytes that are there.
    fn write_at(&mut self, position: u64, bytes: &[u8]) {
        let mut written = 0;
        while written < bytes.len() {
            let at = position + written as u64;
            let chunk = &mut self.chunks[(at / CHUNK_BYTES as u64) as usize];
            let room = &mut chunk[(at % CHUNK_BYTES as u64) as usize..];
            let length = room.len().min(bytes.len() - written);
            room[..length].copy_from_slice(&bytes[written..written + length]);
            written += length;
        }
    }

    fn grow_to(&mut self, len: u64) {
        while self.len() < len {
            if self.chunks.last().is_none_or(|last| last.len() == CHUNK_BYTES) {
                self.chunks.push(Vec::new());
            }
            let missing = (len - self.len()) as usize;
            let last = self.chunks.last_mut().expect("a chunk was pushed if there was none");
            last.resize((last.len() + missing).min(CHUNK_BYTES), 0);
        }
    }

    fn cut_to(&mut self, len: u64) {
        self.chunks.truncate(len.div_ceil(CHUNK_BYTES as u64) as usize);
        let before_last = self.chunks.len().saturating_sub(1) * CHUNK_BYTES;
        if let Some(last) = self.chunks.last_mut() {
            last.truncate((len - before_last as u64) as usize);
        }
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {}", path.display()))
}
