//! What the loss or the return of a broker does to partitions (ReplicationControlManager.generateLeaderAndIsrUpdates).

use kafka_sim_core::{BrokerId, SimTime};

use super::election::{Election, PartitionChange};
use super::publish::Changes;
use super::{Controller, ControllerOutput};
use crate::config::{min_insync_replicas, unclean_leader_election_enabled};
use crate::peer::{BrokerState, MetadataRecord, PartitionState, TopicState, Tp};

/// What happened to a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BrokerChange {
    /// It leaves every ISR and may not lead.
    Leaves(BrokerId),
    /// It may lead again.
    Returns(BrokerId),
    /// Its process was not stopped in good order: it leaves ISR and ELR and may not lead.
    RestartedUncleanly(BrokerId),
}

impl Controller {
    /// Takes a broker out of service.
    pub(super) fn fence(&mut self, broker: BrokerId, changes: &mut Changes) {
        self.update_partitions(BrokerChange::Leaves(broker), changes, |state| {
            state.isr.contains(&broker)
        });
        self.change_broker(broker, changes, |state| state.fenced = true);
        if let Some(session) = self.sessions.get_mut(&broker) {
            session.shutdown_offset = None;
        }
    }

    /// Puts a broker into service; it may be what leaderless partitions wait for.
    pub(super) fn unfence(&mut self, broker: BrokerId, changes: &mut Changes) {
        self.change_broker(broker, changes, |state| state.fenced = false);
        self.update_partitions(BrokerChange::Returns(broker), changes, |state| state.leader.is_none());
    }

    /// Writes a broker's state if `change` changes it.
    pub(super) fn change_broker(
        &mut self,
        broker: BrokerId,
        changes: &mut Changes,
        change: impl FnOnce(&mut BrokerState),
    ) {
        let Some(before) = self.image.brokers.get(&broker) else {
            return;
        };
        let mut state = before.clone();
        change(&mut state);
        if state != *before {
            self.write(MetadataRecord::Broker(state), changes);
        }
    }

    /// Re-evaluates the partitions that `concerns` picks.
    pub(super) fn update_partitions(
        &mut self,
        change: BrokerChange,
        changes: &mut Changes,
        concerns: impl Fn(&PartitionState) -> bool,
    ) {
        let (gone, unclean_restart) = match change {
            BrokerChange::Leaves(broker) => (Some(broker), None),
            BrokerChange::RestartedUncleanly(broker) => (Some(broker), Some(broker)),
            BrokerChange::Returns(_) => (None, None),
        };
        let mut records = Vec::new();
        for topic in self.image.topics.values() {
            for (partition, current) in (0..).zip(&topic.partitions).filter(|(_, current)| concerns(current)) {
                let mut next = self.change_of(topic, current);
                next.isr.retain(|replica| Some(*replica) != gone);
                next.unclean_restart = unclean_restart;
                let active = |replica| {
                    let returns = change == BrokerChange::Returns(replica) && self.has_online_log_dir(replica);
                    Some(replica) != gone && (returns || self.is_active(replica))
                };
                let tp = Tp {
                    topic: topic.id,
                    partition,
                };
                records.extend(next.build(active).map(|state| MetadataRecord::Partition(tp, state)));
            }
        }
        records.into_iter().for_each(|record| self.write(record, changes));
    }

    /// A change of one partition under the settings of its topic.
    pub(super) fn change_of<'a>(&self, topic: &TopicState, current: &'a PartitionState) -> PartitionChange<'a> {
        let overrides = self.image.overrides(&topic.name);
        let min_isr = min_insync_replicas(&self.defaults, overrides).min(current.replicas.len());
        let mut change = PartitionChange::of(current, self.elr_enabled(), min_isr);
        if unclean_leader_election_enabled(&self.defaults, overrides) {
            change.election = Election::Unclean;
        }
        change
    }

    /// Fences every broker whose session has timed out, one per pass, the longest silent first.
    pub(super) fn fence_stale_brokers(&mut self, now: SimTime, out: &mut Vec<ControllerOutput>) {
        while let Some((_, broker)) = self.next_stale_broker().filter(|(at, _)| *at <= now) {
            let mut changes = Changes::default();
            self.fence(broker, &mut changes);
            self.publish(now, changes, None, out);
        }
    }

    /// When the next session times out.
    pub(super) fn next_session_timeout(&self) -> Option<SimTime> {
        self.next_stale_broker().map(|(at, _)| at)
    }

    fn next_stale_broker(&self) -> Option<(SimTime, BrokerId)> {
        let timeout = self.properties.broker_session_timeout;
        let unfenced = self.sessions.iter().filter(|(id, _)| self.image.is_alive(**id));
        unfenced
            .map(|(id, session)| (session.last_contact + timeout, *id))
            .min()
    }
}
