//! Whether each key stays in one partition.

use super::Bench;
use crate::violation::Violation;

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let history = bench.history;
    // Topic, key, partition.
    let mut homes: Vec<(u32, u64, i32)> = Vec::new();
    for places in bench.places.messages() {
        let key = history.entry(places[0].message).sent.as_ref().and_then(|sent| sent.key);
        if let Some(key) = key {
            let seen = places.iter().filter(|place| place.seen);
            homes.extend(seen.map(|place| (history.topic_of(place.log), key, history.log(place.log).1)));
        }
    }
    homes.sort_unstable();
    homes.dedup();
    homes
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .filter(|homes| homes.len() > 1)
        .map(|homes| Violation::KeyMoved {
            topic: history.topic(homes[0].0).clone(),
            key: homes[0].1,
            partitions: homes.iter().map(|home| home.2).collect(),
        })
        .collect()
}
