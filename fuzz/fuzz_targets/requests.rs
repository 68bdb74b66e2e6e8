//! Any bytes as a request frame: refused or decoded, never a panic; what was decoded survives a round trip.
#![no_main]

use bytes::Bytes;
use kafka_sim_core::wire::{decode_request, encode_request, peek_head};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let raw = peek_head(data);
    let Ok((head, body)) = decode_request(Bytes::copy_from_slice(data)) else {
        return;
    };
    let raw = raw.expect("a frame that decodes has a head");
    assert_eq!((raw.api_key, raw.version), (head.api_key as i16, head.version));
    // A request can hold what its version has no field for only by a bug of ours, so encoding it must work.
    let frame = encode_request(&head, &body).expect("what was decoded can be encoded");
    let (again_head, again_body) = decode_request(frame.slice(4..)).expect("what was encoded can be decoded");
    assert_eq!((again_head.api_key, again_head.version), (head.api_key, head.version));
    assert_eq!(format!("{again_body:?}"), format!("{body:?}"));
});
