//! The trace of a run: a rolling hash of everything that happened, and on request the events themselves.
//!
//! Two runs are the same run if and only if their hashes are equal, short of a collision of 64 bits. The hash is the
//! same on every operating system, word size and byte order, for the same version of this crate and of Rust.

mod hasher;
#[cfg(test)]
mod tests;

use std::hash::{Hash, Hasher};
use std::ops::Range;

use kafka_sim_core::SimTime;

use crate::event::Event;
use hasher::PortableHasher;

/// Events between two checkpoints of the hash.
const CHECKPOINT_EVERY: u64 = 1024;

/// Which events a trace keeps besides hashing all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keep {
    /// None.
    #[default]
    Nothing,
    /// Those that [`Event::is_rare`].
    Rare,
    /// Every one, which takes memory without bound.
    All,
}

/// What happened so far. Always hashes; keeps events only if asked to.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hasher: PortableHasher,
    count: u64,
    checkpoints: Vec<u64>,
    keep: Keep,
    kept: Vec<(SimTime, Event)>,
}

impl Trace {
    /// An empty trace.
    pub fn new(keep: Keep) -> Trace {
        Trace {
            keep,
            ..Trace::default()
        }
    }

    /// Adds an event at the end.
    pub fn record(&mut self, now: SimTime, event: &Event) {
        self.hasher.write_u64(now.as_nanos());
        self.hasher.write_u64(self.count);
        event.hash(&mut self.hasher);
        self.count += 1;
        if self.count.is_multiple_of(CHECKPOINT_EVERY) {
            self.checkpoints.push(self.hasher.finish());
        }
        if self.keep == Keep::All || (self.keep == Keep::Rare && event.is_rare()) {
            self.kept.push((now, event.clone()));
        }
    }

    /// The hash over all events so far with their times.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// How many events there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The events that are kept.
    pub fn events(&self) -> &[(SimTime, Event)] {
        &self.kept
    }

    /// The events that are kept, without the rest of the trace.
    pub fn into_events(self) -> Vec<(SimTime, Event)> {
        self.kept
    }

    /// Where two traces part: the numbers of the events, from 0, among which the first difference lies. `None` if the
    /// traces are equal. Exact if both keep all events, else within 1024.
    pub fn first_difference(&self, other: &Trace) -> Option<Range<u64>> {
        if self.count == other.count && self.hash() == other.hash() {
            return None;
        }
        let equal = self
            .checkpoints
            .iter()
            .zip(&other.checkpoints)
            .take_while(|(a, b)| a == b)
            .count() as u64;
        let from = equal * CHECKPOINT_EVERY;
        if self.keep == Keep::All && other.keep == Keep::All {
            let same = self.kept.iter().zip(&other.kept).take_while(|(a, b)| a == b).count() as u64;
            return Some(same..same + 1);
        }
        Some(from..(from + CHECKPOINT_EVERY).min(self.count.max(other.count)))
    }
}
