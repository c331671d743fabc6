//! The bank: each partition is an account, each record a deposit or a withdrawal, each transaction
//! moves an amount from one account to another. Whoever reads all accounts to their ends finds all
//! the money that there was at the opening.

use std::collections::BTreeMap;
use std::fmt;

use base::{Rng, SplitMix64, TopicPartition};

use crate::anomaly::NamedRecord;
use crate::evidence::Evidence;
use crate::history::History;
use crate::ledger::{Ledger, MalformedHistory};
use crate::operation::{IsolationLevel, Process, RecordValue};
use crate::stretch::Stretch;

/// What lies in each account at the opening.
const OPENING_BALANCE: i64 = 1_000;
const AMOUNT_MAX: u32 = 100;

/// Generates transfers, and counts the money afterwards.
#[derive(Clone, Debug)]
pub struct Bank {
    accounts: Vec<TopicPartition>,
    seed: u64,
    rng: SplitMix64,
    next_transfer: u64,
}

/// An amount on its way from one account to another: the two records of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Where it is taken from.
    pub withdrawal: (TopicPartition, RecordValue),
    /// Where it is paid in.
    pub deposit: (TopicPartition, RecordValue),
}

/// Something that is wrong with the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankAnomaly {
    /// A consumer that has read all accounts to their ends finds too much or too little.
    Unbalanced {
        /// Who.
        reader: Process,
        /// What it finds.
        total: i64,
        /// What there was at the opening.
        expected: i64,
        /// Halves of transfers of which it has not seen the other half.
        halves: Vec<NamedRecord>,
    },
    /// No `read_committed` consumer has read the account from its first offset to an end that was
    /// asked for, so that nothing can be said.
    Unread {
        /// The account.
        account: TopicPartition,
    },
}

impl Bank {
    /// A bank with an account in each of the partitions, of which there are two or more. Banks of
    /// other seeds may make transfers between the same accounts.
    pub fn new(accounts: Vec<TopicPartition>, seed: u64) -> Self {
        assert!(accounts.len() >= 2, "a transfer takes two accounts");
        Self { accounts, seed, rng: SplitMix64::new(seed), next_transfer: 0 }
    }

    /// The first record of each account: to be sent once, in one transaction, before any transfer.
    pub fn opening(&self) -> Vec<(TopicPartition, RecordValue)> {
        let value: RecordValue = format!("opening {OPENING_BALANCE:+}").into();
        self.accounts.iter().map(|account| (account.clone(), value.clone())).collect()
    }

    /// The next transfer. One that is tried again is another transfer.
    pub fn transfer(&mut self) -> Transfer {
        let from = self.rng.below(self.accounts.len() as u32);
        let to = self.rng.below(self.accounts.len() as u32 - 1);
        let to = if to < from { to } else { to + 1 };
        let amount = 1 + i64::from(self.rng.below(AMOUNT_MAX));
        let name = format!("{}/{}", self.seed, self.next_transfer);
        self.next_transfer += 1;
        let record = |account: u32, amount: i64| {
            (self.accounts[account as usize].clone(), format!("{name} {amount:+}").into())
        };
        Transfer { withdrawal: record(from, -amount), deposit: record(to, amount) }
    }

    /// Counts the money that each consumer finds who has read all accounts whole, by
    /// `read_committed` and in one go each.
    pub fn check(&self, history: &History) -> Result<Vec<BankAnomaly>, MalformedHistory> {
        let evidence = Evidence::gather(Ledger::read(history)?);
        let mut readings: BTreeMap<Process, BTreeMap<&TopicPartition, &Stretch>> = BTreeMap::new();
        for stretch in &evidence.stretches {
            let account = &evidence.ledger.partitions[stretch.partition];
            if self.accounts.contains(account) && is_whole(&evidence, stretch) {
                readings.entry(stretch.process).or_default().insert(account, stretch);
            }
        }
        let readings: BTreeMap<_, _> = readings
            .into_iter()
            .filter(|(_, accounts)| accounts.len() == self.accounts.len())
            .collect();
        if readings.is_empty() {
            return Ok(self.unread(&evidence));
        }
        let unbalanced = readings.into_iter().filter_map(|(reader, accounts)| {
            self.unbalanced(&evidence, reader, accounts.values().copied())
        });
        Ok(unbalanced.collect())
    }

    fn unread(&self, evidence: &Evidence) -> Vec<BankAnomaly> {
        let is_read = |account: &TopicPartition| {
            evidence.stretches.iter().any(|stretch| {
                evidence.ledger.partitions[stretch.partition] == *account
                    && is_whole(evidence, stretch)
            })
        };
        let mut unread: Vec<&TopicPartition> =
            self.accounts.iter().filter(|account| !is_read(account)).collect();
        if unread.is_empty() {
            // Each was read, but all of them by nobody.
            unread = self.accounts.iter().collect();
        }
        unread.into_iter().map(|account| BankAnomaly::Unread { account: account.clone() }).collect()
    }

    fn unbalanced<'a>(
        &self,
        evidence: &Evidence,
        reader: Process,
        accounts: impl Iterator<Item = &'a Stretch>,
    ) -> Option<BankAnomaly> {
        let mut total = 0;
        // What a reader has seen of a transfer adds up to nothing once it has seen both halves.
        let mut halves: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for sighting in accounts.flat_map(|account| &account.sightings) {
            let value = evidence.ledger.records[sighting.record].value.as_str();
            // What is no deposit was sent by somebody else, or by nobody: `check` says so.
            let Some((transfer, amount)) = parse(value) else { continue };
            total += amount;
            halves.entry(transfer).or_default().push(sighting.record);
        }
        let expected = OPENING_BALANCE * self.accounts.len() as i64;
        let halves = halves.into_values().filter(|records| records.len() == 1).flatten();
        let halves = halves.map(|record| evidence.ledger.named(record)).collect();
        (total != expected).then_some(BankAnomaly::Unbalanced { reader, total, expected, halves })
    }
}

impl Transfer {
    /// Both records, as a transaction sends them.
    pub fn records(&self) -> [&(TopicPartition, RecordValue); 2] {
        [&self.withdrawal, &self.deposit]
    }
}

fn is_whole(evidence: &Evidence, stretch: &Stretch) -> bool {
    let end = evidence.ends[stretch.partition].map(|end| end.end);
    stretch.isolation == IsolationLevel::ReadCommitted
        && stretch.from == 0
        && end.is_some_and(|end| stretch.to >= end)
}

/// The transfer and the amount that a record tells of.
fn parse(value: &str) -> Option<(&str, i64)> {
    let (transfer, amount) = value.split_once(' ')?;
    Some((transfer, amount.parse().ok()?))
}

impl fmt::Display for BankAnomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced { reader, total, expected, halves } => {
                write!(f, "{reader} finds {total} in all accounts, where {expected} were paid in")?;
                for (index, half) in halves.iter().enumerate() {
                    let lead = if index == 0 { "; half a transfer each: " } else { ", " };
                    write!(f, "{lead}{half}")?;
                }
                Ok(())
            }
            Self::Unread { account } => write!(
                f,
                "account {account} was not read from its first offset to its end by a \
                 read_committed consumer that has read all others, too"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Answer, Operation, PartitionOffset, PartitionPosition, PolledRecord};

    fn accounts() -> Vec<TopicPartition> {
        (0..3).map(|partition| TopicPartition::new("accounts", partition)).collect()
    }

    /// A reader that finds in each account what it holds.
    fn reading(found: &BTreeMap<TopicPartition, Vec<RecordValue>>) -> History {
        let mut history = History::new();
        let reader = Process(9);
        let of_account =
            |account, values: &Vec<RecordValue>| PartitionOffset::new(account, values.len() as i64);
        let ends: Vec<_> =
            found.iter().map(|(account, values)| of_account(account, values)).collect();
        let asked = history.invoke(0, reader, Operation::EndOffsets);
        history.ok(0, asked, Answer::Ends { ends: ends.clone() });
        let start = found.keys().map(|account| PartitionPosition::new(account, Some(0)));
        history.position(0, reader, start.collect());
        let isolation = IsolationLevel::ReadCommitted;
        let poll = history.invoke(0, reader, Operation::Poll { isolation });
        let records = found.iter().flat_map(|(account, values)| {
            (0..).zip(values).map(|(offset, value)| PolledRecord {
                partition: account.clone(),
                offset,
                value: value.clone(),
            })
        });
        history.ok(0, poll, Answer::Polled { records: records.collect(), positions: ends });
        history
    }

    /// The accounts after the opening and some transfers.
    fn after(bank: &mut Bank, transfers: usize) -> BTreeMap<TopicPartition, Vec<RecordValue>> {
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut records = bank.opening();
        for _ in 0..transfers {
            records.extend(bank.transfer().records().map(Clone::clone));
        }
        for (account, value) in records {
            found.entry(account).or_default().push(value);
        }
        found
    }

    #[test]
    fn the_same_seed_makes_the_same_transfers_between_two_accounts_each() {
        let transfers = |seed| {
            let mut bank = Bank::new(accounts(), seed);
            (0..100).map(|_| bank.transfer()).collect::<Vec<_>>()
        };
        assert_eq!(transfers(7), transfers(7));
        assert_ne!(transfers(7), transfers(8));
        for Transfer { withdrawal, deposit } in transfers(7) {
            assert_ne!(withdrawal.0, deposit.0);
            let (taken, paid) = (parse(withdrawal.1.as_str()), parse(deposit.1.as_str()));
            let (Some(taken), Some(paid)) = (taken, paid) else { panic!("{withdrawal:?}") };
            assert_eq!((taken.0, taken.1), (paid.0, -paid.1));
        }
    }

    #[test]
    fn all_the_money_is_found_after_any_transfers() {
        let mut bank = Bank::new(accounts(), 1);
        let found = after(&mut bank, 50);
        assert_eq!(bank.check(&reading(&found)), Ok(vec![]));
    }

    #[test]
    fn half_a_transfer_is_noticed_and_named() {
        let mut bank = Bank::new(accounts(), 1);
        let mut found = after(&mut bank, 50);
        let (account, values) = found.iter_mut().next().unwrap();
        let gone = values.pop().unwrap();
        let account = account.clone();
        let anomalies = bank.check(&reading(&found)).unwrap();
        let [BankAnomaly::Unbalanced { total, expected, halves, .. }] = &anomalies[..] else {
            panic!("{anomalies:?}")
        };
        let (transfer, amount) = parse(gone.as_str()).unwrap();
        assert_eq!(expected - total, amount);
        let [half] = &halves[..] else { panic!("{halves:?}") };
        assert_ne!(half.partition, account);
        assert_eq!(parse(half.value.as_str()), Some((transfer, -amount)));
    }

    #[test]
    fn accounts_that_nobody_has_read_whole_are_named() {
        let mut bank = Bank::new(accounts(), 1);
        let mut found = after(&mut bank, 50);
        let account = accounts().remove(2);
        found.remove(&account);
        let anomalies = bank.check(&reading(&found)).unwrap();
        assert_eq!(anomalies, [BankAnomaly::Unread { account }]);
    }
}
