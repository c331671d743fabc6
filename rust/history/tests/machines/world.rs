//! One history: the opening of the bank, a storm, a calm in which every transaction has to end, and
//! somebody who reads everything.

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Instant, Rng, SplitMix64};
use history::workload::bank::Bank;
use history::{Answer, History, IsolationLevel, Operation, PartitionOffset};

use crate::broker::topics::{ACCOUNTS, INPUT, partitions_of, written};
use crate::broker::{Broker, Remains};
use crate::clients::{ConsumerClient, GROUP, Job, Loader, Program, Reader};
use crate::network::{Arrival, Network};
use crate::protocol::Protocol;
use crate::surroundings::Surroundings;
use crate::weakness::Weakness;
use crate::weather::{Weather, happens, up_to_ms};

const STORM: Duration = Duration::from_secs(10);
/// As long as a transaction may take, and a late request.
const CALM: Duration = Duration::from_secs(7);
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a disaster may happen.
const TICK: Duration = Duration::from_millis(100);
const TICKS_PER_SECOND: u32 = 10;
/// How long a broker or a program is away.
const DOWN_MS_MAX: u32 = 1_500;
const GONE_MS_MAX: u32 = 2_500;
/// No history takes more steps: one that does hangs.
const STEPS_MAX: usize = 2_000_000;
const ISOLATIONS: [IsolationLevel; 2] =
    [IsolationLevel::ReadUncommitted, IsolationLevel::ReadCommitted];

/// Who has a job, and the program that does it at the moment.
struct Slot {
    transactional_id: String,
    job: Job,
    program: Option<Program>,
    /// When the next program begins, if there is none.
    begins_at: Instant,
}

pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) bank: Bank,
    protocol: Protocol,
    weakness: Option<Weakness>,
    broker: Option<Broker>,
    /// What the last broker has left, and when the next one begins.
    remains: Option<(Remains, Instant)>,
    slots: Vec<Slot>,
    loader: Option<Loader>,
    readers: Vec<Reader>,
    storm: Weather,
    weather: Weather,
    rng: SplitMix64,
    tick_at: Instant,
    /// How many transactions programs have known to be committed, and to be aborted.
    pub(crate) ended: (u32, u32),
}

impl World {
    pub(crate) fn new(
        seed: u64,
        protocol: Protocol,
        weakness: Option<Weakness>,
        storm: Weather,
    ) -> Self {
        let network = Network::new(protocol, weakness == Some(Weakness::LateEnds), seed);
        let around = Surroundings::new(network, seed ^ 0xc11e);
        let now = around.now();
        let broker = Broker::start(Remains::nothing(seed), protocol, weakness, now);
        Self {
            bank: Bank::new(partitions_of(ACCOUNTS), seed),
            around,
            protocol,
            weakness,
            broker: Some(broker),
            remains: None,
            slots: Vec::new(),
            loader: None,
            readers: Vec::new(),
            storm,
            weather: Weather::CALM,
            rng: SplitMix64::new(seed),
            tick_at: now,
            ended: (0, 0),
        }
    }

    /// Runs it from its beginning to its end.
    pub(crate) fn run(mut self, seed: u64) -> Self {
        self.open_bank();
        self.begin_storm(seed);
        self.run_until(STORM, |_| false);
        self.begin_calm();
        self.run_until(CALM, |_| false);
        self.run_until(PATIENCE, Self::is_idle);
        self.audit();
        self
    }

    pub(crate) fn history(&self) -> &History {
        &self.around.history
    }

    fn open_bank(&mut self) {
        self.add("opening", Job::Opening(self.bank.clone()));
        self.run_until(PATIENCE, |world| {
            let program = world.slots[0].program.as_ref();
            program.is_some_and(|program| program.ended.0 == 1 && program.is_idle())
        });
        self.slots.clear();
    }

    /// Two programs share an id, and fence each other off.
    fn begin_storm(&mut self, seed: u64) {
        let is_new_protocol = seed.is_multiple_of(2);
        for (id, number) in [("bank", 0), ("bank", 1), ("bank too", 2)] {
            self.add(id, Job::transfers(1_000 + number));
        }
        for (id, number) in [("lists", 0), ("lists too", 1)] {
            self.add(id, Job::lists(2_000 + number));
        }
        for id in ["pipeline", "pipeline too"] {
            self.add(id, Job::Pipeline { is_new_protocol, count: 0 });
        }
        self.loader = Some(Loader::new(&mut self.around));
        let readers = ISOLATIONS.map(|isolation| Reader::new(isolation, &mut self.around));
        self.readers.extend(readers);
        self.set_weather(self.storm);
    }

    /// Pipelines go on until everything is taken over.
    fn begin_calm(&mut self) {
        self.set_weather(Weather::CALM);
        self.readers.clear();
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_pipeline()) {
            if let Some(program) = &mut slot.program {
                program.rests = true;
            }
        }
        if let Some(loader) = &mut self.loader {
            loader.rests = true;
        }
    }

    fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
        self.around.network.weather = weather;
        if let Some(broker) = &mut self.broker {
            broker.marker_fails = weather.marker_fails;
        }
    }

    fn is_calm(&self) -> bool {
        self.loader.as_ref().is_none_or(|loader| loader.rests)
    }

    fn is_idle(&self) -> bool {
        let programs = self.slots.iter().filter_map(|slot| slot.program.as_ref());
        let is_loaded = self.loader.as_ref().is_none_or(Loader::is_done);
        self.broker.is_some() && is_loaded && programs.into_iter().all(Program::is_idle)
    }

    fn add(&mut self, transactional_id: &str, job: Job) {
        let (transactional_id, begins_at) = (transactional_id.to_owned(), self.around.now());
        self.slots.push(Slot { transactional_id, job, program: None, begins_at });
    }

    /// Goes on for so long, or until that holds.
    fn run_until(&mut self, time: Duration, is_over: impl Fn(&Self) -> bool) {
        let end = self.around.now() + time;
        for _ in 0..STEPS_MAX {
            if self.around.now() >= end || is_over(self) {
                return;
            }
            self.step(end);
        }
        panic!("time does not pass");
    }

    /// Goes to the next moment at which anything happens.
    fn step(&mut self, end: Instant) {
        let now = self.around.now();
        let clients = self.slots.iter().filter_map(|slot| slot.due(now));
        let readers = self.readers.iter().filter_map(Reader::due);
        let others = [
            self.loader.as_ref().and_then(Loader::due),
            self.broker.as_ref().and_then(Broker::due),
            self.remains.as_ref().map(|(_, at)| *at),
            self.around.network.due(),
            Some(self.tick_at),
            Some(end),
        ];
        let due = clients.chain(readers).chain(others.into_iter().flatten()).min();
        self.around.network.now = due.unwrap_or(end).max(now);
        self.tick();
        self.pass_time();
        self.deliver();
        self.step_clients();
    }

    fn tick(&mut self) {
        let now = self.around.now();
        if now < self.tick_at {
            return;
        }
        self.tick_at = now + TICK;
        let chance = |of_second: u32| of_second / TICKS_PER_SECOND;
        if happens(&mut self.rng, chance(self.weather.broker_dies))
            && let Some(broker) = self.broker.take()
        {
            self.around.network.break_all();
            self.around.network.is_down = true;
            let at = now + up_to_ms(&mut self.rng, DOWN_MS_MAX);
            self.remains = Some((broker.kill(), at));
        }
        for slot in &mut self.slots {
            if happens(&mut self.rng, chance(self.weather.client_dies)) {
                slot.lose(&mut self.ended);
                slot.begins_at = now + up_to_ms(&mut self.rng, GONE_MS_MAX);
            }
        }
        if happens(&mut self.rng, chance(self.weather.client_dies)) {
            let number = self.rng.below(ISOLATIONS.len() as u32) as usize;
            self.readers[number] = Reader::new(ISOLATIONS[number], &mut self.around);
        }
    }

    fn pass_time(&mut self) {
        let now = self.around.now();
        if let Some((remains, at)) = self.remains.take() {
            if at > now {
                self.remains = Some((remains, at));
                return;
            }
            let mut broker = Broker::start(remains, self.protocol, self.weakness, now);
            broker.marker_fails = self.weather.marker_fails;
            self.broker = Some(broker);
            self.around.network.is_down = false;
        }
        if let Some(broker) = &mut self.broker
            && broker.due().is_some_and(|due| due <= now)
        {
            broker.pass_time(now);
        }
    }

    fn deliver(&mut self) {
        while let Some(arrival) = self.around.network.arrive() {
            match arrival {
                Arrival::Request { line, frame } => {
                    if let Some(broker) = &mut self.broker {
                        broker.handle(line, frame, self.around.network.now);
                    }
                }
                Arrival::Event { endpoint, event } => {
                    let now = self.around.now();
                    let programs = self.slots.iter_mut().filter_map(|slot| slot.program.as_mut());
                    let loader = self.loader.iter_mut().find(|it| it.endpoint() == endpoint);
                    let reader = self.readers.iter_mut().find(|it| it.endpoint() == endpoint);
                    if let Some(program) = programs.into_iter().find(|it| it.has(endpoint)) {
                        program.hear(endpoint, event, now);
                    } else if let Some(reader) = reader {
                        reader.hear(event, now);
                    } else if let Some(loader) = loader {
                        loader.hear(event, now);
                    }
                }
            }
        }
        let answers = self.broker.iter_mut().flat_map(Broker::take_answers);
        for answer in answers.collect::<Vec<_>>() {
            self.around.network.answer(answer.line, answer.correlation_id, answer.frame);
        }
    }

    fn step_clients(&mut self) {
        let is_calm = self.is_calm();
        for slot in &mut self.slots {
            slot.step(is_calm, &mut self.ended, &mut self.around);
        }
        for reader in &mut self.readers {
            reader.step(&mut self.around);
        }
        if let Some(loader) = &mut self.loader {
            loader.step(&mut self.around);
            if loader.is_lost() {
                let rests = loader.rests;
                *loader = Loader::new(&mut self.around);
                loader.rests = rests;
            }
        }
    }

    /// Somebody reads everything, by each isolation level, and asks how far the group has come.
    fn audit(&mut self) {
        for slot in &mut self.slots {
            slot.lose(&mut self.ended);
        }
        self.slots.clear();
        self.readers.clear();
        let broker = self.broker.as_ref().expect("the weather is calm");
        let ends: Vec<_> =
            written().iter().map(|it| PartitionOffset::new(it, broker.end_of(it))).collect();
        let auditor = self.around.process();
        let asked = self.around.invoke(auditor, Operation::EndOffsets);
        self.around.ok(asked, Answer::Ends { ends: ends.clone() });
        self.readers = ISOLATIONS.map(|it| Reader::new(it, &mut self.around)).into();
        self.run_until(PATIENCE, |world| {
            world.readers.iter().all(|reader| {
                let stands = |it: &PartitionOffset| reader.client.position(&it.partition);
                ends.iter().all(|end| stands(end).is_some_and(|at| at >= end.offset))
            })
        });
        let inputs: BTreeSet<_> = partitions_of(INPUT).into_iter().collect();
        let client: &mut ConsumerClient = &mut self.readers[1].client;
        client.fetch_offsets(GROUP, inputs, &mut self.around);
        self.run_until(PATIENCE, |world| !world.readers[1].client.is_asking());
    }
}

impl Slot {
    fn is_pipeline(&self) -> bool {
        matches!(self.job, Job::Pipeline { .. })
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        match &self.program {
            Some(program) => program.due(),
            None => Some(self.begins_at).filter(|at| *at > now),
        }
    }

    fn step(&mut self, is_calm: bool, ended: &mut (u32, u32), around: &mut Surroundings) {
        if self.program.as_ref().is_some_and(|program| program.is_lost) {
            self.lose(ended);
            self.begins_at = around.now() + up_to_ms(&mut around.rng, GONE_MS_MAX);
        }
        let is_wanted = !is_calm || self.is_pipeline() || matches!(self.job, Job::Opening(_));
        if self.program.is_none() && is_wanted && self.begins_at <= around.now() {
            self.program = Some(Program::new(&self.transactional_id, &self.job, around));
        }
        if let Some(program) = &mut self.program {
            program.step(&mut self.job, around);
        }
    }

    fn lose(&mut self, ended: &mut (u32, u32)) {
        if let Some(program) = self.program.take() {
            ended.0 += program.ended.0;
            ended.1 += program.ended.1;
        }
    }
}
