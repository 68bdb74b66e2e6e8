//! Every mutant is looked for, and an easy one is found.

use super::{Mutant, Trial};
use crate::search::{Claim, World};
use crate::{ClusterConfig, Schedule, Seed};

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

#[test]
fn a_flaw_is_found_shrunk_and_gone_with_the_flaw() {
    let hunted = Trial {
        records: 20,
        ..trial(Mutant::AckOnAppend)
    }
    .hunt(3, 1)
    .unwrap();
    let caught = hunted.caught.expect("each run acknowledges too early");
    assert!(caught.is_proof(), "{caught:?}");
    assert!(!caught.story.is_empty());
}

#[test]
fn a_schedule_that_nothing_strikes_proves_nothing() {
    let hunted = Trial {
        records: 10,
        claims: &[Claim::SendsResolved],
        ..trial(Mutant::AckOnAppend)
    }
    .hunt(1, 1)
    .unwrap();
    assert!(hunted.caught.is_none(), "every send is resolved, too early or not");
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
