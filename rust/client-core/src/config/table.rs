//! The one table of Kafka's client configuration keys: whose they are, Kafka's default, and what
//! Ottla does with them.

use super::Owners;

const ALL: Owners = Owners::ALL;
const PRODUCER: Owners = Owners::PRODUCER;
const CONSUMER: Owners = Owners::CONSUMER;
const ADMIN: Owners = Owners::ADMIN;
const PRODUCER_ADMIN: Owners = Owners::PRODUCER.and(Owners::ADMIN);
const CONSUMER_ADMIN: Owners = Owners::CONSUMER.and(Owners::ADMIN);
const PRODUCER_CONSUMER: Owners = Owners::PRODUCER.and(Owners::CONSUMER);

const SASL: &str = "SASL is not built yet";
const TLS: &str = "TLS is not built yet";

/// What setting a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It is acted on.
    Acted,
    /// It only tunes something that is not built: accepted, with a warning that says why it has no
    /// effect.
    Tunes(&'static str),
    /// It would change what the client means and is not built: any value but Kafka's default is
    /// refused, saying this.
    Refused(&'static str),
}
use Support::{Acted, Refused, Tunes};

/// A configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The clients that know it.
    pub owners: Owners,
    /// Kafka's name.
    pub name: &'static str,
    /// Kafka's default, as Kafka prints it; `(required)` where there is none.
    pub default: &'static str,
    /// What setting it does.
    pub support: Support,
}

const fn key(owners: Owners, name: &'static str, default: &'static str, support: Support) -> Key {
    Key { owners, name, default, support }
}

/// Every key of Kafka 4.3's producer, consumer and admin client, and our own (`ottla.`), by name.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key(PRODUCER, "acks", "all", Acted),
    key(CONSUMER, "allow.auto.create.topics", "true", Acted),
    key(CONSUMER, "auto.commit.interval.ms", "5000", Acted),
    key(CONSUMER, "auto.offset.reset", "latest", Acted),
    key(PRODUCER, "batch.size", "16384", Acted),
    key(ADMIN, "bootstrap.controllers", "[]",
        Refused("talking to controllers directly is not built yet: set bootstrap.servers")),
    key(ADMIN, "bootstrap.servers", "[]", Acted),
    key(PRODUCER_CONSUMER, "bootstrap.servers", "(required)", Acted),
    key(PRODUCER, "buffer.memory", "33554432", Acted),
    key(CONSUMER, "check.crcs", "true", Acted),
    key(ALL, "client.dns.lookup", "use_all_dns_ips", Tunes("every address of a name is tried")),
    key(ALL, "client.id", "(empty)", Acted),
    key(CONSUMER, "client.rack", "(empty)", Acted),
    key(PRODUCER, "compression.gzip.level", "-1", Acted),
    key(PRODUCER, "compression.lz4.level", "9",
        Tunes("LZ4 is compressed at one level, the fastest")),
    key(PRODUCER, "compression.type", "none", Acted),
    key(PRODUCER, "compression.zstd.level", "3", Acted),
    key(ALL, "config.providers", "[]", Refused("config providers are Java classes")),
    key(ADMIN, "connections.max.idle.ms", "300000", Acted),
    key(PRODUCER_CONSUMER, "connections.max.idle.ms", "540000", Acted),
    key(CONSUMER_ADMIN, "default.api.timeout.ms", "60000", Acted),
    key(PRODUCER, "delivery.timeout.ms", "120000", Acted),
    key(CONSUMER, "enable.auto.commit", "true", Acted),
    key(PRODUCER, "enable.idempotence", "true", Acted),
    key(ADMIN, "enable.metrics.push", "false", Tunes("client metrics are not pushed")),
    key(PRODUCER_CONSUMER, "enable.metrics.push", "true", Tunes("client metrics are not pushed")),
    key(CONSUMER, "exclude.internal.topics", "true", Acted),
    key(CONSUMER, "fetch.max.bytes", "52428800", Acted),
    key(CONSUMER, "fetch.max.wait.ms", "500", Acted),
    key(CONSUMER, "fetch.min.bytes", "1", Acted),
    key(CONSUMER, "group.id", "null", Acted),
    key(CONSUMER, "group.instance.id", "null", Acted),
    key(CONSUMER, "group.protocol", "classic", Acted),
    key(CONSUMER, "group.remote.assignor", "null", Acted),
    key(CONSUMER, "heartbeat.interval.ms", "3000", Acted),
    key(CONSUMER, "interceptor.classes", "[]",
        Refused("interceptors are Java classes: in Python, give interceptors=[...]")),
    key(PRODUCER, "interceptor.classes", "[]", Refused("interceptors are Java classes")),
    key(CONSUMER, "isolation.level", "read_uncommitted", Acted),
    key(CONSUMER, "key.deserializer", "(required)",
        Refused("a deserializer is a Java class: in Python, give key_deserializer=, a function")),
    key(PRODUCER, "key.serializer", "(required)",
        Refused("keys are bytes: convert them before you send")),
    key(PRODUCER, "linger.ms", "5", Acted),
    key(PRODUCER, "max.block.ms", "60000", Acted),
    key(PRODUCER, "max.in.flight.requests.per.connection", "5", Acted),
    key(CONSUMER, "max.partition.fetch.bytes", "1048576", Acted),
    key(CONSUMER, "max.poll.interval.ms", "300000", Acted),
    key(CONSUMER, "max.poll.records", "500", Acted),
    key(PRODUCER, "max.request.size", "1048576", Acted),
    key(ALL, "metadata.max.age.ms", "300000", Acted),
    key(PRODUCER, "metadata.max.idle.ms", "300000", Acted),
    key(ALL, "metadata.recovery.rebootstrap.trigger.ms", "300000", Acted),
    key(ALL, "metadata.recovery.strategy", "rebootstrap", Acted),
    key(ALL, "metric.reporters", "[org.apache.kafka.common.metrics.JmxReporter]",
        Tunes("there are no metric reporters")),
    key(ALL, "metrics.num.samples", "2", Tunes("there are no sampled metrics")),
    key(ALL, "metrics.recording.level", "INFO", Tunes("there are no sampled metrics")),
    key(ALL, "metrics.sample.window.ms", "30000", Tunes("there are no sampled metrics")),
    key(CONSUMER, "ottla.prefetch.bytes", "67108864", Acted),
    key(CONSUMER, "partition.assignment.strategy",
        "[class org.apache.kafka.clients.consumer.RangeAssignor, class \
        org.apache.kafka.clients.consumer.CooperativeStickyAssignor]",
        Acted),
    key(PRODUCER, "partitioner.adaptive.partitioning.enable", "true",
        Tunes("records without a key are spread evenly")),
    key(PRODUCER, "partitioner.availability.timeout.ms", "0",
        Tunes("records without a key are spread evenly")),
    key(PRODUCER, "partitioner.class", "null",
        Refused("the partitioner cannot be replaced: name the partition instead")),
    key(PRODUCER, "partitioner.ignore.keys", "false", Acted),
    key(CONSUMER_ADMIN, "receive.buffer.bytes", "65536", Acted),
    key(PRODUCER, "receive.buffer.bytes", "32768", Acted),
    key(ALL, "reconnect.backoff.max.ms", "1000", Acted),
    key(ALL, "reconnect.backoff.ms", "50", Acted),
    key(ALL, "request.timeout.ms", "30000", Acted),
    key(PRODUCER_ADMIN, "retries", "2147483647", Acted),
    key(ALL, "retry.backoff.max.ms", "1000", Acted),
    key(ALL, "retry.backoff.ms", "100", Acted),
    key(ALL, "sasl.client.callback.handler.class", "null", Refused(SASL)),
    key(ALL, "sasl.jaas.config", "null", Refused(SASL)),
    key(ALL, "sasl.kerberos.kinit.cmd", "/usr/bin/kinit", Refused(SASL)),
    key(ALL, "sasl.kerberos.min.time.before.relogin", "60000", Refused(SASL)),
    key(ALL, "sasl.kerberos.service.name", "null", Refused(SASL)),
    key(ALL, "sasl.kerberos.ticket.renew.jitter", "0.05", Refused(SASL)),
    key(ALL, "sasl.kerberos.ticket.renew.window.factor", "0.8", Refused(SASL)),
    key(ALL, "sasl.login.callback.handler.class", "null", Refused(SASL)),
    key(ALL, "sasl.login.class", "null", Refused(SASL)),
    key(ALL, "sasl.login.connect.timeout.ms", "null", Refused(SASL)),
    key(ALL, "sasl.login.read.timeout.ms", "null", Refused(SASL)),
    key(ALL, "sasl.login.refresh.buffer.seconds", "300", Refused(SASL)),
    key(ALL, "sasl.login.refresh.min.period.seconds", "60", Refused(SASL)),
    key(ALL, "sasl.login.refresh.window.factor", "0.8", Refused(SASL)),
    key(ALL, "sasl.login.refresh.window.jitter", "0.05", Refused(SASL)),
    key(ALL, "sasl.login.retry.backoff.max.ms", "10000", Refused(SASL)),
    key(ALL, "sasl.login.retry.backoff.ms", "100", Refused(SASL)),
    key(ALL, "sasl.mechanism", "GSSAPI", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.algorithm", "RS256", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.aud", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.exp.seconds", "300", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.iss", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.jti.include", "false", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.nbf.seconds", "60", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.claim.sub", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.file", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.private.key.file", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.private.key.passphrase", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.assertion.template.file", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.client.credentials.client.id", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.client.credentials.client.secret", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.clock.skew.seconds", "30", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.expected.audience", "[]", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.expected.issuer", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.header.urlencode", "false", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwks.endpoint.refresh.ms", "3600000", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "10000", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "100", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwks.endpoint.url", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwt.retriever.class",
        "class org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
        Refused(SASL)),
    key(ALL, "sasl.oauthbearer.jwt.validator.class",
        "class org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
        Refused(SASL)),
    key(ALL, "sasl.oauthbearer.scope", "null", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.scope.claim.name", "scope", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.sub.claim.name", "sub", Refused(SASL)),
    key(ALL, "sasl.oauthbearer.token.endpoint.url", "null", Refused(SASL)),
    key(ALL, "security.protocol", "PLAINTEXT", Refused("only PLAINTEXT is built so far")),
    key(ALL, "security.providers", "null", Refused("security providers are Java classes")),
    key(ALL, "send.buffer.bytes", "131072", Acted),
    key(CONSUMER, "session.timeout.ms", "45000", Acted),
    key(CONSUMER, "share.acknowledgement.mode", "implicit", Tunes("there are no share groups")),
    key(CONSUMER, "share.acquire.mode", "BATCH_OPTIMIZED", Tunes("there are no share groups")),
    key(ALL, "socket.connection.setup.timeout.max.ms", "30000", Acted),
    key(ALL, "socket.connection.setup.timeout.ms", "10000", Acted),
    key(ALL, "ssl.cipher.suites", "[]", Refused(TLS)),
    key(ALL, "ssl.enabled.protocols", "[TLSv1.2, TLSv1.3]", Refused(TLS)),
    key(ALL, "ssl.endpoint.identification.algorithm", "https", Refused(TLS)),
    key(ALL, "ssl.engine.factory.class", "null", Refused(TLS)),
    key(ALL, "ssl.key.password", "null", Refused(TLS)),
    key(ALL, "ssl.keymanager.algorithm", "SunX509", Refused(TLS)),
    key(ALL, "ssl.keystore.certificate.chain", "null", Refused(TLS)),
    key(ALL, "ssl.keystore.key", "null", Refused(TLS)),
    key(ALL, "ssl.keystore.location", "null", Refused(TLS)),
    key(ALL, "ssl.keystore.password", "null", Refused(TLS)),
    key(ALL, "ssl.keystore.type", "JKS", Refused(TLS)),
    key(ALL, "ssl.protocol", "TLSv1.3", Refused(TLS)),
    key(ALL, "ssl.provider", "null", Refused(TLS)),
    key(ALL, "ssl.secure.random.implementation", "null", Refused(TLS)),
    key(ALL, "ssl.trustmanager.algorithm", "PKIX", Refused(TLS)),
    key(ALL, "ssl.truststore.certificates", "null", Refused(TLS)),
    key(ALL, "ssl.truststore.location", "null", Refused(TLS)),
    key(ALL, "ssl.truststore.password", "null", Refused(TLS)),
    key(ALL, "ssl.truststore.type", "JKS", Refused(TLS)),
    key(PRODUCER, "transaction.timeout.ms", "60000", Acted),
    key(PRODUCER, "transaction.two.phase.commit.enable", "false",
        Refused("two-phase commit (KIP-939) is not built yet")),
    key(PRODUCER, "transactional.id", "null", Acted),
    key(CONSUMER, "value.deserializer", "(required)",
        Refused("a deserializer is a Java class: in Python, give value_deserializer=, a function")),
    key(PRODUCER, "value.serializer", "(required)",
        Refused("values are bytes: convert them before you send")),
];
