//! Messages with more than one place.

use super::Bench;
use crate::violation::{Place, Violation};

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let history = bench.history;
    let mut breaches = Vec::new();
    for places in bench.places.messages().filter(|places| places.len() > 1) {
        let entry = history.entry(places[0].message);
        let mut by_topic: Vec<(u32, Place)> = places
            .iter()
            .map(|place| {
                let partition = history.log(place.log).1;
                (
                    history.topic_of(place.log),
                    Place {
                        partition,
                        offset: place.offset,
                    },
                )
            })
            .collect();
        by_topic.sort_unstable();
        for places in by_topic.chunk_by(|a, b| a.0 == b.0).filter(|places| places.len() > 1) {
            breaches.push(Violation::Duplicated {
                message: entry.id,
                producer: entry.sent.as_ref().map(|sent| sent.producer),
                topic: history.topic(places[0].0).clone(),
                places: places.iter().map(|&(_, place)| place).collect(),
            });
        }
    }
    breaches
}
