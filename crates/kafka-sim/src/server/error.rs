//! Why a server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kafka_sim_core::ConfigError;
use thiserror::Error;

/// A server that did not start. Nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The cluster cannot be configured that way.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A broker cannot listen on its address.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The journal cannot be written.
    #[error("cannot record to {}: {source}", path.display())]
    Record {
        /// The journal's file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no thread or no event loop for the cluster.
    #[error("cannot start the event loop: {0}")]
    Runtime(#[source] io::Error),
    /// The brokers did not come up, as happens with settings such as a heartbeat interval of hours.
    #[error("the brokers were not ready after {waited:?}:\n{state}")]
    NotReady {
        /// How long the start took so far.
        waited: Duration,
        /// The state of the cluster.
        state: String,
    },
}
