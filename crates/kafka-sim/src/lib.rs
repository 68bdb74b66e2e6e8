//! A Kafka cluster inside your test: real wire protocol, real replication, injected faults, virtual time.
//!
//! ```
//! use std::time::Duration;
//! use kafka_sim::{Fault, MarkKind, ProducerPlan, Promise, Role, Seed, Sim, Survivors, Topic};
//!
//! // The leader loses power right after its third acknowledgement, before it fetched anybody's attention.
//! let orders_0 = || MarkKind::ProduceAcked { topic: "orders".into(), partition: 0 };
//! let power_loss = Fault::PowerLoss { target: Role::leader_of("orders", 0), survivors: Survivors::None };
//! let run = Sim::new(Seed(1))
//!     .topic(Topic::named("orders").replicas(3).config("min.insync.replicas", "2"))
//!     .producer(ProducerPlan::to("orders").set("acks", "all")?)
//!     .faults(vec![power_loss.on_nth(3, orders_0()).healed_after(Duration::from_secs(5))])
//!     .run()?;
//! let report = run.check(&[Promise::AckedSurvives, Promise::NoDuplicates]);
//! assert!(report.is_clean(), "{report}");
//! # Ok::<(), kafka_sim::ConfigError>(())
//! ```

pub mod catalogue;
pub mod diagram;
mod dump;
mod explain;
pub mod journal;
pub mod search;
#[cfg(feature = "server")]
pub mod server;
pub mod sim;
#[cfg(feature = "proptest")]
pub mod strategy;

pub use dump::dump;
pub use kafka_sim_check as check;
pub use kafka_sim_check::{Promise, Report, Violation};
pub use kafka_sim_client::{ProducerConfig, ReaderConfig};
pub use kafka_sim_cluster as cluster;
pub use kafka_sim_cluster::disk::{DiskConfig, Survivors, WriteBack};
pub use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role, Schedule, ScheduledFault, Trigger};
pub use kafka_sim_cluster::mark::MarkKind;
pub use kafka_sim_cluster::{ClusterConfig, Topic};
pub use kafka_sim_core::keys::nearest;
pub use kafka_sim_core::{BrokerId, ConfigError, Seed, SimTime};
#[cfg(feature = "server")]
pub use server::{Server, ServerBuilder, StartError};
pub use sim::{Handling, ProducerPlan, Run, Sim, Spread};
