//! Carries the machines' frames: one task a connection, which connects, writes what it is given and
//! reports what it reads.

use std::collections::BTreeMap;

use client_core::config::Address;
use client_core::{ConnectionId, Transmit, TransportEvent};
use net::{ConnectTimeouts, Endpoint, Stream, Transport, into_framed};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use wire::Frame;

/// The largest answer that is read: a fetch's, whose first batch comes however large it is.
const RESPONSE_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The most frames that wait to be written on one connection; the machines keep far fewer in
/// flight.
const FRAMES_QUEUED_MAX: usize = 1024;
/// The most events that wait for the machine; the connections stop reading meanwhile.
const EVENTS_QUEUED_MAX: usize = 64;

/// The connections of one client.
#[derive(Debug)]
pub(crate) struct Carrier<T> {
    transport: T,
    connections: BTreeMap<ConnectionId, Connection>,
    sender: mpsc::Sender<TransportEvent>,
    events: mpsc::Receiver<TransportEvent>,
}

#[derive(Debug)]
struct Connection {
    frames: mpsc::Sender<Frame>,
    task: AbortHandle,
}

impl<T: Transport> Carrier<T> {
    pub(crate) fn new(transport: T) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_QUEUED_MAX);
        Self { transport, connections: BTreeMap::new(), sender, events }
    }

    /// Does what a machine asks.
    pub(crate) fn execute(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Connect { connection, address, timeout } => {
                let (frames, queue) = mpsc::channel(FRAMES_QUEUED_MAX);
                let timeouts = ConnectTimeouts { total: timeout, ..ConnectTimeouts::default() };
                let task = Task { id: connection, events: self.sender.clone(), queue };
                let run = task.run(self.transport.clone(), endpoint(address), timeouts);
                let task = tokio::spawn(run).abort_handle();
                self.connections.insert(connection, Connection { frames, task });
            }
            Transmit::Send { connection, frame } => {
                // A connection whose task has ended reports that itself; one that is this far
                // behind is given up.
                let queue = self.connections.get(&connection).map(|known| &known.frames);
                if let Some(Err(mpsc::error::TrySendError::Full(_))) =
                    queue.map(|queue| queue.try_send(frame))
                {
                    self.abandon(connection);
                }
            }
            Transmit::Close { connection } => {
                if let Some(known) = self.connections.remove(&connection) {
                    known.task.abort();
                }
            }
        }
    }

    /// The next event. Dropping the future loses none.
    pub(crate) async fn event(&mut self) -> TransportEvent {
        let event = self.events.recv().await.expect("the carrier holds a sender itself");
        self.note(event)
    }

    /// The next event, if one is there.
    pub(crate) fn try_event(&mut self) -> Option<TransportEvent> {
        let event = self.events.try_recv().ok()?;
        Some(self.note(event))
    }

    fn note(&mut self, event: TransportEvent) -> TransportEvent {
        if let TransportEvent::Closed { connection, .. } = &event {
            self.connections.remove(connection);
        }
        event
    }

    fn abandon(&mut self, connection: ConnectionId) {
        if let Some(known) = self.connections.remove(&connection) {
            known.task.abort();
            let reason = format!("{FRAMES_QUEUED_MAX} requests are waiting to be written");
            let events = self.sender.clone();
            tokio::spawn(async move {
                // Nobody listens only when the client is gone, and then nobody need know.
                let _ = events.send(TransportEvent::Closed { connection, reason }).await;
            });
        }
    }
}

impl<T> Drop for Carrier<T> {
    fn drop(&mut self) {
        for connection in self.connections.values() {
            connection.task.abort();
        }
    }
}

/// One connection's task.
struct Task {
    id: ConnectionId,
    events: mpsc::Sender<TransportEvent>,
    queue: mpsc::Receiver<Frame>,
}

impl Task {
    async fn run<T: Transport>(
        mut self,
        transport: T,
        endpoint: Endpoint,
        timeouts: ConnectTimeouts,
    ) {
        let connection = self.id;
        let reason = match net::connect(&transport, &[endpoint], timeouts).await {
            Ok(stream) => {
                self.report(TransportEvent::Connected { connection }).await;
                self.carry(stream).await
            }
            Err(error) => {
                let attempts: Vec<_> = error.attempts.iter().map(ToString::to_string).collect();
                attempts.join("; ")
            }
        };
        self.report(TransportEvent::Closed { connection, reason }).await;
    }

    /// Carries frames both ways until one side ends; says why it did.
    async fn carry<S: Stream>(&mut self, stream: S) -> String {
        let (mut reader, mut writer) = into_framed(stream, RESPONSE_BYTES_MAX);
        loop {
            tokio::select! {
                Some(frame) = self.queue.recv() => {
                    writer.push(frame);
                    while let Ok(frame) = self.queue.try_recv() {
                        writer.push(frame);
                    }
                }
                written = writer.flush(), if writer.frames_unwritten() > 0 => {
                    if let Err(error) = written {
                        return format!("writing failed: {error}");
                    }
                }
                frame = reader.next() => match frame {
                    Ok(Some(frame)) => {
                        let connection = self.id;
                        self.report(TransportEvent::Received { connection, frame }).await;
                    }
                    Ok(None) => return "the broker closed the connection".to_owned(),
                    Err(error) => return format!("reading failed: {error}"),
                },
            }
        }
    }

    async fn report(&self, event: TransportEvent) {
        // Nobody listens only when the client is gone, and then nobody need know.
        let _ = self.events.send(event).await;
    }
}

fn endpoint(address: Address) -> Endpoint {
    Endpoint::new(address.host, address.port)
}
