//! Kafka's own bytes as a witness: every message in every version that Kafka 4.3.1 advertises, the
//! versions that the foreign codec does not know among them.

use std::collections::BTreeSet;

use crate::contract::MESSAGES;
use crate::records::RECORDS;
use base::codec::{DecodeError, Message, Reader, Writer};
use bytes::Bytes;
use wire::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use wire::{ApiKey, DescribeLogDirsResponse, ListOffsetsRequest, RequestHeader, ResponseHeader};

/// Everything that has a line in the file.
mod messages {
    pub(super) use wire::coordinator_records::*;
    pub(super) use wire::transaction_log::{TransactionLogKey, TransactionLogValue};
    pub(super) use wire::*;
}

/// A line of the file.
struct Golden {
    message: &'static str,
    version: i16,
    filling: &'static str,
    bytes: Bytes,
}

#[test]
fn every_message_is_read_and_written_as_kafka_writes_it() {
    for golden in goldens() {
        let recoded = recode(&golden).unwrap_or_else(|e| panic!("{e}: {}", context(&golden)));
        assert_eq!(recoded, golden.bytes, "{}", context(&golden));
    }
}

#[test]
fn every_version_that_is_served_has_its_golden_bytes() {
    let golden: BTreeSet<_> = goldens().iter().map(|g| (g.message.to_owned(), g.version)).collect();
    for api in ApiKey::ALL {
        for version in api.served().min..=api.served().max {
            for kind in ["Request", "Response"] {
                let message = format!("{api}{kind}");
                assert!(golden.contains(&(message.clone(), version)), "{message} {version}");
            }
        }
    }
    for (name, record) in MESSAGES.iter().filter(|(_, m)| RECORDS.contains(&m.name.as_str())) {
        for version in record.versions.min..=record.versions.max {
            assert!(golden.contains(&(name.clone(), version)), "{name} {version}");
        }
    }
}

/// What a field is when nobody has set it decides what may be left out on the wire.
#[test]
fn a_message_that_nobody_has_filled_is_kafkas() {
    for golden in goldens().iter().filter(|golden| golden.filling == "default") {
        assert_eq!(default(golden), golden.bytes, "{}", context(golden));
    }
}

#[test]
fn a_list_offsets_request_of_version_11_has_its_values() {
    let topic = |name: &str, partitions: [[i32; 3]; 2]| ListOffsetsTopic {
        name: name.to_owned(),
        partitions: partitions
            .map(|[partition_index, current_leader_epoch, timestamp]| ListOffsetsPartition {
                partition_index,
                current_leader_epoch,
                timestamp: i64::from(timestamp),
            })
            .to_vec(),
    };
    let expected = ListOffsetsRequest {
        replica_id: 1,
        isolation_level: 2,
        topics: vec![
            topic("s3", [[4, 5, 6], [7, 8, 9]]),
            topic("s10", [[11, 12, 13], [14, 15, 16]]),
        ],
        timeout_ms: 17,
    };
    assert_eq!(decode::<ListOffsetsRequest>("ListOffsetsRequest", 11), expected);
}

#[test]
fn a_describe_log_dirs_response_of_version_5_has_its_values() {
    let partition = |index: i32, is_future_key| DescribeLogDirsPartition {
        partition_index: index,
        partition_size: i64::from(index + 1),
        offset_lag: i64::from(index + 2),
        is_future_key,
    };
    let topic = |name: &str, partitions: [DescribeLogDirsPartition; 2]| DescribeLogDirsTopic {
        name: name.to_owned(),
        partitions: partitions.to_vec(),
    };
    let response = decode::<DescribeLogDirsResponse>("DescribeLogDirsResponse", 5);
    assert_eq!((response.throttle_time_ms, response.error_code), (1, 2));
    assert_eq!(
        response.results[0],
        DescribeLogDirsResult {
            error_code: 3,
            log_dir: "s4".to_owned(),
            topics: vec![
                topic("s5", [partition(6, true), partition(10, true)]),
                topic("s14", [partition(15, false), partition(19, false)]),
            ],
            total_bytes: 23,
            usable_bytes: 24,
            is_cordoned: true,
        }
    );
}

fn goldens() -> Vec<Golden> {
    include_str!("../../../../tests/golden/wire/messages.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let cells: Vec<&str> = line.split(' ').collect();
            let [message, version, filling, hex] = cells[..] else { panic!("{line}") };
            let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes = (0..hex.len()).step_by(2).map(digits).collect();
            Golden { message, version: version.parse().unwrap(), filling, bytes }
        })
        .collect()
}

fn context(golden: &Golden) -> String {
    format!("{} {} {}", golden.message, golden.version, golden.filling)
}

/// The filled message of the golden file.
fn decode<M: Message>(message: &str, version: i16) -> M {
    let goldens = goldens();
    let is_wanted =
        |g: &&Golden| g.message == message && g.version == version && g.filling == "full";
    let golden = goldens.iter().find(is_wanted).unwrap();
    M::decode(&mut Reader::new(golden.bytes.clone()), version).unwrap()
}

fn recode(golden: &Golden) -> Result<Bytes, DecodeError> {
    macro_rules! recode_by_name {
        ($($message:ident)*) => {
            match golden.message {
                $(stringify!($message) => Some(recode_as::<messages::$message>(golden)),)*
                _ => None,
            }
        };
    }
    let recoded = for_each_message!(recode_by_name).or_else(|| for_each_record!(recode_by_name));
    recoded.unwrap_or_else(|| match golden.message {
        "RequestHeader" => recode_as::<RequestHeader>(golden),
        "ResponseHeader" => recode_as::<ResponseHeader>(golden),
        unknown => panic!("{unknown} is not known"),
    })
}

fn recode_as<M: Message>(golden: &Golden) -> Result<Bytes, DecodeError> {
    let mut reader = Reader::new(golden.bytes.clone());
    let message = M::decode(&mut reader, golden.version)?;
    assert_eq!(reader.remaining(), 0, "{} left bytes", context(golden));
    Ok(encode(&message, golden.version))
}

fn default(golden: &Golden) -> Bytes {
    macro_rules! default_by_name {
        ($($message:ident)*) => {
            match golden.message {
                $(stringify!($message) => {
                    Some(encode(&messages::$message::default(), golden.version))
                })*
                _ => None,
            }
        };
    }
    let default = for_each_message!(default_by_name).or_else(|| for_each_record!(default_by_name));
    default.unwrap_or_else(|| match golden.message {
        "RequestHeader" => encode(&RequestHeader::default(), golden.version),
        "ResponseHeader" => encode(&ResponseHeader::default(), golden.version),
        unknown => panic!("{unknown} is not known"),
    })
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.finish().unwrap().collect().unwrap()
}
