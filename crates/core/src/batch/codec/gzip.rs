//! gzip.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Failure, read_limited};

pub(super) fn compress(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail").into()
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    read_limited(MultiGzDecoder::new(compressed), limit)
}
