//! Sockets: listener, connections, limits and orderly shutdown. The only crate that opens one.
