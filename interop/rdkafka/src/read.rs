//! Reading numbered messages back by assignment and comparing them with what was sent.

use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message as _, Offset, TopicPartitionList};

/// What a reader found, compared with the messages `0..sent`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// Records read.
    pub read: u64,
    /// Numbers that no partition holds.
    pub missing: Vec<u64>,
    /// Numbers that were read again, or in the wrong partition.
    pub unexpected: Vec<u64>,
    /// Numbers that came after a higher one of their partition.
    pub out_of_order: Vec<u64>,
}

impl Findings {
    /// Compares what each partition holds, in the order it was read, with the messages `0..sent`.
    pub fn of(partitions: &[Vec<u64>], sent: u64) -> Findings {
        let mut findings = Findings::default();
        let mut seen = vec![false; usize::try_from(sent).expect("runs here fit into memory")];
        for (partition, numbers) in partitions.iter().enumerate() {
            let mut highest = None;
            for &number in numbers {
                findings.read += 1;
                let here = number % partitions.len() as u64 == partition as u64;
                match seen.get_mut(number as usize) {
                    Some(seen) if here && !*seen => *seen = true,
                    _ => findings.unexpected.push(number),
                }
                if highest.is_some_and(|highest| number < highest) {
                    findings.out_of_order.push(number);
                }
                highest = highest.max(Some(number));
            }
        }
        findings.missing = (0..sent).filter(|number| !seen[*number as usize]).collect();
        findings
    }

    /// Whether every message is there once and in order.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.out_of_order.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |numbers: &[u64]| {
            numbers
                .iter()
                .take(5)
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        write!(
            f,
            "{} read; {} missing ({}); {} unexpected ({}); {} out of order ({})",
            self.read,
            self.missing.len(),
            some(&self.missing),
            self.unexpected.len(),
            some(&self.unexpected),
            self.out_of_order.len(),
            some(&self.out_of_order)
        )
    }
}

/// Reads every partition from its beginning to the end it has now, by assignment, within `bound`.
///
/// Blocks; call it from `spawn_blocking` inside a runtime that also serves the brokers.
///
/// # Errors
///
/// What librdkafka says when metadata or watermarks cannot be had. Errors of single polls are waited out, because
/// brokers may be restarting.
pub fn read_back(bootstrap: &str, topic: &str, partitions: i32, sent: u64, bound: Duration) -> KafkaResult<Findings> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        // An assignment needs no group; librdkafka asks for a name all the same.
        .set("group.id", "by-assignment")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "50")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .create()?;
    let deadline = Instant::now() + bound;
    let mut ends = Vec::new();
    for partition in 0..partitions {
        ends.push(end_of(&consumer, topic, partition, deadline)?);
    }
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let mut contents = vec![Vec::new(); ends.len()];
    let mut next = vec![0_i64; ends.len()];
    while next.iter().zip(&ends).any(|(next, end)| next < end) && Instant::now() < deadline {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let partition = usize::try_from(message.partition()).expect("partitions are counted from 0");
        let number = message
            .payload_view::<str>()
            .and_then(Result::ok)
            .and_then(|text| text.parse().ok());
        contents[partition].push(number.expect("values are decimal numbers"));
        next[partition] = message.offset() + 1;
    }
    Ok(Findings::of(&contents, sent))
}

fn end_of(consumer: &BaseConsumer, topic: &str, partition: i32, deadline: Instant) -> KafkaResult<i64> {
    loop {
        match consumer.fetch_watermarks(topic, partition, Duration::from_secs(5)) {
            Ok((_, end)) => return Ok(end),
            Err(KafkaError::MetadataFetch(_)) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(error),
        }
    }
}
