//! CreatePartitions: each answer.

use super::*;

type Assignment<'a> = Option<&'a [&'a [i32]]>;

fn grow(rig: &mut Rig, topics: &[(&str, i32, Assignment<'_>)], validate_only: bool) -> Vec<ErrorCode> {
    let topics = topics
        .iter()
        .map(|(name, total, replicas)| {
            (
                Arc::from(*name),
                *total,
                replicas.map(|replicas| replicas.iter().map(|list| ids(list)).collect()),
            )
        })
        .collect();
    let response = rig.admin(AdminRequest::CreatePartitions { topics, validate_only });
    let AdminResponse::CreatePartitions(answers) = response else {
        panic!()
    };
    answers
        .into_iter()
        .map(|(_, outcome)| outcome.err().map_or(ErrorCode::NONE, |refusal| refusal.code))
        .collect()
}

fn partitions(rig: &Rig) -> usize {
    rig.controller.image().topic_named("orders").unwrap().partitions.len()
}

fn rig() -> Rig {
    let mut rig = Rig::new(3, &[]);
    rig.create("orders", &[&[0, 1], &[1, 2]]);
    rig
}

#[test]
fn added_partitions_have_as_many_replicas_as_the_first() {
    let mut rig = rig();
    assert_eq!(grow(&mut rig, &[("orders", 5, None)], false), [ErrorCode::NONE]);
    let topic = rig.controller.image().topic_named("orders").unwrap();
    assert_eq!(topic.partitions.len(), 5);
    assert!(
        topic
            .partitions
            .iter()
            .all(|state| state.replicas.len() == 2 && state.isr == state.replicas)
    );
    let added = |event: &&&ControllerEvent| matches!(event, ControllerEvent::PartitionAdded { .. });
    assert_eq!(rig.events().iter().filter(added).count(), 3);
}

#[test]
fn replicas_of_added_partitions_can_be_given_by_hand() {
    let mut rig = rig();
    assert_eq!(
        grow(&mut rig, &[("orders", 3, Some(&[&[2, 0]]))], false),
        [ErrorCode::NONE]
    );
    let state = rig.controller.image().partition(rig.tp("orders", 2)).unwrap();
    assert_eq!((&state.replicas, state.leader), (&ids(&[2, 0]), Some(BrokerId(2))));
}

#[test]
fn the_total_must_grow() {
    let mut rig = rig();
    for total in [2, 1, 0, -1, i32::MIN] {
        assert_eq!(
            grow(&mut rig, &[("orders", total, None)], false),
            [ErrorCode::INVALID_PARTITIONS]
        );
    }
    assert_eq!(
        grow(&mut rig, &[("orders", i32::MAX, None)], false),
        [ErrorCode::POLICY_VIOLATION]
    );
    assert_eq!(partitions(&rig), 2);
}

#[test]
fn unknown_and_repeated_topics_and_bad_assignments_are_refused() {
    let mut rig = rig();
    rig.fence(2);
    let invalid = ErrorCode::INVALID_REPLICA_ASSIGNMENT;
    assert_eq!(
        grow(&mut rig, &[("nope", 3, None)], false),
        [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]
    );
    let twice = [("orders", 3, None), ("orders", 4, None)];
    assert_eq!(grow(&mut rig, &twice, false), [ErrorCode::INVALID_REQUEST]);
    for replicas in [&[&[0, 1][..], &[1, 0]][..], &[&[0]], &[&[0, 9]], &[&[0, 0]], &[&[]]] {
        assert_eq!(
            grow(&mut rig, &[("orders", 3, Some(replicas))], false),
            [invalid],
            "{replicas:?}"
        );
    }
    rig.fence(1);
    assert_eq!(grow(&mut rig, &[("orders", 3, Some(&[&[2, 1]]))], false), [invalid]);
    rig.fence(0);
    assert_eq!(
        grow(&mut rig, &[("orders", 3, None)], false),
        [ErrorCode::INVALID_REPLICATION_FACTOR]
    );
    assert_eq!(partitions(&rig), 2);
}

#[test]
fn validate_only_adds_nothing() {
    let mut rig = rig();
    assert_eq!(grow(&mut rig, &[("orders", 4, None)], true), [ErrorCode::NONE]);
    assert_eq!(partitions(&rig), 2);
}
