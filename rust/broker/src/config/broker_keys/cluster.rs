//! The node, its controller and its replicas.

use super::super::key::config_keys;

config_keys! { CLUSTER
    "auto.leader.rebalance.enable", Boolean, Value("true"), Any, High, Tunes, ReadOnly,
        "Whether leadership goes back to preferred replicas by itself; a single node leads \
        everything.";
    "broker.heartbeat.interval.ms", Int, Value("2000"), Any, Medium, Tunes, ReadOnly,
        "How often a broker reports to the controller; they are one process.";
    "broker.id", Int, Value("-1"), Any, High, Acted, ReadOnly,
        "The old name of node.id; if both are set they must be equal.";
    "broker.rack", String, Null, Any, Medium, Acted, ReadOnly,
        "The rack of this broker, as clients see it in the metadata.";
    "broker.session.timeout.ms", Int, Value("9000"), Any, Medium, Tunes, ReadOnly,
        "How long a broker may be silent before the controller fences it; they are one process.";
    "controlled.shutdown.enable", Boolean, Value("true"), Any, Medium, Tunes, ReadOnly,
        "Whether leadership is moved away before a shutdown; a single node has nowhere to move \
        it.";
    "controller.listener.names", List, Required, Any, High, Acted, ReadOnly,
        "The names of the listeners that serve the controller; Ottla does not open them, since its \
        controller lives in this process. Kafka requires the key, Ottla assumes that there are \
        none.";
    "controller.quorum.append.linger.ms", Int, Value("25"), AtLeast(0), Medium, Tunes, ReadOnly,
        "How long the metadata log gathers records before it writes them.";
    "controller.quorum.auto.join.enable", Boolean, Value("false"), Any, Low, Tunes, ReadOnly,
        "Whether a controller joins its quorum by itself; the quorum is this node.";
    "controller.quorum.bootstrap.servers", List, Value(""), NonEmptyList, High, Tunes, ReadOnly,
        "Where the quorum's voters are found; the quorum is this node.";
    "controller.quorum.election.backoff.max.ms", Int, Value("1000"), AtLeast(0), High, Tunes,
        ReadOnly,
        "The longest rest between two elections of the quorum.";
    "controller.quorum.election.timeout.ms", Int, Value("1000"), AtLeast(0), High, Tunes, ReadOnly,
        "How long a voter waits for votes.";
    "controller.quorum.fetch.max.bytes", Int, Value("1048576"), AtLeast(1), Low, Tunes, ReadOnly,
        "The most metadata bytes in one fetch between controllers.";
    "controller.quorum.fetch.snapshot.max.bytes", Int, Value("1048576"), AtLeast(1), Low, Tunes,
        ReadOnly,
        "The most snapshot bytes in one fetch between controllers.";
    "controller.quorum.fetch.timeout.ms", Int, Value("2000"), AtLeast(0), High, Tunes, ReadOnly,
        "How long a voter waits for its leader.";
    "controller.quorum.request.timeout.ms", Int, Value("2000"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The time-out of a request between controllers.";
    "controller.quorum.retry.backoff.ms", Int, Value("20"), AtLeast(0), Low, Tunes, ReadOnly,
        "How long a controller rests before it asks again.";
    "controller.quorum.voters", List, Value(""), NonEmptyList, High, Acted, ReadOnly,
        "The quorum's voters as id@host:port. More than one is not supported yet; one must be this \
        node.";
    "controller.quota.window.num", Int, Value("11"), AtLeast(1), Low, Tunes, ReadOnly,
        "The number of samples of the quota on changes of topics; quotas are not built yet.";
    "controller.quota.window.size.seconds", Int, Value("1"), AtLeast(1), Low, Tunes, ReadOnly,
        "The length of each of those samples.";
    "controller.socket.timeout.ms", Int, Value("30000"), Any, Medium, Tunes, ReadOnly,
        "The time-out of the connection to the controller; they are one process.";
    "default.replication.factor", Int, Value("1"), Any, Medium, Acted, ReadOnly,
        "The number of replicas of a topic that is created without one.";
    "initial.broker.registration.timeout.ms", Int, Value("60000"), Any, Medium, Tunes, ReadOnly,
        "How long a broker tries to register at start; the controller is in the same process.";
    "leader.imbalance.check.interval.seconds", Long, Value("300"), AtLeast(1), High, Tunes,
        ReadOnly,
        "How often the controller looks for partitions that their preferred replica does not \
        lead.";
    "metadata.log.dir", String, Null, Any, High, Refused, ReadOnly,
        "Another directory for the metadata log than log.dirs.";
    "metadata.log.max.record.bytes.between.snapshots", Long, Value("20971520"), AtLeast(1), High,
        Tunes, ReadOnly,
        "After how many bytes of records a metadata snapshot is made.";
    "metadata.log.max.snapshot.interval.ms", Long, Value("3600000"), AtLeast(0), High, Tunes,
        ReadOnly,
        "After how long a metadata snapshot is made.";
    "metadata.log.segment.bytes", Int, Value("1073741824"), AtLeast(8_388_608), High, Tunes,
        ReadOnly,
        "The size of a segment of the metadata log.";
    "metadata.log.segment.ms", Long, Value("604800000"), Any, High, Tunes, ReadOnly,
        "The age of a segment of the metadata log.";
    "metadata.max.idle.interval.ms", Int, Value("500"), AtLeast(0), Low, Tunes, ReadOnly,
        "How often an idle controller writes an empty record; a single one need not show that it \
        lives.";
    "metadata.max.retention.bytes", Long, Value("104857600"), Any, High, Tunes, ReadOnly,
        "The size of the metadata log and snapshots beyond which old ones are deleted.";
    "metadata.max.retention.ms", Long, Value("604800000"), Any, High, Tunes, ReadOnly,
        "The age of the metadata log and snapshots beyond which old ones are deleted.";
    "node.id", Int, Required, AtLeast(0), High, Acted, ReadOnly,
        "The number of this node. Kafka requires it, Ottla assumes 1.";
    "num.replica.fetchers", Int, Value("1"), AtLeast(1), High, Tunes, ClusterWide,
        "The number of threads that fetch from each leader; a single node follows nobody.";
    "process.roles", List, Required, OneOf(&["broker", "controller"]), High, Acted, ReadOnly,
        "What this process is; a single node must be both broker and controller. Kafka requires \
        the key, Ottla assumes both.";
    "replica.fetch.backoff.ms", Int, Value("1000"), AtLeast(0), Medium, Tunes, ReadOnly,
        "How long a follower rests after an error.";
    "replica.fetch.max.bytes", Int, Value("1048576"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The most bytes of one partition in a follower's fetch.";
    "replica.fetch.min.bytes", Int, Value("1"), Any, High, Tunes, ReadOnly,
        "The bytes that a follower's fetch waits for.";
    "replica.fetch.response.max.bytes", Int, Value("10485760"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The most bytes of a follower's fetch.";
    "replica.fetch.wait.max.ms", Int, Value("500"), Any, High, Tunes, ReadOnly,
        "How long a follower's fetch waits.";
    "replica.high.watermark.checkpoint.interval.ms", Long, Value("5000"), Any, High, Tunes,
        ReadOnly,
        "How often high watermarks are written to the disk.";
    "replica.lag.time.max.ms", Long, Value("30000"), Any, High, Tunes, ReadOnly,
        "How long a follower may lag before it leaves the in-sync replicas.";
    "replica.selector.class", String, Null, Any, Medium, Refused, ReadOnly,
        "The class that chooses the replica that a consumer reads from.";
    "replica.socket.receive.buffer.bytes", Int, Value("65536"), Any, High, Tunes, ReadOnly,
        "The receive buffer of a follower's socket.";
    "replica.socket.timeout.ms", Int, Value("30000"), Any, High, Tunes, ReadOnly,
        "The time-out of a follower's socket.";
}
