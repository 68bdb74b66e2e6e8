//! Whether what messages are about appears once.

use super::Bench;
use super::places::PlaceOf;
use crate::history::History;
use crate::violation::{Place, Violation};

/// What messages are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A business key.
    Key(u64),
    /// Whatever the first message of a chain of resends is about.
    First(u32),
}

/// What each message is about, for those that have a business key or belong to a chain of resends.
pub(super) struct Subjects(Vec<Option<Subject>>);

impl Subjects {
    pub(super) fn of(history: &History) -> Subjects {
        let mut linked = history.all_links().to_vec();
        // A resend comes after what it repeats, so that in the order of sending the subject of the
        // repeated message is known already.
        linked.sort_by_key(|&(message, _)| rank(history, message));
        let mut subjects = vec![None; history.entries().len()];
        for (message, links) in linked {
            let repeated = links.resend_of.and_then(|id| history.handle(id));
            let subject = match (links.business, repeated) {
                (Some(key), _) => Subject::Key(key),
                (None, Some(repeated)) => *subjects[repeated as usize].get_or_insert(Subject::First(repeated)),
                (None, None) => continue,
            };
            subjects[message as usize] = Some(subject);
        }
        Subjects(subjects)
    }

    pub(super) fn get(&self, message: u32) -> Option<Subject> {
        self.0[message as usize]
    }

    /// The messages about each subject, grouped and in the order of sending.
    fn members(&self, history: &History) -> Vec<(Subject, Option<u32>, u32)> {
        let messages = (0..).zip(&self.0);
        let mut members: Vec<_> = messages
            .filter_map(|(message, subject)| Some(((*subject)?, rank(history, message), message)))
            .collect();
        // Mostly they are in order.
        members.sort();
        members
    }
}

fn rank(history: &History, message: u32) -> Option<u32> {
    history.entry(message).sent.as_ref().map(|sent| sent.rank)
}

pub(super) fn judge(bench: &Bench<'_>) -> Vec<Violation> {
    let members = Subjects::of(bench.history).members(bench.history);
    let same = |a: &(Subject, _, _), b: &(Subject, _, _)| a.0 == b.0;
    let groups = members.chunk_by(same);
    groups
        .filter(|messages| appearances(bench, messages).nth(1).is_some())
        .map(|messages| breach(bench, messages))
        .collect()
}

/// The places where messages were seen.
fn appearances<'a>(
    bench: &'a Bench<'_>,
    messages: &'a [(Subject, Option<u32>, u32)],
) -> impl Iterator<Item = &'a PlaceOf> {
    let places = messages
        .iter()
        .flat_map(|&(_, _, message)| bench.places.of_message(message));
    places.filter(|place| place.seen)
}

fn breach(bench: &Bench<'_>, messages: &[(Subject, Option<u32>, u32)]) -> Violation {
    let history = bench.history;
    let mut visible: Vec<_> = appearances(bench, messages)
        .map(|place| {
            let (topic, partition) = history.log(place.log);
            let offset = place.offset;
            (
                topic.clone(),
                Place { partition, offset },
                history.entry(place.message).id,
            )
        })
        .collect();
    let message = visible[0].2;
    visible.sort_unstable();
    Violation::Repeated {
        business: match messages[0].0 {
            Subject::Key(key) => Some(key),
            Subject::First(_) => None,
        },
        message,
        appearances: visible,
    }
}
