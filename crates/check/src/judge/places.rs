//! Where messages are, by message and by offset.

use crate::history::{FOREIGN, History, Settled};

/// One message at one place, according to a reader or an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PlaceOf {
    pub(crate) message: u32,
    pub(crate) log: u32,
    pub(crate) offset: i64,
    /// Whether a reader saw it there, and not just an acknowledgement said so.
    pub(crate) seen: bool,
}

/// All places of all messages: every read of every reader, and every acknowledged offset. These
/// are Jepsen's version orders.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// By message, log, offset. Without foreign bytes.
    by_message: Vec<PlaceOf>,
    /// By log, offset, message. With foreign bytes.
    by_offset: Vec<PlaceOf>,
}

impl Places {
    pub(crate) fn of(history: &History) -> Places {
        let mut all: Vec<PlaceOf> = Vec::with_capacity(history.reads().len() + history.sent_handles().len());
        all.extend(history.reads().iter().map(|read| PlaceOf {
            message: read.message,
            log: read.log,
            offset: read.offset,
            seen: true,
        }));
        for &handle in history.sent_handles() {
            if let Some(Settled::Acked {
                log,
                offset: Some(offset),
                ..
            }) = history.entry(handle).settled
            {
                all.push(PlaceOf {
                    message: handle,
                    log,
                    offset,
                    seen: false,
                });
            }
        }
        let mut by_offset = grouped(&all, history.log_count(), |place| place.log);
        // What was seen comes first among equals and is the one that is kept. Reads and acknowledgements of a log are
        // mostly in order.
        for log in by_offset.chunk_by_mut(|a, b| a.log == b.log) {
            log.sort_by_key(|place| (place.offset, place.message, !place.seen));
        }
        by_offset.dedup_by_key(|place| (place.log, place.offset, place.message));
        all.clear();
        all.extend(by_offset.iter().filter(|place| place.message != FOREIGN));
        let by_message = grouped(&all, history.entries().len(), |place| place.message);
        Places { by_message, by_offset }
    }

    /// The places of each message that has any, grouped.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &[PlaceOf]> {
        self.by_message.chunk_by(|a, b| a.message == b.message)
    }

    /// The places of one message.
    pub(crate) fn of_message(&self, message: u32) -> &[PlaceOf] {
        let from = self.by_message.partition_point(|place| place.message < message);
        let len = self.by_message[from..].partition_point(|place| place.message == message);
        &self.by_message[from..from + len]
    }

    /// The occupants of one offset.
    pub(crate) fn at(&self, log: u32, offset: i64) -> &[PlaceOf] {
        let spot = |place: &PlaceOf| (place.log, place.offset);
        let from = self.by_offset.partition_point(|place| spot(place) < (log, offset));
        let len = self.by_offset[from..].partition_point(|place| spot(place) == (log, offset));
        &self.by_offset[from..from + len]
    }

    /// The occupants of each log, grouped and ascending by offset.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &[PlaceOf]> {
        self.by_offset.chunk_by(|a, b| a.log == b.log)
    }

    /// The occupants of each offset of each log, grouped.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = &[PlaceOf]> {
        self.by_offset.chunk_by(|a, b| (a.log, a.offset) == (b.log, b.offset))
    }
}

/// Sorts by a number below `numbers`, by counting. What has the same number stays in order.
fn grouped(places: &[PlaceOf], numbers: usize, number: impl Fn(&PlaceOf) -> u32) -> Vec<PlaceOf> {
    // Where the next place of each number belongs.
    let mut next = vec![0; numbers + 1];
    for place in places {
        next[number(place) as usize + 1] += 1;
    }
    for number in 0..numbers {
        next[number + 1] += next[number];
    }
    let mut sorted = places.to_vec();
    for place in places {
        let at = &mut next[number(place) as usize];
        sorted[*at] = *place;
        *at += 1;
    }
    sorted
}
