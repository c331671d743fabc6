//! A member of a group: what it does whichever protocol it speaks, on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::client::{AskError, Client};
use crate::roster::Roster;

/// What all members of a group know.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
}

/// A protocol, as a member speaks it. Each method reports what has changed to the roster; those
/// that answer with a duration say when to send the next heartbeat.
pub(crate) trait Member: Send + 'static {
    fn join(&mut self, roster: &Roster) -> Result<Duration, AskError>;
    fn heartbeat(&mut self, roster: &Roster) -> Result<Duration, AskError>;
    fn leave(&mut self) -> Result<(), AskError>;
}

/// A member that runs, until it is told to leave.
#[derive(Debug)]
pub(crate) struct Running {
    leave: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start<M: Member>(
        broker: SocketAddr,
        number: usize,
        roster: Arc<Roster>,
        member: impl FnOnce(Client) -> M,
    ) -> Result<Self, AskError> {
        let mut member = member(Client::connect(broker)?);
        let (leave, told_to_leave) = mpsc::channel();
        let thread = thread::spawn(move || {
            if let Err(error) = run(&mut member, number, &roster, &told_to_leave) {
                roster.fail(number, &error.to_string());
            }
        });
        Ok(Self { leave, thread })
    }

    /// Tells it to leave, and does not wait until it has.
    pub(crate) fn leave(&self) {
        // One that has failed has left, and has said so to the roster.
        let _ = self.leave.send(());
    }

    pub(crate) fn join(self) {
        self.thread.join().expect("no member panics");
    }
}

fn run(
    member: &mut impl Member,
    number: usize,
    roster: &Roster,
    told_to_leave: &mpsc::Receiver<()>,
) -> Result<(), AskError> {
    let mut pause = member.join(roster)?;
    while told_to_leave.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = member.heartbeat(roster)?;
    }
    roster.give_up(number);
    member.leave()
}
