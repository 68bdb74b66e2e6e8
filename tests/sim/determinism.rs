//! A run is a value: the seed decides it, and a fault changes only what it touches.

use std::time::Duration;

use kafka_sim::{ProducerPlan, Sim};
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::{Seed, SimTime};
use kafka_sim_tests::requests::metadata;
use kafka_sim_tests::{Harness, batch};

use crate::story::*;

/// Trace hash and number of events of a busy run with faults of many kinds.
fn busy_run(seed: u64) -> (u64, u64) {
    let topic = Topic::named("orders").partitions(3).replicas(3);
    let mut h = Harness::seeded(
        ClusterConfig {
            topics: vec![topic],
            ..ClusterConfig::simulated(3)
        },
        Seed(seed),
    );
    let at = |seconds: u64| SimTime::from_secs(5 + seconds);
    let torn = Fault::PowerLoss {
        target: Role::leader_of("orders", 1),
        survivors: Survivors::PageSubset,
    };
    h.schedule(
        Fault::Kill(Role::leader_of("orders", 0))
            .at(at(3))
            .healed_after(secs(4)),
    );
    h.schedule(torn.at(at(12)).healed_after(secs(4)));
    h.schedule(
        Fault::Isolate(Role::follower_of("orders", 2, 0))
            .at(at(20))
            .healed_after(secs(40)),
    );
    for round in 0..60 {
        let partition = round % 3;
        if let Some(leader) = h.partition("orders", partition).leader {
            let conn = h.dial(leader.0);
            let (_, frame) = h.frame(
                9,
                &kafka_sim_tests::requests::produce("orders", partition, -1, batch("a")),
            );
            h.send_bytes(conn, frame);
        }
        h.pass(secs(1));
    }
    (h.cluster.trace().hash(), h.cluster.trace().count())
}

#[test]
fn one_seed_one_hash() {
    let first = busy_run(11);
    assert_eq!(first, busy_run(11));
    assert!(first.1 > 300, "something happened: {} events", first.1);
    assert_ne!(first.0, busy_run(12).0);
}

#[test]
fn a_clone_goes_on_as_its_original() {
    let mut h = cluster(orders(3, "2"));
    let conn = to_leader(&mut h);
    write(&mut h, conn, -1, "a");
    let mut copy = h.clone();
    for h in [&mut h, &mut copy] {
        h.inject(Fault::Kill(Role::leader_of("orders", 0)));
        h.converge();
    }
    assert_eq!(h.cluster.trace().hash(), copy.cluster.trace().hash());
    assert_eq!(h.now(), copy.now());
}

/// How long each of 50 questions to broker 0 took while something may have happened to another broker.
fn round_trips(fault: Option<Fault>) -> Vec<Duration> {
    let mut h = cluster(Topic::named("orders").partitions(3).replicas(3));
    let conn = h.connect(0);
    if let Some(fault) = fault {
        h.inject(fault);
    }
    let ask = |h: &mut Harness| {
        let before = h.now();
        h.ask(conn, 12, &metadata(&["orders"]));
        let took = h.now() - before;
        h.pass(secs(1));
        took
    };
    (0..50).map(|_| ask(&mut h)).collect()
}

#[test]
fn removing_a_fault_leaves_the_latencies_of_the_rest_unchanged() {
    let calm = round_trips(None);
    assert_eq!(round_trips(Some(Fault::Kill(Role::broker(2)))), calm);
    assert_eq!(round_trips(Some(Fault::Isolate(Role::broker(1)))), calm);
    assert_ne!(calm[0], calm[1], "latencies vary");
    let delay = Fault::Delay {
        from: kafka_sim::Peer::Clients,
        to: Role::broker(0).into(),
        extra: Duration::from_millis(5),
    };
    assert_ne!(round_trips(Some(delay)), calm);
}

#[test]
fn a_simulated_run_repeats_to_the_byte() {
    let run = |seed| {
        let plan = ProducerPlan::to("orders").set("acks", "all").unwrap().records(100);
        let kill = Fault::Kill(Role::leader_of("orders", 0))
            .at(SimTime::from_secs(1))
            .healed_after(secs(5));
        let run = Sim::new(Seed(seed))
            .topic(Topic::named("orders").replicas(3))
            .producer(plan)
            .faults(vec![kill])
            .run()
            .unwrap();
        (run.trace_hash, run.pinned())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
}
