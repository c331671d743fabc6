//! What a member owns, what its program knows of that, and what follows for the partitions that
//! are read.

use std::collections::{BTreeSet, VecDeque};

use base::TopicPartition;

use super::Rebalance;

/// What changes for the partitions that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum Change {
    /// These are to be read from where the group has come.
    Add(Vec<TopicPartition>),
    /// These are not to be read any more. They are nobody else's before this member joins again,
    /// which waits for what is still to be committed for them.
    GiveUp(BTreeSet<TopicPartition>),
    /// These are not to be read any more, and may already be another's.
    Lose(BTreeSet<TopicPartition>),
}

/// The partitions of a member.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// What it may read: assigned, and not given up.
    owned: BTreeSet<TopicPartition>,
    /// What the program knows to be its own.
    told: BTreeSet<TopicPartition>,
    telling: VecDeque<Rebalance>,
    /// The program is being told of the first of them: it stays the first until it was.
    is_being_told: bool,
    changes: VecDeque<Change>,
}

impl Ownership {
    pub(super) fn owned(&self) -> &BTreeSet<TopicPartition> {
        &self.owned
    }

    /// What the program is to be told next.
    pub(super) fn telling(&self) -> Option<&Rebalance> {
        self.telling.front()
    }

    /// Whether the program knows everything.
    pub(super) fn is_told(&self) -> bool {
        self.telling.is_empty()
    }

    /// The program is being told.
    pub(super) fn begin_telling(&mut self) -> Option<Rebalance> {
        self.is_being_told = !self.telling.is_empty();
        self.telling.front().cloned()
    }

    /// The program was told. What was lost meanwhile it is told next.
    pub(super) fn ack(&mut self) {
        if !std::mem::take(&mut self.is_being_told) {
            return;
        }
        match self.telling.pop_front() {
            Some(Rebalance::Assigned(partitions)) => {
                let kept = partitions.into_iter().filter(|name| self.owned.contains(name));
                self.told.extend(kept);
            }
            Some(Rebalance::Revoked(partitions)) => {
                let given_up = |name: &TopicPartition| self.owned.remove(name);
                let given_up: BTreeSet<_> = partitions.into_iter().filter(given_up).collect();
                self.told.retain(|name| !given_up.contains(name));
                if !given_up.is_empty() {
                    self.changes.push_back(Change::GiveUp(given_up));
                }
            }
            Some(Rebalance::Lost(_)) | None => {}
        }
    }

    /// What has changed, in order.
    pub(super) fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// These are the member's from now on, and the program is told.
    pub(super) fn add(&mut self, added: Vec<TopicPartition>) {
        if !added.is_empty() {
            self.owned.extend(added.iter().cloned());
            self.changes.push_back(Change::Add(added.clone()));
            self.telling.push_back(Rebalance::Assigned(added));
        }
    }

    /// These are given up as soon as the program was told.
    pub(super) fn give_up(&mut self, revoked: Vec<TopicPartition>) {
        if !revoked.is_empty() {
            self.telling.push_back(Rebalance::Revoked(revoked));
        }
    }

    /// Everything may be another's already. What the program is being told it knows.
    pub(super) fn lose_all(&mut self) {
        let mut told = std::mem::take(&mut self.told);
        let being_told = if self.is_being_told { self.telling.pop_front() } else { None };
        match &being_told {
            Some(Rebalance::Assigned(partitions)) => {
                let owned = partitions.iter().filter(|name| self.owned.contains(name));
                told.extend(owned.cloned());
            }
            Some(Rebalance::Revoked(partitions)) => {
                told.retain(|name| !partitions.contains(name));
            }
            Some(Rebalance::Lost(_)) | None => {}
        }
        self.telling.retain(|telling| matches!(telling, Rebalance::Lost(_)));
        if let Some(being_told) = being_told {
            self.telling.push_front(being_told);
        }
        if !told.is_empty() {
            self.telling.push_back(Rebalance::Lost(told.into_iter().collect()));
        }
        self.drop_owned();
    }

    /// Everything is given up, and the program knows.
    pub(super) fn drop_all(&mut self) {
        self.telling.clear();
        self.is_being_told = false;
        self.told.clear();
        self.drop_owned();
    }

    fn drop_owned(&mut self) {
        let owned = std::mem::take(&mut self.owned);
        if !owned.is_empty() {
            self.changes.push_back(Change::Lose(owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(indexes: impl IntoIterator<Item = i32>) -> Vec<TopicPartition> {
        indexes.into_iter().map(|index| TopicPartition::new("t", index)).collect()
    }

    fn tell(ownership: &mut Ownership) -> Option<Rebalance> {
        let telling = ownership.begin_telling();
        ownership.ack();
        telling
    }

    #[test]
    fn what_is_given_up_is_owned_until_the_program_was_told() {
        let mut ownership = Ownership::default();
        ownership.add(partitions(0..3));
        tell(&mut ownership);
        ownership.give_up(partitions([1]));
        assert_eq!(ownership.owned().len(), 3);
        tell(&mut ownership);
        assert_eq!(ownership.owned().iter().cloned().collect::<Vec<_>>(), partitions([0, 2]));
        assert_eq!(ownership.poll_change(), Some(Change::Add(partitions(0..3))));
        let removed = partitions([1]).into_iter().collect();
        assert_eq!(ownership.poll_change(), Some(Change::GiveUp(removed)));
        assert!(ownership.is_told());
    }

    #[test]
    fn what_the_program_was_never_told_of_is_lost_without_a_word() {
        let mut ownership = Ownership::default();
        ownership.add(partitions([0]));
        tell(&mut ownership);
        ownership.add(partitions([1]));
        ownership.lose_all();
        assert_eq!(ownership.telling(), Some(&Rebalance::Lost(partitions([0]))));
        assert!(ownership.owned().is_empty());
    }

    #[test]
    fn what_is_lost_while_the_program_is_told_of_it_is_told_afterwards() {
        let mut ownership = Ownership::default();
        ownership.add(partitions([0]));
        tell(&mut ownership);
        ownership.add(partitions([1]));
        let telling = Rebalance::Assigned(partitions([1]));
        assert_eq!(ownership.begin_telling(), Some(telling.clone()));
        ownership.lose_all();
        ownership.lose_all();
        assert_eq!(ownership.telling(), Some(&telling), "that is what it is being told");
        ownership.ack();
        assert_eq!(tell(&mut ownership), Some(Rebalance::Lost(partitions([0, 1]))));
        ownership.add(partitions([0]));
        ownership.lose_all();
        assert!(ownership.is_told(), "it owned nothing that it knew of");
    }

    #[test]
    fn what_is_lost_while_the_program_gives_it_up_is_not_lost_as_well() {
        let mut ownership = Ownership::default();
        ownership.add(partitions(0..2));
        tell(&mut ownership);
        ownership.give_up(partitions([1]));
        ownership.begin_telling();
        ownership.lose_all();
        ownership.ack();
        assert_eq!(tell(&mut ownership), Some(Rebalance::Lost(partitions([0]))));
        let changes: Vec<_> = std::iter::from_fn(|| ownership.poll_change()).collect();
        let lost = Change::Lose(partitions(0..2).into_iter().collect());
        assert_eq!(changes, [Change::Add(partitions(0..2)), lost]);
    }
}
