//! Whether groups process each key in the order of sending.

use super::{Bench, Found};
use crate::promise::Promise;
use crate::violation::Violation;

/// One message and when a group first processed it. The field order is the order of judging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    group: u32,
    topic: u32,
    producer: u32,
    key: u64,
    rank: u32,
    deed: u32,
    at: u64,
    message: u32,
}

pub(super) fn judge(bench: &Bench<'_>) -> Found {
    let mut turns = turns(bench);
    turns.sort_unstable();
    let mut found = Found::default();
    if turns.is_empty() {
        found.nothing_of(Promise::OrderPerKey);
    }
    let same_line = |a: &Turn, b: &Turn| (a.group, a.topic, a.producer, a.key) == (b.group, b.topic, b.producer, b.key);
    for line in turns.chunk_by(same_line) {
        // Of the messages sent so far, the one that was processed last.
        let mut latest = line[0];
        for &next in &line[1..] {
            if next.deed > latest.deed {
                latest = next;
            } else {
                found.breaches.push(breach(bench, latest, next));
            }
        }
    }
    found
}

fn turns(bench: &Bench<'_>) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (group, facts) in bench.groups.iter() {
        for (&message, first) in &facts.processed {
            let sent = bench.history.entry(message).sent.as_ref();
            if let Some((sent, key)) = sent.and_then(|sent| Some((sent, sent.key?))) {
                turns.push(Turn {
                    group,
                    topic: sent.topic,
                    producer: sent.producer,
                    key,
                    rank: sent.rank,
                    deed: first.deed,
                    at: first.spot.at,
                    message,
                });
            }
        }
    }
    turns
}

fn breach(bench: &Bench<'_>, earlier: Turn, later: Turn) -> Violation {
    Violation::ProcessedOutOfOrder {
        group: bench.history.group(later.group).clone(),
        producer: later.producer,
        topic: bench.history.topic(later.topic).clone(),
        key: later.key,
        earlier: bench.history.entry(earlier.message).id,
        earlier_at: earlier.at,
        later: bench.history.entry(later.message).id,
        later_at: later.at,
    }
}
