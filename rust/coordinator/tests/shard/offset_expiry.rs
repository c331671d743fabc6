//! When offsets are forgotten.

use std::time::Duration;

use base::ErrorCode;
use coordinator::CoordinatorConfig;
use coordinator::Response;

use crate::classic_member::{Member, client, stable};
use crate::groups::listed;
use crate::host::{Host, topics};
use crate::offsets::fetch;

const MINUTE: Duration = Duration::from_mins(1);

/// Offsets are kept for an hour, and looked at every minute.
fn host() -> Host {
    Host::new(CoordinatorConfig {
        initial_rebalance_delay_ms: 0,
        offsets_retention_minutes: 60,
        offsets_retention_check_interval_ms: 60_000,
        ..CoordinatorConfig::default()
    })
}

fn offset(host: &mut Host, index: i32) -> i64 {
    fetch(host, "g", "orders", index).committed_offset
}

#[test]
fn an_offset_without_a_group_expires_after_its_commit_and_takes_the_group_with_it() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 1);
    host.advance(30 * MINUTE);
    Member::new().commit(&mut host, 1, 1);
    host.advance(30 * MINUTE);
    assert_eq!((offset(&mut host, 0), offset(&mut host, 1)), (-1, 1));
    host.advance(30 * MINUTE);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    host.restart();
    assert_eq!(listed(&mut host), Vec::<String>::new());
}

#[test]
fn offsets_of_a_group_expire_once_it_has_been_empty_for_long() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    member.commit(&mut host, 0, 1);
    for _ in 0..180 * 12 {
        host.advance(MINUTE / 12);
        assert_eq!(member.heartbeat(&mut host), ErrorCode::None);
    }
    assert_eq!(offset(&mut host, 0), 1, "the group reads the topic");
    member.leave(&mut host);
    host.advance(59 * MINUTE);
    assert_eq!(offset(&mut host, 0), 1);
    host.restart();
    host.advance(2 * MINUTE);
    assert_eq!(offset(&mut host, 0), -1);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    host.restart();
    assert_eq!(listed(&mut host), Vec::<String>::new());
}

#[test]
fn offsets_of_a_topic_that_a_group_no_longer_reads_expire() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    member.commit(&mut host, 0, 1);
    let token = host.send(&client(9), member.commit_request("clicks", 0, 5));
    host.take(token).unwrap();
    for _ in 0..61 * 12 {
        host.advance(MINUTE / 12);
        member.heartbeat(&mut host);
    }
    assert_eq!(offset(&mut host, 0), 1);
    assert_eq!(fetch(&mut host, "g", "clicks", 0).committed_offset, -1);
}

#[test]
fn a_commit_may_have_a_retention_of_its_own() {
    let mut host = host();
    let mut request = Member::new().commit_request("orders", 0, 1);
    request.retention_time_ms = 120_000;
    let token = host.send(&client(4), request);
    assert!(matches!(host.take(token), Some(Response::OffsetCommit(_))));
    host.advance(MINUTE);
    assert_eq!(offset(&mut host, 0), 1);
    host.restart();
    host.advance(2 * MINUTE);
    assert_eq!(offset(&mut host, 0), -1);
}

#[test]
fn a_group_that_is_being_joined_is_not_forgotten() {
    let mut host = Host::new(CoordinatorConfig {
        offsets_retention_check_interval_ms: 1_000,
        ..CoordinatorConfig::default()
    });
    let mut member = Member::new();
    let token = member.join(&mut host);
    host.advance(Duration::from_millis(2_999));
    assert_eq!(listed(&mut host), ["g"]);
    host.advance(Duration::from_millis(1));
    member.joined(&mut host, token);
}

#[test]
fn thousands_of_offsets_expire_in_steps() {
    let mut host = Host::with_image(
        CoordinatorConfig { offsets_retention_minutes: 1, ..CoordinatorConfig::default() },
        &crate::host::topics(&[("orders", 1, 5)]),
        1,
    );
    for group in 0..700 {
        for index in 0..5 {
            let member = Member { group: format!("g{group}"), ..Member::new() };
            assert_eq!(member.commit(&mut host, index, 1), ErrorCode::None);
        }
    }
    host.advance(11 * MINUTE);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    assert_eq!(host.log.len(), 7_000, "each has one tombstone");
}

/// The coordinator stopped between the end of the topic and that of its offsets.
#[test]
fn offsets_of_a_topic_that_was_made_anew_meanwhile_are_nobodys() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    assert_eq!(member.commit(&mut host, 0, 7), ErrorCode::None);
    host.image = topics(&[("orders", 7, 4)]);
    host.restart();
    assert_eq!(offset(&mut host, 0), -1);
    let written = host.log.len();
    for _ in 0..13 {
        host.advance(MINUTE / 12);
        assert_eq!(member.heartbeat(&mut host), ErrorCode::None, "the group reads the new one");
    }
    assert_eq!(host.log.len(), written + 1);
    assert_eq!(member.commit(&mut host, 0, 1), ErrorCode::None);
    host.advance(MINUTE / 12);
    assert_eq!(offset(&mut host, 0), 1);
}
