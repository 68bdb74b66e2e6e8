//! Proptest strategies for schedules of faults.
//!
//! Values shrink toward fewer faults, milder kinds, earlier and shorter ones. Faults name roles and carry their own
//! healing, so every part of a schedule is a schedule.

use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role, Schedule, ScheduledFault};
use kafka_sim_core::{BrokerId, SimTime};
use proptest::prelude::*;

use crate::network_fault::network_fault_of;

/// What a schedule is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topology {
    brokers: i32,
    topic: String,
    partitions: i32,
}

impl Topology {
    /// That many brokers; faults aim at partition 0 of `orders` unless told otherwise.
    ///
    /// # Panics
    /// If there is no broker.
    pub fn brokers(brokers: i32) -> Topology {
        assert!(brokers > 0, "a cluster has at least one broker, not {brokers}");
        Topology {
            brokers,
            topic: "orders".into(),
            partitions: 1,
        }
    }

    /// The topic whose leaders and followers faults aim at.
    ///
    /// # Panics
    /// If there is no partition.
    #[must_use]
    pub fn topic(self, topic: impl Into<String>, partitions: i32) -> Topology {
        assert!(partitions > 0, "a topic has at least one partition, not {partitions}");
        Topology {
            topic: topic.into(),
            partitions,
            ..self
        }
    }
}

/// A broker that was struck needs this long to be healed, to register again once its old session has lapsed, to notice
/// connections that died silently (`replica.socket.timeout.ms`), and to catch up.
const SLOT: Duration = Duration::from_secs(60);
const LONGEST: u64 = 10_000;

/// Everything that three replicas with `acks=all`, `min.insync.replicas=2` and Kafka's other defaults promise to
/// survive: one broker at a time is killed, without power, wiped, paused or cut off, and is back in sync before the next
/// (min ISR − 1 lossy shutdowns at once); and short faults of the network at any time. All within `horizon`, at least
/// one minute.
pub fn within_budget(topology: Topology, horizon: Duration) -> impl Strategy<Value = Schedule> {
    let slots = usize::try_from(horizon.as_secs() / SLOT.as_secs()).unwrap_or(1).max(1);
    let whole = u64::try_from(horizon.as_millis()).unwrap_or(u64::MAX).max(1);
    let brokers = proptest::collection::vec(proptest::option::of(broker_fault(topology.clone())), slots);
    let network = proptest::collection::vec(network_fault(topology, whole), 0..4);
    (brokers, network).prop_map(|(brokers, network)| {
        let start = |slot: usize| SLOT * u32::try_from(slot).expect("a horizon has few minutes");
        let slotted = brokers
            .into_iter()
            .enumerate()
            .filter_map(|(slot, fault)| fault.map(|(fault, offset, lasts)| timed(fault, start(slot) + offset, lasts)));
        slotted
            .chain(network.into_iter().map(|(fault, at, lasts)| timed(fault, at, lasts)))
            .collect()
    })
}

/// Anything at any time, several brokers at once included: what no setting survives for ever.
pub fn beyond_budget(topology: Topology, horizon: Duration) -> impl Strategy<Value = Schedule> {
    let whole = u64::try_from(horizon.as_millis()).unwrap_or(u64::MAX).max(1);
    let fault = (
        prop_oneof![
            broker_fault(topology.clone()).prop_map(|(fault, ..)| fault),
            everybody()
        ],
        0..whole,
        1_000..LONGEST,
    );
    proptest::collection::vec(fault, 1..10).prop_map(|faults| {
        faults
            .into_iter()
            .map(|(fault, at, lasts)| timed(fault, Duration::from_millis(at), Duration::from_millis(lasts)))
            .collect()
    })
}

fn timed(fault: Fault, at: Duration, lasts: Duration) -> ScheduledFault {
    fault.at(SimTime::ZERO + at).healed_after(lasts)
}

fn broker_fault(topology: Topology) -> impl Strategy<Value = (Fault, Duration, Duration)> {
    let survivors = prop_oneof![
        Just(Survivors::All),
        Just(Survivors::Prefix),
        Just(Survivors::TornTail),
        Just(Survivors::PageSubset),
        Just(Survivors::None)
    ];
    (0..6_usize, target(topology), survivors, 0..5_000_u64, 100..LONGEST).prop_map(
        |(kind, target, survivors, at, lasts)| {
            let fault = match kind {
                0 => Fault::ControlledStop(target),
                1 => Fault::Isolate(target),
                2 => Fault::Pause(target),
                3 => Fault::Kill(target),
                4 => Fault::PowerLoss { target, survivors },
                _ => Fault::Wipe(target),
            };
            (fault, Duration::from_millis(at), Duration::from_millis(lasts))
        },
    )
}

fn target(topology: Topology) -> impl Strategy<Value = Role> {
    (0..3_usize, 0..topology.brokers, 0..topology.partitions).prop_map(move |(which, broker, partition)| match which {
        0 => Role::Broker(BrokerId(broker)),
        1 => Role::follower_of(topology.topic.clone(), partition, broker.unsigned_abs() % 2),
        _ => Role::leader_of(topology.topic.clone(), partition),
    })
}

fn everybody() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Kill(Role::AllBrokers)),
        Just(Fault::PowerLoss {
            target: Role::AllBrokers,
            survivors: Survivors::Prefix
        }),
        Just(Fault::PowerLoss {
            target: Role::AllBrokers,
            survivors: Survivors::None
        }),
    ]
}

/// Faults of links and of single requests, none longer than two seconds.
fn network_fault(topology: Topology, whole: u64) -> impl Strategy<Value = (Fault, Duration, Duration)> {
    (0..6_u64, target(topology), 0..whole, 1..2_000_u64).prop_map(|(kind, target, at, lasts)| {
        let lasts = Duration::from_millis(lasts);
        let fault = network_fault_of(kind, target, lasts);
        (fault, Duration::from_millis(at), lasts)
    })
}
