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
    /// Leadership goes to a replica that lags and comes back, while somebody does not hear of it.
    ThereAndBack,
    /// A replica returns and loses its disk, and what it said to the leader in between arrives later.
    StaleJoin,
    /// Several brokers are gone for long, one of them without power.
    Outages,
}

/// Faults of a schedule of elections.
const MOST: u64 = 6;

impl Weather {
    /// The schedule of a seed. Equal arguments give equal schedules.
    pub fn schedule(self, seed: Seed, world: &World) -> Schedule {
        match self {
            Weather::Usual(budget) => schedule(seed, budget, world),
            Weather::ThereAndBack => there_and_back(seed).into(),
            Weather::StaleJoin => stale_join(&mut seed.stream("stale-join", 0)).into(),
            Weather::Outages => {
                let fault = |nth| outage(&mut seed.stream("outage", nth));
                (0..4).map(fault).collect()
            }
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

fn millis(rng: &mut SimRng, lo: u64, hi: u64) -> Duration {
    Duration::from_millis(rng.between(lo, hi))
}

fn there_and_back(seed: Seed) -> Vec<ScheduledFault> {
    let rng = &mut seed.stream("there-and-back", 0);
    let start = SimTime::ZERO + millis(rng, 2_000, 4_000);
    let leader = || Role::leader_of(TOPIC, 0);
    let laggard = match rng.below(2) {
        0 => Role::AllBrokers,
        _ => Role::follower_of(TOPIC, 0, 0),
    };
    let hold = Fault::Hold {
        from: Peer::Brokers(Role::AllBrokers),
        to: Peer::Brokers(laggard),
    };
    let early = SimTime::ZERO + (start.since_start() - Duration::from_millis(500));
    let mut faults = vec![
        Fault::ControlledStop(leader())
            .at(start)
            .healed_after(millis(rng, 50, 400)),
        hold.at(early + millis(rng, 0, 1_600))
            .healed_after(millis(rng, 100, 1_500)),
    ];
    if rng.chance(3, 5) {
        let deaf = Role::follower_of(TOPIC, 0, u32::from(rng.chance(3, 4)));
        let isolated = Fault::IsolateFromController(deaf).at(early + millis(rng, 0, 400));
        faults.push(isolated.healed_after(millis(rng, 1_500, 5_000)));
    }
    if rng.chance(3, 5) {
        let again = Fault::ControlledStop(leader()).at(start + millis(rng, 900, 2_500));
        faults.push(again.healed_after(millis(rng, 50, 400)));
    }
    faults
}

fn stale_join(rng: &mut SimRng) -> Vec<ScheduledFault> {
    let stops = SimTime::ZERO + millis(rng, 20_000, 30_000);
    let away = millis(rng, 200, 600);
    let before = SimTime::ZERO + (stops.since_start() - millis(rng, 0, 300));
    let hold = Fault::Hold {
        from: Peer::Brokers(Role::AllBrokers),
        to: Peer::Brokers(Role::leader_of(TOPIC, 0)),
    };
    let wiped = stops + away + millis(rng, 100, 2_000);
    vec![
        Fault::ControlledStop(Role::follower_of(TOPIC, 0, 0))
            .at(stops)
            .healed_after(away),
        hold.at(before).healed_after(millis(rng, 10_000, 14_000)),
        Fault::Wipe(Role::follower_of(TOPIC, 0, 1))
            .at(wiped)
            .healed_after(millis(rng, 100, 600)),
    ]
}

fn outage(rng: &mut SimRng) -> ScheduledFault {
    let target = Role::broker(i32::try_from(rng.below(3)).expect("it is small"));
    let at = SimTime::ZERO + millis(rng, 500, 30_000);
    let fault = match rng.below(4) {
        0 => Fault::Kill(target),
        1 => Fault::Isolate(target),
        2 => Fault::IsolateFromController(target),
        _ => Fault::PowerLoss {
            target,
            survivors: Survivors::None,
        },
    };
    fault.at(at).healed_after(millis(rng, 1_000, 25_000))
}
