//! Seeded randomness: one independent stream per component.
//!
//! Every stream is ChaCha8 under a key derived from the run's seed; the stream number is a hash of the component's name
//! and index. A component that draws once more than before therefore shifts nobody else's numbers.

mod logarithm;

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The seed of a run. Everything random in the run follows from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of numbers for instance `index` of `component`. The same arguments give the same stream, always.
    pub fn stream(self, component: &'static str, index: u64) -> SimRng {
        let mut key = [0u8; 32];
        let mut state = self.0;
        for word in key.as_chunks_mut::<8>().0 {
            *word = split_mix(&mut state).to_le_bytes();
        }
        let mut chacha = ChaCha8Rng::from_seed(key);
        chacha.set_stream(stream_number(component, index));
        SimRng { chacha }
    }
}

impl std::fmt::Display for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One step of SplitMix64, which spreads similar seeds over unrelated keys.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a 64 over the name, a byte no name contains, and the index.
fn stream_number(component: &str, index: u64) -> u64 {
    let index = index.to_le_bytes();
    let bytes = component.bytes().chain([0xff]).chain(index);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// ln 2 in units of 2^-32.
const LN_2_Q32: u64 = 2_977_044_472;

/// A stream of random numbers. Obtained from [`Seed::stream`]; clones continue from the same place.
#[derive(Clone, Debug)]
pub struct SimRng {
    chacha: ChaCha8Rng,
}

impl SimRng {
    /// Any `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// Any `u32`.
    pub fn next_u32(&mut self) -> u32 {
        self.chacha.next_u32()
    }

    /// A number in `0..n`, each equally likely.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n >= 1, "there is no number below zero");
        // Lemire's method: the high half of a product is the result, the low half tells which draws to reject.
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// An index in `0..len`, each equally likely.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number in `lo..=hi`, each equally likely.
    ///
    /// # Panics
    /// If `lo` is greater than `hi`.
    pub fn between(&mut self, lo: u64, hi: u64) -> u64 {
        assert!(lo <= hi, "the range {lo}..={hi} is empty");
        match (hi - lo).checked_add(1) {
            Some(width) => lo + self.below(width),
            None => self.next_u64(),
        }
    }

    /// True in `num` of `den` cases.
    ///
    /// # Panics
    /// If `den` is 0.
    pub fn chance(&mut self, num: u32, den: u32) -> bool {
        self.below(u64::from(den)) < u64::from(num)
    }

    /// A duration in `lo..=hi` with nanosecond steps, each equally likely. Durations above 584 years count as that.
    ///
    /// # Panics
    /// If `lo` is greater than `hi`.
    pub fn duration_between(&mut self, lo: Duration, hi: Duration) -> Duration {
        Duration::from_nanos(self.between(nanos(lo), nanos(hi)))
    }

    /// An exponentially distributed duration of the given mean, as between the arrivals of independent events, cut at
    /// `cap`. Integer arithmetic only, so it is the same number on every machine.
    pub fn exponential(&mut self, mean: Duration, cap: Duration) -> Duration {
        Duration::from_nanos(self.exponential_nanos(nanos(mean))).min(cap)
    }

    /// Like [`SimRng::exponential`], in nanoseconds and without a cap.
    #[inline]
    pub fn exponential_nanos(&mut self, mean: u64) -> u64 {
        // A uniform u in (0, 1] gives -mean * ln(u) = mean * ln(2) * -log2(u).
        let draw = self.next_u64().max(1);
        let of = |halvings: u64| {
            let in_ln2 = (u128::from(mean) * u128::from(halvings)) >> 32;
            (u128::from(u64::try_from(in_ln2).unwrap_or(u64::MAX)) * u128::from(LN_2_Q32)) >> 32
        };
        // Nearly always both bounds of the logarithm give the same nanosecond, and the logarithm itself is not needed.
        let (least, most) = logarithm::bounds(draw);
        let sampled = match of(least) {
            sampled if sampled == of(most) => sampled,
            _ => of(logarithm::exact(draw)),
        };
        u64::try_from(sampled).unwrap_or(u64::MAX)
    }

    /// Puts the items in a random order, each order equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }

    /// One of the items, or `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            None
        } else {
            Some(&items[self.index(items.len())])
        }
    }

    /// A UUID of the version 4 form.
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_le_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// A duration in nanoseconds, saturating where `u64` ends.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
