//! Eligible leader replicas (KIP-966), and what the same events do without them.

use super::*;

#[test]
fn whoever_leaves_an_isr_below_the_minimum_stays_eligible() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(2);
    assert_eq!(rig.roles(), (Some(0), vec![0, 1], vec![]), "the minimum still holds");
    rig.propose(&[0]).unwrap();
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![1]));
}

#[test]
fn the_isr_may_become_empty_and_the_last_leader_is_remembered() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(2);
    rig.fence(1);
    rig.fence(0);
    assert_eq!(rig.roles(), (None, vec![], vec![1, 0]));
    assert_eq!(rig.state("orders").last_known_elr, ids(&[0]));
}

#[test]
fn an_eligible_replica_is_as_good_as_an_in_sync_one() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(2);
    rig.fence(1);
    rig.fence(0);
    rig.stop_and_return(1);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![0]));
    let state = rig.state("orders");
    assert!(!state.recovering && state.last_known_elr.is_empty());
    assert!(
        !rig.events()
            .iter()
            .any(|e| matches!(e, ControllerEvent::LeaderElected { unclean: true, .. }))
    );
}

#[test]
fn the_elr_is_cleared_once_the_isr_reaches_the_minimum_again() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.propose(&[0]).unwrap();
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![1, 2]));
    rig.propose(&[0, 1]).unwrap();
    assert_eq!(rig.roles(), (Some(0), vec![0, 1], vec![]));
}

#[test]
fn last_replica_standing_is_excluded_after_unclean_restart_with_elr_on() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.fence(0);
    rig.fence(1);
    rig.crash_and_return(2);
    assert_eq!(
        rig.roles(),
        (None, vec![], vec![1]),
        "the loser waits for a replica that has everything"
    );
    rig.stop_and_return(1);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
}

#[test]
fn the_last_leader_is_taken_uncleanly_when_nobody_eligible_is_left() {
    let mut rig = Rig::elr_on(2);
    rig.create("orders", &[&[0, 1]]);
    rig.fence(1);
    rig.fence(0);
    rig.crash_and_return(1);
    assert_eq!(rig.roles(), (None, vec![], vec![0]));
    rig.crash_and_return(0);
    let state = rig.state("orders");
    assert_eq!(
        (state.leader, state.isr, state.recovering),
        (Some(BrokerId(0)), ids(&[0]), true)
    );
    assert!(state.last_known_elr.is_empty() && state.elr.is_empty());
}

#[test]
fn a_clean_restart_keeps_eligibility() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.propose(&[0]).unwrap();
    rig.stop_and_return(1);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![1, 2]));
    rig.crash_and_return(1);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![2]));
}

#[test]
fn the_minimum_is_never_more_than_the_replication_factor() {
    let mut rig = Rig::elr_on(3);
    rig.create("orders", &[&[0]]);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
    rig.fence(0);
    assert_eq!(rig.roles(), (None, vec![], vec![0]));
    rig.unfence(0);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
}

#[test]
fn a_topics_own_minimum_decides() {
    let mut rig = Rig::elr_on(3);
    let mut topic = manual("orders", &[&[0, 1, 2]]);
    topic
        .configs
        .push((Arc::from("min.insync.replicas"), Some(Arc::from("3"))));
    rig.create_topic(topic).unwrap();
    rig.fence(2);
    assert_eq!(rig.roles(), (Some(0), vec![0, 1], vec![2]));
}

#[test]
fn changing_the_minimum_forgets_who_was_eligible() {
    for resource in [
        ConfigResource::Topic(Arc::from("orders")),
        ConfigResource::ClusterDefault,
    ] {
        let mut rig = Rig::elr_on(3);
        rig.create("orders", &[&[0, 1, 2]]);
        rig.propose(&[0]).unwrap();
        assert_eq!(
            rig.alter_configs(vec![set(resource, "min.insync.replicas", "1")]),
            [Ok(())]
        );
        assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
    }
}

#[test]
fn without_elr_nobody_is_eligible_and_the_isr_keeps_its_last_member() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    for broker in 0..3 {
        rig.fence(broker);
    }
    assert_eq!(rig.roles(), (None, vec![2], vec![]));
    assert!(rig.state("orders").last_known_elr.is_empty());
    rig.crash_and_return(0);
    assert_eq!(
        rig.roles(),
        (None, vec![2], vec![]),
        "a replica that left the ISR waits for the last member"
    );
}
