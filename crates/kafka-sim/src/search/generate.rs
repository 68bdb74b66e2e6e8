//! Schedules of faults made from seeds.
//!
//! Every fault comes from a stream of its own, so that one fault less leaves the others as they were, and each run
//! draws which kinds of fault it knows at all, so that rare kinds are not always drowned by frequent ones.

use std::fmt;
use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role, Schedule, ScheduledFault};
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_core::{Seed, SimRng, SimTime};
use serde::{Deserialize, Serialize};

use super::{TOPIC, World};

use crate::network_fault::network_fault_of;

/// What a schedule may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// What three replicas with `acks=all` and `min.insync.replicas=2` promise to survive: one broker at a time is
    /// struck and is back in sync before the next; and short faults of the network at any time.
    Within,
    /// Anything at any time, several brokers at once included.
    Beyond,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Budget::Within => "within the budget",
            Budget::Beyond => "beyond the budget",
        })
    }
}

/// A broker that was struck needs this long to be healed, to register again once its old session has lapsed, to notice
/// connections that died silently (`replica.socket.timeout.ms`), and to catch up.
pub(super) const SLOT: Duration = Duration::from_secs(60);
/// Broker faults of a schedule within the budget, each in a slot of its own.
const SLOTS: u64 = 2;
/// A broker is struck in the first milliseconds of its slot.
const EARLY: u64 = 5_000;
/// As early, counted in acknowledged messages of a partition.
const EARLY_ACKS: u64 = 5;
/// Milliseconds a broker stays struck.
const LONGEST: u64 = 10_000;
/// Faults of the network, each of which a schedule may lack.
const NETWORK: u64 = 8;
/// Milliseconds during which faults of the network, and anything beyond the budget, can begin.
const WHOLE: u64 = 70_000;
/// Broker faults of a schedule beyond the budget.
const BEYOND: u64 = 6;

const BROKER_KINDS: u64 = 7;
const NETWORK_KINDS: u64 = 6;

/// The schedule of a seed. Equal arguments give equal schedules.
pub fn schedule(seed: Seed, budget: Budget, world: &World) -> Schedule {
    let mut swarm = seed.stream("search-kinds", 0);
    let drawing = Drawing {
        brokers: world.brokers as u64,
        partitions: u64::from(world.partitions.unsigned_abs()),
        broker_kinds: some_of(BROKER_KINDS, &mut swarm),
        network_kinds: some_of(NETWORK_KINDS, &mut swarm),
    };
    let brokers = (0..if budget == Budget::Within { SLOTS } else { BEYOND }).filter_map(|nth| {
        let rng = &mut seed.stream("search-broker-fault", nth);
        match budget {
            Budget::Within => rng.chance(4, 5).then(|| drawing.in_slot(nth, rng)),
            Budget::Beyond => rng.chance(1, 2).then(|| drawing.anything(rng)),
        }
    });
    let network = (0..NETWORK).filter_map(|nth| {
        let rng = &mut seed.stream("search-network-fault", nth);
        rng.chance(2, 5).then(|| drawing.of_network(rng))
    });
    brokers.chain(network).collect()
}

/// A random part of the numbers below `kinds`, never empty.
fn some_of(kinds: u64, rng: &mut SimRng) -> Vec<u64> {
    let sure = rng.below(kinds);
    (0..kinds).filter(|kind| *kind == sure || rng.chance(1, 2)).collect()
}

fn millis(rng: &mut SimRng, lo: u64, hi: u64) -> Duration {
    Duration::from_millis(rng.between(lo, hi))
}

/// What faults are drawn from.
struct Drawing {
    brokers: u64,
    partitions: u64,
    broker_kinds: Vec<u64>,
    network_kinds: Vec<u64>,
}

impl Drawing {
    /// A fault of one broker that leaves time for recovery before the next slot begins.
    fn in_slot(&self, slot: u64, rng: &mut SimRng) -> ScheduledFault {
        let lasts = millis(rng, 100, LONGEST);
        // Right after an acknowledgement is the moment at which it is worth least.
        let scheduled = if slot == 0 && rng.chance(1, 3) {
            let partition = self.partition(rng);
            let acked = MarkKind::ProduceAcked {
                topic: TOPIC.to_owned(),
                partition,
            };
            let nth = u32::try_from(rng.between(1, EARLY_ACKS)).expect("it is small");
            self.of_broker(Role::leader_of(TOPIC, partition), rng)
                .on_nth(nth, acked)
        } else {
            let start = SLOT * u32::try_from(slot).expect("slots are few");
            let at = SimTime::ZERO + start + millis(rng, 0, EARLY);
            let target = self.target(rng);
            self.of_broker(target, rng).at(at)
        };
        scheduled.healed_after(lasts)
    }

    /// A fault of one broker or all of them, at any time.
    fn anything(&self, rng: &mut SimRng) -> ScheduledFault {
        let at = SimTime::ZERO + millis(rng, 0, WHOLE);
        let lasts = millis(rng, 1_000, LONGEST);
        let target = if rng.chance(1, 4) {
            Role::AllBrokers
        } else {
            self.target(rng)
        };
        self.of_broker(target, rng).at(at).healed_after(lasts)
    }

    fn of_broker(&self, target: Role, rng: &mut SimRng) -> Fault {
        let kind = rng.pick(&self.broker_kinds).copied().unwrap_or_default();
        match kind {
            0 => Fault::ControlledStop(target),
            1 => Fault::Isolate(target),
            2 => Fault::IsolateFromController(target),
            3 => Fault::Pause(target),
            4 => Fault::Kill(target),
            5 => Fault::PowerLoss {
                target,
                survivors: survivors(rng),
            },
            // Nobody promises to survive the loss of all disks, so that finding it out is no use.
            _ if target == Role::AllBrokers => Fault::PowerLoss {
                target,
                survivors: Survivors::None,
            },
            _ => Fault::Wipe(target),
        }
    }

    /// A fault of links or of single requests, no longer than two seconds.
    fn of_network(&self, rng: &mut SimRng) -> ScheduledFault {
        let at = SimTime::ZERO + millis(rng, 0, WHOLE);
        let lasts = millis(rng, 1, 2_000);
        let target = self.target(rng);
        let kind = rng.pick(&self.network_kinds).copied().unwrap_or_default();
        let fault = network_fault_of(kind, target, lasts);
        fault.at(at).healed_after(lasts)
    }

    fn target(&self, rng: &mut SimRng) -> Role {
        match rng.below(4) {
            0 => Role::broker(i32::try_from(rng.below(self.brokers)).expect("brokers are few")),
            1 => {
                let nth = u32::try_from(rng.below(self.brokers.saturating_sub(1).max(1)));
                Role::follower_of(TOPIC, self.partition(rng), nth.expect("brokers are few"))
            }
            _ => Role::leader_of(TOPIC, self.partition(rng)),
        }
    }

    fn partition(&self, rng: &mut SimRng) -> i32 {
        i32::try_from(rng.below(self.partitions.max(1))).expect("it is below a number of partitions")
    }
}

fn survivors(rng: &mut SimRng) -> Survivors {
    let all = [
        Survivors::None,
        Survivors::Prefix,
        Survivors::PageSubset,
        Survivors::TornTail,
        Survivors::All,
    ];
    rng.pick(&all).copied().unwrap_or_default()
}
