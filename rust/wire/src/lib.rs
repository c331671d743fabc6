//! Kafka's protocol: framing, headers, one file per API message, and the one table of keys and versions.
