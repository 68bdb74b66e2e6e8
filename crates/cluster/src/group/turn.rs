//! What a shard may touch while it handles something: time, the log, its timers, its writes.

use std::collections::VecDeque;

use kafka_sim_core::{Agenda, AgendaKey, ErrorCode, Offset, SimRng, SimTime};

use super::consumer::{Deadline, TopicHashes};
use super::deed::Accepted;
use super::records::Record;
use super::words::{Reply, Text, Waiter};
use super::writes::{Then, Write};
use crate::config::BrokerConfig;
use crate::peer::MetadataImage;

/// The log a shard writes to.
pub(crate) trait Journal {
    /// Appends the records as one batch and returns the log end after them.
    fn append(&mut self, records: &[Record]) -> Result<Offset, ErrorCode>;
}

/// What comes from outside of the shard.
pub(crate) struct Act<'a> {
    pub(crate) now: SimTime,
    /// The broker's wall clock in milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    pub(crate) config: &'a BrokerConfig,
    pub(crate) image: &'a MetadataImage,
    /// Offset of the image.
    pub(crate) version: i64,
    pub(crate) rng: &'a mut SimRng,
    pub(crate) log: &'a mut dyn Journal,
    pub(crate) replies: &'a mut Vec<(Waiter, Reply)>,
    /// Generations that began: group, generation, number of members.
    pub(crate) generations: &'a mut Vec<(Text, i32, usize)>,
    /// Commits whose records were appended.
    pub(crate) commits: &'a mut Vec<Accepted>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
}

/// What is due in a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A member was silent for its session timeout.
    Session { group: Text, member: Text },
    /// A member that was given an id did not come back with it.
    Pending { group: Text, member: Text },
    /// The initial rebalance delay is over; `remaining_ms` is left of the rebalance timeout.
    InitialDelay {
        group: Text,
        delay_ms: i32,
        remaining_ms: i32,
    },
    /// The join phase has lasted for the rebalance timeout.
    JoinPhase { group: Text },
    /// Members had the rebalance timeout for their SyncGroup.
    SyncPhase { group: Text },
    /// A member of a consumer group had until now for something.
    Deadline {
        group: Text,
        member: Text,
        deadline: Deadline,
    },
    /// The regular expressions of a consumer group are resolved.
    Resolve { group: Text },
    /// A write was not replicated in time.
    Write(u64),
    /// Look for offsets that have expired.
    ExpireOffsets,
}

/// What all groups of a shard share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Core {
    pub(crate) agenda: Agenda<Due>,
    /// Records below are on every in-sync replica.
    pub(crate) high_watermark: Offset,
    /// Log end after the last record the shard has written or loaded.
    pub(crate) written: Offset,
    pub(crate) writes: VecDeque<Write>,
    pub(crate) numbers: u64,
    pub(crate) hashes: TopicHashes,
    /// Offset of the last metadata that had a new topic.
    pub(crate) topics_version: i64,
}

/// One handler's run.
pub(crate) struct Turn<'t, 'a> {
    pub(crate) act: &'t mut Act<'a>,
    pub(crate) core: &'t mut Core,
}

impl Turn<'_, '_> {
    pub(crate) fn answer(&mut self, waiter: Waiter, reply: Reply) {
        self.act.replies.push((waiter, reply));
    }

    pub(crate) fn set(&mut self, after: std::time::Duration, due: Due) -> AgendaKey {
        self.core.agenda.push(self.act.now + after, due)
    }

    /// Replaces a timer.
    pub(crate) fn reset(&mut self, timer: &mut Option<AgendaKey>, after: std::time::Duration, due: Due) {
        self.cancel(timer);
        *timer = Some(self.set(after, due));
    }

    pub(crate) fn cancel(&mut self, timer: &mut Option<AgendaKey>) {
        if let Some(key) = timer.take() {
            self.core.agenda.cancel(key);
        }
    }

    /// Appends records. The error is what members are told.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<Offset, ErrorCode> {
        let end = self.act.log.append(records).map_err(told)?;
        self.core.written = end;
        Ok(end)
    }

    /// Does `then` once everything below `end` is replicated, or fails it after `offsets.commit.timeout.ms`.
    pub(crate) fn after(&mut self, end: Offset, then: Then) {
        self.core.numbers += 1;
        let number = self.core.numbers;
        let expiry = self.set(self.act.config.offsets_commit_timeout, Due::Write(number));
        self.core.writes.push_back(Write {
            number,
            end,
            expiry,
            then,
        });
    }

    /// Answers once everything that was written so far is replicated: at once, if it is.
    pub(crate) fn answer_after_writes(&mut self, waiter: Waiter, reply: Reply) {
        let end = self.core.written;
        if end <= self.core.high_watermark {
            self.answer(waiter, reply);
        } else {
            self.after(end, Then::Answer(waiter, reply));
        }
    }
}

/// What members are told when a write fails.
pub(crate) fn told(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | ErrorCode::REQUEST_TIMED_OUT => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE | ErrorCode::INVALID_FETCH_SIZE => {
            ErrorCode::UNKNOWN_SERVER_ERROR
        }
        ErrorCode::NETWORK_EXCEPTION => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        other => other,
    }
}
