//! What the consuming applications of a run do.

use std::sync::Arc;
use std::time::Duration;

use kafka_sim_client::{ConsumerConfig, TopicPattern};
use kafka_sim_core::ConfigError;

/// One or more consuming applications of one group: their consumers' settings, what they do with records, and when they
/// commit.
///
/// Each member is a process of its own, on the hosts `consumer-0`, `consumer-1` and so on in the order of the plans,
/// which is what [`Fault::KillClient`](crate::Fault::KillClient) and its like name. Several plans can share a group;
/// another group reads everything for itself.
///
/// ```
/// use std::time::Duration;
/// use kafka_sim::{ConsumerPlan, Fault, Pattern, ProducerPlan, Promise, Seed, Sim, SimTime, Topic};
///
/// let billing = ConsumerPlan::of("billing")
///     .topic("orders")
///     .set("enable.auto.commit", "false")?
///     .set("auto.offset.reset", "earliest")?
///     .pattern(Pattern::ProcessThenCommit)
///     .processing(Duration::from_millis(20))
///     .members(2);
/// let kill = Fault::KillClient("consumer-0".into());
/// let run = Sim::new(Seed(7))
///     .topic(Topic::named("orders").partitions(2).replicas(3).config("min.insync.replicas", "2"))
///     .producer(ProducerPlan::to("orders").records(100))
///     .consumer(billing)
///     .faults(vec![kill.at(SimTime::from_secs(6)).healed_after(Duration::from_secs(2))])
///     .run()?;
/// assert!(run.converged);
/// # Ok::<(), kafka_sim::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerPlan {
    pub(crate) group: Arc<str>,
    pub(crate) config: ConsumerConfig,
    pub(crate) topics: Vec<Arc<str>>,
    /// Instead of topics.
    pub(crate) matching: Option<(Arc<str>, TopicPattern)>,
    pub(crate) pattern: Pattern,
    pub(crate) members: u32,
    pub(crate) processing: Duration,
    pub(crate) storing: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) starts_after: Duration,
    pub(crate) leaves_after: Option<Duration>,
    pub(crate) on_failure: OnFailure,
    pub(crate) commits_on_revoke: bool,
    pub(crate) fails_every: Option<u64>,
    pub(crate) poison: Option<(i32, i64, u32)>,
    pub(crate) hangs: Option<(u64, Duration)>,
}

/// What an application does with the records of a poll, and when it commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Pattern {
    /// Processes every record of the poll, one after the other, then commits and waits for the commit.
    ProcessThenCommit,
    /// Processes every record of the poll, one after the other, then commits without waiting for it and polls again.
    /// Commits once more and waits before it leaves for good.
    ProcessThenCommitAsync,
    /// Commits first, then processes.
    CommitThenProcess,
    /// Processes every record of the poll, then polls again. Commits are left to `enable.auto.commit`.
    AutoCommitInline,
    /// Puts the records into a queue in memory and polls again at once, while workers take from the queue. Commits are
    /// left to `enable.auto.commit`. A record whose handler fails is dropped.
    AutoCommitQueue {
        /// Threads that process.
        workers: u32,
    },
    /// Hands the records to workers, waits until all are done, then commits and waits for the commit.
    WorkersCommitWhole {
        /// Threads that process.
        workers: u32,
    },
    /// Processes record by record; at the first failure it stops, commits what has succeeded, and seeks back to the
    /// record that failed. Otherwise as [`Pattern::ProcessThenCommit`].
    PartialAck,
    /// As [`Pattern::ProcessThenCommit`], with a handler that keeps a flag for each message in a database that the whole
    /// group shares, and leaves messages alone whose flag is set.
    FlagStore {
        /// Flag and effect are one transaction. Otherwise the flag is set first, and the effect takes place in a second
        /// step: a handler that dies in between has promised what it did not do.
        atomic: bool,
    },
    /// The same with the effect first and the flag in a second step: a handler that dies in between does it again.
    FlagAfterEffect,
}

/// What an application does when its handler fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OnFailure {
    /// Commits nothing, seeks back to the beginning of what the poll returned, and polls again.
    Rewind,
    /// Goes on with the next record.
    Skip,
    /// Leaves its loop and closes the consumer, as code with a `close()` in its `finally` does. Another process is
    /// started in its place.
    Close {
        /// How long that takes.
        restart_after: Duration,
    },
}

impl ConsumerPlan {
    /// One member of `group` with the Java client's defaults, [`Pattern::ProcessThenCommit`] and a handler that takes
    /// 10 ms. A topic has to be named. Note that the defaults are `enable.auto.commit=true` and
    /// `auto.offset.reset=latest`.
    pub fn of(group: impl Into<Arc<str>>) -> ConsumerPlan {
        let group = group.into();
        ConsumerPlan {
            config: ConsumerConfig::java()
                .set("group.id", &group)
                .expect("a group may have any name"),
            group,
            topics: Vec::new(),
            matching: None,
            pattern: Pattern::ProcessThenCommit,
            members: 1,
            processing: Duration::from_millis(10),
            storing: Duration::from_millis(2),
            poll_timeout: Duration::from_millis(500),
            starts_after: Duration::ZERO,
            leaves_after: None,
            on_failure: OnFailure::Rewind,
            commits_on_revoke: false,
            fails_every: None,
            poison: None,
            hangs: None,
        }
    }

    /// Subscribes to one more topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<Arc<str>>) -> ConsumerPlan {
        self.topics.push(topic.into());
        self
    }

    /// Subscribes to all topics whose whole name matches the regular expression, instead of topics by name. Topics that
    /// come later are found with the next metadata. Internal topics are left out; with `group.protocol=consumer` the
    /// coordinator does the matching.
    ///
    /// # Errors
    /// A pattern that is not a regular expression.
    pub fn topics_matching(mut self, pattern: &str) -> Result<ConsumerPlan, ConfigError> {
        self.matching = Some((pattern.into(), TopicPattern::new(pattern, true)?));
        Ok(self)
    }

    /// Its members subscribe to the topic.
    pub(crate) fn reads(&self, topic: &str) -> bool {
        match &self.matching {
            Some((_, pattern)) => pattern.matches(topic) && !topic.starts_with("__"),
            None => self.topics.iter().any(|named| **named == *topic),
        }
    }

    /// Sets one of the Java consumer's keys. A `group.instance.id` gets the number of the member appended.
    ///
    /// # Errors
    /// A key that Kafka does not have (naming the nearest), or a value out of range. `group.id` has been said before.
    pub fn set(mut self, key: &str, value: &str) -> Result<ConsumerPlan, ConfigError> {
        if key == "group.id" && value != &*self.group {
            return Err(ConfigError::Conflict {
                message: format!("group.id={value}: expected {}, which the plan was made for", self.group),
            });
        }
        self.config = self.config.set(key, value)?;
        Ok(self)
    }

    /// What the application does with records.
    #[must_use]
    pub fn pattern(self, pattern: Pattern) -> ConsumerPlan {
        ConsumerPlan { pattern, ..self }
    }

    /// How many such applications there are, each a process on a host of its own.
    #[must_use]
    pub fn members(self, members: u32) -> ConsumerPlan {
        ConsumerPlan { members, ..self }
    }

    /// Virtual time that the handler takes for a record.
    #[must_use]
    pub fn processing(self, processing: Duration) -> ConsumerPlan {
        ConsumerPlan { processing, ..self }
    }

    /// Virtual time that a transaction of the handler's database takes (2 ms), for patterns that have one.
    #[must_use]
    pub fn storing(self, storing: Duration) -> ConsumerPlan {
        ConsumerPlan { storing, ..self }
    }

    /// How long a poll waits for records (500 ms).
    #[must_use]
    pub fn poll_timeout(self, poll_timeout: Duration) -> ConsumerPlan {
        ConsumerPlan { poll_timeout, ..self }
    }

    /// When the members start, counted from the start of the workload.
    #[must_use]
    pub fn starts_after(self, starts_after: Duration) -> ConsumerPlan {
        ConsumerPlan { starts_after, ..self }
    }

    /// When the members finish what they have in hand, close their consumers and leave for good, counted from the start
    /// of the workload. A group that everybody has left is not asked whether it has caught up.
    #[must_use]
    pub fn leaves_after(self, leaves_after: Duration) -> ConsumerPlan {
        ConsumerPlan {
            leaves_after: Some(leaves_after),
            ..self
        }
    }

    /// What happens when the handler fails.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> ConsumerPlan {
        ConsumerPlan { on_failure, ..self }
    }

    /// Commits all positions in the callback that tells of partitions being revoked.
    #[must_use]
    pub fn commits_on_revoke(self, commits_on_revoke: bool) -> ConsumerPlan {
        ConsumerPlan {
            commits_on_revoke,
            ..self
        }
    }

    /// Every `nth` call of the handler in the group fails, at the end of its time.
    #[must_use]
    pub fn fails_every(self, nth: u64) -> ConsumerPlan {
        ConsumerPlan {
            fails_every: Some(nth.max(1)),
            ..self
        }
    }

    /// The handler fails `times` times for the record at this offset of this partition of any topic.
    #[must_use]
    pub fn poison(self, partition: i32, offset: i64, times: u32) -> ConsumerPlan {
        ConsumerPlan {
            poison: Some((partition, offset, times)),
            ..self
        }
    }

    /// The `nth` call of the handler in the group, from 1, takes this long.
    #[must_use]
    pub fn hangs(self, nth: u64, lasts: Duration) -> ConsumerPlan {
        ConsumerPlan {
            hangs: Some((nth, lasts)),
            ..self
        }
    }

    /// When the last member has started, and those that leave have been told to.
    pub(crate) fn last_change(&self) -> Duration {
        self.starts_after.max(self.leaves_after.unwrap_or_default())
    }

    /// The settings of member `index` of all.
    pub(super) fn config_of(&self, index: u32) -> ConsumerConfig {
        let mut config = self.config.clone();
        if let Some(instance) = &config.group_instance_id {
            config.group_instance_id = Some(format!("{instance}-{index}").into());
        }
        config
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let conflict = |message: String| Err(ConfigError::Conflict { message });
        match (self.topics.is_empty(), &self.matching) {
            (true, None) => {
                let message = format!("group {} subscribes to no topic: expected at least one", self.group);
                return conflict(message);
            }
            (false, Some((pattern, _))) => {
                let message = format!(
                    "group {} subscribes to topics by name and by the pattern {pattern}: expected one or the other",
                    self.group
                );
                return conflict(message);
            }
            _ => {}
        }
        match self.pattern {
            Pattern::AutoCommitQueue { workers: 0 } | Pattern::WorkersCommitWhole { workers: 0 } => {
                conflict(format!("group {} has no workers: expected at least one", self.group))
            }
            _ => self.config.validate(),
        }
    }
}

impl Pattern {
    /// Threads that process.
    pub(crate) fn workers(self) -> usize {
        match self {
            Pattern::AutoCommitQueue { workers } | Pattern::WorkersCommitWhole { workers } => {
                usize::try_from(workers).expect("a process has few threads")
            }
            _ => 1,
        }
    }

    /// How effects are told from repetitions.
    pub(super) fn flagging(self) -> Flagging {
        match self {
            Pattern::FlagStore { atomic: true } => Flagging::Together,
            Pattern::FlagStore { atomic: false } => Flagging::First,
            Pattern::FlagAfterEffect => Flagging::Last,
            _ => Flagging::No,
        }
    }
}

/// When the flag of a message is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flagging {
    /// There is none.
    No,
    /// In one transaction with the effect.
    Together,
    /// Before the effect.
    First,
    /// After the effect.
    Last,
}
