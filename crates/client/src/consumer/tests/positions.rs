//! Where reading begins.

use super::*;

/// A member whose offsets have not been looked up.
fn unpositioned(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let mut rig = subscribed(settings);
    rig.poll(60_000);
    rig.find();
    rig.join_alone();
    rig.callback();
    rig.outcomes.clear();
    rig
}

#[test]
fn committed_offsets_come_first_and_the_reset_policy_only_where_there_is_none() {
    for (policy, asked) in [("earliest", -2), ("latest", -1)] {
        let mut rig = unpositioned(&[("auto.offset.reset", policy)]);
        rig.committed(&[(0, 40), (1, -1)]);
        let listed = rig.listed(7);
        let RequestKind::ListOffsets(request) = &listed.body else {
            panic!("{listed:?}")
        };
        assert_eq!(request.topics[0].partitions.len(), 1);
        assert_eq!(request.topics[0].partitions[0].timestamp, asked);
        for (partition, offset, why) in [
            (0, 40, Repositioning::Committed),
            (1, 7, Repositioning::NothingCommitted),
        ] {
            let partition = orders(partition);
            assert_eq!(rig.client.position(&partition), Some(offset));
            assert!(rig.told(|said| *said
                == ConsumerOutcome::Repositioned {
                    partition: partition.clone(),
                    offset,
                    why
                }));
        }
    }
}

#[test]
fn without_a_policy_every_poll_fails_until_the_application_seeks() {
    let mut rig = unpositioned(&[("auto.offset.reset", "none")]);
    rig.committed(&[(0, 40), (1, -1)]);
    let expected = Some(ConsumerError::NoOffset(vec![orders(1)]));
    assert_eq!(rig.failure(), expected);
    rig.outcomes.clear();
    rig.poll(60_000);
    rig.committed(&[(1, -1)]);
    assert_eq!(rig.failure(), expected);
    rig.outcomes.clear();
    rig.act(|consumer, now, out| consumer.seek(now, &orders(1), StartAt::Offset(3), out));
    rig.poll(60_000);
    rig.feed(&[]);
    rig.feed(&[(1, 3, 1)]);
    assert_eq!(rig.polled(), [(1, 3)]);
}

#[test]
fn by_duration_asks_for_the_time_that_long_ago() {
    let mut rig = unpositioned(&[("auto.offset.reset", "by_duration:PT1H")]);
    rig.committed(&[(0, -1), (1, -1)]);
    let listed = rig.next_of(ApiKey::ListOffsets);
    let RequestKind::ListOffsets(request) = &listed.body else {
        panic!("{listed:?}")
    };
    let expected = WallClock::default().millis_at(rig.now) - 3_600_000;
    assert_eq!(request.topics[0].partitions[0].timestamp, expected.max(0));
}

#[test]
fn unstable_offsets_are_asked_for_again() {
    let mut rig = unpositioned(&[]);
    let received = rig.next_of(ApiKey::OffsetFetch);
    assert!(matches!(&received.body, RequestKind::OffsetFetch(request) if request.require_stable));
    let unstable = OffsetFetchResponsePartitions::default()
        .with_committed_offset(-1)
        .with_error_code(ErrorCode::UNSTABLE_OFFSET_COMMIT.0);
    rig.offsets(&received, vec![unstable]);
    assert!(!rig.has(ApiKey::OffsetFetch));
    rig.run_millis(200);
    rig.committed(&[(0, 1), (1, 2)]);
    assert_eq!(rig.client.position(&orders(1)), Some(2));
}

#[test]
fn assigned_partitions_need_no_group_and_no_coordinator() {
    let config = ConsumerConfig::java()
        .set("auto.offset.reset", "earliest")
        .expect("valid");
    let consumer = Consumer::new(config, vec![(Arc::from("b"), 9091)], Seed(5), 0).expect("valid");
    let mut rig = Rig::new(consumer).topic("orders", &[1, 1]);
    rig.act(|consumer, now, out| consumer.assign(now, &[orders(0)], out));
    rig.poll(60_000);
    rig.listed(4);
    rig.feed(&[(0, 4, 2)]);
    assert_eq!(rig.polled(), [(0, 4), (0, 5)]);
    assert!(!rig.seen.iter().any(|(_, api, _)| *api == ApiKey::FindCoordinator));
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, None, out));
    assert!(rig.told(|said| matches!(
        said,
        ConsumerOutcome::Committed {
            result: Err(ConsumerError::IllegalState(_)),
            ..
        }
    )));
}

#[test]
fn assigned_partitions_of_a_group_begin_at_its_offsets_and_commit_without_membership() {
    let mut rig = consumer(&[]);
    rig.act(|consumer, now, out| consumer.assign(now, &[orders(0)], out));
    rig.poll(60_000);
    rig.find();
    rig.committed(&[(0, 9)]);
    rig.feed(&[(0, 9, 1)]);
    rig.act(|consumer, now, out| consumer.commit_async(now, 1, None, out));
    let commit = rig.next_of(ApiKey::OffsetCommit);
    let RequestKind::OffsetCommit(request) = &commit.body else {
        panic!("{commit:?}")
    };
    assert_eq!(
        (request.generation_id_or_member_epoch, request.member_id.as_str()),
        (-1, "")
    );
    assert!(!rig.seen.iter().any(|(_, api, _)| *api == ApiKey::JoinGroup));
}
