//! A member of the pipeline: consumes the records of the accounts, writes a statement of each, and
//! commits both with the group's offsets in one transaction (KIP-447). Who is killed begins anew
//! with the same transactional id; the group gives its partitions to whoever is there.

use std::error::Error;
use std::rc::Rc;

use base::{Rng, TopicPartition};
use client::{Consumer, Fetched, Rebalance, StartAt, Subscription};
use history::{IsolationLevel, PartitionPosition, PolledRecord};
use tokio::time::{sleep, timeout};

use crate::books::Offsets;
use crate::hosts::transactor::Transactor;
use crate::hosts::{
    ACCOUNTS, GROUP, LOOK_INTERVAL, RETRY_PAUSE, STATEMENTS, connect_consumer_with, partitions_of,
    polled_records,
};
use crate::world::World;

/// How many records it takes into one transaction, at the most.
const ROWS_MAX: usize = 5;
/// How long it may take to leave the group.
const LEAVE_MAX: std::time::Duration = std::time::Duration::from_secs(5);
const SESSION_TIMEOUT_MS: &str = "6000";
const HEARTBEAT_INTERVAL_MS: &str = "1000";
/// How long a coordinator may hold back who joins: nobody is told if it loses its power meanwhile.
const POLL_INTERVAL_MAX_MS: &str = "10000";

struct Forwarder {
    world: Rc<World>,
    transactor: Transactor,
    consumer: Consumer,
    /// How many statements it has written.
    written: u64,
}

pub(crate) async fn run(world: Rc<World>, forwarder: usize) -> turmoil::Result {
    while let Err(lost) = work(&world, forwarder).await {
        crate::trace::note(format_args!("forwarder {forwarder} begins anew: {lost}"));
        sleep(RETRY_PAUSE).await;
    }
    world.books.note_forwarder_done();
    Ok(())
}

/// One incarnation, until all is done or its producer or its membership is lost.
async fn work(world: &Rc<World>, forwarder: usize) -> Result<(), Box<dyn Error>> {
    let name = format!("forwarder-{forwarder}");
    let mut rng = world.plan.rng(u64::from(u32::MAX) + 10 + forwarder as u64);
    // What the one before it had open has ended before anything is read: offsets are final then.
    let transactor = Transactor::begin(world, &name, rng.next_u64()).await?;
    let mut keys = vec![
        ("group.id", GROUP.to_owned()),
        ("isolation.level", "read_committed".to_owned()),
        ("enable.auto.commit", "false".to_owned()),
        ("auto.offset.reset", "earliest".to_owned()),
        ("group.protocol", world.plan.group_protocol.to_owned()),
        ("max.poll.interval.ms", POLL_INTERVAL_MAX_MS.to_owned()),
    ];
    if world.plan.group_protocol == "classic" {
        keys.push(("session.timeout.ms", SESSION_TIMEOUT_MS.to_owned()));
        keys.push(("heartbeat.interval.ms", HEARTBEAT_INTERVAL_MS.to_owned()));
    }
    if world.plan.has_static_members {
        keys.push(("group.instance.id", name));
    }
    let consumer = connect_consumer_with(keys, rng.next_u64()).await;
    consumer.subscribe(Subscription::topics([ACCOUNTS]))?;
    let mut forwarder = Forwarder { world: Rc::clone(world), transactor, consumer, written: 0 };
    while !world.books.is_all_forwarded() {
        let fetched = forwarder.poll().await?;
        if !fetched.is_empty() {
            forwarder.forward(&fetched).await?;
        }
        forwarder.note_forwarded();
    }
    forwarder.consumer.unsubscribe(LEAVE_MAX).await;
    forwarder.consumer.close().await;
    Ok(())
}

impl Forwarder {
    async fn poll(&self) -> Result<Vec<Fetched>, Box<dyn Error>> {
        let polling = self.consumer.begin_poll(&[])?;
        while let Some(rebalance) = self.consumer.rebalance() {
            if let Rebalance::Assigned(names) = &rebalance {
                // Where the group has come is not asked here: nothing is expected of what follows.
                let unknown = names.iter().map(|name| PartitionPosition::new(name, None));
                self.transactor.scribe.position(unknown.collect());
            }
            self.consumer.rebalanced()?;
        }
        let polled = timeout(LOOK_INTERVAL, self.consumer.poll(ROWS_MAX)).await;
        drop(polling);
        let Ok(polled) = polled else { return Ok(Vec::new()) };
        Ok(polled?.unwrap_or_default())
    }

    /// One transaction of what was polled. If it is not committed, the same records come again.
    async fn forward(&mut self, fetched: &[Fetched]) -> Result<(), Box<dyn Error>> {
        self.transactor.open().await?;
        // The generation first: if the group rebalances in between, its coordinator refuses.
        let group = self.consumer.group_metadata();
        let is_ours = |it: &Fetched| self.consumer.tenure(&it.topic_partition) == Some(it.tenure);
        let (Some(group), true) = (group, fetched.iter().all(is_ours)) else {
            self.transactor.abort().await?;
            self.rewind(fetched);
            return Ok(());
        };
        let (records, positions) = polled_records(fetched)?;
        let isolation = IsolationLevel::ReadCommitted;
        self.transactor.scribe.polled(isolation, records.clone(), positions);
        for record in &records {
            self.write_statement(record).await;
        }
        let ends: Offsets = fetched.iter().map(|it| (it.topic_partition.clone(), it.end)).collect();
        let is_committed = match self.transactor.send_offsets(group, &ends).await {
            Ok(()) => self.transactor.commit().await?,
            Err(error) if error.is_abortable() => {
                self.transactor.abort().await?;
                false
            }
            Err(error) => return Err(error.into()),
        };
        if !is_committed {
            self.rewind(fetched);
        }
        Ok(())
    }

    async fn write_statement(&mut self, record: &PolledRecord) {
        let PolledRecord { partition, offset, .. } = record;
        let statements = TopicPartition::new(STATEMENTS, partition.partition.0);
        let (process, number) = (self.transactor.scribe.process().0, self.written);
        self.written += 1;
        let value = format!("{partition}@{offset} by {process}/{number}").into();
        self.transactor.send(&statements, &value).await;
    }

    /// Goes back to where these records begin, in the partitions that are still this member's.
    fn rewind(&self, fetched: &[Fetched]) {
        let mut starts = Offsets::new();
        for it in fetched {
            if self.consumer.tenure(&it.topic_partition) == Some(it.tenure) {
                starts.entry(it.topic_partition.clone()).or_insert(it.start);
            }
        }
        let mut positions = Vec::new();
        for (name, start) in starts {
            // It may have been lost in this moment; then there is nothing to go back in.
            if self.consumer.seek(&name, StartAt::Offset(start)).is_ok() {
                positions.push(PartitionPosition::new(&name, Some(start)));
            }
        }
        self.transactor.scribe.position(positions);
    }

    /// Between two transactions everything before its positions is committed.
    fn note_forwarded(&self) {
        let assigned = self.consumer.assignment();
        for name in partitions_of(ACCOUNTS).into_iter().filter(|name| assigned.contains(name)) {
            if let Some(position) = self.consumer.position(&name) {
                self.world.books.note_forwarded(name, position);
            }
        }
    }
}
