//! Consumers that read from followers (KIP-392).

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::FetchRequest;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::ConnId;
use kafka_sim_tests::requests::{FETCH, fetch};
use kafka_sim_tests::{Harness, batch, values};

const SELECTOR: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// Three brokers in three racks with one record, and a connection to the leader.
fn in_racks(selector: Option<&str>) -> (Harness, ConnId, i32) {
    let topic = Topic::named("orders").replicas(3);
    let racks = ["r0", "r1", "r2"].map(Arc::from).to_vec();
    let mut config = ClusterConfig {
        topics: vec![topic],
        racks,
        ..ClusterConfig::simulated(3)
    };
    if let Some(class) = selector {
        config
            .broker_config
            .set("replica.selector.class", class)
            .expect("it is one of Kafka's keys");
    }
    let mut h = Harness::new(config);
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, -1, batch("a"));
    h.pass(Duration::from_secs(2));
    (h, conn, leader)
}

fn from_rack(rack: &str) -> FetchRequest {
    fetch("orders", 0, 0).with_rack_id(StrBytes::from_string(rack.to_owned()))
}

#[test]
fn any_replica_serves_consumers_from_version_11_on() {
    let (mut h, _, _) = in_racks(None);
    let follower = h.followers("orders", 0)[0];
    let conn = h.connect(follower);
    for version in 4..=FETCH {
        let response = h.ask(conn, version, &fetch("orders", 0, 0));
        let part = &response.responses[0].partitions[0];
        assert_eq!(part.error_code, if version >= 11 { 0 } else { 6 }, "v{version}");
        assert_eq!(values(part.records.as_ref()).len(), usize::from(version >= 11));
    }
}

#[test]
fn a_follower_serves_up_to_its_own_high_watermark() {
    let (mut h, conn, leader) = in_racks(None);
    let follower = h.followers("orders", 0)[0];
    let at_follower = h.connect(follower);
    h.produce(conn, "orders", 0, -1, batch("b"));
    assert_eq!(h.replica("orders", 0, leader).high_watermark, 2);
    let own = h.replica("orders", 0, follower).high_watermark;
    assert_eq!(own, 1, "it hears of the new high watermark with its next fetch");
    assert_eq!(h.read(at_follower, "orders", 0, 0).len(), 1);
    h.pass(Duration::from_secs(1));
    assert_eq!(h.read(at_follower, "orders", 0, 0).len(), 2);
}

#[test]
fn a_consumer_in_a_followers_rack_is_sent_there_at_once() {
    let (mut h, conn, leader) = in_racks(Some(SELECTOR));
    for broker in 0..3 {
        let request = from_rack(&format!("r{broker}"))
            .with_max_wait_ms(10_000)
            .with_min_bytes(1 << 20);
        let before = h.now();
        let response = h.ask(conn, FETCH, &request);
        let part = &response.responses[0].partitions[0];
        if broker == leader {
            assert_eq!(part.preferred_read_replica.0, -1);
        } else {
            assert_eq!(
                (
                    part.error_code,
                    part.preferred_read_replica.0,
                    values(part.records.as_ref()).len()
                ),
                (0, broker, 0)
            );
            assert!(h.now() - before < Duration::from_millis(50));
        }
    }
}

#[test]
fn without_the_selector_or_a_rack_of_ours_the_leader_serves() {
    let (mut h, conn, _) = in_racks(None);
    for broker in 0..3 {
        let response = h.ask(conn, FETCH, &from_rack(&format!("r{broker}")));
        assert_eq!(response.responses[0].partitions[0].preferred_read_replica.0, -1);
    }
    let (mut h, conn, _) = in_racks(Some(SELECTOR));
    for rack in ["", "elsewhere"] {
        let response = h.ask(conn, FETCH, &from_rack(rack));
        assert_eq!(response.responses[0].partitions[0].preferred_read_replica.0, -1);
        assert_eq!(values(response.responses[0].partitions[0].records.as_ref()).len(), 1);
    }
}

#[test]
fn a_follower_that_left_the_isr_is_not_preferred() {
    let (mut h, conn, leader) = in_racks(Some(SELECTOR));
    let follower = h.followers("orders", 0)[0];
    h.inject(Fault::Kill(Role::broker(follower)));
    h.wait(Duration::from_secs(20), "the ISR without it", |h| {
        !h.isr("orders", 0).contains(&follower)
    });
    h.pass(Duration::from_secs(1));
    let response = h.ask(conn, FETCH, &from_rack(&format!("r{follower}")));
    assert_eq!(
        response.responses[0].partitions[0].preferred_read_replica.0, -1,
        "leader {leader} serves itself"
    );
}

#[test]
fn a_broker_without_a_replica_does_not_serve() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let leader = h.leader("orders", 0);
    let conn = h.connect((leader + 1) % 3);
    assert_eq!(h.fetch(conn, "orders", 0, 0).error_code, 6);
}
