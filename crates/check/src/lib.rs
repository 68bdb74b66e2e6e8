//! The judge of kafka-sim: it is told what clients saw and decides whether promises were kept.
//!
//! The crate depends on the standard library alone. It cannot look into a cluster, so it judges a
//! simulated run, a journal of real clients, and a history written by hand in the same way.
//!
//! 1. Record what clients saw in a [`History`]: sends, their outcomes, reads, and what consumers of
//!    groups did with records.
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
//! # Around a real client
//!
//! Nothing here knows a simulator. A test of a real cluster records what its clients did and saw:
//! wrap the calls of the client, give every message an id (a [`payload`] carries it, a header does as
//! well), number producers and consumers, and take the clock of one process. Where several threads
//! record, put the history behind a lock and record within it what the client has returned.
//!
//! ```
//! use kafka_sim_check::{judge, Completion, History, MessageId, Observation, Promise, Violation};
//! use std::sync::{Arc, Mutex};
//! use std::time::Instant;
//!
//! /// What the wrappers of all clients share.
//! struct Recorder {
//!     start: Instant,
//!     history: Mutex<History>,
//! }
//!
//! impl Recorder {
//!     fn record(&self, observe: impl FnOnce(u64) -> Observation) {
//!         let mut history = self.history.lock().expect("no recorder panics");
//!         let at = self.start.elapsed().as_nanos() as u64;
//!         history.record(observe(at));
//!     }
//! }
//!
//! let recorder = Recorder { start: Instant::now(), history: Mutex::new(History::new()) };
//! let (topic, partition): (Arc<str>, i32) = ("orders".into(), 0);
//!
//! // Around `send`, before the call and when its outcome is known:
//! recorder.record(|at| Observation::Sent {
//!     at, producer: 0, message: MessageId(1), topic: topic.clone(), partition: None,
//!     key: None, sequence: 0, business: None, resend_of: None,
//! });
//! recorder.record(|at| Observation::Acked { at, message: MessageId(1), partition, offset: Some(0) });
//!
//! // Around the consumer: after `subscribe`, in `onPartitionsAssigned`, for each record of a poll,
//! // around `commitSync`, after the handler, and when the process ends.
//! recorder.record(|at| Observation::Joined { at, reader: 7, group: "billing".into() });
//! recorder.record(|at| Observation::Owned { at, reader: 7, topic: topic.clone(), partition });
//! recorder.record(|at| Observation::Read {
//!     at, reader: 7, topic: topic.clone(), partition, offset: 0, message: Some(MessageId(1)), leader_epoch: None,
//! });
//! recorder.record(|at| Observation::CommitSent { at, reader: 7, topic: topic.clone(), partition, offset: 1 });
//! recorder.record(|at| Observation::Committed {
//!     at, reader: 7, topic: topic.clone(), partition, offset: 1, completion: Completion::Ok,
//! });
//! // Here the handler should have been called, and `Processed` recorded.
//! recorder.record(|at| Observation::Died { at, reader: 7 });
//!
//! // When the test is over, and the group has had its time:
//! recorder.record(|at| Observation::GroupSettled { at, group: "billing".into(), caught_up: true });
//! let history = recorder.history.into_inner().expect("no recorder panics");
//! let verdict = judge(&history, &[Promise::EveryAckedProcessed, Promise::CommitNeverPassesProcessed]);
//! assert!(matches!(
//!     verdict.violations(),
//!     [Violation::Unprocessed { .. }, Violation::CommitAhead { unprocessed: 0, committed: 1, .. }],
//! ));
//! ```
//!
//! What is not recorded is not judged: without an [`Observation::EndOfRead`] nobody can say where a
//! message was lost, and a promise that finds nothing to judge is undecided, never kept.
//!
//! # What is missing
//!
//! Transactions and everything that needs them: precommitted reads, and the cycles G0 and G1c.

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
