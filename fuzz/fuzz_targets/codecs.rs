//! Any bytes as compressed records: never more than the limit comes out, and what was compressed comes back.
#![no_main]

use kafka_sim_core::batch::{Codec, compress, decompress};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let Some((id, data)) = data.split_first() else { return };
    let Ok(codec) = Codec::from_id(id % 5) else { return };
    if let Ok(plain) = decompress(codec, data, LIMIT) {
        assert!(plain.len() <= LIMIT, "{codec:?} gave {} bytes", plain.len());
    }
    if data.len() <= LIMIT {
        let packed = compress(codec, data).expect("every codec is compiled in");
        assert_eq!(
            decompress(codec, &packed, LIMIT).expect("our own bytes decompress"),
            data
        );
    }
});
