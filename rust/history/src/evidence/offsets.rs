//! Groups' committed offsets as registers: which fetch has found which commit, and which could not
//! have found what it did.

use std::collections::{BTreeMap, HashMap};

use crate::ledger::{End, Ledger, Moment, NEVER, OffsetCommit, OffsetFetch, Outcome};

/// What fetches tell of commits.
#[derive(Debug, Default)]
pub(crate) struct OffsetFindings {
    pub(crate) stale: Vec<Stale>,
    pub(crate) stray: Vec<Stray>,
    /// Commits that a fetch has found, and that nobody else can have made, with the moment.
    pub(crate) seen: BTreeMap<usize, Moment>,
}

/// A fetch that found something older than `commit`.
#[derive(Debug)]
pub(crate) struct Stale {
    pub(crate) fetch: usize,
    pub(crate) partition: usize,
    pub(crate) found: Option<i64>,
    pub(crate) commit: usize,
    pub(crate) committed: i64,
}

/// A fetch that found what nobody can have committed.
#[derive(Debug)]
pub(crate) struct Stray {
    pub(crate) fetch: usize,
    pub(crate) partition: usize,
    pub(crate) found: i64,
    /// A commit that has failed, or whose transaction was aborted.
    pub(crate) undone: Option<usize>,
}

/// A commit of one offset: it took effect between `from` and `until`, if it did.
#[derive(Clone, Copy, Debug)]
struct Write {
    commit: usize,
    offset: i64,
    from: Moment,
    until: Moment,
    is_certain: bool,
    is_possible: bool,
}

/// A group's offset in one partition.
#[derive(Debug, Default)]
struct Register {
    writes: Vec<Write>,
    /// The certain ones by the end of their time; each is the last to start so far.
    certain: Vec<(Moment, Write)>,
    by_offset: HashMap<i64, Vec<Write>>,
}

impl OffsetFindings {
    pub(crate) fn gather(ledger: &Ledger) -> Self {
        let mut registers: BTreeMap<(usize, usize), Register> = BTreeMap::new();
        for (number, commit) in ledger.commits.iter().enumerate() {
            for &(partition, offset) in &commit.offsets {
                let register = registers.entry((commit.group, partition)).or_default();
                register.writes.push(write(ledger, number, commit, offset));
            }
        }
        registers.values_mut().for_each(Register::index);
        let mut findings = Self::default();
        let nothing = Register::default();
        for (number, fetch) in ledger.fetches.iter().enumerate() {
            for &(partition, found) in &fetch.offsets {
                let register = registers.get(&(fetch.group, partition)).unwrap_or(&nothing);
                findings.judge(number, fetch, partition, found, register);
            }
        }
        findings
    }

    fn judge(
        &mut self,
        number: usize,
        fetch: &OffsetFetch,
        partition: usize,
        found: Option<i64>,
        register: &Register,
    ) {
        let last = register.last_before(fetch.invoked);
        let stale = |last: Write| Stale {
            fetch: number,
            partition,
            found,
            commit: last.commit,
            committed: last.offset,
        };
        let Some(offset) = found else {
            self.stale.extend(last.map(stale));
            return;
        };
        let writes = register.by_offset.get(&offset).map_or(&[][..], Vec::as_slice);
        let mut possible =
            writes.iter().filter(|write| write.is_possible && write.from < fetch.completed);
        let Some(first) = possible.next() else {
            let undone = writes.first().map(|write| write.commit);
            self.stray.push(Stray { fetch: number, partition, found: offset, undone });
            return;
        };
        // Superseded: another one began after it was over, and was over before the fetch.
        let is_fresh = |write: &Write| last.is_none_or(|last| write.until >= last.from);
        let is_only_one = possible.clone().next().is_none();
        if is_only_one {
            self.seen.entry(first.commit).or_insert(fetch.completed);
        }
        if !is_fresh(first) && !possible.rev().any(is_fresh) {
            self.stale.extend(last.map(stale));
        }
    }
}

impl Register {
    fn index(&mut self) {
        for write in &self.writes {
            self.by_offset.entry(write.offset).or_default().push(*write);
        }
        let certain = self.writes.iter().filter(|write| write.is_certain);
        self.certain = certain.map(|write| (write.until, *write)).collect();
        self.certain.sort_by_key(|(until, _)| *until);
        for index in 1..self.certain.len() {
            let (_, before) = self.certain[index - 1];
            let (_, this) = &mut self.certain[index];
            if before.from > this.from {
                *this = before;
            }
        }
    }

    /// Of the commits that are certain and over before `moment`, the one that was last to start.
    fn last_before(&self, moment: Moment) -> Option<Write> {
        let over = self.certain.partition_point(|(until, _)| *until < moment);
        Some(self.certain[over.checked_sub(1)?].1)
    }
}

fn write(ledger: &Ledger, number: usize, commit: &OffsetCommit, offset: i64) -> Write {
    let mut write = Write {
        commit: number,
        offset,
        from: commit.invoked,
        until: commit.completed,
        is_certain: commit.outcome == Outcome::Ok,
        is_possible: commit.outcome != Outcome::Failed,
    };
    if let Some(transaction) = commit.transaction {
        let transaction = &ledger.transactions[transaction];
        let is_certain = write.is_possible && transaction.end == End::Committed;
        write.from = if transaction.commit_asked == NEVER {
            commit.invoked
        } else {
            transaction.commit_asked
        };
        write.until = transaction.committed;
        write.is_certain = is_certain;
        write.is_possible &= transaction.end != End::Aborted;
    }
    write
}
