//! AlterPartition: each answer.

use super::*;

fn rig() -> Rig {
    let mut rig = Rig::elr_off(4);
    rig.create("orders", &[&[0, 1, 2]]);
    rig
}

fn proposal(rig: &Rig, isr: &[i32]) -> IsrProposal {
    let state = rig.state("orders");
    IsrProposal {
        tp: rig.tp("orders", 0),
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        isr: isr.iter().map(|id| (BrokerId(*id), rig.epochs[id])).collect(),
        recovering: false,
    }
}

#[test]
fn a_shrink_raises_the_partition_epoch_only() {
    let mut rig = rig();
    let state = rig.alter_partition(0, proposal(&rig, &[0, 2])).unwrap();
    assert_eq!(
        (state.isr, state.leader_epoch, state.partition_epoch),
        (ids(&[0, 2]), 0, 1)
    );
    let changed = |event: &&ControllerEvent| matches!(event, ControllerEvent::IsrChanged { partition_epoch: 1, .. });
    assert!(rig.events().iter().any(changed));
}

#[test]
fn a_proposal_that_changes_nothing_is_answered_with_the_state_as_it_is() {
    let mut rig = rig();
    let offset = rig.controller.offset();
    let state = rig.alter_partition(0, proposal(&rig, &[0, 1, 2])).unwrap();
    assert_eq!(state, rig.state("orders"));
    assert_eq!(rig.controller.offset(), offset);
}

#[test]
fn a_sender_with_an_old_broker_epoch_is_refused_altogether() {
    let mut rig = rig();
    let proposals = vec![proposal(&rig, &[0])];
    let answer = rig.send(
        0,
        ToController::AlterPartition {
            broker_epoch: -1,
            proposals,
        },
    );
    assert_eq!(
        answer,
        FromController::AlterPartition(Err(ErrorCode::STALE_BROKER_EPOCH))
    );
}

#[test]
fn unknown_topics_and_partitions_are_told_apart() {
    let mut rig = rig();
    let mut unknown = proposal(&rig, &[0]);
    unknown.tp.partition = 5;
    assert_eq!(
        rig.alter_partition(0, unknown.clone()),
        Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    );
    unknown.tp.topic = uuid::Uuid::nil();
    assert_eq!(rig.alter_partition(0, unknown), Err(ErrorCode::UNKNOWN_TOPIC_ID));
}

#[test]
fn epochs_from_the_future_mean_that_this_is_not_the_controller() {
    let mut rig = rig();
    let mut future = proposal(&rig, &[0]);
    future.partition_epoch += 1;
    assert_eq!(rig.alter_partition(0, future), Err(ErrorCode::NOT_CONTROLLER));
    let mut future = proposal(&rig, &[0]);
    future.leader_epoch += 1;
    assert_eq!(rig.alter_partition(0, future), Err(ErrorCode::NOT_CONTROLLER));
}

#[test]
fn a_former_leader_is_fenced_and_a_follower_refused() {
    let mut rig = rig();
    let former = proposal(&rig, &[0, 1]);
    rig.fence(0);
    let mut late = former;
    late.partition_epoch = rig.state("orders").partition_epoch;
    assert_eq!(rig.alter_partition(0, late), Err(ErrorCode::FENCED_LEADER_EPOCH));
    let follower = proposal(&rig, &[1]);
    assert_eq!(rig.alter_partition(2, follower), Err(ErrorCode::INVALID_REQUEST));
}

#[test]
fn a_proposal_on_an_old_partition_epoch_is_refused() {
    let mut rig = rig();
    let late = proposal(&rig, &[0]);
    rig.fence(2);
    assert_eq!(rig.alter_partition(0, late), Err(ErrorCode::INVALID_UPDATE_VERSION));
}

#[test]
fn an_isr_must_be_assigned_distinct_and_hold_the_leader() {
    let mut rig = rig();
    for isr in [&[0, 3][..], &[0, 1, 1], &[1, 2], &[]] {
        assert_eq!(
            rig.alter_partition(0, proposal(&rig, isr)),
            Err(ErrorCode::INVALID_REQUEST),
            "{isr:?}"
        );
    }
}

#[test]
fn recovery_ends_before_the_isr_grows_and_never_comes_back() {
    let mut rig = rig();
    rig.propose(&[0]).unwrap();
    rig.fence(0);
    rig.elect(ElectionType::Unclean).unwrap();
    let mut growing = proposal(&rig, &[1, 2]);
    growing.recovering = true;
    assert_eq!(rig.alter_partition(1, growing), Err(ErrorCode::INVALID_REQUEST));
    assert!(!rig.alter_partition(1, proposal(&rig, &[1])).unwrap().recovering);
    let mut relapse = proposal(&rig, &[1]);
    relapse.recovering = true;
    assert_eq!(rig.alter_partition(1, relapse), Err(ErrorCode::INVALID_REQUEST));
}

#[test]
fn fenced_stopping_and_restarted_replicas_are_ineligible() {
    let mut rig = rig();
    rig.fence(2);
    assert_eq!(
        rig.alter_partition(0, proposal(&rig, &[0, 1, 2])),
        Err(ErrorCode::INELIGIBLE_REPLICA)
    );
    let before_restart = rig.epochs[&2];
    rig.start(2, -1);
    let mut old_incarnation = proposal(&rig, &[0, 1, 2]);
    old_incarnation.isr[2].1 = before_restart;
    assert_eq!(
        rig.alter_partition(0, old_incarnation),
        Err(ErrorCode::INELIGIBLE_REPLICA)
    );
    assert!(rig.alter_partition(0, proposal(&rig, &[0, 1, 2])).is_ok());

    rig.create("other", &[&[2, 0]]);
    let offset = rig.controller.offset();
    assert!(!rig.heartbeat(2, false, true, offset).unwrap().should_shut_down);
    assert_eq!(
        rig.alter_partition(0, proposal(&rig, &[0, 1, 2])),
        Err(ErrorCode::INELIGIBLE_REPLICA)
    );
}

#[test]
fn proposals_of_one_request_are_judged_one_by_one_and_published_together() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1], &[0, 1]]);
    let first = proposal(&rig, &[0]);
    let second = IsrProposal {
        tp: rig.tp("orders", 1),
        ..first.clone()
    };
    let bad = IsrProposal {
        leader_epoch: 9,
        ..first.clone()
    };
    let broker_epoch = rig.epochs[&0];
    let answer = rig.send(
        0,
        ToController::AlterPartition {
            broker_epoch,
            proposals: vec![bad, first, second],
        },
    );
    let FromController::AlterPartition(Ok(outcomes)) = answer else {
        panic!()
    };
    let accepted: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(accepted, [false, true, true]);
    let FromController::Delta { records, .. } = rig.pushes()[0].1 else {
        panic!()
    };
    assert_eq!(records.len(), 2);
}
