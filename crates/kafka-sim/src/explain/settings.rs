//! The settings of a run that decide what can be lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::{ConsumerPlan, Handling, Sim};

/// What a producer was set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProducerSettings {
    /// 0, 1 or −1.
    pub(crate) acks: i16,
    pub(crate) idempotent: bool,
    pub(crate) max_in_flight: usize,
    /// The application never looks at the outcome of a send.
    pub(crate) ignores_results: bool,
    /// What the application does with outcomes, if it keeps messages on its own machine.
    pub(crate) keeping: Option<Handling>,
}

/// What the cluster and its clients were set to.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    producers: Vec<ProducerSettings>,
    /// The plan of each member of all groups.
    members: Vec<Arc<ConsumerPlan>>,
    broker: BTreeMap<String, String>,
    topics: BTreeMap<String, BTreeMap<String, String>>,
}

impl Settings {
    pub(crate) fn of(sim: &Sim, producers: Vec<ProducerSettings>) -> Settings {
        let (broker, topics) = sim.settings();
        Settings {
            producers,
            members: sim.members().cloned().collect(),
            broker,
            topics,
        }
    }

    pub(super) fn producer(&self, index: u32) -> Option<&ProducerSettings> {
        self.producers.get(usize::try_from(index).ok()?)
    }

    /// What the application does whose consumer has this number.
    pub(super) fn consumer(&self, reader: u32) -> Option<&ConsumerPlan> {
        let seat = crate::sim::seat_of(reader, self.members.len())?;
        self.members.get(seat).map(|plan| &**plan)
    }

    /// The value that counts for a topic: its override, the broker's, or `default`.
    pub(super) fn topic<'a>(&'a self, topic: &str, key: &str, broker_key: &str, default: &'a str) -> &'a str {
        let overridden = self.topics.get(topic).and_then(|overrides| overrides.get(key));
        overridden
            .or_else(|| self.broker.get(broker_key))
            .map_or(default, String::as_str)
    }

    pub(super) fn broker<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.broker.get(key).map_or(default, String::as_str)
    }
}
