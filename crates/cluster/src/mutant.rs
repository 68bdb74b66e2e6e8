//! Flaws that can be switched on to see whether checks find them. Most are flaws that Kafka once had.
//!
//! The room exists only with the feature `mutants`, and then none is switched on unless
//! [`ClusterConfig::mutant`](crate::ClusterConfig) says so. A mutant is a tester's tool: it changes what a broker does
//! and nothing about what it says it does.

use std::fmt;
use std::str::FromStr;

macro_rules! mutants {
    ($($name:ident, $kebab:literal, $words:literal;)*) => {
        /// A flaw that a cluster can be given.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Mutant {
            $(#[doc = $words] $name,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$name,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Mutant::$name => $kebab,)*
                }
            }

            /// What is wrong.
            pub fn words(self) -> &'static str {
                match self {
                    $(Mutant::$name => $words,)*
                }
            }
        }
    };
}

mutants! {
    TruncateToHighWatermark, "truncate-to-high-watermark",
        "a new follower cuts its log back to its high watermark and compares no epochs (before KIP-101)";
    SingleShotTruncation, "single-shot-truncation",
        "a new follower cuts its log once, to where the leader ends an epoch that only one of them may have \
         (KIP-101 without KIP-279)";
    NoFetchEpochFencing, "no-fetch-epoch-fencing",
        "a leader serves followers of any leader epoch, and logs are compared only when a follower is new (before \
         KIP-320)";
    SkippedTruncation, "skipped-truncation",
        "a follower that sees the same leader in a newer epoch goes on as if nothing had happened (KAFKA-7164)";
    NonMaximalIsr, "non-maximal-isr",
        "the high watermark stops waiting for a replica as soon as its removal is proposed (before KIP-497)";
    NoBrokerEpochCheck, "no-broker-epoch-check",
        "a replica joins the ISR by what an earlier process of its broker had (before KIP-903)";
    ElrOff, "elr-off",
        "the controller keeps no eligible leader replicas, whatever the settings say (before KIP-966)";
    NoDuplicateCheck, "no-duplicate-check",
        "sequence numbers of idempotent producers are not looked at";
    FsyncIgnored, "fsync-ignored",
        "a flush of the log syncs nothing";
    AckOnAppend, "ack-on-append",
        "acks=all is answered as soon as the leader has appended";
    HighWatermarkBelowMinIsr, "high-watermark-below-min-isr",
        "the high watermark moves while fewer than min.insync.replicas are in sync";
    RetentionDeletesUnreplicated, "retention-deletes-unreplicated",
        "retention takes records that are not committed yet";
    StaleCommitsAccepted, "stale-commits-accepted",
        "a coordinator takes commits of anybody, whatever the generation or member epoch";
    CommitAckOnAppend, "commit-ack-on-append",
        "an offset commit is answered as soon as the coordinator has appended it";
    AssignedBeforeReleased, "assigned-before-released",
        "a member of a consumer group is given partitions that another one still has";
    CoordinatorReadsNoLog, "coordinator-reads-no-log",
        "a new coordinator serves at once, and knows nothing of what was written before";
    OffsetsInUseExpire, "offsets-in-use-expire",
        "offsets expire some time after the commit, though members still read the topic (before KIP-211)";
    SilentMembersStay, "silent-members-stay",
        "a member whose session is over stays in its group and keeps its partitions";
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Mutant, String> {
        let found = Mutant::ALL.iter().find(|mutant| mutant.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
            format!("there is no mutant named {name}; the mutants are {}", names.join(", "))
        })
    }
}
