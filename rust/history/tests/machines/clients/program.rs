//! A program with a transactional producer: it begins, does what its job asks for, and ends, as
//! KIP-98 wants it to. It may be stopped for some seconds, and then goes on where it was before it
//! hears of anything.

use std::collections::VecDeque;

use base::Instant;
use client_core::TransportEvent;
use client_core::consumer::OffsetAndMetadata;
use client_core::producer::{Operation, OperationId, TransactionError};
use history::{Answer, PartitionOffset};

use super::alarm::Alarm;
use super::job::{Act, Plan};
use super::producer::ProducerClient;
use super::reader::GROUP;
use super::{ConsumerClient, Job};
use crate::network::Endpoint;
use crate::surroundings::Surroundings;
use crate::weather::{happens, up_to_ms};

/// Between the things that it does, and between its transactions.
const ACT_MS_MAX: u32 = 40;
const PAUSE_MS_MAX: u32 = 150;
const SLEEP_MS_MAX: u32 = 6_000;
const LIST_ROWS_MAX: usize = 20;

#[derive(Debug)]
pub(crate) struct Program {
    producer: ProducerClient,
    consumer: Option<ConsumerClient>,
    waiting: Option<(OperationId, Question)>,
    is_open: bool,
    acts: VecDeque<Act>,
    plan: Plan,
    next_at: Instant,
    asleep_until: Option<Instant>,
    alarm: Alarm,
    /// What has come while it was asleep.
    inbox: Vec<(Endpoint, TransportEvent)>,
    /// It begins no transaction any more.
    pub(crate) rests: bool,
    /// It can go on only as somebody else.
    pub(crate) is_lost: bool,
    /// How many of its transactions it knows to be committed, and how many to be aborted.
    pub(crate) ended: (u32, u32),
}

/// What it waits for, with its name in the history.
#[derive(Clone, Copy, Debug)]
enum Question {
    Init,
    Begin(history::OperationId),
    SendOffsets(history::OperationId),
    Commit(history::OperationId),
    Abort(history::OperationId),
}

impl Program {
    pub(crate) fn new(transactional_id: &str, job: &Job, around: &mut Surroundings) -> Self {
        let mut producer = ProducerClient::new(Some(transactional_id), around);
        let consumer = job.consumer(producer.process, around);
        let now = around.now();
        let init = producer.operate(Operation::Init, now);
        Self {
            producer,
            consumer,
            waiting: Some((init, Question::Init)),
            is_open: false,
            acts: VecDeque::new(),
            plan: Plan::default(),
            next_at: now,
            asleep_until: None,
            alarm: Alarm::ringing(),
            inbox: Vec::new(),
            rests: false,
            is_lost: false,
            ended: (0, 0),
        }
    }

    pub(crate) fn has(&self, endpoint: Endpoint) -> bool {
        self.producer.endpoint == endpoint
            || self.consumer.as_ref().is_some_and(|consumer| consumer.endpoint == endpoint)
    }

    /// Whether no transaction is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_none() && !self.is_open && self.asleep_until.is_none()
    }

    pub(crate) fn hear(&mut self, endpoint: Endpoint, event: TransportEvent, now: Instant) {
        if self.asleep_until.is_some() {
            self.inbox.push((endpoint, event));
            return;
        }
        self.alarm.call();
        if self.producer.endpoint == endpoint {
            self.producer.hear(event, now);
        } else if let Some(consumer) = &mut self.consumer {
            consumer.hear(event, now);
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.alarm.due()
    }

    pub(crate) fn step(&mut self, job: &mut Job, around: &mut Surroundings) {
        let now = around.now();
        if !self.alarm.rings(now) {
            return;
        }
        if self.asleep_until.is_some() {
            // Whoever wakes up does not know that he has slept.
            self.go_on(job, around);
            self.asleep_until = None;
            for (endpoint, event) in std::mem::take(&mut self.inbox) {
                self.hear(endpoint, event, now);
            }
        }
        loop {
            self.go_on(job, around);
            self.producer.drive(around);
            if let Some(consumer) = &mut self.consumer {
                consumer.drive(around);
            }
            let result = self.waiting.and_then(|(id, _)| self.producer.take_result(id));
            let (Some((_, question)), Some(result)) = (self.waiting, result) else { break };
            self.waiting = None;
            self.hear_of(question, result, around);
        }
        self.is_lost |= self.producer.has_failed;
        self.alarm.set(self.next_due(now));
    }

    fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.asleep_until.is_some() {
            return self.asleep_until;
        }
        let consumer = self.consumer.as_ref().and_then(|consumer| consumer.due(now));
        let own = self.waiting.is_none().then_some(self.next_at);
        [self.producer.due(now), consumer, own].into_iter().flatten().min()
    }

    /// Does the next thing, if it is time to.
    fn go_on(&mut self, job: &mut Job, around: &mut Surroundings) {
        if self.waiting.is_some() || self.is_lost || around.now() < self.next_at {
            return;
        }
        self.next_at = around.now() + up_to_ms(&mut around.rng, ACT_MS_MAX);
        match self.acts.pop_front() {
            Some(act) if self.is_open => self.act(act, around),
            Some(act) => {
                self.acts.push_front(act);
                let begin = around.invoke(self.producer.process, history::Operation::Begin);
                self.ask(Operation::Begin, Question::Begin(begin), around);
            }
            None => self.look_for_work(job, around),
        }
        if happens(&mut around.rng, around.network.weather.client_sleeps / 2) {
            self.asleep_until = Some(around.now() + up_to_ms(&mut around.rng, SLEEP_MS_MAX));
        }
    }

    fn look_for_work(&mut self, job: &mut Job, around: &mut Surroundings) {
        self.next_at = around.now() + up_to_ms(&mut around.rng, PAUSE_MS_MAX);
        if self.rests {
            return;
        }
        match job.plan(self.producer.process, self.consumer.as_mut(), around) {
            Ok(None) => {}
            Ok(Some(mut plan)) => {
                self.acts = std::mem::take(&mut plan.acts).into();
                self.plan = plan;
                self.rests |= matches!(job, Job::Opening(_));
            }
            Err(_) => self.is_lost = true,
        }
    }

    fn act(&mut self, act: Act, around: &mut Surroundings) {
        let process = self.producer.process;
        match act {
            Act::Send(partition, value) => self.producer.send(&partition, &value, around),
            Act::Read(list) => {
                let consumer = self.consumer.as_mut().expect("who reads has a consumer");
                consumer.pause_but(&list);
                consumer.poll(LIST_ROWS_MAX, around).expect("everything is there to be read");
                consumer.resume();
            }
            Act::SendOffsets(group, offsets) => {
                let row =
                    |(partition, offset): (&_, &i64)| PartitionOffset::new(partition, *offset);
                let told = offsets.iter().map(row).collect();
                let sending =
                    history::Operation::SendOffsets { group: GROUP.to_owned(), offsets: told };
                let question = Question::SendOffsets(around.invoke(process, sending));
                let row = |(partition, offset)| (partition, OffsetAndMetadata::of(offset));
                let offsets = offsets.into_iter().map(row).collect();
                self.ask(Operation::SendOffsets { group, offsets }, question, around);
            }
            Act::Commit => {
                let commit = around.invoke(process, history::Operation::Commit);
                self.ask(Operation::Commit, Question::Commit(commit), around);
            }
            Act::Abort => {
                let abort = around.invoke(process, history::Operation::Abort);
                self.ask(Operation::Abort, Question::Abort(abort), around);
            }
        }
    }

    fn ask(&mut self, operation: Operation, question: Question, around: &Surroundings) {
        self.waiting = Some((self.producer.operate(operation, around.now()), question));
    }

    fn hear_of(
        &mut self,
        question: Question,
        result: Result<(), TransactionError>,
        around: &mut Surroundings,
    ) {
        let error = match (question, result) {
            (Question::Init, Ok(())) => return,
            (Question::Begin(begin), Ok(())) => {
                self.is_open = true;
                return around.ok(begin, Answer::Done);
            }
            (Question::SendOffsets(sent), Ok(())) => return around.ok(sent, Answer::Done),
            (Question::Commit(commit), Ok(())) => {
                around.ok(commit, Answer::Done);
                self.ended.0 += 1;
                return self.end();
            }
            (Question::Abort(abort), Ok(())) => {
                around.ok(abort, Answer::Done);
                self.ended.1 += 1;
                if let Some(consumer) = &mut self.consumer {
                    self.plan.rewind(consumer, around);
                }
                return self.end();
            }
            (Question::Init, Err(_)) => {
                self.is_lost = true;
                return;
            }
            (Question::Begin(begin), Err(error)) => {
                self.is_lost = true;
                return around.failed(begin, error.to_string());
            }
            (Question::SendOffsets(asked) | Question::Commit(asked), Err(error)) => {
                around.unknown(asked, error.to_string());
                error
            }
            (Question::Abort(asked), Err(error)) => {
                self.is_lost = true;
                return around.unknown(asked, error.to_string());
            }
        };
        if error.is_abortable() {
            self.acts = [Act::Abort].into();
        } else {
            self.is_lost = true;
        }
    }

    fn end(&mut self) {
        self.is_open = false;
        self.plan = Plan::default();
        self.acts.clear();
    }
}
