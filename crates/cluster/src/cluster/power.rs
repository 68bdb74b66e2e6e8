//! Starting and ending processes and machines.

use kafka_sim_core::BrokerId;

use super::ends::Ends;
use super::io::Work;
use super::{Cluster, Output};
use crate::broker::{Broker, CloseReason, Ctx, Lifecycle};
use crate::disk::Survivors;
use crate::event::Event;
use crate::fault::Healing;
use crate::net::{ChannelId, Endpoint, Side};

impl Cluster {
    /// Starts the process of a machine, unless it runs.
    pub(super) fn start(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.broker.is_some() {
            return;
        }
        self.net.power_on(Endpoint::Broker(node.spec.id));
        node.starts += 1;
        node.paused = false;
        let mut ctx = Ctx {
            now: self.now,
            now_ms: self.config.wall_clock.millis_at(self.now),
            disk: &mut node.disk,
            effects: &mut self.effects,
            gate: &mut self.gate,
        };
        node.broker = Some(Box::new(Broker::start(
            node.spec.clone(),
            node.starts,
            self.seed,
            &mut ctx,
        )));
        self.apply_broker_effects(index);
        self.note_due(index);
    }

    /// The process dies. Its operating system closes the connections once the bytes already written have been sent.
    pub(super) fn kill(&mut self, index: usize) {
        if self.nodes[index].broker.is_none() {
            return;
        }
        self.event(&Event::BrokerKilled {
            broker: self.nodes[index].id(),
        });
        self.end_process(index);
        let channels: Vec<_> = self.net.channels_of(Endpoint::Broker(self.nodes[index].id())).collect();
        for (channel, side) in channels {
            self.net.close(self.now, channel, side);
            self.broker_side_over(channel, side);
        }
    }

    /// The process ended itself.
    pub(super) fn stopped(&mut self, index: usize) {
        self.end_process(index);
        let channels: Vec<_> = self.net.channels_of(Endpoint::Broker(self.nodes[index].id())).collect();
        for (channel, side) in channels {
            self.net.close(self.now, channel, side);
            self.broker_side_over(channel, side);
        }
    }

    /// The machine loses power: nobody is told, and of the bytes that were not synced `survivors` survive.
    pub(super) fn power_loss(&mut self, index: usize, survivors: Survivors) {
        let node = &mut self.nodes[index];
        let broker = node.spec.id;
        let report = node.disk.power_loss(self.now, survivors, &mut node.rng);
        self.event(&Event::BrokerPowerLost {
            broker,
            lost_bytes: report.lost_bytes(),
        });
        if report.lost_bytes() > 0 {
            self.unsynced_lost(index);
        }
        self.end_process(index);
        let channels: Vec<_> = self.net.channels_of(Endpoint::Broker(broker)).collect();
        self.net.power_off(Endpoint::Broker(broker));
        for (channel, side) in channels {
            self.broker_side_over(channel, side);
        }
    }

    /// Starts a machine's process. One that still waits for permission to stop is not waited for.
    pub(super) fn bring_up(&mut self, index: usize) {
        let node = &self.nodes[index];
        let leaves = |broker: &Broker| broker.lifecycle == Lifecycle::ShuttingDown;
        if node.broker.as_deref().is_some_and(leaves) {
            match node.paused {
                true => self.kill(index),
                false => self.with_broker(index, |broker, ctx| broker.stop_cleanly(ctx)),
            }
            self.end_exited();
        }
        self.start(index);
    }

    pub(super) fn wipe(&mut self, index: usize) {
        self.kill(index);
        self.nodes[index].disk.wipe();
        self.event(&Event::BrokerWiped {
            broker: self.nodes[index].id(),
        });
    }

    pub(super) fn pause(&mut self, index: usize) {
        if self.nodes[index].broker.is_some() {
            self.nodes[index].paused = true;
            self.note_due(index);
            self.event(&Event::BrokerPaused {
                broker: self.nodes[index].id(),
            });
        }
    }

    /// A paused process runs on, beginning with what arrived meanwhile.
    pub(super) fn resume(&mut self, index: usize) {
        if self.nodes[index].paused {
            self.nodes[index].paused = false;
            self.note_due(index);
            self.event(&Event::BrokerResumed {
                broker: self.nodes[index].id(),
            });
            let stash: Vec<Work> = self.nodes[index].stash.drain(..).collect();
            self.work.extend(stash);
        }
    }

    fn end_process(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let served = node.serves();
        node.broker = None;
        node.paused = false;
        let stash = std::mem::take(&mut node.stash);
        self.note_due(index);
        self.faults.forget(Healing::Resume, self.nodes[index].id());
        for work in stash {
            if let Work::Closed { channel, .. } = work {
                self.end_unheard(channel);
            }
        }
        if served {
            self.notices.push(Output::Listening {
                broker: self.nodes[index].id(),
                up: false,
            });
        }
    }

    /// The end of a connection came while the process was paused, which it then did not survive.
    fn end_unheard(&mut self, channel: ChannelId) {
        if self.client_ends(channel).is_some() {
            self.end_broker_side(channel);
        } else {
            self.peers.forget(channel);
            self.drop_peer_ends(channel);
        }
    }

    /// A broker's end of a connection is over without anybody being there to hear it.
    fn broker_side_over(&mut self, channel: ChannelId, side: Side) {
        match self.ends.get(channel).copied() {
            Some(Ends::Client(ends)) => {
                if let Some(client) = self.clients.get_mut(&ends.conn) {
                    client.closing.get_or_insert(CloseReason::BrokerGone);
                }
                self.end_broker_side(channel);
            }
            Some(Ends::Peers(a, b)) if side == Side::A || b == Endpoint::Controller => self.forget_peer(a, b),
            _ => {}
        }
    }

    /// The nodes of brokers, by id.
    pub(super) fn indexes(&self, brokers: &[BrokerId]) -> Vec<usize> {
        brokers.iter().filter_map(|id| self.node_index(*id)).collect()
    }
}
