//! A poll, as Kafka's `ClassicKafkaConsumer.poll` and `ConsumerCoordinator.poll`.

use kafka_sim_core::{SimTime, TopicPartition};

use super::{
    Consumer, Outputs,
    member::Refresh,
    report,
    subscription::Subscription,
    types::{ConsumerError, ConsumerOutcome, ConsumerRecord, Repositioning},
};
use crate::{
    io::ClientOutput,
    reader::{ReaderOutcome, StartAt},
};

impl Consumer {
    /// Whether a thread of the application waits inside a poll, not in a callback.
    pub(super) fn is_blocked_in_poll(&self) -> bool {
        self.poll_until.is_some() && !self.in_callback
    }

    /// Goes on with the poll, if there is one.
    pub(super) fn drive_poll(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let Some(deadline) = self.poll_until else { return false };
        if self.in_callback || !self.script.is_empty() || !self.commits.syncs.is_empty() {
            return false;
        }
        self.report_completed(out);
        let step = self.poll_coordinator(now);
        if !self.script.is_empty() {
            return true;
        }
        let step = step.and_then(|ready| if ready { self.find_positions(now) } else { Ok(false) });
        if let Err(error) = step {
            return self.end_poll(Err(error), now, out);
        }
        if !self.moved.is_empty() {
            self.run_reader(now, out);
        }
        let taken = self.reader.take(self.config.max_poll_records);
        if taken.advanced || !taken.records.is_empty() {
            let records = taken.records.into_iter().map(|(partition, record)| ConsumerRecord {
                topic: partition.topic,
                partition: partition.partition,
                record,
            });
            return self.end_poll(Ok(records.collect()), now, out);
        }
        if let Some((partition, error)) = taken.error {
            return self.end_poll(Err(ConsumerError::Unreadable { partition, error }), now, out);
        }
        if let Some(error) = self.failures.pop_front() {
            return self.end_poll(Err(error), now, out);
        }
        if deadline <= now {
            return self.end_poll(Ok(Vec::new()), now, out);
        }
        self.look_again_at(deadline);
        false
    }

    fn end_poll(
        &mut self,
        result: Result<Vec<ConsumerRecord>, ConsumerError>,
        now: SimTime,
        out: &mut Outputs,
    ) -> bool {
        // The next fetches go out before the application gets its records.
        self.run_reader(now, out);
        self.reader.set_active(false);
        self.poll_until = None;
        let outcome = match result {
            Ok(records) => ConsumerOutcome::Polled { records },
            Err(error) => ConsumerOutcome::PollFailed { error },
        };
        report(outcome, out);
        true
    }

    /// What the group needs: membership, and automatic commits. False while a rebalance takes.
    fn poll_coordinator(&mut self, now: SimTime) -> Result<bool, ConsumerError> {
        if self.commits.fenced {
            return Err(ConsumerError::Fenced);
        }
        self.note_metadata();
        if self.modern.is_some() {
            self.reconcile(true, now);
            self.drive_reconciliation(now);
            self.note_modern_poll(now);
        } else if self.subscription.is_by_group() {
            if let Some(error) = self.member.heartbeat.failure.take() {
                self.member.heartbeat.started = false;
                return Err(error);
            }
            self.note_poll(now);
            if !self.coordinator.is_known() {
                return Ok(false);
            }
            if self.rejoin_needed_or_pending() && !(self.is_refreshed(now) && self.join_if_needed(now)?) {
                return Ok(false);
            }
        }
        self.auto_commit(now);
        Ok(true)
    }

    /// Topics are matched anew before joining.
    fn is_refreshed(&mut self, now: SimTime) -> bool {
        if !matches!(self.subscription, Subscription::Pattern { .. }) || !self.member.needs_prepare {
            return true;
        }
        let metadata = &mut self.reader.network.metadata;
        if self.member.refresh == Refresh::Todo {
            self.member.refresh = Refresh::Done;
            if metadata.may_refresh(now) || !metadata.is_complete() {
                metadata.request_update();
                self.member.refresh = Refresh::Awaited(metadata.version);
            }
        }
        if let Refresh::Awaited(before) = self.member.refresh {
            if metadata.version == before || !metadata.is_complete() {
                return false;
            }
            self.member.refresh = Refresh::Done;
            self.note_metadata();
        }
        true
    }

    /// Lets the reader work, and passes on what it emits.
    pub(super) fn run_reader(&mut self, now: SimTime, out: &mut Outputs) {
        let mut emitted = std::mem::take(&mut self.emitted);
        self.reader.pump(now, &mut emitted);
        for output in emitted.drain(..) {
            match output {
                ClientOutput::Connect { conn, host, port } => out.push(ClientOutput::Connect { conn, host, port }),
                ClientOutput::Data { conn, bytes } => out.push(ClientOutput::Data { conn, bytes }),
                ClientOutput::Disconnect { conn } => out.push(ClientOutput::Disconnect { conn }),
                ClientOutput::Outcome(outcome) => self.take_outcome(outcome, out),
            }
        }
        self.emitted = emitted;
        if !self.moved.is_empty() {
            self.report_moved(out);
        }
    }

    fn take_outcome(&mut self, outcome: ReaderOutcome, out: &mut Outputs) {
        match outcome {
            ReaderOutcome::OffsetOutOfRange {
                topic,
                partition,
                offset,
                reset_to,
            } => {
                let partition = TopicPartition::new(topic, partition);
                match reset_to {
                    Some(_) => {
                        self.moved.insert(partition, Repositioning::OutOfRange { from: offset });
                    }
                    None => self
                        .failures
                        .push_back(ConsumerError::OffsetOutOfRange { partition, offset }),
                }
            }
            ReaderOutcome::TruncationDetected {
                topic,
                partition,
                offset,
                diverged_at,
            } => {
                let partition = TopicPartition::new(topic, partition);
                let why = Repositioning::Truncated { from: offset };
                match (self.reader.reset_start(), diverged_at) {
                    (None, _) => self.failures.push_back(ConsumerError::Truncated { partition, offset }),
                    (Some(_), Some(offset)) => report(ConsumerOutcome::Repositioned { partition, offset, why }, out),
                    (Some(_), None) => {
                        self.moved.insert(partition, why);
                    }
                }
            }
            ReaderOutcome::Error {
                topic,
                partition,
                error,
            } => {
                let partition = TopicPartition::new(topic, partition);
                self.failures.push_back(ConsumerError::Unreadable { partition, error });
            }
            // A reader that holds records back tells neither.
            ReaderOutcome::Records { .. } | ReaderOutcome::EndReached { .. } => {}
        }
    }

    pub(super) fn seek_to(&mut self, partition: &TopicPartition, to: StartAt, out: &mut Outputs) {
        if !self.reader.is_assigned(partition) {
            return;
        }
        let StartAt::Offset(offset) = to else {
            self.reader.look_up(partition, to);
            self.moved.insert(partition.clone(), Repositioning::Seek);
            return;
        };
        self.moved.remove(partition);
        self.reader.set_position(partition, offset, None);
        let outcome = ConsumerOutcome::Repositioned {
            partition: partition.clone(),
            offset,
            why: Repositioning::Seek,
        };
        report(outcome, out);
    }
}
