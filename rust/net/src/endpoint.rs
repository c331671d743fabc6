//! A host and a port as people write them: `localhost:9092`, `10.0.0.1:9092`, `[::1]:9092`,
//! `:9092`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// A name or an address, without brackets; empty means every interface when listening.
    pub host: String,
    /// The port; 0 means any free one when listening.
    pub port: u16,
}

/// A text that is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not an address of the form host:port, for instance localhost:9092 or [::1]:9092"
)]
pub struct InvalidEndpoint {
    /// The text.
    pub text: String,
}

impl Endpoint {
    /// The endpoint `host`:`port`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']').ok_or_else(invalid)?,
            // Two colons without brackets: nobody can tell where the address ends.
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        if host.chars().any(|c| c.is_whitespace() || c == '/' || c == '[' || c == ']') {
            return Err(invalid());
        }
        Ok(Self::new(host, port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_what_it_writes() {
        for text in ["localhost:9092", "10.0.0.1:0", "[::1]:65535", ":9092", "[fe80::1%eth0]:1"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:9092".parse(), Ok(Endpoint::new("::1", 9092)));
    }

    #[test]
    fn what_is_not_host_and_port_is_refused_with_the_text_in_the_message() {
        for text in
            ["", "localhost", "localhost:", "localhost:99999", "::1:9092", "[::1:9092", "a b:1"]
        {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
