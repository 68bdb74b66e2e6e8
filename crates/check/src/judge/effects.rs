//! Whether effects took place once.

use super::business::{Subject, Subjects};
use super::{Bench, Found};
use crate::history::Deed;
use crate::message::MessageId;
use crate::promise::Promise;
use crate::violation::Violation;
use std::collections::BTreeMap;

/// When, by which reader and of which message an effect took place.
type Times = Vec<(u64, u32, MessageId)>;

pub(super) fn judge(bench: &Bench<'_>) -> Found {
    let history = bench.history;
    let mut found = Found::default();
    let is_effect = |deed: &Deed| matches!(deed, Deed::Effect { .. });
    if !history.deeds().iter().any(is_effect) {
        found.nothing_of(Promise::EffectOnce);
        return found;
    }
    let subjects = Subjects::of(history);
    let mut times: BTreeMap<(Option<u32>, Subject), Times> = BTreeMap::new();
    for deed in history.deeds() {
        if let Deed::Effect { at, reader, message } = *deed {
            let subject = subjects.get(message).unwrap_or(Subject::First(message));
            let times = times.entry((history.group_of(reader), subject)).or_default();
            times.push((at, reader, history.entry(message).id));
        }
    }
    let repeated = times.into_iter().filter(|(_, times)| times.len() > 1);
    found
        .breaches
        .extend(repeated.map(|((group, _), times)| Violation::EffectRepeated {
            group: group.map(|group| history.group(group).clone()),
            message: times[0].2,
            times,
        }));
    found
}

/// How many effects of a breach should not have taken place.
pub(super) fn surplus(breach: &Violation) -> u64 {
    match breach {
        Violation::EffectRepeated { times, .. } => times.len() as u64 - 1,
        _ => 0,
    }
}
