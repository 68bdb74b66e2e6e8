//! Fetching, as Kafka's `AbstractFetch` and `FetchCollector`.

use bytes::Bytes;
use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition, earlier,
    wire::{ApiKey, Endpoint, Fetched, FetchedPartition, TopicRef},
};

use super::{
    Look, Outputs, Reader, Request,
    buffer::Buffer,
    partition::{Assigned, Stage},
    records::unpack,
    report,
    request::put_fetch,
    session::{Held, Round, Session},
    types::{ReadError, ReaderOutcome},
};
use crate::{
    config::IsolationLevel,
    network::{Answer, Metadata, Node, node as node_of},
};

/// What has to be sent before some partitions can be fetched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// Some positions have to be looked up.
    pub(super) look_up: bool,
    /// Some positions have to be validated.
    pub(super) validate: bool,
}

impl Reader {
    pub(super) fn send_fetches(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut sent = false;
        for place in 0..self.sessions.len() {
            let Some((&node, session)) = self.sessions.at(place) else {
                break;
            };
            if session.awaited || session.round.held_up || !session.round.asks {
                continue;
            }
            if self.network.ready(node, now, out) {
                sent |= self.fetch_from(node, now, out);
            } else {
                let again = self.network.ready_again_at(node, now);
                self.look_again_at(again);
            }
        }
        sent
    }

    /// Compares the positions with the leaders that metadata shows. Where fetches may be sent, notes for each partition
    /// from which broker to fetch it, and for each broker what there is to ask.
    #[inline(never)]
    pub(super) fn find_sources(&mut self, now: SimTime) -> Needs {
        let mut needs = Needs::default();
        let mut later = None;
        let mut stale = false;
        let mut lasts = self.active && !self.buffering;
        for session in self.sessions.values_mut() {
            session.round = Round::default();
        }
        for (partition, assigned) in self.partitions.iter_mut() {
            assigned.source = None;
            let shown = assigned.shown(partition, &self.network.metadata);
            match shown.leader {
                Some((leader, epoch)) => assigned.note_leader(leader, epoch),
                None if assigned.stage == Stage::Stopped => {}
                None => self.network.metadata.request_update(),
            }
            needs.look_up |= matches!(assigned.stage, Stage::Lookup(_));
            needs.validate |= assigned.stage == Stage::Validate;
            lasts &= assigned.stage == Stage::Stopped || (shown.leader.is_some() && assigned.is_steady(now));
            if !self.active || !assigned.is_fetchable() {
                continue;
            }
            if assigned.retry_at > now {
                later = earlier(later, Some(assigned.retry_at));
                continue;
            }
            let Some((leader, _)) = shown.leader else {
                continue;
            };
            if let Some((follower, until)) = assigned.preferred {
                let usable = is_usable(&self.network.metadata, partition, follower);
                if until <= now || !usable {
                    assigned.preferred = None;
                }
                // The leader knows better: without newer metadata it would name the same follower with each answer.
                stale |= until > now && !usable;
            }
            let source = assigned.preferred.map_or(leader, |(follower, _)| follower);
            let session = self.sessions.get_or_insert_with(source, Session::default);
            if assigned.buffer.is_some() {
                session.round.held_up = true;
            } else {
                assigned.source = Some(source);
                session.round.asks = true;
                session.round.lacks_ids |= shown.topic_id.is_nil();
            }
        }
        if stale {
            self.network.metadata.request_update();
        }
        self.look_again_at(later);
        self.look = Look {
            number: self.look.number + 1,
            edition: self.network.metadata.edition(),
            lasts,
        };
        needs
    }

    /// Sends one fetch for all partitions that have this source.
    fn fetch_from(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> bool {
        let Some(session) = self.sessions.get_mut(&node) else {
            return false;
        };
        let newest = if session.round.lacks_ids { 12 } else { i16::MAX };
        let Some(version) = self.network.version(node, ApiKey::Fetch, newest) else {
            self.stop_all_from(node, out);
            return true;
        };
        let (partitions, by_id) = (&self.partitions, version >= 13);
        let change = if session.look == self.look.number && session.goes_on(by_id) {
            session.move_on(|partition| partitions.of_partition(partition).map(|assigned| assigned.offset))
        } else {
            let wanted = |(partition, assigned): (_, &Assigned)| Some((partition, assigned.wanted_from(node)?));
            session.next(partitions.iter().filter_map(wanted), by_id)
        };
        session.look = self.look.number;
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
        let from_here = partitions.filter(|(_, assigned)| assigned.source == Some(node));
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
        if error.is_ok() && answer.partitions.is_empty() {
            return;
        }
        let sent = session.lend();
        if !error.is_ok() {
            self.session_error(error, &sent, now);
        } else if current {
            self.take_partitions(node, &sent, &answer, now, out);
        }
        if let Some(session) = self.sessions.get_mut(&node) {
            session.take_back(sent);
        }
    }

    /// A lost session is simply replaced. Other errors for the whole response mean topics changed, or worse.
    fn session_error(&mut self, error: ErrorCode, sent: &[Held], now: SimTime) {
        self.look.lasts = false;
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

    fn take_partitions(&mut self, node: i32, sent: &[Held], answer: &Fetched, now: SimTime, out: &mut Outputs) {
        for data in &answer.partitions {
            let Some(sent) = find(sent, &data.topic, data.index) else {
                continue;
            };
            let assigned = self.partitions.of_partition(&sent.partition);
            let same = |offset: i64| assigned.is_some_and(|a| a.stage == Stage::Fetch && a.offset == offset);
            if !same(sent.wanted.offset) {
                continue;
            }
            if data.error_code != 0 {
                self.take_error(node, &sent.partition, data, &answer.endpoints, now, out);
            } else {
                self.take_data(&sent.partition, data, now, out);
            }
        }
    }

    #[cold]
    fn take_error(
        &mut self,
        node: i32,
        partition: &TopicPartition,
        data: &FetchedPartition,
        endpoints: &[Endpoint],
        now: SimTime,
        out: &mut Outputs,
    ) {
        self.look.lasts = false;
        let error = ErrorCode::from(data.error_code);
        if error == ErrorCode::OFFSET_OUT_OF_RANGE {
            return self.out_of_range(node, partition, out);
        }
        self.partition_error(partition, error, now, out);
        let endpoints = endpoints.iter();
        let endpoints: Vec<Node> = endpoints
            .filter_map(|endpoint| node_of(endpoint.id, &endpoint.host, endpoint.port))
            .collect();
        let (leader, epoch) = data.leader;
        self.network.metadata.take_leader(partition, leader, epoch, &endpoints);
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

    fn take_data(&mut self, partition: &TopicPartition, data: &FetchedPartition, now: SimTime, out: &mut Outputs) {
        let max_age = self.config.network.metadata_max_age;
        let Some(assigned) = self.partitions.of_partition_mut(partition) else {
            return;
        };
        assigned.succeeded();
        if data.preferred_read_replica >= 0 {
            self.look.lasts = false;
            assigned.preferred = Some((data.preferred_read_replica, now + max_age));
        }
        let committed_only = self.config.isolation == IsolationLevel::ReadCommitted;
        let none = Bytes::new();
        let bytes = data.records.as_ref().unwrap_or(&none);
        let aborted = data.aborted.as_deref().filter(|_| committed_only);
        let unpacked = unpack(bytes, assigned.offset, self.config.check_crcs, aborted);
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
