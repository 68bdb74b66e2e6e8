//! Zstandard.

use bytes::{Buf, Bytes};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::Failure;

pub(super) fn compress(plain: &[u8]) -> Bytes {
    compress_to_vec(plain, CompressionLevel::Fastest).into()
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut rest = compressed;
    let mut plain = Vec::new();
    // A stream may consist of several frames, some of them without content.
    while !rest.is_empty() {
        append_frame(&mut rest, limit, &mut plain)?;
    }
    Ok(plain)
}

fn append_frame(rest: &mut &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<(), Failure> {
    // A fresh decoder for each frame: one that is used again reserves the window its frame announces.
    let mut decoder = FrameDecoder::new();
    match decoder.init(&mut *rest) {
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            rest.advance(rest.len().min(length as usize));
            return Ok(());
        }
        outcome => outcome.map_err(Failure::corrupt)?,
    }
    let room = limit - plain.len();
    let enough = BlockDecodingStrategy::UptoBytes(room.saturating_add(1));
    if !decoder.decode_blocks(&mut *rest, enough).map_err(Failure::corrupt)? {
        return Err(Failure::TooLarge);
    }
    let content = decoder.collect().unwrap_or_default();
    if content.len() > room {
        return Err(Failure::TooLarge);
    }
    plain.extend_from_slice(&content);
    Ok(())
}
