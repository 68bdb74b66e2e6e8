//! Judging: one file per promise, over tables that are built once.
//!
//! Everything is sorted once and walked once: n log n in the number of observations.

mod business;
mod commits;
mod duplicates;
mod effects;
mod final_read;
mod groups;
mod keys;
mod offsets;
mod order;
mod owners;
mod phantoms;
mod places;
mod processing;
mod processing_order;
mod survival;
mod unresolved;

#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod tests;

pub(crate) use final_read::FinalReads;
pub(crate) use places::Places;
pub(crate) use survival::{Fate, fates};

use groups::Groups;

use crate::dangers::Dangers;
use crate::history::{Deed, History, Settled};
use crate::observation::Completion;
use crate::promise::Promise;
use crate::verdict::{Counts, Unclean, Verdict};
use crate::violation::Violation;

/// Holds a history to promises.
///
/// The verdict knows of no danger yet, so that it is not [clean](Verdict::is_clean) before
/// [`Verdict::with_dangers`] says what the run went through.
///
/// ```
/// use kafka_sim_check::{judge, Dangers, History, MessageId, Observation, Promise};
///
/// let mut history = History::new();
/// history.record(Observation::Sent {
///     at: 1, producer: 0, message: MessageId(1), topic: "orders".into(), partition: Some(0),
///     key: None, sequence: 0, business: None, resend_of: None,
/// });
/// history.record(Observation::Unknown { at: 2, message: MessageId(1), error: "REQUEST_TIMED_OUT".into() });
/// let verdict = judge(&history, &[Promise::SendsResolved]);
/// assert!(verdict.holds() && !verdict.is_clean());
/// let verdict = verdict.with_dangers(Dangers { leader_changes: 1, ..Dangers::default() });
/// assert!(verdict.is_clean());
/// ```
pub fn judge(history: &History, promises: &[Promise]) -> Verdict {
    let mut promises = promises.to_vec();
    promises.sort_unstable();
    promises.dedup();
    let bench = Bench::new(history);

    let mut violations = Vec::new();
    let survival = survival::judge(&bench);
    let mut counts = count(&bench);
    counts.lost = survival.lost.len() as u64;
    counts.expired = survival.expired;
    counts.replaced = survival.replaced;
    let mut hold = |promise: Promise, breaches: Vec<Violation>| {
        let count = breaches.len() as u64;
        if promises.contains(&promise) {
            violations.extend(breaches);
        }
        count
    };
    hold(Promise::AckedSurvives, survival.lost);
    counts.duplicated = hold(Promise::NoDuplicates, duplicates::judge(&bench));
    counts.reordered = hold(Promise::InOrder, order::judge(&bench, order::Scope::Partition));
    counts.inconsistent = hold(Promise::ConsistentOffsets, offsets::judge(&bench));
    counts.phantom = hold(Promise::NothingRefusedAppears, phantoms::judge(&bench));
    counts.unresolved = hold(Promise::SendsResolved, unresolved::judge(&bench));
    // Nothing counts these, so that they are judged only where they are promised.
    let uncounted: [(Promise, Judge); 3] = [
        (Promise::InOrderPerKey, |bench| order::judge(bench, order::Scope::Key)),
        (Promise::OncePerBusinessKey, business::judge),
        (Promise::KeyStaysInPartition, keys::judge),
    ];
    for (promise, judge) in uncounted.into_iter().filter(|(promise, _)| promises.contains(promise)) {
        hold(promise, judge(&bench));
    }
    let mut doubts = Vec::new();
    let mut hold_groups = |promise: Promise, found: Found| {
        if promises.contains(&promise) {
            doubts.extend(found.doubts);
        }
        hold(promise, found.breaches)
    };
    counts.unprocessed = hold_groups(Promise::EveryAckedProcessed, processing::judge(&bench));
    let effects = effects::judge(&bench);
    counts.effects_repeated = effects.breaches.iter().map(effects::surplus).sum();
    hold_groups(Promise::EffectOnce, effects);
    counts.commits_ahead = hold_groups(Promise::CommitNeverPassesProcessed, commits::judge(&bench));
    counts.misprocessed = hold_groups(Promise::OrderPerKey, processing_order::judge(&bench));
    hold_groups(Promise::GroupSingleOwner, owners::judge(&bench));
    hold_groups(Promise::Converges, processing::judge_rest(&bench));
    violations.sort_unstable();

    let about_sends = promises.iter().any(|promise| Promise::STORED.contains(promise));
    if promises.is_empty() || (about_sends && counts.sent == 0) {
        doubts.push(Unclean::NothingJudged);
    }
    if promises.contains(&Promise::AckedSurvives) {
        doubts.extend(survival.undecided);
    }
    if let Some(&first) = history.oddities().first() {
        doubts.push(Unclean::Odd {
            first,
            count: history.oddities().len(),
        });
    }
    Verdict {
        promises,
        violations,
        doubts,
        counts,
        dangers: Dangers::default(),
    }
}

/// Finds out what breaks a promise.
type Judge = fn(&Bench<'_>) -> Vec<Violation>;

/// What every judgement needs.
struct Bench<'a> {
    history: &'a History,
    places: Places,
    finals: FinalReads,
    groups: Groups,
}

/// What came of judging one promise about groups.
#[derive(Default)]
struct Found {
    breaches: Vec<Violation>,
    doubts: Vec<Unclean>,
}

impl Found {
    /// There was nothing by which the promise could be judged.
    fn nothing_of(&mut self, promise: Promise) {
        self.doubts.push(Unclean::NothingToJudge { promise });
    }
}

impl<'a> Bench<'a> {
    fn new(history: &'a History) -> Bench<'a> {
        Bench {
            history,
            places: Places::of(history),
            finals: FinalReads::of(history),
            groups: Groups::of(history),
        }
    }
}

fn count(bench: &Bench<'_>) -> Counts {
    let mut counts = Counts {
        sent: bench.history.sent_handles().len() as u64,
        ..Counts::default()
    };
    for entry in bench.history.entries() {
        match entry.settled {
            Some(Settled::Acked { .. }) => counts.acked += 1,
            Some(Settled::Refused { .. }) => counts.refused += 1,
            Some(Settled::Unknown { .. }) => counts.unknown += 1,
            None => {}
        }
    }
    counts.read = bench
        .places
        .messages()
        .filter(|places| places.iter().any(|place| place.seen))
        .count() as u64;
    counts.foreign = bench
        .history
        .reads()
        .iter()
        .filter(|read| bench.history.id_of(read.message).is_none())
        .count() as u64;
    counts.processed = bench.groups.processed;
    counts.reprocessed = bench.groups.reprocessed;
    for deed in bench.history.deeds() {
        counts.effects += u64::from(matches!(deed, Deed::Effect { .. }));
        counts.commits += u64::from(matches!(deed, Deed::Committed(_, Completion::Ok)));
    }
    counts
}
