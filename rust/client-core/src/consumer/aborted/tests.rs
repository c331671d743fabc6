//! What `read_committed` lets through.

use base::{ProducerEpoch, ProducerId};
use records::{BatchBuilder, Compression, ProducerStamp};

use super::*;

fn at(base_offset: i64, bytes: &[u8]) -> RecordBatch {
    let mut bytes = bytes.to_vec();
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
    RecordBatch::parse(bytes.into()).unwrap()
}

fn data(base_offset: i64, producer: i64, transactional: bool) -> RecordBatch {
    let mut builder = BatchBuilder::new(1000);
    builder.try_append(1, None, Some(b"v"), &[]).unwrap();
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        transactional,
    };
    at(base_offset, &builder.finish(&stamp, Compression::default()).unwrap())
}

fn marker(base_offset: i64, producer: i64, record: &ControlRecord) -> RecordBatch {
    let (id, epoch) = (ProducerId(producer), ProducerEpoch(0));
    at(base_offset, &record.end_transaction_batch(id, epoch, 1))
}

fn aborted(transactions: &[(i64, i64)]) -> Vec<AbortedTransaction> {
    let row = |(producer_id, first_offset): &(i64, i64)| AbortedTransaction {
        producer_id: *producer_id,
        first_offset: *first_offset,
    };
    transactions.iter().map(row).collect()
}

#[test]
fn records_of_an_aborted_transaction_are_left_out_up_to_its_marker_and_no_further() {
    let mut filter = AbortedFilter::new(&aborted(&[(1, 10), (2, 12)]));
    let walk = [
        (data(9, 1, true), true),   // of an earlier transaction, which was committed
        (data(10, 1, true), false), // producer 1's aborted one begins
        (data(11, 2, true), true),  // producer 2's has not begun
        (data(12, 2, true), false),
        (data(13, 1, false), true), // not in any transaction
        (data(14, 3, true), true),  // somebody else's
        (marker(15, 1, &ControlRecord::Abort { coordinator_epoch: 0 }), false),
        (data(16, 1, true), true), // the next transaction
        (data(17, 2, true), false),
        (marker(18, 3, &ControlRecord::Commit { coordinator_epoch: 0 }), false),
        (marker(19, 2, &ControlRecord::Abort { coordinator_epoch: 0 }), false),
        (data(20, 2, true), true),
    ];
    for (batch, admitted) in walk {
        let offset = batch.header().base_offset;
        assert_eq!(filter.admits(&batch), admitted, "at offset {offset}");
    }
}

#[test]
fn a_producer_may_abort_twice() {
    let mut filter = AbortedFilter::new(&aborted(&[(1, 2), (1, 0)]));
    assert!(!filter.admits(&data(0, 1, true)));
    assert!(!filter.admits(&marker(1, 1, &ControlRecord::Abort { coordinator_epoch: 0 })));
    assert!(!filter.admits(&data(2, 1, true)));
    assert!(!filter.admits(&marker(3, 1, &ControlRecord::Abort { coordinator_epoch: 0 })));
    assert!(filter.admits(&data(4, 1, true)));
}
