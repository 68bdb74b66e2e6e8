//! The trail of one record through the logs of the cluster.

use std::collections::BTreeMap;

use kafka_sim_cluster::event::{Brokers, Event};
use kafka_sim_cluster::peer::Tp;
use kafka_sim_core::{BrokerId, Offset, SimTime};

/// Where a record was, from when, and what took it away.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// The leader that took it, when, and in which epoch.
    pub(super) appended: Option<(BrokerId, SimTime, i32)>,
    /// Every broker whose log had it, and since when.
    pub(super) held: BTreeMap<BrokerId, SimTime>,
    /// What took it from a broker, and when.
    pub(super) taken: BTreeMap<BrokerId, (SimTime, Taken)>,
    /// The in-sync replicas when the producer was answered, and when that was.
    pub(super) answered: Option<(SimTime, Brokers)>,
    /// When machines lost power that have not come back.
    dark: BTreeMap<BrokerId, SimTime>,
}

/// How a broker came to lack a record that it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Power,
    /// Recovery found it damaged although the machine had power all the time.
    Damage,
    Truncation,
    Wipe,
    Deletion,
}

impl Trail {
    /// The trail of the record at `offset` that was acknowledged at `acked_at`.
    pub(super) fn of(events: &[(SimTime, Event)], tp: Tp, offset: Offset, acked_at: SimTime) -> Trail {
        let mut trail = Trail::default();
        for (at, event) in events {
            trail.follow(*at, event, tp, offset, acked_at);
        }
        trail
    }

    fn follow(&mut self, at: SimTime, event: &Event, tp: Tp, offset: Offset, acked_at: SimTime) {
        match event {
            Event::Appended {
                broker,
                tp: there,
                base,
                last,
                leader_epoch,
                duplicate: false,
                ..
            } if *there == tp && (*base..=*last).contains(&offset) && at <= acked_at => {
                // A later append at the same offset before the acknowledgement is the one that was acknowledged.
                let dark = std::mem::take(&mut self.dark);
                *self = Trail {
                    appended: Some((*broker, at, *leader_epoch)),
                    dark,
                    ..Trail::default()
                };
                self.held.insert(*broker, at);
            }
            Event::Replicated {
                broker,
                tp: there,
                base,
                last,
                leader_epoch,
            } if *there == tp && (*base..=*last).contains(&offset) && self.epoch() == Some(*leader_epoch) => {
                self.held.entry(*broker).or_insert(at);
                self.taken.remove(broker);
            }
            Event::ProduceAnswered {
                tp: there,
                base,
                last,
                error,
                isr,
                ..
            } if *there == tp && error.is_ok() && (*base..=*last).contains(&offset) && at <= acked_at => {
                self.answered = Some((at, isr.clone()));
            }
            Event::Truncated {
                broker, tp: there, to, ..
            } if *there == tp && *to <= offset => self.take(*broker, at, Taken::Truncation),
            Event::BrokerPowerLost { broker, .. } => {
                self.dark.insert(*broker, at);
            }
            Event::Recovered {
                broker,
                tp: there,
                log_end,
                ..
            } if *there == tp => self.come_back(*broker, at, *log_end <= offset),
            Event::BrokerWiped { broker } => self.take(*broker, at, Taken::Wipe),
            Event::TopicDeleted { topic } if *topic == tp.topic => {
                let holders: Vec<BrokerId> = self.held.keys().copied().collect();
                holders
                    .into_iter()
                    .for_each(|broker| self.take(broker, at, Taken::Deletion));
            }
            _ => {}
        }
    }

    /// What recovery does not find was gone from the moment the power was, so that is when it counts as taken.
    fn come_back(&mut self, broker: BrokerId, at: SimTime, without: bool) {
        let lost_power = self.dark.remove(&broker);
        if without {
            let (since, how) = lost_power.map_or((at, Taken::Damage), |since| (since, Taken::Power));
            self.take(broker, since, how);
        }
    }

    /// Batches keep the epoch they were appended in, so it tells whose record it is.
    fn epoch(&self) -> Option<i32> {
        self.appended.map(|(_, _, epoch)| epoch)
    }

    fn take(&mut self, broker: BrokerId, at: SimTime, how: Taken) {
        if self.held.contains_key(&broker) && !self.taken.contains_key(&broker) {
            self.taken.insert(broker, (at, how));
        }
    }

    /// Brokers that had the record at `at` and still do.
    pub(super) fn holders_at(&self, at: SimTime) -> Vec<BrokerId> {
        let held = self.held.iter().filter(|(_, since)| **since <= at);
        held.filter(|(broker, _)| self.taken.get(broker).is_none_or(|(taken, _)| *taken > at))
            .map(|(broker, _)| *broker)
            .collect()
    }
}
