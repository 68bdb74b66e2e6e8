//! What the leader of a classic group does, and what members make of it, as Kafka's `ConsumerCoordinator`.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use kafka_protocol::messages::JoinGroupResponse;
use kafka_sim_core::{SimTime, TopicPartition};

use super::{
    Consumer,
    assignor::{self, Membership},
    coordinator::shared,
    member::{Join, JoinError},
    protocol,
    script::Step,
    types::ConsumerError,
};
use crate::config::Assignor;

impl Consumer {
    /// What this member tells the leader, as each of its assignors wants it.
    pub(super) fn subscriptions_for(&self, topics: &BTreeSet<Arc<str>>) -> Vec<(&'static str, Bytes)> {
        let owned = self.owned();
        let rack = Some(&*self.config.reader.client_rack).filter(|rack| !rack.is_empty());
        let subscription = |assignor: &Assignor| {
            let user_data = protocol::user_data(*assignor, &self.member.sticky);
            let generation = self.member.generation.id;
            (
                assignor.name(),
                protocol::write_subscription(topics, user_data, &owned, generation, rack),
            )
        };
        self.config.assignors.iter().map(subscription).collect()
    }

    /// This member is to assign, once metadata knows all topics of the group.
    pub(super) fn lead(&mut self, answer: JoinGroupResponse) {
        let subscribed = answer.members.iter().filter_map(|member| {
            let metadata = protocol::read_subscription(&member.metadata)?;
            Some(metadata.topics)
        });
        self.member.group_topics = subscribed.flatten().collect();
        self.want_topics();
        self.member.join = Join::Leading(Box::new(answer));
    }

    /// Assigns if metadata is ready.
    pub(super) fn drive_leading(&mut self) -> bool {
        if !matches!(self.member.join, Join::Leading(_)) || !self.reader.network.metadata.is_complete() {
            return false;
        }
        let Join::Leading(answer) = std::mem::replace(&mut self.member.join, Join::Pending) else {
            return false;
        };
        self.member.seen_metadata = u64::MAX;
        self.note_metadata();
        self.member.leads = true;
        self.member.assigned_by = Some(self.member.snapshot.clone());
        if answer.skip_assignment {
            self.send_sync(Vec::new());
            return true;
        }
        match self.assign_group(&answer) {
            Ok(assignments) => self.send_sync(assignments),
            Err(error) => self.join_failed(JoinError::Fatal(error)),
        }
        true
    }

    fn assign_group(
        &self,
        answer: &JoinGroupResponse,
    ) -> Result<Vec<(kafka_sim_core::wire::StrBytes, Bytes)>, ConsumerError> {
        let name = answer.protocol_name.as_ref().map(shared).unwrap_or_default();
        let assignor = Assignor::named(&name).filter(|assignor| self.config.assignors.contains(assignor));
        let assignor = assignor.ok_or_else(|| {
            ConsumerError::Protocol(format!(
                "the coordinator selected the assignment protocol {name}, not proposed"
            ))
        })?;
        let mut members = Vec::new();
        for member in &answer.members {
            let subscription = protocol::read_subscription(&member.metadata).ok_or_else(|| {
                ConsumerError::Protocol(format!("the subscription of {} cannot be read", member.member_id))
            })?;
            members.push(Membership {
                id: shared(&member.member_id),
                instance: member.group_instance_id.as_ref().map(shared),
                subscription,
            });
        }
        let assigned = assignor::assign(assignor, &self.member.snapshot, &members);
        let written = answer.members.iter().map(|member| {
            let partitions = assigned.get(member.member_id.as_str()).map(Vec::as_slice);
            let bytes = protocol::write_assignment(partitions.unwrap_or_default());
            (member.member_id.clone(), bytes)
        });
        Ok(written.collect())
    }

    /// What the group decided for this member: callbacks and changes, in Java's order.
    pub(super) fn take_assignment(&mut self, bytes: &Bytes, now: SimTime) -> Result<(), ConsumerError> {
        if !self.member.leads {
            self.member.assigned_by = None;
        }
        let assigned = protocol::read_assignment(bytes)
            .ok_or_else(|| ConsumerError::Protocol("the assignment cannot be read".to_owned()))?;
        if !assigned
            .iter()
            .all(|partition| self.subscription.takes(&partition.topic))
        {
            self.member
                .request_rejoin("received assignment does not match the current subscription");
            return Ok(());
        }
        let owned = self.owned();
        let minus = |left: &[TopicPartition], right: &[TopicPartition]| -> Vec<TopicPartition> {
            left.iter().filter(|one| !right.contains(one)).cloned().collect()
        };
        let added = minus(&assigned, &owned);
        let revoked = minus(&owned, &assigned);
        if self.member.cooperative && !revoked.is_empty() {
            self.script.push_back(Step::Revoked(revoked));
            self.script
                .push_back(Step::Rejoin("need to revoke partitions and re-join"));
        }
        self.follow_leader(&assigned);
        self.member.sticky = (assigned.clone(), self.member.generation.id);
        self.commits.restart(now, self.config.auto_commit_interval);
        self.script.push_back(Step::Own(assigned));
        self.script.push_back(Step::Assigned(added));
        Ok(())
    }

    /// A leader with newer metadata may assign topics that match the pattern and are not known here.
    fn follow_leader(&mut self, assigned: &[TopicPartition]) {
        let super::subscription::Subscription::Pattern { matched, .. } = &mut self.subscription else {
            return;
        };
        let before = matched.len();
        matched.extend(assigned.iter().map(|partition| partition.topic.clone()));
        if matched.len() == before {
            return;
        }
        if let Some(joined) = &mut self.member.joined_topics {
            joined.extend(assigned.iter().map(|partition| partition.topic.clone()));
        }
        self.want_topics();
    }
}
