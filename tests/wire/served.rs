//! Every API at every version that is advertised.

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::{CloseReason, ClusterConfig, SERVED_APIS, Topic};
use kafka_sim_core::wire;
use kafka_sim_tests::requests::{fetch, list_offsets, metadata, produce, topic_name};
use kafka_sim_tests::{Harness, batch};
use uuid::Uuid;

fn api_versions(version: i16) -> ApiVersionsRequest {
    let text = StrBytes::from_static_str("wire-test");
    let (name, number) = if version >= 3 {
        (text.clone(), text)
    } else {
        Default::default()
    };
    ApiVersionsRequest::default()
        .with_client_software_name(name)
        .with_client_software_version(number)
}

#[test]
fn what_is_advertised_is_the_table() {
    let mut h = Harness::new(ClusterConfig::simulated(1));
    let conn = h.connect(0);
    for version in 0..=4 {
        let response = h.ask(conn, version, &api_versions(version));
        let rows: Vec<_> = response
            .api_keys
            .iter()
            .map(|row| (row.api_key, row.min_version, row.max_version))
            .collect();
        let table: Vec<_> = SERVED_APIS
            .iter()
            .map(|row| (row.key as i16, row.min, row.max))
            .collect();
        assert_eq!((response.error_code, rows), (0, table));
    }
}

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str("group"))
}

/// A request that the version can carry and that can be fulfilled.
fn well_formed(key: ApiKey, version: i16, id: Uuid) -> RequestKind {
    match key {
        ApiKey::Produce => {
            let mut request = produce("orders", 0, 1, batch("a"));
            if version >= 13 {
                request.topic_data[0].name = TopicName::default();
                request.topic_data[0].topic_id = id;
            }
            request.into()
        }
        ApiKey::Fetch => {
            let mut request = fetch("orders", 0, 0);
            if version >= 13 {
                request.topics[0].topic = TopicName::default();
                request.topics[0].topic_id = id;
            }
            if version < 7 {
                request.session_epoch = -1;
            }
            request.into()
        }
        ApiKey::ListOffsets => list_offsets("orders", 0, -1).into(),
        ApiKey::Metadata if version < 4 => metadata(&["orders"]).with_allow_auto_topic_creation(true).into(),
        ApiKey::Metadata => metadata(&["orders"]).into(),
        ApiKey::FindCoordinator if version < 4 => FindCoordinatorRequest::default().with_key("group".into()).into(),
        ApiKey::FindCoordinator => FindCoordinatorRequest::default()
            .with_coordinator_keys(vec!["group".into()])
            .into(),
        ApiKey::ApiVersions => api_versions(version).into(),
        ApiKey::CreateTopics => {
            let name = topic_name(&format!("created-by-v{version}"));
            let topic = CreatableTopic::default()
                .with_name(name)
                .with_num_partitions(2)
                .with_replication_factor(1);
            CreateTopicsRequest::default()
                .with_topics(vec![topic])
                .with_timeout_ms(10_000)
                .into()
        }
        ApiKey::DeleteTopics => {
            let name = topic_name("no-such-topic");
            let request = DeleteTopicsRequest::default().with_timeout_ms(10_000);
            match version {
                6.. => request
                    .with_topics(vec![DeleteTopicState::default().with_name(Some(name))])
                    .into(),
                _ => request.with_topic_names(vec![name]).into(),
            }
        }
        ApiKey::DeleteRecords => {
            let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(0);
            let topic = DeleteRecordsTopic::default()
                .with_name(topic_name("orders"))
                .with_partitions(vec![partition]);
            DeleteRecordsRequest::default()
                .with_topics(vec![topic])
                .with_timeout_ms(10_000)
                .into()
        }
        ApiKey::InitProducerId => InitProducerIdRequest::default()
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
            .into(),
        ApiKey::OffsetForLeaderEpoch => {
            let partition = OffsetForLeaderPartition::default()
                .with_partition(0)
                .with_current_leader_epoch(-1);
            let topic = OffsetForLeaderTopic::default()
                .with_topic(topic_name("orders"))
                .with_partitions(vec![partition]);
            OffsetForLeaderEpochRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_topics(vec![topic])
                .into()
        }
        ApiKey::DescribeConfigs => {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name("orders".into());
            DescribeConfigsRequest::default().with_resources(vec![resource]).into()
        }
        ApiKey::AlterConfigs => AlterConfigsRequest::default().into(),
        ApiKey::IncrementalAlterConfigs => IncrementalAlterConfigsRequest::default().into(),
        ApiKey::CreatePartitions => CreatePartitionsRequest::default().with_timeout_ms(10_000).into(),
        ApiKey::ElectLeaders => ElectLeadersRequest::default()
            .with_topic_partitions(None)
            .with_timeout_ms(10_000)
            .into(),
        ApiKey::DescribeCluster => DescribeClusterRequest::default().into(),
        ApiKey::DescribeTopicPartitions => {
            let topic = TopicRequest::default().with_name(topic_name("orders"));
            DescribeTopicPartitionsRequest::default()
                .with_topics(vec![topic])
                .with_response_partition_limit(10)
                .into()
        }
        ApiKey::OffsetCommit => OffsetCommitRequest::default().with_group_id(group()).into(),
        ApiKey::OffsetFetch if version < 8 => OffsetFetchRequest::default()
            .with_group_id(group())
            .with_topics(Some(Vec::new()))
            .into(),
        ApiKey::OffsetFetch => {
            let asked = OffsetFetchRequestGroup::default()
                .with_group_id(group())
                .with_topics(None);
            OffsetFetchRequest::default().with_groups(vec![asked]).into()
        }
        ApiKey::JoinGroup => JoinGroupRequest::default().with_group_id(group()).into(),
        ApiKey::Heartbeat => HeartbeatRequest::default().with_group_id(group()).into(),
        ApiKey::LeaveGroup => LeaveGroupRequest::default().with_group_id(group()).into(),
        ApiKey::SyncGroup => SyncGroupRequest::default().with_group_id(group()).into(),
        ApiKey::DescribeGroups => DescribeGroupsRequest::default().with_groups(vec![group()]).into(),
        ApiKey::ListGroups => ListGroupsRequest::default().into(),
        ApiKey::DeleteGroups => DeleteGroupsRequest::default().with_groups_names(vec![group()]).into(),
        ApiKey::OffsetDelete => OffsetDeleteRequest::default().with_group_id(group()).into(),
        ApiKey::ConsumerGroupHeartbeat => ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id("m".into())
            .into(),
        ApiKey::ConsumerGroupDescribe => ConsumerGroupDescribeRequest::default()
            .with_group_ids(vec![group()])
            .into(),
        other => panic!("{other:?} is served but this test does not know how to ask for it"),
    }
}

#[test]
fn every_version_that_is_advertised_is_served() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    let id = h.topic_id(conn, "orders");
    for row in SERVED_APIS {
        for version in row.min..=row.max {
            if row.key == ApiKey::Produce && version < 3 {
                continue;
            }
            let request = well_formed(row.key, version, id);
            let (sent, frame) = h.frame_of(row.key, version, &request, "wire-test");
            h.send_bytes(conn, frame);
            let frame = h.await_frame(conn);
            let (correlation, _) = wire::decode_response(row.key, version, frame)
                .unwrap_or_else(|error| panic!("{:?} v{version}: {error}", row.key));
            assert_eq!(correlation, sent, "{:?} v{version}", row.key);
        }
    }
}

/// Only the fixed part of a header: what comes after it is not looked at.
fn bare_head(api_key: i16, version: i16) -> Vec<u8> {
    let mut frame = 10_i32.to_be_bytes().to_vec();
    frame.extend(api_key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(77_i32.to_be_bytes());
    frame.extend((-1_i16).to_be_bytes());
    frame
}

#[test]
fn produce_before_version_3_is_advertised_but_refused() {
    let mut h = Harness::alone();
    for version in 0..3 {
        let conn = h.connect(0);
        h.send_bytes(conn, bare_head(0, version));
        assert_eq!(h.ending(conn), CloseReason::UnsupportedVersion);
    }
}

#[test]
fn every_version_that_is_not_advertised_closes_the_connection() {
    let mut h = Harness::alone();
    for row in SERVED_APIS.iter().filter(|row| row.key != ApiKey::ApiVersions) {
        for version in [i16::MIN, -1, row.min - 1, row.max + 1, i16::MAX] {
            let conn = h.connect(0);
            h.send_bytes(conn, bare_head(row.key as i16, version));
            assert_eq!(
                h.ending(conn),
                CloseReason::UnsupportedVersion,
                "{:?} v{version}",
                row.key
            );
            assert_eq!(h.arrived(conn), None);
        }
    }
}

#[test]
fn every_api_that_is_not_advertised_closes_the_connection() {
    let mut h = Harness::alone();
    let served: Vec<i16> = SERVED_APIS.iter().map(|row| row.key as i16).collect();
    for key in (-2..100)
        .chain([i16::MIN, i16::MAX])
        .filter(|key| !served.contains(key))
    {
        let conn = h.connect(0);
        h.send_bytes(conn, bare_head(key, 0));
        assert_eq!(h.ending(conn), CloseReason::BadHeader, "API key {key}");
    }
}

#[test]
fn an_api_versions_request_from_the_future_is_answered_in_version_0_and_the_connection_stays() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for version in [5, 99, -1] {
        h.send_bytes(conn, bare_head(18, version));
        let (correlation, response) = h.await_answer::<ApiVersionsRequest>(conn, 0);
        let rows: Vec<_> = response
            .api_keys
            .iter()
            .map(|row| (row.api_key, row.min_version, row.max_version))
            .collect();
        assert_eq!((correlation, response.error_code, rows), (77, 35, vec![(18, 0, 4)]));
    }
    assert_eq!(h.ask(conn, 4, &api_versions(4)).error_code, 0);
}

#[test]
fn software_names_are_checked_from_version_3_on() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for name in ["", "-client", "client-", "cli ent", "clie/nt"] {
        let request = api_versions(3).with_client_software_name(StrBytes::from_static_str(name));
        assert_eq!(h.ask(conn, 3, &request).error_code, 42, "{name:?}");
    }
    let request = api_versions(3).with_client_software_name(StrBytes::from_static_str("a.b-c9"));
    assert_eq!(h.ask(conn, 3, &request).error_code, 0);
}
