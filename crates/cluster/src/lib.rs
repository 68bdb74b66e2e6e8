//! The broker side of kafka-sim: network, disks, logs, replication and controller as one deterministic machine.
//!
//! [`Cluster`] is a plain state machine. Time is an argument, randomness comes from the seed, bytes go in and come out
//! as values, and no behaviour lives in whoever drives it.
//!
//! Without the feature `mutants` there are none:
#![cfg_attr(
    not(feature = "mutants"),
    doc = "```compile_fail\nuse kafka_sim_cluster::mutant::Mutant;\n```"
)]
#![deny(clippy::float_arithmetic)]

mod api;
mod broker;
mod cluster;
pub mod config;
pub mod controller;
pub mod disk;
pub mod event;
pub mod fault;
mod group;
pub mod invariant;
pub mod log;
pub mod mark;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod net;
pub mod peer;
pub mod trace;
pub mod view;

pub use api::versions::{Served, TABLE as SERVED_APIS};
pub use broker::CloseReason;
pub use cluster::{ClientFate, Cluster, ClusterConfig, Input, Output, Topic};
