//! A run on paper: everything that came from outside and when, so that the run can be repeated byte for byte.
//!
//! The timing of real clients is not seeded, so two runs against a [`Server`](crate::Server) differ. What can be had is
//! the next best thing: record one run, and repeat that very run as often as needed, stop it anywhere and look inside.
//!
//! A journal is a text file with one JSON value per line: a header that says what the cluster was made of, then every
//! input with its instant in nanoseconds since the start, then an end with the hash of the run. Bytes are base64. A
//! journal whose process died has no end, and perhaps half a line where it was cut; it replays up to there.
//!
//! ```
//! use kafka_sim::journal::{Journal, Until, replay};
//! # use kafka_sim_cluster::{Cluster, ClusterConfig, Input};
//! # use kafka_sim_core::{Seed, SimTime};
//! # let config = ClusterConfig::real_time(1);
//! # let mut cluster = Cluster::new(config.clone(), Seed(7)).expect("one broker is a cluster");
//! # let mut file = Vec::new();
//! # let mut writer = kafka_sim::journal::JournalWriter::new(&mut file, &config, Seed(7)).expect("memory takes it");
//! # let mut out = Vec::new();
//! # writer.input(SimTime::from_millis(1), &Input::HealAll).expect("memory takes it");
//! # cluster.handle(SimTime::from_millis(1), Input::HealAll, &mut out);
//! # writer.finish(SimTime::from_millis(1), cluster.trace()).expect("memory takes it");
//! let journal = Journal::parse(&file)?;
//! let outcome = replay(&journal, Until::End)?;
//! assert_eq!(outcome.is_identical(), Some(true));
//! # Ok::<(), kafka_sim::journal::JournalError>(())
//! ```

mod error;
mod line;
mod read;
mod replay;
mod setup;
#[cfg(test)]
mod tests;
mod writer;

use kafka_sim_cluster::Input;
use kafka_sim_core::{Seed, SimTime};

pub use error::JournalError;
pub use replay::{ReplayOutcome, Until, replay};
pub use setup::Setup;
pub use writer::JournalWriter;

/// The format this version reads and writes.
const FORMAT: u32 = 1;

/// A recorded run.
#[derive(Clone, PartialEq, Debug)]
pub struct Journal {
    /// What the cluster was made of.
    pub setup: Setup,
    /// Where its randomness came from.
    pub seed: Seed,
    /// What happened, in order of time.
    pub entries: Vec<Entry>,
    /// How the run ended; `None` if the recording process did not come to an end.
    pub end: Option<End>,
}

/// One thing that happened to the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When.
    pub at: SimTime,
    /// What.
    pub step: Step,
}

/// What happened to the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something from outside.
    Input(Input),
    /// Time passed, and something was due.
    Advance,
}

/// The last line of a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// When the recording ended.
    pub at: SimTime,
    /// How many events there had been.
    pub events: u64,
    /// Hash of the trace.
    pub hash: u64,
}
