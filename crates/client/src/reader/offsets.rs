//! Looking positions up and validating them, as Kafka's `OffsetFetcher`.

use std::time::Duration;

use kafka_protocol::messages::{
    BrokerId, ListOffsetsRequest, OffsetForLeaderEpochRequest,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    offset_for_leader_epoch_response::EpochEndOffset,
};
use kafka_sim_core::{
    ErrorCode, SimTime, SmallMap, TopicPartition, earlier,
    wire::{ApiKey, ResponseKind, StrBytes},
};

use super::{
    Outputs, Reader, Request,
    partition::{Assigned, Stage},
    report,
    types::{ReadError, ReaderOutcome, StartAt},
};
use crate::{config::IsolationLevel, network::Answer};

impl Reader {
    /// Leaders of the partitions that need such a request now.
    fn due_by_leader(&mut self, needs: impl Fn(&Assigned) -> bool, now: SimTime) -> SmallMap<i32, Vec<TopicPartition>> {
        let mut by_leader: SmallMap<i32, Vec<TopicPartition>> = SmallMap::new();
        let mut later = None;
        for (partition, assigned) in self
            .partitions
            .iter()
            .filter(|(_, assigned)| needs(assigned) && !assigned.busy)
        {
            if assigned.retry_at > now {
                later = earlier(later, Some(assigned.retry_at));
            } else if let Some(leader) = self.network.metadata.leader(partition) {
                let partitions = by_leader.get_or_insert_with(leader, Vec::new);
                partitions.push(partition.clone());
            }
        }
        self.look_again_at(later);
        by_leader
    }

    /// Whether requests can be sent to a node; if not, notes when to look again.
    fn can_send(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> bool {
        let ready = self.network.ready(node, now, out);
        if !ready {
            let again = self.network.ready_again_at(node, now);
            self.look_again_at(again);
        }
        ready
    }

    fn mark_busy(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.busy = true;
            }
        }
    }

    pub(super) fn send_lookups(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut sent = false;
        let due = self.due_by_leader(|assigned| matches!(assigned.stage, Stage::Lookup(_)), now);
        for (leader, partitions) in due {
            if !self.can_send(leader, now, out) {
                continue;
            }
            let Some(version) = self.network.version(leader, ApiKey::ListOffsets, i16::MAX) else {
                for partition in &partitions {
                    self.stop(partition, ReadError::UnsupportedVersion, out);
                }
                continue;
            };
            let body = self.list_offsets(&partitions, version, now);
            self.mark_busy(&partitions);
            let request = Some(Request::ListOffsets {
                generation: self.generation,
                partitions,
            });
            self.network
                .send(leader, (ApiKey::ListOffsets, version), &body, request, now, out);
            sent = true;
        }
        sent
    }

    fn list_offsets(&self, partitions: &[TopicPartition], version: i16, now: SimTime) -> ListOffsetsRequest {
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for partition in partitions {
            let Some(assigned) = self.partitions.get(partition) else {
                continue;
            };
            let timestamp = match assigned.stage {
                Stage::Lookup(StartAt::Earliest) => -2,
                Stage::Lookup(StartAt::NotOlderThan(age)) => self.millis_before(now, age),
                _ => -1,
            };
            let entry = ListOffsetsPartition::default()
                .with_partition_index(partition.partition)
                .with_current_leader_epoch(if version >= 4 { self.leader_epoch(partition) } else { -1 })
                .with_timestamp(timestamp);
            if topics.last().is_none_or(|topic| *topic.name != *partition.topic) {
                let name = StrBytes::from_string(partition.topic.to_string());
                topics.push(ListOffsetsTopic::default().with_name(name.into()));
            }
            topics
                .last_mut()
                .expect("pushed for the first partition")
                .partitions
                .push(entry);
        }
        let isolation = if version >= 2 {
            isolation_code(self.config.isolation)
        } else {
            0
        };
        let timeout = i32::try_from(self.config.network.request_timeout.as_millis()).unwrap_or(i32::MAX);
        ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(isolation)
            .with_topics(topics)
            .with_timeout_ms(if version >= 10 { timeout } else { 0 })
    }

    /// The wall clock's milliseconds that long ago.
    fn millis_before(&self, now: SimTime, age: Duration) -> i64 {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        self.wall_clock.millis_at(now).saturating_sub(age).max(0)
    }

    pub(super) fn leader_epoch(&self, partition: &TopicPartition) -> i32 {
        self.network
            .metadata
            .partition(partition)
            .map_or(-1, |info| info.leader_epoch)
    }

    pub(super) fn lookup_answered(&mut self, asked: &[TopicPartition], body: Answer, now: SimTime, out: &mut Outputs) {
        let Some(ResponseKind::ListOffsets(answer)) = body.other() else {
            return;
        };
        for partition in asked {
            let topic = answer.topics.iter().find(|topic| *topic.name == *partition.topic);
            let mut entries = topic.into_iter().flat_map(|topic| &topic.partitions);
            let entry = entries.find(|entry| entry.partition_index == partition.partition);
            let Some(assigned) = self.partitions.get_mut(partition) else {
                continue;
            };
            assigned.busy = false;
            match entry {
                None => self.retry_all(std::slice::from_ref(partition), now),
                Some(entry) if entry.error_code != 0 => {
                    self.partition_error(partition, ErrorCode::from(entry.error_code), now, out);
                }
                // The application moved the position meanwhile.
                Some(_) if !matches!(assigned.stage, Stage::Lookup(_)) => {}
                Some(entry) if entry.offset < 0 => assigned.retry_at = now + self.config.network.request_timeout,
                // As in Java a position just looked up need not be validated: its epoch is left out.
                Some(entry) => assigned.seek(entry.offset, None),
            }
        }
    }

    pub(super) fn send_validations(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut sent = false;
        let due = self.due_by_leader(|assigned| assigned.stage == Stage::Validate, now);
        for (leader, partitions) in due {
            if !self.can_send(leader, now, out) {
                continue;
            }
            sent = true;
            let api = ApiKey::OffsetForLeaderEpoch;
            // Version 3 is the first that says who asks, without which a broker may want cluster rights.
            let usable = self
                .network
                .version(leader, api, i16::MAX)
                .filter(|&version| version >= 3);
            let Some(version) = usable else {
                self.skip_validation(&partitions);
                continue;
            };
            let body = self.offsets_for_epochs(&partitions);
            self.mark_busy(&partitions);
            let request = Some(Request::OffsetForLeaderEpoch {
                generation: self.generation,
                partitions,
            });
            self.network.send(leader, (api, version), &body, request, now, out);
        }
        sent
    }

    /// Goes on without asking a broker that cannot tell.
    fn skip_validation(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.stage = Stage::Fetch;
            }
        }
    }

    fn offsets_for_epochs(&self, partitions: &[TopicPartition]) -> OffsetForLeaderEpochRequest {
        let mut topics: Vec<OffsetForLeaderTopic> = Vec::new();
        for partition in partitions {
            let Some(assigned) = self.partitions.get(partition) else {
                continue;
            };
            let entry = OffsetForLeaderPartition::default()
                .with_partition(partition.partition)
                .with_current_leader_epoch(self.leader_epoch(partition))
                .with_leader_epoch(assigned.offset_epoch.unwrap_or(-1));
            if topics.last().is_none_or(|topic| *topic.topic != *partition.topic) {
                let name = StrBytes::from_string(partition.topic.to_string());
                topics.push(OffsetForLeaderTopic::default().with_topic(name.into()));
            }
            topics
                .last_mut()
                .expect("pushed for the first partition")
                .partitions
                .push(entry);
        }
        OffsetForLeaderEpochRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(topics)
    }

    pub(super) fn validation_answered(
        &mut self,
        asked: &[TopicPartition],
        body: Answer,
        now: SimTime,
        out: &mut Outputs,
    ) {
        let Some(ResponseKind::OffsetForLeaderEpoch(answer)) = body.other() else {
            return;
        };
        for partition in asked {
            let topic = answer.topics.iter().find(|topic| *topic.topic == *partition.topic);
            let mut entries = topic.into_iter().flat_map(|topic| &topic.partitions);
            let entry = entries.find(|entry| entry.partition == partition.partition);
            let Some(assigned) = self.partitions.get_mut(partition) else {
                continue;
            };
            assigned.busy = false;
            match entry {
                None => self.retry_all(std::slice::from_ref(partition), now),
                Some(entry) if entry.error_code != 0 => {
                    self.partition_error(partition, ErrorCode::from(entry.error_code), now, out);
                }
                // Leadership moved again meanwhile, or the position was reset: this answer is about the past.
                Some(_) if assigned.stage != Stage::Validate => {}
                Some(entry) => self.compare(partition, entry, out),
            }
        }
    }

    /// Compares the position with where the leader says that the epoch of the record before it ends.
    fn compare(&mut self, partition: &TopicPartition, end: &EpochEndOffset, out: &mut Outputs) {
        let policy = self.reset_start();
        let Some(assigned) = self.partitions.get_mut(partition) else {
            return;
        };
        let offset = assigned.offset;
        let known = end.end_offset >= 0 && end.leader_epoch >= 0;
        if known && end.end_offset >= offset {
            assigned.stage = Stage::Fetch;
            assigned.succeeded();
            return;
        }
        if known && policy.is_some() {
            let leader = assigned.leader;
            assigned.seek(end.end_offset, Some(end.leader_epoch));
            // The leader itself named the offset, so it need not be asked again.
            assigned.leader = leader;
        } else {
            self.reset(partition);
        }
        let outcome = ReaderOutcome::TruncationDetected {
            topic: partition.topic.clone(),
            partition: partition.partition,
            offset,
            diverged_at: known.then_some(end.end_offset),
        };
        report(outcome, out);
    }
}

pub(super) fn isolation_code(isolation: IsolationLevel) -> i8 {
    match isolation {
        IsolationLevel::ReadUncommitted => 0,
        IsolationLevel::ReadCommitted => 1,
    }
}
