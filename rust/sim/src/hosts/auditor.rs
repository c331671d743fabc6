//! The auditor: when everything is over, reads every partition from its start to its end.

use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;

use base::{Rng, TopicPartition};
use client::{Assign, Consumer, StartAt};
use tokio::time::sleep;

use crate::history::FinalLog;
use crate::hosts::{LOOK_INTERVAL, connect_consumer, partitions, seen};
use crate::world::{Stage, World};

/// How many records it takes at once.
const ROWS_MAX: usize = 1_000;

pub(crate) async fn run(world: Rc<World>) -> turmoil::Result {
    while world.stage.get() == Stage::Producing {
        sleep(LOOK_INTERVAL).await;
    }
    let consumer = connect_consumer(world.plan.rng(u64::from(u32::MAX) + 2).next_u64()).await;
    match read_all(&consumer).await {
        Ok(logs) => {
            let mut history = world.history.borrow_mut();
            for (partition, log) in logs {
                history.note_log(partition.partition.0, log);
            }
        }
        Err(error) => world.fail(format!("what is left cannot be read: {error}")),
    }
    world.stage.set(Stage::Audited);
    consumer.close().await;
    Ok(())
}

async fn read_all(
    consumer: &Consumer,
) -> Result<BTreeMap<TopicPartition, FinalLog>, Box<dyn Error>> {
    let names = partitions();
    let starts = consumer.beginning_offsets(&names).await?;
    let ends = consumer.end_offsets(&names).await?;
    let mut logs: BTreeMap<_, _> = names
        .iter()
        .map(|name| {
            let log = FinalLog { start: starts[name], end: ends[name], records: Vec::new() };
            (name.clone(), log)
        })
        .collect();
    let assign = |name: &TopicPartition| Assign {
        topic_partition: name.clone(),
        start: StartAt::Earliest,
        stop_at: Some(ends[name]),
    };
    consumer.assign_bounded(names.iter().map(assign).collect());
    while let Some(fetched) = consumer.poll(ROWS_MAX).await? {
        for fetched in &fetched {
            let log = logs.get_mut(&fetched.topic_partition).expect("it was assigned");
            log.records.extend(seen(fetched)?);
        }
    }
    Ok(logs)
}
