//! Somebody who reads all accounts and statements from the first record to the last, by one of the
//! two isolation levels.

use std::rc::Rc;

use base::{Rng, TopicPartition};
use client::{Consumer, Fetched, StartAt};
use history::{IsolationLevel, PartitionOffset, PartitionPosition, PolledRecord};
use tokio::time::timeout;

use crate::books::Offsets;
use crate::hosts::{
    ACCOUNTS, LOOK_INTERVAL, STATEMENTS, connect_consumer_with, partitions_of, polled_records,
};
use crate::scribe::Scribe;
use crate::weakness::Weakness;
use crate::world::World;

/// How many records it takes at once.
const ROWS_MAX: usize = 50;

struct Reader {
    world: Rc<World>,
    isolation: IsolationLevel,
    consumer: Consumer,
    scribe: Scribe,
    names: Vec<TopicPartition>,
    positions: Offsets,
    /// Behind the last record of each partition.
    last: Offsets,
}

pub(crate) async fn run(world: Rc<World>, isolation: IsolationLevel) -> turmoil::Result {
    let mut rng = world.plan.rng(u64::from(u32::MAX) + 4 + isolation as u64);
    let is_dirty = world.plan.weakness == Some(Weakness::DirtyReads);
    let level = match isolation {
        IsolationLevel::ReadCommitted if !is_dirty => "read_committed",
        _ => "read_uncommitted",
    };
    let keys = vec![("isolation.level", level.to_owned())];
    let consumer = connect_consumer_with(keys, rng.next_u64()).await;
    let names = [ACCOUNTS, STATEMENTS].into_iter().flat_map(partitions_of).collect();
    let scribe = Scribe::new(&world);
    let (positions, last) = (Offsets::new(), Offsets::new());
    let mut reader = Reader { world, isolation, consumer, scribe, names, positions, last };
    if let Err(error) = reader.read_all().await {
        reader.world.fail(format!("a {level} reader cannot read on: {error}"));
    }
    reader.consumer.close().await;
    Ok(())
}

impl Reader {
    async fn read_all(&mut self) -> Result<(), String> {
        let start = |name: &TopicPartition| (name.clone(), StartAt::Earliest);
        self.consumer.assign(self.names.iter().map(start));
        let start = |name| PartitionPosition::new(name, Some(0));
        self.scribe.position(self.names.iter().map(start).collect());
        while !self.world.books.has_read_all(&self.positions) {
            // Nothing is lost by looking up: what was fetched stays with the consumer.
            let fetched = match timeout(LOOK_INTERVAL, self.consumer.poll(ROWS_MAX)).await {
                Ok(polled) => polled.map_err(|error| error.to_string())?.unwrap_or_default(),
                Err(_) => Vec::new(),
            };
            self.take(&fetched)?;
            let is_committed = self.isolation == IsolationLevel::ReadCommitted;
            if is_committed && self.world.books.has_read_accounts(&self.positions) {
                let accounts = self.last.iter().filter(|(name, _)| &*name.topic == ACCOUNTS);
                let due = accounts.map(|(name, last)| (name.clone(), *last)).collect();
                self.world.books.note_due(due);
            }
        }
        Ok(())
    }

    /// Notes what was polled, and markers that were passed without a record.
    fn take(&mut self, fetched: &[Fetched]) -> Result<(), String> {
        let (records, _) = polled_records(fetched)?;
        let known = |name: &TopicPartition| Some((name.clone(), self.consumer.position(name)?));
        let positions: Offsets = self.names.iter().filter_map(known).collect();
        if records.is_empty() && positions == self.positions {
            return Ok(());
        }
        for PolledRecord { partition, offset, .. } in &records {
            self.last.insert(partition.clone(), offset + 1);
        }
        if self.isolation == IsolationLevel::ReadCommitted {
            self.world.history.borrow_mut().committed.extend(records.iter().cloned());
        }
        let named = positions.iter().map(|(name, offset)| PartitionOffset::new(name, *offset));
        self.scribe.polled(self.isolation, records, named.collect());
        self.positions = positions;
        Ok(())
    }
}
