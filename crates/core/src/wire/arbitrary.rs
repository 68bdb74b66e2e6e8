//! Messages with something in every field, for tests: the generated decoders read from a buffer that makes up what they ask for.

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use kafka_protocol::protocol::buf::{ByteBuf, NotEnoughBytesError};

use super::dispatch::{request_from, response_from, with_all_apis};
use super::supported_versions;
use super::topic_ids::version_by_name;
use crate::SimRng;

/// A buffer without end whose lengths are small and whose text is text.
struct MadeUp<'a> {
    rng: &'a mut SimRng,
    with_nulls: bool,
}

impl MadeUp<'_> {
    /// 1 to 3, or sometimes 0, which is null where a length is compact.
    fn small(&mut self) -> u64 {
        if self.with_nulls && self.rng.chance(1, 12) {
            0
        } else {
            self.rng.between(1, 3)
        }
    }
}

impl Buf for MadeUp<'_> {
    fn remaining(&self) -> usize {
        usize::MAX / 2
    }

    fn chunk(&self) -> &[u8] {
        panic!("a method of the buffer is not made up")
    }

    fn advance(&mut self, _count: usize) {}

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        Ok(self.small() as u8)
    }

    fn try_get_i8(&mut self) -> Result<i8, TryGetError> {
        Ok(self.small() as i8)
    }

    fn try_get_u16(&mut self) -> Result<u16, TryGetError> {
        Ok(self.rng.next_u32() as u16)
    }

    fn try_get_i16(&mut self) -> Result<i16, TryGetError> {
        Ok(self.small() as i16 - 1)
    }

    fn try_get_u32(&mut self) -> Result<u32, TryGetError> {
        Ok(self.rng.next_u32())
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        Ok(self.small() as i32 - 1)
    }

    fn try_get_i64(&mut self) -> Result<i64, TryGetError> {
        Ok(self.rng.next_u64() as i64)
    }

    fn try_get_f64(&mut self) -> Result<f64, TryGetError> {
        Ok(1.5)
    }

    fn try_copy_to_slice(&mut self, target: &mut [u8]) -> Result<(), TryGetError> {
        target.fill_with(|| self.rng.next_u32() as u8);
        Ok(())
    }
}

impl ByteBuf for MadeUp<'_> {
    fn peek_bytes(&mut self, _range: Range<usize>) -> Bytes {
        panic!("a method of the buffer is not made up")
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        (0..size).map(|_| b'a' + self.rng.below(26) as u8).collect()
    }

    fn try_get_bytes(&mut self, size: usize) -> Result<Bytes, NotEnoughBytesError> {
        Ok(self.get_bytes(size))
    }
}

/// A request with something in every field.
pub(super) fn request(api_key: ApiKey, version: i16, rng: &mut SimRng) -> RequestKind {
    made_up(rng, |buf| {
        request_from(api_key, version_by_name(api_key, version), buf).ok()
    })
}

/// A response with something in every field.
pub(super) fn response(api_key: ApiKey, version: i16, rng: &mut SimRng) -> ResponseKind {
    made_up(rng, |buf| {
        response_from(api_key, version_by_name(api_key, version), buf).ok()
    })
}

/// Nulls make a decoder fail where none is allowed, so they are given up after some attempts. Some tags are not allowed
/// either.
fn made_up<T>(rng: &mut SimRng, decode: impl Fn(&mut MadeUp<'_>) -> Option<T>) -> T {
    let attempt = |at| {
        decode(&mut MadeUp {
            rng: &mut *rng,
            with_nulls: at < 30,
        })
    };
    (0..300).find_map(attempt).expect("without nulls every message decodes")
}

/// Every API at every version.
pub(super) fn all_versions() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::iter().flat_map(|api_key| supported_versions(api_key).map(move |version| (api_key, version)))
}

macro_rules! define_defaults {
    ($($name:ident)*) => {
        /// A request in which every field has its default.
        pub(super) fn default_request(api_key: ApiKey) -> RequestKind {
            match api_key {
                $(ApiKey::$name => RequestKind::$name(Default::default()),)*
            }
        }

        /// A response in which every field has its default.
        pub(super) fn default_response(api_key: ApiKey) -> ResponseKind {
            match api_key {
                $(ApiKey::$name => ResponseKind::$name(Default::default()),)*
            }
        }

        /// Encodes a response whose type is not known.
        pub(super) fn encode_any_response(
            api_key: ApiKey,
            version: i16,
            correlation_id: i32,
            body: &ResponseKind,
        ) -> Result<Bytes, super::WireError> {
            match body {
                $(ResponseKind::$name(body) => super::encode_response(api_key, version, correlation_id, body),)*
                _ => unreachable!("every response is listed"),
            }
        }
    };
}
with_all_apis!(define_defaults);
