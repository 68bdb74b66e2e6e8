//! Record batches of format version 2, the only one brokers store since Kafka 4.0.
//!
//! A [`Batch`] is a header beside the shared bytes it came from: cutting a produce request into batches, stamping offsets,
//! keeping three replicas and serving fetches never copies records. Nothing a batch claims about itself is believed
//! beyond the bytes it has.

mod builder;
mod codec;
mod error;
mod header;
mod iter;
mod record;
mod rewrite;
mod shared;
mod validate;
mod varint;

#[cfg(all(test, feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
mod codec_tests;
#[cfg(test)]
mod tests;

pub use builder::{BatchBuilder, BatchOptions, RecordHeader, batch_size_upper_bound, record_size_upper_bound};
pub use codec::{Codec, compress, decompress};
pub use error::BatchError;
pub use header::{BatchHeader, HEADER_SIZE, TimestampType};
pub use iter::{BatchIter, split_batches};
pub use record::{Record, RecordIter, RecordView};
pub use shared::{Batch, HEAD_SIZE};
pub use validate::{RecordSummary, validate_records};

/// `producer_id` of a batch whose producer is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// `producer_epoch` of a batch whose producer is not idempotent.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// `base_sequence` of a batch whose producer is not idempotent, and of control batches.
pub const NO_SEQUENCE: i32 = -1;
/// Timestamp of a record or batch that has none.
pub const NO_TIMESTAMP: i64 = -1;
/// `leader_epoch` of a batch no leader has stamped.
pub const NO_LEADER_EPOCH: i32 = -1;
