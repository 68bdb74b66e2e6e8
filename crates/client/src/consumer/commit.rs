//! Commits: when they are sent, and who learns what came of them, as Kafka's `ConsumerCoordinator`.

use std::{collections::VecDeque, time::Duration};

use kafka_sim_core::{ErrorCode, SimTime, TopicPartition};

use super::{
    Consumer, Outputs,
    ask::Ask,
    commit_sync::SyncCommit,
    member::{Generation, PrepareCommit},
    report,
    types::{ConsumerError, ConsumerOutcome},
};

/// An offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitOffset {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    /// Leader epoch of the record before it, if known.
    pub(super) epoch: Option<i32>,
}

/// Who wants a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// `auto.commit.interval.ms` is over.
    Interval,
    /// Automatic, before a rebalance.
    BeforeJoin,
    /// The application, without waiting.
    Async(u64),
    /// A call that waits, by its number.
    Sync(u64),
}

/// A commit that was sent.
#[derive(Clone, Debug)]
pub(crate) struct CommitAsk {
    pub(super) why: Why,
    pub(super) offsets: Vec<CommitOffset>,
    pub(super) generation: Generation,
    /// As a member of the group, not as somebody who only stores offsets there.
    pub(super) as_member: bool,
}

/// Why a commit failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) error: ConsumerError,
    pub(super) retriable: bool,
}

impl Failed {
    pub(super) fn finally(error: ConsumerError) -> Result<(), Failed> {
        Err(Failed {
            error,
            retriable: false,
        })
    }

    pub(super) fn for_now(error: ConsumerError) -> Result<(), Failed> {
        Err(Failed { error, retriable: true })
    }
}

/// Everything about commits that is not in flight.
#[derive(Clone, Debug)]
pub(super) struct Commits {
    /// Calls that wait, the innermost last.
    pub(super) syncs: Vec<SyncCommit>,
    pub(super) next_sync: u64,
    /// Without waiting, until the coordinator is known.
    waiting: VecDeque<(Why, Vec<CommitOffset>)>,
    /// What commits without waiting came to, until the application polls or commits.
    completed: VecDeque<ConsumerOutcome>,
    /// Commits without waiting that have no answer.
    pub(super) async_in_flight: usize,
    /// An answer said that the member is fenced.
    pub(super) fenced: bool,
    next_auto: Option<SimTime>,
}

impl Commits {
    pub(super) fn new() -> Commits {
        Commits {
            syncs: Vec::new(),
            next_sync: 0,
            waiting: VecDeque::new(),
            completed: VecDeque::new(),
            async_in_flight: 0,
            fenced: false,
            next_auto: None,
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Begins to count the interval of automatic commits.
    pub(super) fn start(&mut self, now: SimTime, interval: Duration) {
        self.next_auto.get_or_insert(now + interval);
    }

    pub(super) fn restart(&mut self, now: SimTime, interval: Duration) {
        self.next_auto = Some(now + interval);
    }
}

impl Consumer {
    /// The positions of all partitions that have one.
    pub(super) fn all_consumed(&self) -> Vec<CommitOffset> {
        let owned = self.assignment().filter_map(|partition| {
            let (offset, epoch) = self.reader.valid_position(partition)?;
            Some(CommitOffset {
                partition: partition.clone(),
                offset,
                epoch,
            })
        });
        owned.collect()
    }

    pub(super) fn to_commit(&self, offsets: Option<Vec<(TopicPartition, i64)>>) -> Vec<CommitOffset> {
        let Some(offsets) = offsets else {
            return self.all_consumed();
        };
        let mut offsets: Vec<CommitOffset> = offsets
            .into_iter()
            .map(|(partition, offset)| CommitOffset {
                partition,
                offset,
                epoch: None,
            })
            .collect();
        offsets.sort_by(|left, right| left.partition.cmp(&right.partition));
        offsets
    }

    /// Sends a commit, or says at once why that is not possible.
    pub(super) fn send_commit(&mut self, why: Why, offsets: Vec<CommitOffset>, now: SimTime) {
        if matches!(why, Why::Async(_)) {
            self.commits.async_in_flight += 1;
        }
        if offsets.is_empty() {
            self.commit_ended(why, offsets, Ok(()), now);
            return;
        }
        if !self.coordinator.is_known() {
            let error = ConsumerError::Broker(ErrorCode::COORDINATOR_NOT_AVAILABLE);
            self.commit_ended(why, offsets, Failed::for_now(error), now);
            return;
        }
        let as_member = self.subscription.is_by_group();
        let generation = match (as_member, self.stable_generation()) {
            (false, _) => Generation::none(),
            (true, Some(generation)) => generation,
            (true, None) => {
                let error = match self.member.is_rebalancing() {
                    true => ConsumerError::RebalanceInProgress,
                    false => ConsumerError::CommitFailed,
                };
                self.commit_ended(why, offsets, Failed::finally(error), now);
                return;
            }
        };
        let commit = CommitAsk {
            why,
            offsets,
            generation,
            as_member,
        };
        self.ask(Ask::Commit(Box::new(commit)));
    }

    /// The membership to commit with, if there is one.
    pub(super) fn stable_generation(&self) -> Option<Generation> {
        let Some(modern) = &self.modern else {
            return self.member.stable_generation().cloned();
        };
        Some(Generation {
            id: if modern.epoch > 0 { modern.epoch } else { -1 },
            member_id: modern.member_id.clone(),
            protocol: None,
            names_epoch: modern.epoch > 0,
        })
    }

    /// Sends a commit without waiting, or keeps it until the coordinator is known.
    pub(super) fn send_commit_async(&mut self, why: Why, offsets: Vec<CommitOffset>, now: SimTime) {
        if offsets.is_empty() || self.coordinator.is_known() {
            self.send_commit(why, offsets, now);
        } else {
            self.commits.waiting.push_back((why, offsets));
        }
    }

    pub(super) fn send_waiting_commits(&mut self, now: SimTime) {
        for (why, offsets) in std::mem::take(&mut self.commits.waiting) {
            self.send_commit(why, offsets, now);
        }
    }

    /// The coordinator was not found: commits that waited for it fail, as they must not overtake each other.
    pub(super) fn fail_waiting_commits(&mut self, now: SimTime) {
        for (why, offsets) in std::mem::take(&mut self.commits.waiting) {
            if matches!(why, Why::Async(_)) {
                self.commits.async_in_flight += 1;
            }
            let error = ConsumerError::Broker(ErrorCode::COORDINATOR_NOT_AVAILABLE);
            self.commit_ended(why, offsets, Failed::for_now(error), now);
        }
    }

    /// Commits what polls have returned if the interval is over.
    pub(super) fn auto_commit(&mut self, now: SimTime) {
        if !self.config.commits_by_itself() {
            return;
        }
        let interval = self.config.auto_commit_interval;
        let due = self.commits.next_auto.is_none_or(|at| at <= now);
        if due {
            self.commits.restart(now, interval);
            let offsets = self.all_consumed();
            self.send_commit_async(Why::Interval, offsets, now);
        }
        if let Some(at) = self.commits.next_auto {
            self.look_again_at(at);
        }
    }

    /// Tells what commits without waiting came to.
    pub(super) fn report_completed(&mut self, out: &mut Outputs) {
        for outcome in self.commits.completed.drain(..) {
            report(outcome, out);
        }
    }

    /// A commit came to its end, or an attempt did.
    pub(super) fn commit_ended(
        &mut self,
        why: Why,
        offsets: Vec<CommitOffset>,
        result: Result<(), Failed>,
        now: SimTime,
    ) {
        let retriable = matches!(&result, Err(failed) if failed.retriable);
        match why {
            Why::Sync(id) => {
                self.sync_ended(id, result, now);
                return;
            }
            Why::Interval if retriable => self.commits.restart(now, self.config.reader.network.retry_backoff),
            Why::Interval => {}
            Why::BeforeJoin => {
                if let Some(prepare) = &mut self.member.prepare {
                    prepare.commit = match retriable {
                        true => PrepareCommit::RetryAt(now + self.config.reader.network.retry_backoff),
                        false => PrepareCommit::Over,
                    };
                }
            }
            Why::Async(_) => self.commits.async_in_flight -= 1,
        }
        let token = match why {
            Why::Async(token) => Some(token),
            _ => None,
        };
        if token.is_none() && offsets.is_empty() {
            return;
        }
        let result = result.map_err(|failed| match failed {
            Failed { retriable: true, .. } => ConsumerError::RetriableCommitFailed,
            failed => failed.error,
        });
        self.commits.fenced |= result == Err(ConsumerError::Fenced);
        self.commits.completed.push_back(ConsumerOutcome::Committed {
            token,
            offsets: plain(&offsets),
            result,
        });
    }
}

pub(super) fn plain(offsets: &[CommitOffset]) -> Vec<(TopicPartition, i64)> {
    offsets
        .iter()
        .map(|entry| (entry.partition.clone(), entry.offset))
        .collect()
}
