//! What is no request and no answer, read from logs and from other consumers: random ones come back
//! byte for byte, and spoiled ones are refused within bounds.

use base::codec::{DecodeError, Message, Reader, Writer};
use base::{Rng, SplitMix64};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as foreign;
use kafka_protocol::protocol::{Decodable, Encodable};
use wire::coordinator_records::*;
use wire::transaction_log::{TransactionLogKey, TransactionLogValue};
use wire::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};

use crate::contract::{self, MESSAGES};
use crate::counting_allocator::peak_heap;
use crate::random_message::random_message;

/// Random records of each kind and version.
const RECORDS_EACH: u64 = 50;
/// As for requests: at most this many bytes of heap for each byte of a record,
const HEAP_PER_BYTE: usize = 64;
/// and these, however small it is.
const HEAP_MIN: usize = 64 * 1024;

macro_rules! names {
    ($($record:ident)*) => {
        &[$(stringify!($record),)*]
    };
}

/// The names of all of them.
pub(crate) const RECORDS: &[&str] = for_each_record!(names);

#[test]
fn random_records_come_back_byte_for_byte() {
    macro_rules! recode_all {
        ($($record:ident)*) => {
            $(for_each_random($record::SCHEMA.name, |bytes, version| {
                assert_eq!(recode::<$record>(bytes, version).unwrap(), bytes);
            });)*
        };
    }
    for_each_record!(recode_all);
}

#[test]
fn a_foreign_codec_reads_what_consumers_say_to_each_other_as_we_do() {
    for_each_random("ConsumerProtocolSubscription", |bytes, version| {
        assert_eq!(recode_foreign::<foreign::ConsumerProtocolSubscription>(bytes, version), *bytes);
    });
    for_each_random("ConsumerProtocolAssignment", |bytes, version| {
        assert_eq!(recode_foreign::<foreign::ConsumerProtocolAssignment>(bytes, version), *bytes);
    });
}

#[test]
fn spoiled_records_are_read_or_refused_within_bounds() {
    macro_rules! spoil_all {
        ($($record:ident)*) => {
            $(for_each_random($record::SCHEMA.name, |bytes, version| {
                let mut rng = SplitMix64::new(bytes.len() as u64);
                for end in 0..bytes.len().min(200) {
                    check_heap::<$record>(&bytes.slice(..end), version);
                    let mut spoiled = bytes.to_vec();
                    spoiled[end] = rng.next_u64() as u8 | 0x70;
                    check_heap::<$record>(&Bytes::from(spoiled), version);
                }
            });)*
        };
    }
    for_each_record!(spoil_all);
}

fn for_each_random(name: &str, check: impl Fn(&Bytes, i16)) {
    let record: &contract::Message = &MESSAGES[name];
    for version in record.versions.min..=record.versions.max {
        let mut rng = SplitMix64::new(version as u64);
        for _ in 0..RECORDS_EACH {
            check(&Bytes::from(random_message(record, version, &mut rng)), version);
        }
    }
}

fn check_heap<M: Message>(bytes: &Bytes, version: i16) {
    let (_, peak) = peak_heap(|| M::decode(&mut Reader::new(bytes.clone()), version).map(drop));
    let bound = HEAP_PER_BYTE * bytes.len() + HEAP_MIN;
    assert!(peak <= bound, "{} {version}: {peak} bytes: {bytes:02x?}", M::SCHEMA.name);
}

fn recode<M: Message>(bytes: &Bytes, version: i16) -> Result<Bytes, DecodeError> {
    let (mut reader, mut writer) = (Reader::new(bytes.clone()), Writer::new());
    let record = M::decode(&mut reader, version)?;
    assert_eq!(reader.remaining(), 0, "{} {version} left bytes", M::SCHEMA.name);
    record.encode(&mut writer, version).unwrap();
    Ok(writer.finish().unwrap().collect().unwrap())
}

fn recode_foreign<M: Decodable + Encodable>(bytes: &Bytes, version: i16) -> Bytes {
    let mut rest = bytes.clone();
    let record = M::decode(&mut rest, version).unwrap();
    assert!(rest.is_empty());
    let mut out = BytesMut::new();
    record.encode(&mut out, version).unwrap();
    out.freeze()
}
