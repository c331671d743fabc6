//! Seeded histories of a leader with followers under virtual time, each step checked against the
//! invariants.
//!
//! The model keeps the truth (who has flushed what), the machine is told through messages that are
//! lost, late and repeated.

use std::collections::{BTreeMap, BTreeSet};

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, Offset};
use proptest::prelude::*;
use replica::{FollowerPosition, Leader, LeaderStart, Output, RequiredAcks, Until, WaiterId};

const LEADER: NodeId = NodeId(0);
const NODES: i32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Append { records: i64 },
    Flush { percent: i64 },
    TellLogEnd,
    TellFlushed,
    Replicate { follower: i32, percent: i64 },
    FollowerFlush { follower: i32 },
    FollowerFetch { follower: i32 },
    ProposeIsr { members: u8 },
    CommitIsr,
    NewEpoch,
    Wait { until: Until, ahead: i64 },
    Cancel { waiter: usize },
    Transaction { is_open: bool },
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let until = prop_oneof![
        Just(Until::Appended),
        Just(Until::Flushed),
        Just(Until::Replicated),
        Just(Until::Visible),
        Just(Until::Stable)
    ];
    prop_oneof![
        4 => (1..20_i64).prop_map(|records| Step::Append { records }),
        4 => (0..=100_i64).prop_map(|percent| Step::Flush { percent }),
        4 => Just(Step::TellLogEnd),
        4 => Just(Step::TellFlushed),
        4 => (1..NODES, 0..=100_i64)
            .prop_map(|(follower, percent)| Step::Replicate { follower, percent }),
        4 => (1..NODES).prop_map(|follower| Step::FollowerFlush { follower }),
        6 => (1..NODES).prop_map(|follower| Step::FollowerFetch { follower }),
        1 => any::<u8>().prop_map(|members| Step::ProposeIsr { members }),
        1 => Just(Step::CommitIsr),
        1 => Just(Step::NewEpoch),
        6 => (until, -5..20_i64).prop_map(|(until, ahead)| Step::Wait { until, ahead }),
        1 => any::<usize>().prop_map(|waiter| Step::Cancel { waiter }),
        1 => any::<bool>().prop_map(|is_open| Step::Transaction { is_open }),
    ]
}

/// The end of a history: perhaps a close after everything else.
fn history() -> impl Strategy<Value = Vec<Step>> {
    (proptest::collection::vec(step(), 1..100), any::<bool>()).prop_map(|(mut steps, close)| {
        if close {
            steps.push(Step::Close);
        }
        steps
    })
}

#[derive(Debug)]
struct World {
    leader: Leader<u64>,
    now: Instant,
    log_end: Offset,
    flushed: Offset,
    followers: BTreeMap<NodeId, FollowerPosition>,
    isr: BTreeSet<NodeId>,
    proposed: Option<BTreeSet<NodeId>>,
    epoch: LeaderEpoch,
    waiting: BTreeMap<u64, (Until, Offset, WaiterId)>,
    next_waiter: u64,
    high_watermark: Offset,
    /// It stays where it is while a transaction is open.
    last_stable: Offset,
    transaction_is_open: bool,
    closed: bool,
}

impl World {
    fn new(alone: bool, min_insync_replicas: u32) -> Self {
        let replicas: BTreeSet<_> = (0..if alone { 1 } else { NODES }).map(NodeId).collect();
        let zero = FollowerPosition { log_end: Offset(0), flushed: Offset(0) };
        Self {
            followers: replicas.iter().filter(|&&n| n != LEADER).map(|&n| (n, zero)).collect(),
            isr: replicas.clone(),
            leader: Leader::new(LeaderStart {
                node: LEADER,
                epoch: LeaderEpoch(0),
                isr: replicas.clone(),
                replicas,
                min_insync_replicas,
                log_end: Offset(0),
                flushed: Offset(0),
                high_watermark: Offset(0),
            }),
            now: Instant(0),
            log_end: Offset(0),
            flushed: Offset(0),
            proposed: None,
            epoch: LeaderEpoch(0),
            waiting: BTreeMap::new(),
            next_waiter: 0,
            high_watermark: Offset(0),
            last_stable: Offset(0),
            transaction_is_open: false,
            closed: false,
        }
    }

    fn run(&mut self, step: &Step) {
        self.now = Instant(self.now.0 + 1);
        match *step {
            Step::Append { records } => self.log_end = self.log_end + records,
            Step::Flush { percent } => self.flushed = part(self.flushed, self.log_end, percent),
            Step::TellLogEnd => self.leader.handle_log_end(self.log_end),
            Step::TellFlushed => self.leader.handle_flushed(self.flushed),
            Step::Replicate { follower, percent } => {
                let leader_end = self.log_end;
                self.with_follower(follower, |f| f.log_end = part(f.log_end, leader_end, percent));
            }
            Step::FollowerFlush { follower } => {
                self.with_follower(follower, |f| f.flushed = f.log_end);
            }
            Step::FollowerFetch { follower } => {
                if let Some(&position) = self.followers.get(&NodeId(follower)) {
                    self.leader
                        .handle_fetch(self.now, NodeId(follower), position)
                        .expect("a replica");
                }
            }
            Step::ProposeIsr { members } => self.propose(members),
            Step::CommitIsr => {
                if let Some(proposed) = self.proposed.take() {
                    self.isr = proposed;
                    self.leader.handle_isr(self.isr.clone());
                }
            }
            Step::NewEpoch => {
                self.epoch = LeaderEpoch(self.epoch.0 + 1);
                self.leader.handle_epoch(self.epoch);
            }
            Step::Wait { until, ahead } => self.wait(until, self.leader.high_watermark() + ahead),
            Step::Cancel { waiter } => self.cancel(waiter),
            Step::Transaction { is_open } => self.transaction_is_open = is_open,
            Step::Close => {
                self.closed = true;
                self.leader.handle_closed(ErrorCode::NotLeaderOrFollower);
            }
        }
        self.drain();
        self.check();
    }

    fn with_follower(&mut self, follower: i32, change: impl FnOnce(&mut FollowerPosition)) {
        if let Some(position) = self.followers.get_mut(&NodeId(follower)) {
            change(position);
        }
    }

    fn propose(&mut self, members: u8) {
        // A proposal that has not been answered is not followed by another one.
        if self.proposed.is_none() {
            let chosen = self.followers.keys().filter(|node| members & (1 << node.0) != 0);
            let isr: BTreeSet<_> = chosen.copied().chain([LEADER]).collect();
            self.leader.handle_isr_proposed(isr.clone());
            self.proposed = Some(isr);
        }
    }

    fn wait(&mut self, until: Until, offset: Offset) {
        let waiter = self.next_waiter;
        self.next_waiter += 1;
        let id = self.leader.wait(until, offset, waiter);
        self.waiting.insert(waiter, (until, offset, id));
    }

    fn cancel(&mut self, waiter: usize) {
        let Some((&waiter, &(_, _, id))) =
            self.waiting.iter().nth(waiter % self.waiting.len().max(1))
        else {
            return;
        };
        assert_eq!(self.leader.cancel(id), Some(waiter));
        self.waiting.remove(&waiter);
    }

    /// Takes the outputs; each release has to be deserved at the moment it is told.
    fn drain(&mut self) {
        while let Some(output) = self.leader.poll_output() {
            match output {
                Output::HighWatermarkMoved(to) => {
                    assert!(to > self.high_watermark, "{to} after {}", self.high_watermark);
                    self.high_watermark = to;
                    if !self.transaction_is_open {
                        self.last_stable = to;
                    }
                    self.leader.handle_last_stable(self.last_stable);
                }
                Output::Released(waiter) => {
                    let (until, offset, _) = self.waiting.remove(&waiter).expect("waits once");
                    assert!(offset <= self.position(until), "{until:?} {offset} released early");
                }
                Output::Failed(waiter, code) => {
                    let (until, ..) = self.waiting.remove(&waiter).expect("waits once");
                    let too_few = until == Until::Replicated
                        && code == ErrorCode::NotEnoughReplicasAfterAppend
                        && self.leader.check_append(RequiredAcks::All).is_err();
                    assert!(self.closed || too_few, "{until:?} failed with {code:?}");
                }
            }
        }
    }

    fn position(&self, until: Until) -> Offset {
        match until {
            Until::Appended => self.leader.log_end(),
            Until::Flushed => self.leader.flushed(),
            Until::Replicated | Until::Visible => self.high_watermark,
            Until::Stable => self.last_stable,
        }
    }

    fn check(&self) {
        assert_eq!(self.leader.high_watermark(), self.high_watermark, "every move was told");
        assert!(self.high_watermark <= self.leader.flushed(), "never above the leader's flushed");
        assert!(self.leader.flushed() <= self.flushed, "the machine knows no more than is true");
        for &(until, offset, _) in self.waiting.values() {
            assert!(!self.closed, "nobody waits on a closed partition");
            assert!(offset > self.position(until), "{until:?} {offset} waits for what is there");
        }
        assert_eq!(self.leader.waiting(), self.waiting.len());
    }
}

/// A point on the way from `from` to `to`.
fn part(from: Offset, to: Offset, percent: i64) -> Offset {
    from + (to - from) * percent / 100
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_leader_alone_or_with_followers_keeps_its_promises(
        alone: bool,
        min_insync_replicas in 1..4_u32,
        steps in history(),
    ) {
        let mut world = World::new(alone, min_insync_replicas);
        for step in &steps {
            world.run(step);
        }
    }

    /// With the set of in-sync replicas left alone, no move of the high watermark passes what any
    /// of them has flushed.
    #[test]
    fn the_high_watermark_is_never_above_what_an_in_sync_replica_has_flushed(steps in history()) {
        let mut world = World::new(false, 1);
        let about_isr = |step: &&Step| matches!(step, Step::ProposeIsr { .. } | Step::CommitIsr);
        for step in steps.iter().filter(|step| !about_isr(step)) {
            world.run(step);
            let lowest = world.followers.values().map(|f| f.flushed).min().expect("followers");
            prop_assert!(world.high_watermark <= lowest.min(world.flushed));
        }
    }

    /// Nothing waits for ever: once everybody has flushed and said so, the high watermark is the
    /// end of the log.
    #[test]
    fn when_every_replica_has_flushed_and_fetched_everything_is_replicated(steps in history()) {
        let mut world = World::new(false, 1);
        for step in steps.iter().filter(|s| !matches!(s, Step::Close)) {
            world.run(step);
        }
        world.run(&Step::Flush { percent: 100 });
        world.run(&Step::TellFlushed);
        for follower in 1..NODES {
            world.run(&Step::Replicate { follower, percent: 100 });
            world.run(&Step::FollowerFlush { follower });
            world.run(&Step::FollowerFetch { follower });
        }
        prop_assert_eq!(world.high_watermark, world.log_end);
    }
}
