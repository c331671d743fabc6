//! Our own broker keys.

use super::super::key::config_keys;

config_keys! { OTTLA
    "ottla.durability", String, Value("disk"), OneOf(&["memory", "os", "disk"]), High, Acted,
        ClusterWide,
        "The default of a topic's ottla.durability. memory holds for topics that are created from \
        then on, which get it as their own; the others go on as if it were not set.";
    "ottla.max.in.flight.requests.per.connection", Int, Value("64"), Between(1, 65_536), Low, Acted,
        ReadOnly,
        "How many requests of one connection are worked on, or wait to be read by the client, \
        before no more of them are read. Kafka works on one at a time.";
    "ottla.response.chunk.max.bytes", Long, Value("67108864"), AtLeast(0), Low, Acted, ReadOnly,
        "The memory that file bytes may hold on their way to all sockets, beyond 16 KiB for each \
        connection.";
}
