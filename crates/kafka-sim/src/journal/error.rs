//! What can be wrong with a journal.

use std::io;
use std::path::PathBuf;

use kafka_sim_core::ConfigError;
use thiserror::Error;

/// A journal that cannot be read or replayed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A line is not what belongs there.
    #[error("line {line}: expected {expected}: {found}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
        /// What is wrong with what stands there.
        found: String,
    },
    /// Another version of kafka-sim wrote it.
    #[error("line 1: journal format {found}, expected format {expected}")]
    Format {
        /// Its format.
        found: u32,
        /// The format this version reads.
        expected: u32,
    },
    /// The header describes a cluster that cannot be made.
    #[error("line 1: {0}")]
    Config(#[from] ConfigError),
}
