//! The client's decisions: connection, metadata cache, producer, consumer and admin machines. Pure.
