//! Loss as a consumer sees it: gaps in sequence numbers.
//!
//! A common piece of advice is to number the messages of each producer and partition: a consumer
//! that sees a gap knows of a loss. [`detect`] does just that, from nothing but what a consumer
//! sees, so that it works on any system's output. [`compare`] scores it against the judge, who
//! knows what was sent: it finds every loss but a lost tail, and it raises false alarms for
//! messages that arrive late and for sends that were refused.
//!
//! ```
//! use kafka_sim_check::gaps::{detect, Gap, Seen};
//!
//! let seen = |sequence| Seen { partition: 0, producer: 9, sequence };
//! let gaps = detect([seen(0), seen(1), seen(4), seen(5)]);
//! assert_eq!(gaps, [Gap { partition: 0, producer: 9, from: 2, to: 3 }]);
//! // The consumer cannot know that 6 was sent as well: a lost tail leaves no gap.
//! ```

mod compare;
#[cfg(test)]
mod tests;

pub use compare::{FalseAlarms, GapReport, compare};

use std::collections::BTreeMap;

/// What a consumer sees of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The partition, or any number for a partition if several topics are read.
    pub partition: i32,
    /// The number of the producer.
    pub producer: u32,
    /// The position of the message among those of this producer to this partition, from 0.
    pub sequence: u64,
}

/// Sequence numbers that were missing when a later one was seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Gap {
    /// The partition.
    pub partition: i32,
    /// The number of the producer.
    pub producer: u32,
    /// The first missing sequence number.
    pub from: u64,
    /// The last missing sequence number.
    pub to: u64,
}

/// Finds gaps as records come in. It keeps one number per producer and partition, and an alarm
/// that it raised stands even if the missing record comes later.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    /// The next expected sequence number, by partition and producer.
    expected: BTreeMap<(i32, u32), u64>,
    joins_late: bool,
}

impl Detector {
    /// A detector for a consumer that reads from the beginning: the first number is 0.
    pub fn new() -> Detector {
        Detector::default()
    }

    /// A detector for a consumer that starts somewhere: the first number it sees is taken as it is.
    pub fn joining_late() -> Detector {
        Detector {
            joins_late: true,
            ..Detector::default()
        }
    }

    /// Takes the next record, in the order of reading. Returns the gap before it, if there is one.
    pub fn see(&mut self, seen: Seen) -> Option<Gap> {
        let first = if self.joins_late { seen.sequence } else { 0 };
        let expected = self.expected.entry((seen.partition, seen.producer)).or_insert(first);
        let from = *expected;
        *expected = from.max(seen.sequence.saturating_add(1));
        (seen.sequence > from).then(|| Gap {
            partition: seen.partition,
            producer: seen.producer,
            from,
            to: seen.sequence - 1,
        })
    }
}

/// The gaps that a consumer which reads from the beginning sees, in the order of reading.
pub fn detect(seen: impl IntoIterator<Item = Seen>) -> Vec<Gap> {
    let mut detector = Detector::new();
    seen.into_iter().filter_map(|seen| detector.see(seen)).collect()
}
