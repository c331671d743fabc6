//! Accepts connections on any number of listeners, under limits that they share, and shuts all of
//! them down in order.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chunk_pool::ChunkPool;
use crate::connection::{self, Ended};
use crate::limits::{ACCEPT_RETRY_DELAY, ServerLimits};
use crate::memory_budget::MemoryBudget;
use crate::service::{ConnectionContext, ConnectionId, Service};
use crate::transport::{Stream, TransportListener};

/// The connections of one broker.
#[derive(Debug)]
pub struct Server {
    limits: Arc<ServerLimits>,
    memory: Arc<MemoryBudget>,
    chunks: Arc<ChunkPool>,
    places: Arc<Semaphore>,
    per_ip: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    next_id: AtomicU64,
    /// Cancelled first: accept and read no more, answer what was accepted.
    stopping: CancellationToken,
    /// Cancelled last: close whatever is left.
    aborting: CancellationToken,
    tasks: TaskTracker,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownReport {
    /// How many connections were cut with requests unanswered, or replies unread, when the time was
    /// over.
    pub connections_cut: usize,
}

impl Server {
    /// A server without listeners.
    pub fn new(limits: ServerLimits) -> Arc<Self> {
        Arc::new(Self {
            memory: Arc::new(MemoryBudget::new(limits.queued_request_bytes_max)),
            chunks: Arc::new(ChunkPool::new(limits.response_chunk_bytes_max)),
            places: Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS))),
            per_ip: Arc::default(),
            next_id: AtomicU64::new(1),
            stopping: CancellationToken::new(),
            aborting: CancellationToken::new(),
            tasks: TaskTracker::new(),
            limits: Arc::new(limits),
        })
    }

    /// Accepts on `listener`, named `name`, until [`Self::shutdown`], in a task of its own.
    pub fn serve<L: TransportListener, S: Service>(
        self: &Arc<Self>,
        name: &str,
        listener: L,
        service: Arc<S>,
    ) {
        let server = Arc::clone(self);
        let name = Arc::from(name);
        self.tasks.spawn(async move {
            let stopping = server.stopping.clone();
            stopping.run_until_cancelled_owned(server.accept(name, listener, service)).await;
        });
    }

    /// Serves one connection that is already open, in a task of its own; the limits on their number
    /// do not count it.
    pub fn attach<St: Stream, S: Service>(
        self: &Arc<Self>,
        name: &str,
        stream: St,
        service: Arc<S>,
    ) -> io::Result<()> {
        self.spawn(Arc::from(name), stream, service, None)
    }

    /// Stops accepting and reading, answers what was accepted for at most `grace`, then cuts what
    /// is left.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.tasks.close();
        self.stopping.cancel();
        let connections_cut = match timeout(grace, self.tasks.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tasks.len(),
        };
        self.aborting.cancel();
        self.tasks.wait().await;
        ShutdownReport { connections_cut }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.per_ip.lock().values().sum()
    }

    /// The bytes of `queued.max.request.bytes` that no request holds, and no unread reply.
    pub fn free_request_bytes(&self) -> usize {
        self.memory.free_bytes()
    }

    async fn accept<L: TransportListener, S: Service>(
        self: Arc<Self>,
        name: Arc<str>,
        listener: L,
        service: Arc<S>,
    ) {
        loop {
            let places = Arc::clone(&self.places);
            let place = places.acquire_owned().await.expect("the places are never closed");
            let accepted = listener.accept().await;
            let served = accepted.and_then(|stream| {
                self.spawn(Arc::clone(&name), stream, Arc::clone(&service), Some(place))
            });
            match served {
                Ok(()) => {}
                // The peer left before it was accepted.
                Err(error) if is_of_one_peer(&error) => {
                    tracing::debug!(listener = %name, %error, "connection lost while accepting");
                }
                Err(error) => {
                    tracing::error!(listener = %name, %error, "cannot accept; trying again");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    fn spawn<St: Stream, S: Service>(
        self: &Arc<Self>,
        listener: Arc<str>,
        stream: St,
        service: Arc<S>,
        place: Option<OwnedSemaphorePermit>,
    ) -> io::Result<()> {
        let context = ConnectionContext {
            id: ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            peer: stream.peer_address()?,
            local: stream.local_address()?,
            listener,
        };
        let ip = context.peer.ip();
        let Some(counted) = self.count(ip) else {
            tracing::warn!(
                peer = %context.peer,
                limit = self.limits.connections_per_ip_max,
                "connection refused: too many from this address (max.connections.per.ip)"
            );
            return Ok(());
        };
        let server = Arc::clone(self);
        self.tasks.spawn(async move {
            let _held = (place, counted);
            let aborting = server.aborting.clone();
            aborting.run_until_cancelled_owned(server.run(context, stream, service)).await;
        });
        Ok(())
    }

    async fn run<St: Stream, S: Service>(
        self: Arc<Self>,
        context: ConnectionContext,
        stream: St,
        service: Arc<S>,
    ) {
        let context = Arc::new(context);
        let ended = connection::serve(
            stream,
            Arc::clone(&context),
            service,
            Arc::clone(&self.limits),
            (Arc::clone(&self.memory), Arc::clone(&self.chunks)),
            self.stopping.clone().cancelled_owned(),
        )
        .await;
        let ConnectionContext { id, peer, listener, .. } = &*context;
        match ended {
            Ended::BadFrame(_) | Ended::ByService(_) | Ended::Overdrawn | Ended::Stalled => {
                tracing::warn!(%id, %peer, %listener, reason = %ended, "connection closed");
            }
            Ended::ByPeer | Ended::Shutdown | Ended::Idle(_) | Ended::Io(_) => {
                tracing::debug!(%id, %peer, %listener, reason = %ended, "connection closed");
            }
        }
    }

    /// Counts a connection from `ip` until the result is dropped; `None` if there are too many.
    fn count(&self, ip: IpAddr) -> Option<CountedIp> {
        let mut per_ip = self.per_ip.lock();
        let count = per_ip.get(&ip).copied().unwrap_or_default();
        if count >= self.limits.connections_per_ip_max {
            return None;
        }
        per_ip.insert(ip, count + 1);
        Some(CountedIp { ip, per_ip: Arc::clone(&self.per_ip) })
    }
}

/// Whether accepting the next connection may work at once.
fn is_of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
    )
}

/// One connection in the count of its address.
struct CountedIp {
    ip: IpAddr,
    per_ip: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Drop for CountedIp {
    fn drop(&mut self) {
        let mut per_ip = self.per_ip.lock();
        if let Some(count) = per_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                per_ip.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests;
