//! One history: some minutes of bad weather, then a calm in which the group has to settle.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Rng, SplitMix64};
use coordinator::{Client, CoordinatorConfig, ReplyToken, Request, Response};
use wire::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};

use crate::classic::ClassicMember;
use crate::consumer::ConsumerMember;
use crate::faults::{Faults, happens};
use crate::host::{Host, add_partitions, add_topic, remove_topic, topics};
use crate::invariants::{
    CommittedOffsets, Handover, OneHolder, OneOwner, check_accepted_commit, check_fetch,
    check_settled,
};
use crate::member::Member;
use crate::network::{Message, Network, Ticket};
use crate::transactions::{Transactions, answer_to_commit, plain};

pub(crate) const GROUP: &str = "g";
pub(crate) const TOPIC: &str = "orders";
pub(crate) const PARTITIONS: i32 = 7;

const STORM: Duration = Duration::from_mins(2);
const CALM: Duration = Duration::from_secs(90);
const SECOND: Duration = Duration::from_secs(1);

/// Up to how many partitions the topic grows.
const PARTITIONS_MAX: i32 = 12;
/// A topic that comes and goes, and that members' expression matches too.
const OTHER_TOPIC: &str = "orders-of-yesterday";
/// The number of the topic itself, and the first of the other one, which has another each time.
const TOPIC_NUMBER: u8 = 1;
const OTHER_TOPIC_NUMBER_MIN: u8 = 2;

/// How many members there are at most.
const MEMBERS_MAX: u32 = 6;

/// Which members there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Classic,
    Consumer,
    /// Both, in one group, which changes its protocol as they come and go.
    Mixed,
}

pub(crate) fn classic(seed: u64) -> usize {
    World::new(seed, Kind::Classic).run()
}

pub(crate) fn consumer(seed: u64) -> usize {
    World::new(seed, Kind::Consumer).run()
}

pub(crate) fn mixed(seed: u64) -> usize {
    World::new(seed, Kind::Mixed).run()
}

/// Members of each kind that commit within transactions.
pub(crate) fn transactional(seed: u64) -> usize {
    let kind = [Kind::Classic, Kind::Consumer, Kind::Mixed][(seed % 3) as usize];
    let mut world = World::new(seed, kind);
    world.transactions = Some(Transactions::new(world.members.len()));
    world.run()
}

/// What happened, for comparing histories.
pub(crate) fn history(seed: u64) -> Vec<String> {
    let kind = if seed.is_multiple_of(2) { Kind::Classic } else { Kind::Consumer };
    let mut world = World::new(seed, kind);
    world.history = Some(Vec::new());
    world.run();
    world.history.unwrap()
}

struct World {
    host: Host,
    network: Network,
    rng: SplitMix64,
    faults: Faults,
    kind: Kind,
    partitions: i32,
    /// The number of the other topic, while there is one.
    other_topic: Option<u8>,
    next_topic_number: u8,
    members: Vec<Member>,
    /// Counts each member's lives and requests: it listens for the answer to its last one.
    tickets: Vec<Ticket>,
    /// Each with the places in the log, and the offsets, that it acknowledges.
    waiting: BTreeMap<ReplyToken, (Ticket, Vec<(usize, i64)>)>,
    now: Duration,
    next_second: Duration,
    next_commit: Duration,
    one_owner: OneOwner,
    one_holder: OneHolder,
    handover: Handover,
    keeps_order: bool,
    committed: CommittedOffsets,
    /// Of members that commit within transactions.
    transactions: Option<Transactions>,
    /// Only if somebody wants to read it.
    history: Option<Vec<String>>,
}

impl World {
    fn new(seed: u64, kind: Kind) -> Self {
        let mut rng = SplitMix64::new(seed);
        let faults = Faults::random(&mut rng);
        let config = CoordinatorConfig {
            initial_rebalance_delay_ms: rng.below(3) as i32 * 1_000,
            consumer_session_timeout_ms: 12_000,
            consumer_assignment_interval_ms: rng.below(3) as i32 * 1_000,
            ..CoordinatorConfig::default()
        };
        let image = topics(&[(TOPIC, 1, PARTITIONS)]);
        let mut host = Host::with_image(config, &image, seed ^ 0x5eed);
        host.commits_at_once = false;
        let members: Vec<Member> = (0..=rng.below(MEMBERS_MAX))
            .map(|number| {
                let instance = (rng.below(3) == 0).then(|| format!("i{number}"));
                let wakes = Duration::from_millis(u64::from(rng.below(5_000)));
                let is_classic = match kind {
                    Kind::Classic => true,
                    Kind::Consumer => false,
                    Kind::Mixed => rng.below(2) == 0,
                };
                if is_classic {
                    Member::Classic(ClassicMember::new(instance, wakes))
                } else {
                    let name = format!("c{number}");
                    Member::Consumer(ConsumerMember::new(name, instance, wakes))
                }
            })
            .collect();
        let keeps_order = kind != Kind::Classic || rng.below(2) == 0;
        let tickets =
            (0..members.len()).map(|member| Ticket { member, life: 0, sequence: 0 }).collect();
        Self {
            host,
            network: Network::new(keeps_order),
            rng,
            faults,
            kind,
            partitions: PARTITIONS,
            other_topic: None,
            next_topic_number: OTHER_TOPIC_NUMBER_MIN,
            members,
            tickets,
            waiting: BTreeMap::new(),
            now: Duration::ZERO,
            next_second: SECOND,
            next_commit: Duration::ZERO,
            one_owner: OneOwner::default(),
            one_holder: OneHolder::default(),
            handover: Handover::default(),
            keeps_order,
            committed: CommittedOffsets::default(),
            transactions: None,
            history: None,
        }
    }

    /// Says how often a partition went from one owner to another.
    fn run(&mut self) -> usize {
        self.run_until(STORM);
        self.faults = Faults::NONE;
        self.run_until(STORM + CALM);
        check_settled(&self.members, self.partitions);
        if let Some(transactions) = &mut self.transactions {
            transactions.end_all(&mut self.host);
            self.follow_handovers();
        }
        self.fetch();
        self.handover.count
    }

    fn run_until(&mut self, end: Duration) {
        while self.now < end {
            self.step(end);
        }
    }

    /// Goes on to the next thing that happens.
    fn step(&mut self, end: Duration) {
        let wakes = self.members.iter().map(Member::wakes).min();
        let moments =
            [self.network.due(), self.host.next_timer(), wakes, Some(self.next_second), Some(end)];
        let next = moments.into_iter().flatten().min().unwrap_or(end).max(self.now);
        // The log is committed a little later than it is appended.
        let next = if self.host.committed < self.host.log.len() {
            next.min(self.next_commit.max(self.now))
        } else {
            next
        };
        self.host.advance(next.saturating_sub(self.now));
        self.one_holder.follow(&self.host.log);
        self.now = next;
        if self.now >= self.next_commit {
            self.host.commit_log();
            self.next_commit = self.now + Duration::from_micros(500);
        }
        self.release();
        while let Some((ticket, message)) = self.network.arrive(self.now) {
            match message {
                Message::Request(client, request) => self.serve(ticket, &client, request),
                Message::Response(response) => self.deliver(ticket, response),
            }
        }
        self.let_members_act();
        if self.now >= self.next_second {
            self.next_second = self.now + SECOND;
            self.strike();
        }
    }

    fn let_members_act(&mut self) {
        for number in 0..self.members.len() {
            let Self { members, rng, faults, now, .. } = self;
            if let Some((client, request)) = members[number].poll(*now, rng, faults) {
                let request = match &mut self.transactions {
                    Some(transactions) => transactions.send(number, request),
                    None => request,
                };
                self.tickets[number].sequence += 1;
                self.send(self.tickets[number], &Message::Request(client, request));
            }
        }
    }

    fn send(&mut self, ticket: Ticket, message: &Message) {
        let Self { network, rng, faults, now, .. } = self;
        network.send(*now, rng, faults, ticket, message);
    }

    fn serve(&mut self, ticket: Ticket, client: &Client, request: Request) {
        self.note(|| format!("{ticket:?} {request:?}"));
        let before = self.host.log.len();
        let commit = match &request {
            Request::OffsetCommit(commit) => Some(commit.clone()),
            Request::TxnOffsetCommit(commit) => Some(plain(commit)),
            _ => None,
        };
        let token = self.host.send(client, request);
        if let Some(transactions) = &mut self.transactions
            && self.host.fenced.pop().is_some()
        {
            // It is as good as no answer: the member asks again.
            return transactions.fenced(ticket.member, &self.host);
        }
        self.one_holder.follow(&self.host.log);
        let mut accepted = Vec::new();
        if let Some(commit) = commit
            && self.host.log.len() > before
        {
            check_accepted_commit(&commit, &self.host.log[..before]);
            let partitions = commit.topics[0].partitions.iter();
            accepted.extend((before..).zip(partitions.map(|sent| sent.committed_offset)));
        }
        self.follow_handovers();
        self.waiting.insert(token, (ticket, accepted));
    }

    fn follow_handovers(&mut self) {
        if self.keeps_order {
            self.handover.follow(&self.host);
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(history) = &mut self.history {
            history.push(format!("{:?} {}", self.now, what()));
        }
    }

    /// Answers whose records are committed leave.
    fn release(&mut self) {
        for (token, response) in self.host.take_released() {
            let Some((ticket, accepted)) = self.waiting.remove(&token) else { continue };
            for (place, offset) in accepted {
                self.committed.acknowledge(place, offset);
            }
            self.send(ticket, &Message::Response(response));
        }
    }

    fn deliver(&mut self, ticket: Ticket, response: Response) {
        if self.tickets[ticket.member] != ticket {
            return;
        }
        self.note(|| format!("{ticket:?} {response:?}"));
        let member = &mut self.members[ticket.member];
        let response = match &self.transactions {
            Some(_) => answer_to_commit(response, matches!(member, Member::Consumer(_))),
            None => response,
        };
        member.hear(self.now, &mut self.rng, response);
        if let Some((generation, partitions)) = member.owned() {
            self.one_owner.claim(generation, partitions, &member.name());
        }
    }

    /// Once a second something may go wrong.
    fn strike(&mut self) {
        for number in 0..self.members.len() {
            let pause = Duration::from_millis(u64::from(self.rng.below(20_000)));
            let until = self.now + pause;
            if happens(&mut self.rng, self.faults.member_dies) {
                self.tickets[number].life += 1;
                self.members[number].die(until);
            } else if happens(&mut self.rng, self.faults.member_leaves) {
                self.tickets[number].life += 1;
                let (client, request) = self.members[number].leave(&mut self.rng, until);
                self.send(self.tickets[number], &Message::Request(client, request));
            }
        }
        if happens(&mut self.rng, self.faults.coordinator_restarts) {
            self.note(|| "restart".to_owned());
            self.host.restart();
            self.one_holder = OneHolder::default();
            self.one_holder.follow(&self.host.log);
            self.handover = Handover::default();
            self.follow_handovers();
            self.waiting.clear();
            if let Some(transactions) = &mut self.transactions {
                transactions.begin_anew();
            }
            self.committed.check_log(&self.host.log);
        }
        if happens(&mut self.rng, self.faults.topics_change) {
            self.change_topics();
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.end_some(&mut self.rng, &self.faults, &mut self.host);
            self.follow_handovers();
        }
        if self.rng.below(10) == 0 {
            self.fetch();
        }
    }

    /// The topic grows, or another one comes or goes. A classic group's leader would have to see
    /// the growth, and to tell: that is its client's part.
    fn change_topics(&mut self) {
        let mut image = self.host.image.clone();
        let may_grow = self.kind == Kind::Consumer && self.partitions < PARTITIONS_MAX;
        if may_grow && self.rng.below(2) == 0 {
            add_partitions(&mut image, TOPIC_NUMBER, self.partitions..self.partitions + 1);
            self.partitions += 1;
        } else if let Some(number) = self.other_topic.take() {
            remove_topic(&mut image, number);
        } else {
            let number = self.next_topic_number;
            self.next_topic_number = number.checked_add(1).unwrap_or(OTHER_TOPIC_NUMBER_MIN);
            add_topic(&mut image, OTHER_TOPIC, number, 3);
            self.other_topic = Some(number);
        }
        self.note(|| "topics change".to_owned());
        self.host.set_image(image);
    }

    /// What is committed is told as it is, and what a transaction may replace only to who does not
    /// ask for what is stable.
    fn fetch(&mut self) {
        for require_stable in [false, true] {
            let group = OffsetFetchRequestGroup {
                group_id: GROUP.into(),
                topics: None,
                ..OffsetFetchRequestGroup::default()
            };
            let groups = vec![group];
            let request =
                OffsetFetchRequest { groups, require_stable, ..OffsetFetchRequest::default() };
            let client = Client { api_version: 9, ..Client::default() };
            let token = self.host.send(&client, request);
            let Some(Response::OffsetFetch(response)) = self.host.take(token) else {
                panic!("a fetch is answered at once")
            };
            check_fetch(&response.groups[0], require_stable, &self.host);
        }
    }
}
