//! What the librdkafka tests share: numbered messages, a producer that keeps every promise it can, members of groups,
//! and a judge that says exactly what is missing, doubled or out of order.
//!
//! Message `n` of a run goes to partition `n % partitions` with the decimal number as its value, so the whole content
//! of every partition is known in advance.

mod member;
mod read;
mod write;

pub use member::{Course, Member};
pub use read::{Findings, read_back};
pub use write::{Delivered, producer, send_range};

/// How many messages a run of full size has.
pub const FULL_SIZE: u64 = 100_000;

#[cfg(test)]
mod tests;
