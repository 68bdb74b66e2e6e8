//! What becomes of batches: acknowledged, retried, split, given up.

use kafka_protocol::messages::InitProducerIdResponse;
use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition,
    wire::{Produced, ProducedPartition, ResponseKind},
};

use super::{
    Outputs, Producer,
    batch::{Batch, BatchId, Entry, Place},
    idempotence::{Identity, Standing},
    record::{SendError, SendResult},
    sender::{Request, Shipped},
    waiting::report,
};
use crate::{
    config::Acks,
    network::{self, Event, Node, node},
};

/// The answer for one batch, also when it is only the end of the connection.
struct Answer<'a> {
    error: ErrorCode,
    send_error: SendError,
    base_offset: i64,
    log_append_time: i64,
    log_start_offset: i64,
    invalid_records: Vec<i32>,
    /// Leader the broker pointed to (KIP-951).
    leader: Option<(i32, i32, &'a [Node])>,
}

impl Answer<'static> {
    fn lost(timed_out: bool) -> Answer<'static> {
        let (error, send_error) = if timed_out {
            (ErrorCode::REQUEST_TIMED_OUT, SendError::RequestTimeout)
        } else {
            (ErrorCode::NETWORK_EXCEPTION, SendError::Disconnected)
        };
        Answer {
            error,
            send_error,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            invalid_records: Vec::new(),
            leader: None,
        }
    }
}

impl Producer {
    pub(super) fn take_event(&mut self, event: Event<Request>, now: SimTime, out: &mut Outputs) {
        match event {
            Event::Answer {
                request: Request::Produce(mut shipment),
                body,
            } => {
                if let network::Answer::Produced(answer) = body {
                    self.produce_answered(&shipment, answer, now, out);
                }
                shipment.clear();
                self.spare = shipment;
            }
            Event::Answer {
                request: Request::InitProducerId,
                body,
            } => {
                if let Some(ResponseKind::InitProducerId(answer)) = body.other() {
                    self.producer_id_answered(&answer, now, out);
                }
            }
            Event::Lost {
                request: Request::Produce(shipment),
                timed_out,
            } => {
                for shipped in &shipment {
                    self.settle(shipped, &Answer::lost(timed_out), now, out);
                }
            }
            Event::Lost {
                request: Request::InitProducerId,
                ..
            } => self.retry_producer_id(now),
        }
    }

    fn producer_id_answered(&mut self, answer: &InitProducerIdResponse, now: SimTime, out: &mut Outputs) {
        let error = ErrorCode::from(answer.error_code);
        let Some(idempotence) = &mut self.idempotence else {
            return;
        };
        if error.is_ok() {
            let identity = Identity {
                id: answer.producer_id.0,
                epoch: answer.producer_epoch,
            };
            idempotence.ready(identity, &mut self.accumulator.batches);
        } else if error.is_retriable() {
            self.retry_producer_id(now);
        } else if error == ErrorCode::CLUSTER_AUTHORIZATION_FAILED {
            // What is there fails, but later records may find that access was granted.
            self.retry_producer_id(now);
            self.give_up_all(&SendError::Broker(error), out);
        } else {
            idempotence.standing = Standing::Failed(SendError::Broker(error));
        }
    }

    fn retry_producer_id(&mut self, now: SimTime) {
        if let Some(idempotence) = &mut self.idempotence {
            let retry_at = now + self.config.network.retry_backoff;
            idempotence.standing = Standing::Without { retry_at };
        }
    }

    fn produce_answered(&mut self, shipment: &[Shipped], answer: Produced, now: SimTime, out: &mut Outputs) {
        let endpoints = answer.endpoints.iter();
        let endpoints: Vec<Node> = endpoints
            .filter_map(|endpoint| node(endpoint.id, &endpoint.host, endpoint.port))
            .collect();
        for partition in answer.partitions {
            // An answer for something that was not sent is passed over; a batch without an answer expires.
            let Some(shipped) = find(shipment, &partition) else {
                continue;
            };
            if partition.error_code == 0 && self.accumulator.batches.contains_key(&shipped.batch) {
                self.complete(shipped.batch, partition.base_offset, partition.log_append_time_ms, out);
                self.unmute(&shipped.partition);
            } else {
                self.settle(shipped, &answer_of(partition, &endpoints), now, out);
            }
        }
    }

    fn settle(&mut self, shipped: &Shipped, answer: &Answer<'_>, now: SimTime, out: &mut Outputs) {
        let id = shipped.batch;
        let acks = self.config.acks;
        let Some(batch) = self.accumulator.batches.get_mut(&id) else {
            return;
        };
        batch.maybe_written |= may_be_written(answer.error, acks);
        let abandoned = batch.place == Place::Abandoned;
        if answer.error.is_ok() || answer.error == ErrorCode::DUPLICATE_SEQUENCE_NUMBER {
            self.complete(id, answer.base_offset, answer.log_append_time, out);
        } else if abandoned {
            self.accumulator.remove(id);
        } else if answer.error == ErrorCode::MESSAGE_TOO_LARGE && batch.record_count() > 1 {
            self.split(id);
        } else if self.can_retry(id, answer, now) {
            self.accumulator.reenqueue(id, now, &mut self.retry_rng);
        } else {
            self.fail_records(id, answer, out);
        }
        self.unmute(&shipped.partition);
        self.learn(&shipped.partition, answer);
    }

    fn unmute(&mut self, partition: &TopicPartition) {
        if self.config.max_in_flight == 1 {
            self.accumulator.set_muted(partition, false);
        }
    }

    /// Draws conclusions about leadership from an error.
    fn learn(&mut self, partition: &TopicPartition, answer: &Answer<'_>) {
        if answer.error.is_invalid_metadata() {
            self.network.metadata.request_update();
        }
        if let Some((leader, epoch, endpoints)) = answer.leader {
            self.network.metadata.take_leader(partition, leader, epoch, endpoints);
        }
    }

    fn split(&mut self, id: BatchId) {
        if let (Some(idempotence), Some(batch)) = (&mut self.idempotence, self.accumulator.batches.get(&id)) {
            idempotence.untrack(batch);
        }
        for part in self.accumulator.split(id) {
            if let (Some(idempotence), Some(batch)) = (&mut self.idempotence, self.accumulator.batches.get(&part)) {
                idempotence.track(batch);
            }
        }
    }

    fn can_retry(&mut self, id: BatchId, answer: &Answer<'_>, now: SimTime) -> bool {
        let Some(batch) = self.accumulator.batches.get(&id) else {
            return false;
        };
        let in_time = now < batch.created + self.accumulator.delivery_timeout;
        in_time
            && batch.attempts < self.config.retries.unsigned_abs()
            && match &mut self.idempotence {
                Some(idempotence) => idempotence.can_retry(batch, answer.error, answer.log_start_offset),
                None => answer.error.is_retriable(),
            }
    }

    /// Reports a batch as acknowledged. `base_offset` is -1 if the broker did not tell.
    pub(super) fn complete(&mut self, id: BatchId, base_offset: i64, log_append_time: i64, out: &mut Outputs) {
        let Some(mut batch) = self.accumulator.remove(id) else {
            return;
        };
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.completed(&batch);
        }
        for (delta, entry) in (0..).zip(batch.entries.drain(..)) {
            let result = SendResult::Acked {
                partition: batch.partition.partition,
                offset: if base_offset < 0 { -1 } else { base_offset + delta },
                timestamp: if log_append_time < 0 {
                    entry.timestamp
                } else {
                    log_append_time
                },
            };
            report(entry.token, result, out);
        }
        self.accumulator.recycle(batch);
    }

    /// Gives a batch up after a definite answer.
    fn fail_records(&mut self, id: BatchId, answer: &Answer<'_>, out: &mut Outputs) {
        let Some(batch) = self.drop_failed(id, Some(answer.error)) else {
            return;
        };
        let one_culprit = answer.invalid_records.len() == 1;
        for (index, entry) in (0..).zip(&batch.entries) {
            let error = match answer.invalid_records.contains(&index) {
                _ if answer.invalid_records.is_empty() => answer.send_error.clone(),
                true if one_culprit => answer.send_error.clone(),
                true => SendError::Broker(ErrorCode::INVALID_RECORD),
                false => SendError::BatchWithInvalidRecord,
            };
            report(entry.token, failure(&batch, error), out);
        }
    }

    /// Gives a batch up, all records for the same reason.
    pub(super) fn fail(&mut self, id: BatchId, error: &SendError, code: Option<ErrorCode>, out: &mut Outputs) {
        if let Some(batch) = self.drop_failed(id, code) {
            for entry in &batch.entries {
                report(entry.token, failure(&batch, error.clone()), out);
            }
        }
    }

    fn drop_failed(&mut self, id: BatchId, code: Option<ErrorCode>) -> Option<Box<Batch>> {
        let batch = self.accumulator.remove(id)?;
        if let Some(idempotence) = &mut self.idempotence {
            // With retries left the answer was definite; without, the numbers may have been used.
            let adjust = batch.attempts < self.config.retries.unsigned_abs();
            idempotence.failed(&batch, code, adjust);
        }
        Some(batch)
    }

    /// Reports batches whose `delivery.timeout.ms` is over, also those in requests without an answer.
    pub(super) fn expire(&mut self, now: SimTime, out: &mut Outputs) {
        let error = SendError::DeliveryTimeout(self.accumulator.delivery_timeout);
        for id in self.accumulator.expired(now) {
            self.give_up(id, &error, out);
        }
    }

    /// Reports all batches as given up.
    pub(super) fn give_up_all(&mut self, error: &SendError, out: &mut Outputs) {
        let ids: Vec<BatchId> = self.accumulator.batches.keys().copied().collect();
        for id in ids {
            self.give_up(id, error, out);
        }
    }

    fn give_up(&mut self, id: BatchId, error: &SendError, out: &mut Outputs) {
        let Some(batch) = self.accumulator.batches.get(&id) else {
            return;
        };
        if batch.place == Place::Abandoned {
            return;
        }
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.untrack(batch);
            if batch.in_retry {
                idempotence.mark_unresolved(batch);
            }
        }
        let partition = batch.partition.partition;
        let in_flight = batch.place == Place::InFlight;
        let unknown = in_flight || batch.maybe_written;
        let entries: Vec<Entry> = if batch.place == Place::Queued {
            self.accumulator
                .remove(id)
                .map(|batch| batch.entries)
                .unwrap_or_default()
        } else {
            self.accumulator.abandon(id)
        };
        for entry in entries {
            report(entry.token, verdict(unknown, partition, error.clone()), out);
        }
    }
}

fn failure(batch: &Batch, error: SendError) -> SendResult {
    verdict(batch.maybe_written, batch.partition.partition, error)
}

fn verdict(unknown: bool, partition: i32, error: SendError) -> SendResult {
    if unknown {
        SendResult::Unknown { partition, error }
    } else {
        SendResult::Refused {
            partition: Some(partition),
            error,
        }
    }
}

fn find<'a>(shipment: &'a [Shipped], answered: &ProducedPartition) -> Option<&'a Shipped> {
    let topic = &answered.topic;
    let by_id = !topic.id.is_nil();
    let same_topic = |shipped: &&Shipped| match by_id {
        true => shipped.topic_id == topic.id,
        false => *shipped.partition.topic == *topic.name,
    };
    let mut of_topic = shipment.iter().filter(same_topic);
    of_topic.find(|shipped| shipped.partition.partition == answered.index)
}

fn answer_of(partition: ProducedPartition, endpoints: &[Node]) -> Answer<'_> {
    let error = ErrorCode::from(partition.error_code);
    let points_on = matches!(
        error,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    let (leader, epoch) = partition.leader;
    Answer {
        error,
        send_error: SendError::Broker(error),
        base_offset: partition.base_offset,
        log_append_time: partition.log_append_time_ms,
        log_start_offset: partition.log_start_offset,
        invalid_records: partition.invalid_records,
        leader: points_on.then_some((leader, epoch, endpoints)),
    }
}

/// Whether an attempt that ended with this error may nevertheless have reached the log.
///
/// With `acks=all` the broker answers some errors after it appended: it lost leadership or replicas while waiting.
fn may_be_written(error: ErrorCode, acks: Acks) -> bool {
    match error {
        // Refused before or instead of appending, whatever the acks.
        ErrorCode::NONE
        | ErrorCode::CORRUPT_MESSAGE
        | ErrorCode::MESSAGE_TOO_LARGE
        | ErrorCode::INVALID_TOPIC_EXCEPTION
        | ErrorCode::RECORD_LIST_TOO_LARGE
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::INVALID_REQUIRED_ACKS
        | ErrorCode::TOPIC_AUTHORIZATION_FAILED
        | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::INVALID_TIMESTAMP
        | ErrorCode::UNSUPPORTED_VERSION
        | ErrorCode::INVALID_REQUEST
        | ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT
        | ErrorCode::POLICY_VIOLATION
        | ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
        | ErrorCode::INVALID_PRODUCER_EPOCH
        | ErrorCode::INVALID_TXN_STATE
        | ErrorCode::UNKNOWN_PRODUCER_ID
        | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
        | ErrorCode::INVALID_RECORD
        | ErrorCode::PRODUCER_FENCED
        | ErrorCode::TRANSACTION_ABORTABLE
        | ErrorCode::THROTTLING_QUOTA_EXCEEDED => false,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID => {
            acks == Acks::All
        }
        _ => true,
    }
}
