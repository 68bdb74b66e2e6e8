//! Compression of the records of a batch.
//!
//! All codecs are pure Rust. Bytes they write differ from those of the Java client, which any reader accepts; what they
//! read is whatever the formats allow. Nothing decompresses beyond the limit it is given.

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;

use bytes::Bytes;

use super::BatchError;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// gzip, one member or several.
    Gzip,
    /// Snappy; the Java client wraps its blocks in the framing of the xerial library.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard frames (KIP-110).
    Zstd,
}

impl Codec {
    /// Every codec, in the order of their ids.
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// The codec with this number in the attributes of a batch.
    ///
    /// # Errors
    /// [`BatchError::UnknownCodec`].
    pub fn from_id(id: u8) -> Result<Codec, BatchError> {
        Codec::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(BatchError::UnknownCodec(id))
    }

    /// Number in the attributes of a batch.
    pub const fn id(self) -> u8 {
        match self {
            Codec::None => 0,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
        }
    }

    /// The codec with this name in `compression.type`; `uncompressed` is a topic's word for `none`.
    pub fn from_name(name: &str) -> Option<Codec> {
        if name == "uncompressed" {
            return Some(Codec::None);
        }
        Codec::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Name in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Compresses `plain` with the default level of the codec.
///
/// # Errors
/// [`BatchError::CodecDisabled`].
pub fn compress(codec: Codec, plain: &[u8]) -> Result<Bytes, BatchError> {
    match codec {
        Codec::None => Ok(Bytes::copy_from_slice(plain)),
        #[cfg(feature = "gzip")]
        Codec::Gzip => Ok(gzip::compress(plain)),
        #[cfg(feature = "snappy")]
        Codec::Snappy => Ok(snappy::compress(plain)),
        #[cfg(feature = "lz4")]
        Codec::Lz4 => Ok(lz4::compress(plain)),
        #[cfg(feature = "zstd")]
        Codec::Zstd => Ok(zstd::compress(plain)),
        #[allow(
            unreachable_patterns,
            reason = "reachable only when a codec is left out of the build"
        )]
        codec => Err(BatchError::CodecDisabled(codec)),
    }
}

/// Decompresses to at most `limit` bytes.
///
/// # Errors
/// [`BatchError::CodecDisabled`], [`BatchError::Undecompressable`], or [`BatchError::TooLarge`].
pub fn decompress(codec: Codec, compressed: &[u8], limit: usize) -> Result<Bytes, BatchError> {
    let plain = match codec {
        Codec::None if compressed.len() > limit => Err(Failure::TooLarge),
        Codec::None => Ok(compressed.to_vec()),
        #[cfg(feature = "gzip")]
        Codec::Gzip => gzip::decompress(compressed, limit),
        #[cfg(feature = "snappy")]
        Codec::Snappy => snappy::decompress(compressed, limit),
        #[cfg(feature = "lz4")]
        Codec::Lz4 => lz4::decompress(compressed, limit),
        #[cfg(feature = "zstd")]
        Codec::Zstd => zstd::decompress(compressed, limit),
        #[allow(
            unreachable_patterns,
            reason = "reachable only when a codec is left out of the build"
        )]
        codec => return Err(BatchError::CodecDisabled(codec)),
    };
    plain.map(Bytes::from).map_err(|failure| match failure {
        Failure::TooLarge => BatchError::TooLarge { limit },
        Failure::Corrupt(reason) => BatchError::Undecompressable { codec, reason },
    })
}

/// Why decompression failed.
enum Failure {
    TooLarge,
    #[cfg_attr(
        not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
        allow(dead_code, reason = "no codec is left that could find corruption")
    )]
    Corrupt(String),
}

#[cfg(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
impl Failure {
    fn corrupt(reason: impl fmt::Display) -> Self {
        Failure::Corrupt(reason.to_string())
    }
}

/// Reads to the end, but not beyond `limit` bytes. Memory grows with what is read.
#[cfg(any(feature = "gzip", feature = "lz4"))]
fn read_limited(reader: impl std::io::Read, limit: usize) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let mut plain = Vec::new();
    reader
        .take((limit as u64).saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(Failure::corrupt)?;
    if plain.len() > limit {
        Err(Failure::TooLarge)
    } else {
        Ok(plain)
    }
}
