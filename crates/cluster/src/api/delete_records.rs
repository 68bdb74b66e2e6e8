//! DeleteRecords (21), versions 0 to 2: raises the log start of partitions.
//!
//! v1 quotas; v2 flexible (KIP-107 throughout).
//!
//! The leader's log start moves at once. The answer waits until every replica on a live broker has followed, which
//! fetch responses make it do. Segments go with the next retention sweep.

use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse, ResponseKind};
use kafka_sim_core::{ErrorCode, Offset, SimTime};

use super::forwarded::patience;
use super::metadata::is_internal;
use super::{Answer, Call, hosted};
use crate::broker::{Broker, Ctx, DeletePart, Leading, ParkedDelete, Partition, WaitsFor};
use crate::peer::{MetadataImage, Tp};

/// "Everything below the high watermark".
const HIGH_WATERMARK: Offset = -1;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: DeleteRecordsRequest) -> Answer {
    let mut parts = Vec::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            parts.push(delete(broker, &topic.name, asked.partition_index, asked.offset));
        }
    }
    for tp in parts.iter().filter_map(|part| part.tp) {
        for follower in broker.followers.values_mut() {
            follower.mark_changed(tp);
        }
        broker.wake_followers(ctx, tp);
        // A consumer may wait at an offset that is gone now.
        broker.complete_fetches(ctx, tp);
    }
    if !settle(broker, &mut parts) {
        return call.ready(render(&request, &parts));
    }
    let deadline = ctx.now + patience(request.timeout_ms);
    let parked = ParkedDelete {
        conn: call.conn,
        head: call.head,
        request,
        parts,
    };
    broker.park(WaitsFor::DeleteRecords(Box::new(parked)), deadline, SimTime::ZERO);
    Answer::Later
}

/// Followers reported their log starts: answers the requests that have waited for that.
#[inline]
pub(crate) fn recheck(broker: &mut Broker, ctx: &mut Ctx<'_>) {
    if broker.purgatory.holds_deletes() {
        recheck_parked(broker, ctx);
    }
}

fn recheck_parked(broker: &mut Broker, ctx: &mut Ctx<'_>) {
    for id in broker.purgatory.delete_records() {
        let Some(mut parts) = parts(broker, id) else { continue };
        if !settle(broker, &mut parts) {
            answer(broker, ctx, id, &parts);
        }
    }
}

/// The time is up. The leader's log start has moved all the same.
pub(crate) fn finish(broker: &mut Broker, ctx: &mut Ctx<'_>, id: u64) {
    let Some(mut parts) = parts(broker, id) else { return };
    settle(broker, &mut parts);
    for part in parts.iter_mut().filter(|part| part.pending) {
        part.error = ErrorCode::REQUEST_TIMED_OUT;
    }
    answer(broker, ctx, id, &parts);
}

fn parts(broker: &Broker, id: u64) -> Option<Vec<DeletePart>> {
    match &broker.purgatory.get(id)?.waits_for {
        WaitsFor::DeleteRecords(parked) => Some(parked.parts.clone()),
        _ => None,
    }
}

fn answer(broker: &mut Broker, ctx: &mut Ctx<'_>, id: u64, parts: &[DeletePart]) {
    let Some(WaitsFor::DeleteRecords(parked)) = broker.unpark(id) else {
        return;
    };
    broker.respond(ctx, parked.conn, &parked.head, &render(&parked.request, parts));
}

/// Raises the log start of one partition.
fn delete(broker: &mut Broker, topic: &str, index: i32, offset: Offset) -> DeletePart {
    let outcome = target(broker, topic, index, offset);
    let (tp, target) = match outcome {
        Ok(found) => found,
        Err(error) => {
            return DeletePart {
                tp: None,
                error,
                target: -1,
                low_watermark: -1,
                pending: false,
            };
        }
    };
    if let Some(partition) = broker.partitions.get_mut(&tp) {
        partition.log.raise_log_start(target);
    }
    DeletePart {
        tp: Some(tp),
        error: ErrorCode::NONE,
        target,
        low_watermark: -1,
        pending: true,
    }
}

/// The partition and the log start it is to have.
fn target(broker: &Broker, topic: &str, index: i32, offset: Offset) -> Result<(Tp, Offset), ErrorCode> {
    let tp = hosted::known(broker, topic, index)?;
    if is_internal(topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    let partition = hosted::led(broker, tp)?;
    new_log_start(partition, offset).map(|target| (tp, target))
}

/// An empty `cleanup.policy` deletes nothing by itself, yet lets clients delete (Kafka 4.2).
fn new_log_start(partition: &Partition, offset: Offset) -> Result<Offset, ErrorCode> {
    let config = partition.log.config();
    if config.cleanup_compact && !config.cleanup_delete {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    let target = if offset == HIGH_WATERMARK {
        partition.high_watermark
    } else {
        offset
    };
    if (0..=partition.high_watermark).contains(&target) {
        Ok(target)
    } else {
        Err(ErrorCode::OFFSET_OUT_OF_RANGE)
    }
}

/// Looks at what is still pending. True: something still is.
fn settle(broker: &Broker, parts: &mut [DeletePart]) -> bool {
    for part in parts.iter_mut().filter(|part| part.pending) {
        let Some(tp) = part.tp else { continue };
        let partition = hosted::led(broker, tp);
        match partition
            .and_then(|partition| Ok((partition, partition.leading().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?)))
        {
            Ok((partition, leading)) => {
                part.low_watermark = low_watermark(partition, leading, &broker.image);
                part.pending = part.low_watermark < part.target;
            }
            Err(error) => {
                part.error = error;
                part.low_watermark = -1;
                part.pending = false;
            }
        }
    }
    parts.iter().any(|part| part.pending)
}

/// The least log start among the leader and the followers on live brokers.
fn low_watermark(partition: &Partition, leading: &Leading, image: &MetadataImage) -> Offset {
    let alive = leading.remotes.iter().filter(|(id, _)| image.is_alive(**id));
    alive
        .map(|(_, remote)| remote.log_start)
        .fold(partition.log.log_start_offset(), Offset::min)
}

fn render(request: &DeleteRecordsRequest, parts: &[DeletePart]) -> ResponseKind {
    let mut parts = parts.iter();
    let topics = request.topics.iter().map(|topic| {
        let results = topic.partitions.iter().zip(parts.by_ref()).map(|(asked, part)| {
            DeleteRecordsPartitionResult::default()
                .with_partition_index(asked.partition_index)
                .with_low_watermark(part.low_watermark)
                .with_error_code(part.error.0)
        });
        DeleteRecordsTopicResult::default()
            .with_name(topic.name.clone())
            .with_partitions(results.collect())
    });
    ResponseKind::DeleteRecords(DeleteRecordsResponse::default().with_topics(topics.collect()))
}

#[cfg(test)]
mod tests;
