//! What arrives on connections.

use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::ApiVersionsRequest;
use kafka_sim_core::{
    ErrorCode, SimTime,
    wire::{
        ApiKey, ClusterMetadata, Fetched, Produced, ResponseKind, StrBytes, Versions, decode_fetched, decode_metadata,
        decode_produced, decode_response, decode_versions,
    },
};

use super::{
    Event, Network,
    link::{InFlight, Phase, Purpose},
    versions::{BrokerVersions, spoken},
};
use crate::io::ClientOutput;

/// What a broker answered. What comes often is read without the generated types.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Fetched(Fetched),
    Produced(Produced),
    Metadata(ClusterMetadata),
    Versions(Versions),
    Other(Box<ResponseKind>),
}

impl Answer {
    /// An answer of the generated types.
    pub(crate) fn other(self) -> Option<ResponseKind> {
        match self {
            Answer::Other(body) => Some(*body),
            _ => None,
        }
    }
}

impl<T> Network<T> {
    pub(super) fn connected<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.phase == Phase::Connecting {
            link.phase = Phase::CheckingVersions;
            link.last_active = now;
            link.touched = true;
            self.links_touched = true;
            let (_, newest) = spoken(ApiKey::ApiVersions);
            self.ask_versions(id, newest, now, out);
        }
    }

    fn ask_versions<O>(&mut self, id: i32, version: i16, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("kafka-sim"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let (api, timeout) = (ApiKey::ApiVersions, self.request_timeout);
        self.transmit(
            id,
            (api, version),
            &request,
            Some(Purpose::ApiVersions),
            timeout,
            now,
            out,
        );
    }

    /// Takes in what arrived, as [`handle`](Self::handle).
    pub(super) fn received<O>(
        &mut self,
        id: i32,
        now: SimTime,
        bytes: Bytes,
        out: &mut Vec<ClientOutput<O>>,
    ) -> Option<Event<T>> {
        let mut link = self.links.get_mut(&id)?;
        let conn = link.conn;
        link.last_active = now;
        link.touched = true;
        self.links_touched = true;
        let mut next = link.incoming.push_for_next(bytes);
        while link.conn == conn && link.phase != Phase::Disconnected {
            // Anything out of order or unreadable ends the connection.
            let body = match next {
                Ok(None) => return None,
                Ok(Some(frame)) => link.in_flight.front().and_then(|expected| decode(expected, frame)),
                Err(_) => None,
            };
            let Some(body) = body else {
                self.close(id, now, false, out);
                return None;
            };
            let request = link.in_flight.pop_front().expect("this is an answer to the first one");
            if let Some(throttle) = throttle_of(&body, request.version) {
                link.throttled_until = link.throttled_until.max(now + throttle);
            }
            let was_last = link.incoming.is_empty();
            next = if was_last { Ok(None) } else { link.incoming.next_frame() };
            match request.purpose {
                Purpose::Client(request) => {
                    let event = Event::Answer { request, body };
                    if was_last && self.events.is_empty() {
                        return Some(event);
                    }
                    self.events.push_back(event);
                }
                purpose => self.own_answered(id, &purpose, request.version, body, now, out),
            }
            if was_last {
                return None;
            }
            // Handling one answer may end the connection.
            link = self.links.get_mut(&id)?;
        }
        None
    }

    /// An answer to a request that the client knows nothing of.
    #[cold]
    fn own_answered<O>(
        &mut self,
        id: i32,
        purpose: &Purpose<T>,
        version: i16,
        body: Answer,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        match (purpose, body) {
            (Purpose::ApiVersions, Answer::Versions(answer)) => self.versions_answered(id, version, answer, now, out),
            (Purpose::Metadata, Answer::Metadata(answer)) => self.metadata_answered(answer, now, out),
            _ => self.close(id, now, false, out),
        }
    }

    fn metadata_answered<O>(&mut self, answer: ClusterMetadata, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        self.metadata_in_flight = false;
        if self.rebootstrap && ErrorCode::from(answer.error_code) == ErrorCode::REBOOTSTRAP_REQUIRED {
            self.rebootstrap_now(now, out);
            return;
        }
        if !answer.brokers.is_empty() {
            self.metadata_missing_since = None;
        }
        self.metadata.update(answer, now, &mut self.rng);
    }

    fn versions_answered<O>(
        &mut self,
        id: i32,
        asked: i16,
        answer: Versions,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let error = ErrorCode::from(answer.error_code);
        if error.is_ok() {
            if let Some(link) = self.links.get_mut(&id) {
                link.ready(BrokerVersions::of(answer.rows));
            }
        } else if error == ErrorCode::UNSUPPORTED_VERSION && asked > 0 {
            let mut rows = answer.rows.iter();
            let row = rows.find(|row| row.api_key == ApiKey::ApiVersions as i16);
            let offered = row.map_or(0, |row| row.max);
            self.ask_versions(id, offered.clamp(0, asked - 1), now, out);
        } else {
            self.close(id, now, false, out);
        }
    }
}

/// Reads an answer, if it is the one expected. An ApiVersions answer that refuses the version is encoded as
/// version 0 whatever was asked.
fn decode<T>(expected: &InFlight<T>, frame: Bytes) -> Option<Answer> {
    let version = expected.version;
    let (correlation_id, body) = match expected.api {
        ApiKey::Fetch => decode_fetched(version, frame).map(|(id, body)| (id, Answer::Fetched(body))),
        ApiKey::Produce => decode_produced(version, frame).map(|(id, body)| (id, Answer::Produced(body))),
        ApiKey::Metadata => decode_metadata(version, frame).map(|(id, body)| (id, Answer::Metadata(body))),
        ApiKey::ApiVersions => {
            let error = frame.get(4..6).map(|mut code| code.get_i16())?;
            let refused = ErrorCode::from(error) == ErrorCode::UNSUPPORTED_VERSION;
            let version = if refused { 0 } else { version };
            decode_versions(version, frame).map(|(id, body)| (id, Answer::Versions(body)))
        }
        api => decode_response(api, version, frame).map(|(id, body)| (id, Answer::Other(Box::new(body)))),
    }
    .ok()?;
    (correlation_id == expected.correlation_id).then_some(body)
}

/// How long the broker asks to be left alone, for the versions in which the client has to comply (KIP-219).
fn throttle_of(body: &Answer, version: i16) -> Option<Duration> {
    let (millis, since) = match body {
        Answer::Produced(answer) => (answer.throttle_time_ms, 6),
        Answer::Fetched(answer) => (answer.throttle_time_ms, 8),
        Answer::Metadata(answer) => (answer.throttle_time_ms, 6),
        Answer::Versions(answer) => (answer.throttle_time_ms, 2),
        Answer::Other(answer) => throttle_of_other(answer)?,
    };
    let millis = u64::try_from(millis)
        .ok()
        .filter(|&millis| millis > 0 && version >= since)?;
    Some(Duration::from_millis(millis))
}

/// Milliseconds, and the first version that obliges.
fn throttle_of_other(body: &ResponseKind) -> Option<(i32, i16)> {
    Some(match body {
        ResponseKind::InitProducerId(answer) => (answer.throttle_time_ms, 1),
        ResponseKind::ListOffsets(answer) => (answer.throttle_time_ms, 3),
        ResponseKind::FindCoordinator(answer) => (answer.throttle_time_ms, 2),
        ResponseKind::JoinGroup(answer) => (answer.throttle_time_ms, 3),
        ResponseKind::SyncGroup(answer) => (answer.throttle_time_ms, 2),
        ResponseKind::Heartbeat(answer) => (answer.throttle_time_ms, 2),
        ResponseKind::LeaveGroup(answer) => (answer.throttle_time_ms, 2),
        ResponseKind::OffsetCommit(answer) => (answer.throttle_time_ms, 4),
        ResponseKind::OffsetFetch(answer) => (answer.throttle_time_ms, 4),
        ResponseKind::ConsumerGroupHeartbeat(answer) => (answer.throttle_time_ms, 0),
        _ => return None,
    })
}
