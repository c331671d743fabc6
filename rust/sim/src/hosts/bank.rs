//! The bank: pays the money in before anything is transferred, asks all the while how far the
//! pipeline's group has come, and says where everything ends when all is over.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base::{Rng, SplitMix64};
use client::{Consumer, Record};
use history::workload::bank::Bank;
use history::{Answer, Operation, PartitionOffset, PartitionPosition};
use tokio::time::sleep;

use crate::books::Offsets;
use crate::hosts::{
    ACCOUNTS, GROUP, LOOK_INTERVAL, RETRY_PAUSE, STATEMENTS, client_keys, connect_consumer_with,
    connect_producer, partitions_of,
};
use crate::scribe::Scribe;
use crate::world::{Stage, World};

/// The longest pause between two questions for the group's offsets.
const PAUSE_MAX_MS: u32 = 600;
/// How long a producer without records takes to close.
const CLOSE_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn run(world: Rc<World>) -> turmoil::Result {
    let mut rng = world.plan.rng(u64::from(u32::MAX) + 3);
    let scribe = Scribe::new(&world);
    pay_in(&world, &scribe, rng.next_u64()).await;
    world.books.open();
    // Only offsets that no open transaction may change are asked for (`require_stable`).
    let group = [("group.id", GROUP), ("isolation.level", "read_committed")];
    let group = connect_consumer_with(
        group.map(|(key, value)| (key, value.to_owned())).into(),
        rng.next_u64(),
    )
    .await;
    watch(&world, &scribe, &group, &mut rng).await;
    let reader = connect_consumer_with(Vec::new(), rng.next_u64()).await;
    world.books.note_account_ends(ask_ends(&reader, &scribe, &[ACCOUNTS]).await);
    while world.books.forwarders_left() > 0 {
        sleep(LOOK_INTERVAL).await;
    }
    while !ask_committed(&group, &scribe).await {
        sleep(RETRY_PAUSE).await;
    }
    world.books.note_last_ends(ask_ends(&reader, &scribe, &[ACCOUNTS, STATEMENTS]).await);
    group.close().await;
    reader.close().await;
    Ok(())
}

/// Outside of transactions, by an idempotent producer that outlives every fault.
async fn pay_in(world: &World, scribe: &Scribe, seed: u64) {
    let producer = connect_producer(client_keys(), seed).await;
    for (account, value) in Bank::new(partitions_of(ACCOUNTS), 0).opening() {
        let operation = Operation::Send { partition: account.clone(), value: value.clone() };
        let send = scribe.invoke(operation);
        let record = Record {
            partition: Some(account.partition.0),
            value: Some(value.as_str().as_bytes()),
            ..Record::to(&account.topic)
        };
        let delivered = match producer.send(&record).await {
            Ok(delivery) => delivery.wait().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match delivered {
            Ok(delivered) => scribe.ok(send, Answer::Sent { offset: delivered.offset }),
            Err(error) => world.fail(format!("nothing can be paid into {account}: {error}")),
        }
    }
    producer.close(CLOSE_MAX).await;
}

async fn watch(world: &World, scribe: &Scribe, group: &Consumer, rng: &mut SplitMix64) {
    while world.stage.get() == Stage::Producing {
        ask_committed(group, scribe).await;
        sleep(Duration::from_millis(u64::from(rng.below(PAUSE_MAX_MS)))).await;
    }
}

/// Asks how far the group has come. Whether there was an answer.
async fn ask_committed(group: &Consumer, scribe: &Scribe) -> bool {
    let id = scribe.invoke(Operation::FetchOffsets { group: GROUP.to_owned() });
    match group.committed(partitions_of(ACCOUNTS).into_iter().collect()).await {
        Ok(committed) => {
            let offsets = committed.iter().map(|(name, committed)| {
                PartitionPosition::new(name, committed.as_ref().map(|committed| committed.offset))
            });
            scribe.ok(id, Answer::Fetched { offsets: offsets.collect() });
            true
        }
        Err(error) => {
            scribe.unknown(id, &error);
            false
        }
    }
}

/// Asks for the high watermarks of topics until there is an answer.
async fn ask_ends(reader: &Consumer, scribe: &Scribe, topics: &[&str]) -> Offsets {
    let names: Vec<_> = topics.iter().flat_map(|topic| partitions_of(topic)).collect();
    loop {
        let id = scribe.invoke(Operation::EndOffsets);
        match reader.end_offsets(&names).await {
            Ok(ends) => {
                let ends: BTreeMap<_, _> = ends;
                let named = ends.iter().map(|(name, end)| PartitionOffset::new(name, *end));
                scribe.ok(id, Answer::Ends { ends: named.collect() });
                return ends;
            }
            Err(error) => scribe.unknown(id, &error),
        }
        sleep(RETRY_PAUSE).await;
    }
}
