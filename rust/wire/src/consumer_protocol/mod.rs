//! What consumers of a classic group say to each other through the coordinator, which does not look
//! into it: each says what it subscribes to, and the leader what each is assigned.
//!
//! Versions 0-3, never flexible; the version stands in front.
//!
//! - 1: what the consumer owns, for cooperative rebalancing (KIP-429)
//! - 2: the generation in which it came to own that (KIP-792)
//! - 3: its rack (KIP-881)

use base::codec::{DecodeError, EncodeError, Message, Reader, Writer};
use bytes::Bytes;

pub mod assignment;
pub mod subscription;

pub use assignment::ConsumerProtocolAssignment;
pub use subscription::ConsumerProtocolSubscription;

/// What consumers say to each other.
pub trait ConsumerProtocolMessage: Message {}

impl ConsumerProtocolMessage for ConsumerProtocolSubscription {}

impl ConsumerProtocolMessage for ConsumerProtocolAssignment {}

/// The message as a consumer hands it to the coordinator.
pub fn encode<M: ConsumerProtocolMessage>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.write_slice(&version.to_be_bytes());
    message.encode(&mut writer, version)?;
    Ok(writer.finish()?.collect().expect("what was just written lies in memory"))
}

/// Reads what another consumer has said. One of a later version is read as far as this release
/// knows it: later versions only add fields.
pub fn decode<M: ConsumerProtocolMessage>(bytes: &Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes.clone());
    let version = i16::from_be_bytes(reader.read_fixed()?);
    M::decode(&mut reader, version.min(M::SCHEMA.versions.max))
}

#[cfg(test)]
mod tests {
    use base::codec::DecodeReason;

    use super::*;

    #[test]
    fn the_version_stands_in_front() {
        let subscription =
            ConsumerProtocolSubscription { topics: vec!["t".to_owned()], ..Default::default() };
        let bytes = encode(&subscription, 0).unwrap();
        assert_eq!(bytes[..], [0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decode::<ConsumerProtocolSubscription>(&bytes), Ok(subscription));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let subscription = ConsumerProtocolSubscription {
            topics: vec!["t".to_owned()],
            generation_id: 7,
            rack_id: Some("r".to_owned()),
            ..Default::default()
        };
        let mut bytes = encode(&subscription, 3).unwrap().to_vec();
        bytes[1] = 9;
        bytes.extend([1, 2, 3]);
        assert_eq!(decode(&Bytes::from(bytes)), Ok(subscription));
    }

    #[test]
    fn a_version_below_all_is_refused() {
        let error = decode::<ConsumerProtocolAssignment>(&Bytes::from_static(&[0xff, 0xff, 0, 0]));
        assert_eq!(error.unwrap_err().reason, DecodeReason::UnknownVersion(-1));
    }
}
