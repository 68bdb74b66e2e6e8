//! Client connections: one request of each is in the broker at a time, in order of arrival (SocketServer, RequestChannel).

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::ResponseKind;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::wire::{self, FrameSplitter, RequestHead, WireError};
use kafka_sim_core::{ConnId, SimTime};

use super::{Broker, Ctx, Effect, Timer, byte_count};
use crate::api::{self, Answer};
use crate::event::Event;

/// Why a broker closed a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// A frame size below zero or above `socket.request.max.bytes`.
    BadFrameSize,
    /// The request header does not parse, or names an unknown API.
    BadHeader,
    /// The API is not served at that version.
    UnsupportedVersion,
    /// The body does not parse.
    BadBody,
    /// acks=0 and something failed: the connection is the only signal there is.
    FailedWithoutAcks,
    /// Quiet for `connections.max.idle.ms`.
    Idle,
    /// The broker's process or machine is gone.
    BrokerGone,
    /// A fault dropped a request or a response, or reset the connection.
    Fault,
    /// The client closed it.
    ByClient,
    /// Nothing listens there.
    Refused,
}

impl CloseReason {
    /// The reason in a few words.
    pub fn words(self) -> &'static str {
        match self {
            CloseReason::BadFrameSize => "bad frame size",
            CloseReason::BadHeader => "unreadable request header or unknown API",
            CloseReason::UnsupportedVersion => "unsupported API version",
            CloseReason::BadBody => "unreadable request",
            CloseReason::FailedWithoutAcks => "an acks=0 produce failed",
            CloseReason::Idle => "idle for connections.max.idle.ms",
            CloseReason::BrokerGone => "the broker is gone",
            CloseReason::Fault => "a fault",
            CloseReason::ByClient => "closed by the client",
            CloseReason::Refused => "connection refused",
        }
    }
}

/// A client's connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    splitter: FrameSplitter,
    /// What the last request named.
    client_id: Option<StrBytes>,
    /// A request is being handled; what arrives meanwhile waits.
    busy: bool,
    last_activity: SimTime,
    /// Where the client runs.
    host: Arc<str>,
}

impl Connection {
    /// The request was handled. Returns whether more has arrived meanwhile.
    fn release(&mut self, now: SimTime) -> bool {
        self.busy = false;
        self.last_activity = now;
        !self.splitter.is_empty()
    }
}

fn response(conn: ConnId, head: &RequestHead, bytes: Bytes) -> Effect {
    Effect::Respond {
        conn,
        api_key: head.api_key as i16,
        client_id: head.client_id.clone(),
        bytes,
    }
}

impl Broker {
    pub(crate) fn accept(&mut self, ctx: &Ctx<'_>, conn: ConnId, host: Arc<str>) {
        let splitter = FrameSplitter::new(byte_count(self.config.socket_request_max_bytes));
        let connection = Connection {
            splitter,
            client_id: None,
            busy: false,
            last_activity: ctx.now,
            host,
        };
        self.connections.insert(conn, Box::new(connection));
    }

    /// The host a connection came from, while it lasts.
    pub(crate) fn client_host(&self, conn: ConnId) -> Option<&str> {
        self.connections.get(&conn).map(|connection| &*connection.host)
    }

    /// Bytes that wait behind a request that is being handled; what a driver bounds by not reading on.
    pub(crate) fn backlog(&self, conn: ConnId) -> usize {
        let busy = self.connections.get(&conn).filter(|connection| connection.busy);
        busy.map_or(0, |connection| connection.splitter.buffered())
    }

    /// The client went away. What is being handled is handled to the end; only the response has nowhere to go.
    pub(crate) fn forget_connection(&mut self, conn: ConnId) {
        self.connections.remove(&conn);
    }

    pub(crate) fn on_data(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, bytes: Bytes) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.last_activity = ctx.now;
        connection.splitter.push(bytes);
        self.serve_next(ctx, conn);
    }

    /// Handles requests of one connection until one has to wait.
    fn serve_next(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        loop {
            let Some(connection) = self.connections.get_mut(&conn) else {
                return;
            };
            if connection.busy {
                return;
            }
            let mut frame = match connection.splitter.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(_) => return self.close(ctx, conn, CloseReason::BadFrameSize),
            };
            connection.busy = true;
            let answer = match api::take_head(&mut frame, &mut connection.client_id) {
                Ok(head) => api::serve(self, ctx, conn, head, frame),
                Err(answer) => answer,
            };
            match answer {
                Answer::Ready(head, response) => {
                    let encoded =
                        wire::encode_response_kind(head.api_key, head.version, head.correlation_id, &response);
                    self.send(ctx, conn, &head, encoded);
                }
                Answer::Encoded(head, bytes) => self.send_bytes(ctx, conn, &head, bytes),
                Answer::Later => return,
                Answer::Nothing => {}
                Answer::Close(reason) => return self.close(ctx, conn, reason),
            }
            if !self.release(ctx, conn) {
                return;
            }
        }
    }

    /// Answers a request that had to wait; its connection may go on with the next one.
    pub(crate) fn respond(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, head: &RequestHead, response: &ResponseKind) {
        match wire::encode_response_kind(head.api_key, head.version, head.correlation_id, response) {
            Ok(bytes) => self.respond_bytes(ctx, conn, head, bytes),
            refused => self.send(ctx, conn, head, refused),
        }
    }

    /// Like [`Broker::respond`], for a response that was encoded already.
    pub(crate) fn respond_bytes(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, head: &RequestHead, bytes: Bytes) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        ctx.effects.push(response(conn, head, bytes));
        if connection.release(ctx.now) {
            self.answered.push(conn);
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, head: &RequestHead, encoded: Result<Bytes, WireError>) {
        match encoded {
            Ok(bytes) => self.send_bytes(ctx, conn, head, bytes),
            Err(error) => {
                tracing::error!(api_key = ?head.api_key, version = head.version, %error, "a response could not be encoded");
                self.close(ctx, conn, CloseReason::BadBody);
            }
        }
    }

    fn send_bytes(&self, ctx: &mut Ctx<'_>, conn: ConnId, head: &RequestHead, bytes: Bytes) {
        if self.connections.contains_key(&conn) {
            ctx.effects.push(response(conn, head, bytes));
        }
    }

    /// The request was handled. Returns whether more of the connection has arrived meanwhile.
    fn release(&mut self, ctx: &Ctx<'_>, conn: ConnId) -> bool {
        let connection = self.connections.get_mut(&conn);
        connection.is_some_and(|connection| connection.release(ctx.now))
    }

    /// acks=0 was handled after a wait: the connection goes on without a response.
    pub(crate) fn answer_nothing(&mut self, ctx: &Ctx<'_>, conn: ConnId) {
        if self.release(ctx, conn) {
            self.answered.push(conn);
        }
    }

    /// Goes on with the connections that were answered while something else was handled. The cluster calls it after
    /// every input, so that handling one request never nests in handling another.
    pub(crate) fn settle(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(conn) = self.answered.pop() {
            self.serve_next(ctx, conn);
        }
    }

    pub(crate) fn close(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        if self.connections.remove(&conn).is_some() {
            ctx.event(Event::ConnectionClosed {
                conn,
                broker: self.id(),
                reason: reason.words(),
            });
            ctx.effects.push(Effect::Close { conn, reason });
        }
    }

    pub(crate) fn close_idle_connections(&mut self, ctx: &mut Ctx<'_>) {
        let limit = self.config.connections_max_idle;
        let idle: Vec<ConnId> = self
            .connections
            .iter()
            .filter(|(_, c)| !c.busy && ctx.now - c.last_activity >= limit)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in idle {
            self.close(ctx, conn, CloseReason::Idle);
        }
        let oldest = self
            .connections
            .values()
            .filter(|c| !c.busy)
            .map(|c| c.last_activity)
            .min()
            .unwrap_or(ctx.now);
        self.timers.set_after(
            ctx.now,
            (oldest + limit - ctx.now).max(limit / 100),
            Timer::IdleConnections,
        );
    }
}
