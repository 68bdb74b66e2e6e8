//! When to commit: what each pattern makes of a consumer that dies.

use kafka_sim::check::{Stage, Violation};
use kafka_sim::{ConsumerPlan, Fault, Pattern, ProducerPlan, Promise, Report, Run, SimTime, Survivors};

use super::{billing, millis, orders, runs, seconds};

/// More than its consumers can process at once, so that they have something in hand whenever they are struck.
pub(super) fn busy() -> ProducerPlan {
    ProducerPlan::to("orders").records(400).every(millis(20))
}

/// A group of one member that is struck in the middle of its work, and comes back.
fn struck(plan: ConsumerPlan, fault: Fault) -> impl Iterator<Item = Run> {
    runs(move |sim| {
        let strike = fault.clone().at(SimTime::from_millis(7_030)).healed_after(seconds(2));
        sim.topic(orders(2))
            .producer(busy())
            .consumer(plan.clone())
            .faults(vec![strike])
    })
}

fn kill() -> Fault {
    Fault::KillClient("consumer-0".into())
}

/// Messages that the group never processed, all of them lost on the way from the log to the application.
fn unprocessed(report: &Report) -> usize {
    let lost = report.verdict.violations_of(Promise::EveryAckedProcessed);
    lost.inspect(|violation| {
        assert!(
            matches!(
                violation,
                Violation::Unprocessed {
                    stage: Some(Stage::Consumption),
                    ..
                }
            ),
            "{violation}"
        );
    })
    .count()
}

fn keeps(runs: impl Iterator<Item = Run>, promises: &[Promise]) {
    for run in runs {
        let report = run.check(promises);
        assert!(report.is_clean(), "{report}");
    }
}

fn loses(runs: impl Iterator<Item = Run>) {
    for run in runs {
        let report = run.check(&[Promise::EveryAckedProcessed]);
        assert!(unprocessed(&report) > 0, "{report}");
    }
}

fn repeats(runs: impl Iterator<Item = Run>) {
    for run in runs {
        let report = run.check(&[Promise::EffectOnce]);
        assert!(
            report.verdict.violations_of(Promise::EffectOnce).next().is_some(),
            "{report}"
        );
    }
}

const NOTHING_LOST: &[Promise] = &[
    Promise::AckedSurvives,
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::GroupSingleOwner,
    Promise::Converges,
];

#[test]
fn process_then_commit_loses_nothing_when_it_is_killed_and_does_some_of_it_twice() {
    let plan = || billing(Pattern::ProcessThenCommit);
    keeps(struck(plan(), kill()), NOTHING_LOST);
    repeats(struck(plan(), kill()));
}

#[test]
fn process_then_commit_loses_nothing_when_its_machine_loses_power() {
    let power_loss = Fault::PowerLossClient {
        host: "consumer-0".into(),
        survivors: Survivors::None,
    };
    keeps(struck(billing(Pattern::ProcessThenCommit), power_loss), NOTHING_LOST);
}

#[test]
fn commit_then_process_loses_what_it_had_in_hand_when_it_is_killed() {
    loses(struck(billing(Pattern::CommitThenProcess), kill()));
}

#[test]
fn commit_then_process_does_nothing_twice() {
    keeps(
        struck(billing(Pattern::CommitThenProcess), kill()),
        &[Promise::EffectOnce],
    );
}

fn auto(pattern: Pattern) -> ConsumerPlan {
    let plan = billing(pattern).set("enable.auto.commit", "true").expect("it is a key");
    plan.set("auto.commit.interval.ms", "500").expect("it is a key")
}

#[test]
fn auto_commit_loses_nothing_as_long_as_records_are_processed_between_polls() {
    keeps(struck(auto(Pattern::AutoCommitInline), kill()), NOTHING_LOST);
}

#[test]
fn auto_commit_loses_what_waits_in_a_queue_when_the_process_is_killed() {
    loses(struck(auto(Pattern::AutoCommitQueue { workers: 2 }), kill()));
}

#[test]
fn workers_whose_whole_batch_is_awaited_before_the_commit_lose_nothing() {
    let plan = || billing(Pattern::WorkersCommitWhole { workers: 2 });
    keeps(struck(plan(), kill()), NOTHING_LOST);
    repeats(struck(plan(), kill()));
}

#[test]
fn a_flag_in_one_transaction_with_the_effect_makes_effects_take_place_once() {
    let once = &[Promise::EveryAckedProcessed, Promise::EffectOnce, Promise::Converges];
    keeps(struck(billing(Pattern::FlagStore { atomic: true }), kill()), once);
}

#[test]
fn a_flag_that_is_set_before_the_effect_loses_the_effect_when_the_process_dies_in_between() {
    loses(struck(billing(Pattern::FlagStore { atomic: false }), kill()));
}

#[test]
fn a_flag_that_is_set_after_the_effect_repeats_the_effect_when_the_process_dies_in_between() {
    let plan = billing(Pattern::FlagAfterEffect)
        .processing(millis(1))
        .storing(millis(50));
    repeats(struck(plan, kill()));
}

#[test]
fn commits_that_nobody_waits_for_lose_nothing_either() {
    let plan = billing(Pattern::ProcessThenCommitAsync)
        .set("max.poll.records", "10")
        .expect("it is a key");
    keeps(struck(plan, kill()), NOTHING_LOST);
}
