//! What consumers see of a compacted topic, and which setting does what.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::ConnId;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, split_batches};
use kafka_sim_tests::Harness;
use kafka_sim_tests::requests::topic_name;

const EPOCH_MS: i64 = 1_700_000_000_000;

/// One broker that looks for dirty logs every 100 ms, and a topic of small segments that is cleaned once it is dirty.
fn cluster(settings: &[(&str, &str)], broker: &[(&str, &str)]) -> (Harness, ConnId) {
    let mut topic = Topic::named("orders")
        .config("cleanup.policy", "compact")
        .config("segment.bytes", "200")
        .config("min.cleanable.dirty.ratio", "0.01");
    for (key, value) in settings {
        topic = topic.config(*key, *value);
    }
    let mut config = ClusterConfig {
        topics: vec![topic],
        ..ClusterConfig::simulated(1)
    };
    for (key, value) in [("log.cleaner.backoff.ms", "100")].iter().chain(broker) {
        config.broker_config.set(key, value).expect("the key exists");
    }
    let mut h = Harness::new(config);
    let conn = h.connect(0);
    (h, conn)
}

/// Appends a record at the broker's time and returns its offset.
fn put(h: &mut Harness, conn: ConnId, key: &str, value: Option<&str>) -> i64 {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    let now_ms = EPOCH_MS + i64::try_from(h.now().as_nanos() / 1_000_000).expect("runs are short");
    builder.append(now_ms, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    let records = builder.build().expect("nothing is compressed");
    let answer = h.produce(conn, "orders", 0, 1, records);
    assert_eq!(answer.error_code, 0);
    answer.base_offset
}

type Found = Vec<(i64, String, Option<String>)>;

/// Everything from an offset on, fetched as a consumer does.
fn read(h: &mut Harness, conn: ConnId, mut offset: i64) -> Found {
    let mut found = Vec::new();
    loop {
        let fetched = h.fetch(conn, "orders", 0, offset);
        assert_eq!(fetched.error_code, 0);
        let bytes = fetched.records.unwrap_or_default();
        let batches: Vec<_> = split_batches(&bytes).map(|b| b.expect("whole batches")).collect();
        let Some(last) = batches.last() else { return found };
        assert!(last.header.next_offset() > offset, "a fetch gets ahead");
        for record in batches.iter().flat_map(|b| b.records(1 << 20).expect("intact")) {
            let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("text");
            found.push((
                record.offset,
                record.key.map(text).expect("a key"),
                record.value.map(text),
            ));
        }
        offset = last.header.next_offset();
    }
}

fn offsets(found: &Found) -> Vec<i64> {
    found.iter().map(|(offset, ..)| *offset).collect()
}

/// Key "a" eight times between keys that are written once, 20 records in all. The active segment has others.
fn write_a_story(h: &mut Harness, conn: ConnId) {
    for n in 0..8 {
        put(h, conn, "a", Some(&n.to_string()));
        put(h, conn, &format!("once-{n}"), Some("x"));
    }
    for n in 0..4 {
        put(h, conn, &format!("end-{n}"), Some("x"));
    }
}

#[test]
fn a_consumer_reads_on_through_the_gaps_that_compaction_leaves() {
    let (mut h, conn) = cluster(&[], &[]);
    write_a_story(&mut h, conn);
    h.pass(Duration::from_secs(5));
    let found = read(&mut h, conn, 0);
    let of_a: Vec<i64> = found
        .iter()
        .filter(|(_, key, _)| key == "a")
        .map(|(at, ..)| *at)
        .collect();
    assert_eq!(of_a, [14], "the others were replaced");
    assert_eq!(found.len(), 13);
    for from in 0..20 {
        let rest = read(&mut h, conn, from);
        let expected: Vec<i64> = offsets(&found).into_iter().filter(|at| *at >= from).collect();
        assert_eq!(offsets(&rest), expected, "from {from}");
    }
    assert_eq!(
        h.replica("orders", 0, 0).log_start,
        0,
        "compaction does not move the start"
    );
}

#[test]
fn neither_a_topic_that_is_not_compacted_nor_a_broker_without_cleaner_drops_anything() {
    for (settings, broker) in [
        (&[("cleanup.policy", "delete")], &[][..]),
        (&[("cleanup.policy", "")], &[]),
        (&[("cleanup.policy", "compact")], &[("log.cleaner.enable", "false")]),
        (&[("cleanup.policy", "compact")], &[("log.cleaner.threads", "0")]),
        (&[("min.cleanable.dirty.ratio", "1")], &[]),
        (&[("segment.bytes", "1000000")], &[]),
    ] {
        let (mut h, conn) = cluster(settings, broker);
        write_a_story(&mut h, conn);
        h.pass(Duration::from_secs(5));
        assert_eq!(read(&mut h, conn, 0).len(), 20, "{settings:?} {broker:?}");
    }
}

#[test]
fn a_consumer_slower_than_delete_retention_never_hears_of_a_deletion() {
    let (mut h, conn) = cluster(&[("delete.retention.ms", "60000")], &[]);
    put(&mut h, conn, "a", Some("1"));
    let gone = put(&mut h, conn, "a", None);
    for n in 0..4 {
        put(&mut h, conn, &format!("once-{n}"), Some("x"));
    }
    h.pass(Duration::from_secs(30));
    let found = read(&mut h, conn, 0);
    assert_eq!(
        found[0],
        (gone, "a".to_owned(), None),
        "a fast consumer sees the tombstone"
    );
    h.pass(Duration::from_secs(31));
    for n in 4..8 {
        put(&mut h, conn, &format!("once-{n}"), Some("x"));
    }
    h.pass(Duration::from_secs(5));
    let found = read(&mut h, conn, 0);
    assert!(
        found.iter().all(|(_, key, _)| key != "a"),
        "a slow one does not: {found:?}"
    );
}

#[test]
fn min_compaction_lag_gives_a_consumer_the_time_to_see_every_value() {
    for (lag, seen) in [("3600000", 8), ("0", 1)] {
        let (mut h, conn) = cluster(&[("min.compaction.lag.ms", lag)], &[]);
        write_a_story(&mut h, conn);
        h.pass(Duration::from_secs(60));
        let of_a = read(&mut h, conn, 0).iter().filter(|(_, key, _)| key == "a").count();
        assert_eq!(of_a, seen, "min.compaction.lag.ms={lag}");
    }
}

#[test]
fn max_compaction_lag_cleans_what_the_ratio_would_leave() {
    let quiet = ("min.cleanable.dirty.ratio", "1");
    for (settings, of_a) in [(&[quiet, ("max.compaction.lag.ms", "10000")][..], 1), (&[quiet], 8)] {
        let (mut h, conn) = cluster(settings, &[]);
        write_a_story(&mut h, conn);
        h.pass(Duration::from_secs(20));
        let found = read(&mut h, conn, 0);
        assert_eq!(found.iter().filter(|(_, key, _)| key == "a").count(), of_a);
    }
}

#[test]
fn compact_and_delete_together_also_drop_old_segments() {
    for (policy, left) in [("compact,delete", false), ("compact", true)] {
        let (mut h, conn) = cluster(&[("cleanup.policy", policy), ("retention.ms", "30000")], &[]);
        write_a_story(&mut h, conn);
        h.pass(Duration::from_secs(40));
        let start = h.replica("orders", 0, 0).log_start;
        let found = read(&mut h, conn, start);
        assert_eq!(found.iter().any(|(_, key, _)| key == "once-0"), left, "{policy}");
    }
}

#[test]
fn without_any_policy_records_stay_until_a_client_deletes_them() {
    let (mut h, conn) = cluster(&[("cleanup.policy", ""), ("retention.ms", "1000")], &[]);
    write_a_story(&mut h, conn);
    h.pass(Duration::from_secs(700));
    let conn = h.connect(0);
    assert_eq!(read(&mut h, conn, 0).len(), 20);
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(0)
        .with_offset(10);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name("orders"))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(5_000);
    assert_eq!(h.ask(conn, 2, &request).topics[0].partitions[0].error_code, 0);
    assert_eq!(read(&mut h, conn, 10).len(), 10);
}

#[test]
fn a_policy_that_changes_to_compact_takes_hold_of_what_is_there() {
    use kafka_protocol::messages::IncrementalAlterConfigsRequest;
    use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    use kafka_protocol::protocol::StrBytes;
    let (mut h, conn) = cluster(&[("cleanup.policy", "delete")], &[]);
    write_a_story(&mut h, conn);
    let change = AlterableConfig::default()
        .with_name(StrBytes::from_static_str("cleanup.policy"))
        .with_value(Some(StrBytes::from_static_str("compact")));
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(StrBytes::from_static_str("orders"))
        .with_configs(vec![change]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    assert_eq!(h.ask(conn, 1, &request).responses[0].error_code, 0);
    h.pass(Duration::from_secs(5));
    assert_eq!(read(&mut h, conn, 0).len(), 13);
}
