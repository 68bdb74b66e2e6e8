//! Offsets that hold more than one message.

use super::Bench;
use crate::violation::Violation;

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let history = bench.history;
    bench
        .places
        .offsets()
        .filter(|occupants| occupants.len() > 1)
        .map(|occupants| {
            let (topic, partition) = history.log(occupants[0].log);
            let mut messages: Vec<_> = occupants.iter().map(|place| history.id_of(place.message)).collect();
            messages.sort_unstable();
            Violation::InconsistentOffset {
                topic: topic.clone(),
                partition,
                offset: occupants[0].offset,
                messages,
            }
        })
        .collect()
}
