//! The broker: the whole of it, started on whatever the disk holds.

use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

use base::{Rng, SplitMix64};
use broker::config::{BrokerConfig, Properties};
use broker::{Blocking, BrokerServer, Environment};
use storage::{Disk, FaultyDisk};
use tokio::time::sleep;

use crate::clock::SimClock;
use crate::history::Event;
use crate::hosts::{BROKER_PORT, LOOK_INTERVAL};
use crate::lying_disk::LyingDisk;
use crate::plan::PARTITIONS;
use crate::transport::SimTransport;
use crate::weakness::Weakness;
use crate::world::World;

/// Starts a broker and lets it serve until it is told to stop.
pub(crate) async fn run(world: Rc<World>) -> turmoil::Result {
    let disk = world.disk.borrow().clone();
    match serve(&world, &disk).await {
        Ok(()) => Ok(()),
        // Without power nothing works, and the host is about to be taken down.
        Err(_) if disk.is_crashed() => std::future::pending().await,
        Err(error) => {
            world.fail(format!("the broker does not start: {error}"));
            Ok(())
        }
    }
}

async fn serve(world: &World, disk: &FaultyDisk) -> Result<(), Box<dyn Error>> {
    let start = world.starts.get() + 1;
    world.starts.set(start);
    let environment = Environment {
        transport: SimTransport,
        disk: honest_or_not(disk, world.plan.weakness),
        clock: Arc::new(SimClock),
        rng: Box::new(SplitMix64::new(world.plan.rng(start).next_u64())),
        blocking: Blocking::InPlace,
    };
    let server = BrokerServer::start(config(world.plan.weakness)?, environment).await?;
    let recovery = server.recovery();
    world.note(Event::Fault(format!("broker is up, start {start}: {recovery:?}")));
    while !world.stop_wanted.get() {
        sleep(LOOK_INTERVAL).await;
    }
    server.shutdown().await;
    Ok(())
}

fn honest_or_not(disk: &FaultyDisk, weakness: Option<Weakness>) -> Arc<dyn Disk> {
    if weakness == Some(Weakness::LyingDisk) {
        return Arc::new(LyingDisk(disk.clone()));
    }
    Arc::new(disk.clone())
}

/// Kafka's defaults are for clusters of many, and for minutes.
const SMALL_AND_QUICK: [(&str, &str); 8] = [
    ("offsets.topic.num.partitions", "3"),
    ("transaction.state.log.num.partitions", "3"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
    ("group.initial.rebalance.delay.ms", "100"),
    ("group.consumer.min.session.timeout.ms", "6000"),
    ("group.consumer.session.timeout.ms", "6000"),
    ("group.consumer.min.heartbeat.interval.ms", "1000"),
    ("group.consumer.heartbeat.interval.ms", "1000"),
];

fn config(weakness: Option<Weakness>) -> Result<BrokerConfig, Box<dyn Error>> {
    let durability = if weakness == Some(Weakness::PageCache) { "os" } else { "disk" };
    let properties: Properties = [
        ("listeners", format!("PLAINTEXT://:{BROKER_PORT}")),
        ("log.dirs", "/data".to_owned()),
        ("num.partitions", PARTITIONS.to_string()),
        ("ottla.durability", durability.to_owned()),
    ]
    .into_iter()
    .chain(SMALL_AND_QUICK.map(|(key, value)| (key, value.to_owned())))
    .collect();
    Ok(BrokerConfig::load(&properties)?.config)
}
