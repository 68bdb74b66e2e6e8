//! The settings of a run that decide what can be lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::{ConsumerPlan, FIRST_READER, Handling, Sim};

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
        let number = usize::try_from(reader.checked_sub(FIRST_READER)?).ok()?;
        let seat = number.checked_rem(self.members.len())?;
        self.members.get(seat).map(|plan| &**plan)
    }

    /// A consumer in words: its host, and which of its processes it is.
    pub(super) fn name_of(&self, reader: u32) -> String {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let number = reader.checked_sub(FIRST_READER);
        let seat = number.and_then(|number| Some((number.checked_rem(members)?, number / members)));
        match seat {
            Some((index, 0)) => format!("consumer-{index}"),
            Some((index, life)) => format!("consumer-{index} (process {})", life + 1),
            None => format!("reader {reader}"),
        }
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
