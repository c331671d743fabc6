//! One run of one seed: hosts, network and faults, step by step, and then the invariants.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use history::IsolationLevel;
use turmoil::{Builder, Sim};

use crate::clock::{self, EPOCH_UNIX_MS};
use crate::history::{Event, History};
use crate::hosts::{
    BROKER, auditor, bank, broker, clerk, consumer, forwarder, producer, reader, watcher,
};
use crate::invariants;
use crate::operator::Operator;
use crate::plan::{
    COMMITTED_READER, Plan, UNCOMMITTED_READER, clerk_host, forwarder_host, producer_host,
};
use crate::world::World;

/// Every run is over by then, or something hangs. Longer than `delivery.timeout.ms`, so that what a
/// producer gives up is told as such.
const DURATION_MAX: Duration = Duration::from_secs(200);
const TICK: Duration = Duration::from_millis(1);
const LATENCY_MIN: Duration = Duration::from_millis(1);
/// The segments that fit into a connection: more than broker and clients keep in flight.
const TCP_SEGMENTS: usize = 65_536;

/// How a run went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) history: History,
    pub(crate) elapsed: Duration,
    pub(crate) starts: u64,
    /// What must not be.
    pub(crate) violation: Option<String>,
}

/// Runs a plan. Once in a process: what tokio keeps for a thread would leak into a second run.
pub(crate) fn run(plan: Plan) -> Outcome {
    let world = Rc::new(World::new(plan));
    let mut sim = build(&world.plan);
    add_hosts(&mut sim, &world);
    let mut operator = Operator::new(&world);
    loop {
        let step = sim.step();
        clock::note_step(sim.elapsed());
        match step {
            Ok(true) => break,
            Ok(false) => operator.act(&mut sim, &world),
            Err(error) => world.fail(format!("{error} (stage {:?})", world.stage.get())),
        }
        if world.failure().is_some() {
            break;
        }
    }
    let elapsed = sim.elapsed();
    let history = world.history.borrow().clone();
    let violation = world.failure().or_else(|| invariants::check(&history).err());
    Outcome { history, elapsed, starts: world.starts.get(), violation }
}

fn build(plan: &Plan) -> Sim<'static> {
    let mut builder = Builder::new();
    builder
        .rng_seed(plan.seed)
        .epoch(UNIX_EPOCH + Duration::from_millis(EPOCH_UNIX_MS as u64))
        .simulation_duration(DURATION_MAX)
        .tick_duration(TICK)
        .min_message_latency(LATENCY_MIN)
        .max_message_latency(plan.latency_max)
        .tcp_capacity(TCP_SEGMENTS)
        .enable_random_order();
    builder.build()
}

fn add_hosts(sim: &mut Sim<'static>, world: &Rc<World>) {
    let served = Rc::clone(world);
    sim.host(BROKER, move || broker::run(Rc::clone(&served)));
    for index in 0..world.plan.producers.len() {
        sim.client(producer_host(index), producer::run(Rc::clone(world), index));
    }
    sim.client("consumer", consumer::run(Rc::clone(world)));
    sim.client("watcher", watcher::run(Rc::clone(world)));
    sim.client("auditor", auditor::run(Rc::clone(world)));
    // These can be killed, so they are hosts that come back.
    for index in 0..world.plan.clerks.len() {
        let world = Rc::clone(world);
        sim.host(clerk_host(index), move || clerk::run(Rc::clone(&world), index));
    }
    for index in 0..world.plan.forwarders {
        let world = Rc::clone(world);
        sim.host(forwarder_host(index), move || forwarder::run(Rc::clone(&world), index));
    }
    sim.client("bank", bank::run(Rc::clone(world)));
    for (name, isolation) in [
        (COMMITTED_READER, IsolationLevel::ReadCommitted),
        (UNCOMMITTED_READER, IsolationLevel::ReadUncommitted),
    ] {
        sim.client(name, reader::run(Rc::clone(world), isolation));
    }
}

impl Outcome {
    /// How many records were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        let is_acknowledged = |event: &&Event| matches!(event, Event::Acknowledged { .. });
        self.history.events.iter().filter(is_acknowledged).count()
    }
}
