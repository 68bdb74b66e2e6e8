//! Snappy, bare or in the framing of the xerial library.
//!
//! The Java client writes the framing: a header, then blocks with their compressed size in front. librdkafka and others
//! may write one bare block. Readers take both.

use bytes::{Buf, BufMut, Bytes};
use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::Failure;

const MAGIC: &[u8] = b"\x82SNAPPY\0";
/// Magic, version and lowest compatible version.
const HEADER_SIZE: usize = 16;
/// What a block holds before compression.
const BLOCK_SIZE: usize = 32 * 1024;

pub(super) fn compress(plain: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(HEADER_SIZE + plain.len() / 2);
    out.put_slice(MAGIC);
    out.put_i32(1);
    out.put_i32(1);
    let mut encoder = Encoder::new();
    let mut block = vec![0u8; max_compress_len(plain.len().min(BLOCK_SIZE))];
    for chunk in plain.chunks(BLOCK_SIZE) {
        let size = encoder
            .compress(chunk, &mut block)
            .expect("the block has room for the worst case");
        out.put_i32(size as i32);
        out.put_slice(&block[..size]);
    }
    out.into()
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    if !compressed.starts_with(MAGIC) || compressed.len() < HEADER_SIZE {
        append_block(compressed, limit, &mut plain)?;
        return Ok(plain);
    }
    let mut rest = &compressed[HEADER_SIZE..];
    while !rest.is_empty() {
        let size = rest
            .try_get_i32()
            .map_err(|_| Failure::corrupt("the size of a block is cut off"))?;
        let block = usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size));
        let (block, after) = block.ok_or_else(|| Failure::corrupt("a block has an impossible size"))?;
        rest = after;
        append_block(block, limit, &mut plain)?;
    }
    Ok(plain)
}

/// The size a block announces is believed only as far as it keeps within the limit and within what its bytes could
/// possibly expand to.
fn append_block(block: &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<(), Failure> {
    /// A copy element of three bytes yields at most 64.
    const MOST_EXPANSION: usize = 64;
    let announced = decompress_len(block).map_err(Failure::corrupt)?;
    let start = plain.len();
    if announced > limit - start {
        return Err(Failure::TooLarge);
    }
    if announced > block.len().saturating_mul(MOST_EXPANSION) {
        return Err(Failure::corrupt("a block announces more than it can hold"));
    }
    plain.resize(start + announced, 0);
    let written = Decoder::new()
        .decompress(block, &mut plain[start..])
        .map_err(Failure::corrupt)?;
    plain.truncate(start + written);
    Ok(())
}
