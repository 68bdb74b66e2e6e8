//! The thread that polls: what it does next.

use std::time::Duration;

use kafka_sim_check::{MessageId, payload};
use kafka_sim_client::{ConsumerError, ConsumerOutcome, ConsumerRecord, StartAt};
use kafka_sim_core::{SimTime, TopicPartition};

use super::batch::Batch;
use super::plan::{OnFailure, Pattern};
use super::task::{Item, Task};
use super::{Around, Process};

/// How long an application that a poll threw something at waits before it polls again.
const AFTER_A_THROW: Duration = Duration::from_secs(1);
/// The Java consumer's `close()` waits this long.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// What the thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thread {
    /// It has not started, or waits before it polls again.
    Asleep { until: SimTime },
    /// Inside `poll`.
    Polling,
    /// In the handler, or waiting for the workers.
    Working,
    /// Inside `commitSync`, and what comes after it.
    Committing(After),
    /// Inside `close`; afterwards another process is started, or the member has left.
    Closing { restart_after: Option<Duration> },
    /// The process is dead.
    Gone,
    /// The member has left for good.
    Left,
}

/// What comes after a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    Poll,
    /// Leaving for good.
    Close,
    /// The handlers of what has been committed.
    Work,
    /// Reading again what has not gone well.
    Undone,
}

impl Process {
    pub(super) fn learn(&mut self, outcome: ConsumerOutcome, around: &mut Around<'_>) {
        match outcome {
            ConsumerOutcome::Polled { records } => self.polled(&records, around),
            ConsumerOutcome::PollFailed { .. } => {
                self.thread = Thread::Asleep {
                    until: around.now + AFTER_A_THROW,
                };
            }
            ConsumerOutcome::Committed { token, offsets, result } => {
                if token.is_none() {
                    self.witness.commit_sent(around, &offsets);
                }
                self.witness.committed(around, &offsets, &result);
                self.committed(token, &result, around);
            }
            ConsumerOutcome::Assigned { partitions } => {
                self.witness.owned(around, partitions);
                self.consumer.callback_done(around.now, &mut self.said);
            }
            ConsumerOutcome::Revoked { partitions } => self.revoked(partitions, around),
            ConsumerOutcome::Lost { partitions } => {
                self.witness.released(around, &partitions);
                self.consumer.callback_done(around.now, &mut self.said);
            }
            ConsumerOutcome::Repositioned { partition, .. } => self.witness.repositioned(around, &partition),
            ConsumerOutcome::Closed { .. } => self.closed(around),
            _ => {}
        }
    }

    /// Starts, or goes on after a pause.
    pub(super) fn wake(&mut self, around: &mut Around<'_>) {
        if !self.witness.has_joined {
            self.witness.joined(around, &self.plan.group);
            match &self.plan.matching {
                Some((pattern, _)) => {
                    let subscribed = self.consumer.subscribe_pattern(around.now, pattern, &mut self.said);
                    subscribed.expect("the plan has tried the pattern");
                }
                None => self.consumer.subscribe(around.now, &self.plan.topics, &mut self.said),
            }
        }
        self.poll(around);
    }

    /// The top of the loop.
    fn poll(&mut self, around: &mut Around<'_>) {
        if self.leaves_at().is_none_or(|at| at > around.now) {
            self.thread = Thread::Polling;
            let timeout = self.poll_timeout();
            self.consumer.poll(around.now, timeout, &mut self.said);
        } else if self.has_work() {
            self.thread = Thread::Working;
        } else if self.plan.pattern == Pattern::ProcessThenCommitAsync {
            self.commit(None, After::Close, around);
        } else {
            self.close(None, around);
        }
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.workers.iter().any(Option::is_some)
    }

    fn close(&mut self, restart_after: Option<Duration>, around: &mut Around<'_>) {
        self.queue.clear();
        self.workers.fill(None);
        self.thread = Thread::Closing { restart_after };
        self.consumer.close(around.now, CLOSE_WITHIN, &mut self.said);
    }

    fn closed(&mut self, around: &mut Around<'_>) {
        let Thread::Closing { restart_after } = self.thread else {
            return;
        };
        self.witness.released_all(around);
        match restart_after {
            Some(after) => {
                self.witness.died(around);
                self.renew(around.now + after);
            }
            None => {
                self.forget();
                self.thread = Thread::Left;
            }
        }
    }

    fn polled(&mut self, records: &[ConsumerRecord], around: &mut Around<'_>) {
        if self.thread != Thread::Polling {
            return;
        }
        if records.is_empty() {
            return self.poll(around);
        }
        let items: Vec<Item> = records.iter().map(item).collect();
        let pairs: Vec<_> = items.iter().cloned().zip(records).collect();
        self.witness.polled(around, &pairs);
        match self.plan.pattern {
            Pattern::CommitThenProcess => {
                self.batch = Batch::of(items);
                self.commit(None, After::Work, around);
            }
            Pattern::AutoCommitQueue { .. } => {
                self.queue.extend(items);
                self.occupy(around);
                self.poll(around);
            }
            Pattern::WorkersCommitWhole { .. } => {
                self.batch = Batch::handed_out(&items);
                self.queue.extend(items);
                self.thread = Thread::Working;
                self.occupy(around);
            }
            _ => {
                self.batch = Batch::of(items);
                self.go_on(around);
            }
        }
    }

    /// Idle workers take what waits.
    fn occupy(&mut self, around: &mut Around<'_>) {
        for worker in &mut self.workers {
            if worker.is_none()
                && let Some(item) = self.queue.pop_front()
            {
                *worker = Some(Task::begin(item, &self.plan, around));
            }
        }
    }

    /// The next record of the batch, in the thread that polls.
    fn go_on(&mut self, around: &mut Around<'_>) {
        self.thread = Thread::Working;
        match self.batch.take() {
            Some(item) => self.workers[0] = Some(Task::begin(item, &self.plan, around)),
            None => self.batch_done(around),
        }
    }

    fn batch_done(&mut self, around: &mut Around<'_>) {
        match self.plan.pattern {
            Pattern::AutoCommitInline | Pattern::AutoCommitQueue { .. } | Pattern::CommitThenProcess => {
                self.poll(around);
            }
            Pattern::ProcessThenCommitAsync => {
                self.note_commit(None, around);
                self.consumer.commit_async(around.now, self.token, None, &mut self.said);
                self.poll(around);
            }
            _ => self.commit(None, After::Poll, around),
        }
    }

    /// A handler has returned.
    pub(super) fn handled(&mut self, worker: usize, item: Item, well: bool, around: &mut Around<'_>) {
        debug_assert!(self.workers[worker].is_none(), "its task was taken");
        if let (false, OnFailure::Close { restart_after }) = (well, self.plan.on_failure)
            && self.plan.pattern != Pattern::PartialAck
        {
            return self.close(Some(restart_after), around);
        }
        match self.plan.pattern {
            Pattern::AutoCommitQueue { .. } => {
                self.occupy(around);
                if self.thread == Thread::Working && !self.has_work() {
                    self.poll(around);
                }
            }
            Pattern::WorkersCommitWhole { .. } => {
                self.batch.spoilt |= !well && self.plan.on_failure == OnFailure::Rewind;
                self.occupy(around);
                if !self.has_work() {
                    match self.batch.spoilt {
                        true => self.seek_back(&self.batch.first(), around),
                        false => self.batch_done(around),
                    }
                }
            }
            _ if well => {
                self.batch.did(&item);
                self.go_on(around);
            }
            Pattern::PartialAck => {
                let done = self.batch.done();
                match done.is_empty() {
                    true => self.seek_back(&self.batch.undone(), around),
                    false => self.commit(Some(done), After::Undone, around),
                }
            }
            _ if self.plan.on_failure == OnFailure::Rewind => self.seek_back(&self.batch.first(), around),
            _ => self.go_on(around),
        }
    }

    /// Reads again from there what the consumer still owns.
    fn seek_back(&mut self, to: &[(TopicPartition, i64)], around: &mut Around<'_>) {
        for (tp, offset) in to {
            if self.consumer.assignment().any(|owned| owned == tp) {
                let offset = StartAt::Offset(*offset);
                self.consumer.seek(around.now, tp, offset, &mut self.said);
            }
        }
        self.poll(around);
    }

    fn commit(&mut self, offsets: Option<Vec<(TopicPartition, i64)>>, after: After, around: &mut Around<'_>) {
        self.thread = Thread::Committing(after);
        self.commit_sync(offsets, around);
    }

    fn commit_sync(&mut self, offsets: Option<Vec<(TopicPartition, i64)>>, around: &mut Around<'_>) {
        self.note_commit(offsets.as_deref(), around);
        self.consumer
            .commit_sync(around.now, self.token, offsets, &mut self.said);
    }

    /// Gives a commit its number and writes it down.
    fn note_commit(&mut self, offsets: Option<&[(TopicPartition, i64)]>, around: &mut Around<'_>) {
        self.token += 1;
        match offsets {
            Some(offsets) => self.witness.commit_sent(around, offsets),
            None => self.witness.commit_sent(around, &self.positions()),
        }
    }

    /// What a commit without offsets commits.
    fn positions(&self) -> Vec<(TopicPartition, i64)> {
        let position = |tp: &TopicPartition| Some((tp.clone(), self.consumer.position(tp)?));
        self.consumer.assignment().filter_map(position).collect()
    }

    fn committed(&mut self, token: Option<u64>, result: &Result<(), ConsumerError>, around: &mut Around<'_>) {
        if let Some((_, partitions)) = self.in_callback.take_if(|(commit, _)| token == Some(*commit)) {
            return self.give_up(&partitions, around);
        }
        // What is waited for is the last commit of all.
        let Thread::Committing(after) = self.thread else {
            return;
        };
        if token != Some(self.token) {
            return;
        }
        match after {
            After::Close => self.close(None, around),
            After::Work if result.is_ok() => self.go_on(around),
            // What threw is not processed.
            After::Work => self.seek_back(&self.batch.first(), around),
            After::Undone => self.seek_back(&self.batch.undone(), around),
            After::Poll => self.poll(around),
        }
    }

    fn revoked(&mut self, partitions: Vec<TopicPartition>, around: &mut Around<'_>) {
        if self.plan.commits_on_revoke {
            self.commit_sync(None, around);
            self.in_callback = Some((self.token, partitions));
        } else {
            self.give_up(&partitions, around);
        }
    }

    fn give_up(&mut self, partitions: &[TopicPartition], around: &mut Around<'_>) {
        self.witness.released(around, partitions);
        self.consumer.callback_done(around.now, &mut self.said);
    }
}

fn item(record: &ConsumerRecord) -> Item {
    let value = record.record.value.as_deref();
    Item {
        tp: TopicPartition::new(record.topic.clone(), record.partition),
        offset: record.record.offset,
        message: value.and_then(payload::decode).map(|payload| MessageId(payload.id.0)),
    }
}
