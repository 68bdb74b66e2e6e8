//! Sends that have to wait.

use super::*;

/// Memory for two batches of 200 bytes.
const TWO_BATCHES: [(&str, &str); 4] = [
    ("batch.size", "200"),
    ("buffer.memory", "400"),
    ("max.block.ms", "1000"),
    ("linger.ms", "0"),
];

fn big(token: u64) -> ProducerRecord {
    ProducerRecord::new("orders", token).partition(0).value(vec![0; 110])
}

#[test]
fn a_full_buffer_blocks_until_memory_is_free() {
    let mut rig = started(&TWO_BATCHES);
    for token in 0..3 {
        rig.send(big(token));
    }
    assert_eq!(rig.requests.len(), 2, "the third record found no memory");
    rig.run_millis(900);
    assert!(rig.outcomes.is_empty());
    let first = rig.next();
    rig.ack(&first, 0);
    assert_eq!(rig.fates(), [(0, 0)]);
    assert_eq!(rig.requests.len(), 2, "the third record took its place");
}

#[test]
fn a_full_buffer_ends_in_a_time_out_and_nothing_is_lost_silently() {
    let mut rig = started(&TWO_BATCHES);
    for token in 0..4 {
        rig.send(big(token));
    }
    rig.run_millis(999);
    assert!(rig.outcomes.is_empty());
    rig.run_millis(1);
    assert_eq!(rig.outcomes.len(), 2);
    for outcome in &rig.outcomes {
        let expected = SendError::BufferExhausted(Duration::from_secs(1));
        assert!(matches!(&outcome.result, SendResult::Refused { error, .. } if *error == expected));
    }
    assert_eq!(rig.fates(), [(2, -9), (3, -9)]);
}

#[test]
fn waiting_sends_keep_their_order() {
    let mut rig = started(&TWO_BATCHES);
    for token in 0..5 {
        rig.send(big(token));
    }
    let mut offset = 0;
    while !rig.requests.is_empty() {
        let request = rig.next();
        rig.ack(&request, offset);
        offset += 1;
    }
    assert_eq!(rig.fates(), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
}

#[test]
fn exhausted_memory_sends_batches_that_linger() {
    let mut rig = started(&[("batch.size", "200"), ("buffer.memory", "400"), ("linger.ms", "5000")]);
    for partition in [0, 1, 2] {
        rig.send(ProducerRecord::new("wide", 0).partition(partition));
    }
    assert_eq!(rig.requests.len(), 2);
}

#[test]
fn a_record_above_buffer_memory_is_refused_at_once() {
    let mut rig = started(&[("batch.size", "200"), ("buffer.memory", "400")]);
    rig.send(ProducerRecord::new("orders", 1).value(vec![0; 400]));
    assert_eq!(rig.fates(), [(1, -9)]);
}

#[test]
fn an_unknown_topic_blocks_until_it_appears() {
    let mut rig = started(&[("linger.ms", "0")]);
    rig.send(ProducerRecord::new("new", 1));
    rig.run_millis(500);
    assert!(rig.outcomes.is_empty());
    rig.cluster.topics.insert("new".to_owned(), vec![(1, 0)]);
    rig.run_millis(1300);
    assert_eq!(rig.requests.len(), 1);
}

#[test]
fn an_unknown_topic_is_asked_for_with_growing_pauses_and_then_refused() {
    let mut rig = started(&[("max.block.ms", "10000")]);
    let before = rig.seen.len();
    rig.send(ProducerRecord::new("missing", 1));
    rig.run_millis(10_000);
    let expected = SendError::MetadataTimeout(Duration::from_secs(10));
    assert_eq!(
        rig.outcomes[0].result,
        SendResult::Refused {
            partition: None,
            error: expected
        }
    );
    let asked = rig.seen.len() - before;
    assert!((10..=18).contains(&asked), "{asked} requests");
}

#[test]
fn a_partition_the_topic_does_not_have_is_refused_after_max_block() {
    let mut rig = started(&[("max.block.ms", "500")]);
    rig.send(ProducerRecord::new("orders", 1).partition(9));
    rig.run_millis(500);
    assert_eq!(rig.fates(), [(1, -9)]);
}

#[test]
fn a_dead_cluster_refuses_after_max_block() {
    let mut rig = rig(&[("max.block.ms", "2000")]);
    rig.cluster.unreachable = vec![9091, 9092, 9093];
    rig.send(record(1));
    rig.run_millis(2000);
    assert_eq!(rig.fates(), [(1, -9)]);
    assert!(rig.connects.len() < 15, "{} attempts", rig.connects.len());
}
