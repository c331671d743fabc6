//! A shard that has been loaded: it takes requests, timers and metadata one at a time, and hands
//! out replies when what they rest on is committed.

mod transactional;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, Instant, Offset};
use coordinator::{Now, ReplyToken};
use metadata::MetadataImage;
use records::{AppendOrigin, ProduceRules, validate_produce};
use replica::RequiredAcks;

use super::super::append_batch::{AddError, AppendBatch};
use super::super::in_flight::{Held, InFlight, Replies};
use super::super::load::Loaded;
use super::super::machine::{Machine, Unfolded};
use super::super::outbox::{Outbox, Ready};
use super::super::timers::Timers;
use super::{Command, Reply, ShardTask};
use crate::errors::ProduceError;

/// How many requests are decided on before their records are appended, if so many wait.
const TURN_COMMANDS_MAX: usize = 128;
/// How long a batch waits that the log directory has no room for at the moment.
const SUBMIT_PAUSE: Duration = Duration::from_millis(10);

/// How long records that nobody waits for wait themselves for others to share a write and a sync
/// with: that a transaction is complete is soon followed by the beginning of its producer's next
/// one, which would have to wait for a sync of its own otherwise. A crash in between, or a stop,
/// has what led to them repeated.
const COMPANY_WAIT: Duration = Duration::from_millis(5);

/// Why a loaded shard serves no more.
pub(super) enum End {
    /// The broker stops, or the partition is gone.
    Stop,
    /// Its state may be ahead of the log: it must be loaded again. Whoever waits is told why.
    Reload(ErrorCode),
}

/// A shard that has been loaded.
pub(super) struct LiveShard<'a, M: Machine> {
    task: &'a mut ShardTask<M>,
    shard: M,
    timers: Timers<M::TimerKey>,
    /// Whom each token stands for.
    waiting: BTreeMap<ReplyToken, Reply<M>>,
    next_token: u64,
    in_flight: InFlight<M>,
    batch: AppendBatch,
    /// Until when the batch waits for company, if nobody waits for it.
    alone_until: Option<Instant>,
    outbox: Outbox,
    configs: M::Configs,
    /// What the shard knows of the metadata.
    image: Arc<MetadataImage>,
    /// What waits for the records of this turn.
    held: Held<M>,
    /// Where the next record will be.
    next_offset: Offset,
    /// Where the batch of this turn begins.
    batch_offset: Offset,
}

impl<'a, M: Machine> LiveShard<'a, M> {
    pub(super) fn new(task: &'a mut ShardTask<M>, loaded: Loaded<M>) -> Self {
        let (configs, batch) = (task.configs(), task.new_batch());
        Self {
            configs,
            image: loaded.image,
            task,
            shard: loaded.shard,
            timers: Timers::default(),
            waiting: BTreeMap::new(),
            next_token: 0,
            in_flight: InFlight::default(),
            batch,
            alone_until: None,
            outbox: Outbox::default(),
            held: Held::default(),
            next_offset: loaded.next_offset,
            batch_offset: loaded.next_offset,
        }
    }

    pub(super) async fn serve(&mut self) -> End {
        match self.serve_until_failure().await {
            Ok(()) => End::Stop,
            Err(error) => {
                let partition = self.task.partition.index();
                let ProduceError { code, message, .. } = &error;
                tracing::error!(%partition, ?code, ?message, "a {} cannot append", M::NAME);
                End::Reload(match code_for_clients(error.code) {
                    // Members can do nothing about it but come back.
                    ErrorCode::UnknownServerError => ErrorCode::NotCoordinator,
                    code => code,
                })
            }
        }
    }

    async fn serve_until_failure(&mut self) -> Result<(), ProduceError> {
        // What was read and is not committed could still be lost: replies wait for it, too.
        if let Some(committed) = self.task.partition.wait_for_log_end() {
            let last = Offset(self.next_offset.0 - 1);
            self.in_flight.push(committed, last, self.commit_deadline());
        }
        let leader_epoch = self.task.partition.leader_epoch();
        let decision = self.shard.on_loaded(self.now(), leader_epoch);
        self.take(decision, Source::Itself)?;
        self.append()?;
        loop {
            let is_room = !self.in_flight.is_full() && self.outbox.is_empty();
            // No more is decided, and what was is not committed in time: nobody knows when it will.
            let is_stuck = self.in_flight.is_stuck(self.task.host.clock.now());
            let (timer, overdue) = (self.until_next_timer(), self.until_overdue());
            let alone = self.until(self.alone_until);
            let event = tokio::select! {
                biased;
                () = self.task.host.stopping.cancelled() => return Ok(()),
                held = self.in_flight.committed() => Event::Committed(held?),
                () = tokio::time::sleep(overdue) => Event::CommitOverdue,
                () = tokio::time::sleep(SUBMIT_PAUSE), if !self.outbox.is_empty() => {
                    Event::SubmitAgain
                }
                () = tokio::time::sleep(alone), if self.alone_until.is_some() => Event::StillAlone,
                () = tokio::time::sleep(timer), if is_room => Event::TimersDue,
                changed = self.task.images.changed(), if is_room => match changed {
                    Ok(()) => Event::MetadataChanged,
                    Err(_) => return Ok(()),
                },
                Some(news) = self.task.news.recv(), if is_room => Event::Heard(news),
                command = self.task.commands.recv(), if is_room || is_stuck => match command {
                    Some(command) if is_room => Event::Asked(command),
                    Some(command) => Event::AskedInVain(command),
                    None => return Ok(()),
                },
            };
            self.handle(event).await?;
        }
    }

    async fn handle(&mut self, event: Event<M>) -> Result<(), ProduceError> {
        match event {
            Event::Committed(held) => self.release(held),
            Event::CommitOverdue => self.give_up_overdue(),
            Event::AskedInVain(command) => {
                command.refuse(code_for_clients(ErrorCode::RequestTimedOut));
            }
            Event::SubmitAgain | Event::StillAlone => {}
            Event::TimersDue => self.fire_timers().await?,
            Event::MetadataChanged => self.follow_metadata()?,
            Event::Heard(news) => {
                self.hear(news)?;
                for _ in 1..TURN_COMMANDS_MAX {
                    let Ok(news) = self.task.news.try_recv() else { break };
                    self.hear(news)?;
                }
                if !self.batch.is_empty() && self.held.is_empty() {
                    self.alone_until.get_or_insert(self.task.host.clock.now() + COMPANY_WAIT);
                    return Ok(());
                }
            }
            Event::Asked(command) => {
                self.decide(command).await?;
                for _ in 1..TURN_COMMANDS_MAX {
                    // Whoever asks about a topic that was just created must be understood.
                    if self.task.images.has_changed().unwrap_or(true) {
                        break;
                    }
                    let Ok(command) = self.task.commands.try_recv() else { break };
                    self.decide(command).await?;
                }
            }
        }
        self.append()
    }

    fn give_up_overdue(&mut self) {
        for (token, _) in self.in_flight.take_overdue(self.task.host.clock.now()) {
            self.answer(token, Err(code_for_clients(ErrorCode::RequestTimedOut)));
        }
    }

    /// What was asked before the timers were looked at comes before them: after a stall of this
    /// broker the heartbeats that have waited for it count.
    async fn fire_timers(&mut self) -> Result<(), ProduceError> {
        let due = self.now();
        if self.task.images.has_changed().unwrap_or(false) {
            self.follow_metadata()?;
        }
        for _ in 0..self.task.commands.len() {
            let Ok(command) = self.task.commands.try_recv() else { break };
            self.decide(command).await?;
        }
        while let Some(key) = self.timers.take_due(due.instant) {
            let decision = self.shard.on_timer(due, &key);
            self.take(decision, Source::Timer(key))?;
        }
        Ok(())
    }

    fn follow_metadata(&mut self) -> Result<(), ProduceError> {
        let image = self.task.images.borrow_and_update().clone();
        if !self.task.is_led_here() {
            return Err(ErrorCode::NotCoordinator.into());
        }
        self.shard.configure(&self.configs, &self.image, &image);
        let decision = self.shard.on_metadata(self.now(), MetadataImage::clone(&image));
        self.image = image;
        self.take(decision, Source::Itself)
    }

    async fn decide(&mut self, command: Command<M>) -> Result<(), ProduceError> {
        let now = self.now();
        match command {
            Command::Ask { client, request, guard, reply } => {
                let token = ReplyToken(self.next_token);
                self.next_token += 1;
                self.waiting.insert(token, reply);
                let rng = &mut self.task.rng;
                let decision = self.shard.decide(now, rng, &client, &request, token);
                match M::producer(&decision) {
                    Some(producer) => {
                        self.take_in_transaction(decision, producer, guard, token).await
                    }
                    None => self.take(decision, Source::Request(token)),
                }
            }
            Command::EndTransaction { marker, reply } => self.end_transaction(&marker, reply).await,
            Command::Look(look) => {
                look(Ok((&self.shard, now)));
                Ok(())
            }
        }
    }

    fn hear(&mut self, news: M::News) -> Result<(), ProduceError> {
        let decision = self.shard.on_news(self.now(), news);
        self.take(decision, Source::Itself)
    }

    /// Adds a decision's records to the batch and follows it. One whose records the log cannot hold
    /// is taken back: only whom it is about notices.
    fn take(
        &mut self,
        decision: M::Decision,
        source: Source<M::TimerKey>,
    ) -> Result<(), ProduceError> {
        match self.add(M::records(&decision)) {
            Ok(()) => self.follow(decision),
            Err(AddFailure::Append(error)) => return Err(error),
            Err(AddFailure::Refused(error)) => self.retract(&decision, source, &error),
        }
        Ok(())
    }

    /// Replays the records, so that the next decision builds on them, and does the rest.
    fn follow(&mut self, decision: M::Decision) {
        let producer = M::producer(&decision);
        let surroundings = &self.task.host.surroundings;
        let Unfolded { records, replies, timers, effects } = M::unfold(surroundings, decision);
        for record in &records {
            self.shard.replay(self.next_offset, producer, record);
            self.next_offset = self.next_offset.next();
        }
        self.held.replies.extend(replies);
        self.held.effects.extend(effects);
        for setting in timers {
            self.timers.set(setting);
        }
    }

    fn retract(&mut self, decision: &M::Decision, source: Source<M::TimerKey>, error: &AddError) {
        let partition = self.task.partition.index();
        tracing::error!(%partition, %error, ?source, "a decision of a {} was taken back", M::NAME);
        let fired = match source {
            // Only the one who asked for it is told what is wrong with it.
            Source::Request(token) => {
                self.answer(token, Err(ErrorCode::UnknownServerError));
                None
            }
            Source::Timer(key) => Some(key),
            Source::Itself => None,
        };
        let retraction = self.shard.retract(self.now(), decision, fired);
        for token in M::reply_tokens(decision) {
            self.answer(token, Err(ErrorCode::NotCoordinator));
        }
        self.follow(retraction);
    }

    /// Adds records to the batch, in one piece; only tombstones, which stand for themselves, go in
    /// several if they must: a group with more offsets than a batch holds can be deleted, too.
    fn add(&mut self, records: &[M::Record]) -> Result<(), AddFailure> {
        let now_ms = self.task.host.clock.unix_ms();
        let mut added = self.batch.add(now_ms, None, records);
        if matches!(added, Err(AddError::Full)) {
            self.append()?;
            added = self.batch.add(now_ms, None, records);
        }
        match added {
            Ok(()) => Ok(()),
            Err(AddError::TooLarge { only_tombstones: true, records: 2.., .. }) => {
                records.iter().try_for_each(|record| self.add(std::slice::from_ref(record)))
            }
            Err(error) => Err(AddFailure::Refused(error)),
        }
    }

    /// Hands the batch of this turn to the log; its replies wait for it.
    fn append(&mut self) -> Result<(), ProduceError> {
        self.alone_until = None;
        if !self.batch.is_empty() {
            let batch = std::mem::replace(&mut self.batch, self.task.new_batch());
            let records = batch.record_count();
            let bytes = batch.finish().map_err(|error| {
                ProduceError::new(ErrorCode::UnknownServerError, error.to_string())
            })?;
            let deadline = self.commit_deadline();
            self.outbox.push(Ready { records, bytes }, deadline);
        }
        let mut outbox = std::mem::take(&mut self.outbox);
        let handed_over = outbox.hand_over(self.task.host.clock.now(), |batch| self.submit(batch));
        self.outbox = outbox;
        handed_over?;
        // While something waits nothing more is decided, and no reply leaves.
        if self.outbox.is_empty() {
            let held = std::mem::take(&mut self.held);
            let ready = self.in_flight.hold(held);
            self.release(ready);
        }
        Ok(())
    }

    fn submit(&mut self, Ready { records, bytes }: &Ready) -> Result<(), ProduceError> {
        let host = &self.task.host;
        let rules = ProduceRules {
            origin: AppendOrigin::Coordinator,
            ..self.task.partition.produce_rules(host.clock.unix_ms(), true)
        };
        let batch = validate_produce(bytes, &rules)?;
        let appended = self.task.partition.append(&host.directory, batch, RequiredAcks::All)?;
        self.in_flight.push(appended, self.batch_offset, self.commit_deadline());
        self.batch_offset = Offset(self.batch_offset.0 + i64::from(*records));
        Ok(())
    }

    fn commit_deadline(&self) -> Instant {
        self.task.host.clock.now() + self.task.log_settings().commit_timeout
    }

    fn release(&mut self, held: Held<M>) {
        self.reply(held.replies);
        for effect in held.effects {
            M::perform(&self.task.host.surroundings, effect, &self.task.news_sender);
        }
    }

    fn reply(&mut self, replies: Replies<M>) {
        for (token, response) in replies {
            self.answer(token, Ok(response));
        }
    }

    fn answer(&mut self, token: ReplyToken, answer: Result<M::Response, ErrorCode>) {
        if let Some(reply) = self.waiting.remove(&token) {
            // Whoever has hung up needs no answer.
            drop(reply.send(answer));
        }
    }

    /// Lets what is on its way arrive, and tells whoever waits for more to look elsewhere. What was
    /// to be done then is found again by the next who loads the shard.
    pub(super) async fn stop(mut self) {
        while !self.in_flight.is_empty() {
            match self.in_flight.committed().await {
                Ok(held) => self.reply(held.replies),
                Err(_) => break,
            }
        }
        self.refuse(ErrorCode::NotCoordinator);
    }

    /// What is on its way must be in the log, or refused, before the log is read again. Only its
    /// own replies wait for that, and no longer than for a commit.
    pub(super) async fn fail(mut self, code: ErrorCode) {
        let told_later = self.in_flight.reply_tokens();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (others, waiting) = waiting.partition(|(token, _)| !told_later.contains(token));
        self.waiting = waiting;
        refuse::<M>(others, code);
        while !self.in_flight.is_empty() {
            let overdue = self.until_overdue();
            tokio::select! {
                biased;
                committed = self.in_flight.committed() => {
                    if let Ok(held) = committed {
                        self.reply(held.replies);
                    }
                }
                () = tokio::time::sleep(overdue) => self.give_up_overdue(),
                Some(command) = self.task.commands.recv() => command.refuse(code),
            }
        }
        self.refuse(code);
    }

    fn refuse(&mut self, code: ErrorCode) {
        refuse::<M>(std::mem::take(&mut self.waiting), code);
    }

    fn now(&self) -> Now {
        let clock = &self.task.host.clock;
        Now { instant: clock.now(), unix_ms: clock.unix_ms() }
    }

    fn until_next_timer(&self) -> Duration {
        self.until(self.timers.next())
    }

    fn until_overdue(&self) -> Duration {
        self.until(self.in_flight.next_deadline(self.task.host.clock.now()))
    }

    fn until(&self, at: Option<Instant>) -> Duration {
        let now = self.task.host.clock.now();
        at.map_or(Duration::MAX, |at| at.since(now))
    }
}

fn refuse<M: Machine>(waiting: BTreeMap<ReplyToken, Reply<M>>, code: ErrorCode) {
    for reply in waiting.into_values() {
        drop(reply.send(Err(code)));
    }
}

/// What a decision follows from.
#[derive(Debug)]
enum Source<K> {
    Request(ReplyToken),
    Timer(K),
    /// A load, a change of the metadata, or news of what it has had done.
    Itself,
}

/// Why a decision's records are not in the batch.
enum AddFailure {
    /// They can be in none.
    Refused(AddError),
    /// The batch before could not be appended.
    Append(ProduceError),
}

impl From<ProduceError> for AddFailure {
    fn from(error: ProduceError) -> Self {
        Self::Append(error)
    }
}

/// What a loaded shard hears of.
enum Event<M: Machine> {
    Committed(Held<M>),
    /// Somebody has waited for a commit for `offsets.commit.timeout.ms`.
    CommitOverdue,
    /// The log stands still: this would have to wait for longer than a commit may take.
    AskedInVain(Command<M>),
    /// The log directory may have room again.
    SubmitAgain,
    /// What nobody waits for has waited long enough for company.
    StillAlone,
    TimersDue,
    MetadataChanged,
    /// Something that it has had done has come to its end.
    Heard(M::News),
    Asked(Command<M>),
}

/// As Kafka tells clients what has happened to their coordinator's partition.
fn code_for_clients(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        code => code,
    }
}
