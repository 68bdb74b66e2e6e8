//! Turning batches into requests, as Kafka's `Sender`.

use kafka_protocol::messages::{InitProducerIdRequest, ProducerId};
use kafka_sim_core::{
    ErrorCode, SimTime, TopicPartition, earlier,
    wire::{ApiKey, FieldWriter},
};
use uuid::Uuid;

use super::{
    Outputs, Producer,
    accumulator::Batches,
    batch::BatchId,
    idempotence::{Idempotence, Standing},
    record::SendError,
};
use crate::config::{Acks, ProducerConfig};

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
        if self.has_nothing_to_send() {
            self.sender_rests = true;
            self.sender_due = None;
            return false;
        }
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
        for &node in &ready.nodes {
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

    fn has_nothing_to_send(&self) -> bool {
        self.accumulator.batches.is_empty()
            && self.waiting.is_empty()
            && self.idempotence.as_ref().is_none_or(Idempotence::is_settled)
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
        self.network.write(ApiKey::Produce, version, |fields| {
            put_produce(fields, version, &self.config, &self.accumulator.batches, &shipment);
        });
        if self.config.acks == Acks::None {
            self.network.send_written(node, None, now, out);
            for shipped in shipment {
                self.complete(shipped.batch, -1, -1, out);
            }
            return true;
        }
        if self.config.max_in_flight == 1 {
            for shipped in &shipment {
                self.accumulator.set_muted(&shipped.partition, true);
            }
        }
        let request = Some(Request::Produce(shipment));
        self.network.send_written(node, request, now, out);
        true
    }

    /// Takes the first batch of each partition that may be sent to the node, up to `max.request.size` in all.
    fn drain(&mut self, node: i32, now: SimTime, out: &mut Outputs) -> Vec<Shipped> {
        let mut size = 0;
        let mut steps = 0;
        let places = self.accumulator.places_of(node, &self.network.metadata);
        let mut shipment = std::mem::take(&mut self.spare);
        for (step, &place) in places.iter().enumerate() {
            steps = step;
            let Some(first) = self.accumulator.sendable(place, now) else {
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
            if let Some((shipped, bytes)) = self.ship(place, out) {
                size += bytes;
                shipment.push(shipped);
            }
        }
        self.accumulator.drained(node, steps);
        shipment
    }

    /// Takes one batch out of its queue, numbers and encodes it.
    fn ship(&mut self, place: usize, out: &mut Outputs) -> Option<(Shipped, usize)> {
        let (batch, topic_id) = self.accumulator.take(place)?;
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.assign(batch);
        }
        let (id, content) = (batch.id, batch.record_bytes());
        let partition = batch.partition.clone();
        match batch.encode(self.config.compression) {
            Ok(size) => {
                self.accumulator.observe_ratio(&partition.topic, size, content);
                Some((
                    Shipped {
                        partition,
                        topic_id,
                        batch: id,
                    },
                    size,
                ))
            }
            Err(error) => {
                self.fail(id, &SendError::Encoding(error.to_string()), None, out);
                None
            }
        }
    }
}

/// Bytes that a request usually takes at most besides its records, and each partition in it.
const ROOM: usize = 64;

/// Writes the request for a shipment.
fn put_produce(
    fields: &mut FieldWriter<'_>,
    version: i16,
    config: &ProducerConfig,
    batches: &Batches,
    shipment: &[Shipped],
) {
    let batch = |shipped: &Shipped| batches.get(&shipped.batch).and_then(|batch| batch.bytes.as_deref());
    let records: usize = shipment.iter().filter_map(batch).map(<[u8]>::len).sum();
    fields.reserve(records + ROOM * (1 + shipment.len()));
    // There are no transactions.
    fields.nullable_string(None);
    fields.i16(config.acks.code());
    fields.i32(i32::try_from(config.network.request_timeout.as_millis()).unwrap_or(i32::MAX));
    let topics = || shipment.chunk_by(|a, b| a.partition.topic == b.partition.topic);
    fields.count(topics().count());
    for topic in topics() {
        if version >= 13 {
            fields.uuid(topic[0].topic_id);
        } else {
            fields.nullable_string(Some(&topic[0].partition.topic));
        }
        fields.count(topic.len());
        for shipped in topic {
            fields.i32(shipped.partition.partition);
            fields.nullable_bytes(batch(shipped));
            fields.no_tags();
        }
        fields.no_tags();
    }
    fields.no_tags();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::{
        ProduceRequest,
        produce_request::{PartitionProduceData, TopicProduceData},
    };
    use kafka_sim_core::wire::{RequestHead, RequestKind, StrBytes, decode_request, write_request};

    use super::{super::batch::Batch, *};

    fn batch(id: u64, topic: &str, partition: i32, size: usize) -> (BatchId, Box<Batch>) {
        let partition = TopicPartition::new(topic, partition);
        let mut batch = Batch::new(BatchId(id), partition, 1, SimTime::ZERO);
        batch.bytes = Some(vec![7; size]);
        (batch.id, Box::new(batch))
    }

    /// The same request by way of the generated types.
    fn generated(version: i16) -> ProduceRequest {
        let topic = |name: &'static str, id: u128, partitions: &[(i32, usize)]| {
            let data = |&(index, size): &(i32, usize)| {
                PartitionProduceData::default()
                    .with_index(index)
                    .with_records(Some(Bytes::from(vec![7; size])))
            };
            let topic = match version {
                ..=12 => TopicProduceData::default().with_name(StrBytes::from_static_str(name).into()),
                _ => TopicProduceData::default().with_topic_id(Uuid::from_u128(id)),
            };
            topic.with_partition_data(partitions.iter().map(data).collect())
        };
        ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic("a", 1, &[(0, 100), (3, 20_000)]), topic("b", 2, &[(1, 1)])])
    }

    #[test]
    fn every_version_says_what_was_meant() {
        let config = ProducerConfig::java();
        let batches = [batch(1, "a", 0, 100), batch(2, "a", 3, 20_000), batch(3, "b", 1, 1)];
        let batches: Batches = batches.into_iter().collect();
        let shipped = |batch: &Batch| Shipped {
            partition: batch.partition.clone(),
            topic_id: Uuid::from_u128(if *batch.partition.topic == *"a" { 1 } else { 2 }),
            batch: batch.id,
        };
        let shipment: Vec<Shipped> = batches.values().map(|batch| shipped(batch)).collect();
        for version in 3..=13 {
            let head = RequestHead {
                api_key: ApiKey::Produce,
                version,
                correlation_id: 5,
                client_id: None,
            };
            let mut frame = Vec::new();
            write_request(&head, &mut frame, |fields| {
                put_produce(fields, version, &config, &batches, &shipment);
            })
            .unwrap();
            let (head_read, body) = decode_request(Bytes::from(frame).slice(4..)).unwrap();
            assert_eq!(
                (head_read, body),
                (head, RequestKind::Produce(generated(version))),
                "{version}"
            );
        }
    }
}
