//! The judge against definitions written down naively, over many small random histories.
//!
//! The naive forms are quadratic or worse and share nothing with the judge but the observations.

mod generate;
mod groups;
mod naive;

use generate::{Lcg, random_history, stamped};
use groups::{Deeds, with_groups};
use kafka_sim_check::{Completion, History, Observation, Promise, Unclean, Violation, anomalies, gaps, judge};
use std::collections::BTreeSet;

const HISTORIES: u64 = 4_000;

fn for_each_history(mut check: impl FnMut(u64, &naive::Facts, &History)) {
    for seed in 0..HISTORIES {
        let observations = stamped(random_history(&mut Lcg::new(seed)));
        let history: History = observations.iter().cloned().collect();
        assert_eq!(history.oddities(), [], "the generator makes sound histories");
        check(seed, &naive::Facts::of(&observations), &history);
    }
}

#[test]
fn the_judge_agrees_with_the_naive_definitions() {
    let mut met = [0_u64; 9];
    for_each_history(|seed, facts, history| {
        let verdict = judge(history, &Promise::STORED);
        let found = |promise| -> Vec<u64> {
            let mut ids: Vec<u64> = verdict
                .violations_of(promise)
                .map(|breach| match breach {
                    Violation::InconsistentOffset { partition, offset, .. } => naive::place(*partition, *offset),
                    Violation::KeyMoved { key, .. } => *key,
                    other => other.message().expect("all others are about a message").0,
                })
                .collect();
            ids.sort_unstable();
            ids
        };
        let expected = [
            (Promise::AckedSurvives, facts.lost()),
            (Promise::NoDuplicates, facts.duplicated()),
            (Promise::InOrder, facts.reordered(false)),
            (Promise::InOrderPerKey, facts.reordered(true)),
            (Promise::ConsistentOffsets, facts.inconsistent()),
            (Promise::NothingRefusedAppears, facts.phantoms()),
            (Promise::SendsResolved, facts.unresolved()),
            (Promise::OncePerBusinessKey, facts.repeated()),
            (Promise::KeyStaysInPartition, facts.moved_keys()),
        ];
        for (at, (promise, expected)) in expected.into_iter().enumerate() {
            assert_eq!(found(promise), expected, "{promise:?}, seed {seed}: {history:#?}");
            met[at] += u64::from(!expected.is_empty());
        }
        assert_eq!(verdict.counts().lost, found(Promise::AckedSurvives).len() as u64);
    });
    assert!(
        met.iter().all(|&met| met > HISTORIES / 500),
        "every breach must be common: {met:?}"
    );
}

#[test]
fn the_anomalies_agree_with_the_naive_definitions() {
    let mut met = [0_u64; 8];
    for_each_history(|seed, facts, history| {
        let found = anomalies::analyze(history);
        let ids = |list: &[kafka_sim_check::MessageId]| {
            let mut ids: Vec<u64> = list.iter().map(|id| id.0).collect();
            ids.sort_unstable();
            ids
        };
        let steps = |list: &[anomalies::PollStep]| -> Vec<(u32, i64, i64)> {
            list.iter().map(|step| (step.reader, step.from, step.to)).collect()
        };
        let (skips, backs) = facts.poll_steps(false);
        let (internal_skips, internal_backs) = facts.poll_steps(true);
        assert_eq!(ids(&found.lost_writes), facts.lost_writes(), "lost-write, seed {seed}");
        assert_eq!(ids(&found.unseen), facts.unseen(), "unseen, seed {seed}");
        assert_eq!(ids(&found.aborted_reads), facts.aborted_reads(), "G1a, seed {seed}");
        assert_eq!(
            found.nonmonotonic_sends.len(),
            facts.nonmonotonic_sends(),
            "sends, seed {seed}"
        );
        assert_eq!(steps(&found.poll_skips), skips, "poll-skip, seed {seed}");
        assert_eq!(
            steps(&found.nonmonotonic_polls),
            backs,
            "nonmonotonic-poll, seed {seed}"
        );
        assert_eq!(
            steps(&found.internal_poll_skips),
            internal_skips,
            "int-poll-skip, seed {seed}"
        );
        assert_eq!(
            steps(&found.internal_nonmonotonic_polls),
            internal_backs,
            "int-back, seed {seed}"
        );
        let sizes = [
            found.lost_writes.len(),
            found.unseen.len(),
            found.aborted_reads.len(),
            found.nonmonotonic_sends.len(),
            skips.len(),
            backs.len(),
            internal_skips.len(),
            internal_backs.len(),
        ];
        for (met, size) in met.iter_mut().zip(sizes) {
            *met += u64::from(size > 0);
        }
    });
    assert!(
        met.iter().all(|&met| met > HISTORIES / 500),
        "every anomaly must be common: {met:?}"
    );
}

#[test]
fn gaps_detect_every_loss_but_a_lost_tail() {
    let (mut detected, mut tails, mut late) = (0, 0, 0);
    for_each_history(|seed, facts, history| {
        let report = gaps::compare(history);
        assert_eq!(report.missed_elsewhere, [], "seed {seed}");
        let mut all: Vec<u64> = report
            .detected
            .iter()
            .chain(&report.missed_tail)
            .map(|id| id.0)
            .collect();
        all.sort_unstable();
        assert_eq!(all, facts.lost(), "seed {seed}");
        detected += report.detected.len();
        tails += report.missed_tail.len();
        late += report.false_alarms.late;
    });
    assert!(detected > 100 && tails > 100 && late > 100, "{detected} {tails} {late}");
}

fn for_each_history_of_groups(mut check: impl FnMut(u64, &Deeds<'_>, &History)) {
    for seed in 0..HISTORIES {
        let mut lcg = Lcg::new(seed);
        let seen = random_history(&mut lcg);
        let seen = stamped(with_groups(&mut lcg, seen));
        let history: History = seen.iter().cloned().collect();
        assert_eq!(history.oddities(), [], "the generator makes sound histories");
        let facts = naive::Facts::of(&seen);
        let deeds = Deeds {
            facts: &facts,
            seen: &seen,
        };
        check(seed, &deeds, &history);
    }
}

#[test]
fn the_judge_of_groups_agrees_with_the_naive_definitions() {
    let mut met = [0_u64; 6];
    for_each_history_of_groups(|seed, deeds, history| {
        let verdict = judge(history, &Promise::CONSUMED);
        let (mut unprocessed, mut effects, mut misprocessed, mut restless) = (vec![], vec![], vec![], vec![]);
        let (mut ahead, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for violation in verdict.violations() {
            match violation {
                Violation::Unprocessed {
                    group, message, stage, ..
                } => unprocessed.push((group.to_string(), message.0, *stage)),
                Violation::EffectRepeated { group, times, .. } => {
                    effects.push((group.as_deref().map(str::to_owned), times.len()));
                }
                Violation::CommitAhead {
                    group,
                    partition,
                    unprocessed,
                    ..
                } => assert!(ahead.insert((group.to_string(), *partition, *unprocessed))),
                Violation::ProcessedOutOfOrder { group, later, .. } => {
                    misprocessed.push((group.to_string(), later.0));
                }
                Violation::TwoOwners {
                    partition,
                    first,
                    second,
                    ..
                } => assert!(owners.insert((*partition, *first.min(second), *first.max(second)))),
                Violation::NotConverged { group, .. } => restless.push(group.to_string()),
                other => panic!("{other}"),
            }
        }
        misprocessed.sort();
        unprocessed.sort();
        effects.sort();
        restless.sort();
        assert_eq!(unprocessed, deeds.unprocessed(), "processed, seed {seed}: {history:#?}");
        assert_eq!(effects, deeds.repeated_effects(), "effects, seed {seed}: {history:#?}");
        assert_eq!(ahead, deeds.passed_over(), "commits, seed {seed}: {history:#?}");
        assert_eq!(misprocessed, deeds.misprocessed(), "order, seed {seed}: {history:#?}");
        assert_eq!(owners, deeds.double_owners(), "owners, seed {seed}: {history:#?}");
        assert_eq!(restless, deeds.restless(), "rest, seed {seed}: {history:#?}");
        let sizes = [
            unprocessed.len(),
            effects.len(),
            ahead.len(),
            misprocessed.len(),
            owners.len(),
            restless.len(),
        ];
        for (met, size) in met.iter_mut().zip(sizes) {
            *met += u64::from(size > 0);
        }
    });
    assert!(
        met.iter().all(|&met| met > HISTORIES / 500),
        "every breach must be common: {met:?}"
    );
}

#[test]
fn promises_about_groups_are_undecided_as_the_naive_definitions_say() {
    let mut met = 0;
    for_each_history_of_groups(|seed, deeds, history| {
        let commits = |seen: &Observation| {
            matches!(
                seen,
                Observation::Committed {
                    completion: Completion::Ok,
                    ..
                }
            )
        };
        let nothing = [
            (Promise::EveryAckedProcessed, deeds.owes_nothing()),
            (
                Promise::EffectOnce,
                !deeds.has(|seen| matches!(seen, Observation::Effect { .. })),
            ),
            (Promise::CommitNeverPassesProcessed, !deeds.has(commits)),
            (Promise::OrderPerKey, !deeds.processed_a_key()),
            (
                Promise::GroupSingleOwner,
                !deeds.has(|seen| matches!(seen, Observation::Owned { .. })),
            ),
            (Promise::Converges, deeds.groups().is_empty()),
        ];
        for (promise, nothing) in nothing {
            let reasons = judge(history, &[promise]).reasons();
            let undecided = reasons.contains(&Unclean::NothingToJudge { promise });
            assert_eq!(undecided, nothing, "{promise:?}, seed {seed}: {history:#?}");
        }
        let reasons = judge(history, &[Promise::EveryAckedProcessed]).reasons();
        let open = reasons.into_iter().filter_map(|reason| match reason {
            Unclean::Unsettled { group, messages } => Some((group.to_string(), messages)),
            _ => None,
        });
        let mut open: Vec<_> = open.collect();
        open.sort();
        assert_eq!(open, deeds.still_to_come(), "seed {seed}: {history:#?}");
        met += open.len();
    });
    assert!(met > 100, "groups that have no time must be common: {met}");
}
