use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::{ApiKey, TopicName};
use kafka_sim_core::BrokerId;

use super::super::forwarded::testing::{over_the_wire, served_versions};
use super::super::hosted::testing::leader;
use super::super::metadata::testing::image;
use super::*;
use crate::log::LogConfig;

#[test]
fn the_new_start_lies_between_zero_and_the_high_watermark() {
    let partition = leader(LogConfig::default(), &[1, 2, 3, 4], 1);
    let cases = [
        (HIGH_WATERMARK, Ok(3)),
        (0, Ok(0)),
        (3, Ok(3)),
        (4, Err(1)),
        (-2, Err(1)),
    ];
    for (offset, expected) in cases {
        assert_eq!(
            new_log_start(&partition, offset).map_err(|code| code.0),
            expected,
            "{offset}"
        );
    }
}

#[test]
fn a_topic_that_is_only_compacted_keeps_its_records() {
    let policy = |cleanup_delete, cleanup_compact| {
        let config = LogConfig {
            cleanup_delete,
            cleanup_compact,
            ..LogConfig::default()
        };
        new_log_start(&leader(config, &[1], 0), 0)
    };
    assert_eq!(policy(false, true), Err(ErrorCode::POLICY_VIOLATION));
    for (delete, compact) in [(true, false), (true, true), (false, false)] {
        assert_eq!(policy(delete, compact), Ok(0));
    }
}

#[test]
fn the_low_watermark_waits_for_followers_on_live_brokers_only() {
    let mut partition = leader(LogConfig::default(), &[1, 2, 3], 0);
    partition.log.raise_log_start(2);
    let image = image();
    let low = |partition: &Partition| low_watermark(partition, partition.leading().expect("it leads"), &image);
    assert_eq!(low(&partition), 0, "broker 1 has not followed");
    let remotes = &mut partition.leading_mut().expect("it leads").remotes;
    remotes.get_mut(&BrokerId(1)).expect("it follows").log_start = 2;
    assert_eq!(low(&partition), 2, "broker 2 is fenced and does not count");
}

#[test]
fn every_version_reads_each_partition_in_its_place() {
    let topic = |name: &'static str, partitions: &[i32]| {
        let partitions = partitions
            .iter()
            .map(|index| DeleteRecordsPartition::default().with_partition_index(*index));
        DeleteRecordsTopic::default()
            .with_name(TopicName(name.into()))
            .with_partitions(partitions.collect())
    };
    let request = DeleteRecordsRequest::default().with_topics(vec![topic("a", &[0, 1]), topic("b", &[5])]);
    let part = |error, low_watermark| DeletePart {
        tp: None,
        error,
        target: 9,
        low_watermark,
        pending: false,
    };
    let parts = [
        part(ErrorCode::NONE, 9),
        part(ErrorCode::REQUEST_TIMED_OUT, 3),
        part(ErrorCode::NOT_LEADER_OR_FOLLOWER, -1),
    ];
    for version in served_versions(ApiKey::DeleteRecords) {
        let ResponseKind::DeleteRecords(response) = render(&request, &parts) else {
            panic!("another response")
        };
        let read = over_the_wire(ApiKey::DeleteRecords, version, &response);
        let results: Vec<_> = read
            .topics
            .iter()
            .flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(|p| (topic.name.as_str(), p.partition_index, p.error_code, p.low_watermark))
            })
            .collect();
        assert_eq!(results, [("a", 0, 0, 9), ("a", 1, 7, 3), ("b", 5, 6, -1)]);
    }
}
