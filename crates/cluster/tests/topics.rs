//! Topics that are deleted and created anew.

mod support;

use std::time::Duration;

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use support::Machine;
use uuid::Uuid;

fn orders(deletable: bool) -> Machine {
    let topic = Topic::named("orders").partitions(2).replicas(3);
    let mut config = ClusterConfig {
        topics: vec![topic.config("min.insync.replicas", "2")],
        keep_events: true,
        ..ClusterConfig::simulated(3)
    };
    let value = if deletable { "true" } else { "false" };
    config
        .broker_config
        .set("delete.topic.enable", value)
        .expect("it is a key");
    Machine::new(config)
}

fn deletion() -> Fault {
    Fault::DeleteTopic { topic: "orders".into() }
}

/// Ids of every topic that was created under the name.
fn ids(m: &Machine) -> Vec<Uuid> {
    let events = m.cluster.trace().events().iter();
    let created = events.filter_map(|(_, event)| match event {
        Event::TopicCreated { topic, name, .. } if **name == *"orders" => Some(*topic),
        _ => None,
    });
    created.collect()
}

fn with_a_record() -> Machine {
    let mut m = orders(true);
    let conn = m.dial(m.leader().0);
    m.produce(conn, 0, -1, b"before");
    assert_eq!(m.replica(0).log_end, 1);
    m
}

#[test]
fn a_topic_that_was_created_anew_has_another_id_and_nothing_of_the_old_one() {
    let mut m = with_a_record();
    m.inject_for(deletion(), 5);
    m.pass(Duration::from_secs(4));
    assert!(m.cluster.view().partition("orders", 0).is_none(), "it is gone");
    m.pass(Duration::from_secs(2));
    m.converge();
    let ids = ids(&m);
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    for broker in 0..3 {
        assert_eq!(m.replica(broker).log_end, 0);
    }
    let view = m.cluster.view();
    assert!(view.partition("orders", 1).is_some(), "with as many partitions");
    let conn = m.dial(m.leader().0);
    m.inject(Fault::Kill(Role::follower_of("orders", 0, 0)));
    m.inject(Fault::Kill(Role::follower_of("orders", 0, 1)));
    m.pass(Duration::from_secs(40));
    m.produce(conn, 0, -1, b"after");
    let leader = m.leader().0;
    assert_eq!(
        m.replica(leader).log_end,
        0,
        "and with the same overrides: one replica is not enough"
    );
}

#[test]
fn a_replica_that_slept_through_the_recreation_drops_what_it_had() {
    let mut m = with_a_record();
    m.inject_for(Fault::Kill(Role::follower_of("orders", 0, 1)), 20);
    m.pass(Duration::from_secs(1));
    m.inject_for(deletion(), 1);
    m.pass(Duration::from_secs(40));
    m.converge();
    for broker in 0..3 {
        assert_eq!(m.replica(broker).log_end, 0);
    }
}

#[test]
fn a_topic_is_not_deleted_where_that_is_not_enabled() {
    let mut m = orders(false);
    m.inject_for(deletion(), 5);
    m.pass(Duration::from_secs(10));
    assert_eq!(ids(&m).len(), 1);
    assert!(m.cluster.view().partition("orders", 0).is_some());
}

#[test]
fn a_deletion_of_what_is_not_there_does_nothing() {
    let mut m = orders(true);
    m.inject_for(
        Fault::DeleteTopic {
            topic: "payments".into(),
        },
        5,
    );
    m.pass(Duration::from_secs(10));
    assert!(m.cluster.view().partition("payments", 0).is_none());
    assert_eq!(ids(&m).len(), 1);
}
