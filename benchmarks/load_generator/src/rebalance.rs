//! A group of many members, one of which leaves and comes back, and how long the others take to
//! settle.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::ValueEnum;

use crate::classic_member::ClassicMember;
use crate::client::{AskError, Client};
use crate::consumer_member::ConsumerMember;
use crate::member::{Group, Running};
use crate::roster::Roster;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Classic,
    Consumer,
}

/// A group, and how often one of its members leaves it.
#[derive(Debug)]
pub(crate) struct Rebalances {
    pub(crate) protocol: Protocol,
    pub(crate) topic: String,
    pub(crate) partitions: u16,
    pub(crate) members: u16,
    pub(crate) leaves: u16,
}

impl Rebalances {
    /// The medians of all times to settle.
    pub(crate) fn run(&self, broker: SocketAddr) -> Result<String, Box<dyn Error>> {
        let group = self.group()?;
        Client::connect(broker)?.await_coordinator(&group.id)?;
        let roster = Arc::new(Roster::default());
        let members = usize::from(self.members);
        let mut running = Vec::with_capacity(members);
        let started = Instant::now();
        for number in 0..members {
            running.push(self.start(broker, number, &group, &roster)?);
        }
        let mut settled = roster.settled(members, self.partitions.into(), 0)?;
        let first = settled.at - started;
        let (mut after_leave, mut after_join) = (Vec::new(), Vec::new());
        for number in members..members + usize::from(self.leaves) {
            let leaving = running.pop().expect("a group has members");
            let left_at = Instant::now();
            leaving.leave();
            settled = roster.settled(members - 1, self.partitions.into(), settled.epoch)?;
            after_leave.push(settled.at - left_at);
            leaving.join();
            let joined_at = Instant::now();
            running.push(self.start(broker, number, &group, &roster)?);
            settled = roster.settled(members, self.partitions.into(), settled.epoch)?;
            after_join.push(settled.at - joined_at);
        }
        running.iter().for_each(Running::leave);
        running.into_iter().for_each(Running::join);
        Ok(format!(
            r#"{{"first_ms": {:.1}, "after_leave_ms": {:.1}, "after_join_ms": {:.1}}}"#,
            milliseconds(first),
            median_ms(&mut after_leave),
            median_ms(&mut after_join),
        ))
    }

    /// One that no earlier run has used.
    fn group(&self) -> Result<Group, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Group {
            id: format!("rebalance-{}", now.as_micros()),
            topic: self.topic.clone(),
            partitions: self.partitions.into(),
        })
    }

    fn start(
        &self,
        broker: SocketAddr,
        number: usize,
        group: &Group,
        roster: &Arc<Roster>,
    ) -> Result<Running, AskError> {
        let (group, roster) = (group.clone(), Arc::clone(roster));
        match self.protocol {
            Protocol::Classic => Running::start(broker, number, roster, |client| {
                ClassicMember::new(group, number, client)
            }),
            Protocol::Consumer => Running::start(broker, number, roster, |client| {
                ConsumerMember::new(group, number, client)
            }),
        }
    }
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    milliseconds(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
