//! Decisions that the log cannot hold.

use base::ErrorCode;
use coordinator::transaction::{TransactionConfig, TransactionResponse};

use crate::group_host::add_topic;
use crate::host::Host;
use crate::requests::{
    ID, NONE, PARTITIONS, V2, add_request, codes, end_request, error, init_request,
};

fn small(append_bytes_max: usize) -> TransactionConfig {
    TransactionConfig { append_bytes_max, ..TransactionConfig::default() }
}

#[test]
fn a_transaction_of_more_partitions_than_a_record_names_is_refused_and_can_end() {
    let mut host = Host::with_config(2, &small(1_000));
    let mut image = host.image.clone();
    add_topic(&mut image, "wide", 9, 1_000);
    host.set_image(image);
    let producer = host.init();
    let all: Vec<i32> = (0..1_000).collect();
    let some: Vec<i32> = (0..150).collect();
    assert_eq!(host.try_add(V2, producer, &[("wide", &some)]), ErrorCode::None);
    assert_eq!(host.try_add(V2, producer, &[("wide", &all)]), ErrorCode::UnknownServerError);
    host.commit(V2, producer);
    assert_eq!(host.take_markers()[0].partitions[0].1, some);
    assert_eq!(host.retracted, 0);
}

#[test]
fn what_is_taken_back_leaves_everything_as_it_was() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let roomy = host.config.clone();
    host.config = small(10);
    let token = host.send(5, &end_request(ID, producer, true));
    assert_eq!((host.retracted, host.take(token)), (1, None));
    assert!(host.take_markers().is_empty());
    host.config = roomy;
    assert_eq!(host.standing(), ("Ongoing".into(), producer));
    assert!(host.try_end(V2, producer, false).is_ok());
}

#[test]
fn a_completion_that_is_taken_back_is_tried_again() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    host.commit(V2, producer);
    let roomy = host.config.clone();
    host.config = small(10);
    host.write_markers();
    assert_eq!((host.retracted, host.state().as_str()), (1, "PrepareCommit"));
    host.config = roomy;
    host.advance_ms(30_000);
    host.write_markers();
    assert_eq!(host.state(), "CompleteCommit");
}

#[test]
fn a_sweep_that_is_taken_back_comes_again() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let roomy = host.config.clone();
    host.config = small(10);
    host.advance_ms(75_000);
    assert!(host.retracted >= 1);
    host.config = roomy;
    host.advance_ms(60_000);
    assert_eq!(host.state(), "PrepareAbort");
}

/// A hundred transactions that time out together, in batches of a few.
#[test]
fn what_times_out_together_and_does_not_fit_into_a_batch_goes_in_several() {
    let mut host = Host::with_config(2, &small(3_000));
    for number in 0..100 {
        let id = format!("id-{number}");
        let TransactionResponse::InitProducerId(response) =
            host.ask(5, &init_request(&id, NONE, 1_000))
        else {
            panic!("another answer")
        };
        let producer = (response.producer_id, response.producer_epoch);
        let added = host.ask(5, &add_request(5, false, &id, producer, PARTITIONS));
        assert_eq!(codes(&added), [ErrorCode::None; 3]);
    }
    host.advance_ms(12_000);
    assert_eq!((host.retracted, host.take_markers().len()), (0, 100));
    let mut image = host.image.clone();
    crate::group_host::remove_topic(&mut image, 1);
    crate::group_host::remove_topic(&mut image, 2);
    host.set_image(image);
    host.advance_ms(1);
    assert_eq!(host.retracted, 0);
    for number in 0..100 {
        let described = host.describe(&format!("id-{number}"));
        assert_eq!(error(described.error_code), ErrorCode::None);
        assert_eq!(described.transaction_state, "CompleteAbort", "id-{number}");
    }
}
