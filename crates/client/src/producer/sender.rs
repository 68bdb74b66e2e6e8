//! Turning batches into requests, as Kafka's `Sender`.

use kafka_protocol::messages::{
    InitProducerIdRequest, ProduceRequest, ProducerId,
    produce_request::{PartitionProduceData, TopicProduceData},
};
use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition, earlier,
    wire::{ApiKey, StrBytes},
};
use uuid::Uuid;

use super::{Outputs, Producer, batch::BatchId, idempotence::Standing, record::SendError};
use crate::config::Acks;

/// What a request of the producer was about.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Produce(Vec<Shipped>),
    InitProducerId,
}

/// A batch in a request.
#[derive(Clone, Debug)]
pub(super) struct Shipped {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) batch: BatchId,
}

impl Producer {
    /// Sends what is ready and notes when to look again. Returns whether something was sent.
    pub(super) fn run_sender(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut due = self.run_idempotence(now, out);
        let mut look_at = |at: Option<SimTime>| due = earlier(due, at);
        let exhausted = self.is_exhausted();
        let ready = self.accumulator.ready(&self.network.metadata, exhausted, now);
        for topic in &ready.leaderless {
            self.network.metadata.want(topic);
            self.network.metadata.request_update();
        }
        self.sender_rests = ready.nodes.is_empty() && ready.leaderless.is_empty();
        look_at(ready.next_check);
        let mut sent = false;
        for node in ready.nodes {
            if self.network.ready(node, now, out) {
                sent |= self.send_to(node, now, out);
            } else {
                look_at(self.network.ready_again_at(node, now));
            }
        }
        look_at(self.accumulator.next_expiry());
        look_at(self.waiting.front().map(|first| first.deadline));
        self.sender_due = due;
        sent
    }

    /// Sees to it that there is a producer id. Returns when to look again.
    fn run_idempotence(&mut self, now: SimTime, out: &mut Outputs) -> Option<SimTime> {
        let idempotence = self.idempotence.as_mut()?;
        idempotence.settle(&mut self.accumulator.batches);
        match &idempotence.standing {
            Standing::Failed(error) => {
                let error = error.clone();
                self.give_up_all(&error, out);
                None
            }
            Standing::Without { retry_at } if *retry_at > now => Some(*retry_at),
            Standing::Without { .. } => self.ask_producer_id(now, out),
            Standing::Asking | Standing::Ready => None,
        }
    }

    fn ask_producer_id(&mut self, now: SimTime, out: &mut Outputs) -> Option<SimTime> {
        let Some(node) = self.network.least_loaded(now) else {
            return self.network.next_chance(now);
        };
        if !self.network.ready(node, now, out) {
            return self.network.ready_again_at(node, now);
        }
        let standing = match self.network.version(node, ApiKey::InitProducerId, i16::MAX) {
            Some(version) => {
                let body = InitProducerIdRequest::default()
                    .with_transaction_timeout_ms(i32::MAX)
                    .with_transactional_id(None)
                    .with_producer_id(ProducerId(-1))
                    .with_producer_epoch(-1);
                let request = Some(Request::InitProducerId);
                self.network
                    .send(node, (ApiKey::InitProducerId, version), &body, request, now, out);
                Standing::Asking
            }
            None => Standing::Failed(SendError::UnsupportedVersion),
        };
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.standing = standing;
        }
        None
    }

    /// Sends at most one request to a ready node. Returns whether it did.
    fn send_to(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> bool {
        let shipment = self.drain(node, now, out);
        if shipment.is_empty() {
            return false;
        }
        let newest = if shipment.iter().all(|shipped| !shipped.topic_id.is_nil()) {
            13
        } else {
            12
        };
        let Some(version) = self.network.version(node, ApiKey::Produce, newest) else {
            for shipped in shipment {
                self.fail(
                    shipped.batch,
                    &SendError::UnsupportedVersion,
                    Some(ErrorCode::UNSUPPORTED_VERSION),
                    out,
                );
            }
            return true;
        };
        let body = self.produce_request(&shipment, version);
        if self.config.acks == Acks::None {
            self.network
                .send(node, (ApiKey::Produce, version), &body, None, now, out);
            for shipped in shipment {
                self.complete(shipped.batch, -1, -1, out);
            }
            return true;
        }
        if self.config.max_in_flight == 1 {
            for shipped in &shipment {
                self.accumulator.mute(shipped.partition.clone());
            }
        }
        let request = Some(Request::Produce(shipment));
        self.network
            .send(node, (ApiKey::Produce, version), &body, request, now, out);
        true
    }

    /// Takes the first batch of each partition that may be sent to the node, up to `max.request.size` in all.
    fn drain(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> Vec<Shipped> {
        let mut shipment = Vec::new();
        let mut size = 0;
        let mut steps = 0;
        for (step, partition) in self
            .accumulator
            .partitions_of(node, &self.network.metadata)
            .iter()
            .enumerate()
        {
            steps = step;
            let Some(first) = self.accumulator.sendable(partition, now) else {
                continue;
            };
            if !shipment.is_empty() && size + first.size() > self.config.max_request_size {
                break;
            }
            // As in the Java producer a partition whose sequence numbers are unsettled ends the round.
            if self
                .idempotence
                .as_ref()
                .is_some_and(|idempotence| !idempotence.may_send(first))
            {
                break;
            }
            if let Some((shipped, bytes)) = self.ship(partition, out) {
                size += bytes;
                shipment.push(shipped);
            }
        }
        self.accumulator.drained(node, steps);
        shipment
    }

    /// Takes one batch out of its queue, numbers and encodes it.
    fn ship(&mut self, partition: &TopicPartition, out: &mut Outputs) -> Option<(Shipped, usize)> {
        let batch = self.accumulator.take(partition)?;
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.assign(batch);
        }
        let (id, content) = (batch.id, batch.record_bytes());
        match batch.encode(self.config.compression) {
            Ok(bytes) => {
                self.accumulator.observe_ratio(&partition.topic, bytes.len(), content);
                let topic_id = self
                    .network
                    .metadata
                    .topic(&partition.topic)
                    .map_or(Uuid::nil(), |topic| topic.id);
                let partition = partition.clone();
                Some((
                    Shipped {
                        partition,
                        topic_id,
                        batch: id,
                    },
                    bytes.len(),
                ))
            }
            Err(error) => {
                self.fail(id, &SendError::Encoding(error.to_string()), None, out);
                None
            }
        }
    }

    fn produce_request(&self, shipment: &[Shipped], version: i16) -> ProduceRequest {
        let mut topics: Vec<TopicProduceData> = Vec::new();
        let mut last_topic = None;
        for shipped in shipment {
            let bytes = self
                .accumulator
                .batches
                .get(&shipped.batch)
                .and_then(|batch| batch.bytes.clone());
            let data = PartitionProduceData::default()
                .with_index(shipped.partition.partition)
                .with_records(bytes);
            let topic = &shipped.partition.topic;
            if last_topic != Some(topic) {
                last_topic = Some(topic);
                topics.push(match version {
                    ..=12 => TopicProduceData::default().with_name(StrBytes::from_string(topic.to_string()).into()),
                    _ => TopicProduceData::default().with_topic_id(shipped.topic_id),
                });
            }
            topics
                .last_mut()
                .expect("pushed for the first partition")
                .partition_data
                .push(data);
        }
        let timeout = i32::try_from(self.config.network.request_timeout.as_millis()).unwrap_or(i32::MAX);
        ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(self.config.acks.code())
            .with_timeout_ms(timeout)
            .with_topic_data(topics)
    }
}
