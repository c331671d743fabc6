//! What bounds a server's connections: the values that configuration sets, and the constants that
//! it does not.

use std::time::Duration;

/// The bounds of one [`crate::Server`], each named after its configuration key.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// `socket.request.max.bytes`: the largest request frame.
    pub request_bytes_max: usize,
    /// `queued.max.request.bytes`: the memory that the requests of all connections may hold, and
    /// the replies that wait to be read; one request beyond it is let through at a time, so that
    /// the broker always moves on.
    pub queued_request_bytes_max: usize,
    /// Requests of one connection that are with the service or whose replies are unwritten; reading
    /// stops there.
    pub requests_in_flight_max: usize,
    /// `max.connections`: beyond it, connections wait in the backlog.
    pub connections_max: usize,
    /// `max.connections.per.ip`: beyond it, a connection is closed as soon as it is accepted.
    pub connections_per_ip_max: usize,
    /// `connections.max.idle.ms`: a connection without traffic for this long is closed, unless it
    /// waits for us.
    pub connections_idle_max: Duration,
    /// The memory that file bytes on their way to sockets may hold, beyond a small chunk for each
    /// connection.
    pub response_chunk_bytes_max: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            request_bytes_max: base::limits::REQUEST_BYTES_MAX,
            queued_request_bytes_max: 64 * 1024 * 1024,
            requests_in_flight_max: 64,
            connections_max: i32::MAX as usize,
            connections_per_ip_max: i32::MAX as usize,
            connections_idle_max: Duration::from_mins(10),
            response_chunk_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// How many bytes one read takes when no frame is in progress: whole small requests, several if
/// they are pipelined. It lies on the stack, so an idle connection holds no buffer.
pub(crate) const SCRATCH_BYTES: usize = 16 * 1024;

/// The memory that a frame gets before any byte of it has arrived, unless it is smaller: a length
/// prefix alone must not hold much. What the first read has brought makes it grow without another.
pub(crate) const FRAME_FIRST_STEP_BYTES: usize = 4 * 1024;

/// The factor by which a frame's memory grows when what it got has been filled.
pub(crate) const FRAME_STEP_FACTOR: usize = 4;

/// The longest idle time-out: a deadline further away would not fit into the clock.
pub(crate) const IDLE_MAX: Duration = Duration::from_hours(24 * 365);

/// How long the one frame that is read beyond the memory budget may take to arrive: others wait for
/// its memory.
pub(crate) const OVERDRAFT_TIMEOUT: Duration = Duration::from_secs(30);

/// The replies that a connection may hold without a charge: most are shorter.
pub(crate) const REPLY_BYTES_FREE: usize = 16 * 1024;

/// While others wait for memory, a connection that holds some must move as many bytes as
/// [`STALL_BYTES_MIN`] in each such time.
pub(crate) const STALL_WINDOW: Duration = Duration::from_secs(10);

/// See [`STALL_WINDOW`].
pub(crate) const STALL_BYTES_MIN: u64 = 64 * 1024;

/// How long the requests of a peer that has closed its side, or sent garbage, may take to be
/// answered.
pub(crate) const PEER_GONE_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a listener rests when the system refuses to accept, for instance without free file
/// descriptors.
pub(crate) const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The most slices of one vectored write.
pub(crate) const WRITE_SLICES_MAX: usize = 64;

/// The size of a pooled chunk that carries file bytes to a socket.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// The size of a chunk that needs no place in the pool: for short responses, and for all when the
/// pool is spent.
pub(crate) const SMALL_CHUNK_BYTES: usize = 16 * 1024;

/// How many pooled chunks are kept for reuse when nobody needs them.
pub(crate) const FREE_CHUNKS_MAX: usize = 4;

/// The most addresses that one attempt to connect tries.
pub(crate) const CONNECT_ADDRESSES_MAX: usize = 64;
