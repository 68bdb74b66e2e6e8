//! What must be true of a cluster at every moment, whatever its clients can see.
//!
//! The invariants are those of the TLA+ specifications of Kafka's replication (hachikuji/kafka-specification,
//! Vanlightly/kafka-tlaplus). They are looked at from above, with the state of every broker and of the controller in
//! view, and never touch either: a run has the same trace whether it is inspected or not.
//!
//! Most of them hold only as long as nothing happened that no setting promises to survive. What excuses each one is
//! told by [`Invariant::excused_by`]; a break with an excuse is no breach.
//!
//! Those about groups follow KIP-848, KIP-211 and the coordinator runtime, whose state is a fold over the records of the
//! offsets topic (CoordinatorRuntime, CoordinatorLoaderImpl). They are about what a coordinator does, whatever its members
//! say: an application may commit backwards, so commits are compared by their place in the log. In debug builds looking
//! takes about an eighth of a run with a group, and a quarter of that is about groups.
//!
//! Divergence: two records are the same if they have the same offset and the same leader epoch, since an epoch has one
//! leader and a leader writes an offset once. Contents are not compared. Logs that are compacted are compared by their
//! ends alone.

mod committed;
mod controller_state;
#[cfg(test)]
mod group_tests;
mod groups;
mod inspector;
mod owners;
mod premises;
mod replayed;
mod replica_state;
mod runs;
mod shadow;
#[cfg(test)]
mod tests;

use std::fmt;

use kafka_sim_core::{SimTime, TopicPartition};
use serde::Serialize;

pub(crate) use inspector::{Hosted, Inspector, Partition};

/// How often invariants are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inspection {
    /// After every turn of the machine, for the partitions that the turn touched; also what each answer says.
    EveryTurn,
    /// Every few thousand turns, and whenever [`Cluster::inspect`](crate::Cluster::inspect) asks.
    Checkpoints,
    /// Only when [`Cluster::inspect`](crate::Cluster::inspect) asks.
    Asked,
}

impl Default for Inspection {
    /// Every turn in builds with debug assertions, at checkpoints in others.
    fn default() -> Self {
        if cfg!(debug_assertions) {
            Inspection::EveryTurn
        } else {
            Inspection::Checkpoints
        }
    }
}

macro_rules! invariants {
    ($($name:ident, $excuse:ident, $words:literal;)*) => {
        /// Something that must be true at every moment.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Invariant {
            $(#[doc = $words] $name,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$name,)*];

            /// What excuses a break of it.
            pub fn excused_by(self) -> Excuse {
                match self {
                    $(Invariant::$name => Excuse::$excuse,)*
                }
            }

            fn words(self) -> &'static str {
                match self {
                    $(Invariant::$name => $words,)*
                }
            }
        }
    };
}

invariants! {
    IsrWithinReplicas, Nothing,
        "the ISR and the ELR are part of the assigned replicas, and the leader is in the ISR";
    ElrRules, Nothing,
        "no replica is in ISR and ELR at once, and there is an ELR only while the ISR is below min.insync.replicas";
    MinIsrRecoveryQuorum, MinIsrChanged,
        "when ISR and ELR are both empty, the last leader is remembered";
    LogMatching, Nothing,
        "two logs with a record of the same epoch at the same offset are equal up to there";
    HighWatermarkMonotonic, Nothing,
        "the high watermark of a leader never goes back within its epoch, and is within its log";
    ReplicationQuorumSuperset, Nothing,
        "whom the leader waits for includes the ISR that the controller has recorded";
    LeaderCompleteness, DataLoss,
        "the newest leader has every committed record";
    LeaderCandidateCompleteness, DataLoss,
        "every running member of ISR and ELR has every committed record";
    StrongIsr, DataLoss,
        "below its high watermark, whoever believes to lead has what was committed";
    ConsistentReads, DataLoss,
        "what consumers have read at an offset never changes";
    AckedIsCommitted, Nothing,
        "a write with acks=all is acknowledged only once it is committed";
    ProducerStateFollowsLog, Nothing,
        "what a log knows of a producer follows from its records, whose sequence numbers have neither gap nor repetition";
    GroupStateFollowsLog, Nothing,
        "what a coordinator knows of a group follows from the records of the offsets topic";
    CommitsAnsweredOnceReplicated, Nothing,
        "an offset commit is answered only once its records are committed";
    AckedCommitsStay, DataLoss,
        "the newest coordinator knows every offset commit that was answered, or a later one";
    CommitsAreOfTheEpoch, Nothing,
        "a commit is accepted only from the generation, or the member at the epoch, that the log has where it is written";
    PartitionsHaveOneOwner, Nothing,
        "no two members of a consumer group have the same partition, to read or to give back";
    OffsetsInUseStay, Nothing,
        "offsets of a topic that a member of the group reads are not deleted";
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What no invariant of a kind can be held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Excuse {
    /// It holds whatever happens.
    Nothing,
    /// An unclean election of the partition, or more replicas at once that lost what they had written (power, a disk
    /// replaced or damaged) than `min.insync.replicas` − 1; without eligible leader replicas a single one.
    DataLoss,
    /// `min.insync.replicas` was changed, which makes the controller forget the ELR.
    MinIsrChanged,
}

/// An invariant that did not hold, and nothing that excuses it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Breach {
    /// Which one.
    pub invariant: Invariant,
    /// When it was noticed.
    #[serde(skip)]
    pub at: SimTime,
    /// Of which partition.
    pub partition: TopicPartition,
    /// What was seen, in a sentence.
    pub story: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {}, {}: {} - but {}",
            self.at, self.partition, self.invariant, self.story
        )
    }
}
