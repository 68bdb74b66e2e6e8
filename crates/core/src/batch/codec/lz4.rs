//! LZ4 in its frame format, with independent blocks of 64 KiB as the Java client writes it.

use std::io::Write;

use bytes::Bytes;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::{Failure, read_limited};

pub(super) fn compress(plain: &[u8]) -> Bytes {
    let format = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(format, Vec::new());
    encoder.write_all(plain).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail").into()
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    read_limited(FrameDecoder::new(compressed), limit)
}
