//! The live consumer: reads along from the first record while everything goes wrong, and has to
//! come to the same end as the auditor.

use std::collections::BTreeMap;
use std::rc::Rc;

use base::Rng;
use client::{Fetched, StartAt};
use tokio::time::timeout;

use crate::history::Event;
use crate::hosts::{LOOK_INTERVAL, connect_consumer, partitions, seen};
use crate::world::{Stage, World};

/// How many records it takes at once.
const ROWS_MAX: usize = 100;

pub(crate) async fn run(world: Rc<World>) -> turmoil::Result {
    let consumer = connect_consumer(world.plan.rng(u64::from(u32::MAX)).next_u64()).await;
    consumer.assign(partitions().into_iter().map(|partition| (partition, StartAt::Earliest)));
    let mut positions = BTreeMap::new();
    while !is_at_the_end(&world, &positions) {
        // Nothing is lost by looking up: what was fetched stays with the consumer.
        let Ok(polled) = timeout(LOOK_INTERVAL, consumer.poll(ROWS_MAX)).await else { continue };
        match polled {
            Ok(fetched) => {
                for fetched in fetched.iter().flatten() {
                    take(&world, &mut positions, fetched);
                }
            }
            Err(error) => {
                world.fail(format!("the consumer cannot read on: {error}"));
                break;
            }
        }
    }
    consumer.close().await;
    Ok(())
}

fn take(world: &World, positions: &mut BTreeMap<i32, i64>, fetched: &Fetched) {
    let partition = fetched.topic_partition.partition.0;
    let position = positions.insert(partition, fetched.end).unwrap_or(0);
    if fetched.start != position {
        let start = fetched.start;
        world
            .fail(format!("the consumer of partition {partition} went from {position} to {start}"));
    }
    match seen(fetched) {
        Ok(records) => {
            for record in records {
                let high_watermark = fetched.high_watermark;
                world.note(Event::Consumed { record, high_watermark });
            }
        }
        Err(error) => world.fail(format!("the consumer was given no batch: {error}")),
    }
}

fn is_at_the_end(world: &World, positions: &BTreeMap<i32, i64>) -> bool {
    let history = world.history.borrow();
    let is_read = |(partition, end): (&i32, i64)| positions.get(partition).copied() >= Some(end);
    world.stage.get() == Stage::Audited
        && history.logs.iter().filter(|(_, log)| log.end > 0).map(|(p, l)| (p, l.end)).all(is_read)
}
