//! Locality: what is read from another rack is brought to somebody who has it near, by chains of
//! hand-overs after which less is read from afar, and which leave the group no less even:
//!
//! ```text
//!  1.  A ──p──> B ──q──> C ──r──> A           all have as many as before
//!  2.  A ──p──> B ──q──> C                    A had more than C
//!  3.  A ──p──> B ──q──> C     D ──r──> A     D had more than C
//! ```
//!
//! `p` was read from afar by `A`, and is near to `B`; `q` is near to `C`. What comes back to `A`
//! may be read from afar, if it was before. Chains may be of any length; the shortest comes first,
//! since it moves least. Where all members read the same, no chain is left only if no assignment as
//! even has more read near: these are the augmenting paths of a matching (Berge, 1957).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::TopicPartition;

use super::{Owners, Table};
use crate::consumer::group::assignor::Subscriber;
use crate::consumer::group::assignor::racks::Racks;

/// Who has which partition near. Members in the same rack that read the same topics are of one
/// kind: they can stand in for each other.
pub(super) struct Locality {
    /// The members of each kind.
    kinds: Vec<Vec<usize>>,
    /// The kind of each member.
    kind_of: Vec<usize>,
    /// The kinds that can read a partition, and have it near.
    near: BTreeMap<TopicPartition, Vec<usize>>,
}

/// What may be handed over. What is new goes first: then a cooperative group, whose members come
/// back with all that they may keep, comes to the same result again, and is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moving {
    /// What its owner did not own before.
    New,
    /// Everything.
    All,
}

/// Why somebody has one partition too many.
#[derive(Clone, Copy)]
enum Surplus<'a> {
    /// It is given this one, and hands over another.
    Given { partition: &'a TopicPartition, by: usize },
    /// This member, who had less, keeps one more: it is to have one less.
    Relieved { by: usize },
}

impl Locality {
    pub(super) fn new(subscribers: &[&Subscriber], racks: &Racks<'_>, table: &Table<'_>) -> Self {
        let mut by_kind: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (member, subscriber) in subscribers.iter().enumerate() {
            let topics: BTreeSet<_> = subscriber.topics.iter().collect();
            by_kind.entry((racks.of_member(member), topics)).or_default().push(member);
        }
        let kinds: Vec<_> = by_kind.into_values().collect();
        let mut kind_of = vec![0; subscribers.len()];
        for (kind, members) in kinds.iter().enumerate() {
            for member in members {
                kind_of[*member] = kind;
            }
        }
        let near = |partition: &TopicPartition| {
            let (readers, racks_of) = (table.readers(partition), racks.of_partition(partition));
            let is_near = |member: usize| {
                readers.binary_search(&member).is_ok() && racks.is_near(member, racks_of)
            };
            (0..kinds.len()).filter(|kind| is_near(kinds[*kind][0])).collect()
        };
        let near = table.owners.keys().map(|partition| (partition.clone(), near(partition)));
        Self { near: near.collect(), kinds, kind_of }
    }

    /// Brings near what can be, and says whether that was anything.
    pub(super) fn improve(&self, table: &mut Table<'_>, claims: &Owners, moving: Moving) -> bool {
        let is_far = |(partition, owner): &(&TopicPartition, &usize)| {
            self.is_far(partition, **owner)
                && (moving == Moving::All || claims.get(partition) != Some(*owner))
        };
        let far: Vec<_> = table.owners.iter().filter(is_far).map(|(far, _)| far.clone()).collect();
        let mut far_of = vec![0; self.kind_of.len()];
        for (partition, owner) in &table.owners {
            far_of[*owner] += usize::from(self.is_far(partition, *owner));
        }
        // A search depends on nothing else: what was in vain for one is so for all that are alike.
        let mut in_vain = BTreeSet::new();
        let mut has_improved = false;
        for partition in far {
            let owner = table.owners[&partition];
            let search = (&self.near[&partition], self.kind_of[owner], table.shares[owner].len());
            if !self.is_far(&partition, owner) || in_vain.contains(&search) {
                continue;
            }
            let Some(chain) = self.chain(table, claims, &far_of, moving, &partition) else {
                in_vain.insert(search);
                continue;
            };
            for (partition, to) in chain {
                let from = table.owners[&partition];
                far_of[from] -= usize::from(self.is_far(&partition, from));
                far_of[to] += usize::from(self.is_far(&partition, to));
                table.give(partition, to);
            }
            has_improved = true;
        }
        has_improved
    }

    fn is_far(&self, partition: &TopicPartition, owner: usize) -> bool {
        !self.near[partition].contains(&self.kind_of[owner])
    }

    /// The shortest chain that brings a partition near: what goes to whom.
    fn chain(
        &self,
        table: &Table<'_>,
        claims: &Owners,
        far_of: &[usize],
        moving: Moving,
        partition: &TopicPartition,
    ) -> Option<Vec<(TopicPartition, usize)>> {
        let root = table.owners[partition];
        let mut search = Search::new(self, table, far_of, root);
        search.offer(partition, root);
        while let Some(member) = search.queue.pop_front() {
            search.relieve(member);
            if search.surplus[root].is_some() {
                return Some(search.chain());
            }
            let is_kept = |partition: &&TopicPartition| claims.get(*partition) == Some(&member);
            let (kept, new): (Vec<_>, Vec<_>) = table.shares[member].iter().partition(is_kept);
            let kept = kept.into_iter().filter(|_| moving == Moving::All);
            for partition in new.into_iter().chain(kept) {
                let may_return = self.is_far(partition, member)
                    && table.readers(partition).binary_search(&root).is_ok();
                if may_return {
                    search.reach(root, Surplus::Given { partition, by: member });
                }
                search.offer(partition, member);
                if search.surplus[root].is_some() {
                    return Some(search.chain());
                }
            }
        }
        None
    }
}

/// A search in breadth for somebody to take over from the root what it gives away too much.
struct Search<'a> {
    locality: &'a Locality,
    table: &'a Table<'a>,
    /// By member: how much it reads from afar.
    far_of: &'a [usize],
    root: usize,
    /// By member, as far as one was reached.
    surplus: Vec<Option<Surplus<'a>>>,
    queue: VecDeque<usize>,
    /// Kinds of which everybody was reached.
    kinds: Vec<bool>,
    /// Everybody was reached who has more than this.
    size: usize,
}

impl<'a> Search<'a> {
    fn new(locality: &'a Locality, table: &'a Table<'a>, far_of: &'a [usize], root: usize) -> Self {
        Self {
            surplus: vec![None; locality.kind_of.len()],
            kinds: vec![false; locality.kinds.len()],
            queue: VecDeque::new(),
            size: usize::MAX,
            locality,
            table,
            far_of,
            root,
        }
    }

    fn reach(&mut self, member: usize, surplus: Surplus<'a>) {
        if self.surplus[member].is_none() {
            self.surplus[member] = Some(surplus);
            self.queue.push_back(member);
        }
    }

    /// A partition could go to all who have it near; first those who may end the search, since they
    /// have something to give back.
    fn offer(&mut self, partition: &'a TopicPartition, by: usize) {
        let locality = self.locality;
        for kind in &locality.near[partition] {
            if !std::mem::replace(&mut self.kinds[*kind], true) {
                let members = locality.kinds[*kind].iter();
                let (giving, others): (Vec<usize>, Vec<usize>) =
                    members.partition(|member| self.far_of[**member] > 0);
                for member in giving.into_iter().chain(others) {
                    self.reach(member, Surplus::Given { partition, by });
                }
            }
        }
    }

    /// A member could keep one more, if one who has more has one less. If it was itself relieved,
    /// those were reached with it.
    fn relieve(&mut self, by: usize) {
        let table = self.table;
        let size = table.shares[by].len();
        if size < self.size {
            self.size = size;
            for (member, share) in table.shares.iter().enumerate() {
                if share.len() > size {
                    self.reach(member, Surplus::Relieved { by });
                }
            }
        }
    }

    /// Once the root was reached: back from there to what it gave away.
    fn chain(&self) -> Vec<(TopicPartition, usize)> {
        let mut chain = Vec::new();
        let mut member = self.root;
        while let Some(surplus) = self.surplus[member] {
            match surplus {
                Surplus::Given { partition, by } => {
                    chain.push((partition.clone(), member));
                    if by == self.root {
                        break;
                    }
                    member = by;
                }
                Surplus::Relieved { by } => member = by,
            }
        }
        chain
    }
}
