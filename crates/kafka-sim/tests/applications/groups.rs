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

#[test]
fn a_group_that_subscribes_by_pattern_reads_what_matches_and_nothing_else() {
    for protocol in ["classic", "consumer"] {
        let run = |pattern: &str| {
            let plan = ConsumerPlan::of("billing").topics_matching(pattern).expect("it is one");
            let plan = plan.set("auto.offset.reset", "earliest").expect("it is a key");
            let plan = plan.set("group.protocol", protocol).expect("it is a key").members(2);
            let sim = Sim::new(Seed(3)).topic(orders(2)).producer(busy()).consumer(plan);
            sim.run().expect("it can run")
        };
        holds(&run("ord.*"));
        let report = run("pay.*").check(&[Promise::EveryAckedProcessed]);
        assert!(!report.verdict.holds(), "{report}");
    }
    assert!(ConsumerPlan::of("billing").topics_matching("(").is_err());
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

/// Seconds during which nobody of the group owns anything after the death of its only member, which is replaced after
/// two seconds.
fn unowned(plan: &ConsumerPlan, seed: u64) -> u64 {
    let kill = Fault::KillClient("consumer-0".into()).at(SimTime::from_millis(9_030));
    let sim = Sim::new(Seed(seed))
        .topic(orders(2))
        .producer(busy())
        .consumer(plan.clone());
    let run = sim
        .faults(vec![kill.healed_after(seconds(2))])
        .run()
        .expect("these settings work");
    holds(&run);
    let died = run.history.observations().find_map(|seen| match seen {
        Observation::Died { at, .. } => Some(at),
        _ => None,
    });
    let owned_again = run.history.observations().find_map(|seen| match seen {
        Observation::Owned { at, reader: 3, .. } => Some(at),
        _ => None,
    });
    (owned_again.expect("there is a new process") - died.expect("it was killed")) / 1_000_000_000
}

#[test]
fn a_static_member_is_back_at_once_and_a_dynamic_one_waits_for_the_session_of_its_ghost() {
    let dynamic = billing(Pattern::ProcessThenCommit);
    let fixed = dynamic
        .clone()
        .set("group.instance.id", "billing")
        .expect("it is a key");
    for seed in super::SEEDS {
        let waits = [unowned(&fixed, seed), unowned(&dynamic, seed)];
        assert!(waits[0] < 4 && waits[1] > 30, "{waits:?} s");
    }
}

#[test]
fn a_fault_of_an_application_that_does_not_exist_is_refused() {
    let kill = Fault::KillClient("consumer-7".into()).at(SimTime::ZERO);
    let sim = Sim::new(Seed(0))
        .topic(orders(1))
        .producer(busy())
        .consumer(inspection());
    let error = sim.faults(vec![kill]).run().expect_err("there is no such client");
    let message = error.to_string();
    assert!(
        message.contains("consumer-7") && message.contains("consumer-0"),
        "{message}"
    );
}

#[test]
fn groups_of_the_new_protocol_survive_deaths_and_pauses_of_their_members_too() {
    let plan = billing(Pattern::ProcessThenCommit).members(2).processing(millis(60));
    let plan = plan.set("group.protocol", "consumer").expect("it is a key");
    let kill = Fault::KillClient("consumer-1".into()).at(SimTime::from_millis(5_030));
    let pause = Fault::PauseClient("consumer-0".into()).at(SimTime::from_millis(8_030));
    for run in runs(|sim| {
        let sim = sim.topic(orders(4)).producer(busy()).consumer(plan.clone());
        let faults = vec![
            kill.clone().healed_after(seconds(2)),
            pause.clone().healed_after(seconds(60)),
        ];
        sim.faults(faults)
    }) {
        holds(&run);
        assert_eq!(run.dangers().consumers_died, 1);
        assert!(run.dangers().handovers > 0, "{}", run.dangers());
    }
}
