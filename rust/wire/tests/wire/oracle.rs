//! A foreign codec as a witness: random messages of every version that it knows come back from both
//! byte for byte.

use base::SplitMix64;
use base::codec::{DecodeError, Reader, Writer};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as foreign;
use kafka_protocol::protocol::{Decodable, Encodable, Message};
use wire::{AnyRequest, AnyResponse, ApiKey};

use crate::contract::MESSAGES;
use crate::random_message::random_message;

/// Random messages of each kind and version.
const MESSAGES_EACH: u64 = 50;

/// How a foreign message is read and written again.
type Recode = fn(&Bytes, i16) -> Vec<u8>;

/// A message that both know: its name and the versions in which the foreign codec has it.
struct Oracle {
    name: &'static str,
    min: i16,
    max: i16,
    recode: Recode,
}

macro_rules! oracles {
    ($($message:ident)*) => {
        [$(Oracle {
            name: stringify!($message),
            min: foreign::$message::VERSIONS.min,
            max: foreign::$message::VERSIONS.max,
            recode: recode_foreign::<foreign::$message>,
        },)*]
    };
}

/// Every message that both know.
const ORACLES: &[Oracle] = &for_each_message!(oracles);

#[test]
fn random_messages_come_back_from_both_codecs_byte_for_byte() {
    for oracle in ORACLES {
        let contract = &MESSAGES[oracle.name];
        let api = contract.key.and_then(ApiKey::from_key).expect("a key that is known");
        let served = api.served();
        for version in served.min.max(oracle.min)..=served.max.min(oracle.max) {
            let mut rng = SplitMix64::new(version as u64);
            for _ in 0..MESSAGES_EACH {
                let bytes = Bytes::from(random_message(contract, version, &mut rng));
                let context = || format!("{} {version}: {bytes:02x?}", oracle.name);
                let ours = recode(api, &contract.kind, &bytes, version);
                assert_eq!(
                    ours.unwrap_or_else(|e| panic!("{e}: {}", context())),
                    bytes,
                    "{}",
                    context()
                );
                assert_eq!((oracle.recode)(&bytes, version), bytes, "{}", context());
            }
        }
    }
}

/// Our reading and writing again of a whole message; nothing may be left over.
pub(crate) fn recode(
    api: ApiKey,
    kind: &str,
    bytes: &Bytes,
    version: i16,
) -> Result<Bytes, DecodeError> {
    let (mut reader, mut writer) = (Reader::new(bytes.clone()), Writer::new());
    if kind == "request" {
        AnyRequest::decode(api, &mut reader, version)?.encode(&mut writer, version)
    } else {
        AnyResponse::decode(api, &mut reader, version)?.encode(&mut writer, version)
    }
    .unwrap();
    assert_eq!(reader.remaining(), 0, "{api} {kind} {version} left bytes");
    Ok(writer.finish().unwrap().collect().unwrap())
}

fn recode_foreign<M: Decodable + Encodable>(bytes: &Bytes, version: i16) -> Vec<u8> {
    let mut rest = bytes.clone();
    let message = M::decode(&mut rest, version).unwrap();
    assert!(rest.is_empty());
    let mut out = BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out.to_vec()
}
