//! Groups whose members come and go, and groups that do not know of each other.

use kafka_sim::check::Observation;
use kafka_sim::{ConsumerPlan, Fault, Pattern, Promise, Run, Seed, Sim, SimTime};

use super::consuming::busy;
use super::{billing, millis, orders, runs, seconds};

const AT_REST: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::GroupSingleOwner,
    Promise::Converges,
];

fn holds(run: &Run) {
    let report = run.check(AT_REST);
    assert!(report.verdict.holds(), "{report}");
}

#[test]
fn members_that_join_late_and_leave_early_lose_nothing() {
    let stays = billing(Pattern::ProcessThenCommit).processing(millis(5));
    let visits = stays.clone().starts_after(seconds(5)).leaves_after(seconds(12));
    for run in runs(|sim| {
        let sim = sim.topic(orders(4)).producer(busy());
        sim.consumer(stays.clone()).consumer(visits.clone())
    }) {
        holds(&run);
        assert!(run.dangers().handovers > 0, "{}", run.dangers());
    }
}

#[test]
fn a_group_survives_the_death_of_one_of_two_members() {
    let plan = billing(Pattern::ProcessThenCommit).members(2);
    let kill = Fault::KillClient("consumer-1".into()).at(SimTime::from_millis(6_510));
    for run in runs(|sim| {
        let sim = sim.topic(orders(4)).producer(busy()).consumer(plan.clone());
        sim.faults(vec![kill.clone().healed_after(seconds(60))])
    }) {
        holds(&run);
        assert_eq!(run.dangers().consumers_died, 1);
    }
}

fn inspection() -> ConsumerPlan {
    let plan = ConsumerPlan::of("inspection").topic("orders").starts_after(seconds(6));
    plan.set("auto.offset.reset", "earliest").expect("it is a key")
}

#[test]
fn a_second_group_reads_everything_again_and_leaves_the_first_alone() {
    let with = |sim: Sim| {
        sim.topic(orders(2))
            .producer(busy())
            .consumer(billing(Pattern::ProcessThenCommit))
    };
    for run in runs(|sim| with(sim).consumer(inspection())) {
        holds(&run);
        assert_eq!(run.dangers().handovers, 0);
        let given_up = run
            .history
            .observations()
            .filter(|seen| matches!(seen, Observation::Released { reader: 2, .. }));
        assert_eq!(given_up.count(), 0, "the first group's member keeps its partitions");
        let again = run
            .history
            .observations()
            .filter(|seen| matches!(seen, Observation::Processed { reader: 3, .. }));
        assert!(again.count() > 100, "the second group reads what the first has read");
    }
}

#[test]
fn the_same_seed_makes_the_same_run_with_applications_that_die() {
    let run = |seed| {
        let kill = |host: &str, at| {
            Fault::KillClient(host.into())
                .at(SimTime::from_secs(at))
                .healed_after(seconds(3))
        };
        let sim = Sim::new(Seed(seed)).topic(orders(3)).producer(busy());
        let sim = sim.consumer(billing(Pattern::WorkersCommitWhole { workers: 3 }).members(2));
        let sim = sim.faults(vec![
            kill("consumer-0", 5),
            kill("producer-0", 6),
            kill("consumer-1", 7),
        ]);
        sim.run().expect("these settings work")
    };
    let (first, second) = (run(3), run(3));
    assert_eq!(first.trace_hash, second.trace_hash);
    assert!(first.history.observations().eq(second.history.observations()));
    assert_ne!(first.trace_hash, run(4).trace_hash);
}

#[test]
fn what_a_producer_sends_does_not_depend_on_who_consumes() {
    let sent = |sim: Sim| {
        let run = sim
            .topic(orders(2))
            .producer(busy())
            .run()
            .expect("these settings work");
        let sent = run
            .history
            .observations()
            .filter(|seen| matches!(seen, Observation::Sent { .. }));
        sent.collect::<Vec<_>>()
    };
    let billing = billing(Pattern::ProcessThenCommit).members(3);
    assert_eq!(sent(Sim::new(Seed(1))), sent(Sim::new(Seed(1)).consumer(billing)));
}
