//! Brokers that are not well: they refuse, they append what no other replica gets, they are killed
//! and come back, and who leads next lacks what was not replicated.

use std::time::Duration;

use base::{ErrorCode, NodeId, Rng, SplitMix64};
use records::RecordBatch;

use crate::fake_cluster::{FakeCluster, Partition};
use crate::faults::{Faults, happens};
use crate::network::Network;

/// What a broker says that appends nothing: some that mean a later attempt may succeed, and those
/// that only a producer's state can be the reason of.
const REFUSALS: [ErrorCode; 5] = [
    ErrorCode::NotEnoughReplicas,
    ErrorCode::CorruptMessage,
    ErrorCode::OutOfOrderSequenceNumber,
    ErrorCode::UnknownProducerId,
    ErrorCode::InvalidProducerEpoch,
];
/// What a leader says that has appended, and whose followers have not.
const DOUBTS: [ErrorCode; 3] = [
    ErrorCode::RequestTimedOut,
    ErrorCode::NotEnoughReplicasAfterAppend,
    ErrorCode::NotLeaderOrFollower,
];
/// How many batches a producer sends before the first of them is answered.
const IN_FLIGHT_MAX: usize = 5;
/// The longest that a broker is down which was killed.
const RESTART_MAX_MS: u32 = 4_000;

/// What becomes of a produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// What it should.
    None,
    /// Nothing is appended, and this is the answer.
    Refuses(ErrorCode),
    /// It is appended, but not replicated, and this is the answer.
    Lags(ErrorCode),
}

impl Trouble {
    fn draw(rng: &mut SplitMix64, faults: &Faults) -> Self {
        let mut any = |codes: &[ErrorCode]| codes[rng.below(codes.len() as u32) as usize];
        let (refusal, doubt) = (any(&REFUSALS), any(&DOUBTS));
        if happens(rng, faults.batch_refused) {
            Self::Refuses(refusal)
        } else if happens(rng, faults.replicas_lag) {
            Self::Lags(doubt)
        } else {
            Self::None
        }
    }
}

impl FakeCluster {
    /// What was appended, and all before it, comes to the other replicas, or does not.
    pub(crate) fn replicate(
        &mut self,
        index: i32,
        new_batches: usize,
        offset: i64,
    ) -> Result<i64, ErrorCode> {
        let partition = &mut self.partitions[index as usize];
        match self.trouble {
            Trouble::Lags(code) => {
                partition.unreplicated += new_batches;
                if code == ErrorCode::NotLeaderOrFollower {
                    self.resigned.push(index as usize);
                }
                Err(code)
            }
            Trouble::None | Trouble::Refuses(_) => {
                partition.unreplicated = 0;
                Ok(offset)
            }
        }
    }
}

impl Network {
    /// Draws what the next request meets.
    pub(crate) fn make_trouble(&mut self) {
        let Faults { batch_refused, replicas_lag, producers_forgotten, .. } = self.faults;
        self.cluster.trouble = Trouble::None;
        if batch_refused + replicas_lag > 0 {
            self.cluster.trouble = Trouble::draw(&mut self.rng, &self.faults);
        }
        if happens(&mut self.rng, producers_forgotten) {
            let partition = self.rng.below(self.cluster.partitions.len() as u32);
            self.cluster.partitions[partition as usize].forget_producers();
        }
    }

    /// Another replica leads, and may lack what was not replicated.
    pub(crate) fn move_leader(&mut self, partition: usize) {
        self.lose_unreplicated(partition);
        self.cluster.move_leader(partition);
    }

    /// A broker is killed, and will come back: its connections end, and the partitions that it
    /// leads get new leader epochs, some of them other leaders.
    pub(crate) fn restart(&mut self, node: NodeId) {
        for partition in 0..self.cluster.partitions.len() {
            if self.cluster.partitions[partition].leader != node.0 {
                continue;
            }
            if self.rng.below(2) == 0 {
                self.move_leader(partition);
            } else {
                self.lose_unreplicated(partition);
                self.cluster.partitions[partition].leader_epoch += 1;
            }
        }
        let down = Duration::from_millis(u64::from(self.rng.below(RESTART_MAX_MS)));
        self.restarting.insert(node.0, self.now + down);
        self.break_off_all(node);
    }

    fn lose_unreplicated(&mut self, partition: usize) {
        let partition = &mut self.cluster.partitions[partition];
        if partition.unreplicated > 0 {
            let lost = self.rng.below(partition.unreplicated as u32 + 1) as usize;
            partition.lose_last(lost);
        }
    }
}

impl Partition {
    fn lose_last(&mut self, batches: usize) {
        self.batches.truncate(self.batches.len() - batches);
        self.unreplicated -= batches;
        self.end = self.batches.last().map_or(0, |last| last.header().next_offset().0);
        self.know_producers_by_log();
    }

    /// Retention deletes what is replicated, and older brokers forget who wrote it. Not who has
    /// only begun with its epoch: a first batch that is sent again could not be told from a new one
    /// by anybody. Behind so many that may be in flight it is not sent again.
    fn forget_producers(&mut self) {
        let kept = self.batches.len() - self.unreplicated;
        let batches = self.batches[..kept].iter().map(RecordBatch::header);
        let Some(last) = batches.clone().next_back() else { return };
        let stamp = (last.producer_id, last.producer_epoch);
        let of_epoch = batches.filter(|batch| (batch.producer_id, batch.producer_epoch) == stamp);
        if self.is_old && last.base_sequence > 0 && of_epoch.count() > IN_FLIGHT_MAX {
            self.known_from = last.next_offset().0;
            self.know_producers_by_log();
        }
    }
}
