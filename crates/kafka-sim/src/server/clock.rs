//! From real time to the cluster's.

use std::time::{Duration, Instant};

use kafka_sim_core::SimTime;

/// Counts nanoseconds since it was made. Never runs backwards, as `Instant` does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(super) fn now(&self) -> SimTime {
        SimTime::ZERO + self.start.elapsed()
    }

    /// How long it is until `at`, at most `most`.
    pub(super) fn until(&self, at: SimTime, most: Duration) -> Duration {
        at.saturating_since(self.now()).min(most)
    }
}
