//! The librdkafka measure: the producer most of the world runs, with its default batching.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientContext, util::Timeout};

use crate::Outcome;
use crate::raw::VALUE_SIZE;

/// Counts delivery reports.
#[derive(Clone, Default)]
struct Reports {
    delivered: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Produces `messages` messages and returns acknowledged messages per second, from the first send to the last
/// report. Connecting and the first metadata are outside of the clock: they cost librdkafka half a second of its
/// own with any server.
pub(crate) fn produce(bootstrap: &str, topic: &str, messages: usize) -> Outcome<f64> {
    const WARM_UP: usize = 10_000;
    let reports = Reports::default();
    let producer: BaseProducer<Reports> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", (messages + WARM_UP + 1).to_string())
        .set("queue.buffering.max.kbytes", "2097151")
        .create_with_context(reports.clone())?;
    send_all(&producer, topic, WARM_UP)?;
    producer.flush(Timeout::After(Duration::from_secs(30)))?;
    let started = Instant::now();
    send_all(&producer, topic, messages)?;
    let deadline = started + Duration::from_secs(120);
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(Duration::from_millis(10));
    }
    let seconds = started.elapsed().as_secs_f64();
    let delivered = reports.delivered.load(Ordering::Relaxed);
    let failed = reports.failed.load(Ordering::Relaxed);
    if delivered != messages + WARM_UP {
        return Err(format!(
            "{delivered} of {} messages were acknowledged, {failed} failed",
            messages + WARM_UP
        )
        .into());
    }
    Ok(messages as f64 / seconds)
}

fn send_all(producer: &BaseProducer<Reports>, topic: &str, messages: usize) -> Outcome<()> {
    let value = [b'v'; VALUE_SIZE];
    for sent in 0..messages {
        let mut record = BaseRecord::<(), [u8; VALUE_SIZE]>::to(topic).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(1));
            record = back;
        }
        // Reports are served now and then, as an application's loop would.
        if sent % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(())
}
