//! Connections and metadata, seen through the producer.

use kafka_sim_core::SimTime;

use super::*;

fn plain() -> Rig<Producer> {
    started(&[("enable.idempotence", "false"), ("linger.ms", "0")])
}

#[test]
fn every_version_of_every_request_can_be_spoken() {
    let spoken = [
        (ApiKey::Produce, 3, 13),
        (ApiKey::Metadata, 0, 13),
        (ApiKey::InitProducerId, 0, 5),
    ];
    for (api, oldest, newest) in spoken {
        for version in oldest..=newest {
            let mut rig = rig(&[("linger.ms", "0")]);
            rig.cluster.versions.insert(api as i16, (0, version));
            rig.send(record(1));
            rig.run_millis(300);
            let request = rig.next();
            rig.ack(&request, 4);
            assert_eq!(rig.fates(), [(1, 4)], "{api:?} v{version}");
            assert!(
                rig.seen.iter().any(|seen| (seen.1, seen.2) == (api, version)),
                "{api:?} v{version}"
            );
        }
    }
    for version in 0..=4 {
        let mut rig = rig(&[("linger.ms", "0")]);
        rig.cluster.api_versions_max = version;
        rig.send(record(1));
        rig.run_millis(300);
        assert_eq!(rig.requests.len(), 1, "ApiVersions v{version}");
    }
}

#[test]
fn a_broker_that_refuses_connections_is_tried_with_growing_pauses() {
    let mut rig = plain();
    rig.cluster.unreachable = vec![9092];
    rig.send(ProducerRecord::new("wide", 1).partition(1));
    rig.run_millis(10_000);
    let times: Vec<SimTime> = rig
        .connects
        .iter()
        .filter(|connect| connect.1 == 9092)
        .map(|connect| connect.0)
        .collect();
    let pauses: Vec<u128> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!(
        (40..=60).contains(&pauses[0]) && (80..=120).contains(&pauses[1]),
        "{pauses:?}"
    );
    assert!(
        pauses[6..].iter().all(|pause| (800..=1000).contains(pause)),
        "{pauses:?}"
    );
}

#[test]
fn a_connection_that_never_opens_is_given_up_after_the_setup_timeout() {
    let config = ProducerConfig::java();
    let mut producer = Producer::new(config, vec![("bootstrap".into(), 9091)], Seed(1), 0).expect("valid");
    let mut out = Vec::new();
    producer.advance(SimTime::ZERO, &mut out);
    assert!(matches!(out[..], [ClientOutput::Connect { conn: 1, .. }]));
    let due = producer.next_due().expect("a deadline");
    assert!(
        (8_000..=12_001).contains(&due.as_millis()),
        "{due}: 10 s, a fifth more or less"
    );
    out.clear();
    producer.advance(due, &mut out);
    assert_eq!(out[0], ClientOutput::Disconnect { conn: 1 });
}

#[test]
fn an_idle_connection_is_closed() {
    let mut rig = started(&[("connections.max.idle.ms", "30000"), ("metadata.max.age.ms", "600000")]);
    rig.run_millis(29_900);
    assert!(rig.disconnects.is_empty());
    rig.run_millis(200);
    assert!(
        rig.disconnects.contains(&1),
        "the bootstrap connection has had no use since the start"
    );
}

#[test]
fn metadata_is_refreshed_when_it_is_old() {
    let mut rig = plain();
    let count = |rig: &Rig<Producer>| rig.seen.iter().filter(|seen| seen.1 == ApiKey::Metadata).count();
    let before = count(&rig);
    rig.run_millis(299_000);
    assert_eq!(count(&rig), before);
    rig.run_millis(2_000);
    assert_eq!(count(&rig), before + 1);
}

#[test]
fn when_no_known_broker_is_left_the_bootstrap_list_is_used_again() {
    let mut rig = plain();
    rig.cluster.topics.insert("orders".to_owned(), vec![(7, 5)]);
    rig.cluster.brokers = vec![7];
    rig.run_millis(301_000);
    // The only broker of the newest metadata goes away; the one in the bootstrap list has moved on.
    rig.cluster.brokers = vec![2];
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 6)]);
    rig.cluster.unreachable = vec![9097];
    rig.send(record(1));
    rig.run_millis(5_000);
    let request = rig.next();
    assert_eq!(request.port, 9092);
}

#[test]
fn without_rebootstrap_a_lost_cluster_stays_lost() {
    let mut rig = started(&[("metadata.recovery.strategy", "none"), ("linger.ms", "0")]);
    rig.cluster.topics.insert("orders".to_owned(), vec![(7, 5)]);
    rig.cluster.brokers = vec![7];
    rig.cluster.unreachable = vec![9097];
    rig.run_millis(301_000);
    for conn in 0..10 {
        rig.reset(conn);
    }
    rig.send(record(1));
    rig.run_millis(5_000);
    assert!(rig.requests.is_empty());
}

#[test]
fn a_throttled_producer_keeps_quiet_for_that_long() {
    let mut rig = plain();
    rig.send_tokens([1]);
    let first = rig.next();
    let response = response_to(&first, |_| PartitionProduceResponse::default()).with_throttle_time_ms(700);
    rig.answer(&first, &response);
    rig.send_tokens([2]);
    rig.run_millis(699);
    assert!(rig.requests.is_empty());
    rig.run_millis(1);
    assert_eq!(rig.requests.len(), 1);
}

#[test]
fn older_metadata_does_not_bring_an_old_leader_back() {
    let mut rig = plain();
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 8)]);
    rig.run_millis(301_000);
    rig.cluster.topics.insert("orders".to_owned(), vec![(1, 7)]);
    rig.run_millis(301_000);
    rig.send(record(1));
    rig.run_millis(100);
    assert_eq!(rig.next().port, 9092);
}
