//! Incremental fetch sessions of consumers (KIP-227, FetchSession).

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_sim_core::{ErrorCode, Offset, SimRng, SimTime};
use smallvec::SmallVec;

use super::consumer_fetch::{FetchPart, FetchParts};
use super::fetch_reads::FetchRead;

/// A session unused for this long may give way to any newcomer.
const MIN_EVICTION: Duration = Duration::from_secs(120);

/// Which partitions of an answer to list, in the order of the request. Empty: all of them.
pub(crate) type Mention = SmallVec<[bool; 16]>;

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
    /// The answer that is being made has data of it.
    served: bool,
}

impl Cached {
    fn new(part: FetchPart) -> Self {
        Cached {
            part,
            high_watermark: -1,
            log_start: -1,
            served: false,
        }
    }

    /// Takes note of what the client is told.
    fn tell(&mut self, read: &FetchRead) {
        // An errored partition is reported again once it recovers.
        self.high_watermark = if read.error.is_ok() { read.high_watermark } else { -1 };
        self.log_start = read.log_start;
    }
}

/// The partitions of a session in their order, which changes with every answer that has data.
#[derive(Clone, Default, Debug)]
struct Parts {
    in_order: Vec<Cached>,
}

impl Parts {
    fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Where a partition is. The search begins at a guess: requests and answers mostly name partitions in their order.
    #[inline]
    fn place(&self, part: &FetchPart, guess: usize) -> Option<usize> {
        match self.in_order.get(guess) {
            Some(cached) if cached.part.is_of_same(part) => Some(guess),
            _ => self.place_after(part, guess),
        }
    }

    fn place_after(&self, part: &FetchPart, guess: usize) -> Option<usize> {
        let (before, from) = self.in_order.split_at(guess.min(self.in_order.len()));
        let is_it = |cached: &Cached| cached.part.is_of_same(part);
        match from.iter().position(is_it) {
            Some(behind) => Some(before.len() + behind),
            None => before.iter().position(is_it),
        }
    }

    /// Puts those that were answered with data behind all others, without changing their order.
    fn move_served_to_end(&mut self) {
        if self.in_order.len() > 1 {
            self.in_order.sort_by_key(|cached| cached.served);
        }
        for cached in &mut self.in_order {
            cached.served = false;
        }
    }
}

impl SessionCache {
    pub(crate) fn close(&mut self, id: i32) {
        self.sessions.remove(&id);
    }

    /// Applies an incremental request: of the partitions it lists, `parts` makes all partitions of the session in order.
    pub(crate) fn update(
        &mut self,
        now: SimTime,
        id: i32,
        epoch: i32,
        by_topic_id: bool,
        parts: &mut FetchParts,
        forgotten: &[FetchPart],
    ) -> Result<(), ErrorCode> {
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
        let mut next = 0;
        for part in parts.iter() {
            match session.parts.place(part, next) {
                Some(place) => {
                    session.parts.in_order[place].part.read_from(part);
                    next = place + 1;
                }
                None => session.parts.in_order.push(Cached::new(part.clone())),
            }
        }
        for part in forgotten {
            if let Some(place) = session.parts.place(part, 0) {
                session.parts.in_order.remove(place);
            }
        }
        parts.clear();
        for cached in &session.parts.in_order {
            parts.push(cached.part.clone());
        }
        Ok(())
    }

    /// Opens a session for a full fetch that has been answered. 0: there is no room.
    pub(crate) fn create(
        &mut self,
        now: SimTime,
        slots: usize,
        rng: &mut SimRng,
        by_topic_id: bool,
        parts: &[FetchPart],
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
        let mut session_parts = Parts::default();
        for (part, read) in parts.iter().zip(reads) {
            // A partition that was named twice is answered twice, and remembered once.
            if session_parts.place(part, 0).is_none() {
                let mut cached = Cached::new(part.clone());
                cached.tell(read);
                session_parts.in_order.push(cached);
            }
        }
        self.sessions.insert(
            id,
            Session {
                epoch: 1,
                by_topic_id,
                parts: session_parts,
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
    pub(crate) fn settle(&mut self, id: i32, parts: &[FetchPart], reads: &[FetchRead]) -> (i32, Mention) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return (0, Mention::new());
        };
        let mut mention = Mention::new();
        let mut served = false;
        for (guess, (part, read)) in parts.iter().zip(reads).enumerate() {
            let Some(place) = session.parts.place(part, guess) else {
                mention.push(true);
                continue;
            };
            let cached = &mut session.parts.in_order[place];
            let moved = cached.high_watermark != read.high_watermark || cached.log_start != read.log_start;
            mention.push(moved || read.bytes > 0 || read.must_not_wait());
            cached.tell(read);
            cached.served = read.bytes > 0;
            served |= cached.served;
        }
        if served {
            session.parts.move_served_to_end();
        }
        if session.parts.len() == 0 {
            self.sessions.remove(&id);
            return (0, mention);
        }
        (id, mention)
    }
}
