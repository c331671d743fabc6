//! What a program does in its transactions: it moves money, appends to lists and reads them, or
//! takes over what it reads. A job goes on when its program dies.

use std::collections::BTreeMap;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::consumer::{ConsumeError, GroupMetadata};
use history::workload::bank::Bank;
use history::workload::list_append::{ListAppend, ListStep};
use history::{IsolationLevel, PolledRecord, Process, RecordValue};

use super::ConsumerClient;
use super::reader::GROUP;
use crate::broker::topics::{ACCOUNTS, INPUT, LISTS, OUTPUT, partitions_of};
use crate::surroundings::Surroundings;

/// How many records a pipeline takes over at once, at the most.
const BATCH_ROWS_MAX: u32 = 4;
/// Of a thousand transactions so many are aborted for no reason.
const ABORTED: u32 = 150;

#[derive(Debug)]
pub(crate) enum Job {
    /// Pays in what there is, once.
    Opening(Bank),
    Transfers(Bank),
    Lists(ListAppend),
    /// Takes over what is brought, in a group.
    Pipeline {
        is_new_protocol: bool,
        count: u64,
    },
}

/// One thing that a program does in a transaction.
#[derive(Debug)]
pub(crate) enum Act {
    Send(TopicPartition, RecordValue),
    Read(TopicPartition),
    SendOffsets(GroupMetadata, BTreeMap<TopicPartition, i64>),
    Commit,
    Abort,
}

/// A transaction that is to be.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) acts: Vec<Act>,
    /// Where to begin again in each partition if nothing comes of it.
    pub(crate) starts: Vec<Start>,
}

/// The first record of a partition that was taken over, and in whose tenure.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) partition: TopicPartition,
    pub(crate) tenure: Option<u64>,
    pub(crate) offset: i64,
}

impl Job {
    pub(crate) fn transfers(seed: u64) -> Self {
        Self::Transfers(Bank::new(partitions_of(ACCOUNTS), seed))
    }

    pub(crate) fn lists(seed: u64) -> Self {
        Self::Lists(ListAppend::new(partitions_of(LISTS), seed))
    }

    /// What a program needs to read for it.
    pub(crate) fn consumer(
        &self,
        process: Process,
        around: &mut Surroundings,
    ) -> Option<ConsumerClient> {
        match self {
            Self::Opening(_) | Self::Transfers(_) => None,
            Self::Lists(_) => {
                let (lists, level) = (partitions_of(LISTS), IsolationLevel::ReadCommitted);
                Some(ConsumerClient::reading(process, level, &lists, GROUP, around))
            }
            Self::Pipeline { is_new_protocol, .. } => {
                Some(ConsumerClient::member(process, GROUP, INPUT, *is_new_protocol, around))
            }
        }
    }

    /// The next transaction, if there is anything to be done.
    pub(crate) fn plan(
        &mut self,
        process: Process,
        consumer: Option<&mut ConsumerClient>,
        around: &mut Surroundings,
    ) -> Result<Option<Plan>, ConsumeError> {
        let send = |(partition, value): &(TopicPartition, RecordValue)| {
            Act::Send(partition.clone(), value.clone())
        };
        let mut plan = Plan::default();
        match self {
            Self::Opening(bank) => {
                plan.acts = bank.opening().iter().map(send).chain([Act::Commit]).collect();
                return Ok(Some(plan));
            }
            Self::Transfers(bank) => {
                plan.acts = bank.transfer().records().into_iter().map(send).collect();
            }
            Self::Lists(lists) => {
                plan.acts = lists.transaction().into_iter().map(act_of).collect();
            }
            Self::Pipeline { count, .. } => {
                let consumer = consumer.expect("a pipeline reads");
                let rows = 1 + around.rng.below(BATCH_ROWS_MAX) as usize;
                let taken = consumer.poll(rows, around)?;
                if taken.is_empty() {
                    return Ok(None);
                }
                plan = take_over(process, &taken, consumer, count);
                if plan.acts.is_empty() {
                    plan.rewind(consumer, around);
                    return Ok(None);
                }
            }
        }
        plan.acts.push(end(&mut around.rng));
        Ok(Some(plan))
    }
}

impl Plan {
    /// Nothing has come of it: it is read again.
    pub(crate) fn rewind(&mut self, consumer: &mut ConsumerClient, around: &mut Surroundings) {
        for Start { partition, tenure, offset } in self.starts.drain(..) {
            consumer.rewind(&partition, tenure, offset, around);
        }
    }
}

fn act_of(step: ListStep) -> Act {
    match step {
        ListStep::Append(list, value) => Act::Send(list, value),
        ListStep::Read(list) => Act::Read(list),
    }
}

fn end(rng: &mut SplitMix64) -> Act {
    if rng.below(1000) < ABORTED { Act::Abort } else { Act::Commit }
}

/// One record for each that was read, and how far the group has come with them. No act at all if
/// the consumer is no member at the moment.
fn take_over(
    process: Process,
    taken: &[PolledRecord],
    consumer: &ConsumerClient,
    count: &mut u64,
) -> Plan {
    let mut plan = Plan::default();
    let mut offsets = BTreeMap::new();
    let outputs = partitions_of(OUTPUT);
    for PolledRecord { partition, offset, value } in taken {
        *count += 1;
        let output = &outputs[partition.partition.0 as usize % outputs.len()];
        let value = format!("{}/{count} of {}", process.0, value.as_str());
        plan.acts.push(Act::Send(output.clone(), value.into()));
        if offsets.contains_key(partition) {
            continue;
        }
        offsets.insert(partition.clone(), consumer.position(partition).expect("it was read"));
        let (partition, tenure) = (partition.clone(), consumer.tenure(partition));
        plan.starts.push(Start { partition, tenure, offset: *offset });
    }
    match consumer.group_metadata() {
        Some(group) => plan.acts.push(Act::SendOffsets(group, offsets)),
        None => plan.acts.clear(),
    }
    plan
}
