//! What a run has met, as a set of features that runs can be compared by.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;

use super::hunt::named;
use crate::sim::Run;

/// Features of one run, in order: which rare event followed which in each partition and on each broker, how often each
/// mark occurred in powers of two, and which marks and dangers were met together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Coverage {
    features: BTreeSet<u64>,
}

/// What tells the sorts of features apart.
const STEP: u64 = 1 << 32;
const COUNT: u64 = 2 << 32;
const TOGETHER: u64 = 3 << 32;

impl Coverage {
    pub(super) fn of(run: &Run) -> Coverage {
        let mut features = BTreeSet::new();
        let mut last: BTreeMap<Subject, u64> = BTreeMap::new();
        let mut of_brokers = 0;
        for (_, event) in run.events.iter().filter(|(_, event)| event.is_rare()) {
            let Some((subject, code)) = code(event) else { continue };
            let before = last.insert(subject, code).unwrap_or_default();
            features.insert(STEP | before << 8 | code);
            if subject == Subject::Brokers {
                of_brokers = code;
            } else {
                features.insert(STEP | of_brokers << 16 | code);
            }
        }
        let mut together = 0;
        for (index, count) in (0_u64..).zip(&run.marks) {
            features.insert(COUNT | index << 8 | u64::from(u64::BITS - count.leading_zeros()));
            together |= u64::from(*count > 0) << index;
        }
        let met = named(&run.dangers());
        let met = met.iter().enumerate().filter(|(_, (_, count))| *count > 0);
        let met = met.fold(0_u64, |met, (index, _)| met | 1 << index);
        features.insert(TOGETHER ^ together << 34 ^ met);
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
