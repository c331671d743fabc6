//! The aborted transactions whose markers lie in a segment, as Kafka writes them down. The file is
//! made with the first of them; all integers are big-endian:
//!
//! ```text
//! .txnindex   0         2             10             18            26                   34
//!             | version | producer id | first offset | last offset | last stable offset |
//!             | 0       |             |              | the marker  | when it was written |
//! ```
//!
//! The entries ascend by last offset, and their last stable offsets never go back: a search ends
//! with the first entry that was stable behind what is looked for.
//!
//! Unlike the other indexes this one is no hint. Below the recovery point it is durable; above it a
//! recovery makes it anew from the batches.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Offset, ProducerId, Wait};

use super::file::LazyFile;
use super::index::{Index, IndexEntry};
use super::{Segment, file_name};
use crate::producer_state::AbortedTransaction;

const VERSION: i16 = 0;

impl IndexEntry for AbortedTransaction {
    const BYTES: usize = 34;

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.producer_id.0.to_be_bytes());
        out.extend_from_slice(&self.first_offset.0.to_be_bytes());
        out.extend_from_slice(&self.last_offset.0.to_be_bytes());
        out.extend_from_slice(&self.last_stable_offset.0.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        let number = |start: usize| {
            let part = bytes.get(start..).and_then(<[u8]>::first_chunk);
            i64::from_be_bytes(*part.expect("an index reads whole entries"))
        };
        Self {
            producer_id: ProducerId(number(2)),
            first_offset: Offset(number(10)),
            last_offset: Offset(number(18)),
            last_stable_offset: Offset(number(26)),
        }
    }

    fn follows(self, previous: Self) -> bool {
        self.last_offset > previous.last_offset
            && self.last_stable_offset >= previous.last_stable_offset
    }
}

/// The file's entries, the latest ones also in memory.
#[derive(Debug)]
pub(crate) struct TransactionIndex {
    entries: Index<AbortedTransaction>,
    is_unsynced: AtomicBool,
    /// Whether a part of an entry lies behind the last whole one.
    is_torn: AtomicBool,
}

impl TransactionIndex {
    /// The index in a file of `bytes` bytes; none if there is no such file.
    pub(crate) fn new(file: LazyFile, bytes: u64) -> Self {
        let entries = Index::new(file, bytes as usize / AbortedTransaction::BYTES);
        let is_torn = AtomicBool::new(!Self::is_whole(bytes));
        Self { entries, is_unsynced: AtomicBool::new(false), is_torn }
    }

    /// Whether a file of so many bytes has only whole entries.
    pub(crate) fn is_whole(bytes: u64) -> bool {
        bytes.is_multiple_of(AbortedTransaction::BYTES as u64)
    }

    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Adds an entry, in memory.
    pub(crate) fn push(&self, aborted: AbortedTransaction) {
        self.is_unsynced.store(true, Ordering::Relaxed);
        self.entries.push(aborted);
    }

    /// Appends to `found` those that end at `from` or behind it and begin before `up_to`, and says
    /// whether none in a later segment does.
    pub(crate) fn collect(
        &self,
        from: Offset,
        up_to: Offset,
        wait: Wait,
        found: &mut Vec<AbortedTransaction>,
    ) -> io::Result<bool> {
        let mut number = self.entries.partition_point(|entry| entry.last_offset < from, wait)?;
        loop {
            let entries = self.entries.read_some(number, wait)?;
            if entries.is_empty() {
                return Ok(false);
            }
            number += entries.len();
            for entry in entries {
                if entry.first_offset < up_to {
                    found.push(entry);
                }
                if entry.last_stable_offset >= up_to {
                    return Ok(true);
                }
            }
        }
    }

    /// Keeps the entries whose markers lie before `end`, as far as they make sense for a segment
    /// that begins at `base_offset`.
    pub(crate) fn keep_before(&self, end: Offset, base_offset: Offset) -> io::Result<()> {
        let was_torn = self.is_torn.swap(false, Ordering::Relaxed);
        if self.is_empty() && !was_torn {
            return Ok(());
        }
        let before = self.entries.len();
        self.entries.keep_while(|entry| {
            let makes_sense = entry.first_offset < entry.last_offset
                && base_offset <= entry.last_offset
                && entry.last_stable_offset <= entry.last_offset.next();
            makes_sense && entry.last_offset < end
        })?;
        if was_torn {
            self.entries.cut_file()?;
        }
        if was_torn || self.entries.len() < before {
            self.is_unsynced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes the file, if it is not there.
    pub(crate) fn make_file(&self) -> io::Result<()> {
        self.is_unsynced.store(true, Ordering::Relaxed);
        self.entries.file().get().map(drop)
    }

    /// Writes the entries that are only in memory.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.entries.flush()
    }

    /// Makes the entries durable. Nothing is done if they are.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if !self.is_unsynced.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.entries.sync()
    }

    /// Writes what is only in memory, forgets it and closes the file.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.entries.close()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.entries.file().is_open()
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.entries.file().path()
    }

    pub(crate) fn rename(&self, to: &Path) -> io::Result<()> {
        self.entries.rename(to)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        self.entries.remove()
    }
}

impl Segment {
    /// Adds a transaction that was aborted by a marker in this segment.
    pub(crate) fn push_aborted(&self, aborted: AbortedTransaction) {
        self.transactions.push(aborted);
    }

    /// Whether a transaction was aborted by a marker in this segment.
    pub(crate) fn has_aborted(&self) -> bool {
        !self.transactions.is_empty()
    }

    /// Appends to `found` the aborted transactions with a marker here that end at `from` or behind
    /// it and begin before `up_to`, and says whether none with a later marker does.
    pub(crate) fn collect_aborted(
        &self,
        from: Offset,
        up_to: Offset,
        wait: Wait,
        found: &mut Vec<AbortedTransaction>,
    ) -> io::Result<bool> {
        self.transactions.collect(from, up_to, wait, found)
    }

    /// Forgets the aborted transactions whose markers are at `end` or behind it.
    pub(crate) fn keep_aborted_before(&self, end: Offset) -> io::Result<()> {
        self.transactions.keep_before(end, self.base_offset)
    }

    /// Makes the aborted transactions durable.
    pub(crate) fn sync_aborted(&self) -> io::Result<()> {
        self.transactions.sync()
    }

    /// Sees to it that there is a file of aborted transactions, be it an empty one: it takes the
    /// place of those of the segments that this one replaces.
    pub(crate) fn make_transaction_index(&self) -> io::Result<()> {
        self.transactions.make_file()
    }

    /// Gives the file of aborted transactions the name that it has in `directory`, with `suffix`
    /// behind it.
    pub(super) fn rename_transaction_index(
        &self,
        directory: &Path,
        suffix: &str,
    ) -> io::Result<()> {
        let path = file_name::path(directory, self.base_offset, file_name::TRANSACTION_INDEX);
        self.transactions.rename(&file_name::with_suffix(&path, suffix))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::{Disk, MemoryDisk, Open};

    const PATH: &str = "/d/00000000000000000000.txnindex";

    fn disk() -> Arc<dyn Disk> {
        let disk = MemoryDisk::new(1 << 20);
        disk.create_dir_all(Path::new("/d")).unwrap();
        Arc::new(disk)
    }

    fn index(disk: &Arc<dyn Disk>, bytes: u64) -> TransactionIndex {
        TransactionIndex::new(LazyFile::new(Arc::clone(disk), PATH.into()), bytes)
    }

    fn aborted(first: i64, last: i64, last_stable: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id: ProducerId(7),
            first_offset: Offset(first),
            last_offset: Offset(last),
            last_stable_offset: Offset(last_stable),
        }
    }

    fn collect(index: &TransactionIndex, from: i64, up_to: i64) -> (Vec<i64>, bool) {
        let mut found = Vec::new();
        let complete =
            index.collect(Offset(from), Offset(up_to), Wait::Allowed, &mut found).unwrap();
        (found.iter().map(|aborted| aborted.last_offset.0).collect(), complete)
    }

    #[test]
    fn an_entry_lies_as_kafka_lays_it_out() {
        let mut bytes = Vec::new();
        let entry = AbortedTransaction {
            producer_id: ProducerId(0x0102),
            first_offset: Offset(0x11),
            last_offset: Offset(0x22),
            last_stable_offset: Offset(0x33),
        };
        entry.encode(&mut bytes);
        let expected = [
            &[0, 0][..],                  // version
            &[0, 0, 0, 0, 0, 0, 1, 2],    // producer id
            &[0, 0, 0, 0, 0, 0, 0, 0x11], // first offset
            &[0, 0, 0, 0, 0, 0, 0, 0x22], // last offset
            &[0, 0, 0, 0, 0, 0, 0, 0x33], // last stable offset
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(AbortedTransaction::decode(&bytes), entry);
    }

    #[test]
    fn the_transactions_of_a_range_are_found_in_memory_and_in_the_file() {
        let disk = disk();
        let index = index(&disk, 0);
        assert!(disk.list(Path::new("/d")).unwrap().is_empty(), "no file without an entry");
        // Each begins before the one before it has ended.
        for n in 0..2_000 {
            index.push(aborted(10 * n, 10 * n + 15, 10 * n + 10));
            if n % 300 == 0 {
                index.flush().unwrap();
            }
        }
        let check = |index: &TransactionIndex| {
            for (from, up_to) in [(0, 5), (0, 10), (12, 60), (9_000, 9_100), (19_990, 30_000)] {
                let expected: Vec<i64> = (0..2_000)
                    .map(|n| (10 * n, 10 * n + 15))
                    .filter(|&(first, last)| last >= from && first < up_to)
                    .map(|(_, last)| last)
                    .collect();
                let (found, complete) = collect(index, from, up_to);
                assert_eq!(found, expected, "{from}..{up_to}");
                assert_eq!(complete, up_to <= 20_000);
            }
        };
        check(&index);
        index.close().unwrap();
        check(&index);
    }

    #[test]
    fn what_lies_behind_an_offset_or_makes_no_sense_goes() {
        let disk = disk();
        let first = index(&disk, 0);
        for entry in [aborted(0, 5, 6), aborted(6, 9, 10), aborted(10, 20, 21)] {
            first.push(entry);
        }
        first.sync().unwrap();
        let size = || disk.open(Path::new(PATH), Open::Existing).unwrap().len().unwrap();
        assert_eq!(size(), 3 * 34);
        let again = index(&disk, size());
        again.keep_before(Offset(20), Offset(0)).unwrap();
        assert_eq!(collect(&again, 0, 100).0, [5, 9]);
        again.sync().unwrap();
        assert_eq!(size(), 2 * 34);
        // A crash has left a part of an entry, or zeros in its place.
        let file = disk.open(Path::new(PATH), Open::Existing).unwrap();
        file.write_at(2 * 34, &[&[0; 40]]).unwrap();
        let torn = index(&disk, size());
        torn.keep_before(Offset(100), Offset(0)).unwrap();
        assert_eq!((collect(&torn, 0, 100).0, size()), (vec![5, 9], 2 * 34));
        let zeros = index(&disk, 0);
        file.write_at(0, &[&[0; 68]]).unwrap();
        assert!(zeros.is_empty());
        let zeros = index(&disk, size());
        zeros.keep_before(Offset(100), Offset(0)).unwrap();
        assert!(zeros.is_empty() && size() == 0);
    }
}
