//! Produce (0), versions 3 to 13; 0 to 2 are advertised but refused, as Kafka 4 does.
//!
//! v3 record batches; v5 log start offset; v7 zstd; v8 record errors (KIP-467); v9 flexible; v10 current leader and
//! endpoints on errors (KIP-951); v11, v12 transactions (KIP-890); v13 topic ids (KIP-516).
//!
//! Divergence: transactional batches are refused with INVALID_TXN_STATE, because no transaction coordinator is served.

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{BrokerId, ErrorCode};

use super::endpoints::{Endpoint, endpoints};
use super::produce_encode::encode;
use super::{Answer, Call, produce_decode};
use crate::broker::{Broker, CloseReason, Ctx, Produce, ProduceOutcome, ProducePart};
use crate::peer::Tp;

const BATCH_LENGTH_AT: usize = 8;
/// Base offset and length, which the length does not count.
const LOG_OVERHEAD: usize = 12;
/// The shortest a batch or message of any magic can claim to be (LegacyRecord.RECORD_OVERHEAD_V0).
const MIN_LENGTH: i32 = 14;
const MAGIC_AT: usize = 16;
const CODEC_AT: usize = 22;
const ZSTD: u8 = 4;
const TRANSACTIONAL: u8 = 0x10;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, body: &Bytes) -> Answer {
    let mut parts = broker.blank_parts();
    let Ok(request) = produce_decode::decode(call.head.version, body, &mut parts) else {
        return Answer::Close(CloseReason::BadBody);
    };
    let bad_acks = !(-1..=1).contains(&request.acks);
    for part in &mut parts {
        part.tp = check(broker, &call.head, part, request.transactional, bad_acks);
    }
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let produce = broker.blank_produce(call.conn, call.head, request.acks);
    let Some(produce) = broker.produce(ctx, produce, parts, timeout) else {
        return Answer::Later;
    };
    if produce.acks == 0 {
        return match failed(&produce.outcomes) {
            true => Answer::Close(CloseReason::FailedWithoutAcks),
            false => Answer::Nothing,
        };
    }
    let bytes = render(broker, &produce.head, &produce.outcomes);
    Answer::Encoded(produce.head, bytes)
}

/// Answers a produce that was parked.
pub(crate) fn answer(broker: &mut Broker, ctx: &mut Ctx<'_>, produce: &Produce) {
    if produce.acks != 0 {
        let bytes = render(broker, &produce.head, &produce.outcomes);
        broker.respond_bytes(ctx, produce.conn, &produce.head, bytes);
    } else if failed(&produce.outcomes) {
        broker.close(ctx, produce.conn, CloseReason::FailedWithoutAcks);
    } else {
        broker.answer_nothing(ctx, produce.conn);
    }
}

fn render(broker: &mut Broker, head: &RequestHead, outcomes: &[ProduceOutcome]) -> Bytes {
    let moved = |outcome: &ProduceOutcome| outcome.error == ErrorCode::NOT_LEADER_OR_FOLLOWER;
    let (leaders, endpoints) = if head.version >= 10 && outcomes.iter().any(moved) {
        redirects(broker, outcomes)
    } else {
        Default::default()
    };
    encode(&mut broker.responses, head, outcomes, &leaders, &endpoints)
}

/// Where to go instead (KIP-951), for each partition, and the brokers that are named.
#[cold]
fn redirects(broker: &Broker, outcomes: &[ProduceOutcome]) -> (Vec<Option<(BrokerId, i32)>>, Vec<Endpoint>) {
    let moved = |outcome: &ProduceOutcome| outcome.error == ErrorCode::NOT_LEADER_OR_FOLLOWER;
    let leader = |outcome: &ProduceOutcome| current_leader(broker, outcome.tp.filter(|_| moved(outcome))?);
    let leaders: Vec<_> = outcomes.iter().map(leader).collect();
    let endpoints = endpoints(broker, leaders.iter().flatten().map(|(id, _)| *id));
    (leaders, endpoints)
}

fn failed(outcomes: &[ProduceOutcome]) -> bool {
    outcomes.iter().any(|o| !o.error.is_ok())
}

/// The checks that need no log, in the order of the real broker.
fn check(
    broker: &Broker,
    head: &RequestHead,
    part: &ProducePart,
    has_transactional_id: bool,
    bad_acks: bool,
) -> Result<Tp, ErrorCode> {
    let by_id = head.version >= 13;
    let id = if by_id {
        Some(part.topic_id)
    } else {
        broker.topic_id(&part.topic)
    };
    let known = id.and_then(|id| Some((id, broker.image.topics.get(&id)?)));
    let hosted = known.filter(|(_, topic)| usize::try_from(part.index).is_ok_and(|at| at < topic.partitions.len()));
    let Some((id, topic)) = hosted else {
        return Err(if by_id {
            ErrorCode::UNKNOWN_TOPIC_ID
        } else {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        });
    };
    let records = part.records.as_ref().ok_or(ErrorCode::INVALID_RECORD)?;
    check_batch(records, head.version, has_transactional_id)?;
    if bad_acks {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS);
    }
    if super::metadata::is_internal(&topic.name) && head.client_id.as_deref() != Some("__admin_client") {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    Ok(Tp {
        topic: id,
        partition: part.index,
    })
}

/// One whole batch of magic 2, without a codec or feature that the version or this broker does not have. What follows
/// it and is no whole batch is left to the log, which drops it.
fn check_batch(records: &[u8], version: i16, has_transactional_id: bool) -> Result<(), ErrorCode> {
    let size = first_batch(records)?.ok_or(ErrorCode::INVALID_RECORD)?;
    if records[MAGIC_AT] != 2 || first_batch(&records[size..])?.is_some() {
        return Err(ErrorCode::INVALID_RECORD);
    }
    if records[CODEC_AT] & TRANSACTIONAL != 0 {
        return Err(if has_transactional_id {
            ErrorCode::INVALID_TXN_STATE
        } else {
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        });
    }
    if version < 7 && records[CODEC_AT] & 0x07 == ZSTD {
        return Err(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    }
    Ok(())
}

/// Size of the batch at the start, unless it is incomplete (ByteBufferLogInputStream).
fn first_batch(records: &[u8]) -> Result<Option<usize>, ErrorCode> {
    let Some(length) = records.get(BATCH_LENGTH_AT..LOG_OVERHEAD) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(length.try_into().expect("four bytes were taken"));
    if length < MIN_LENGTH {
        return Err(ErrorCode::CORRUPT_MESSAGE);
    }
    let Some(magic) = records.get(MAGIC_AT) else {
        return Ok(None);
    };
    if *magic > 2 {
        return Err(ErrorCode::CORRUPT_MESSAGE);
    }
    let size = LOG_OVERHEAD + usize::try_from(length).expect("checked above");
    Ok((size <= records.len()).then_some(size))
}

/// Who leads the partition as far as this broker knows (KIP-951).
pub(super) fn current_leader(broker: &Broker, tp: Tp) -> Option<(BrokerId, i32)> {
    let state = broker.known(tp)?;
    Some((state.leader?, state.leader_epoch))
}
