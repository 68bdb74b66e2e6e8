//! The offsets topic is compacted: what groups commit again and again takes bounded room, and whoever coordinates next
//! knows the last of it.

use std::time::Duration;

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest};
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::batch::split_batches;
use kafka_sim_tests::Harness;
use kafka_sim_tests::requests::topic_name;

use crate::compaction::try_ask;
use crate::story::secs;

const GROUP: &str = "billing";
const OFFSETS: &str = "__consumer_offsets";
const COMMITS: i64 = 120;

fn cluster(properties: &[(&str, &str)]) -> Harness {
    let mut config = ClusterConfig {
        topics: vec![Topic::named("orders").replicas(3)],
        keep_events: true,
        ..ClusterConfig::simulated(3)
    };
    let small = [
        ("offsets.topic.num.partitions", "1"),
        ("offsets.topic.segment.bytes", "1000"),
        ("log.cleaner.backoff.ms", "500"),
    ];
    for (key, value) in small.iter().chain(properties) {
        config.broker_config.set(key, value).expect("the key exists");
    }
    Harness::new(config)
}

fn coordinator(h: &mut Harness) -> i32 {
    for _ in 0..100 {
        let brokers = h.cluster.view().brokers;
        let running: Vec<i32> = brokers.iter().filter(|b| b.running).map(|b| b.id.0).collect();
        for broker in &running {
            let request = FindCoordinatorRequest::default().with_key(GROUP.into());
            if let Some(found) = try_ask(h, *broker, 3, &request)
                && found.error_code == 0
                && running.contains(&found.node_id.0)
            {
                return found.node_id.0;
            }
        }
        h.pass(Duration::from_millis(500));
    }
    panic!("nobody knows the coordinator");
}

/// Commits until the commit is accepted.
fn commit(h: &mut Harness, partition: i32, offset: i64) {
    let part = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("orders"))
        .with_partitions(vec![part]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    for _ in 0..100 {
        let broker = coordinator(h);
        let answer = try_ask(h, broker, 8, &request);
        if answer.is_some_and(|answer| answer.topics[0].partitions[0].error_code == 0) {
            return;
        }
        h.pass(Duration::from_millis(200));
    }
    panic!("nobody took the commit");
}

/// What the coordinator says is committed for orders-0.
fn committed(h: &mut Harness) -> i64 {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(topic_name("orders"))
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_topics(Some(vec![topic]));
    for _ in 0..100 {
        let broker = coordinator(h);
        if let Some(answer) = try_ask(h, broker, 5, &request)
            && answer.error_code == 0
        {
            return answer.topics[0].partitions[0].committed_offset;
        }
        h.pass(Duration::from_millis(200));
    }
    panic!("nobody told the offset");
}

/// How many records a consumer of the offsets topic would read.
fn records(h: &mut Harness) -> usize {
    let leader = h.leader(OFFSETS, 0);
    let conn = h.connect(leader);
    let (mut offset, mut count) = (0, 0);
    loop {
        let bytes = h.fetch(conn, OFFSETS, 0, offset).records.unwrap_or_default();
        let batches: Vec<_> = split_batches(&bytes).map(|b| b.expect("whole batches")).collect();
        let Some(last) = batches.last() else { return count };
        offset = last.header.next_offset();
        count += batches
            .iter()
            .map(|b| b.records(1 << 20).expect("intact").len())
            .sum::<usize>();
    }
}

fn commit_again_and_again(h: &mut Harness) {
    for offset in 1..=COMMITS {
        commit(h, 0, offset);
    }
    h.pass(secs(5));
}

#[test]
fn commits_of_the_same_partition_take_bounded_room() {
    let mut h = cluster(&[]);
    commit_again_and_again(&mut h);
    let left = records(&mut h);
    assert!(left < 30, "{left} of {COMMITS} records are left");
    assert_eq!(committed(&mut h), COMMITS);
}

#[test]
fn without_a_cleaner_every_commit_stays() {
    let mut h = cluster(&[("log.cleaner.enable", "false")]);
    commit_again_and_again(&mut h);
    assert!(records(&mut h) >= usize::try_from(COMMITS).expect("it is positive"));
}

/// The coordinator that takes over after the fault has compacted its log itself.
fn take_over_after(fault: impl Fn(Role) -> Fault) {
    let mut h = cluster(&[]);
    commit_again_and_again(&mut h);
    for _ in 0..3 {
        let old = coordinator(&mut h);
        h.inject_for(fault(Role::broker(old)), secs(15));
        h.pass(secs(1));
        assert_eq!(committed(&mut h), COMMITS);
        let new = coordinator(&mut h);
        assert_ne!(new, old);
        let mut events = h.cluster.trace().events().iter();
        assert!(events.any(|(_, event)| matches!(event, Event::LogCleaned { broker, .. } if broker.0 == new)));
        h.converge();
    }
}

#[test]
fn the_next_coordinator_knows_the_last_commit_after_a_kill() {
    take_over_after(Fault::Kill);
}

#[test]
fn the_next_coordinator_knows_the_last_commit_after_a_power_loss() {
    take_over_after(|target| Fault::PowerLoss {
        target,
        survivors: Survivors::None,
    });
}

#[test]
fn the_only_coordinator_finds_its_compacted_log_again_after_a_power_loss() {
    let mut h = cluster(&[("offsets.topic.replication.factor", "1")]);
    commit_again_and_again(&mut h);
    // The tail of the log is written back by then.
    h.pass(secs(60));
    let only = coordinator(&mut h);
    let fault = Fault::PowerLoss {
        target: Role::broker(only),
        survivors: Survivors::None,
    };
    h.inject_for(fault, secs(10));
    h.pass(secs(40));
    assert_eq!(committed(&mut h), COMMITS);
    assert!(records(&mut h) < 30);
}

#[test]
fn a_tail_that_was_not_written_back_is_lost_with_the_only_coordinator() {
    let mut h = cluster(&[("offsets.topic.replication.factor", "1")]);
    commit_again_and_again(&mut h);
    let only = coordinator(&mut h);
    let fault = Fault::PowerLoss {
        target: Role::broker(only),
        survivors: Survivors::None,
    };
    h.inject_for(fault, secs(10));
    h.pass(secs(40));
    assert!(committed(&mut h) < COMMITS);
}
