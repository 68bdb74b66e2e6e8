//! Requests to the controller and what became of them.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::messages::RequestKind;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, SimTime, SmallMap};

use super::timers::TimerKey;
use super::{Broker, Ctx, Effect, Timer};
use crate::peer::{AdminRequest, AdminResponse, FromController, ToController, Tp};

/// `broker.session.timeout.ms` bounds heartbeats and everything else on the same channel.
const RETRY_AFTER: Duration = Duration::from_millis(1000);

/// Requests in flight, and proposals that wait for their turn.
#[derive(Clone, Default, Debug)]
pub(crate) struct ControllerLink {
    sent: u64,
    pending: SmallMap<u64, Pending>,
    queued_isr: BTreeSet<Tp>,
    isr_in_flight: bool,
    producer_ids_asked: bool,
    next_heartbeat: Option<TimerKey>,
    /// Connections whose InitProducerId waits for a block of ids.
    pub(crate) waiting_for_ids: Vec<(ConnId, RequestHead)>,
}

#[derive(Clone, Debug)]
struct Pending {
    what: Asked,
    timeout: TimerKey,
}

#[derive(Clone, Debug)]
enum Asked {
    Register,
    Heartbeat,
    AlterPartition(Vec<Tp>),
    ProducerIds,
    Admin(Box<AdminCall>),
    AutoCreate,
    Metadata,
}

/// A client's request that the controller is deciding on.
#[derive(Clone, Debug)]
pub(crate) struct AdminCall {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
    /// The request as the client sent it, from which the answer is rendered.
    pub(crate) request: RequestKind,
}

impl ControllerLink {
    /// A link whose requests are numbered from there on: an answer to an earlier process of this broker may still come
    /// and must not be taken for one of its own.
    pub(crate) fn numbered_from(sent: u64) -> Self {
        ControllerLink {
            sent,
            ..ControllerLink::default()
        }
    }

    pub(crate) fn queue_isr(&mut self, tp: Tp) {
        self.queued_isr.insert(tp);
    }

    pub(crate) fn may_send_isr(&self) -> bool {
        !self.isr_in_flight && !self.queued_isr.is_empty()
    }

    pub(crate) fn take_queued_isr(&mut self) -> BTreeSet<Tp> {
        std::mem::take(&mut self.queued_isr)
    }
}

impl Broker {
    fn ask(&mut self, ctx: &mut Ctx<'_>, what: Asked, message: ToController, timeout: Duration) {
        self.controller.sent += 1;
        let id = self.controller.sent;
        let timeout = self.timers.set(ctx.now + timeout, Timer::ControllerTimeout(id));
        self.controller.pending.insert(id, Pending { what, timeout });
        ctx.effects.push(Effect::ToController { id, message });
    }

    pub(crate) fn send_registration(&mut self, ctx: &mut Ctx<'_>, message: ToController) {
        self.ask(ctx, Asked::Register, message, self.config.broker_session_timeout);
    }

    pub(crate) fn send_heartbeat(&mut self, ctx: &mut Ctx<'_>, message: ToController) {
        self.ask(ctx, Asked::Heartbeat, message, self.config.broker_session_timeout);
    }

    pub(crate) fn fetch_metadata(&mut self, ctx: &mut Ctx<'_>) {
        let asked = self
            .controller
            .pending
            .values()
            .any(|p| matches!(p.what, Asked::Metadata));
        if !asked {
            self.ask(
                ctx,
                Asked::Metadata,
                ToController::FetchMetadata,
                self.config.broker_session_timeout,
            );
        }
    }

    pub(crate) fn send_alter_partition(&mut self, ctx: &mut Ctx<'_>, message: ToController, tps: Vec<Tp>) {
        self.controller.isr_in_flight = true;
        self.ask(ctx, Asked::AlterPartition(tps), message, self.config.request_timeout);
    }

    pub(crate) fn ask_for_producer_ids(&mut self, ctx: &mut Ctx<'_>) {
        if !self.controller.producer_ids_asked {
            self.controller.producer_ids_asked = true;
            let message = ToController::AllocateProducerIds {
                broker_epoch: self.broker_epoch,
            };
            self.ask(ctx, Asked::ProducerIds, message, self.config.request_timeout);
        }
    }

    /// Creates a topic because a Metadata request named it; nobody waits for the outcome.
    pub(crate) fn auto_create(&mut self, ctx: &mut Ctx<'_>, request: AdminRequest) {
        self.ask(
            ctx,
            Asked::AutoCreate,
            ToController::Admin(request),
            self.config.request_timeout,
        );
    }

    /// Forwards a client's request. The answer is rendered by the request's own file in `api`.
    pub(crate) fn forward(&mut self, ctx: &mut Ctx<'_>, call: AdminCall, request: AdminRequest, timeout: Duration) {
        let timeout = timeout.min(self.config.request_timeout);
        self.ask(ctx, Asked::Admin(Box::new(call)), ToController::Admin(request), timeout);
    }

    pub(crate) fn on_controller_answer(&mut self, ctx: &mut Ctx<'_>, id: u64, answer: FromController) {
        let Some(pending) = self.controller.pending.remove(&id) else {
            return;
        };
        self.timers.cancel(pending.timeout);
        match (pending.what, answer) {
            (Asked::Register, FromController::Registered(result)) => self.on_registered(ctx, result),
            (Asked::Heartbeat, FromController::Heartbeat(result)) => self.on_heartbeat_answer(ctx, result),
            (Asked::AlterPartition(tps), FromController::AlterPartition(result)) => {
                self.controller.isr_in_flight = false;
                self.on_isr_answer(ctx, &tps, Some(result));
            }
            (Asked::ProducerIds, FromController::ProducerIds(result)) => {
                self.controller.producer_ids_asked = false;
                if let Ok(first) = result {
                    self.producer_ids = first..first + 1000;
                }
                crate::api::init_producer_id::resume(self, ctx);
            }
            (Asked::Admin(call), FromController::Admin(response)) => self.finish_admin(ctx, *call, Some(response)),
            (Asked::Metadata, FromController::Snapshot { offset, image }) => self.on_snapshot(ctx, offset, &image),
            _ => {}
        }
    }

    fn finish_admin(&mut self, ctx: &mut Ctx<'_>, call: AdminCall, response: Option<AdminResponse>) {
        let rendered = crate::api::render_admin(self, &call, response);
        self.respond(ctx, call.conn, &call.head, &rendered);
    }

    /// No answer in time, or the connection to the controller died.
    pub(crate) fn on_controller_timeout(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        let Some(pending) = self.controller.pending.remove(&id) else {
            return;
        };
        self.timers.cancel(pending.timeout);
        match pending.what {
            Asked::Register => {
                self.timers.set(ctx.now + RETRY_AFTER, Timer::Register);
            }
            Asked::Heartbeat => self.heartbeat_soon(ctx),
            Asked::AlterPartition(tps) => {
                self.controller.isr_in_flight = false;
                self.on_isr_answer(ctx, &tps, None);
            }
            Asked::ProducerIds => {
                self.controller.producer_ids_asked = false;
                crate::api::init_producer_id::resume(self, ctx);
            }
            Asked::Admin(call) => self.finish_admin(ctx, *call, None),
            Asked::Metadata | Asked::AutoCreate => {}
        }
    }

    /// The link to the controller was reset: whatever was asked got lost.
    pub(crate) fn controller_unreachable(&mut self, ctx: &mut Ctx<'_>) {
        let lost: Vec<u64> = self.controller.pending.keys().copied().collect();
        for id in lost {
            self.on_controller_timeout(ctx, id);
        }
    }

    pub(crate) fn heartbeat_in_flight(&self) -> bool {
        self.controller
            .pending
            .values()
            .any(|p| matches!(p.what, Asked::Heartbeat))
    }

    /// Sends the next heartbeat then, and not at whatever instant was set before.
    pub(crate) fn heartbeat_at(&mut self, at: SimTime) {
        if let Some(earlier) = self.controller.next_heartbeat.take() {
            self.timers.cancel(earlier);
        }
        self.controller.next_heartbeat = Some(self.timers.set(at, Timer::Heartbeat));
    }
}
