//! Fetch: bounds, limits, waiting, epochs.

use std::time::Duration;

use kafka_protocol::messages::{BrokerId, FetchRequest};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_core::batch::BatchOptions;
use kafka_sim_tests::requests::{FETCH, fetch, fetch_all, fetch_partition};
use kafka_sim_tests::{Harness, batch, batch_of, values};
use uuid::Uuid;

fn filled(count: usize) -> (Harness, kafka_sim_core::ConnId) {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for at in 0..count {
        h.produce(conn, "orders", 0, 1, batch(&format!("v{at}")));
    }
    (h, conn)
}

/// A leader with one committed record and two that its followers do not have, and a connection to it.
fn with_uncommitted() -> (Harness, kafka_sim_core::ConnId) {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, -1, batch("a"));
    let b = followers.into_iter().map(|id| Peer::from(Role::broker(id))).collect();
    h.inject(Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b,
    });
    h.produce(conn, "orders", 0, 1, batch("b"));
    h.produce(conn, "orders", 0, 1, batch("c"));
    (h, conn)
}

#[test]
fn a_consumer_reads_up_to_the_high_watermark_and_a_debugger_to_the_end() {
    let (mut h, conn) = with_uncommitted();
    assert_eq!(h.read(conn, "orders", 0, 0), [(0, "a".to_owned())]);
    let response = h.ask(conn, FETCH, &fetch("orders", 0, 0).with_replica_id(BrokerId(-2)));
    let records = values(response.responses[0].partitions[0].records.as_ref());
    assert_eq!(records.len(), 3);
}

#[test]
fn an_offset_between_high_watermark_and_log_end_is_empty_and_no_error() {
    let (mut h, conn) = with_uncommitted();
    for offset in 1..=3 {
        let fetched = h.fetch(conn, "orders", 0, offset);
        assert_eq!((fetched.error_code, fetched.high_watermark), (0, 1), "offset {offset}");
        assert_eq!(values(fetched.records.as_ref()), []);
    }
    assert_eq!(h.fetch(conn, "orders", 0, 4).error_code, 1);
}

#[test]
fn an_offset_outside_the_log_is_out_of_range() {
    let (mut h, conn) = filled(3);
    for offset in [4, i64::MAX, -1, i64::MIN] {
        assert_eq!(h.fetch(conn, "orders", 0, offset).error_code, 1, "offset {offset}");
    }
    assert_eq!(h.fetch(conn, "orders", 0, 3).error_code, 0);
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    h.produce(
        conn,
        "orders",
        0,
        1,
        batch_of(BatchOptions::default(), &["a", "b", "c"]),
    );
    assert_eq!(h.read(conn, "orders", 0, 2)[0], (0, "a".to_owned()));
}

#[test]
fn the_first_batch_comes_whatever_the_limits_and_only_once() {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(3).replicas(3));
    let leader = h.leader("orders", 0);
    let led: Vec<i32> = (0..3).filter(|p| h.leader("orders", *p) == leader).collect();
    let conn = h.connect(leader);
    for partition in &led {
        h.produce(conn, "orders", *partition, -1, batch("first"));
        h.produce(conn, "orders", *partition, -1, batch("second"));
    }
    let tiny = |p: &i32| fetch_partition(*p, 0).with_partition_max_bytes(1);
    let twice: Vec<_> = led.iter().map(tiny).collect();
    let response = h.ask(conn, FETCH, &fetch_all("orders", twice).with_max_bytes(1));
    let counts: Vec<usize> = response.responses[0]
        .partitions
        .iter()
        .map(|p| values(p.records.as_ref()).len())
        .collect();
    assert_eq!(counts[0], 1);
    assert!(counts[1..].iter().all(|count| *count == 0), "{counts:?}");
}

#[test]
fn limits_of_a_partition_and_of_the_response_hold_after_the_first_batch() {
    let (mut h, conn) = filled(10);
    let size = i32::try_from(batch("v0").len()).unwrap();
    for (partition_limit, limit, expected) in [
        (3 * size, 1 << 20, 3),
        (1 << 20, 4 * size, 4),
        (3 * size - 1, 1 << 20, 2),
    ] {
        let part = fetch_partition(0, 0).with_partition_max_bytes(partition_limit);
        let response = h.ask(conn, FETCH, &fetch_all("orders", vec![part]).with_max_bytes(limit));
        let partition = &response.responses[0].partitions[0];
        // An incomplete batch at the end is within the contract; complete ones are counted.
        let whole = partition.records.as_ref().map_or(0, bytes::Bytes::len) / usize::try_from(size).unwrap();
        assert_eq!(whole, expected, "{partition_limit} and {limit}");
    }
}

#[test]
fn a_fetch_waits_for_its_bytes_and_no_longer_than_it_said() {
    let (mut h, conn) = filled(1);
    let start = h.now();
    let waiting = fetch("orders", 0, 1).with_max_wait_ms(700).with_min_bytes(1);
    assert_eq!(h.ask(conn, FETCH, &waiting).responses[0].partitions[0].error_code, 0);
    assert_eq!(h.now() - start, Duration::from_millis(700));
    h.send(conn, FETCH, &waiting);
    let writer = h.connect(0);
    h.produce(writer, "orders", 0, 1, batch("b"));
    let (_, response) = h.await_answer::<FetchRequest>(conn, FETCH);
    assert_eq!(
        values(response.responses[0].partitions[0].records.as_ref()),
        [(1, "b".to_owned())]
    );
    assert_eq!(
        h.now() - start,
        Duration::from_millis(700),
        "the record woke the fetch at once"
    );
}

#[test]
fn a_fetch_that_wants_more_bytes_waits_for_more_records() {
    let (mut h, conn) = filled(0);
    let size = i32::try_from(batch("a").len()).unwrap();
    h.send(
        conn,
        FETCH,
        &fetch("orders", 0, 0).with_max_wait_ms(60_000).with_min_bytes(2 * size),
    );
    let writer = h.connect(0);
    h.produce(writer, "orders", 0, 1, batch("a"));
    assert_eq!(h.arrived(conn), None);
    h.produce(writer, "orders", 0, 1, batch("b"));
    let (_, response) = h.await_answer::<FetchRequest>(conn, FETCH);
    assert_eq!(values(response.responses[0].partitions[0].records.as_ref()).len(), 2);
}

#[test]
fn an_error_or_an_empty_list_is_answered_without_waiting() {
    let (mut h, conn) = filled(1);
    let start = h.now();
    let waiting = |request: FetchRequest| request.with_max_wait_ms(60_000).with_min_bytes(1);
    assert_eq!(
        h.ask(conn, FETCH, &waiting(fetch("orders", 0, 99))).responses[0].partitions[0].error_code,
        1
    );
    assert_eq!(
        h.ask(conn, FETCH, &waiting(fetch("nothing", 0, 0))).responses[0].partitions[0].error_code,
        3
    );
    assert!(
        h.ask(conn, FETCH, &waiting(fetch("orders", 0, 0).with_topics(vec![])))
            .responses
            .is_empty()
    );
    assert_eq!(h.now(), start);
}

#[test]
fn unknown_topics_are_3_by_name_and_100_by_id() {
    let (mut h, conn) = filled(1);
    assert_eq!(h.fetch(conn, "nothing", 0, 0).error_code, 3);
    assert_eq!(h.fetch(conn, "orders", 7, 0).error_code, 3);
    let mut request = fetch("", 0, 0);
    request.topics[0].topic_id = Uuid::from_u128(9);
    assert_eq!(h.ask(conn, 13, &request).responses[0].partitions[0].error_code, 100);
    let id = h.topic_id(conn, "orders");
    request.topics[0].topic_id = id;
    for version in 13..=18 {
        let response = h.ask(conn, version, &request);
        assert_eq!(
            (
                response.responses[0].topic_id,
                response.responses[0].partitions[0].error_code
            ),
            (id, 0)
        );
    }
}

#[test]
fn a_leader_epoch_that_is_over_is_fenced_and_one_to_come_is_unknown() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    h.inject(Fault::Kill(Role::broker(old)));
    h.wait(Duration::from_secs(30), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != old)
    });
    h.converge();
    let (leader, epoch) = (h.leader("orders", 0), h.partition("orders", 0).leader_epoch);
    let conn = h.connect(leader);
    for (asked, code) in [(epoch - 1, 74), (epoch, 0), (epoch + 1, 75), (-1, 0)] {
        let part = fetch_partition(0, 0).with_current_leader_epoch(asked);
        let response = h.ask(conn, FETCH, &fetch_all("orders", vec![part.clone()]));
        assert_eq!(
            response.responses[0].partitions[0].error_code, code,
            "epoch {asked} of {epoch}"
        );
    }
    let id = h.topic_id(conn, "orders");
    let mut request = fetch_all("", vec![fetch_partition(0, 0).with_current_leader_epoch(epoch - 1)]);
    request.topics[0].topic_id = id;
    let response = h.ask(conn, 16, &request);
    let part = &response.responses[0].partitions[0];
    assert_eq!(
        (part.current_leader.leader_id.0, part.current_leader.leader_epoch),
        (leader, epoch)
    );
    assert_eq!(
        response.node_endpoints.iter().map(|n| n.node_id.0).collect::<Vec<_>>(),
        [leader]
    );
}

#[test]
fn a_log_that_departed_from_the_leaders_is_told_where() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    h.produce(conn, "orders", 0, -1, batch("a"));
    h.inject(Fault::Kill(Role::broker(old)));
    h.wait(Duration::from_secs(30), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != old)
    });
    h.converge();
    let (leader, epoch) = (h.leader("orders", 0), h.partition("orders", 0).leader_epoch);
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, -1, batch("b"));
    let mut ask = |offset, last_fetched| {
        let part = fetch_partition(0, offset).with_last_fetched_epoch(last_fetched);
        let response = h.ask(
            conn,
            FETCH,
            &fetch_all("orders", vec![part])
                .with_max_wait_ms(60_000)
                .with_min_bytes(1 << 20),
        );
        let part = response.responses[0].partitions[0].clone();
        (
            part.error_code,
            part.diverging_epoch.epoch,
            part.diverging_epoch.end_offset,
            values(part.records.as_ref()).len(),
        )
    };
    assert_eq!(ask(2, 0), (0, 0, 1, 0), "epoch 0 ended at 1 here");
    assert_eq!(ask(99, epoch), (0, epoch, 2, 0), "this epoch ends at 2 so far");
    assert_eq!(ask(1, epoch + 5).0, 1, "an epoch nobody has heard of has no end");
}

#[test]
fn a_consumer_waiting_at_an_old_leader_is_told_that_the_epoch_is_over() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    let part = fetch_partition(0, 0).with_current_leader_epoch(0);
    h.send(
        conn,
        FETCH,
        &fetch_all("orders", vec![part])
            .with_max_wait_ms(100_000)
            .with_min_bytes(1),
    );
    h.inject(Fault::IsolateFromController(Role::broker(old)));
    h.wait(Duration::from_secs(20), "another leader", |h| {
        h.leader("orders", 0) != old
    });
    assert_eq!(h.arrived(conn), None);
    h.heal_all();
    let (_, response) = h.await_answer::<FetchRequest>(conn, FETCH);
    assert_eq!(response.responses[0].partitions[0].error_code, 74);
}
