//! Commits: when they are sent, and what their answers mean, as Kafka's `ConsumerCoordinator`.

use std::{collections::VecDeque, time::Duration};

use kafka_protocol::messages::OffsetCommitResponse;
use kafka_sim_core::{ErrorCode, SimTime, TopicPartition};

use super::{
    Consumer, Outputs,
    ask::Ask,
    member::{Generation, PrepareCommit, Standing},
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
    fn finally(error: ConsumerError) -> Result<(), Failed> {
        Err(Failed {
            error,
            retriable: false,
        })
    }

    fn for_now(error: ConsumerError) -> Result<(), Failed> {
        Err(Failed { error, retriable: true })
    }
}

/// A commit that an application waits for.
#[derive(Clone, Debug)]
pub(super) struct SyncCommit {
    id: u64,
    token: Option<u64>,
    offsets: Vec<CommitOffset>,
    deadline: SimTime,
    attempts: u32,
    state: SyncState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncState {
    SendAt(SimTime),
    InFlight,
}

impl SyncCommit {
    pub(super) fn needs_coordinator(&self) -> bool {
        !self.offsets.is_empty()
    }
}

/// Everything about commits that is not in flight.
#[derive(Clone, Debug)]
pub(super) struct Commits {
    /// Calls that wait, the innermost last.
    pub(super) syncs: Vec<SyncCommit>,
    next_sync: u64,
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

    pub(super) fn begin_sync(&mut self, token: Option<u64>, offsets: Vec<CommitOffset>, now: SimTime, limit: Duration) {
        self.commits.next_sync += 1;
        self.commits.syncs.push(SyncCommit {
            id: self.commits.next_sync,
            token,
            offsets,
            deadline: now + limit,
            attempts: 0,
            state: SyncState::SendAt(now),
        });
    }

    /// Goes on with the commit that is waited for.
    pub(super) fn drive_sync(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let Some(sync) = self.commits.syncs.last_mut() else {
            return false;
        };
        let SyncState::SendAt(at) = sync.state else {
            if sync.deadline > now {
                let deadline = sync.deadline;
                self.look_again_at(deadline);
                return false;
            }
            self.end_sync(Err(ConsumerError::TimedOut), out);
            return true;
        };
        if sync.offsets.is_empty() {
            self.end_sync(Ok(()), out);
            return true;
        }
        if at > now || !self.coordinator.is_known() {
            if sync.deadline <= now {
                self.end_sync(Err(ConsumerError::TimedOut), out);
                return true;
            }
            let next = if at > now { at.min(sync.deadline) } else { sync.deadline };
            self.look_again_at(next);
            return false;
        }
        sync.state = SyncState::InFlight;
        let (id, offsets) = (sync.id, sync.offsets.clone());
        self.send_commit(Why::Sync(id), offsets, now);
        true
    }

    fn end_sync(&mut self, result: Result<(), ConsumerError>, out: &mut Outputs) {
        self.report_completed(out);
        let Some(sync) = self.commits.syncs.pop() else { return };
        let offsets = plain(&sync.offsets);
        if sync.token.is_none() && offsets.is_empty() {
            return;
        }
        report(
            ConsumerOutcome::Committed {
                token: sync.token,
                offsets,
                result,
            },
            out,
        );
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

    fn sync_ended(&mut self, id: u64, result: Result<(), Failed>, now: SimTime) {
        let Some(sync) = self.commits.syncs.iter_mut().find(|sync| sync.id == id) else {
            return;
        };
        match result {
            Ok(()) => self.ended_syncs.push((id, Ok(()))),
            Err(failed) if !failed.retriable => self.ended_syncs.push((id, Err(failed.error))),
            Err(_) => {
                let pause = self.backoff.pause(sync.attempts, &mut self.rng);
                sync.attempts = sync.attempts.saturating_add(1);
                sync.state = SyncState::SendAt(now + pause);
            }
        }
    }

    /// Reports the commits waited for that have come to an end.
    pub(super) fn finish_syncs(&mut self, out: &mut Outputs) -> bool {
        let ended = std::mem::take(&mut self.ended_syncs);
        let progress = !ended.is_empty();
        for (id, result) in ended {
            if self.commits.syncs.last().is_some_and(|sync| sync.id == id) {
                self.end_sync(result, out);
            }
        }
        progress
    }

    /// The connection ended before the answer.
    pub(super) fn commit_lost(&mut self, commit: CommitAsk, now: SimTime) {
        let error = ConsumerError::Broker(ErrorCode::NETWORK_EXCEPTION);
        self.commit_ended(commit.why, commit.offsets, Failed::for_now(error), now);
    }

    pub(super) fn commit_impossible(&mut self, commit: CommitAsk, error: ConsumerError, now: SimTime) {
        self.commit_ended(commit.why, commit.offsets, Failed::finally(error), now);
    }

    pub(super) fn commit_answered(
        &mut self,
        commit: CommitAsk,
        answer: &OffsetCommitResponse,
        now: SimTime,
        out: &mut Outputs,
    ) {
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let errors: Vec<ErrorCode> = partitions
            .map(|partition| ErrorCode::from(partition.error_code))
            .filter(|error| !error.is_ok())
            .collect();
        // Other partitions may say more than that a topic is not permitted.
        let unauthorized = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        let decisive = errors.iter().find(|error| **error != unauthorized).or(errors.first());
        let result = match decisive {
            None => Ok(()),
            Some(error) => self.judge_commit(&commit, *error, now, out),
        };
        self.commit_ended(commit.why, commit.offsets, result, now);
    }

    fn judge_commit(
        &mut self,
        commit: &CommitAsk,
        error: ErrorCode,
        now: SimTime,
        out: &mut Outputs,
    ) -> Result<(), Failed> {
        if self.modern.is_some() {
            return self.judge_modern_commit(commit, error, now, out);
        }
        let unchanged = self.member.generation == commit.generation;
        let preparing = self.member.standing == Standing::Preparing;
        match error {
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
                Failed::for_now(ConsumerError::Broker(error))
            }
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR | ErrorCode::REQUEST_TIMED_OUT => {
                self.coordinator_unknown(false, now, out);
                Failed::for_now(ConsumerError::Broker(error))
            }
            ErrorCode::FENCED_INSTANCE_ID if unchanged => Failed::finally(ConsumerError::Fenced),
            ErrorCode::FENCED_INSTANCE_ID if preparing => Failed::finally(ConsumerError::RebalanceInProgress),
            ErrorCode::FENCED_INSTANCE_ID => Failed::finally(ConsumerError::CommitFailed),
            ErrorCode::REBALANCE_IN_PROGRESS => {
                self.member
                    .request_rejoin("offset commit failed since group is already rebalancing");
                Failed::finally(ConsumerError::RebalanceInProgress)
            }
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION if !unchanged && preparing => {
                Failed::finally(ConsumerError::RebalanceInProgress)
            }
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION => {
                let id_too = error != ErrorCode::ILLEGAL_GENERATION;
                self.member
                    .reset("encountered an error from OFFSET_COMMIT response", id_too);
                Failed::finally(ConsumerError::CommitFailed)
            }
            error => Failed::finally(ConsumerError::Broker(error)),
        }
    }
}

impl Consumer {
    /// With the new protocol a stale epoch is no reason to leave: the heartbeat finds out how things stand.
    fn judge_modern_commit(
        &mut self,
        commit: &CommitAsk,
        error: ErrorCode,
        now: SimTime,
        out: &mut Outputs,
    ) -> Result<(), Failed> {
        match error {
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR | ErrorCode::REQUEST_TIMED_OUT => {
                self.coordinator_unknown(false, now, out);
                Failed::for_now(ConsumerError::Broker(error))
            }
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => Failed::for_now(ConsumerError::Broker(error)),
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION if commit.why != Why::BeforeJoin => {
                Failed::for_now(ConsumerError::Broker(error))
            }
            ErrorCode::STALE_MEMBER_EPOCH if commit.why == Why::BeforeJoin && self.has_epoch() => {
                Failed::for_now(ConsumerError::Broker(error))
            }
            ErrorCode::STALE_MEMBER_EPOCH | ErrorCode::UNKNOWN_MEMBER_ID => {
                Failed::finally(ConsumerError::CommitFailed)
            }
            error => Failed::finally(ConsumerError::Broker(error)),
        }
    }

    fn has_epoch(&self) -> bool {
        self.modern.as_ref().is_some_and(|modern| modern.epoch > 0)
    }
}

fn plain(offsets: &[CommitOffset]) -> Vec<(TopicPartition, i64)> {
    offsets
        .iter()
        .map(|entry| (entry.partition.clone(), entry.offset))
        .collect()
}
