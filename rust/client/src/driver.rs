//! The one loop that drives every machine: events in, decisions, frames out, and sleep until the
//! next of them is due.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Instant};
use client_core::{Reach, Transmit, TransportEvent, Unreachable};
use net::Transport;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTracker;

use crate::carrier::Carrier;
use crate::error::ConnectError;

/// How long a constructor waits for the first broker to answer.
pub const CONNECT_CHECK_MAX: Duration = Duration::from_secs(5);

/// A machine with its locks around it, as the loop sees it.
pub(crate) trait Machine: Send + Sync + 'static {
    /// Something has happened on a connection.
    fn handle_transport(&self, event: TransportEvent, now: Instant);

    /// Decides what can be decided, gives out results, and hands what is to be sent to `transmit`.
    /// Returns when to be driven again.
    fn drive(
        &self,
        now: Instant,
        unix_ms: i64,
        transmit: &mut dyn FnMut(Transmit),
    ) -> Option<Instant>;

    /// Whether anybody answers.
    fn reach(&self) -> Reach;
}

/// The loop, from outside.
#[derive(Debug)]
pub(crate) struct Driver {
    stop: CancellationToken,
    tasks: TaskTracker,
    reach: watch::Receiver<Reach>,
}

impl Driver {
    /// Starts the loop on `runtime`. Whoever changes the machine calls [`Notify::notify_one`] on
    /// `kick`.
    pub(crate) fn start<M: Machine, T: Transport>(
        machine: Arc<M>,
        kick: Arc<Notify>,
        transport: T,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let (sender, reach) = watch::channel(Reach::Connecting(Unreachable(Vec::new())));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let task = Loop { machine, kick, clock, reach: sender };
        let run = stop.clone().run_until_cancelled_owned(task.run(Carrier::new(transport)));
        tasks.spawn_on(run, runtime);
        tasks.close();
        Self { stop, tasks, reach }
    }

    /// Waits until a broker has answered, everybody has failed, or [`CONNECT_CHECK_MAX`] is over.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        let mut reach = self.reach.clone();
        let settled = reach.wait_for(|reach| !matches!(reach, Reach::Connecting(_)));
        let settled = tokio::time::timeout(CONNECT_CHECK_MAX, settled).await;
        match settled {
            Ok(Ok(reach)) => match &*reach {
                Reach::Unreachable(unreachable) => Err(ConnectError::of(unreachable.clone())),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err(ConnectError::Closed),
            Err(_) => match &*self.reach.borrow() {
                Reach::Connecting(tried) | Reach::Unreachable(tried) => {
                    Err(ConnectError::of(tried.clone()))
                }
                Reach::Known => Ok(()),
            },
        }
    }

    /// Stops the loop and its connections, and waits until they have stopped.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Loop<M> {
    machine: Arc<M>,
    kick: Arc<Notify>,
    clock: Arc<dyn Clock>,
    reach: watch::Sender<Reach>,
}

impl<M: Machine> Loop<M> {
    async fn run<T: Transport>(self, mut carrier: Carrier<T>) {
        loop {
            let now = self.clock.now();
            let unix_ms = self.clock.unix_ms();
            let wake_at =
                self.machine.drive(now, unix_ms, &mut |transmit| carrier.execute(transmit));
            self.note_reach();
            let asleep = async {
                match wake_at {
                    Some(at) => tokio::time::sleep(at.since(self.clock.now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = carrier.event() => {
                    let now = self.clock.now();
                    self.machine.handle_transport(event, now);
                    while let Some(event) = carrier.try_event() {
                        self.machine.handle_transport(event, now);
                    }
                }
                () = self.kick.notified() => {}
                () = asleep => {}
            }
        }
    }

    /// Tells the constructor that waits; once a broker has answered, that is never taken back.
    fn note_reach(&self) {
        if matches!(*self.reach.borrow(), Reach::Known) {
            return;
        }
        let reach = self.machine.reach();
        self.reach.send_if_modified(|old| {
            let modified = *old != reach;
            *old = reach;
            modified
        });
    }
}
