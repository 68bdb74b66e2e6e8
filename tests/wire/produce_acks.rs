//! acks=all: what the answer waits for, and what its errors do not undo.

use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_tests::requests::{PRODUCE, produce};
use kafka_sim_tests::{Harness, batch};

fn orders(min_isr: &str) -> Harness {
    Harness::with_topic(
        Topic::named("orders")
            .replicas(3)
            .config("min.insync.replicas", min_isr),
    )
}

/// Cuts the leader off from its followers. The controller hears all of them.
fn cut_followers_off(h: &mut Harness) {
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let b = followers.into_iter().map(|id| Peer::from(Role::broker(id))).collect();
    h.inject(Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b,
    });
}

#[test]
fn acks_all_waits_until_every_in_sync_replica_has_the_record() {
    let mut h = orders("1");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for follower in h.followers("orders", 0) {
        h.inject(Fault::Hold {
            from: Role::broker(leader).into(),
            to: Role::broker(follower).into(),
        });
    }
    h.send(conn, PRODUCE, &produce("orders", 0, -1, batch("a")));
    h.pass(Duration::from_secs(20));
    assert_eq!(h.arrived(conn), None);
    assert_eq!(h.replica("orders", 0, leader).log_end, 1);
    h.heal_all();
    let (_, response) = h.await_answer::<ProduceRequest>(conn, PRODUCE);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    assert!(
        h.followers("orders", 0)
            .into_iter()
            .all(|id| h.replica("orders", 0, id).log_end == 1)
    );
}

#[test]
fn acks_one_does_not_wait_and_its_record_is_invisible_until_replicated() {
    let mut h = orders("1");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    cut_followers_off(&mut h);
    assert_eq!(h.produce(conn, "orders", 0, 1, batch("a")).base_offset, 0);
    let fetched = h.fetch(conn, "orders", 0, 0);
    assert_eq!(
        (
            fetched.error_code,
            fetched.high_watermark,
            fetched.records.unwrap_or_default().len()
        ),
        (0, 0, 0)
    );
    h.converge();
    assert_eq!(h.read(conn, "orders", 0, 0), [(0, "a".to_owned())]);
}

#[test]
fn a_timeout_undoes_nothing() {
    let mut h = orders("1");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    cut_followers_off(&mut h);
    let before = h.now();
    let response = h.ask(
        conn,
        PRODUCE,
        &produce("orders", 0, -1, batch("a")).with_timeout_ms(3_000),
    );
    assert_eq!(response.responses[0].partition_responses[0].error_code, 7);
    assert!((h.now() - before) < Duration::from_millis(3_100));
    h.converge();
    assert_eq!(
        h.read(conn, "orders", 0, 0),
        [(0, "a".to_owned())],
        "the record is there all the same"
    );
}

#[test]
fn below_min_insync_replicas_acks_all_is_refused_before_it_is_written() {
    let mut h = orders("2");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for follower in h.followers("orders", 0) {
        h.inject(Fault::Kill(Role::broker(follower)));
    }
    h.wait(Duration::from_secs(30), "the followers to leave the ISR", |h| {
        h.isr("orders", 0) == [leader]
    });
    h.pass(Duration::from_secs(1));
    assert_eq!(h.produce(conn, "orders", 0, -1, batch("a")).error_code, 19);
    assert_eq!(h.replica("orders", 0, leader).log_end, 0);
}

#[test]
fn below_min_insync_replicas_acks_one_is_written_but_never_visible() {
    let mut h = orders("2");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for follower in h.followers("orders", 0) {
        h.inject(Fault::Kill(Role::broker(follower)));
    }
    h.wait(Duration::from_secs(30), "the followers to leave the ISR", |h| {
        h.isr("orders", 0) == [leader]
    });
    assert_eq!(h.produce(conn, "orders", 0, 1, batch("a")).error_code, 0);
    h.pass(Duration::from_secs(60));
    assert_eq!(h.read(conn, "orders", 0, 0), []);
    h.converge();
    assert_eq!(h.read(conn, "orders", 0, 0), [(0, "a".to_owned())]);
}

#[test]
fn with_min_insync_replicas_of_one_the_leader_alone_is_enough() {
    let mut h = orders("1");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for follower in h.followers("orders", 0) {
        h.inject(Fault::Kill(Role::broker(follower)));
    }
    h.wait(Duration::from_secs(30), "the followers to leave the ISR", |h| {
        h.isr("orders", 0) == [leader]
    });
    assert_eq!(h.produce(conn, "orders", 0, -1, batch("a")).error_code, 0);
    assert_eq!(h.read(conn, "orders", 0, 0), [(0, "a".to_owned())]);
}

#[test]
fn an_append_whose_followers_leave_times_out_while_min_insync_replicas_is_missed() {
    let mut h = orders("2");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    cut_followers_off(&mut h);
    let response = h.ask(
        conn,
        PRODUCE,
        &produce("orders", 0, -1, batch("a")).with_timeout_ms(60_000),
    );
    assert_eq!(h.isr("orders", 0), [leader], "both followers left meanwhile");
    assert_eq!(
        response.responses[0].partition_responses[0].error_code, 7,
        "the high watermark stood still"
    );
}

#[test]
fn a_demoted_leader_answers_what_waits_with_6() {
    let mut h = orders("1");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    cut_followers_off(&mut h);
    h.send(
        conn,
        PRODUCE,
        &produce("orders", 0, -1, batch("a")).with_timeout_ms(120_000),
    );
    h.inject(Fault::IsolateFromController(Role::broker(leader)));
    h.wait(Duration::from_secs(20), "another leader", |h| {
        h.leader("orders", 0) != leader
    });
    assert_eq!(h.arrived(conn), None, "the old leader does not know yet");
    h.heal_all();
    let (_, response) = h.await_answer::<ProduceRequest>(conn, PRODUCE);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 6);
}

#[test]
fn the_slowest_partition_holds_back_the_whole_request() {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(12).replicas(2));
    let leader = h.leader("orders", 0);
    let led: Vec<i32> = (0..12).filter(|p| h.leader("orders", *p) == leader).collect();
    let away = h.followers("orders", 0)[0];
    let quick = led.into_iter().find(|p| h.followers("orders", *p)[0] != away);
    let (slow, quick) = (0, quick.expect("placement spreads followers over brokers"));
    h.inject(Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b: vec![Role::broker(away).into()],
    });
    let conn = h.connect(leader);
    let mut request = produce("orders", slow, -1, batch("a")).with_timeout_ms(2_000);
    let more = produce("orders", quick, -1, batch("b")).topic_data[0]
        .partition_data
        .clone();
    request.topic_data[0].partition_data.extend(more);
    let before = h.now();
    let response = h.ask(conn, PRODUCE, &request);
    let codes: Vec<i16> = response.responses[0]
        .partition_responses
        .iter()
        .map(|p| p.error_code)
        .collect();
    assert_eq!(codes, [7, 0]);
    assert!(h.now() - before >= Duration::from_secs(2));
}
