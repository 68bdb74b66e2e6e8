//! Values that say which message they are.
//!
//! A producer under test writes these values, and a reader recognises them, so that a history can
//! name messages without asking the cluster.
//!
//! Layout, big endian, 32 bytes and the padding: magic (4), id (8), producer (4), sequence (8),
//! checksum (8), padding. The checksum covers everything else, length included, so a torn or
//! zeroed value is never taken for a message. The padding is never zero for the same reason.
//!
//! ```
//! use kafka_sim_check::{payload, MessageId};
//!
//! let value = payload::encode(MessageId(7), 2, 40, 100);
//! let found = payload::decode(&value).expect("this is one of ours");
//! assert_eq!((found.id, found.producer, found.sequence), (MessageId(7), 2, 40));
//! assert_eq!(payload::decode(b"someone else's bytes"), None);
//! ```

use crate::message::MessageId;

/// The number of bytes of a value without padding.
pub const HEADER_LEN: usize = 32;

const MAGIC: [u8; 4] = *b"kSm1";
const CHECKSUM_AT: usize = 24;

/// What a value says about its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload {
    /// The identity of the message.
    pub id: MessageId,
    /// The number of the producer that sent it.
    pub producer: u32,
    /// Its position among the messages of this producer to this partition, from 0.
    pub sequence: u64,
}

/// The value of a message: [`HEADER_LEN`] bytes, then `padding_len` bytes that differ from message
/// to message.
pub fn encode(id: MessageId, producer: u32, sequence: u64, padding_len: usize) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEADER_LEN + padding_len);
    value.extend_from_slice(&MAGIC);
    value.extend_from_slice(&id.0.to_be_bytes());
    value.extend_from_slice(&producer.to_be_bytes());
    value.extend_from_slice(&sequence.to_be_bytes());
    value.resize(HEADER_LEN + padding_len, 0);
    let pattern = padding_word(id).to_be_bytes();
    let (words, rest) = value[HEADER_LEN..].as_chunks_mut();
    words.fill(pattern);
    rest.copy_from_slice(&pattern[..rest.len()]);
    let checksum = checksum(&value);
    value[CHECKSUM_AT..HEADER_LEN].copy_from_slice(&checksum.to_be_bytes());
    value
}

/// What a value says about its message, or none if it is not, or no longer, one of ours.
pub fn decode(value: &[u8]) -> Option<Payload> {
    if value.get(..4)? != MAGIC {
        return None;
    }
    let id = u64::from_be_bytes(field(value, 4)?);
    let producer = u32::from_be_bytes(field(value, 12)?);
    let sequence = u64::from_be_bytes(field(value, 16)?);
    let stored = u64::from_be_bytes(field(value, CHECKSUM_AT)?);
    (stored == checksum(value)).then_some(Payload {
        id: MessageId(id),
        producer,
        sequence,
    })
}

fn field<const N: usize>(value: &[u8], at: usize) -> Option<[u8; N]> {
    value.get(at..at + N)?.try_into().ok()
}

/// Every byte is odd, hence none is zero.
fn padding_word(id: MessageId) -> u64 {
    mix(id.0) | 0x0101_0101_0101_0101
}

/// A checksum over all but its own eight bytes. Each step is a bijection of the running state, so
/// a change confined to one word is always noticed.
fn checksum(value: &[u8]) -> u64 {
    let (head, rest) = value.split_at(CHECKSUM_AT);
    let body = &rest[HEADER_LEN - CHECKSUM_AT..];
    let mut state = mix(value.len() as u64);
    for part in [head, body] {
        let (words, tail) = part.as_chunks::<8>();
        for word in words {
            state = step(state, u64::from_le_bytes(*word));
        }
        let last = tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        state = step(state, last);
    }
    mix(state)
}

fn step(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The finaliser of SplitMix64.
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_survives_the_round_trip() {
        for padding in 0..70 {
            let value = encode(MessageId(u64::MAX), u32::MAX, 3, padding);
            assert_eq!(value.len(), HEADER_LEN + padding);
            let expected = Payload {
                id: MessageId(u64::MAX),
                producer: u32::MAX,
                sequence: 3,
            };
            assert_eq!(decode(&value), Some(expected));
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let value = encode(MessageId(1), 2, 3, 41);
        for at in 0..value.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = value.clone();
                damaged[at] ^= change;
                assert_eq!(decode(&damaged), None, "byte {at}");
            }
        }
    }

    #[test]
    fn a_torn_or_zeroed_value_is_not_a_message() {
        let value = encode(MessageId(0), 0, 0, 64);
        for len in 0..value.len() {
            assert_eq!(decode(&value[..len]), None);
            let mut zeroed = value.clone();
            zeroed[len..].fill(0);
            assert_eq!(decode(&zeroed), None, "zeroed from {len}");
        }
    }
}
