//! Listeners, connections and requests.

use super::super::key::config_keys;

config_keys! { NETWORK
    "advertised.listeners", List, Null, Any, High, Acted, ReadOnly,
        "The addresses that clients are told to connect to, one for each listener. Unless set, a \
        client is told the address that it reached; behind a port forward this must be set.";
    "background.threads", Int, Value("10"), AtLeast(1), High, Tunes, ClusterWide,
        "The number of threads for background work; Ottla starts them on demand.";
    "connections.max.idle.ms", Long, Value("600000"), Any, Medium, Acted, ReadOnly,
        "A connection without traffic for this long is closed, unless it waits for an answer; \
        below zero, never.";
    "early.start.listeners", List, Null, Any, High, Tunes, ReadOnly,
        "The listeners that open before the others at start; all of Ottla's open together.";
    "fetch.max.bytes", Int, Value("57671680"), AtLeast(1_024), Medium, Acted, ReadOnly,
        "The most bytes that one fetch response holds, whatever the consumer asks for; the first \
        batch is always returned.";
    "inter.broker.listener.name", String, Null, Any, Medium, Tunes, ReadOnly,
        "The listener over which brokers talk to each other; a single node talks to nobody.";
    "listener.security.protocol.map", String,
        Value("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Any,
        Low, Acted, ReadOnly,
        "The security protocol of each listener name. Listeners that are opened must be PLAINTEXT: \
        the others are not built yet.";
    "listeners", List, Value("PLAINTEXT://:9092"), Any, High, Acted, ReadOnly,
        "The addresses to listen on, as NAME://host:port; an empty host means every interface, \
        port 0 any free port. Listeners of the controller are not opened: it lives in this \
        process.";
    "max.connection.creation.rate", Int, Value("2147483647"), AtLeast(0), Medium, Refused, ReadOnly,
        "The most connections that may be opened in a second.";
    "max.connections", Int, Value("2147483647"), AtLeast(0), Medium, Acted, ReadOnly,
        "The most connections that are open at a time; more of them wait to be accepted.";
    "max.connections.per.ip", Int, Value("2147483647"), AtLeast(0), Medium, Acted, ReadOnly,
        "The most connections that are open from one address; one more is closed as soon as it is \
        accepted.";
    "max.connections.per.ip.overrides", String, Value(""), Any, Medium, Refused, ReadOnly,
        "Other limits on the connections of named addresses.";
    "max.incremental.fetch.session.cache.slots", Int, Value("1000"), AtLeast(0), Medium, Tunes,
        ReadOnly,
        "The number of fetch sessions that are kept; Ottla answers every fetch without a session \
        yet, as the protocol allows.";
    "max.request.partition.size.limit", Int, Value("2000"), AtLeast(1), Medium, Acted, ReadOnly,
        "The most partitions that one answer to DescribeTopicPartitions describes.";
    "num.io.threads", Int, Value("8"), AtLeast(1), High, Tunes, ClusterWide,
        "The number of threads that process requests; Ottla's requests share the threads of its \
        runtime.";
    "num.network.threads", Int, Value("3"), AtLeast(1), High, Tunes, ClusterWide,
        "The number of threads that serve sockets; Ottla's sockets share the threads of its \
        runtime.";
    "queued.max.request.bytes", Long, Value("-1"), Any, Medium, Acted, ReadOnly,
        "The memory that the requests of all connections may hold, and the replies that wait to be \
        read beyond 16 KiB for each connection; a quarter of it at most is held by fetches that \
        wait. Reading stops there, but for one request at a time that may go beyond it, and a \
        connection that holds some and does not move is closed. Kafka has no limit unless it is \
        set; Ottla's own default is 67108864, and -1 stands for it.";
    "queued.max.requests", Int, Value("500"), AtLeast(1), High, Tunes, ReadOnly,
        "The number of requests that wait for a thread; Ottla bounds their memory and their number \
        on each connection.";
    "request.timeout.ms", Int, Value("30000"), Any, High, Acted, ReadOnly,
        "How long a request to the controller may wait before it is answered with \
        REQUEST_TIMED_OUT, unless the request itself says.";
    "socket.connection.setup.timeout.max.ms", Long, Value("30000"), Any, Medium, Tunes, ReadOnly,
        "The longest time-out of opening a connection to another broker.";
    "socket.connection.setup.timeout.ms", Long, Value("10000"), Any, Medium, Tunes, ReadOnly,
        "The time-out of opening a connection to another broker.";
    "socket.listen.backlog.size", Int, Value("50"), AtLeast(1), Medium, Acted, ReadOnly,
        "How many connections may wait to be accepted.";
    "socket.receive.buffer.bytes", Int, Value("102400"), Any, High, Acted, ReadOnly,
        "The size of a socket's receive buffer. Unless it is set to another value than the \
        default, the system chooses and adapts it.";
    "socket.request.max.bytes", Int, Value("104857600"), AtLeast(1), High, Acted, ReadOnly,
        "The largest request that is read; a larger one closes its connection.";
    "socket.send.buffer.bytes", Int, Value("102400"), Any, High, Acted, ReadOnly,
        "The size of a socket's send buffer. Unless it is set to another value than the default, \
        the system chooses and adapts it.";
}
