//! A producer: sends its records, with pauses, and notes what it is told of each.

use std::rc::Rc;
use std::time::Duration;

use base::{Rng, SplitMix64};
use client::{Delivery, Producer, Record};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::history::{Event, RecordName};
use crate::hosts::{TOPIC, client_keys, connect_producer};
use crate::plan::{PARTITIONS, ProducerPlan};
use crate::weakness::Weakness;
use crate::world::World;

/// How long a producer without records takes to close.
const CLOSE_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn run(world: Rc<World>, producer: usize) -> turmoil::Result {
    let plan = &world.plan.producers[producer];
    let client = connect(plan, world.plan.weakness).await;
    let mut rng = SplitMix64::new(plan.seed);
    let mut results = Vec::new();
    for number in 0..plan.records {
        sleep(Duration::from_millis(u64::from(rng.below(plan.pause_max_ms + 1)))).await;
        let name = RecordName { producer, number };
        let partition = rng.below(PARTITIONS as u32) as i32;
        let value = name.value(rng.below(plan.value_bytes_max) as usize);
        world.note(Event::Sent { name, partition });
        let record =
            Record { partition: Some(partition), value: Some(&value), ..Record::to(TOPIC) };
        match client.send(&record).await {
            Ok(delivery) => {
                let result = note_result(Rc::clone(&world), name, partition, delivery);
                results.push(spawn_local(result));
            }
            Err(error) => {
                let error = error.to_string();
                world.note(Event::Failed { name, partition, error });
            }
        }
        if rng.below(40) == 0 {
            client.flush().await;
        }
    }
    for result in results {
        result.await?;
    }
    let report = client.close(CLOSE_MAX).await;
    if report.pending() > 0 {
        world.fail(format!("producer {producer} has results for all, and closed with {report}"));
    }
    world.producers_left.set(world.producers_left.get() - 1);
    Ok(())
}

async fn note_result(world: Rc<World>, name: RecordName, partition: i32, delivery: Delivery) {
    let event = match delivery.wait().await {
        Ok(delivered) => Event::Acknowledged { name, partition, offset: delivered.offset },
        Err(error) => Event::Failed { name, partition, error: error.to_string() },
    };
    world.note(event);
}

/// The client that the plan asks for.
async fn connect(plan: &ProducerPlan, weakness: Option<Weakness>) -> Producer {
    let mut keys = client_keys();
    let is_idempotent = weakness != Some(Weakness::PlainProducer);
    keys.extend([
        ("batch.size", plan.batch_bytes.to_string()),
        ("linger.ms", plan.linger_ms.to_string()),
        ("max.in.flight.requests.per.connection", plan.in_flight_max.to_string()),
        ("compression.type", plan.compression.to_owned()),
        ("enable.idempotence", is_idempotent.to_string()),
    ]);
    connect_producer(keys, plan.seed).await
}
