//! A buffer that does not let a decoder believe lengths.
//!
//! The generated decoders reserve room for as many elements as an array claims to have before they read the first one:
//! four bytes can ask for a hundred gigabytes, and the failed reservation ends the process. They offer no limit, but they
//! read every length through one of two methods of the buffer:
//!
//! - `try_get_i32` for arrays and byte strings. Plain 32-bit fields come through it as well, so a big value cannot be
//!   refused. It is lowered to one more than the bytes that remain, which no honest length reaches, and the guard
//!   remembers that it lowered something.
//! - `try_get_u8` for each byte of a variable-length integer, which is only ever a length, a count or a tag. Before
//!   handing out a byte the guard reads ahead, and refuses the integer that would start there if it is too big.
//!
//! Divergence: booleans come through `try_get_u8` as well. Kafka takes any byte but 0 for true; here a boolean above 0x7f
//! that is followed by two more such bytes may be refused. No client writes anything but 0 and 1.
//!
//! Every array element takes at least one byte. So a lie about a length makes the decoder run out of bytes, and a decoder
//! that succeeds has seen only true lengths. If values were lowered on the way, the message is decoded once more without
//! lowering, now that its shape is known to be honest.
//!
//! In flexible versions (KIP-482) every length is a variable-length integer. There nothing is lowered, and one pass is enough.

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::buf::ByteBuf;

use super::WireError;

/// 32-bit values up to this pass as they are, even where fewer bytes remain. As a lie it costs a reservation of a few
/// megabytes that is never touched; in return the usual time-outs (30 000 ms) do not cost a second pass.
const HARMLESS_I32: usize = 1 << 15;

/// Variable-length integers of one or two bytes pass as they are: tags (vendors number theirs from 10 000) are not lengths.
pub(super) const HARMLESS_VARINT: usize = (1 << 14) - 1;

/// Whether all lengths in a message of that version, request or response, are variable-length integers.
pub(super) fn is_flexible(api_key: ApiKey, version: i16) -> bool {
    api_key.request_header_version(version) >= 2
}

/// Decodes untrusted `bytes` with `decode`, which is called a second time if the first pass had to alter values.
/// `flexible`: see [`is_flexible`].
pub(super) fn decode_guarded<T>(
    bytes: Bytes,
    flexible: bool,
    decode: impl Fn(&mut Guard) -> Result<T, WireError>,
) -> Result<T, WireError> {
    if flexible {
        return decode(&mut Guard {
            rest: bytes,
            lowers: false,
            lowered: false,
        });
    }
    let mut guard = Guard {
        rest: bytes.clone(),
        lowers: true,
        lowered: false,
    };
    let message = decode(&mut guard)?;
    if !guard.lowered {
        return Ok(message);
    }
    decode(&mut Guard {
        rest: bytes,
        lowers: false,
        lowered: false,
    })
}

/// The buffer handed to the generated decoders.
#[derive(Debug)]
pub(super) struct Guard {
    rest: Bytes,
    lowers: bool,
    lowered: bool,
}

impl Guard {
    /// The most a length may be at this point, before the length itself is read.
    fn limit(&self, harmless: usize) -> usize {
        (self.rest.len() + 1).max(harmless)
    }

    /// The variable-length integer that starts here, if it is longer than two bytes. Longer ones end after five.
    fn long_varint_ahead(&self) -> Option<u64> {
        let ahead = self.rest.as_ref();
        if ahead.len() < 3 || ahead[0] < 0x80 || ahead[1] < 0x80 {
            return None;
        }
        let mut value = 0u64;
        for (at, byte) in ahead.iter().take(5).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                break;
            }
        }
        Some(value)
    }
}

impl Buf for Guard {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        if let Some(value) = self.long_varint_ahead() {
            let limit = self.limit(HARMLESS_VARINT);
            if value > limit as u64 {
                return Err(TryGetError {
                    requested: value as usize,
                    available: limit,
                });
            }
        }
        self.rest.try_get_u8()
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let limit = self.limit(HARMLESS_I32);
        let value = self.rest.try_get_i32()?;
        if self.lowers && value > 0 && value as usize > limit {
            self.lowered = true;
            // The limit is below the value, so it fits.
            return Ok(limit as i32);
        }
        Ok(value)
    }
}

impl ByteBuf for Guard {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.rest.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.rest.split_to(size)
    }
}
