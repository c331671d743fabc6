//! The leader of one partition: decides when a record is replicated, and whom that sets free.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, Offset};

use crate::epoch_check::{EpochError, check_leader_epoch};
use crate::follower::{FollowerPosition, FollowerProgress};
use crate::isr::InSyncReplicas;
use crate::required_acks::RequiredAcks;
use crate::waiters::{Until, WaiterId, Waiters};

#[cfg(test)]
mod tests;

/// What a leader is born with: its place in the metadata log, and the positions of its log.
#[derive(Clone, Debug)]
pub struct LeaderStart {
    /// This broker.
    pub node: NodeId,
    /// The epoch that made it leader.
    pub epoch: LeaderEpoch,
    /// All replicas, this broker among them.
    pub replicas: BTreeSet<NodeId>,
    /// The in-sync replicas, this broker among them.
    pub isr: BTreeSet<NodeId>,
    /// The topic's `min.insync.replicas`.
    pub min_insync_replicas: u32,
    /// The end of its log.
    pub log_end: Offset,
    /// What it has flushed.
    pub flushed: Offset,
    /// The high watermark that it knew; it never goes back behind this.
    pub high_watermark: Offset,
}

/// What the shell has to do, in the order in which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<W> {
    /// Records below this offset are replicated: the log must know before the waiters that follow
    /// are told, and what it then says of its transactions comes back with
    /// [`Leader::handle_last_stable`].
    HighWatermarkMoved(Offset),
    /// What this waiter waited for is there.
    Released(W),
    /// What this waiter waited for will not come, or came with too few replicas.
    Failed(W, ErrorCode),
}

/// One partition's leader. `W` is whatever the shell hangs on a wait: a response to send, a task to
/// wake.
#[derive(Debug)]
pub struct Leader<W> {
    node: NodeId,
    epoch: LeaderEpoch,
    epoch_start: Offset,
    isr: InSyncReplicas,
    followers: BTreeMap<NodeId, FollowerProgress>,
    min_insync_replicas: u32,
    log_end: Offset,
    flushed: Offset,
    high_watermark: Offset,
    last_stable: Offset,
    waiters: Waiters<W>,
    outputs: VecDeque<Output<W>>,
    closed: Option<ErrorCode>,
}

impl<W> Leader<W> {
    /// A leader at the start of its epoch. The first output may move the high watermark: alone,
    /// what is flushed is replicated.
    pub fn new(start: LeaderStart) -> Self {
        assert!(start.isr.contains(&start.node), "a leader is in sync with itself");
        assert!(start.isr.is_subset(&start.replicas), "in-sync replicas are replicas");
        assert!(
            start.high_watermark <= start.flushed && start.flushed <= start.log_end,
            "the order of a log's positions: high watermark <= flushed <= log end"
        );
        let followers = start.replicas.iter().filter(|&&node| node != start.node);
        let mut leader = Self {
            node: start.node,
            epoch: start.epoch,
            epoch_start: start.log_end,
            followers: followers.map(|&node| (node, FollowerProgress::default())).collect(),
            isr: InSyncReplicas::new(start.isr),
            min_insync_replicas: start.min_insync_replicas,
            log_end: start.log_end,
            flushed: start.flushed,
            high_watermark: start.high_watermark,
            // The log tells it with the first move of the high watermark.
            last_stable: Offset::ZERO,
            waiters: Waiters::new(),
            outputs: VecDeque::new(),
            closed: None,
        };
        leader.advance_high_watermark();
        leader
    }

    /// The log's end has moved. A position behind the known one is late news from another thread,
    /// and ignored.
    pub fn handle_log_end(&mut self, log_end: Offset) {
        self.log_end = self.log_end.max(log_end);
        self.release(Until::Appended, self.log_end);
    }

    /// What the leader has flushed has moved; what is flushed was appended, whichever news came
    /// first.
    pub fn handle_flushed(&mut self, flushed: Offset) {
        if flushed <= self.flushed {
            return;
        }
        self.flushed = flushed;
        self.handle_log_end(flushed);
        self.release(Until::Flushed, flushed);
        self.advance_high_watermark();
    }

    /// The high watermark has moved, and in the log no transaction is open below `last_stable`.
    pub fn handle_last_stable(&mut self, last_stable: Offset) {
        if last_stable > self.last_stable {
            self.last_stable = last_stable;
            self.release(Until::Stable, last_stable);
        }
    }

    /// A follower fetches, and so says where it stands. A node that is no replica is refused.
    pub fn handle_fetch(
        &mut self,
        now: Instant,
        follower: NodeId,
        position: FollowerPosition,
    ) -> Result<(), ErrorCode> {
        let progress = self.followers.get_mut(&follower).ok_or(ErrorCode::UnknownLeaderEpoch)?;
        progress.handle_fetch(now, position, self.log_end);
        self.advance_high_watermark();
        Ok(())
    }

    /// The leader has asked the controller for another set of in-sync replicas.
    pub fn handle_isr_proposed(&mut self, isr: BTreeSet<NodeId>) {
        assert!(isr.contains(&self.node), "a leader does not put itself out of sync");
        self.isr.propose(isr);
    }

    /// The metadata log holds these in-sync replicas now. A smaller set may move the high
    /// watermark.
    pub fn handle_isr(&mut self, isr: BTreeSet<NodeId>) {
        assert!(isr.contains(&self.node), "the controller keeps a leader in its own set");
        self.isr.commit(isr);
        self.advance_high_watermark();
    }

    /// This broker leads on, under a new epoch: what followers said in the old one counts no
    /// longer.
    pub fn handle_epoch(&mut self, epoch: LeaderEpoch) {
        assert!(epoch > self.epoch, "epochs only grow: {epoch} after {}", self.epoch);
        self.epoch = epoch;
        self.epoch_start = self.log_end;
        self.followers.values_mut().for_each(|progress| *progress = FollowerProgress::default());
    }

    /// The topic's `min.insync.replicas` has changed.
    pub fn handle_min_insync_replicas(&mut self, min_insync_replicas: u32) {
        self.min_insync_replicas = min_insync_replicas;
    }

    /// The partition is no longer led here (lost, deleted, or its disk has failed): whoever waits
    /// now or later hears `code`.
    pub fn handle_closed(&mut self, code: ErrorCode) {
        self.closed = Some(code);
        self.outputs.extend(self.waiters.drain().map(|waiter| Output::Failed(waiter, code)));
    }

    /// Waits until a position has reached `offset` (the one after the last record that matters). If
    /// it has already, the release is among the next outputs; the id is then worth nothing, and
    /// harmless.
    pub fn wait(&mut self, until: Until, offset: Offset, waiter: W) -> WaiterId {
        let id = self.waiters.insert(until, offset, waiter);
        match self.closed {
            Some(code) => self.handle_closed(code),
            None => self.release(until, self.position(until)),
        }
        id
    }

    /// Takes a waiter back (its time is up, or another partition has answered for it), unless it
    /// has been released.
    pub fn cancel(&mut self, id: WaiterId) -> Option<W> {
        self.waiters.remove(id)
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output<W>> {
        self.outputs.pop_front()
    }

    /// Whether an append may begin: with acks=all it needs `min.insync.replicas` at this moment.
    pub fn check_append(&self, acks: RequiredAcks) -> Result<(), ErrorCode> {
        if let Some(code) = self.closed {
            return Err(code);
        }
        let in_sync = self.isr.committed().len();
        if acks == RequiredAcks::All && in_sync < self.effective_min_insync_replicas() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        Ok(())
    }

    /// Whether a request that believes in `requested` may be served.
    pub fn check_epoch(&self, requested: LeaderEpoch) -> Result<(), EpochError> {
        check_leader_epoch(self.epoch, requested)
    }

    /// Whether offsets may be told to clients: a new leader whose high watermark has not reached
    /// the start of its epoch would show a client less than an earlier leader did (KIP-207); it
    /// answers `OFFSET_NOT_AVAILABLE`.
    pub fn offsets_are_available(&self) -> bool {
        self.high_watermark >= self.epoch_start
    }

    /// The leader epoch.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Records below it are replicated.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// What the leader has flushed.
    pub fn flushed(&self) -> Offset {
        self.flushed
    }

    /// The end of the leader's log.
    pub fn log_end(&self) -> Offset {
        self.log_end
    }

    /// The in-sync replicas.
    pub fn isr(&self) -> &InSyncReplicas {
        &self.isr
    }

    /// The followers, as far as they have been heard of.
    pub fn followers(&self) -> &BTreeMap<NodeId, FollowerProgress> {
        &self.followers
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Where this position stands.
    fn position(&self, until: Until) -> Offset {
        match until {
            Until::Appended => self.log_end,
            Until::Flushed => self.flushed,
            Until::Replicated | Until::Visible => self.high_watermark,
            Until::Stable => self.last_stable,
        }
    }

    fn release(&mut self, until: Until, position: Offset) {
        let too_few = until == Until::Replicated
            && self.isr.maximal().count() < self.effective_min_insync_replicas();
        self.outputs.extend(self.waiters.reached(until, position).map(|waiter| {
            if too_few {
                Output::Failed(waiter, ErrorCode::NotEnoughReplicasAfterAppend)
            } else {
                Output::Released(waiter)
            }
        }));
    }

    /// Moves the high watermark to what every replica that may be in sync has flushed. It stays
    /// while one of them is silent.
    fn advance_high_watermark(&mut self) {
        let Some(replicated) = self.replicated() else { return };
        if replicated <= self.high_watermark {
            return;
        }
        self.high_watermark = replicated;
        self.outputs.push_back(Output::HighWatermarkMoved(replicated));
        self.release(Until::Replicated, replicated);
        self.release(Until::Visible, replicated);
    }

    /// The lowest flushed position of the replicas that may be in sync, if all of them have spoken.
    fn replicated(&self) -> Option<Offset> {
        let flushed = |node| {
            if node == self.node {
                return Some(self.flushed);
            }
            let position = self.followers.get(&node)?.position()?;
            Some(position.flushed.min(position.log_end))
        };
        let mut lowest = self.flushed;
        for node in self.isr.maximal() {
            lowest = lowest.min(flushed(node)?);
        }
        Some(lowest)
    }

    /// A topic with fewer replicas than `min.insync.replicas` asks for needs all that it has, as in
    /// Kafka.
    fn effective_min_insync_replicas(&self) -> usize {
        (self.min_insync_replicas as usize).min(self.followers.len() + 1)
    }
}
