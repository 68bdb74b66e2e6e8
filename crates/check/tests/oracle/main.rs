//! The judge against definitions written down naively, over many small random histories.
//!
//! The naive forms are quadratic or worse and share nothing with the judge but the observations.

mod generate;
mod naive;

use generate::{Lcg, random_history};
use kafka_sim_check::{History, Promise, Violation, anomalies, gaps, judge};

const HISTORIES: u64 = 4_000;

fn for_each_history(mut check: impl FnMut(u64, &naive::Facts, &History)) {
    for seed in 0..HISTORIES {
        let observations = random_history(&mut Lcg::new(seed));
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
