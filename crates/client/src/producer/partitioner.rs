//! Choosing partitions, as in Kafka's `BuiltInPartitioner` (KIP-480, KIP-794).

use bytes::Bytes;
use kafka_sim_core::{SimRng, murmur2};

/// The partition of a key: equal keys meet as long as the partition count stays the same.
pub(crate) fn of_key(key: &Bytes, partitions: usize) -> i32 {
    let partitions = i32::try_from(partitions).expect("a topic has fewer than 2^31 partitions");
    murmur2::partition_for_key(key, partitions)
}

/// Keeps records without a key together until about `batch.size` bytes went to one partition.
///
/// Divergence: the Java producer also gives partitions with longer queues less weight
/// (`partitioner.adaptive.partitioning.enable`). Here only partitions without a leader are avoided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sticky {
    current: Option<i32>,
    bytes: usize,
}

impl Sticky {
    /// The partition to use now. `available` are those with a leader, `all` those the topic has.
    pub(crate) fn partition(&mut self, available: &[i32], all: &[i32], rng: &mut SimRng) -> Option<i32> {
        if self.current.is_none() {
            let choices = if available.is_empty() { all } else { available };
            self.current = rng.pick(choices).copied();
            self.bytes = 0;
        }
        self.current
    }

    /// Counts bytes appended to the current partition. It is left once it had enough of them, but preferably at
    /// the end of a batch: `batch_complete` says that its queue holds no batch with room left.
    pub(crate) fn appended(&mut self, bytes: usize, batch_size: usize, batch_complete: bool) {
        self.bytes = self.bytes.saturating_add(bytes);
        if (self.bytes >= batch_size && batch_complete) || self.bytes >= batch_size.saturating_mul(2) {
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::Seed;

    use super::*;

    #[test]
    fn keys_land_where_the_java_producer_puts_them() {
        // Computed with Kafka's Utils.murmur2 and Utils.toPositive.
        for (key, partitions, expected) in KNOWN {
            let key = Bytes::from_static(key.as_bytes());
            assert_eq!(of_key(&key, *partitions), *expected, "{key:?}");
        }
    }

    const KNOWN: &[(&str, usize, i32)] = &[
        ("orders", 3, 0),
        ("a", 7, 5),
        ("", 12, 9),
        ("key-17", 100, 60),
        ("customer:4711", 50, 29),
        ("äöü", 6, 2),
    ];

    #[test]
    fn a_partition_is_kept_until_a_batch_is_complete() {
        let mut rng = Seed(3).stream("test", 0);
        let all: Vec<i32> = (0..100).collect();
        let mut sticky = Sticky::default();
        let first = sticky.partition(&all, &all, &mut rng);
        sticky.appended(900, 1000, true);
        assert_eq!(sticky.partition(&all, &all, &mut rng), first);
        sticky.appended(200, 1000, false);
        assert_eq!(
            sticky.partition(&all, &all, &mut rng),
            first,
            "the batch still has room"
        );
        sticky.appended(0, 1000, true);
        assert_ne!(sticky.partition(&all, &all, &mut rng), first);
    }

    #[test]
    fn twice_the_batch_size_ends_the_stay_in_any_case() {
        let mut rng = Seed(3).stream("test", 0);
        let all: Vec<i32> = (0..100).collect();
        let mut sticky = Sticky::default();
        let first = sticky.partition(&all, &all, &mut rng);
        sticky.appended(2000, 1000, false);
        assert_ne!(sticky.partition(&all, &all, &mut rng), first);
    }

    #[test]
    fn partitions_without_a_leader_are_avoided_while_there_are_others() {
        let mut rng = Seed(3).stream("test", 0);
        for _ in 0..20 {
            assert_eq!(Sticky::default().partition(&[2], &[0, 1, 2], &mut rng), Some(2));
        }
        assert!(Sticky::default().partition(&[], &[0, 1], &mut rng).is_some());
        assert_eq!(Sticky::default().partition(&[], &[], &mut rng), None);
    }
}
