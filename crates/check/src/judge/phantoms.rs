//! Messages that can be read but should not exist.

use super::Bench;
use crate::history::Settled;
use crate::violation::{PhantomKind, Place, Violation};

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let history = bench.history;
    let mut breaches = Vec::new();
    for places in bench.places.messages() {
        let entry = history.entry(places[0].message);
        let kind = match (&entry.sent, entry.settled) {
            (None, _) => PhantomKind::NeverSent,
            (_, Some(Settled::Refused { .. })) => PhantomKind::Refused,
            _ => continue,
        };
        // Neither kind has an acknowledgement, so that every place was seen by a reader.
        let (topic, partition) = history.log(places[0].log);
        let place = Place {
            partition,
            offset: places[0].offset,
        };
        breaches.push(Violation::Phantom {
            message: entry.id,
            topic: topic.clone(),
            place,
            kind,
        });
    }
    breaches
}
