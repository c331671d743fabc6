//! The tokio shell around the client's machines: producer, consumer and admin.
