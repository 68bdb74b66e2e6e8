//! Commits that the application waits for: repeated until they succeed, cannot, or take too long.

use std::time::Duration;

use kafka_sim_core::SimTime;

use super::{
    Consumer, Outputs,
    commit::{CommitOffset, Failed, Why, plain},
    report,
    types::{ConsumerError, ConsumerOutcome},
};

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

impl Consumer {
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

    pub(super) fn sync_ended(&mut self, id: u64, result: Result<(), Failed>, now: SimTime) {
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
}
