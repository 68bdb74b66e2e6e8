//! Fetch (1), versions 4 to 18.
//!
//! v4 isolation level; v5 log start offset; v7 sessions (KIP-227); v9 current leader epoch (KIP-320); v10 zstd; v11 rack
//! and reads from followers (KIP-392); v12 flexible, last fetched epoch; v13 topic ids; v14 tiered storage error; v15
//! replica state (KIP-903); v16 current leader and endpoints on errors (KIP-951); v17 directory id; v18 high watermark
//! known to a follower (KIP-1166).
//!
//! Divergence: brokers replicate over typed messages, so a request that claims to be a follower (replica id from 0) is
//! answered with NOT_LEADER_OR_FOLLOWER for every partition.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::ErrorCode;
use smallvec::SmallVec;
use uuid::Uuid;

use super::fetch_decode::{self, FetchRequest};
use super::fetch_encode::{FetchAnswer, encode};
use super::{Answer, Call};
use crate::broker::{Broker, CloseReason, Ctx, FetchAsk, FetchPart, FetchRead, FetchReads, SessionUse};
use crate::peer::Tp;

const DEBUGGING: i32 = -2;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, body: &Bytes) -> Answer {
    let Ok(request) = fetch_decode::decode(call.head.version, body) else {
        return Answer::Close(CloseReason::BadBody);
    };
    let follower = request.replica >= 0;
    let listed = listed_parts(broker, call.head.version, &request, follower);
    let (parts, session) = match open_session(broker, ctx, call.head.version, &request, listed, follower) {
        Ok(opened) => opened,
        Err(error) => return top_level(call, error),
    };
    let ask = FetchAsk {
        conn: call.conn,
        head: call.head.clone(),
        debugging: request.replica == DEBUGGING,
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        min_bytes: usize::try_from(request.min_bytes)
            .unwrap_or(0)
            .min(usize::try_from(request.max_bytes).unwrap_or(0)),
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0),
        read_committed: request.isolation_level == 1,
        rack: request.rack.clone(),
        parts,
        session,
    };
    match broker.fetch(ctx, ask) {
        None => Answer::Later,
        Some((ask, reads)) => {
            let bytes = render(broker, ctx, ask, reads);
            Answer::Encoded(call.head, bytes)
        }
    }
}

fn top_level(call: Call, error: ErrorCode) -> Answer {
    let answer = FetchAnswer {
        error,
        session_id: 0,
        parts: &[],
        reads: &[],
        mention: &[],
        leaders: &[],
    };
    let bytes = encode(&call.head, &answer, |_| None);
    Answer::Encoded(call.head, bytes)
}

fn listed_parts(broker: &Broker, version: i16, request: &FetchRequest, follower: bool) -> Vec<FetchPart> {
    let mut parts = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        for partition in &topic.partitions {
            let tp = resolve(broker, version, &topic.name, topic.id, partition.index);
            parts.push(FetchPart {
                topic: topic.name.clone(),
                topic_id: topic.id,
                index: partition.index,
                tp: if follower {
                    Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
                } else {
                    tp
                },
                current_leader_epoch: partition.current_leader_epoch,
                fetch_offset: partition.fetch_offset,
                last_fetched_epoch: partition.last_fetched_epoch,
                max_bytes: usize::try_from(partition.max_bytes).unwrap_or(0),
            });
        }
    }
    parts
}

/// The partition that a request names, by name or from v13 by id.
fn resolve(broker: &Broker, version: i16, name: &str, id: Uuid, partition: i32) -> Result<Tp, ErrorCode> {
    let unknown = if version >= 13 {
        ErrorCode::UNKNOWN_TOPIC_ID
    } else {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    };
    let topic = if version >= 13 { Some(id) } else { broker.topic_id(name) };
    let tp = Tp {
        topic: topic.ok_or(unknown)?,
        partition,
    };
    if !broker.image.topics.contains_key(&tp.topic) {
        return Err(unknown);
    }
    broker
        .known(tp)
        .map(|_| tp)
        .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

fn open_session(
    broker: &mut Broker,
    ctx: &Ctx<'_>,
    version: i16,
    request: &FetchRequest,
    listed: Vec<FetchPart>,
    follower: bool,
) -> Result<(Vec<FetchPart>, SessionUse), ErrorCode> {
    if version < 7 {
        return Ok((listed, SessionUse::None));
    }
    if request.session_epoch <= 0 {
        if request.session_id != 0 {
            broker.sessions.close(request.session_id);
        }
        let wanted = if request.session_epoch == 0 {
            SessionUse::Create
        } else {
            SessionUse::None
        };
        return Ok((listed, wanted));
    }
    let forgotten: Vec<FetchPart> = request
        .forgotten
        .iter()
        .flat_map(|topic| {
            let indexes = topic.partitions.iter();
            indexes.map(|index| forgotten_part(topic.name.clone(), topic.id, *index))
        })
        .collect();
    let by_id = version >= 13;
    let mut parts = broker.sessions.update(
        ctx.now,
        request.session_id,
        request.session_epoch,
        by_id,
        listed,
        &forgotten,
    )?;
    // A topic that was unknown when the session learned of it may be known by now, or be gone.
    for part in &mut parts {
        let tp = resolve(broker, version, &part.topic, part.topic_id, part.index);
        part.tp = if follower {
            Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        } else {
            tp
        };
    }
    Ok((parts, SessionUse::Incremental(request.session_id)))
}

fn forgotten_part(topic: Arc<str>, topic_id: Uuid, index: i32) -> FetchPart {
    FetchPart {
        topic,
        topic_id,
        index,
        tp: Err(ErrorCode::NONE),
        current_leader_epoch: -1,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        max_bytes: 0,
    }
}

/// Encodes the answer, after the session has had its say about what is worth mentioning.
pub(crate) fn render(broker: &mut Broker, ctx: &Ctx<'_>, ask: FetchAsk, reads: FetchReads) -> Bytes {
    let version = ask.head.version;
    let leaders: SmallVec<[Option<(kafka_sim_core::BrokerId, i32)>; 4]> = ask
        .parts
        .iter()
        .zip(&reads)
        .map(|(part, read)| redirect(broker, version, part, read))
        .collect();
    let (session_id, mention) = match ask.session {
        SessionUse::None => (0, Vec::new()),
        SessionUse::Create => {
            let slots = crate::broker::byte_count(broker.config.max_incremental_fetch_session_cache_slots);
            let id = broker.sessions.create(
                ctx.now,
                slots,
                &mut broker.rng,
                version >= 13,
                ask.parts.clone(),
                &reads,
            );
            (id, Vec::new())
        }
        SessionUse::Incremental(id) => broker.sessions.settle(id, &ask.parts, &reads),
    };
    let answer = FetchAnswer {
        error: ErrorCode::NONE,
        session_id,
        parts: &ask.parts,
        reads: &reads,
        mention: &mention,
        leaders: &leaders,
    };
    encode(&ask.head, &answer, |id| Some(super::produce::address(broker, id)))
}

/// Where to go instead (KIP-951), for errors that say this broker does not lead.
fn redirect(
    broker: &Broker,
    version: i16,
    part: &FetchPart,
    read: &FetchRead,
) -> Option<(kafka_sim_core::BrokerId, i32)> {
    let moved = matches!(
        read.error,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    if version < 16 || !moved {
        return None;
    }
    super::produce::current_leader(broker, part.tp.ok()?)
}
