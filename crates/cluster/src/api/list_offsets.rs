//! ListOffsets (2), versions 1 to 10.
//!
//! v2 isolation level (KIP-98); v3 quotas; v4 leader epochs (KIP-320); v5 OFFSET_NOT_AVAILABLE (KIP-207); v6 flexible;
//! v7 greatest timestamp (KIP-734); v8 earliest local offset (KIP-405); v9 latest tiered offset (KIP-1005); v10 timeout
//! of tiered lookups (KIP-1075), which is ignored because there is no tiered storage.

use kafka_protocol::messages::ResponseKind;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsRequest};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use kafka_sim_core::{ErrorCode, Offset};

use super::forwarded::repeated;
use super::{Answer, Call, hosted};
use crate::broker::{Broker, Ctx, Partition};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

const CONSUMER: i32 = -1;
const DEBUGGER: i32 = -2;

/// Who asks, and how.
#[derive(Clone, Copy)]
struct Asker {
    version: i16,
    replica_id: i32,
    read_committed: bool,
}

/// What was found; −1 everywhere if nothing was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Found {
    offset: Offset,
    timestamp: i64,
    leader_epoch: i32,
}

impl Found {
    const NOTHING: Found = Found {
        offset: -1,
        timestamp: -1,
        leader_epoch: -1,
    };
}

pub(crate) fn handle(broker: &mut Broker, _ctx: &mut Ctx<'_>, call: Call, request: ListOffsetsRequest) -> Answer {
    let asker = Asker {
        version: call.head.version,
        replica_id: request.replica_id.0,
        read_committed: request.isolation_level == 1,
    };
    let listed = request.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|partition| (topic.name.as_str(), partition.partition_index))
    });
    let again = repeated(listed);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let outcome = if again.contains(&(topic.name.as_str(), partition.partition_index)) {
                Err(ErrorCode::INVALID_REQUEST)
            } else {
                find(broker, asker, &topic.name, partition)
            };
            entry(asker.version, partition.partition_index, outcome)
        });
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    let response = ListOffsetsResponse::default().with_topics(topics.collect());
    call.ready(ResponseKind::ListOffsets(response))
}

fn entry(version: i16, index: i32, outcome: Result<Found, ErrorCode>) -> ListOffsetsPartitionResponse {
    let code = outcome.err().unwrap_or(ErrorCode::NONE);
    let found = outcome.unwrap_or(Found::NOTHING);
    let entry = ListOffsetsPartitionResponse::default()
        .with_partition_index(index)
        .with_error_code(code.0)
        .with_timestamp(found.timestamp)
        .with_offset(found.offset);
    if version >= 4 {
        entry.with_leader_epoch(found.leader_epoch)
    } else {
        entry
    }
}

fn find(broker: &Broker, asker: Asker, topic: &str, asked: &ListOffsetsPartition) -> Result<Found, ErrorCode> {
    if !is_supported(asked.timestamp, asker.version) {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    let partition = hosted::replica(broker, hosted::known(broker, topic, asked.partition_index)?)?;
    broker.check_epoch(partition, asked.current_leader_epoch)?;
    if asker.replica_id != DEBUGGER {
        hosted::leading(partition)?;
    }
    look_up(partition, asker, asked.timestamp)
}

/// Negative timestamps are questions of their own, each from some version on.
fn is_supported(timestamp: i64, version: i16) -> bool {
    match timestamp {
        0.. | LATEST | EARLIEST => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        _ => false,
    }
}

fn look_up(partition: &Partition, asker: Asker, timestamp: i64) -> Result<Found, ErrorCode> {
    let log = &partition.log;
    let is_consumer = asker.replica_id == CONSUMER;
    let bound = match (is_consumer, asker.read_committed) {
        (false, _) => log.log_end_offset(),
        (true, true) => partition.last_stable_offset(),
        (true, false) => partition.high_watermark,
    };
    // A new leader does not know yet what its predecessor had committed.
    let lags = is_consumer
        && partition
            .leading()
            .is_some_and(|leading| leading.epoch_start > partition.high_watermark);
    let epoch_at = |offset| log.epoch_at(offset).unwrap_or(-1);
    let found = match timestamp {
        EARLIEST | EARLIEST_LOCAL => {
            let offset = log.log_start_offset();
            return Ok(Found {
                offset,
                timestamp: -1,
                leader_epoch: epoch_at(offset),
            });
        }
        LATEST_TIERED => return Ok(Found::NOTHING),
        LATEST if !lags => {
            return Ok(Found {
                offset: bound,
                timestamp: -1,
                leader_epoch: partition.leader_epoch,
            });
        }
        LATEST => None,
        MAX_TIMESTAMP => log.max_timestamp_offset().map(|(offset, timestamp)| Found {
            offset,
            timestamp,
            leader_epoch: epoch_at(offset),
        }),
        _ => log
            .offset_for_timestamp(timestamp)
            .map(|(offset, timestamp, leader_epoch)| Found {
                offset,
                timestamp,
                leader_epoch,
            }),
    };
    match found.filter(|found| found.offset < bound) {
        Some(found) => Ok(found),
        None if !lags => Ok(Found::NOTHING),
        None if asker.version >= 5 => Err(ErrorCode::OFFSET_NOT_AVAILABLE),
        None => Err(ErrorCode::LEADER_NOT_AVAILABLE),
    }
}

#[cfg(test)]
mod tests;
