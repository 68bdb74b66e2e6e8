//! Incremental fetch sessions (KIP-227).

use kafka_protocol::messages::fetch_request::{FetchPartition, ForgottenTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::ConnId;
use kafka_sim_tests::requests::{FETCH, fetch_all, fetch_partition, topic_name};
use kafka_sim_tests::{Harness, batch, values};

fn session(id: i32, epoch: i32, partitions: Vec<FetchPartition>) -> FetchRequest {
    let mut request = fetch_all("orders", partitions)
        .with_session_id(id)
        .with_session_epoch(epoch);
    request.topics.retain(|topic| !topic.partitions.is_empty());
    request
}

const NOTHING: [i32; 0] = [];

fn mentioned(response: &FetchResponse) -> Vec<i32> {
    response
        .responses
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|p| p.partition_index))
        .collect()
}

/// Four partitions on one broker and an open session over all of them.
fn opened() -> (Harness, ConnId, i32) {
    let topic = Topic::named("orders").partitions(4);
    let mut h = Harness::new(ClusterConfig {
        topics: vec![topic],
        ..ClusterConfig::simulated(1)
    });
    let conn = h.connect(0);
    let response = h.ask(
        conn,
        FETCH,
        &session(0, 0, (0..4).map(|p| fetch_partition(p, 0)).collect()),
    );
    assert_eq!((response.error_code, mentioned(&response)), (0, vec![0, 1, 2, 3]));
    assert!(response.session_id > 0);
    (h, conn, response.session_id)
}

#[test]
fn only_partitions_with_news_are_mentioned() {
    let (mut h, conn, id) = opened();
    let response = h.ask(conn, FETCH, &session(id, 1, vec![]));
    assert_eq!(
        (response.error_code, response.session_id, mentioned(&response)),
        (0, id, vec![])
    );
    h.produce(conn, "orders", 2, 1, batch("a"));
    let response = h.ask(conn, FETCH, &session(id, 2, vec![]));
    assert_eq!(mentioned(&response), [2]);
    assert_eq!(
        values(response.responses[0].partitions[0].records.as_ref()),
        [(0, "a".to_owned())]
    );
    let response = h.ask(conn, FETCH, &session(id, 3, vec![fetch_partition(2, 1)]));
    assert_eq!(mentioned(&response), NOTHING, "nothing new after the record");
}

#[test]
fn a_partition_that_is_listed_again_is_updated_and_a_new_one_is_added() {
    let (mut h, conn, _) = opened();
    let response = h.ask(conn, FETCH, &session(0, 0, vec![fetch_partition(0, 0)]));
    let id = response.session_id;
    h.produce(conn, "orders", 1, 1, batch("a"));
    assert_eq!(mentioned(&h.ask(conn, FETCH, &session(id, 1, vec![]))), NOTHING);
    assert_eq!(
        mentioned(&h.ask(conn, FETCH, &session(id, 2, vec![fetch_partition(1, 0)]))),
        [1]
    );
    assert_eq!(
        mentioned(&h.ask(conn, FETCH, &session(id, 3, vec![fetch_partition(1, 1)]))),
        NOTHING
    );
}

#[test]
fn a_forgotten_partition_is_never_mentioned_again() {
    let (mut h, conn, id) = opened();
    let forgotten = ForgottenTopic::default()
        .with_topic(topic_name("orders"))
        .with_partitions(vec![1, 2]);
    let request = session(id, 1, vec![]).with_forgotten_topics_data(vec![forgotten]);
    assert_eq!(h.ask(conn, FETCH, &request).error_code, 0);
    for partition in 0..4 {
        h.produce(conn, "orders", partition, 1, batch("a"));
    }
    assert_eq!(mentioned(&h.ask(conn, FETCH, &session(id, 2, vec![]))), [0, 3]);
}

#[test]
fn a_session_that_forgets_everything_is_over() {
    let (mut h, conn, id) = opened();
    let forgotten = ForgottenTopic::default()
        .with_topic(topic_name("orders"))
        .with_partitions(vec![0, 1, 2, 3]);
    let response = h.ask(
        conn,
        FETCH,
        &session(id, 1, vec![]).with_forgotten_topics_data(vec![forgotten]),
    );
    assert_eq!((response.error_code, response.session_id), (0, 0));
    assert_eq!(h.ask(conn, FETCH, &session(id, 2, vec![])).error_code, 70);
}

#[test]
fn a_wrong_epoch_is_71_and_an_unknown_session_70() {
    let (mut h, conn, id) = opened();
    for epoch in [2, 5, i32::MAX] {
        let response = h.ask(conn, FETCH, &session(id, epoch, vec![]));
        assert_eq!((response.error_code, mentioned(&response)), (71, vec![]));
    }
    assert_eq!(
        h.ask(conn, FETCH, &session(id, 1, vec![])).error_code,
        0,
        "a wrong epoch changes nothing"
    );
    assert_eq!(
        h.ask(conn, FETCH, &session(id, 1, vec![])).error_code,
        71,
        "each epoch is used once"
    );
    assert_eq!(
        h.ask(conn, FETCH, &session(id.wrapping_add(1).max(1), 1, vec![]))
            .error_code,
        70
    );
}

#[test]
fn epoch_minus_one_and_zero_close_the_session() {
    let (mut h, conn, id) = opened();
    let response = h.ask(conn, FETCH, &session(id, -1, vec![fetch_partition(0, 0)]));
    assert_eq!(
        (response.error_code, response.session_id, mentioned(&response)),
        (0, 0, vec![0])
    );
    assert_eq!(h.ask(conn, FETCH, &session(id, 1, vec![])).error_code, 70);
    let (mut h, conn, id) = opened();
    let response = h.ask(conn, FETCH, &session(id, 0, vec![fetch_partition(0, 0)]));
    assert!(response.session_id != id && response.session_id > 0);
    assert_eq!(h.ask(conn, FETCH, &session(id, 1, vec![])).error_code, 70);
}

#[test]
fn a_session_survives_its_connection_but_not_its_broker() {
    let (mut h, conn, id) = opened();
    h.hang_up(conn);
    let conn = h.connect(0);
    assert_eq!(h.ask(conn, FETCH, &session(id, 1, vec![])).error_code, 0);
    h.inject(Fault::Kill(Role::broker(0)));
    h.converge();
    let conn = h.connect(0);
    assert_eq!(h.ask(conn, FETCH, &session(id, 2, vec![])).error_code, 70);
}

#[test]
fn names_and_ids_do_not_mix_in_a_session() {
    let (mut h, conn, id) = opened();
    let request = FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_session_id(id)
        .with_session_epoch(1);
    assert_eq!(h.ask(conn, 13, &request).error_code, 106);
    assert_eq!(h.ask(conn, FETCH, &session(id, 1, vec![])).error_code, 0);
}

#[test]
fn an_error_is_mentioned_each_time_and_so_is_the_recovery() {
    let (mut h, conn, id) = opened();
    assert_eq!(
        mentioned(&h.ask(conn, FETCH, &session(id, 1, vec![fetch_partition(3, 50)]))),
        [3]
    );
    let response = h.ask(conn, FETCH, &session(id, 2, vec![]));
    assert_eq!(
        (mentioned(&response), response.responses[0].partitions[0].error_code),
        (vec![3], 1)
    );
    let response = h.ask(conn, FETCH, &session(id, 3, vec![fetch_partition(3, 0)]));
    assert_eq!(
        (mentioned(&response), response.responses[0].partitions[0].error_code),
        (vec![3], 0)
    );
    assert_eq!(mentioned(&h.ask(conn, FETCH, &session(id, 4, vec![]))), NOTHING);
}

#[test]
fn partitions_with_data_go_to_the_end_of_the_queue() {
    let (mut h, conn, id) = opened();
    for partition in 0..4 {
        h.produce(conn, "orders", partition, 1, batch("a"));
    }
    let mut order = Vec::new();
    for epoch in 1..=4 {
        let response = h.ask(conn, FETCH, &session(id, epoch, vec![]).with_max_bytes(1));
        let with_data = |p: &&kafka_protocol::messages::fetch_response::PartitionData| {
            p.records.as_ref().is_some_and(|r| !r.is_empty())
        };
        order.extend(
            response.responses[0]
                .partitions
                .iter()
                .filter(with_data)
                .map(|p| p.partition_index),
        );
    }
    assert_eq!(order, [0, 1, 2, 3], "nobody starves");
}

#[test]
fn who_claims_to_be_a_follower_reads_nothing_in_a_session_either() {
    let (mut h, conn, _) = opened();
    h.produce(conn, "orders", 0, 1, batch("a"));
    let follower = |request: FetchRequest| request.with_replica_id(BrokerId(1));
    let response = h.ask(conn, FETCH, &follower(session(0, 0, vec![fetch_partition(0, 0)])));
    assert_eq!(response.responses[0].partitions[0].error_code, 6);
    let id = response.session_id;
    let response = h.ask(conn, FETCH, &follower(session(id, 1, vec![])));
    assert_eq!(response.responses[0].partitions[0].error_code, 6);
}
