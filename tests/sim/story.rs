//! What most stories begin with.

use std::time::Duration;

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::{ConnId, SimTime};
use kafka_sim_tests::{Harness, batch};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A topic called orders with one partition.
pub(crate) fn orders(replicas: i16, min_insync_replicas: &str) -> Topic {
    Topic::named("orders")
        .replicas(replicas)
        .config("min.insync.replicas", min_insync_replicas)
}

/// Three brokers that remember every event.
pub(crate) fn cluster(topic: Topic) -> Harness {
    Harness::new(ClusterConfig {
        topics: vec![topic],
        keep_events: true,
        ..ClusterConfig::simulated(3)
    })
}

/// A connection to the leader of orders-0.
pub(crate) fn to_leader(h: &mut Harness) -> ConnId {
    let leader = h.leader("orders", 0);
    h.connect(leader)
}

/// Produces one record to orders-0 and returns error code and offset.
pub(crate) fn write(h: &mut Harness, conn: ConnId, acks: i16, value: &str) -> (i16, i64) {
    let answer = h.produce(conn, "orders", 0, acks, batch(value));
    (answer.error_code, answer.base_offset)
}

/// The values a consumer finds in orders-0.
pub(crate) fn read(h: &mut Harness, conn: ConnId) -> Vec<String> {
    h.read(conn, "orders", 0, 0)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

/// Nothing passes between the leader of orders-0 and its followers; the controller hears them all.
pub(crate) fn cut_from_followers(leader: i32, followers: &[i32]) -> Fault {
    let b = followers.iter().map(|id| Peer::from(Role::broker(*id))).collect();
    Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b,
    }
}

/// Waits until orders-0 has another leader than `old` and its broker knows.
pub(crate) fn wait_for_successor(h: &mut Harness, old: i32) -> i32 {
    h.wait(secs(60), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|leader| leader.0 != old)
    });
    let leader = h.leader("orders", 0);
    h.wait(secs(5), "the new leader to know", |h| {
        h.replica("orders", 0, leader).leads
    });
    leader
}

/// When which leaders of any partition were elected from `since` on; `None` where a partition went offline.
pub(crate) fn elections(h: &Harness, since: SimTime) -> Vec<(SimTime, Option<i32>)> {
    let events = h.cluster.trace().events().iter().filter(|(at, _)| *at >= since);
    events
        .filter_map(|(at, event)| match event {
            Event::LeaderElected { leader, .. } => Some((*at, leader.map(|id| id.0))),
            _ => None,
        })
        .collect()
}
