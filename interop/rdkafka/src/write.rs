//! Producing numbered messages.

use std::ops::Range;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};

/// What became of a range of messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivered {
    /// Numbers of the messages that were acknowledged.
    pub acknowledged: Vec<u64>,
    /// Numbers of the messages that were not, with the client's reason.
    pub failed: Vec<(u64, String)>,
}

/// A producer with acks=all and idempotence, changed by `overrides`.
///
/// # Errors
///
/// What librdkafka says about an unusable configuration.
pub fn producer(bootstrap: &str, overrides: &[(&str, &str)]) -> KafkaResult<FutureProducer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        // A dead leader is noticed by its closed connection; what has to be waited for is the next metadata.
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "200")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        .set("delivery.timeout.ms", "60000");
    for (key, value) in overrides {
        config.set(*key, *value);
    }
    config.create()
}

/// Sends the messages of `numbers` and waits for every report.
pub async fn send_range(producer: &FutureProducer, topic: &str, partitions: i32, numbers: Range<u64>) -> Delivered {
    let mut waiting = Vec::new();
    for number in numbers {
        let value = number.to_string();
        let partition = (number % partitions.unsigned_abs() as u64) as i32;
        loop {
            let record = FutureRecord::<(), str>::to(topic).partition(partition).payload(&value);
            match producer.send_result(record) {
                Ok(report) => break waiting.push((number, report)),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => panic!("message {number} could not be handed to the client: {error}"),
            }
        }
    }
    let mut delivered = Delivered::default();
    for (number, report) in waiting {
        match report.await {
            Ok(Ok(_)) => delivered.acknowledged.push(number),
            Ok(Err((error, _))) => delivered.failed.push((number, error.to_string())),
            Err(_) => delivered.failed.push((number, "the client went away".to_owned())),
        }
    }
    delivered
}
