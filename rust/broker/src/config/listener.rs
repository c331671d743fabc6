//! Listeners as Kafka writes them: `PLAINTEXT://host:port`, a name and an address.

use std::collections::BTreeMap;

use net::Endpoint;

use super::error::ConfigError;
use super::key::ConfigKey;

/// A name and an address to listen on, or to be told to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The name, in capitals.
    pub name: String,
    /// The address.
    pub endpoint: Endpoint,
}

/// The only security protocol that is built.
const PLAINTEXT: &str = "PLAINTEXT";

/// Reads a list of listeners; neither a name nor a port may come twice.
pub(super) fn parse_listeners(
    key: &ConfigKey,
    items: &[String],
) -> Result<Vec<Listener>, ConfigError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for item in items {
        let (name, address) = item
            .split_once("://")
            .ok_or_else(|| key.invalid(item, "it must have the form NAME://host:port"))?;
        let endpoint: Endpoint =
            address.parse().map_err(|error| key.invalid(item, format!("{error}")))?;
        let listener = Listener { name: name.to_ascii_uppercase(), endpoint };
        if listeners.iter().any(|other| other.name == listener.name) {
            return Err(key.invalid(item, "each listener needs a name of its own"));
        }
        if listener.endpoint.port != 0
            && listeners.iter().any(|other| other.endpoint == listener.endpoint)
        {
            return Err(key.invalid(item, "each listener needs an address of its own"));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Reads `NAME:PROTOCOL` pairs.
pub(super) fn parse_protocols(
    key: &ConfigKey,
    text: &str,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once(':') {
            Some((name, protocol)) => {
                Ok((name.trim().to_ascii_uppercase(), protocol.trim().to_ascii_uppercase()))
            }
            None => Err(key.invalid(text, "it must be pairs of the form NAME:PROTOCOL")),
        })
        .collect()
}

/// Refuses a listener that would have to speak TLS or SASL.
pub(super) fn check_protocol(
    key: &ConfigKey,
    protocols: &BTreeMap<String, String>,
    listener: &Listener,
) -> Result<(), ConfigError> {
    let text = || format!("{}://{}", listener.name, listener.endpoint);
    match protocols.get(&listener.name).map(String::as_str) {
        Some(PLAINTEXT) => Ok(()),
        Some(protocol) => Err(key.refused(
            &text(),
            format!("its security protocol is {protocol}, and only {PLAINTEXT} is built"),
        )),
        None => Err(key.invalid(
            &text(),
            format!("{} is not in listener.security.protocol.map", listener.name),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::broker_keys::broker_key;
    use super::*;

    fn parse(text: &str) -> Result<Vec<Listener>, ConfigError> {
        let items: Vec<String> = text.split(',').map(str::to_owned).collect();
        parse_listeners(broker_key("listeners").unwrap(), &items)
    }

    #[test]
    fn names_and_addresses_are_read() {
        let listeners = parse("plaintext://:9092,CONTROLLER://[::1]:9093").unwrap();
        assert_eq!(listeners[0].name, "PLAINTEXT");
        assert_eq!(listeners[0].endpoint, Endpoint::new("", 9092));
        assert_eq!(listeners[1].endpoint, Endpoint::new("::1", 9093));
        assert_eq!(parse("A://h:0,B://h:0").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_listener_or_comes_twice_is_refused_by_name() {
        for text in ["localhost:9092", "A://", "A://h:1,A://h:2", "A://h:1,B://h:1", ""] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.key(), "listeners", "{text}");
        }
    }

    #[test]
    fn only_plaintext_may_be_opened() {
        let key = broker_key("listener.security.protocol.map").unwrap();
        let protocols = parse_protocols(key, "A:PLAINTEXT, b:ssl").unwrap();
        let check = |name: &str| {
            let listener = Listener { name: name.to_owned(), endpoint: Endpoint::new("h", 1) };
            check_protocol(broker_key("listeners").unwrap(), &protocols, &listener)
        };
        assert_eq!(check("A"), Ok(()));
        assert!(
            matches!(check("B"), Err(ConfigError::Refused { reason, .. }) if reason.contains("SSL"))
        );
        assert!(matches!(check("C"), Err(ConfigError::Invalid { .. })));
        assert!(parse_protocols(key, "A").is_err());
    }
}
