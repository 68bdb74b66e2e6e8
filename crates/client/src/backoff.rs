//! Exponential pauses with jitter, as in Kafka's `ExponentialBackoff`: doubling, 20 % either way, bounded.

use std::time::Duration;

use kafka_sim_core::SimRng;

/// A series of growing pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
}

impl Backoff {
    /// Pauses from `first` up to `max`. If `first` is not below `max` every pause is `max`, without jitter.
    pub(crate) fn new(first: Duration, max: Duration) -> Backoff {
        Backoff {
            first: first.min(max),
            max,
        }
    }

    /// The pause after `attempts` earlier failures.
    pub(crate) fn pause(&self, attempts: u32, rng: &mut SimRng) -> Duration {
        if self.first >= self.max {
            return self.first;
        }
        let factor = 1u32.checked_shl(attempts).unwrap_or(u32::MAX);
        let pause = self.first.saturating_mul(factor).min(self.max);
        let jittered = pause.as_nanos() * u128::from(rng.between(800_000, 1_200_000)) / 1_000_000;
        let nanos = u64::try_from(jittered).unwrap_or(u64::MAX);
        Duration::from_nanos(nanos).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::Seed;

    use super::*;

    #[test]
    fn pauses_double_within_a_fifth_and_stay_below_the_bound() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1_000));
        let mut rng = Seed(1).stream("test", 0);
        for (attempts, low, high) in [
            (0, 80, 120),
            (1, 160, 240),
            (2, 320, 480),
            (3, 640, 960),
            (40, 800, 1_000),
        ] {
            for _ in 0..50 {
                let pause = backoff.pause(attempts, &mut rng);
                assert!(
                    (Duration::from_millis(low)..=Duration::from_millis(high)).contains(&pause),
                    "{attempts}: {pause:?}"
                );
            }
        }
    }

    #[test]
    fn a_first_pause_at_the_bound_is_constant() {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(20));
        let mut rng = Seed(1).stream("test", 0);
        assert_eq!(backoff.pause(7, &mut rng), Duration::from_millis(20));
    }
}
