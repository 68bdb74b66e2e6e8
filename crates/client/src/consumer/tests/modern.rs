//! Membership by ConsumerGroupHeartbeat.

use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    consumer_group_heartbeat_response::{Assignment, TopicPartitions},
};

use super::*;

fn beat_of(received: &Received) -> &ConsumerGroupHeartbeatRequest {
    match &received.body {
        RequestKind::ConsumerGroupHeartbeat(request) => request,
        _ => panic!("not a heartbeat: {received:?}"),
    }
}

impl Rig<Consumer> {
    /// Answers a heartbeat: epoch, and partitions of `orders` if the assignment is news.
    fn beat(&mut self, epoch: i32, partitions: Option<&[i32]>) -> Received {
        let received = self.next_of(ApiKey::ConsumerGroupHeartbeat);
        let assignment = partitions.map(|partitions| {
            let topic = TopicPartitions::default()
                .with_topic_id(topic_id("orders"))
                .with_partitions(partitions.to_vec());
            Assignment::default().with_topic_partitions(if partitions.is_empty() { vec![] } else { vec![topic] })
        });
        let answer = ConsumerGroupHeartbeatResponse::default()
            .with_member_epoch(epoch)
            .with_heartbeat_interval_ms(5_000)
            .with_assignment(assignment);
        self.answer(&received, &answer);
        received
    }

    fn refuse_beat(&mut self, error: ErrorCode) {
        let received = self.next_of(ApiKey::ConsumerGroupHeartbeat);
        let answer = ConsumerGroupHeartbeatResponse::default().with_error_code(error.0);
        self.answer(&received, &answer);
    }
}

/// A member at epoch 1 that owns both partitions, at offset 0, polling.
fn modern(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let settings: Vec<_> = [("group.protocol", "consumer")]
        .iter()
        .chain(settings)
        .copied()
        .collect();
    let mut rig = subscribed(&settings);
    rig.poll(1_000_000);
    rig.find();
    rig.beat(1, Some(&[0, 1]));
    rig.callback();
    rig.committed(&[(0, 0), (1, 0)]);
    rig.beat(1, None);
    rig.outcomes.clear();
    rig
}

#[test]
fn the_first_heartbeat_says_everything_and_the_next_only_what_changed() {
    let mut rig = subscribed(&[("group.protocol", "consumer"), ("group.remote.assignor", "range")]);
    rig.poll(1_000_000);
    rig.find();
    let join = rig.beat(1, Some(&[0, 1]));
    let first = beat_of(&join);
    assert_eq!((first.member_epoch, first.rebalance_timeout_ms), (0, 300_000));
    assert_eq!(first.subscribed_topic_names.as_ref().map(Vec::len), Some(1));
    assert_eq!(first.topic_partitions, Some(vec![]));
    assert_eq!(first.server_assignor.as_deref(), Some("range"));
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Assigned {
            partitions: vec![orders(0), orders(1)]
        }));
    assert!(!rig.has(ApiKey::ConsumerGroupHeartbeat), "the callback comes first");
    rig.callback();
    rig.committed(&[(0, 0), (1, 0)]);
    let acknowledged = rig.beat(1, None);
    let second = beat_of(&acknowledged);
    assert_eq!(second.member_epoch, 1);
    assert_eq!(
        second
            .topic_partitions
            .as_ref()
            .map(|topics| topics[0].partitions.clone()),
        Some(vec![0, 1])
    );
    assert_eq!(
        (second.rebalance_timeout_ms, &second.subscribed_topic_names),
        (-1, &None)
    );
    rig.run_for(Duration::from_secs(5));
    let third = rig.beat(1, None);
    assert_eq!(beat_of(&third).topic_partitions, None);
    assert!(rig.client.group_state().joined);
}

#[test]
fn what_moves_is_committed_given_up_and_acknowledged_in_that_order() {
    let mut rig = modern(&[]);
    rig.feed(&[(1, 0, 5)]);
    rig.poll(1_000_000);
    rig.run_for(Duration::from_secs(5));
    rig.commit(ErrorCode::NONE);
    rig.outcomes.clear();
    rig.beat(2, Some(&[0]));
    assert!(!rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
    assert_eq!(rig.commit(ErrorCode::NONE), [(0, 0), (1, 5)]);
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Revoked {
            partitions: vec![orders(1)]
        }));
    assert!(!rig.has(ApiKey::ConsumerGroupHeartbeat));
    rig.callback();
    rig.callback();
    let acknowledged = rig.beat(2, None);
    let owned = beat_of(&acknowledged)
        .topic_partitions
        .as_ref()
        .map(|topics| topics[0].partitions.clone());
    assert_eq!(owned, Some(vec![0]));
}

#[test]
fn a_fenced_member_loses_everything_and_joins_again_at_epoch_zero() {
    for error in [ErrorCode::FENCED_MEMBER_EPOCH, ErrorCode::UNKNOWN_MEMBER_ID] {
        let mut rig = modern(&[]);
        rig.run_for(Duration::from_secs(5));
        rig.refuse_beat(error);
        assert!(rig.told(|said| matches!(said, ConsumerOutcome::Lost { .. })));
        rig.callback();
        let again = rig.next_of(ApiKey::ConsumerGroupHeartbeat);
        assert_eq!(beat_of(&again).member_epoch, 0);
        assert_eq!(rig.client.assignment().count(), 0);
    }
}

#[test]
fn an_error_that_does_not_heal_is_told_once_and_ends_the_membership() {
    let mut rig = modern(&[]);
    rig.run_for(Duration::from_secs(5));
    rig.refuse_beat(ErrorCode::UNSUPPORTED_ASSIGNOR);
    rig.callback();
    assert_eq!(
        rig.failure(),
        Some(ConsumerError::Broker(ErrorCode::UNSUPPORTED_ASSIGNOR))
    );
    rig.run_for(Duration::from_secs(60));
    assert!(!rig.has(ApiKey::ConsumerGroupHeartbeat));
}

#[test]
fn commits_carry_the_member_epoch_and_a_stale_one_fails() {
    let mut rig = modern(&[("enable.auto.commit", "false")]);
    rig.feed(&[(0, 0, 5)]);
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, None, out));
    let commit = rig
        .requests
        .iter()
        .find(|request| request.head.api_key == ApiKey::OffsetCommit);
    let commit = commit.expect("a commit").clone();
    assert!(commit.head.version >= 9);
    assert!(matches!(&commit.body, RequestKind::OffsetCommit(request) if request.generation_id_or_member_epoch == 1));
    rig.commit(ErrorCode::STALE_MEMBER_EPOCH);
    assert!(rig.told(|said| matches!(
        said,
        ConsumerOutcome::Committed {
            result: Err(ConsumerError::CommitFailed),
            ..
        }
    )));
    assert!(rig.client.group_state().joined, "the next heartbeat finds out more");
}

#[test]
fn a_static_member_leaves_for_a_while_and_others_for_good() {
    for (settings, epoch) in [(vec![], -1), (vec![("group.instance.id", "i")], -2)] {
        let mut rig = modern(&settings);
        rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
        rig.commit(ErrorCode::NONE);
        rig.callback();
        let leave = rig.beat(epoch, None);
        assert_eq!(beat_of(&leave).member_epoch, epoch);
        assert!(rig.client.is_closed());
    }
}

#[test]
fn the_coordinator_is_given_the_pattern() {
    let mut rig = consumer(&[("group.protocol", "consumer")]);
    rig.act(|consumer, now, out| {
        consumer.subscribe_pattern(now, "ord.*", out).expect("a pattern");
    });
    rig.poll(1_000_000);
    rig.find();
    let join = rig.beat(1, Some(&[0]));
    assert_eq!(beat_of(&join).subscribed_topic_regex.as_deref(), Some("ord.*"));
    assert_eq!(beat_of(&join).subscribed_topic_names, Some(vec![]));
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Assigned {
            partitions: vec![orders(0)]
        }));
}
