//! Who leads, and how epochs move.

use super::*;

#[test]
fn the_first_in_sync_replica_in_assignment_order_is_elected() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.propose(&[0, 2]).unwrap();
    rig.fence(0);
    let state = rig.state("orders");
    assert_eq!((state.leader, state.isr), (Some(BrokerId(2)), ids(&[2])));
}

#[test]
fn the_leader_epoch_moves_with_the_leader_and_the_partition_epoch_with_everything() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    assert_eq!(
        (rig.state("orders").leader_epoch, rig.state("orders").partition_epoch),
        (0, 0)
    );
    rig.fence(2);
    assert_eq!(
        (rig.state("orders").leader_epoch, rig.state("orders").partition_epoch),
        (0, 1)
    );
    rig.fence(0);
    assert_eq!(
        (rig.state("orders").leader_epoch, rig.state("orders").partition_epoch),
        (1, 2)
    );
}

#[test]
fn a_fenced_broker_is_never_elected() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(1);
    rig.fence(0);
    assert_eq!(rig.roles(), (Some(2), vec![2], vec![]));
    rig.fence(2);
    assert_eq!(rig.roles(), (None, vec![2], vec![]));
    assert_eq!(
        rig.elect(ElectionType::Unclean),
        Err(ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE)
    );
}

#[test]
fn last_replica_standing_is_reelected_with_elr_off() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(0);
    rig.fence(1);
    rig.crash_and_return(2);
    assert_eq!(
        rig.roles(),
        (Some(2), vec![2], vec![]),
        "even if its log has lost its tail"
    );
}

#[test]
fn an_out_of_sync_replica_is_not_elected_while_unclean_election_is_off() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.propose(&[0]).unwrap();
    rig.fence(0);
    assert_eq!(rig.roles(), (None, vec![0], vec![]));
    rig.unfence(0);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
}

#[test]
fn an_out_of_sync_replica_takes_over_at_once_where_the_topic_allows_it() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.set_topic_config("orders", "unclean.leader.election.enable", "true");
    rig.propose(&[0]).unwrap();
    rig.fence(0);
    let state = rig.state("orders");
    assert_eq!(
        (state.leader, state.isr, state.recovering),
        (Some(BrokerId(1)), ids(&[1]), true)
    );
    let unclean = |event: &&ControllerEvent| matches!(event, ControllerEvent::LeaderElected { unclean: true, .. });
    assert!(rig.events().iter().any(unclean));
}

#[test]
fn allowing_unclean_election_elects_at_once() {
    for resource in [
        ConfigResource::Topic(Arc::from("orders")),
        ConfigResource::ClusterDefault,
    ] {
        let mut rig = Rig::elr_off(2);
        rig.create("orders", &[&[0, 1]]);
        rig.propose(&[0]).unwrap();
        rig.fence(0);
        let outcome = rig.alter_configs(vec![set(resource, "unclean.leader.election.enable", "true")]);
        assert_eq!(outcome, [Ok(())]);
        assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    }
}

#[test]
fn leaderless_partitions_are_looked_at_periodically() {
    let settings = [
        ("eligible.leader.replicas.enable", "false"),
        ("broker.session.timeout.ms", "9000000"),
    ];
    let mut rig = Rig::new(2, &settings);
    rig.create("orders", &[&[0, 1]]);
    rig.propose(&[0]).unwrap();
    rig.fence(0);
    let lost_at = rig.now;
    assert_eq!(
        rig.controller.unclean_check_at,
        Some(lost_at + Duration::from_secs(300))
    );
    rig.fence(1);
    rig.set_topic_config("orders", "unclean.leader.election.enable", "true");
    assert_eq!(rig.roles().0, None, "nobody is active");
    rig.wait(Duration::from_secs(300));
    assert_eq!(
        rig.controller.unclean_check_at,
        Some(rig.now + Duration::from_secs(300))
    );
    rig.unfence(1);
    assert_eq!(rig.roles().0, Some(1));
    rig.wait(Duration::from_secs(300));
    assert_eq!(rig.controller.unclean_check_at, None);
}

#[test]
fn an_unclean_election_can_be_asked_for() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    assert_eq!(rig.elect(ElectionType::Unclean), Err(ErrorCode::ELECTION_NOT_NEEDED));
    rig.propose(&[0]).unwrap();
    rig.fence(0);
    assert_eq!(rig.elect(ElectionType::Unclean), Ok(()));
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    assert!(rig.state("orders").recovering);
}

#[test]
fn a_preferred_election_moves_leadership_only_to_an_in_sync_replica() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    assert_eq!(rig.elect(ElectionType::Preferred), Err(ErrorCode::ELECTION_NOT_NEEDED));
    rig.fence(0);
    rig.unfence(0);
    assert_eq!(
        rig.elect(ElectionType::Preferred),
        Err(ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE)
    );
    rig.propose(&[1, 0]).unwrap();
    assert_eq!(rig.elect(ElectionType::Preferred), Ok(()));
    assert_eq!(rig.roles(), (Some(0), vec![1, 0], vec![]));
}

#[test]
fn elections_of_unknown_partitions_are_refused_and_of_all_leave_out_the_unneeded() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1], &[1, 0]]);
    let partitions = Some(vec![(Arc::from("orders"), 9), (Arc::from("nope"), 0)]);
    let response = rig.admin(AdminRequest::ElectLeaders {
        election: ElectionType::Preferred,
        partitions,
    });
    let AdminResponse::ElectLeaders(Ok(outcomes)) = response else {
        panic!()
    };
    let unknown = |outcome: &Result<(), Refusal>| outcome.as_ref().unwrap_err().code;
    assert!(
        outcomes
            .iter()
            .all(|(_, _, outcome)| unknown(outcome) == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    );

    rig.fence(0);
    rig.unfence(0);
    let all = AdminRequest::ElectLeaders {
        election: ElectionType::Preferred,
        partitions: None,
    };
    let AdminResponse::ElectLeaders(Ok(outcomes)) = rig.admin(all) else {
        panic!()
    };
    assert_eq!(outcomes.len(), 1, "partition 1 is led by its preferred replica");
    assert_eq!(outcomes[0].1, 0);
}

#[test]
fn leadership_returns_to_the_preferred_replica_after_the_check_interval() {
    let mut rig = Rig::new(2, &[("broker.session.timeout.ms", "900000")]);
    rig.create("orders", &[&[0, 1]]);
    assert_eq!(rig.controller.rebalance_at, None);
    rig.fence(0);
    rig.unfence(0);
    rig.propose(&[1, 0]).unwrap();
    rig.wait(Duration::from_secs(299));
    assert_eq!(rig.roles().0, Some(1));
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.roles().0, Some(0));
    assert_eq!(rig.controller.rebalance_at, None);
}

#[test]
fn leadership_stays_where_it_is_with_rebalancing_off() {
    let mut rig = Rig::new(
        2,
        &[
            ("auto.leader.rebalance.enable", "false"),
            ("broker.session.timeout.ms", "900000"),
        ],
    );
    rig.create("orders", &[&[0, 1]]);
    rig.fence(0);
    rig.unfence(0);
    rig.propose(&[1, 0]).unwrap();
    rig.wait(Duration::from_secs(600));
    assert_eq!(rig.roles().0, Some(1));
}

#[test]
fn more_imbalanced_partitions_than_one_pass_takes_are_balanced_in_the_next_at_once() {
    let mut rig = Rig::new(2, &[("broker.session.timeout.ms", "900000")]);
    rig.create("orders", &[&[0, 1] as &[i32]; 1500]);
    rig.fence(0);
    rig.unfence(0);
    let epoch = rig.epochs[&1];
    let topic = rig.tp("orders", 0).topic;
    let proposals = (0..1500).map(|partition| IsrProposal {
        tp: Tp { topic, partition },
        leader_epoch: 1,
        partition_epoch: 1,
        isr: vec![(BrokerId(0), -1), (BrokerId(1), -1)],
        recovering: false,
    });
    rig.send(
        1,
        ToController::AlterPartition {
            broker_epoch: epoch,
            proposals: proposals.collect(),
        },
    );
    rig.wait(Duration::from_secs(300));
    assert_eq!(rig.pushes().iter().filter(|(to, _)| *to == 0).count(), 2);
    let topic = rig.controller.image().topic_named("orders").unwrap();
    assert!(topic.partitions.iter().all(|state| state.leader == Some(BrokerId(0))));
}
