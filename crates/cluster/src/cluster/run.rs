//! The loop: what has arrived, what marks have set off, what is due; in that order, until nothing is left at this instant.

use kafka_sim_core::{BrokerId, SimTime};

use super::ends::{ClientEnds, Ends};
use super::faults::Due;
use super::io::{Packet, Work};
use super::node::Node;
use super::{Cluster, Output};
use crate::broker::{Broker, CloseReason, Ctx, PeerMessage};
use crate::event::Event;
use crate::net::{ChannelId, Endpoint, Side};

impl Cluster {
    pub(super) fn run(&mut self, out: &mut Vec<Output>) {
        loop {
            self.steps += 1;
            if let Some(work) = self.work.pop_front() {
                self.process(work, out);
            } else if !self.reached.is_empty() {
                let fault = self.reached.remove(0);
                self.fire(fault, out);
            } else if let Some(event) = self.net.pop_due(self.now) {
                self.process(event, out);
            } else {
                self.due = self.first_due();
                if self.due > self.now {
                    return;
                }
                self.fire_one_due(out);
            }
            self.end_exited();
            self.hand_over_notices(out);
            self.inspect_turn();
        }
    }

    /// When something is due next, the last instant there is for never.
    fn first_due(&self) -> SimTime {
        debug_assert!(
            self.nodes.iter().map(Node::next_due).eq(self.dues.iter().copied()),
            "what is due is noted whenever a broker did something"
        );
        let elsewhere = [self.net.next_due(), self.agenda.next_due(), self.controller_due];
        let elsewhere = elsewhere.map(|due| due.unwrap_or(SimTime::MAX));
        let first = elsewhere[0].min(elsewhere[1]).min(elsewhere[2]);
        self.dues.iter().fold(first, |first, due| first.min(*due))
    }

    /// Notes when a broker is due, which has done something, or was started, stopped or halted.
    pub(super) fn note_due(&mut self, index: usize) {
        self.dues[index] = self.nodes[index].next_due();
    }

    /// Faults first, then the controller, then the brokers in order of their ids.
    fn fire_one_due(&mut self, out: &mut Vec<Output>) {
        if let Some((_, due)) = self.agenda.pop_due(self.now) {
            match due {
                Due::Start(index) => self.start(index),
                Due::Fire(fault) => self.fire(fault, out),
                Due::Heal(fault) => self.heal(fault, out),
            }
        } else if self.controller_due.is_some_and(|at| at <= self.now) {
            let mut decisions = std::mem::take(&mut self.decisions);
            self.controller.advance(self.now, &mut decisions);
            self.apply_decisions(decisions, None);
        } else if let Some(index) = self.dues.iter().position(|due| *due <= self.now) {
            let now = self.now;
            self.with_broker(index, |broker, ctx| {
                if let Some(timer) = broker.timers.pop_due(now) {
                    broker.on_timer(ctx, timer);
                }
            });
        }
    }

    fn process(&mut self, work: Work, out: &mut Vec<Output>) {
        let (channel, side) = match &work {
            Work::Deliver { channel, to, .. } => (*channel, *to),
            Work::Closed { channel, side, .. } => (*channel, *side),
        };
        let (a, b) = match self.ends.get(channel).copied() {
            Some(Ends::Peers(a, b)) => (a, b),
            Some(Ends::Client(ends)) => {
                return match side {
                    Side::A => self.client_receives(&ends, work, out),
                    Side::B => self.broker_receives_client(&ends, channel, work),
                };
            }
            None => return,
        };
        let (local, remote) = if side == Side::A { (a, b) } else { (b, a) };
        match local {
            Endpoint::Broker(id) => self.broker_receives_peer(id, remote, channel, side, work),
            Endpoint::Controller => self.controller_receives(remote, channel, work),
            Endpoint::Client(_) => {}
        }
    }

    fn client_receives(&mut self, ends: &ClientEnds, work: Work, out: &mut Vec<Output>) {
        let conn = ends.conn;
        match work {
            Work::Deliver {
                payload: Packet::Opened,
                ..
            } if !ends.client_over => out.push(Output::Connected { conn }),
            Work::Deliver {
                payload: Packet::Bytes(bytes),
                ..
            } if !ends.client_over => out.push(Output::Data { conn, bytes }),
            Work::Deliver { .. } => {}
            Work::Closed { .. } => self.client_hears_end(conn, CloseReason::BrokerGone, out),
        }
    }

    fn broker_receives_client(&mut self, ends: &ClientEnds, channel: ChannelId, work: Work) {
        let (conn, id) = (ends.conn, ends.broker);
        let Some(index) = self.node_index(id) else { return };
        if self.nodes[index].paused {
            self.nodes[index].stash.push_back(work);
            return;
        }
        match work {
            Work::Deliver {
                payload: Packet::Open(conn),
                ..
            } => self.broker_accepts(index, channel, conn),
            Work::Deliver {
                payload: Packet::Bytes(bytes),
                ..
            } => self.with_broker(index, |broker, ctx| broker.on_data(ctx, conn, bytes)),
            Work::Deliver { .. } => {}
            Work::Closed { .. } => {
                self.end_broker_side(channel);
                self.event(&Event::ConnectionClosed {
                    conn,
                    broker: id,
                    reason: CloseReason::ByClient.words(),
                });
                self.with_broker(index, |broker, _| broker.forget_connection(conn));
            }
        }
    }

    fn broker_receives_peer(&mut self, id: BrokerId, remote: Endpoint, channel: ChannelId, side: Side, work: Work) {
        let Some(index) = self.node_index(id) else { return };
        if self.nodes[index].paused {
            self.nodes[index].stash.push_back(work);
            return;
        }
        match (work, remote) {
            (
                Work::Deliver {
                    payload: Packet::Peer(message),
                    ..
                },
                Endpoint::Broker(from),
            ) => {
                if self.nodes[index].broker.is_none() {
                    self.net.reset(self.now, channel);
                    return;
                }
                self.with_broker(index, |broker, ctx| receive_peer(broker, ctx, from, message));
            }
            (
                Work::Deliver {
                    payload: Packet::FromController(answer_to, message),
                    ..
                },
                Endpoint::Controller,
            ) => self.with_broker(index, |broker, ctx| match answer_to {
                Some(request) => broker.on_controller_answer(ctx, request, message),
                None => broker.on_controller_push(ctx, message),
            }),
            (Work::Closed { .. }, remote) => self.peer_link_down(index, remote, channel, side),
            _ => {}
        }
    }

    /// Runs a handler of a broker process, if there is one, and then lets its connections go on.
    pub(super) fn with_broker(&mut self, index: usize, handle: impl FnOnce(&mut Broker, &mut Ctx<'_>)) {
        let node = &mut self.nodes[index];
        let Some(broker) = node.broker.as_mut() else { return };
        let mut ctx = Ctx {
            now: self.now,
            now_ms: self.config.wall_clock.millis_at(self.now),
            disk: &mut node.disk,
            effects: &mut self.effects,
            gate: &mut self.gate,
        };
        handle(broker, &mut ctx);
        broker.settle(&mut ctx);
        self.apply_broker_effects(index);
        self.note_due(index);
    }

    pub(super) fn node_index(&self, id: BrokerId) -> Option<usize> {
        usize::try_from(id.0).ok().filter(|index| *index < self.nodes.len())
    }
}

fn receive_peer(broker: &mut Broker, ctx: &mut Ctx<'_>, from: BrokerId, message: PeerMessage) {
    match message {
        PeerMessage::Fetch(exchange) => broker.on_replica_fetch(ctx, from, exchange),
        PeerMessage::Fetched(exchange) => broker.on_replica_fetched(ctx, from, exchange),
        PeerMessage::LogRange { tp, leader_epoch } => broker.answer_log_range(ctx, from, tp, leader_epoch),
        PeerMessage::LogRangeIs {
            tp,
            leader_epoch,
            range,
        } => broker.on_log_range(ctx, from, tp, leader_epoch, range),
    }
}
