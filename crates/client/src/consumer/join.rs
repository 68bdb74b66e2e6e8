//! Joining a classic group: what a poll does until the member is in, as Kafka's `AbstractCoordinator`.

use bytes::Bytes;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use kafka_sim_core::{ErrorCode, SimTime};

use super::{
    Consumer, Outputs,
    ask::Ask,
    commit::Why,
    coordinator::shared,
    member::{Generation, Join, JoinError, Prepare, PrepareCommit, Standing},
    script::Step,
    types::ConsumerError,
};

impl Consumer {
    /// Whether the member has to join, or is about to.
    pub(super) fn rejoin_needed_or_pending(&mut self) -> bool {
        let member = &mut self.member;
        let news = member
            .assigned_by
            .as_ref()
            .is_some_and(|assigned| *assigned != member.snapshot);
        if news && !member.rejoin_needed {
            member.request_rejoin("cached metadata has changed");
        }
        let joined = self.member.joined_topics.as_ref();
        let other = joined.is_some_and(|joined| !self.subscription.is_for(joined));
        if other && !self.member.rejoin_needed {
            self.member.request_rejoin("subscription has changed");
        }
        news || other || self.member.rejoin_needed || !matches!(self.member.join, Join::None)
    }

    /// Does what can be done towards membership. True if the member is in the group and has its assignment.
    pub(super) fn join_if_needed(&mut self, now: SimTime) -> Result<bool, ConsumerError> {
        self.member.heartbeat.started = true;
        while self.rejoin_needed_or_pending() {
            if !self.coordinator.is_known() {
                return Ok(false);
            }
            if self.member.needs_prepare && !self.prepare_join(now) {
                return Ok(false);
            }
            if matches!(self.member.join, Join::None) {
                if self.member.join_not_before > now {
                    self.look_again_at(self.member.join_not_before);
                    return Ok(false);
                }
                self.send_join();
                return Ok(false);
            }
            let Join::Done(done) = &mut self.member.join else {
                return Ok(false);
            };
            let done = std::mem::replace(done, Err(JoinError::AtOnce));
            self.member.join = Join::None;
            match done {
                Ok(assignment) => {
                    self.member.refresh = super::member::Refresh::Todo;
                    self.joined(&assignment, now)?;
                }
                Err(JoinError::AtOnce) => {}
                Err(JoinError::Again) => self.member.join_not_before = now + self.config.reader.network.retry_backoff,
                Err(JoinError::Fatal(error)) => return Err(error),
            }
            if !self.script.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The assignment is there, unless the heartbeat thread ended the membership meanwhile.
    fn joined(&mut self, assignment: &Bytes, now: SimTime) -> Result<(), ConsumerError> {
        if self.member.generation.is_reset() || self.member.standing != Standing::Stable {
            self.member
                .reset("rebalance failed since the generation was reset", true);
            return Ok(());
        }
        self.member.needs_prepare = true;
        self.take_assignment(assignment, now)
    }

    /// Commits and gives up what has to be given up before joining. False as long as that takes.
    fn prepare_join(&mut self, now: SimTime) -> bool {
        let limit = self.config.max_poll_interval;
        let prepare = self.member.prepare.get_or_insert(Prepare {
            deadline: now + limit,
            commit: PrepareCommit::None,
        });
        let deadline = prepare.deadline;
        match prepare.commit {
            PrepareCommit::None if self.config.commits_by_itself() => {
                prepare.commit = PrepareCommit::InFlight;
                self.begin_commit_before_join(now);
            }
            PrepareCommit::RetryAt(at) if at <= now => {
                prepare.commit = PrepareCommit::InFlight;
                self.begin_commit_before_join(now);
            }
            _ => {}
        }
        let commit = self.member.prepare.as_ref().map(|prepare| prepare.commit.clone());
        let waits = match commit {
            Some(PrepareCommit::InFlight) => Some(deadline),
            Some(PrepareCommit::RetryAt(at)) => Some(at.min(deadline)),
            _ => None,
        };
        if let Some(at) = waits.filter(|_| deadline > now) {
            self.look_again_at(at);
            return false;
        }
        self.member.prepare = None;
        self.member.needs_prepare = false;
        self.give_up_before_join();
        self.script.is_empty()
    }

    fn begin_commit_before_join(&mut self, now: SimTime) {
        if !self.member.cooperative {
            self.reader.withhold(|_| true, true);
        }
        let offsets = self.all_consumed();
        self.send_commit(Why::BeforeJoin, offsets, now);
    }

    /// The callbacks before joining: everything is lost with the membership; an eager member gives everything up; a
    /// cooperative one only what it is not subscribed to any more.
    fn give_up_before_join(&mut self) {
        let owned = self.owned();
        let generation = &self.member.generation;
        if generation.id == -1 || generation.member_id.is_empty() {
            if !owned.is_empty() {
                self.script.push_back(Step::Lost(owned.clone()));
                self.script.push_back(Step::Unassign(owned));
            }
        } else if !self.member.cooperative {
            self.script.push_back(Step::Revoked(owned.clone()));
            self.script.push_back(Step::Unassign(owned));
        } else {
            let gone: Vec<_> = owned
                .into_iter()
                .filter(|partition| !self.subscription.takes(&partition.topic))
                .collect();
            if !gone.is_empty() {
                self.script.push_back(Step::Revoked(gone.clone()));
                self.script.push_back(Step::Unassign(gone));
            }
        }
        self.member.leads = false;
        self.member.group_topics.clear();
    }

    fn send_join(&mut self) {
        let topics = self.subscription.topics();
        let protocols = self.subscriptions_for(&topics);
        let member = &mut self.member;
        member.joined_topics = Some(topics);
        member.standing = Standing::Preparing;
        member.join = Join::Pending;
        let ask = Ask::Join {
            generation: member.generation.clone(),
            protocols,
            reason: member.rejoin_reason,
        };
        self.ask(ask);
    }

    /// Ends the join under way without success.
    pub(super) fn join_failed(&mut self, error: JoinError) {
        if !matches!(self.member.join, Join::None) {
            self.member.request_rejoin("rebalance failed");
            self.member.join = Join::Done(Err(error));
        }
    }

    pub(super) fn join_answered(
        &mut self,
        sent: &Generation,
        answer: JoinGroupResponse,
        now: SimTime,
        out: &mut Outputs,
    ) {
        let error = ErrorCode::from(answer.error_code);
        match error {
            ErrorCode::NONE => self.join_succeeded(answer, now),
            ErrorCode::MEMBER_ID_REQUIRED => {
                self.member.generation = Generation {
                    member_id: shared(&answer.member_id),
                    ..Generation::none()
                };
                self.join_failed(JoinError::AtOnce);
                self.member.request_rejoin("need to re-join with the given member-id");
            }
            ErrorCode::UNKNOWN_MEMBER_ID => {
                if self.member.generation == *sent {
                    self.member
                        .reset("encountered UNKNOWN_MEMBER_ID from JOIN_GROUP response", true);
                }
                self.join_failed(JoinError::AtOnce);
            }
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator_unknown(false, now, out);
                self.join_failed(JoinError::Again);
            }
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => self.join_failed(JoinError::Again),
            ErrorCode::REBALANCE_IN_PROGRESS => self.join_failed(JoinError::AtOnce),
            ErrorCode::FENCED_INSTANCE_ID => self.join_failed(JoinError::Fatal(ConsumerError::Fenced)),
            error => self.join_failed(JoinError::Fatal(ConsumerError::Broker(error))),
        }
    }

    fn join_succeeded(&mut self, answer: JoinGroupResponse, now: SimTime) {
        if answer.protocol_type.as_ref().is_some_and(|kind| &**kind != "consumer") {
            let error = ConsumerError::Broker(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
            self.join_failed(JoinError::Fatal(error));
            return;
        }
        if self.member.standing != Standing::Preparing {
            // The member left meanwhile.
            self.join_failed(JoinError::Again);
            return;
        }
        let member = &mut self.member;
        member.standing = Standing::Completing;
        member.generation = Generation {
            id: answer.generation_id,
            member_id: shared(&answer.member_id),
            protocol: answer.protocol_name.as_ref().map(shared),
            names_epoch: false,
        };
        self.enable_heartbeats(now);
        if answer.leader == answer.member_id {
            self.lead(answer);
        } else {
            self.send_sync(Vec::new());
        }
    }

    pub(super) fn send_sync(&mut self, assignments: Vec<(kafka_sim_core::wire::StrBytes, Bytes)>) {
        if !self.coordinator.is_known() {
            self.join_failed(JoinError::Again);
            return;
        }
        self.member.join = Join::Pending;
        let generation = self.member.generation.clone();
        self.ask(Ask::Sync {
            generation,
            assignments,
        });
    }

    pub(super) fn sync_answered(
        &mut self,
        sent: &Generation,
        answer: SyncGroupResponse,
        now: SimTime,
        out: &mut Outputs,
    ) {
        let error = ErrorCode::from(answer.error_code);
        match error {
            ErrorCode::NONE => self.sync_succeeded(answer),
            ErrorCode::REBALANCE_IN_PROGRESS => self.join_failed(JoinError::AtOnce),
            ErrorCode::FENCED_INSTANCE_ID => self.join_failed(JoinError::Fatal(ConsumerError::Fenced)),
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION => {
                if self.member.generation == *sent {
                    let id_too = error != ErrorCode::ILLEGAL_GENERATION;
                    self.member
                        .reset("encountered an error from SYNC_GROUP response", id_too);
                }
                self.join_failed(JoinError::AtOnce);
            }
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator_unknown(false, now, out);
                self.join_failed(JoinError::Again);
            }
            error => self.join_failed(JoinError::Fatal(ConsumerError::Broker(error))),
        }
    }

    fn sync_succeeded(&mut self, answer: SyncGroupResponse) {
        let member = &mut self.member;
        if member.generation.is_reset() || member.standing != Standing::Completing {
            self.join_failed(JoinError::AtOnce);
            return;
        }
        let named = answer.protocol_name.as_ref().map(shared);
        if named.is_some() && named != member.generation.protocol {
            let error = ConsumerError::Broker(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
            self.join_failed(JoinError::Fatal(error));
            return;
        }
        member.standing = Standing::Stable;
        member.rejoin_reason = "";
        member.rejoin_needed = false;
        member.join = Join::Done(Ok(answer.assignment));
    }
}
