//! Keeping metadata fresh, as Kafka's `NetworkClient.DefaultMetadataUpdater`.

use std::time::Duration;

use kafka_sim_core::{SimTime, wire::ApiKey};

use super::{
    Network,
    link::{Link, Phase, Purpose},
};
use crate::io::ClientOutput;

/// What a due metadata refresh is waiting for.
#[derive(Clone, Copy, Debug)]
pub(super) enum MetadataWait {
    Nothing,
    /// A connection being set up, or an answer that makes room for the request.
    Connection,
    /// The end of a reconnect pause.
    Until(SimTime),
}

impl<T> Network<T> {
    #[inline]
    pub(super) fn poll_metadata<O>(&mut self, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        self.metadata_wait = MetadataWait::Nothing;
        if self.rebootstrap_at() <= now {
            self.rebootstrap_now(now, out);
        }
        if self.refresh_waits(now) {
            self.refresh(now, out);
        }
    }

    fn refresh<O>(&mut self, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        self.metadata_missing_since.get_or_insert(now);
        let mut target = self.least_loaded(now);
        if target.is_none() && self.rebootstrap && !self.any_ready(now) {
            self.metadata.rebootstrap(&self.bootstrap);
            self.metadata_missing_since = Some(now);
            target = self.least_loaded(now);
        }
        match target {
            Some(id) if self.can_send(id, now) => self.ask_metadata(id, now, out),
            Some(_) if self.any_connecting() => self.metadata_wait = MetadataWait::Connection,
            Some(id) if self.can_connect(id, now) => {
                self.connect(id, now, out);
                self.metadata_wait = MetadataWait::Connection;
            }
            _ => {
                let chance = self.next_chance(now);
                self.metadata_wait = chance.map_or(MetadataWait::Connection, MetadataWait::Until);
            }
        }
    }

    fn ask_metadata<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        match self.version(id, ApiKey::Metadata, i16::MAX) {
            Some(version) => {
                let request = self.metadata.request(version);
                self.metadata_in_flight = true;
                let purpose = Some(Purpose::Metadata);
                let timeout = self.request_timeout;
                self.transmit(id, (ApiKey::Metadata, version), &request, purpose, timeout, now, out);
            }
            // Nothing in common: another broker, or this one after an upgrade, may do.
            None => self.close(id, now, false, out),
        }
    }

    /// When metadata has been missing for long enough to start over (KIP-1102).
    #[inline]
    pub(super) fn rebootstrap_at(&self) -> SimTime {
        match self.metadata_missing_since {
            Some(since) if self.rebootstrap => since + self.rebootstrap_trigger + Duration::from_millis(1),
            _ => SimTime::MAX,
        }
    }

    pub(super) fn rebootstrap_now<O>(&mut self, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let known: Vec<i32> = self.metadata.nodes().keys().copied().collect();
        for id in known {
            self.close(id, now, false, out);
        }
        self.metadata.rebootstrap(&self.bootstrap);
        self.metadata_missing_since = Some(now);
    }

    /// The earliest moment at which a broker that cannot be used now may be tried again.
    pub(crate) fn next_chance(&self, now: SimTime) -> Option<SimTime> {
        self.metadata
            .nodes()
            .keys()
            .filter_map(|&id| self.ready_again_at(id, now))
            .min()
    }

    /// The broker to ask when any will do: a free one, else the least busy, else one being connected, else the one
    /// whose last attempt is longest ago. The search begins at a random broker.
    pub(crate) fn least_loaded(&mut self, now: SimTime) -> Option<i32> {
        let count = self.metadata.nodes().len();
        if count == 0 {
            return None;
        }
        let start = self.rng.index(count);
        let ids = self.metadata.nodes().keys().as_slice();
        let (mut busy, mut connecting, mut connectable) = (None, None, None);
        for id in ids[start..].iter().chain(&ids[..start]).copied() {
            let link = self.links.get(&id);
            if self.can_send(id, now) {
                let load = link.map_or(0, |link| link.in_flight.len());
                if load == 0 {
                    return Some(id);
                }
                if busy.is_none_or(|(least, _)| load < least) {
                    busy = Some((load, id));
                }
            } else if link.is_some_and(Link::is_preparing) {
                connecting = Some(id);
            } else if self.can_connect(id, now) {
                let last = link.map_or(SimTime::ZERO, |link| link.last_attempt);
                if connectable.is_none_or(|(earliest, _)| last < earliest) {
                    connectable = Some((last, id));
                }
            }
        }
        busy.map(|(_, id)| id).or(connecting).or(connectable.map(|(_, id)| id))
    }

    fn any_ready(&self, now: SimTime) -> bool {
        let mut nodes = self.metadata.nodes().keys();
        nodes.any(|id| {
            self.links
                .get(id)
                .is_some_and(|link| link.phase == Phase::Ready && link.throttled_until <= now)
        })
    }

    fn any_connecting(&self) -> bool {
        self.links.values().any(Link::is_preparing)
    }

    /// When a refresh is to be looked at again.
    #[inline]
    pub(super) fn metadata_due(&self) -> SimTime {
        match self.metadata_wait {
            _ if self.metadata_in_flight => SimTime::MAX,
            MetadataWait::Nothing => self.metadata.due_at(),
            MetadataWait::Until(at) => self.metadata.due_at().max(at),
            MetadataWait::Connection => SimTime::MAX,
        }
    }
}
