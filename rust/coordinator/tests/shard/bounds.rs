//! What members ask too much for: it is refused, and nobody else notices.

use std::sync::Arc;
use std::time::Duration;

use base::ErrorCode;
use base::limits::STRING_LENGTH_MAX;
use bytes::Bytes;
use coordinator::{Client, CoordinatorConfig, CoordinatorRecord};
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};

use crate::classic_member::{
    Member, SESSION_TIMEOUT_MS, client, error_of, joined, stable, subscription, synced,
};
use crate::consumer_member::{ConsumerMember, ask};
use crate::host::Host;

const APPEND_BYTES_MAX: usize = 10_000;

fn host() -> Host {
    Host::new(CoordinatorConfig {
        initial_rebalance_delay_ms: 0,
        consumer_assignment_interval_ms: 0,
        append_bytes_max: APPEND_BYTES_MAX,
        ..CoordinatorConfig::default()
    })
}

/// Bytes of a frame that is in memory for as long as the counter has more than one owner.
fn in_a_frame(bytes: &[u8], frame: &Arc<()>) -> Bytes {
    struct Frame(Vec<u8>, #[expect(dead_code, reason = "it only counts")] Arc<()>);
    impl AsRef<[u8]> for Frame {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Frame(bytes.to_vec(), Arc::clone(frame)))
}

#[test]
fn a_member_keeps_nothing_of_the_frames_that_it_sent() {
    let mut host = host();
    let frame = Arc::new(());
    let mut member = Member::new();
    member.protocols[0].1 = in_a_frame(&subscription(&["orders"]), &frame);
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    let mut request = member.sync_request(&[(&member, "all")]);
    request.assignments[0].assignment = in_a_frame(b"all", &frame);
    let token = host.send(&client(5), request);
    assert_eq!(synced(&mut host, token).unwrap().assignment, "all");
    member.protocols.clear();
    assert_eq!(Arc::strong_count(&frame), 1, "of the first join");

    member.protocols.push(("range".into(), in_a_frame(&subscription(&["clicks"]), &frame)));
    member.join(&mut host);
    member.protocols.clear();
    assert_eq!(Arc::strong_count(&frame), 1, "of the second");
}

#[test]
fn a_classic_member_of_a_consumer_group_keeps_nothing_of_its_frames() {
    let mut host = host();
    ConsumerMember::new("a").beat(&mut host);
    let frame = Arc::new(());
    let mut member = Member::new();
    member.protocols[0].1 = in_a_frame(&subscription(&["orders"]), &frame);
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    member.protocols.clear();
    assert_eq!(Arc::strong_count(&frame), 1);
}

#[test]
fn a_record_keeps_nothing_of_what_it_was_read_from() {
    let mut host = host();
    stable(&mut host, vec![Member::new()]);
    let (key, value) = host.log.last().unwrap().encode().unwrap();
    let buffer = Arc::new(());
    let value = in_a_frame(&value.unwrap(), &buffer);
    let read = CoordinatorRecord::decode(key, Some(value)).unwrap().unwrap();
    assert_eq!(Arc::strong_count(&buffer), 1, "{read:?}");
}

#[test]
fn what_a_member_says_must_fit_into_a_batch() {
    let mut host = host();
    let mut member = Member::new();
    member.protocols[0].1 = Bytes::from(vec![0; APPEND_BYTES_MAX]);
    let token = host.send(&client(9), member.join_request());
    assert_eq!(error_of(&joined(&mut host, token).unwrap()), ErrorCode::InvalidRequest);
}

#[test]
fn a_group_is_full_when_its_members_say_more_than_a_few_batches_hold() {
    let mut host = host();
    let mut refused = 0;
    for _ in 0..20 {
        let mut member = Member::new();
        member.protocols[0].1 = Bytes::from(vec![0; APPEND_BYTES_MAX - 10]);
        let token = host.send(&client(3), member.join_request());
        let answer = joined(&mut host, token);
        refused += usize::from(
            answer.is_some_and(|answer| error_of(&answer) == ErrorCode::GroupMaxSizeReached),
        );
    }
    assert_eq!(refused, 12);
}

/// Before, it took the product of their numbers: minutes for these.
#[test]
fn members_of_very_many_protocols_are_compared_in_no_time() {
    let config = CoordinatorConfig { append_bytes_max: 100 << 20, ..CoordinatorConfig::default() };
    let mut host = Host::new(config);
    let speaking = |count: usize, name: &str| -> JoinGroupRequest {
        let protocol =
            JoinGroupRequestProtocol { name: name.to_owned(), metadata: Bytes::default() };
        JoinGroupRequest { protocols: vec![protocol; count], ..Member::new().join_request() }
    };
    let token = host.send(&client(3), speaking(257, "a"));
    assert_eq!(error_of(&joined(&mut host, token).unwrap()), ErrorCode::InvalidRequest);
    host.send(&client(3), speaking(256, "a"));
    let token = host.send(&client(3), speaking(256, "bb"));
    assert_eq!(error_of(&joined(&mut host, token).unwrap()), ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn an_id_is_handed_out_that_messages_can_carry_however_long_the_clients_name_is() {
    let mut host = host();
    let name = "ä".repeat(STRING_LENGTH_MAX / 2);
    let named = Client { client_id: name, ..client(9) };
    let token = host.send(&named, Member::new().join_request());
    let id = joined(&mut host, token).unwrap().member_id;
    assert!(id.starts_with("ää") && id.len() <= STRING_LENGTH_MAX, "{}", id.len());

    let mut member = Member::fixed(&"i".repeat(STRING_LENGTH_MAX));
    let token = member.join(&mut host);
    assert!(member.joined(&mut host, token).member_id.len() <= STRING_LENGTH_MAX);
}

#[test]
fn what_the_log_cannot_hold_is_refused_and_the_group_goes_on_as_it_was() {
    let mut host = host();
    let mut other = Member { group: "h".into(), ..Member::new() };
    let token = other.join(&mut host);
    other.joined(&mut host, token);
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let written = host.log.len();

    let mut greedy = ConsumerMember::new("b");
    greedy.topics = (0..400).map(|number| format!("{number:0>40}")).collect();
    let token = host.send(&client(1), greedy.full_request());
    assert_eq!(host.retracted, [token]);
    assert_eq!(host.log.len(), written);
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!(member.orders(), [0, 1, 2, 3]);
    // The other group is in the middle of its generation, which is soft state.
    let token = other.sync(&mut host, &[(&other, "all")]);
    assert_eq!(synced(&mut host, token).unwrap().assignment, "all");
    // Nothing of the group has been forgotten: its sessions end as ever.
    host.advance(Duration::from_secs(45));
    assert_eq!(member.try_beat(&mut host), ErrorCode::UnknownMemberId);
}

/// A static member that comes back is persisted at once: with more than the log can hold, the group
/// is what it was before.
#[test]
fn a_static_member_that_comes_back_with_too_much_does_not_take_its_own_place() {
    let mut host = Host::new(CoordinatorConfig {
        append_bytes_max: APPEND_BYTES_MAX,
        ..CoordinatorConfig::default()
    });
    let members = stable(&mut host, vec![Member::fixed("i"), Member::fixed("j")]);
    let mut back = Member::fixed("i");
    back.protocols[0].1 = Bytes::from(vec![0; APPEND_BYTES_MAX - 5]);
    let token = host.send(&client(9), back.join_request());
    assert_eq!(host.retracted, [token]);
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::None);
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::None);
    host.advance_ms(SESSION_TIMEOUT_MS as u64);
    assert_ne!(members[0].heartbeat(&mut host), ErrorCode::None, "its session has ended");
}

/// One that fails whenever it fires must not keep the shard busy.
#[test]
fn a_timer_whose_decision_was_taken_back_is_due_again_after_a_pause() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.regex = Some("t.*".into());
    member.beat(&mut host);
    let mut image = host.image.clone();
    for number in 10..110 {
        crate::host::add_topic(&mut image, &format!("t{number:0>200}"), number, 1);
    }
    let written = host.log.len();
    host.set_image(image);
    host.advance(Duration::ZERO);
    assert_eq!(host.log.len(), written);
    let next = host.next_timer().unwrap();
    assert_eq!(next, Duration::from_secs(30));
    assert_eq!(ask(&mut host, member.short_request()).error_code, 0);
}

#[test]
fn ids_that_are_handed_out_and_not_used_take_little_memory_whatever_their_groups() {
    let mut host = host();
    let named = Client { client_id: "c".repeat(30_000), ..client(9) };
    let ask_for_id = |host: &mut Host, number: usize| {
        let group = format!("{number:0>30000}");
        let token = host.send(&named, Member { group, ..Member::new() }.join_request());
        joined(host, token).unwrap()
    };
    let answers: Vec<_> = (0..100).map(|number| ask_for_id(&mut host, number)).collect();
    let handed_out = answers.iter().take_while(|a| error_of(a) == ErrorCode::MemberIdRequired);
    let count = handed_out.count();
    assert!((60..80).contains(&count), "{count}");
    let refused = &answers[count..];
    assert!(refused.iter().all(|a| error_of(a) == ErrorCode::CoordinatorNotAvailable));
    // One that is used makes room for another, and so does one that is forgotten.
    let group = format!("{:0>30000}", 0);
    let id = answers[0].member_id.clone();
    let token = Member { group, id, ..Member::new() }.join(&mut host);
    assert_eq!(joined(&mut host, token).unwrap().error_code, 0);
    assert_eq!(error_of(&ask_for_id(&mut host, 200)), ErrorCode::MemberIdRequired);
    assert_eq!(error_of(&ask_for_id(&mut host, 201)), ErrorCode::CoordinatorNotAvailable);
    host.advance_ms(SESSION_TIMEOUT_MS as u64);
    for number in 300..300 + count {
        assert_eq!(error_of(&ask_for_id(&mut host, number)), ErrorCode::MemberIdRequired);
    }
}
