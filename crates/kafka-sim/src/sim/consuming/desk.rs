//! What the processes of a group share outside Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_sim_check::MessageId;

use super::plan::ConsumerPlan;
use super::task::Item;

/// The handlers' database, which none of their faults touches, and what the run knows of calls so far.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Desk {
    calls: u64,
    /// How often the handler has failed for a poisonous record.
    poisoned: BTreeMap<(i32, i64), u32>,
    flags: BTreeSet<MessageId>,
    /// Messages whose effect took place, where flags are kept.
    effects: BTreeSet<MessageId>,
}

/// What a call of the handler will be like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) lasts: Duration,
    pub(super) fails: bool,
}

impl Desk {
    pub(super) fn is_flagged(&self, message: MessageId) -> bool {
        self.flags.contains(&message)
    }

    /// Sets a flag. False: it was set before.
    pub(super) fn flag(&mut self, message: MessageId) -> bool {
        self.flags.insert(message)
    }

    /// The effect of a message takes place.
    pub(super) fn effect(&mut self, message: MessageId) {
        self.effects.insert(message);
    }

    /// Whether the effect that a flag stands for took place.
    pub(super) fn has_effect(&self, message: MessageId) -> bool {
        self.effects.contains(&message)
    }

    /// A handler is called.
    pub(super) fn call(&mut self, plan: &ConsumerPlan, item: &Item) -> Call {
        self.calls += 1;
        let hangs = plan.hangs.filter(|(nth, _)| *nth == self.calls);
        let every = plan.fails_every.is_some_and(|nth| self.calls.is_multiple_of(nth));
        Call {
            lasts: hangs.map_or(plan.processing, |(_, lasts)| lasts),
            fails: every | self.is_poisonous(plan, item),
        }
    }

    fn is_poisonous(&mut self, plan: &ConsumerPlan, item: &Item) -> bool {
        let place = (item.tp.partition, item.offset);
        let Some((_, _, times)) = plan
            .poison
            .filter(|(partition, offset, _)| (*partition, *offset) == place)
        else {
            return false;
        };
        let failed = self.poisoned.entry(place).or_default();
        let fails = *failed < times;
        *failed += u32::from(fails);
        fails
    }
}
