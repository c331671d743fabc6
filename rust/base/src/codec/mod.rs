//! The codec's primitives: bounded reading and plain writing of Kafka's field types, used by derived messages.
