//! Repeating a recorded run.

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::view::View;
use kafka_sim_cluster::{Cluster, ClusterConfig};
use kafka_sim_core::SimTime;

use super::{End, Journal, JournalError, Step};

/// How far a replay goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// Through the whole journal.
    #[default]
    End,
    /// Through everything that happened at this instant or before.
    Time(SimTime),
    /// Through the entry that brings the number of events to this or more.
    Events(u64),
}

/// A repeated run.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// Instant of the last entry that was replayed.
    pub at: SimTime,
    /// How many entries were replayed.
    pub entries: usize,
    /// Hash of the trace.
    pub hash: u64,
    /// Everything that happened.
    pub events: Vec<(SimTime, Event)>,
    /// The cluster at the end.
    pub view: View,
    /// What the recording ended with, if the replay went as far as that.
    pub recorded: Option<End>,
}

impl ReplayOutcome {
    /// Whether the replay was the recorded run; `None` if it stopped early or the recording has no end.
    pub fn is_identical(&self) -> Option<bool> {
        let recorded = self.recorded?;
        Some(recorded.hash == self.hash && recorded.events == self.events.len() as u64)
    }
}

/// Repeats a recorded run.
///
/// # Errors
/// The journal describes a cluster that cannot be made.
pub fn replay(journal: &Journal, until: Until) -> Result<ReplayOutcome, JournalError> {
    let config = ClusterConfig {
        keep_events: true,
        ..ClusterConfig::try_from(&journal.setup)?
    };
    let mut cluster = Cluster::new(config, journal.seed)?;
    let mut outputs = Vec::new();
    let mut replayed = 0;
    for entry in &journal.entries {
        let stop = match until {
            Until::End => false,
            Until::Time(last) => entry.at > last,
            Until::Events(enough) => cluster.trace().count() >= enough,
        };
        if stop {
            break;
        }
        match &entry.step {
            Step::Input(input) => cluster.handle(entry.at, input.clone(), &mut outputs),
            Step::Advance => cluster.advance(entry.at, &mut outputs),
        }
        outputs.clear();
        replayed += 1;
    }
    Ok(ReplayOutcome {
        at: cluster.now(),
        entries: replayed,
        hash: cluster.trace().hash(),
        events: cluster.trace().events().to_vec(),
        view: cluster.view(),
        recorded: journal.end.filter(|_| replayed == journal.entries.len()),
    })
}
