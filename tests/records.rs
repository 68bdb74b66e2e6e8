//! Record batches as producers make them.

use bytes::Bytes;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, Codec, split_batches};

/// What wall clocks of simulated clusters show at the start.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// An uncompressed batch with one record of this value.
pub fn batch(value: &str) -> Bytes {
    batch_of(BatchOptions::default(), &[value])
}

/// A batch with a record for each value.
pub fn batch_of(options: BatchOptions, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for value in values {
        builder.append(EPOCH_MS, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build().expect("no codec fails on bytes in memory")
}

/// A batch of `count` records of an idempotent producer, from sequence number `base_sequence` on.
pub fn idempotent(producer_id: i64, producer_epoch: i16, base_sequence: i32, count: usize) -> Bytes {
    let options = BatchOptions {
        codec: Codec::None,
        producer_id,
        producer_epoch,
        base_sequence,
        ..BatchOptions::default()
    };
    batch_of(options, &vec!["value"; count])
}

/// Offset and value of each record in what a broker returned.
///
/// # Panics
/// If the bytes are not whole, intact batches.
pub fn values(records: Option<&Bytes>) -> Vec<(i64, String)> {
    let bytes = records.cloned().unwrap_or_default();
    let batches = split_batches(&bytes).map(|batch| batch.expect("brokers return intact batches"));
    batches
        .flat_map(|batch| batch.records(1 << 20).expect("brokers return readable records"))
        .map(|record| {
            let value = record.value.expect("the tests write no tombstones");
            (
                record.offset,
                String::from_utf8(value.to_vec()).expect("the tests write text"),
            )
        })
        .collect()
}
