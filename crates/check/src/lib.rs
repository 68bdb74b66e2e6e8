//! The judge of kafka-sim: it is told what clients saw and decides whether promises were kept.
//!
//! The crate depends on the standard library alone. It cannot look into a cluster, so it judges a
//! simulated run, a journal of real clients, and a history written by hand in the same way.
//!
//! 1. Record what clients saw in a [`History`]: sends, their outcomes, reads.
//! 2. Ask for a [`Verdict`] over some [`Promise`]s with [`judge`].
//! 3. Put the verdict and the stories of its violations in a [`Report`] and print it.
//!
//! ```
//! use kafka_sim_check::{judge, History, MessageId, Observation, Promise, Violation};
//! use std::sync::Arc;
//!
//! let orders: Arc<str> = "orders".into();
//! let mut history = History::new();
//! history.record(Observation::Sent {
//!     at: 1_000_000,
//!     producer: 0,
//!     message: MessageId(7),
//!     topic: orders.clone(),
//!     partition: Some(0),
//!     key: None,
//!     sequence: 0,
//!     business: None,
//!     resend_of: None,
//! });
//! history.record(Observation::Acked { at: 3_000_000, message: MessageId(7), partition: 0, offset: Some(0) });
//! // The final reader goes from the start of the partition to its end and finds nothing.
//! history.record(Observation::EndOfRead {
//!     at: 9_000_000,
//!     reader: 0,
//!     topic: orders,
//!     partition: 0,
//!     log_start: 0,
//!     offset: 0,
//! });
//!
//! let verdict = judge(&history, &[Promise::AckedSurvives]);
//! assert!(matches!(verdict.violations(), [Violation::Lost { message: MessageId(7), .. }]));
//! ```
//!
//! # Words
//!
//! A send completes in one of Jepsen's three ways: *ok* ([`Observation::Acked`]), *fail*
//! ([`Observation::Refused`]: it certainly did not happen) or *info* ([`Observation::Unknown`]: it
//! may have happened). Sends without a response (`acks=0`) are acked without an offset.
//!
//! # What is missing
//!
//! Transactions and everything that needs them (precommitted reads, the cycles G0 and G1c), and
//! the bookkeeping of consumers (commits, processing). [`Observation`] is open for both.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod anomalies;
mod dangers;
pub mod gaps;
mod history;
mod judge;
mod message;
mod moment;
mod observation;
pub mod payload;
mod promise;
mod report;
#[cfg(test)]
mod script;
mod verdict;
mod violation;

pub use dangers::Dangers;
pub use history::{History, Message, Oddity, Outcome};
pub use judge::judge;
pub use message::{MessageId, key_of};
pub use moment::Moment;
pub use observation::{Completion, Observation};
pub use promise::Promise;
pub use report::{Cause, Explanation, Report, Setting, Stage};
pub use verdict::{Counts, Unclean, Verdict};
pub use violation::{PhantomKind, Place, Violation};
