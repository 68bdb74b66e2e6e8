//! The outcome of judging.

use crate::dangers::Dangers;
use crate::history::Oddity;
use crate::promise::Promise;
use crate::violation::Violation;
use std::fmt;
use std::sync::Arc;

/// What happened to the messages of a history, in numbers, whatever was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Messages that were sent.
    pub sent: u64,
    /// Sends that were acknowledged.
    pub acked: u64,
    /// Sends that certainly failed.
    pub refused: u64,
    /// Sends of which nobody knows.
    pub unknown: u64,
    /// Sends without an outcome.
    pub unresolved: u64,
    /// Distinct messages that some reader saw.
    pub read: u64,
    /// Records read, by anyone, whose bytes are not ours.
    pub foreign: u64,
    /// Acknowledged messages that the final read does not have.
    pub lost: u64,
    /// Acknowledged messages that the final read does not have because they were removed on purpose.
    pub expired: u64,
    /// Acknowledged messages of compacted topics that the final read does not have, but a later one with their key.
    pub replaced: u64,
    /// Messages with more than one place.
    pub duplicated: u64,
    /// Messages that lie before one that was sent earlier.
    pub reordered: u64,
    /// Offsets that hold more than one message.
    pub inconsistent: u64,
    /// Messages that can be read but should not exist.
    pub phantom: u64,
    /// Records that members of groups finished with, each time counted.
    pub processed: u64,
    /// Of these, those that a member of the same group had finished with before: redeliveries.
    pub reprocessed: u64,
    /// Acknowledged messages that a group should have processed and never did, once per group.
    pub unprocessed: u64,
    /// Effects that took place, each time counted.
    pub effects: u64,
    /// Of these, those that had taken place before.
    pub effects_repeated: u64,
    /// Commits of a partition that succeeded.
    pub commits: u64,
    /// Offsets that were not processed and were passed over by a commit as the first.
    pub commits_ahead: u64,
    /// Messages that a group processed before one of their key that was sent earlier.
    pub misprocessed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sent {}, acked {}, refused {}, unknown {}, unresolved {}, read {}; \
             lost {}, duplicated {}, reordered {}, inconsistent {}, phantom {}",
            self.sent,
            self.acked,
            self.refused,
            self.unknown,
            self.unresolved,
            self.read,
            self.lost,
            self.duplicated,
            self.reordered,
            self.inconsistent,
            self.phantom
        )?;
        if self.expired > 0 {
            write!(f, ", expired {}", self.expired)?;
        }
        if self.replaced > 0 {
            write!(f, ", replaced {}", self.replaced)?;
        }
        if self.foreign > 0 {
            write!(f, ", foreign {}", self.foreign)?;
        }
        if self.processed + self.unprocessed + self.effects + self.commits > 0 {
            self.tell_of_groups(f)?;
        }
        Ok(())
    }
}

impl Counts {
    fn tell_of_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "; processed {}, again {}, never {}, out of order {}; effects {}, repeated {}; commits {}, ahead {}",
            self.processed,
            self.reprocessed,
            self.unprocessed,
            self.misprocessed,
            self.effects,
            self.effects_repeated,
            self.commits,
            self.commits_ahead
        )
    }
}

/// A reason for which a verdict is not clean.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Unclean {
    /// Promises were broken.
    Broken {
        /// How many violations there are.
        violations: usize,
    },
    /// Acknowledged messages of a partition are not covered by a final read, so that nobody can
    /// say whether they survived.
    Undecided {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// How many messages.
        messages: u64,
    },
    /// The history contradicts itself.
    Odd {
        /// The first contradiction.
        first: Oddity,
        /// How many there are.
        count: usize,
    },
    /// No promise was asked for, or one about what is stored although nothing was sent.
    NothingJudged,
    /// A promise about groups had nothing to judge: no group consumed anything that was
    /// acknowledged, no effect took place, nothing with a key was processed, no commit succeeded, no
    /// partition was owned, or there was no group.
    NothingToJudge {
        /// The promise.
        promise: Promise,
    },
    /// A group was not given time to come to rest, see
    /// [`Observation::GroupSettled`](crate::Observation::GroupSettled).
    Unsettled {
        /// The group.
        group: Arc<str>,
        /// How many messages it had not processed that had been acknowledged after the last time.
        messages: u64,
    },
    /// Nothing endangered the data, see [`Dangers::is_vacuous`].
    NoDanger,
}

impl fmt::Display for Unclean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unclean::Broken { violations } => write!(f, "promises were broken {violations} times"),
            Unclean::Undecided {
                topic,
                partition,
                messages,
            } => write!(
                f,
                "{topic}-{partition} was not read to its end after {messages} of its messages had been acknowledged"
            ),
            Unclean::Odd { first, count } => write!(f, "the history contradicts itself {count} times: {first}"),
            Unclean::NothingJudged => f.write_str("nothing was judged"),
            Unclean::NothingToJudge { promise } => write!(f, "nothing shows whether {promise}"),
            Unclean::Unsettled { group, messages } => write!(
                f,
                "group {group} was not given time to come to rest, and {messages} messages may still be to come"
            ),
            Unclean::NoDanger => f.write_str("nothing endangered the data, so that the verdict proves nothing"),
        }
    }
}

/// The outcome of judging a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub(crate) promises: Vec<Promise>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) doubts: Vec<Unclean>,
    pub(crate) counts: Counts,
    pub(crate) dangers: Dangers,
}

impl Verdict {
    /// The verdict on a run that met these dangers. [`judge`](crate::judge) knows of none.
    #[must_use]
    pub fn with_dangers(mut self, dangers: Dangers) -> Verdict {
        self.dangers = dangers;
        self
    }

    /// The promises that were judged, ascending, each once.
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// All breaches of these promises, sorted.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The breaches of one promise.
    pub fn violations_of(&self, promise: Promise) -> impl Iterator<Item = &Violation> {
        self.violations
            .iter()
            .filter(move |violation| violation.promise() == promise)
    }

    /// What happened, in numbers, whatever was promised.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The dangers that the run met.
    pub fn dangers(&self) -> Dangers {
        self.dangers
    }

    /// Whether all promises were judged and kept, even if nothing ever threatened them. This is
    /// the question for runs that are calm on purpose.
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.doubts.is_empty()
    }

    /// Whether all promises were judged and kept in the face of danger.
    pub fn is_clean(&self) -> bool {
        self.holds() && !self.dangers.is_vacuous()
    }

    /// Why the verdict is not clean; empty if it is.
    pub fn reasons(&self) -> Vec<Unclean> {
        let mut reasons = Vec::new();
        if !self.violations.is_empty() {
            reasons.push(Unclean::Broken {
                violations: self.violations.len(),
            });
        }
        reasons.extend_from_slice(&self.doubts);
        if self.dangers.is_vacuous() {
            reasons.push(Unclean::NoDanger);
        }
        reasons
    }
}
