//! What is read of a response is what the generated decoders read.

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, ResponseKind};

use super::super::hostile_tests::{corrupt, for_each_lie, responses};
use super::super::{WireError, decode_response};
use super::*;
use crate::Seed;

/// Any of the answers.
#[derive(Debug, PartialEq)]
enum Read {
    Fetched(Fetched),
    Produced(Produced),
    Metadata(ClusterMetadata),
    Versions(Versions),
}

fn read(api_key: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Read), WireError> {
    Ok(match api_key {
        ApiKey::Fetch => decode_fetched(version, frame).map(|(id, body)| (id, Read::Fetched(body)))?,
        ApiKey::Produce => decode_produced(version, frame).map(|(id, body)| (id, Read::Produced(body)))?,
        ApiKey::Metadata => decode_metadata(version, frame).map(|(id, body)| (id, Read::Metadata(body)))?,
        _ => decode_versions(version, frame).map(|(id, body)| (id, Read::Versions(body)))?,
    })
}

macro_rules! endpoints_of {
    ($answer:expr) => {
        $answer
            .node_endpoints
            .iter()
            .map(|endpoint| Endpoint {
                id: endpoint.node_id.0,
                host: endpoint.host.clone(),
                port: endpoint.port,
            })
            .collect()
    };
}

macro_rules! leader_of {
    ($partition:expr) => {
        (
            $partition.current_leader.leader_id.0,
            $partition.current_leader.leader_epoch,
        )
    };
}

/// The same by way of the generated types.
fn generated(api_key: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Read), WireError> {
    let (correlation_id, body) = decode_response(api_key, version, frame)?;
    let read = match body {
        ResponseKind::Fetch(answer) => {
            let partitions = answer.responses.iter().flat_map(|topic| {
                topic.partitions.iter().map(|partition| FetchedPartition {
                    topic: TopicRef {
                        name: topic.topic.0.clone(),
                        id: topic.topic_id,
                    },
                    index: partition.partition_index,
                    error_code: partition.error_code,
                    high_watermark: partition.high_watermark,
                    last_stable_offset: partition.last_stable_offset,
                    aborted: partition.aborted_transactions.as_ref().map(|aborted| {
                        let pair = |txn: &kafka_protocol::messages::fetch_response::AbortedTransaction| {
                            (txn.producer_id.0, txn.first_offset)
                        };
                        aborted.iter().map(pair).collect()
                    }),
                    preferred_read_replica: partition.preferred_read_replica.0,
                    records: partition.records.clone(),
                    leader: leader_of!(partition),
                })
            });
            Read::Fetched(Fetched {
                throttle_time_ms: answer.throttle_time_ms,
                error_code: answer.error_code,
                session_id: answer.session_id,
                partitions: partitions.collect(),
                endpoints: endpoints_of!(answer),
            })
        }
        ResponseKind::Produce(answer) => {
            let partitions = answer.responses.iter().flat_map(|topic| {
                topic.partition_responses.iter().map(|partition| ProducedPartition {
                    topic: TopicRef {
                        name: topic.name.0.clone(),
                        id: topic.topic_id,
                    },
                    index: partition.index,
                    error_code: partition.error_code,
                    base_offset: partition.base_offset,
                    log_append_time_ms: partition.log_append_time_ms,
                    log_start_offset: partition.log_start_offset,
                    invalid_records: partition.record_errors.iter().map(|error| error.batch_index).collect(),
                    leader: leader_of!(partition),
                })
            });
            Read::Produced(Produced {
                throttle_time_ms: answer.throttle_time_ms,
                partitions: partitions.collect(),
                endpoints: endpoints_of!(answer),
            })
        }
        ResponseKind::Metadata(answer) => {
            let brokers = answer.brokers.iter().map(|broker| Endpoint {
                id: broker.node_id.0,
                host: broker.host.clone(),
                port: broker.port,
            });
            let topics = answer.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| PartitionMetadata {
                    error_code: partition.error_code,
                    index: partition.partition_index,
                    leader: partition.leader_id.0,
                    leader_epoch: partition.leader_epoch,
                    offline: partition.offline_replicas.iter().map(|id| id.0).collect(),
                });
                TopicMetadata {
                    error_code: topic.error_code,
                    name: topic.name.clone().map(|name| name.0),
                    id: topic.topic_id,
                    is_internal: topic.is_internal,
                    partitions: partitions.collect(),
                }
            });
            Read::Metadata(ClusterMetadata {
                throttle_time_ms: answer.throttle_time_ms,
                error_code: answer.error_code,
                brokers: brokers.collect(),
                topics: topics.collect(),
            })
        }
        ResponseKind::ApiVersions(answer) => {
            let row = |row: &kafka_protocol::messages::api_versions_response::ApiVersion| VersionRow {
                api_key: row.api_key,
                min: row.min_version,
                max: row.max_version,
            };
            Read::Versions(Versions {
                error_code: answer.error_code,
                throttle_time_ms: answer.throttle_time_ms,
                rows: answer.api_keys.iter().map(row).collect(),
            })
        }
        other => panic!("not one that is read: {other:?}"),
    };
    Ok((correlation_id, read))
}

/// One response with defaults and some with content, for each version of each of them.
fn frames() -> impl Iterator<Item = (ApiKey, i16, Bytes)> {
    use ApiKey::{ApiVersions, Fetch, Metadata, Produce};
    let read = |api_key| matches!(api_key, Fetch | Produce | Metadata | ApiVersions);
    let all = (1..=5).flat_map(responses);
    all.filter(move |(api_key, ..)| read(*api_key))
        .map(|(api_key, version, _, frame)| (api_key, version, frame))
}

#[test]
fn every_version_is_read_as_the_generated_decoders_read_it() {
    let mut seen = 0;
    for (api_key, version, frame) in frames() {
        let read = read(api_key, version, frame.clone()).unwrap();
        assert_eq!(read, generated(api_key, version, frame).unwrap());
        seen += 1;
    }
    assert!(seen >= 5 * (15 + 11 + 14 + 5), "{seen}");
}

#[test]
fn what_lies_about_a_length_is_read_or_refused_as_by_the_generated_decoders() {
    for (api_key, version, frame) in frames() {
        for_each_lie(&frame, |lying| compare(api_key, version, lying));
    }
}

#[test]
fn what_is_damaged_is_read_or_refused_as_by_the_generated_decoders() {
    let mut rng = Seed(7).stream("corruption", 0);
    for (api_key, version, frame) in frames() {
        for _ in 0..100 {
            compare(api_key, version, corrupt(&frame, &mut rng));
        }
    }
}

fn has_booleans(api_key: ApiKey) -> bool {
    matches!(api_key, ApiKey::ApiVersions | ApiKey::Metadata)
}

fn compare(api_key: ApiKey, version: i16, frame: Bytes) {
    let (read, generated) = (
        read(api_key, version, frame.clone()),
        generated(api_key, version, frame.clone()),
    );
    match (&read, &generated) {
        (Err(WireError::Malformed { .. }), Err(WireError::Malformed { .. })) => {}
        // The guard may take a boolean for the beginning of a length.
        (Ok(_), Err(WireError::Malformed { .. })) if has_booleans(api_key) => {}
        _ => assert_eq!(read, generated, "{api_key:?} {version} {frame:?}"),
    }
}

#[test]
fn a_version_that_does_not_exist_is_refused() {
    let refused = decode_fetched(19, Bytes::from_static(&[0; 32])).unwrap_err();
    assert!(
        matches!(refused, WireError::UnsupportedVersion { version: 19, .. }),
        "{refused}"
    );
}

#[test]
fn records_share_the_memory_of_their_frame() {
    let (_, version, frame) = frames()
        .find(|(api_key, version, frame)| {
            let some = |fetched: Fetched| fetched.partitions.iter().any(|partition| partition.records.is_some());
            *api_key == ApiKey::Fetch && decode_fetched(*version, frame.clone()).is_ok_and(|(_, fetched)| some(fetched))
        })
        .unwrap();
    let range = frame.as_ptr_range();
    let (_, fetched) = decode_fetched(version, frame).unwrap();
    let records = fetched
        .partitions
        .into_iter()
        .find_map(|partition| partition.records)
        .unwrap();
    assert!(range.contains(&records.as_ptr()));
}
