//! Whether what messages are about appears once.

use super::Bench;
use crate::violation::{Place, Violation};
use std::collections::BTreeMap;

/// What messages are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A business key.
    Key(u64),
    /// Whatever the first message of a chain of resends is about.
    First(u32),
}

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let history = bench.history;
    let mut members: BTreeMap<Subject, Vec<u32>> = BTreeMap::new();
    for (message, subject) in subjects(bench) {
        members.entry(subject).or_default().push(message);
    }
    let mut breaches = Vec::new();
    for (subject, mut messages) in members {
        messages.sort_unstable_by_key(|&message| history.entry(message).sent.as_ref().map(|sent| sent.rank));
        let mut visible = Vec::new();
        for &message in &messages {
            for place in bench.places.of_message(message).iter().filter(|place| place.seen) {
                let (topic, partition) = history.log(place.log);
                let at = Place {
                    partition,
                    offset: place.offset,
                };
                visible.push((topic.clone(), at, history.entry(message).id));
            }
        }
        if visible.len() < 2 {
            continue;
        }
        let message = visible[0].2;
        visible.sort_unstable();
        let business = match subject {
            Subject::Key(key) => Some(key),
            Subject::First(_) => None,
        };
        breaches.push(Violation::Repeated {
            business,
            message,
            appearances: visible,
        });
    }
    breaches
}

/// What each message is about, for those that have a business key or belong to a chain of resends.
pub(super) fn subjects(bench: &Bench<'_>) -> BTreeMap<u32, Subject> {
    let history = bench.history;
    let mut linked: Vec<_> = history
        .all_links()
        .iter()
        .map(|(&message, &links)| (message, links))
        .collect();
    // A resend comes after what it repeats, so that in the order of sending the subject of the
    // repeated message is known already.
    linked.sort_unstable_by_key(|&(message, _)| history.entry(message).sent.as_ref().map(|sent| sent.rank));
    let mut subjects = BTreeMap::new();
    for (message, links) in linked {
        let repeated = links.resend_of.and_then(|id| history.handle(id));
        let subject = match (links.business, repeated) {
            (Some(key), _) => Subject::Key(key),
            (None, Some(repeated)) => *subjects.entry(repeated).or_insert(Subject::First(repeated)),
            (None, None) => continue,
        };
        subjects.insert(message, subject);
    }
    subjects
}
