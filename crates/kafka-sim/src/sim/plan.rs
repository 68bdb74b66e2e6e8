//! What the producing applications of a run do.

use std::time::Duration;

use kafka_sim_client::ProducerConfig;
use kafka_sim_core::ConfigError;

/// One producing application: its producer's settings, what it sends, and how it treats the outcome of a send.
#[derive(Clone, Debug)]
pub struct ProducerPlan {
    pub(crate) config: ProducerConfig,
    pub(crate) topic: String,
    pub(crate) records: u32,
    pub(crate) starts_after: Duration,
    pub(crate) every: Duration,
    pub(crate) value_bytes: usize,
    pub(crate) spread: Spread,
    pub(crate) handling: Handling,
}

/// How records are spread over partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// Every record names its partition, one after the other. What sequence numbers per partition need.
    RoundRobin,
    /// Every record names this partition.
    One(i32),
    /// Records have one of this many keys, and the partitioner decides.
    Keyed(u32),
    /// Records have one of this many keys, and every record names this partition all the same.
    KeyedIn {
        /// The partition.
        partition: i32,
        /// How many keys.
        keys: u32,
    },
    /// Records have no key, and the partitioner decides (KIP-794).
    Sticky,
}

/// What the application makes of the outcome of a send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    /// It takes note, and does nothing further.
    Note,
    /// It never looks, and believes that everything it handed over will arrive.
    Ignore,
    /// It hands over the same content again, as a new record, until it is acknowledged.
    SendAgain {
        /// Pause before that.
        after: Duration,
        /// How often at the most.
        at_most: u32,
    },
    /// The transactional outbox. The message is a row in the application's database, next to the business row it is
    /// about; a background job sends it and then marks it. Pending messages are sent again after a restart.
    ///
    /// A message counts as acknowledged once its business row is committed: that is what the caller is told, and what
    /// the outbox promises to deliver. All sends of a row are the same message.
    Outbox {
        /// Business row and message are one transaction. Otherwise they are two, one after the other.
        atomic: bool,
        /// When the job marks a message as sent.
        marking: Marking,
        /// Time between two looks of the job at the table.
        every: Duration,
    },
    /// What the producer gives up goes to a file on the local disk, and is sent again until it is acknowledged, also
    /// after a restart.
    ///
    /// A spilled message counts as acknowledged once it is in the file: that is what the caller is told.
    Spill {
        /// The caller is told only after an fsync of the file. Otherwise the file is never synced.
        fsync: bool,
        /// Time between two attempts to send what was spilled.
        every: Duration,
    },
}

/// When the job of an outbox marks a message as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marking {
    /// Once it is acknowledged. A job that dies in between sends it again.
    AfterAck,
    /// Before it is sent. A job that dies in between never sends it.
    BeforeSend,
}

impl Handling {
    /// Whether the application keeps messages on its own machine.
    pub(crate) fn keeps_messages(self) -> bool {
        matches!(self, Handling::Outbox { .. } | Handling::Spill { .. })
    }
}

impl ProducerPlan {
    /// 200 records to `topic`, one every 100 ms, each naming its partition in turn, with the Java client's defaults.
    pub fn to(topic: impl Into<String>) -> ProducerPlan {
        ProducerPlan {
            config: ProducerConfig::java(),
            topic: topic.into(),
            records: 200,
            starts_after: Duration::ZERO,
            every: Duration::from_millis(100),
            value_bytes: 100,
            spread: Spread::RoundRobin,
            handling: Handling::Note,
        }
    }

    /// Sets one of the Java producer's keys.
    ///
    /// # Errors
    /// A key that Kafka does not have (naming the nearest), or a value out of range.
    pub fn set(mut self, key: &str, value: &str) -> Result<ProducerPlan, ConfigError> {
        self.config = self.config.set(key, value)?;
        Ok(self)
    }

    /// Uses this configuration.
    #[must_use]
    pub fn config(self, config: ProducerConfig) -> ProducerPlan {
        ProducerPlan { config, ..self }
    }

    /// How many records.
    #[must_use]
    pub fn records(self, records: u32) -> ProducerPlan {
        ProducerPlan { records, ..self }
    }

    /// When the first record is sent, counted from the start of the workload.
    #[must_use]
    pub fn starts_after(self, starts_after: Duration) -> ProducerPlan {
        ProducerPlan { starts_after, ..self }
    }

    /// The time between two records; zero sends all of them at once.
    #[must_use]
    pub fn every(self, every: Duration) -> ProducerPlan {
        ProducerPlan { every, ..self }
    }

    /// Bytes of each value, at least 32.
    #[must_use]
    pub fn value_bytes(self, value_bytes: usize) -> ProducerPlan {
        ProducerPlan { value_bytes, ..self }
    }

    /// How records are spread over partitions.
    #[must_use]
    pub fn spread(self, spread: Spread) -> ProducerPlan {
        ProducerPlan { spread, ..self }
    }

    /// What the application makes of outcomes.
    #[must_use]
    pub fn handling(self, handling: Handling) -> ProducerPlan {
        ProducerPlan { handling, ..self }
    }

    /// When the last record is sent, counted from the start of the workload.
    pub(crate) fn last_send(&self) -> Duration {
        self.starts_after + self.every * self.records.saturating_sub(1)
    }
}

impl ProducerPlan {
    /// What explanations need to know.
    pub(crate) fn settings(&self) -> crate::explain::ProducerSettings {
        crate::explain::ProducerSettings {
            acks: self.config.acks.code(),
            idempotent: self.config.is_idempotent(),
            max_in_flight: self.config.max_in_flight,
            ignores_results: self.handling == Handling::Ignore,
            keeping: Some(self.handling).filter(|handling| handling.keeps_messages()),
        }
    }
}
