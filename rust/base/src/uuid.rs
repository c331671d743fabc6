//! A 128-bit identity in Kafka's spelling: URL-safe base64 without padding, 22 characters.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::rng::Rng;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TEXT_LENGTH: usize = 22;

/// A 128-bit identity, big-endian on the wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// A text that is not 22 characters of URL-safe base64.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an id: expected 22 characters of URL-safe base64")]
pub struct ParseUuidError(String);

impl Uuid {
    /// The id that stands for none.
    pub const ZERO: Self = Self([0; 16]);

    /// A random (version 4) id whose text never starts with a dash, so that it can be a command's
    /// argument (as Kafka's).
    pub fn random(rng: &mut dyn Rng) -> Self {
        loop {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
            bytes[8..].copy_from_slice(&rng.next_u64().to_be_bytes());
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            // 0xf8..=0xfb are the first bytes whose base64 starts with a dash.
            if bytes[0] >> 2 != 62 {
                return Self(bytes);
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        // 128 bits are 21 whole sextets and two bits, which the last character holds at its top.
        for index in 0..TEXT_LENGTH - 1 {
            let sextet = (value >> (122 - 6 * index)) & 0x3f;
            write!(f, "{}", ALPHABET[sextet as usize] as char)?;
        }
        write!(f, "{}", ALPHABET[((value & 0x03) << 4) as usize] as char)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseUuidError(text.to_owned());
        if text.len() != TEXT_LENGTH {
            return Err(error());
        }
        let mut value: u128 = 0;
        for (index, character) in text.bytes().enumerate() {
            let sextet = ALPHABET.iter().position(|&c| c == character).ok_or_else(error)? as u128;
            value = if index < TEXT_LENGTH - 1 {
                value << 6 | sextet
            } else {
                value << 2 | sextet >> 4
            };
        }
        Ok(Self(value.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::SplitMix64;

    #[test]
    fn an_id_is_spelled_as_kafka_spells_it() {
        // `MkU3OEVBNTcwNTJENDM2Qg` is the id whose bytes are the ASCII of `2E78EA57052D436B`.
        let id = Uuid(*b"2E78EA57052D436B");
        assert_eq!(id.to_string(), "MkU3OEVBNTcwNTJENDM2Qg");
        assert_eq!("MkU3OEVBNTcwNTJENDM2Qg".parse(), Ok(id));
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_with_the_text() {
        for text in ["", "short", "MkU3OEVBNTcwNTJENDM2Q+", "MkU3OEVBNTcwNTJENDM2QgA"] {
            let error = text.parse::<Uuid>().expect_err("not an id");
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn a_random_id_never_starts_with_a_dash_and_says_its_version() {
        let mut rng = SplitMix64::new(7);
        for _ in 0..10_000 {
            let id = Uuid::random(&mut rng);
            assert!(!id.to_string().starts_with('-'));
            assert_eq!(id.0[6] >> 4, 4);
        }
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid(bytes).to_string().parse(), Ok(Uuid(bytes)));
        }
    }
}
