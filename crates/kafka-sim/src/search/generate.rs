//! Schedules of faults made from seeds.
//!
//! Every fault comes from a stream of its own, so that one fault less leaves the others as they were, and each run
//! draws which kinds of fault it knows at all, so that rare kinds are not always drowned by frequent ones.

use std::fmt;
use std::time::Duration;

use kafka_sim_cluster::fault::{Aims, Fault, FaultDraft, Peer, Role, Schedule, ScheduleDraft, Survivors};
use kafka_sim_core::{Seed, SimRng, SimTime};
use serde::{Deserialize, Serialize};

use super::World;

/// What a schedule may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Short faults of the network, and stops of applications; brokers stay up.
    Network,
    /// What three replicas with `acks=all` and `min.insync.replicas=2` promise to survive: one broker at a time is
    /// struck and is back in sync before the next; and short faults of the network and stops of applications at any time.
    Within,
    /// What a cluster with three replicas is bought for: one broker at a time killed, without power, cut off or standing
    /// still, together with any fault of the network, as long as all is healed before the next broker is struck.
    OneBroker,
    /// Anything at any time, several brokers at once included.
    Beyond,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Budget::Network => "on the network",
            Budget::Within => "within the budget",
            Budget::OneBroker => "with one broker at a time struck, under any fault of the network",
            Budget::Beyond => "beyond the budget",
        })
    }
}

/// During which faults of the network, and anything beyond the budget, can begin.
const WHOLE: Duration = Duration::from_secs(70);
/// Faults of the network, each of which a schedule may lack.
pub(super) const NETWORK: u64 = 8;
/// Stops of applications, each of which a schedule may lack.
const CLIENTS: u64 = 3;

impl Budget {
    /// Broker faults, each of which a schedule may lack. Within the budget each has a slot of its own.
    fn brokers(self) -> u64 {
        match self {
            Budget::Network => 0,
            Budget::Within | Budget::OneBroker => 2,
            Budget::Beyond => 6,
        }
    }

    /// The schedule that these numbers make in a world.
    pub(super) fn schedule(self, draft: &ScheduleDraft, world: &World) -> Schedule {
        let brokers = i32::try_from(world.brokers).unwrap_or(i32::MAX);
        let aims = Aims::at(brokers, world.topic.as_str(), world.partitions).clients(world.hosts());
        match self {
            Budget::Network | Budget::Within | Budget::OneBroker => draft.within_budget(&aims, WHOLE),
            Budget::Beyond => draft.beyond_budget(&aims, WHOLE),
        }
    }
}

/// The schedule of a seed. Equal arguments give equal schedules.
pub fn schedule(seed: Seed, budget: Budget, world: &World) -> Schedule {
    let lonely = budget == Budget::OneBroker && seed.stream("search-lonely-leader", 0).chance(1, 3);
    let draft = draft(seed, budget);
    if !lonely {
        return budget.schedule(&draft, world);
    }
    let clients = ScheduleDraft {
        brokers: Vec::new(),
        network: Vec::new(),
        ..draft
    };
    let clients = budget.schedule(&clients, world).faults;
    { lonely_leader(seed, world).faults.into_iter() }
        .chain(clients)
        .collect()
}

/// Replication fails for longer than one and a half times `replica.lag.time.max.ms`, which is when leaders are alone in
/// sync at the latest, and one of them is struck before it ends.
fn lonely_leader(seed: Seed, world: &World) -> Schedule {
    let rng = &mut seed.stream("search-lonely-leader", 1);
    let partition = i32::try_from(rng.below(u64::from(world.partitions.max(1).unsigned_abs()))).unwrap_or_default();
    let leader = || Role::leader_of(world.topic.as_str(), partition);
    let millis = |rng: &mut SimRng, low, high| Duration::from_millis(rng.between(low, high));
    let brokers = Peer::Brokers(Role::AllBrokers);
    let network = match rng.below(2) {
        0 => Fault::Hold {
            from: brokers.clone(),
            to: brokers,
        },
        _ => Fault::Partition {
            a: vec![Peer::Brokers(leader())],
            b: vec![brokers],
        },
    };
    let start = SimTime::ZERO + millis(rng, 0, 3_000);
    let alone = millis(rng, 47_000, 54_000);
    let fault = match rng.below(4) {
        0 => Fault::Pause(leader()),
        1 => Fault::Isolate(leader()),
        2 => Fault::Kill(leader()),
        _ => Fault::PowerLoss {
            target: leader(),
            survivors: Survivors::None,
        },
    };
    let broker = fault.at(start + alone).healed_after(millis(rng, 500, 10_000));
    let network = network.at(start).healed_after(alone + millis(rng, 100, 4_000));
    vec![network, broker].into()
}

/// The schedule that these numbers make in a world.
#[cfg(feature = "proptest")]
pub(crate) fn scheduled(draft: &ScheduleDraft, budget: Budget, world: &World) -> Schedule {
    budget.schedule(draft, world)
}

/// The numbers of a seed.
pub(super) fn draft(seed: Seed, budget: Budget) -> ScheduleDraft {
    let mut swarm = seed.stream("search-kinds", 0);
    let brokers = (0..budget.brokers()).map(|nth| {
        let rng = &mut seed.stream("search-broker-fault", nth);
        let struck = match budget {
            Budget::Network | Budget::Within | Budget::OneBroker => rng.chance(4, 5),
            Budget::Beyond => rng.chance(1, 2),
        };
        struck.then(|| fault(rng))
    });
    let network = (0..NETWORK).filter_map(|nth| {
        let rng = &mut seed.stream("search-network-fault", nth);
        rng.chance(2, 5).then(|| fault(rng))
    });
    let clients = (0..CLIENTS).filter_map(|nth| {
        let rng = &mut seed.stream("search-client-fault", nth);
        rng.chance(2, 5).then(|| fault(rng))
    });
    ScheduleDraft {
        broker_kinds: number(&mut swarm),
        network_kinds: number(&mut swarm),
        brokers: brokers.collect(),
        network: network.collect(),
        client_kinds: number(&mut swarm),
        clients: clients.collect(),
    }
}

/// A fault of any numbers.
pub(super) fn fault(rng: &mut SimRng) -> FaultDraft {
    FaultDraft {
        kind: number(rng),
        target: number(rng),
        broker: number(rng),
        partition: number(rng),
        survivors: number(rng),
        trigger: number(rng),
        count: number(rng),
        at: number(rng),
        lasts: number(rng),
    }
}

/// Any number.
pub(super) fn number(rng: &mut SimRng) -> u16 {
    u16::try_from(rng.below(1 << 16)).expect("it is below 2^16")
}
