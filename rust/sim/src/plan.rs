//! What a seed stands for: the network's latencies, what the producers do, and what goes wrong
//! when.

use std::time::Duration;

use base::{Rng, SplitMix64};

use crate::weakness::Weakness;

/// How many partitions the topic has.
pub(crate) const PARTITIONS: i32 = 3;

/// The clients of which each run has one.
const OTHER_HOSTS: [&str; 6] =
    ["consumer", "watcher", "auditor", "bank", COMMITTED_READER, UNCOMMITTED_READER];
/// The host that reads what is committed.
pub(crate) const COMMITTED_READER: &str = "committed-reader";
/// The host that reads everything.
pub(crate) const UNCOMMITTED_READER: &str = "uncommitted-reader";

/// A run, before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) weakness: Option<Weakness>,
    pub(crate) latency_max: Duration,
    pub(crate) producers: Vec<ProducerPlan>,
    pub(crate) clerks: Vec<ClerkPlan>,
    /// How many members the pipeline has.
    pub(crate) forwarders: usize,
    /// `group.protocol` of its group.
    pub(crate) group_protocol: &'static str,
    /// Whether a member that is killed comes back as the same one.
    pub(crate) has_static_members: bool,
    pub(crate) transaction_timeout_ms: u32,
    /// What goes wrong, and how long after what went wrong before.
    pub(crate) faults: Vec<(Duration, Fault)>,
}

/// What a producer does.
#[derive(Clone, Debug)]
pub(crate) struct ProducerPlan {
    pub(crate) seed: u64,
    pub(crate) records: u32,
    /// The longest pause between two records.
    pub(crate) pause_max_ms: u32,
    pub(crate) value_bytes_max: u32,
    pub(crate) linger_ms: u32,
    pub(crate) batch_bytes: u32,
    pub(crate) in_flight_max: u32,
    pub(crate) compression: &'static str,
}

/// What a clerk of the bank does.
#[derive(Clone, Debug)]
pub(crate) struct ClerkPlan {
    pub(crate) seed: u64,
    pub(crate) transfers: u32,
    /// The longest pause between two steps.
    pub(crate) pause_max_ms: u32,
}

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) lasts: Duration,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Segments between the broker and a host wait.
    Hold { host: String },
    /// They are lost.
    Sever { host: String },
    /// The broker's process is killed; the page cache stays.
    Kill,
    /// The broker's power is cut; `is_silent` if no peer is told by a closed connection.
    PowerCut { is_silent: bool },
    /// The power is cut in the middle of work: at the disk's so-manieth operation from now.
    PowerCutAtOperation { operations: u64 },
    /// The broker is stopped in order.
    Stop,
    /// A clerk or forwarder is killed, and begins anew.
    KillClient { host: String },
}

impl FaultKind {
    /// Whether what is not synced may be lost.
    pub(crate) fn cuts_power(&self) -> bool {
        matches!(self, Self::PowerCut { .. } | Self::PowerCutAtOperation { .. })
    }
}

impl Plan {
    /// What `seed` stands for.
    pub(crate) fn draw(seed: u64, weakness: Option<Weakness>) -> Self {
        let rng = &mut SplitMix64::new(seed);
        let producers: Vec<_> = (0..between(rng, 1, 3)).map(|_| draw_producer(rng)).collect();
        let clerks: Vec<_> = (0..between(rng, 1, 2)).map(|_| draw_clerk(rng)).collect();
        let forwarders = between(rng, 1, 2) as usize;
        let group_protocol = if rng.below(2) == 0 { "classic" } else { "consumer" };
        let has_static_members = rng.below(2) == 0;
        let transaction_timeout_ms = between(rng, 3_000, 15_000);
        let latency_max = millis(rng, 2, 40);
        let killable: Vec<_> =
            (0..clerks.len()).map(clerk_host).chain((0..forwarders).map(forwarder_host)).collect();
        let plain = (0..producers.len()).map(producer_host).chain(["consumer".to_owned()]);
        let linked: Vec<_> = plain.chain(killable.iter().cloned()).collect();
        let mut faults: Vec<_> = (0..between(rng, 3, 6))
            .map(|_| (millis(rng, 300, 2_500), draw_fault(rng, &linked, &killable)))
            .collect();
        if !faults.iter().any(|(_, fault)| fault.kind.cuts_power()) {
            // Every run has a power cut in the middle.
            let operations = u64::from(between(rng, 1, 60));
            let kind = FaultKind::PowerCutAtOperation { operations };
            faults.push((millis(rng, 300, 2_500), Fault { kind, lasts: millis(rng, 50, 2_000) }));
        }
        Self {
            seed,
            weakness,
            latency_max,
            producers,
            clerks,
            forwarders,
            group_protocol,
            has_static_members,
            transaction_timeout_ms,
            faults,
        }
    }

    /// The names of all hosts but the broker's.
    pub(crate) fn client_hosts(&self) -> Vec<String> {
        let producers = (0..self.producers.len()).map(producer_host);
        let clerks = (0..self.clerks.len()).map(clerk_host);
        let forwarders = (0..self.forwarders).map(forwarder_host);
        let workers = producers.chain(clerks).chain(forwarders);
        workers.chain(OTHER_HOSTS.map(str::to_owned)).collect()
    }

    /// A generator for one part of the run.
    pub(crate) fn rng(&self, part: u64) -> SplitMix64 {
        let mut rng = SplitMix64::new(self.seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.next_u64();
        rng
    }
}

/// The name of a clerk's host.
pub(crate) fn clerk_host(clerk: usize) -> String {
    format!("clerk-{clerk}")
}

/// The name of a forwarder's host.
pub(crate) fn forwarder_host(forwarder: usize) -> String {
    format!("forwarder-{forwarder}")
}

/// The name of a producer's host.
pub(crate) fn producer_host(producer: usize) -> String {
    format!("producer-{producer}")
}

fn draw_producer(rng: &mut SplitMix64) -> ProducerPlan {
    let value_bytes_max = if rng.below(4) == 0 { 20_000 } else { 200 };
    let codecs = ["none", "none", "gzip", "snappy", "lz4", "zstd"];
    ProducerPlan {
        seed: rng.next_u64(),
        records: between(rng, 60, 240),
        pause_max_ms: between(rng, 5, 60),
        value_bytes_max,
        linger_ms: between(rng, 0, 20),
        batch_bytes: between(rng, 200, 4_000),
        in_flight_max: between(rng, 1, 5),
        compression: codecs[rng.below(codecs.len() as u32) as usize],
    }
}

fn draw_clerk(rng: &mut SplitMix64) -> ClerkPlan {
    ClerkPlan {
        seed: rng.next_u64(),
        transfers: between(rng, 10, 25),
        pause_max_ms: between(rng, 5, 60),
    }
}

/// Links to `linked` hosts may break, and `killable` ones may be killed.
fn draw_fault(rng: &mut SplitMix64, linked: &[String], killable: &[String]) -> Fault {
    let any = |hosts: &[String], rng: &mut SplitMix64| {
        hosts[rng.below(hosts.len() as u32) as usize].clone()
    };
    let kind = match rng.below(11) {
        0 => FaultKind::Hold { host: any(linked, rng) },
        1 | 2 => FaultKind::Sever { host: any(linked, rng) },
        8.. => FaultKind::KillClient { host: any(killable, rng) },
        3 => FaultKind::Kill,
        4 => FaultKind::PowerCut { is_silent: rng.below(2) == 0 },
        5 | 6 => FaultKind::PowerCutAtOperation { operations: u64::from(between(rng, 1, 60)) },
        _ => FaultKind::Stop,
    };
    Fault { kind, lasts: millis(rng, 50, 3_000) }
}

/// A number from `low` to `high`, both included.
fn between(rng: &mut SplitMix64, low: u32, high: u32) -> u32 {
    low + rng.below(high - low + 1)
}

fn millis(rng: &mut SplitMix64, low: u32, high: u32) -> Duration {
    Duration::from_millis(u64::from(between(rng, low, high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_cuts_the_power_and_its_plan_is_always_the_same() {
        for seed in 0..1_000 {
            let plan = Plan::draw(seed, None);
            assert!(plan.faults.iter().any(|(_, fault)| fault.kind.cuts_power()), "{plan:?}");
            assert_eq!(format!("{plan:?}"), format!("{:?}", Plan::draw(seed, None)));
        }
    }

    #[test]
    fn seeds_draw_every_kind_of_fault() {
        let plans = (0..100).map(|seed| format!("{:?}", Plan::draw(seed, None).faults));
        let all = plans.collect::<String>();
        let own = ["Hold", "Sever", "Kill,", "PowerCut {", "PowerCutAtOperation", "Stop"];
        for kind in own.into_iter().chain(["KillClient { host: \"clerk", "\"forwarder"]) {
            assert!(all.contains(kind), "{kind}");
        }
    }
}
