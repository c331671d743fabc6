//! A sparse index of a segment: entries of a fixed size in a file, in ascending order, the latest
//! ones also in memory.
//!
//! An index is a hint: it says from where to search, never what is there. So its file is written
//! late and synced only with a sealed segment; what a crash takes away is indexed anew, and an
//! entry that points nowhere costs a longer search.

use std::io;
use std::path::Path;

use base::Wait;
use parking_lot::RwLock;

use super::file::LazyFile;

/// So many entries stay in memory when they have been written: the readers of a log's end need no
/// other.
const TAIL_ENTRIES_KEPT: usize = 256;

/// No entry is longer.
const ENTRY_BYTES_MAX: usize = 34;

/// So many entries are read from the file at once.
const ENTRIES_READ_MAX: usize = 128;

/// One entry.
pub(crate) trait IndexEntry: Copy + std::fmt::Debug + PartialEq + Send + Sync {
    /// Its length in the file.
    const BYTES: usize;

    fn encode(self, out: &mut Vec<u8>);

    /// Reads `BYTES` bytes.
    fn decode(bytes: &[u8]) -> Self;

    /// Whether it may come after `previous`.
    fn follows(self, previous: Self) -> bool;
}

#[derive(Debug)]
pub(crate) struct Index<E> {
    file: LazyFile,
    state: RwLock<State<E>>,
}

/// The file holds the entries `0..written`, memory the entries `tail_start..tail_start +
/// tail.len()`, and `tail_start <= written`.
#[derive(Debug)]
struct State<E> {
    written: usize,
    tail_start: usize,
    tail: Vec<E>,
}

impl<E: IndexEntry> Index<E> {
    /// An index whose file holds `entries` entries.
    pub(crate) fn new(file: LazyFile, entries: usize) -> Self {
        let state = State { written: entries, tail_start: entries, tail: Vec::new() };
        Self { file, state: RwLock::new(state) }
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.state.read().len()
    }

    /// The length of all entries.
    pub(crate) fn size_in_bytes(&self) -> u64 {
        (self.len() * E::BYTES) as u64
    }

    /// Adds an entry, in memory: an append must not fail for want of a hint.
    pub(crate) fn push(&self, entry: E) {
        self.state.write().tail.push(entry);
    }

    /// The last entry.
    pub(crate) fn last(&self) -> io::Result<Option<E>> {
        let (tail, entries) = {
            let state = self.state.read();
            (state.tail.last().copied(), state.len())
        };
        match (tail, entries.checked_sub(1)) {
            (None, Some(last)) => self.read_entry(last, Wait::Allowed).map(Some),
            (tail, _) => Ok(tail),
        }
    }

    /// The last entry for which `before` holds; it must hold for all entries up to some place and
    /// for none after it. No lock is held while the file is read.
    pub(crate) fn floor(&self, before: impl Fn(&E) -> bool, wait: Wait) -> io::Result<Option<E>> {
        let mut high = {
            let state = self.state.read();
            if state.tail.first().is_some_and(&before) {
                let after = state.tail.partition_point(&before);
                return Ok(Some(state.tail[after - 1]));
            }
            state.tail_start
        };
        let mut low = 0;
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.read_entry(middle, wait)?;
            if before(&entry) {
                found = Some(entry);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    /// How many entries there are at the start for which `before` holds, as in [`Self::floor`].
    pub(crate) fn partition_point(
        &self,
        before: impl Fn(&E) -> bool,
        wait: Wait,
    ) -> io::Result<usize> {
        let mut high = {
            let state = self.state.read();
            if state.tail.first().is_some_and(&before) {
                return Ok(state.tail_start + state.tail.partition_point(&before));
            }
            state.tail_start
        };
        let mut low = 0;
        while low < high {
            let middle = low + (high - low) / 2;
            if before(&self.read_entry(middle, wait)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Some of the entries from that with this number on; none if there is none.
    pub(crate) fn read_some(&self, number: usize, wait: Wait) -> io::Result<Vec<E>> {
        let count = {
            let state = self.state.read();
            if number >= state.tail_start {
                let tail = state.tail.get(number - state.tail_start..).unwrap_or_default();
                return Ok(tail.to_vec());
            }
            (state.tail_start - number).min(ENTRIES_READ_MAX)
        };
        let mut bytes = vec![0; count * E::BYTES];
        self.read_at(number, &mut bytes, wait)?;
        Ok(bytes.chunks_exact(E::BYTES).map(E::decode).collect())
    }

    /// Keeps the entries at the start for which `keep` holds, as long as they ascend. Reads the
    /// whole file.
    pub(crate) fn keep_while(&self, keep: impl Fn(&E) -> bool) -> io::Result<()> {
        let mut state = self.state.write();
        state.flush(&self.file)?;
        let entries = state.read_all(&self.file)?;
        let mut previous: Option<E> = None;
        let kept = entries.iter().take_while(|&&entry| {
            let ascends = previous.is_none_or(|previous| entry.follows(previous));
            previous = Some(entry);
            ascends && keep(&entry)
        });
        let kept = kept.count();
        if kept < state.written {
            self.file.get()?.truncate((kept * E::BYTES) as u64)?;
        }
        let tail_start = kept.saturating_sub(TAIL_ENTRIES_KEPT);
        let tail = entries[tail_start..kept].to_vec();
        *state = State { written: kept, tail_start, tail };
        Ok(())
    }

    /// Writes what is only in memory.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.state.write().flush(&self.file)
    }

    /// Writes what is only in memory and makes the file durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.flush()?;
        self.file.get()?.sync_data()
    }

    /// Writes what is only in memory, forgets it and closes the file.
    pub(crate) fn close(&self) -> io::Result<()> {
        let mut state = self.state.write();
        state.flush(&self.file)?;
        let written = state.written;
        *state = State { written, tail_start: written, tail: Vec::new() };
        self.file.close();
        Ok(())
    }

    /// Makes the file, empty, so that a tool finds it.
    pub(crate) fn create(&self) -> io::Result<()> {
        self.file.get()?.truncate(0)
    }

    pub(crate) fn rename(&self, to: &Path) -> io::Result<()> {
        self.file.rename(to)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        self.file.remove()
    }

    pub(crate) fn file(&self) -> &LazyFile {
        &self.file
    }

    /// Takes off the file what lies behind the last entry.
    pub(crate) fn cut_file(&self) -> io::Result<()> {
        let state = self.state.read();
        self.file.get()?.truncate((state.written * E::BYTES) as u64)
    }

    /// An entry that is in the file.
    fn read_entry(&self, number: usize, wait: Wait) -> io::Result<E> {
        let mut bytes = [0; ENTRY_BYTES_MAX];
        self.read_at(number, &mut bytes[..E::BYTES], wait)?;
        Ok(E::decode(&bytes[..E::BYTES]))
    }

    /// Fills `bytes` with the entries from that with this number on, which are in the file.
    fn read_at(&self, number: usize, bytes: &mut [u8], wait: Wait) -> io::Result<()> {
        let file = self.file.get()?;
        let mut filled = 0;
        while filled < bytes.len() {
            let position = (number * E::BYTES + filled) as u64;
            match file.read_at(position, &mut bytes[filled..], wait)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        Ok(())
    }
}

impl<E: IndexEntry> State<E> {
    fn len(&self) -> usize {
        self.tail_start + self.tail.len()
    }

    fn flush(&mut self, file: &LazyFile) -> io::Result<()> {
        let unwritten = &self.tail[self.written - self.tail_start..];
        if unwritten.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(unwritten.len() * E::BYTES);
        for entry in unwritten {
            entry.encode(&mut bytes);
        }
        file.get()?.write_at((self.written * E::BYTES) as u64, &[&bytes])?;
        self.written = self.len();
        if self.tail.len() > 2 * TAIL_ENTRIES_KEPT {
            let forgotten = self.tail.len() - TAIL_ENTRIES_KEPT;
            self.tail.drain(..forgotten);
            self.tail_start += forgotten;
        }
        Ok(())
    }

    fn read_all(&self, file: &LazyFile) -> io::Result<Vec<E>> {
        if self.written == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; self.written * E::BYTES];
        file.get()?.read_exact_at(0, &mut bytes)?;
        Ok(bytes.chunks_exact(E::BYTES).map(E::decode).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::entries::OffsetEntry;
    use super::*;
    use crate::disk::{Disk, MemoryDisk};

    fn index(disk: &Arc<dyn Disk>, entries: usize) -> Index<OffsetEntry> {
        let file = LazyFile::new(Arc::clone(disk), "/d/index".into());
        Index::new(file, entries)
    }

    fn disk() -> Arc<dyn Disk> {
        let disk = MemoryDisk::new(1 << 20);
        disk.create_dir_all(Path::new("/d")).unwrap();
        Arc::new(disk)
    }

    fn entry(n: u32) -> OffsetEntry {
        OffsetEntry { relative_offset: 3 * n, position: 100 * n }
    }

    fn floor(index: &Index<OffsetEntry>, offset: u32) -> Option<u32> {
        let found = index.floor(|entry| entry.relative_offset <= offset, Wait::Allowed).unwrap();
        found.map(|entry| entry.position / 100)
    }

    #[test]
    fn an_entry_is_found_in_memory_and_in_the_file() {
        let disk = disk();
        let index = index(&disk, 0);
        assert_eq!((floor(&index, 9), index.last().unwrap()), (None, None));
        for n in 1..=2000 {
            index.push(entry(n));
            if n % 300 == 0 {
                index.flush().unwrap();
            }
        }
        assert!(index.state.read().tail.len() < 1000, "most are only in the file");
        let check = |index: &Index<OffsetEntry>| {
            for offset in 0..6010 {
                let expected = (offset >= 3).then_some((offset / 3).min(2000));
                assert_eq!(floor(index, offset), expected, "{offset}");
            }
            assert_eq!((index.len(), index.last().unwrap()), (2000, Some(entry(2000))));
        };
        check(&index);
        index.close().unwrap();
        assert!(index.state.read().tail.is_empty());
        check(&index);
        index.push(entry(2001));
        assert_eq!((floor(&index, 6003), floor(&index, 6002)), (Some(2001), Some(2000)));
        assert_eq!(floor(&index, 5), Some(1));
    }

    #[test]
    fn only_ascending_entries_from_the_start_are_kept() {
        let disk = disk();
        let index = index(&disk, 0);
        for n in [1, 2, 3, 3, 4] {
            index.push(entry(n));
        }
        index.keep_while(|entry| entry.position <= 400).unwrap();
        assert_eq!((index.len(), index.last().unwrap()), (3, Some(entry(3))));
        assert_eq!(index.file.get().unwrap().len().unwrap(), 24);
        index.keep_while(|entry| entry.position < 200).unwrap();
        assert_eq!((index.len(), floor(&index, 100)), (1, Some(1)));
        index.keep_while(|_| false).unwrap();
        assert_eq!((index.len(), index.last().unwrap()), (0, None));
        index.create().unwrap();
        index.sync().unwrap();
    }
}
