//! Guessing how well a topic's batches compress.

use kafka_sim_core::batch::HEADER_SIZE;

/// How much smaller than its content a compressed batch of a topic is expected to be, learned from batches built:
/// parts of 1000. As Kafka's `CompressionRatioEstimator`, but in integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio(u32);

impl Ratio {
    pub(crate) const ONE: Ratio = Ratio(1000);

    /// Learns from a batch. Bad news is believed at once, good news step by step.
    pub(crate) fn observe(&mut self, compressed: usize, content: usize) {
        let seen = Ratio::of(compressed, content).0;
        self.0 = if seen > self.0 {
            seen.max(self.0 + 50)
        } else {
            seen.max(self.0.saturating_sub(5))
        };
    }

    /// Restarts from what a batch that was refused as too large showed, but not below one.
    pub(crate) fn restart(&mut self, compressed: usize, content: usize) {
        *self = Ratio(Ratio::of(compressed, content).0.max(Ratio::ONE.0));
    }

    fn of(compressed: usize, content: usize) -> Ratio {
        let ratio = compressed.saturating_mul(1000) / content.max(1);
        Ratio(u32::try_from(ratio).unwrap_or(u32::MAX / 2))
    }

    /// Expected size of a batch with so many bytes of records, with 5 % to spare.
    pub(crate) fn estimate(self, content: usize) -> usize {
        HEADER_SIZE + content.saturating_mul(self.0 as usize) / 1000 * 105 / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compression_ratio_rises_at_once_and_falls_slowly() {
        let mut ratio = Ratio::ONE;
        ratio.observe(500, 1000);
        assert_eq!(ratio.0, 995);
        ratio.observe(1200, 1000);
        assert_eq!(ratio.0, 1200);
    }
}
