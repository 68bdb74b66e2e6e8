//! Timers over partitions: returning leadership to preferred replicas, and looking at leaderless partitions.

use kafka_sim_core::SimTime;

use super::election::Election;
use super::publish::Changes;
use super::{Controller, ControllerOutput};
use crate::config::unclean_leader_election_enabled;
use crate::peer::{MetadataRecord, PartitionState, TopicState, Tp};

/// Elections in one pass; the next pass follows at once.
const MAX_ELECTIONS: usize = 1000;

fn is_imbalanced(state: &PartitionState) -> bool {
    state.leader != state.replicas.first().copied()
}

impl Controller {
    /// Starts the timers that freshly written partition states call for.
    pub(super) fn start_timers(&mut self, now: SimTime, records: &[MetadataRecord]) {
        for record in records {
            let partitions = match record {
                MetadataRecord::Partition(_, state) => std::slice::from_ref(state),
                MetadataRecord::Topic(topic) => &topic.partitions,
                _ => continue,
            };
            if self.defaults.auto_leader_rebalance_enable && partitions.iter().any(is_imbalanced) {
                self.rebalance_at
                    .get_or_insert(now + self.defaults.leader_imbalance_check_interval);
            }
            if partitions.iter().any(|state| state.leader.is_none()) {
                self.unclean_check_at
                    .get_or_insert(now + self.defaults.unclean_leader_election_interval);
            }
        }
    }

    /// Elects preferred replicas that are valid. `leader.imbalance.per.broker.percentage` is ignored, as under KRaft.
    pub(super) fn rebalance_leaders(&mut self, now: SimTime, out: &mut Vec<ControllerOutput>) {
        if self.rebalance_at.is_none_or(|at| at > now) {
            return;
        }
        while self.elect_where(now, Election::Preferred, out, |_, _, state| is_imbalanced(state)) >= MAX_ELECTIONS {}
        let interval = self.defaults.leader_imbalance_check_interval;
        self.rebalance_at = self.any_partition(is_imbalanced).then_some(now + interval);
    }

    /// Elects uncleanly where the topic allows it and no leader was found when the last one was lost.
    pub(super) fn check_leaderless_partitions(&mut self, now: SimTime, out: &mut Vec<ControllerOutput>) {
        if self.unclean_check_at.is_none_or(|at| at > now) {
            return;
        }
        while self.elect_where(now, Election::Unclean, out, Self::may_elect_uncleanly) >= MAX_ELECTIONS {}
        let interval = self.defaults.unclean_leader_election_interval;
        self.unclean_check_at = self
            .any_partition(|state| state.leader.is_none())
            .then_some(now + interval);
    }

    /// Elects leaders at once after a topic, or with `None` every topic, was allowed unclean elections.
    pub(super) fn elect_uncleanly_now(&mut self, topic: Option<&str>, changes: &mut Changes) {
        let records = self.elections(Election::Unclean, usize::MAX, |controller, candidate, state| {
            topic.is_none_or(|name| name == &*candidate.name) && controller.may_elect_uncleanly(candidate, state)
        });
        records.into_iter().for_each(|record| self.write(record, changes));
    }

    fn may_elect_uncleanly(&self, topic: &TopicState, state: &PartitionState) -> bool {
        let overrides = self.image.overrides(&topic.name);
        state.leader.is_none() && unclean_leader_election_enabled(&self.defaults, overrides)
    }

    fn any_partition(&self, is: impl Fn(&PartitionState) -> bool) -> bool {
        self.image.topics.values().flat_map(|topic| &topic.partitions).any(is)
    }

    /// One pass; returns how many partitions changed.
    fn elect_where(
        &mut self,
        now: SimTime,
        election: Election,
        out: &mut Vec<ControllerOutput>,
        concerns: impl Fn(&Self, &TopicState, &PartitionState) -> bool,
    ) -> usize {
        let records = self.elections(election, MAX_ELECTIONS, concerns);
        let elected = records.len();
        let mut changes = Changes::default();
        records.into_iter().for_each(|record| self.write(record, &mut changes));
        self.publish(now, changes, None, out);
        elected
    }

    fn elections(
        &self,
        election: Election,
        limit: usize,
        concerns: impl Fn(&Self, &TopicState, &PartitionState) -> bool,
    ) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        for topic in self.image.topics.values() {
            for (partition, current) in (0..).zip(&topic.partitions) {
                if records.len() == limit {
                    return records;
                }
                if concerns(self, topic, current) {
                    let mut change = self.change_of(topic, current);
                    change.election = election;
                    let tp = Tp {
                        topic: topic.id,
                        partition,
                    };
                    let next = change.build(|replica| self.is_active(replica));
                    records.extend(next.map(|state| MetadataRecord::Partition(tp, state)));
                }
            }
        }
        records
    }
}
