//! Every mutant is looked for, and an easy one is found.

use std::collections::BTreeSet;

use super::general::General;
use super::{Hunt, Level, Measurement, Mutant, Schedules, Trial};
use crate::search::{Claim, World};
use crate::{ClusterConfig, Fault, Role, Schedule, Seed, Survivors};

fn trial(mutant: Mutant) -> Trial {
    *Trial::ALL
        .iter()
        .find(|trial| trial.mutant == mutant)
        .expect("every mutant is on trial")
}

#[test]
fn every_mutant_is_on_trial_once() {
    for mutant in Mutant::ALL {
        let trials = Trial::ALL.iter().filter(|trial| trial.mutant == *mutant);
        assert_eq!(trials.count(), 1, "{mutant}");
        assert_eq!(mutant.name().parse(), Ok(*mutant));
    }
    assert!("elr-of".parse::<Mutant>().is_err());
}

#[test]
fn nothing_is_wrong_with_a_cluster_unless_it_is_asked_for() {
    assert_eq!(ClusterConfig::simulated(3).mutant, None);
    assert_eq!(ClusterConfig::real_time(3).mutant, None);
    let world = trial(Mutant::AckOnAppend).world();
    assert_eq!(World::with(world.settings).mutant, None);
}

fn hunt(schedules: Schedules, first_seed: u64, most: u64) -> Hunt {
    Hunt {
        schedules,
        first_seed,
        most,
        most_judged: most,
        threads: 2,
    }
}

#[test]
fn a_flaw_is_found_shrunk_and_gone_with_the_flaw() {
    let hunted = Trial {
        records: 20,
        ..trial(Mutant::AckOnAppend)
    }
    .hunt(&hunt(Schedules::Directed, 0, 3))
    .unwrap();
    let caught = hunted.gravest().expect("each run acknowledges too early");
    assert!(caught.is_proof(), "{caught:?}");
    assert!(!caught.story.is_empty());
    assert_eq!(hunted.runs_until(Level::Invariant), Some(1));
}

#[test]
fn a_schedule_that_nothing_strikes_proves_nothing() {
    let hunted = Trial {
        records: 10,
        claims: &[Claim::SendsResolved],
        ..trial(Mutant::AckOnAppend)
    }
    .hunt(&hunt(Schedules::Directed, 0, 1))
    .unwrap();
    assert!(hunted.gravest().is_none(), "every send is resolved, too early or not");
}

#[test]
fn general_schedules_find_a_flaw_from_any_seed() {
    for first_seed in [0, 7_000, u64::MAX - 1] {
        let hunted = trial(Mutant::AckOnAppend)
            .hunt(&hunt(Schedules::General, first_seed, 12))
            .unwrap();
        assert!(hunted.runs_until(Level::Invariant).is_some(), "from seed {first_seed}");
    }
}

/// The twin of all catches: what is found is not found where there is no flaw.
#[test]
fn general_schedules_break_nothing_in_a_cluster_without_a_flaw() {
    let failed = measurement(60).without_a_flaw().unwrap();
    let seeds: Vec<Seed> = failed.iter().map(|(_, found)| found.seed).collect();
    assert_eq!(seeds, []);
}

#[test]
fn general_schedules_know_every_kind_of_fault_and_lose_no_more_than_settings_bear() {
    let mut kinds = BTreeSet::new();
    for seed in (0..400).map(Seed) {
        let case = General::of(seed).case(None);
        let topic = &case.world.settings.topic;
        let synced = topic.contains_key("flush.messages");
        let lossy = case.schedule.faults.iter().filter(|scheduled| match &scheduled.fault {
            Fault::Wipe(target) => {
                assert_ne!(*target, Role::AllBrokers);
                true
            }
            Fault::PowerLoss { survivors, .. } => !synced && *survivors != Survivors::All,
            _ => false,
        });
        let borne = usize::from(topic["min.insync.replicas"] == "2");
        assert!(lossy.count() <= borne, "seed {seed}: {}", case.schedule);
        let words = |fault: &Fault| format!("{fault:?}").split(['(', ' ']).next().map(str::to_owned);
        kinds.extend(
            case.schedule
                .faults
                .iter()
                .filter_map(|scheduled| words(&scheduled.fault)),
        );
    }
    assert_eq!(kinds.len(), 21, "{kinds:?}");
}

fn measurement(most: u64) -> Measurement {
    Measurement {
        first_seed: 0,
        repeats: 2,
        most,
        until: Level::Invariant,
        threads: 2,
    }
}

#[test]
fn what_searches_need_does_not_depend_on_threads_and_is_that_of_disjoint_seeds() {
    let trial = trial(Mutant::AckOnAppend);
    let two = measurement(8);
    let one = Measurement { threads: 1, ..two };
    let random = two.random(&trial, Schedules::General).unwrap();
    assert_eq!(random, one.random(&trial, Schedules::General).unwrap());
    assert_eq!(random.len(), 2);
    let second = Measurement {
        first_seed: 1 << 32,
        repeats: 1,
        ..two
    };
    assert_eq!(random[1..], second.random(&trial, Schedules::General).unwrap());
    let steered = two.steered(trial.mutant).unwrap();
    assert_eq!(steered, one.steered(trial.mutant).unwrap());
}

#[test]
fn the_same_seed_runs_the_same_whether_it_is_inspected_or_not() {
    let world = World {
        records: 20,
        mutant: None,
        ..trial(Mutant::ElrOff).world()
    };
    let inspected = world.outcome(Seed(3), &Schedule::default()).unwrap();
    let sim = world.sim(Seed(3), &Schedule::default()).unwrap();
    let run = sim.inspect(crate::cluster::invariant::Inspection::Asked).run().unwrap();
    assert_eq!(run.trace_hash, inspected.trace_hash);
}
