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
        let mut by_offset = by_spot(&all, history.log_count());
        // What was seen comes first among equals and is the one that is kept.
        for spot in by_offset.chunk_by_mut(|a, b| (a.log, a.offset) == (b.log, b.offset)) {
            spot.sort_by_key(|place| (place.message, !place.seen));
        }
        by_offset.dedup_by_key(|place| (place.log, place.offset, place.message));
        all.clear();
        all.extend(by_offset.iter().filter(|place| place.message != FOREIGN));
        let by_message = grouped(&all, history.entries().len(), |place| place.message as usize);
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

/// Sorts by log and offset. Those of nearly all histories begin at 0 and leave hardly any out, and are counted through.
fn by_spot(places: &[PlaceOf], logs: usize) -> Vec<PlaceOf> {
    let mut ends = vec![0_usize; logs];
    for place in places {
        // A negative one is far beyond.
        let end = usize::try_from(place.offset).map_or(usize::MAX, |offset| offset.saturating_add(1));
        ends[place.log as usize] = end.max(ends[place.log as usize]);
    }
    // Where the offsets of each log begin among those of all.
    let mut spots = 0_usize;
    let begins: Vec<usize> = ends
        .iter()
        .map(|end| {
            let begin = spots;
            spots = spots.saturating_add(*end);
            begin
        })
        .collect();
    if spots <= SPARSE * places.len() {
        return grouped(places, spots, |place| {
            begins[place.log as usize] + place.offset as usize
        });
    }
    let mut sorted = places.to_vec();
    sorted.sort_by_key(|place| (place.log, place.offset));
    sorted
}

/// Offsets are counted through where there are at most so many for each place.
const SPARSE: usize = 4;

/// Sorts by a number below `numbers`, by counting. What has the same number stays in order.
fn grouped(places: &[PlaceOf], numbers: usize, number: impl Fn(&PlaceOf) -> usize) -> Vec<PlaceOf> {
    // Where the next place of each number belongs.
    let mut next = vec![0; numbers + 1];
    for place in places {
        next[number(place) + 1] += 1;
    }
    for number in 0..numbers {
        next[number + 1] += next[number];
    }
    let mut sorted = places.to_vec();
    for place in places {
        let at = &mut next[number(place)];
        sorted[*at] = *place;
        *at += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_same_order_whether_offsets_are_counted_or_compared() {
        let place = |message: u32| PlaceOf {
            message,
            log: message * 7 % 3,
            offset: i64::from(message * 5 % 11),
            seen: message.is_multiple_of(2),
        };
        let counted: Vec<PlaceOf> = (0..40).map(place).collect();
        for far in [1_000_000, i64::MIN, i64::MAX - 10] {
            let moved = |place: &PlaceOf| PlaceOf {
                offset: place.offset + far,
                ..*place
            };
            let compared: Vec<PlaceOf> = counted.iter().map(moved).collect();
            let expected: Vec<PlaceOf> = by_spot(&counted, 3).iter().map(moved).collect();
            assert_eq!(by_spot(&compared, 3), expected);
            assert!(expected.is_sorted_by_key(|place| (place.log, place.offset)));
        }
    }
}
