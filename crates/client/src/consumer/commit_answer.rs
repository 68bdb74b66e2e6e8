//! What answers to commits mean, by either group protocol.

use kafka_protocol::messages::OffsetCommitResponse;
use kafka_sim_core::{ErrorCode, SimTime};

use super::{
    Consumer, Outputs,
    commit::{CommitAsk, Failed, Why},
    member::Standing,
    types::ConsumerError,
};

impl Consumer {
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
