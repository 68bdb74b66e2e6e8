//! Faults of the network: rules over links, resets, and machines that lose power.

use kafka_sim_core::SimTime;

use crate::net::channel::{Load, Segment};
use crate::net::obstacles::Rule;
use crate::net::{ChannelId, Endpoint, EndpointSet, LinkEffect, Net, RuleId, Side};

impl<P> Net<P> {
    /// Lays a rule over every link from a member of `from` to a member of `to`, including links made later. Rules add
    /// up: delays are summed, the tightest limit counts, and a black hole swallows what is held.
    pub fn add_rule(&mut self, from: EndpointSet, to: EndpointSet, effect: LinkEffect) -> RuleId {
        let rule = self.obstacles.add(from, to, effect);
        if matches!(effect, LinkEffect::Hold | LinkEffect::BlackHole) {
            for (id, side) in self.directions(&rule) {
                self.stop_in_flight(id, side, effect);
            }
        }
        rule.id
    }

    /// Removes a rule. Held bytes are sent on in order, and bytes that a delay or a limit still keeps under way are
    /// hastened to when they would arrive if sent now. Connections that a black hole swallowed from stay dead. Removing
    /// a rule twice does nothing.
    pub fn remove_rule(&mut self, now: SimTime, id: RuleId) {
        let Some(rule) = self.obstacles.remove(id) else { return };
        if matches!(rule.effect, LinkEffect::Delay(_) | LinkEffect::Bandwidth(_)) {
            self.links.unclog(&rule.from, &rule.to);
        }
        for (id, side) in self.directions(&rule) {
            match rule.effect {
                LinkEffect::Hold => self.release(now, id, side),
                LinkEffect::Delay(_) | LinkEffect::Bandwidth(_) => self.hasten(now, id, side),
                LinkEffect::BlackHole => {}
            }
        }
    }

    /// Kills a connection from the middle: what is under way is dropped, and both ends hear of it now.
    pub fn reset(&mut self, now: SimTime, channel: ChannelId) {
        let Some(state) = self.channels.get_mut(channel) else {
            return;
        };
        for side in [Side::A, Side::B] {
            if state.is_open(side) {
                let direction = state.toward_mut(side);
                direction.clear(&mut self.agenda);
                direction.fly(
                    &mut self.agenda,
                    (channel, side),
                    now,
                    Segment {
                        load: Load::Rst,
                        size: 0,
                    },
                );
            }
        }
    }

    /// Resets every connection between a member of `a` and a member of `b`, and returns them, oldest first.
    pub fn reset_between(&mut self, now: SimTime, a: &EndpointSet, b: &EndpointSet) -> Vec<ChannelId> {
        let between = |x, y| (a.contains(x) && b.contains(y)) || (a.contains(y) && b.contains(x));
        let hit = self
            .channels_by_age()
            .filter(|(_, c)| between(c.endpoint(Side::A), c.endpoint(Side::B)))
            .map(|(id, _)| id);
        let hit: Vec<ChannelId> = hit.collect();
        hit.iter().for_each(|channel| self.reset(now, *channel));
        hit
    }

    /// A machine loses power. Its ends of its connections are over, and the other ends are told nothing: what they send
    /// is lost while it is down, and answered with a reset once it is up again. Bytes it had sent still arrive, except
    /// those that were held.
    pub fn power_off(&mut self, endpoint: Endpoint) {
        self.obstacles.set_down(endpoint, true);
        for id in self.channels.ids() {
            let Some(channel) = self.channels.get_mut(id) else {
                continue;
            };
            for side in [Side::A, Side::B] {
                if channel.endpoint(side) == endpoint {
                    channel.end(side, &mut self.agenda);
                    channel.toward_mut(side.other()).held.clear();
                }
            }
            if channel.is_over() {
                self.forget(id);
            }
        }
    }

    /// A machine has power again. It remembers no connection.
    pub fn power_on(&mut self, endpoint: Endpoint) {
        self.obstacles.set_down(endpoint, false);
    }

    /// The directions of connections that a rule covers, by their receiving ends.
    fn directions(&self, rule: &Rule) -> Vec<(ChannelId, Side)> {
        let sides = self
            .channels_by_age()
            .flat_map(|(id, channel)| [(id, channel, Side::A), (id, channel, Side::B)]);
        let covered = sides.filter(|(_, c, to)| rule.covers(c.endpoint(to.other()), c.endpoint(*to)));
        covered.map(|(id, _, to)| (id, to)).collect()
    }

    fn stop_in_flight(&mut self, id: ChannelId, to: Side, effect: LinkEffect) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let direction = channel.toward_mut(to);
        if direction.is_reset() {
            return;
        }
        if effect == LinkEffect::BlackHole {
            direction.swallowed |= direction.clear(&mut self.agenda);
        } else {
            let stopped = direction.ground(&mut self.agenda);
            direction.held.extend(stopped.into_iter().map(|flight| flight.segment));
        }
    }

    fn release(&mut self, now: SimTime, id: ChannelId, to: Side) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let (sender, receiver) = (channel.endpoint(to.other()), channel.endpoint(to));
        if self.obstacles.is_hold(sender, receiver) {
            return;
        }
        let direction = channel.toward_mut(to);
        let route = (sender, receiver);
        for segment in std::mem::take(&mut direction.held) {
            let due = self
                .links
                .arrival(now, route, &mut direction.link, segment.size, &self.obstacles);
            direction.fly(&mut self.agenda, (id, to), due, segment);
        }
    }

    fn hasten(&mut self, now: SimTime, id: ChannelId, to: Side) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let route = (channel.endpoint(to.other()), channel.endpoint(to));
        let direction = channel.toward_mut(to);
        if direction.is_reset() {
            return;
        }
        for flight in direction.ground(&mut self.agenda) {
            let size = flight.segment.size;
            let fresh = self
                .links
                .arrival(now, route, &mut direction.link, size, &self.obstacles);
            direction.fly(&mut self.agenda, (id, to), flight.key.at().min(fresh), flight.segment);
        }
    }
}
