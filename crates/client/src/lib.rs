//! Model Kafka clients: a producer, a consumer and a reader that are plain state machines.
//!
//! All follow Apache Kafka's Java client: the same configuration keys and defaults, the same batching, retries,
//! back-offs, metadata refreshes, sequence numbers, fetch sessions and group memberships. They do no I/O and read no clock: time is
//! an argument, randomness comes from seeded streams, and all they emit are connections to open and bytes to
//! carry. Whoever drives them (a simulator, a test, a real socket) moves those bytes.
//!
//! ```
//! use kafka_sim_client::{ClientOutput, Producer, ProducerConfig, ProducerRecord};
//! use kafka_sim_core::{Seed, SimTime};
//!
//! let config = ProducerConfig::java().set("acks", "all")?.set("linger.ms", "0")?;
//! let mut producer = Producer::new(config, vec![("broker-1".into(), 9092)], Seed(7), 0)?;
//! let mut out = Vec::new();
//! producer.send(SimTime::ZERO, ProducerRecord::new("orders", 1).value("hello"), &mut out);
//! assert!(matches!(out[0], ClientOutput::Connect { port: 9092, .. }));
//! # Ok::<(), kafka_sim_core::ConfigError>(())
//! ```
//!
//! A [`Consumer`] is a member of a group, classic or by KIP-848, and commits positions; a [`Reader`] reads what it is
//! told to and knows no groups.
//!
//! What is not modelled: transactions, SASL and TLS, custom partitioners and assignors, interceptors, racks in
//! assignments.
#![deny(missing_docs, unreachable_pub, clippy::float_arithmetic)]

mod backoff;
mod config;
mod consumer;
mod io;
mod keys;
mod network;
mod producer;
mod reader;
#[cfg(test)]
mod testing;

pub use config::{
    Acks, Assignor, ConsumerConfig, GroupProtocol, IsolationLevel, NetworkConfig, OffsetReset, ProducerConfig,
    ReaderConfig,
};
pub use consumer::{Consumer, ConsumerError, ConsumerOutcome, ConsumerRecord, GroupState, Repositioning};
pub use io::{ClientInput, ClientOutput};
pub use network::TopicPattern;
pub use producer::{Header, Producer, ProducerRecord, SendError, SendOutcome, SendResult};
pub use reader::{ReadError, ReadRecord, Reader, ReaderOutcome, StartAt};
