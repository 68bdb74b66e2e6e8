//! Proptest strategies for schedules of faults, for settings and for whole worlds.
//!
//! Values shrink toward fewer faults, milder kinds, earlier and shorter ones, fewer messages, partitions and brokers, and
//! Kafka's defaults. Faults name roles and carry their own healing, so every part of a schedule is a schedule. Seeds of
//! runs are not made here: a seed that shrinks makes another run, so draw it with `no_shrink()`.

use std::time::Duration;

use kafka_sim_cluster::fault::{Aims, FaultDraft, SLOT, Schedule, ScheduleDraft};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::search::{self, Budget, Settings, World};

pub use crate::search::promised;

/// What a schedule is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topology {
    brokers: i32,
    topic: String,
    partitions: i32,
    clients: Vec<String>,
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
            clients: Vec::new(),
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

    /// The hosts of applications that are paused, killed or lose power, such as `producer-0`; none are unless named.
    #[must_use]
    pub fn clients(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Topology {
        Topology {
            clients: hosts.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    fn aims(&self) -> Aims {
        Aims::at(self.brokers, self.topic.as_str(), self.partitions).clients(&self.clients)
    }
}

/// Everything that three replicas with `acks=all`, `min.insync.replicas=2` and Kafka's other defaults promise to
/// survive: one broker at a time is killed, without power, wiped, paused or cut off, and is back in sync before the next
/// (min ISR − 1 lossy shutdowns at once); and short faults of the network and stops of [clients](Topology::clients) at any
/// time. All within `horizon`, at least
/// one minute. Each schedule knows only some kinds of fault (swarm testing).
pub fn within_budget(topology: Topology, horizon: Duration) -> impl Strategy<Value = Schedule> {
    let slots = usize::try_from(horizon.as_secs() / SLOT.as_secs()).unwrap_or(1).max(1);
    drafts(slots).prop_map(move |draft| draft.within_budget(&topology.aims(), horizon))
}

/// Anything at any time within `horizon`, several brokers at once included: what no setting survives for ever.
pub fn beyond_budget(topology: Topology, horizon: Duration) -> impl Strategy<Value = Schedule> {
    drafts(10).prop_map(move |draft| draft.beyond_budget(&topology.aims(), horizon))
}

/// Worlds that can be searched, with a schedule each: one topic `orders`, one producing application, any
/// [settings](settings()).
pub fn worlds(budget: Budget) -> impl Strategy<Value = (World, Schedule)> {
    let sizes = (1..=3_i32, 3..=5_usize, 10..=200_u32);
    (settings(), sizes, drafts(2)).prop_map(move |(settings, (partitions, brokers, records), draft)| {
        let world = World {
            partitions,
            brokers,
            records,
            ..World::with(settings)
        };
        let schedule = search::scheduled(&draft, budget, &world);
        (world, schedule)
    })
}

/// Settings of producer, topic and brokers that bear on what a run may lose, double or reorder. The simplest are those of
/// published advice.
pub fn settings() -> impl Strategy<Value = Settings> {
    let picks: Vec<_> = search::choices().map(|values| 0..values).collect();
    picks.prop_map(|picks| search::chosen(&picks))
}

fn drafts(broker_faults: usize) -> impl Strategy<Value = ScheduleDraft> {
    let brokers = vec(option::of(faults()), broker_faults);
    let kinds = any::<[u16; 3]>();
    (kinds, brokers, vec(faults(), 0..4), vec(faults(), 0..3)).prop_map(
        |([broker_kinds, network_kinds, client_kinds], brokers, network, clients)| ScheduleDraft {
            broker_kinds,
            network_kinds,
            brokers,
            network,
            client_kinds,
            clients,
        },
    )
}

fn faults() -> impl Strategy<Value = FaultDraft> {
    any::<[u16; 9]>().prop_map(
        |[trigger, count, at, lasts, kind, survivors, target, broker, partition]| FaultDraft {
            kind,
            target,
            broker,
            partition,
            survivors,
            trigger,
            count,
            at,
            lasts,
        },
    )
}
