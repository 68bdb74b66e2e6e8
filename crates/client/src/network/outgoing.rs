//! Requests on their way out.

use std::time::Duration;

use kafka_protocol::protocol::Encodable;
use kafka_sim_core::{
    SimTime,
    wire::{ApiKey, FieldWriter},
};

use super::{
    Network,
    link::{InFlight, Purpose},
};
use crate::io::ClientOutput;

impl<T> Network<T> {
    /// The version to use for a request to a ready node, at most `limit`.
    pub(crate) fn version(&self, id: i32, api: ApiKey, limit: i16) -> Option<i16> {
        self.links.get(&id)?.versions.usable(api, limit)
    }

    /// Sends a request to a node that is [`ready`](Self::ready). With `None` no answer is expected.
    pub(crate) fn send<O, R: Encodable>(
        &mut self,
        id: i32,
        (api, version): (ApiKey, i16),
        body: &R,
        request: Option<T>,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let (purpose, timeout) = (request.map(Purpose::Client), self.request_timeout);
        self.transmit(id, (api, version), body, purpose, timeout, now, out);
    }

    /// Writes the next request field by field, to be sent with [`send_written`](Self::send_written).
    pub(crate) fn write(&mut self, api: ApiKey, version: i16, body: impl FnOnce(&mut FieldWriter<'_>)) {
        let written = self.requests.write(api, version, body);
        written.expect("requests are built for their version");
    }

    /// Sends what was written last to a node that is [`ready`](Self::ready). With `None` no answer is expected.
    pub(crate) fn send_written<O>(
        &mut self,
        id: i32,
        request: Option<T>,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let timeout = self.request_timeout;
        self.transmit_written(id, request.map(Purpose::Client), timeout, now, out);
    }

    /// The same for a request that the broker may hold for long.
    pub(crate) fn send_patiently<O, R: Encodable>(
        &mut self,
        id: i32,
        (api, version): (ApiKey, i16),
        body: &R,
        (request, timeout): (T, Duration),
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let (purpose, timeout) = (Some(Purpose::Client(request)), timeout.max(self.request_timeout));
        self.transmit(id, (api, version), body, purpose, timeout, now, out);
    }

    pub(super) fn transmit<O, R: Encodable>(
        &mut self,
        id: i32,
        (api, version): (ApiKey, i16),
        body: &R,
        purpose: Option<Purpose<T>>,
        timeout: Duration,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let encoded = self.requests.encode(api, version, body);
        encoded.expect("requests are built for their version");
        self.transmit_written(id, purpose, timeout, now, out);
    }

    fn transmit_written<O>(
        &mut self,
        id: i32,
        purpose: Option<Purpose<T>>,
        timeout: Duration,
        now: SimTime,
        out: &mut Vec<ClientOutput<O>>,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.touched = true;
        self.links_touched = true;
        link.last_active = now;
        let bytes = self.requests.hand_out();
        out.push(ClientOutput::Data { conn: link.conn, bytes });
        if let Some(purpose) = purpose {
            let head = self.requests.head();
            link.in_flight.push_back(InFlight {
                correlation_id: head.correlation_id,
                api: head.api_key,
                version: head.version,
                deadline: now + timeout,
                purpose,
            });
        }
    }
}
