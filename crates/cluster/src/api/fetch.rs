//! Fetch (1), versions 4 to 18.
//!
//! v4 isolation level; v5 log start offset; v7 sessions (KIP-227); v9 current leader epoch (KIP-320); v10 zstd; v11 rack
//! and reads from followers (KIP-392); v12 flexible, last fetched epoch; v13 topic ids; v14 tiered storage error; v15
//! replica state (KIP-903); v16 current leader and endpoints on errors (KIP-951); v17 directory id; v18 high watermark
//! known to a follower (KIP-1166).
//!
//! Divergence: brokers replicate over typed messages, so a request that claims to be a follower (replica id from 0) is
//! answered with NOT_LEADER_OR_FOLLOWER for every partition.

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{BrokerId, ErrorCode};

use super::endpoints::{Endpoint, endpoints};
use super::fetch_decode::{self, FetchRequest};
use super::fetch_encode::{FetchAnswer, encode};
use super::{Answer, Call};
use crate::broker::{
    Broker, CloseReason, Ctx, FetchAsk, FetchPart, FetchParts, FetchRead, FetchReads, Mention, SessionUse, byte_count,
};
use crate::peer::Tp;

const DEBUGGING: i32 = -2;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, body: &Bytes) -> Answer {
    let version = call.head.version;
    let mut ask = broker.blank_ask(call.conn, call.head);
    let Ok(request) = fetch_decode::decode(version, body, &mut ask.parts) else {
        return Answer::Close(CloseReason::BadBody);
    };
    ask.debugging = request.replica == DEBUGGING;
    ask.max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    ask.max_bytes = byte_count(request.max_bytes);
    ask.min_bytes = byte_count(request.min_bytes).min(ask.max_bytes);
    ask.read_committed = request.isolation_level == 1;
    match open_session(broker, ctx, version, &request, &mut ask.parts) {
        Ok(session) => ask.session = session,
        Err(error) => return top_level(broker, ask.head, error),
    }
    // A topic that was unknown when the session learned of it may be known by now, or be gone.
    for part in &mut ask.parts {
        part.tp = if request.replica >= 0 {
            Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        } else {
            resolve(broker, version, part)
        };
    }
    ask.rack = request.rack;
    match broker.fetch(ctx, ask) {
        None => Answer::Later,
        Some((ask, reads)) => {
            let bytes = render(broker, ctx, &ask, &reads);
            broker.keep_reads(reads);
            Answer::Encoded(ask.head, bytes)
        }
    }
}

fn top_level(broker: &mut Broker, head: RequestHead, error: ErrorCode) -> Answer {
    let answer = FetchAnswer {
        error,
        session_id: 0,
        parts: &[],
        reads: &FetchReads::default(),
        mention: &[],
        leaders: &[],
        endpoints: &[],
    };
    let bytes = encode(&mut broker.responses, &head, &answer);
    Answer::Encoded(head, bytes)
}

/// The partition that a request names, by name or from v13 by id.
fn resolve(broker: &Broker, version: i16, part: &FetchPart) -> Result<Tp, ErrorCode> {
    let by_id = version >= 13;
    let id = if by_id {
        Some(part.topic_id)
    } else {
        broker.topic_id(&part.topic)
    };
    let Some((id, topic)) = id.and_then(|id| Some((id, broker.image.topics.get(&id)?))) else {
        return Err(if by_id {
            ErrorCode::UNKNOWN_TOPIC_ID
        } else {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        });
    };
    match usize::try_from(part.index) {
        Ok(index) if index < topic.partitions.len() => Ok(Tp {
            topic: id,
            partition: part.index,
        }),
        _ => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    }
}

/// Finds out which session is meant. Of an incremental request, `parts` are then all partitions of the session.
fn open_session(
    broker: &mut Broker,
    ctx: &Ctx<'_>,
    version: i16,
    request: &FetchRequest,
    parts: &mut FetchParts,
) -> Result<SessionUse, ErrorCode> {
    if version < 7 {
        return Ok(SessionUse::None);
    }
    if request.session_epoch <= 0 {
        if request.session_id != 0 {
            broker.sessions.close(request.session_id);
        }
        return Ok(if request.session_epoch == 0 {
            SessionUse::Create
        } else {
            SessionUse::None
        });
    }
    let (id, epoch) = (request.session_id, request.session_epoch);
    broker
        .sessions
        .update(ctx.now, id, epoch, version >= 13, parts, &request.forgotten)?;
    Ok(SessionUse::Incremental(id))
}

/// Encodes the answer, after the session has had its say about what is worth mentioning.
pub(crate) fn render(broker: &mut Broker, ctx: &Ctx<'_>, ask: &FetchAsk, reads: &FetchReads) -> Bytes {
    let (session_id, mention) = match ask.session {
        SessionUse::None => (0, Mention::new()),
        SessionUse::Create => (create_session(broker, ctx, ask, &reads.parts), Mention::new()),
        SessionUse::Incremental(id) => broker.sessions.settle(id, &ask.parts, &reads.parts),
    };
    let (leaders, endpoints) = if reads.parts.iter().all(|read| read.error.is_ok()) {
        Default::default()
    } else {
        redirects(broker, ask, &reads.parts)
    };
    let answer = FetchAnswer {
        error: ErrorCode::NONE,
        session_id,
        parts: &ask.parts,
        reads,
        mention: &mention,
        leaders: &leaders,
        endpoints: &endpoints,
    };
    encode(&mut broker.responses, &ask.head, &answer)
}

fn create_session(broker: &mut Broker, ctx: &Ctx<'_>, ask: &FetchAsk, reads: &[FetchRead]) -> i32 {
    let slots = byte_count(broker.config.max_incremental_fetch_session_cache_slots);
    let by_topic_id = ask.head.version >= 13;
    broker
        .sessions
        .create(ctx.now, slots, &mut broker.rng, by_topic_id, &ask.parts, reads)
}

/// Where to go instead, for each partition, and the brokers that are named.
#[cold]
fn redirects(broker: &Broker, ask: &FetchAsk, reads: &[FetchRead]) -> (Vec<Option<(BrokerId, i32)>>, Vec<Endpoint>) {
    let parts = ask.parts.iter().zip(reads);
    let leaders: Vec<_> = parts
        .map(|(part, read)| redirect(broker, ask.head.version, part, read))
        .collect();
    let endpoints = endpoints(broker, leaders.iter().flatten().map(|(id, _)| *id));
    (leaders, endpoints)
}

/// Where to go instead (KIP-951), for errors that say this broker does not lead.
fn redirect(broker: &Broker, version: i16, part: &FetchPart, read: &FetchRead) -> Option<(BrokerId, i32)> {
    let moved = matches!(
        read.error,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    if version < 16 || !moved {
        return None;
    }
    super::produce::current_leader(broker, part.tp.ok()?)
}
