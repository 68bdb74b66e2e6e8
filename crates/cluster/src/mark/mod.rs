//! Marks: the things that happen often enough to be counted, and on whose n-th occurrence a fault can strike.
//!
//! A fault that fires "on the third acknowledged produce to orders-0" keeps its meaning when a run is shrunk or its
//! timing changes; one that fires "at 1.734 s" does not.

mod counter;
mod of_event;
#[cfg(test)]
mod tests;

use std::fmt;

use kafka_sim_core::BrokerId;
use serde::{Deserialize, Serialize};

use crate::peer::Tp;

pub use counter::MarkCounter;

macro_rules! marks {
    (
        of_partitions { $($(#[$pdoc:meta])* $partition:ident => $ptext:literal,)* }
        of_brokers { $($(#[$bdoc:meta])* $broker:ident => $btext:literal,)* }
    ) => {
        /// Something a trigger waits for: a kind of occurrence and the partition or broker it concerns.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[non_exhaustive]
        pub enum MarkKind {
            $($(#[$pdoc])* $partition {
                /// Name of the topic.
                topic: String,
                /// Index of the partition.
                partition: i32,
            },)*
            $($(#[$bdoc])* $broker(BrokerId),)*
        }

        /// A kind of occurrence, whatever partition or broker it concerns.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum MarkName {
            $($(#[$pdoc])* $partition,)*
            $($(#[$bdoc])* $broker,)*
        }

        impl MarkName {
            /// Every name, in the order of declaration.
            pub const ALL: &'static [MarkName] = &[$(MarkName::$partition,)* $(MarkName::$broker,)*];

            /// The occurrence in plain words, without its subject.
            pub fn words(self) -> &'static str {
                match self {
                    $(MarkName::$partition => $ptext,)*
                    $(MarkName::$broker => $btext,)*
                }
            }
        }

        impl MarkKind {
            /// The kind of occurrence.
            pub fn name(&self) -> MarkName {
                match self {
                    $(MarkKind::$partition { .. } => MarkName::$partition,)*
                    $(MarkKind::$broker(_) => MarkName::$broker,)*
                }
            }

            /// The topic and partition, for marks of a partition.
            pub fn partition(&self) -> Option<(&str, i32)> {
                match self {
                    $(MarkKind::$partition { topic, partition } => Some((topic, *partition)),)*
                    $(MarkKind::$broker(_) => None,)*
                }
            }

            /// The broker, for marks of a broker.
            pub fn broker(&self) -> Option<BrokerId> {
                match self {
                    $(MarkKind::$partition { .. } => None,)*
                    $(MarkKind::$broker(broker) => Some(*broker),)*
                }
            }
        }

        impl crate::fault::literal::Literal for MarkKind {
            fn write_literal(&self, out: &mut String) {
                match self {
                    $(MarkKind::$partition { topic, partition } => crate::fault::literal::fields(
                        out,
                        concat!("MarkKind::", stringify!($partition)),
                        &[("topic", topic), ("partition", partition)],
                    ),)*
                    $(MarkKind::$broker(broker) => crate::fault::literal::call(
                        out,
                        concat!("MarkKind::", stringify!($broker)),
                        broker,
                    ),)*
                }
            }
        }
    };
}

marks! {
    of_partitions {
        /// A leader appended records of a producer; a recognised duplicate does not count.
        ProduceAppended => "produce appended to",
        /// A produce request was answered without error.
        ProduceAcked => "acknowledged produce to",
        /// A produce request was answered with an error.
        ProduceRefused => "refused produce to",
        /// A follower appended records of its leader.
        Replicated => "replication to a follower of",
        /// A replica's high watermark moved.
        HighWatermarkAdvanced => "high watermark advance of",
        /// The controller recorded a new leader.
        LeaderElected => "leader election of",
        /// The controller recorded an ISR that lacks a member it had.
        IsrShrunk => "ISR shrink of",
        /// The controller recorded an ISR with a member it lacked.
        IsrExpanded => "ISR expansion of",
        /// A replica dropped the end of its log.
        Truncated => "truncation of",
        /// A consumer was answered without error and got records.
        FetchAnswered => "fetch with records from",
        /// A replica's log was flushed.
        SegmentFlushed => "flush of",
        /// A broker began to compact a replica's log.
        CleaningBegan => "cleaning of",
        /// A broker has compacted a replica's log.
        LogCleaned => "end of a cleaning of",
        /// An acks=all write was refused for want of in-sync replicas.
        NotEnoughReplicas => "refusal for want of replicas by",
    }
    of_brokers {
        /// A broker's process started.
        BrokerStarted => "start of",
        /// A broker's process ended, in whatever way.
        BrokerDown => "end of",
        /// The controller fenced a broker.
        BrokerFenced => "fencing of",
        /// The controller unfenced a broker.
        BrokerUnfenced => "unfencing of",
    }
}

/// What a mark concerns, as the events name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MarkSubject {
    /// A partition.
    Partition(Tp),
    /// A broker.
    Broker(BrokerId),
}

impl fmt::Display for MarkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().words())?;
        if let Some((topic, partition)) = self.partition() {
            write!(f, " {topic}-{partition}")?;
        }
        if let Some(broker) = self.broker() {
            write!(f, " broker {}", broker.0)?;
        }
        Ok(())
    }
}
