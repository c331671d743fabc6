//! The idempotent producer under fire: brokers that are killed and come back, leaders that change
//! and lack what was not replicated, answers that are lost for longer than a record may take,
//! limits that are lowered meanwhile, and every code that says something about a producer's state.
//! What the program was told is held against what is in the log.

use std::time::Duration;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::producer::DeliveryError;
use history::{
    Answer, IsolationLevel, Operation, PartitionOffset, PartitionPosition, PolledRecord, Process,
};

use crate::fake_cluster::TOPIC;
use crate::faults::Faults;
use crate::producing::{PARTITIONS, World};

/// How often the weather changes.
const CHAPTERS: u64 = 6;
/// How many records are written in each.
const RECORDS: u64 = 60;
/// Who reads the logs at the end.
const READER: Process = Process(2);
/// Until then every attempt to connect of the bad weather is over.
const CALM: Duration = Duration::from_mins(1);
/// The longest that nobody hears anything: some records' time is over then, some records' is not.
const SILENCE_MAX_MS: u32 = 25_000;

pub(crate) fn under_fire(seed: u64) {
    let mut world = run(seed);
    // Whatever was lost, the producer goes on once the weather is fine.
    let stormy = CHAPTERS * RECORDS;
    world.network.faults = Faults::NONE;
    world.wait(CALM);
    world.write(stormy..stormy + RECORDS, &mut SplitMix64::new(seed));
    world.flush();
    for (record, result) in world.results.range(stormy..) {
        assert!(result.is_ok(), "record {record} in calm weather: {result:?}");
    }
    world.check(stormy + RECORDS);
    judge(&world);
}

/// What the seeds must come to between them, or they prove little.
pub(crate) fn doubts_of_seeds() {
    let (mut delivered, mut timed_out, mut unresolved, mut certain, mut bumped) = (0, 0, 0, 0, 0);
    for seed in 0..20 {
        let world = run(seed);
        delivered += world.delivered();
        for error in world.results.values().filter_map(|result| result.as_ref().err()) {
            match error {
                DeliveryError::TimedOut { is_in_doubt: true, .. } => timed_out += 1,
                DeliveryError::Unresolved { .. } => unresolved += 1,
                _ if !error.is_in_doubt() => certain += 1,
                error => panic!("{error}"),
            }
        }
        let logs = world.network.cluster.partitions.iter();
        let epochs = logs.flat_map(|log| &log.batches).map(|batch| batch.header().producer_epoch.0);
        bumped += usize::from(epochs.max() > Some(0));
    }
    let counts = [timed_out, unresolved, certain, bumped];
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(delivered > 2_000, "only {delivered} were delivered");
}

fn run(seed: u64) -> World {
    let mut rng = SplitMix64::new(seed);
    let faults = Faults::with_trouble(&mut rng);
    let in_flight_max = ["1", "3", "5", "5"][seed as usize % 4];
    let linger_ms = ["0", "5", "100"][seed as usize % 3];
    let keys = [("max.in.flight.requests.per.connection", in_flight_max), ("linger.ms", linger_ms)];
    let mut world = World::new(seed, faults, &keys);
    world.drive();
    for chapter in 0..CHAPTERS {
        let first = chapter * RECORDS;
        let middle = first + u64::from(rng.below(RECORDS as u32));
        world.write(first..middle, &mut rng);
        let network = &mut world.network;
        match rng.below(8) {
            // All is taken, and nothing is answered.
            0 => network.faults.response_lost = 1000,
            1 => network.is_down = true,
            2 => network.cluster.batch_bytes_max = Some(80 + rng.below(120) as usize),
            _ => {}
        }
        world.write(middle..first + RECORDS, &mut rng);
        if world.network.is_down || world.network.faults.response_lost == 1000 {
            world.wait(Duration::from_millis(u64::from(rng.below(SILENCE_MAX_MS))));
        }
        world.network.is_down = false;
        world.network.faults = faults;
    }
    world.flush();
    world
}

/// Reads everything that is in the logs, and holds the history against it.
fn judge(world: &World) {
    let mut history = world.history.clone();
    let at_us = world.network.now.0 / 1_000;
    let names: Vec<_> =
        (0..PARTITIONS).map(|index| TopicPartition::new(TOPIC, index as i32)).collect();
    let starts = names.iter().map(|name| PartitionPosition::new(name, Some(0))).collect();
    history.position(at_us, READER, starts);
    let mut records = Vec::new();
    let mut ends = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let values = world.network.cluster.values(index);
        ends.push(PartitionOffset::new(name, values.len() as i64));
        records.extend((0..).zip(values).map(|(offset, value)| PolledRecord {
            partition: name.clone(),
            offset,
            value: value.to_string().into(),
        }));
    }
    let asked = history.invoke(at_us, READER, Operation::EndOffsets);
    history.ok(at_us, asked, Answer::Ends { ends: ends.clone() });
    let isolation = IsolationLevel::ReadUncommitted;
    let poll = history.invoke(at_us, READER, Operation::Poll { isolation });
    history.ok(at_us, poll, Answer::Polled { records, positions: ends });
    let report = history::check(&history).expect("it is recorded as it has to be");
    assert!(report.is_clean(), "{report}");
}
