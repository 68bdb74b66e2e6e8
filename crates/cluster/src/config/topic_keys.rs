//! Topic keys with Kafka 4.2's types, ranges, defaults and broker synonyms (LogConfig, ServerTopicConfigSynonyms).
//!
//! Divergence: `segment.bytes` may be as small as 14 bytes (Kafka 4.x: 1 MiB), as `internal.segment.bytes` may in
//! Kafka, so that tests can roll segments.

use super::key::{INT_MAX, MAX, MIN, TopicKeyDef, choice, flag, int, list, long, ratio, throttled, topic};

/// Every topic key, by name.
pub(super) const TOPIC_KEYS: &[TopicKeyDef] = &[
    topic(
        list("cleanup.policy", &["compact", "delete"], "delete"),
        &["log.cleanup.policy"],
    ),
    topic(int("compression.gzip.level", -1, 9, "-1"), &["compression.gzip.level"]),
    topic(int("compression.lz4.level", 1, 17, "9"), &["compression.lz4.level"]),
    topic(
        choice(
            "compression.type",
            &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
            "producer",
        ),
        &["compression.type"],
    ),
    topic(
        int("compression.zstd.level", -131_072, 22, "3"),
        &["compression.zstd.level"],
    ),
    topic(
        long("delete.retention.ms", 0, MAX, "86400000"),
        &["log.cleaner.delete.retention.ms"],
    ),
    topic(
        long("file.delete.delay.ms", 0, MAX, "60000"),
        &["log.segment.delete.delay.ms"],
    ),
    topic(
        long("flush.messages", 1, MAX, "9223372036854775807"),
        &["log.flush.interval.messages"],
    ),
    topic(
        long("flush.ms", 0, MAX, "9223372036854775807"),
        &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
    ),
    topic(throttled("follower.replication.throttled.replicas"), &[]),
    topic(
        int("index.interval.bytes", 0, INT_MAX, "4096"),
        &["log.index.interval.bytes"],
    ),
    topic(int("internal.segment.bytes", 14, INT_MAX, "").unset(), &[]),
    topic(throttled("leader.replication.throttled.replicas"), &[]),
    topic(
        long("local.retention.bytes", -2, MAX, "-2"),
        &["log.local.retention.bytes"],
    ),
    topic(long("local.retention.ms", -2, MAX, "-2"), &["log.local.retention.ms"]),
    topic(
        long("max.compaction.lag.ms", 1, MAX, "9223372036854775807"),
        &["log.cleaner.max.compaction.lag.ms"],
    ),
    topic(
        int("max.decompressed.message.bytes", 1, 2_147_483_639, "2147483639"),
        &["max.decompressed.message.bytes"],
    ),
    topic(int("max.message.bytes", 0, INT_MAX, "1048588"), &["message.max.bytes"]),
    topic(
        long("message.timestamp.after.max.ms", 0, MAX, "3600000"),
        &["log.message.timestamp.after.max.ms"],
    ),
    topic(
        long("message.timestamp.before.max.ms", 0, MAX, "9223372036854775807"),
        &["log.message.timestamp.before.max.ms"],
    ),
    topic(
        choice("message.timestamp.type", &["CreateTime", "LogAppendTime"], "CreateTime"),
        &["log.message.timestamp.type"],
    ),
    topic(
        ratio("min.cleanable.dirty.ratio", "0.5"),
        &["log.cleaner.min.cleanable.ratio"],
    ),
    topic(
        long("min.compaction.lag.ms", 0, MAX, "0"),
        &["log.cleaner.min.compaction.lag.ms"],
    ),
    topic(int("min.insync.replicas", 1, INT_MAX, "1"), &["min.insync.replicas"]),
    topic(flag("preallocate", "false"), &["log.preallocate"]),
    topic(flag("remote.log.copy.disable", "false"), &[]),
    topic(flag("remote.log.delete.on.disable", "false"), &[]),
    topic(flag("remote.storage.enable", "false"), &[]),
    topic(long("retention.bytes", MIN, MAX, "-1"), &["log.retention.bytes"]),
    topic(
        long("retention.ms", -1, MAX, "604800000"),
        &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
    ),
    topic(int("segment.bytes", 14, INT_MAX, "1073741824"), &["log.segment.bytes"]),
    topic(
        int("segment.index.bytes", 4, INT_MAX, "10485760"),
        &["log.index.size.max.bytes"],
    ),
    topic(
        long("segment.jitter.ms", 0, MAX, "0"),
        &["log.roll.jitter.ms", "log.roll.jitter.hours"],
    ),
    topic(
        long("segment.ms", 1, MAX, "604800000"),
        &["log.roll.ms", "log.roll.hours"],
    ),
    topic(
        flag("unclean.leader.election.enable", "false"),
        &["unclean.leader.election.enable"],
    ),
];
