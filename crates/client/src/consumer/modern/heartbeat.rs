//! The heartbeat: when it is sent, what it says, and what its answer means.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, consumer_group_heartbeat_request::TopicPartitions,
};
use kafka_sim_core::{ErrorCode, SimTime};

use super::{Local, Parts, State};
use crate::consumer::{
    Consumer, Outputs,
    ask::{Ask, text},
    script::Step,
    subscription::Subscription,
    types::ConsumerError,
};

/// The epoch with which a member leaves, for good or (static ones) for a while.
const LEAVE: i32 = -1;
const LEAVE_FOR_A_WHILE: i32 = -2;

/// What the coordinator was told last: only what changed is said again.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    timeout: bool,
    topics: Option<BTreeSet<Arc<str>>>,
    pattern: Option<String>,
    assignor: bool,
    owned: Option<Local>,
}

impl Consumer {
    /// What the background thread does at this moment.
    pub(in crate::consumer) fn run_modern(&mut self, now: SimTime) -> bool {
        self.reconcile(false, now);
        let progress = self.drive_reconciliation(now);
        let blocked = self.is_blocked_in_poll();
        let known = self.coordinator.is_known();
        let Some(modern) = &mut self.modern else { return false };
        if !modern.is_member() {
            return progress;
        }
        if !known {
            if modern.state == State::Leaving {
                modern.state = State::Unsubscribed;
            }
            return progress;
        }
        let leaving = modern.state == State::Leaving;
        if modern.poll_deadline <= now && !blocked && !leaving {
            self.leave_for_not_polling(now);
            return true;
        }
        let asks = matches!(modern.state, State::Joining | State::Acknowledging);
        let at_once = leaving || (asks && !modern.in_flight);
        if !at_once && (modern.in_flight || modern.next > now) {
            if !modern.in_flight {
                let next = modern.next;
                self.look_again_at(next);
            }
            self.watch_polls();
            return progress;
        }
        self.send_heartbeat(now);
        true
    }

    /// Notes when the application will have been silent for too long.
    fn watch_polls(&mut self) {
        if let Some(modern) = &self.modern
            && !self.is_blocked_in_poll()
        {
            let deadline = modern.poll_deadline;
            self.look_again_at(deadline);
        }
    }

    fn send_heartbeat(&mut self, now: SimTime) {
        let body = self.heartbeat_body();
        let Some(modern) = &mut self.modern else { return };
        modern.in_flight = true;
        modern.next = now + modern.interval;
        match modern.state {
            State::Acknowledging if modern.current == modern.target => modern.state = State::Stable,
            State::Acknowledging => modern.state = State::Reconciling,
            State::Leaving => modern.state = State::Unsubscribed,
            _ => {}
        }
        self.ask(Ask::GroupHeartbeat {
            body: Box::new(body),
            ignored: false,
        });
    }

    /// The application did not poll in time: the member leaves, and joins again with the next poll.
    fn leave_for_not_polling(&mut self, now: SimTime) {
        self.begin_leaving();
        let body = self.heartbeat_body();
        self.ask(Ask::GroupHeartbeat {
            body: Box::new(body),
            ignored: true,
        });
        let owned = self.owned();
        let Some(modern) = &mut self.modern else { return };
        modern.sent = Sent::default();
        modern.next = now + modern.interval;
        modern.state = State::Stale;
        self.lose(owned);
    }

    /// From the next heartbeat on the member is out.
    pub(in crate::consumer) fn begin_leaving(&mut self) {
        let epoch = match self.config.group_instance_id {
            Some(_) => LEAVE_FOR_A_WHILE,
            None => LEAVE,
        };
        let Some(modern) = &mut self.modern else { return };
        if modern.is_member() {
            modern.epoch = epoch;
            modern.clear();
            modern.state = State::Leaving;
        } else if modern.state != State::Fatal {
            modern.clear();
            modern.state = State::Unsubscribed;
        }
    }

    /// Whatever the script was about is void: these partitions are lost.
    fn lose(&mut self, owned: Vec<kafka_sim_core::TopicPartition>) {
        if let Some(modern) = &mut self.modern {
            modern.reconciliation = None;
        }
        self.member.prepare = None;
        self.script.retain(|step| matches!(step, Step::Subscribe(..)));
        let mut steps = Vec::new();
        if !owned.is_empty() {
            steps.push(Step::Lost(owned.clone()));
            steps.push(Step::Unassign(owned));
        }
        steps.push(Step::Released);
        for step in steps.into_iter().rev() {
            self.script.push_front(step);
        }
    }

    /// The coordinator does not know this member, or not at this epoch.
    fn fenced(&mut self) {
        let owned = self.owned();
        let Some(modern) = &mut self.modern else { return };
        match modern.state {
            State::Leaving => modern.state = State::Unsubscribed,
            State::Unsubscribed | State::Stale | State::Fatal => {}
            _ => {
                modern.state = State::Fenced;
                modern.epoch = 0;
                self.lose(owned);
            }
        }
    }

    /// The member can go on no more.
    pub(in crate::consumer) fn fatal(&mut self, error: ConsumerError) {
        self.failures.push_back(error);
        let owned = self.owned();
        let Some(modern) = &mut self.modern else { return };
        modern.state = State::Fatal;
        modern.epoch = 0;
        self.lose(owned);
    }

    /// The application polls.
    pub(in crate::consumer) fn note_modern_poll(&mut self, now: SimTime) {
        let limit = self.config.max_poll_interval;
        let Some(modern) = &mut self.modern else { return };
        modern.poll_deadline = now + limit;
        if std::mem::take(&mut modern.resubscribed) && modern.state == State::Unsubscribed {
            modern.join();
        }
    }

    /// What was lost is given up: a member that can joins again.
    pub(in crate::consumer) fn released(&mut self) {
        let Some(modern) = &mut self.modern else { return };
        modern.clear();
        if matches!(modern.state, State::Fenced | State::Stale) {
            modern.join();
        }
    }

    fn heartbeat_body(&mut self) -> ConsumerGroupHeartbeatRequest {
        let mut body = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text(self.config.group_id.as_deref().unwrap_or_default()).into())
            .with_instance_id(self.config.group_instance_id.as_deref().map(text))
            .with_rebalance_timeout_ms(-1)
            .with_subscribed_topic_names(None)
            .with_topic_partitions(None);
        let Some(modern) = &mut self.modern else { return body };
        body.member_id = text(&modern.member_id);
        body.member_epoch = modern.epoch;
        let everything = modern.state == State::Joining;
        if everything || !modern.sent.timeout {
            modern.sent.timeout = true;
            body.rebalance_timeout_ms = i32::try_from(self.config.max_poll_interval.as_millis()).unwrap_or(i32::MAX);
        }
        let (topics, pattern) = match &self.subscription {
            Subscription::Topics(topics) => (topics.clone(), None),
            Subscription::Pattern { pattern, .. } => (BTreeSet::new(), Some(pattern.text().to_owned())),
            Subscription::Nothing | Subscription::Assigned => (BTreeSet::new(), None),
        };
        if everything || modern.sent.topics.as_ref() != Some(&topics) {
            body.subscribed_topic_names = Some(topics.iter().map(|topic| text(topic).into()).collect());
            modern.sent.topics = Some(topics);
        }
        if (everything && pattern.is_some()) || modern.sent.pattern != pattern {
            body.subscribed_topic_regex = Some(text(pattern.as_deref().unwrap_or_default()));
            modern.sent.pattern = pattern;
        }
        if let Some(assignor) = self
            .config
            .remote_assignor
            .as_deref()
            .filter(|_| everything || !modern.sent.assignor)
        {
            body.server_assignor = Some(text(assignor));
            modern.sent.assignor = true;
        }
        if everything || modern.sent.owned.as_ref() != Some(&modern.current) {
            body.topic_partitions = Some(written(&modern.current.parts));
            modern.sent.owned = Some(modern.current.clone());
        }
        let rack = Some(&*self.config.reader.client_rack).filter(|rack| everything && !rack.is_empty());
        body.rack_id = rack.map(text);
        body
    }

    /// No answer came: the connection ended.
    pub(in crate::consumer) fn group_heartbeat_lost(&mut self, ignored: bool, now: SimTime) {
        if !ignored {
            self.group_heartbeat_failed(now);
        }
    }

    /// The next heartbeat comes after a pause, and says everything that could have got lost.
    fn group_heartbeat_failed(&mut self, now: SimTime) {
        let Some(modern) = &mut self.modern else { return };
        let pause = self.backoff.pause(modern.attempts, &mut self.rng);
        modern.attempts = modern.attempts.saturating_add(1);
        modern.in_flight = false;
        modern.next = now + pause;
        modern.sent = Sent::default();
    }

    pub(in crate::consumer) fn group_heartbeat_answered(
        &mut self,
        ignored: bool,
        answer: &ConsumerGroupHeartbeatResponse,
        now: SimTime,
        out: &mut Outputs,
    ) {
        if ignored {
            return;
        }
        let error = ErrorCode::from(answer.error_code);
        if error.is_ok() {
            self.group_heartbeat_received(answer, now);
            return;
        }
        self.group_heartbeat_failed(now);
        match error {
            ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                self.coordinator_unknown(false, now, out);
                self.heartbeat_at_once(now);
            }
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => {}
            ErrorCode::FENCED_MEMBER_EPOCH | ErrorCode::UNKNOWN_MEMBER_ID => {
                self.fenced();
                self.heartbeat_at_once(now);
            }
            ErrorCode::TOPIC_AUTHORIZATION_FAILED => self.failures.push_back(ConsumerError::Broker(error)),
            ErrorCode::FENCED_INSTANCE_ID => self.fatal(ConsumerError::Fenced),
            ErrorCode::UNSUPPORTED_VERSION => self.fatal(ConsumerError::UnsupportedVersion),
            error => self.fatal(ConsumerError::Broker(error)),
        }
    }

    fn heartbeat_at_once(&mut self, now: SimTime) {
        if let Some(modern) = &mut self.modern {
            modern.next = now;
            modern.attempts = 0;
        }
    }

    fn group_heartbeat_received(&mut self, answer: &ConsumerGroupHeartbeatResponse, now: SimTime) {
        let Some(modern) = &mut self.modern else { return };
        modern.in_flight = false;
        modern.attempts = 0;
        let interval = Duration::from_millis(u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0));
        if modern.interval != interval {
            modern.interval = interval;
            modern.next = now + interval;
        }
        if !modern.is_member() || modern.state == State::Leaving || answer.member_epoch < 0 {
            return;
        }
        modern.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            let parts = assignment.topic_partitions.iter();
            let parts = parts.map(|topic| (topic.topic_id, topic.partitions.iter().copied().collect()));
            modern.take_target(parts.collect());
        }
    }
}

impl super::Modern {
    fn take_target(&mut self, parts: Parts) {
        if self.target.number == 0 || self.target.parts != parts {
            let number = self.target.number.max(self.current.number) + 1;
            self.target = Local { number, parts };
        }
        if self.target != self.current {
            self.state = State::Reconciling;
        } else if matches!(self.state, State::Reconciling | State::Joining) {
            self.state = State::Stable;
        }
    }
}

fn written(parts: &Parts) -> Vec<TopicPartitions> {
    let topics = parts.iter().map(|(id, partitions)| {
        TopicPartitions::default()
            .with_topic_id(*id)
            .with_partitions(partitions.iter().copied().collect())
    });
    topics.collect()
}
