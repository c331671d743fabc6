//! Transactions that take too long, and ids that nobody uses.

use base::ErrorCode;
use coordinator::transaction::{TransactionConfig, TransactionResponse};

use crate::host::Host;
use crate::requests::{ID, NONE, V1, V2, error, idle_record, init_request};

const DAY_MS: u64 = 86_400_000;

/// Looks for late transactions once an hour, so that weeks go by quickly.
fn unhurried() -> TransactionConfig {
    TransactionConfig {
        abort_timed_out_transaction_cleanup_interval_ms: 3_600_000,
        ..TransactionConfig::default()
    }
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    for (version, speaks) in [(0, V1), (1, V1), (2, V2)] {
        let mut host = Host::new(version);
        let (id, epoch) = host.init();
        host.advance_ms(3_000);
        host.add(speaks, (id, epoch));
        host.advance_ms(60_000);
        assert_eq!(host.state(), "Ongoing");
        host.advance_ms(10_000);
        assert_eq!(host.standing(), ("PrepareAbort".into(), (id, epoch + 1)));
        let markers = host.take_markers();
        assert_eq!((markers.len(), markers[0].commit), (1, false));
        assert_eq!(markers[0].producer_epoch.0, epoch + 1);
        host.answer(&markers[0], ErrorCode::None);
        assert_eq!(host.state(), "CompleteAbort");
        assert_eq!(
            host.try_add(speaks, (id, epoch), &[("orders", &[1])]),
            ErrorCode::ProducerFenced
        );
        host.advance_ms(DAY_MS);
        assert_eq!(host.standing().1, (id, epoch + 1), "once is enough");
    }
}

/// KIP-890: a producer whose transaction was aborted meanwhile need not be told apart from one that
/// aborts it a second time.
#[test]
fn under_version_2_a_producer_aborts_what_was_aborted_for_it() {
    let mut host = Host::new(2);
    let (id, epoch) = host.init();
    host.add(V2, (id, epoch));
    host.advance_ms(80_000);
    host.write_markers();
    assert_eq!(host.try_end(V2, (id, epoch), true), Err(ErrorCode::InvalidTxnState));
    assert_eq!(host.try_end(V2, (id, epoch), false), Ok((id, epoch + 1)));
}

#[test]
fn a_transaction_without_a_time_out_is_never_aborted() {
    let config = TransactionConfig { max_timeout_ms: i32::MAX, ..unhurried() };
    let mut host = Host::with_config(2, &config);
    let TransactionResponse::InitProducerId(response) =
        host.ask(5, &init_request(ID, NONE, i32::MAX))
    else {
        panic!("another answer")
    };
    assert_eq!(error(response.error_code), ErrorCode::None);
    host.add(V2, (response.producer_id, response.producer_epoch));
    host.advance_ms(40 * DAY_MS);
    assert_eq!(host.state(), "Ongoing");
}

#[test]
fn an_id_that_nobody_uses_is_forgotten_unless_a_transaction_is_under_way() {
    let mut host = Host::with_config(2, &unhurried());
    let (_, epoch) = host.init();
    host.advance_ms(7 * DAY_MS - 1);
    assert_eq!(host.state(), "Empty");
    host.advance_ms(3_600_000);
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
    let (id, again) = host.init();
    assert_eq!(again, epoch, "it begins anew");
    host.add(V2, (id, again));
    host.commit(V2, (id, again));
    host.advance_ms(14 * DAY_MS);
    assert_eq!(host.state(), "PrepareCommit");
    host.write_markers();
    host.advance_ms(8 * DAY_MS);
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
    host.restart();
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
}

#[test]
fn the_keys_may_change_while_it_runs() {
    let mut host = Host::new(2);
    host.init();
    host.set_config(TransactionConfig {
        transactional_id_expiration_ms: 1_000,
        ..host.config.clone()
    });
    host.advance_ms(3_600_000);
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
}

#[test]
fn what_expires_together_and_does_not_fit_into_a_batch_goes_in_several() {
    let config = TransactionConfig { append_bytes_max: 2_000, ..TransactionConfig::default() };
    let log: Vec<_> = (0..100).map(|number| idle_record(&format!("id-{number}"), 5, 3)).collect();
    let mut host = Host::with_log(2, &config, log);
    host.advance_ms(3_600_000);
    assert_eq!(host.retracted, 0);
    assert_eq!(host.log.len(), 200, "a tombstone each");
}
