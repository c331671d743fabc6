//! Producers' requests in few words, and what is of interest in the answers.

use base::ErrorCode;
use bytes::{BufMut, Bytes, BytesMut};
use coordinator::transaction::{TransactionRecord, TransactionRequest, TransactionResponse};
use wire::add_offsets_to_txn::AddOffsetsToTxnRequest;
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use wire::describe_transactions::{DescribeTransactionsRequest, TransactionState};
use wire::end_txn::EndTxnRequest;
use wire::init_producer_id::InitProducerIdRequest;
use wire::transaction_log::TransactionLogValue;
use wire::{Message, Writer};

use crate::host::Host;

/// The transactional id of most tests.
pub(crate) const ID: &str = "x";
/// Nobody, on the wire.
pub(crate) const NONE: (i64, i16) = (-1, -1);
/// Partitions of two topics.
pub(crate) const PARTITIONS: &[(&str, &[i32])] = &[("clicks", &[2]), ("orders", &[0, 3])];

/// A producer's id and epoch.
pub(crate) type Producer = (i64, i16);

/// The versions that a client sends which speaks this version of the protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaks {
    pub(crate) init: i16,
    pub(crate) add: i16,
    pub(crate) end: i16,
}

/// Before KIP-588, before version 2, and with it.
pub(crate) const OLDEST: Speaks = Speaks { init: 3, add: 1, end: 1 };
pub(crate) const V1: Speaks = Speaks { init: 4, add: 3, end: 4 };
pub(crate) const V2: Speaks = Speaks { init: 5, add: 5, end: 5 };

pub(crate) fn error(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap()
}

pub(crate) fn init_request(
    id: &str,
    (producer_id, producer_epoch): Producer,
    transaction_timeout_ms: i32,
) -> TransactionRequest {
    TransactionRequest::InitProducerId(InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms,
        producer_id,
        producer_epoch,
    })
}

pub(crate) fn topics_of(partitions: &[(&str, &[i32])]) -> Vec<AddPartitionsToTxnTopic> {
    let topic = |(name, partitions): &(&str, &[i32])| AddPartitionsToTxnTopic {
        name: (*name).to_owned(),
        partitions: partitions.to_vec(),
    };
    partitions.iter().map(topic).collect()
}

/// A request of a client or, from version 4 on, of a broker.
pub(crate) fn add_request(
    version: i16,
    verify_only: bool,
    id: &str,
    (producer_id, producer_epoch): Producer,
    partitions: &[(&str, &[i32])],
) -> TransactionRequest {
    let topics = topics_of(partitions);
    TransactionRequest::AddPartitionsToTxn(if version < 4 {
        AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: id.into(),
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: producer_epoch,
            v3_and_below_topics: topics,
            ..AddPartitionsToTxnRequest::default()
        }
    } else {
        let transactional_id = id.into();
        AddPartitionsToTxnRequest {
            transactions: vec![AddPartitionsToTxnTransaction {
                transactional_id,
                producer_id,
                producer_epoch,
                verify_only,
                topics,
            }],
            ..AddPartitionsToTxnRequest::default()
        }
    })
}

pub(crate) fn end_request(
    id: &str,
    (producer_id, producer_epoch): Producer,
    committed: bool,
) -> TransactionRequest {
    let transactional_id = id.into();
    TransactionRequest::EndTxn(EndTxnRequest {
        transactional_id,
        producer_id,
        producer_epoch,
        committed,
    })
}

/// The codes of an answer, a partition each, in order.
pub(crate) fn codes(response: &TransactionResponse) -> Vec<ErrorCode> {
    let TransactionResponse::AddPartitionsToTxn(response) = response else {
        panic!("{response:?}")
    };
    let of_transactions =
        response.results_by_transaction.iter().flat_map(|result| &result.topic_results);
    let topics = response.results_by_topic_v3_and_below.iter().chain(of_transactions);
    let partitions = topics.flat_map(|topic| &topic.results_by_partition);
    partitions.map(|partition| error(partition.partition_error_code)).collect()
}

/// A record as another coordinator has left it.
pub(crate) fn record(id: &str, value: &TransactionLogValue) -> TransactionRecord {
    let mut writer = Writer::new();
    writer.write_slice(&1_i16.to_be_bytes());
    value.encode(&mut writer, 1).unwrap();
    let mut key = BytesMut::new();
    key.put_i16(0);
    key.put_i16(id.len().try_into().unwrap());
    key.put_slice(id.as_bytes());
    let value: Bytes = writer.finish().unwrap().collect().unwrap();
    TransactionRecord::decode(key.freeze(), Some(value)).unwrap().unwrap()
}

/// An id that stands idle with this producer.
pub(crate) fn idle_record(id: &str, producer_id: i64, producer_epoch: i16) -> TransactionRecord {
    let value = TransactionLogValue {
        producer_id,
        producer_epoch,
        transaction_timeout_ms: 60_000,
        transaction_start_timestamp_ms: -1,
        ..TransactionLogValue::default()
    };
    record(id, &value)
}

impl Host {
    pub(crate) fn ask(
        &mut self,
        version: i16,
        request: &TransactionRequest,
    ) -> TransactionResponse {
        let token = self.send(version, request);
        self.take(token).expect("an answer")
    }

    /// InitProducerId of a producer that says who it is, or [`NONE`].
    pub(crate) fn try_init(
        &mut self,
        speaks: Speaks,
        expected: Producer,
    ) -> Result<Producer, ErrorCode> {
        let request = init_request(ID, expected, 60_000);
        let TransactionResponse::InitProducerId(response) = self.ask(speaks.init, &request) else {
            panic!("another answer")
        };
        match error(response.error_code) {
            ErrorCode::None => Ok((response.producer_id, response.producer_epoch)),
            code => {
                assert_eq!((response.producer_id, response.producer_epoch), NONE);
                Err(code)
            }
        }
    }

    pub(crate) fn init(&mut self) -> Producer {
        self.try_init(V2, NONE).unwrap()
    }

    pub(crate) fn try_add(
        &mut self,
        speaks: Speaks,
        producer: Producer,
        partitions: &[(&str, &[i32])],
    ) -> ErrorCode {
        let request = add_request(speaks.add, false, ID, producer, partitions);
        let codes = codes(&self.ask(speaks.add, &request));
        assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
        codes[0]
    }

    pub(crate) fn add(&mut self, speaks: Speaks, producer: Producer) {
        assert_eq!(self.try_add(speaks, producer, PARTITIONS), ErrorCode::None);
    }

    /// AddPartitionsToTxn that only asks: the code of each partition.
    pub(crate) fn verify(
        &mut self,
        producer: Producer,
        partitions: &[(&str, &[i32])],
    ) -> Vec<ErrorCode> {
        let request = add_request(4, true, ID, producer, partitions);
        codes(&self.ask(4, &request))
    }

    pub(crate) fn add_offsets(&mut self, producer: Producer, partition: i32) -> ErrorCode {
        let request = AddOffsetsToTxnRequest {
            transactional_id: ID.into(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            group_id: "g".into(),
        };
        let request = TransactionRequest::AddOffsetsToTxn { request, offsets_partition: partition };
        let TransactionResponse::AddOffsetsToTxn(response) = self.ask(3, &request) else {
            panic!("another answer")
        };
        error(response.error_code)
    }

    /// EndTxn; who the producer is then, or [`NONE`] before version 2.
    pub(crate) fn try_end(
        &mut self,
        speaks: Speaks,
        producer: Producer,
        committed: bool,
    ) -> Result<Producer, ErrorCode> {
        let request = end_request(ID, producer, committed);
        let TransactionResponse::EndTxn(response) = self.ask(speaks.end, &request) else {
            panic!("another answer")
        };
        match error(response.error_code) {
            ErrorCode::None => Ok((response.producer_id, response.producer_epoch)),
            code => {
                assert_eq!((response.producer_id, response.producer_epoch), NONE);
                Err(code)
            }
        }
    }

    pub(crate) fn commit(&mut self, speaks: Speaks, producer: Producer) -> Producer {
        self.try_end(speaks, producer, true).unwrap()
    }

    pub(crate) fn describe(&mut self, id: &str) -> TransactionState {
        let request = TransactionRequest::DescribeTransactions(DescribeTransactionsRequest {
            transactional_ids: vec![id.into()],
        });
        let TransactionResponse::DescribeTransactions(response) = self.ask(0, &request) else {
            panic!("another answer")
        };
        response.transaction_states.into_iter().next().unwrap()
    }

    /// The name of the state, and who the producer is.
    pub(crate) fn standing(&mut self) -> (String, Producer) {
        let described = self.describe(ID);
        assert_eq!(error(described.error_code), ErrorCode::None);
        (described.transaction_state, (described.producer_id, described.producer_epoch))
    }

    pub(crate) fn state(&mut self) -> String {
        self.standing().0
    }
}
