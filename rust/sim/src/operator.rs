//! Who breaks things and mends them: carries out a plan's faults between the steps of the
//! simulation, and at last cuts the power once more, when every record has its result.

use std::collections::VecDeque;
use std::time::Duration;

use base::SplitMix64;
use storage::disk::Fault as DiskFault;
use turmoil::Sim;

use crate::history::Event;
use crate::hosts::BROKER;
use crate::plan::{Fault, FaultKind};
use crate::power_cut::survivors;
use crate::world::{Stage, World};

/// How long a disk that is to fail in the middle of work may have none.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// How long the broker is left without power at the end.
const LAST_OUTAGE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Operator {
    rng: SplitMix64,
    /// When the next fault begins, and which.
    next: Option<(Duration, Fault)>,
    faults: VecDeque<(Duration, Fault)>,
    /// The host whose link is held or severed, and until when.
    link: Option<(Duration, LinkFault)>,
    /// The client that was killed, and until when it is down.
    killed: Option<(Duration, String)>,
    broker: Broker,
    has_cut_last: bool,
}

#[derive(Debug)]
enum LinkFault {
    Held(String),
    Severed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Up,
    /// The disk will lose its power at some operation, at the latest then, and stay without for so
    /// long.
    Doomed {
        at_latest: Duration,
        outage: Duration,
    },
    /// It will stop, and stay down for so long.
    Stopping {
        outage: Duration,
    },
    Down {
        until: Duration,
    },
}

impl Operator {
    pub(crate) fn new(world: &World) -> Self {
        let mut faults: VecDeque<_> = world.plan.faults.iter().cloned().collect();
        Self {
            rng: world.plan.rng(0),
            next: faults.pop_front(),
            faults,
            link: None,
            killed: None,
            broker: Broker::Up,
            has_cut_last: false,
        }
    }

    /// Does what is due.
    pub(crate) fn act(&mut self, sim: &mut Sim<'_>, world: &World) {
        self.mend(sim, world);
        self.look_after_the_broker(sim, world);
        let now = sim.elapsed();
        if self.next.as_ref().is_some_and(|(at, _)| *at <= now) && self.broker == Broker::Up {
            let (_, fault) = self.next.take().expect("it was just looked at");
            self.break_something(fault, sim, world);
            self.next = self.faults.pop_front().map(|(after, fault)| (now + after, fault));
        }
        let is_whole = self.link.is_none() && self.killed.is_none();
        let is_quiet = self.next.is_none() && is_whole && self.broker == Broker::Up;
        let is_done = world.producers_left.get() == 0 && world.books.is_all_transferred();
        if is_quiet && is_done && world.stage.get() == Stage::Producing {
            if self.has_cut_last {
                world.stage.set(Stage::Settled);
            } else {
                self.has_cut_last = true;
                self.cut_power(true, LAST_OUTAGE, sim, world);
            }
        }
    }

    fn break_something(&mut self, fault: Fault, sim: &mut Sim<'_>, world: &World) {
        world.note(Event::Fault(format!("{fault:?}")));
        let until = sim.elapsed() + fault.lasts;
        match fault.kind {
            FaultKind::Hold { host } => {
                self.release_link(sim, world);
                sim.hold(BROKER, host.as_str());
                self.link = Some((until, LinkFault::Held(host)));
            }
            FaultKind::Sever { host } => {
                self.release_link(sim, world);
                sim.partition(BROKER, host.as_str());
                self.link = Some((until, LinkFault::Severed(host)));
            }
            FaultKind::Kill => {
                sim.crash(BROKER);
                self.broker = Broker::Down { until };
            }
            FaultKind::PowerCut { is_silent } => self.cut_power(is_silent, fault.lasts, sim, world),
            FaultKind::PowerCutAtOperation { operations } => {
                let disk = world.disk.borrow();
                disk.fail_at(disk.operations() + operations, DiskFault::Crash);
                let at_latest = sim.elapsed() + IDLE_MAX;
                self.broker = Broker::Doomed { at_latest, outage: fault.lasts };
            }
            FaultKind::Stop => {
                world.stop_wanted.set(true);
                self.broker = Broker::Stopping { outage: fault.lasts };
            }
            FaultKind::KillClient { host } => {
                self.revive(sim, world);
                sim.crash(host.as_str());
                self.killed = Some((until, host));
            }
        }
    }

    fn look_after_the_broker(&mut self, sim: &mut Sim<'_>, world: &World) {
        match self.broker {
            Broker::Doomed { at_latest, outage }
                if at_latest <= sim.elapsed() || world.disk.borrow().is_crashed() =>
            {
                self.cut_power(false, outage, sim, world);
            }
            Broker::Stopping { outage } if !sim.is_host_running(BROKER) => {
                world.note(Event::Fault("the broker has stopped".to_owned()));
                world.stop_wanted.set(false);
                self.broker = Broker::Down { until: sim.elapsed() + outage };
            }
            Broker::Down { until } if until <= sim.elapsed() => {
                world.note(Event::Fault("the broker starts".to_owned()));
                sim.bounce(BROKER);
                self.broker = Broker::Up;
            }
            _ => {}
        }
    }

    /// Takes the host down and draws what is left on its disk. A silent cut loses what is on the
    /// way, so that nobody is told.
    fn cut_power(&mut self, is_silent: bool, outage: Duration, sim: &mut Sim<'_>, world: &World) {
        if is_silent {
            self.release_link(sim, world);
            for host in world.plan.client_hosts() {
                sim.partition(BROKER, host.as_str());
            }
        }
        sim.crash(BROKER);
        if is_silent {
            for host in world.plan.client_hosts() {
                sim.repair(BROKER, host.as_str());
            }
        }
        let survivors = survivors(&world.disk.borrow(), &mut self.rng);
        world.note(Event::Fault(format!("the power is cut: {survivors:?}")));
        let left = world.disk.borrow().after_crash(&survivors);
        world.disk.replace(left);
        self.broker = Broker::Down { until: sim.elapsed() + outage };
    }

    fn mend(&mut self, sim: &mut Sim<'_>, world: &World) {
        if self.killed.as_ref().is_some_and(|(until, _)| *until <= sim.elapsed()) {
            self.revive(sim, world);
        }
        if self.link.as_ref().is_some_and(|(until, _)| *until <= sim.elapsed()) {
            self.release_link(sim, world);
        }
    }

    /// The client that was killed begins anew.
    fn revive(&mut self, sim: &mut Sim<'_>, world: &World) {
        let Some((_, host)) = self.killed.take() else { return };
        world.note(Event::Fault(format!("{host} begins anew")));
        sim.bounce(host.as_str());
    }

    fn release_link(&mut self, sim: &Sim<'_>, world: &World) {
        let Some((_, link)) = self.link.take() else { return };
        world.note(Event::Fault(format!("mended: {link:?}")));
        match link {
            LinkFault::Held(host) => sim.release(BROKER, host.as_str()),
            LinkFault::Severed(host) => sim.repair(BROKER, host.as_str()),
        }
    }
}
