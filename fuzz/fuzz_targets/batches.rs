//! Any bytes as the records of a Produce request. Parsing goes on behind a wrong checksum, as a hostile client would
//! send a right one.
#![no_main]

use bytes::Bytes;
use kafka_sim_core::batch::{Batch, BatchHeader, Codec, split_batches, validate_records};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let _ = BatchHeader::parse(data);
    let mut batches = split_batches(&bytes);
    let mut total = 0;
    while let Some(Ok(batch)) = batches.next() {
        total += batch.size();
        look_inside(batch);
    }
    assert!(total <= bytes.len() && batches.consumed() + batches.rest() == bytes.len());
});

fn look_inside(mut batch: Batch) {
    let crc_was_good = batch.check_crc();
    batch.stamp(1_000, 7);
    assert_eq!(
        batch.check_crc(),
        crc_was_good,
        "the checksum does not cover what a leader stamps"
    );
    let stamped = Batch::parse_one(&batch.to_bytes(), 0).expect("a stamped batch parses");
    assert_eq!((stamped.header.base_offset, stamped.header.leader_epoch), (1_000, 7));
    let Ok(records) = batch.records(LIMIT) else { return };
    assert_eq!(
        records.len(),
        usize::try_from(batch.header.record_count).expect("not negative when it parses")
    );
    let summary = validate_records(&batch, LIMIT, |_| {}).expect("records that parse can be summed up");
    assert_eq!(summary.count, batch.header.record_count);
    if let Ok(rewritten) = batch.recompressed(Codec::None, LIMIT) {
        assert!(rewritten.check_crc());
        let again = rewritten.records(LIMIT).expect("a rewritten batch parses");
        assert_eq!(format!("{again:?}"), format!("{records:?}"));
    }
}
