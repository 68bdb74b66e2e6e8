//! Whether messages lie in the order of sending.

use super::Bench;
use crate::violation::Violation;

/// Between which messages order is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// All of one producer in one partition.
    Partition,
    /// Those that also have the same key. Messages without a key have no order here.
    Key,
}

/// One message at the first place that it kept. The field order is the order of judging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Positioned {
    log: u32,
    producer: u32,
    key: Option<u64>,
    rank: u32,
    offset: i64,
    message: u32,
}

pub(super) fn judge(bench: &Bench<'_>, scope: Scope) -> Vec<Violation> {
    let mut breaches = Vec::new();
    let same_line = |a: &Positioned, b: &Positioned| (a.log, a.producer, a.key) == (b.log, b.producer, b.key);
    let mut logs = positions(bench, scope);
    // The messages of a log are mostly in order.
    logs.iter_mut().for_each(|messages| messages.sort_unstable());
    for line in logs.iter().flat_map(|messages| messages.chunk_by(same_line)) {
        // Of the messages sent so far, the one that lies farthest back.
        let mut farthest = line[0];
        for &next in &line[1..] {
            if next.offset > farthest.offset {
                farthest = next;
            } else if next.offset < farthest.offset {
                breaches.push(breach(bench, farthest, next));
            }
        }
    }
    breaches
}

/// By log.
fn positions(bench: &Bench<'_>, scope: Scope) -> Vec<Vec<Positioned>> {
    let history = bench.history;
    let mut positions = vec![Vec::new(); history.log_count()];
    let mut position = |message: u32, log: u32, offset: i64| {
        let Some(sent) = &history.entry(message).sent else {
            return;
        };
        let key = match scope {
            Scope::Partition => None,
            Scope::Key if sent.key.is_none() => return,
            Scope::Key => sent.key,
        };
        positions[log as usize].push(Positioned {
            log,
            producer: sent.producer,
            key,
            rank: sent.rank,
            offset,
            message,
        });
    };
    for places in bench.places.messages() {
        for places in places.chunk_by(|a, b| a.log == b.log) {
            // What a reader saw and was taken back is lost. It is not out of order with what took its place.
            let first = match bench.finals.get(places[0].log) {
                Some(found) => { places.iter() }.find(|place| place.seen && found.keeps(place.message, place.offset)),
                // Nobody can say that it is not there, so that its acknowledgement is believed.
                None => places.iter().find(|place| place.seen).or(places.first()),
            };
            if let Some(first) = first {
                position(first.message, first.log, first.offset);
            }
        }
    }
    positions
}

fn breach(bench: &Bench<'_>, earlier: Positioned, later: Positioned) -> Violation {
    let (topic, partition) = bench.history.log(later.log);
    Violation::Reordered {
        producer: later.producer,
        topic: topic.clone(),
        partition,
        key: later.key,
        earlier: bench.history.entry(earlier.message).id,
        earlier_offset: earlier.offset,
        later: bench.history.entry(later.message).id,
        later_offset: later.offset,
    }
}
