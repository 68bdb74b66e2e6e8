//! Sending and closing: what becomes of what an end hands over.

use std::time::Duration;

use kafka_sim_core::SimTime;

use crate::net::channel::{Channel, Load, Segment};
use crate::net::obstacles::Obstacles;
use crate::net::{ChannelId, Net, Sent, Side};

/// What stops a segment before it has left.
enum Obstruction {
    /// The other end said goodbye, which this end is about to hear.
    EndIsComing,
    /// Swallowed on the way.
    Swallowed,
    /// The connection is dead: the answer to whatever is sent is a reset.
    Dead,
}

impl<P> Net<P> {
    /// Sends `payload`, which counts as `size` bytes, from one end of a connection to the other.
    ///
    /// With no latency and nothing in the way the payload is handed straight back.
    pub fn send(&mut self, now: SimTime, channel: ChannelId, from: Side, payload: P, size: usize) -> Sent<P> {
        let load = Load::Payload(payload);
        match self.hand_over(now, channel, from, Segment { load, size }) {
            Ok(sent) => sent,
            Err(Obstruction::EndIsComing | Obstruction::Swallowed) => Sent::Lost,
            Err(Obstruction::Dead) => {
                self.end(channel, from);
                Sent::Reset
            }
        }
    }

    /// One end closes. The other hears of it after the last byte that was sent; what is on its way to the end that
    /// closes is dropped. This is also what happens when a process dies: its machine closes for it. Closing an end that
    /// is over already does nothing.
    pub fn close(&mut self, now: SimTime, channel: ChannelId, by: Side) {
        if !self.is_open(channel, by) {
            return;
        }
        let load = Load::Fin;
        if let Ok(sent) = self.hand_over(now, channel, by, Segment { load, size: 0 }) {
            debug_assert!(matches!(sent, Sent::Scheduled), "only payloads are delivered at once");
        }
        self.end(channel, by);
    }

    /// Puts a segment on its way behind everything that is under way in its direction, if nothing stops it.
    fn hand_over(
        &mut self,
        now: SimTime,
        id: ChannelId,
        from: Side,
        segment: Segment<P>,
    ) -> Result<Sent<P>, Obstruction> {
        let channel = self.channels.get_mut(id).ok_or(Obstruction::Dead)?;
        let to = from.other();
        let (sender, receiver) = (channel.endpoint(from), channel.endpoint(to));
        if let Some(obstruction) = obstruction(now, channel, from, &self.obstacles) {
            return Err(obstruction);
        }
        channel.last_active = now;
        let direction = channel.toward_mut(to);
        if self.obstacles.has_rules() && self.obstacles.is_hold(sender, receiver) {
            direction.held.push_back(segment);
            return Ok(Sent::Scheduled);
        }
        let route = (sender, receiver);
        let due = self
            .links
            .arrival(now, route, &mut direction.link, segment.size, &self.obstacles);
        Ok(match segment.load {
            Load::Payload(payload) if due <= now && direction.flight.is_empty() => Sent::Immediate(payload),
            _ => {
                direction.fly(&mut self.agenda, (id, to), due, segment);
                Sent::Scheduled
            }
        })
    }
}

/// What stops a segment sent now from that end. Notes what is swallowed.
fn obstruction<P>(now: SimTime, channel: &mut Channel<P>, from: Side, obstacles: &Obstacles) -> Option<Obstruction> {
    if obstacles.is_none() && channel.is_sound(from) {
        return None;
    }
    let to = from.other();
    if !channel.is_open(from) {
        return Some(Obstruction::Dead);
    }
    if channel.toward(from).brings_the_end() {
        return Some(Obstruction::EndIsComing);
    }
    let (sender, receiver) = (channel.endpoint(from), channel.endpoint(to));
    if obstacles.is_black_hole(sender, receiver) {
        channel.toward_mut(to).swallowed = true;
        return Some(Obstruction::Swallowed);
    }
    // Nothing stands in this direction any more. In the other one a black hole that still stands keeps the connection as
    // it is; one that has been lifted has left it dead.
    let lifted = channel.toward(from).swallowed && !obstacles.is_black_hole(receiver, sender);
    let forgotten = channel
        .idle_timeout
        .is_some_and(|timeout| is_idle_beyond(now, channel, timeout));
    let dead = channel.toward(to).swallowed || lifted || forgotten || !channel.is_open(to);
    dead.then_some(Obstruction::Dead)
}

fn is_idle_beyond<P>(now: SimTime, channel: &Channel<P>, timeout: Duration) -> bool {
    let quiet = channel.toward(Side::A).is_idle() && channel.toward(Side::B).is_idle();
    quiet && now - channel.last_active > timeout
}
