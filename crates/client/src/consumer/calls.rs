//! The calls of an application.

use std::{sync::Arc, time::Duration};

use kafka_sim_core::{ConfigError, SimTime, TopicPartition};

use super::{
    Consumer, Life, Outputs,
    close::Phase,
    commit::{CommitOffset, Why},
    report,
    script::Step,
    subscription::Subscription,
    types::{ConsumerError, ConsumerOutcome},
};
use crate::{network::TopicPattern, reader::StartAt};

impl Consumer {
    /// Joins the group for these topics with the next poll, instead of those subscribed to before. No topics mean
    /// [`unsubscribe`](Self::unsubscribe).
    ///
    /// Divergence: partitions that were assigned by the application are simply dropped, where Java demands that the
    /// application unsubscribes first.
    pub fn subscribe(&mut self, now: SimTime, topics: &[Arc<str>], out: &mut Outputs) {
        if topics.is_empty() {
            self.unsubscribe(now, out);
            return;
        }
        self.subscribe_to(now, Subscription::Topics(topics.iter().cloned().collect()), out);
    }

    /// The same for all topics whose whole name matches the pattern. With `group.protocol=consumer` the coordinator
    /// matches.
    ///
    /// # Errors
    /// A pattern that is not a regular expression.
    pub fn subscribe_pattern(&mut self, now: SimTime, pattern: &str, out: &mut Outputs) -> Result<(), ConfigError> {
        let pattern = TopicPattern::new(pattern, self.config.exclude_internal_topics)?;
        let known = self.reader.network.metadata.known_topics().map(|(topic, _)| topic);
        let matched = known.filter(|topic| pattern.matches(topic)).cloned().collect();
        self.subscribe_to(now, Subscription::Pattern { pattern, matched }, out);
        Ok(())
    }

    fn subscribe_to(&mut self, now: SimTime, subscription: Subscription, out: &mut Outputs) {
        if self.life != Life::Open {
            return;
        }
        // A member keeps what it owns until it has joined again.
        let kept = if self.subscription.is_by_group() {
            self.owned()
        } else {
            Vec::new()
        };
        self.script.push_back(Step::Subscribe(subscription, kept));
        self.advance(now, out);
    }

    /// Reads these partitions without joining the group. Partitions that stay keep their position.
    pub fn assign(&mut self, now: SimTime, partitions: &[TopicPartition], out: &mut Outputs) {
        if self.life == Life::Open {
            self.switch_to(Subscription::Assigned, partitions.to_vec());
            self.advance(now, out);
        }
    }

    /// Gives everything up and leaves the group.
    pub fn unsubscribe(&mut self, now: SimTime, out: &mut Outputs) {
        if self.life == Life::Open {
            self.switch_to(Subscription::Nothing, Vec::new());
            self.advance(now, out);
        }
    }

    /// Moves the position of a partition. One that is not assigned is left alone.
    pub fn seek(&mut self, now: SimTime, partition: &TopicPartition, to: StartAt, out: &mut Outputs) {
        if self.life == Life::Open {
            self.seek_to(partition, to, out);
            self.advance(now, out);
        }
    }

    /// Polls return nothing from these partitions until they are resumed.
    pub fn pause(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.reader.set_paused(partition, true);
        }
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.reader.set_paused(partition, false);
        }
    }

    /// Waits up to `timeout` for records, and does what the group asks for in between: joining, callbacks, automatic
    /// commits. Ends with one `Polled` or `PollFailed`.
    pub fn poll(&mut self, now: SimTime, timeout: Duration, out: &mut Outputs) {
        let refusal = match (&self.subscription, self.config.group_id.is_some()) {
            _ if self.life != Life::Open => Some("the consumer is closed"),
            _ if self.poll_until.is_some() => Some("a poll is under way"),
            (Subscription::Nothing, _) if self.script.is_empty() => {
                Some("the consumer is not subscribed to any topics or assigned any partitions")
            }
            (Subscription::Topics(_) | Subscription::Pattern { .. }, false) => Some("a subscription needs a group.id"),
            _ => None,
        };
        if let Some(reason) = refusal {
            let error = ConsumerError::IllegalState(reason);
            report(ConsumerOutcome::PollFailed { error }, out);
            return;
        }
        self.poll_until = Some(now + timeout);
        self.note_poll(now);
        self.reader.set_active(true);
        self.reader.rearm();
        self.advance(now, out);
    }

    /// Commits the given offsets, each the next one to read, or with `None` all positions that polls have reached.
    /// Repeated up to `default.api.timeout.ms` where that helps. Ends with one `Committed`.
    pub fn commit_sync(
        &mut self,
        now: SimTime,
        token: u64,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        out: &mut Outputs,
    ) {
        let Some(offsets) = self.offsets_to_commit(token, offsets, out) else {
            return;
        };
        let limit = self.config.default_api_timeout;
        self.begin_sync(Some(token), offsets, now, limit);
        self.advance(now, out);
    }

    /// The same without waiting and without repetition. `Committed` comes when the answer is there and the application
    /// polls, commits or closes, as in Java.
    pub fn commit_async(
        &mut self,
        now: SimTime,
        token: u64,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        out: &mut Outputs,
    ) {
        let Some(offsets) = self.offsets_to_commit(token, offsets, out) else {
            return;
        };
        self.report_completed(out);
        self.send_commit_async(Why::Async(token), offsets, now);
        self.advance(now, out);
    }

    /// What to commit, unless that is refused.
    fn offsets_to_commit(
        &mut self,
        token: u64,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        out: &mut Outputs,
    ) -> Option<Vec<CommitOffset>> {
        let refusal = match &self.life {
            Life::Closed => "the consumer is closed",
            _ if self.config.group_id.is_none() => "committing needs a group.id",
            _ => return Some(self.to_commit(offsets)),
        };
        report(
            ConsumerOutcome::Committed {
                token: Some(token),
                offsets: offsets.unwrap_or_default(),
                result: Err(ConsumerError::IllegalState(refusal)),
            },
            out,
        );
        None
    }

    /// Commits if that is automatic, leaves the group if the member is not static, and closes all connections: when
    /// that is done, or `timeout` or `request.timeout.ms` has passed. A poll under way ends without records. Ends with
    /// one `Closed`.
    ///
    /// Divergence: fetch sessions are left to their brokers, where Java closes them.
    pub fn close(&mut self, now: SimTime, timeout: Duration, out: &mut Outputs) {
        if self.life != Life::Open {
            return;
        }
        if self.poll_until.take().is_some() {
            report(ConsumerOutcome::Polled { records: Vec::new() }, out);
        }
        self.reader.set_active(false);
        let limit = timeout.min(self.config.reader.network.request_timeout);
        self.life = Life::Closing {
            deadline: now + limit,
            phase: Phase::Committing,
        };
        if self.config.commits_by_itself() {
            let offsets = self.all_consumed();
            self.begin_sync(None, offsets, now, limit);
        }
        self.advance(now, out);
    }

    /// The application returned from the callback that `Assigned`, `Revoked` or `Lost` began.
    pub fn callback_done(&mut self, now: SimTime, out: &mut Outputs) {
        self.in_callback = false;
        self.advance(now, out);
    }
}
