//! How transactions end.

use base::ErrorCode;
use coordinator::transaction::TransactionResponse;

use crate::group_host::remove_topic;
use crate::host::Host;
use crate::requests::{ID, NONE, OLDEST, PARTITIONS, V1, V2, end_request, error};

#[test]
fn before_version_2_a_transaction_ends_with_the_epoch_it_began_with() {
    for (version, commit) in [(0, true), (0, false), (1, true), (2, false)] {
        let mut host = Host::new(version);
        let producer = host.init();
        host.add(V1, producer);
        assert_eq!(host.try_end(V1, producer, commit), Ok(NONE));
        let names = if commit {
            ["PrepareCommit", "CompleteCommit"]
        } else {
            ["PrepareAbort", "CompleteAbort"]
        };
        assert_eq!(host.standing(), (names[0].into(), producer));
        let again = host.try_end(V1, producer, commit);
        assert_eq!(again, Err(ErrorCode::ConcurrentTransactions));
        let markers = host.take_markers();
        assert_eq!(markers.len(), 1);
        assert_eq!((markers[0].producer_epoch.0, markers[0].transaction_version), (producer.1, 0));
        assert_eq!(markers[0].commit, commit);
        host.answer(&markers[0], ErrorCode::None);
        assert_eq!(host.standing(), (names[1].into(), producer));
        // A repetition, and what would end it otherwise.
        assert_eq!(host.try_end(V1, producer, commit), Ok(NONE));
        assert_eq!(host.try_end(V1, producer, !commit), Err(ErrorCode::InvalidTxnState));
        host.add(V1, producer);
        assert_eq!(host.state(), "Ongoing");
    }
}

#[test]
fn under_version_2_each_end_bumps_the_epoch() {
    for commit in [true, false] {
        let mut host = Host::new(2);
        let (id, epoch) = host.init();
        host.add(V2, (id, epoch));
        assert_eq!(host.try_end(V2, (id, epoch), commit), Ok((id, epoch + 1)));
        let again = host.try_end(V2, (id, epoch), commit);
        assert_eq!(again, Err(ErrorCode::ConcurrentTransactions));
        let markers = host.take_markers();
        assert_eq!((markers[0].producer_epoch.0, markers[0].transaction_version), (epoch + 1, 2));
        host.answer(&markers[0], ErrorCode::None);
        assert_eq!(host.try_end(V2, (id, epoch), commit), Ok((id, epoch + 1)), "again");
        let otherwise = host.try_end(V2, (id, epoch), !commit);
        assert_eq!(otherwise, Err(ErrorCode::InvalidTxnState));
        assert_eq!(host.standing().1, (id, epoch + 1));
    }
}

#[test]
fn under_version_2_a_repetition_is_known_after_the_coordinator_was_loaded() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let next = host.commit(V2, producer);
    host.restart();
    assert_eq!(host.try_end(V2, producer, true), Err(ErrorCode::ConcurrentTransactions));
    host.write_markers();
    host.restart();
    assert_eq!(host.try_end(V2, producer, true), Ok(next));
}

#[test]
fn under_version_2_an_abort_may_be_empty_and_is_complete_at_once() {
    let mut host = Host::new(2);
    let (id, epoch) = host.init();
    assert_eq!(host.try_end(V2, (id, epoch), true), Err(ErrorCode::InvalidTxnState));
    for round in 0..3 {
        let producer = (id, epoch + round);
        assert_eq!(host.try_end(V2, producer, false), Ok((id, epoch + round + 1)));
        assert_eq!(host.last_records, 2, "prepared and completed in one batch");
        assert_eq!(host.standing(), ("CompleteAbort".into(), (id, epoch + round + 1)));
        assert_eq!(host.try_end(V2, producer, false), Ok((id, epoch + round + 1)), "again");
    }
    assert!(host.take_markers().is_empty());
}

#[test]
fn before_version_2_an_empty_transaction_cannot_end() {
    let mut host = Host::new(2);
    let producer = host.init();
    for commit in [true, false] {
        assert_eq!(host.try_end(V1, producer, commit), Err(ErrorCode::InvalidTxnState));
    }
}

#[test]
fn who_is_not_the_producer_ends_nothing() {
    let mut host = Host::new(2);
    for speaks in [V1, V2] {
        let unknown = host.try_end(speaks, (5, 0), true);
        assert_eq!(unknown, Err(ErrorCode::InvalidProducerIdMapping));
    }
    let (id, epoch) = host.init();
    host.add(V2, (id, epoch));
    for speaks in [V1, V2] {
        for wrong in [epoch - 1, epoch + 1] {
            let fenced = host.try_end(speaks, (id, wrong), true);
            assert_eq!(fenced, Err(ErrorCode::ProducerFenced));
        }
        let other = host.try_end(speaks, (id + 1, epoch), true);
        assert_eq!(other, Err(ErrorCode::InvalidProducerIdMapping));
    }
    let fenced = host.try_end(OLDEST, (id, epoch + 1), true);
    assert_eq!(fenced, Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(host.state(), "Ongoing");
}

#[test]
fn a_transaction_whose_topics_are_gone_is_complete_as_soon_as_it_is_prepared() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    remove_topic(&mut image, 2);
    host.set_image(image);
    assert_eq!(host.state(), "Ongoing");
    host.commit(V2, producer);
    assert_eq!(host.state(), "CompleteCommit");
    assert!(host.take_markers().is_empty());
}

#[test]
fn a_client_may_take_up_version_2_between_two_transactions() {
    let mut host = Host::new(2);
    let (id, epoch) = host.init();
    host.add(V1, (id, epoch));
    host.commit(V1, (id, epoch));
    host.write_markers();
    host.add(V2, (id, epoch));
    assert_eq!(host.try_end(V2, (id, epoch), true), Ok((id, epoch + 1)));
    host.write_markers();
    // And give it up again, with an older client that has taken its place.
    host.add(V1, (id, epoch + 1));
    assert_eq!(host.try_end(V1, (id, epoch + 1), true), Ok(NONE));
    assert_eq!(host.take_markers()[0].producer_epoch.0, epoch + 1);
}

#[test]
fn an_end_without_an_id_is_none() {
    let mut host = Host::new(2);
    for version in [0, 4, 5] {
        let response = host.ask(version, &end_request("", NONE, true));
        let TransactionResponse::EndTxn(response) = response else { panic!("{response:?}") };
        assert_eq!(error(response.error_code), ErrorCode::InvalidRequest);
    }
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
}

#[test]
fn version_2_is_not_spoken_in_a_cluster_whose_log_has_no_place_for_it() {
    let mut host = Host::new(0);
    let producer = host.init();
    assert_eq!(host.try_add(V2, producer, PARTITIONS), ErrorCode::UnsupportedVersion);
    assert_eq!(host.try_end(V2, producer, false), Err(ErrorCode::UnsupportedVersion));
    host.add(V1, producer);
    assert_eq!(host.try_end(V2, producer, true), Err(ErrorCode::UnsupportedVersion));
    assert_eq!(host.try_end(V1, producer, true), Ok(NONE));
}
