//! Virtual time: an instant is a number of nanoseconds since the run started.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

const NANOS_PER_SEC: u64 = 1_000_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_MICRO: u64 = 1_000;

/// An instant of virtual time: nanoseconds since the start of the run.
///
/// All arithmetic saturates, so `SimTime::MAX` can stand for "never".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimTime(u64);

/// The earlier of two instants, of which either may never come.
#[inline]
pub fn earlier(a: Option<SimTime>, b: Option<SimTime>) -> Option<SimTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl SimTime {
    /// The start of the run.
    pub const ZERO: SimTime = SimTime(0);
    /// The last instant there is, about 584 years after the start. Stands for "never".
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        SimTime(nanos)
    }

    /// The instant `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        SimTime(micros.saturating_mul(NANOS_PER_MICRO))
    }

    /// The instant `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        SimTime(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// The instant `secs` seconds after the start.
    pub const fn from_secs(secs: u64) -> Self {
        SimTime(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the start, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / NANOS_PER_MICRO
    }

    /// Whole milliseconds since the start, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / NANOS_PER_MILLI
    }

    /// This instant as the time that has passed since the start.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// `duration` later, at most [`SimTime::MAX`].
    pub const fn saturating_add(self, duration: Duration) -> Self {
        SimTime(self.0.saturating_add(nanos(duration)))
    }

    /// `duration` earlier, at least [`SimTime::ZERO`].
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        SimTime(self.0.saturating_sub(nanos(duration)))
    }

    /// Time that has passed since `earlier`; zero if `earlier` lies in the future.
    pub const fn saturating_since(self, earlier: SimTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in nanoseconds, saturating where `u64` ends.
const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}

impl Add<Duration> for SimTime {
    type Output = SimTime;

    fn add(self, duration: Duration) -> SimTime {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, duration: Duration) {
        *self = self.saturating_add(duration);
    }
}

impl Sub<SimTime> for SimTime {
    type Output = Duration;

    fn sub(self, earlier: SimTime) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / NANOS_PER_SEC, self.0 % NANOS_PER_SEC)
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a wall clock shows during a run: a fixed date at [`SimTime::ZERO`], from which it advances with virtual time.
///
/// Record timestamps and time-based retention are the only users of wall-clock time in Kafka.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct WallClock {
    /// Milliseconds since the Unix epoch at [`SimTime::ZERO`].
    pub epoch_ms: i64,
}

impl WallClock {
    /// A clock that shows `epoch_ms` milliseconds since the Unix epoch when the run starts.
    pub const fn starting_at(epoch_ms: i64) -> Self {
        WallClock { epoch_ms }
    }

    /// Milliseconds since the Unix epoch that this clock shows at `now`.
    pub const fn millis_at(self, now: SimTime) -> i64 {
        self.epoch_ms.saturating_add(now.as_millis() as i64)
    }
}

impl Default for WallClock {
    /// 2025-01-01T00:00:00Z, a date that is the same in every run.
    fn default() -> Self {
        WallClock::starting_at(1_735_689_600_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(SimTime::MAX + Duration::from_nanos(1), SimTime::MAX);
        assert_eq!(SimTime::ZERO + Duration::MAX, SimTime::MAX);
        assert_eq!(SimTime::ZERO.saturating_sub(Duration::from_secs(1)), SimTime::ZERO);
        assert_eq!(SimTime::ZERO - SimTime::from_secs(3), Duration::ZERO);
        assert_eq!(SimTime::from_secs(u64::MAX), SimTime::MAX);
    }

    #[test]
    fn units_convert_and_print_with_all_digits() {
        let at = SimTime::from_millis(1_234) + Duration::from_nanos(567_890);
        assert_eq!(at.as_nanos(), 1_234_567_890);
        assert_eq!(at.as_millis(), 1_234);
        assert_eq!(at.as_micros(), 1_234_567);
        assert_eq!(at.to_string(), "1.234567890s");
        assert_eq!(format!("{:?}", SimTime::ZERO), "0.000000000s");
        assert_eq!(at - SimTime::from_secs(1), Duration::from_nanos(234_567_890));
    }

    #[test]
    fn the_wall_clock_advances_with_virtual_time() {
        let wall = WallClock::starting_at(1_000);
        assert_eq!(wall.millis_at(SimTime::ZERO), 1_000);
        assert_eq!(wall.millis_at(SimTime::from_nanos(1_999_999)), 1_001);
        assert_eq!(WallClock::starting_at(i64::MAX).millis_at(SimTime::MAX), i64::MAX);
    }
}
