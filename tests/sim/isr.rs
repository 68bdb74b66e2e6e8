//! Who leaves the in-sync replicas, when, and how they come back.

use std::time::Duration;

use kafka_sim_cluster::ClusterConfig;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_tests::Harness;

use crate::story::*;

const ELR: &str = "eligible.leader.replicas.enable";

#[test]
fn isr_shrinks_after_30_to_45_seconds() {
    for phase in 0..6 {
        let mut h = cluster(orders(3, "1"));
        let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
        let conn = to_leader(&mut h);
        h.pass(Duration::from_millis(2_700 * phase));
        h.inject(cut_from_followers(leader, &followers));
        write(&mut h, conn, 1, "a");
        let start = h.now();
        h.wait(secs(60), "the followers to leave", |h| h.isr("orders", 0) == [leader]);
        let took = h.now() - start;
        assert!((secs(29)..=secs(46)).contains(&took), "phase {phase}: {took:?}");
    }
}

#[test]
fn an_idle_follower_never_leaves_the_isr_by_lag() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
    h.pass(secs(1));
    h.inject(cut_from_followers(leader, &followers));
    h.pass(secs(300));
    assert_eq!(
        h.isr("orders", 0).len(),
        3,
        "nothing was written, so nothing is missing"
    );
    write(&mut h, conn, 1, "b");
    h.pass(secs(46));
    assert_eq!(h.isr("orders", 0), [leader]);
}

#[test]
fn a_follower_that_catches_up_comes_back() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    h.inject(cut_from_followers(leader, &followers));
    for _ in 0..20 {
        write(&mut h, conn, 1, "a");
    }
    h.wait(secs(60), "the followers to leave", |h| h.isr("orders", 0) == [leader]);
    h.heal_all();
    h.wait(secs(60), "their return", |h| h.isr("orders", 0).len() == 3);
    assert!(followers.iter().all(|id| h.replica("orders", 0, *id).log_end == 20));
}

#[test]
fn an_isr_change_leaves_the_leader_epoch_alone_and_raises_the_partition_epoch() {
    let mut h = cluster(orders(3, "1"));
    let before = h.partition("orders", 0);
    let follower = h.followers("orders", 0)[0];
    h.inject(Fault::Kill(Role::broker(follower)));
    h.wait(secs(20), "the ISR without it", |h| h.isr("orders", 0).len() == 2);
    let after = h.partition("orders", 0);
    assert_eq!((after.leader, after.leader_epoch), (before.leader, before.leader_epoch));
    assert!(after.partition_epoch > before.partition_epoch);
}

#[test]
fn the_last_in_sync_replica_alone_is_eligible_and_leads_when_it_returns() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    for follower in &followers {
        h.inject(Fault::Kill(Role::broker(*follower)));
    }
    h.wait(secs(30), "the leader alone", |h| h.isr("orders", 0) == [leader]);
    h.pass(secs(1));
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
    h.inject(Fault::Kill(Role::broker(leader)));
    h.wait(secs(30), "no leader", |h| h.partition("orders", 0).leader.is_none());
    for follower in &followers {
        h.inject(Fault::Restart(Role::broker(*follower)));
    }
    h.pass(secs(30));
    let offline = h.partition("orders", 0);
    let eligible: Vec<i32> = offline.isr.iter().chain(&offline.elr).map(|id| id.0).collect();
    assert_eq!(
        (offline.leader, eligible),
        (None, vec![leader]),
        "the others lack the record"
    );
    h.converge();
    assert_eq!(h.leader("orders", 0), leader);
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn), ["a"]);
}

#[test]
fn without_eligible_leader_replicas_the_last_one_stays_in_the_isr() {
    let mut config = ClusterConfig {
        topics: vec![orders(1, "1")],
        ..ClusterConfig::simulated(3)
    };
    config
        .broker_config
        .set(ELR, "false")
        .expect("the feature can be switched off");
    let mut h = Harness::new(config);
    let leader = h.leader("orders", 0);
    h.inject(Fault::Kill(Role::broker(leader)));
    h.wait(secs(30), "no leader", |h| h.partition("orders", 0).leader.is_none());
    assert_eq!(h.isr("orders", 0), [leader]);
}
