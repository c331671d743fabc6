//! Encryption, authentication and authorization, none of which is built yet, so that every key is
//! refused.

use super::super::key::config_keys;

config_keys! { SECURITY
    "authorizer.class.name", String, Value(""), NonNull, Low, Refused, ReadOnly,
        "The class that decides who may do what.";
    "connection.failed.authentication.delay.ms", Int, Value("100"), AtLeast(0), Low, Refused,
        ReadOnly,
        "How long a failed authentication is answered late.";
    "connections.max.reauth.ms", Long, Value("0"), Any, Medium, Refused, ReadOnly,
        "After how long a client must authenticate again.";
    "delegation.token.expiry.check.interval.ms", Long, Value("3600000"), AtLeast(1), Low, Refused,
        ReadOnly,
        "How often expired delegation tokens are looked for.";
    "delegation.token.expiry.time.ms", Long, Value("86400000"), AtLeast(1), Medium, Refused,
        ReadOnly,
        "How long a delegation token is valid unless renewed.";
    "delegation.token.max.lifetime.ms", Long, Value("604800000"), AtLeast(1), Medium, Refused,
        ReadOnly,
        "How long a delegation token can be renewed.";
    "delegation.token.secret.key", Password, Null, Any, Medium, Refused, ReadOnly,
        "The secret that delegation tokens are made with.";
    "principal.builder.class", Class,
        Value("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Any,
        Medium, Refused, ReadOnly,
        "The class that names the user of a connection.";
    "sasl.client.callback.handler.class", Class, Null, Any, Medium, Refused, ReadOnly,
        "The class that answers SASL callbacks of the broker as a client.";
    "sasl.enabled.mechanisms", List, Value("GSSAPI"), Any, Medium, Refused, ReadOnly,
        "The SASL mechanisms that clients may use.";
    "sasl.jaas.config", Password, Null, Any, Medium, Refused, ReadOnly,
        "The login of SASL connections.";
    "sasl.kerberos.kinit.cmd", String, Value("/usr/bin/kinit"), Any, Medium, Refused, ReadOnly,
        "The path of kinit.";
    "sasl.kerberos.min.time.before.relogin", Long, Value("60000"), Any, Medium, Refused, ReadOnly,
        "The least time between two logins with Kerberos.";
    "sasl.kerberos.principal.to.local.rules", List, Value("DEFAULT"), Any, Medium, Refused,
        ReadOnly,
        "How Kerberos principals become user names.";
    "sasl.kerberos.service.name", String, Null, Any, Medium, Refused, ReadOnly,
        "The Kerberos name of the broker.";
    "sasl.kerberos.ticket.renew.jitter", Double, Value("0.05"), Any, Medium, Refused, ReadOnly,
        "The share of chance in the renewal of a ticket.";
    "sasl.kerberos.ticket.renew.window.factor", Double, Value("0.8"), Any, Medium, Refused,
        ReadOnly,
        "The share of a ticket's life after which it is renewed.";
    "sasl.login.callback.handler.class", Class, Null, Any, Medium, Refused, ReadOnly,
        "The class that answers callbacks of a login.";
    "sasl.login.class", Class, Null, Any, Medium, Refused, ReadOnly,
        "The class that logs in.";
    "sasl.login.connect.timeout.ms", Int, Null, Any, Low, Refused, ReadOnly,
        "The time-out of connecting to an identity provider.";
    "sasl.login.read.timeout.ms", Int, Null, Any, Low, Refused, ReadOnly,
        "The time-out of reading from an identity provider.";
    "sasl.login.refresh.buffer.seconds", Short, Value("300"), Any, Medium, Refused, ReadOnly,
        "The time that is left before expiry when a credential is refreshed.";
    "sasl.login.refresh.min.period.seconds", Short, Value("60"), Any, Medium, Refused, ReadOnly,
        "The least time between two refreshes.";
    "sasl.login.refresh.window.factor", Double, Value("0.8"), Any, Medium, Refused, ReadOnly,
        "The share of a credential's life after which it is refreshed.";
    "sasl.login.refresh.window.jitter", Double, Value("0.05"), Any, Medium, Refused, ReadOnly,
        "The share of chance in that.";
    "sasl.login.retry.backoff.max.ms", Long, Value("10000"), Any, Low, Refused, ReadOnly,
        "The longest rest between two logins.";
    "sasl.login.retry.backoff.ms", Long, Value("100"), Any, Low, Refused, ReadOnly,
        "The rest between two logins.";
    "sasl.mechanism.controller.protocol", String, Value("GSSAPI"), Any, High, Refused, ReadOnly,
        "The SASL mechanism of connections to the controller.";
    "sasl.mechanism.inter.broker.protocol", String, Value("GSSAPI"), Any, Medium, Refused, ReadOnly,
        "The SASL mechanism of connections between brokers.";
    "sasl.oauthbearer.assertion.algorithm", String, Value("RS256"),
        OneOfIgnoringCase(&["ES256", "RS256"]), Medium, Refused, ReadOnly,
        "The algorithm that signs an OAuth assertion.";
    "sasl.oauthbearer.assertion.claim.aud", String, Null, Any, Medium, Refused, ReadOnly,
        "The audience of an OAuth assertion.";
    "sasl.oauthbearer.assertion.claim.exp.seconds", Int, Value("300"), Between(0, 86_400), Low,
        Refused, ReadOnly,
        "How long an OAuth assertion is valid.";
    "sasl.oauthbearer.assertion.claim.iss", String, Null, Any, Medium, Refused, ReadOnly,
        "The issuer of an OAuth assertion.";
    "sasl.oauthbearer.assertion.claim.jti.include", Boolean, Value("false"), Any, Medium, Refused,
        ReadOnly,
        "Whether an OAuth assertion has an identity of its own.";
    "sasl.oauthbearer.assertion.claim.nbf.seconds", Int, Value("60"), Between(0, 3_600), Low,
        Refused, ReadOnly,
        "How long before it is made an OAuth assertion is valid.";
    "sasl.oauthbearer.assertion.claim.sub", String, Null, Any, Medium, Refused, ReadOnly,
        "The subject of an OAuth assertion.";
    "sasl.oauthbearer.assertion.file", String, Null, Any, Medium, Refused, ReadOnly,
        "The file of a ready OAuth assertion.";
    "sasl.oauthbearer.assertion.private.key.file", String, Null, Any, Medium, Refused, ReadOnly,
        "The file of the key that signs OAuth assertions.";
    "sasl.oauthbearer.assertion.private.key.passphrase", Password, Null, Any, Medium, Refused,
        ReadOnly,
        "The passphrase of that key.";
    "sasl.oauthbearer.assertion.template.file", String, Null, Any, Medium, Refused, ReadOnly,
        "The file of more claims of an OAuth assertion.";
    "sasl.oauthbearer.client.credentials.client.id", String, Null, Any, Medium, Refused, ReadOnly,
        "The OAuth client's name.";
    "sasl.oauthbearer.client.credentials.client.secret", Password, Null, Any, Medium, Refused,
        ReadOnly,
        "The OAuth client's secret.";
    "sasl.oauthbearer.clock.skew.seconds", Int, Value("30"), Any, Low, Refused, ReadOnly,
        "By how much an identity provider's clock may differ.";
    "sasl.oauthbearer.expected.audience", List, Value(""), Any, High, Refused, ReadOnly,
        "The audiences that an OAuth token may be for.";
    "sasl.oauthbearer.expected.issuer", String, Null, Any, High, Refused, ReadOnly,
        "The issuer that an OAuth token must be from.";
    "sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, Value("3600000"), Any, Low, Refused,
        ReadOnly,
        "How often the provider's keys are fetched.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, Value("10000"), Any, Low, Refused,
        ReadOnly,
        "The longest rest between two fetches of the keys.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, Value("100"), Any, Low, Refused,
        ReadOnly,
        "The rest between two fetches of the keys.";
    "sasl.oauthbearer.jwks.endpoint.url", String, Null, Any, Medium, Refused, ReadOnly,
        "Where the provider's keys are.";
    "sasl.oauthbearer.jwt.retriever.class", Class,
        Value("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"), Any, Medium,
        Refused, ReadOnly,
        "The class that fetches OAuth tokens.";
    "sasl.oauthbearer.jwt.validator.class", Class,
        Value("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"), Any, Medium,
        Refused, ReadOnly,
        "The class that checks OAuth tokens.";
    "sasl.oauthbearer.scope", String, Null, Any, Medium, Refused, ReadOnly,
        "The scope to ask an OAuth token for.";
    "sasl.oauthbearer.scope.claim.name", String, Value("scope"), Any, Low, Refused, ReadOnly,
        "The claim that holds a token's scope.";
    "sasl.oauthbearer.sub.claim.name", String, Value("sub"), Any, Low, Refused, ReadOnly,
        "The claim that holds a token's subject.";
    "sasl.oauthbearer.token.endpoint.url", String, Null, Any, Medium, Refused, ReadOnly,
        "Where OAuth tokens are fetched.";
    "sasl.server.callback.handler.class", Class, Null, Any, Medium, Refused, ReadOnly,
        "The class that answers SASL callbacks of the broker.";
    "sasl.server.max.receive.size", Int, Value("524288"), Any, Medium, Refused, ReadOnly,
        "The largest SASL message before a client is known.";
    "security.inter.broker.protocol", String, Value("PLAINTEXT"),
        OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), Medium, Refused, ReadOnly,
        "The security protocol between brokers.";
    "security.providers", String, Null, Any, Low, Refused, ReadOnly,
        "Classes of security algorithms.";
    "ssl.allow.dn.changes", Boolean, Value("false"), Any, Low, Refused, ReadOnly,
        "Whether a reloaded certificate may have another name.";
    "ssl.allow.san.changes", Boolean, Value("false"), Any, Low, Refused, ReadOnly,
        "Whether a reloaded certificate may have other alternative names.";
    "ssl.cipher.suites", List, Value(""), Any, Medium, Refused, ReadOnly,
        "The cipher suites that may be used.";
    "ssl.client.auth", String, Value("none"), OneOf(&["required", "requested", "none"]), Medium,
        Refused, ReadOnly,
        "Whether clients must show a certificate.";
    "ssl.enabled.protocols", List, Value("TLSv1.2,TLSv1.3"), Any, Medium, Refused, ReadOnly,
        "The TLS versions that may be used.";
    "ssl.endpoint.identification.algorithm", String, Value("https"), Any, Low, Refused, ReadOnly,
        "How a server's name is checked.";
    "ssl.engine.factory.class", Class, Null, Any, Low, Refused, ReadOnly,
        "The class that makes TLS engines.";
    "ssl.key.password", Password, Null, Any, Medium, Refused, ReadOnly,
        "The password of the private key.";
    "ssl.keymanager.algorithm", String, Value("SunX509"), Any, Medium, Refused, ReadOnly,
        "The algorithm of the key manager.";
    "ssl.keystore.certificate.chain", Password, Null, Any, Medium, Refused, ReadOnly,
        "The certificate chain.";
    "ssl.keystore.key", Password, Null, Any, Medium, Refused, ReadOnly,
        "The private key.";
    "ssl.keystore.location", String, Null, Any, Medium, Refused, ReadOnly,
        "The file of the keys.";
    "ssl.keystore.password", Password, Null, Any, Medium, Refused, ReadOnly,
        "The password of that file.";
    "ssl.keystore.type", String, Value("JKS"), Any, Medium, Refused, ReadOnly,
        "The format of that file.";
    "ssl.principal.mapping.rules", String, Value("DEFAULT"), Any, Low, Refused, ReadOnly,
        "How certificate names become user names.";
    "ssl.protocol", String, Value("TLSv1.3"), Any, Medium, Refused, ReadOnly,
        "The TLS version.";
    "ssl.provider", String, Null, Any, Medium, Refused, ReadOnly,
        "The provider of TLS.";
    "ssl.secure.random.implementation", String, Null, Any, Low, Refused, ReadOnly,
        "The random numbers of TLS.";
    "ssl.trustmanager.algorithm", String, Value("PKIX"), Any, Medium, Refused, ReadOnly,
        "The algorithm of the trust manager.";
    "ssl.truststore.certificates", Password, Null, Any, Medium, Refused, ReadOnly,
        "The trusted certificates.";
    "ssl.truststore.location", String, Null, Any, Medium, Refused, ReadOnly,
        "The file of the trusted certificates.";
    "ssl.truststore.password", Password, Null, Any, Medium, Refused, ReadOnly,
        "The password of that file.";
    "ssl.truststore.type", String, Value("JKS"), Any, Medium, Refused, ReadOnly,
        "The format of that file.";
}
