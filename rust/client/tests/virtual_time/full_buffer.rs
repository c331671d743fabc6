//! A buffer that is full, and stays so.

use std::time::Duration;

use client::{Busy, Record, SendError, TrySendError};
use tokio::time::Instant;

use crate::fake_broker::FakeBroker;
use crate::producer;

const BUFFER_BYTES: usize = 40_000;
const BLOCK_MAX: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_buffer_that_stays_full_is_given_up_after_max_block_ms() {
    let broker = FakeBroker::new("broker");
    broker.create("t", 1);
    let more = [("buffer.memory", "40000"), ("max.block.ms", "10000")];
    let producer = producer(&broker, &more).await;
    producer.partitions("t").await.unwrap();
    broker.stop_answering_produce();
    let value = vec![0; 15_000];
    let record = Record { value: Some(&value), ..Record::to("t") };
    let mut taken = 0;
    let busy = loop {
        match producer.try_send(&record) {
            Ok(_) => taken += 1,
            Err(TrySendError::Busy(busy)) => break busy,
            Err(TrySendError::Refused(error)) => panic!("{error}"),
        }
    };
    assert!(matches!(busy, Busy::Memory { .. }), "{busy:?}");
    assert_eq!(taken, 2, "as many batches of 16 KiB as there is room for");
    let expected = SendError::BufferFull { buffer_bytes: BUFFER_BYTES, waited: BLOCK_MAX };
    assert_eq!(
        expected.to_string(),
        "the 40000 bytes of buffer.memory have been full for 10000 ms: is the broker keeping up?"
    );
    let begun = Instant::now();
    assert_eq!(producer.send(&record).await.unwrap_err(), expected);
    assert_eq!(begun.elapsed(), BLOCK_MAX);
    assert_eq!(producer.room(&busy).await.unwrap_err(), expected);
    assert_eq!(begun.elapsed(), BLOCK_MAX * 2);
}

#[tokio::test(start_paused = true)]
async fn a_sender_goes_on_as_soon_as_there_is_room() {
    let broker = FakeBroker::new("broker");
    broker.create("t", 1);
    let more = [("buffer.memory", "40000"), ("linger.ms", "30000")];
    let producer = producer(&broker, &more).await;
    let value = vec![0; 15_000];
    let record = Record { value: Some(&value), ..Record::to("t") };
    let begun = Instant::now();
    for _ in 0..50 {
        producer.send(&record).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "what is full does not linger");
    assert!(producer.flush().await.is_ok());
    assert_eq!(broker.values("t")[0].len(), 50);
    assert_eq!(producer.buffered_bytes(), 0);
}
