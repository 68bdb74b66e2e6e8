//! What a topic's configuration says about its logs.

use kafka_sim_core::batch::{Codec, TimestampType};

/// The settings of one log, named as Kafka's topic keys with underscores. Times are in milliseconds, sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// A segment that would grow past this is closed first. `segment.bytes`
    pub segment_bytes: u64,
    /// A segment is closed when message time has advanced this far since its first batch. `segment.ms`
    ///
    /// Divergence: `segment.jitter.ms` is taken to be 0, its default.
    pub segment_ms: i64,
    /// Size of an index file, which limits how many entries a segment may have. `segment.index.bytes`
    pub segment_index_bytes: u64,
    /// Bytes of data per index entry. `index.interval.bytes`
    pub index_interval_bytes: u64,
    /// Largest batch a client may append, after compression. `max.message.bytes`
    pub max_message_bytes: usize,
    /// Age by record timestamp beyond which segments go, −1 for never. `retention.ms`
    pub retention_ms: i64,
    /// Size beyond which the oldest segments go, −1 for never. `retention.bytes`
    pub retention_bytes: i64,
    /// fsync once this many records are unflushed. `flush.messages`
    pub flush_messages: u64,
    /// fsync what has been unflushed this long, whenever the flush scheduler looks. `flush.ms`
    pub flush_ms: u64,
    /// Who gives records their timestamps. `message.timestamp.type`
    pub timestamp_type: TimestampType,
    /// How far a record's timestamp may lie in the past. `message.timestamp.before.max.ms`
    pub timestamp_before_max_ms: i64,
    /// How far it may lie in the future. `message.timestamp.after.max.ms`
    pub timestamp_after_max_ms: i64,
    /// `cleanup.policy` has `delete`.
    pub cleanup_delete: bool,
    /// `cleanup.policy` has `compact`: records need keys, and the log is cleaned.
    pub cleanup_compact: bool,
    /// How long compaction keeps tombstones and transaction markers after it has met them. `delete.retention.ms`
    pub delete_retention_ms: i64,
    /// A log is cleaned when more of it is dirty, in millionths. `min.cleanable.dirty.ratio`
    pub min_cleanable_dirty_millionths: u64,
    /// Age by record timestamp that records have to reach before they are compacted. `min.compaction.lag.ms`
    pub min_compaction_lag_ms: i64,
    /// Age by record timestamp at which records are compacted whatever else is dirty; a segment of a compacted topic is
    /// also closed at this age. `max.compaction.lag.ms`
    pub max_compaction_lag_ms: i64,
    /// Codec of stored batches. `compression.type`
    pub compression: TopicCompression,
    /// How long an idle producer is remembered. `producer.id.expiration.ms`
    pub producer_id_expiration_ms: i64,
    /// How long a deleted segment keeps its space. `file.delete.delay.ms`
    pub file_delete_delay_ms: u64,
}

impl Default for LogConfig {
    /// The defaults of Kafka 4.x.
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            segment_index_bytes: 10_485_760,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            retention_ms: 604_800_000,
            retention_bytes: -1,
            flush_messages: i64::MAX as u64,
            flush_ms: i64::MAX as u64,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            cleanup_delete: true,
            cleanup_compact: false,
            delete_retention_ms: 86_400_000,
            min_cleanable_dirty_millionths: 500_000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            compression: TopicCompression::Producer,
            producer_id_expiration_ms: 86_400_000,
            file_delete_delay_ms: 60_000,
        }
    }
}

impl LogConfig {
    /// The age in message time at which a segment is closed.
    pub(super) fn max_segment_ms(&self) -> i64 {
        if self.cleanup_compact && self.max_compaction_lag_ms > 0 {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }
}

/// `compression.type` of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TopicCompression {
    /// Whatever the producer chose.
    #[default]
    Producer,
    /// This codec; batches of any other are rebuilt. `uncompressed` is [`Codec::None`].
    Codec(Codec),
}

impl TopicCompression {
    /// The setting of that name.
    pub fn from_name(name: &str) -> Option<TopicCompression> {
        match name {
            "producer" => Some(TopicCompression::Producer),
            "uncompressed" => Some(TopicCompression::Codec(Codec::None)),
            "none" => None,
            codec => Codec::from_name(codec).map(TopicCompression::Codec),
        }
    }

    /// The codec a batch is stored with that came with `sent`.
    pub(super) fn target(self, sent: Codec) -> Codec {
        match self {
            TopicCompression::Producer => sent,
            TopicCompression::Codec(codec) => codec,
        }
    }
}
