//! The heartbeat thread of a classic member, as Kafka's `AbstractCoordinator.HeartbeatThread`.

use kafka_sim_core::{ErrorCode, SimTime};

use super::{
    Consumer, Outputs,
    ask::Ask,
    member::{Generation, Join, Standing},
    types::ConsumerError,
};

impl Consumer {
    /// Sends heartbeats from now on.
    pub(super) fn enable_heartbeats(&mut self, now: SimTime) {
        let heartbeat = &mut self.member.heartbeat;
        heartbeat.enabled = heartbeat.started;
        heartbeat.next = now + self.config.heartbeat_interval;
        heartbeat.session_deadline = now + self.config.session_timeout;
        heartbeat.poll_deadline = now + self.config.max_poll_interval;
    }

    /// The application polls: it is alive.
    pub(super) fn note_poll(&mut self, now: SimTime) {
        self.member.heartbeat.poll_deadline = now + self.config.max_poll_interval;
    }

    /// What the thread does at this moment.
    pub(super) fn run_heartbeats(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let heartbeat = &self.member.heartbeat;
        if !heartbeat.enabled {
            return false;
        }
        let unjoined = matches!(self.member.standing, Standing::Unjoined | Standing::Preparing);
        if unjoined || heartbeat.failure.is_some() {
            self.member.heartbeat.enabled = false;
            return true;
        }
        if !self.coordinator.is_known() {
            return false;
        }
        if heartbeat.session_deadline <= now {
            self.coordinator_unknown(false, now, out);
            return true;
        }
        if heartbeat.poll_deadline <= now && !self.is_blocked_in_poll() {
            self.leave("consumer poll timeout has expired.");
            return true;
        }
        if heartbeat.next > now {
            let mut next = heartbeat.next.min(heartbeat.session_deadline);
            if !self.is_blocked_in_poll() {
                next = next.min(heartbeat.poll_deadline);
            }
            self.look_again_at(next);
            return false;
        }
        self.member.heartbeat.next = now + self.config.heartbeat_interval;
        let generation = self.member.generation.clone();
        self.ask(Ask::Heartbeat { generation });
        true
    }

    fn heartbeat_received(&mut self, now: SimTime) {
        let heartbeat = &mut self.member.heartbeat;
        heartbeat.attempts = 0;
        heartbeat.session_deadline = now + self.config.session_timeout;
    }

    /// The next one comes after a pause.
    pub(super) fn heartbeat_failed(&mut self, now: SimTime) {
        let attempts = self.member.heartbeat.attempts;
        let pause = self.backoff.pause(attempts, &mut self.rng);
        self.member.heartbeat.attempts = attempts.saturating_add(1);
        self.member.heartbeat.next = now + pause;
    }

    pub(super) fn heartbeat_answered(&mut self, sent: &Generation, error: ErrorCode, now: SimTime, out: &mut Outputs) {
        match error {
            ErrorCode::NONE => self.heartbeat_received(now),
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator_unknown(false, now, out);
                self.heartbeat_failed(now);
            }
            ErrorCode::REBALANCE_IN_PROGRESS => {
                if self.member.standing == Standing::Stable {
                    self.member.request_rejoin("group is already rebalancing");
                }
                // The group knows that the member is alive.
                self.heartbeat_received(now);
            }
            ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::FENCED_INSTANCE_ID => {
                if self.member.generation != *sent {
                    self.heartbeat_received(now);
                    return;
                }
                let id_too = error != ErrorCode::ILLEGAL_GENERATION;
                self.member
                    .reset("encountered an error from HEARTBEAT response", id_too);
                if error == ErrorCode::FENCED_INSTANCE_ID {
                    self.member.heartbeat.failure = Some(ConsumerError::Fenced);
                } else {
                    self.heartbeat_failed(now);
                }
            }
            ErrorCode::GROUP_AUTHORIZATION_FAILED => {
                self.member.heartbeat.failure = Some(ConsumerError::Broker(error));
            }
            _ => self.heartbeat_failed(now),
        }
    }

    /// Leaves the group, without a word if the member is static, and forgets the membership.
    pub(super) fn leave(&mut self, reason: &'static str) {
        let member = &self.member;
        let dynamic = self.config.group_instance_id.is_none();
        let joined = member.standing != Standing::Unjoined && !member.generation.member_id.is_empty();
        if dynamic && joined && self.coordinator.is_known() {
            let member_id = member.generation.member_id.clone();
            self.ask(Ask::Leave { member_id, reason });
        }
        if matches!(self.member.join, Join::Leading(_)) {
            self.member.join = Join::None;
        }
        self.member.reset("consumer pro-actively leaving the group", true);
    }
}
