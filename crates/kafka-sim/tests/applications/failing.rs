//! Handlers that fail or hang, and members that are taken for dead.

use kafka_sim::{ConsumerPlan, Fault, OnFailure, Pattern, Promise, Run, SimTime};

use super::consuming::busy;
use super::{billing, millis, orders, runs, seconds};

const ALL_PROCESSED: &[Promise] = &[Promise::EveryAckedProcessed, Promise::CommitNeverPassesProcessed];

fn calm(plan: ConsumerPlan) -> impl Iterator<Item = Run> {
    runs(move |sim| sim.topic(orders(2)).producer(busy()).consumer(plan.clone()))
}

fn broken(run: &Run, promise: Promise) -> bool {
    run.check(&[promise]).verdict.violations_of(promise).next().is_some()
}

fn holds(run: &Run, promises: &[Promise]) {
    let report = run.check(promises);
    assert!(report.verdict.holds(), "{report}");
}

#[test]
fn acknowledging_a_part_of_the_batch_keeps_order_and_repeats_nothing() {
    let plan = billing(Pattern::PartialAck).poison(0, 20, 3);
    for run in calm(plan) {
        holds(&run, ALL_PROCESSED);
        holds(&run, &[Promise::EffectOnce, Promise::Converges]);
    }
}

#[test]
fn reading_the_whole_batch_again_repeats_what_had_gone_well() {
    let plan = billing(Pattern::ProcessThenCommit).poison(0, 20, 3);
    for run in calm(plan) {
        holds(&run, ALL_PROCESSED);
        assert!(broken(&run, Promise::EffectOnce));
    }
}

#[test]
fn skipping_what_failed_loses_it() {
    let plan = billing(Pattern::ProcessThenCommit)
        .fails_every(50)
        .on_failure(OnFailure::Skip);
    for run in calm(plan) {
        assert!(broken(&run, Promise::EveryAckedProcessed));
        assert!(broken(&run, Promise::CommitNeverPassesProcessed));
    }
}

fn closes_in_finally(plan: ConsumerPlan) -> ConsumerPlan {
    let restart_after = seconds(2);
    plan.fails_every(60).on_failure(OnFailure::Close { restart_after })
}

#[test]
fn closing_after_a_failure_commits_the_rest_of_the_batch_where_commits_are_automatic() {
    let plan = billing(Pattern::AutoCommitInline)
        .set("enable.auto.commit", "true")
        .expect("it is a key");
    for run in calm(closes_in_finally(plan)) {
        assert!(broken(&run, Promise::EveryAckedProcessed));
    }
}

#[test]
fn closing_after_a_failure_loses_nothing_where_the_application_commits() {
    // A batch with a failure in it is never committed, so batches have to be smaller than what goes well in a row.
    let plan = billing(Pattern::ProcessThenCommit)
        .set("max.poll.records", "20")
        .expect("it is a key");
    for run in calm(closes_in_finally(plan)) {
        holds(&run, ALL_PROCESSED);
    }
}

/// Two members, of which one stands still for longer than the group has patience.
fn two(plan: ConsumerPlan, faults: Vec<kafka_sim::ScheduledFault>) -> impl Iterator<Item = Run> {
    let plan = plan.members(2).set("session.timeout.ms", "6000").expect("it is a key");
    let plan = plan.set("heartbeat.interval.ms", "1000").expect("it is a key");
    runs(move |sim| {
        sim.topic(orders(2))
            .producer(busy())
            .consumer(plan.clone())
            .faults(faults.clone())
    })
}

#[test]
fn a_handler_that_hangs_past_max_poll_interval_has_its_records_processed_by_somebody_else_too() {
    let plan = billing(Pattern::ProcessThenCommit)
        .processing(millis(5))
        .hangs(40, seconds(30));
    let plan = plan.set("max.poll.interval.ms", "5000").expect("it is a key");
    for run in two(plan, Vec::new()) {
        holds(&run, ALL_PROCESSED);
        holds(&run, &[Promise::GroupSingleOwner, Promise::Converges]);
        assert!(broken(&run, Promise::EffectOnce));
        assert!(run.dangers().commits_failed > 0, "{}", run.dangers());
    }
}

#[test]
fn a_paused_member_loses_its_partitions_and_cannot_commit_when_it_wakes_up() {
    let pause = Fault::PauseClient("consumer-0".into()).at(SimTime::from_millis(9_030));
    let plan = billing(Pattern::ProcessThenCommit).processing(millis(60));
    for run in two(plan, vec![pause.healed_after(seconds(30))]) {
        holds(&run, ALL_PROCESSED);
        holds(&run, &[Promise::GroupSingleOwner, Promise::Converges]);
        assert!(run.dangers().commits_failed > 0, "{}", run.dangers());
        assert!(run.dangers().handovers > 0, "{}", run.dangers());
    }
}
