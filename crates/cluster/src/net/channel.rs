//! One connection: its two ends and what is under way between them.

use std::collections::VecDeque;
use std::time::Duration;

use kafka_sim_core::{Agenda, AgendaKey, SimTime};

use crate::net::link::LinkPlace;
use crate::net::{ChannelId, Endpoint, Side};

/// A connection of which at least one end is open.
#[derive(Clone, Debug)]
pub(super) struct Channel<P> {
    /// A, then B.
    ends: [Endpoint; 2],
    /// By receiving end: what is on its way to A, and to B.
    toward: [Direction<P>; 2],
    open: [bool; 2],
    /// When something was last sent or delivered.
    pub(super) last_active: SimTime,
    /// After so long without anything under way something in the middle forgets it.
    pub(super) idle_timeout: Option<Duration>,
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Direction<P> {
    /// In flight, in the order of sending, which is also the order of their instants.
    pub(super) flight: VecDeque<Flight<P>>,
    /// In the order of sending. Not empty only while a rule holds this direction.
    pub(super) held: VecDeque<Segment<P>>,
    /// Something was swallowed, so the connection cannot outlive the black hole.
    pub(super) swallowed: bool,
    /// Where the link it goes over is, once that was looked for.
    pub(super) link: Option<LinkPlace>,
}

/// Something that travels.
#[derive(Clone, Debug)]
pub(super) struct Segment<P> {
    pub(super) load: Load<P>,
    pub(super) size: usize,
}

/// What travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Load<P> {
    Payload(P),
    /// The sender has closed.
    Fin,
    /// The connection was reset.
    Rst,
}

/// A segment with the instant of its arrival.
#[derive(Clone, Debug)]
pub(super) struct Flight<P> {
    pub(super) segment: Segment<P>,
    pub(super) key: AgendaKey,
}

impl<P> Default for Direction<P> {
    fn default() -> Direction<P> {
        Direction {
            flight: VecDeque::new(),
            held: VecDeque::new(),
            swallowed: false,
            link: None,
        }
    }
}

impl<P> Direction<P> {
    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.flight.is_empty() && self.held.is_empty()
    }

    /// The receiver is about to hear that the connection is over.
    pub(super) fn brings_the_end(&self) -> bool {
        let last = self.held.back().or(self.flight.back().map(|flight| &flight.segment));
        last.is_some_and(|segment| !matches!(segment.load, Load::Payload(_)))
    }

    /// A reset is due, which no rule stops.
    pub(super) fn is_reset(&self) -> bool {
        self.flight
            .front()
            .is_some_and(|flight| matches!(flight.segment.load, Load::Rst))
    }

    /// Schedules the arrival of a segment at `receiver`, not before the one sent ahead of it.
    pub(super) fn fly(
        &mut self,
        agenda: &mut Agenda<(ChannelId, Side)>,
        receiver: (ChannelId, Side),
        due: SimTime,
        segment: Segment<P>,
    ) {
        let ahead = self.flight.back().map_or(SimTime::ZERO, |flight| flight.key.at());
        let key = agenda.push(due.max(ahead), receiver);
        self.flight.push_back(Flight { segment, key });
    }

    /// Takes everything in flight off the agenda and hands it over, in order.
    pub(super) fn ground(&mut self, agenda: &mut Agenda<(ChannelId, Side)>) -> VecDeque<Flight<P>> {
        for flight in &self.flight {
            agenda.cancel(flight.key);
        }
        std::mem::take(&mut self.flight)
    }

    /// Drops everything that is under way. True if there was something.
    pub(super) fn clear(&mut self, agenda: &mut Agenda<(ChannelId, Side)>) -> bool {
        let dropped = self.ground(agenda).len() + self.held.len();
        self.held.clear();
        dropped > 0
    }
}

impl<P> Channel<P> {
    pub(super) fn new(now: SimTime, a: Endpoint, b: Endpoint, idle_timeout: Option<Duration>) -> Channel<P> {
        Channel {
            ends: [a, b],
            toward: [Direction::default(), Direction::default()],
            open: [true; 2],
            last_active: now,
            idle_timeout,
        }
    }

    pub(super) fn endpoint(&self, side: Side) -> Endpoint {
        self.ends[side as usize]
    }

    pub(super) fn is_open(&self, side: Side) -> bool {
        self.open[side as usize]
    }

    /// That end knows that the connection is over; what is on its way to it arrives nowhere.
    pub(super) fn end(&mut self, side: Side, agenda: &mut Agenda<(ChannelId, Side)>) {
        self.open[side as usize] = false;
        self.toward_mut(side).clear(agenda);
    }

    /// Neither end has anything left to hear.
    pub(super) fn is_over(&self) -> bool {
        self.open == [false; 2]
    }

    /// Nothing that happened to the connection so far stops what is sent from that end.
    #[inline]
    pub(super) fn is_sound(&self, from: Side) -> bool {
        let [a, b] = &self.toward;
        self.open == [true; 2]
            && !(a.swallowed || b.swallowed)
            && self.idle_timeout.is_none()
            && !self.toward(from).brings_the_end()
    }

    /// What is on its way to that end.
    pub(super) fn toward(&self, side: Side) -> &Direction<P> {
        &self.toward[side as usize]
    }

    /// What is on its way to that end.
    pub(super) fn toward_mut(&mut self, side: Side) -> &mut Direction<P> {
        &mut self.toward[side as usize]
    }
}
