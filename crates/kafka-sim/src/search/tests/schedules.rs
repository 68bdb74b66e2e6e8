use std::collections::BTreeSet;
use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Role, SLOT, ScheduledFault, Trigger};
use kafka_sim_core::{Seed, SimTime};

use crate::search::{Budget, Profile, schedule};

fn strikes_a_broker(fault: &ScheduledFault) -> bool {
    fault.fault.severity() >= 6 && fault.fault.client().is_none()
}

fn lasts(fault: &ScheduledFault) -> Duration {
    fault.heal_after.expect("every generated fault is healed")
}

#[test]
fn within_the_budget_no_two_brokers_are_struck_at_once() {
    let world = Profile::ALL[0].world();
    for seed in 0..2_000 {
        let faults = schedule(Seed(seed), Budget::Within, &world).faults;
        let mut free_from = SimTime::ZERO;
        for fault in faults.iter().filter(|fault| strikes_a_broker(fault)) {
            // A trigger by count is used in the first slot only, for counts that are reached within seconds.
            let (earliest, latest) = match &fault.at {
                Trigger::At(at) => (*at, *at),
                Trigger::Nth { n, .. } => {
                    assert!(*n <= 5, "seed {seed}: {fault}");
                    (SimTime::ZERO, SimTime::from_secs(20))
                }
            };
            assert!(
                earliest >= free_from,
                "seed {seed}: {fault} before the last one is over"
            );
            let slot = if earliest < SimTime::ZERO + SLOT { 0 } else { 1 };
            free_from = SimTime::ZERO + SLOT * (slot + 1);
            let ended = latest + lasts(fault);
            assert!(ended < free_from, "seed {seed}: {fault} reaches into the next slot");
        }
    }
}

#[test]
fn within_the_budget_one_broker_is_struck_at_a_time_and_links_only_shortly() {
    let world = Profile::ALL[0].world();
    for fault in (0..2_000).flat_map(|seed| schedule(Seed(seed), Budget::Within, &world).faults) {
        if strikes_a_broker(&fault) {
            assert!(!fault.fault.roles().contains(&&Role::AllBrokers), "{fault}");
            assert!(lasts(&fault) <= Duration::from_secs(10), "{fault}");
        } else if fault.fault.client().is_some() {
            assert!(lasts(&fault) <= Duration::from_secs(10), "{fault}");
        } else {
            assert!(lasts(&fault) <= Duration::from_secs(2), "{fault}");
        }
    }
}

#[test]
fn a_seed_makes_the_same_schedule_every_time_and_seeds_differ() {
    let world = Profile::ALL[0].world();
    for budget in [Budget::Within, Budget::Beyond] {
        let made: Vec<String> = (0..100)
            .map(|seed| schedule(Seed(seed), budget, &world).to_rust())
            .collect();
        let again: Vec<String> = (0..100)
            .map(|seed| schedule(Seed(seed), budget, &world).to_rust())
            .collect();
        assert_eq!(made, again);
        assert!(made.iter().collect::<BTreeSet<_>>().len() > 90);
    }
}

#[test]
fn every_kind_of_broker_fault_is_drawn() {
    let world = Profile::ALL[0].world();
    let kinds: BTreeSet<&str> = (0..500)
        .flat_map(|seed| schedule(Seed(seed), Budget::Within, &world).faults)
        .map(|fault| match fault.fault {
            Fault::ControlledStop(_) => "controlled stop",
            Fault::Isolate(_) => "isolation",
            Fault::IsolateFromController(_) => "isolation from the controller",
            Fault::Pause(_) => "pause",
            Fault::Kill(_) => "kill",
            Fault::PowerLoss { .. } => "power loss",
            Fault::Wipe(_) => "wipe",
            _ => "network",
        })
        .collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
}
