//! What both ends of a Kafka connection know: virtual time, seeded randomness, wire frames and record batches.
//!
//! Nothing here performs I/O, reads a clock or asks the operating system for anything. Time and randomness are values
//! that enter through arguments, so everything built on this crate can be replayed byte for byte.
//!
//! ```
//! use std::time::Duration;
//! use kafka_sim_core::{Agenda, Seed, SimTime};
//!
//! let mut rng = Seed(7).stream("example", 0);
//! let mut agenda = Agenda::new();
//! agenda.push(SimTime::ZERO + rng.duration_between(Duration::ZERO, Duration::from_millis(5)), "fetch");
//!
//! let due = agenda.next_due().expect("one entry was pushed");
//! assert_eq!(agenda.pop_due(due), Some((due, "fetch")));
//! ```
#![deny(clippy::float_arithmetic)]

pub mod agenda;
pub mod batch;
pub mod error_code;
pub mod ids;
pub mod keys;
pub mod murmur2;
pub mod rng;
pub mod small_map;
pub mod time;
pub mod wire;

pub use agenda::{Agenda, AgendaKey};
pub use error_code::ErrorCode;
pub use ids::{BrokerId, ConnId, Offset, TopicPartition};
pub use keys::ConfigError;
pub use rng::{Seed, SimRng};
pub use small_map::SmallMap;
pub use time::{SimTime, WallClock, earlier};
