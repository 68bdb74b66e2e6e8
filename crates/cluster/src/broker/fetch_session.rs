//! Incremental fetch sessions of consumers (KIP-227, FetchSession).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::{ErrorCode, Offset, SimRng, SimTime};
use uuid::Uuid;

use super::consumer_fetch::{FetchPart, FetchRead};

/// A session unused for this long may give way to any newcomer.
const MIN_EVICTION: Duration = Duration::from_secs(120);

/// How a request uses sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionUse {
    None,
    /// A full fetch that wants a session.
    Create,
    /// An incremental fetch of this session.
    Incremental(i32),
}

/// The sessions of one broker, lost with its process.
#[derive(Clone, Default, Debug)]
pub(crate) struct SessionCache {
    sessions: BTreeMap<i32, Session>,
}

#[derive(Clone, Debug)]
struct Session {
    epoch: i32,
    by_topic_id: bool,
    parts: Parts,
    created: SimTime,
    last_used: SimTime,
}

#[derive(Clone, Debug)]
struct Cached {
    part: FetchPart,
    high_watermark: Offset,
    log_start: Offset,
}

/// What tells the partitions of a session apart.
type Key = (Arc<str>, Uuid, i32);

fn key(part: &FetchPart) -> Key {
    (part.topic.clone(), part.topic_id, part.index)
}

/// The partitions of a session in their order, which changes with every answer that has data.
#[derive(Clone, Default, Debug)]
struct Parts {
    in_order: BTreeMap<u64, Cached>,
    places: BTreeMap<Key, u64>,
    next_place: u64,
}

impl Parts {
    fn len(&self) -> usize {
        self.in_order.len()
    }

    fn get_mut(&mut self, part: &FetchPart) -> Option<&mut Cached> {
        self.in_order.get_mut(self.places.get(&key(part))?)
    }

    /// Adds a partition that is not there yet at the end.
    fn push(&mut self, cached: Cached) {
        self.places.insert(key(&cached.part), self.next_place);
        self.in_order.insert(self.next_place, cached);
        self.next_place += 1;
    }

    fn remove(&mut self, part: &FetchPart) -> Option<Cached> {
        self.in_order.remove(&self.places.remove(&key(part))?)
    }

    fn move_to_end(&mut self, part: &FetchPart) {
        let Some(place) = self.places.get_mut(&key(part)) else {
            return;
        };
        if *place + 1 == self.next_place {
            return;
        }
        if let Some(cached) = self.in_order.remove(place) {
            *place = self.next_place;
            self.in_order.insert(self.next_place, cached);
            self.next_place += 1;
        }
    }
}

impl SessionCache {
    pub(crate) fn close(&mut self, id: i32) {
        self.sessions.remove(&id);
    }

    /// Applies an incremental request and returns all partitions of the session in order.
    pub(crate) fn update(
        &mut self,
        now: SimTime,
        id: i32,
        epoch: i32,
        by_topic_id: bool,
        changed: Vec<FetchPart>,
        forgotten: &[FetchPart],
    ) -> Result<Vec<FetchPart>, ErrorCode> {
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.by_topic_id != by_topic_id {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        if session.epoch != epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        session.last_used = now;
        for part in changed {
            match session.parts.get_mut(&part) {
                Some(cached) => cached.part = part,
                None => session.parts.push(Cached {
                    part,
                    high_watermark: -1,
                    log_start: -1,
                }),
            }
        }
        for part in forgotten {
            session.parts.remove(part);
        }
        Ok(session.parts.in_order.values().map(|c| c.part.clone()).collect())
    }

    /// Opens a session for a full fetch that has been answered. 0: there is no room.
    pub(crate) fn create(
        &mut self,
        now: SimTime,
        slots: usize,
        rng: &mut SimRng,
        by_topic_id: bool,
        parts: Vec<FetchPart>,
        reads: &[FetchRead],
    ) -> i32 {
        if parts.is_empty() || (self.sessions.len() >= slots && !self.evict(now, parts.len())) {
            return 0;
        }
        let id = loop {
            let candidate = i32::try_from(rng.between(1, i32::MAX.unsigned_abs().into()))
                .expect("drawn from the positive int32 range");
            if !self.sessions.contains_key(&candidate) {
                break candidate;
            }
        };
        let mut cached = Parts::default();
        for (part, read) in parts.into_iter().zip(reads) {
            // A partition that was named twice is answered twice, and remembered once.
            if cached.get_mut(&part).is_none() {
                cached.push(Cached {
                    part,
                    high_watermark: reported(read),
                    log_start: read.log_start,
                });
            }
        }
        self.sessions.insert(
            id,
            Session {
                epoch: 1,
                by_topic_id,
                parts: cached,
                created: now,
                last_used: now,
            },
        );
        id
    }

    /// Makes room for a consumer's session: the least recently used if it is stale, else a smaller old one.
    fn evict(&mut self, now: SimTime, newcomer: usize) -> bool {
        let stale = self
            .sessions
            .iter()
            .min_by_key(|(id, s)| (s.last_used, **id))
            .filter(|(_, s)| now - s.last_used > MIN_EVICTION)
            .map(|(id, _)| *id);
        let smaller = || {
            self.sessions
                .iter()
                .filter(|(_, s)| now - s.created > MIN_EVICTION && s.parts.len() <= newcomer)
                .min_by_key(|(id, s)| (s.parts.len(), **id))
                .map(|(id, _)| *id)
        };
        let Some(victim) = stale.or_else(smaller) else {
            return false;
        };
        self.sessions.remove(&victim).is_some()
    }

    /// Which partitions of an incremental answer are worth mentioning; those with data move to the end of the order.
    /// The session is dropped (and 0 returned) once it has no partitions.
    pub(crate) fn settle(&mut self, id: i32, parts: &[FetchPart], reads: &[FetchRead]) -> (i32, Vec<bool>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return (0, vec![true; parts.len()]);
        };
        let mut mention = Vec::with_capacity(parts.len());
        for (part, read) in parts.iter().zip(reads) {
            let Some(cached) = session.parts.get_mut(part) else {
                mention.push(true);
                continue;
            };
            let moved = cached.high_watermark != read.high_watermark || cached.log_start != read.log_start;
            mention.push(
                read.bytes > 0
                    || !read.error.is_ok()
                    || read.diverging.is_some()
                    || read.preferred_read_replica.is_some()
                    || moved,
            );
            cached.high_watermark = reported(read);
            cached.log_start = read.log_start;
            if read.bytes > 0 {
                session.parts.move_to_end(part);
            }
        }
        if session.parts.len() == 0 {
            self.sessions.remove(&id);
            return (0, mention);
        }
        (id, mention)
    }
}

/// An errored partition is reported again once it recovers.
fn reported(read: &FetchRead) -> Offset {
    if read.error.is_ok() { read.high_watermark } else { -1 }
}
