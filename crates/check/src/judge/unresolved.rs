//! Sends that never came to an outcome.

use super::Bench;
use crate::violation::Violation;

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let unsettled = bench.history.entries().iter().filter(|entry| entry.settled.is_none());
    unsettled
        .filter_map(|entry| {
            let sent = entry.sent.as_ref()?;
            Some(Violation::Unresolved {
                message: entry.id,
                producer: sent.producer,
                topic: bench.history.topic(sent.topic).clone(),
                partition: sent.log.map(|log| bench.history.log(log).1),
                sent_at: sent.at,
            })
        })
        .collect()
}
