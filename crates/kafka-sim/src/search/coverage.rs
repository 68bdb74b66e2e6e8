//! What a run has met, as a set of features that runs can be compared by.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_core::BrokerId;

use super::hunt::named;
use crate::sim::Run;

/// Features of one run, in order: which rare event followed which in each partition and among brokers, which three
/// followed each other on one broker, how often each mark occurred in powers of two, and which two dangers were met
/// together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Coverage {
    features: BTreeSet<u64>,
}

/// What tells the sorts of features apart.
const STEP: u64 = 1 << 32;
const COUNT: u64 = 2 << 32;
const TOGETHER: u64 = 3 << 32;
const THREE: u64 = 4 << 32;

impl Coverage {
    pub(super) fn of(run: &Run) -> Coverage {
        let mut features = BTreeSet::new();
        let mut last: BTreeMap<Subject, u64> = BTreeMap::new();
        let mut of_brokers = 0;
        let mut on_broker: BTreeMap<BrokerId, (u64, u64)> = BTreeMap::new();
        for (_, event) in run.events.iter().filter(|(_, event)| event.is_rare()) {
            let Some((subject, code)) = code(event) else { continue };
            let before = last.insert(subject, code).unwrap_or_default();
            features.insert(STEP | before << 8 | code);
            if let Some(broker) = place(event) {
                let (first, second) = on_broker.entry(broker).or_default();
                features.insert(THREE | *first << 16 | *second << 8 | code);
                (*first, *second) = (*second, code);
            }
            if subject == Subject::Brokers {
                of_brokers = code;
            } else {
                features.insert(STEP | of_brokers << 16 | code);
            }
        }
        for (index, count) in (0_u64..).zip(&run.marks) {
            features.insert(COUNT | index << 8 | u64::from(u64::BITS - count.leading_zeros()));
        }
        let dangers = named(&run.dangers());
        let met = { (0_u64..).zip(dangers) }.filter(|(_, (_, count))| *count > 0);
        let met: Vec<u64> = met.map(|(index, _)| index).collect();
        for (nth, one) in met.iter().enumerate() {
            features.extend(met[nth..].iter().map(|other| TOGETHER | one << 8 | other));
        }
        Coverage { features }
    }

    /// The features in order.
    pub(super) fn features(&self) -> impl Iterator<Item = &u64> {
        self.features.iter()
    }
}

/// What an event is about: events are compared with the one before of the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Partition(Tp),
    Brokers,
}

/// The broker on which something happened.
fn place(event: &Event) -> Option<BrokerId> {
    match event {
        Event::BrokerStarted { broker, .. }
        | Event::BrokerFenced { broker, .. }
        | Event::BrokerUnfenced { broker, .. }
        | Event::BrokerKilled { broker, .. }
        | Event::BrokerPowerLost { broker, .. }
        | Event::BrokerStopped { broker, .. }
        | Event::BrokerPaused { broker, .. }
        | Event::BrokerResumed { broker, .. }
        | Event::BrokerWiped { broker, .. }
        | Event::Recovered { broker, .. }
        | Event::BecameLeader { broker, .. }
        | Event::BecameFollower { broker, .. }
        | Event::Truncated { broker, .. } => Some(*broker),
        _ => None,
    }
}

/// An event without its names and numbers, from 1; at most 255.
fn code(event: &Event) -> Option<(Subject, u64)> {
    use Subject::{Brokers, Partition};
    Some(match event {
        Event::BrokerStarted { .. } => (Brokers, 1),
        Event::BrokerFenced { .. } => (Brokers, 2),
        Event::BrokerUnfenced { .. } => (Brokers, 3),
        Event::BrokerKilled { .. } => (Brokers, 4),
        Event::BrokerPowerLost { lost_bytes, .. } => (Brokers, 5 + u64::from(*lost_bytes > 0)),
        Event::BrokerStopped { controlled, .. } => (Brokers, 7 + u64::from(*controlled)),
        Event::BrokerPaused { .. } => (Brokers, 9),
        Event::BrokerResumed { .. } => (Brokers, 10),
        Event::BrokerWiped { .. } => (Brokers, 11),
        Event::LogDirOffline { .. } => (Brokers, 12),
        Event::RequestDropped { .. } => (Brokers, 13),
        Event::ResponseDropped { .. } => (Brokers, 14),
        Event::Recovered { tp, cut_bytes, .. } => (Partition(*tp), 20 + u64::from(*cut_bytes > 0)),
        Event::BecameLeader { tp, hw, log_end, .. } => (Partition(*tp), 22 + u64::from(hw < log_end)),
        Event::BecameFollower { tp, leader, .. } => (Partition(*tp), 24 + u64::from(leader.is_some())),
        Event::SequenceRefused { tp, .. } => (Partition(*tp), 26),
        Event::NotEnoughReplicas { tp, after_append, .. } => (Partition(*tp), 27 + u64::from(*after_append)),
        Event::Truncated { tp, from, to, .. } => (Partition(*tp), 29 + u64::from(from > to)),
        Event::LeaderElected {
            tp, leader, unclean, ..
        } => (Partition(*tp), 31 + u64::from(leader.is_some()) + u64::from(*unclean)),
        Event::IsrChanged { tp, was, isr, elr, .. } => {
            let grown = u64::from(isr.len() > was.len());
            let size = isr.len().min(3) as u64;
            (Partition(*tp), 40 + grown + 2 * size + 8 * elr.len().min(3) as u64)
        }
        _ => return None,
    })
}
