//! OffsetForLeaderEpoch (23), versions 2 to 4: where an epoch ends in the leader's log.
//!
//! v2 checks the current epoch (KIP-320); v3 tells replicas from consumers (KIP-392); v4 flexible.
//!
//! Only the leader answers. −1 for epoch and offset means that its log cannot tell.

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, ResponseKind};
use kafka_sim_core::{ErrorCode, Offset};

use super::{Answer, Call, hosted};
use crate::broker::{Broker, Ctx};

pub(crate) fn handle(
    broker: &mut Broker,
    _ctx: &mut Ctx<'_>,
    call: Call,
    request: OffsetForLeaderEpochRequest,
) -> Answer {
    let topics = request.topics.iter().map(|topic| {
        let ends = topic
            .partitions
            .iter()
            .map(|asked| entry(asked.partition, end_of(broker, &topic.topic, asked)));
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic.clone())
            .with_partitions(ends.collect())
    });
    let response = OffsetForLeaderEpochResponse::default().with_topics(topics.collect());
    call.ready(ResponseKind::OffsetForLeaderEpoch(response))
}

fn end_of(broker: &Broker, topic: &str, asked: &OffsetForLeaderPartition) -> Result<(i32, Offset), ErrorCode> {
    let partition = hosted::replica(broker, hosted::known(broker, topic, asked.partition)?)?;
    broker.check_epoch(partition, asked.current_leader_epoch)?;
    hosted::leading(partition)?;
    Ok(partition.log.end_offset_for(asked.leader_epoch).unwrap_or((-1, -1)))
}

fn entry(partition: i32, outcome: Result<(i32, Offset), ErrorCode>) -> EpochEndOffset {
    let code = outcome.err().unwrap_or(ErrorCode::NONE);
    let (epoch, end) = outcome.unwrap_or((-1, -1));
    let entry = EpochEndOffset::default()
        .with_partition(partition)
        .with_error_code(code.0);
    entry.with_leader_epoch(epoch).with_end_offset(end)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    #[test]
    fn every_version_reads_an_end_and_a_failure() {
        for version in served_versions(ApiKey::OffsetForLeaderEpoch) {
            let ends = vec![entry(0, Ok((4, 20))), entry(1, Err(ErrorCode::FENCED_LEADER_EPOCH))];
            let topic = OffsetForLeaderTopicResult::default().with_partitions(ends);
            let response = OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
            let read = over_the_wire(ApiKey::OffsetForLeaderEpoch, version, &response);
            let ends: Vec<_> = read.topics[0]
                .partitions
                .iter()
                .map(|p| (p.error_code, p.leader_epoch, p.end_offset))
                .collect();
            assert_eq!(ends, [(0, 4, 20), (74, -1, -1)]);
        }
    }
}
