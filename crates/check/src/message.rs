//! What identifies a message.

use std::fmt;

/// The identity of one message, unique within a history.
///
/// An application that sends the same content again gives it a new id; what the two have in
/// common is said by `business` or `resend_of` of [`Observation::Sent`](crate::Observation::Sent).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", self.0)
    }
}

/// A number for a record key: the 64-bit FNV-1a hash of its bytes.
///
/// Histories keep this number instead of the bytes. Two keys that collide would be taken for one,
/// which with 64 bits does not happen by accident.
///
/// ```
/// use kafka_sim_check::key_of;
/// assert_eq!(key_of(b"customer-1"), key_of(b"customer-1"));
/// assert_ne!(key_of(b"customer-1"), key_of(b"customer-2"));
/// ```
pub fn key_of(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
