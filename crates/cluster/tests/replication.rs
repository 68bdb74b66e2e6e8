//! What followers get, and what their leader counts.

mod support;

use std::time::Duration;

use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_cluster::net::NetConfig;
use kafka_sim_cluster::{ClusterConfig, Topic};
use support::Machine;

#[test]
fn a_leader_that_wrote_nothing_in_its_epoch_follows_its_successor() {
    let topic = Topic::named("orders").replicas(3);
    let mut m = Machine::new(ClusterConfig {
        topics: vec![topic],
        ..ClusterConfig::simulated(3)
    });
    let first = m.leader();
    m.inject_for(Fault::Pause(Role::broker(first.0)), 15);
    m.pass(Duration::from_secs(20));
    assert_ne!(m.leader(), first);
    let steps = m.cluster.steps();
    m.pass(Duration::from_secs(20));
    m.converge();
    let taken = m.cluster.steps() - steps;
    assert!(taken < 5_000, "{taken} steps in 20 s in which nothing happens");
}

#[test]
fn a_follower_gets_the_records_that_the_first_answer_has_no_room_for() {
    let mut config = ClusterConfig {
        topics: vec![Topic::named("orders").partitions(4).replicas(2)],
        ..ClusterConfig::simulated(2)
    };
    for key in ["replica.fetch.response.max.bytes", "replica.fetch.max.bytes"] {
        config.broker_config.set(key, "1000").unwrap();
    }
    let mut m = Machine::new(config);
    m.inject_for(Fault::Kill(Role::broker(1)), 15);
    m.pass(Duration::from_secs(12));
    let conn = m.dial(0);
    for partition in 0..4 {
        m.produce(conn, partition, 1, &[7; 600]);
    }
    m.converge();
    for partition in 0..4 {
        let view = m.cluster.view();
        let replicas = &view.partition("orders", partition).unwrap().replicas;
        assert!(
            replicas.iter().all(|r| r.log_end == 1),
            "partition {partition}: {replicas:?}"
        );
    }
}

#[test]
fn steady_load_does_not_keep_synced_records_from_being_committed() {
    let disk = DiskConfig {
        sync_latency: Duration::from_millis(5),
        ..DiskConfig::default()
    };
    let mut m = Machine::new(ClusterConfig {
        topics: vec![Topic::named("orders").config("flush.messages", "1")],
        network: NetConfig::default(),
        disk,
        ..ClusterConfig::simulated(1)
    });
    let conns: Vec<_> = (0..20).map(|_| m.dial(0)).collect();
    for at in 0..200 {
        m.send_produce(conns[at % conns.len()], 0, 1, b"a");
        m.pass(Duration::from_millis(1));
    }
    let replica = m.replica(0);
    assert!(replica.log_end - replica.high_watermark <= 6, "{replica:?}");
}

#[test]
fn a_topic_that_is_created_again_does_not_inherit_checkpoints() {
    let mut m = Machine::new(ClusterConfig {
        topics: vec![Topic::named("orders")],
        ..ClusterConfig::simulated(1)
    });
    let conn = m.dial(0);
    for _ in 0..10 {
        m.produce(conn, 0, -1, b"old");
    }
    m.delete_records(conn, 8);
    m.pass(Duration::from_secs(70));
    m.delete_topic(conn);
    m.create_topic(conn);
    m.pass(Duration::from_secs(1));
    for _ in 0..3 {
        m.produce(conn, 0, -1, b"new");
    }
    m.inject(Fault::Restart(Role::broker(0)));
    m.pass(Duration::from_secs(30));
    let replica = m.replica(0);
    assert_eq!((replica.log_start, replica.log_end), (0, 3));
}

/// For 45 s one fetch followed the other. How long an answer is waited for is counted from the one that lost it.
#[test]
fn a_follower_whose_answer_was_swallowed_waits_30_s_for_it_and_fetches_again() {
    let mut m = Machine::new(ClusterConfig {
        topics: vec![Topic::named("orders").replicas(2)],
        ..ClusterConfig::simulated(2)
    });
    let leader = m.leader().0;
    let follower = 1 - leader;
    let conn = m.dial(leader);
    m.pass(Duration::from_secs(45));
    let from = Peer::from(Role::broker(leader));
    let to = Peer::from(Role::broker(follower));
    m.inject_for(Fault::BlackHole { from, to }, 2);
    m.produce(conn, 0, 1, b"swallowed");
    m.pass(Duration::from_secs(29));
    assert_eq!(m.replica(follower).log_end, 0, "it still waits");
    m.pass(Duration::from_secs(5));
    assert_eq!(m.replica(follower).log_end, 1);
}
