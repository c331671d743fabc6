//! Golden bytes of every kind, round trips of any record, and refusals.

use base::Uuid;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const ID: Uuid = Uuid(*b"0123456789abcdef");

/// One record of each kind with every field set, and its bytes in hexadecimal, written by hand from
/// the layout; `ID` stands for the id's.
fn golden() -> Vec<(MetadataRecord, &'static str)> {
    let text = str::to_owned;
    let config =
        ConfigRecord { resource_type: 2, resource_name: text("t"), name: text("k"), value: None };
    let change = PartitionChangeRecord {
        partition_id: 3,
        topic_id: ID,
        isr: Some(vec![2]),
        ..PartitionChangeRecord::default()
    };
    let producer_ids = ProducerIdsRecord { broker_id: 1, broker_epoch: 2, next_producer_id: 1000 };
    vec![
        (
            broker().into(),
            "010000 00000007 ID 0000000000000102 02 0250 0268 2384 0001 00 \
             02 0266 0001 0002 00 0272 01 00 02 ID 00",
        ),
        (TopicRecord { name: text("ab"), topic_id: ID }.into(), "010200 036162 ID 00"),
        (
            partition().into(),
            "010300 00000003 ID 03 00000001 00000002 02 00000001 00000001 00000005 00000006 \
             03 ID 00000000000000000000000000000000 00",
        ),
        (config.into(), "010400 02 0274 026b 00 00"),
        (change.into(), "010500 00000003 ID 02 00000002 fffffffe 00 00 00"),
        (RemoveTopicRecord { topic_id: ID }.into(), "010900 ID 00"),
        (FeatureLevelRecord { name: text("f"), feature_level: 30 }.into(), "010c00 0266 001e 00"),
        (producer_ids.into(), "010f00 00000001 0000000000000002 00000000000003e8 00"),
        (ClusterIdRecord { cluster_id: text("c") }.into(), "01e80700 0263 00"),
        (
            UncleanStartRecord { broker_id: 1, broker_epoch: 2 }.into(),
            "01e90700 00000001 0000000000000002 00",
        ),
    ]
}

fn broker() -> RegisterBrokerRecord {
    RegisterBrokerRecord {
        broker_id: 7,
        incarnation_id: ID,
        broker_epoch: 258,
        end_points: vec![BrokerEndPoint {
            name: "P".to_owned(),
            host: "h".to_owned(),
            port: 9092,
            security_protocol: 1,
        }],
        features: vec![BrokerFeature {
            name: "f".to_owned(),
            min_supported_version: 1,
            max_supported_version: 2,
        }],
        rack: Some("r".to_owned()),
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: vec![ID],
    }
}

fn partition() -> PartitionRecord {
    PartitionRecord {
        partition_id: 3,
        topic_id: ID,
        replicas: vec![1, 2],
        isr: vec![1],
        leader: 1,
        leader_epoch: 5,
        partition_epoch: 6,
        directories: vec![ID, Uuid::ZERO],
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let whole = hexadecimal.replace("ID", "30313233343536373839616263646566");
    let digits: String = whole.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn encoded(records: &[MetadataRecord]) -> Bytes {
    let mut writer = Writer::new();
    for record in records {
        record.encode(&mut writer).unwrap();
    }
    writer.finish().unwrap().collect().unwrap()
}

fn decoded(bytes: impl Into<Bytes>) -> Result<MetadataRecord, RecordDecodeError> {
    MetadataRecord::decode(&mut Reader::new(bytes.into()))
}

#[test]
fn every_kind_has_the_bytes_that_its_layout_says() {
    for (record, golden) in golden() {
        assert_eq!(encoded(std::slice::from_ref(&record)), bytes(golden), "{record:?}");
        assert_eq!(decoded(bytes(golden)), Ok(record));
    }
}

#[test]
fn records_follow_each_other_without_a_gap() {
    let records: Vec<MetadataRecord> = golden().into_iter().map(|(record, _)| record).collect();
    let mut reader = Reader::new(encoded(&records));
    for record in &records {
        assert_eq!(MetadataRecord::decode(&mut reader).as_ref(), Ok(record));
    }
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn an_unknown_kind_version_or_frame_is_refused_by_number() {
    let unknown = decoded(bytes("01 e707 02 00")).unwrap_err();
    assert_eq!(unknown, RecordDecodeError::UnknownKind { kind: 999, version: 2 });
    assert!(unknown.to_string().contains("kind 999 (version 2) is not known"));
    let later = decoded(bytes("01 02 01 0261")).unwrap_err();
    assert!(matches!(later, RecordDecodeError::Malformed { kind: 2, version: 1, .. }), "{later}");
    assert_eq!(decoded(bytes("02 02 00")), Err(RecordDecodeError::UnknownFrame(2)));
    let huge = decoded(bytes("01 02 ffffffff0f")).unwrap_err();
    assert!(matches!(huge, RecordDecodeError::Malformed { version: u32::MAX, .. }), "{huge}");
}

#[test]
fn a_record_cut_anywhere_is_an_error() {
    for (record, golden) in golden() {
        let whole = bytes(golden);
        for end in 0..whole.len() {
            assert!(decoded(whole[..end].to_vec()).is_err(), "{record:?} cut at {end}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = decoded(bytes);
    }

    #[test]
    fn any_partition_survives_its_bytes(
        partition_id: i32, topic_id: [u8; 16], replicas: Vec<i32>, isr: Vec<i32>, leader: i32,
        leader_epoch: i32, partition_epoch: i32, directories: Vec<[u8; 16]>,
    ) {
        let record = MetadataRecord::Partition(PartitionRecord {
            partition_id, topic_id: Uuid(topic_id), replicas, isr, leader, leader_epoch,
            partition_epoch,
            directories: directories.into_iter().map(Uuid).collect(),
        });
        prop_assert_eq!(decoded(encoded(std::slice::from_ref(&record))), Ok(record));
    }
}
