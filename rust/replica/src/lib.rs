//! One partition's leader and follower: in-sync replicas, high watermark, epochs and waiters. Pure.
