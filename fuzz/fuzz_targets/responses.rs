//! Any bytes as the answer to a request of any kind: the model clients decode them under the same guard.
#![no_main]

use bytes::Bytes;
use kafka_sim_core::wire::{ApiKey, decode_response, supported_versions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([key, version], frame)) = data.split_first_chunk::<2>() else {
        return;
    };
    let Ok(key) = ApiKey::try_from(i16::from(*key)) else {
        return;
    };
    let known = supported_versions(key).contains(&i16::from(*version));
    let answer = decode_response(key, i16::from(*version), Bytes::copy_from_slice(frame));
    assert!(
        known || answer.is_err(),
        "{key:?} version {version} was decoded without being supported"
    );
});
