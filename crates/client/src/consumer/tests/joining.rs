//! Getting into a classic group.

use super::*;

fn join_of(received: &Received) -> &kafka_protocol::messages::JoinGroupRequest {
    match &received.body {
        RequestKind::JoinGroup(request) => request,
        _ => panic!("not a join: {received:?}"),
    }
}

#[test]
fn the_member_id_is_asked_for_first_and_both_assignors_of_java_are_proposed() {
    let mut rig = subscribed(&[]);
    rig.poll(10_000);
    rig.find();
    let first = rig.refuse_join(ErrorCode::MEMBER_ID_REQUIRED);
    assert_eq!(join_of(&first).member_id.as_str(), "");
    let second = rig.next_of(ApiKey::JoinGroup);
    let request = join_of(&second);
    assert_eq!(request.member_id.as_str(), "m1");
    assert_eq!(
        (request.session_timeout_ms, request.rebalance_timeout_ms),
        (45_000, 300_000)
    );
    let names: Vec<&str> = request.protocols.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["range", "cooperative-sticky"]);
    let subscription = protocol::read_subscription(&request.protocols[1].metadata).expect("a subscription");
    assert_eq!(subscription.topics, ["orders".into()].into());
    assert_eq!(subscription.user_data.as_deref(), Some(&(-1i32).to_be_bytes()[..]));
    assert_eq!(second.port, COORDINATOR);
}

#[test]
fn the_leader_assigns_for_everybody_and_a_follower_for_nobody() {
    let mut rig = subscribed(&[]);
    rig.poll(10_000);
    rig.find();
    rig.refuse_join(ErrorCode::MEMBER_ID_REQUIRED);
    rig.lead(&["m0", "m1"]);
    let sync = rig.sync(&[1]);
    let RequestKind::SyncGroup(request) = &sync.body else {
        panic!("{sync:?}")
    };
    let assigned = request.assignments.iter().map(|one| {
        let partitions = protocol::read_assignment(&one.assignment).expect("an assignment");
        (one.member_id.to_string(), partitions)
    });
    let expected = [("m0".to_owned(), vec![orders(0)]), ("m1".to_owned(), vec![orders(1)])];
    assert_eq!(assigned.collect::<Vec<_>>(), expected);
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Assigned {
            partitions: vec![orders(1)]
        }));

    let mut rig = subscribed(&[]);
    rig.poll(10_000);
    rig.find();
    rig.lead(&[]);
    let sync = rig.sync(&[1]);
    assert!(matches!(&sync.body, RequestKind::SyncGroup(request) if request.assignments.is_empty()));
}

#[test]
fn a_coordinator_that_loads_is_asked_again_and_one_that_is_none_is_looked_for() {
    let mut rig = subscribed(&[]);
    rig.poll(10_000);
    rig.find();
    rig.refuse_join(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    assert!(!rig.has(ApiKey::JoinGroup), "not before the pause is over");
    rig.run_millis(100);
    rig.refuse_join(ErrorCode::NOT_COORDINATOR);
    rig.run_millis(100);
    assert!(rig.has(ApiKey::FindCoordinator) && !rig.has(ApiKey::JoinGroup));
}

#[test]
fn an_unknown_member_joins_again_without_its_id_and_a_fenced_one_is_told() {
    let mut rig = subscribed(&[("group.instance.id", "i")]);
    rig.poll(10_000);
    rig.find();
    rig.refuse_join(ErrorCode::MEMBER_ID_REQUIRED);
    rig.refuse_join(ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.failure(), None);
    let again = rig.refuse_join(ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(join_of(&again).member_id.as_str(), "");
    assert_eq!(join_of(&again).group_instance_id.as_deref(), Some("i"));
    assert_eq!(rig.failure(), Some(ConsumerError::Fenced));
}

#[test]
fn a_join_may_take_as_long_as_a_rebalance_and_other_requests_only_their_time_out() {
    let mut rig = subscribed(&[]);
    rig.poll(1_000_000);
    rig.find();
    rig.run_for(Duration::from_secs(304));
    assert_eq!(rig.disconnects, [] as [u32; 0]);
    rig.run_for(Duration::from_secs(2));
    assert_eq!(rig.disconnects.len(), 1, "five seconds more than max.poll.interval.ms");

    let mut rig = subscribed(&[]);
    rig.poll(1_000_000);
    rig.find();
    rig.lead(&[]);
    rig.next_of(ApiKey::SyncGroup);
    let before = rig.disconnects.len();
    rig.run_for(Duration::from_millis(30_001));
    assert_eq!(rig.disconnects.len() - before, 1);
}

#[test]
fn an_answer_to_a_join_waits_for_the_next_poll_as_nobody_else_would_read_it() {
    let mut rig = subscribed(&[]);
    rig.poll(5);
    rig.find();
    rig.run_millis(5);
    rig.lead(&["m1"]);
    assert!(!rig.has(ApiKey::SyncGroup));
    rig.poll(0);
    assert!(rig.has(ApiKey::SyncGroup));
}

#[test]
fn without_a_group_or_a_subscription_there_is_nothing_to_poll() {
    let mut rig = consumer(&[]);
    rig.poll(0);
    assert!(matches!(rig.failure(), Some(ConsumerError::IllegalState(_))));
}
