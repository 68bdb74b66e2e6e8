//! What arrives on connections.

use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_sim_core::{
    ErrorCode, SimTime,
    wire::{ApiKey, ResponseKind, StrBytes, decode_response},
};

use super::{
    Event, Network,
    link::{InFlight, Phase, Purpose},
    versions::{BrokerVersions, spoken},
};
use crate::io::ClientOutput;

impl<T> Network<T> {
    pub(super) fn connected<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.phase == Phase::Connecting {
            link.phase = Phase::CheckingVersions;
            link.last_active = now;
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

    pub(super) fn received<O>(&mut self, id: i32, now: SimTime, bytes: Bytes, out: &mut Vec<ClientOutput<O>>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let conn = link.conn;
        link.last_active = now;
        link.incoming.push(bytes);
        // Handling one answer may end the connection, so look it up again for each.
        while let Some(link) = self.links.get_mut(&id).filter(|link| link.conn == conn) {
            if link.phase == Phase::Disconnected {
                return;
            }
            match link.incoming.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.answered(id, now, frame, out),
                Err(_) => self.close(id, now, false, out),
            }
        }
    }

    /// One whole answer. Anything out of order or unreadable ends the connection.
    fn answered<O>(&mut self, id: i32, now: SimTime, frame: Bytes, out: &mut Vec<ClientOutput<O>>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let decoded = link.in_flight.front().and_then(|expected| decode(expected, frame));
        let Some(body) = decoded else {
            self.close(id, now, false, out);
            return;
        };
        let request = link.in_flight.pop_front().expect("an answer was expected just now");
        if let Some(throttle) = throttle_of(&body, request.version) {
            link.throttled_until = link.throttled_until.max(now + throttle);
        }
        match (request.purpose, body) {
            (Purpose::ApiVersions, ResponseKind::ApiVersions(answer)) => {
                self.versions_answered(id, request.version, &answer, now, out);
            }
            (Purpose::Metadata, ResponseKind::Metadata(answer)) => {
                self.metadata_in_flight = false;
                if self.rebootstrap && ErrorCode::from(answer.error_code) == ErrorCode::REBOOTSTRAP_REQUIRED {
                    self.rebootstrap_now(now, out);
                } else {
                    if !answer.brokers.is_empty() {
                        self.metadata_missing_since = None;
                    }
                    self.metadata.update(answer, now, &mut self.rng);
                }
            }
            (Purpose::Client(request), body) => self.events.push_back(Event::Answer {
                request,
                body: Box::new(body),
            }),
            _ => self.close(id, now, false, out),
        }
    }

    fn versions_answered<O>(
        &mut self,
        id: i32,
        asked: i16,
        answer: &ApiVersionsResponse,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let error = ErrorCode::from(answer.error_code);
        if error.is_ok() {
            if let Some(link) = self.links.get_mut(&id) {
                link.ready(BrokerVersions::of(answer));
            }
        } else if error == ErrorCode::UNSUPPORTED_VERSION && asked > 0 {
            let row = answer
                .api_keys
                .iter()
                .find(|row| row.api_key == ApiKey::ApiVersions as i16);
            let offered = row.map_or(0, |row| row.max_version);
            self.ask_versions(id, offered.clamp(0, asked - 1), now, out);
        } else {
            self.close(id, now, false, out);
        }
    }
}

/// Reads an answer, if it is the one expected. An ApiVersions answer that refuses the version is encoded as
/// version 0 whatever was asked.
fn decode<T>(expected: &InFlight<T>, frame: Bytes) -> Option<ResponseKind> {
    let mut version = expected.version;
    if expected.api == ApiKey::ApiVersions {
        let error = frame.get(4..6).map(|mut code| code.get_i16())?;
        if ErrorCode::from(error) == ErrorCode::UNSUPPORTED_VERSION {
            version = 0;
        }
    }
    let (correlation_id, body) = decode_response(expected.api, version, frame).ok()?;
    (correlation_id == expected.correlation_id).then_some(body)
}

/// How long the broker asks to be left alone, for the versions in which the client has to comply (KIP-219).
fn throttle_of(body: &ResponseKind, version: i16) -> Option<Duration> {
    let (millis, since) = match body {
        ResponseKind::Produce(answer) => (answer.throttle_time_ms, 6),
        ResponseKind::Fetch(answer) => (answer.throttle_time_ms, 8),
        ResponseKind::Metadata(answer) => (answer.throttle_time_ms, 6),
        ResponseKind::ApiVersions(answer) => (answer.throttle_time_ms, 2),
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
    };
    let millis = u64::try_from(millis)
        .ok()
        .filter(|&millis| millis > 0 && version >= since)?;
    Some(Duration::from_millis(millis))
}
