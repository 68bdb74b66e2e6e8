//! Carrying out what brokers and the controller decided.

use kafka_sim_core::BrokerId;

use super::io::Packet;
use super::{Cluster, Output};
use crate::broker::{CloseReason, Effect, PeerMessage};
use crate::controller::{ControllerEvent, ControllerOutput};
use crate::event::Event;
use crate::net::{ChannelId, Endpoint, Side};
use crate::peer::{AdminRequest, NewTopic};

impl Cluster {
    /// Hands the driver what has gathered for it.
    #[inline]
    pub(super) fn hand_over_notices(&mut self, out: &mut Vec<Output>) {
        if !self.notices.is_empty() {
            out.append(&mut self.notices);
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.trace.record(self.now, event);
        self.inspector.note(event);
        let image = self.controller.image();
        self.marks
            .observe(event, |id| image.topics.get(&id).map(|t| &*t.name), &mut self.reached);
    }

    pub(super) fn apply_broker_effects(&mut self, index: usize) {
        if self.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.apply_effect(index, effect);
        }
        // Nothing above runs a broker, so the buffer is still this one.
        self.effects = effects;
    }

    fn apply_effect(&mut self, index: usize, effect: Effect) {
        let id = self.nodes[index].id();
        match effect {
            Effect::Respond {
                conn,
                api_key,
                client_id,
                bytes,
            } => {
                let Some(client) = self.clients.get(&conn) else { return };
                let channel = client.channel;
                if self.gate.drops_response(id, api_key, client_id.as_deref()) {
                    self.event(&Event::ResponseDropped {
                        conn,
                        broker: id,
                        api_key,
                    });
                    return self.cut(index, conn);
                }
                if !self.send(channel, Side::B, Packet::Bytes(bytes)) {
                    self.client_vanished(index, conn, channel);
                }
            }
            Effect::Close { conn, reason } => self.close_client(conn, reason),
            Effect::ToBroker { to, message } => self.send_to_broker(index, to, message),
            Effect::ToController { id: request, message } => {
                let channel = self.peer_channel(Endpoint::Broker(id), Endpoint::Controller);
                if !self.send(channel, Side::A, Packet::ToController(request, message)) {
                    self.forget_peer(Endpoint::Broker(id), Endpoint::Controller);
                    self.broken_links.push((index, Endpoint::Controller));
                }
            }
            Effect::Event(event) => self.event(&event),
            Effect::Witnessed(tp, deed) => self.inspector.note_deed(id, tp, *deed),
            Effect::Listening(up) => self.notices.push(Output::Listening { broker: id, up }),
            Effect::Exit => self.exits.push(index),
        }
    }

    fn close_client(&mut self, conn: kafka_sim_core::ConnId, reason: CloseReason) {
        let channel = match self.clients.get_mut(&conn) {
            Some(client) => {
                client.closing = Some(reason);
                client.channel
            }
            // The client left, and the broker has not heard of it.
            None => match self.channel_of(conn) {
                Some(channel) => channel,
                None => return,
            },
        };
        self.end_broker_side(channel);
        if reason == CloseReason::Fault {
            self.net.reset(self.now, channel);
        } else {
            self.net.close(self.now, channel, Side::B);
        }
    }

    /// A response met a connection that is dead: its broker hears of that now, and will not hear of it again.
    fn client_vanished(&mut self, index: usize, conn: kafka_sim_core::ConnId, channel: ChannelId) {
        if let Some(broker) = self.nodes[index].broker.as_mut() {
            broker.forget_connection(conn);
        }
        let broker = self.nodes[index].id();
        self.event(&Event::ConnectionClosed {
            conn,
            broker,
            reason: CloseReason::ByClient.words(),
        });
        self.end_broker_side(channel);
    }

    /// A fault cuts a connection under a broker's hands.
    fn cut(&mut self, index: usize, conn: kafka_sim_core::ConnId) {
        if let Some(broker) = self.nodes[index].broker.as_mut() {
            broker.forget_connection(conn);
        }
        let broker = self.nodes[index].id();
        self.event(&Event::ConnectionClosed {
            conn,
            broker,
            reason: CloseReason::Fault.words(),
        });
        self.close_client(conn, CloseReason::Fault);
    }

    fn send_to_broker(&mut self, index: usize, to: BrokerId, message: PeerMessage) {
        let from = Endpoint::Broker(self.nodes[index].id());
        let to = Endpoint::Broker(to);
        let asks = matches!(message, PeerMessage::Fetch(_) | PeerMessage::LogRange { .. });
        if asks {
            let channel = self.peer_channel(from, to);
            if !self.send(channel, Side::A, Packet::Peer(message)) {
                self.forget_peer(from, to);
                self.broken_links.push((index, to));
            }
        } else if let Some(channel) = self.peers.get(to, from) {
            // Nobody waits for an answer on a dead connection.
            self.send(channel, Side::B, Packet::Peer(message));
        }
    }

    /// Carries out what the controller decided; `asked` is the connection that a request came over, and its number. The
    /// reply goes back the same way: a process that was started meanwhile has another connection.
    pub(super) fn apply_decisions(&mut self, mut decisions: Vec<ControllerOutput>, asked: Option<(ChannelId, u64)>) {
        for decision in decisions.drain(..) {
            let (to, packet) = match decision {
                ControllerOutput::Reply { msg, .. } => {
                    let (channel, number) = asked.expect("only requests are replied to");
                    self.send(channel, Side::B, Packet::FromController(Some(number), msg));
                    continue;
                }
                ControllerOutput::Push { to, msg } => (to, Packet::FromController(None, msg)),
                ControllerOutput::Event(event) => {
                    self.controller_event(event);
                    continue;
                }
            };
            if let Some(channel) = self.peers.get(Endpoint::Broker(to), Endpoint::Controller) {
                self.send(channel, Side::B, packet);
            }
        }
        self.decisions = decisions;
        self.controller_due = self.controller.next_due();
        self.create_first_topics();
    }

    fn controller_event(&mut self, event: ControllerEvent) {
        let event = match event {
            ControllerEvent::Registered { broker, epoch, .. } => Event::BrokerRegistered { broker, epoch },
            ControllerEvent::Fenced { broker } => Event::BrokerFenced { broker },
            ControllerEvent::Unfenced { broker } => Event::BrokerUnfenced { broker },
            ControllerEvent::LeaderElected {
                tp,
                leader,
                leader_epoch,
                unclean,
                ..
            } => Event::LeaderElected {
                tp,
                leader: Some(leader),
                leader_epoch,
                unclean,
            },
            ControllerEvent::LeaderLost { tp, leader_epoch, .. } => Event::LeaderElected {
                tp,
                leader: None,
                leader_epoch,
                unclean: false,
            },
            ControllerEvent::IsrChanged {
                tp,
                was,
                isr,
                elr,
                partition_epoch,
                ..
            } => Event::IsrChanged {
                tp,
                was: was.into(),
                isr: isr.into(),
                elr: elr.into(),
                partition_epoch,
            },
            ControllerEvent::TopicCreated { id, name, partitions } => {
                if self.deleted_topics.remove(&name) {
                    self.notices.push(Output::TopicRecreated { topic: name.clone() });
                }
                Event::TopicCreated {
                    topic: id,
                    name,
                    partitions: i32::try_from(partitions).expect("partition counts are int32"),
                }
            }
            ControllerEvent::TopicDeleted { id, name } => {
                self.deleted_topics.insert(name);
                Event::TopicDeleted { topic: id }
            }
            ControllerEvent::ConfigChanged { key, .. } if &*key == "min.insync.replicas" => {
                return self.inspector.min_isr_changed();
            }
            ControllerEvent::ControlledShutdown { .. }
            | ControllerEvent::PartitionAdded { .. }
            | ControllerEvent::ConfigChanged { .. } => return,
        };
        self.event(&event);
    }

    /// Topics that exist from the start are created once every broker is there to host them.
    fn create_first_topics(&mut self) {
        let image = self.controller.image();
        let all_alive = self.nodes.iter().all(|node| image.is_alive(node.id()));
        if self.topics_offset.is_some() || !all_alive {
            return;
        }
        // Set first: what follows comes back here.
        self.topics_offset = Some(0);
        let topics = std::mem::take(&mut self.topics_to_create);
        let new = |topic: super::Topic| NewTopic {
            name: topic.name,
            partitions: topic.partitions,
            replication_factor: topic.replicas,
            assignment: Vec::new(),
            configs: topic
                .configs
                .into_iter()
                .map(|(key, value)| (key, Some(value)))
                .collect(),
        };
        let request = AdminRequest::CreateTopics {
            topics: topics.into_iter().map(new).collect(),
            validate_only: false,
        };
        self.administer(request);
        self.topics_offset = Some(self.controller.offset());
    }

    pub(super) fn administer(&mut self, request: AdminRequest) {
        let mut decisions = Vec::new();
        self.controller.admin(self.now, request, &mut decisions);
        self.apply_decisions(decisions, None);
    }
}
