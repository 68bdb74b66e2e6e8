//! Compaction under faults: every replica cleans its own log, and the last value of every key stays.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::ProduceRequest;
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::Seed;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, split_batches};
use kafka_sim_tests::requests::{PRODUCE, produce};
use kafka_sim_tests::{Ask, Harness};

use crate::story::{cut_from_followers, secs};

/// Three brokers that compact orders-0 as soon as there is anything to compact.
pub(crate) fn compacting(seed: u64, properties: &[(&str, &str)]) -> Harness {
    let topic = Topic::named("orders")
        .replicas(3)
        .config("min.insync.replicas", "2")
        .config("cleanup.policy", "compact")
        .config("segment.bytes", "400")
        .config("min.cleanable.dirty.ratio", "0.01");
    let mut config = ClusterConfig {
        topics: vec![topic],
        keep_events: true,
        ..ClusterConfig::simulated(3)
    };
    for (key, value) in [("log.cleaner.backoff.ms", "100")].iter().chain(properties) {
        config.broker_config.set(key, value).expect("the key exists");
    }
    Harness::seeded(config, Seed(seed))
}

/// Asks a broker that may die meanwhile.
pub(crate) fn try_ask<A: Ask>(h: &mut Harness, broker: i32, version: i16, request: &A) -> Option<A::Response> {
    let conn = h.dial(broker);
    h.pass(Duration::from_millis(20));
    if h.over(conn).is_some() {
        return None;
    }
    h.send(conn, version, request);
    for _ in 0..200 {
        h.pass(Duration::from_millis(10));
        if let Some((_, response)) = h.answer::<A>(conn, version) {
            h.hang_up(conn);
            return Some(response);
        }
        if h.over(conn).is_some() {
            return None;
        }
    }
    h.hang_up(conn);
    None
}

/// Writes until the write is acknowledged by all in-sync replicas.
fn put(h: &mut Harness, key: &str, value: &str) {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(1_700_000_000_000, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    let records = builder.build().expect("nothing is compressed");
    for _ in 0..300 {
        if let Some(leader) = h.partition("orders", 0).leader {
            let request: ProduceRequest = produce("orders", 0, -1, records.clone());
            let answer = try_ask(h, leader.0, PRODUCE, &request);
            if answer.is_some_and(|answer| answer.responses[0].partition_responses[0].error_code == 0) {
                return;
            }
        }
        h.pass(Duration::from_millis(100));
    }
    panic!("nobody took the write");
}

/// Writes three keys in turn and returns the last value of each.
fn write(h: &mut Harness, count: usize) -> BTreeMap<String, String> {
    let mut last = BTreeMap::new();
    for n in 0..count {
        let (key, value) = (format!("key-{}", n % 3), n.to_string());
        put(h, &key, &value);
        last.insert(key, value);
    }
    last
}

/// What the leader has: number of records, and the last value of each key.
fn read(h: &mut Harness) -> (usize, BTreeMap<String, String>) {
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    let (mut offset, mut count, mut last) = (0, 0, BTreeMap::new());
    loop {
        let bytes = h.fetch(conn, "orders", 0, offset).records.unwrap_or_default();
        let batches: Vec<_> = split_batches(&bytes).map(|b| b.expect("whole batches")).collect();
        let Some(end) = batches.last().map(|b| b.header.next_offset()) else {
            return (count, last);
        };
        for record in batches.iter().flat_map(|b| b.records(1 << 20).expect("intact")) {
            let text = |bytes: Option<Bytes>| String::from_utf8(bytes.expect("present").to_vec()).expect("text");
            last.insert(text(record.key), text(record.value));
            count += 1;
        }
        offset = end;
    }
}

fn cleanings(h: &Harness) -> usize {
    let events = h.cluster.trace().events().iter();
    events
        .filter(|(_, event)| matches!(event, Event::LogCleaned { .. }))
        .count()
}

fn cleaning_began() -> MarkKind {
    MarkKind::CleaningBegan {
        topic: "orders".to_owned(),
        partition: 0,
    }
}

fn power_loss(target: Role, survivors: Survivors) -> Fault {
    Fault::PowerLoss { target, survivors }
}

#[test]
fn the_last_acknowledged_value_of_every_key_survives_deaths_in_the_middle_of_cleanings() {
    let leader = || Role::leader_of("orders", 0);
    let faults = [
        Fault::Kill(leader()),
        power_loss(leader(), Survivors::None),
        power_loss(leader(), Survivors::Prefix),
        power_loss(leader(), Survivors::PageSubset),
        Fault::Kill(Role::AllBrokers),
    ];
    for (seed, fault) in faults.into_iter().enumerate() {
        for nth in [1, 4] {
            let mut h = compacting(seed as u64, &[]);
            h.schedule(fault.clone().on_nth(nth, cleaning_began()).healed_after(secs(3)));
            let last = write(&mut h, 60);
            h.converge();
            h.pass(secs(5));
            let (count, found) = read(&mut h);
            assert_eq!(found, last, "{fault} at cleaning {nth}");
            assert!(count < 30, "{fault}: {count} of 60 records are left");
            assert!(cleanings(&h) > 5, "{fault}: {} cleanings", cleanings(&h));
            let struck = h
                .cluster
                .trace()
                .events()
                .iter()
                .any(|(_, event)| matches!(event, Event::FaultFired { .. }));
            assert!(struck, "{fault} never struck");
        }
    }
}

#[test]
fn values_acknowledged_by_the_leader_alone_are_lost_with_its_power_compacted_or_not() {
    let mut h = compacting(3, &[]);
    write(&mut h, 30);
    h.pass(secs(2));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    let followers = h.followers("orders", 0);
    h.inject_for(cut_from_followers(leader, &followers), secs(3));
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(1_700_000_000_000, Some(b"key-0"), Some(b"acknowledged"), &[]);
    let records = builder.build().expect("nothing is compressed");
    assert_eq!(h.produce(conn, "orders", 0, 1, records).error_code, 0);
    h.inject_for(power_loss(Role::broker(leader), Survivors::None), secs(10));
    h.pass(secs(30));
    h.converge();
    assert_ne!(read(&mut h).1["key-0"], "acknowledged");
}

#[test]
fn a_new_disk_is_filled_from_a_compacted_log() {
    let mut h = compacting(1, &[]);
    let last = write(&mut h, 60);
    h.pass(secs(5));
    let follower = h.followers("orders", 0)[0];
    h.inject_for(Fault::Wipe(Role::broker(follower)), secs(1));
    h.converge();
    h.pass(secs(10));
    let others: Vec<i32> = (0..3).filter(|id| *id != follower).collect();
    for other in others {
        h.inject(Fault::Kill(Role::broker(other)));
        h.pass(secs(12));
        if h.partition("orders", 0).leader.map(|id| id.0) == Some(follower) {
            break;
        }
        h.converge();
    }
    assert_eq!(h.leader("orders", 0), follower);
    let (count, found) = read(&mut h);
    assert_eq!(found, last);
    assert!(count < 30, "{count} records");
}

#[test]
fn the_same_seed_cleans_the_same_way() {
    let run = || {
        let mut h = compacting(9, &[]);
        h.schedule(
            Fault::Kill(Role::leader_of("orders", 0))
                .on_nth(2, cleaning_began())
                .healed_after(secs(2)),
        );
        write(&mut h, 20);
        assert!(cleanings(&h) > 0);
        h.cluster.trace().hash()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_broker_that_comes_back_cleans_on_from_its_checkpoint() {
    let mut h = compacting(4, &[]);
    write(&mut h, 30);
    h.pass(secs(2));
    let leader = h.leader("orders", 0);
    let of_leader = |h: &Harness| -> Vec<(i64, i64)> {
        let events = h.cluster.trace().events().iter();
        let cleaned = events.filter_map(|(_, event)| match event {
            Event::LogCleaned { broker, from, to, .. } if broker.0 == leader => Some((*from, *to)),
            _ => None,
        });
        cleaned.collect()
    };
    let before = of_leader(&h);
    let &(_, end) = before.last().expect("it has cleaned");
    h.inject(Fault::Kill(Role::broker(leader)));
    h.converge();
    write(&mut h, 30);
    h.pass(secs(2));
    let after = of_leader(&h);
    assert_eq!(after[before.len()].0, end, "{after:?}");
    assert!(after.windows(2).all(|pair| pair[0].1 == pair[1].0), "{after:?}");
}

#[test]
fn rolled_segments_are_in_the_trace() {
    let mut h = compacting(1, &[("log.cleaner.enable", "false")]);
    write(&mut h, 20);
    let bases = |id: i32| -> Vec<i64> {
        let events = h.cluster.trace().events().iter();
        events
            .filter_map(|(_, event)| match event {
                Event::SegmentRolled { broker, base, .. } if broker.0 == id => Some(*base),
                _ => None,
            })
            .collect()
    };
    assert!(bases(0).len() >= 3, "{:?}", bases(0));
    assert_eq!(bases(0), bases(1));
    assert_eq!(bases(1), bases(2));
    assert_eq!(cleanings(&h), 0);
}
