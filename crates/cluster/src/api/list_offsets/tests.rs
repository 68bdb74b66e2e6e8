use kafka_protocol::messages::ApiKey;

use super::super::forwarded::testing::{over_the_wire, served_versions};
use super::super::hosted::testing::{EPOCH, leader};
use super::*;
use crate::log::LogConfig;

const NEW_CONSUMER: Asker = Asker {
    version: 10,
    replica_id: CONSUMER,
    read_committed: false,
};

fn found(offset: Offset, timestamp: i64, leader_epoch: i32) -> Result<Found, ErrorCode> {
    Ok(Found {
        offset,
        timestamp,
        leader_epoch,
    })
}

#[test]
fn consumers_see_the_end_of_what_is_committed_and_replicas_the_end_of_the_log() {
    let partition = leader(LogConfig::default(), &[100, 200, 300], 1);
    assert_eq!(look_up(&partition, NEW_CONSUMER, LATEST), found(2, -1, EPOCH));
    for replica_id in [DEBUGGER, 1] {
        let asker = Asker {
            replica_id,
            ..NEW_CONSUMER
        };
        assert_eq!(look_up(&partition, asker, LATEST), found(3, -1, EPOCH));
    }
    assert_eq!(look_up(&partition, NEW_CONSUMER, EARLIEST), found(0, -1, EPOCH));
    assert_eq!(look_up(&partition, NEW_CONSUMER, EARLIEST_LOCAL), found(0, -1, EPOCH));
    assert_eq!(look_up(&partition, NEW_CONSUMER, LATEST_TIERED), Ok(Found::NOTHING));
}

#[test]
fn a_timestamp_finds_the_first_record_that_is_not_older() {
    let partition = leader(LogConfig::default(), &[100, 300, 200], 0);
    assert_eq!(look_up(&partition, NEW_CONSUMER, 0), found(0, 100, EPOCH));
    assert_eq!(look_up(&partition, NEW_CONSUMER, 150), found(1, 300, EPOCH));
    assert_eq!(look_up(&partition, NEW_CONSUMER, 301), Ok(Found::NOTHING));
    assert_eq!(look_up(&partition, NEW_CONSUMER, MAX_TIMESTAMP), found(1, 300, EPOCH));
}

#[test]
fn a_match_that_is_not_committed_is_not_found() {
    let partition = leader(LogConfig::default(), &[100, 300], 1);
    assert_eq!(look_up(&partition, NEW_CONSUMER, 150), Ok(Found::NOTHING));
    assert_eq!(look_up(&partition, NEW_CONSUMER, MAX_TIMESTAMP), Ok(Found::NOTHING));
}

#[test]
fn an_empty_log_has_no_greatest_timestamp() {
    let partition = leader(LogConfig::default(), &[], 0);
    assert_eq!(look_up(&partition, NEW_CONSUMER, MAX_TIMESTAMP), Ok(Found::NOTHING));
    assert_eq!(look_up(&partition, NEW_CONSUMER, LATEST), found(0, -1, EPOCH));
    assert_eq!(look_up(&partition, NEW_CONSUMER, EARLIEST), found(0, -1, -1));
}

#[test]
fn a_new_leader_does_not_name_an_end_before_it_knows_what_was_committed() {
    let mut partition = leader(LogConfig::default(), &[100, 200, 300], 2);
    partition.leading_mut().expect("it leads").epoch_start = 3;
    for timestamp in [LATEST, MAX_TIMESTAMP, 150, 999] {
        assert_eq!(
            look_up(&partition, NEW_CONSUMER, timestamp),
            Err(ErrorCode::OFFSET_NOT_AVAILABLE),
            "{timestamp}"
        );
        let old = Asker {
            version: 4,
            ..NEW_CONSUMER
        };
        assert_eq!(
            look_up(&partition, old, timestamp),
            Err(ErrorCode::LEADER_NOT_AVAILABLE),
            "{timestamp}"
        );
    }
    assert_eq!(
        look_up(&partition, NEW_CONSUMER, 50),
        found(0, 100, EPOCH),
        "a match below the bound is certain"
    );
    assert_eq!(look_up(&partition, NEW_CONSUMER, EARLIEST), found(0, -1, EPOCH));
    let replica = Asker {
        replica_id: 1,
        ..NEW_CONSUMER
    };
    assert_eq!(look_up(&partition, replica, LATEST), found(3, -1, EPOCH));
}

#[test]
fn special_timestamps_exist_from_their_versions_on() {
    for version in served_versions(ApiKey::ListOffsets) {
        assert!(
            [LATEST, EARLIEST, 0, i64::MAX]
                .into_iter()
                .all(|timestamp| is_supported(timestamp, version))
        );
        assert_eq!(is_supported(MAX_TIMESTAMP, version), version >= 7);
        assert_eq!(is_supported(EARLIEST_LOCAL, version), version >= 8);
        assert_eq!(is_supported(LATEST_TIERED, version), version >= 9);
        assert!(!is_supported(-6, version) && !is_supported(i64::MIN, version));
    }
}

#[test]
fn every_version_reads_an_offset_and_a_failure() {
    for version in served_versions(ApiKey::ListOffsets) {
        let partitions = vec![
            entry(version, 0, found(7, 70, 4)),
            entry(version, 1, Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)),
        ];
        let topic = ListOffsetsTopicResponse::default().with_partitions(partitions);
        let response = ListOffsetsResponse::default().with_topics(vec![topic]);
        let read = over_the_wire(ApiKey::ListOffsets, version, &response);
        let [first, second] = &read.topics[0].partitions[..] else {
            panic!("two partitions were answered")
        };
        let epoch = if version >= 4 { 4 } else { -1 };
        assert_eq!(
            (first.error_code, first.offset, first.timestamp, first.leader_epoch),
            (0, 7, 70, epoch)
        );
        assert_eq!(
            (second.error_code, second.offset, second.timestamp, second.leader_epoch),
            (6, -1, -1, -1)
        );
    }
}
