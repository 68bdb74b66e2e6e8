//! Fetching, as Kafka's `AbstractFetch` and `FetchCollector`.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{
    FetchRequest,
    fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
    fetch_response::{FetchResponse, FetchableTopicResponse, PartitionData},
};
use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition,
    wire::{ApiKey, ResponseKind, StrBytes},
};
use uuid::Uuid;

use super::{
    Outputs, Reader, Request,
    buffer::Buffer,
    offsets::isolation_code,
    partition::Stage,
    records::unpack,
    report,
    session::{Change, Wanted},
    types::{ReadError, ReaderOutcome},
};
use crate::{
    config::IsolationLevel,
    network::{Node, node as node_of},
};

/// A partition in a fetch, as it was when that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    partition: TopicPartition,
    wanted: Wanted,
}

impl Reader {
    pub(super) fn send_fetches(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut sent = false;
        for (node, wanted) in self.fetchable(now) {
            if self.network.ready(node, now, out) {
                sent |= self.fetch_from(node, wanted, now, out);
            } else {
                let again = self.network.ready_again_at(node, now);
                self.look_again_at(again);
            }
        }
        sent
    }

    /// What to fetch from which broker now, without those that have not answered the last fetch.
    fn fetchable(&mut self, now: SimTime) -> BTreeMap<i32, BTreeMap<TopicPartition, Wanted>> {
        let mut by_node: BTreeMap<i32, BTreeMap<TopicPartition, Wanted>> = BTreeMap::new();
        let mut later = None;
        let mut stale = false;
        let mut buffered = BTreeSet::new();
        for (partition, assigned) in &mut self.partitions {
            if !assigned.is_fetchable() {
                continue;
            }
            if assigned.retry_at > now {
                later = later.into_iter().chain([assigned.retry_at]).min();
                continue;
            }
            let metadata = &self.network.metadata;
            let Some((leader, info)) = metadata.led(partition) else {
                continue;
            };
            assigned.preferred = assigned.preferred.filter(|&(_, until)| until > now);
            let online = |follower: i32| metadata.nodes().contains_key(&follower) && !info.offline.contains(&follower);
            if assigned.preferred.is_some_and(|(follower, _)| !online(follower)) {
                // The leader knows better: without newer metadata it would name the same follower with each answer.
                assigned.preferred = None;
                stale = true;
            }
            let source = assigned.preferred.map_or(leader, |(follower, _)| follower);
            if assigned.buffer.is_some() {
                // Leaving the partition out of a fetch would end its place in the session, so the broker is asked for
                // nothing at all.
                buffered.insert(source);
                continue;
            }
            if self.fetching.contains(&source) {
                continue;
            }
            let wanted = Wanted {
                offset: assigned.offset,
                leader_epoch: info.leader_epoch,
                topic_id: metadata.topic(&partition.topic).map_or(Uuid::nil(), |topic| topic.id),
            };
            by_node.entry(source).or_default().insert(partition.clone(), wanted);
        }
        by_node.retain(|node, _| !buffered.contains(node));
        if stale {
            self.network.metadata.request_update();
        }
        self.look_again_at(later);
        by_node
    }

    fn fetch_from(
        &mut self,
        node: i32,
        wanted: BTreeMap<TopicPartition, Wanted>,
        now: SimTime,
        out: &mut Outputs,
    ) -> bool {
        let ids_known = wanted.values().all(|wanted| !wanted.topic_id.is_nil());
        let newest = if ids_known { i16::MAX } else { 12 };
        let Some(version) = self.network.version(node, ApiKey::Fetch, newest) else {
            for partition in wanted.keys() {
                self.stop(partition, ReadError::UnsupportedVersion, out);
            }
            return true;
        };
        let sent = wanted.iter();
        let sent = sent
            .map(|(partition, wanted)| Sent {
                partition: partition.clone(),
                wanted: *wanted,
            })
            .collect();
        let change = self.sessions.entry(node).or_default().next(wanted, version >= 13);
        let body = self.fetch_request(&change, version);
        let request = Some(Request::Fetch {
            node,
            generation: self.generation,
            sent,
        });
        self.network
            .send(node, (ApiKey::Fetch, version), &body, request, now, out);
        self.fetching.insert(node);
        true
    }

    fn fetch_request(&self, change: &Change, version: i16) -> FetchRequest {
        let mut topics: Vec<FetchTopic> = Vec::new();
        let mut last = None;
        for (partition, wanted) in &change.named {
            if last != Some(&partition.topic) {
                last = Some(&partition.topic);
                topics.push(match version {
                    ..=12 => FetchTopic::default().with_topic(wire_name(partition).into()),
                    _ => FetchTopic::default().with_topic_id(wanted.topic_id),
                });
            }
            let entry = FetchPartition::default()
                .with_partition(partition.partition)
                .with_current_leader_epoch(if version >= 9 { wanted.leader_epoch } else { -1 })
                .with_fetch_offset(wanted.offset)
                .with_partition_max_bytes(self.config.max_partition_fetch_bytes);
            topics
                .last_mut()
                .expect("pushed for the first partition")
                .partitions
                .push(entry);
        }
        let forgotten = change.forgotten.iter().map(|(partition, topic_id)| {
            let topic = ForgottenTopic::default().with_partitions(vec![partition.partition]);
            match version {
                ..=12 => topic.with_topic(wire_name(partition).into()),
                _ => topic.with_topic_id(*topic_id),
            }
        });
        let wait = i32::try_from(self.config.fetch_max_wait.as_millis()).unwrap_or(i32::MAX);
        let request = FetchRequest::default()
            .with_max_wait_ms(wait)
            .with_min_bytes(self.config.fetch_min_bytes)
            .with_max_bytes(self.config.fetch_max_bytes)
            .with_isolation_level(isolation_code(self.config.isolation))
            .with_topics(topics);
        if version < 7 {
            return request;
        }
        let rack = if version >= 11 {
            self.config.client_rack.to_string()
        } else {
            String::new()
        };
        request
            .with_session_id(change.session_id)
            .with_session_epoch(change.session_epoch)
            .with_forgotten_topics_data(forgotten.collect())
            .with_rack_id(StrBytes::from_string(rack))
    }

    pub(super) fn fetch_lost(&mut self, node: i32, sent: &[Sent]) {
        self.fetching.remove(&node);
        self.sessions.entry(node).or_default().start_over();
        for sent in sent {
            if let Some(assigned) = self.partitions.get_mut(&sent.partition) {
                // A follower that cannot be reached is not preferred any more.
                assigned.preferred = assigned.preferred.filter(|&(follower, _)| follower != node);
            }
        }
    }

    pub(super) fn fetch_answered(
        &mut self,
        node: i32,
        current: bool,
        sent: &[Sent],
        body: ResponseKind,
        now: SimTime,
        out: &mut Outputs,
    ) {
        self.fetching.remove(&node);
        let ResponseKind::Fetch(answer) = body else { return };
        let error = ErrorCode::from(answer.error_code);
        let session = self.sessions.entry(node).or_default();
        match error {
            ErrorCode::NONE => session.answered(answer.session_id),
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND => session.unknown(),
            _ => session.start_over(),
        }
        if !error.is_ok() {
            self.session_error(error, sent, now);
        } else if current {
            let endpoints = answer.node_endpoints.iter();
            let endpoints: Vec<Node> = endpoints
                .filter_map(|endpoint| node_of(endpoint.node_id.0, &endpoint.host, endpoint.port))
                .collect();
            self.take_partitions(node, sent, &answer, &endpoints, now, out);
        }
    }

    /// A lost session is simply replaced. Other errors for the whole response mean topics changed, or worse.
    fn session_error(&mut self, error: ErrorCode, sent: &[Sent], now: SimTime) {
        let session_only = [
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
            ErrorCode::INVALID_FETCH_SESSION_EPOCH,
            ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
        ];
        if session_only.contains(&error) {
            return;
        }
        self.network.metadata.request_update();
        let partitions: Vec<TopicPartition> = sent.iter().map(|sent| sent.partition.clone()).collect();
        self.retry_all(&partitions, now);
    }

    fn take_partitions(
        &mut self,
        node: i32,
        sent: &[Sent],
        answer: &FetchResponse,
        endpoints: &[Node],
        now: SimTime,
        out: &mut Outputs,
    ) {
        for topic in &answer.responses {
            for data in &topic.partitions {
                let Some(sent) = find(sent, topic, data.partition_index) else {
                    continue;
                };
                let assigned = self.partitions.get(&sent.partition);
                let same = |offset: i64| assigned.is_some_and(|a| a.stage == Stage::Fetch && a.offset == offset);
                if same(sent.wanted.offset) {
                    self.take_partition(node, &sent.partition, data, endpoints, now, out);
                }
            }
        }
    }

    fn take_partition(
        &mut self,
        node: i32,
        partition: &TopicPartition,
        data: &PartitionData,
        endpoints: &[Node],
        now: SimTime,
        out: &mut Outputs,
    ) {
        let error = ErrorCode::from(data.error_code);
        match error {
            ErrorCode::NONE => self.take_data(partition, data, now, out),
            ErrorCode::OFFSET_OUT_OF_RANGE => self.out_of_range(node, partition, out),
            _ => {
                self.partition_error(partition, error, now, out);
                let leader = &data.current_leader;
                self.network
                    .metadata
                    .take_leader(partition, leader.leader_id.0, leader.leader_epoch, endpoints);
            }
        }
    }

    fn out_of_range(&mut self, node: i32, partition: &TopicPartition, out: &mut Outputs) {
        let Some(assigned) = self.partitions.get_mut(partition) else {
            return;
        };
        if assigned.preferred.is_some_and(|(follower, _)| follower == node) {
            // The follower may only be behind: ask the leader.
            assigned.preferred = None;
            return;
        }
        let offset = assigned.offset;
        let reset_to = self.reset(partition);
        let (topic, partition) = (partition.topic.clone(), partition.partition);
        report(
            ReaderOutcome::OffsetOutOfRange {
                topic,
                partition,
                offset,
                reset_to,
            },
            out,
        );
    }

    fn take_data(&mut self, partition: &TopicPartition, data: &PartitionData, now: SimTime, out: &mut Outputs) {
        let max_age = self.config.network.metadata_max_age;
        let Some(assigned) = self.partitions.get_mut(partition) else {
            return;
        };
        assigned.succeeded();
        if data.preferred_read_replica.0 >= 0 {
            assigned.preferred = Some((data.preferred_read_replica.0, now + max_age));
        }
        let committed_only = self.config.isolation == IsolationLevel::ReadCommitted;
        let bytes = data.records.clone().unwrap_or_default();
        let aborted = data.aborted_transactions.as_deref().filter(|_| committed_only);
        let unpacked = unpack(&bytes, assigned.offset, self.config.check_crcs, aborted);
        if self.buffering {
            if let Some(buffer) = Buffer::of(unpacked, assigned.offset) {
                assigned.buffer = Some(buffer);
                self.ready.push_back(partition.clone());
            }
            return;
        }
        assigned.offset = unpacked.next_offset;
        assigned.offset_epoch = unpacked.last_epoch.or(assigned.offset_epoch);
        let end = if committed_only {
            data.last_stable_offset
        } else {
            data.high_watermark
        };
        let at_end = end >= 0 && assigned.offset >= end && assigned.reported_end != Some(assigned.offset);
        if at_end {
            assigned.reported_end = Some(assigned.offset);
        }
        let (topic, index) = (&partition.topic, partition.partition);
        if !unpacked.records.is_empty() {
            let records = unpacked.records;
            report(
                ReaderOutcome::Records {
                    topic: topic.clone(),
                    partition: index,
                    records,
                },
                out,
            );
        }
        if at_end && unpacked.error.is_none() {
            let high_watermark = data.high_watermark;
            report(
                ReaderOutcome::EndReached {
                    topic: topic.clone(),
                    partition: index,
                    high_watermark,
                },
                out,
            );
        }
        if let Some(error) = unpacked.error {
            self.stop(partition, error, out);
        }
    }
}

fn find<'a>(sent: &'a [Sent], topic: &FetchableTopicResponse, index: i32) -> Option<&'a Sent> {
    let same_topic = |sent: &&Sent| match topic.topic_id.is_nil() {
        true => *sent.partition.topic == **topic.topic,
        false => sent.wanted.topic_id == topic.topic_id,
    };
    sent.iter()
        .filter(same_topic)
        .find(|sent| sent.partition.partition == index)
}

fn wire_name(partition: &TopicPartition) -> StrBytes {
    StrBytes::from_string(partition.topic.to_string())
}
