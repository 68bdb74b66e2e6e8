//! When positions are committed, and what becomes of commits.

use super::*;

fn committed(rig: &Rig<Consumer>) -> Vec<(Option<u64>, Result<(), ConsumerError>)> {
    let outcomes = rig.outcomes.iter().filter_map(|outcome| match outcome {
        ConsumerOutcome::Committed { token, result, .. } => Some((*token, result.clone())),
        _ => None,
    });
    outcomes.collect()
}

/// A member that has polled offsets 0 to 4 of partition 0.
fn reading(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let mut rig = member(settings);
    rig.poll(1_000);
    rig.feed(&[(0, 0, 5)]);
    assert_eq!(rig.polled().len(), 5);
    rig.outcomes.clear();
    rig
}

#[test]
fn an_automatic_commit_comes_with_a_poll_after_the_interval_and_covers_what_earlier_polls_returned() {
    let mut rig = reading(&[]);
    rig.run_for(Duration::from_secs(20));
    assert!(!rig.has(ApiKey::OffsetCommit), "nothing is committed without a poll");
    rig.feed(&[(0, 5, 5)]);
    rig.poll(0);
    assert_eq!(rig.polled().len(), 5);
    assert_eq!(
        rig.commit(ErrorCode::NONE),
        [(0, 5), (1, 0)],
        "not what this poll returned"
    );
}

#[test]
fn without_automatic_commits_there_are_none() {
    let mut rig = reading(&[("enable.auto.commit", "false")]);
    rig.run_for(Duration::from_secs(20));
    rig.poll(0);
    rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
    assert!(!rig.has(ApiKey::OffsetCommit));
}

#[test]
fn an_automatic_commit_that_may_succeed_later_is_repeated_soon_and_one_that_may_not_is_not() {
    for (error, again) in [
        (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, true),
        (ErrorCode::OFFSET_METADATA_TOO_LARGE, false),
    ] {
        let mut rig = reading(&[]);
        rig.run_for(Duration::from_secs(5));
        rig.poll(0);
        rig.commit(error);
        rig.run_millis(100);
        rig.poll(0);
        assert_eq!(rig.has(ApiKey::OffsetCommit), again, "{error}");
    }
}

#[test]
fn a_rebalance_waits_for_the_automatic_commit_before_it() {
    let mut rig = reading(&[]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::REBALANCE_IN_PROGRESS);
    rig.poll(5_000);
    assert!(!rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
    assert_eq!(rig.commit(ErrorCode::NONE), [(0, 5), (1, 0)]);
    assert!(rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
}

#[test]
fn what_arrives_while_a_rebalance_commits_is_not_returned() {
    let mut rig = reading(&[]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::REBALANCE_IN_PROGRESS);
    rig.poll(5_000);
    rig.feed(&[(0, 5, 5)]);
    assert!(!rig.told(|said| matches!(said, ConsumerOutcome::Polled { .. })));
}

#[test]
fn closing_commits_calls_back_and_leaves_in_that_order() {
    let mut rig = reading(&[]);
    rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
    assert!(!rig.has(ApiKey::LeaveGroup));
    assert_eq!(rig.commit(ErrorCode::NONE), [(0, 5), (1, 0)]);
    assert!(rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
    assert!(!rig.has(ApiKey::LeaveGroup));
    rig.callback();
    rig.left();
    assert_eq!(rig.outcomes.last(), Some(&ConsumerOutcome::Closed { result: Ok(()) }));
    assert!(rig.client.is_closed() && rig.client.next_due().is_none());
}

#[test]
fn closing_gives_up_after_its_time_out() {
    let mut rig = reading(&[]);
    rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
    rig.run_for(Duration::from_secs(5));
    rig.callback();
    let result = Err(ConsumerError::TimedOut);
    assert_eq!(rig.outcomes.last(), Some(&ConsumerOutcome::Closed { result }));
}

#[test]
fn a_static_member_closes_without_leaving() {
    let mut rig = reading(&[("group.instance.id", "i")]);
    rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
    rig.commit(ErrorCode::NONE);
    rig.callback();
    assert!(rig.client.is_closed() && !rig.has(ApiKey::LeaveGroup));
}

#[test]
fn a_synchronous_commit_is_repeated_until_it_succeeds_and_an_asynchronous_one_is_not() {
    let mut rig = reading(&[]);
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, None, out));
    rig.commit(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    rig.run_millis(200);
    rig.commit(ErrorCode::NONE);
    assert_eq!(committed(&rig), [(Some(1), Ok(()))]);

    let mut rig = reading(&[]);
    rig.act(|consumer, now, out| consumer.commit_async(now, 2, None, out));
    rig.commit(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    rig.run_millis(200);
    assert!(!rig.has(ApiKey::OffsetCommit));
    assert_eq!(committed(&rig), [], "told with the next poll");
    rig.poll(0);
    assert_eq!(committed(&rig), [(Some(2), Err(ConsumerError::RetriableCommitFailed))]);
}

#[test]
fn a_commit_of_an_old_generation_fails_and_ends_the_membership() {
    let mut rig = reading(&[]);
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, Some(vec![(orders(0), 3)]), out));
    assert_eq!(rig.commit(ErrorCode::ILLEGAL_GENERATION), [(0, 3)]);
    assert_eq!(committed(&rig), [(Some(1), Err(ConsumerError::CommitFailed))]);
    assert!(!rig.client.group_state().joined);
}

#[test]
fn a_commit_in_the_callback_of_a_revocation_goes_out_before_the_member_joins_again() {
    let mut rig = reading(&[("enable.auto.commit", "false")]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::REBALANCE_IN_PROGRESS);
    rig.poll(5_000);
    assert!(rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, None, out));
    assert_eq!(rig.commit(ErrorCode::NONE), [(0, 5), (1, 0)]);
    assert_eq!(committed(&rig), [(Some(1), Ok(()))]);
    assert!(!rig.has(ApiKey::JoinGroup));
    rig.callback();
    assert!(rig.has(ApiKey::JoinGroup));
}

#[test]
fn a_commit_after_partitions_were_lost_fails_without_being_sent() {
    let mut rig = reading(&[("enable.auto.commit", "false")]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::UNKNOWN_MEMBER_ID);
    rig.poll(5_000);
    rig.act(|consumer, now, out| consumer.commit_sync(now, 1, None, out));
    assert_eq!(committed(&rig), [(Some(1), Err(ConsumerError::CommitFailed))]);
    assert!(!rig.has(ApiKey::OffsetCommit));
}
