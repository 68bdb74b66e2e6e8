//! Fetching, as Kafka's `AbstractFetch` and `FetchCollector`.

use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition, earlier,
    wire::{ApiKey, Fetched, FetchedPartition, TopicRef},
};
use smallvec::SmallVec;

use super::{
    Outputs, Reader, Request,
    buffer::Buffer,
    partition::Stage,
    records::unpack,
    report,
    request::put_fetch,
    session::{Held, Session, Wanted},
    types::{ReadError, ReaderOutcome},
};
use crate::{
    config::IsolationLevel,
    network::{Answer, Metadata, Node, node as node_of},
};

/// Brokers, of which there are few.
type Nodes = SmallVec<[i32; 4]>;

impl Reader {
    pub(super) fn send_fetches(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut sent = false;
        for node in self.find_sources(now) {
            if self.network.ready(node, now, out) {
                sent |= self.fetch_from(node, now, out);
            } else {
                let again = self.network.ready_again_at(node, now);
                self.look_again_at(again);
            }
        }
        sent
    }

    /// Notes for each partition from which broker to fetch it now, and returns these brokers in order, without those
    /// that have not answered the last fetch.
    fn find_sources(&mut self, now: SimTime) -> Nodes {
        let mut later = None;
        let mut stale = false;
        let (mut nodes, mut buffered) = (Nodes::new(), Nodes::new());
        for (partition, assigned) in self.partitions.iter_mut() {
            assigned.next = None;
            if !assigned.is_fetchable() {
                continue;
            }
            if assigned.retry_at > now {
                later = earlier(later, Some(assigned.retry_at));
                continue;
            }
            let metadata = &self.network.metadata;
            let shown = assigned.shown(partition, metadata);
            let Some((leader, leader_epoch)) = shown.leader else {
                continue;
            };
            assigned.preferred = assigned.preferred.filter(|&(_, until)| until > now);
            let is_shown = |&(follower, _): &(i32, SimTime)| is_usable(metadata, partition, follower);
            if assigned
                .preferred
                .as_ref()
                .is_some_and(|preferred| !is_shown(preferred))
            {
                // The leader knows better: without newer metadata it would name the same follower with each answer.
                assigned.preferred = None;
                stale = true;
            }
            let source = assigned.preferred.map_or(leader, |(follower, _)| follower);
            if assigned.buffer.is_some() {
                // Leaving the partition out of a fetch would end its place in the session, so the broker is asked for
                // nothing at all.
                buffered.push(source);
            } else if self.sessions.get(&source).is_none_or(|session| !session.awaited) {
                let wanted = Wanted {
                    offset: assigned.offset,
                    leader_epoch,
                    topic_id: shown.topic_id,
                };
                assigned.next = Some((source, wanted));
                nodes.push(source);
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        if !buffered.is_empty() {
            nodes.retain(|node| !buffered.contains(node));
        }
        if stale {
            self.network.metadata.request_update();
        }
        self.look_again_at(later);
        nodes
    }

    /// Sends one fetch for all partitions that have this source.
    fn fetch_from(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> bool {
        let partitions = &self.partitions;
        let wanted = || {
            let partitions = partitions.iter();
            partitions.filter_map(|(partition, assigned)| Some((partition, assigned.wanted_from(node)?)))
        };
        let ids_known = wanted().all(|(_, wanted)| !wanted.topic_id.is_nil());
        let newest = if ids_known { i16::MAX } else { 12 };
        let Some(version) = self.network.version(node, ApiKey::Fetch, newest) else {
            self.stop_all_from(node, out);
            return true;
        };
        let session = self.sessions.get_or_insert_with(node, Session::default);
        let change = session.next(wanted(), version >= 13);
        session.awaited = true;
        let request = Some(Request::Fetch {
            node,
            generation: self.generation,
        });
        self.network.write(ApiKey::Fetch, version, |fields| {
            put_fetch(fields, version, &self.config, session, &change);
        });
        self.network.send_written(node, request, now, out);
        true
    }

    /// The broker offers no version of Fetch that can be used.
    fn stop_all_from(&mut self, node: i32, out: &mut Outputs) {
        let partitions = self.partitions.iter();
        let from_here = partitions.filter(|(_, assigned)| assigned.wanted_from(node).is_some());
        let from_here: Vec<TopicPartition> = from_here.map(|(partition, _)| partition.clone()).collect();
        for partition in from_here {
            self.stop(&partition, ReadError::UnsupportedVersion, out);
        }
    }

    pub(super) fn fetch_lost(&mut self, node: i32) {
        let Some(session) = self.sessions.get_mut(&node) else {
            return;
        };
        session.awaited = false;
        session.start_over();
        for held in session.partitions() {
            if let Some(assigned) = self.partitions.get_mut(&held.partition) {
                // A follower that cannot be reached is not preferred any more.
                assigned.preferred = assigned.preferred.filter(|&(follower, _)| follower != node);
            }
        }
    }

    pub(super) fn fetch_answered(&mut self, node: i32, current: bool, body: Answer, now: SimTime, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&node) else {
            return;
        };
        session.awaited = false;
        let Answer::Fetched(answer) = body else { return };
        let error = ErrorCode::from(answer.error_code);
        match error {
            ErrorCode::NONE => session.answered(answer.session_id),
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND => session.unknown(),
            _ => session.start_over(),
        }
        let sent = session.lend();
        if !error.is_ok() {
            self.session_error(error, &sent, now);
        } else if current {
            self.take_partitions(node, &sent, answer, now, out);
        }
        if let Some(session) = self.sessions.get_mut(&node) {
            session.take_back(sent);
        }
    }

    /// A lost session is simply replaced. Other errors for the whole response mean topics changed, or worse.
    fn session_error(&mut self, error: ErrorCode, sent: &[Held], now: SimTime) {
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

    fn take_partitions(&mut self, node: i32, sent: &[Held], answer: Fetched, now: SimTime, out: &mut Outputs) {
        let endpoints = answer.endpoints.iter();
        let endpoints: Vec<Node> = endpoints
            .filter_map(|endpoint| node_of(endpoint.id, &endpoint.host, endpoint.port))
            .collect();
        for data in answer.partitions {
            let Some(sent) = find(sent, &data.topic, data.index) else {
                continue;
            };
            let assigned = self.partitions.get(&sent.partition);
            let same = |offset: i64| assigned.is_some_and(|a| a.stage == Stage::Fetch && a.offset == offset);
            if same(sent.wanted.offset) {
                self.take_partition(node, &sent.partition, data, &endpoints, now, out);
            }
        }
    }

    fn take_partition(
        &mut self,
        node: i32,
        partition: &TopicPartition,
        data: FetchedPartition,
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
                let (leader, epoch) = data.leader;
                self.network.metadata.take_leader(partition, leader, epoch, endpoints);
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

    fn take_data(&mut self, partition: &TopicPartition, data: FetchedPartition, now: SimTime, out: &mut Outputs) {
        let max_age = self.config.network.metadata_max_age;
        let Some(assigned) = self.partitions.get_mut(partition) else {
            return;
        };
        assigned.succeeded();
        if data.preferred_read_replica >= 0 {
            assigned.preferred = Some((data.preferred_read_replica, now + max_age));
        }
        let committed_only = self.config.isolation == IsolationLevel::ReadCommitted;
        let bytes = data.records.unwrap_or_default();
        let aborted = data.aborted.as_deref().filter(|_| committed_only);
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

fn find<'a>(sent: &'a [Held], topic: &TopicRef, index: i32) -> Option<&'a Held> {
    let same_topic = |sent: &&Held| match topic.id.is_nil() {
        true => *sent.partition.topic == *topic.name,
        false => sent.wanted.topic_id == topic.id,
    };
    sent.iter()
        .filter(same_topic)
        .find(|sent| sent.partition.partition == index)
}

/// Whether a follower that the leader pointed to can be read from.
fn is_usable(metadata: &Metadata, partition: &TopicPartition, follower: i32) -> bool {
    let offline = metadata
        .partition(partition)
        .is_some_and(|info| info.offline.contains(&follower));
    metadata.nodes().contains_key(&follower) && !offline
}
