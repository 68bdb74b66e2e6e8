//! What can be wrong with a batch.

use thiserror::Error;

use super::Codec;
use crate::ErrorCode;

/// A batch that is not what it claims to be.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes end before the batch does. At the end of a fetch response or a log this is no error but a cut.
    #[error("the batch needs {needed} bytes and {available} are there")]
    Truncated {
        /// Bytes the batch has according to its length field, or that are needed to read that field.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The length field is below what a header needs.
    #[error("a batch cannot have the length {0}")]
    BadLength(i32),
    /// A format other than version 2.
    #[error("unsupported record format version {0}")]
    UnsupportedMagic(i8),
    /// Codec bits that stand for no codec.
    #[error("unknown compression codec {0}")]
    UnknownCodec(u8),
    /// A codec this build leaves out.
    #[error("the {0} codec is not part of this build")]
    CodecDisabled(Codec),
    /// Compressed bytes that do not decompress.
    #[error("cannot decompress {codec} data: {reason}")]
    Undecompressable {
        /// The codec.
        codec: Codec,
        /// What the decompressor complained about.
        reason: String,
    },
    /// The records decompress to more than allowed.
    #[error("the records decompress to more than {limit} bytes")]
    TooLarge {
        /// The most allowed, in bytes.
        limit: usize,
    },
    /// A record that does not parse.
    #[error("record {index}: {reason}")]
    BadRecord {
        /// Index of the record in its batch.
        index: i32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The count in the header is negative or does not match the records.
    #[error("the header counts {declared} records, which is not what the batch holds")]
    CountMismatch {
        /// Count in the header.
        declared: i32,
    },
}

impl BatchError {
    /// The code a broker answers when a producer sends such a batch.
    pub const fn error_code(&self) -> ErrorCode {
        match self {
            BatchError::UnsupportedMagic(_) => ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT,
            BatchError::CodecDisabled(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            BatchError::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            BatchError::BadRecord { .. } | BatchError::CountMismatch { .. } => ErrorCode::INVALID_RECORD,
            BatchError::Truncated { .. }
            | BatchError::BadLength(_)
            | BatchError::UnknownCodec(_)
            | BatchError::Undecompressable { .. } => ErrorCode::CORRUPT_MESSAGE,
        }
    }
}
