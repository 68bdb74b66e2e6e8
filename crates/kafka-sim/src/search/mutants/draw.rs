//! What faults strike while a mutant is looked for.

use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Peer, Role, Schedule, ScheduledFault};
use kafka_sim_core::{Seed, SimRng, SimTime};

use super::super::{Budget, TOPIC, World, schedule};

/// A kind of schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weather {
    /// As any search does it.
    Usual(Budget),
    /// Leaders change fast while links and metadata are slow, close together in the time of the workload.
    Elections,
}

/// Faults of a schedule of elections.
const MOST: u64 = 6;

impl Weather {
    /// The schedule of a seed. Equal arguments give equal schedules.
    pub fn schedule(self, seed: Seed, world: &World) -> Schedule {
        match self {
            Weather::Usual(budget) => schedule(seed, budget, world),
            Weather::Elections => {
                let lasts = world.every_ms * u64::from(world.records);
                let fault = |nth| election_fault(&mut seed.stream("election-fault", nth), lasts);
                let count = 2 + seed.stream("election-faults", 0).below(MOST - 1);
                (0..count).map(fault).collect()
            }
        }
    }
}

fn election_fault(rng: &mut SimRng, lasts_ms: u64) -> ScheduledFault {
    let at = SimTime::from_millis(rng.between(0, lasts_ms));
    let short = Duration::from_millis(rng.between(10, 2_000));
    let long = Duration::from_millis(rng.between(100, 8_500));
    let target = match rng.below(5) {
        0 | 1 => Role::leader_of(TOPIC, 0),
        2 => Role::follower_of(TOPIC, 0, 0),
        3 => Role::follower_of(TOPIC, 0, 1),
        _ => Role::broker(i32::try_from(rng.below(3)).expect("it is small")),
    };
    let (fault, heals) = match rng.below(9) {
        0 | 1 => (
            Fault::PreferredElection {
                topic: TOPIC.to_owned(),
                partition: 0,
            },
            short,
        ),
        2 => (Fault::ControlledStop(target), short),
        3 => (Fault::IsolateFromController(target), long),
        4 => (Fault::SlowMetadata { target, extra: short }, long),
        5 => (
            Fault::Hold {
                from: Peer::Brokers(Role::AllBrokers),
                to: Peer::Brokers(target),
            },
            short,
        ),
        6 => (Fault::Pause(target), long),
        7 => (Fault::Kill(target), long),
        _ => (
            Fault::PowerLoss {
                target,
                survivors: Survivors::None,
            },
            long,
        ),
    };
    fault.at(at).healed_after(heals)
}
